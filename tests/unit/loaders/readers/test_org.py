"""Tests of `kgsynth_loaders.readers.org`."""

from pathlib import Path

from kgsynth_loaders.readers import org
from tests.unit.loaders.readers.markup_readers_cases import document


def test_org_leaves_out_what_is_not_exported_and_writes_names_as_signs(tmp_path: Path) -> None:
    text = (
        "\\alpha, \\Delta{} 5\\deg src_python[:x y]{x=1} C:\\alpha \\cite{a} \\unknown $\\alpha$\n"
        "* Gone :a:noexport:\ngone\n** Gone\ngone\n* Kept :a:\nlast"
    )
    assert document(org, tmp_path / "a.org", text).text == (
        "α, Δ 5° `x=1` C:\\alpha \\cite{a} \\unknown $\\alpha$\n\n# Kept\n\nlast"
    )


def test_org(tmp_path: Path) -> None:
    found = document(
        org,
        tmp_path / "a.org",
        "#+TITLE: Orbits\n#+AUTHOR: Jane\n#+FILETAGS: :a:b:\n# gone\n* TODO [#A] On groups :x:\n:PROPERTIES:\n:ID: gone\n:END:\n"
        "Text *b* /i/ =c= \\(x\\) [[https://host.invalid][words]] a/b/c.\n#+BEGIN_SRC python :results x\n  x = 1\n#+END_SRC\n: out\n"
        "\\begin{align}\na &= b\n\\end{align}\n| A | B |\n|---+---|\n| 1 | 2 |\n- t :: m\n* COMMENT gone\ngone\n* End\nlast\n",
    )
    assert (found.title, found.attribution, found.topics) == ("Orbits", "Jane", ("a", "b"))
    for part in (
        "# On groups\n\nText **b** *i* `c` $x$ words a/b/c.", "```python\nx = 1\n```", "```text\nout\n```",
        "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$", "| A | B |\n|---|---|\n| 1 | 2 |", "- **t**: m", "# End\n\nlast",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text
