"""Tests of `kgsynth.documents.split`."""

import json
import random
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kgsynth import pipeline
from kgsynth.documents.read import _clean_starts, read_again, usable_documents
from kgsynth.documents.split import word_count
from kgsynth.records import Document, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings, ExtractSettings
from kgsynth.texts import clean_characters
from tests.timing import is_quick
from tests.unit.split_cases import book, parts, words


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


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "var a=[" + ",".join(f'"x{n}"' for n in range(20_000)) + "];",
        "བོད་སྐད་ནི་འདི་ཡིན།" * 5_000,
        "# Title\n\nWords above.\n\n" + "8f3a/+" * 20_000 + "\n\nWords below.",
        "e\u0301" * 50_000,
        f"{'a' * 30_000} " + "word " * 2_000,
        "https://example.org/a/long/path/of/an/address/without/end " * 2_000,
    ],
    ids=["letters", "code", "Tibetan", "base64", "marks", "one long word", "addresses"],
)
def test_the_number_of_characters_of_a_part_is_limited(text: str) -> None:
    found = parts(Document(id="z", text=text), part_words=300, whole_words=300)
    assert len(found) >= len(text) / 6_000
    assert max(len(part.text) for part in found) <= 6_000
    assert max(word_count(part.text) for part in found) <= 300
    assert "".join("".join(part.text for part in found).split()) == "".join(text.split())
    assert not any(part.text.startswith("\u0301") for part in found)


def test_a_line_of_code_without_spaces_is_cut_within_its_fence() -> None:
    code = "".join(f"f{n}(a,b);" for n in range(3_000))
    found = parts(Document(id="z.js", text=f"```js\n{code}\n```"), part_words=100, whole_words=100)
    assert len(found) > 10
    assert all(part.text.startswith("```js\nf") and part.text.endswith(";\n```") for part in found)
    assert "".join(part.text[6:-4] for part in found) == code


def test_words_of_tibetan_are_counted() -> None:
    assert word_count("བོད་སྐད་ནི་འདི་ཡིན། བོད་སྐད།") == 7


def test_code_that_is_cut_keeps_its_fence_in_each_part() -> None:
    code = "".join(f"def f{n}(x):\n    y = x + {n}\n\n    return y\n\n\n" for n in range(900))
    for opening, closing in (("```python", "```"), ("~~~~ {.py}", "~~~~~")):
        text = f"Before it.\n{opening}\n{code}{closing}\nAfter it."
        found = parts(Document(id="m.py", text=text), whole_words=100, part_words=300)
        assert len(found) > 10
        assert found[0].text.startswith(f"Before it.\n{opening}\ndef f0(x):\n    y")
        assert found[-1].text.endswith(f"{closing}\nAfter it.")
        mark = opening.split("{")[0].rstrip("python ")
        assert all(part.text.startswith(f"{opening}\ndef ") for part in found[1:]), found[-1].text
        assert all(part.text.endswith(f"    return y\n{mark}") for part in found[:-1])
        assert all(word_count(part.text) <= 300 for part in found)
        bare = [part.text.replace(f"{opening}\n", "").replace(f"\n{mark}", "") for part in found]
        assert "".join("".join(bare).split()) == "".join(f"Before it.{code}{closing[len(mark) :]}After it.".split())


def test_a_fence_over_a_border_of_pages_is_closed_and_opened_again() -> None:
    code = "x = 1;\n" * 10 + "    y = 2;\n" * 10
    text = f"{words(90)}\n```c\n{code}```\n{words(90)}"
    border = text.index("    y = 2;")
    found = parts(Document(id="c.pdf", text=text, page_starts=(0, border)), split="pages", part_words=150)
    assert found[0].text.endswith("x = 1;\n```")
    assert found[1].text.startswith("```c\n    y = 2;")


def test_rows_of_a_table_that_is_cut_stand_under_its_head() -> None:
    head = "| name | value |\n|:-----|------:|\n"
    rows = [f"| row {n} | {n}. is a value |" for n in range(300)]
    found = parts(
        Document(id="t", text=f"Text.\n\n{head}" + "\n".join(rows) + "\n\nEnd."), split="words", part_words=200
    )
    assert len(found) > 10
    assert all(part.text.startswith(head) for part in found[1:-1])
    assert [line for part in found for line in part.text.split("\n") if line.startswith("| row")] == rows
    assert all(word_count(part.text) <= 200 for part in found)


def test_formulas_are_not_cut() -> None:
    one = r"We have $x = 1. y$ and \[ a. \quad b! \] or \begin{align*} a &= b. \\ c \end{align*} at a price of $5. "
    found = parts(Document(id="f", text=one * 200), split="words", part_words=60)
    assert len(found) > 40
    for part in found:
        assert part.text.count(r"\[") == part.text.count(r"\]")
        assert part.text.count(r"\begin") == part.text.count(r"\end")
        assert part.text.count("$x") == part.text.count("y$")
    assert "".join("".join(part.text for part in found).split()) == "".join((one * 200).split())


def test_no_part_begins_with_a_mark_or_ends_with_a_vowel_of_the_next_letter() -> None:
    thai = "การกระทำของกรุปบนเซตเป็นแนวคิดพื้นฐานในพีชคณิตนามธรรมที่สำคัญมากและน้ำใจ" * 300
    found = parts(Document(id="t", text=thai), split="words", part_words=97)
    assert "".join(part.text for part in found) == thai
    assert len(found) > 40
    assert not any(part.text[0] in "ะาำ" or unicodedata.category(part.text[0]) == "Mn" for part in found)
    assert not any(part.text[-1] in "เแโใไ" for part in found)


def test_korean_is_counted_and_cut_by_its_words() -> None:
    korean = "군의 작용은 집합 위에서 정의된다 "
    assert word_count(korean * 100) == 500
    found = parts(Document(id="k", text=korean * 100), split="words", part_words=73)
    assert {word for part in found for word in part.text.split()} == set(korean.split())


def test_an_indent_of_the_first_line_stays() -> None:
    text = "\n\n".join(f"    indented = {n}\n{words(60, n)}" for n in range(9))
    assert all(
        part.text.startswith("    indented")
        for part in parts(Document(id="i", text=text), split="words", part_words=70)
    )


def test_titles_and_short_entries_are_no_parts_of_their_own() -> None:
    book = "".join(f"# Part {n}\n\n# Chapter {n}\n\n{words(300, n)}\n\n" for n in range(5)) + "# Index"
    found = parts(Document(id="b", text=book), split="sections", part_words=400)
    assert [part.section for part in found] == [f"Chapter {n}" for n in range(5)]
    glossary = "".join(f"# Term {n}\n\nIt is a thing.\n\n" for n in range(500))
    found = parts(Document(id="g", text=glossary, title="Glossary"), split="sections")
    assert min(word_count(part.text) for part in found) > 90
    assert {part.title for part in found} == {"Glossary"}
    # A title that does not fit into the part after it goes into the first half of it.
    tight = f"# A\n\n{words(395)}\n\n# B\n\n## C\n\n{words(397)}"
    assert (
        min(word_count(part.text) for part in parts(Document(id="t", text=tight), split="sections", part_words=400))
        > 100
    )


@pytest.mark.parametrize("name", ["a.txt", "shelf/b.YAML", "c.conf.gz"])
def test_comments_of_plain_text_are_no_headings(name: str) -> None:
    text = "".join(f"# comment {n}\nkey{n}: {words(150, n)}\n" for n in range(20))
    assert all(part.section == "" for part in parts(Document(id=name, text=text), split="sections"))
    assert all(part.section for part in parts(Document(id="a.md", text=text), split="sections"))
    alone = text.replace("\n", "\n\n")
    assert all(part.section for part in parts(Document(id=name, text=alone), split="sections"))


def test_code_within_a_line_opens_no_fence() -> None:
    text = "```x``` is code.\n\n" + "".join(f"## H {n}\n\n{words(150, n)}\n\n" for n in range(3))
    assert [part.title for part in parts(Document(id="a", text=text), split="sections", part_words=200)][-1] == "H 2"


def test_time_is_linear_in_the_number_of_pages_and_headings() -> None:
    page = "## A\nx\n## B\ny\n"
    document = Document(id="p", text=page * 20_000, page_starts=tuple(range(0, len(page) * 20_000, len(page))))

    def split() -> None:
        assert len(parts(document, split="pages")) > 50

    assert is_quick(split, times=100)


def test_a_fence_without_an_end_is_cut_too() -> None:
    text = "~~~\n" + "a b\n" * 500 + "word " * 500
    found = parts(Document(id="o", text=text), split="words", part_words=60)
    assert all(word_count(part.text) <= 60 and part.text.startswith("~~~\n") for part in found)


@given(st.lists(st.sampled_from(["# A\n", "## B\n", "```\n", "\n\n", "word ", "x. ", "中", "\n"]), max_size=200))
def test_any_text_is_split_without_loss(pieces: list[str]) -> None:
    text = "".join(pieces)
    for how in ("sections", "words"):
        found = parts(Document(id="a", text=text), split=how, part_words=50)
        # Marks of fences stand in each part of what they enclose.
        texts = [one.replace("```", "") for one in ("".join(part.text for part in found), text)]
        assert "".join(texts[0].split()) == "".join(texts[1].split())
        assert all(word_count(part.text) <= 50 for part in found) or len(found) == 1


def test_page_starts_are_cleaned_with_the_text_in_linear_time(tmp_path: Path) -> None:
    draw = random.Random(3)
    for _ in range(300):
        text = "".join(draw.choice("ab\r\n\u200b\x0c\x01") for _ in range(12))
        starts = [0, *sorted(draw.sample(range(1, 12), 3))]
        expected = tuple(
            len(clean_characters(text[:start])[0])
            for start in (one + (one > 0 and text[one - 1 : one + 1] == "\r\n") for one in starts)
        )
        assert _clean_starts(text, starts) == expected
    (tmp_path / "pages.txt").write_text("\fa\u200b" * 100_000)

    def read() -> None:
        with RejectFile(tmp_path / "r") as rejects:
            settings = DocumentsSettings(sources=(str(tmp_path / "pages.txt"),))
            assert len(list(usable_documents(settings, rejects, StageCount(stage="read")))) > 50

    assert is_quick(read, times=250)


def test_the_copy_of_a_run_holds_texts_as_long_as_the_user_allows(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(json.dumps({"id": "long", "text": "word " * 500_000}) + "\n")
    settings = DocumentsSettings(sources=(str(tmp_path / "d.jsonl"),), max_text_chars=3_000_000, split="none")
    copy = pipeline.snapshot(settings, output=tmp_path / "copy.jsonl", rejects=tmp_path / "r", report=lambda _: None)
    assert [one.id for one in read_again(copy)] == ["long"]


def test_encoding_and_delimiter_of_the_documents_are_not_those_of_the_concept_list(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_bytes("Здесь теория групп и кольцо.".encode("cp1251"))
    (tmp_path / "names.csv").write_text("name,synonyms\nтеория групп,\nкольцо,\n", encoding="utf-8")
    (tmp_path / "names.txt").write_text("теория групп\nкольцо\n", encoding="utf-8")
    documents = DocumentsSettings(sources=(str(tmp_path / "d.txt"),), encoding="cp1251", delimiter=";")
    for names in ("names.csv", "names.txt"):
        pipeline.extract(
            documents,
            ExtractSettings(method="vocabulary", vocabulary=str(tmp_path / names)),
            output=tmp_path / "a.jsonl",
            rejects=tmp_path / "r",
            report=lambda _: None,
        )
        (row,) = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
        assert row["topics"][0]["concepts"] == ["теория групп", "кольцо"]
