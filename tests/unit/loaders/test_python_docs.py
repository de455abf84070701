"""Tests of `kgsynth_loaders.python_docs`."""

from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.records import Document, Reject
from kgsynth_loaders import (
    python_docs,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS

PACKAGE = {
    "__init__.py": '"""\n=============\nSparse things\n=============\n\nWords about the package."""\nraise SystemExit("never run")\n',
    "graph_tools.py": '''
"""Tools."""
def visible(a, b):
    """Find the shortest path between two nodes.

    Uses :math:`O(n \\\\log n)` steps, see :func:`~pkg.other` and ``code``::

        secret = code_block()

    Parameters
    ----------
    a : int, optional
        The first node of the path.

    Examples
    --------
    >>> visible(1, 2)
    hidden output

    Notes
    -----
    Dijkstra's algorithm [1]_ is used.

    References
    ----------
    .. [1] A book that is not prose.
    """
def _private():
    """Not seen."""
class Thing:
    """A class of things."""
    def method(self):
        """A method."""
''',
    "broken.py": "def f(:\n",
    "tests/test_x.py": '"""A test is not documentation."""',
}


def test_python_documentation_is_read_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PACKAGE.items():
        file = tmp_path / "sparsepkg" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = list(python_docs.documents("sparsepkg", FIELDS))
    documents = {one.id: one for one in found if isinstance(one, Document)}
    assert set(documents) == {
        "sparsepkg", "sparsepkg.graph_tools", "sparsepkg.graph_tools.visible", "sparsepkg.graph_tools.Thing",
        "sparsepkg.graph_tools.Thing.method",
    }  # fmt: skip
    visible = documents["sparsepkg.graph_tools.visible"]
    assert visible.topics == ("graph tools",)
    for word in ("secret", "hidden", ">>>", "book", "int, optional", ":func:", "``", "[1]"):
        assert word not in visible.text
    for words in (
        "shortest path between two nodes",
        "O(n \\log n)",
        "The first node of the path",
        "Dijkstra's algorithm",
    ):
        assert words in visible.text
    assert [one.reason for one in found if isinstance(one, Reject)] == ["not Python that this Python reads"]
    with pytest.raises(ConfigError, match="no Python package 'no_such_package'"):
        list(python_docs.documents("no_such_package", FIELDS))


@pytest.mark.parametrize(
    ("name", "is_subject"),
    [("shortest_paths", True), ("number", True), ("ecm", False), ("abc", False), ("_paths", False), ("functions", False),
     ("linalg", False), ("utils", False), ("error_functions", True)],
)  # fmt: skip
def test_names_of_modules_are_topics_only_if_they_say_something_to_a_reader(name: str, is_subject: bool) -> None:
    assert python_docs._is_subject(name) == is_subject
