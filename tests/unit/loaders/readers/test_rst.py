"""Tests of `kgsynth_loaders.readers.rst`."""

from pathlib import Path

from kgsynth.records import Remark
from kgsynth_loaders.readers import rst
from tests.unit.loaders.readers.markup_readers_cases import document, records


def test_rst_with_sphinx(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret words")
    found = document(
        rst,
        tmp_path / "a.rst",
        "Title\n=====\n\n:Author: Jane\n:Date: 2020\n:Copyright: CC BY 4.0\n\n.. gone\n\nText :math:`x^2` :func:`~a.b` "
        ":ref:`words <t>` H\\ :sub:`2`\\ O :odd:`kept`::\n\n    x = 1\n\n.. code-block:: python\n   :linenos:\n\n   y = 2\n\n"
        ".. math::\n   :nowrap:\n\n   a &= b \\\\\n   c &= d\n\n.. toctree::\n\n   gone\n\n.. odd:: An argument\n   :x: y\n\n"
        "   Content **here**.\n\n.. include:: secret.txt\n\n.. raw:: html\n\n   <b>gone</b>\n\n.. note:: Take care.\n\n"
        "=== ===\nA   B\n=== ===\n1   2\n=== ===\n\n>>> 1 + 1\n2\n",
    )
    assert (found.title, found.attribution, found.date, found.license) == ("Title", "Jane", "2020", "CC BY 4.0")
    for part in (
        "# Title", "Text $x^2$ `b` words H_{2}O `kept`:", "```\nx = 1\n```", "```python\ny = 2\n```",
        "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$", "An argument", "Content **here**.", "Take care.",
        "| A | B |\n|---|---|\n| 1 | 2 |", "```python\n>>> 1 + 1\n2\n```",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text
    assert "secret words" not in found.text


def test_rst_that_the_parser_cannot_take_is_read_as_it_stands(tmp_path: Path) -> None:
    remark, found = records(rst, tmp_path / "a.rst", "*a " * 20_000)
    assert isinstance(remark, Remark)
    assert "plain text" in remark.text
    assert found.text.count("*a") == 20_000


def test_rst_versions_and_cells_of_several_rows(tmp_path: Path) -> None:
    text = (
        ".. versionadded:: 1.2\n   New ``thing``.\n\n.. deprecated:: 2.0\n\n"
        "+------+-----+\n| Rome | 100 |\n|      +-----+\n|      | 540 |\n+------+-----+\n"
    )
    assert document(rst, tmp_path / "a.rst", text).text == (
        "New in version 1.2: New `thing`.\n\nDeprecated since version 2.0\n\n| Rome | 100 |\n|---|---|\n|  | 540 |"
    )
