"""Keeping the documents of a domain: cheap looks, vectors, a first model from examples, rounds of rating, a cut.

A work folder holds all of it: `index.parquet` and `vectors.f32` of the corpus, a folder a round with its ratings and
scores, and at the end `kept.jsonl`, `dropped.jsonl` and `filter.json`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__
from kgsynth.config import DocumentsSettings, Environment, FilterSettings
from kgsynth.curation import duplicates
from kgsynth.curation.filters import is_foreign
from kgsynth.documents import RejectFile, quality, select, usable_documents
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation import prompts
from kgsynth.generation.rating import Rate, Rating, one_score
from kgsynth.generation.syllabus import Syllabus
from kgsynth.pipeline.asking import Stage, ask
from kgsynth.pipeline.backends import Make, make_generator
from kgsynth.pipeline.stages import Report, batches, timed, write_lines
from kgsynth.progress import Progress, Silent, shown
from kgsynth.randomness import stream
from kgsynth.records import Document, StageCount, content_hash
from kgsynth.runs import RunFolder, atomic, open_run, write_json
from kgsynth.texts import spoken_latex

_EMBED_BATCH = 256
_HELD_BACK = 0.2  # of the ratings, to see how the model agrees with the rater
_NEAR_JACCARD = 0.8
_SHOWN = 10
_BINS = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The documents that are worth a vector: ids (documents,), titles, and float32 vectors (documents, dimensions)."""

    ids: Sequence[str]
    titles: Sequence[str]
    vectors: NDArray[np.float32]


def embed(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    work_dir: Path,
    report: Report,
    progress: Progress | None = None,
) -> Corpus:
    """Look at each document once: what is worth it gets a vector, everything else a reason in `rejects-*.jsonl`.

    A vector is of title and text with formulas spoken (`texts.spoken_latex`), pooled over windows, and kept by its
    content: what was embedded once, for whatever corpus, is not embedded again. Four numbers of the text's surface
    (`quality.surface`) stand behind it.

    Args:
        environment: where vectors are kept.
        documents: the sources.
        settings: of the cheap looks and the windows.
        work_dir: gets the index and the vectors.
        report: gets the accounts.
        progress: told one step a document.

    Raises:
        ConfigError: a source is unusable; TooManyRejectsError: too much of it is; MissingExtraError: no embedder.
    """
    store = _store(environment, settings)
    work_dir.mkdir(parents=True, exist_ok=True)
    count = StageCount(stage="filter: look", unit="documents")
    read_count = StageCount(stage="filter: read", unit="documents")
    ids: list[str] = []
    titles: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(timed(count, report))
        bar = stack.enter_context(shown(progress or Silent(), "filter: embed", None))
        rejects = stack.enter_context(RejectFile(work_dir / "rejects-read.jsonl"))
        desk = Path(stack.enter_context(duplicates.temporary_folder()))
        dropped = stack.enter_context((work_dir / "rejects-look.jsonl").open("w", encoding="utf-8"))
        partial = stack.enter_context(atomic(work_dir / "vectors.f32"))
        file = stack.enter_context(partial.open("wb"))
        signatures = duplicates.Signatures(desk)
        for batch in batches(usable_documents(documents, rejects, read_count), _EMBED_BATCH):
            worth = []
            for one in batch:
                reason = quality.problem(one.text, min_words=settings.min_words)
                if not reason and is_foreign(one.text, settings.language):
                    reason = quality.FOREIGN
                if reason:
                    count.reject(reason)
                    dropped.write(_dropped_line(one.id, reason))
                else:
                    worth.append(one)
            for one in worth:
                signatures.add(len(ids), one.text)
                ids.append(one.id)
                titles.append(one.title)
            if worth:
                _vectors(store, worth).tofile(file)
            bar.advance(len(batch))
        near = duplicates.first_stays(signatures.pairs(_NEAR_JACCARD)) if settings.near_duplicates else {}
        for place, (earlier, similarity) in sorted(near.items()):
            count.reject(quality.NEAR_DUPLICATE)
            detail = f"{quality.NEAR_DUPLICATE} of {ids[earlier]} (MinHash {similarity:.2f})"
            dropped.write(_dropped_line(ids[place], detail))
        count.kept = len(ids) - len(near)
        count.notes["computed"] = store.computed
        for reason, number in read_count.rejected.items():
            count.reject(reason, number)
    vectors = np.memmap(work_dir / "vectors.f32", dtype=np.float32, mode="r").reshape(len(ids), -1) if ids else None
    if vectors is None or not count.kept:
        raise ConfigError("no document is worth embedding", hint=f"Look at {work_dir / 'rejects-look.jsonl'}.")
    stays = np.ones(len(ids), dtype=np.bool_)
    stays[list(near)] = False
    _write_index(work_dir, ids, titles, stays)
    return read_corpus(work_dir)


def read_corpus(work_dir: Path) -> Corpus:
    """The corpus that `embed` left in a folder.

    Raises:
        ConfigError: it left none.
    """
    import pyarrow.parquet

    file = work_dir / "index.parquet"
    if not file.is_file():
        raise ConfigError(f"{work_dir} holds no embedded corpus", hint="Run `kgsynth filter embed` first.")
    table = pyarrow.parquet.read_table(file)
    rows = np.array(table["row"])
    held = np.memmap(work_dir / "vectors.f32", dtype=np.float32, mode="r")
    total = int(table.schema.metadata[b"rows"])
    if held.size % total:
        raise ManifestError(f"{work_dir / 'vectors.f32'} does not fit {file}", hint="Run `kgsynth filter embed` again.")
    vectors = held.reshape(total, -1)
    kept = vectors if len(rows) == total else vectors[rows]
    return Corpus(ids=table["id"].to_pylist(), titles=table["title"].to_pylist(), vectors=kept)


def start(
    environment: Environment,
    corpus: Corpus,
    settings: FilterSettings,
    *,
    work_dir: Path,
    positives: DocumentsSettings,
    report: Report,
) -> NDArray[np.float64]:
    """Cold start: a score in [0, 1] of each document, over .5 for what belongs, from examples and a draw.

    Raises:
        ConfigError: there is no example.
    """
    store = _store(environment, settings)
    count = StageCount(stage="filter: start", unit="examples")
    with timed(count, report), RejectFile(work_dir / "rejects-positives.jsonl") as rejects:
        examples = list(usable_documents(positives, rejects, count))
        if not examples:
            raise ConfigError("there is no example of the domain", hint="Give --positives, or run `filter syllabus`.")
        drawn = _draw(len(corpus.ids), settings.negatives, stream(_seed(settings), "filter negatives", 0))
        model = select.from_examples(
            _vectors(store, examples), np.asarray(corpus.vectors[drawn]), method=settings.method, seed=_seed(settings)
        )
        found = select.scores(model, corpus.vectors)
        count.notes["drawn"] = len(drawn)
        count.notes["selected"] = int((found >= 0.5).sum())
    _write_scores(work_dir / "start.parquet", corpus, found)
    return found


def rate(
    environment: Environment,
    corpus: Corpus,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    selected: NDArray[np.bool_],
    scores: NDArray[np.float64],
    number: int,
    work_dir: Path,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Ask a model for ratings of documents of the selection and of a fresh draw from the corpus, half and half.

    Args:
        environment: where models are.
        corpus: of the work folder.
        documents: the sources, for the texts.
        settings: backend, and how many are rated.
        selected: bool (documents,), what is kept at the moment.
        scores: float64 (documents,), to take the best where too little is selected.
        number: of the round, from 1.
        work_dir: gets `round-<number>/ratings`.
        report: gets the account.
        progress: told one step a document.
        make: makes the backend.

    Raises:
        As `kgsynth.pipeline.generate`.
    """
    rng = stream(_seed(settings), "filter rated", number)
    half = settings.rated // 2
    inside = np.flatnonzero(selected)
    if len(inside) < half:
        inside = np.argsort(-scores, kind="stable")[:half]
    wanted = {int(one) for one in rng.permutation(inside)[:half]}
    wanted |= {int(one) for one in _draw(len(corpus.ids), settings.rated - half, rng)}
    ids = {corpus.ids[place] for place in wanted}
    folder = work_dir / f"round-{number}"
    folder.mkdir(parents=True, exist_ok=True)

    def units() -> Iterator[Document]:
        with RejectFile(folder / ".again") as rejects:
            again = replace(documents, max_rejected_share=1.0)
            for one in usable_documents(again, rejects, StageCount(stage="again")):
                if one.id in ids:
                    yield one
        (folder / ".again").unlink(missing_ok=True)

    stage = Stage(
        name="rate",
        unit="documents",
        rows_name="ratings",
        record=Rating,
        settings=settings,
        decisive={},
        inputs={},
        templates={"rate": prompts.load(settings.domain, "rate")},
        units=units,
        unit_line=lambda one: f"{one.id} {one.content_hash()}",
        begin=Rate,
    )
    return ask(environment, stage, run_dir=folder / "ratings", report=report, progress=progress, make=make)


def fine(
    corpus: Corpus,
    settings: FilterSettings,
    *,
    ratings: Sequence[RunFolder],
    number: int,
    work_dir: Path,
    report: Report,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Scores from 1 to 10 of the whole corpus by a model of all ratings so far, and how it agrees with the rater.

    A fifth of the ratings, told by the ids, is held back to compare; the scores are of a model that saw all of them.

    Raises:
        ConfigError: there are too few ratings.
    """
    place = {identity: row for row, identity in enumerate(corpus.ids)}
    given: dict[int, float] = {}
    for folder in ratings:
        for part in folder.parts():
            for row in part.rows():
                if row["id"] in place:
                    given[place[row["id"]]] = one_score(row, settings.score)
    rows = np.array(sorted(given), dtype=np.int64)
    values = np.array([given[int(row)] for row in rows])
    held = np.array([int(content_hash(corpus.ids[int(row)])[:8], 16) / 16**8 < _HELD_BACK for row in rows], dtype=bool)
    count = StageCount(stage=f"filter: round {number}", unit="documents")
    with timed(count, report):
        vectors = np.asarray(corpus.vectors[rows])
        agreement = _agreement(vectors, values, held, settings)
        model = select.from_ratings(vectors, values, method=settings.method, seed=_seed(settings))
        found = select.scores(model, corpus.vectors)
        count.kept = int((found > settings.min_score).sum())
        count.reject(f"score of {settings.min_score:g} or less", len(found) - count.kept)
        count.notes["ratings"] = len(rows)
    _write_scores(work_dir / f"round-{number}" / "scores.parquet", corpus, found)
    return found, {"ratings": len(rows), "mean_rating": float(values.mean()), **agreement}


def run_filter(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    work_dir: Path,
    positives: DocumentsSettings,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> dict[str, Any]:
    """The whole filter: embed, start, rounds of rating and scoring, and the lists of what is kept and dropped.

    Args:
        environment: where models and vectors are.
        documents: the corpus.
        settings: all of it; with 0 rounds the chance of the cold start decides, and no model is asked.
        work_dir: everything goes here.
        positives: examples of the domain.
        report: gets the accounts.
        progress: told what goes on.
        make: makes the backend.

    Returns:
        The figures, as they stand in `filter.json`.

    Raises:
        ConfigError: an input is unusable, there is no seed, or nothing is kept; further as the steps raise.
    """
    _seed(settings)
    claim = RunFolder(
        work_dir, _identity(settings, documents, positives), asdict(settings), stage="filter", rows_name="none"
    )
    with claim.opened():
        corpus = embed(environment, documents, settings, work_dir=work_dir, report=report, progress=progress)
        scores = start(environment, corpus, settings, work_dir=work_dir, positives=positives, report=report)
        selected = scores >= 0.5
        figures: dict[str, Any] = {
            "version": __version__,
            "documents": len(corpus.ids),
            "start": {"selected": int(selected.sum()), **_shape(corpus, scores, 0.5, 1.0)},
            "rounds": [],
        }
        folders: list[RunFolder] = []
        for number in range(1, settings.rounds + 1):
            folders.append(
                rate(
                    environment,
                    corpus,
                    documents,
                    settings,
                    selected=selected,
                    scores=scores,
                    number=number,
                    work_dir=work_dir,
                    report=report,
                    progress=progress,
                    make=make,
                )
            )
            scores, agreement = fine(corpus, settings, ratings=folders, number=number, work_dir=work_dir, report=report)
            before, selected = selected, scores > settings.min_score
            figures["rounds"].append(
                {
                    "selected": int(selected.sum()),
                    "added": int((selected & ~before).sum()),
                    "removed": int((before & ~selected).sum()),
                    "agreement": agreement,
                    **_shape(corpus, scores, settings.min_score, select.HIGHEST),
                }
            )
            if (before == selected).all():
                break
        kept = _write_lists(corpus, documents, scores, selected, work_dir, report)
        figures["kept"] = kept
        write_json(work_dir / "filter.json", figures)
        claim.complete({"version": __version__, "kept": kept})
    if not kept:
        raise ConfigError("nothing is kept", hint="Look at filter.json; filter.min_score sets the cut.")
    return figures


def write_syllabus(
    environment: Environment,
    settings: FilterSettings,
    *,
    disciplines: int,
    items: int,
    run_dir: Path,
    output: Path,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Examples of a domain, written by a language model from a syllabus; a killed run is continued.

    Args:
        environment: where models are.
        settings: backend and domain; the seed is required.
        disciplines: of the domain.
        items: of the syllabus of each; there are four documents an item.
        run_dir: of the run.
        output: JSON Lines of documents.
        report: gets the account.
        progress: told one step.
        make: makes the backend.

    Raises:
        As `kgsynth.pipeline.generate`.
    """
    _seed(settings)
    stage = Stage(
        name="syllabus",
        unit="domains",
        rows_name="documents",
        record=Written,
        settings=settings,
        decisive={"disciplines": disciplines, "items": items},
        inputs={},
        templates={task: prompts.load(settings.domain, task) for task in ("syllabus", "syllabus_document")},
        units=lambda: iter([Path(settings.domain).name]),
        unit_line=lambda one: one,
        begin=lambda domain, context: Syllabus(domain, context, disciplines=disciplines, items=items),
    )
    folder = ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)
    rows = (row for part in folder.parts() for row in part.rows())
    write_lines(output, (json.dumps(row, ensure_ascii=False) for row in rows))
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a run folder keeps of a written document."""

    id: str
    text: str
    title: str
    topics: tuple[str, ...]
    entry_kind: str
    source: str


def _agreement(
    vectors: NDArray[np.float32], values: NDArray[np.float64], held: NDArray[np.bool_], settings: FilterSettings
) -> dict[str, Any]:
    """How a model of the other ratings agrees with those that were held back; nothing where there are too few."""
    if held.sum() < 2 or (~held).sum() < 2:
        return {"held_back": int(held.sum())}
    model = select.from_ratings(vectors[~held], values[~held], method=settings.method, seed=_seed(settings))
    said = model.score(vectors[held])
    spread = float(np.std(said) * np.std(values[held]))
    return {
        "held_back": int(held.sum()),
        "mean_error": float(np.abs(said - values[held]).mean()),
        "correlation": float(np.corrcoef(said, values[held])[0, 1]) if spread > 0 else None,
        "same_side": float(((said > settings.min_score) == (values[held] > settings.min_score)).mean()),
    }


def _shape(corpus: Corpus, scores: NDArray[np.float64], cut: float, highest: float) -> dict[str, Any]:
    """The distribution of scores, and documents just above and below the cut."""
    lowest = 0.0 if highest == 1.0 else select.LOWEST
    numbers, edges = np.histogram(scores, bins=_BINS, range=(lowest, highest))
    order = np.argsort(scores, kind="stable")
    middle = int(np.searchsorted(scores[order], cut, side="right"))

    def listed(places: NDArray[np.int64]) -> list[dict[str, Any]]:
        return [
            {"id": corpus.ids[place], "title": corpus.titles[place], "score": round(float(scores[place]), 3)}
            for place in places
        ]

    return {
        "scores": {"edges": [float(one) for one in edges], "documents": [int(one) for one in numbers]},
        "just_above": listed(order[middle : middle + _SHOWN]),
        "just_below": listed(order[max(0, middle - _SHOWN) : middle][::-1]),
    }


def _write_lists(
    corpus: Corpus,
    documents: DocumentsSettings,
    scores: NDArray[np.float64],
    selected: NDArray[np.bool_],
    work_dir: Path,
    report: Report,
) -> int:
    place = {identity: row for row, identity in enumerate(corpus.ids)}
    count = StageCount(stage="filter: keep", unit="documents")
    reasons: Counter[str] = Counter()

    def kept() -> Iterator[str]:
        with (
            RejectFile(work_dir / ".again") as rejects,
            (work_dir / "dropped.jsonl").open("w", encoding="utf-8") as dropped,
        ):
            again = replace(documents, max_rejected_share=1.0)
            for one in usable_documents(again, rejects, StageCount(stage="again")):
                row = place.get(one.id)
                if row is None:
                    continue  # `rejects-look.jsonl` has it with its reason
                score = round(float(scores[row]), 4)
                if selected[row]:
                    count.kept += 1
                    yield replace(one, score=score).to_json()
                else:
                    reasons["score too low"] += 1
                    dropped.write(
                        json.dumps({"id": one.id, "score": score, "title": one.title}, ensure_ascii=False) + "\n"
                    )
        (work_dir / ".again").unlink(missing_ok=True)

    with timed(count, report):
        write_lines(work_dir / "kept.jsonl", kept())
        for reason, number in reasons.items():
            count.reject(reason, number)
    return count.kept


def _write_index(work_dir: Path, ids: Sequence[str], titles: Sequence[str], stays: NDArray[np.bool_]) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = np.flatnonzero(stays)
    table = pyarrow.table(
        {"row": rows, "id": [ids[row] for row in rows], "title": [titles[row] for row in rows]}
    ).replace_schema_metadata({"rows": str(len(ids))})
    with atomic(work_dir / "index.parquet") as partial:
        pyarrow.parquet.write_table(table, partial)


def _write_scores(path: Path, corpus: Corpus, scores: NDArray[np.float64]) -> None:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        pyarrow.parquet.write_table(pyarrow.table({"id": list(corpus.ids), "score": scores}), partial)


def read_scores(path: Path, corpus: Corpus) -> NDArray[np.float64]:
    """The scores of a corpus that a step wrote.

    Raises:
        ConfigError: there are none, or they are of another corpus.
    """
    import pyarrow.parquet

    if not path.is_file():
        raise ConfigError(f"{path} does not exist", hint="Run the step before it: `kgsynth filter --help` names them.")
    table = pyarrow.parquet.read_table(path)
    if table["id"].to_pylist() != list(corpus.ids):
        raise ConfigError(f"{path} is of another corpus", hint="Run the steps again from `kgsynth filter start`.")
    return np.array(table["score"], dtype=float)


def _store(environment: Environment, settings: FilterSettings) -> Any:
    """Vectors of documents, by content."""
    from kgsynth.concepts.embedding import EmbeddingStore, PooledEmbedder, make_embedder

    return EmbeddingStore(
        environment.embeddings,
        PooledEmbedder(make_embedder("auto"), words=settings.window_words, most=settings.windows),
    )


def _vectors(store: Any, documents: Sequence[Document]) -> NDArray[np.float32]:
    """Vectors of documents with their surface behind, float32 (documents, dimensions + 4)."""
    meaning = store.embed([spoken_latex(f"{one.title}. {one.text}") for one in documents])
    return np.concatenate(
        [meaning, np.array([quality.surface(one.text) for one in documents], dtype=np.float32)], axis=1
    )


def _draw(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.permutation(total)[: min(count, total)])


def _dropped_line(identity: str, reason: str) -> str:
    return json.dumps({"id": identity, "reason": reason}, ensure_ascii=False) + "\n"


def _seed(settings: FilterSettings) -> int:
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (filter.seed): what is drawn must be repeatable.")
    return settings.seed


def _identity(settings: FilterSettings, documents: DocumentsSettings, positives: DocumentsSettings) -> str:
    held: Mapping[str, Any] = {
        **asdict(settings),
        "url": "",
        "concurrency": 0,
        "timeout_s": 0,
        "tries": 0,
        "engine": "",
    }
    sources: Iterable[str] = (*documents.sources, "|", *positives.sources)
    return content_hash([held, list(sources), __version__])[:12]


def known_rounds(work_dir: Path) -> int:
    """How many rounds of a work folder have scores."""
    number = 0
    while (work_dir / f"round-{number + 1}" / "scores.parquet").is_file():
        number += 1
    return number


def rating_runs(work_dir: Path) -> list[RunFolder]:
    """The ratings of all rounds of a work folder.

    Raises:
        ConfigError: there are none.
    """
    folders: list[RunFolder] = []
    while (work_dir / f"round-{len(folders) + 1}" / "ratings").is_dir():
        folders.append(open_run(work_dir / f"round-{len(folders) + 1}" / "ratings"))
    if not folders:
        raise ConfigError(f"{work_dir} holds no ratings", hint="Run `kgsynth filter rate` first.")
    return folders
