"""Tests of `kgsynth.pipeline.bulk_loading`."""

from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.documents.forgotten import TombstoneFile
from kgsynth.errors import GraphError
from kgsynth.graph.bulk import store
from kgsynth.settings import DocumentsSettings, GraphSettings


def test_a_filled_graph_is_refused_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise GraphError("the graph holds documents")

    monkeypatch.setattr(store, "refuse_filled", refuse)
    home = config.Environment(home=tmp_path)
    home.tombstones.write_text("no tombstone\n", encoding="utf-8")
    with pytest.raises(GraphError, match="the graph holds documents"):
        pipeline.load_bulk(
            home,
            GraphSettings(),
            DocumentsSettings(sources=(str(tmp_path / "absent.jsonl"),)),
            annotations=[str(tmp_path / "absent too.jsonl")],
            merge=None,
            rejects=tmp_path / "rejects.jsonl",
            forgotten=TombstoneFile(home.tombstones, graph="main"),
        )
