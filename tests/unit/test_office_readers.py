"""Readers of PDF, Word, PowerPoint and spreadsheets, on files that the tests write themselves."""

import io
import struct
import time
import zipfile
from pathlib import Path

import pytest

from kgsynth.config import FieldNames
from kgsynth.documents.read import refuse_too_many
from kgsynth.errors import RecordError, TooManyRejectsError
from kgsynth.records import Document, Reject, Remark, StageCount
from kgsynth_loaders.readers import ReadOptions, docx, omml, pdf, pptx, xlsx

OPTIONS = ReadOptions()
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


# --- PDF

FONTS = ("Helvetica", "Courier", "Helvetica-Bold")


def pdf_bytes(contents, *, info="", catalog="", trailer="", more=(), page_entries=""):
    """A PDF of pages with these content streams; `more` are further objects, from number 500 on, of which one may be font F9."""
    fonts = " ".join(f"/F{place} {place + 3} 0 R" for place in range(1, 4)) + (" /F9 500 0 R" if more else "")
    kids = " ".join(f"{10 + 2 * place} 0 R" for place in range(len(contents)))
    objects = {
        1: f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(contents)}>>",
        3: f"<<{info}>>",
    }
    for place, font in enumerate(FONTS, start=4):
        objects[place] = f"<</Type/Font/Subtype/Type1/BaseFont/{font}/Encoding/WinAnsiEncoding>>"
    for place, content in enumerate(contents):
        objects[10 + 2 * place] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]{page_entries}/Resources<</Font<<{fonts}>>>>"
            f"/Contents {11 + 2 * place} 0 R>>"
        )
        objects[11 + 2 * place] = f"<</Length {len(content)}>>stream\n{content}\nendstream"
    objects |= dict(enumerate(more, start=500))
    out = b"%PDF-1.4\n"
    offsets = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{number} 1\n{offset:010d} 00000 n \n" for number, offset in offsets.items())
    start = len(out)
    out += f"xref\n0 1\n0000000000 65535 f \n{table}trailer<</Size {max(objects) + 1}/Root 1 0 R/Info 3 0 R{trailer}>>\n".encode()
    return out + f"startxref\n{start}\n%%EOF".encode()


def line(text, x, y, size=10, font=1, before=""):
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT {before} /F{font} {size} Tf {x} {y} Td ({escaped}) Tj ET\n"


def lines(texts, x=60, y=700, leading=12, **style):
    return "".join(line(text, x, y - place * leading, **style) for place, text in enumerate(texts))


def read_pdf(tmp_path, contents, **parts) -> Document:
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes(contents, **parts))
    return only(pdf.read(path, OPTIONS))


def only(records):
    (record,) = records
    return record


def reason(reader, path) -> str:
    with pytest.raises(RecordError) as found:
        list(reader.read(path, OPTIONS))
    return str(found.value)


PROSE = [
    "The magnet moves away from the coil, and so the number of",
    "field lines through it becomes smaller with every instant of",
    "time that passes. A current flows as long as it moves on.",
]


def test_lines_of_a_paragraph_are_joined_and_paragraphs_stand_apart(tmp_path):
    document = read_pdf(tmp_path, [lines(PROSE) + lines(PROSE, y=650)])
    paragraph = " ".join(PROSE)
    assert document.text == f"{paragraph}\n\n{paragraph}"
    assert document.page_starts == (0,)


def test_indented_first_lines_begin_paragraphs(tmp_path):
    content = (
        lines(PROSE) + line("    ", 60, 664) + line("Then the coil rests, and nothing more is to be seen in", 75, 664)
    )
    content += line("the circuit for a while, as Faraday wrote.", 60, 652)
    assert read_pdf(tmp_path, [content]).text.split("\n\n")[1].startswith("Then the coil rests")


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["this is an exam-", "ple of it"], "this is an example of it"),
        (["it is well-known there, and as well-", "known here"], "it is well-known there, and as well-known here"),
        (["the Navier-", "Stokes equations"], "the Navier-Stokes equations"),
        (["from 2018-", "2019 on"], "from 2018-2019 on"),
        (["an exam\xad", "ple of it"], "an example of it"),
        (
            ["it is wellknown and well-known, as well-", "known here"],
            "it is wellknown and well-known, as wellknown here",
        ),
        (["the sum a -", "b is"], "the sum a - b is"),
    ],
)
def test_hyphens_at_line_ends(tmp_path, texts, wanted):
    assert read_pdf(tmp_path, [lines(texts)]).text == wanted


def column(name):
    return [f"{name} column, row {number:02d}, which is long enough" for number in range(12)]


@pytest.mark.parametrize("order", ["by column", "by row", "right first"])
def test_columns_are_read_one_after_the_other_below_their_title(tmp_path, order):
    left = [line(text, 50, 700 - 12 * place) for place, text in enumerate(column("left"))]
    right = [line(text, 310, 700 - 12 * place) for place, text in enumerate(column("right"))]
    title = line("A title across both of the columns of this page", 120, 750, size=16)
    bodies = {
        "by column": title + "".join(left + right),
        "by row": "".join(one + other for one, other in zip(left, right, strict=True)) + title,
        "right first": "".join(right + left) + title,
    }
    document = read_pdf(tmp_path, [bodies[order]])
    assert document.text.startswith("# A title across both of the columns of this page\n\nleft column, row 00")
    assert " ".join(document.text.split()).endswith(" ".join(column("left") + column("right")))


def test_running_heads_and_page_numbers_are_left_out(tmp_path):
    pages = []
    for number in range(1, 7):
        head = "A book about coils" if number % 2 else f"Chapter {number}"
        edge = line(f"{head} {number}", 60, 800, size=9) + line(f"- {number} -", 290, 30, size=9)
        pages.append(edge + lines([f"Page {number} says this: {PROSE[0]}", *PROSE[1:]]))
    text = read_pdf(tmp_path, pages).text
    assert "A book about coils" not in text
    assert "Chapter" not in text
    assert "- 3 -" not in text
    assert all(f"Page {number} says this" in text for number in range(1, 7))


@pytest.mark.parametrize("number", ["7", "xii", "Page 3 of 9"])
def test_a_lone_number_in_the_margin_of_a_single_page_is_left_out(tmp_path, number):
    assert read_pdf(tmp_path, [lines(PROSE) + line(number, 290, 30)]).text == " ".join(PROSE)


def test_a_number_in_the_text_and_first_lines_that_differ_stay(tmp_path):
    pages = [lines([f"Lesson {word} begins", *PROSE]) + line("42", 60, 400) for word in ("one", "two", "three", "four")]
    text = read_pdf(tmp_path, pages).text
    assert text.count("42") == 4
    assert "Lesson three begins" in text


def pages_of(*rows, body=5):
    """Pages of text with these lines at their edges, of which each is (text, height, size, font)."""
    texts = lines([f"{PROSE[0]}{place}" for place in range(body)], y=640)
    return [texts + "".join(line(text, 60, y, size=size, font=font) for text, y, size, font in row) for row in rows]


@pytest.mark.parametrize(
    "titles",
    [
        [*["Groups"] * 3, *["Rings"] * 3, "Fields", "Galois theory", "Modules", "Summary"],
        [*(f"Example {number}" for number in range(1, 6)), "Proof of Lemma"],
        ["Introduction", "Groups (1/3)", "Groups (2/3)", "Groups (3/3)", "Rings 1/2", "Rings 2/2", "Summary"],
        [f"Chapter {number}: Things of {number}" for number in range(1, 7)],
        [f"Quiz {number} of 6" for number in range(1, 7)],
    ],
)
def test_titles_of_slides_and_chapters_stay(tmp_path, titles):
    total = len(titles)
    edges = [[(title, 780, 18, 3), (f"{number} / {total}", 20, 7, 1)] for number, title in enumerate(titles, start=1)]
    text = read_pdf(tmp_path, pages_of(*edges)).text
    assert [found.lstrip("# ") for found in text.split("\n") if found.startswith("#")] == titles
    assert f"2 / {total}" not in text


def test_exercises_answers_and_footnotes_of_each_page_stay(tmp_path):
    edges = [
        [
            (f"Exercise {number}", 780, 10, 1),
            (f"Answer: {11 * number}", 120, 10, 1),
            (f"{number} A note with number {number}, see Smith 1999.", 60, 8, 1),
        ]
        for number in range(1, 7)
    ]
    text = read_pdf(tmp_path, pages_of(*edges)).text
    for number in range(1, 7):
        wanted = (
            f"Exercise {number}",
            f"Answer: {11 * number}",
            f"{number} A note with number {number}, see Smith 1999.",
        )
        assert all(one in text for one in wanted)


def test_lone_numbers_that_do_not_rise_with_the_pages_stay(tmp_path):
    text = read_pdf(tmp_path, pages_of(*([(str(number), 40, 10, 1)] for number in (12, 55, 7, 90)))).text
    assert [one for one in text.split() if one in ("12", "55", "7", "90")] == ["12", "55", "7", "90"]


def test_heads_that_differ_are_left_out_where_the_number_of_the_page_is_beside_them(tmp_path):
    words = ("aardvark", "beaver", "camel", "dingo", "eagle")
    edges = [
        "".join((line(word, 60, 800, size=9), line(str(7 + place), 500, 800, size=9)))
        for place, word in enumerate(words)
    ]
    pages = [page + edge for page, edge in zip(pages_of(*[[]] * 5), edges, strict=True)]
    text = read_pdf(tmp_path, pages).text
    assert not any(word in text for word in words)


def test_a_large_head_of_all_pages_and_a_bold_one_stay_once(tmp_path):
    edges = [[("Report of the year", 800, 16, 1), ("Internal use only", 40, 10, 3)]] * 6
    text = read_pdf(tmp_path, pages_of(*edges)).text
    assert (text.count("Report of the year"), text.count("Internal use only")) == (1, 1)


def test_pages_of_one_line_each_keep_it(tmp_path):
    pages = [line("Hello", 60, 800) + line("world", 60, 700)] * 3
    assert read_pdf(tmp_path, pages).text.count("Hello") == 3


def test_wide_blanks_of_justified_text_part_no_cells(tmp_path):
    full = "The magnet moves away from the coil"
    # In a font of fixed pitch all characters are 4.8 points wide.
    right = 60 + 4.8 * len(full)
    content = "".join(line(full, 60, 700 - 12 * place, size=8, font=2) for place in (0, 1, 4, 5))
    for place, (first, second) in ((2, ("symmetric", "characteristic")), (3, ("representing", "structures"))):
        content += line(first, 60, 700 - 12 * place, size=8, font=2)
        content += line(second, right - 4.8 * len(second), 700 - 12 * place, size=8, font=2)
    text = read_pdf(tmp_path, [content]).text
    assert "symmetric characteristic" in " ".join(text.split())
    assert "|" not in text


def test_digits_that_are_drawn_one_by_one_are_one_superscript(tmp_path):
    content = line("about 10", 60, 700) + line("2", 100, 704, size=6) + line("4", 103.4, 704, size=6)
    content += line("and x", 108, 700) + line("1", 133, 698, size=6) + line("2", 136.4, 698, size=6)
    assert read_pdf(tmp_path, [content]).text == "about 10^{24} and x_{12}"


@pytest.mark.parametrize("level", [0, 6, 12])
def test_rows_with_a_wrapped_cell(tmp_path, level):
    content = lines(PROSE)
    for place, name in enumerate(("bolt", "nut")):
        top = 600 - 40 * place
        content += line(name, 60, top - level) + lines(["a thing that holds", "two others together"], x=130, y=top)
        content += line(str(3 + place), 300, top - level) + line("1,234.50", 350, top - level)
    wanted = [
        f"| {name} | a thing that holds two others together | {count} | 1,234.50 |"
        for name, count in (("bolt", 3), ("nut", 4))
    ]
    text = read_pdf(tmp_path, [content]).text
    assert all(row in text for row in wanted)


def test_numbers_close_to_the_cell_before_them_have_columns_of_their_own(tmp_path):
    rows = [("City", "1990", "2000"), ("Rome", "100", "540000"), ("Paris and suburbs", "3", "7")]
    content = lines(PROSE)
    for place, row in enumerate(rows):
        y = 600 - 14 * place
        content += line(row[0], 60, y)
        content += "".join(line(text, x - 5.56 * len(text), y) for text, x in ((row[1], 150), (row[2], 205)))
    text = read_pdf(tmp_path, [content]).text
    assert "| Rome | 100 | 540000 |\n| Paris and suburbs | 3 | 7 |" in text


def test_items_and_short_lines_are_paragraphs_of_their_own(tmp_path):
    texts = ["Steps", "1. mix", "2. bake", "a) slowly", "b) long", "Jane Doe", "Main Street", *PROSE]
    text = read_pdf(tmp_path, [lines(PROSE) + lines(texts, y=640)]).text
    assert "1. mix\n\n2. bake\n\na) slowly\n\nb) long\n\nJane Doe\n\nMain Street\n\n" in text


def test_white_text_stays_only_where_something_lies_under_it(tmp_path):
    white = (
        "1 1 1 rg "
        + line("hidden words", 60, 500)
        + "0 0 0.4 rg 50 390 300 30 re f 1 1 1 rg "
        + line("on blue", 60, 400)
    )
    white += "1 1 1 rg 50 290 300 30 re f " + line("on white", 60, 300) + line("under a scan", 60, 200, before="3 Tr")
    text = read_pdf(tmp_path, [lines(PROSE) + white]).text
    assert "hidden" not in text
    assert "on white" not in text
    assert "on blue" in text
    assert "under a scan" in text


def test_pages_begin_where_page_starts_says(tmp_path):
    pages = [lines([f"Page {number}. {PROSE[0]}", *PROSE[1:]]) for number in (1, 2)]
    document = read_pdf(tmp_path, [pages[0], "", pages[1], ""])
    starts = document.page_starts
    assert len(starts) == 4
    assert document.text[starts[2] :].startswith("Page 2.")
    assert starts[1] == starts[2]
    assert starts[3] == len(document.text)
    assert document.metadata["pages_without_text"] == "2, 4"


def test_a_sentence_goes_on_over_the_page(tmp_path):
    document = read_pdf(tmp_path, [lines(["The coil and the mag-"]), lines(["net attract each other."])])
    assert document.text == "The coil and the magnet attract each other."
    assert document.text[document.page_starts[1] :] == "net attract each other."


def test_headings_by_size_and_by_weight(tmp_path):
    content = line("Induction", 60, 780, size=20) + line("Coils", 60, 740, size=14) + lines(PROSE)
    content += line("A bold heading", 60, 640, font=3) + lines(PROSE, y=620)
    text = read_pdf(tmp_path, [content]).text
    assert [row for row in text.split("\n") if row.startswith("#")] == ["# Induction", "## Coils", "### A bold heading"]


def test_headings_by_bookmarks(tmp_path):
    outline = [
        "<</Type/Outlines/First 501 0 R/Last 501 0 R/Count 2>>",
        "<</Title(1 Coils)/Parent 500 0 R/Dest[10 0 R/Fit]/First 502 0 R/Last 502 0 R/Count 1>>",
        "<</Title(Flux)/Parent 501 0 R/Dest[10 0 R/Fit]>>",
    ]
    content = line("1 Coils", 60, 760, size=10) + lines(PROSE) + line("1.1 Flux", 60, 640, font=3) + lines(PROSE, y=620)
    text = read_pdf(tmp_path, [content], more=outline, catalog="/Outlines 500 0 R").text
    assert [row for row in text.split("\n") if row.startswith("#")] == ["# 1 Coils", "## 1.1 Flux"]


def test_code_keeps_its_lines_blanks_and_indentation(tmp_path):
    code = ["def area(r):", "    if r < 0:", "        raise ValueError", "", "    return  3.14 * r * r"]
    content = lines(PROSE) + "".join(
        line(text.strip(), 80 + 6 * (len(text) - len(text.lstrip())), 650 - 12 * place, font=2)
        for place, text in enumerate(code)
        if text
    )
    text = read_pdf(tmp_path, [content + lines(PROSE, y=560)]).text
    assert "```\n" + "\n".join(code) + "\n```" in text


def test_cells_of_tables_stay_apart(tmp_path):
    rows = [("Element", "Mass", "Charge"), ("proton", "1.0073", "1"), ("electron", "0.00055", "-1")]
    content = lines(PROSE)
    for place, row in enumerate(rows):
        content += "".join(line(cell, x, 640 - 14 * place) for cell, x in zip(row, (60, 160, 240), strict=True))
    content += "BT /F1 10 Tf 60 598 Td [(neutron)-6520(1.0087)-4990(0)] TJ ET\n"
    text = read_pdf(tmp_path, [content]).text
    assert "| Element | Mass | Charge |\n|---|---|---|\n| proton | 1.0073 | 1 |\n" in text
    assert "| electron | 0.00055 | -1 |\n| neutron | 1.0087 | 0 |" in text


def test_lines_of_a_cell_are_joined(tmp_path):
    content = "".join(line(text, x, 640) for text, x in (("Element", 60), ("What is known", 200)))
    content += "".join(line(text, x, 626) for text, x in (("proton", 60), ("a particle with", 200)))
    content += line("a charge", 200, 614) + "".join(line(text, x, 600) for text, x in (("neutron", 60), ("none", 200)))
    wanted = "| Element | What is known |\n|---|---|\n| proton | a particle with a charge |\n| neutron | none |"
    assert read_pdf(tmp_path, [lines(PROSE) + content]).text.endswith(wanted)


def test_cells_that_are_drawn_one_after_the_other_are_a_row(tmp_path):
    content = "".join(line(text, x, 640) for text, x in (("Element", 60), ("Charge", 200)))
    content += lines(["the proton in", "an atom"], y=620) + lines(["one, and it is", "positive"], x=200, y=620)
    content += "".join(line(text, x, 590) for text, x in (("neutron", 60), ("none", 200)))
    wanted = "| the proton in an atom | one, and it is positive |\n| neutron | none |"
    assert read_pdf(tmp_path, [lines(PROSE) + content]).text.endswith(wanted)


def test_rows_of_numbers_stay_lines(tmp_path):
    rows = [" ".join(str(1000 * place + other) for other in range(5)) for place in range(3)]
    assert read_pdf(tmp_path, [lines(PROSE) + lines(rows, y=640)]).text.endswith("\n".join(rows))


@pytest.mark.parametrize(("content", "wanted"), [("2.6 Tc (,c) Tj", ", c"), ("3 Tc (spaced) Tj", "spaced")])
def test_characters_that_stand_apart(tmp_path, content, wanted):
    assert read_pdf(tmp_path, [f"BT /F1 10 Tf 60 700 Td {content} ET"]).text == wanted


def test_notes_begin_with_their_marks(tmp_path):
    content = lines(PROSE) + line("3", 60, 103, size=6) + line("A note on it.", 65, 100, size=8)
    assert read_pdf(tmp_path, [content]).text.endswith("\n\n^{3} A note on it.")


def test_accents_stand_on_their_letters(tmp_path):
    content = "BT /F1 10 Tf 60 700 Td (B\\250arenreiter, caf\\264e) Tj ET"
    assert read_pdf(tmp_path, [content]).text == "Bärenreiter, café"


def other_letters(text, x=60, y=700):
    """A line in a font that names its characters by a table of its own, with that font's objects."""
    codes = {char: place for place, char in enumerate(dict.fromkeys(text), start=65)}
    table = "".join(f"<{code:02X}> <{ord(char):04X}>\n" for char, code in codes.items())
    cmap = f"begincmap\n1 begincodespacerange <00> <FF> endcodespacerange\n{len(codes)} beginbfchar\n{table}endbfchar\nendcmap"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode 501 0 R>>"
    written = "".join(f"{codes[char]:02X}" for char in text)
    content = f"BT /F9 10 Tf {x} {y} Td <{written}> Tj ET\n"
    return content, [font, f"<</Length {len(cmap)}>>stream\n{cmap}\nendstream"]


def test_lines_of_chinese_are_joined_without_blanks(tmp_path):
    text = "磁場會移動線圈中的電荷因此電流流過"
    content, font = other_letters(text)
    second = content.replace("700 Td", "688 Td")
    assert read_pdf(tmp_path, [content + second], more=font).text == text * 2


def test_text_from_right_to_left_keeps_the_order_of_its_letters(tmp_path):
    words = {"שלום": 200, "עולם": 170, "טוב": 146}
    letters = "".join(words)
    _, font = other_letters(letters)
    codes = {char: place for place, char in enumerate(dict.fromkeys(letters), start=65)}
    content = ""
    for word, x in words.items():
        written = "".join(f"{codes[char]:02X}" for char in reversed(word))
        content += f"BT /F9 10 Tf {x} 700 Td <{written}> Tj ET\n"
    assert read_pdf(tmp_path, [content], more=font).text == "שלום עולם טוב"


def test_lowered_characters_on_lines_of_their_own_are_joined(tmp_path):
    content = line("water is H", 60, 700) + line("2", 104.6, 694, size=7) + line("O and boils", 109, 700)
    assert read_pdf(tmp_path, [content]).text == "water is H_{2}O and boils"


def test_a_text_layer_without_characters_is_refused(tmp_path):
    content, font = other_letters("\ue001\ue002\ue003\ue004")
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes([content], more=font))
    assert reason(pdf, path).startswith("no readable text layer")


def test_raised_and_lowered_characters(tmp_path):
    content = "BT /F1 10 Tf 60 700 Td (E = mc) Tj /F1 7 Tf 4 Ts (2) Tj /F1 10 Tf 0 Ts ( and H) Tj "
    content += "/F1 7 Tf -2 Ts (2) Tj /F1 10 Tf 0 Ts (O, the formulas of all formulas) Tj ET"
    assert read_pdf(tmp_path, [content]).text == "E = mc^{2} and H_{2}O, the formulas of all formulas"


def test_invisible_text_over_a_scan_and_turned_pages_are_read(tmp_path):
    assert read_pdf(tmp_path, [lines(PROSE, before="3 Tr")]).text == " ".join(PROSE)
    turned = "".join(
        f"BT 0 1 -1 0 {300 + 12 * place} 60 Tm /F1 10 Tf ({text}) Tj ET\n" for place, text in enumerate(PROSE)
    )
    assert read_pdf(tmp_path, [turned], page_entries="/Rotate 90").text == " ".join(PROSE)


def test_turned_text_beside_upright_text_comes_last(tmp_path):
    stamp = "BT 0 1 -1 0 20 300 Tm /F1 20 Tf (a stamp at the side) Tj ET\n"
    assert read_pdf(tmp_path, [stamp + lines(PROSE)]).text == " ".join(PROSE) + "\n\na stamp at the side"


def test_what_a_pdf_says_of_itself(tmp_path):
    info = "/Title(On coils)/Author(Ann Lee)/Keywords(coils; magnets, coils)/Subject(Physics)/CreationDate(D:20240131120000Z)"
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><cc:license rdf:resource="https://example.org/by/4.0"/></x:xmpmeta>'
    stream = f"<</Type/Metadata/Subtype/XML/Length {len(xmp)}>>stream\n{xmp}\nendstream"
    document = read_pdf(tmp_path, [lines(PROSE)], info=info, more=[stream], catalog="/Metadata 500 0 R")
    assert (document.title, document.attribution, document.date) == ("On coils", "Ann Lee", "2024-01-31")
    assert document.topics == ("coils", "magnets")
    assert document.license == "https://example.org/by/4.0"
    assert document.metadata == {"subject": "Physics"}


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - thesis.doc", "paper.dvi", "(anonymous)"])
def test_titles_that_say_nothing_are_none(tmp_path, title):
    escaped = title.replace("(", r"\(").replace(")", r"\)")
    assert read_pdf(tmp_path, [lines(PROSE)], info=f"/Title({escaped})").title == ""


def test_pdf_files_that_cannot_be_used(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes(["0 0 100 100 re f"]))
    assert reason(pdf, path) == "no text layer: scanned"
    path.write_bytes(b"%PDF-1.4\njunk")
    assert reason(pdf, path) == "damaged"
    key = "28" * 32
    lock = f"<</Filter/Standard/V 1/R 2/P -4/O<{key}>/U<{key}>>>"
    path.write_bytes(pdf_bytes([lines(PROSE)], more=[lock], trailer="/Encrypt 500 0 R/ID[<00><00>]"))
    assert reason(pdf, path) == "encrypted"


@pytest.mark.parametrize("unit", ["a", "a ", "-", ". ", "1 ", "| "])
def test_a_long_page_takes_little_time(tmp_path, unit):
    start = time.process_time()
    document = read_pdf(tmp_path, [line(unit * (60_000 // len(unit)), 10, 400, size=1)])
    assert document.text
    assert time.process_time() - start < 6


# --- Word

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
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


def cell(content, span=""):
    return f"<w:tc><w:tcPr>{span}</w:tcPr>{content}</w:tc>"


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


def run(text, properties=""):
    return f"<m:r>{properties}<m:t>{text}</m:t></m:r>"


def test_word_formulas_are_latex(tmp_path):
    fraction = f"<m:f><m:num>{run('a+b')}</m:num><m:den>{run('2')}</m:den></m:f>"
    body = f"<w:p><w:r><w:t xml:space='preserve'>Half is </w:t></w:r><m:oMath>{fraction}</m:oMath><w:r><w:t>.</w:t></w:r></w:p>"
    body += f"<w:p><m:oMathPara><m:oMath>{run('E=m')}<m:sSup><m:e>{run('c')}</m:e><m:sup>{run('2')}</m:sup></m:sSup></m:oMath></m:oMathPara></w:p>"
    assert read_docx(tmp_path, body).text == "Half is $\\frac{a+b}{2}$.\n\n$$E=mc^{2}$$"


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (f"<m:sSub><m:e>{run('α')}</m:e><m:sub>{run('i')}</m:sub></m:sSub>", r"\alpha_{i}"),
        (f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>{run("x")}</m:e></m:rad>', r"\sqrt{x}"),
        (f"<m:rad><m:deg>{run('3')}</m:deg><m:e>{run('x')}</m:e></m:rad>", r"\sqrt[3]{x}"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{run("i=1")}</m:sub><m:sup>{run("n")}</m:sup>'
            f"<m:e>{run('i')}</m:e></m:nary>",
            r"\sum_{i=1}^{n}i",
        ),
        (f"<m:nary><m:sub>{run('0')}</m:sub><m:sup>{run('1')}</m:sup><m:e>{run('f')}</m:e></m:nary>", r"\int_{0}^{1}f"),
        (
            f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{run("x")}</m:e></m:d>',
            r"\left[x\right]",
        ),
        (f"<m:func><m:fName>{run('sin')}</m:fName><m:e>{run('x')}</m:e></m:func>", r"\sin x"),
        (
            f"<m:m><m:mr><m:e>{run('1')}</m:e><m:e>{run('2')}</m:e></m:mr><m:mr><m:e>{run('3')}</m:e><m:e>{run('4')}</m:e></m:mr></m:m>",
            r"\begin{matrix}1 & 2 \\ 3 & 4\end{matrix}",
        ),
        (f'<m:acc><m:accPr><m:chr m:val="⃗"/></m:accPr><m:e>{run("v")}</m:e></m:acc>', r"\vec{v}"),
        (f'<m:bar><m:barPr><m:pos m:val="top"/></m:barPr><m:e>{run("x")}</m:e></m:bar>', r"\overline{x}"),
        (run("if", "<m:rPr><m:nor/></m:rPr>"), r"\text{if}"),
        (run("R", '<m:rPr><m:scr m:val="double-struck"/></m:rPr>'), r"\mathbb{R}"),
        (run("x≤∞"), r"x\le\infty"),
    ],
)
def test_office_math_as_latex(formula, wanted):
    from lxml import etree

    root = etree.fromstring(f"<m:oMath {M} {W}>{formula}</m:oMath>")
    assert omml.latex(root).replace(" }", "}") == wanted


def test_deeply_nested_office_math_keeps_its_text():
    from lxml import etree

    root = etree.fromstring(f"<m:oMath {M}>{run('x')}</m:oMath>")
    for _ in range(3000):
        outer = etree.Element(root.tag.replace("oMath", "box"))
        outer.append(root)
        root = outer
    assert "x" in omml.latex(root)


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


# --- Faults of packages

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


@pytest.mark.parametrize(("reader", "name"), READERS)
def test_a_package_that_unpacks_to_too_much_is_not_opened(tmp_path, reader, name):
    path = tmp_path / name
    write_docx(path, p("Text"))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 600_000_000)
    path.write_bytes(data)
    assert reason(reader, path) == "unpacks to more than 500 MB"


def test_declared_entities_are_refused(tmp_path):
    path = write_docx(tmp_path / "file.docx", p("Text"))
    bomb = '<!DOCTYPE w [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><w:styles xmlns:w="w">&b;</w:styles>'
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/numbering.xml", bomb)
    assert reason(docx, path) == "declares XML entities"


# --- PowerPoint


def presentation():
    from pptx import Presentation

    made = Presentation()
    made.core_properties.author = "Ann Lee"
    return made


def read_pptx(tmp_path, made) -> Document:
    path = tmp_path / "file.pptx"
    made.save(path)
    return only(pptx.read(path, OPTIONS))


def add_box(slide, text, left, top):
    from pptx.util import Cm

    box = slide.shapes.add_textbox(Cm(left), Cm(top), Cm(5), Cm(2))
    box.text_frame.text = text
    return box


def test_slides_are_pages_with_titles_and_items(tmp_path):
    made = presentation()
    for number in (1, 2):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number}"
        slide.placeholders[1].text = "first\nsecond"
        slide.placeholders[1].text_frame.paragraphs[1].level = 1
    made.slides.add_slide(made.slide_layouts[6])
    slide.notes_slide.notes_text_frame.text = "Say this aloud."
    document = read_pptx(tmp_path, made)
    assert document.text == (
        "## Slide 1\n\n- first\n  - second\n\n## Slide 2\n\n- first\n  - second\n\nSay this aloud."
    )
    assert document.attribution == "Ann Lee"
    starts = document.page_starts
    assert (len(starts), starts[0], starts[2]) == (3, 0, len(document.text))
    assert document.text[starts[1] :].startswith("## Slide 2")


def test_shapes_are_read_row_by_row_with_groups_and_tables(tmp_path):
    from pptx.util import Cm

    made = presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    add_box(slide, "below", 1, 10)
    add_box(slide, "right", 12, 0.9)
    add_box(slide, "left", 1, 1)
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Cm(1), Cm(5), Cm(3), Cm(1)).text_frame.text = "in a group"
    table = slide.shapes.add_table(2, 2, Cm(1), Cm(14), Cm(8), Cm(2)).table
    for place, text in enumerate(("a", "b", "1", "2")):
        table.cell(place // 2, place % 2).text = text
    text = read_pptx(tmp_path, made).text
    assert text == "left\n\nright\n\nin a group\n\nbelow\n\n| a | b |\n|---|---|\n| 1 | 2 |"


def test_formulas_code_and_raised_characters_on_slides(tmp_path):
    from lxml import etree
    from pptx.oxml import parse_xml

    made = presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    box = add_box(slide, "x", 1, 1)
    raised = box.text_frame.paragraphs[0].add_run()
    raised.text = "2"
    raised._r.get_or_add_rPr().set("baseline", "30000")
    code = add_box(slide, "if x:\n  y = 1", 1, 5)
    for paragraph in code.text_frame.paragraphs:
        paragraph.runs[0].font.name = "Consolas"
    math = add_box(slide, "so ", 1, 9)._element
    formula = f"<m:oMath {M}><m:f><m:num>{run('a')}</m:num><m:den>{run('b')}</m:den></m:f></m:oMath>"
    a14 = f'<a14:m xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main">{formula}</a14:m>'
    math.txBody.p_lst[0].append(parse_xml(a14))
    choice = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        '<mc:Choice Requires="a14"/><mc:Fallback/></mc:AlternateContent>'
    )
    alternative = etree.fromstring(choice)
    math.getparent().replace(math, alternative)
    alternative[0].append(math)
    text = read_pptx(tmp_path, made).text
    assert text == "x^{2}\n\n```\nif x:\n  y = 1\n```\n\nso $\\frac{a}{b}$"


def test_charts_are_tables_and_hidden_slides_are_named(tmp_path):
    from pptx.chart.data import CategoryChartData, XyChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Cm

    made = presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    bars = CategoryChartData()
    bars.categories = ["Rome", "Oslo"]
    bars.add_series("1990", (1.5, None))
    bars.add_series("2000", (3, 4))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Cm(1), Cm(1), Cm(8), Cm(4), bars)
    points = XyChartData()
    points.add_series("speed").add_data_point(2, 7)
    slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, Cm(1), Cm(8), Cm(8), Cm(4), points)
    hidden = made.slides.add_slide(made.slide_layouts[6])
    add_box(hidden, "not shown", 1, 1)
    hidden.element.set("show", "0")
    path = tmp_path / "file.pptx"
    made.save(path)
    remark, document = pptx.read(path, OPTIONS)
    assert remark.text == "hidden slides left out: 2"
    assert "|  | 1990 | 2000 |\n|---|---|---|\n| Rome | 1.5 | 3 |\n| Oslo |  | 4 |" in document.text
    assert "|  | speed |\n|---|---|\n| 2 | 7 |" in document.text
    assert "not shown" not in document.text
    assert len(document.page_starts) == 2


# --- Spreadsheets


def write_xlsx(tmp_path, sheets, *, hidden=()) -> Path:
    import xlsxwriter

    path = tmp_path / "file.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, table in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(table):
                sheet.write_row(place, 0, row)
            if name in hidden:
                sheet.hide()
    return path


def test_a_row_is_a_document_where_a_column_holds_text(tmp_path):
    table = [["Title", "TEXT", "id"], ["One", "First text", 7], ["Two", "", 8], [], ["Three", "Third text", None]]
    records = list(xlsx.read(write_xlsx(tmp_path, {"Data": table}), OPTIONS))
    documents = [record for record in records if isinstance(record, Document)]
    assert [(one.title, one.text) for one in documents] == [("One", "First text"), ("Three", "Third text")]
    assert documents[0].id == "7"
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.position.line, reject.reason) == (3, "no text in field 'text'")


def test_the_text_column_is_the_one_that_the_options_name(tmp_path):
    path = write_xlsx(tmp_path, {"Data": [["body"], ["A text"]]})
    options = ReadOptions(fields=FieldNames(text_field="body"))
    assert only(xlsx.read(path, options)).text == "A text"


def test_other_workbooks_are_one_document(tmp_path):
    import datetime

    sheets = {
        "Masses": [
            ["name", None, "mass", "day"],
            [],
            ["a|b", None, 12.0, datetime.date(2024, 1, 31)],
            ["c", None, 1.5],
        ],
        "Empty": [],
        "Secret": [["x"]],
    }
    document, *_ = sorted(
        xlsx.read(write_xlsx(tmp_path, sheets, hidden=("Secret",)), OPTIONS), key=lambda one: isinstance(one, Remark)
    )
    assert document.text == (
        "## Masses\n\n| name | mass | day |\n|---|---|---|\n| a\\|b | 12 | 2024-01-31 |\n| c | 1.5 |  |"
    )


def test_hidden_sheets_are_named(tmp_path):
    path = write_xlsx(tmp_path, {"A": [["x"]], "Secret": [["y"]]}, hidden=("Secret",))
    remarks = [record.text for record in xlsx.read(path, OPTIONS) if isinstance(record, Remark)]
    assert remarks == ["hidden sheets left out: Secret"]


def test_an_open_document_sheet_is_read(tmp_path):
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="S"><table:table-row><table:table-cell office:value-type="string"><text:p>a</text:p>'
        '</table:table-cell><table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p>'
        "</table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    path = tmp_path / "file.ods"
    path.write_bytes(buffer.getvalue())
    assert only(xlsx.read(path, OPTIONS)).text == "## S\n\n| a | 3 |\n|---|---|"


def test_a_sheet_with_a_cell_in_the_far_corner_is_refused(tmp_path):
    import xlsxwriter

    path = tmp_path / "file.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1048575, 16383, "b")
    assert reason(xlsx, path) == "a sheet spans too many cells"


def test_a_comment_that_is_set_as_prose_is_no_heading(tmp_path):
    document = read_pdf(tmp_path, [lines(["# it is no heading of a section"]) + lines(["Words go on below."], y=600)])
    assert document.text.startswith("\\# it is no heading")


def test_damaged_files_raise_no_question_about_fields(tmp_path):
    count = StageCount(stage="read")
    count.reject("damaged")
    with pytest.raises(TooManyRejectsError) as found:
        refuse_too_many(count, limit=0.1, where=tmp_path / "rejects.jsonl")
    assert "--text-field" not in found.value.hint
    count.reject("no text in field 'text'")
    with pytest.raises(TooManyRejectsError) as found:
        refuse_too_many(count, limit=0.1, where=tmp_path / "rejects.jsonl")
    assert "--text-field" in found.value.hint
