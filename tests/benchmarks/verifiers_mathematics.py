"""Cases for the verifier `math`: final answers of champ-dataset (MIT), and expressions that SymPy rewrites."""

from collections.abc import Iterator

import champ_dataset
import sympy

from kgsynth import randomness
from kgsynth.final_answers.kinds import Items, Truth, Value
from kgsynth.final_answers.typed import typed
from tests.benchmarks.verifiers import RIGHT, Sample, chosen, sample, source

_QUESTION = "Find the answer."
_EXPRESSIONS = 40
_SETS = 40


@source("math", "final answers of the 270 problems of champ-dataset, with the answer as the key")
def champ(seed: int) -> Iterator[Sample]:
    """Rewrite and change each answer that is a number, an expression, yes or no, or a list."""
    for index, problem in enumerate(champ_dataset.load("v0").problems.values()):
        key, answer = problem.answer, typed(problem.answer).answer
        match answer:
            case Value(expression, None) if expression is not None:
                yield from _expression(seed, index, key)
            case Truth(word) if word in ("yes", "no"):
                yield sample(f"{RIGHT}yes or no", _QUESTION, key.upper(), key=[key])
                yield sample("yes for no", _QUESTION, "no" if word == "yes" else "yes", key=[key])
            case Items(items) if len(items) > 1 and " and " in key:
                parts = key.split(" and ")
                yield sample(f"{RIGHT}list in another order", _QUESTION, " and ".join(reversed(parts)), key=[key])
                yield sample("missing solution", _QUESTION, parts[0], key=[key])
            case _:
                continue


def _expression(seed: int, index: int, key: str) -> Iterator[Sample]:
    # A plain number in parentheses may be a cycle, and is not read.
    bare = key if key.isdigit() else f"({key})"
    forms = [f"{bare}+7-7", f"\\frac{{2\\cdot {bare}}}{{2}}", f"-(1-{bare}-1)", f"$ {key} $"]
    rewritten = chosen(seed, "rewrite", index, forms)
    yield sample(f"{RIGHT}rewritten", _QUESTION, rewritten, key=[key])
    if key != "0":
        yield sample("sign", _QUESTION, f"-{bare}", key=[key])
        yield sample("factor 2", _QUESTION, f"2\\cdot {bare}", key=[key])
    yield sample("off by one", _QUESTION, f"{bare}+1", key=[key])


@source("math", "intervals and solution sets, drawn by seed")
def sets(seed: int) -> Iterator[Sample]:
    """Yield intervals with a swapped kind of end or swapped bounds, and sets with a missing or an extra solution."""
    for index in range(_SETS):
        draw = randomness.stream(seed, "sets", index)
        low = int(draw.integers(-20, 10))
        high = low + int(draw.integers(1, 15))
        opening, closing = "(["[int(draw.integers(2))], ")]"[int(draw.integers(2))]
        key = f"{opening}{low}, {high}{closing}"
        relation = (
            f"{low} {'<' if opening == '(' else chr(92) + 'le'} x {'<' if closing == ')' else chr(92) + 'le'} {high}"
        )
        yield sample(
            f"{RIGHT}interval",
            _QUESTION,
            f"\\left{opening}{low},\\ \\frac{{{2 * high}}}{{2}}\\right{closing}",
            key=[key],
        )
        yield sample(f"{RIGHT}interval", _QUESTION, relation, key=[f"{relation}"])
        swapped = key.translate(str.maketrans("([", "[(")) if index % 2 else key.translate(str.maketrans(")]", "])"))
        yield sample("swapped interval end", _QUESTION, swapped, key=[key])
        yield sample("swapped interval bounds", _QUESTION, f"{opening}{-high}, {-low}{closing}" if high + low
                     else f"{opening}{low - 1}, {high}{closing}", key=[key])  # fmt: skip
        roots = sorted({int(root) for root in draw.integers(-30, 30, size=3)})
        while len(roots) < 2:
            roots.append(roots[-1] + 1)
        listed = ", ".join(map(str, roots))
        yield sample(f"{RIGHT}solution set", _QUESTION, " or ".join(f"x = {root}" for root in reversed(roots)),
                     key=[f"x = {listed}"])  # fmt: skip
        yield sample("missing solution", _QUESTION, ", ".join(map(str, roots[1:])), key=[listed])
        yield sample("extra solution", _QUESTION, f"{listed}, {roots[-1] + 1}", key=[listed])


@source("math", "expressions that SymPy rewrites")
def expressions(seed: int) -> Iterator[Sample]:
    """Yield expressions in equal forms, and with another sign, coefficient or exponent, or without one term."""
    x = sympy.Symbol("x", positive=True)
    for index in range(_EXPRESSIONS):
        draw = randomness.stream(seed, "expressions", index)
        a, b, c = (int(number) for number in draw.integers(2, 10, size=3))
        families = [
            (x + a) * (x - b) * (c * x + 1),
            a / (x + b) + c / (x + b + 1),
            sympy.sin(a * x) * sympy.cos(a * x) + b,
            sympy.sqrt(a * b**2) * x + sympy.sqrt(c),
            sympy.exp(a * x) * (sympy.exp(-b * x) + c),
            sympy.log(x**a) + b * sympy.log(c * x),
        ]
        whole = families[index % len(families)]
        key = sympy.latex(whole, ln_notation=True)
        for form in (
            sympy.expand(whole),
            sympy.factor(whole),
            sympy.together(whole),
            sympy.expand_log(whole),
            sympy.simplify(whole),
        ):
            if form != whole:
                yield sample(
                    f"{RIGHT}rewritten by SymPy", "Find $f(x)$.", sympy.latex(form, ln_notation=True), key=[key]
                )
        expanded = sympy.expand(whole)
        first = sympy.Add.make_args(expanded)[0]
        changed = {
            "sign": expanded - 2 * first,
            "coefficient": expanded + first,
            "exponent": expanded - first + first * x,
            "missing term": expanded - first,
        }
        for error, wrong in changed.items():
            if sympy.simplify(wrong - whole) != 0:
                yield sample(error, "Find $f(x)$.", sympy.latex(wrong, ln_notation=True), key=[key])
