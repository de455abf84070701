"""Tests of `kgsynth_loaders.readers.notebook`."""

import json
from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth_loaders.readers import notebook
from tests.unit.loaders.readers.markup_readers_cases import document, records


def test_notebook_of_both_formats(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Ohm\n", "Text $x$ <!-- gone -->"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["1\n", "x" * 3000]},
            {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure size 1x1>"}},
            {"output_type": "error", "ename": "E", "traceback": ["gone"]}]},
        {"cell_type": "raw", "source": "raw words"},
    ]  # fmt: skip
    meta = {"kernelspec": {"name": "ir", "language": "R"}, "authors": [{"name": "Jane"}]}
    found = document(notebook, tmp_path / "a.ipynb", json.dumps({"cells": cells, "metadata": meta, "nbformat": 4}))
    assert (found.title, found.attribution, found.metadata) == ("Ohm", "Jane", {"kernel_language": "r"})
    assert found.text == f"# Ohm\nText $x$\n\n```r\nprint(1)\n```\n\n```text\n1\n{'x' * 1998}…\n```\n\nraw words"
    old = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": []},
    ]
    book = {"worksheets": [{"cells": old}], "metadata": {}, "nbformat": 3}
    assert document(notebook, tmp_path / "b.ipynb", json.dumps(book)).text == "## Old\n\n```python\nx = 1\n```"


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', "not JSON", "[" * 50_000])
def test_what_is_no_notebook_is_damaged(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match="damaged"):
        records(notebook, tmp_path / "a.ipynb", text)
