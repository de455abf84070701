"""Tests of `kgsynth_loaders.readers.pptx`."""

from kgsynth.records import Document
from kgsynth_loaders.readers import pptx
from tests.unit.loaders.readers.office_readers_cases import OPTIONS, M, only, run


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
