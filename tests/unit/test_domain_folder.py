"""Tests of `kgsynth.domain_folder`: the settings of a domain, and the domains that kgsynth has."""

from pathlib import Path

import pytest

from kgsynth import domain_folder, pipeline, verifier
from kgsynth.errors import ConfigError
from kgsynth.generation import prompts
from kgsynth.generation.prompt_check import check_folder


@pytest.mark.parametrize("name", domain_folder.names())
def test_every_domain_is_complete_and_its_cases_are_decided_as_stated(name: str) -> None:
    problems = [check for check in pipeline.check_prompts(Path(str(domain_folder.folder_of(name)))) if check.problem]
    assert problems == []
    domain = domain_folder.load(name)
    assert domain.description.endswith(".")
    assert domain.difficulties
    assert domain.question_types
    running = verifier.load_all(domain.verifiers)
    assert running
    assert {case.verifier for case in domain_folder.cases(name)} >= {one.name for one in running}
    level3 = prompts.load(name, "level3")
    assert level3.has("question_type")
    assert level3.has("difficulty")


def test_a_folder_without_settings_has_the_defaults(tmp_path: Path) -> None:
    assert domain_folder.load(str(tmp_path)) == domain_folder.Domain()
    assert domain_folder.cases(str(tmp_path)) == []
    (tmp_path / "domain.toml").write_text('card_note = "Not reviewed."\n[filters]\nlatex = false\n')
    found = domain_folder.by_name([str(tmp_path), "", "no such domain"])
    assert set(found) == {*domain_folder.names(), tmp_path.name}
    assert found[tmp_path.name].card_note == "Not reviewed."
    assert not found[tmp_path.name].filters.latex


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("verifers = ['math']", "verifers: there is no such setting: did you mean 'verifiers'?"),
        ("verifierz = ['math']", "verifierz: there is no such setting: did you mean 'verifiers'?"),
        ("[filters]\nlatx = false", "filters.latx: there is no such setting: did you mean 'latex'?"),
        ("[[question_types]]\nname = 'a'\nshares = 2", "shares: there is no such setting: did you mean 'share'?"),
        ("verifiers = 'math'", "verifiers: must be a list"),
        ("[[question_types]]\nform = 'open'", "question_types.0.name: is missing"),
        ("[[question_types]]\nname = 'a'\nform = 'essay'", "question_types.0.form: "),
        ("[[question_types]]\nname = 'a'\nmust_match = '('", "question_types.0.must_match: not a regular expression"),
        ("[[question_types]]\nname = 'a'\nshare = 0", "question_types.0.share: must be a number of more than 0"),
        ("verifiers = [", "not valid TOML"),
    ],
)
def test_a_wrong_file_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "domain.toml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        domain_folder.load(str(tmp_path))
    assert str(tmp_path / "domain.toml") in str(raised.value)
    assert said in str(raised.value)


def test_a_folder_does_not_hide_a_domain_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "law").mkdir()
    monkeypatch.chdir(tmp_path)
    assert domain_folder.load("law").verifiers
    assert domain_folder.load("./law") == domain_folder.Domain()
    monkeypatch.chdir(tmp_path / "law")
    assert domain_folder.folder_of("./").name == "law"


def test_the_check_of_a_folder_names_missing_verifiers_templates_and_wrong_cases(tmp_path: Path) -> None:
    pipeline.copy_prompts("mathematics", tmp_path)

    def problem(file: str) -> str:
        return next(check.problem for check in pipeline.check_prompts(tmp_path) if check.task == file)

    assert problem("domain.toml") == ""
    (tmp_path / "domain.toml").write_text("verifierz = ['math']")
    assert "did you mean 'verifiers'? docs/how-to/domains.md" in problem("domain.toml")
    (tmp_path / "domain.toml").write_text("verifiers = ['mathh']")
    assert "there is no verifier 'mathh': did you mean 'math'" in problem("domain.toml")
    (tmp_path / "verify_program.txt").unlink(missing_ok=True)
    (tmp_path / "domain.toml").write_text("verifiers = ['program']")
    assert "no template verify_program.txt" in problem("domain.toml")
    cases = (tmp_path / "cases.toml").read_text()
    (tmp_path / "cases.toml").write_text(cases.replace('verdict = "passed"', 'verdict = "failed"', 1))
    assert "case 1: math says passed, not failed" in problem("cases.toml")


def test_cases_that_run_programs_are_not_tried_without_a_sandbox() -> None:
    folder = Path(str(domain_folder.folder_of("code")))
    assert [check.problem for check in check_folder(folder) if check.problem] == []


def test_two_verifiers_that_choose_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chooser(verifier.BaseVerifier):
        kind = "structure"
        chooses = True

        def __init__(self, name: str) -> None:
            self.name = name  # type: ignore[misc]

        def check(self, case: verifier.Case) -> verifier.Finding:
            return verifier.Finding(verdict="passed", score=1.0)

    monkeypatch.setattr(verifier, "load", Chooser)
    with pytest.raises(ConfigError, match="one and two both choose"):
        verifier.load_all(["one", "two"])
    assert [one.name for one in verifier.load_all(["one", "one"])] == ["one"]
