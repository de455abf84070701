"""Tests of `kgsynth_loaders.readers.asciidoc`."""

from pathlib import Path

import pytest

from kgsynth_loaders.readers import asciidoc
from tests.unit.loaders.readers.markup_readers_cases import document

ASCIIDOC_CASES = [
    (r"latexmath:[$\sqrt[3]{x}$] stem:[\sqrt[3]{x}] stem:[a[1\]]", r"$\sqrt[3]{x}$ $\sqrt[3]{x}$ $a[1]$"),
    ("|===\n|A |B |C\n\n2+|w |c\n.2+|x |y |z\n|u |v\n|===", "| A | B | C |\n|---|---|---|\n| w |  | c |\n| x | y | z |\n|  | u | v |"),
    ("[cols=\"3*\"]\n|===\n2*|same |c\n|===", "| same | same | c |\n|---|---|---|"),
    ('[format=csv]\n|===\na,b\n1,"2,5"\n|===', "| a | b |\n|---|---|\n| 1 | 2,5 |"),
    ("[source,c]\n----\nf(); // <1>\nx <b> y <2>\narray<1>\n----\n<1> one", "```c\nf();\nx <b> y\narray<1>\n```\n\n1. one"),
    ('[quote, Jane Doe, "A book, 1999"]\n____\nWords.\n____', "Words.\n\n— Jane Doe, A book, 1999"),
    ("[quote, Jane]\nWords.\n\nText", "Words.\n\n— Jane\n\nText"),
    ("* a\n[arabic]\n. n\n.. m\n* b\n** c", "- a\n  1. n\n    1. m\n- b\n  - c"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), ASCIIDOC_CASES)
def test_blocks_and_tables_of_asciidoc(tmp_path: Path, source: str, expected: str) -> None:
    assert document(asciidoc, tmp_path / "a.adoc", source).text == expected


def test_asciidoc(tmp_path: Path) -> None:
    found = document(
        asciidoc,
        tmp_path / "a.adoc",
        "= Orbits\nJane Doe <j@host.invalid>; John Roe\nv1, 2020-01-02\n:keywords: a, b\n:name: Foo\n\n// gone\n== On {name}\n\n"
        "stem:[x^2] H~2~O https://host.invalid[words] <<t,there>>.\n\n[source,python]\n----\nx = {name} # == a\n----\n\n////\ngone\n////\n\n"
        "[stem]\n++++\na = b\n++++\n\nNOTE: Care.\n\n* One\n** Two\n. Num\n\n|===\n|A |B\n\n|1\n|2\n|===\n\nimage::gone.png[]\n",
    )
    assert (found.title, found.attribution, found.date, found.topics) == (
        "Orbits",
        "Jane Doe; John Roe",
        "2020-01-02",
        ("a", "b"),
    )
    assert found.text == (
        "# Orbits\n\n## On Foo\n\n$x^2$ H_{2}O words there.\n\n```python\nx = {name} # == a\n```\n\n$$a = b$$\n\n**Note.** Care.\n\n"
        "- One\n  - Two\n1. Num\n\n| A | B |\n|---|---|\n| 1 | 2 |"
    )
