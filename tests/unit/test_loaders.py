"""Every loader: what is good comes through, what is bad becomes a reject with file, line and reason."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from kgsynth.config import DocumentsSettings, FieldNames
from kgsynth.documents import RejectFile, loader_names, read, usable_documents
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.records import Annotation, ConceptName, CountedPair, Document, Reject, StageCount
from kgsynth_loaders import (
    annotations,
    concept_list,
    counted_pairs,
    csv_table,
    jsonl,
    parquet,
    python_docs,
    text_folder,
    text_lines,
)  # fmt: skip

FIELDS = FieldNames()
GOOD = '{"id": "a", "title": "T", "text": "one\\u2028two", "topics": ["x", "y"], "concepts": "p; q", "synonyms": [["p", "q"]]}'


def reasons(records: list) -> list[tuple[int, str]]:
    return [(one.position.line, one.reason) for one in records if isinstance(one, Reject)]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_jsonl_plain_and_packed(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"d.jsonl{ending}"
    data = (GOOD + "\n\n" + '{"text": "no id"}\n{"text": "no id"}\n').encode()
    file.write_bytes({"": data, ".gz": gzip.compress(data), ".zst": zstandard.compress(data)}[ending])
    first, second, third = jsonl.documents(str(file), FIELDS)
    assert first == Document(
        id="a", title="T", text="one\u2028two", topics=("x", "y"), concepts=("p", "q"), synonyms=(("p", "q"),)
    )
    assert isinstance(second, Document)
    assert second.id.startswith("doc-")
    assert second == third


def test_bad_lines_are_rejects_with_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 200)
    file = tmp_path / "d.jsonl"
    file.write_bytes(
        b'{"text": "ok"}\nnot json\n[1]\n{"title": "x"}\n{"text": 5}\n{"text": "\xff"}\n{"text": "'
        + b"x" * 5000
        + b'"}\n'
        b'{"text": "t", "id": {}}\n{"text": "t", "topics": 3}\n{"text": "t", "synonyms": [["a"]]}\n{"text": "last"}'
    )
    found = list(jsonl.documents(str(file), FIELDS))
    assert [one.text for one in found if isinstance(one, Document)] == ["ok", "last"]
    assert reasons(found) == [
        (2, "not JSON"), (3, "not a JSON object"), (4, "no text in field 'text'"), (5, "not text: field 'text'"), (6, "not UTF-8"),
        (7, "line too long"), (8, "id is not text: field 'id'"), (9, "not a list of names: field 'topics'"),
        (10, "not a list of pairs: field 'synonyms'"),
    ]  # fmt: skip
    assert all(one.position.source == str(file) for one in found if isinstance(one, Reject))


def test_a_damaged_archive_gives_what_is_whole_and_a_reject(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl.gz"
    packed = gzip.compress("".join(json.dumps({"text": f"{n} {'x' * 50}"}) + "\n" for n in range(5000)).encode())
    file.write_bytes(packed[: len(packed) // 2])
    *good, last = jsonl.documents(str(file), FIELDS)
    assert len(good) > 100
    assert isinstance(last, Reject)
    assert last.reason == "file is damaged from here on"


def test_fields_may_have_other_names(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"key": 7, "body": "words", "subject": "s|t"}\n')
    (one,) = jsonl.documents(str(file), FieldNames(id_field="key", text_field="body", topics_field="subject"))
    assert one == Document(id="7", text="words", topics=("s", "t"))


def test_csv_with_lists_and_bad_rows(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_bytes(b'\xef\xbb\xbfid,text,topics\n1,"two\nlines",a|b\n2,short\n3,\xff,a\n4,,a\n5,fine,\n')
    found = list(csv_table.documents(str(file), FIELDS))
    assert next((one.id, one.text, one.topics) for one in found if isinstance(one, Document)) == (
        "1",
        "two\nlines",
        ("a", "b"),
    )
    assert [reason for _, reason in reasons(found)] == ["wrong number of cells", "not UTF-8"]
    assert reasons(found)[0][0] == 4


def test_an_unclosed_quote_costs_one_row(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    rows = [f'{n},"text {n}"' if n != 3 else '3,"never closed' for n in range(5000)]
    file.write_text("id,text\n" + "\n".join(rows) + "\n")
    found = list(csv_table.documents(str(file), FIELDS))
    assert [one.id for one in found if isinstance(one, Document)] == [str(n) for n in range(5000) if n != 3]
    assert reasons(found) == [(5, "not CSV")]


def test_parquet_in_batches(tmp_path: Path) -> None:
    file = tmp_path / "d.parquet"
    rows = [{"id": str(n), "text": None if n == 3 else f"text {n}", "topics": ["t"], "unused": n} for n in range(1200)]
    pq.write_table(pa.Table.from_pylist(rows), file)
    found = list(parquet.documents(str(file), FIELDS))
    assert len(found) == 1200
    assert reasons(found) == [(4, "no text in field 'text'")]
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(ConfigError, match="not a Parquet file"):
        list(parquet.documents(str(tmp_path / "no.parquet"), FIELDS))


def test_a_folder_of_text_markdown_and_html(tmp_path: Path) -> None:
    (tmp_path / "graph_theory").mkdir()
    (tmp_path / "graph_theory" / "trees.md").write_text(
        "---\nx: 1\n---\n# Trees *here*\n\nA tree.\n```\ncode\n```\nEnd."
    )
    (tmp_path / "page.html").write_text(
        "<title>Page &amp; more</title><style>p{}</style><p>Hello <b>there</b></p><script>x()</script><p>Bye"
    )
    (tmp_path / "plain_note.txt").write_text("words")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "ignored.pdf").write_text("x")
    found = {
        one.id if isinstance(one, Document) else "reject": one for one in text_folder.documents(str(tmp_path), FIELDS)
    }
    assert set(found) == {"graph_theory/trees.md", "page.html", "plain_note.txt", "reject"}
    trees = found["graph_theory/trees.md"]
    assert (trees.title, trees.topics) == ("Trees *here*", ("graph theory",))
    assert "code" not in trees.text
    assert "A tree." in trees.text
    assert (found["page.html"].title, found["page.html"].text) == ("Page & more", "Hello there\n\nBye")
    assert found["reject"].reason == "not UTF-8"
    with pytest.raises(ConfigError, match="not a folder"):
        list(text_folder.documents(str(tmp_path / "page.html"), FIELDS))


def test_annotations_concepts_and_pairs(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"id": "d", "topics": [{"name": "T", "concepts": ["x"]}]}\n{"id": "d"}\n{"topics": []}\n{"id": "e", "topics": [3]}\n'
    )
    found = list(annotations.annotations(str(file), FIELDS))
    assert isinstance(found[0], Annotation)
    assert [reason for _, reason in reasons(found)] == [
        "no list of topics in field 'topics'", "no id in field 'id'", "a topic is not {name, concepts}",
    ]  # fmt: skip
    names = tmp_path / "n.txt"
    names.write_text("# comment\ngroup\n\nring\n")
    assert list(concept_list.concepts(str(names), FIELDS)) == [ConceptName(name="group"), ConceptName(name="ring")]
    table = tmp_path / "n.csv"
    table.write_text("name,synonyms\ngcd,greatest common divisor|gcf\n,x\n")
    listed = list(concept_list.concepts(str(table), FIELDS))
    assert listed[1:3] == [
        ConceptName(name="greatest common divisor", synonym_of="gcd"),
        ConceptName(name="gcf", synonym_of="gcd"),
    ]
    assert [reason for _, reason in reasons(listed)] == ["no name in field 'name'"]
    pairs = tmp_path / "p.tsv"
    pairs.write_text(
        "first\tsecond\tcount\tfirst_kind\na\tb\t3\ttopic\na\tb\tmany\t\na\t\t3\t\na\tb\t0\t\na\tb\t1\tthing\n"
    )
    counted = list(counted_pairs.pairs(str(pairs), FIELDS))
    assert counted[0] == CountedPair(first="a", second="b", count=3, first_kind="topic")
    assert len(reasons(counted)) == 4


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


def usable(tmp_path: Path, lines: list[dict], **settings: object) -> tuple[list[Document], StageCount, list[dict]]:
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    count = StageCount(stage="read", unit="documents")
    with RejectFile(tmp_path / "r.jsonl") as rejects:
        documents = list(
            usable_documents(
                DocumentsSettings(sources=(str(file),), max_rejected_share=1.0, **settings), rejects, count
            )
        )
    path = tmp_path / "r.jsonl"
    return documents, count, [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_unusable_documents_are_counted_by_reason_and_kept(tmp_path: Path) -> None:
    documents, count, rejects = usable(
        tmp_path,
        [
            {"id": "a", "text": "fine text here"}, {"id": "a", "text": "fine text here"}, {"id": "a", "text": "other text here"},
            {"id": "b", "text": "  "}, {"id": "c", "text": "nul \x00 byte here"}, {"id": "d", "text": "x" * 999},
            {"id": "e", "text": "short"}, {"id": "f", "text": "lone \ud800 surrogate here"},
        ],
        max_text_chars=500,
        min_words=2,
    )  # fmt: skip
    assert [one.id for one in documents] == ["a"]
    assert count.rejected == {
        "id twice with the same text": 1, "id twice with another text": 1, "no text": 1, "control characters": 1,
        "text longer than 500 characters": 1, "fewer than 2 words": 1, "not Unicode text (lone surrogate)": 1,
    }  # fmt: skip
    assert count.read == 8 == 1 + len(rejects)
    assert [(one["source"], one["line"]) for one in rejects] == [
        (str(tmp_path / "d.jsonl"), line) for line in range(2, 9)
    ]


def test_too_large_a_share_of_rejects_stops(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"text": "a"}\nx\ny\n')
    with RejectFile(tmp_path / "r") as rejects, pytest.raises(TooManyRejectsError, match="2 of 3"):
        list(
            usable_documents(
                DocumentsSettings(sources=(str(file),)), rejects, StageCount(stage="read", unit="documents")
            )
        )


def test_unknown_loaders_and_sources_are_named() -> None:
    assert loader_names("documents") == ["csv", "folder", "jsonl", "parquet", "python-docs"]
    with pytest.raises(ConfigError, match="did you mean 'jsonl'"):
        list(read("json", ["x"], FIELDS, kind="documents"))
    with pytest.raises(ConfigError, match="no loader 'pairs' for documents"):
        list(read("pairs", ["x"], FIELDS, kind="documents"))
    with pytest.raises(ConfigError, match="no such file"):
        list(read("jsonl", ["nowhere.jsonl"], FIELDS, kind="documents"))
    with pytest.raises(ConfigError, match="no source"):
        list(read("jsonl", [], FIELDS, kind="documents"))


MEMORY_SCRIPT = """
import resource, sys
from kgsynth.config import DocumentsSettings
from kgsynth.documents import RejectFile, usable_documents
from kgsynth.records import StageCount
from pathlib import Path
settings = DocumentsSettings(sources=(sys.argv[1],))
count = StageCount(stage="read", unit="documents")
with RejectFile(Path(sys.argv[2])) as rejects:
    stream = usable_documents(settings, rejects, count)
    for _ in range(1000):
        next(stream)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 40 * 2**20,) * 2)
    for _ in stream:
        pass
print(count.kept)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux counts it")
def test_memory_stays_flat_on_a_file_larger_than_memory(tmp_path: Path) -> None:
    assert resource
    file = tmp_path / "large.jsonl"
    body = "word " * 2000
    with file.open("w") as out:
        for number in range(20_000):
            out.write(f'{{"id": "{number}", "text": "{body}"}}\n')
    assert file.stat().st_size > 4 * 40 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT, str(file), str(tmp_path / "r")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "20000", done.stderr[-2000:]
