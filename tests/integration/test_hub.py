"""`kgsynth export --push-to-hub` as a command: token and address come from the environment, and the token stays there."""

import os
import subprocess
import sys
from pathlib import Path

from tests import fake_hub
from tests.unit.curation.curation_cases import as_run, curated, questions


def test_the_environment_names_token_and_hub_and_nothing_repeats_the_token(tmp_path: Path) -> None:
    curated(tmp_path, [as_run(tmp_path / "run", questions(30))])
    command = (
        *(sys.executable, "-m", "kgsynth", "--log-file", str(tmp_path / "log"), "export", str(tmp_path / "curated")),
        *("-o", str(tmp_path / "set"), "--overwrite", "--push-to-hub", "ann/questions"),
    )
    with fake_hub.running() as hub:
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            **{"HF_ENDPOINT": hub.url, "HF_TOKEN": fake_hub.TOKEN, "HF_HUB_DISABLE_XET": "1", "HOME": str(tmp_path)},
        }
        done, again, refused = (
            subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            for environment in (variables, variables, {**variables, "HF_TOKEN": "hf_anotheranother"})
        )
        files = hub.data_sets["ann/questions"].files
    assert (done.returncode, again.returncode, refused.returncode) == (0, 0, 1), (done, again, refused)
    assert f"uploaded to {hub.url}/datasets/ann/questions (public, commit " in done.stderr
    assert "nothing has changed in" in again.stderr
    assert "HTTP 401" in refused.stderr
    for path in (path for path in (tmp_path / "set").rglob("*") if path.is_file()):
        assert files[str(path.relative_to(tmp_path / "set"))] == path.read_bytes()
    printed = "".join(one.stdout + one.stderr for one in (done, again, refused))
    assert "hf_" not in printed
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and fake_hub.TOKEN.encode() in path.read_bytes()]
