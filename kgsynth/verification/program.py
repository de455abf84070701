"""The verifier `program`: compare the final answer with the value that a program of the model prints in the sandbox."""

from typing import Any, ClassVar

from kgsynth.final_answers import Precision, Verdict, compare, final_answer, precision_of
from kgsynth.final_answers.evaluate import approximation_of
from kgsynth.final_answers.expressions import names_in
from kgsynth.final_answers.kinds import Answer, Text, Truth, Value
from kgsynth.final_answers.typed import typed
from kgsynth.final_answers.units import Unit
from kgsynth.records import AnsweredQuestion
from kgsynth.verification import python_code
from kgsynth.verifier import BaseVerifier, Case, Execution, Finding, Kind, Need

# Results with a unit are measured or rounded values.
_QUANTITY_TOLERANCE = 0.01
# A number that a program prints with decimals is rounded.
_FLOAT_TOLERANCE = 1e-6
_MAX_EVIDENCE_CHARS = 4000
_PYTHON_TRUTH = {"true": "yes", "false": "no", "yes": "yes", "no": "no"}


class ProgramOfThought(BaseVerifier):
    """Runs a program that the model wrote for the question, whose last printed line is another route to the answer.

    An equal value passes, and another value of the same kind fails. All else is undecided: a program that does not end
    well, prints nothing, or prints a value of another kind. The program is a second opinion of the same model, so an
    equal value is agreement, and not proof.
    """

    name: ClassVar[str] = "program"
    kind: ClassVar[Kind] = "execution"
    needs: ClassVar[frozenset[Need]] = frozenset({"sandbox"})
    texts: ClassVar[int] = 1

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question has no options."""
        return not question.options

    def check(self, case: Case) -> Finding:
        """Run the first usable program, and compare what it prints with the final answer and with the key."""
        question = case.question
        if not question.final_answer:
            return Finding(verdict="undecided", score=0.0, reason="no final answer")
        program = next((program for text in case.texts if (program := _program(text))), "")
        if not program:
            return Finding(verdict="undecided", score=0.0, reason="no program", routes=1)
        execution = case.run(program, {})
        evidence = _evidence(program, execution)
        printed = _printed(execution)
        if execution.state != "finished" or not printed:
            return Finding(verdict="undecided", score=0.0, reason=_failure(execution), routes=1, evidence=evidence)
        return _compared(question, printed, {**evidence, "printed": printed})


def _compared(question: AnsweredQuestion, printed: str, evidence: dict[str, Any]) -> Finding:
    precision = precision_of(question.text)
    verdict = _verdict(question.final_answer, printed, precision)
    agreeing, routes = 1 + (verdict == "equal"), 2
    if question.answer_key:
        # The key is a third route; its own verdict is that of the verifier `math`.
        keys = [_verdict(question.final_answer, key, precision) for key in question.answer_key]
        evidence["key"] = "equal" if "equal" in keys else "different"
        agreeing, routes = agreeing + ("equal" in keys), 3
    if verdict == "equal":
        return Finding(verdict="passed", score=1.0, agreeing=agreeing, routes=routes, evidence=evidence)
    if verdict == "different":
        reason = "the program prints another value"
        return Finding(verdict="failed", score=0.0, reason=reason, agreeing=agreeing, routes=routes, evidence=evidence)
    reason = "a unit is missing" if verdict == "unit missing" else "the printed value cannot be compared"
    return Finding(verdict="undecided", score=0.5, reason=reason, agreeing=agreeing, routes=routes, evidence=evidence)


def _program(text: str) -> str:
    """Return the longest block of Python code of a text that prints something; empty if there is none."""
    programs = [program for program in python_code.programs_in(text) if python_code.tree_of(program) is not None]
    return max((program for program in programs if "print" in program), key=len, default="")


def _printed(execution: Execution) -> str:
    """Return the value of the last line that a program printed, without a label."""
    lines = [line.strip() for line in execution.stdout.splitlines() if line.strip()]
    if not lines:
        return ""
    return final_answer(lines[-1]) or lines[-1]


def _failure(execution: Execution) -> str:
    match execution.state:
        case "not run":
            return "no sandbox"
        case "finished":
            return "the program prints nothing"
        case "failed":
            return "the program ends with an error"
        case state:
            return f"the program is stopped: {state}"


def _verdict(first: str, second: str, precision: Precision | None) -> str:
    """Return `equal`, `different`, `unit missing`, or `unknown` where the two cannot be compared with certainty."""
    verdict = compare(first, second, precision)
    if verdict is not Verdict.DIFFERENT:
        return str(verdict.value)
    left, right = _unnamed(typed(first).answer), _unnamed(typed(second).answer)
    if isinstance(left, Text) or isinstance(right, Text) or type(left) is not type(right):
        return "unknown"
    if isinstance(left, Value) and isinstance(right, Value):
        return _values(left, right, precision, is_rounded="." in first + second)
    if isinstance(left, Truth) and isinstance(right, Truth):
        words = [_PYTHON_TRUTH.get(answer.word, answer.word) for answer in (left, right)]
        return "equal" if words[0] == words[1] else "different"
    return "different"


def _unnamed(answer: Answer) -> Answer:
    """Return the value of `x = 5`."""
    return getattr(answer, "value", answer)


def _values(left: Value, right: Value, precision: Precision | None, *, is_rounded: bool) -> str:
    """Compare two numbers that are not exactly equal; a program often prints a rounded one."""
    first, second = _number(left), _number(right)
    if first is None or second is None:
        # The same may be written with other letters.
        has_same_names = names_in(left.expression) == names_in(right.expression)
        return "different" if has_same_names and left.unit is None and right.unit is None else "unknown"
    has_unit = left.unit is not None or right.unit is not None
    if _are_close(first, second, _QUANTITY_TOLERANCE if has_unit and precision is None else _FLOAT_TOLERANCE):
        if _dimension(left.unit) == _dimension(right.unit):
            return "equal"
        return "unit missing" if left.unit is None or right.unit is None else "different"
    if (left.unit is None) != (right.unit is None):
        # The number without a unit may be meant in another unit.
        return "unknown"
    if is_rounded and precision is None and _are_close(first, second, _QUANTITY_TOLERANCE):
        # Nobody said to how many figures the result is wanted.
        return "unknown"
    return "different"


def _number(value: Value) -> float | None:
    """Return a number in base units, as far as the unit is a factor; None for an expression with names."""
    number = approximation_of(value.expression)
    if number is None:
        return None
    unit = value.unit
    scaled = float(number) if unit is None else float(number) * float(unit.factor) * 3.141592653589793**unit.pi_power
    return scaled / 100 if value.is_percent else scaled


def _dimension(unit: Unit | None) -> Any:
    return None if unit is None else unit.dimension


def _are_close(first: float, second: float, tolerance: float) -> bool:
    return abs(first - second) <= tolerance * max(abs(first), abs(second))


def _evidence(program: str, execution: Execution) -> dict[str, Any]:
    return {
        "program": program,
        "state": execution.state,
        "stdout": execution.stdout[-_MAX_EVIDENCE_CHARS:],
        "stderr": execution.stderr[-_MAX_EVIDENCE_CHARS:],
        "seconds": round(execution.seconds, 3),
    }
