"""Screening of questions: reject them with a reason, group those that belong together, find those of benchmarks.

A question is rejected for the first of these reasons: it is in a benchmark, a filter rejects its text, it is a
duplicate of an earlier question, it is a near-duplicate of an earlier question.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgsynth import near_duplicates
from kgsynth.batching import batches
from kgsynth.curation import contamination, filters, variants
from kgsynth.domain_folder import Domain, by_name
from kgsynth.files import scratch_folder
from kgsynth.progress import Progress
from kgsynth.question_files import read_questions
from kgsynth.records import AnsweredQuestion
from kgsynth.settings import CurateSettings

Embed = Callable[[Sequence[str]], Any]
NearPairs = Callable[[Any, float], Iterable[tuple[int, int, float]]]
_REVIEW_BATCH = 256


@dataclass(slots=True)
class Findings:
    """Decisions of the first pass over the questions, by row."""

    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    groups: near_duplicates.Groups = field(default_factory=near_duplicates.Groups)
    hits: list[dict[str, Any]] = field(default_factory=list)
    review: list[dict[str, Any]] = field(default_factory=list)
    variants: Counter[str] = field(default_factory=Counter)


def screen(
    settings: CurateSettings,
    questions: Sequence[Path],
    benchmark: Sequence[contamination.BenchmarkQuestion],
    *,
    embed: Embed | None,
    near_pairs: NearPairs,
    progress: Progress,
    domains: Mapping[str, Domain] | None = None,
) -> Findings:
    """Check each question, and compare it with similar ones.

    Args:
        settings: filters and thresholds.
        questions: run folders or files; they are read twice if similar questions may be variants of a problem.
        benchmark: questions that training data must not contain.
        embed: returns vectors of texts; None if no threshold needs them.
        near_pairs: yields pairs of vectors with at least a given cosine: earlier row, later row, cosine.
        progress: advanced by one step per question.
        domains: the domains of the questions by name; those that are installed if it is None.
    """
    domains = by_name(()) if domains is None else domains
    findings = Findings()
    forms = near_duplicates.ExactForms()
    indexes: dict[bool, contamination.Benchmark] = {}

    def hits_of(question: AnsweredQuestion) -> list[contamination.Hit]:
        domain = domains.get(question.domain)
        folds = domain is None or domain.filters.fold_numbers
        if folds not in indexes:
            indexes[folds] = contamination.Benchmark(benchmark, min_overlap=settings.min_overlap, folds_numbers=folds)
        return indexes[folds].find(question.text)

    ids: dict[int, str] = {}
    units: dict[int, str] = {}
    kept_texts: list[str] = []
    with (
        scratch_folder() as folder,
        closing(near_duplicates.Signatures(folder)) as signatures,
    ):
        for row, question in enumerate(read_questions(questions, is_unique=False)):
            progress.advance()
            # Benchmarks come first, so that the report lists every question that is in one, even if filters reject it.
            hits = hits_of(question) if benchmark else []
            if hits:
                where = f"{hits[0].benchmark.file}, row {hits[0].benchmark.row}"
                findings.problems[row] = (f"stands in a benchmark ({hits[0].method})", where)
                findings.hits += [_hit_row(question, hit) for hit in hits]
                continue
            problem = ""
            if settings.filters:
                problem = filters.question_problem(question, settings, domains) or filters.answer_problem(
                    question, settings, domains
                )
            if problem:
                findings.problems[row] = (problem, "")
                continue
            first = forms.first(question.text, row)
            if first != row:
                findings.problems[row] = ("stands twice", f"equal to {ids[first]}")
                continue
            ids[row], units[row] = question.id, unit_of(question)
            signatures.add(row, question.text)
            if embed is not None:
                kept_texts.append(question.text)
        near: dict[str, Iterable[tuple[int, int, float]]] = {"MinHash": signatures.pairs(settings.min_jaccard)}
        if settings.min_cosine and embed is not None and len(kept_texts) > 1:
            vectors, rows = embed(kept_texts), signatures.rows
            near["embedding"] = (
                (rows[first], rows[second], cosine)
                for first, second, cosine in near_pairs(vectors, settings.min_cosine)
            )
        for method, pairs in near.items():
            if not settings.filters:
                # Without filters, similar questions stay, but in one group.
                for earlier, later, _ in pairs:
                    findings.groups.join(units[earlier], units[later])
                continue
            if settings.keep_variants:
                pairs = _without_variants(pairs, questions, findings, units)
            for later, (earlier, similarity) in near_duplicates.first_stays(pairs).items():
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
    pairs: Iterable[tuple[int, int, float]], questions: Sequence[Path], findings: Findings, units: Mapping[int, str]
) -> list[tuple[int, int, float]]:
    """Return the similar pairs that are the same problem; variants are counted and join one group of the split."""
    unique_pairs = sorted(set(pairs))
    wanted = {row for pair in unique_pairs for row in pair[:2]}
    texts = {
        row: (question.text, question.final_answer)
        for row, question in enumerate(read_questions(questions, is_unique=False) if wanted else ())
        if row in wanted
    }
    same: list[tuple[int, int, float]] = []
    variant_kinds: dict[int, str] = {}
    for earlier, later, similarity in unique_pairs:
        (first, first_answer), (second, second_answer) = texts[earlier], texts[later]
        difference = variants.difference(first, second, first_answer=first_answer, second_answer=second_answer)
        if difference:
            findings.groups.join(units[earlier], units[later])
            variant_kinds.setdefault(later, difference)
        else:
            same.append((earlier, later, similarity))
    for row in {later for _, later, _ in same}:
        variant_kinds.pop(row, None)
    findings.variants.update(variant_kinds.values())
    return same


def unit_of(question: AnsweredQuestion) -> str:
    """Return the group of a question before similarity: its combination, or else its document."""
    if question.combination_id:
        return question.combination_id
    return f"document {question.documents[0]}" if question.documents else f"question {question.id}"


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
