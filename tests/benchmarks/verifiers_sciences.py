"""Cases for the verifiers `units` and `chemistry`: quantities that pint converts, molecules that RDKit rewrites."""

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pint
import sympy
from rdkit import Chem, rdBase
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from kgsynth import randomness
from tests.benchmarks.verifiers import RIGHT, Sample, chosen, sample, source

_PER_UNIT = 3
# Quantity, then units of its dimension as an answer spells them, each with pint's name where that differs.
_QUANTITIES = {
    "speed": "m/s km/h cm/s mph=mile/hour", "force": "N kN mN lbf=pound_force", "energy": "J kJ eV cal kWh",
    "pressure": "Pa kPa bar atm=standard_atmosphere mmHg=millimeter_Hg", "length": "m cm km ft in=inch",
    "mass": "kg g mg lb", "power": "W kW mW hp=horsepower", "volume": "m^3 L mL cm^3 dm^3", "time": "s ms min h=hour",
    "electric charge": "C µC mC", "density": "kg/m^3 g/cm^3 g/mL", "acceleration": "m/s^2 cm/s^2 km/h^2",
    "electric field": "V/m N/C kV/m", "magnetic field": "T mT", "frequency": "Hz kHz MHz", "resistance": "Ω kΩ=kiloohm",
    "molar mass": "g/mol kg/mol", "molarity": "mol/L mmol/L mol/m^3 M=mol/liter", "torque": "N·m=newton*meter kN·m=kilonewton*meter",
    "capacitance": "F µF pF", "angular velocity": "rad/s rpm=turn/minute", "spring constant": "N/m kN/m N/cm",
    "specific heat capacity": "J/(kg·K)=joule/kilogram/kelvin kJ/(kg·K)=kilojoule/kilogram/kelvin cal/(g·K)=calorie/gram/kelvin",
}  # fmt: skip


@cache
def _registry() -> Any:
    return pint.UnitRegistry()


def _units_of(quantity: str) -> list[tuple[str, str]]:
    """Return the units of a quantity: text and pint's name."""
    pairs = [unit.partition("=") for unit in _QUANTITIES[quantity].split()]
    return [(text, name or text.replace("Ω", "ohm")) for text, _, name in pairs]


def _latex(number: float, unit: str) -> str:
    mantissa, _, exponent = f"{number:.3e}".partition("e")
    upright = unit.replace("µ", "\\mu ").replace("Ω", "\\Omega ").replace("·", "\\cdot ")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}\\,\\mathrm{{{upright}}}"


@source("units", "quantities that pint converts, with a key")
def quantities(seed: int) -> Iterator[Sample]:
    """Yield quantities in other units and forms, and with errors of unit, sign, size and dimension."""
    names = list(_QUANTITIES)
    for index in range(len(names) * _PER_UNIT):
        quantity = names[index % len(names)]
        draw = randomness.stream(seed, "quantities", index)
        number = float(f"{draw.uniform(1, 10) * 10.0 ** int(draw.integers(-2, 4)):.3e}")
        units = _units_of(quantity)
        unit, name = units[0]
        other, other_name = units[1 + int(draw.integers(len(units) - 1))]
        key, question = [f"{number:g} {unit}"], f"Find the {quantity}."
        converted = float(_registry().Quantity(number, name).to(other_name).magnitude)
        yield sample(f"{RIGHT}another unit", question, f"{converted:.6g} {other}", key=key)
        yield sample(f"{RIGHT}three figures, LaTeX", question, _latex(float(f"{converted:.3g}"), other), key=key)
        yield sample(
            f"{RIGHT}with a name and the unit beside the box", question, f"x = {number:.3g}}}$ {unit}.${{", key=key
        )
        if abs(converted / number - 1) > 0.01:
            yield sample("another unit, same number", question, f"{number:g} {other}", key=key)
        dimension = _units_of(names[(index + 1 + int(draw.integers(3))) % len(names)])[0][0]
        yield sample("wrong dimension", question, f"{number:g} {dimension}", key=key)
        yield sample("sign", question, f"{-number:g} {unit}", key=key)
        yield sample("factor 10", question, f"{number * 10:g} {unit}", key=key)
        yield sample("3 % off", question, f"{number * (1.03 if index % 2 else 0.97):.6g} {unit}", key=key)
        yield sample("missing unit", question, f"{number:g}", key=key)
        second = number * 3
        pair = [f"({number:g} {unit}, {second:g} {unit})"]
        yield sample(f"{RIGHT}pair", question, f"({number:.3g}, {second:.3g})\\ \\text{{{unit}}}", key=pair)
        yield sample("swapped pair", question, f"({second:g} {unit}, {number:g} {unit})", key=pair)
        yield sample(
            f"{RIGHT}interval", question, f"{number:.3g} {unit} to {second:.3g} {unit}", key=[f"[{pair[0][1:-1]}]"]
        )
        yield sample(
            "interval with another end",
            question,
            f"[{number:g} {unit}, {second * 1.1:g} {unit}]",
            key=[f"[{pair[0][1:-1]}]"],
        )


@source("units", "quantities without a key or another vote")
def alone(seed: int) -> Iterator[Sample]:
    """Yield quantities of which only the dimension can be checked."""
    names = list(_QUANTITIES)
    for index in range(len(names) * 2):
        quantity = names[index % len(names)]
        draw = randomness.stream(seed, "alone", index)
        number = float(f"{draw.uniform(1, 100):.3g}")
        unit = chosen(seed, "alone unit", index, [text for text, _ in _units_of(quantity)])
        question = f"Calculate the {quantity}." if index % 2 else f"What is the {quantity} of the system?"
        yield sample(f"{RIGHT}dimension", question, f"{number:g} {unit}")
        wrong = _units_of(names[(index + 1 + int(draw.integers(3))) % len(names)])[0][0]
        yield sample("wrong dimension", question, f"{number:g} {wrong}")
        yield sample("missing unit", question, f"{number:g}")


# Given symbols, asked quantity, formula, and a symbol by which the wrong formula is multiplied or to which it is added.
_FORMULAS = [
    ("mass $m$, height $h$ and gravitational acceleration $g$", "speed", r"\sqrt{2gh}", "h"),
    ("mass $m$ and speed $v$", "kinetic energy", r"\frac{1}{2}mv^2", "m"),
    ("mass $m$, speed $v$ and radius $r$", "centripetal force", r"\frac{mv^2}{r}", "v"),
    ("length $L$ and gravitational acceleration $g$", "period", r"2\pi\sqrt{\frac{L}{g}}", "L"),
    ("mass $m$ and spring constant $k$", "angular frequency", r"\sqrt{\frac{k}{m}}", "k"),
    ("charge $q$, speed $v$ and magnetic field $B$", "force", "qvB", "q"),
    ("voltage $U$ and resistance $R$", "power", r"\frac{U^2}{R}", "U"),
    ("initial velocity $v$, acceleration $a$ and time $t$", "displacement", r"vt + \frac{1}{2}at^2", "t"),
    ("pressure $p$ and volume $V$", "work", "3pV", "V"),
    ("density $\\rho$, volume $V$ and gravitational acceleration $g$", "weight", r"\rho V g", "V"),
    ("capacitance $C$ and voltage $U$", "energy", r"\frac{1}{2}CU^2", "U"),
    ("charge $q$, electric field $E$ and mass $m$", "acceleration", r"\frac{qE}{m}", "E"),
    ("speed $v$ and wavelength $\\lambda$", "frequency", r"\frac{v}{\lambda}", "v"),
    ("inductance $L$ and current $I$", "energy", r"\frac{1}{2}LI^2", "I"),
    ("moment of inertia $I$ and angular velocity $\\omega$", "angular momentum", r"I\omega", "I"),
    ("mass $m$, radius $r$ and angular velocity $\\omega$", "force", r"mr\omega^2", "r"),
]  # fmt: skip


def _written(name: str) -> Iterator[Sample]:
    """Yield right answers that a person wrote in the style of textbooks, without a key."""
    with (Path(__file__).parent / "right_answers.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["verifier"] == name:
                yield sample(f"{RIGHT}written by hand", row["question"], row["answer"])


@source("units", "answers to textbook questions, without a key or another vote")
def textbook_physics(seed: int) -> Iterator[Sample]:
    """Yield right answers of physics, none of which may fail."""
    del seed
    yield from _written("units")


@source("chemistry", "answers to textbook questions, without a key or another vote")
def textbook_chemistry(seed: int) -> Iterator[Sample]:
    """Yield right answers of chemistry, none of which may fail."""
    del seed
    yield from _written("chemistry")


@source("units", "formulas without a key or another vote")
def formulas(seed: int) -> Iterator[Sample]:
    """Yield formulas of which only the dimension can be checked, with and without a name for the quantity."""
    del seed
    for given, quantity, formula, symbol in _FORMULAS:
        for named in (False, True):
            question = f"A system has the {given}. Find the {quantity}{' $X$' if named else ' of the system'}."
            left = "X = " if named else ""
            yield sample(f"{RIGHT}formula", question, f"{left}{formula}")
            yield sample("a symbol too many", question, f"{left}{formula} \\cdot {symbol}")
            yield sample("a sum of different dimensions", question, f"{left}{formula} + {symbol}")
            wrong = formula.replace("\\sqrt", "", 1) if "\\sqrt" in formula else f"\\sqrt{{{formula}}}"
            yield sample("root missing or too many", question, f"{left}{wrong}")
            yield sample(f"{RIGHT}unknown symbol", question, f"{left}{formula} + z")


# Molecules, in groups with the same formula where there are isomers.
_MOLECULES = (
    "CCCCO CCC(C)O CC(C)CO CC(C)(C)O CCOCC COC(C)C COCCC CC(C)=O CCC=O C=CCO C1COC1 CC1CO1 CCCCC CC(C)CC CC(C)(C)C C=CCC "
    "C1CCC1 CC(=C)C CC1CC1 Cc1ccccc1C Cc1cccc(C)c1 Cc1ccc(C)cc1 CCc1ccccc1 Cc1ccccc1O Cc1cccc(O)c1 Cc1ccc(O)cc1 COc1ccccc1 "
    "OCc1ccccc1 CCC(=O)O COC(C)=O CCOC=O CC(=O)CO NCCC CNCC CN(C)C CC(N)C CC#N C[N+]#[C-] OCC(O)CO c1ccc2ccccc2c1 "
    "CC(=O)Oc1ccccc1C(=O)O Oc1ccccc1C=O Oc1ccc(C=O)cc1 O=C(O)c1ccccc1 CC(=O)[O-].[Na+] C[NH3+].[Cl-] c1ccncc1 c1cc[nH]c1 "
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C Clc1ccccc1Cl Clc1cccc(Cl)c1 Clc1ccc(Cl)cc1 CCCl ClCCCl CC(Cl)Cl"
).split()
_STEREO = (
    "CC(N)C(=O)O CC(O)C(=O)O CC=CC FC=CF ClC=CCl CCC(C)Br CCC(C)O CC(O)C(N)C(=O)O NC(CO)C(=O)O NC(CS)C(=O)O NC(Cc1ccccc1)C(=O)O "
    "OC(=O)C=CC(=O)O CC=CC(=O)O OC(=O)C=Cc1ccccc1 CC1CCC(C(C)C)C(O)C1 CC1=CCC(CC1)C(C)=C OC(C(=O)O)C(O)C(=O)O CC(Cl)C(C)Br "
    "CC1CCCCC1C CC1CCCC1O CC(O)c1ccccc1 CCC=CCC NC(CC(N)=O)C(=O)O CC(C)C(N)C(=O)O CCC(C)C(N)C(=O)O OCC(O)C=O CC(F)(Cl)Br "
    "NC(CCC(=O)O)C(=O)O CC(C)CC(N)C(=O)O CSCCC(N)C(=O)O"
).split()  # fmt: skip
_ASKED = "Give the SMILES of the compound."


@source("chemistry", "structures that RDKit rewrites, with a key")
def structures(seed: int) -> Iterator[Sample]:
    """Yield other SMILES and InChI of the same molecule, isomers, stereoisomers and other ions."""
    by_formula: dict[str, list[str]] = {}
    for smiles in _MOLECULES:
        by_formula.setdefault(CalcMolFormula(Chem.MolFromSmiles(smiles)), []).append(smiles)
    for index, smiles in enumerate(_MOLECULES):
        molecule = Chem.MolFromSmiles(smiles)
        other = Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=seed + index)[0]
        yield sample(f"{RIGHT}other SMILES", _ASKED, other, key=[smiles])
        question = "Give the InChI of the compound."
        with rdBase.BlockLogs():
            inchi = Chem.MolToInchi(molecule)
        yield sample(f"{RIGHT}InChI", question, inchi, key=[smiles])
        isomers = [one for one in by_formula[CalcMolFormula(molecule)] if one != smiles]
        if isomers:
            yield sample("isomer", _ASKED, chosen(seed, "isomer", index, isomers), key=[smiles])
        if "C" in smiles:
            yield sample("one more carbon atom", _ASKED, smiles.replace("C", "CC", 1), key=[smiles])
    for index, smiles in enumerate(_STEREO):
        forms = sorted({Chem.MolToSmiles(one) for one in EnumerateStereoisomers(Chem.MolFromSmiles(smiles))})
        forms = [form for form in forms if re.search(r"[@/\\]", form)]
        if len(forms) > 1:
            first, second = forms[0], forms[1 + index % (len(forms) - 1)]
            same = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(first), 1, randomSeed=seed + index)[0]
            yield sample(f"{RIGHT}other SMILES of a stereoisomer", _ASKED, same, key=[first])
            yield sample("stereoisomer", _ASKED, second, key=[first])
            yield sample("stereochemistry missing", _ASKED, smiles, key=[first])


_REACTIONS = (
    "H2 + O2 > H2O|N2 + H2 > NH3|C3H8 + O2 > CO2 + H2O|CH4 + O2 > CO2 + H2O|C2H6 + O2 > CO2 + H2O|Fe + O2 > Fe2O3|"
    "Al + O2 > Al2O3|KClO3 > KCl + O2|Na + H2O > NaOH + H2|CaCO3 > CaO + CO2|Fe2O3 + CO > Fe + CO2|NH3 + O2 > NO + H2O|"
    "H3PO4 + Ca(OH)2 > Ca3(PO4)2 + H2O|H2SO4 + NaOH > Na2SO4 + H2O|Al + HCl > AlCl3 + H2|AgNO3 + NaCl > AgCl + NaNO3|"
    "Pb(NO3)2 + KI > PbI2 + KNO3|C6H12O6 > C2H5OH + CO2|C6H12O6 + O2 > CO2 + H2O|P4 + O2 > P4O10|Cu + AgNO3 > Cu(NO3)2 + Ag|"
    "BaCl2 + Na2SO4 > BaSO4 + NaCl|Mg + N2 > Mg3N2|SiO2 + C > Si + CO|TiCl4 + Mg > Ti + MgCl2|(NH4)2Cr2O7 > N2 + Cr2O3 + H2O|"
    "CuSO4·5H2O > CuSO4 + H2O|H2O2 > H2O + O2|SO2 + O2 > SO3|NaHCO3 > Na2CO3 + CO2 + H2O|"
    "MnO4^- + H^+ + Fe^{2+} > Mn^{2+} + Fe^{3+} + H2O|Cr2O7^{2-} + H^+ + e^- > Cr^{3+} + H2O|Zn + H^+ > Zn^{2+} + H2|"
    "Cl2 + OH^- > Cl^- + ClO^- + H2O|Al + OH^- + H2O > Al(OH)4^- + H2|Ag^+ + CrO4^{2-} > Ag2CrO4|I2 + S2O3^{2-} > I^- + S4O6^{2-}"
).split("|")  # fmt: skip


def _elements(formula: str) -> dict[str, int]:
    """Count elements and charge by a parser that is independent of kgsynth's: flat formulas and one level of groups."""
    charge = re.search(r"\^\{?(\d*)([+-])\}?$", formula)
    bare = formula[: charge.start()] if charge else formula
    counts = {"charge": int(charge[2] + (charge[1] or "1"))} if charge else {}
    if bare == "e":
        return counts
    for part in bare.split("·"):
        factor, rest = re.match(r"(\d*)(.*)", part).groups()  # type: ignore[union-attr]
        flat = re.sub(r"\(([^()]*)\)(\d*)", lambda group: group[1] * int(group[2] or 1), rest)
        for element, number in re.findall(r"([A-Z][a-z]?)(\d*)", flat):
            counts[element] = counts.get(element, 0) + int(number or 1) * int(factor or 1)
    return counts


def _balanced(skeleton: str) -> tuple[list[str], list[str], list[int]]:
    """Return reactants, products and coefficients, by linear algebra."""
    reactants, products = (side.strip().split(" + ") for side in skeleton.split(">"))
    columns = [_elements(one) for one in (*reactants, *products)]
    names = sorted({name for column in columns for name in column})
    matrix = sympy.Matrix(
        [
            [column.get(name, 0) * (1 if i < len(reactants) else -1) for i, column in enumerate(columns)]
            for name in names
        ]
    )
    space = matrix.nullspace()
    assert len(space) == 1, skeleton
    scale = sympy.ilcm(*[value.q for value in space[0]])
    return reactants, products, [int(value * scale) for value in space[0]]


def _equation(reactants: list[str], products: list[str], coefficients: list[int], arrow: str) -> str:
    terms = [
        f"{number if number != 1 else ''}{one}"
        for number, one in zip(coefficients, (*reactants, *products), strict=True)
    ]
    return " + ".join(terms[: len(reactants)]) + f" {arrow} " + " + ".join(terms[len(reactants) :])


def _upright(text: str) -> str:
    return re.sub(r"(?<=[A-Za-z)])(\d+)", r"_{\1}", text.replace("·", "\\cdot "))


@source("chemistry", "equations, with and without a key")
def equations(seed: int) -> Iterator[Sample]:
    """Yield equations in other notations, multiplied or in another order, and with wrong coefficients or charges."""
    question = "Write the balanced equation of the reaction."
    for index, skeleton in enumerate(_REACTIONS):
        reactants, products, numbers = _balanced(skeleton)
        key = _equation(reactants, products, numbers, "->")
        mhchem = f"\\ce{{{_equation(reactants, products, numbers, '->').replace('{', '').replace('}', '')}}}"
        latex = _upright(_equation(reactants, products, numbers, "\\rightarrow"))
        back = _equation(
            reactants[::-1], products[::-1], numbers[: len(reactants)][::-1] + numbers[len(reactants) :][::-1], "→"
        )
        doubled = _equation(reactants, products, [2 * number for number in numbers], "=")
        for name, form in (("mhchem", mhchem), ("LaTeX", latex), ("another order", back), ("multiplied", doubled)):
            yield sample(f"{RIGHT}{name}", question, form, key=[key])
            yield sample(f"{RIGHT}{name}, no key", question, form)
        draw = randomness.stream(seed, "equations", index)
        place = int(draw.integers(len(numbers)))
        wrong = [number + (i == place) for i, number in enumerate(numbers)]
        for name, keys in (("", [key]), (", no key", [])):
            yield sample(f"wrong coefficient{name}", question, _equation(reactants, products, wrong, "->"), key=keys)
            ones = [1] * len(numbers)
            if ones != numbers:
                yield sample(f"no coefficients{name}", question, _equation(reactants, products, ones, "->"), key=keys)
        other = _REACTIONS[(index + 1) % len(_REACTIONS)]
        yield sample("another reaction", question, _equation(*_balanced(other), "->"), key=[key])


_IONS = (
    "SO4 2-|SO3 2-|NO3 -|NO2 -|PO4 3-|CO3 2-|NH4 +|MnO4 -|Cr2O7 2-|CrO4 2-|ClO4 -|ClO3 -|ClO -|OH -|H3O +|Fe 3+|Fe 2+|Cu 2+|"
    "Al 3+|Ca 2+|Na +|S 2-|Hg2 2+|[Fe(CN)6] 3-|[Fe(CN)6] 4-|[Cu(NH3)4] 2+|C2O4 2-|HCO3 -|HSO4 -|H2PO4 -|CH3COO -|S2O3 2-|SCN -|CN -"
).split("|")  # fmt: skip
_HYDRATES = (
    "CuSO4 5|FeSO4 7|MgSO4 7|CaSO4 2|Na2CO3 10|CoCl2 6|NiSO4 6|ZnSO4 7|Na2S2O3 5|BaCl2 2|AlCl3 6|MnSO4 4|SrCl2 6|CaCl2 2|"
    "KAl(SO4)2 12|FeCl3 6|Na2B4O7 10|Cr(NO3)3 9|Cu(NO3)2 3|H2C2O4 2|LiClO4 3|Na2SO4 10|MgCl2 6|CoSO4 7|NiCl2 6|Ca(NO3)2 4|"
    "Mg(NO3)2 6|Zn(NO3)2 6|Fe(NO3)3 9|CdSO4 8"
).split("|")  # fmt: skip
_CONDENSED = (
    "CH3CH2OH C2H6O|CH3COOH C2H4O2|CH3CH2CH3 C3H8|CH3COCH3 C3H6O|CH3CHO C2H4O|HCOOH CH2O2|CH3NH2 CH5N|CH3OCH3 C2H6O|"
    "C6H5OH C6H6O|C6H5CH3 C7H8|CH2CH2 C2H4|CH3CH2COOH C3H6O2|HOCH2CH2OH C2H6O2|(CH3)3COH C4H10O|CH3(CH2)4CH3 C6H14|CH2O CH2O|"
    "CHCl3 CHCl3|(NH2)2CO CH4N2O|C6H5NH2 C6H7N|C6H5COOH C7H6O2|CH3CN C2H3N|NH4NO3 N2H4O3|CH3CHOHCH3 C3H8O|H2NCH2COOH C2H5NO2|"
    "CH3CH2NH2 C2H7N|C2H5OC2H5 C4H10O|CH3COOC2H5 C4H8O2|HOOCCOOH C2H2O4|CH3CH2Br C2H5Br|CH2Cl2 CH2Cl2|CH3SH CH4S"
).split("|")  # fmt: skip
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


@source("chemistry", "formulas of ions, hydrates and molecules, with a key")
def ions_and_hydrates(seed: int) -> Iterator[Sample]:
    """Yield formulas in other notations, and with another charge or number of atoms or of water molecules."""
    del seed
    for ion in _IONS:
        base, charge = ion.split()
        key, question = [f"{base}^{{{charge}}}"], "Give the formula of the ion."
        yield sample(f"{RIGHT}ion, mhchem", question, f"\\ce{{{base}^{charge}}}", key=key)
        yield sample(f"{RIGHT}ion, Unicode", question, base.translate(_LOWERED) + charge.translate(_RAISED), key=key)
        yield sample(f"{RIGHT}ion, LaTeX", question, f"\\mathrm{{{_upright(base)}^{{{charge}}}}}", key=key)
        opposite = charge.translate(str.maketrans("+-", "-+"))
        size = int(charge[:-1] or 1)
        yield sample("charge of the other sign", question, f"\\ce{{{base}^{opposite}}}", key=key)
        yield sample(
            "charge of another size", question, f"\\mathrm{{{_upright(base)}^{{{size + 1}{charge[-1]}}}}}", key=key
        )
        yield sample("no charge", question, base, key=key)
    for hydrate in _HYDRATES:
        salt, water = hydrate.split()
        key, question = [f"{salt}·{water}H2O"], "Give the formula of the hydrate."
        yield sample(f"{RIGHT}hydrate", question, f"\\ce{{{salt}.{water}H2O}}", key=key)
        yield sample(f"{RIGHT}hydrate", question, f"\\mathrm{{{_upright(salt)} \\cdot {water}H_2O}}", key=key)
        yield sample("wrong hydrate", question, f"\\ce{{{salt}.{int(water) + 1}H2O}}", key=key)
        yield sample("no water", question, salt, key=key)
    for pair in _CONDENSED:
        condensed, molecular = pair.split()
        question = "Give the molecular formula."
        yield sample(
            f"{RIGHT}molecular for condensed formula", question, f"\\mathrm{{{_upright(molecular)}}}", key=[condensed]
        )
        more = re.sub(r"H(\d+)", lambda found: f"H{int(found[1]) + 1}", molecular, count=1)
        yield sample(
            "one hydrogen atom more", question, more if more != molecular else molecular + "H", key=[condensed]
        )
