"""The filter's cold start on fields, shares of the domain in the corpus, and numbers of examples.

    python -m tests.benchmarks.filter_shares work|last [PLOT.png]

Each field of ../shared/data (PlanetMath by halves of its areas) is the domain once; the corpus is what is left of it and
a draw of the others, up to 1,000 documents. Fields are divided by a hash into those that the method was made on (`work`)
and those that were looked at once (`last`). Vectors come from build/filter.npy (tests.benchmarks.filtering makes them).
"""

import hashlib
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from kgsynth.documents import latent_semantics, select
from tests.benchmarks.filtering import read, vectors_of

_SHARES = (0.01, 0.02, 0.1, 0.25, 0.5, 0.8)
_EXAMPLES = (10, 30, 100)
_SIZE = 1_000
_SEEDS = 1
# Forests take most of the time.
_WITH_FOREST = ((30, 0.02), (30, 0.25), (30, 0.8), (100, 0.5))
_METHODS: tuple[select.Method, ...] = ("auto", "linear", "centroid", "forest")


def is_work(name: str) -> bool:
    """Whether a field belongs to the part that the method was made on."""
    return int(hashlib.sha256(f"field {name}".encode()).hexdigest()[:8], 16) % 2 == 0


def mixed(
    is_in: np.ndarray, may_be_used: np.ndarray, share: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The places of examples, and of a corpus of which a share is of the domain."""
    own, rest = rng.permutation(np.flatnonzero(may_be_used)), rng.permutation(np.flatnonzero(~is_in))
    examples, left = own[:count], own[count:]
    outside = min(len(rest), _SIZE - round(share * _SIZE), round(len(left) * (1 - share) / share))
    inside = max(1, round(outside * share / (1 - share)))
    return examples, np.concatenate([left[:inside], rest[:outside]])


class _Counted:
    """Counts of words in memory, as `latent_semantics.WordCounts` gives them."""

    def __init__(self, table: object) -> None:
        self._table = table

    def rows(self, places: np.ndarray) -> object:
        """Some rows."""
        return self._table[places]  # type: ignore[index]


def main() -> None:
    """The table, and the plot where one is asked for."""
    part = sys.argv[1]
    rows = read("planetmath") + read("background")
    vectors = vectors_of(rows)
    field = np.array([row.get("field", "mathematics") for row in rows])
    area = np.array([row.get("area", "") for row in rows])
    domains = {
        name: field == name
        for name in sorted(set(field))
        if name != "mathematics" and is_work(name) == (part == "work")
    }
    domains["mathematics"] = (field == "mathematics") & np.array([is_work(one) == (part == "work") for one in area])
    table: dict[tuple[int, float, str], list[tuple[float, ...]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        counts = latent_semantics.WordCounts(Path(folder), words=480)
        for first in range(0, len(rows), 256):
            counts.add([f"{row['title']}. {row['text']}" for row in rows[first : first + 256]])
        words = counts.rows(np.arange(len(rows)))

    def with_words(examples: np.ndarray, corpus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of examples and corpus, with the words that both teach."""
        semantics = latent_semantics.learned(_Counted(words), corpus, words[examples])  # type: ignore[arg-type]
        made = [latent_semantics.joined(vectors[at], semantics.vectors(words[at])) for at in (examples, corpus)]
        return made[0], made[1]

    for number, (name, may_be_used) in enumerate(domains.items()):
        is_in = field == name
        for count in (one for one in _EXAMPLES if one <= 0.6 * may_be_used.sum()):
            for share in _SHARES:
                for seed in range(_SEEDS):
                    rng = np.random.default_rng((number, count, round(1000 * share), seed))
                    examples, corpus = mixed(is_in, may_be_used, share, count, rng)
                    truth = is_in[corpus]
                    positives, drawn = with_words(examples, corpus)
                    for method in _METHODS:
                        if method in ("auto", "forest") and (count, share) not in _WITH_FOREST:
                            continue
                        made = select.from_examples(positives, drawn, method=method, seed=seed)
                        kept = made.drawn_scores >= 0.5
                        table[count, share, method].append(
                            (
                                float(roc_auc_score(truth, made.drawn_scores)),
                                float(truth[kept].mean()) if kept.any() else 1.0,
                                float(kept[truth].mean()),
                                (made.share or 0.0) / float(truth.mean()),
                                made.expected_precision or 0.0,
                            )
                        )
        print(name, "done", file=sys.stderr, flush=True)
    print(f"{part}: {', '.join(domains)}")
    print("examples share | method: AUC (least) precision recall, estimated share / share, expected precision; means")
    for count in _EXAMPLES:
        for share in _SHARES:
            cells = []
            for method in _METHODS:
                held = np.array(table[count, share, method])
                if len(held):
                    auc, precision, recall, ratio, expected = held.mean(axis=0)
                    least = held[:, 0].min()
                    numbers = f"{precision:.2f} {recall:.2f} {ratio:.2f} {expected:.2f}"
                    cells.append(f"{method} {auc:.3f} ({least:.3f}) {numbers}")
            print(f"{count:>4} {share:>5.0%} | " + " | ".join(cells))
    if len(sys.argv) > 2:
        plot(table, Path(sys.argv[2]))


def plot(table: dict[tuple[int, float, str], list[tuple[float, ...]]], path: Path) -> None:
    """AUC and precision over the share of the domain, a column for each number of examples."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(_EXAMPLES), figsize=(12, 6), sharex=True, sharey="row")
    for row, (measure, least) in enumerate((("area under the ROC curve", 0.85), ("precision at the cut", 0.4))):
        for column, count in enumerate(_EXAMPLES):
            axis = axes[row, column]
            # A method keeps its color and sign in all panels, and lines that coincide stay visible.
            for method, color, sign in zip(_METHODS, ("C3", "C0", "C1", "C2"), "xos^", strict=True):
                shares = [share for share in _SHARES if table.get((count, share, method))]
                means = [np.mean([one[row] for one in table[count, share, method]]) for share in shares]
                axis.plot(shares, means, marker=sign, color=color, alpha=0.7, label=method)
            axis.set(xscale="log", ylim=(least, 1.005))
            axis.set_xticks(_SHARES, [f"{share:.0%}" for share in _SHARES])
            axis.minorticks_off()
        axes[row, 0].set_ylabel(measure)
    for column, count in enumerate(_EXAMPLES):
        axes[0, column].set_title(f"{count} examples")
        axes[1, column].set_xlabel("share of the domain in the corpus")
    axes[1, -1].legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
