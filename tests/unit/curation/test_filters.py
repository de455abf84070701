"""Tests of `kgsynth.curation.filters`."""

from dataclasses import replace

import pytest

from kgsynth import faults, question_form, texts
from kgsynth.curation import contamination, filters
from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion
from tests.benchmarks import decontamination
from tests.timing import is_quick
from tests.unit.curation.curation_cases import SETTINGS

GOOD = "Find the remainder of $2^{100}$ when it is divided by $101$."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, ""),
        ("Let $A=\\{1,2\\}$ and \\$5 be given, \\left( x \\right). What is the number of subsets of $A$?", ""),
        ("Find all integer solutions to the equation 15x^2-7y^2=9.", ""),
        ("How much is it if an apple costs $3 and a pear twice as much?", ""),
        ("A pear costs $3, a nut $1 and a plum $2. What do six of each cost?", ""),
        ("What does this print?\n\n```python\nx = {1: '?'}\nprint(x.get(2, '?'))  # as shown above, $x\n```", ""),
        ("For which $n$ is it true that `a) b) c)` is read as $f(x) := \\{x \\mid x = {{1}}\\}$ by all?", ""),
        ("Find the sum of all solutions of the equation\n\n$$x^2 - 5x + 6 = 0$$", ""),
        ("What is it?", "question too short"),
        ("What is " + "a very " * 2000 + "long question?", "question too long"),
        ("Compute the sum of the sum of the numbers " * 9, "question repeats itself"),
        ("What is the sum of 7 and 5?<|im_end|>", "question with template tokens"),
        ("What is the sum of 7 and\x00 5?", "question with control characters"),
        ("For which a is a &lt; 7 and a &gt; 5?", "question with undecoded entities"),
        ("I'm sorry, but I can't help with that.", "question in which the model refuses"),
        ("According to the passage, what is the sum of all divisors?", "question mentions a text that is not there"),
        ("In the text above, which theorem is used for the proof?", "question mentions a text that is not there"),
        ("What is the sum of the divisors of 6? What is their product?", "several questions in one"),
        ("For the number 12, (a) find its divisors (b) find their sum.", "several questions in one"),
        ("Find the area of the triangle shown in the figure below.", "question lacks information"),
        ("Use equation (3) to find the value of the integral of x.", "question lacks information"),
        ("Solve the previous problem with eleven in place of seven.", "question lacks information"),
        ("Find the largest prime number that divides the", "question lacks information"),
        ("Find the value of $x when the sum $x+1$ is seven.", "question with unbalanced LaTeX"),
        (r"Find the value of $\frac{1}{2$ when $x$ is equal to seven.", "question with unbalanced LaTeX"),
        (r"Find \begin{matrix} 1 \end{array} and say why it is so.", "question with unbalanced LaTeX"),
        ("Bestimme alle natürlichen Zahlen, deren Quadrat bei Division durch sieben den Rest zwei lässt und die kleiner sind als hundert.", "question in another language"),
    ],
)  # fmt: skip
def test_filters_refuse_for_one_reason(text: str, reason: str) -> None:
    assert filters.question_problem(AnsweredQuestion(id="q", text=text), SETTINGS) == reason


@pytest.mark.slow
def test_filters_let_problems_pass_that_people_wrote() -> None:
    problems = decontamination.problems()
    refused = [text for text in problems if filters.question_problem(AnsweredQuestion(id="q", text=text), SETTINGS)]
    assert len(problems) == 270
    assert len(refused) <= 0.01 * len(problems), refused


def test_answers_are_filtered_too() -> None:
    question = AnsweredQuestion(id="q", text=GOOD, answer_id="a", answer="It is $16$ since $2^{100} = 1$.")
    assert filters.answer_problem(question, SETTINGS) == ""
    assert filters.answer_problem(replace(question, answer=""), SETTINGS) == "answer too short"
    assert filters.answer_problem(replace(question, answer="It is $x"), SETTINGS) == "answer with unbalanced LaTeX"
    assert filters.answer_problem(replace(question, answer="so it is and " * 60), SETTINGS) == "answer repeats itself"
    refused = replace(question, answer="I'm sorry, but I can't help with that.")
    assert filters.answer_problem(refused, SETTINGS) == "answer in which the model refuses"
    assert filters.answer_problem(replace(question, answer="It is 16.</s>"), SETTINGS) == "answer with template tokens"
    assert filters.answer_problem(AnsweredQuestion(id="q", text=GOOD), SETTINGS) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Which of the following mechanisms makes vitamin D in the skin?", "question lacks information"),
        ("Which of the following options is the safest for this patient?", "question lacks information"),
        ("Which of the following is prime: 4, 5, 6 or 8, and why is it?", ""),
        ("Which of the following is larger, $2^{100}$ or $3^{60}$? Give a reason.", ""),
        ("Which of the following is a base?\n\nA. HCl\nB. NaOH\nC. NaCl\nD. CO2", ""),
        ("Which of the following numbers is irrational? $\\sqrt{4}$ $\\sqrt{2}$ $\\sqrt{9}$", ""),
        ("Which of the following is an alkane? - methane - ethene", ""),
        ("Statement I: all primes are odd. Statement II: two is even. Which of the following is correct?", ""),
        ("Decide whether the following statements are true. Every field is a ring. Every ring is a field.", ""),
        ("A boy presents with a swelling on his cheek. It grows when the child cries.", ""),
    ],
)
def test_a_question_has_the_list_that_it_refers_to(text: str, problem: str) -> None:
    assert filters.question_problem(AnsweredQuestion(id="q", text=text), SETTINGS) == problem


def test_texts_made_to_hang_do_not() -> None:
    assert is_quick(_read_hostile_texts, times=1000)


def _read_hostile_texts() -> None:
    white = "<question>" + " \n" * 20_000
    assert texts.blocks(white + "<concepts>", ("question", "concepts"))[0] == []
    assert texts.blocks("<question>" * 5_000, ("question", "concepts"))[0] == []
    for text in ("\n" * 20_000, "\\boxed{" * 20_000, "the answer is" * 9_000, "final answer " + "* " * 30_000):
        final_answer(text)
    for text in ("(a) x " * 4_000, "\n" * 20_000, "$" * 20_000, "{" * 20_000, "1) " * 6_000):
        question_form.asks_several(text)
        question_form.lacks_information(text)
        faults.unbalanced_latex(text)
        contamination.tokens(text)
    for text in ("{" * 50_000, "[" * 100_000, '{"a":' * 20_000):
        with pytest.raises(ValueError, match="JSON"):
            texts.parse_json(text, key="a")
