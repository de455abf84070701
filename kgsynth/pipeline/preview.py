"""Run all stages on a few documents in a graph of its own, and estimate from that what the whole run costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.config import Environment, Resolved
from kgsynth.documents.forgotten import alone
from kgsynth.documents.read import usable_documents
from kgsynth.errors import ConfigError
from kgsynth.files import temporary_folder, write_lines
from kgsynth.graph.server import ManagedServer
from kgsynth.pipeline import preflight
from kgsynth.pipeline.full_run import FullRun
from kgsynth.pipeline.showing import rows_of
from kgsynth.progress import Progress, Silent, progress_stage, with_progress
from kgsynth.records import StageCount
from kgsynth.rejects import RejectFile
from kgsynth.run_folder import RunFolder, find_runs
from kgsynth.settings import GraphSettings, RunConfig

GRAPH = "preview"
# Enough that concepts occur in several documents; a model reads far fewer.
_DOCUMENTS, _DOCUMENTS_BY_MODEL = 200, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a stage that asks a model took: units, rows kept, requests, tokens, seconds."""

    units: int
    kept: int
    requests: int
    prompt_tokens: int
    output_tokens: int
    seconds: float

    def times(self, factor: float) -> "Cost":
        """Return the cost of this many times the units, at the same rate."""
        names = ("units", "kept", "requests", "prompt_tokens", "output_tokens")
        return Cost(**{name: round(getattr(self, name) * factor) for name in names}, seconds=self.seconds * factor)


@dataclass(slots=True, kw_only=True)
class Preview:
    """Results of a preview: accounts, the first rows of each stage in order, costs by stage, and documents read."""

    accounts: list[StageCount] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    documents: int = 0


def preview(
    environment: Environment,
    resolved: Resolved,
    *,
    rows: int,
    counts_all: bool = False,
    report: Report = silent,
    progress: Progress | None = None,
) -> Preview:
    """Run the stages on the first documents, in a temporary folder and in a managed graph that is deleted at the end.

    The filter is left out, because a few documents say nothing about a domain.

    Args:
        environment: paths and connections; NEO4J_URI is not used.
        resolved: the configuration of the run.
        rows: number of combinations, of documents for levels 1 and 2, and of rows to return for each stage.
        counts_all: whether to read all documents, to count them.
        report: receives the account of each stage.
        progress: receives progress.

    Raises:
        ConfigError: the run ends with the filter, or lacks several things.
        KgsynthError: a stage failed.
    """
    if resolved.config.run.until == "filter":
        raise ConfigError("there is no preview of a filter", hint="Set run.until to another step.")
    environment = replace(environment, neo4j_uri="")
    small = replace(resolved, config=_small(resolved.config, rows))
    result = Preview()

    def note(count: StageCount) -> None:
        result.accounts.append(count)
        report(count)

    # Two previews at once would delete each other's graph.
    with alone(environment.graphs / GRAPH), temporary_folder(environment.home / GRAPH) as work_dir:
        preflight.refuse_what_is_missing(preflight.examine(environment, small.config, work_dir=work_dir))
        with _empty_graph(environment):
            _read(resolved.config, work_dir, result, note, progress, counts_all=counts_all)
            with FullRun(environment, small, work_dir=work_dir, report=note, progress=progress) as stages:
                stages.run_after_reading()
            _keep_rows(result, work_dir, rows)
    return result


def plan(config: RunConfig, seen: Preview) -> dict[str, Cost]:
    """Estimate the cost of each stage that asks a model, from a preview that counted all documents.

    Returns:
        Costs by stage. A stage without a request in the preview is left out.

    Raises:
        ConfigError: the configuration does not say how many combinations are drawn.
    """
    documents, generate = seen.documents, config.generate
    units = {"extract": documents}
    for level in (1, 2):
        units[f"level{level}"] = min(documents, generate.documents or documents)
    amounts = [amount for amount in (config.sample.combinations, generate.combinations) if amount is not None]
    if "level3" in seen.costs and not amounts:
        raise ConfigError(
            "the number of combinations is not set, so it is not known before all topics are",
            hint="Give it in [sample] or with --set sample.combinations=1000.",
        )
    units["level3"] = min(amounts, default=0)
    planned: dict[str, Cost] = {}
    for stage, cost in seen.costs.items():
        if not cost.units or not cost.requests:
            continue
        total = units.get(stage)
        if total is None:  # answers: as many as there will be questions
            total = sum(planned[name].kept for name in planned if name.startswith("level"))
        planned[stage] = cost.times(total / cost.units)
    return planned


def _small(config: RunConfig, rows: int) -> RunConfig:
    return replace(
        config,
        run=replace(config.run, filter=False),
        graph=GraphSettings(name=GRAPH),
        sample=replace(config.sample, combinations=rows, epochs=None, favour="", earlier=()),
        generate=replace(config.generate, combinations=rows, documents=rows, max_rejected_share=1.0),
        extract=replace(config.extract, max_rejected_share=1.0),
        answer=replace(config.answer, max_rejected_share=1.0),
        curate=replace(config.curate, max_rejected_share=1.0),
    )


@contextmanager
def _empty_graph(environment: Environment) -> Iterator[None]:
    server = ManagedServer(environment, GRAPH)
    server.reset()  # a preview that was killed leaves its graph
    try:
        yield
    finally:
        server.reset()


def _read(
    config: RunConfig,
    work_dir: Path,
    result: Preview,
    report: Report,
    progress: Progress | None,
    *,
    counts_all: bool,
) -> None:
    """Write the first documents to the folder of the run."""
    settings = replace(config.documents, max_rejected_share=1.0)
    limit = _DOCUMENTS_BY_MODEL if config.extract.method == "llm" and not settings.annotations else _DOCUMENTS
    count = StageCount(stage="read", unit="documents")
    bar = progress_stage(progress or Silent(), "read", None)
    with timed_stage(count, report), bar as shown, RejectFile(work_dir / "rejects-read.jsonl") as reject_file:
        documents = with_progress(usable_documents(settings, reject_file, count), shown)
        write_lines(work_dir / "documents.jsonl", (document.to_json() for document in islice(documents, limit)))
        if counts_all:
            for _ in documents:
                pass
    result.documents = count.kept


def _keep_rows(result: Preview, work_dir: Path, rows: int) -> None:
    for name, file in (("documents", "documents"), ("annotations", "annotations"), ("combinations", "combinations")):
        path = work_dir / f"{file}.jsonl"
        if path.is_file():
            result.rows[name] = list(islice(rows_of(path), rows))
    runs = {run.stage: run for run in find_runs(work_dir) if run.stage not in ("run", "filter")}
    for stage in ("extract", "level1", "level2", "level3", "answer", "curate"):
        if stage not in runs:
            continue
        result.rows[stage] = list(islice(runs[stage].rows(), rows))
        rejects = list(islice(runs[stage].rejects(), rows))
        if rejects:
            result.rows[f"rejects of {stage}"] = rejects
        if stage != "curate":
            result.costs[stage] = _cost(runs[stage])
    if (work_dir / "dataset").is_dir():
        result.rows["dataset"] = list(islice(_exported(work_dir / "dataset"), rows))


def _exported(folder: Path) -> Iterator[dict[str, Any]]:
    if any(folder.rglob("*.parquet")):
        yield from rows_of(folder)
        return
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _cost(run: RunFolder) -> Cost:
    counts = run.counted()
    return Cost(
        kept=counts["kept"],
        seconds=sum(float(session.get("seconds", 0)) for session in run.sessions()),
        **{name: counts["totals"].get(name, 0) for name in ("units", "requests", "prompt_tokens", "output_tokens")},
    )
