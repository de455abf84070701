"""Long documents as parts: nothing is lost, no part is too long, and each knows its document, pages and headings."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgsynth.config import DocumentsSettings
from kgsynth.documents.split import split, word_count
from kgsynth.records import Document


def words(count: int, seed: int = 1) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(1000)}" for _ in range(count)) + "."


def book(chapters: int = 4, sections: int = 3, size: int = 200) -> str:
    text = "# The Book\n\nA short word before all.\n\n"
    for chapter in range(chapters):
        text += f"## Chapter {chapter}\n\n{words(40, chapter)}\n\n"
        for section in range(sections):
            text += f"### Section {chapter}.{section}\n\n{words(size, 10 * chapter + section)}\n\n"
    return text


def parts(document: Document, **settings: object) -> list[Document]:
    return list(split(document, DocumentsSettings(**settings)))  # type: ignore[arg-type]


def test_short_documents_stay_whole() -> None:
    document = Document(id="a", text=book(2), page_starts=(0, 100))
    assert parts(document) == [document]
    assert parts(document)[0].page_starts == ()
    assert parts(Document(id="a", text=words(9000)), split="none") == [Document(id="a", text=words(9000))]


@pytest.mark.parametrize("how", ["auto", "sections", "pages", "words"])
def test_parts_hold_all_words_in_order_and_are_bounded(how: str) -> None:
    text = book(6, 4, 300)
    starts = [0, *(place for place in range(2000, len(text), 2000))]
    # Pages begin between words.
    starts = [text.rfind(" ", 0, start) if start else 0 for start in starts]
    document = Document(id="book.pdf", text=text, title="The Book", license="MIT", page_starts=tuple(starts))
    found = parts(document, split=how, whole_words=100, part_words=500)
    assert len(found) > 10
    assert " ".join(" ".join(part.text for part in found).split()) == " ".join(text.split())
    assert all(word_count(part.text) <= 500 for part in found)
    assert [part.id for part in found] == [f"book.pdf#{number}" for number in range(1, len(found) + 1)]
    assert {(part.parent, part.license) for part in found} == {("book.pdf", "MIT")}
    pages = [[int(page) for page in part.pages.split("-")] for part in found]
    assert pages[0][0] == 1
    assert pages[-1][-1] == len(starts)
    assert all(one[-1] in (other[0], other[0] - 1) for one, other in pairwise(pages))


def test_sections_are_parts_with_their_headings() -> None:
    found = parts(Document(id="b", text=book(2, 3, 200), title="T"), split="sections", part_words=300)
    assert [part.section for part in found] == [
        *("The Book > Chapter 0", "The Book > Chapter 0 > Section 0.1", "The Book > Chapter 0 > Section 0.2"),
        *("The Book > Chapter 1", "The Book > Chapter 1 > Section 1.1", "The Book > Chapter 1 > Section 1.2"),
    ]
    assert found[0].text.startswith("# The Book\n\nA short word before all.\n\n## Chapter 0")
    assert found[1].title == "Section 0.1"
    assert found[1].metadata["document_title"] == "T"


def test_a_chapter_that_fits_is_one_part_and_two_chapters_never_are() -> None:
    found = parts(Document(id="b", text=book(3, 2, 50)), split="sections", part_words=1000)
    assert [part.section for part in found] == [f"The Book > Chapter {n}" for n in range(3)]


def test_a_chapter_is_the_topic_where_only_the_folder_was_known() -> None:
    guessed = Document(id="b", text=book(2, 2, 50), topics=("folder",), topics_are_guessed=True)
    found = parts(guessed, split="sections", part_words=1000)
    assert [part.topics for part in found] == [("Chapter 0",), ("Chapter 1",)]
    declared = replace(guessed, topics_are_guessed=False)
    assert {part.topics for part in parts(declared, split="sections", part_words=1000)} == {("folder",)}


def test_comments_in_code_are_no_headings_and_fences_stay_whole() -> None:
    code = "```python\n" + "\n".join(f"# step {n}\nx = {n}" for n in range(60)) + "\n```"
    text = "\n\n".join(f"{words(80, n)}\n\n{code}" for n in range(6))
    found = parts(Document(id="c", text=text), split="auto", whole_words=100, part_words=500)
    assert len(found) > 2
    assert all(part.section == "" and part.text.count("```") % 2 == 0 for part in found)


def test_text_without_blanks_is_counted_and_cut() -> None:
    text = "群作用于集合上。" * 3000
    assert word_count(text) == 24000
    found = parts(Document(id="z", text=text))
    assert 16 <= len(found) <= 18
    assert "".join(part.text for part in found) == text
    assert all(part.text.endswith("。") for part in found)


def test_a_paragraph_without_an_end_is_cut_between_words() -> None:
    found = parts(Document(id="z", text="word " * 5000), split="words", part_words=1000)
    assert [word_count(part.text) for part in found] == [1000] * 5


@given(st.lists(st.sampled_from(["# A\n", "## B\n", "```\n", "\n\n", "word ", "x. ", "中", "\n"]), max_size=200))
def test_any_text_is_split_without_loss(pieces: list[str]) -> None:
    text = "".join(pieces)
    for how in ("sections", "words"):
        found = parts(Document(id="a", text=text), split=how, part_words=50)
        assert "".join("".join(part.text for part in found).split()) == "".join(text.split())
        assert all(word_count(part.text) <= 50 for part in found) or len(found) == 1
