"""From questions and answers to a training set: curated across runs, exported with a card."""

import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.config import CurateSettings, Environment, ExportSettings
from kgsynth.curation import contamination, duplicates, filters, variants
from kgsynth.curation import export as exporting
from kgsynth.curation.card import Card
from kgsynth.documents.forgotten import Forgotten, read_forgotten
from kgsynth.documents.questions import question_folders, read_questions
from kgsynth.documents.read import refuse_too_many
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.graph import provenance
from kgsynth.graph.session import Graph
from kgsynth.pipeline.stages import Report, batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import AnsweredQuestion, CuratedQuestion, StageCount, content_hash, hash_of_lines, plain
from kgsynth.runs import RUN_FILE, RunFolder, atomic, open_run

_SHARD_ROWS = 10_000
_REVIEW_BATCH = 256
_NEIGHBOURS = 30
_HINT = "--no-filters keeps what the filters refuse; --max-rejected-share sets the limit."


@dataclass(slots=True)
class _Findings:
    """What a first pass over the questions decided, by row."""

    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    groups: duplicates.Groups = field(default_factory=duplicates.Groups)
    hits: list[dict[str, Any]] = field(default_factory=list)
    review: list[dict[str, Any]] = field(default_factory=list)
    variants: Counter[str] = field(default_factory=Counter)


def curate(
    environment: Environment,
    settings: CurateSettings,
    *,
    questions: Sequence[Path],
    run_dir: Path | None,
    overwrite: bool = False,
    report: Report,
    progress: Progress | None = None,
) -> RunFolder:
    """Questions that are good enough, each once, none of a benchmark; what is refused is kept with its reason.

    Args:
        environment: where embeddings are kept.
        settings: filters, thresholds, benchmark files.
        questions: run folders of `generate` or `answer`, or JSONL or Parquet files; of duplicates the first stays.
        run_dir: None for `runs/curated-<run id>`.
        overwrite: remove what another curate left in the folder.
        report: gets the account.
        progress: told one step a question.

    Raises:
        ConfigError: a path or a benchmark file cannot be read; ManifestError: the folder belongs to another run;
        TooManyRejectsError: more was refused than the settings allow.
    """
    progress = progress or Silent()
    benchmark = [
        one
        for path in settings.benchmarks
        for one in contamination.read_benchmark(Path(path), field=settings.benchmark_field)
    ]
    if settings.benchmarks and not benchmark:
        raise ConfigError(f"the benchmark files hold no question: {', '.join(settings.benchmarks)}")
    inputs_hash, row_count = hash_of_lines(
        f"{one.id} {content_hash([one.text, one.answer])}" for one in read_questions(questions, is_unique=False)
    )
    if not row_count:
        raise ConfigError("there is no question to curate")
    held = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}
    for name in ("benchmarks", "max_rejected_share"):
        held.pop(name)
    decisive = {
        **held,
        "benchmark": hash_of_lines(one.text for one in benchmark)[0],
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
            "runs": [{"stage": one.stage, **one.settings} for one in question_folders(questions)],
        },
    )
    count = StageCount(stage="curate", unit="questions")
    with timed(count, report), folder.opened(overwrite=overwrite), shown(progress, "curate", 2 * row_count):
        findings = _look(environment, settings, questions, benchmark, progress)
        rows = enumerate(read_questions(questions, is_unique=False))
        for shard, batch in enumerate(batches(rows, _SHARD_ROWS)):
            kept: list[dict[str, Any]] = []
            rejects: list[dict[str, Any]] = []
            rejected: dict[str, int] = {}
            for row, question in batch:
                problem = findings.problems.get(row)
                if problem is None:
                    group = findings.groups.of(_unit(question))
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
        for name, found in (("contamination", findings.hits), ("review", findings.review)):
            if benchmark:
                _write_rows(folder.path / f"{name}.jsonl", found)
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


def _look(
    environment: Environment,
    settings: CurateSettings,
    questions: Sequence[Path],
    benchmark: Sequence[contamination.BenchmarkQuestion],
    progress: Progress,
) -> _Findings:
    findings = _Findings()
    forms = duplicates.ExactForms()
    index = contamination.Benchmark(benchmark, min_overlap=settings.min_overlap)
    embed: Callable[[Sequence[str]], Any] | None = None
    if settings.min_cosine or (benchmark and settings.review_cosine):
        embed = _embedder(environment)
    ids: dict[int, str] = {}
    units: dict[int, str] = {}
    kept_texts: list[str] = []
    with duplicates.temporary_folder() as desk:
        signatures = duplicates.Signatures(Path(desk))
        for row, question in enumerate(read_questions(questions, is_unique=False)):
            progress.advance()
            # First, so that the report names every question that stands in a benchmark, whatever else is wrong with it.
            hits = index.find(question.text) if benchmark else []
            if hits:
                where = f"{hits[0].benchmark.file}, row {hits[0].benchmark.row}"
                findings.problems[row] = (f"stands in a benchmark ({hits[0].method})", where)
                findings.hits += [_hit_row(question, hit) for hit in hits]
                continue
            problem = ""
            if settings.filters:
                problem = filters.question_problem(question.text, settings) or filters.answer_problem(
                    question, settings
                )
            if problem:
                findings.problems[row] = (problem, "")
                continue
            first = forms.first(question.text, row)
            if first != row:
                findings.problems[row] = ("stands twice", f"equal to {ids[first]}")
                continue
            ids[row], units[row] = question.id, _unit(question)
            signatures.add(row, question.text)
            if embed is not None:
                kept_texts.append(question.text)
        near: dict[str, Iterable[tuple[int, int, float]]] = {"MinHash": signatures.pairs(settings.min_jaccard)}
        if settings.min_cosine and embed is not None and len(kept_texts) > 1:
            vectors, rows = embed(kept_texts), signatures.rows
            near["embedding"] = (
                (rows[first], rows[second], cosine)
                for first, second, cosine in _near_pairs(vectors, settings.min_cosine)
            )
        for method, pairs in near.items():
            if not settings.filters:
                # What is near stays, and stays together.
                for earlier, later, _ in pairs:
                    findings.groups.join(units[earlier], units[later])
                continue
            if settings.keep_variants:
                pairs = _without_variants(pairs, questions, findings, units)
            for later, (earlier, similarity) in duplicates.first_stays(pairs).items():
                detail = f"{method} similarity {similarity:.3f} to {ids[earlier]}"
                findings.problems.setdefault(later, (f"near duplicate ({method})", detail))
        if benchmark and settings.review_cosine and embed is not None:
            review = contamination.Review(benchmark, embed=embed, min_cosine=settings.review_cosine)
            for batch in batches(zip(signatures.rows, kept_texts, strict=True), _REVIEW_BATCH):
                for (row, text), hit in zip(batch, review.near([text for _, text in batch]), strict=True):
                    if hit is not None and row not in findings.problems:
                        findings.review.append({"question_id": ids[row], "question": text, **_benchmark_row(hit)})
    return findings


def _without_variants(
    pairs: Iterable[tuple[int, int, float]], questions: Sequence[Path], findings: _Findings, units: Mapping[int, str]
) -> list[tuple[int, int, float]]:
    """The pairs of near rows that are one problem; the others are counted, and stay on one side of a split."""
    held = sorted(set(pairs))
    wanted = {row for pair in held for row in pair[:2]}
    texts = {
        row: (one.text, one.final_answer)
        for row, one in enumerate(read_questions(questions, is_unique=False) if wanted else ())
        if row in wanted
    }
    same: list[tuple[int, int, float]] = []
    apart: dict[int, str] = {}
    for earlier, later, similarity in held:
        (first, first_answer), (second, second_answer) = texts[earlier], texts[later]
        found = variants.difference(first, second, first_answer=first_answer, second_answer=second_answer)
        if found:
            findings.groups.join(units[earlier], units[later])
            apart.setdefault(later, found)
        else:
            same.append((earlier, later, similarity))
    for row in {later for _, later, _ in same}:
        apart.pop(row, None)
    findings.variants.update(apart.values())
    return same


def export(
    curated: Path,
    settings: ExportSettings,
    *,
    output: Path,
    overwrite: bool,
    forgotten: Forgotten | None = None,
    graph: Graph | None = None,
    report: Report,
    progress: Progress | None = None,
) -> exporting.Exported:
    """The training set of a curated run, with its card, whole or not at all.

    Args:
        curated: folder of the run.
        settings: form, split, file size.
        output: folder to write.
        overwrite: replace a folder that an export wrote before.
        forgotten: what was taken out; what was made from it is left out.
        graph: holds the passages, where the settings ask for them.
        report: gets the account.
        progress: told one step a question.

    Raises:
        ConfigError: the folder is not a curated run, or the output is there; ManifestError: it is not complete.
    """
    folder, manifest = curated_run(curated)
    total = manifest["stages"][0]["kept"]
    card = card_of(folder, manifest, settings, name=output.name)
    count = StageCount(stage="export", unit="questions")
    with (
        timed(count, report),
        shown(progress or Silent(), "export", total) as bar,
        wrong_answers(folder if settings.format == "preference" else None) as wrong,
    ):
        exported = exporting.write(
            _curated(folder, bar),
            output,
            settings,
            card=card,
            overwrite=overwrite,
            is_forgotten=(forgotten or Forgotten()).touches,
            wrong_answers=wrong,
            passages=partial(_passages, graph) if graph is not None else None,
        )
        count.kept = sum(exported.rows.values())
        for reason, number in exported.left_out.items():
            count.reject(reason, number)
        count.notes.update({f"{split}_rows": number for split, number in sorted(exported.rows.items())})
    return exported


@contextmanager
def wrong_answers(curated: RunFolder | None) -> Iterator[Callable[[str], Sequence[str]]]:
    """Answers that a judge found wrong, by the id of their question, from the rejects of the runs that were curated.

    They stand in a table on disk while the block runs, so that memory stays flat.
    """
    with tempfile.TemporaryDirectory() as desk, sqlite3.connect(Path(desk) / "answers") as table:
        table.execute("CREATE TABLE answers (question TEXT, answer TEXT)")
        for path in (Path(one) for one in curated.inputs.get("questions", ())) if curated is not None else ():
            for part in open_run(path).parts() if (path / RUN_FILE).is_file() else ():
                rows = ((row["unit_id"], row["answer"]) for row in part.rejects() if row.get("answer"))
                table.executemany("INSERT INTO answers VALUES (?, ?)", rows)
        table.execute("CREATE INDEX by_question ON answers (question)")

        def find(question: str) -> list[str]:
            found = table.execute("SELECT answer FROM answers WHERE question = ? ORDER BY rowid", (question,))
            return [answer for (answer,) in found]

        yield find


def _passages(graph: Graph, rows: Sequence[CuratedQuestion]) -> list[list[dict[str, str]]]:
    """What each question was grounded in: so much of each document as its prompt showed."""
    wanted = sorted({document for row in rows for document in row.documents})
    documents = provenance.documents(graph, wanted, with_terms=False)
    unknown = [one for one in wanted if one not in documents]
    if unknown:
        raise ConfigError(
            f"{len(unknown):,} of the documents that questions were grounded in are not in this graph, such as "
            f"{unknown[0]!r}",
            hint="--graph NAME selects the graph that the questions were written from.",
        )
    found = []
    for row in rows:
        # Questions of a run that did not write down how much was shown have the whole texts.
        shown_chars = row.passage_chars or (None,) * len(row.documents)
        found.append(
            [
                {
                    "document": identity,
                    **{name: documents[identity][name] for name in ("title", "source", "license", "attribution")},
                    "text": documents[identity]["text"][:chars].strip(),
                }
                for identity, chars in zip(row.documents, shown_chars, strict=True)
                if chars != 0
            ]
        )
    return found


def curated_run(path: Path) -> tuple[RunFolder, dict[str, Any]]:
    """A curated run and its manifest.

    Raises:
        ConfigError: the folder is not a curated run; ManifestError: it is not complete.
    """
    folder = open_run(path)
    if folder.stage != "curate":
        raise ConfigError(
            f"{path} holds {folder.rows_name}, not curated questions",
            hint="Curate first: kgsynth curate RUN (with --no-filters nothing is refused but what stands twice).",
        )
    manifest = folder.manifest()
    if manifest is None:
        raise ManifestError(f"run {folder.run_id} in {path} is not complete", hint="Run `kgsynth curate` again.")
    return folder, manifest


def card_of(
    folder: RunFolder, manifest: Mapping[str, Any], settings: ExportSettings, *, name: str, **more: Any
) -> Card:
    """The card of what is exported of a curated run; `name` is for settings that give none, `more` stands in it too."""
    facts = {
        "version": __version__,
        "filters": manifest["settings"],
        "curation": manifest["stages"][0],
        "runs": folder.inputs.get("runs", []),
        "form": asdict(settings),
    }
    return Card(settings.name or name, {**facts, **more})


def forgotten_of(environment: Environment, curated: Path) -> Forgotten:
    """What was taken out of the graphs that a curated run was made from; of all graphs, where nobody knows which.

    Raises:
        ConfigError: the file of tombstones is broken; ManifestError: the folder is no run.
    """
    return read_forgotten(environment.tombstones, graphs=_graphs(open_run(curated)))


def _graphs(folder: RunFolder) -> set[str]:
    own = {str(folder.inputs["graph"])} if folder.inputs.get("graph") else set()
    paths = [Path(one) for one in folder.inputs.get("questions", ())]
    below = [_graphs(open_run(path)) for path in paths if (path / RUN_FILE).is_file()]
    # A file, or a run that is gone, may be of any graph.
    if len(below) < len(paths) or any(not one for one in below):
        return own if own else set()
    return own.union(*below)


def _curated(folder: RunFolder, progress: Progress) -> Iterator[CuratedQuestion]:
    for row in folder.rows():
        progress.advance()
        yield CuratedQuestion.from_row(row)


def _unit(question: AnsweredQuestion) -> str:
    """What questions belong together from the start: those of one combination, those of one document."""
    if question.combination_id:
        return question.combination_id
    return f"document {question.documents[0]}" if question.documents else f"question {question.id}"


def _embedder(environment: Environment) -> Callable[[Sequence[str]], Any]:
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    return EmbeddingStore(environment.embeddings, make_embedder("auto")).embed


def _near_pairs(vectors: Any, min_cosine: float) -> Iterator[tuple[int, int, float]]:
    from kgsynth.concepts.candidates import nearest_pairs

    yield from nearest_pairs(vectors, neighbours=_NEIGHBOURS, min_cosine=min_cosine)


def _hit_row(question: AnsweredQuestion, hit: contamination.Hit) -> dict[str, Any]:
    return {"question_id": question.id, "question": question.text, **_benchmark_row(hit)}


def _benchmark_row(hit: contamination.Hit) -> dict[str, Any]:
    return {
        "method": hit.method,
        "share": round(hit.share, 4),
        "benchmark": hit.benchmark.file,
        "row": hit.benchmark.row,
        "benchmark_question": hit.benchmark.text,
        "matching_text": hit.matching_text,
    }


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic(path) as partial:
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
