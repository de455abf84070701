"""Run all stages on a few documents in a graph of its own, and estimate from that what the whole run costs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.config import Environment, Resolved
from kgsynth.documents.forgotten import is_forgotten
from kgsynth.documents.read import read, usable_annotations, usable_documents
from kgsynth.errors import ConfigError, KgsynthError
from kgsynth.files import alone, temporary_folder, write_lines
from kgsynth.graph.server import ManagedServer
from kgsynth.pipeline import preflight
from kgsynth.pipeline.forgetting import forgotten_documents
from kgsynth.pipeline.full_run import FullRun
from kgsynth.pipeline.loading import IsKeptOut, not_forgotten
from kgsynth.pipeline.showing import rows_of
from kgsynth.progress import Progress, Silent, progress_stage, with_progress
from kgsynth.question_files import table_rows
from kgsynth.records import StageCount
from kgsynth.rejects import RejectFile
from kgsynth.run_folder import RunFolder, find_runs
from kgsynth.settings import UNTIL, FieldNames, GraphSettings, RunConfig

GRAPH = "preview"
# Stages whose share of kept rows determines the costs of a plan.
PLANNED = ("filter", "extract", "level1", "level2", "level3", "answer")
_HOME = ".preview"
# Enough that concepts occur in several documents; a model reads far fewer.
_DOCUMENTS, _LEAST_DOCUMENTS_BY_MODEL = 200, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a stage that asks a model took: units, rows kept and rejected, requests, tokens, seconds."""

    units: int
    kept: int
    rejected: int
    requests: int
    prompt_tokens: int
    output_tokens: int
    seconds: float

    def times(self, factor: float) -> "Cost":
        """Return the cost of this many times the units, at the same rate."""
        names = ("units", "kept", "rejected", "requests", "prompt_tokens", "output_tokens")
        return Cost(**{name: round(getattr(self, name) * factor) for name in names}, seconds=self.seconds * factor)


@dataclass(slots=True, kw_only=True)
class Preview:
    """Results of a preview: accounts, the first rows of each stage in order, costs by stage, and documents read."""

    accounts: list[StageCount] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    documents: int = 0
    notes: list[str] = field(default_factory=list)  # what was left out, and why
    error: KgsynthError | None = None  # why the stages did not come to their end


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

    The filter is left out, because a few documents say nothing about a domain. If `sample.start`, `sample.within` or
    `sample.favour` cannot be used on these documents, all three are left out, and a note says why.

    Args:
        environment: paths and connections; NEO4J_URI is not used.
        resolved: the configuration of the run.
        rows: number of combinations, of documents for levels 1 and 2, and of rows to return for each stage.
        counts_all: whether to read all documents, to count them.
        report: receives the account of each stage.
        progress: receives progress.

    Raises:
        ConfigError: the run ends with the filter, or lacks several things.
        KgsynthError: the documents cannot be read. An error of a later stage is in the result.
    """
    if resolved.config.run.until == "filter":
        raise ConfigError("there is no preview of a filter", hint="Set run.until to another step.")
    small = replace(resolved, config=_small(resolved.config, rows))
    forgotten = forgotten_documents(environment, resolved.config.graph)
    result = Preview()

    def note(count: StageCount) -> None:
        result.accounts.append(count)
        report(count)

    with _home(environment) as own:
        work_dir = own.home / "run"
        preflight.refuse_what_is_missing(preflight.examine(own, small.config, work_dir=work_dir))
        work_dir.mkdir()
        is_kept_out = partial(is_forgotten, documents=forgotten.documents)
        _read(resolved.config, work_dir, result, note, progress, is_kept_out, rows=rows, counts_all=counts_all)
        if small.config.documents.annotations:
            file = _annotations_of(small.config.documents.annotations, work_dir)
            documents = replace(small.config.documents, annotations=(str(file),))
            small = replace(small, config=replace(small.config, documents=documents))
        stages = _Stages(own, small, work_dir=work_dir, report=note, progress=progress)
        try:
            with stages:
                stages.run_after_reading()
        except KgsynthError as error:
            # What the model has written until then is worth seeing.
            result.error = error
        result.notes += stages.notes
        _keep_rows(result, work_dir, rows)
    return result


def plan(config: RunConfig, seen: Preview, kept_shares: Mapping[str, float] | None = None) -> dict[str, Cost]:
    """Estimate the cost of each stage that asks a model, from a preview that counted all documents.

    Args:
        config: the configuration.
        seen: the preview.
        kept_shares: shares of kept rows by stage, each one of `PLANNED`; a stage without one keeps the share of its
            rows that it keeps in the preview, and the filter keeps all documents.

    Returns:
        Costs by stage. A stage without a request in the preview is left out.

    Raises:
        ConfigError: the configuration does not say how many combinations are drawn, or a share is that of a stage that
            does not run.
    """
    kept_shares, generate = kept_shares or {}, config.generate
    stages = {"filter"} if config.run.filter else set()
    stages |= {stage for stage, cost in seen.costs.items() if cost.units and cost.requests}
    absent = sorted(kept_shares.keys() - stages)
    if absent:
        raise ConfigError(
            f"this run asks no model in {', '.join(absent)}",
            hint=f"Give a share of kept rows for one of {', '.join(sorted(stages)) or 'no stage'}.",
        )
    documents = round(seen.documents * kept_shares.get("filter", 1.0))
    units = {"extract": documents, "level3": combinations_of(config)}
    for level in (1, 2):
        units[f"level{level}"] = min(documents, generate.documents or documents)
    planned: dict[str, Cost] = {}
    for stage, cost in seen.costs.items():
        if stage not in stages:
            continue
        total = units.get(stage)
        if total is None:  # answers: as many as there will be questions
            total = sum(planned[name].kept for name in planned if name.startswith("level"))
        planned[stage] = cost.times(total / cost.units)
        if stage in kept_shares:
            rows = planned[stage].kept + planned[stage].rejected
            kept = round(rows * kept_shares[stage])
            planned[stage] = replace(planned[stage], kept=kept, rejected=rows - kept)
    return planned


def combinations_of(config: RunConfig) -> int:
    """Return how many combinations get questions; 0 if the run writes none of level 3.

    Raises:
        ConfigError: the configuration does not say how many.
    """
    if 3 not in config.generate.levels or UNTIL.index(config.run.until) < UNTIL.index("questions"):
        return 0
    amounts = [number for number in (config.sample.combinations, config.generate.combinations) if number is not None]
    if not amounts:
        raise ConfigError(
            "the number of combinations is not set, and depends on the topics of all documents",
            hint="Limit it, for example with --set generate.combinations=1000.",
        )
    return min(amounts)


def _small(config: RunConfig, rows: int) -> RunConfig:
    return replace(
        config,
        run=replace(config.run, filter=False),
        graph=GraphSettings(name=GRAPH),
        sample=replace(config.sample, combinations=rows, epochs=None),
        generate=replace(config.generate, combinations=rows, documents=rows, max_rejected_share=1.0),
        extract=replace(config.extract, max_rejected_share=1.0),
        answer=replace(config.answer, max_rejected_share=1.0),
        curate=replace(config.curate, max_rejected_share=1.0),
    )


class _Stages(FullRun):
    """The stages of a preview; combinations are drawn without a lens that cannot be used on the first documents."""

    notes: tuple[str, ...] = ()

    def sample(self) -> None:
        """Draw combinations, with the lens of the configuration if that is possible."""
        settings = self._config.sample
        has_lens = bool(settings.start or settings.within or settings.favour)
        try:
            super().sample()
        except KgsynthError as error:
            if not has_lens:
                raise
            # What a lens returns may not be among the first documents.
            self.notes = (f"sample.start, sample.within and sample.favour were left out: {error}",)
            self.result.combination_count = 0
            self.result.combinations.clear()
            plain = replace(settings, start="", within="", favour="", earlier=())
            self._config = replace(self._config, sample=plain)
            super().sample()


@contextmanager
def _home(environment: Environment) -> Iterator[Environment]:
    """Yield an environment with a home of its own, which shares jars, models and embeddings, and delete the home.

    The graph of a preview cannot be mistaken for one of the user's. Another preview waits.
    """
    own = replace(environment, home=environment.home / _HOME, neo4j_uri="")
    with alone(environment.home / _HOME):
        server = ManagedServer(own, GRAPH)
        server.reset()  # a preview that was killed leaves its server
        with temporary_folder(own.home):
            for shared in (environment.jars, environment.models):
                shared.mkdir(parents=True, exist_ok=True)
            for name in ("jars", "models", "embeddings"):
                target, link = getattr(environment, name), getattr(own, name)
                link.symlink_to(target)
            try:
                yield own
            finally:
                server.reset()


def _read(
    config: RunConfig,
    work_dir: Path,
    result: Preview,
    report: Report,
    progress: Progress | None,
    is_kept_out: IsKeptOut,
    *,
    rows: int,
    counts_all: bool,
) -> None:
    """Write the first documents to the folder of the run."""
    settings = replace(config.documents, max_rejected_share=1.0)
    limit = _DOCUMENTS
    if config.extract.method == "llm" and not settings.annotations:
        limit = max(_LEAST_DOCUMENTS_BY_MODEL, rows)
    count = StageCount(stage="read", unit="documents")
    bar = progress_stage(progress or Silent(), "read", None, count)
    with timed_stage(count, report), bar as shown, RejectFile(work_dir / "rejects-read.jsonl") as reject_file:
        usable = not_forgotten(usable_documents(settings, reject_file, count), is_kept_out, reject_file, count)
        documents = with_progress(usable, shown)
        write_lines(work_dir / "documents.jsonl", (document.to_json() for document in islice(documents, limit)))
        if counts_all:
            for _ in documents:
                pass
    result.documents = count.kept


def _annotations_of(sources: Sequence[str], work_dir: Path) -> Path:
    """Write the annotations of the documents of a preview to a file, and return it."""
    ids = {str(row["id"]) for row in rows_of(work_dir / "documents.jsonl")}
    file, count = work_dir / "given.jsonl", StageCount(stage="annotations")
    with RejectFile(work_dir / "rejects-given.jsonl") as reject_file:
        records = usable_annotations(read("annotations", sources, FieldNames(), kind="annotations"), reject_file, count)
        write_lines(file, (record.to_json() for record in records if record.id in ids))
    return file


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
        for _, row in table_rows(path):
            yield row


def _cost(run: RunFolder) -> Cost:
    counts = run.counted()
    return Cost(
        kept=counts["kept"],
        rejected=sum(counts["rejected"].values()),
        seconds=sum(float(session.get("seconds", 0)) for session in run.sessions()),
        **{name: counts["totals"].get(name, 0) for name in ("units", "requests", "prompt_tokens", "output_tokens")},
    )
