"""Tests of `kgsynth_loaders.readers.pdf`."""

import pytest

from kgsynth.errors import TooManyRejectsError
from kgsynth.records import Document, StageCount
from kgsynth.rejects import refuse_too_many
from kgsynth_loaders.readers import pdf
from tests.timing import is_quick
from tests.unit.loaders.readers.office_readers_cases import OPTIONS, only, reason

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
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes([pages[0], "", pages[1], ""]))
    document, remark = pdf.read(path, OPTIONS)
    starts = document.page_starts
    assert len(starts) == 4
    assert document.text[starts[2] :].startswith("Page 2.")
    assert starts[1] == starts[2]
    assert starts[3] == len(document.text)
    assert document.metadata["pages_without_text"] == "2, 4"
    assert remark.text == "pages without content (blank or damaged): 2, 4"
    assert not remark.is_partial


def test_pages_of_pictures_are_named_and_make_the_file_partial(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes([lines(PROSE), *["0 0 1 rg 50 290 300 30 re f"] * 3]))
    document, remark = pdf.read(path, OPTIONS)
    assert document.metadata["pages_without_text"] == "2-4"
    assert remark.text == "pages without text (pictures or scans): 2-4"
    assert remark.is_partial


def test_a_page_whose_reading_fails_costs_that_page(tmp_path, monkeypatch):
    path = tmp_path / "file.pdf"
    path.write_bytes(pdf_bytes([lines([f"Page {number}. {PROSE[0]}"]) for number in (1, 2, 3)]))
    lines_of_page, read_pages = pdf.lines_of_page, []

    def failing(page, calls):
        read_pages.append(page)
        if len(read_pages) == 2:
            raise ValueError("a font without end")
        return lines_of_page(page, calls)

    monkeypatch.setattr(pdf, "lines_of_page", failing)
    document, remark = pdf.read(path, OPTIONS)
    assert "Page 1" in document.text
    assert "Page 3" in document.text
    assert (remark.text, remark.is_partial) == ("pages that could not be read: 2", True)
    monkeypatch.setattr(pdf, "lines_of_page", lambda page, calls: 1 / 0)
    assert reason(pdf, path) == "damaged"


HALF = "<FEFFD8000041>"


def test_fields_and_bookmarks_that_are_not_unicode_cost_themselves(tmp_path):
    outline = [
        "<</Type/Outlines/First 501 0 R/Last 502 0 R/Count 2>>",
        f"<</Title{HALF}/Parent 500 0 R/Dest[10 0 R/Fit]/Next 502 0 R>>",
        "<</Title(Coils)/Parent 500 0 R/Dest[10 0 R/Fit]>>",
    ]
    path = tmp_path / "file.pdf"
    content = line("Coils", 60, 760, size=10) + lines(PROSE)
    info = f"/Author{HALF}/Subject{HALF}/Title(On coils)"
    path.write_bytes(pdf_bytes([content], info=info, more=outline, catalog="/Outlines 500 0 R"))
    document, *remarks = pdf.read(path, OPTIONS)
    assert document.text.startswith("# Coils\n\nThe magnet")
    assert (document.title, document.attribution, document.metadata) == ("On coils", "", {})
    assert [remark.text for remark in remarks] == [
        "fields that are not text left out: Author, Subject",
        "bookmarks that are not text left out: 1",
    ]
    assert not any(remark.is_partial for remark in remarks)


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


def _utf_16(char):
    return char.encode("utf-16-be", "surrogatepass").hex()


def other_letters(text, x=60, y=700):
    """A line in a font that names its characters by a table of its own, with that font's objects."""
    codes = {char: place for place, char in enumerate(dict.fromkeys(text), start=65)}
    table = "".join(f"<{code:02X}> <{_utf_16(char)}>\n" for char, code in codes.items())
    cmap = f"begincmap\n1 begincodespacerange <00> <FF> endcodespacerange\n{len(codes)} beginbfchar\n{table}endbfchar\nendcmap"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode 501 0 R>>"
    written = "".join(f"{codes[char]:02X}" for char in text)
    content = f"BT /F9 10 Tf {x} {y} Td <{written}> Tj ET\n"
    return content, [font, f"<</Length {len(cmap)}>>stream\n{cmap}\nendstream"]


@pytest.mark.parametrize("text", ["磁場會移動線圈中的電荷因此電流流過", "磁場會移動線圈中的電荷因此電𠮷"])
def test_lines_of_chinese_are_joined_without_blanks(tmp_path, text):
    content, font = other_letters(text)
    second = content.replace("700 Td", "688 Td")
    assert read_pdf(tmp_path, [content + second], more=font).text == text * 2


@pytest.mark.parametrize("text", ["𝑓 maps 𝒜 to 𝔹", "𝐱", "a smile 😀 ends it 😀", "𠮷野家"])
def test_characters_above_ffff_are_kept(tmp_path, text):
    content, font = other_letters(text)
    assert read_pdf(tmp_path, [content], more=font).text == text


def test_half_a_character_becomes_the_sign_for_an_unknown_one(tmp_path):
    content, font = other_letters("the set \ud835 of 𝒜")
    assert read_pdf(tmp_path, [content], more=font).text == "the set \ufffd of 𝒜"


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


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - thesis.doc", "paper.dvi", "p.html", "(anonymous)"])
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
    def read() -> None:
        assert read_pdf(tmp_path, [line(unit * (60_000 // len(unit)), 10, 400, size=1)]).text

    assert is_quick(read, times=300)


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


def rows_of(rows, starts, y=640, leading=14, **style):
    return "".join(
        line(cell, x, y - leading * place, **style)
        for place, row in enumerate(rows)
        for cell, x in zip(row, starts, strict=False)
    )


def test_rows_of_two_numbers_stay_apart(tmp_path):
    content = lines(PROSE) + lines(["100 540000", "200 640000", "300 740000"], y=640) + lines(PROSE, y=580)
    assert "\n\n100 540000\n200 640000\n300 740000\n\n" in read_pdf(tmp_path, [content]).text


def test_a_bold_line_with_a_word_per_column_is_the_head_of_the_table(tmp_path):
    table = rows_of([("Alpha", "1", "400"), ("Beta", "22", "31")], (60, 100, 140))
    head = line("Name Count Sum", 62, 654, size=11, font=3)
    text = read_pdf(tmp_path, [lines(PROSE) + head + table + lines(PROSE, y=580)]).text
    assert "| Name | Count | Sum |\n|---|---|---|\n| Alpha | 1 | 400 |\n| Beta | 22 | 31 |" in text
    title = line("Results of it", 62, 654, size=11, font=3)
    long_title = line("Results of the second measurement", 62, 654, size=11, font=3)
    wide = rows_of([("Alpha", "1", "400"), ("Beta", "22", "31")], (60, 200, 340))
    for heading, rows in ((long_title, table), (title, wide)):
        text = read_pdf(tmp_path, [lines(PROSE) + heading + rows + lines(PROSE, y=580)]).text
        assert "# Results of" in text


def test_a_row_whose_gap_is_narrow_belongs_to_its_table(tmp_path):
    head = rows_of([("Name of thing", "Count in total")], (86, 207), font=3)
    rows = line("A long description of it 540000", 65, 626, size=12) + rows_of([("Other", "640000")], (65, 207), y=612)
    text = read_pdf(tmp_path, [lines(PROSE) + head + rows + lines(PROSE, y=560)]).text
    assert "| A long description of it | 540000 |\n| Other | 640000 |" in text
    index = rows_of([("SIZE of the key", "[Constant]")], (60, 207), y=640)
    index += line("The octet length of the strings, 56.", 90, 626, size=12)
    index += rows_of([("void multiply (n)", "[Function]")], (60, 207), y=612)
    assert "|---|" not in read_pdf(tmp_path, [lines(PROSE) + index + lines(PROSE, y=560)]).text


def test_short_indented_lines_are_items_although_their_marks_are_pictures(tmp_path):
    items = lines(["one", "two", "three apples"], x=90, y=650)
    text = read_pdf(tmp_path, [lines(PROSE) + items + lines(PROSE, y=600)]).text
    assert "\n\none\n\ntwo\n\nthree apples\n\n" in text


def justified(words, x0, x1, y):
    """A line of words with equal spaces between the left and right end."""
    widths = [5.0 * len(word) for word in words]
    gap = (x1 - x0 - sum(widths)) / (len(words) - 1)
    content, x = "", x0
    for word, width in zip(words, widths, strict=True):
        content += line(word, x, y, font=2, size=10 * 5 / 6)
        x += width + gap
    return content


def test_justified_lines_on_the_last_page_of_narrow_columns_are_no_table(tmp_path):
    text = ["between of momentum", "function and energies", "theory in the matters", "general by the result"]
    full = "".join(justified(row.split(), 60, 204, 700 - 12 * place) for place, row in enumerate(text * 4))
    single = "".join(line("x" * 24, 60, 500 - 12 * place, size=10, font=2) for place in range(6))
    wide = justified(["that", "in", "and", "momentum"], 60, 204, 700)
    wide += justified(["general", "by", "this", "we"], 60, 204, 688)
    assert "|---|" not in read_pdf(tmp_path, [full + single, wide]).text
