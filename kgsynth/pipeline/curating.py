"""Curate questions and answers of several runs: filter them, and remove duplicates and questions from benchmarks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.batching import batches
from kgsynth.config import Environment
from kgsynth.curation import contamination
from kgsynth.curation.screening import Embed, screen, unit_of
from kgsynth.domain_folder import by_name
from kgsynth.errors import ConfigError
from kgsynth.files import atomic
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.question_files import question_folders, read_questions, runs_behind
from kgsynth.records import CuratedQuestion, StageCount, content_hash, hash_of_lines, plain
from kgsynth.rejects import refuse_too_many
from kgsynth.run_folder import RunFolder
from kgsynth.settings import CurateSettings

_SHARD_ROWS = 10_000
_NEIGHBOURS = 30
_HINT = "--no-filters keeps what the filters reject; --max-rejected-share sets the limit."


def curate(
    environment: Environment,
    settings: CurateSettings,
    *,
    questions: Sequence[Path],
    run_dir: Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    progress: Progress | None = None,
) -> RunFolder:
    """Filter and deduplicate questions, and remove questions from benchmarks; store rejects with their reasons.

    Args:
        environment: where embeddings are kept.
        settings: filters, thresholds, benchmark files.
        questions: run folders of `generate` or `answer`, or JSONL or Parquet files; the first of duplicates is kept.
        run_dir: folder of the run; None for `runs/curated-<run id>`.
        overwrite: whether to remove the files of another `curate` from the folder.
        report: receives the account.
        progress: advances two steps per question.

    Raises:
        ConfigError: a path or a benchmark file cannot be read.
        ManifestError: the folder belongs to another run.
        TooManyRejectsError: more questions were rejected than the settings allow.

    Examples:
        >>> folder = pipeline.curate(
        ...     environment, CurateSettings(), questions=[Path("runs/answers")], run_dir=Path("runs/curated")
        ... )
        >>> folder.stage
        'curate'
    """
    progress = progress or Silent()
    benchmark = [
        question
        for path in settings.benchmarks
        for question in contamination.read_benchmark(Path(path), field=settings.benchmark_field)
    ]
    if settings.benchmarks and not benchmark:
        raise ConfigError(f"the benchmark files contain no question: {', '.join(settings.benchmarks)}")
    inputs_hash, row_count = hash_of_lines(
        f"{question.id} {content_hash([question.text, question.answer])}"
        for question in read_questions(questions, is_unique=False)
    )
    if not row_count:
        raise ConfigError("there is no question to curate")
    setting_values = {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()
    }
    for name in ("benchmarks", "max_rejected_share"):
        setting_values.pop(name)
    decisive = {
        **setting_values,
        "benchmark": hash_of_lines(question.text for question in benchmark)[0],
        "benchmark_questions": len(benchmark),
        "inputs": inputs_hash,
        "rows": row_count,
        "version": __version__,
    }
    run_id = content_hash(decisive)[:12]
    folder = RunFolder(
        run_dir or Path("runs") / f"curated-{run_id}",
        run_id,
        decisive,
        stage="curate",
        rows_name="curated",
        inputs={
            "questions": [str(path.absolute()) for path in questions],
            "benchmarks": [str(Path(path).absolute()) for path in settings.benchmarks],
            "runs": [{"stage": run.stage, **run.settings} for run in runs_behind(questions)],
        },
    )
    count = StageCount(stage="curate", unit="questions")
    with (
        timed_stage(count, report),
        folder.opened(overwrite=overwrite),
        progress_stage(progress, "curate", 2 * row_count, count),
    ):
        is_embedded = settings.min_cosine or (benchmark and settings.review_cosine)
        findings = screen(
            settings,
            questions,
            benchmark,
            embed=_embedder(environment) if is_embedded else None,
            near_pairs=_near_pairs,
            progress=progress,
            domains=by_name(str(run.settings.get("domain", "")) for run in question_folders(questions)),
        )
        rows = enumerate(read_questions(questions, is_unique=False))
        for shard, batch in enumerate(batches(rows, _SHARD_ROWS)):
            kept: list[dict[str, Any]] = []
            rejects: list[dict[str, Any]] = []
            rejected: dict[str, int] = {}
            for row, question in batch:
                problem = findings.problems.get(row)
                if problem is None:
                    group = findings.groups.root(unit_of(question))
                    kept.append({**plain(question), "group": group})
                    count.kept += 1
                else:
                    reason, detail = problem
                    rejected[reason] = rejected.get(reason, 0) + 1
                    count.reject(reason)
                    raw = {"question": question.text, "answer": question.answer}
                    rejects.append({"unit_id": question.id, "reason": reason, "detail": detail, "raw": raw})
            account = {"kept": len(kept), "rejected": rejected, "totals": {"units": len(batch)}}
            folder.write_shard(shard, kept, rejects, account, record=CuratedQuestion)
            progress.advance(len(batch))
        for name, rows_found in (("contamination", findings.hits), ("review", findings.review)):
            if benchmark:
                _write_rows(folder.path / f"{name}.jsonl", rows_found)
        count.notes["benchmark_questions"] = len(benchmark)
        count.notes["benchmark_hits"] = len(findings.hits)
        count.notes["to_review"] = len(findings.review)
        for difference, number in sorted(findings.variants.items()):
            count.notes[f"variants_with_other_{difference.replace(' ', '_')}"] = number
        count.notes["run"] = run_id
        refuse_too_many(count, limit=settings.max_rejected_share, where=folder.path / "rejects-*.jsonl", hint=_HINT)
        account_row = {key: value for key, value in count.to_row().items() if key != "seconds"}
        folder.complete({"settings": decisive, "stages": [account_row], "version": __version__})
    return folder


def _embedder(environment: Environment) -> Embed:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    return EmbeddingStore(environment.embeddings, make_embedder("auto")).embed


def _near_pairs(vectors: Any, min_cosine: float) -> Iterator[tuple[int, int, float]]:
    from kgsynth.concepts.candidates import nearest_pairs

    yield from nearest_pairs(vectors, neighbours=_NEIGHBOURS, min_cosine=min_cosine)


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic(path) as partial:
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
