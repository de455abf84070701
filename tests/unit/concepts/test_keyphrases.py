"""Tests of `kgsynth.concepts.keyphrases`."""

from collections.abc import Sequence

import pytest

from kgsynth.concepts import keyphrases
from kgsynth.records import Document


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


def test_a_corpus_of_manuals_gives_no_words_of_programs_no_variables_and_no_identifiers() -> None:
    manual = (
        "The optional argument dtype of the callable. Returns a tuple with the keyword arguments and default values. "
    )
    # Too short to be known as a text of a manual.
    short = "A clique of the graph G holds the input array. The singular value is large."
    texts = [manual, f"{manual} The spanning tree is small.", short]
    titles = ["", "", "hypergeom gen"]
    assert sorted(phrases_of(texts, titles)) == ["singular value", "spanning tree"]
    alone = phrases_of([short, "A field is a ring.", "A ring is a group."], ["hypergeom gen"])
    assert {"graph G", "input array", "hypergeom gen"} <= set(alone)


def test_other_topics_of_a_corpus_with_manuals_keep_their_names() -> None:
    manual = (
        "The optional argument dtype of the callable. Returns a tuple with the keyword arguments and default values. "
    )
    patient = "We study the hepatitis B virus. They need vitamin B12. This is a T cell. It is no string theory."
    documents = [
        Document(id=f"{topic}{turn}", text=text, topics=(topic,))
        for topic, text in (("manuals", manual), ("medicine", patient))
        for turn in range(4)
    ]
    found = keyphrases.keyphrases(documents, max_document_share=1.0, min_document_count=2, max_phrases=100)
    names = {phrase.name for phrase in found}
    assert {"hepatitis B virus", "vitamin B12", "T cell", "string theory"} <= names
