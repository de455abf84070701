"""Names, vocabularies, key phrases, lexical rules and the merge decision."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgsynth.concepts import candidates, keyphrases, vocabulary
from kgsynth.concepts.candidates import Pairs, nearest_pairs
from kgsynth.concepts.decide import MergeTerm, decide
from kgsynth.concepts.embedding import EmbeddingStore, OnnxEmbedder, check_unit_rows, make_embedder
from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.lexical import join, rows_by_key, veto, words_of
from kgsynth.errors import ConfigError, VectorError
from kgsynth.inflection import singular
from kgsynth.names import normal_form, term_id
from kgsynth.records import ConceptName, Document


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Quadratic  Equation", "quadratic equation"), ("\u201cRing\u201d,", "ring"), ("ﬁeld", "field"), ("STRASSE", "strasse"),
        ("Straße", "strasse"), (" (open) ", "(open)"), ("C++", "c++"), ("C#", "c#"), ("≤ relation", "≤ relation"), ("...", ""), ("ℝ", "r"), ("L'Hôpital's rule.", "l'hôpital's rule"),
    ],
)  # fmt: skip
def test_the_normal_form(name: str, form: str) -> None:
    assert normal_form(name) == form
    assert normal_form(form) == form
    assert term_id("topic", name) == (f"topic:{form}" if form else "")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"A $p$-adic number", "A p-adic number"), (r"the \emph{group $G$} is", "the group G is"), (r"M\"obius and P\'olya", "Möbius and Pólya"),
        (r"Euler $\varphi$ function", "Euler phi function"), (r"100\% sure", "100% sure"), (r"L\'{e}vy", "Lévy"), ("plain text", "plain text"),
    ],
)  # fmt: skip
def test_latex_reads_as_words(text: str, plain: str) -> None:
    assert " ".join(detex(text).split()) == plain


def test_formulas_are_borders() -> None:
    assert "¤" in detex(r"ring $\sum_{i=1}^n x_i$ theory")
    assert "¤" in detex("ring $$x$$ theory")
    assert "¤" in detex("ring \\begin{align*}x\\end{align*} theory")


@pytest.mark.parametrize(
    ("plural", "one"),
    [("matrices", "matrix"), ("vertices", "vertex"), ("groups", "group"), ("boundaries", "boundary"), ("classes", "class"), ("bases", "basis"),
     ("basis", "basis"), ("gauss", "gauss"), ("calculus", "calculus"), ("statistics", "statistics"), ("gas", "gas"), ("boxes", "box")],
)  # fmt: skip
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


def found(names: Sequence[str], text: str) -> list[str]:
    return vocabulary.Vocabulary([ConceptName(name=name) for name in names]).find(text)


def test_a_vocabulary_finds_whole_words_and_the_longest_name() -> None:
    assert found(["group", "abelian group"], "An Abelian group, groupoids and a group.") == ["Abelian group", "group"]
    assert found(["ring"], "spring string rings") == ["ring"]
    assert found(["greatest common divisor"], "the greatest\ncommon divisors") == ["greatest common divisor"]
    assert found(["$p$-adic number"], r"every $p$-adic number") == ["p-adic number"]
    assert found(["Möbius function"], r"the M\"obius function") == ["Möbius function"]
    assert found(["ring theory"], r"ring $x+y+z$ theory") == []
    assert found(["ring theory"], "a ring. Theory follows") == []
    assert found(["field extension", "extension field"], "field extension field") == ["field extension"]
    assert found(["linear map", "map"], "linear map map") == ["linear map", "map"]
    assert found([], "anything") == []


@pytest.mark.parametrize(
    "name",
    [
        "proof of the lemma",
        "example of a ring",
        "alternative definition of group",
        "examples of fields",
        "x",
        "Wilson's theorem proof",
    ],
)
def test_titles_that_name_no_concept_are_refused(name: str) -> None:
    assert not vocabulary.is_concept_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "proof theory",
        "group",
        "table",
        "topic model",
        "well-ordering principle",
        "applied mathematics",
    ],
)
def test_names_of_concepts_are_kept(name: str) -> None:
    assert vocabulary.is_concept_name(name)


def test_common_terms_are_left_out_and_reported() -> None:
    documents = [
        Document(id=str(n), text="number " + ("prime" if n < 4 else "other"), topics=("T", "U")) for n in range(40)
    ]
    compiled = vocabulary.Vocabulary(
        [ConceptName(name="number"), ConceptName(name="prime"), ConceptName(name="$x+y$ ring")]
    )
    annotations, report = vocabulary.annotate(documents, compiled, max_document_share=0.1)
    made = list(annotations)
    assert report.too_common == {"number": 40}
    assert report.refused_names == {"holds a formula": 1}
    assert made[0].spellings("concept") == ["prime"]
    assert made[0].spellings("topic") == ["T", "U"]
    assert made[39].spellings("concept") == []


def test_a_corpus_declares_concepts_synonyms_and_defining_titles() -> None:
    documents = [
        Document(id="1", text="x", title="ring", concepts=("ideal",), synonyms=(("gcd", "greatest common divisor"),)),
        Document(id="2", text="x", title="ring is a group", entry_kind="Proof"),
    ]
    assert [one.name for one in vocabulary.declared_names(documents)] == [
        "ring",
        "ideal",
        "gcd",
        "greatest common divisor",
    ]


def test_key_phrases_are_technical_terms() -> None:
    graph = "The weakly connected component of a directed graph is found. An optional argument sets the default value. "
    series = "A recurrence relation defines the power series. An optional argument sets the default value. "
    documents = [Document(id=f"g{n}", text=graph * 2, topics=("graphs",)) for n in range(4)]
    documents += [Document(id=f"s{n}", text=series, topics=("series",)) for n in range(4)]
    phrases = keyphrases.keyphrases(documents, max_document_share=0.6, min_document_count=2, max_phrases=10)
    names = [phrase.name for phrase in phrases]
    assert {"weakly connected component", "directed graph", "recurrence relation", "power series"} <= set(names)
    assert not [name for name in names if "argument" in name or "default" in name]
    again = keyphrases.keyphrases(documents[::-1], max_document_share=0.6, min_document_count=2, max_phrases=10)
    assert again == phrases


def phrases_of(texts: Sequence[str], titles: Sequence[str] = ()) -> list[str]:
    """The key phrases of some texts, each of which stands in two documents; best first."""
    named = [*titles, *[""] * (len(texts) - len(titles))]
    documents = [
        Document(id=f"{turn}{row}", text=text, title=title, topics=("all",))
        for turn in "ab"
        for row, (text, title) in enumerate(zip(texts, named, strict=True))
    ]
    found = keyphrases.keyphrases(documents, max_document_share=1.0, min_document_count=2, max_phrases=100)
    return [phrase.name for phrase in found]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Every number set has a least element. This is the axiom of choice.", "axiom of choice"),
        ("The law of large numbers says what becomes of a mean.", "law of large numbers"),
        ("A map of modules is finitely generated when it is small.", "finitely generated"),
        ("We meet a number field and its type theory.", "type theory"),
        ("It is a self-adjoint operator.", "self-adjoint operator"),
        ("The first law and the equal temperament are known.", "equal temperament"),
        ("The wave-particle duality is old.", "wave-particle duality"),
    ],
)
def test_names_hold_plain_words_and_links(text: str, name: str) -> None:
    assert name in phrases_of([text])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Add two cups of hot stock, one cup flour and twenty grams butter.", "two"),
        (
            "Hot stock.\n\n## References\n\nJ. Milne. Field Notes Collected. Cambridge University Press.",
            "University Press",
        ),
        (
            "Hot stock.\n\n\\begin{thebibliography}{9}\\bibitem{a} Field Notes Collected\\end{thebibliography}",
            "Field Notes",
        ),
        ("Hot stock.\n\nA. Jones, Field Notes Collected, Springer Verlag, 1998.", "Springer"),
        ("Hot stock of the elements of structural and systematic botany.", "of structural"),
        ("Hot stock is poured over.", "over"),
    ],
)
def test_what_names_nothing_is_no_key_phrase(text: str, part: str) -> None:
    found = phrases_of([text])
    assert any("ot stock" in name for name in found)
    assert not [name for name in found if part in name.split() or part in name]


def test_titles_emphasis_and_definitions_rank_a_phrase_first() -> None:
    filler = "The green door and the tall window and the stone floor were there. "
    texts = [
        filler + "A power set is a set.",
        filler + "An \\emph{open cover} is meant.",
        filler + "It is called a bent tree.",
        filler + "See [[cold bridge]] for more.",
        filler + "Nothing else but a warm lamp.",
    ]
    found = phrases_of(texts, ["Power set"])
    first = {name.casefold() for name in found[:4]}
    assert first == {"power set", "open cover", "bent tree", "cold bridge"}
    assert "warm lamp" in found


def test_a_title_that_many_documents_share_is_that_of_a_book() -> None:
    texts = [f"The stone bridge was wide. Chapter text {word}." for word in "abcdefgh"]
    assert phrases_of(texts, ["The Long Voyage"] * 8)[0] == "stone bridge"


def test_words_that_follow_to_and_can_are_verbs() -> None:
    text = "The series can converge, may converge and tends to converge. Power series converge. Power series are good."
    assert phrases_of([text])[0] == "Power series"


def test_a_name_is_shown_as_a_document_wrote_it() -> None:
    assert "daughter nuclei" in phrases_of(["Both daughter nuclei divide."])
    assert "species richness" in phrases_of(["The species richness of a forest is high."])
    assert "AIDS" in " ".join(phrases_of(["A course of pediatric AIDS was seen."]))
    assert "prime ideal" in phrases_of(["All prime ideals and one prime ideal."])


SAME = [
    ("Euler's formula", "Euler formula"), ("semi-continuous", "semicontinuous"), ("colouring problem", "coloring problem"),
    ("gram matrices", "Gram matrix"), ("field of fractions", "fraction field"), ("norm of an ideal", "ideal norm"),
    ("Möbius function", "Moebius function"), ("Möbius function", "Mobius function"), ("gcd", "greatest common divisor"),
    ("po-ring", "partially ordered ring"), ("linear independence", "linearly independent"), ("bilinear map", "bilinear mapping"),
    ("imaginary quadratic field", "quadratic imaginary field"), ("internal node (of a tree)", "internal node"),
    ("quadratic number field", "quadratic field"), ("finite field extension", "finite extension"), ("L'Hôpital's rule", "l'Hospital's rule"),
    ("completely multiplicative", "completely multiplicative function"), ("all one polynomial", "AOP"), ("anti-symmetric", "antisymmetric"),
    ("factorisation", "factorization"), ("linear transformation", "linear map"), ("root-mean-square", "rms"), ("diagonal matrices", "diagonal matrix"),
    ("BV function", "function of bounded variation"), ("PID module", "principal ideal domain module"), ("dof", "degrees of freedom"),
]  # fmt: skip

DIFFERENT = [
    ("left inverse", "right inverse", "opposite"), ("upper bound", "lower bound", "opposite"), ("child node", "parent node", "opposite"),
    ("Gauss's lemma I", "Gauss's lemma II", "number"), ("first derivative", "second derivative", "number"), ("cubic equation", "quartic equation", "number"),
    ("triangular number", "pentagonal number", "number"), ("separable extension", "inseparable extension", "prefix"),
    ("archimedean", "non-archimedean", "negation"), ("convergent", "non convergent", "negation"), ("continuous function", "semicontinuous function", "prefix"),
    ("group", "abelian group", "narrower"), ("prime ideal", "ideal", "narrower"), ("even function", "odd function", "opposite"),
    ("infimum", "supremum", "opposite"), ("rational number", "irrational number", "opposite"), ("directed graph", "undirected graph", "opposite"),
    ("homomorphism", "homeomorphism", "opposite"), ("type 1 error", "type 2 error", "number"), ("subgroup", "supergroup", ""),
    ("product rule", "rule of product", ""), ("ring of quotients", "quotient ring", ""), ("primal", "primality", ""), ("sum of products", "product of sums", ""), ("C++", "C--", ""), ("C++", "C", ""),
    ("dual (of a graph)", "dual (of a code)", ""), ("$\\sum$", "$\\nabla$", ""), ("x = y", "x ≠ y", ""), ("कि", "की", ""), ("number of primes", "prime number", ""),
    ("po-ring", "positivity in ordered ring", ""), ("ir", "ring of integers", ""), ("zeta function at $s=2$", "zeta function at $s=4$", ""),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_names_that_are_one(first: str, second: str) -> None:
    one, other = words_of(first), words_of(second)
    rule = join(one, other)
    assert rule
    assert join(other, one) == rule
    assert rule == "acronym" or not veto(one, other)
    assert rows_by_key([one, other])


@pytest.mark.parametrize(("first", "second", "why"), DIFFERENT)
def test_names_that_are_not(first: str, second: str, why: str) -> None:
    one, other = words_of(first), words_of(second)
    assert not join(one, other) or veto(one, other)
    assert veto(one, other) == veto(other, one) == why or not why


def axes(texts: Sequence[str]) -> np.ndarray:
    """All names alike, so that only the words decide."""
    return np.tile(np.eye(1, 4, dtype=np.float32), (len(texts), 1))


def merged(
    names: dict[str, int], distinct: set[tuple[str, str]] = frozenset(), kind: str = "concept"
) -> dict[str, str]:
    terms = [
        MergeTerm(id=f"{kind}:{name}", kind=kind, name=name, document_count=count) for name, count in names.items()
    ]
    decision = decide(terms, axes, neighbours=20, min_cosine=0.5, distinct=distinct)
    assert decision.candidates >= len(decision.merges) + sum(decision.kept_apart.values()) - len(names)
    return {one.alias_id.partition(":")[2]: one.canonical_id.partition(":")[2] for one in decision.merges}


def test_the_term_of_most_documents_takes_in_the_others() -> None:
    assert merged({"gram matrix": 2, "gram matrices": 9, "group": 50}) == {"gram matrix": "gram matrices"}
    assert merged({"gram matrix": 9, "gram matrices": 9}) == {"gram matrix": "gram matrices"}


def test_merges_are_stars_and_never_chains() -> None:
    # "rms" is an acronym of both spellings; the long forms are each other's spelling, so all are close to the largest.
    targets = merged({"rms": 1, "root mean square": 5, "root-mean-square": 3, "root mean squares": 2})
    assert set(targets.values()) == {"root mean square"}
    chained = merged({"linear independence": 1, "linearly independent": 2, "linearly independent set": 3})
    assert not set(chained) & set(chained.values())


def test_an_acronym_of_two_different_things_stands_for_neither() -> None:
    assert merged({"flt": 3, "fermat last theorem": 2, "fermat little theorem": 2}) == {}


def test_a_reviewers_no_is_obeyed_for_the_whole_group() -> None:
    names = {"euler formula": 9, "euler's formula": 5, "euler formulas": 2}
    assert merged(names) == {"euler's formula": "euler formula", "euler formulas": "euler formula"}
    no = {("concept:euler formulas", "concept:euler's formula")}
    assert len(merged(names, no)) == 1
    assert (
        merged(names, {("concept:euler formula", "concept:euler's formula")}).get("euler's formula") != "euler formula"
    )


def test_only_terms_of_one_kind_merge() -> None:
    terms = [
        MergeTerm(id="topic:graphs", kind="topic", name="graphs", document_count=1),
        MergeTerm(id="concept:graph", kind="concept", name="graph", document_count=1),
    ]
    assert decide(terms, axes, neighbours=5, min_cosine=0.0).merges == []


def test_the_decision_does_not_depend_on_order() -> None:
    names = {name: (7 * n) % 5 for n, name in enumerate(sorted({name for pair in SAME for name in pair}))}
    backwards = dict(reversed(list(names.items())))
    assert merged(names) == merged(backwards)
    assert len(merged(names)) >= 20


def test_nearest_pairs_are_exact_and_checked() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = {(pair.first, pair.second): pair.cosine for pair in nearest_pairs(vectors, neighbours=59, min_cosine=0.5)}
    cosines = vectors @ vectors.T
    expected = {(i, j) for i in range(60) for j in range(i + 1, 60) if cosines[i, j] >= 0.5}
    assert set(pairs) == expected
    assert all(pairs[one] == pytest.approx(cosines[one], abs=1e-5) for one in pairs)
    assert list(nearest_pairs(vectors[:1], neighbours=3, min_cosine=0.0)) == []
    with pytest.raises(VectorError, match="row 0 has length 2"):
        check_unit_rows(vectors * 2)
    with pytest.raises(VectorError, match="row 0 has length nan"):
        check_unit_rows(vectors * np.float32(np.nan))
    with pytest.raises(VectorError, match="float64"):
        check_unit_rows(vectors.astype(np.float64))


def clustered(count: int, seed: int, width: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count // 4, 32)).repeat(4, axis=0) + width * rng.normal(size=(count // 4 * 4, 32))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def pair_set(found: Pairs) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in found}


def test_many_names_are_searched_in_lists_and_what_is_missed_is_measured() -> None:
    vectors = clustered(4000, 1)
    exact = nearest_pairs(vectors, neighbours=5, min_cosine=0.8)
    assert (exact.recall, exact.probes) == (1.0, 0)
    listed = nearest_pairs(vectors, neighbours=5, min_cosine=0.8, exact_up_to=100)
    assert listed.probes >= 4
    assert listed.recall >= 0.999
    assert len(pair_set(listed) & pair_set(exact)) >= 0.997 * len(pair_set(exact))
    # Names that lie further apart need more lists, and get them.
    wide = nearest_pairs(clustered(4000, 1, 0.5), neighbours=5, min_cosine=0.7, exact_up_to=100)
    assert wide.probes > listed.probes
    assert 0.999 <= wide.recall < 1
    # Without any clusters it would be most lists: those are searched exactly.
    rng = np.random.default_rng(2)
    even = rng.normal(size=(2000, 16)).astype(np.float32)
    even /= np.linalg.norm(even, axis=1, keepdims=True)
    spread = nearest_pairs(even, neighbours=10, min_cosine=0.3, exact_up_to=100)
    assert (spread.probes, spread.recall) == (0, 1.0)


def test_lists_keep_the_nearest_of_each_row_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(4000, 1)
    whole = nearest_pairs(vectors, neighbours=2, min_cosine=0.5, exact_up_to=100)
    # Each row has three others in its cluster, and two of them at most are its nearest.
    rows, found = np.unique(np.concatenate([whole.first, whole.second]), return_counts=True)
    assert len(rows) > 3990
    assert 2 <= found.mean() < 3
    exact = pair_set(nearest_pairs(vectors, neighbours=2, min_cosine=0.5))
    assert len(pair_set(whole) & exact) >= 0.997 * len(exact)
    # With every pair a candidate hardly one waits, for the bound of each row rises with what was found for it.
    waiting = []
    add = candidates._Nearest.add

    def told(nearest: Any, rows: Any, others: Any, cosines: Any) -> None:
        waiting.append(len(rows))
        add(nearest, rows, others, cosines)

    monkeypatch.setattr(candidates._Nearest, "add", told)
    loose = [nearest_pairs(vectors, neighbours=2, min_cosine=-1.0, exact_up_to=100)]
    unbound = sum(waiting)
    monkeypatch.setattr(candidates, "_BLOCK", 5_000)
    waiting.clear()
    loose.append(nearest_pairs(vectors, neighbours=2, min_cosine=-1.0, exact_up_to=100))
    assert pair_set(loose[0]) == pair_set(loose[1])
    assert loose[1].probes == loose[0].probes > 0
    assert sum(waiting) < unbound / 3


def test_names_that_are_embedded_the_same_are_still_searched_in_lists() -> None:
    vectors = clustered(4000, 1)
    for start in range(0, 4000, 1000):
        vectors[start : start + 25] = vectors[start]
    found = nearest_pairs(vectors, neighbours=20, min_cosine=0.8, exact_up_to=100)
    assert found.probes > 0
    assert found.recall >= 0.999
    # Of a single nearest one too it is known what lists miss: here they miss much, and all is searched.
    rng = np.random.default_rng(0)
    even = rng.normal(size=(3000, 16)).astype(np.float32)
    even /= np.linalg.norm(even, axis=1, keepdims=True)
    assert nearest_pairs(even, neighbours=1, min_cosine=0.3, exact_up_to=100).probes == 0


def test_a_rule_that_joins_two_names_is_one_whose_key_they_share() -> None:
    rng = np.random.default_rng(3)
    parts = "gcd pid ir ri roi of integers and in the number field ring extension linearly independent independence ideal group map free".split()
    names = sorted({" ".join(rng.choice(parts, size=rng.integers(1, 5))) for _ in range(700)})
    words = [words_of(name) for name in names]
    together = {pair for rows in rows_by_key(words).values() for pair in combinations(sorted(rows), 2)}
    joined = {(i, j) for i, j in combinations(range(len(names)), 2) if join(words[i], words[j])}
    assert len(joined) > 50
    assert joined <= together


def test_a_key_of_many_names_counts_where_the_names_are_near() -> None:
    names = {f"g{letter}x ring": 1 for letter in "abcdefgh"} | {"ring of g": 5, "g ring": 9}
    assert merged(names) == {"ring of g": "g ring"}
    crowd = {f"{first}lpha {second}eta": 1 for first in "abcdefgh" for second in "abcdefgh"} | {
        "ab": 1,
        "alpha beta": 3,
    }
    assert merged(crowd).get("ab") in (None, "alpha beta")


class CountingEmbedder:
    model = "counting"
    many = 2

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return axes(texts)


def test_a_stored_embedding_is_never_computed_twice(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    store = EmbeddingStore(tmp_path / "e.sqlite", embedder)
    assert store.embed(["a", "b", "a"]).shape == (3, 4)
    assert EmbeddingStore(tmp_path / "e.sqlite", embedder).embed(["b", "c"]).shape == (2, 4)
    assert embedder.seen == ["a", "b", "c"]
    assert store.embed([]).shape == (0, 0)


def test_an_interrupted_call_keeps_what_was_embedded(tmp_path: Path) -> None:
    class Failing(CountingEmbedder):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if "cc" in texts:
                raise KeyboardInterrupt
            return super().embed(texts)

    with pytest.raises(KeyboardInterrupt):
        EmbeddingStore(tmp_path / "e.sqlite", Failing()).embed(["a", "cc", "b", "d", "e"])
    embedder = CountingEmbedder()
    assert EmbeddingStore(tmp_path / "e.sqlite", embedder).embed(["a", "cc", "b", "d", "e"]).shape == (5, 4)
    assert embedder.seen == ["cc"]


def test_the_onnx_form_gives_unit_vectors_that_do_not_depend_on_company() -> None:
    embedder = OnnxEmbedder()
    names = ["greatest common divisor", "gcd", "left inverse", "right inverse"]
    together = check_unit_rows(embedder.embed(names))
    alone = np.concatenate([embedder.embed([name]) for name in names])
    assert np.sum(together * alone, axis=1).min() > 0.98
    assert together[2] @ together[3] > together[0] @ together[2]
    with pytest.raises(ConfigError, match="no embedder"):
        make_embedder("bert")  # type: ignore[arg-type]
