"""Keep the documents of a domain: a first model from examples, rounds of rating, a cut.

The work folder holds all files: the embedded corpus (`documents.embedded_corpus`), a folder per round with its ratings
and scores, and at the end `kept.jsonl`, `dropped.jsonl` and `filter.json`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack

from kgsynth import __version__, domain_folder
from kgsynth.accounts import Report, silent, timed_stage
from kgsynth.batching import batches
from kgsynth.config import SAMPLING, Environment
from kgsynth.documents import embedded_corpus, filter_figures, latent_semantics, select
from kgsynth.documents.embedded_corpus import (
    Corpus,
    document_vectors,
    read_scores,
    read_words,
    titled_text,
    write_scores,
)
from kgsynth.documents.filter_folder import FIGURES, known_rounds, write_kept
from kgsynth.documents.latent_semantics import WithWords, joined
from kgsynth.documents.read import read_again, usable_documents
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.files import write_json, write_lines
from kgsynth.generation import prompts
from kgsynth.generation.backend_factory import Make, make_generator
from kgsynth.generation.rating import ASPECTS, Rate, Rating, one_score
from kgsynth.generation.stage_run import Stage, ask
from kgsynth.generation.syllabus import Syllabus
from kgsynth.progress import Progress
from kgsynth.randomness import stream
from kgsynth.records import Document, StageCount, content_hash
from kgsynth.rejects import RejectFile
from kgsynth.run_folder import RUN_FILE, RunFolder, open_run
from kgsynth.settings import UNDECISIVE, BackendSettings, DocumentsSettings, FilterSettings, SyllabusSettings

_EMBED_BATCH = 256
_HELD_OUT_SHARE = 0.2  # Share of the ratings that measures how well the model agrees with the rater.
_COLD_START_NOTES = ("method", "ranks", "estimated_share", "expected_precision", "expected_recall")


def cold_start(
    environment: Environment,
    corpus: Corpus,
    settings: FilterSettings,
    *,
    work_dir: Path,
    positives: DocumentsSettings,
    report: Report = silent,
) -> NDArray[np.float64]:
    """Score each document from examples and a random draw of the corpus.

    Returns:
        Scores, float64 (documents,), from 0 to 1; documents of the domain score .5 or more.

    Raises:
        ConfigError: there is no example.
    """
    store = vector_store(environment, settings)
    count = StageCount(stage="filter: start", unit="examples")
    with timed_stage(count, report), RejectFile(work_dir / "rejects-positives.jsonl") as rejects:
        usable = usable_documents(positives, rejects, count)
        counted = read_words(work_dir, settings)
        examples, words = [], []
        for batch in batches(usable, _EMBED_BATCH):
            examples.append(document_vectors(store, batch))
            words.append(counted.of([titled_text(document) for document in batch]))
        if not examples:
            raise ConfigError("there is no example of the domain", hint="Give --positives, or run `filter syllabus`.")
        example_words = vstack(words).tocsr()
        semantics = latent_semantics.learned(counted, corpus.rows, example_words)
        vectors = WithWords(corpus, corpus.rows, counted, semantics)
        positives_matrix = joined(np.concatenate(examples), semantics.vectors(example_words))
        drawn = _draw(len(corpus), settings.negatives, stream(_seed(settings), "filter negatives", 0))
        # A drawn document that is also an example must not count as negative.
        is_example = _equal_rows(vectors[drawn], positives_matrix)
        model = select.from_examples(
            positives_matrix,
            vectors[drawn[~is_example]],
            method=settings.method,
            seed=_seed(settings),
            recall=settings.recall,
            precision=settings.precision,
        )
        scores = select.scores(model.scorer, vectors)
        # Drawn documents get scores from models that were not trained on them as negatives.
        scores[drawn[~is_example]] = model.drawn_scores
        count.notes["method"] = model.method
        count.notes["ranks"] = {name: round(rank, 4) for name, rank in model.ranks.items()}
        if model.share is not None and model.expected_precision is not None:
            count.notes["estimated_share"] = round(model.share, 3)
            count.notes["expected_precision"] = round(model.expected_precision, 3)
        count.notes["expected_recall"] = round(model.expected_recall, 3)
        count.notes["drawn"] = int((~is_example).sum())
        count.notes["drawn_examples"] = int(is_example.sum())
        count.notes["selected"] = int((scores >= 0.5).sum())
    write_scores(work_dir / "start.parquet", corpus, scores)
    return scores


def rate_documents(
    environment: Environment,
    corpus: Corpus,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    selected: NDArray[np.bool_],
    scores: NDArray[np.float64],
    earlier: Sequence[RunFolder] = (),
    number: int,
    work_dir: Path,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Ask a model to rate documents: half from the current selection, half drawn from the rest of the corpus.

    Documents that earlier rounds have rated are not rated again.

    Args:
        environment: where models are.
        corpus: the embedded corpus of the work folder.
        documents: the sources of the texts.
        settings: backend, and number of documents to rate.
        selected: bool (documents,), the current selection.
        scores: float64 (documents,); the best documents fill up a selection that is too small.
        earlier: run folders with the ratings of earlier rounds.
        number: number of the round, from 1.
        work_dir: folder for `round-<number>/ratings`.
        report: receives the account.
        progress: advances one step per document.
        make: creates the backend.

    Raises:
        As `kgsynth.pipeline.generate`.
    """
    rng = stream(_seed(settings), "filter rated", number)
    half = settings.rated // 2
    is_open = np.ones(len(corpus), dtype=np.bool_)
    is_open[list(corpus.places(_ratings(earlier)).values())] = False
    inside = np.flatnonzero(selected & is_open)
    if len(inside) < half:
        best = np.argsort(-scores, kind="stable")
        inside = best[is_open[best]][:half]
    chosen = {int(index) for index in rng.permutation(inside)[:half]}
    is_open[list(chosen)] = False
    rest = np.flatnonzero(is_open)
    chosen |= {int(rest[index]) for index in _draw(len(rest), settings.rated - half, rng)}
    stage = rate_stage(documents, settings, corpus.contents(np.array(sorted(chosen), dtype=np.int64)))
    run_dir = work_dir / f"round-{number}" / "ratings"
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def rate_stage(documents: DocumentsSettings, settings: FilterSettings, contents: Mapping[str, Any]) -> Stage:
    """Return the stage that rates some documents of the sources.

    Args:
        documents: the sources.
        settings: backend and domain.
        contents: content hash by document id; a value that is not a string accepts any content.
    """
    return Stage(
        name="rate",
        unit="documents",
        rows_name="ratings",
        record=Rating,
        settings=settings,
        decisive={},
        inputs=documents.as_inputs(),
        templates={"rate": prompts.load(settings.domain, "rate")},
        units=lambda: _unchanged(read_again(documents), contents),
        unit_line=lambda document: f"{document.id} {document.content_hash()}",
        begin=Rate,
    )


def _unchanged(documents: Iterator[Document], contents: Mapping[str, Any]) -> Iterator[Document]:
    matches = 0
    for document in documents:
        expected = contents.get(document.id)
        if expected is not None and (not isinstance(expected, str) or expected == document.content_hash()):
            matches += 1
            yield document
    if matches < len(contents):
        raise ManifestError(
            f"{len(contents) - matches:,} of {len(contents):,} documents that are to be rated are not in the sources, "
            "or have another text",
            hint="Did the sources change? Run `kgsynth filter embed` on them, into another --work-dir.",
        )


def _ratings(folders: Iterable[RunFolder]) -> dict[str, dict[str, Any]]:
    """Return all ratings of some runs by document id."""
    return {row["id"]: row for folder in folders for part in folder.parts() for row in part.rows()}


def fit_scores(
    corpus: Corpus,
    settings: FilterSettings,
    *,
    ratings: Sequence[RunFolder],
    number: int,
    work_dir: Path,
    report: Report = silent,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Fit a model to all ratings so far; return its scores of the corpus, from 1 to 10, and figures of its agreement.

    A fifth of the ratings, chosen by document id, is held out to measure the agreement. The model that scores the
    corpus is trained on all ratings.

    Raises:
        ConfigError: there are too few ratings.
    """
    rating_of = _ratings(ratings)
    index_of = corpus.places(rating_of)
    ids = sorted(index_of, key=lambda identity: index_of[identity])
    rows = np.array([index_of[identity] for identity in ids], dtype=np.int64)
    values = np.array([one_score(rating_of[identity], settings.score) for identity in ids])
    is_held_out = np.array(
        [int(content_hash(identity)[:8], 16) / 16**8 < _HELD_OUT_SHARE for identity in ids], dtype=bool
    )
    count = StageCount(stage=f"filter: round {number}", unit="documents")
    with timed_stage(count, report):
        vectors = corpus[rows]
        agreement = filter_figures.agreement(vectors, values, is_held_out, settings, seed=_seed(settings))
        model = select.from_ratings(vectors, values, method=settings.method, seed=_seed(settings))
        scores = select.scores(model, corpus)
        count.kept = int((scores > settings.min_score).sum())
        count.reject(f"score of {settings.min_score:g} or less", len(scores) - count.kept)
        count.notes["ratings"] = len(rows)
    write_scores(work_dir / f"round-{number}" / "scores.parquet", corpus, scores)
    return scores, {
        "ratings": len(rows),
        "mean_rating": float(values.mean()),
        "agreement": agreement,
        "aspects": filter_figures.aspects([rating_of[identity] for identity in ids], ASPECTS, values),
        "doubt": filter_figures.doubt(model, corpus, scores, settings.min_score),
    }


def run_filter(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    syllabus: SyllabusSettings | None = None,
    *,
    work_dir: Path,
    examples: DocumentsSettings | None = None,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> dict[str, Any]:
    """Run the whole filter: embed, find examples, cold start, rounds of rating and scoring, lists of documents.

    Args:
        environment: where models and vectors are.
        documents: the corpus.
        settings: all settings of the filter; with 0 rounds the cold start decides, and no model rates.
        syllabus: how a model writes examples where `settings.positives` names none; None uses the model that rates.
        work_dir: folder for all files; repeating the call continues one that was interrupted.
        examples: how `settings.positives` are read; None reads them like the corpus.
        report: receives the accounts.
        progress: receives progress.
        make: creates the backend.

    Returns:
        The figures, as in `filter.json`.

    Raises:
        ConfigError: an input is unusable, the seed is missing, or no document is kept.
        KgsynthError: a step failed.

    Examples:
        >>> settings = FilterSettings(rounds=0, positives=("notes/algebra",), seed=1, min_words=1)
        >>> figures = pipeline.run_filter(environment, sources, settings, work_dir=Path("filtered"))
        >>> figures["kept"] > 0
        True
    """
    _seed(settings)
    positives = replace(examples or documents, sources=settings.positives)
    _refuse_unusable(positives, settings)
    if syllabus is None:
        backend_values = {
            item.name: getattr(settings, item.name) for item in fields(BackendSettings) if item.name not in SAMPLING
        }
        syllabus = SyllabusSettings(**backend_values)
    decisive = _identity(settings, syllabus, documents)
    claim = RunFolder(work_dir, content_hash(decisive)[:12], decisive, stage="filter", rows_name="none")
    counts: list[StageCount] = []

    def reported(count: StageCount) -> None:
        counts.append(count)
        report(count)

    with claim.opened():
        corpus = embed(environment, documents, settings, work_dir=work_dir, report=reported, progress=progress)
        screened = counts[-1]
        if not settings.positives:
            positives = DocumentsSettings(sources=(str(work_dir / "syllabus.jsonl"),), kind_field="entry_kind")
            write_syllabus(
                environment,
                syllabus if syllabus.seed is not None else replace(syllabus, seed=settings.seed),
                run_dir=work_dir / "syllabus",
                output=work_dir / "syllabus.jsonl",
                report=reported,
                progress=progress,
                make=make,
            )
        scores = cold_start(environment, corpus, settings, work_dir=work_dir, positives=positives, report=reported)
        selected = scores >= 0.5
        figures: dict[str, Any] = {
            "version": __version__,
            "method": settings.method,
            "min_score": settings.min_score,
            "documents": len(corpus),
            "read": screened.read,
            "dropped_by_looks": dict(screened.rejected),
            "examples": counts[-1].kept,
            "start": {
                **{name: counts[-1].notes[name] for name in _COLD_START_NOTES if name in counts[-1].notes},
                "selected": int(selected.sum()),
                **filter_figures.shape(corpus, scores, 0.5, 1.0),
            },
            "rounds": [],
        }
        folders: list[RunFolder] = []
        for number in range(1, settings.rounds + 1):
            finished_ratings = _finished_ratings(work_dir / f"round-{number}" / "ratings")
            folders.append(
                finished_ratings
                or rate_documents(
                    environment,
                    corpus,
                    documents,
                    settings,
                    selected=selected,
                    scores=scores,
                    earlier=folders,
                    number=number,
                    work_dir=work_dir,
                    report=reported,
                    progress=progress,
                    make=make,
                )
            )
            previous_scores, previous_selection = scores, selected
            scores, fit_figures = fit_scores(
                corpus, settings, ratings=folders, number=number, work_dir=work_dir, report=reported
            )
            selected = scores > settings.min_score
            figures["rounds"].append(
                {
                    "selected": int(selected.sum()),
                    **filter_figures.changes(corpus, previous_selection, selected, previous_scores, scores),
                    **fit_figures,
                    **filter_figures.shape(corpus, scores, settings.min_score, select.HIGHEST),
                }
            )
            if (previous_selection == selected).all():
                break
        kept = write_kept(corpus, documents, scores, selected, work_dir, reported)
        figures["kept"] = kept
        write_json(work_dir / FIGURES, figures)
        claim.complete({"version": __version__, "kept": kept})
    if not kept:
        raise ConfigError("nothing is kept", hint=_hint(work_dir, settings))
    return figures


def _hint(work_dir: Path, settings: FilterSettings) -> str:
    if not settings.rounds:
        return f"See {work_dir / FIGURES}; give more examples or a higher --recall."
    return (
        f"`kgsynth filter report {work_dir} -o FILE.html` shows the scores; `kgsynth filter keep SOURCES --work-dir "
        f"{work_dir} --min-score N` applies another threshold to them."
    )


def _refuse_unusable(positives: DocumentsSettings, settings: FilterSettings) -> None:
    """Raise errors of prompts and examples now, not after the corpus was embedded."""
    if settings.rounds:
        prompts.load(settings.domain, "rate")
    if settings.positives:
        example = next(read_again(positives), None)
        if example is None:
            raise ConfigError("there is no example of the domain", hint="Is a file of --positives empty?")
    else:
        prompts.load(settings.domain, "syllabus")


def _finished_ratings(path: Path) -> RunFolder | None:
    """Return the ratings of a finished round, or None; later retries do not reopen the round."""
    if not (path / RUN_FILE).is_file():
        return None
    folder = open_run(path)
    return folder if folder.manifest() is not None else None


def write_selection(
    corpus: Corpus, documents: DocumentsSettings, settings: FilterSettings, *, work_dir: Path, report: Report
) -> int:
    """Write the lists of kept and dropped documents from the last scores of a work folder.

    Returns:
        Number of documents kept: those that score more than `settings.min_score`, or, without ratings, at least .5 in
        the cold start.

    Raises:
        ConfigError: there are no scores.
        ManifestError: the sources are not those that were embedded.
    """
    scores, selected = selected_documents(corpus, settings, work_dir=work_dir)
    return write_kept(corpus, documents, scores, selected, work_dir, report)


def selected_documents(
    corpus: Corpus, settings: FilterSettings, *, work_dir: Path
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the last scores of a work folder, float64 (documents,), and the selection, bool (documents,).

    Raises:
        ConfigError: there are no scores, or they belong to another corpus.
    """
    last = known_rounds(work_dir)
    scores = read_scores(work_dir / (f"round-{last}/scores.parquet" if last else "start.parquet"), corpus)
    return scores, scores > settings.min_score if last else scores >= 0.5


def write_syllabus(
    environment: Environment,
    settings: SyllabusSettings,
    *,
    run_dir: Path,
    output: Path,
    report: Report = silent,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Let a language model write examples of a domain from a syllabus; an interrupted run is continued.

    Args:
        environment: where models are.
        settings: backend, domain, numbers of disciplines and items; the seed is required.
        run_dir: folder of the run.
        output: JSON Lines of documents, four per item.
        report: receives the account.
        progress: advances one step.
        make: creates the backend.

    Raises:
        As `kgsynth.pipeline.generate`.
    """
    _seed(settings)
    given = domain_folder.load(settings.domain).disciplines
    stage = Stage(
        name="syllabus",
        unit="domains",
        rows_name="documents",
        record=Written,
        settings=settings,
        decisive={"given": list(given)} if given else {},
        inputs={},
        templates={task: prompts.load(settings.domain, task) for task in ("syllabus", "syllabus_document")},
        units=lambda: iter([Path(settings.domain).name]),
        unit_line=lambda name: name,
        begin=partial(Syllabus, disciplines=settings.disciplines, items=settings.items, given=given),
    )
    folder = ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)
    rows = (row for part in folder.parts() for row in part.rows())
    write_lines(output, (json.dumps(row, ensure_ascii=False) for row in rows))
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Row of a written document in a run folder."""

    id: str
    text: str
    title: str
    topics: tuple[str, ...]
    entry_kind: str
    source: str


def _equal_rows(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows, bool (rows,), also occur among the others."""
    other_bytes = {row.tobytes() for row in others}
    return np.array([row.tobytes() in other_bytes for row in rows], dtype=np.bool_)


def _draw(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.permutation(total)[: min(count, total)])


def _seed(settings: BackendSettings) -> int:
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (filter.seed), so that draws are repeatable.")
    return settings.seed


def _identity(
    settings: FilterSettings, syllabus: SyllabusSettings, documents: DocumentsSettings
) -> dict[str, dict[str, Any]]:
    """Return the settings that determine which documents are kept."""
    sections: dict[str, dict[str, Any]] = {"filter": asdict(settings), "documents": asdict(documents)}
    if not settings.positives:
        sections["syllabus"] = asdict(syllabus)
    return {
        name: {key: value for key, value in section.items() if key not in UNDECISIVE}
        for name, section in sections.items()
    } | {"kgsynth": {"version": __version__}}


def embed(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    work_dir: Path,
    report: Report = silent,
    progress: Progress | None = None,
) -> Corpus:
    """Read each document once and embed it; documents that fail a check go to `rejects-*.jsonl` with the reason.

    Args:
        environment: where vectors are kept.
        documents: the sources.
        settings: settings of the checks and of the windows.
        work_dir: folder for the index and the vectors.
        report: receives the accounts.
        progress: advances one step per document.

    Raises:
        ConfigError: a source is unusable.
        TooManyRejectsError: too many documents are unusable.
        MissingExtraError: no embedder is installed.
    """
    store = vector_store(environment, settings)
    return embedded_corpus.embed(store, documents, settings, work_dir=work_dir, report=report, progress=progress)


def vector_store(environment: Environment, settings: FilterSettings) -> Any:
    """Return the store of document vectors by content.

    Raises:
        MissingExtraError: no embedder is installed.
    """
    from kgsynth.concepts.embedding import EmbeddingStore, PooledEmbedder, make_embedder

    return EmbeddingStore(
        environment.embeddings,
        PooledEmbedder(make_embedder("auto", settings.executor), words=settings.window_words, most=settings.windows),
    )
