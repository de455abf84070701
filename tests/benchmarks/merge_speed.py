"""How fast near-duplicate names are found and decided at size, beside SemHash and datasketch's MinHash.

    python -m tests.benchmarks.merge_speed 50000 200000

Names are those of PlanetMath where it is present, else words of mathematics, each with others that differ as names do:
plural, hyphen, case, word order, an opposite, a number. Embeddings are made once and kept in build/. Every rate is
names a second after embedding.
"""

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kgsynth.concepts import candidates, decide
from kgsynth.concepts.decide import _NEAR_WITHOUT_RULE
from kgsynth.concepts.embedding import Float32Matrix, make_embedder
from kgsynth.concepts.lexical import words_of
from kgsynth.config import MergeSettings
from tests.benchmarks.gpu_merge import _WORDS, short_names

PLANETMATH = Path(__file__).parents[2].parent / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
_KINDS = (
    "left",
    "right",
    "first",
    "second",
    "finite",
    "weak",
    "strong",
    "dual",
    "local",
    "global",
    "partial",
    "even",
    "odd",
)


def names(count: int, seed: int) -> list[str]:
    """Different names, a fifth of them near duplicates of another."""
    random = np.random.default_rng(seed)
    base: list[str] = []
    if PLANETMATH.exists():
        with gzip.open(PLANETMATH, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                base += [row["title"], *row.get("concepts", [])]
    found: dict[str, None] = dict.fromkeys(name for name in base if len(name.split()) < 6)
    fresh: Iterator[str] = iter(short_names(count, seed))
    while len(found) < count:
        name = (
            next(fresh)
            if random.random() < 0.5
            else f"{random.choice(_KINDS)} {random.choice(_WORDS)} {random.choice(_WORDS)}"
        )
        found[name] = None
        if random.random() < 0.25:
            found[
                str(
                    random.choice(
                        [
                            name + "s",
                            name.title(),
                            name.replace(" ", "-"),
                            f"the {name}",
                            " ".join(reversed(name.split())),
                        ]
                    )
                )
            ] = None
    return list(found)[:count]  # fmt: skip


def vectors_of(texts: list[str], label: str) -> Float32Matrix:
    """Embedded once."""
    path = Path("build") / f"merge-{label}.npy"
    if path.exists() and len(held := np.load(path)) == len(texts):
        return np.asarray(held, dtype=np.float32)
    made = make_embedder("auto").embed(texts)
    path.parent.mkdir(exist_ok=True)
    np.save(path, made)
    return made


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result


def measure(count: int) -> None:
    """All ways over the same names."""
    settings = MergeSettings()
    found = names(count, 1)
    terms = [
        decide.MergeTerm(id=f"concept:{name}", kind="concept", name=name, document_count=1) for name in sorted(found)
    ]
    texts = [decide.embedded_text(term.name) for term in terms]
    vectors = vectors_of(texts, str(count))
    words_of.cache_clear()
    print(f"\n{count:,} names, {settings.neighbours} neighbours, cosine from {_NEAR_WITHOUT_RULE}", flush=True)

    def say(name: str, seconds: float, said: str) -> None:
        print(f"  {name:34} {count / seconds:>9,.0f} names/s ({seconds:6.1f} s)  {said}", flush=True)

    ask = {"neighbours": settings.neighbours, "min_cosine": settings.min_cosine}
    near = ask | {"min_cosine": _NEAR_WITHOUT_RULE}
    listed_s, listed = timed(lambda: candidates.nearest_pairs(vectors, **near, exact_up_to=0))
    say(
        "candidates, lists",
        listed_s,
        f"{len(listed.first):,} pairs, recall {listed.recall:.4f}, {listed.probes} lists each",
    )
    exact_s, exact = timed(lambda: candidates.nearest_pairs(vectors, **near, exact_up_to=count))
    say("candidates, exact", exact_s, f"{len(exact.first):,} pairs; lists are {exact_s / listed_s:.1f} times as fast")
    whole_s, decision = timed(lambda: decide.decide(terms, lambda _: vectors, **ask))
    say("kgsynth, whole decision", whole_s, f"{len(decision.merges):,} merges, {len(decision.doubts):,} doubts")
    say("  of it the words", max(whole_s - (listed_s if count > candidates.EXACT_UP_TO else exact_s), 1e-9), "")
    peers(texts, vectors, decision, say)


def peers(
    texts: list[str], vectors: Float32Matrix, decision: decide.Decision, say: Callable[[str, float, str], None]
) -> None:
    """SemHash on the same vectors, MinHash on the words; what they call duplicates is another question than ours."""
    if find_spec("semhash"):
        from semhash import SemHash

        class Same:
            """The vectors at hand in place of a model."""

            def encode(self, wanted: list[str], **_: Any) -> Float32Matrix:
                places = {text: place for place, text in enumerate(texts)}
                return vectors[[places[text] for text in wanted]]

        def semhash(*, is_exact: bool) -> Any:
            index = SemHash.from_records(records=texts, model=Same(), ann_backend="basic" if is_exact else "usearch")
            return index.self_deduplicate(threshold=0.95)

        for is_exact in (False, True) if len(texts) <= 50_000 else (False,):
            seconds, made = timed(lambda is_exact=is_exact: semhash(is_exact=is_exact))
            gone = len(texts) - len(made.selected)
            say(
                f"SemHash, {'exact' if is_exact else 'its default index'}",
                seconds,
                f"{gone:,} duplicates at cosine .95",
            )
    from datasketch import MinHash, MinHashLSH

    def minhash() -> int:
        index = MinHashLSH(threshold=0.8, num_perm=64)
        pairs = 0
        for place, text in enumerate(texts):
            shingles = {text[at : at + 3].encode() for at in range(max(1, len(text) - 2))}
            own = MinHash(num_perm=64)
            own.update_batch(shingles)
            pairs += len(index.query(own))
            index.insert(place, own)
        return pairs

    seconds, pairs = timed(minhash)
    say("datasketch MinHash LSH", seconds, f"{pairs:,} pairs at Jaccard .8 of 3-letter shingles")
    del decision


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    for own_count in parser.parse_args().counts:
        measure(own_count)
