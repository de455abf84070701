"""Tests of `kgsynth.generation.question_types`, and of the types of questions at level 3."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from kgsynth.domain_folder import Domain, QuestionType
from kgsynth.generation.level3 import Level3
from kgsynth.generation.question_types import Style, draw_style, masked_sentence, with_options
from kgsynth.generation.questions import SourceCombination
from kgsynth.question_form import BLANK
from kgsynth.records import Combination
from tests.unit.generation.generation_cases import SOURCE, context, finish

NAMES = {"concept:diuretic": "diuretic", "concept:potassium": "potassium", "concept:heart failure": "heart failure"}
ALIASES = {"concept:potassium": ("kalium",)}
CHOICE = QuestionType(name="choice", form="choice", instruction="Describe it.")
CLOZE = QuestionType(name="cloze", form="cloze")
OPEN = QuestionType(name="case", instruction="Describe a case.", share=2)
WRONG = tuple((f"concept:{name}", name) for name in ("potassium chloride", "sodium", "Kalium", "zinc", "iodide"))


def combination(number: int) -> Combination:
    return Combination(id=f"c{number}", seed=1, walk=number, path=(), topics=(), concepts=tuple(NAMES))


def test_types_difficulties_and_targets_are_drawn_by_seed_and_share() -> None:
    domain = Domain(question_types=(OPEN, CHOICE, CLOZE), difficulties=("easy: one step", "hard"))
    styles = [draw_style(domain, 7, combination(number)) for number in range(4000)]
    assert styles == [draw_style(domain, 7, combination(number)) for number in range(4000)]
    assert styles != [draw_style(domain, 8, combination(number)) for number in range(4000)]
    kinds = Counter(style.question_type.name for style in styles if style.question_type)
    assert kinds["case"] / 4000 == pytest.approx(0.5, abs=0.03)
    assert kinds["choice"] / 4000 == pytest.approx(0.25, abs=0.03)
    for values in (Counter(style.difficulty for style in styles), Counter(style.target for style in styles)):
        assert all(count == pytest.approx(4000 / len(values), rel=0.1) for count in values.values())
    assert {style.fallback for style in styles} == {OPEN}
    assert draw_style(Domain(), 7, combination(1)) == Style(target=draw_style(Domain(), 7, combination(1)).target)


def test_options_are_the_target_and_three_neighbours_that_are_not_the_same() -> None:
    style = Style(question_type=CHOICE, target="concept:potassium", wrong_options=WRONG)
    made = [with_options("Which ion is lost?", style, NAMES, ALIASES, seed) for seed in range(40)]
    for choice in made:
        assert not isinstance(choice, str)
        assert sorted(choice.options) == ["iodide", "potassium", "sodium", "zinc"]
        assert choice.options["ABCD".index(choice.letter)] == "potassium"
        assert choice.text.splitlines()[2:] == [
            f"{x}. {option}" for x, option in zip("ABCD", choice.options, strict=True)
        ]
    assert {choice.letter for choice in made if not isinstance(choice, str)} == set("ABCD")


@pytest.mark.parametrize(
    ("stem", "wrong", "problem"),
    [
        ("Which loss of potassium is meant?", WRONG, "the question names its answer"),
        ("What is also called Kalium?", WRONG, "the question names its answer"),
        ("Which ion? It is lost, and all Potassiums are alike.", WRONG, "the question names its answer"),
        ("Which ion is lost with sodium?", WRONG, "too few wrong options"),
        ("Which ion is lost?", WRONG[:3], "too few wrong options"),
        ("Which ion is lost?", (), "too few wrong options"),
    ],
)
def test_a_question_without_exactly_one_right_option_is_refused(stem: str, wrong: Any, problem: str) -> None:
    style = Style(question_type=CHOICE, target="concept:potassium", wrong_options=wrong)
    assert with_options(stem, style, NAMES, ALIASES, 1) == problem


GOOD = "Loop diuretics raise the loss of potassium with the urine in patients."


@pytest.mark.parametrize(
    ("text", "masked", "key"),
    [
        (GOOD, "Loop diuretics raise the loss of ____ with the urine in patients.", ("potassium", "kalium")),
        (GOOD.replace("potassium", "Kalium"), "Loop diuretics raise the loss of ____ with the urine in patients.", ("Kalium", "potassium", "kalium")),
        (f"# Head\n\nShort one. {GOOD} It is lost.", "Loop diuretics raise the loss of ____ with the urine in patients.", ("potassium", "kalium")),
        ("Loop diuretics often give a potassium deficit to patients with failing hearts.", "Loop diuretics often give a(n) ____ deficit to patients with failing hearts.", ("potassium", "kalium")),
        ("This drug raises the loss of potassium with the urine in patients.", "", ()),
        ("Loop diuretics raise the loss of potassium, and potassium is measured in patients.", "", ()),
        ("Loop diuretics raise the loss of potassium with the urine, see figure 3 below.", "", ()),
        ("Loop diuretics raise the loss of potassium as $K^+$ with the urine in patients.", "", ()),
        ("Loop diuretics raise the loss of potassium and the kalium in urine.", "", ()),
        ("The potassium-sparing diuretics keep the ion in the blood of the patient.", "", ()),
    ],
)  # fmt: skip
def test_a_sentence_that_stands_alone_is_masked(text: str, masked: str, key: tuple[str, ...]) -> None:
    names = {"concept:potassium": "potassium"}
    found = masked_sentence([text], Style(question_type=CLOZE), names, ALIASES, 1)
    if not masked:
        assert found is None
    else:
        assert found is not None
        assert (found.text.partition("\n\n")[2], found.key, found.term) == (masked, key, "concept:potassium")


def test_sentences_with_another_concept_are_preferred() -> None:
    both = "Patients with heart failure lose much potassium when they take such drugs."
    found = masked_sentence([f"{GOOD} {both}"], Style(target="concept:potassium"), NAMES, ALIASES, 1)
    assert found is not None
    assert found.text.endswith(f"Patients with heart failure lose much {BLANK} when they take such drugs.")


def source(style: Style, text: str = "") -> SourceCombination:
    concept = SOURCE.combination.concepts[1]
    documents = tuple(replace(document, text=text or document.text) for document in SOURCE.documents)
    return replace(SOURCE, documents=documents, style=replace(style, target=concept))


def test_a_masked_sentence_needs_no_request_and_has_its_key() -> None:
    concept = SOURCE.combination.concepts[1]
    name = SOURCE.names[concept]
    text = f"Every student of the subject meets the {name} in the second year of studies."
    work = Level3(source(Style(question_type=CLOZE, difficulty="easy: one fact"), text), context(), max_questions=3)
    assert work.requests({}) == []
    (question,) = work.outcome({}).rows
    assert BLANK in question.text
    assert name not in question.text
    assert (question.answer_key[0], question.question_type, question.difficulty) == (name, "cloze", "easy")
    assert (question.concepts, question.model, question.template_hash) == ((concept,), "", "")
    assert question.passage_chars == tuple(len(text) for _ in SOURCE.documents)


def test_without_a_sentence_the_model_is_asked_for_an_open_question() -> None:
    work = Level3(source(Style(question_type=CLOZE, fallback=OPEN)), context(), max_questions=3)
    (request,) = work.requests({})
    assert "Describe a case." in request.messages[-1].content


def test_a_choice_is_asked_for_one_target_and_gets_its_options() -> None:
    concept = SOURCE.combination.concepts[1]
    wrong = tuple((f"concept:w{number}", f"wrongness {word}") for number, word in enumerate(("red", "blue", "green")))
    style = Style(question_type=CHOICE, wrong_options=wrong)
    work = Level3(source(style), context(constrained=False), max_questions=3)
    (request,) = work.requests({})
    assert f'only right answer is "{SOURCE.names[concept]}"' in request.messages[-1].content
    others = "; ".join(SOURCE.names[term] for term in SOURCE.combination.concepts[1:])
    text = f"<question>\nWhich of these is the first thing that is taught to students?\n</question>\n<concepts>\n{others}\n</concepts>"
    (question,) = finish(work, text).rows
    assert question.options[("A", "B", "C", "D").index(question.answer_key[0])] == SOURCE.names[concept]
    assert question.text.endswith("\n".join(f"{x}. {o}" for x, o in zip("ABCD", question.options, strict=True)))
    named = text.replace("the first thing", f"the {SOURCE.names[concept]}")
    assert [refusal.reason for refusal in finish(work, named).refusals] == ["the question names its answer"]


def test_a_question_that_repeats_its_instruction_is_refused() -> None:
    style = Style(question_type=QuestionType(name="rule", instruction="Ask for the rule that joins the concepts."))
    others = "; ".join(SOURCE.names[term] for term in SOURCE.combination.concepts[1:])
    text = (
        f"<question>\nAsk for the rule that joins the concepts, please.\n</question>\n<concepts>\n{others}\n</concepts>"
    )
    work = Level3(source(style), context(constrained=False), max_questions=3)
    assert [refusal.reason for refusal in finish(work, text).refusals] == ["repeats the instruction"]


def test_a_question_of_another_type_is_refused() -> None:
    style = Style(question_type=QuestionType(name="function", must_match=r"def \w+\("))
    others = "; ".join(SOURCE.names[term] for term in SOURCE.combination.concepts[1:])
    text = f"<question>\nWrite a program that adds two numbers and say what it does.\n</question>\n<concepts>\n{others}\n</concepts>"
    work = Level3(source(style), context(constrained=False), max_questions=3)
    assert [refusal.reason for refusal in finish(work, text).refusals] == ["not of the type that was asked for"]
    outcome = finish(work, text.replace("a program", "`def add(a, b)`"))
    assert [question.question_type for question in outcome.rows] == ["function"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("In Marbury v. Madison the Court held that judicial review follows from its oath.", "In Marbury v. Madison the Court held that ____ follows from its oath."),
        ("The judges knew judicial review because it was used in Hamer v. Sidway before.", "The judges knew ____ because it was used in Hamer v. Sidway before."),
        ("Many courts of the states have used judicial review as in Hamer v.", ""),
    ],
)  # fmt: skip
def test_abbreviations_end_no_sentence(text: str, masked: str) -> None:
    found = masked_sentence([text], Style(), {"concept:judicial review": "judicial review"}, {}, 1)
    assert (found.text.partition("\n\n")[2] if found else "") == masked


@pytest.mark.parametrize(
    ("name", "text", "is_masked"),
    [
        ("ALL", "After the induction all patients were seen by two physicians each day.", False),
        ("ALL", "After the induction ALL was seen in two of the patients each day.", True),
        ("who", "The Court heard the WHO before it decided on the case of the patients.", False),
    ],
)
def test_acronyms_and_short_names_keep_their_case(name: str, text: str, is_masked: bool) -> None:
    assert (masked_sentence([text], Style(), {"concept:x": name}, {}, 1) is not None) == is_masked
