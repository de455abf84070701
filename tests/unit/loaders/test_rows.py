"""Tests of `kgsynth_loaders.rows`."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from kgsynth.documents.read import loader_names, read, usable_documents
from kgsynth.errors import ConfigError, TooManyRejectsError
from kgsynth.records import ConceptName, Document, Remark, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import (
    concept_list,
    csv_table,
    json_array,
    jsonl,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-32-be"])
def test_byte_order_marks_and_wide_encodings(tmp_path: Path, encoding: str) -> None:
    rows = [{"id": str(number), "text": f"Größe 𝔸 {number}"} for number in range(3000)]
    wanted = [row["text"] for row in rows]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file = write(tmp_path / "d.jsonl", lines.encode(encoding))
    found = list(jsonl.documents(file, FIELDS))
    assert texts(found) == wanted
    assert [one.text[:6] for one in found if isinstance(one, Remark)] == (
        ["read a"] if encoding[-2:] in ("le", "be") else []
    )
    table = write(
        tmp_path / "d.csv", ("id,text\r\n" + "".join(f"{row['id']},{row['text']}\r\n" for row in rows)).encode(encoding)
    )
    assert texts(list(csv_table.documents(table, FIELDS))) == wanted
    whole = write(tmp_path / "d.json", json.dumps(rows, ensure_ascii=False).encode(encoding))
    assert texts(list(json_array.documents(whole, FIELDS))) == wanted
    names = write(tmp_path / "n.txt", "Möbius\n".encode(encoding))
    assert ConceptName(name="Möbius") in list(concept_list.concepts(names, FIELDS))


def test_an_unclosed_quote_costs_one_row(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    rows = [f'{n},"text {n}"' if n != 3 else '3,"never closed' for n in range(5000)]
    file.write_text("id,text\n" + "\n".join(rows) + "\n")
    found = list(csv_table.documents(str(file), FIELDS))
    assert [one.id for one in found if isinstance(one, Document)] == [str(n) for n in range(5000) if n != 3]
    assert reasons(found) == [(5, "not CSV")]


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
            {"id": "a", "text": "fine text here", "title": "T"},
            {"id": "b", "text": "  "}, {"id": "c", "text": "nul \x00 byte here"}, {"id": "d", "text": "x" * 999},
            {"id": "e", "text": "short"}, {"id": "f", "text": "lone \ud800 surrogate here"},
        ],
        max_text_chars=500,
        min_words=2,
    )  # fmt: skip
    assert [one.id for one in documents] == ["a"]
    assert count.rejected == {
        "id twice with the same text": 1, "id twice with another text": 1, "no text": 1,
        "id twice with the same text, but another title, source or metadata": 1,
        "text longer than 500 characters": 1, "fewer than 2 words": 1,
        "NUL, escape or half a character in its text": 2,
    }  # fmt: skip
    assert count.read == 9 == 1 + len(rejects)
    assert [(one["source"], one["line"]) for one in rejects] == [
        (str(tmp_path / "d.jsonl"), line) for line in range(2, 10)
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
    assert loader_names("documents") == ["auto", "csv", "huggingface", "jsonl", "parquet", "python-docs"]
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
from kgsynth.settings import DocumentsSettings
from kgsynth.documents.read import usable_documents
from kgsynth.rejects import RejectFile
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


@pytest.mark.slow
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
