"""Candidates from contexts: defining sentences and neighbours."""

from dataclasses import replace

import numpy as np

from kgsynth.concepts.context_candidates import Use, context_pairs, defining_sentence, neighbour_vectors


def test_the_sentence_that_says_what_a_thing_is_comes_first() -> None:
    """A mention in passing loses against a definition, and any document against the one with the name as title."""
    passing = Use(title="Rings", text="Every field contains a prime field. We use it.", spelling="prime field")
    defined = Use(
        title="Fields", text="See above. A prime field is a field without proper subfields.", spelling="prime field"
    )
    assert defining_sentence([passing, defined]) == "A prime field is a field without proper subfields."
    own = Use(title="Prime field", text="The prime field of K lies in K.", spelling="prime field")
    assert defining_sentence([passing, defined, own]) == "The prime field of K lies in K."


def test_a_name_in_a_script_without_spaces_has_a_sentence() -> None:
    use = Use(title="", text="左逆元是环论中的概念。右逆元与左逆元不同。PCR是一种方法。", spelling="右逆元")
    assert defining_sentence([use]) == "右逆元与左逆元不同。"
    assert defining_sentence([replace(use, spelling="PCR")]) == "PCR是一种方法。"


def test_a_text_without_the_spelling_has_no_sentence() -> None:
    """Part of a word is no use of the name."""
    assert defining_sentence([Use(title="", text="Subgroups are many.", spelling="group")]) == ""
    assert defining_sentence([]) == ""


def test_a_long_sentence_is_cut_around_the_name() -> None:
    """The name stays in the excerpt."""
    text = "word " * 300 + "Galois group " + "word " * 300
    sentence = defining_sentence([Use(title="", text=text, spelling="Galois group")])
    assert "Galois group" in sentence
    assert len(sentence) <= 302


def test_names_with_the_same_neighbours_have_similar_vectors() -> None:
    """Two names that never meet, but stand beside the same others, are nearer than names with other neighbours."""
    # Documents of names 0 to 5: 0 and 1 stand with 2 and 3; 4 stands with 5.
    documents = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    rows = np.array([0, 2, 3, 1, 2, 3, 4, 5])
    vectors = neighbour_vectors(documents, rows, 7, seed=1)
    assert vectors[0] @ vectors[1] > 0.99
    assert abs(vectors[0] @ vectors[4]) < 0.3
    assert np.array_equal(vectors[6], np.zeros(vectors.shape[1]))
    assert np.array_equal(vectors, neighbour_vectors(documents, rows, 7, seed=1))


def test_context_pairs_finds_a_synonym_without_common_letters() -> None:
    """A stand-in for the embedder tells all names apart; the same neighbours join two of them."""
    rng = np.random.default_rng(2)
    known: dict[str, np.ndarray] = {}

    def embed(texts: list[str]) -> np.ndarray:
        for text in texts:
            vector = rng.normal(size=32)
            known.setdefault(text, (vector / np.linalg.norm(vector)).astype(np.float32))
        return np.stack([known[text] for text in texts])

    names = ["greatest common divisor", "highest common factor", "prime ideal", "local ring"]
    sentences = ["The greatest common divisor is large.", "The highest common factor is large.", "", "A local ring."]
    mentions = (np.array([0, 0, 1, 1, 2]), np.array([0, 2, 1, 2, 3]))
    first, second, cosine = context_pairs(names, sentences, mentions, embed, neighbours=1, seed=1)[0]
    assert (first, second) == (0, 1)
    assert 0.2 < cosine <= 1
    assert context_pairs(names[:1], [""], (np.empty(0, int), np.empty(0, int)), embed, neighbours=1, seed=1) == []


def test_a_sentence_may_have_the_plural_or_a_line_break_and_a_title_its_first_sentence() -> None:
    broken = Use(title="", text="First.\n\nA perfect\ncode is a code without gaps.", spelling="perfect code")
    assert defining_sentence([broken]) == "A perfect code is a code without gaps."
    plural = Use(title="", text="All perfect codes are known. Perfect coders are not.", spelling="perfect code")
    assert defining_sentence([plural]) == "All perfect codes are known."
    titled = Use(
        title="Zariski lemma", text="\\begin{document}\n\nLet k be a field. Then it holds.", spelling="Zariski lemma"
    )
    assert defining_sentence([titled]) == "Let k be a field."
    assert defining_sentence([replace(titled, title="another")]) == ""
    # A text that has the name is preferred to one that has it only as title.
    used = Use(title="another", text="We use the Zariski lemma here.", spelling="Zariski lemma")
    assert defining_sentence([titled, used]) == "We use the Zariski lemma here."


def test_a_long_sentence_is_cut_around_the_name_and_not_around_a_longer_word() -> None:
    text = "A string " + "of letters " * 60 + "forms a ring " + "of letters " * 60
    assert "forms a ring" in defining_sentence([Use(title="", text=text, spelling="ring")])


def test_headings_formulas_and_other_words_are_no_sentences() -> None:
    def sentence(spelling: str, text: str, title: str = "") -> str:
        return defining_sentence([Use(title=title, text=text, spelling=spelling)])

    heading = "# Regular polygons\nA regular polygon has equal sides and equal angles."
    assert sentence("regular polygon", heading) == "A regular polygon has equal sides and equal angles."
    assert sentence("classical group", r"\section{Classical Groups} The classical groups are many.") == (
        "The classical groups are many."
    )
    assert sentence("ring", "Rings.\n\nIn a ring one can add and multiply.") == "In a ring one can add and multiply."
    assert sentence("perfect code", "All perfect codes were found. Here is one perfect code for you.") == (
        "Here is one perfect code for you."
    )
    # A name that stands only in few words is kept with them.
    assert sentence("unit circle", "The unit circle.") == "The unit circle."
    for spelling, text in (("DOE", "What does he do?"), ("i", "A group is a set."), ("GA", "A gas is light.")):
        assert sentence(spelling, text) == ""
    assert sentence("lemma", "Zorn and the others use it.", title="Lemma") == "Zorn and the others use it."
    assert sentence("lemma", "Zorn.", title="Lemma") == ""


def test_a_name_without_a_sentence_is_compared_by_its_name() -> None:
    """Its place in the vector would otherwise be empty, and its cosine with any name too small."""
    names = ["ring", "rings", "field"]

    def embed(texts: list[str]) -> np.ndarray:
        vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
        return np.stack([vectors[names.index(text.partition(":")[0])] for text in texts])

    nowhere = np.empty(0, int), np.empty(0, int)
    first, second, cosine = context_pairs(names, ["A ring.", "", ""], nowhere, embed, neighbours=1, seed=1)[0]
    assert (names[first], names[second]) == ("ring", "rings")
    assert cosine > 0.99
