"""Tests of `kgsynth_loaders.parquet`."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kgsynth.errors import ConfigError
from kgsynth.records import Document, Reject
from kgsynth.settings import FieldNames
from kgsynth_loaders import (
    parquet,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts


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


def test_a_column_twice_is_refused_if_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table([["a"], ["one"], ["two"]], names=["id", "text", "text"]), path)
    with pytest.raises(ConfigError, match="d.parquet: column 'text' stands 2 times in the header"):
        list(parquet.documents(str(path), FIELDS))
    pq.write_table(pa.table([["one"], ["x"], ["y"]], names=["text", "other", "other"]), path)
    assert texts(list(parquet.documents(str(path), FIELDS))) == ["one"]


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
