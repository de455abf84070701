"""Tests of `kgsynth_loaders.formats`."""

import bz2
import gzip
from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import csv_table, formats
from tests.timing import is_quick
from tests.unit.loaders.sources_cases import PAGE, TEXT, made, zipped


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"%PDF-1.7\n", "PDF"),
        ("a.pdf", b"%PDF-1.7\n", "PDF"),
        ("a.pdf", b"junk", "PDF"),
        ("a.pdf", b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n", "PDF"),
        ("a.jsonl", b'{"text": "files that begin with %PDF-1.4 are PDF"}', "JSON Lines"),
        ("a.txt", PAGE.encode(), "HTML"),
        ("a.html", b"<p>words", "HTML"),
        ("a.xml", b"<?xml version='1.0'?><mediawiki></mediawiki>", "MediaWiki"),
        ("a.xml.bz2", bz2.compress(b"<mediawiki></mediawiki>"), "MediaWiki"),
        ("a.xml", b'<?xml version="1.0"?><!DOCTYPE mediawiki [<!ENTITY a "x">]><mediawiki></mediawiki>', "MediaWiki"),
        ("a.xml", b'<!DOCTYPE mediawiki SYSTEM "a.dtd">\n<mediawiki></mediawiki>', "MediaWiki"),
        ("a.xml", b'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "x">]><mediawiki></mediawiki>', "MediaWiki"),
        ("a.xhtml", b'<?xml version="1.0"?><!DOCTYPE html><html></html>', "HTML"),
        ("a.xml", b"<?xml version='1.0'?><rss></rss>", "no reader for XML whose outermost element is rss"),
        ("a.jsonl", b'{"a": 1}', "JSON Lines"),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}'), "JSON Lines"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "JSON Lines"),
        ("a.json", b'{"a":\n 1}', "JSON"),
        ("a.json", b'{"cells": [], "nbformat": 4}', "Jupyter notebook"),
        ("a.md.gz", gzip.compress(b"words"), "compressed file"),
        ("a.tgz", gzip.compress(b"x" * 257 + b"ustar"), "tar archive"),
        ("a.gz", gzip.compress(b"x" * 257 + b"ustar"), "tar archive"),
        ("a.warc.gz", gzip.compress(b"WARC/1.0\r\n"), "WARC"),
        ("a.dat", b"PAR1....", "Parquet"),
        ("a.tex", b"\\section{x}", "LaTeX"),
        ("paper", b"\\documentclass{article}", "LaTeX"),
        ("a.py", b"print(1)", "source code"),
        ("NOTES", b"words", "text"),
        ("a.conf", "Wörter".encode("utf-16"), "text"),
        ("gcc.info-2", b"\x1f\nFile: gcc.info", "GNU Info"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word"),
        ("a.ps", b"%!PS-Adobe", "no reader for .ps"),
        ("a.dat", b"\x00\x01\x02", "no reader for .dat"),
        ("a", b"\x00\x01\x02", "no reader for a file without ending"),
    ],
)
def test_formats_are_known_by_first_bytes_and_ending(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = formats.format_of(path)
    assert (found.problem or (found.format and found.format.name)) == expected


def test_zip_files_of_office_programs_are_known_by_what_they_hold(tmp_path: Path) -> None:
    for member, expected in (("word__x", "Word"), ("ppt__x", "PowerPoint"), ("xl__x", "spreadsheet")):
        path = zipped(tmp_path / "a.zip", **{"[Content_Types]_DOT_xml": b"", member: b""})
        found = formats.format_of(path)
        assert found.format is not None
        assert found.format.name == expected
    assert formats.format_of(zipped(tmp_path / "b.zip", a_DOT_md=b"x")).format is formats.ZIP
    assert formats.format_of(zipped(tmp_path / "b.jar", a_DOT_md=b"x")).problem == "no reader for .jar"
    assert formats.format_of(zipped(tmp_path / "b.zcos", a_DOT_md=b"x")).problem == "no reader for .zcos"
    assert formats.format_of(zipped(tmp_path / "e", mimetype=b"application/epub+zip")).format is formats.EPUB


def test_a_loader_of_another_format_is_answered_with_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    path.write_bytes(b"%PDF-1.7\n")
    with pytest.raises(ConfigError, match="format PDF"):
        formats.expect(str(path), formats.JSON_LINES)
    path.write_bytes(b'{"text": "a"}\n')
    formats.expect(str(path), formats.JSON_LINES)
    path.write_bytes(PAGE.encode())
    with pytest.raises(ConfigError, match="format HTML") as said:
        list(csv_table.documents(str(path), DocumentsSettings()))
    assert said.value.hint == "Use --loader auto."


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.md", "# PDF\n\n```\n%PDF-1.4\n1 0 obj\n%âãÏÓ\n```\n", "Markdown"),
        ("a.tex", "%PDF-1.5 output is set by pdftex\n\\section{x}", "LaTeX"),
        ("a.csv", 'id,text\n1,"a\n%PDF-1.4\nb"\n', "CSV"),
        ("a.txt", "WARC/1.0 is a format.", "text"),
        ("a.txt", "WARC/1.0\nis a format.", "text"),
        ("a.txt", "PAR1 and PAR2 files are checked.", "text"),
        ("a.txt", "This is Orbits, produced by makeinfo and others.", "text"),
        ("a.bin2", b"%PDF-1.4\n1 0 obj\n<<>>\n", "PDF"),
        ("a.bin2", b"\xef\xbb\xbf\n%PDF-1.4 \n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
        ("a.bin2", b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\r%\xe2\xe3\xcf\xd3\r1 0 obj", "PDF"),
        ("a.bin2", b"PAR1\x15\x04 \x15PAR1", "Parquet"),
        ("a.bin2", b"WARC/1.1\r\nContent-Length: 3\r\nWARC-Type: warcinfo\r\n", "WARC"),
        ("a.jsonl", "[\n{}]", "JSON"),
        ("a.ndjson", '{\n "text": "a"}', "JSON"),
        ("a.jsonl", '{"data": [\n{"text": "a"}]}', "JSON"),
        ("a.jsonl", '{"data": [{"text": "a"}]}', "JSON"),
        ("a.jsonl.gz", gzip.compress(b'[{"text": "a"}]'), "compressed file"),
        ("a.txt", b"words\0 of people", "NUL in its text"),
        ("a.txt", TEXT.encode("utf-16-le"), "text"),
        ("a.md", "Группа действует на множестве.\n".encode("utf-16-be"), "Markdown"),
        ("a.py", "群在集合上的作用，轨道是不相交的。\n".encode("utf-16-le"), "source code"),
        ("a.txt", bytes(range(1, 200, 2)) * 20 + b"\0\0", "NUL in its text"),
        ("a.txt.Z", b"\x1f\x9d\x90\0\1\2", "no reader for .z"),
        ("a.csv.gz", b"\0\1\2\3", "damaged"),
        ("a.arrow", b"ARROW1\0\0", "Arrow"),
    ],
)  # fmt: skip
def test_text_that_mentions_a_format_is_not_of_it(tmp_path: Path, name: str, data: str | bytes, expected: str) -> None:
    found = formats.format_of(made(tmp_path, {name: data}) / name)
    assert (found.problem or (found.format and found.format.name)) == expected


@pytest.mark.parametrize("start", ["", "<?xml version='1.0'?>"])
@pytest.mark.parametrize("piece", ["<!-- x -->\n", "<!--", "<!-- -- > -->", "\n \n", "<!DOCTYPE a>"])
def test_many_comments_before_the_first_words_take_no_time(tmp_path: Path, start: str, piece: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(start + piece * (8_000 // len(piece)) + "words")
    assert is_quick(lambda: formats.format_of(path), times=10)
