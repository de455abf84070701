"""Tests of `kgsynth_loaders.readers.omml`."""

import pytest

from kgsynth_loaders.readers import omml
from tests.unit.loaders.readers.office_readers_cases import M, W, run


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
