"""Tests of `kgsynth_loaders.readers.docx`."""

import struct
import zipfile
from pathlib import Path

import pytest

from kgsynth.records import Document
from kgsynth_loaders.readers import docx, pptx, xlsx
from tests.unit.loaders.readers.office_readers_cases import OPTIONS, M, W, cell, only, reason, run

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)


RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relation(number, kind, target):
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'


def write_docx(path: Path, body: str, **parts: str) -> Path:
    """A Word file; `parts` are styles, footnotes, core and custom."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONS.format(relation(1, "officeDocument", "word/document.xml")))
        within = [
            relation(place, name, f"{name}.xml")
            for place, name in enumerate(parts, start=1)
            if name in ("styles", "footnotes")
        ]
        archive.writestr("word/_rels/document.xml.rels", RELATIONS.format("".join(within)))
        archive.writestr("word/document.xml", f"<w:document {W} {M}><w:body>{body}</w:body></w:document>")
        for name, text in parts.items():
            folder = "docProps" if name in ("core", "custom") else "word"
            archive.writestr(f"{folder}/{name}.xml", text)
    return path


def p(text, style="", run=""):
    style_ = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{style_}<w:r>{run}<w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


STYLES = (
    f"<w:styles {W}>"
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="My part"/><w:basedOn w:val="Two"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Two"><w:name w:val="Two"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="SourceCode"><w:name w:val="Source Code"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>'
    "</w:styles>"
)


def read_docx(tmp_path, body, **parts) -> Document:
    return only(docx.read(write_docx(tmp_path / "file.docx", body, **parts), OPTIONS))


def test_word_headings_by_style_and_outline_level(tmp_path):
    body = p("Coils", "berschrift1") + p("Flux", "Mine") + p("Some text.") + p("Coils 1", "TOC1")
    assert read_docx(tmp_path, body, styles=STYLES).text == "# Coils\n\n## Flux\n\nSome text."


def test_word_code_is_fenced(tmp_path):
    courier = '<w:rPr><w:rFonts w:ascii="Courier New"/></w:rPr>'
    body = p("def f():", "SourceCode") + p("    return  1", "SourceCode") + p("Then")
    body += p("x = 1", run=courier) + p("  y = 2", run=courier)
    body += f"<w:p><w:r><w:t xml:space='preserve'>Call </w:t></w:r><w:r>{courier}<w:t>f()</w:t></w:r></w:p>"
    text = read_docx(tmp_path, body, styles=STYLES).text
    assert text == "```\ndef f():\n    return  1\n```\n\nThen\n\n```\nx = 1\n  y = 2\n```\n\nCall `f()`"


def test_word_tables_keep_cells_apart(tmp_path):
    inner = f"<w:tbl><w:tr>{cell(p('a'))}{cell(p('b'))}</w:tr></w:tbl><w:p/>"
    wide = '<w:gridSpan w:val="2"/>'
    body = f"<w:tbl><w:tr>{cell(p('Mass'))}{cell(p('12|3'))}</w:tr><w:tr>{cell(p('both'), wide)}</w:tr>"
    body += f"<w:tr>{cell(p('one') + p('two'))}{cell(inner)}</w:tr></w:tbl>"
    assert read_docx(tmp_path, body).text == "| Mass | 12\\|3 |\n|---|---|\n| both |  |\n| one two | a, b |"


def test_word_changes_hidden_text_and_comments(tmp_path):
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    body = "<w:p><w:r><w:t xml:space='preserve'>The </w:t></w:r><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    body += f"<w:ins><w:r><w:t>new</w:t></w:r></w:ins>{hidden}<w:r><w:t xml:space='preserve'> text</w:t></w:r></w:p>"
    assert read_docx(tmp_path, body).text == "The new text"


def test_word_footnotes_and_raised_characters(tmp_path):
    body = '<w:p><w:r><w:t>x</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>2</w:t></w:r>'
    body += '<w:r><w:footnoteReference w:id="7"/></w:r></w:p>'
    notes = f'<w:footnotes {W}><w:footnote w:id="7">{p("A note.")}</w:footnote></w:footnotes>'
    assert read_docx(tmp_path, body, footnotes=notes).text == "x^{2}[^1]\n\n[^1]: A note."


def test_word_formulas_are_latex(tmp_path):
    fraction = f"<m:f><m:num>{run('a+b')}</m:num><m:den>{run('2')}</m:den></m:f>"
    body = f"<w:p><w:r><w:t xml:space='preserve'>Half is </w:t></w:r><m:oMath>{fraction}</m:oMath><w:r><w:t>.</w:t></w:r></w:p>"
    body += f"<w:p><m:oMathPara><m:oMath>{run('E=m')}<m:sSup><m:e>{run('c')}</m:e><m:sup>{run('2')}</m:sup></m:sSup></m:oMath></m:oMathPara></w:p>"
    assert read_docx(tmp_path, body).text == "Half is $\\frac{a+b}{2}$.\n\n$$E=mc^{2}$$"


def test_what_an_office_file_says_of_itself(tmp_path):
    core = (
        '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>On coils</dc:title><dc:creator>Ann Lee;Bo Ray</dc:creator>'
        "<cp:keywords>coils, magnets</cp:keywords><dc:created>2024-01-31T10:00:00Z</dc:created>"
        "<dc:subject>Physics</dc:subject></cp:coreProperties>"
    )
    custom = '<Properties><property name="License"><value>CC BY 4.0</value></property></Properties>'
    document = read_docx(tmp_path, p("Text"), core=core, custom=custom)
    assert (document.title, document.attribution, document.date) == ("On coils", "Ann Lee; Bo Ray", "2024-01-31")
    assert (document.topics, document.license) == (("coils", "magnets"), "CC BY 4.0")
    assert document.metadata == {"subject": "Physics"}


READERS = [(docx, "file.docx"), (pptx, "file.pptx"), (xlsx, "file.xlsx")]


@pytest.mark.parametrize(("reader", "name"), READERS)
def test_packages_that_cannot_be_used(tmp_path, reader, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04junk")
    assert reason(reader, path) == "damaged"
    path.write_bytes(b"eight by")
    assert reason(reader, path) == "damaged"
    path.write_bytes(COMPOUND + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(600))
    assert reason(reader, path) == "encrypted"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "no document")
    assert reason(reader, path) == "damaged"


@pytest.mark.parametrize(
    ("size", "why"), [(600_000_000, "more than 500 MB"), (100_000_000, "more than 1,000 times its size")]
)
@pytest.mark.parametrize(("reader", "name"), READERS)
def test_a_package_that_unpacks_to_too_much_is_not_opened(tmp_path, reader, name, size, why):
    path = tmp_path / name
    write_docx(path, p("Text"))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", size)
    path.write_bytes(data)
    assert reason(reader, path) == f"unpacks to {why}"


def test_declared_entities_are_refused(tmp_path):
    path = write_docx(tmp_path / "file.docx", p("Text"))
    bomb = '<!DOCTYPE w [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><w:styles xmlns:w="w">&b;</w:styles>'
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/numbering.xml", bomb)
    assert reason(docx, path) == "declares XML entities"
