"""`kgsynth prompts`: domains, their templates, a copy to change, and what is wrong with it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth import pipeline
from kgsynth.cli.prompts import prompts as commands
from kgsynth.errors import ConfigError
from kgsynth.generation import prompts


def kgsynth(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(commands, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_domains_are_listed_shown_and_copied(tmp_path: Path) -> None:
    assert kgsynth("list").splitlines() == [
        f"{domain}: {', '.join(tasks)}" for domain, tasks in pipeline.list_prompts().items()
    ]
    assert "{{question}}" in kgsynth("show", "general", "answer")
    assert kgsynth("show", "general").count("# ") >= 10
    folder = tmp_path / "mine"
    assert "10 templates" in kgsynth("copy", "mathematics", str(folder))
    assert pipeline.prompt_texts(str(folder)) == pipeline.prompt_texts("mathematics")
    said = kgsynth("check", str(folder))
    assert said.count(": good, ") == 10
    with pytest.raises(ConfigError, match="holds .* already"):
        pipeline.copy_prompts("general", folder)


def test_a_folder_of_ones_own_is_checked_template_by_template(tmp_path: Path) -> None:
    pipeline.copy_prompts("general", tmp_path)
    (tmp_path / "judge.txt").write_text("[[user]]\n{{question}} {{answr}}")
    (tmp_path / "level3.txt").write_text((tmp_path / "level3.txt").read_text().replace("<concepts>", "<terms>"))
    (tmp_path / "answer.txt").write_bytes(b"[[user]]\n{{question}} \xff")
    (tmp_path / "rate.txt").unlink()
    (tmp_path / "levle1.txt").write_text("x")
    (tmp_path / "question.regex").write_text("(")
    (tmp_path / "extract.txt").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "extract.txt").read_bytes())
    said = kgsynth("check", str(tmp_path), code=1)
    assert "judge: wrong: template" in said
    assert "unknown slots ['answr']" in said
    assert "level3: wrong: its example 1 is not in the form that the stage reads" in said
    assert "answer: wrong:" in said
    assert "levle1.txt: wrong: no task is called so" in said
    assert "question.regex: wrong:" in said
    assert "extract: good, 1 example" in said
    assert "not there, for stages that do not use this folder: rate" in said


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda folder: pipeline.prompt_texts("cooking"), "there is no domain 'cooking'"),
        (lambda folder: pipeline.prompt_texts("general", "level4"), "there is no task 'level4'"),
        (lambda folder: pipeline.prompt_texts(""), "no domain is chosen"),
        (lambda folder: pipeline.copy_prompts("generl", folder), "did you mean 'general'"),
        (lambda folder: pipeline.check_prompts(folder / "none"), "is no folder"),
        (lambda folder: pipeline.check_prompts(folder), "holds no template"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(call, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        call(tmp_path)


def test_a_form_of_a_domains_folder_is_in_force_where_forms_are(tmp_path: Path) -> None:
    assert prompts.question_form("general") == ""
    pipeline.copy_prompts("general", tmp_path)
    (tmp_path / "question.regex").write_text("Warum [^<]{10,200}\\?\n")
    assert prompts.question_form(str(tmp_path)) == "Warum [^<]{10,200}\\?"
