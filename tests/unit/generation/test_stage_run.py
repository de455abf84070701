"""Tests of `kgsynth.generation.stage_run`."""

from pathlib import Path

from kgsynth import config, pipeline
from kgsynth.generation.stage_run import ask
from kgsynth.pipeline import filtering
from kgsynth.run_folder import open_run
from kgsynth.settings import DocumentsSettings, FilterSettings
from tests.unit.filter_cases import Mumbling


def test_ratings_that_were_rejected_are_asked_for_again(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    documents = DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0)
    stage = filtering.rate_stage(
        documents,
        FilterSettings(domain="mathematics", seed=5, backend="scripted"),
        dict.fromkeys((f"m{n}" for n in range(20)), 1),
    )
    folder = ask(
        environment,
        stage,
        run_dir=tmp_path / "ratings",
        report=lambda _: None,
        progress=None,
        make=lambda *_: Mumbling(),
    )
    assert (folder.counted()["kept"], sum(folder.counted()["rejected"].values())) == (10, 10)
    again = pipeline.retry(environment, tmp_path / "ratings", report=lambda _: None)
    assert again is not None
    rows = [row["id"] for part in open_run(tmp_path / "ratings").parts() for row in part.rows()]
    assert sorted(rows) == sorted(f"m{n}" for n in range(20))
