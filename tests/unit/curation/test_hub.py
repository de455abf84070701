"""Tests of `kgsynth.curation.hub`: the real client of huggingface_hub, and a stand-in of the Hub on loopback."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from kgsynth.cli import cli
from kgsynth.curation import hub
from kgsynth.errors import ConfigError, KgsynthError, MissingExtraError, UploadError
from tests import fake_hub
from tests.fake_hub import OWNER, READER_TOKEN, TOKEN, FakeHub
from tests.unit.curation.curation_cases import as_run, curated, exported, questions

NAME = f"{OWNER}/questions"
# The client's own way of sending large files.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub.running() as running:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        # What the environment variables HF_ENDPOINT and HF_HUB_DISABLE_XET set at import.
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


@pytest.fixture(scope="module")
def an_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    run, _ = curated(folder, [as_run(folder / "run", questions(30))])
    exported(folder, run, "set", rows_per_file=10)
    return folder / "set"


@pytest.fixture
def data_set(an_export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(an_export, tmp_path / "set"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def arrived(server: FakeHub, name: str = NAME) -> dict[str, bytes]:
    return {path: content for path, content in server.data_sets[name].files.items() if path != ".gitattributes"}


def test_all_files_arrive_byte_for_byte_in_one_commit(server: FakeHub, data_set: Path) -> None:
    pushed = hub.push_to_hub(data_set, NAME)
    assert arrived(server) == contents(data_set)
    assert {"README.md", "LICENSES.csv", "export.json", "data/train-00000.parquet"} <= arrived(server).keys()
    assert len(server.data_sets[NAME].commits) == 2
    assert pushed == hub.Pushed(
        url=f"{server.url}/datasets/{NAME}", commit=server.data_sets[NAME].head, changed=True, private=False
    )


def test_the_same_content_makes_no_second_commit(server: FakeHub, data_set: Path) -> None:
    first, second = hub.push_to_hub(data_set, NAME), hub.push_to_hub(data_set, NAME)
    assert (second.changed, second.commit) == (False, first.commit)
    assert len(server.data_sets[NAME].commits) == 2


def test_data_files_that_a_new_export_lacks_are_deleted_in_the_same_commit(
    server: FakeHub, data_set: Path, tmp_path: Path
) -> None:
    hub.push_to_hub(data_set, NAME)
    server.data_sets[NAME].files["notes.txt"] = b"somebody's own"
    folder, _ = curated(tmp_path, [as_run(tmp_path / "half", questions(12))], name="smaller")
    exported(tmp_path, folder, "set", rows_per_file=10)
    assert hub.push_to_hub(data_set, NAME).changed
    assert arrived(server) == {**contents(data_set), "notes.txt": b"somebody's own"}
    assert len(server.data_sets[NAME].commits) == 3


def test_private_makes_a_private_set_and_refuses_a_public_one(server: FakeHub, data_set: Path) -> None:
    assert hub.push_to_hub(data_set, NAME, private=True).private
    assert server.data_sets[NAME].private
    hub.push_to_hub(data_set, f"{OWNER}/open")
    with pytest.raises(ConfigError, match=f"{OWNER}/open on the Hub is public"):
        hub.push_to_hub(data_set, f"{OWNER}/open", private=True)
    assert len(server.data_sets[f"{OWNER}/open"].commits) == 2


def test_a_data_set_that_kgsynth_did_not_write_is_left_alone(server: FakeHub, data_set: Path) -> None:
    server.data_sets[NAME] = fake_hub.DataSet(private=False, commits=[{"README.md": b"mine", "thesis.csv": b"years"}])
    with pytest.raises(ConfigError, match="did not write, such as thesis.csv"):
        hub.push_to_hub(data_set, NAME)
    assert len(server.data_sets[NAME].commits) == 1


def test_a_folder_without_an_export_is_refused(server: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="contains no export"):
        hub.push_to_hub(tmp_path, NAME)
    assert server.requests == []


def test_a_file_that_the_hub_drops_is_an_error(server: FakeHub, data_set: Path) -> None:
    server.ignored = {"LICENSES.csv"}
    with pytest.raises(UploadError, match=r"1 of \d+ files are not complete in ann/questions on the Hub, .*LICENSES"):
        hub.push_to_hub(data_set, NAME)


@pytest.mark.parametrize(
    ("part", "status", "hint"),
    [
        ("/repos/create", 403, "write access to this owner"),
        ("/preupload/", 401, "valid token"),
        ("/preupload/", 404, "Check OWNER/NAME"),
        ("/objects/batch", 403, "write access"),
        ("/large/", 403, "write access"),
        ("/commit/", 412, "at the same time"),
        ("/commit/", 400, "message of the Hub says why"),
        ("/commit/", 500, "Try again later"),
    ],
)
def test_an_answer_of_the_hub_becomes_a_message_with_a_hint(
    server: FakeHub, data_set: Path, part: str, status: int, hint: str
) -> None:
    server.status_of = {part: status}
    with pytest.raises(UploadError, match=f"the Hub at {server.url} refuses {NAME}: HTTP {status}: .") as caught:
        hub.push_to_hub(data_set, NAME)
    assert hint in caught.value.hint
    assert f"{data_set} is complete: repeat the command with --overwrite." in caught.value.hint
    assert TOKEN not in str(caught.value)


def refusal(name: str = NAME) -> KgsynthError:
    with pytest.raises(KgsynthError) as caught:
        hub.check_hub_access(name)
    return caught.value


def test_what_an_upload_needs_is_checked_before(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.check_hub_access(NAME)
    for name in ("questions", "ann/ques tions", "ann/x/y", "ann/-x", "ann/a..b", ""):
        assert "is not the name of a data set" in str(refusal(name))
    monkeypatch.setenv("HF_TOKEN", "hf_wrongwrongwrong")
    assert "refuses ann/questions: HTTP 401: Invalid" in str(refusal())
    assert "hf_wrongwrongwrong" not in str(refusal())
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    assert "HF_TOKEN" in refusal().hint
    assert isinstance(refusal(), ConfigError)


def test_a_hub_that_does_not_answer_is_named(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert str(refusal()).startswith("the Hub at http://127.0.0.1:9 cannot be reached: ConnectError")
    assert "HF_ENDPOINT" in refusal().hint


def test_the_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError) as caught:
        hub.check_hub_access(NAME)
    assert caught.value.hint == "pip install 'kgsynth[huggingface]'"


def export(tmp_path: Path, *options: str) -> Result:
    return CliRunner().invoke(
        cli, ["export", str(tmp_path / "curated"), "-o", str(tmp_path / "out"), *options], env={"HOME": str(tmp_path)}
    )


def test_the_command_uploads_after_the_export_and_says_where(server: FakeHub, tmp_path: Path) -> None:
    curated(tmp_path, [as_run(tmp_path / "run", questions(30))])
    done = export(tmp_path, "--push-to-hub", NAME, "--private")
    assert done.exit_code == 0, done.output
    assert (
        f"uploaded to {server.url}/datasets/{NAME} (private, commit {server.data_sets[NAME].head[:12]})" in done.output
    )
    assert arrived(server) == contents(tmp_path / "out")
    again = export(tmp_path, "--push-to-hub", NAME, "--private", "--overwrite")
    assert f"nothing has changed in {server.url}/datasets/{NAME}" in again.output
    assert all(TOKEN.encode() not in content for content in contents(tmp_path).values())
    assert TOKEN not in done.output + again.output


def test_the_command_writes_nothing_without_access_and_keeps_the_folder_after_a_failure(
    server: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curated(tmp_path, [as_run(tmp_path / "run", questions(30))])
    assert "--private needs --push-to-hub" in export(tmp_path, "--private").output
    server.status_of = {"/whoami": 401}
    assert isinstance(export(tmp_path, "--push-to-hub", NAME).exception, UploadError)
    assert not (tmp_path / "out").exists()
    server.status_of = {}
    monkeypatch.setenv("HF_TOKEN", READER_TOKEN)
    refused = export(tmp_path, "--push-to-hub", NAME)
    assert "HTTP 403: You don't have the rights" in str(refused.exception)
    assert (tmp_path / "out" / "README.md").is_file()
    assert server.data_sets == {}
