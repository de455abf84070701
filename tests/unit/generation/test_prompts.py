"""Tests of `kgsynth.generation.prompts`."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgsynth import domain_folder, pipeline
from kgsynth.cli.prompts import prompts as commands
from kgsynth.errors import ConfigError
from kgsynth.faults import fault
from kgsynth.final_answers import final_answer
from kgsynth.generation import extraction, prompts
from kgsynth.generation.backend import Completion, Message
from kgsynth.generation.extraction import Extraction
from kgsynth.generation.level1 import Level1
from kgsynth.generation.level2 import Level2
from kgsynth.generation.level3 import Level3
from kgsynth.records import Document
from kgsynth.texts import blocks
from tests.unit.generation.generation_cases import DOCUMENT, SOURCE, TASKS, annotated, context, finish, reasons, words


def test_every_domain_has_all_templates() -> None:
    assert {"code", "chemistry", "general", "law", "mathematics", "medicine", "physics"} >= set(domain_folder.names())
    for domain in domain_folder.names():
        for task in TASKS:
            template = prompts.load(domain, task)
            assert template.examples
            assert re.fullmatch(r"[0-9a-f]{16}", template.hash)
            assert template.name == f"{domain}/{task}"
    with pytest.raises(ConfigError, match=r"there is no domain 'mathematic': did you mean 'mathematics'"):
        prompts.load("mathematic", "level3")
    with pytest.raises(ConfigError, match="no domain is chosen, .* known domains: .*general, .*mathematics") as caught:
        prompts.load("", "level3")
    assert "--domain" in caught.value.hint


@pytest.mark.parametrize("domain", ["mathematics", "general", "code"])
def test_the_examples_of_the_templates_pass_the_checks_that_answers_must_pass(domain: str) -> None:
    # A model writes like its examples: one that would be refused teaches it to be refused.
    other = {
        task: replace(template, turns=(template.turns[-1],))
        for task, template in context(domain=domain).templates.items()
    }
    plain = replace(context(domain=domain, constrained=False), templates=other)
    for task in ("level1", "level2", "level2_free", "level3"):
        for example in prompts.load(domain, task).examples:
            claims = sorted(
                {name for line in re.findall(r"<concepts>\n(.*)\n</concepts>", example) for name in line.split("; ")}
            )
            document = replace(DOCUMENT, concepts=tuple(claims), names={name: name for name in claims})
            if task == "level1":
                outcome = finish(Level1(document, plain, max_questions=5), example)
            elif task == "level3":
                combination = replace(SOURCE.combination, concepts=tuple(claims))
                outcome = finish(
                    Level3(replace(SOURCE, combination=combination, names=document.names), plain, max_questions=5),
                    example,
                )
            else:
                outcome = finish(Level2(document, plain, max_questions=20, chosen_by="model"), example)
            assert outcome.rows
            assert reasons(outcome) == []
    (example,) = prompts.load(domain, "extract").examples
    assert not extraction.read_part(Completion(request_id="x", text=example, finish_reason="stop")).problem
    for example in prompts.load(domain, "answer").examples:
        assert final_answer(example) or domain == "code"


def test_examples_of_programming_tasks_have_the_form_that_small_models_must_keep() -> None:
    form = prompts.question_form("code")
    kinds = domain_folder.load("code").question_types
    for task in ("level1", "level2", "level2_free", "level3"):
        questions = [
            run["question"] for text in prompts.load("code", task).examples for run in blocks(text, ("question",))[0]
        ]
        assert questions
        for question in questions:
            assert re.fullmatch(form, question)
            assert any(re.search(kind.must_match, question) for kind in kinds)
    (answer,) = prompts.load("code", "answer").examples
    assert not fault(answer)


def test_a_template_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "level3.txt").write_text("[[user]]\n{{passages}} {{concepts}} {{max_questions}} {{topics}}\n")
    template = prompts.load(str(tmp_path), "level3")
    assert template.fill(passages="P", concepts="{{topics}}", max_questions="3", topics="T") == (
        Message("user", "P {{topics}} 3 T"),
    )
    for text, why in (
        ("hello", "does not begin"),
        ("[[user]]\n{{passages}}", "last turn must be the user's and hold {{concepts}} and {{passages}}"),
        ("[[user]]\n{{concepts}}{{x}}{{passages}}", "unknown slots"),
    ):
        with pytest.raises(ConfigError, match=re.escape(why)):
            prompts.parse("x", text, task="level3")
    with pytest.raises(ConfigError, match=r"no template answer.txt .*"):
        prompts.load(str(tmp_path), "answer")


def test_parts_of_a_long_document_are_joined_by_how_many_name_a_thing() -> None:
    text = "\n\n".join(f"Paragraph {n} " + "word " * 60 for n in range(3))
    work = Extraction(
        Document(id="d", text=text),
        context(words(" ".join(m.content for m in prompts.load("mathematics", "extract").turns)) + 170),
    )
    asked = work.requests({})
    assert len(asked) == 3
    assert ["(part 2 of 3)" in one.messages[-1].content for one in asked] == [False, True, False]
    outcome = finish(
        work,
        annotated({"B": ["b1", "b2"], "A": ["a1"]}, level="high school"),
        annotated({"A": ["a2", "a1", "b1"]}),
        annotated({f"T{n}": [f"t{n}"] for n in range(6)}, level="college"),
    )
    (annotation,) = outcome.rows
    assert annotation.grade == "college"
    # A stands in two parts; of the others the first to come stay, five in all.
    assert [(topic.name, topic.concepts) for topic in annotation.topics] == [
        ("B", ("b1", "b2")),
        ("A", ("a1", "a2")),
        ("T0", ("t0",)),
        ("T1", ("t1",)),
        ("T2", ("t2",)),
    ]
    assert outcome.totals["split_documents"] == 1
    partly = finish(
        Extraction(
            Document(id="d", text=text),
            context(words(" ".join(m.content for m in prompts.load("mathematics", "extract").turns)) + 170),
        ),
        annotated({"A": ["a1"]}),
        annotated({}, usable=False),
        annotated({"A": ["a2"]}),
    )
    assert partly.rows[0].topics[0].concepts == ("a1", "a2")
    assert partly.totals["unusable_parts"] == 1


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
    assert "14 files" in kgsynth("copy", "mathematics", str(folder))
    assert pipeline.prompt_texts(str(folder)) == pipeline.prompt_texts("mathematics")
    said = kgsynth("check", str(folder))
    assert said.count(": good, ") == 14
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
    assert "levle1.txt: wrong: there is no task with this name" in said
    assert "question.regex: wrong:" in said
    assert "extract: good, 1 example" in said
    assert "missing, but needed only by stages that use this folder: rate" in said


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda folder: pipeline.prompt_texts("cooking"), "there is no domain 'cooking'"),
        (lambda folder: pipeline.prompt_texts("general", "level4"), "there is no task 'level4'"),
        (lambda folder: pipeline.prompt_texts(""), "no domain is chosen"),
        (lambda folder: pipeline.copy_prompts("generl", folder), "did you mean 'general'"),
        (lambda folder: pipeline.check_prompts(folder / "none"), "is not a folder"),
        (lambda folder: pipeline.check_prompts(folder), "contains no template"),
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
