"""Tests of `kgsynth_loaders.readers.epub`."""

import zipfile
from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Reject
from kgsynth_loaders.readers import epub
from tests.unit.loaders.readers.web_readers_cases import read_all

CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'


OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>Waves</dc:title><dc:creator>A. One</dc:creator><dc:creator>B. Two</dc:creator><dc:subject>Physics</dc:subject>
<dc:rights>CC BY 4.0</dc:rights><dc:date>2020</dc:date><dc:language>en</dc:language></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="b" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/><item id="a" href="text/One.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/></spine>
<guide><reference type="cover" href="cover.xhtml"/></guide></package>"""


NCX = '<ncx xmlns="n"><navMap><navPoint><navLabel><text>Second chapter</text></navLabel><content src="text/two%20b.xhtml"/></navPoint></navMap></ncx>'


BOOK = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": OPF,
    "OEBPS/toc.ncx": NCX,
    "OEBPS/cover.xhtml": "<html><body><p>COVER</p></body></html>",
    "OEBPS/nav.xhtml": "<html><body><div>CONTENTS</div></body></html>",
    "OEBPS/text/one.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>First</h1><p>Sea<span epub:type="pagebreak" xmlns:epub="e">12</span> is $x$.</p></body></html>',
    "OEBPS/text/two b.xhtml": "<html><body><p>Wind &mdash; <math><msup><mi>v</mi><mn>2</mn></msup></math></p></body></html>",
}


def book_file(path: Path, **changes: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**BOOK, **changes}.items():
            if content:
                archive.writestr(name, content)
    return path


def test_a_book_is_its_chapters_in_reading_order(tmp_path: Path) -> None:
    (document,) = read_all(epub, book_file(tmp_path / "a.epub"))
    assert document.text == "# First\n\nSea is $x$.\n\n# Second chapter\n\nWind — $v^{2}$"
    assert (document.title, document.attribution, document.topics) == ("Waves", "A. One; B. Two", ("Physics",))
    assert (document.license, document.date, document.metadata) == ("CC BY 4.0", "2020", {"language": "en"})


def test_a_chapter_that_is_missing_is_said(tmp_path: Path) -> None:
    document, reject = read_all(epub, book_file(tmp_path / "a.epub", **{"OEBPS/text/two b.xhtml": ""}))
    assert document.text == "# First\n\nSea is $x$."
    assert isinstance(reject, Reject)
    assert "two b.xhtml" in reject.raw


@pytest.mark.parametrize(
    ("algorithm", "name", "is_protected"),
    [("urn:aes", "OEBPS/text/One.xhtml", True), ("urn:x/2008/embedding", "OEBPS/font.otf", False)],
)
def test_protection_of_chapters_is_refused_and_hidden_fonts_are_not(
    tmp_path: Path, algorithm: str, name: str, is_protected: bool
) -> None:
    entry = (
        f'<encryption xmlns="c"><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/><CipherData><CipherReference URI="{name}"/>'
        "</CipherData></EncryptedData></encryption>"
    )
    path = book_file(tmp_path / "a.epub", **{"META-INF/encryption.xml": entry})
    if not is_protected:
        assert len(read_all(epub, path)) == 1
        return
    with pytest.raises(RecordError, match="encrypted"):
        read_all(epub, path)


def test_damaged_and_swollen_books_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.epub"
    path.write_bytes(b"no zip")
    with pytest.raises(RecordError, match="damaged"):
        read_all(epub, path)
    with pytest.raises(RecordError, match="damaged"):
        read_all(epub, book_file(path, **{"META-INF/container.xml": "", "OEBPS/book.opf": ""}))
    monkeypatch.setattr(epub, "_MAX_MEMBER_BYTES", 1_000_000)
    with pytest.raises(RecordError, match="too large"):
        read_all(epub, book_file(path, **{"OEBPS/text/two b.xhtml": "x" * 1_000_001}))
