"""Decontamination against a real benchmark: the 270 problems of champ-dataset (MIT), planted in five disguises.

    python -m tests.benchmarks.decontamination [PlanetMath file]

Half of the problems are planted among generated questions; recall per disguise and method, and how often a question that
holds no problem is called contaminated: generated ones, the other half's disguises of problems that are not in the
benchmark, and sentences of PlanetMath.
"""

import gzip
import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

from kgsynth.curation import contamination
from kgsynth.curation.contamination import Benchmark, BenchmarkQuestion
from kgsynth.settings import CurateSettings

PLANETMATH = Path(__file__).parents[3] / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
_NAMES = "abcdefghijklmnopqrstuvwxyz"

# Light paraphrase: the ways in which people and models say the same of a problem. Longest first.
_PARAPHRASES = {
    r"\bfind all\b": "determine every",
    r"\bfind the (?:value|number) of\b": "what is the value of",
    r"\bhow many\b": "what is the number of",
    r"\bfind\b": "determine",
    r"\bcompute\b": "calculate",
    r"\bdetermine\b": "work out",
    r"\bprove that\b": "show that",
    r"\bshow that\b": "prove that",
    r"\blet (\S+) be\b": r"suppose that \1 is",
    r"\bsuppose\b": "assume",
    r"\bpositive integers?\b": "natural number",
    r"\bsuch that\b": "with the property that",
    r"\bwhat is\b": "find",
    r"\bgiven that\b": "if it is known that",
    r"\bif\b": "in case",
    r"\blargest\b": "greatest",
    r"\bsmallest\b": "least",
    r"\bare there\b": "exist",
    r"\bpossible\b": "conceivable",
    r"\bpeople\b": "persons",
    r"\bchoose\b": "pick",
    r"\bevery\b": "each",
    r"\bexactly\b": "precisely",
    r"\bat least\b": "no fewer than",
    r"\bat most\b": "no more than",
    r"\bequal to\b": "the same as",
    r"\bsolutions to\b": "solutions of",
    r"\bdifferent\b": "distinct",
}


def problems() -> list[str]:
    """The texts of champ."""
    import champ_dataset

    held = champ_dataset.load("v0").problems
    return [one.text for one in (held.values() if isinstance(held, dict) else held)]


def verbatim(text: str, rng: random.Random) -> str:
    """As it stands."""
    del rng
    return text


def dressed(text: str, rng: random.Random) -> str:
    """Other white space, and formulas in LaTeX."""
    text = re.sub(r"(?<![\w$])([A-Za-z0-9_^+\-*/=()<>≤≥]*[\^_=<>≤≥][A-Za-z0-9_^+\-*/=()<>≤≥]*)", r"$\1$", text)
    text = text.replace("≤", r" \leq ").replace("≥", r"\geq ").replace("<=", r"\le ").replace("*", r" \cdot ")
    return re.sub(r" ", lambda _: rng.choice([" ", "  ", "\n", " "]), text)


def renamed(text: str, rng: random.Random) -> str:
    """Variables renamed one to one."""
    used = sorted(
        {name for name in re.findall(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])", text) if name.lower() not in "ai"}
    )
    free = [name for name in _NAMES if name not in "aio" and name not in used and name.upper() not in used]
    rng.shuffle(free)
    names = dict(
        zip(used, (one.upper() if own.isupper() else one for own, one in zip(used, free, strict=False)), strict=False)
    )
    return re.sub(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])", lambda found: names.get(found.group(1), found.group(1)), text)


def reordered(text: str, rng: random.Random) -> str:
    """Sentences in another order, or, of one sentence, its clauses."""
    parts = re.split(r"(?<=[.?!])\s+", text)
    if len(parts) > 1:
        while (mixed := rng.sample(parts, len(parts))) == parts:
            pass
        return " ".join(mixed)
    clauses = [part.strip() for part in re.split(r",", text.rstrip(".?!")) if part.strip()]
    return ", ".join(clauses[1:] + clauses[:1]) + "?" if len(clauses) > 1 else text


def paraphrased(text: str, rng: random.Random) -> str:
    """Stock phrases said otherwise, once each."""
    del rng
    done: set[str] = set()
    for pattern, other in _PARAPHRASES.items():
        if pattern not in done and re.search(pattern, text, flags=re.IGNORECASE):
            text = re.sub(pattern, other, text, count=1, flags=re.IGNORECASE)
            done.add(pattern)
    return text


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "verbatim": verbatim,
    "white space and LaTeX": dressed,
    "renamed variables": renamed,
    "reordered clauses": reordered,
    "light paraphrase": paraphrased,
}


def planetmath_sentences(path: Path, count: int) -> list[str]:
    """Sentences of 60 to 400 characters, the first of each entry that has one."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = " ".join(json.loads(line)["text"].split())
            found += [one for one in re.split(r"(?<=[.?!])\s+", text) if 60 <= len(one) <= 400][:3]
    return found[:count]


def measure(
    min_overlap: float, review_cosine: float, planetmath: Path | None, embed=None
) -> dict[str, dict[str, float]]:
    """Recall per disguise, and false alarms, as shares; with `embed` also what the review list would show."""
    texts = problems()
    known, unknown = texts[0::2], texts[1::2]
    questions = [BenchmarkQuestion(file="champ", row=row, text=text) for row, text in enumerate(known, 1)]
    index = Benchmark(questions, min_overlap=min_overlap)
    review = contamination.Review(questions, embed=embed, min_cosine=review_cosine) if embed else None
    rows: dict[str, dict[str, float]] = {}

    def look(name: str, planted: list[str]) -> None:
        hits = [index.find(text) for text in planted]
        near = [None] * len(planted) if review is None else review.near(planted)
        shown = [bool(hit) or one is not None for hit, one in zip(hits, near, strict=True)]
        rows[name] = {
            "texts": len(planted),
            "equal": sum(bool(hit) and hit[0].method == "equal" for hit in hits) / len(planted),
            "removed": sum(map(bool, hits)) / len(planted),
            "removed or listed": sum(shown) / len(planted),
        }

    for name, disguise in DISGUISES.items():
        look(name, [disguise(text, random.Random(row)) for row, text in enumerate(known)])
    look("other problems, not in the benchmark", unknown)
    if planetmath is not None:
        look("false: sentences of PlanetMath", planetmath_sentences(planetmath, 5000))
    return rows


def main() -> None:
    """Print the tables."""
    from kgsynth import config
    from kgsynth.concepts.embedding import EmbeddingStore, make_embedder

    given = Path(sys.argv[1]) if len(sys.argv) > 1 else PLANETMATH
    planetmath = given if given.is_file() else None
    embed = EmbeddingStore(config.environment().embeddings, make_embedder("auto")).embed
    for min_overlap in (0.3, 0.4, 0.5, 0.6, 0.7):
        rows = measure(min_overlap, 0.85, planetmath, embed if min_overlap == CurateSettings().min_overlap else None)
        print(
            f"\nmin_overlap {min_overlap}\n| what | texts | equal | removed | removed or listed |\n|---|---|---|---|---|"
        )
        for name, row in rows.items():
            shares = " | ".join(f"{row[key]:.3f}" for key in ("equal", "removed", "removed or listed"))
            print(f"| {name} | {row['texts']:,.0f} | {shares} |")


if __name__ == "__main__":
    main()
