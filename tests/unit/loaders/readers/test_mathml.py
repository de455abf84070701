"""Tests of `kgsynth_loaders.readers.mathml`."""

import pytest
from lxml import etree

from kgsynth_loaders.readers.mathml import clean_tex, tex_of
from tests.unit.loaders.readers.web_readers_cases import text_of


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>&#x3B1;</mi><mi>x</mi><mo>&#x2264;</mo><mn>1</mn>", r"\sin\alpha x\le1"),
        (
            "<munderover><mo>&#x2211;</mo><mi>i</mi><mi>n</mi></munderover><msub><mi>a</mi><mi>i</mi></msub>",
            r"\sum_{i}^{n}a_{i}",
        ),
        ("<mroot><mi>x</mi><mn>3</mn></mroot><mover><mi>v</mi><mo>&#x2192;</mo></mover>", r"\sqrt[3]{x}\vec{v}"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>2</mn></mtd></mtr></mtable>",
            r"\begin{matrix}1 & 0 \\ 2\end{matrix}",
        ),
        ("<msubsup><mi>f</mi><mn>1</mn><mo>&#x2032;</mo></msubsup>", "f_{1}'"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced><mtext>if 5%</mtext>", r"\left(a,b\right)\text{if 5\%}"),
        (
            "<mmultiscripts><mi>U</mi><none/><none/><mprescripts/><mn>92</mn><mn>238</mn></mmultiscripts>",
            "{}_{92}^{238}U",
        ),
        ("<mi>&#x211D;</mi><mi mathvariant='bold'>v</mi><mo>{</mo>", r"\mathbb{R}\mathbf{v}\{"),
    ],
)
def test_presentation_mathml_has_a_plain_conversion(markup: str, expected: str) -> None:
    assert tex_of(etree.fromstring(f"<math>{markup}</math>")) == expected


def test_mathml_with_a_prefix_or_a_namespace_and_very_deep_mathml_are_read() -> None:
    named = "<m:math xmlns:m='http://example.org/m'><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>"
    assert text_of(f"<p>{named}</p>") == "$x^{2}$"
    deep = etree.fromstring(
        "<math>" + "<mrow>" * 1500 + "<mi>x</mi>" + "</mrow>" * 1500 + "</math>", etree.XMLParser(huge_tree=True)
    )
    assert tex_of(deep) == "x"
    assert clean_tex(r"\[ {\displaystyle {\textstyle x}} \]") == "x"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<apply><divide/><cn>1</cn><cn>2</cn></apply>", r"\frac{1}{2}"),
        ("<apply><plus/><ci>x</ci><cn>2</cn></apply>", "x+2"),
        (
            "<apply><power/><apply><plus/><ci>a</ci><ci>b</ci></apply><cn>2</cn></apply>",
            "(a+b)^{2}",
        ),
        ("<apply><minus/><ci>a</ci><apply><minus/><ci>b</ci><ci>c</ci></apply></apply>", "a-(b-c)"),
        ("<apply><times/><cn>2</cn><cn>3</cn><pi/></apply>", r"2\cdot 3\pi"),
        ("<cn type='e-notation'>6.02<sep/>23</cn>", r"6.02\times 10^{23}"),
        (
            "<apply><sum/><bvar><ci>i</ci></bvar><lowlimit><cn>1</cn></lowlimit><uplimit><ci>n</ci></uplimit><ci>i</ci></apply>",
            r"\sum_{i=1}^{n} i",
        ),
        (
            "<apply><diff/><bvar><ci>x</ci><degree><cn>2</cn></degree></bvar><apply><ci>f</ci><ci>x</ci></apply></apply>",
            r"\frac{d^{2} f(x)}{dx^{2}}",
        ),
        (
            "<apply><csymbol cd='ambiguous'>superscript</csymbol><ci>c</ci><cn>2</cn></apply>",
            "c^{2}",
        ),
        (
            "<piecewise><piece><cn>0</cn><apply><lt/><ci>x</ci><cn>0</cn></apply></piece><otherwise><ci>x</ci></otherwise></piecewise>",
            r"\begin{cases}0 & \text{if }x<0 \\ x & \text{otherwise}\end{cases}",
        ),
    ],
)
def test_content_mathml_is_written_as_people_write_it(markup: str, expected: str) -> None:
    assert tex_of(etree.fromstring(f"<math>{markup}</math>")) == expected


def test_signs_that_readers_do_not_see_keep_numbers_apart() -> None:
    product = "<mn>1</mn><mo>&#x2062;</mo><mn>2</mn>"
    assert tex_of(etree.fromstring(f"<math>{product}</math>")) == r"1\cdot 2"
    index = "<msub><mi>a</mi><mrow><mn>1</mn><mo>&#x2063;</mo><mn>2</mn></mrow></msub>"
    assert tex_of(etree.fromstring(f"<math>{index}</math>")) == "a_{1,2}"
    mixed = "<mn>1</mn><mo>&#x2064;</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><mi>&#x3B1;</mi><mo>&#x2062;</mo><mi>x</mi>"
    assert tex_of(etree.fromstring(f"<math>{mixed}</math>")) == r"1\frac{1}{2}\alpha x"


@pytest.mark.parametrize("alttext", ["s plus t squared", "s au carr\u00e9", "the square of s"])
def test_a_description_in_words_is_no_formula(alttext: str) -> None:
    assert tex_of(etree.fromstring(f"<math alttext='{alttext}'><msup><mi>s</mi><mn>2</mn></msup></math>")) == "s^{2}"
