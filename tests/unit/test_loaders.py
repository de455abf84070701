"""Every loader: what is good comes through, what is bad becomes a reject with file, line and reason."""

import bz2
import gzip
import json
import lzma
import os
import random
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from kgsynth.config import DocumentsSettings, FieldNames
from kgsynth.documents import RejectFile, loader_names, read, usable_documents
from kgsynth.errors import ConfigError, MissingExtraError, RecordError, TooManyRejectsError
from kgsynth.records import Annotation, ConceptName, CountedPair, Document, Reject, Remark, StageCount
from kgsynth_loaders import (
    annotations,
    arrow_folder,
    characters,
    concept_list,
    counted_pairs,
    csv_table,
    hugging_face,
    json_array,
    jsonl,
    parquet,
    python_docs,
    rows,
    text_lines,
)  # fmt: skip

FIELDS = FieldNames()
GOOD = '{"id": "a", "title": "T", "text": "one\\u2028two", "topics": ["x", "y"], "concepts": "p; q", "synonyms": [["p", "q"]]}'


def reasons(records: list) -> list[tuple[int, str]]:
    return [(one.position.line, one.reason) for one in records if isinstance(one, Reject)]


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip


def write(path: Path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def texts(records: list) -> list[str]:
    return [one.text for one in records if isinstance(one, Document)]


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("has_ending", [True, False])
def test_jsonl_plain_and_packed(tmp_path: Path, ending: str, has_ending: bool) -> None:
    data = (GOOD + "\n\n" + '{"text": "no id"}\n{"text": "no id"}\n').encode()
    file = write(tmp_path / f"d.jsonl{ending if has_ending else ''}", PACKERS[ending](data))
    first, second, third = jsonl.documents(file, FIELDS)
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
        b'{"text": "t", "id": {}}\n{"text": "t", "topics": {"a": 1}}\n{"text": "t", "synonyms": [["a"]]}\n{"text": "last"}'
    )
    found = list(jsonl.documents(str(file), FIELDS))
    assert [one.text for one in found if isinstance(one, Document)] == ["ok", "last"]
    assert reasons(found) == [
        (2, "not JSON"), (3, "not a JSON object"), (4, "no text in field 'text'"), (5, "not text: field 'text'"), (6, "not UTF-8"),
        (7, "line too long"), (8, "id is not text: field 'id'"), (9, "not a list of names: field 'topics'"),
        (10, "not a list of pairs: field 'synonyms'"),
    ]  # fmt: skip
    assert all(one.position.source == str(file) for one in found if isinstance(one, Reject))


LINES = [json.dumps({"text": f"{number} {'x' * 50} {number**7}"}) + "\n" for number in range(5000)]


@pytest.mark.parametrize("ending", [ending for ending in PACKERS if ending])
def test_a_packed_file_that_is_damaged_gives_what_is_whole_and_a_reject(tmp_path: Path, ending: str) -> None:
    # bzip2 packs blocks of 100,000 bytes at least.
    pack = PACKERS[ending] if ending != ".bz2" else lambda data: bz2.compress(data, 1)
    data = "".join(LINES).encode()
    packed = pack(data)
    two = write(tmp_path / f"two.jsonl{ending}", packed + pack(b'{"text": "second member"}\n') + bytes(512))
    assert texts(list(jsonl.documents(two, FIELDS)))[-2:] == [json.loads(LINES[-1])["text"], "second member"]
    for name, damaged, least in (
        ("half", packed[: len(packed) // 2], 500),
        ("one byte less", packed[:-1], 4000),
        ("garbage", packed + b"garbage", 5000),
        ("half of a second member", packed + pack(data)[: len(packed) // 2], 5500),
    ):
        file = write(tmp_path / f"{name}.jsonl{ending}", damaged)
        *good, last = jsonl.documents(file, FIELDS)
        assert isinstance(last, Reject)
        assert last.reason == "file is damaged from here on"
        assert len(texts(good)) == len(good) >= least, name
        table = write(
            tmp_path / f"{name}.csv{ending}", pack(b"text\n" + data.replace(b'"', b""))[: -9 if ending else 0]
        )
        assert reasons(list(csv_table.documents(table, FIELDS)))[-1][1] == "file is damaged from here on"


def test_a_file_that_unpacks_to_far_more_is_read_in_flat_memory(tmp_path: Path) -> None:
    file = write(tmp_path / "d.jsonl.zst", zstandard.compress(bytes(300 * 2**20)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reasons(list(jsonl.documents(file, FIELDS))) == [(1, "line too long")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000


WORDS = {
    "cp1252": "Die Größe der Gruppe hängt von der Ordnung ab; “naïve” café.",
    "cp1251": "Действие группы на множестве описывает орбиту элемента.",
    "shift_jis": "群の作用と軌道は対称性を記述する。軌道安定化定理は基本定理である。",
    "gb18030": "群作用与集合，轨道与稳定子定理给出轨道的大小。每个有限群都可以通过群作用嵌入对称群。",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_an_encoding_is_guessed_and_said_or_given(tmp_path: Path, encoding: str) -> None:
    words = WORDS[encoding]
    lines = "".join(json.dumps({"id": str(number), "text": words}, ensure_ascii=False) + "\n" for number in range(9))
    for load, name, text in (
        (jsonl.documents, "d.jsonl", lines),
        (csv_table.documents, "d.csv", "id,text\n" + "".join(f'{number},"{words}"\n' for number in range(9))),
        (json_array.documents, "d.json", "[" + ",\n".join(lines.splitlines()) + "]"),
    ):
        file = write(tmp_path / name, text.encode(encoding))
        remark, *found = load(file, FIELDS)
        assert isinstance(remark, Remark)
        assert "(a guess); --encoding sets it" in remark.text
        assert texts(found) == [words] * 9
        given = list(load(file, FieldNames(encoding=encoding)))
        assert texts(given) == [words] * 9
        assert len(given) == 9
    with pytest.raises(ConfigError, match="no encoding 'utf-17'"):
        list(jsonl.documents(str(tmp_path / "d.jsonl"), FieldNames(encoding="utf-17")))


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


def test_one_bad_line_is_a_reject_and_no_guess(tmp_path: Path) -> None:
    good = "".join(f'{{"text": "schön {number}"}}\n' for number in range(20)).encode()
    file = write(tmp_path / "d.jsonl", good + b'{"text": "caf\xe9"}\n' + good)
    found = list(jsonl.documents(file, FIELDS))
    assert reasons(found) == [(21, "not UTF-8")]
    assert len(found) == 41
    wide = '{"text": "a"}\n{"text": "b"}\n'.encode("utf-16").replace(b"b\x00", b"\x00\xd8")
    assert reasons(list(jsonl.documents(write(tmp_path / "w.jsonl", wide), FIELDS))) == [(2, "not UTF-16-LE")]
    # A character at the end of the sample is no fault of the file.
    for shift in range(4):
        text = "x" * (characters.SAMPLE_BYTES - 13 - shift) + "𝔸" * 10
        long = write(tmp_path / "long.jsonl", json.dumps({"text": text}, ensure_ascii=False))
        assert texts(list(jsonl.documents(long, FIELDS))) == [text]


def test_decode_says_what_it_guesses() -> None:
    assert characters.decode("Größe café".encode("cp1252")) == ("Größe café", "cp1252", True)
    assert characters.decode("Größe".encode()) == ("Größe", "utf-8", False)
    assert characters.decode(b"\xff\xfea\x00", encoding="utf-8") == ("a", "utf-16-le", False)
    assert characters.decode(b"a\x81b", encoding="latin-1").text == "a\x81b"
    with pytest.raises(RecordError, match="not utf-8"):
        characters.decode(b"\xff", encoding="utf-8")


def test_what_is_one_json_value_is_no_json_lines(tmp_path: Path) -> None:
    row = {"id": "a", "text": "words"}
    for data in ([row, row], {"data": [row]}, {"response": {"docs": [row, row]}}):
        for indent in (None, 1, 4):
            file = write(tmp_path / "d.jsonl", json.dumps(data, indent=indent))
            with pytest.raises(ConfigError, match="is a JSON (array|object).*, not JSON Lines") as raised:
                list(jsonl.documents(file, FIELDS))
            assert raised.value.hint == "Use --loader auto."
            assert set(texts(list(json_array.documents(file, FIELDS)))) == {"words"}
    with pytest.raises(ConfigError, match="format PDF"):
        list(jsonl.documents(write(tmp_path / "x.jsonl", b"%PDF-1.4\n\xff\xff\n"), FIELDS))


def test_numbers_and_marks_that_other_tools_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "d.jsonl",
        '{"text": "a", "x": NaN, "y": -Infinity}\n{"text": "b", "id": 1' + "0" * 30 + "}\n"
        '{"text": "c", "n": ' + "9" * 5000 + '}\n{"text": "d", "id": 1.5}\n{"text": "e",}\n{"text": "f"} // no\n'
        '{"text": "g", "text": "h"}\n' + '{"text": "i", "n": ' + "[" * 3000 + "]" * 3000 + "}\n"
        '{"text": "\\ud83d"}\n{"text": "m", "metadata": {"n": 1' + "0" * 25 + ', "s": "x", "none": null}}\n',
    )
    found = list(jsonl.documents(file, FIELDS))
    assert texts(found) == ["a", "b", "h", "\ud83d", "m"]
    assert found[1].id == "1" + "0" * 30
    assert found[-1].metadata == {"n": "1" + "0" * 25, "s": "x"}
    assert reasons(found) == [
        (3, "a number of too many digits"), (4, "id is not text: field 'id'"), (5, "not JSON"), (6, "not JSON"), (8, "nested too deeply"),
    ]  # fmt: skip


def test_fields_are_found_along_paths_and_missing_ones_are_named(tmp_path: Path) -> None:
    fields = FieldNames(text_field="messages.1.content", id_field="meta.id", topics_field="a.b", attribution_field="by")
    row = {
        "messages": [{"content": "q"}, {"content": "a"}],
        "meta": {"id": 7},
        "a.b": ["x"],
        "a": {"b": ["y"]},
        "by": ["J", "K"],
    }
    (one,) = jsonl.documents(write(tmp_path / "d.jsonl", json.dumps(row)), fields)
    assert (one.id, one.text, one.topics, one.attribution) == ("7", "a", ("x",), "J; K")
    assert rows_value("a.b.c", {"a": {"b.c": 5}}) == 5
    assert rows_value("a.9.c", {"a": [1]}) is None
    assert rows_value("a.b", {"a.b": None, "a": {"b": 1}}) is None
    for lines, message in (
        ('{"body": "w", "id": 1}\n' * 3, "no text in field 'text'; the fields are 'body', 'id': --text-field body"),
        ('{"x": "short", "y": "much longer text"}\n', "the fields are 'x', 'y': --text-field y"),
        ('{"data": {"text": "w"}, "x": "y"}\n', "--text-field data.text"),
    ):
        with pytest.raises(ConfigError, match=message):
            list(jsonl.documents(write(tmp_path / "d.jsonl", lines), FIELDS))
    some = write(tmp_path / "d.jsonl", '{"about": "this file"}\n{"text": "words"}\n{"text": null}\n')
    found = list(jsonl.documents(some, FIELDS))
    assert texts(found) == ["words"]
    assert reasons(found) == [(1, "no text in field 'text'"), (3, "no text in field 'text'")]


def rows_value(field: str, row: dict[str, Any]) -> Any:
    return rows.value(row, field)


def test_what_kgsynth_wrote_is_read_again(tmp_path: Path) -> None:
    part = Document(
        id="book#2",
        text="t",
        parent="book",
        pages="12-15",
        section="One > Two",
        date="2020",
        metadata={"k": "v"},
        score=0.5,
    )
    (one,) = jsonl.documents(write(tmp_path / "d.jsonl", part.to_json()), FIELDS)
    assert one == part
    assert one.score == 0.5
    foreign = {"id": "a", "text": "t", "parent": "other", "pages": 3, "section": "s", "score": "high", "metadata": "m"}
    (one,) = jsonl.documents(write(tmp_path / "d.jsonl", json.dumps(foreign)), FIELDS)
    assert one == Document(id="a", text="t")


R = {"id": "r", "text": "words"}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ([{"text": "a"}, {"text": "b"}], ["a", "b"]),
        ({"meta": {"count": 2}, "data": [{"text": "a"}, {"text": "b"}]}, ["a", "b"]),
        ({"licences": [{"text": "L"}], "r": {"docs": [{"text": "a"}, {"text": "b"}]}}, ["a", "b"]),
        ({"id": "x", "text": "one document"}, ["one document"]),
        ({"document": {"text": "one within"}}, ["one within"]),
        ({"a": {"text": "first"}, "b": {"text": "second"}}, ["first", "second"]),
        ({"type": "FeatureCollection", "features": [{"properties": {"text": "a"}}, {"properties": {"text": "b"}}]}, ["a", "b"]),
        ({"data": [{"title": "T", "paragraphs": [{"text": "a"}, {"text": "b"}]}, {"paragraphs": [{"text": "c"}]}]}, ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_records_anywhere_in_a_json_file(tmp_path: Path, value: Any, wanted: list[str]) -> None:
    for indent in (None, 2):
        found = list(json_array.documents(write(tmp_path / "d.json", json.dumps(value, indent=indent)), FIELDS))
        assert texts(found) == wanted
        assert not reasons(found)
    packed = write(tmp_path / "d.json.gz", gzip.compress(json.dumps(value).encode()))
    assert texts(list(json_array.documents(packed, FIELDS))) == wanted


def test_json_files_lose_nothing_silently(tmp_path: Path) -> None:
    def found(data: str) -> list:
        return list(json_array.documents(write(tmp_path / "d.json", data), FIELDS))

    array = (
        '[{"text": "a", "x": NaN}, {"no": 1}, 7, {"text": "b", "id": 1'
        + "0" * 30
        + '}, {"text": "\\ud83d", "n": '
        + "9" * 5000
        + "}]"
    )
    assert texts(found(array)) == ["a", "b", "\ud83d"]
    assert reasons(found(array)) == [(2, "no text in field 'text'"), (3, "not a JSON object")]
    for whole, cut in ((array, len(array) - 3), ('{"k": 1, "data": ' + array + "}", 60)):
        *good, last = found(whole[:cut])
        assert texts(good)[0] == "a"
        assert last.reason == "file is damaged from here on"
    remark, *others = found('{"few": [{"text": "x"}], "many": [{"text": "a"}, {"text": "b"}]}')
    assert texts(others) == ["a", "b"]
    assert remark.text == "read from many; other objects with 'text' were not read: 1 in few"
    assert texts(found('{"text": "a"}\n{\n"text": "b"}')) == ["a", "b"]
    assert found("[]") == found("{}") == found(" \n") == []
    assert reasons(found('["a", "b"]')) == [(1, "no JSON object in it")]
    assert reasons(found("no json")) == [(1, "file is damaged from here on")]
    with pytest.raises(ConfigError, match="the fields are 'body', 'id': --text-field body"):
        found('{"data": [{"body": "w", "id": 1}]}')


def test_json_arrays_are_read_in_flat_memory(tmp_path: Path) -> None:
    element = json.dumps({"id": "x", "text": "word " * 2000})
    file = write(tmp_path / "d.json", '{"meta": {}, "data": [' + ",\n".join([element] * 2000) + "]}")
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_array.documents(file, FIELDS)) == 2000
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_or_given(tmp_path: Path, delimiter: str) -> None:
    table = f'id{delimiter}text{delimiter}x\r\n1{delimiter}"a, b; c | d\te"{delimiter}3,5\r\n2{delimiter}plain{delimiter}\r\n'
    if delimiter == ",":
        table = table.replace("3,5", "3.5")
    file = write(tmp_path / "d.csv", table)
    for fields in (
        FIELDS,
        FieldNames(delimiter=delimiter),
        FieldNames(delimiter={"\t": "tab"}.get(delimiter, delimiter)),
    ):
        assert texts(list(csv_table.documents(file, fields))) == ["a, b; c | d\te", "plain"]
    told = write(tmp_path / "d.csv", f"sep={delimiter}\r\n{table}")
    assert texts(list(csv_table.documents(told, FIELDS))) == ["a, b; c | d\te", "plain"]


def test_cells_may_begin_after_a_blank(tmp_path: Path) -> None:
    file = write(tmp_path / "d.csv", 'id, text\n1, "a, b"\n2, "c, d"\n')
    assert texts(list(csv_table.documents(file, FIELDS))) == ["a, b", "c, d"]
    file = write(tmp_path / "d.csv", 'id,text\n1, "a" word\n2, plain\n')
    assert texts(list(csv_table.documents(file, FIELDS))) == [' "a" word', " plain"]


def test_headers_of_csv(tmp_path: Path) -> None:
    def found(table: str, **names: str) -> list:
        return list(csv_table.documents(write(tmp_path / "d.csv", table), FieldNames(**names)))

    assert found("") == found("id,text\n") == found("\n\n") == []
    assert found("ID, Text ,Topics\n1,words,a|b\n") == [Document(id="1", text="words", topics=("a", "b"))]
    assert found("Text,text\nno,yes\n")[0].text == "yes"
    assert found("x,text,x\n1,a,2\n")[0].text == "a"
    assert found("text\na b\nc, d\n")[0].text == "a b"
    for table in ("id,text,text\n1,a,b\n", "Text,TEXT\n1,2\n", "id,id,text\n1,2,3\n"):
        with pytest.raises(ConfigError, match="stands 2 times in the header"):
            found(table)
    with pytest.raises(ConfigError, match="no text in field 'text'; the fields are '1', 'some words', 'alg'") as raised:
        found("1,some words,alg\n2,more,alg\n")
    assert "--text-field" in raised.value.hint
    with pytest.raises(ConfigError, match=r"the fields are 'id', 'content': --text-field content"):
        found("id,content\n1,a\n")
    with pytest.raises(ConfigError, match="not one character"):
        found("id,text\n", delimiter="::")


def test_odd_rows_of_csv_cost_themselves_alone(tmp_path: Path) -> None:
    book = "\n".join(f"line {number}" for number in range(5000))
    table = f'id,text\n1,a\x00b\n2,"{"x" * 200_000}"\n3,"{book}"\n4,x,extra\n5,"say ""hi"""\n'
    found = list(csv_table.documents(write(tmp_path / "d.csv", table), FIELDS))
    assert texts(found) == ["x" * 200_000, book, 'say "hi"']
    assert reasons(found) == [(2, "NUL in a cell"), (5004, "wrong number of cells")]
    cells = [f"{number},{'é' if number % 2 else 'e'}\r" for number in range(9)]
    assert len(texts(list(csv_table.documents(write(tmp_path / "mac.csv", "id,text\r" + "".join(cells)), FIELDS)))) == 9


def test_a_csv_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 1000)
    file = write(tmp_path / "d.csv", "id,text\n1," + "x" * 5000 + "\n2,fine\n")
    found = list(csv_table.documents(file, FIELDS))
    assert texts(found) == ["fine"]
    assert reasons(found) == [(2, "not CSV")]


def test_parquet_in_batches(tmp_path: Path) -> None:
    file = tmp_path / "d.parquet"
    rows_of_file = [
        {"id": str(number), "text": None if number == 3 else f"text {number}", "topics": ["t"], "unused": number}
        for number in range(1200)
    ]
    pq.write_table(pa.Table.from_pylist(rows_of_file), file)
    found = list(parquet.documents(str(file), FIELDS))
    assert len(found) == 1200
    assert reasons(found) == [(4, "no text in field 'text'")]
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(ConfigError, match="not a Parquet file"):
        list(parquet.documents(str(tmp_path / "no.parquet"), FIELDS))


def test_columns_of_every_kind(tmp_path: Path) -> None:
    table = pa.table({
        "data": pa.array([{"body": {"text": "a"}}, {"body": None}, {"body": {"text": "c"}}]),
        "ID": pa.array([2**62, 7, None], pa.int64()),
        "topics": pa.array(["x", "y", "x"]).dictionary_encode(),
        "title": pa.array(["t", None, "u"], pa.large_string()),
        "concepts": pa.array([[{"name": "p", "n": 1}, {"name": "q", "n": 2}], None, []]),
        "date": pa.array([0, 1, 600_000_000_000], pa.timestamp("s")),
        "metadata": pa.array([[("k", "v")], None, []], pa.map_(pa.string(), pa.string())),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "d.parquet")
    found = list(parquet.documents(str(tmp_path / "d.parquet"), FieldNames(text_field="data.body.text")))
    first = found[0]
    assert (first.id, first.text, first.title, first.topics) == (str(2**62), "a", "t", ("x",))
    assert (first.concepts, first.date[:10], first.metadata) == (("p", "q"), "1970-01-01", {"k": "v"})
    assert found[2].date.startswith("20983-")
    assert reasons(found) == [(2, "no text in field 'data.body.text'")]
    with pytest.raises(
        ConfigError, match="no text in field 'text'; the fields are 'data', .*: --text-field data.body.text"
    ):
        list(parquet.documents(str(tmp_path / "d.parquet"), FIELDS))
    bad = pa.array([b"good", b"\xff", b"fine"]).view(pa.string())
    pq.write_table(pa.table({"text": bad}), tmp_path / "bad.parquet")
    found = list(parquet.documents(str(tmp_path / "bad.parquet"), FIELDS))
    assert texts(found) == ["good", "fine"]
    assert reasons(found) == [(2, "not UTF-8")]


def test_a_folder_of_shards_with_damaged_ones(tmp_path: Path) -> None:
    for name, start in (("data/a-00000.parquet", 0), ("data/a-00001.parquet", 100), ("topics=algebra/p.parquet", 200)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        numbers = range(start, start + 100)
        table = pa.table(
            {"id": list(map(str, numbers)), "text": [f"text {number} {os.urandom(40).hex()}" for number in numbers]}
        )
        pq.write_table(table, tmp_path / name, row_group_size=25, use_dictionary=False)
    (tmp_path / "_metadata.parquet").write_text("no shard")
    assert [one.id for one in parquet.documents(str(tmp_path), FIELDS)] == [str(number) for number in range(300)]
    assert list(parquet.documents(str(tmp_path), FIELDS))[-1].topics == ("algebra",)
    shard = tmp_path / "data/a-00001.parquet"
    whole = shard.read_bytes()
    offset = pq.ParquetFile(shard).metadata.row_group(2).column(1).data_page_offset
    shard.write_bytes(whole[:offset] + b"\xff" * 300 + whole[offset + 300 :])
    (tmp_path / "data/a-00002.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "data/a-00003.parquet")
    found = list(parquet.documents(str(tmp_path), FIELDS))
    assert [one.id for one in found if isinstance(one, Document)] == [
        str(number) for number in [*range(150), *range(200, 300)]
    ]
    assert reasons(found) == [
        (51, "file is damaged from here on"), (0, "file is damaged"),
        (0, "no text in field 'text'; the fields are 'body': --text-field body"),
    ]  # fmt: skip
    assert [Path(one.position.source).name for one in found if isinstance(one, Reject)] == [
        "a-00001.parquet", "a-00002.parquet", "a-00003.parquet",
    ]  # fmt: skip
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no Parquet file"):
        list(parquet.documents(str(tmp_path / "empty"), FIELDS))
    for name in ("a-00000", "a-00001"):
        pq.write_table(pa.table({"body": ["x"]}), tmp_path / "empty" / f"{name}.parquet")
    with pytest.raises(ConfigError, match="a-00000.parquet: no text in field 'text'"):
        list(parquet.documents(str(tmp_path / "empty"), FIELDS))


def save_arrow(folder: Path, count: int, *, names: tuple[str, ...] = ("data-00000-of-00001.arrow",)) -> None:
    """What `datasets.save_to_disk` writes, without the library."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        table = pa.table(
            {"id": [f"{number}-{row}" for row in range(count)], "text": [f"text {row}" for row in range(count)]}
        )
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))


def test_folders_that_datasets_saved(tmp_path: Path) -> None:
    save_arrow(tmp_path / "one", 300, names=("data-00000-of-00002.arrow", "data-00001-of-00002.arrow"))
    assert arrow_folder.is_saved_dataset(tmp_path / "one")
    assert not arrow_folder.is_saved_dataset(tmp_path)
    assert len(texts(list(arrow_folder.documents(str(tmp_path / "one"), FIELDS)))) == 600
    save_arrow(tmp_path / "all" / "train", 200)
    save_arrow(tmp_path / "all" / "test", 100)
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    found = list(arrow_folder.documents(str(tmp_path / "all"), FIELDS))
    assert len(texts(found)) == 300
    assert found[-1].position.source == str(tmp_path / "all" / "test" / "data-00000-of-00001.arrow")
    assert found[-1].position.line == 100
    with pytest.raises(ConfigError, match="the fields are 'id', 'text': --text-field text"):
        list(arrow_folder.documents(str(tmp_path / "one"), FieldNames(text_field="texts")))
    with pytest.raises(ConfigError, match="not a folder of"):
        list(arrow_folder.documents(str(tmp_path), FIELDS))


def test_a_saved_data_set_that_is_damaged(tmp_path: Path) -> None:
    names = ("data-00000-of-00002.arrow", "data-00001-of-00002.arrow")
    save_arrow(tmp_path, 300, names=names)
    file = tmp_path / names[0]
    whole = file.read_bytes()
    for cut, least in ((len(whole) // 2, 100), (len(whole) - 8, 300)):
        file.write_bytes(whole[:cut])
        found = list(arrow_folder.documents(str(tmp_path), FIELDS))
        assert [reason for _, reason in reasons(found)] == ["file is damaged from here on"]
        assert 300 + least <= len(texts(found)) <= 600
    file.unlink()
    found = list(arrow_folder.documents(str(tmp_path), FIELDS))
    assert len(texts(found)) == 300
    assert [one.position.source for one in found if isinstance(one, Reject)] == [str(file)]
    (tmp_path / "state.json").write_text("{broken")
    assert len(list(arrow_folder.documents(str(tmp_path), FIELDS))) == 300


def test_data_sets_of_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source, wanted in (
        ("hf://owner/name", ("owner/name", "", "", "")),
        ("owner/name:config/split", ("owner/name", "config", "split", "")),
        ("hf://datasets/owner/na-me.x@v1:20220301.en", ("owner/na-me.x", "20220301.en", "", "v1")),
        ("squad", ("squad", "", "", "")),
    ):
        parsed = hugging_face.parse(source)
        assert (parsed.name, parsed.config, parsed.split, parsed.revision) == wanted
    with pytest.raises(ConfigError, match="no name of a data set"):
        list(hugging_face.documents("no such/name/of any", FIELDS))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError) as raised:
        list(hugging_face.documents("owner/name", FIELDS))
    assert "pip install 'kgsynth[huggingface]'" in raised.value.hint


class Split:
    """A stream of rows, as `datasets` gives one."""

    def __init__(self, rows_of_split: list[dict[str, Any]], error: Exception | None = None) -> None:
        self.rows = rows_of_split
        self.error = error
        self.features = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.rows
        if self.error:
            raise self.error


def test_streams_of_hugging_face_break_off_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        given: Any = None

        def load_dataset(self, name: str, config: str | None, **_: Any) -> Any:
            if isinstance(self.given, Exception):
                raise self.given
            return self.given

    library = Library()
    monkeypatch.setitem(sys.modules, "datasets", library)
    library.given = {"train": Split([{"text": "a"}, {"text": 5}], OSError("gone")), "test": Split([{"text": "b"}])}
    found = list(hugging_face.documents("owner/name", FIELDS))
    assert texts(found) == ["a", "b"]
    assert reasons(found) == [(2, "not text: field 'text'"), (3, "data set breaks off here")]
    assert found[-1].position.source == "owner/name/test"
    library.given = ConnectionError("no route")
    with pytest.raises(ConfigError, match="cannot be reached: no route"):
        list(hugging_face.documents("owner/name", FIELDS))
    library.given = Split([{"body": "a"}])
    with pytest.raises(ConfigError, match="the fields are 'body': --text-field body"):
        list(hugging_face.documents("owner/name", FIELDS))
    library.given = type("DatasetNotFoundError", (Exception,), {})("who?")
    with pytest.raises(ConfigError, match="no such data set"):
        list(hugging_face.documents("owner/name", FIELDS))


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


def test_a_bad_name_costs_that_name(tmp_path: Path) -> None:
    topics = [
        {"name": "T", "concepts": ["good", "x" * 1001, "bell\x07", "half \ud800", 5, None, "fine"]},
        {"name": "bad\x00", "concepts": ["kept"]},
        {"name": "bad\x01", "concepts": []},
        {"name": "no concepts", "concepts": None},
    ]
    file = write(
        tmp_path / "a.jsonl", json.dumps({"id": "d", "topics": topics}) + "\n" + json.dumps({"id": "e", "topics": []})
    )
    found = list(annotations.annotations(file, FIELDS))
    first, last = (one for one in found if isinstance(one, Annotation))
    assert [(topic.name, topic.concepts) for topic in first.topics] == [
        ("T", ("good", "fine")),
        ("", ("kept",)),
        ("no concepts", ()),
    ]
    assert last.id == "e"
    assert [reason for _, reason in reasons(found)] == [
        "a name longer than 1,000 characters", "control characters in a name", "half a character (lone surrogate) in a name",
        "a name that is not text", "a name that is not text", "control characters in a name", "control characters in a name",
    ]  # fmt: skip
    assert all(one.position.line == 1 for one in found if isinstance(one, Reject))
    as_array = write(tmp_path / "a.json", json.dumps([{"id": "d", "topics": topics}]))
    assert [one.id for one in annotations.annotations(as_array, FIELDS) if isinstance(one, Annotation)] == ["d"]
    names = write(tmp_path / "n.txt.xz", lzma.compress(("ring\n" + "x" * 1001 + "\nbell\x07\nfield\n").encode()))
    listed = list(concept_list.concepts(names, FIELDS))
    assert [one.name for one in listed if isinstance(one, ConceptName)] == ["ring", "field"]
    assert reasons(listed) == [(2, "a name longer than 1,000 characters"), (3, "control characters in a name")]
    table = write(tmp_path / "n.jsonl", json.dumps({"name": "gcd", "synonyms": ["gcf", "b\x00"]}))
    assert [type(one) for one in concept_list.concepts(table, FIELDS)] == [ConceptName, ConceptName, Reject]
    pairs = write(
        tmp_path / "p.jsonl",
        '{"first": "a", "second": "b", "count": 1' + "0" * 30 + '}\n{"first": "a", "second": "b\\u0000", "count": 1}',
    )
    assert [reason for _, reason in reasons(list(counted_pairs.pairs(pairs, FIELDS)))] == [
        "count out of range: more than 20 digits", "control characters in a name",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="no value in field 'count'; the fields are 'first', 'second', 'n'"):
        list(counted_pairs.pairs(write(tmp_path / "p.csv", "first,second,n\na,b,1\n"), FIELDS))


LOADERS: dict[str, Callable[[str, FieldNames], Iterator[Any]]] = {
    ".jsonl": jsonl.documents, ".csv": csv_table.documents, ".json": json_array.documents,
}  # fmt: skip


@pytest.mark.parametrize("ending", LOADERS)
@pytest.mark.parametrize("unit", ['"', ",", "[", "{", "\n", " ", "\\", '{"a":', '","', "1", "-", "\x00"])
def test_a_megabyte_of_one_mark_costs_little_time(tmp_path: Path, ending: str, unit: str) -> None:
    start = {".jsonl": '{"text": "a"}\n', ".csv": 'id,text\n1,"', ".json": '{"data": [{"text": "a"},'}[ending]
    file = write(tmp_path / f"d{ending}", start + unit * (1_000_000 // len(unit)))
    began = time.process_time()
    found = list(LOADERS[ending](file, FIELDS))
    assert time.process_time() - began < 5
    assert found


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
        "id twice with the same text": 1, "id twice with another text": 1, "no text": 1,
        "text longer than 500 characters": 1, "fewer than 2 words": 1,
        "NUL, escape or half a character in its text": 2,
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


def test_values_of_other_kinds_cost_no_record(tmp_path: Path) -> None:
    given = [
        ({"title": 1984}, "title", "1984"),
        ({"title": True}, "title", "true"),
        ({"license": ["mit", "cc0", None]}, "license", "mit; cc0"),
        ({"license": {"name": "MIT", "url": "x"}}, "license", "MIT"),
        ({"license": {"code": 3}}, "license", '{"code": 3}'),
        ({"source": ["a", {"title": "b"}]}, "source", "a; b"),
        ({"topics": 5}, "topics", ("5",)),
        ({"topics": {"name": "algebra"}}, "topics", ("algebra",)),
        ({"concepts": ["a", 2]}, "concepts", ("a", "2")),
        ({"date": 2020}, "date", "2020"),
    ]
    rows_of_file = [json.dumps({"id": str(number), "text": "w", **row}) for number, (row, _, _) in enumerate(given)]
    file = write(tmp_path / "d.jsonl", "\n".join(rows_of_file))
    found = list(jsonl.documents(file, FIELDS))
    assert [getattr(one, name) for one, (_, name, _) in zip(found, given, strict=True)] == [one[2] for one in given]


def test_a_list_where_a_text_should_be_is_a_reject(tmp_path: Path) -> None:
    for value in ({"id": "x", "text": ["a", "b"]}, {"data": {"x": {"text": ["a", "b"]}}}):
        file = write(tmp_path / "d.json", json.dumps(value))
        assert reasons(list(json_array.documents(file, FIELDS))) == [(1, "not text: field 'text'")]


SENTENCES = {
    "cp1251": "Группа действует на множестве, и орбиты не пересекаются",
    "koi8-r": "Группа действует на множестве, и орбиты не пересекаются",
    "cp1253": "Η ομάδα δρα σε ένα σύνολο και οι τροχιές είναι ξένες",
    "euc_jp": "群が集合に作用するとき、軌道は交わらない。",
    "cp932": "群が集合に作用するとき、軌道は交わらない。",
    "gb18030": "群在集合上的作用，轨道是不相交的。",
    "big5": "群在集合上的作用，軌道是不相交的。",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_the_encoding_of_few_lines_among_plain_ones_is_guessed(tmp_path: Path, encoding: str) -> None:
    words = SENTENCES[encoding]
    for texts_of_file in ([words], ["plain", words] * 20, ["plain"] * 30 + [words]):
        objects = "".join(json.dumps({"text": one}, ensure_ascii=False) + "\n" for one in texts_of_file)
        for load, name, data in (
            (jsonl.documents, "d.jsonl", objects),
            (csv_table.documents, "d.csv", "id,text\n" + "".join(f'1,"{one}"\n' for one in texts_of_file)),
        ):
            found = list(load(write(tmp_path / name, data.encode(encoding)), FIELDS))
            assert texts(found) == texts_of_file


def test_wide_encodings_are_told_without_the_order_of_bytes(tmp_path: Path) -> None:
    row = json.dumps({"text": "Größe und Mächtigkeit"}, ensure_ascii=False) + "\n"
    for name in ("utf-16", "utf-32"):
        for encoding in (name, f"{name}-le", f"{name}-be"):
            file = write(tmp_path / "d.jsonl", row.encode(encoding))
            assert texts(list(jsonl.documents(file, FieldNames(encoding=name)))) == ["Größe und Mächtigkeit"]
            assert characters.decode(row.encode(encoding), encoding=name).text == row


def test_noise_is_no_wide_text() -> None:
    noise = random.Random(0)
    for count in (5, 40, 500, 4096):
        for _ in range(50):
            assert characters.wide_encoding(noise.randbytes(count) + b"\0") == ""
            # Numbers of 16 bits.
            numbers = b"".join(noise.randrange(3000).to_bytes(2, "little") for _ in range(count))
            assert characters.wide_encoding(numbers) == ""


def test_a_loader_of_rows_says_which_format_its_file_has(tmp_path: Path) -> None:
    table = write(tmp_path / "d.csv", "id,text\n1,words\n" * 200)
    objects = write(tmp_path / "d.jsonl", '{"id": "1", "text": "words"}\n' * 3)
    for load, file, name in (
        (jsonl.documents, table, "CSV"), (csv_table.documents, objects, "JSON Lines"), (parquet.documents, table, "CSV"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=name):
            list(load(file, FIELDS))
    # A table or lines of JSON under another name are read.
    assert len(list(jsonl.documents(write(tmp_path / "d.txt", '{"text": "words"}\n'), FIELDS))) == 1
    assert len(list(csv_table.documents(write(tmp_path / "t.txt", "id,text\n1,words\n"), FIELDS))) == 1
    with pytest.raises(ConfigError) as said:
        list(read("pdf", ["a.pdf"], FIELDS, kind="documents"))
    assert "auto reads files of every format" in said.value.hint


def test_files_of_arrow_and_a_missing_shard(tmp_path: Path) -> None:
    table = pa.table({"id": ["1"], "text": ["words"]})
    for number, new in enumerate((pa.ipc.new_file, pa.ipc.new_stream)):
        with pa.OSFile(str(tmp_path / f"data-{number}.arrow"), "wb") as file, new(file, table.schema) as writer:
            writer.write_table(table)
        assert texts(list(arrow_folder.file_documents(str(tmp_path / f"data-{number}.arrow"), FIELDS))) == ["words"]
    files = [{"filename": f"data-{number}.arrow"} for number in range(3)]
    write(tmp_path / "state.json", json.dumps({"_data_files": files}))
    write(tmp_path / "dataset_info.json", "{}")
    found = list(arrow_folder.documents(str(tmp_path), FIELDS))
    assert (texts(found), reasons(found)) == (["words", "words"], [(0, "the file is missing")])
