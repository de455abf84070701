"""Keeping the documents of a domain: a first model from examples, rounds of rating, a cut.

The work folder holds all of it: the embedded corpus (`corpus`), a folder a round with its ratings and scores, and at
the end `kept.jsonl`, `dropped.jsonl` and `filter.json`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import __version__
from kgsynth.config import (
    SAMPLING,
    UNDECISIVE,
    BackendSettings,
    DocumentsSettings,
    Environment,
    FilterSettings,
    SyllabusSettings,
)
from kgsynth.documents import RejectFile, quality, read_again, select, usable_documents
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.generation import prompts
from kgsynth.generation.rating import ASPECTS, Rate, Rating, one_score
from kgsynth.generation.syllabus import Syllabus
from kgsynth.pipeline.asking import Stage, ask
from kgsynth.pipeline.backends import Make, make_generator
from kgsynth.pipeline.corpus import Corpus, document_vectors, embed, read_scores, vector_store, write_scores
from kgsynth.pipeline.stages import Report, batches, settled, timed, write_lines
from kgsynth.progress import Progress
from kgsynth.randomness import stream
from kgsynth.records import Document, StageCount, content_hash
from kgsynth.runs import RUN_FILE, RunFolder, atomic, open_run, write_json

FIGURES = "filter.json"
_EMBED_BATCH = 256
_HELD_BACK = 0.2  # of the ratings, to see how the model agrees with the rater
_SHOWN = 10
_BINS = 36
# So many documents, spread evenly, show what goes with doubt.
_DOUBT_SAMPLE = 20_000
_TENTH = 0.1
_TOLD = ("method", "ranks", "estimated_share", "expected_precision", "expected_recall")


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
    store = vector_store(environment, settings)
    count = StageCount(stage="filter: start", unit="examples")
    with timed(count, report), RejectFile(work_dir / "rejects-positives.jsonl") as rejects:
        usable = usable_documents(positives, rejects, count)
        examples = [document_vectors(store, batch) for batch in batches(usable, _EMBED_BATCH)]
        if not examples:
            raise ConfigError("there is no example of the domain", hint="Give --positives, or run `filter syllabus`.")
        known = np.concatenate(examples)
        drawn = _draw(len(corpus), settings.negatives, stream(_seed(settings), "filter negatives", 0))
        # An example that stands in the corpus is no example of what does not belong.
        own = _equal_rows(corpus[drawn], known)
        made = select.from_examples(
            known,
            corpus[drawn[~own]],
            method=settings.method,
            seed=_seed(settings),
            recall=settings.recall,
            precision=settings.precision,
        )
        found = select.scores(made.scorer, corpus)
        # What was drawn is scored by models that did not learn that it does not belong.
        found[drawn[~own]] = made.drawn_scores
        count.notes["method"] = made.method
        count.notes["ranks"] = {name: round(rank, 4) for name, rank in made.ranks.items()}
        if made.share is not None and made.expected_precision is not None:
            count.notes["estimated_share"] = round(made.share, 3)
            count.notes["expected_precision"] = round(made.expected_precision, 3)
        count.notes["expected_recall"] = round(made.expected_recall, 3)
        count.notes["drawn"] = int((~own).sum())
        count.notes["drawn_examples"] = int(own.sum())
        count.notes["selected"] = int((found >= 0.5).sum())
    write_scores(work_dir / "start.parquet", corpus, found)
    return found


def rate(
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
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Ask a model for ratings of documents of the selection and of a fresh draw from the corpus, half and half.

    What earlier rounds have rated is not asked for again.

    Args:
        environment: where models are.
        corpus: of the work folder.
        documents: the sources, for the texts.
        settings: backend, and how many are rated.
        selected: bool (documents,), what is kept at the moment.
        scores: float64 (documents,), to take the best where too little is selected.
        earlier: the ratings of earlier rounds.
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
    is_open = np.ones(len(corpus), dtype=np.bool_)
    is_open[list(corpus.places(_ratings(earlier)).values())] = False
    inside = np.flatnonzero(selected & is_open)
    if len(inside) < half:
        best = np.argsort(-scores, kind="stable")
        inside = best[is_open[best]][:half]
    wanted = {int(one) for one in rng.permutation(inside)[:half]}
    is_open[list(wanted)] = False
    rest = np.flatnonzero(is_open)
    wanted |= {int(rest[one]) for one in _draw(len(rest), settings.rated - half, rng)}
    stage = rate_stage(documents, settings, corpus.contents(np.array(sorted(wanted), dtype=np.int64)))
    run_dir = work_dir / f"round-{number}" / "ratings"
    return ask(environment, stage, run_dir=run_dir, report=report, progress=progress, make=make)


def rate_stage(documents: DocumentsSettings, settings: FilterSettings, contents: Mapping[str, Any]) -> Stage:
    """The stage that rates some documents of the sources.

    Args:
        documents: the sources.
        settings: backend and domain.
        contents: content hashes by id; any other value stands for whatever content.
    """
    documents = settled(documents)
    return Stage(
        name="rate",
        unit="documents",
        rows_name="ratings",
        record=Rating,
        settings=settings,
        decisive={},
        inputs={"documents": asdict(documents)},
        templates={"rate": prompts.load(settings.domain, "rate")},
        units=lambda: _unchanged(read_again(documents), contents),
        unit_line=lambda one: f"{one.id} {one.content_hash()}",
        begin=Rate,
    )


def _unchanged(documents: Iterator[Document], contents: Mapping[str, Any]) -> Iterator[Document]:
    found = 0
    for one in documents:
        wanted = contents.get(one.id)
        if wanted is not None and (not isinstance(wanted, str) or wanted == one.content_hash()):
            found += 1
            yield one
    if found < len(contents):
        raise ManifestError(
            f"{len(contents) - found:,} of {len(contents):,} documents that are to be rated are not in the sources, or "
            "have another text",
            hint="Did the sources change? Run `kgsynth filter embed` on them, into another --work-dir.",
        )


def _ratings(folders: Iterable[RunFolder]) -> dict[str, dict[str, Any]]:
    """All ratings of some runs by document."""
    return {row["id"]: row for folder in folders for part in folder.parts() for row in part.rows()}


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
    said = _ratings(ratings)
    place = corpus.places(said)
    ids = sorted(place, key=lambda one: place[one])
    rows = np.array([place[one] for one in ids], dtype=np.int64)
    values = np.array([one_score(said[one], settings.score) for one in ids])
    held = np.array([int(content_hash(one)[:8], 16) / 16**8 < _HELD_BACK for one in ids], dtype=bool)
    count = StageCount(stage=f"filter: round {number}", unit="documents")
    with timed(count, report):
        vectors = corpus[rows]
        agreement = _agreement(vectors, values, held, settings)
        model = select.from_ratings(vectors, values, method=settings.method, seed=_seed(settings))
        found = select.scores(model, corpus)
        count.kept = int((found > settings.min_score).sum())
        count.reject(f"score of {settings.min_score:g} or less", len(found) - count.kept)
        count.notes["ratings"] = len(rows)
    write_scores(work_dir / f"round-{number}" / "scores.parquet", corpus, found)
    return found, {
        "ratings": len(rows),
        "mean_rating": float(values.mean()),
        "agreement": agreement,
        "aspects": _aspects([said[one] for one in ids], values),
        "doubt": _doubt(model, corpus, found, settings.min_score),
    }


def run_filter(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    syllabus: SyllabusSettings | None = None,
    *,
    work_dir: Path,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> dict[str, Any]:
    """The whole filter: embed, examples, start, rounds of rating and scoring, lists of what is kept and dropped.

    Args:
        environment: where models and vectors are.
        documents: the corpus; examples are read as it is.
        settings: all of it; with 0 rounds the chance of the cold start decides, and no model rates.
        syllabus: how examples are written where `settings.positives` names none; by the model that rates when not
            given.
        work_dir: everything goes here; a killed call is continued by the same one.
        report: gets the accounts.
        progress: told what goes on.
        make: makes the backend.

    Returns:
        The figures, as they stand in `filter.json`.

    Raises:
        ConfigError: an input is unusable, there is no seed, or nothing is kept; further as the steps raise.
    """
    _seed(settings)
    _refuse_unusable(documents, settings)
    if syllabus is None:
        own = {item.name: getattr(settings, item.name) for item in fields(BackendSettings) if item.name not in SAMPLING}
        syllabus = SyllabusSettings(**own)
    decisive = _identity(settings, syllabus, documents)
    claim = RunFolder(work_dir, content_hash(decisive)[:12], decisive, stage="filter", rows_name="none")
    counts: list[StageCount] = []

    def reported(count: StageCount) -> None:
        counts.append(count)
        report(count)

    with claim.opened():
        corpus = embed(environment, documents, settings, work_dir=work_dir, report=reported, progress=progress)
        looked = counts[-1]
        positives = replace(documents, sources=settings.positives)
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
        scores = start(environment, corpus, settings, work_dir=work_dir, positives=positives, report=reported)
        selected = scores >= 0.5
        figures: dict[str, Any] = {
            "version": __version__,
            "method": settings.method,
            "min_score": settings.min_score,
            "documents": len(corpus),
            "read": looked.read,
            "dropped_by_looks": dict(looked.rejected),
            "examples": counts[-1].kept,
            "start": {
                **{name: counts[-1].notes[name] for name in _TOLD if name in counts[-1].notes},
                "selected": int(selected.sum()),
                **_shape(corpus, scores, 0.5, 1.0),
            },
            "rounds": [],
        }
        folders: list[RunFolder] = []
        for number in range(1, settings.rounds + 1):
            done = _rated(work_dir / f"round-{number}" / "ratings")
            folders.append(
                done
                or rate(
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
            last, before = scores, selected
            scores, said = fine(corpus, settings, ratings=folders, number=number, work_dir=work_dir, report=reported)
            selected = scores > settings.min_score
            figures["rounds"].append(
                {
                    "selected": int(selected.sum()),
                    **_changes(corpus, before, selected, last, scores),
                    **said,
                    **_shape(corpus, scores, settings.min_score, select.HIGHEST),
                }
            )
            if (before == selected).all():
                break
        kept = _write_lists(corpus, documents, scores, selected, work_dir, reported)
        figures["kept"] = kept
        write_json(work_dir / FIGURES, figures)
        claim.complete({"version": __version__, "kept": kept})
    if not kept:
        raise ConfigError("nothing is kept", hint=_hint(work_dir, settings))
    return figures


def _hint(work_dir: Path, settings: FilterSettings) -> str:
    if not settings.rounds:
        return f"Look at {work_dir / FIGURES}; more examples, or a higher --recall, may tell the domain better."
    return (
        f"`kgsynth filter report {work_dir} -o FILE.html` shows the scores; `kgsynth filter keep SOURCES --work-dir "
        f"{work_dir} --min-score N` cuts elsewhere with the ratings at hand."
    )


def _refuse_unusable(documents: DocumentsSettings, settings: FilterSettings) -> None:
    """What would fail after the corpus was embedded fails before."""
    if settings.rounds:
        prompts.load(settings.domain, "rate")
    if settings.positives:
        first = next(read_again(replace(documents, sources=settings.positives)), None)
        if first is None:
            raise ConfigError("there is no example of the domain", hint="Is a file of --positives empty?")
    else:
        prompts.load(settings.domain, "syllabus")


def _rated(path: Path) -> RunFolder | None:
    """The ratings of a round that is done: it stays as it is, whatever was retried since."""
    if not (path / RUN_FILE).is_file():
        return None
    held = open_run(path)
    return held if held.manifest() is not None else None


def keep(
    corpus: Corpus, documents: DocumentsSettings, settings: FilterSettings, *, work_dir: Path, report: Report
) -> int:
    """Write the lists of what is kept and dropped by the last scores of a work folder.

    Returns:
        How many documents are kept: those with a rating of more than `settings.min_score`, or, where nothing was rated,
        with .5 or more in the cold start.

    Raises:
        ConfigError: there are no scores; ManifestError: the sources are not those that were embedded.
    """
    scores, selected = selection(corpus, settings, work_dir=work_dir)
    return _write_lists(corpus, documents, scores, selected, work_dir, report)


def selection(
    corpus: Corpus, settings: FilterSettings, *, work_dir: Path
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The last scores of a work folder, float64 (documents,), and which documents they select, bool (documents,).

    Raises:
        ConfigError: there are no scores, or they are of another corpus.
    """
    last = known_rounds(work_dir)
    scores = read_scores(work_dir / (f"round-{last}/scores.parquet" if last else "start.parquet"), corpus)
    return scores, scores > settings.min_score if last else scores >= 0.5


def read_figures(work_dir: Path) -> dict[str, Any]:
    """The figures of a filter that ran to its end.

    Raises:
        ConfigError: there are none.
    """
    try:
        found = dict(json.loads((work_dir / FIGURES).read_text(encoding="utf-8")))
        if not {"rounds", "start", "kept"} <= found.keys():
            raise ValueError("it is not what a filter wrote")  # noqa: TRY301
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{work_dir / FIGURES} cannot be read: {error}", hint="`kgsynth filter run` writes it at its end."
        ) from error
    return found


def write_syllabus(
    environment: Environment,
    settings: SyllabusSettings,
    *,
    run_dir: Path,
    output: Path,
    report: Report,
    progress: Progress | None = None,
    make: Make = make_generator,
) -> RunFolder:
    """Examples of a domain, written by a language model from a syllabus; a killed run is continued.

    Args:
        environment: where models are.
        settings: backend, domain, how many disciplines and items; the seed is required.
        run_dir: of the run.
        output: JSON Lines of documents, four an item.
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
        decisive={},
        inputs={},
        templates={task: prompts.load(settings.domain, task) for task in ("syllabus", "syllabus_document")},
        units=lambda: iter([Path(settings.domain).name]),
        unit_line=lambda one: one,
        begin=partial(Syllabus, disciplines=settings.disciplines, items=settings.items),
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
    return {
        "held_back": int(held.sum()),
        "mean_error": float(np.abs(said - values[held]).mean()),
        "correlation": _correlation(said, values[held]),
        "same_side": float(((said > settings.min_score) == (values[held] > settings.min_score)).mean()),
    }


def _aspects(said: Sequence[Mapping[str, int]], values: NDArray[np.float64]) -> dict[str, dict[str, float | None]]:
    """Of each aspect that was rated: its mean, how often it is the lowest, how it goes with the score."""
    table = np.array([[row[aspect] for aspect in ASPECTS] for row in said], dtype=float)
    lowest = table == table.min(axis=1, keepdims=True)
    return {
        aspect: {
            "mean": float(table[:, column].mean()),
            "lowest_share": float(lowest[:, column].mean()),
            "correlation": _correlation(table[:, column], values),
        }
        for column, aspect in enumerate(ASPECTS)
    }


def _doubt(model: select.Scorer, corpus: Corpus, scores: NDArray[np.float64], cut: float) -> dict[str, Any]:
    """Of which documents the model is least sure, and which feature of a text goes with that most.

    Doubt is the standard deviation of what a forest's trees say, in points of the rating; another model says nothing of
    it, and there it is the nearness to the cut, negative.
    """
    places = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), _DOUBT_SAMPLE)).round().astype(np.int64))
    doubt = select.doubts(model, corpus[places])
    kind = "spread of the trees"
    if doubt is None:
        doubt, kind = -np.abs(scores[places] - cut), "nearness to the cut"
    features: dict[str, Any] = {}
    surface = corpus[places][:, -len(quality.SURFACE) :]
    for column, name in enumerate(quality.SURFACE):
        order = np.argsort(surface[:, column], kind="stable")
        tenth = max(1, round(_TENTH * len(order)))
        features[name] = {
            "correlation": _correlation(_ranks(surface[:, column]), _ranks(doubt)),
            "of_the_least_tenth": float(doubt[order[:tenth]].mean()),
            "of_the_most_tenth": float(doubt[order[-tenth:]].mean()),
        }
    most = np.argsort(-doubt, kind="stable")[:_SHOWN]
    return {
        "kind": kind,
        "mean": float(doubt.mean()),
        "features": features,
        "most_doubtful_feature": max(
            (name for name in features if features[name]["correlation"] is not None),
            key=lambda name: abs(features[name]["correlation"]),
            default=None,
        ),
        "documents": [
            {**one, "doubt": round(float(doubt[row]), 3)}
            for row, one in zip(most, _listed(corpus, scores, places[most]), strict=True)
        ],
    }


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks of values, equal ones sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float | None:
    """Pearson's; None where one of the two does not vary."""
    return float(np.corrcoef(one, other)[0, 1]) if np.std(one) * np.std(other) > 0 else None


def _changes(
    corpus: Corpus,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    last: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> dict[str, Any]:
    """What a round added and removed, and the clearest of it."""
    added, removed = np.flatnonzero(after & ~before), np.flatnonzero(before & ~after)
    shown = {
        "added_documents": added[np.argsort(-scores[added], kind="stable")][:_SHOWN],
        "removed_documents": removed[np.argsort(scores[removed], kind="stable")][:_SHOWN],
    }
    return {
        "added": len(added),
        "removed": len(removed),
        **{
            name: [
                {**one, "before": round(float(last[place]), 3)}
                for place, one in zip(places, _listed(corpus, scores, places), strict=True)
            ]
            for name, places in shown.items()
        },
    }


def _shape(corpus: Corpus, scores: NDArray[np.float64], cut: float, highest: float) -> dict[str, Any]:
    """The distribution of scores, and documents just above and below the cut."""
    lowest = 0.0 if highest == 1.0 else select.LOWEST
    numbers, edges = np.histogram(scores, bins=_BINS, range=(lowest, highest))
    order = np.argsort(scores, kind="stable")
    middle = int(np.searchsorted(scores[order], cut, side="left" if highest == 1.0 else "right"))
    return {
        "scores": {"edges": [float(one) for one in edges], "documents": [int(one) for one in numbers]},
        "just_above": _listed(corpus, scores, order[middle : middle + _SHOWN]),
        "just_below": _listed(corpus, scores, order[max(0, middle - _SHOWN) : middle][::-1]),
    }


def _listed(corpus: Corpus, scores: NDArray[np.float64], places: NDArray[np.int64]) -> list[dict[str, Any]]:
    return [
        {"id": identity, "title": title, "score": round(float(scores[place]), 3)}
        for place, (identity, title) in zip(places, corpus.names(places), strict=True)
    ]


def _write_lists(
    corpus: Corpus,
    documents: DocumentsSettings,
    scores: NDArray[np.float64],
    selected: NDArray[np.bool_],
    work_dir: Path,
    report: Report,
) -> int:
    count = StageCount(stage="filter: keep", unit="documents")

    def kept() -> Iterator[str]:
        known = corpus.all_rows()
        own, place = next(known, (("", ""), None))
        with atomic(work_dir / "dropped.jsonl") as partial, partial.open("w", encoding="utf-8") as dropped:
            for one in read_again(documents):
                if (one.id, one.content_hash()) != own:
                    continue  # `rejects-look.jsonl` has it with its reason
                if place is not None:
                    score = round(float(scores[place]), 4)
                    if selected[place]:
                        count.kept += 1
                        yield replace(one, score=score).to_json()
                    else:
                        count.reject("score too low")
                        row = {"id": one.id, "score": score, "title": one.title}
                        dropped.write(json.dumps(row, ensure_ascii=False) + "\n")
                own, place = next(known, (("", ""), None))
        if count.read != len(corpus):
            raise ManifestError(
                f"{len(corpus) - count.read:,} of {len(corpus):,} documents are not where they were in the sources",
                hint="Did they change while the filter ran? Run the same command again.",
            )

    with timed(count, report):
        write_lines(work_dir / "kept.jsonl", kept())
    return count.kept


def _equal_rows(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows are those of a text that is among the others too."""
    held = {row.tobytes() for row in others}
    return np.array([row.tobytes() in held for row in rows], dtype=np.bool_)


def _draw(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.permutation(total)[: min(count, total)])


def _seed(settings: BackendSettings) -> int:
    if settings.seed is None:
        raise ConfigError("no seed is given", hint="Give --seed N (filter.seed): what is drawn must be repeatable.")
    return settings.seed


def _identity(
    settings: FilterSettings, syllabus: SyllabusSettings, documents: DocumentsSettings
) -> dict[str, dict[str, Any]]:
    """What decides which documents are kept."""
    sections: dict[str, dict[str, Any]] = {"filter": asdict(settings), "documents": asdict(documents)}
    if not settings.positives:
        sections["syllabus"] = asdict(syllabus)
    return {
        name: {key: value for key, value in section.items() if key not in UNDECISIVE}
        for name, section in sections.items()
    } | {"kgsynth": {"version": __version__}}


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
