"""What the tests of several modules share: filters, duplicates, contamination and export, on small texts and on a real benchmark."""

import random
from pathlib import Path

from kgsynth import config, pipeline
from kgsynth.curation import export
from kgsynth.records import AnsweredQuestion, StageCount
from kgsynth.run_folder import RunFolder
from kgsynth.settings import CurateSettings, ExportSettings

SETTINGS = CurateSettings()


ENVIRONMENT = config.environment({"HOME": "/nonexistent"})


def questions(count: int) -> list[AnsweredQuestion]:
    rng = random.Random(4)
    words = [f"{a}{b}ing" for a in "bcdfgklm" for b in ("oo", "ea", "ar", "il", "un", "ot")]
    return [
        AnsweredQuestion(
            id=f"q{n}",
            text=f"Find the number {n} of " + " ".join(rng.choices(words, k=14)) + ".",
            level=3,
            concepts=("concept:a",),
            combination_id=f"c{n // 3}",
            documents=(f"d{n % 5}", "d9"),
            licenses=("CC BY-SA 3.0", "MIT") if n % 2 else ("CC0-1.0", "MIT"),
            attributions=("PlanetMath, and others", "Someone"),
            sources=("planetmath", "elsewhere"),
            model="m",
            seed=7,
            answer_id=f"a{n}" if n % 4 else "",
            answer=f"It is $\\frac{{{n}}}{{2}}$." if n % 4 else "",
            final_answer=str(n),
            votes=3,
            agreement=2 / 3,
            vote_answers=("1", "2"),
            answer_model="n",
        )
        for n in range(count)
    ]


def as_run(path: Path, rows: list[AnsweredQuestion], *, answers: tuple[Path, ...] = ()) -> Path:
    folder = RunFolder(
        path,
        path.name,
        {"seed": 7, "model": "m"},
        stage="answer",
        rows_name="answers",
        inputs={"questions": [str(run) for run in answers]},
    )
    with folder.opened():
        folder.write_shard(
            0,
            [row.to_row() for row in rows],
            [],
            {"kept": len(rows), "rejected": {}, "totals": {}},
            record=AnsweredQuestion,
        )
        folder.complete({})
    return path


def curated(
    tmp_path: Path, runs: list[Path], settings: CurateSettings = SETTINGS, name: str = "curated"
) -> tuple[RunFolder, StageCount]:
    counts: list[StageCount] = []
    folder = pipeline.curate(ENVIRONMENT, settings, questions=runs, run_dir=tmp_path / name, report=counts.append)
    return folder, counts[0]


def exported(tmp_path: Path, folder: RunFolder, output: str, **settings: object) -> export.Exported:
    made = ExportSettings(**{"validation_share": 0.3, **settings})  # type: ignore[arg-type]
    return pipeline.export(folder.path, made, output=tmp_path / output, overwrite=True, report=lambda _: None)
