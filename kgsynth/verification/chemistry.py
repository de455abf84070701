"""The verifier `chemistry`: structures, formulas, equations, and quantities as in `units`."""

import re
from collections.abc import Sequence
from typing import ClassVar

from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion
from kgsynth.verification import formulas, structures
from kgsynth.verification.physics import NO_FINAL_ANSWER, by_key, by_votes, check_quantities
from kgsynth.verification.quantities import Agreement
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind

NO_STRUCTURE = "the structure cannot exist as it is written"
_MAX_LIST = 12
# In these, letters and numbers stand for something else than compounds and their numbers.
_NUCLEAR = re.compile(r"\b(?:nuclear|nuclei|nucleus|nuclide|isotopes?|decays?|fission|fusion|radioactiv\w*)\b", re.I)
# In these, an equation need not be balanced.
_SCHEME = re.compile(
    r"\b(?:unbalanced|skeleton|scheme|mechanism|pathway|synthesis route|retrosynth\w*|major product|reaction sequence|"
    r"word equation)\b",
    re.I,
)
_STRUCTURE_ASKED = re.compile(r"\b(?:SMILES|InChI)\b")


class Chemistry(BaseVerifier):
    """Compares structures, formulas and equations with the key or with the other votes, and checks equations alone.

    An equation that is not balanced, and a SMILES that is asked for but cannot exist, fail without a key. Names of
    compounds are compared as texts: two different names are undecided, since no library here reads names.
    """

    name: ClassVar[str] = "chemistry"
    kind: ClassVar[Kind] = "computation"

    def __init__(self) -> None:
        """Check that RDKit is installed.

        Raises:
            MissingExtraError: it is not.
        """
        structures.require()

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question has no options; `choice` checks those that have."""
        return not question.options

    def check(self, case: Case) -> Finding:
        """Compare the final answer by its kind."""
        question = case.question
        final = question.final_answer
        if not final:
            return Finding(verdict="undecided", score=0.0, reason=NO_FINAL_ANSWER)
        is_asked = bool(_STRUCTURE_ASKED.search(question.text)) and not _is_option(final, question.text)
        problem = _problem(question.text, final, is_asked=is_asked)
        if question.answer_key:
            agreements = _compared(final, question.answer_key, is_asked=is_asked)
            found = check_quantities(case)
            if agreements is not None:
                found = by_key(agreements, answer=final, key=question.answer_key)
            return _failed(final, problem) if problem and found.verdict == "undecided" else found
        if problem:
            return _failed(final, problem)
        finals = [final_answer(vote) for vote in case.votes]
        others = [vote for index, vote in enumerate(finals) if index != case.kept_vote and vote]
        agreements = _compared(final, others, is_asked=is_asked)
        return check_quantities(case) if agreements is None else by_votes(agreements)


def _failed(final: str, problem: str) -> Finding:
    evidence = {"final_answer": final, "problem": problem}
    return Finding(verdict="failed", score=0.0, reason=problem, routes=1, evidence=evidence)


def _is_option(final: str, question: str) -> bool:
    """Return whether an answer is the letter of an option that the question lists, as in "A) CO B) CCO"."""
    labels = set(re.findall(r"(?:^|[\s(])([A-H])[).:]", question))
    return structures.plain(final) in labels and len(labels) > 1


def _problem(question: str, final: str, *, is_asked: bool) -> str:
    """Return what contradicts itself in an answer, such as an equation that is not balanced; empty for nothing."""
    reaction = formulas.reaction_of(final)
    if reaction is not None:
        is_meant = not _NUCLEAR.search(question) and not _SCHEME.search(question) and not reaction.is_ambiguous
        return formulas.imbalance(reaction) if is_meant else ""
    text = structures.plain(final)
    if is_asked and structures.is_spelled_like_smiles(text) and structures.structure_of(text) is None:
        return NO_STRUCTURE if _cannot_be_formula(text) else ""
    return ""


def _compared(final: str, others: Sequence[str], *, is_asked: bool) -> list[Agreement] | None:
    """Compare an answer with others; None if none of them is an equation, a formula or a structure."""
    agreements = [_agreement(final, other, is_asked=is_asked) for other in others]
    if all(agreement is None for agreement in agreements):
        return None
    return [agreement or Agreement.UNSURE for agreement in agreements]


def _agreement(first: str, second: str, *, is_asked: bool) -> Agreement | None:
    """Compare two answers; None if `units` compares them."""
    reactions = formulas.reaction_of(first), formulas.reaction_of(second)
    if reactions[0] is not None and reactions[1] is not None:
        return formulas.compare_reactions(reactions[0], reactions[1])
    if is_asked or _are_structures(first, second):
        molecules = structures.structure_of(first), structures.structure_of(second)
        if molecules[0] is not None and molecules[1] is not None:
            return structures.compare_structures(molecules[0], molecules[1])
        return Agreement.UNSURE
    if reactions != (None, None):
        return Agreement.UNSURE
    return _formulas(first, second)


def _are_structures(first: str, second: str) -> bool:
    """Whether two answers are structures although the question does not say so."""
    return all(structures.structure_of(text) is not None for text in (first, second)) and any(
        _cannot_be_formula(text) for text in (first, second)
    )


def _cannot_be_formula(text: str) -> bool:
    """Whether a text is a structure and no formula: it has no reading as one, or repeats elements without hydrogen."""
    formula = formulas.formula_of(text)
    return formula is None or (formula.is_structured and "H" not in dict(formula.elements))


def _formulas(first: str, second: str) -> Agreement | None:
    """Compare two formulas, or two lists of formulas in any order; None if one of them is something else."""
    lists = [_formula_list(text) for text in (first, second)]
    if lists[0] is None or lists[1] is None:
        return None
    one, other = lists[0], list(lists[1])
    if len(one) != len(other):
        return Agreement.DIFFERENT
    is_unsure = False
    for formula in one:
        found = [formulas.compare_formulas(formula, candidate) for candidate in other]
        wanted = next((kind for kind in (Agreement.SAME, Agreement.UNSURE) if kind in found), None)
        if wanted is None:
            return Agreement.DIFFERENT
        is_unsure = is_unsure or wanted is Agreement.UNSURE
        other.pop(found.index(wanted))
    return Agreement.UNSURE if is_unsure else Agreement.SAME


def _formula_list(text: str) -> list[formulas.Formula] | None:
    parts = re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", text)
    found = [formulas.formula_of(part) for part in parts[:_MAX_LIST]]
    known = [formula for formula in found if formula is not None]
    return known if len(known) == len(parts) else None
