"""Tests of `kgsynth_loaders.jsonl`."""

import bz2
import gzip
import json
import lzma
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from kgsynth.documents.read import read
from kgsynth.errors import ConfigError
from kgsynth.records import Document, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import (
    characters,
    csv_table,
    json_array,
    jsonl,
    parquet,
    rows,
)  # fmt: skip
from tests.timing import is_quick
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write

GOOD = '{"id": "a", "title": "T", "text": "one\\u2028two", "topics": ["x", "y"], "concepts": "p; q", "synonyms": [["p", "q"]]}'


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip


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


LINES = [json.dumps({"text": f"{number} {'x' * 50} {number**7}"}) + "\n" for number in range(5000)]


@pytest.mark.slow
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
        ('{"id": "1", "topics": [{"name": "x", "concepts": []}]}\n', "these are annotations, not documents"),
        ('{"id": "1", "topics": ["x"], "paragraphs": ["w"]}\n', "the fields are 'id', 'topics', 'paragraphs'"),
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
    kept = {name: str(foreign[name]) for name in ("parent", "pages", "section", "score", "metadata")}
    assert one == Document(id="a", text="t", metadata=kept)


def test_fields_may_have_other_names(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"key": 7, "body": "words", "subject": "s|t"}\n')
    (one,) = jsonl.documents(str(file), FieldNames(id_field="key", text_field="body", topics_field="subject"))
    assert one == Document(id="7", text="words", topics=("s", "t"))


LOADERS: dict[str, Callable[[str, FieldNames], Iterator[Any]]] = {
    ".jsonl": jsonl.documents, ".csv": csv_table.documents, ".json": json_array.documents,
}  # fmt: skip


@pytest.mark.parametrize("ending", LOADERS)
@pytest.mark.parametrize("unit", ['"', ",", "[", "{", "\n", " ", "\\", '{"a":', '","', "1", "-", "\x00"])
def test_a_megabyte_of_one_mark_costs_little_time(tmp_path: Path, ending: str, unit: str) -> None:
    start = {".jsonl": '{"text": "a"}\n', ".csv": 'id,text\n1,"', ".json": '{"data": [{"text": "a"},'}[ending]
    file = write(tmp_path / f"d{ending}", start + unit * (1_000_000 // len(unit)))

    def read() -> None:
        assert list(LOADERS[ending](file, FIELDS))

    assert is_quick(read, times=250)


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
    assert "loader auto reads all formats" in said.value.hint
