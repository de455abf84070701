"""Tests of `kgsynth_loaders.readers.warc`."""

import gzip
from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Document, Reject, Remark, Skipped
from kgsynth_loaders.readers import warc
from tests.unit.loaders.readers.web_readers_cases import read_all


def record(kind: str, address: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\nWARC-Date: 2024-05-06T10:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def response(name: str, kind: str, body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    http = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode()
    return record("response", f"http://example.org/{name}", "application/http; msgtype=response", http + body)


def archive_bytes(packed: bool) -> bytes:
    page_bytes = "<html><head><title>Energy</title></head><body><h1>Energy</h1><p>Énergie.</p></body></html>".encode(
        "cp1252"
    )
    records = [
        response("a", "text/html; charset=iso-8859-1", page_bytes),
        response("i.png", "image/png", b"\x89PNG"),
        response("r", "text/html", b"<p>moved</p>", status="301 Moved"),
        response("robots.txt", "text/plain", b"User-agent: *"),
        response("z", "text/html", gzip.compress(b"<p>Packed words.</p>"), more="Content-Encoding: gzip\r\n"),
        response("e", "text/html", b"<html></html>"),
        response("a", "text/html; charset=iso-8859-1", page_bytes),
        record("conversion", "http://example.org/t", "text/plain", "Wörter und mehr Wörter".encode()),
    ]
    return b"".join(gzip.compress(data) if packed else data for data in records)


@pytest.mark.parametrize("packed", [True, False])
def test_an_archive_gives_its_pages_and_says_what_is_none(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(archive_bytes(packed))
    found = read_all(warc, path)
    documents = [item for item in found if isinstance(item, Document)]
    assert [item.id for item in documents] == [
        "http://example.org/a",
        "http://example.org/z",
        "http://example.org/a 2024-05-06T10:00:00Z",
        "http://example.org/t",
    ]
    assert [item.text for item in documents[:2]] == ["# Energy\n\nÉnergie.", "Packed words."]
    assert (documents[0].date, documents[0].metadata["url"]) == ("2024-05-06T10:00:00Z", "http://example.org/a")
    assert documents[3].text == "Wörter und mehr Wörter"
    assert [(item.position.line, item.rule) for item in found if isinstance(item, Skipped)] == [
        (2, "not a page"),
        (3, "not a page"),
        (4, "not a page"),
    ]
    assert [(item.position.line, item.reason) for item in found if isinstance(item, Reject)] == [(6, "no text")]


def test_an_archive_without_media_types_is_read_by_first_bytes(tmp_path: Path) -> None:
    page_bytes = b"<!DOCTYPE html><html><body><p>Some words of a page.</p></body></html>"
    records = [
        record("warcinfo", "", "application/warc-fields", b"software: x"),
        record("request", "http://example.org/a", "application/http; msgtype=request", b"GET /a HTTP/1.1\r\n\r\n"),
        response("wiki/Quadratic_equation.html", "application/octet-stream", page_bytes),
        record("resource", "http://www.example.org/7/index.html", "", page_bytes),
        response("prime-numbers", "text/plain", b"Plain words."),
        response("x.bin", "application/octet-stream", b"\x00\x01\x02"),
        response("gone", "text/html", b"<p>not found</p>", status="404 Not Found"),
        response("papers/waves.pdf", "application/pdf", pdf_bytes("Words of a paper")),
    ]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(records))
    found = read_all(warc, path)
    documents = [item for item in found if isinstance(item, Document)]
    assert [(item.title, item.text) for item in documents] == [
        ("Quadratic equation", "Some words of a page."),
        ("example.org/7", "Some words of a page."),
        ("prime numbers", "Plain words."),
        ("waves", "Words of a paper"),
    ]
    assert documents[3].id == documents[3].metadata["url"] == "http://example.org/papers/waves.pdf"
    assert [(item.position.line, item.rule) for item in found if isinstance(item, Skipped)] == [
        (6, "not a page"),
        (7, "an error page"),
    ]
    (remark,) = (item for item in found if isinstance(item, Remark))
    assert remark.text == "http://example.org/papers/waves.pdf: pages without content (blank or damaged): 2"
    assert len(found) == 7


def pdf_bytes(text: str) -> bytes:
    content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 6 0 R]/Count 2>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
    ]
    body = "".join(f"{number} 0 obj{data}endobj\n" for number, data in enumerate(objects, start=1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R/Size 7>>\n%%EOF".encode()


@pytest.mark.parametrize("packed", [True, False])
def test_a_cut_archive_gives_what_is_whole(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.warc"
    data = archive_bytes(packed)
    for lost in (30, 100, 200):
        path.write_bytes(data[:-lost])
        *before, last = read_all(warc, path)
        assert isinstance(last, Reject)
        assert last.reason == "file is damaged from here on"
        assert sum(isinstance(item, Document) for item in before) >= 2
    path.write_bytes(data[: len(data) // 2] + b"\x00garbage\x00" * 100)
    assert isinstance(read_all(warc, path)[-1], Reject)


def test_an_archive_that_was_packed_all_at_once_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(archive_bytes(packed=False)))
    assert sum(isinstance(item, Document) for item in read_all(warc, path)) == 4
    path.write_bytes(b"\x1f\x8bno archive")
    with pytest.raises(RecordError, match="damaged"):
        read_all(warc, path)
