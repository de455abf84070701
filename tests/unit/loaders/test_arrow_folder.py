"""Tests of `kgsynth_loaders.arrow_folder`."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from kgsynth.errors import ConfigError
from kgsynth.records import Reject
from kgsynth.settings import FieldNames
from kgsynth_loaders import (
    arrow_folder,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, reasons, texts, write


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


def test_files_of_arrow_and_a_missing_shard(tmp_path: Path) -> None:
    table = pa.table({"id": ["1"], "text": ["words"]})
    for number, new in enumerate((pa.ipc.new_file, pa.ipc.new_stream)):
        with pa.OSFile(str(tmp_path / f"data-{number}.arrow"), "wb") as file, new(file, table.schema) as writer:
            writer.write_table(table)
        assert texts(list(arrow_folder.file_documents(str(tmp_path / f"data-{number}.arrow"), FIELDS))) == ["words"]
    twice = pa.table([["one"], ["two"]], names=["text", "text"])
    with pa.OSFile(str(tmp_path / "twice.arrow"), "wb") as file, pa.ipc.new_file(file, twice.schema) as writer:
        writer.write_table(twice)
    with pytest.raises(ConfigError, match="column 'text' stands 2 times in the header"):
        list(arrow_folder.file_documents(str(tmp_path / "twice.arrow"), FIELDS))
    files = [{"filename": f"data-{number}.arrow"} for number in range(3)]
    write(tmp_path / "state.json", json.dumps({"_data_files": files}))
    write(tmp_path / "dataset_info.json", "{}")
    found = list(arrow_folder.documents(str(tmp_path), FIELDS))
    assert (texts(found), reasons(found)) == (["words", "words"], [(0, "the file is missing")])
