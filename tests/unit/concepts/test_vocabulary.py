"""Tests of `kgsynth.concepts.vocabulary`."""

import tracemalloc
from collections.abc import Iterator

import pytest

from kgsynth.concepts import vocabulary
from kgsynth.records import ConceptName, Document
from tests.unit.concepts.concepts_cases import found
from tests.unit.languages_cases import terms_found


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


@pytest.mark.parametrize(
    ("text", "is_found"),
    [("设 G 是群，", True), ("「群」", True), ("群の作用", True), ("每一个群的阶", True), ("子群", False), ("群众", False), ("群论", False)],
)  # fmt: skip
def test_a_name_of_one_character_is_found_where_it_stands_alone(text: str, is_found: bool) -> None:
    assert terms_found(["群"], text) == (["群"] if is_found else [])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("群", True), ("轨道", True), ("환", True), ("の", False), ("環", True), ("拉格朗日定理的证明", False), ("プログラムの例", False), ("群" * 41, False),
        ("Beweis des Satzes", False), ("démonstration du théorème", False), ("ejemplo de grupo", False), ("доказательство теоремы", False), ("Beweistheorie", True),
    ],
)  # fmt: skip
def test_which_titles_name_a_concept(name: str, is_one: bool) -> None:
    assert vocabulary.is_concept_name(name) == is_one


def test_a_name_that_is_too_long_costs_itself() -> None:
    compiled = vocabulary.Vocabulary([ConceptName(name=name) for name in ("a" * 10**6, "群" * 10**6, "abelian group")])
    assert compiled.report.refused_names == {"longer than 1,000 characters": 2}
    assert compiled.find("an abelian group " + "a" * 10**6) == ["abelian group"]


def test_code_is_not_looked_at_and_tables_are() -> None:
    text = "```python\nfield\n```\nSee [it](https://site/ideal) and `ring`.\n\n| group | order |\n|---|---|\n\n    a module here"
    assert terms_found(["field", "ideal", "ring", "group", "module"], text) == ["group", "module"]
    assert terms_found(["word"], "a `word' and ``word'' as LaTeX quotes it") == ["word"]


def test_annotations_come_one_by_one_and_count_what_they_lack() -> None:
    texts = ["a ring here"] * 30 + ["something else that is long enough to be seen as English by all of its words"] * 30
    texts += ["ทฤษฎีกราฟเป็นสาขาหนึ่งของคณิตศาสตร์"] * 10
    documents = (Document(id=str(n), text=text, topics=("T",) if n else ()) for n, text in enumerate(texts))
    compiled = vocabulary.Vocabulary([ConceptName(name="ring")])
    annotations, report = vocabulary.annotate(documents, compiled, max_document_share=1)
    assert report.documents == 70
    assert next(annotations).spellings("concept") == ["ring"]
    assert [one.id for one in annotations] == [str(n) for n in range(1, 70)]
    assert next(annotations, None) is None
    assert (report.concepts_found, report.documents_without_concepts, report.documents_without_topic) == (30, 40, 1)
    assert report.languages == {"en": 30, "th": 10}
    assert report.shortfall() == "no concept was found in 40 of 70 documents (languages: en 30, th 10)"


def test_a_stage_says_when_it_found_nothing_and_is_silent_when_it_did() -> None:
    for text, said in (("群论", "no concept was found in any of 1 documents (languages: zh 1)"), ("a ring", "")):
        compiled = vocabulary.Vocabulary([ConceptName(name="ring")])
        annotations, report = vocabulary.annotate([Document(id="1", text=text)], compiled, max_document_share=1)
        list(annotations)
        assert report.shortfall() == said


def test_memory_does_not_grow_with_the_documents() -> None:
    compiled = vocabulary.Vocabulary([ConceptName(name="ring")])

    def documents(count: int) -> Iterator[Document]:
        return (Document(id=f"document {n}", text="a ring here", topics=(f"topic {n}",)) for n in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        annotations, _ = vocabulary.annotate(documents(count), compiled, max_document_share=1)
        assert sum(1 for _ in annotations) == count
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    peak(10)
    assert peak(5_000) < peak(500) + 100_000
