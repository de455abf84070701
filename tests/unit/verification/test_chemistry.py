"""Tests of the verifier `chemistry`: structures, formulas and equations."""

import importlib.util

import pytest

from kgsynth.errors import MissingExtraError
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.chemistry import Chemistry
from kgsynth.verification.formulas import formula_of, imbalance, reaction_of
from kgsynth.verification.structures import structure_of
from kgsynth.verifier import load
from tests.unit.verification.answer_cases import case_of, example_of

SMILES = "Give the SMILES of the product."
FORMULA = "Give the formula of the salt."
EQUATION = "Write the balanced equation of the reaction."
RIGHT = [
    (SMILES, "CCO", "OCC"),
    (SMILES, "CCO", "C(O)C"),
    (SMILES, "c1ccccc1", "C1=CC=CC=C1"),
    (SMILES, "C[C@H](N)C(=O)O", "N[C@@H](C)C(=O)O"),
    (SMILES, "F/C=C/F", r"F\C=C\F"),
    (SMILES, "CC(=O)[O-].[Na+]", "[Na+].[O-]C(C)=O"),
    (SMILES, "CC(=O)[O-].[Na+]", "CC(=O)O[Na]"),
    (SMILES, "CN(=O)=O", "C[N+](=O)[O-]"),
    (SMILES, "CCO", "SMILES: `OCC`"),
    ("Give the InChI of ethanol.", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "CCO"),
    ("Which product forms?", "C=C", "C=C"),
    ("Which alkene forms?", "CC=C", "C=CC"),
    (FORMULA, "C2H6O", "CH3CH2OH"),
    (FORMULA, r"\ce{SO4^{2-}}", "SO₄²⁻"),
    (FORMULA, r"\mathrm{SO_4^{2-}}", "SO42-"),
    (FORMULA, "Fe3+", r"\ce{Fe^3+}"),
    (FORMULA, "CuSO4·5H2O", r"\ce{CuSO4.5H2O}"),
    (FORMULA, r"\mathrm{Ca(OH)_2}", "Ca(OH)₂"),
    (FORMULA, "[Fe(CN)6]3-", r"[\mathrm{Fe(CN)_6}]^{3-}"),
    (FORMULA, "NaCl and H2O", "H2O, NaCl"),
    (EQUATION, "2H2 + O2 -> 2H2O", r"2\mathrm{H_2} + \mathrm{O_2} \rightarrow 2\mathrm{H_2O}"),
    (EQUATION, "2H2 + O2 -> 2H2O", "H₂ + 1/2 O₂ → H₂O"),
    (EQUATION, "2H2 + O2 -> 2H2O", "O2(g) + 2H2(g) = 2H2O(l)"),
    (EQUATION, "N2 + 3H2 <=> 2NH3", r"\ce{3H2 + N2 <=> 2NH3}"),
    (EQUATION, "Ag+ + Cl- -> AgCl", r"\ce{Ag^+(aq) + Cl^-(aq) -> AgCl(s)}"),
    ("What is the mass of the salt?", "12.0 g", "0.0120 kg"),
    ("Name the compound.", "Sodium chloride", "sodium chloride"),
]
WRONG = [
    (EQUATION, "2H2 + O2 -> 2H2O", "Ag+ + Cl- -> AgCl"),
    (SMILES, "CCO", "COC"),
    (SMILES, "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
    (SMILES, "F/C=C/F", r"F/C=C\F"),
    (SMILES, "CC(=O)[O-].[Na+]", "CC(=O)[O-].[K+]"),
    (SMILES, "CC(=O)[O-].[Na+]", "CC(=O)O"),
    ("Give the InChI of ethanol.", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "InChI=1S/C2H6O/c1-3-2/h1-2H3"),
    ("Which alkene forms?", "CC=CC", "C=CCC"),
    (FORMULA, "SO4^{2-}", "SO4^{-}"),
    (FORMULA, "SO4^{2-}", "SO3^{2-}"),
    (FORMULA, "Fe^{3+}", "Fe^{2+}"),
    (FORMULA, "CuSO4·5H2O", "CuSO4·4H2O"),
    (FORMULA, "CuSO4·5H2O", "CuSO4"),
    (FORMULA, "Ca(OH)2", "CaOH2"),
    (FORMULA, "NaCl and H2O", "NaCl"),
    (FORMULA, "H2O(l)", "H2O(g)"),
    (EQUATION, "2H2 + O2 -> 2H2O", "2H2 + O2 -> 2H2O2"),
    (EQUATION, "2H2 + O2 -> 2H2O", "H2 + O2 -> H2O"),
    (EQUATION, "2H2 + O2 -> 2H2O(l)", "2H2 + O2 -> 2H2O(g)"),
    (EQUATION, "Zn + Cu^{2+} -> Zn^{2+} + Cu", "Zn + Cu^{2+} -> Zn^{+} + Cu"),
    ("What is the mass of the salt?", "12.0 g", "120 g"),
]
UNSURE = [
    (SMILES, "C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
    (SMILES, "CCO", "ethanol"),
    (SMILES, "CCO", "C2H6O"),
    (SMILES, "Oc1ccccn1", "O=c1cccc[nH]1"),
    (FORMULA, "CH3CH2OH", "CH3OCH3"),
    (FORMULA, "H2O", "water"),
    (EQUATION, "2H2 + O2 -> 2H2O", "2H2O -> 2H2 + O2"),
    (EQUATION, "AgNO3 + NaCl -> AgCl + NaNO3", "Ag+ + Cl- -> AgCl"),
    (EQUATION, "2H2 + O2 -> 2H2O", "hydrogen and oxygen form water"),
    ("Name the isomer.", "2-methylpropane", "isobutane"),
]


@pytest.mark.parametrize(
    ("question", "key", "final", "verdict"),
    [
        *((*row, "passed") for row in RIGHT),
        *((*row, "failed") for row in WRONG),
        *((*row, "undecided") for row in UNSURE),
    ],
)
def test_an_answer_against_the_key(question: str, key: str, final: str, verdict: str) -> None:
    check = Chemistry().check
    finding = check(case_of(question, final, key=[key]))
    assert finding.verdict == verdict
    assert bool(finding.evidence) == (verdict != "passed")
    assert check(case_of(question, key, key=[final])).verdict == verdict


@pytest.mark.parametrize(
    ("question", "key", "final"),
    [(SMILES, "CC(C)(C)C", "CC(C)(C)(C)C"), (EQUATION, "water forms", "H2 + O2 -> H2O")],
)
def test_an_answer_that_cannot_be_compared_with_the_key_but_contradicts_itself(
    question: str, key: str, final: str
) -> None:
    assert Chemistry().check(case_of(question, final, key=[key])).verdict == "failed"


ELEMENTS, CHARGE = "the equation is not balanced in its elements", "the equation is not balanced in its charge"


@pytest.mark.parametrize(
    ("question", "final", "reason"),
    [
        (EQUATION, "2H2 + O2 -> 2H2O", ""),
        (EQUATION, "H2 + O2 -> H2O", ELEMENTS),
        (EQUATION, r"\ce{MnO4^- + 8H+ + 5e^- -> Mn^{2+} + 4H2O}", ""),
        (EQUATION, r"\ce{MnO4^- + 8H+ + 5e^- -> Mn^{3+} + 4H2O}", CHARGE),
        (EQUATION, r"\ce{MnO4^- + 8H+ + 5e^- -> Mn^{2+} + 3H2O}", ELEMENTS),
        (EQUATION, "Fe³⁺ + 2e⁻ → Fe²⁺", CHARGE),
        (EQUATION, r"2KClO_3 \xrightarrow{MnO_2} 2KCl + 3O_2\uparrow", ""),
        (EQUATION, r"\ce{CaCO3 ->[\Delta] CaO + CO2 ^}", ""),
        (EQUATION, "CuSO4·5H2O → CuSO4 + 4H2O", ELEMENTS),
        (EQUATION, "A + B -> C", ""),
        (EQUATION, "C = 2 F", ""),
        ("Write the equation of the beta decay.", "14C -> 14N + e-", ""),
        ("Write a scheme of the reaction.", "CH3CH2OH -> CH3CHO", ""),
        ("Write the equation with the superoxide.", "K + O2- -> KO2", ""),
        (SMILES, "CC(C)(C)(C)C", "the structure cannot exist as it is written"),
        (SMILES, "C2H6O", ""),
        (SMILES, "CCO", ""),
        ("Which?", "CC(C)(C)(C)C", ""),
        ("Given the SMILES CCCCC, which has as many carbon atoms? A) C5H10 B) C6H14", "A", ""),
        ("Which SMILES is that of ethanol?\n\nA. CO\nD. CCO", r"\text{D}", ""),
        (
            "Which SMILES is that of ethanol? Compare A and D.",
            "D(C)(C)C",
            "the structure cannot exist as it is written",
        ),
    ],
)
def test_an_answer_alone(question: str, final: str, reason: str) -> None:
    finding = Chemistry().check(case_of(question, final))
    wanted = ("failed", reason) if reason else ("undecided", "no other vote")
    assert (finding.verdict, finding.reason) == wanted


@pytest.mark.parametrize(
    ("question", "finals", "verdict"),
    [
        (SMILES, ["CCO", "OCC", "COC"], "passed"),
        (SMILES, ["COC", "OCC", "CCCO"], "failed"),
        (SMILES, ["CCO", "ethanol"], "undecided"),
        (EQUATION, ["2H2 + O2 -> 2H2O", "H2 + 1/2 O2 = H2O"], "passed"),
        (EQUATION, ["H2 + O2 -> H2O", "H2 + O2 -> H2O"], "failed"),
        ("Find the mass of the salt.", ["12 g", "0.012 kg"], "passed"),
        ("Find the mass of the salt.", ["12 J", "12 J"], "failed"),
        ("Name the isomer.", ["2-methylpropane", "isobutane"], "undecided"),
        (FORMULA, ["", "NaCl"], "undecided"),
    ],
)
def test_an_answer_against_other_votes(question: str, finals: list[str], verdict: str) -> None:
    assert Chemistry().check(case_of(question, *finals)).verdict == verdict


@pytest.mark.parametrize(
    "text", ["", "glucose", "^{14}C", "Xx2", "H0", "Ca(OH2", "CaOH)2", "5 m", "a -> b", "H2 + O2", "x = 2", "H2 -> H2 -> H2"]
)  # fmt: skip
def test_a_text_that_is_neither_formula_nor_equation(text: str) -> None:
    assert formula_of(text) is None
    assert reaction_of(text) is None
    assert structure_of("[C") is None


def test_an_equation_with_fractions_and_electrons_is_balanced() -> None:
    reaction = reaction_of(r"\frac{1}{2} O2 + H2O + 2e^- -> 2OH^-")
    assert reaction is not None
    assert imbalance(reaction) == ""
    assert sum(coefficient for coefficient, _ in reaction.left) == 3.5


def test_the_verifier_is_installed_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load("chemistry").applies(AnsweredQuestion(id="q", text="Which?", options=("CCO", "COC")))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "kgsynth.verification.structures.find_spec", lambda name: None if name == "rdkit" else find(name)
    )
    with pytest.raises(MissingExtraError) as missing:
        Chemistry()
    assert "pip install 'kgsynth[chemistry]'" in missing.value.hint


def test_the_shipped_examples_are_right() -> None:
    question, answer = example_of("chemistry", "answer")
    volume = 5.4 / 27 * 3 / 2 * 22.4
    assert Chemistry().check(case_of(question, "", key=[f"{volume:.4g} L"], text=answer)).verdict == "passed"
    example, verdict = example_of("chemistry", "judge")
    question, _, solution = example.removeprefix("Problem:").partition("Solution:")
    assert "incorrect" in verdict
    assert Chemistry().check(case_of(question, "", text=solution)).verdict == "failed"
