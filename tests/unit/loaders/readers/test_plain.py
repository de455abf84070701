"""Tests of `kgsynth_loaders.readers.plain`."""

from pathlib import Path
from typing import Any

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Remark
from kgsynth_loaders.readers import asciidoc, latex, markdown, org, plain, rst
from tests.unit.loaders.readers.markup_readers_cases import document, records


def test_plain_text_has_one_end_of_line_and_pages(tmp_path: Path) -> None:
    found = document(plain, tmp_path / "a.txt", "On Orbits\r\n\r\nOne.\x85Two.\u2028Three.\fNext page.\f\f")
    assert found.text == "On Orbits\n\nOne.\nTwo.\nThree.\n\nNext page."
    assert found.title == "On Orbits"
    assert [found.text[start:][:4] for start in found.page_starts] == ["On O", "Next"]


def test_divided_words_of_pages_are_joined(tmp_path: Path) -> None:
    page = "The law of the conser-\nvation of energy holds for closed systems."
    found = document(plain, tmp_path / "a.txt", f"{page}\f{page}")
    assert found.text.count("conservation\nof energy") == 2
    assert found.text[found.page_starts[1] :].startswith("The law")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Orbits\n======\nText.", "Orbits"), ("A sentence that ends.\n\nText.", ""), ("Orbits\nText goes on.", ""),
        ("Orbits", ""), ("- item\n\ntext", ""), ("x " * 60 + "\n\ntext", ""), ("=====\n\ntext", ""),
    ],
)  # fmt: skip
def test_only_a_short_line_that_stands_alone_is_a_title(tmp_path: Path, text: str, title: str) -> None:
    assert document(plain, tmp_path / "README", text).title == title


def test_running_heads_and_page_numbers_of_plain_text_go_out(tmp_path: Path) -> None:
    pages = [
        f"RFC 1   Groups   May 1990\n\nText of page {number}.\n\nIt goes on.\nAnd on.\nAnd further on.\nTo its end.\n\nDoe   [Page {number}]"
        for number in range(1, 6)
    ]
    found = document(plain, tmp_path / "rfc.txt", "\f".join(pages))
    assert "RFC 1" not in found.text
    assert "[Page" not in found.text
    assert all(f"Text of page {number}." in found.text for number in range(1, 6))
    assert len(found.page_starts) == 5


def test_a_guessed_encoding_is_said(tmp_path: Path) -> None:
    text = "Die Größe der Gruppe ist endlich. Für jede Untergruppe gilt der Satz über Ordnungen. " * 5
    found = records(plain, tmp_path / "a.txt", text.encode("cp1252"))
    assert isinstance(found[0], Remark)
    assert found[1].metadata["encoding_guessed"] in found[0].text
    assert "Größe" in found[1].text


@pytest.mark.parametrize("reader", [plain, markdown, latex, rst, asciidoc, org])
def test_a_file_without_text_is_refused(tmp_path: Path, reader: Any) -> None:
    with pytest.raises(RecordError, match="no text"):
        records(reader, tmp_path / "a", " \n\n\t\n")
