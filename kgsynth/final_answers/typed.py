r"""Classify the text of an answer: its kind decides by which rule it is compared.

Every rule reads the whole text or rejects it. Text that no rule reads is compared as text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from kgsynth.final_answers import units
from kgsynth.final_answers.clean import UPRIGHT, cleaned, is_chemical, text_form
from kgsynth.final_answers.expressions import (
    DEGREES,
    INVERSE,
    Expression,
    Function,
    Number,
    Product,
    Sum,
    Symbol,
    Unknown,
    difference,
    expression_of,
    in_base,
    names_in,
    negative,
    product,
    raw,
    walk,
)
from kgsynth.final_answers.kinds import (
    Answer,
    Assignments,
    Bracketed,
    Choice,
    Congruence,
    Equation,
    Inequality,
    Infinity,
    Interval,
    Items,
    Matrix,
    Named,
    Ratio,
    Region,
    Text,
    Truth,
    Value,
)
from kgsynth.final_answers.tokens import CLOSING, OPENING, ParseError, Token, closing_of, split, tokens_of

_MAX_CHARS = 500
_MAX_TOKENS = 400
_PHRASES = {
    **dict.fromkeys(("yes",), "yes"), **dict.fromkeys(("no",), "no"), "true": "true", "false": "false",
    **dict.fromkeys(("dne", "d.n.e", "does not exist", "doesn't exist", "the limit does not exist",
                     "limit does not exist",
                     "it does not exist", "do not exist"), "does not exist"),
    **dict.fromkeys(("no solution", "no solutions", "there is no solution", "there are no solutions", "has no solution",
                     "no solution exists", "no solutions exist"), "no solution"),
    **dict.fromkeys(("no real solution", "no real solutions", "there are no real solutions",
                     "there is no real solution"), "no real solution"),
    **dict.fromkeys(("\\emptyset", "\\{\\}", "empty set", "the empty set", "\\{ \\}", "{}"), "empty set"),
    **dict.fromkeys(("infinitely many", "infinitely many solutions", "there are infinitely many solutions"),
                    "infinitely many"),
    **dict.fromkeys(("undefined", "is undefined", "it is undefined"), "undefined"),
}  # fmt: skip
_EVERYTHING = frozenset(("all real numbers", "all reals", "every real number", "the real numbers", "all real x"))
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_TIME_OR_DATE = re.compile(
    r"\d{1,2}\s?:\s?\d{2}(?:\s?:\s?\d{2})?(?:\s*(?:[ap]\.?m|[AP]\.?M|noon|midnight))?|\d{1,2}\s*(?:[ap]\.?m|[AP]\.?M)|"
    r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}-\d{1,2}-\d{4}|\d{1,4}/\d{1,2}/\d{1,4}|\d{1,2}\.\d{1,2}\.\d{2,4}|\d{3}-\d{4}|\d{3}-\d{3}-\d{4}|"
    r"(?:1[5-9]|20)\d\d\s*-\s*(?:1[5-9]|20)\d\d"
)
_BASED = re.compile(r"([0-9A-Fa-f]{2,})\s*_\s*(?:\{\s*\(?\s*(1[1-6])\s*\)?\s*\}|(1[1-6]))")
_BASE_IN_WORDS = re.compile(r"([0-9A-Fa-f]+)\s+(?:in )?base\s+(\w+)")
_THERE_ARE = re.compile(
    r"(?:there (?:is|are)|it is|it's|they are|we (?:get|have|obtain)) (?:exactly )?(?=[-+$\\\d(])", re.IGNORECASE
)
_OPTION = re.compile(r"(?:option|choice|answer choice)\s*:?\s*\(?([A-Za-z])\)?", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"[A-Za-z](?:[A-Za-z ]{0,20}[A-Za-z])?\d?\s*:\s*[^:=]+"
    r"(?:[,;]\s*[A-Za-z](?:[A-Za-z ]{0,20}[A-Za-z])?\d?\s*:\s*[^:=]+)*"
)
_NAME_OF_A_THING = re.compile(
    r"(?:\\(?:angle|triangle|measuredangle)\s*)?\|?[A-Za-z]{1,12}\|?(?: [a-zA-Z]{1,12}){0,3}|"
    r"[A-Z][a-z]?\s*\([^()]{1,40}\)|\[[A-Z]{3,6}\]|m\s*\\angle\s*[A-Z]{1,3}"
)
_RELATIONS = frozenset(("=", "!=", "<", ">", "<=", ">=", "\\approx", "\\in", "\\equiv"))
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_PLAIN_FUNCTIONS = frozenset(("sin", "cos", "tan", "ln", "log"))
_MATRICES = {**dict.fromkeys("matrix pmatrix bmatrix Bmatrix smallmatrix psmallmatrix bsmallmatrix array".split(),
                              "matrix"),
             "vmatrix": "determinant", "Vmatrix": "norm"}  # fmt: skip
_MAX_ITEMS = 60


@dataclass(frozen=True, slots=True)
class Typed:
    """An answer in two forms: as normalized text and as a value of its kind."""

    form: str
    answer: Answer


@lru_cache(maxsize=8192)
def typed(text: str) -> Typed:
    """Return the kind and the normalized text of an answer; one that cannot be parsed has the kind `Text`."""
    if len(text) > _MAX_CHARS:
        form = " ".join(text.split())
        return Typed(form, Text(form))
    clean = cleaned(text)
    form = text_form(clean)
    return Typed(form, _kind(clean, form))


def _kind(clean: str, form: str) -> Answer:
    plain = " ".join(clean.replace(UPRIGHT, "").split())
    for rule in (_phrase, _choice, _time, _based, _infinity):
        answer = rule(plain)
        if answer is not None:
            return answer
    if is_chemical(re.sub(r"[_{}\s]", "", plain)) or re.fullmatch(r"\(?[A-Za-z]{2,}\)?", plain):
        return Text(form)
    answer = _ratio(plain) or _labelled(clean)
    if answer is not None:
        return answer
    if re.fullmatch(r"\][^\[\]]+[,;][^\[\]]+\[", plain):
        # In some countries `]a, b[` is the open interval.
        return _kind(f"({clean[1:-1]})", form)
    introduction = _THERE_ARE.match(plain)
    if introduction:
        return _kind(plain[introduction.end() :], form)
    try:
        return _parsed(clean)
    except (ParseError, RecursionError):
        return Text(form)


def _phrase(plain: str) -> Answer | None:
    phrase = plain.casefold().strip(" .!")
    if phrase in _EVERYTHING or plain in ("\\mathbb{R}", "\\mathbb R"):
        return Region("", (Interval(None, None, has_low=False, has_high=False),))
    if phrase in _NUMBER_WORDS:
        return Value(Number(Fraction(_NUMBER_WORDS.index(phrase))))
    truth = _PHRASES.get(phrase)
    return Truth(truth) if truth else None


def _choice(plain: str) -> Answer | None:
    match = re.fullmatch(r"\(\s*([A-Ha-h])\s*\)\.?|([A-H])\)", plain) or _OPTION.fullmatch(plain)
    return Choice(next(group for group in match.groups() if group)) if match else None


def _time(plain: str) -> Answer | None:
    if not _TIME_OR_DATE.fullmatch(plain):
        return None
    return Text(
        "time "
        + re.sub(
            r"[\s.]+", lambda match: "." if "." in match.group() and "m" not in plain.lower() else "", plain
        ).casefold()
    )


def _based(plain: str) -> Answer | None:
    """`FF_{16}` and `101 base 2`."""
    match = _BASED.fullmatch(plain) or _BASE_IN_WORDS.fullmatch(plain)
    if not match:
        return None
    base = next(group for group in match.groups()[1:] if group)
    if not re.search(r"\d", match.group(1)) and base != "16" and "base" not in plain:
        return None
    try:
        return Value(Number(Fraction(in_base(match.group(1), base))))
    except ParseError:
        return Text(text_form(plain))


def _infinity(plain: str) -> Answer | None:
    match = re.fullmatch(r"([+-]?)\s*(?:\\infty|infinity|\\infin)", plain)
    return Infinity(-1 if match.group(1) == "-" else 1) if match else None


def _ratio(plain: str) -> Answer | None:
    terms = re.split(r"\s*:\s*", plain)
    if not 2 <= len(terms) <= 5 or ("{" in plain and "'" in plain) or '"' in plain or "=" in plain:
        return None
    if not all(re.fullmatch(r"[\d.]+|\\frac.*|\\sqrt.*|\d*[a-z]|\d+\\?[a-z]+", term) for term in terms):
        return None
    if not any(term[0].isdigit() or term[0] == "\\" for term in terms):
        return None
    try:
        return Ratio(tuple(expression_of(tokens_of(term)) for term in terms))
    except ParseError:
        return None


def _labelled(clean: str) -> Answer | None:
    """`A: 5, B: 3`."""
    if (
        ":" not in clean
        or not _ASSIGNED.fullmatch(clean)
        or re.search(r"\b(?:def|return|lambda|if|for|else)\b|\\to|->", clean)
    ):
        return None
    pairs: list[tuple[str, Answer]] = []
    for part in re.split(r"[,;]\s*(?=[A-Za-z][A-Za-z ]*\d?\s*:)", clean):
        name, _, value = part.partition(":")
        pairs.append((_normalized_name(name), _kind(value.strip(), text_form(value.strip()))))
    if len({name for name, _ in pairs}) < len(pairs):
        return None
    if len(pairs) == 1:
        return Named(*pairs[0])
    return Assignments(tuple(sorted(pairs, key=lambda pair: pair[0])))


def _normalized_name(name: str) -> str:
    return text_form(name).casefold() if len(name.strip()) > 2 and "\\" not in name else text_form(name)


def _parsed(clean: str) -> Answer:
    tokens = tokens_of(clean)
    if not tokens or len(tokens) > _MAX_TOKENS:
        raise ParseError("no tokens, or too many")
    reader = _Reader(clean)
    return reader.time_and_length(tokens) or reader.alternatives(tokens)


class _Reader:
    """Parses the tokens of one cleaned text; units are read from the text itself."""

    def __init__(self, clean: str) -> None:
        self._clean = clean

    def time_and_length(self, tokens: Sequence[Token]) -> Answer | None:
        """Parse `1 hour and 30 minutes`, which is one quantity although it holds `and`."""
        if len(tokens) < 4 or tokens[0].kind != "number" or tokens[1].kind != "word":
            return None
        return self._several_units(tokens[:1], self._text(tokens[1:]))

    def alternatives(self, tokens: Sequence[Token]) -> Answer:
        """Split at `or`, `and` and semicolons, then at commas."""
        words = {token.text.casefold() for token in tokens if token.kind == "word"} | {
            token.text for token in tokens if token.kind == "command"
        }
        joined_by = "or" if words & {"or", "\\lor"} else "and" if words & {"and", "\\land"} else ""
        parts = split(tokens, frozenset((";", "or", "and", "\\lor", "\\land", "Or", "And")))
        groups = [self._group(part, is_alone=len(parts) == 1) for part in parts if part]
        if len(groups) == 1:
            return _joined(groups[0], joined_by)
        if all(len(group) > 1 and all(isinstance(item, Named) for item in group) for group in groups):
            # Several solutions, each with values for several names.
            return Items(tuple(_joined(group, "") for group in groups), joined_by="")
        return _joined([item for group in groups for item in group], joined_by)

    def _group(self, tokens: Sequence[Token], *, is_alone: bool) -> list[Answer]:
        """Parse a list without brackets; in `x = 1, 2` the name of the first item holds for all of them."""
        parts = split(tokens, frozenset((",",)))
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        if len(parts) > _MAX_ITEMS:
            raise ParseError("the list is too long")
        items: list[Answer] = []
        for part in parts:
            items.extend(self._signed_items(part, is_alone=is_alone and len(parts) == 1))
        if (
            len(items) > 1
            and isinstance(items[0], Named)
            and not any(isinstance(item, Named | Text | Region | Equation) for item in items[1:])
        ):
            return [Named(items[0].name, Items((items[0].value, *items[1:])))]
        return items

    def _signed_items(self, tokens: Sequence[Token], *, is_alone: bool) -> list[Answer]:
        """Parse one item; a plus-minus sign makes it two."""
        signs = [token.text for token in tokens if token.text in ("\\pm", "\\mp")]
        if not signs:
            return [self._item(tokens, is_alone=is_alone)]
        if signs.count("\\pm") > 1 or signs.count("\\mp") > 1:
            raise ParseError("several plus-minus signs")
        both: list[Answer] = []
        for plus, minus in (("+", "-"), ("-", "+")):
            replaced = [
                replace(token, text=plus if token.text == "\\pm" else minus, kind="sign")
                if token.text in ("\\pm", "\\mp")
                else token
                for token in tokens
            ]
            both.append(self._item(replaced, is_alone=is_alone))
        first, second = both
        if isinstance(first, Named) and isinstance(second, Named):
            return [Named(first.name, Items((first.value, second.value)))]
        return both if first != second else [first]

    def _item(self, tokens: Sequence[Token], *, is_alone: bool) -> Answer:
        if not tokens:
            raise ParseError("an item is empty")
        congruence = self._congruence(tokens)
        if congruence is not None:
            return congruence
        relations = _outside(tokens, _RELATIONS)
        if relations:
            return self._relation(tokens, relations)
        unions = split(tokens, frozenset(("\\cup",)))
        if len(unions) > 1:
            intervals: list[Interval] = []
            for part in unions:
                interval = interval_of(self._value(part, is_alone=False))
                if interval is None:
                    raise ParseError("a union of something other than intervals")
                intervals.append(interval)
            return Region("", tuple(intervals))
        return self._value(tokens, is_alone=is_alone)

    def _congruence(self, tokens: Sequence[Token]) -> Answer | None:
        r"""Parse `x \equiv 3 \pmod 7`, `n \equiv 1 (mod 4)` and `3 \bmod 7`."""
        index = next((index for index, token in enumerate(tokens) if token.text in ("\\pmod", "\\mod", "mod")), None)
        if index is None:
            return None
        modulus, before = list(tokens[index + 1 :]), list(tokens[:index])
        if before and before[-1].text == "(" and modulus and modulus[-1].text == ")":
            before, modulus = before[:-1], modulus[:-1]
        equivalences = _outside(before, frozenset(("\\equiv", "=")))
        name = ""
        if len(equivalences) == 1:
            name = raw(before[: equivalences[0]])
            before = before[equivalences[0] + 1 :]
        elif equivalences or not before:
            raise ParseError("a congruence of an unknown form")
        residues = tuple(expression_of(part) for part in split(before, frozenset((",",))))
        return Congruence(name, residues, expression_of(modulus))

    def _relation(self, tokens: Sequence[Token], indexes: list[int]) -> Answer:
        signs = [tokens[index].text for index in indexes]
        starts = [0, *(index + 1 for index in indexes)]
        sides = [tokens[start:end] for start, end in zip(starts, [*indexes, len(tokens)], strict=True)]
        if signs == ["\\in"]:
            return self._member(sides[0], sides[1])
        if all(sign in ("=", "\\approx") for sign in signs):
            return self._equal(sides, signs)
        if len(signs) == 1 and signs[0] == "!=":
            left, right = expression_of(sides[0]), expression_of(sides[1])
            if isinstance(left, Symbol) and not names_in(right):
                below = Interval(None, right, has_low=False, has_high=False)
                return Region(left.name, (below, Interval(right, None, has_low=False, has_high=False)))
            return Equation(difference(left, right), is_not=True)
        if all(sign in _FLIPPED for sign in signs) and len(signs) <= 2:
            return self._inequality(sides, signs)
        raise ParseError("relations of several kinds")

    def _member(self, left: Sequence[Token], right: Sequence[Token]) -> Answer:
        name = raw(left)
        if raw(right) in ("\\mathbb{R}", "\\mathbb R"):
            return Region(name, (Interval(None, None, has_low=False, has_high=False),))
        value = self._item(right, is_alone=False) if not _is_set_name(right) else Text(f"\\in{raw(right)}")
        interval = interval_of(value)
        if isinstance(value, Region):
            return replace(value, name=name)
        if interval is not None:
            return Region(name, (interval,))
        if isinstance(value, Text):
            return Text(f"{name}{value.form}")
        return Named(name, value)

    def _equal(self, sides: list[Sequence[Token]], signs: list[str]) -> Answer:
        """Parse a name with its value, or an equation; in a chain of equal values the first value counts."""
        if not sides[0]:
            return self._item(sides[1], is_alone=False) if len(sides) == 2 else self._equal(sides[1:], signs[1:])
        values = [self._value(side, is_alone=False) for side in sides[1:]] if len(sides) > 2 else []
        if values and not all(
            _repeats_value(values[0], value, sign) for value, sign in zip(values[1:], signs[1:], strict=True)
        ):
            raise ParseError("a chain of different values")
        left, right = sides[0], sides[1]
        if len(sides) == 2 and _is_letter(right) and not _is_letter(left) and _is_number(left):
            left, right = right, left
        pairs = self._pairs(left, right)
        if pairs is not None:
            return pairs
        lhs = _expression_or_none(left, ())
        if len(sides) == 2 and lhs is not None and not names_in(lhs) and not _is_letter(left):
            return self._constants(left, right, signs[0])
        called = (left[0].text,) if isinstance(lhs, Product) and _is_call(left) else ()
        rhs = _expression_or_none(right, called)
        if _is_name(lhs, left, called, self._text(left)):
            value: Answer
            try:
                value = self._value(right, is_alone=False) if not called else Value(expression_of(right, called))
            except ParseError:
                value = Text(text_form(self._text(right)))
            shared = names_in(lhs) & names_in(rhs) if lhs is not None and rhs is not None else frozenset()
            equation = difference(lhs, rhs) if lhs is not None and rhs is not None else None
            if not shared or isinstance(lhs, Unknown) or called:
                return Named(
                    raw(left) if "\\" in raw(left) or len(left) > 1 else text_form(self._text(left)), value, equation
                )
        if lhs is None or rhs is None or not (names_in(lhs) | names_in(rhs)):
            raise ParseError("an equation of an unknown form")
        return Equation(difference(lhs, rhs))

    def _constants(self, left: Sequence[Token], right: Sequence[Token], sign: str) -> Answer:
        """Parse an equation of two numbers: `10/4 = 2.5` is 2.5, and a false equation is refused."""
        first, second = self._value(left, is_alone=False), self._value(right, is_alone=False)
        if isinstance(first, Value) and isinstance(second, Value) and _repeats_value(first, second, sign):
            return replace(first, unit=first.unit or second.unit)
        raise ParseError("an equation of numbers that is false")

    def _pairs(self, left: Sequence[Token], right: Sequence[Token]) -> Answer | None:
        """Parse `(a, b) = (1, 2)`."""
        if not (left[0].text == "(" and closing_of(left, 0) == len(left) - 1):
            return None
        names = split(left[1:-1], frozenset((",",)))
        if len(names) < 2 or not all(len(name) and name[0].kind in ("word", "command") for name in names):
            return None
        value = self._item(right, is_alone=False)
        return Named(f"({','.join(raw(name) for name in names)})", value)

    def _inequality(self, sides: list[Sequence[Token]], signs: list[str]) -> Answer:
        if len(signs) == 2:
            if (signs[0][0] == "<") != (signs[1][0] == "<"):
                raise ParseError("a chain in two directions")
            if signs[0][0] == ">":
                sides, signs = sides[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
            middle = expression_of(sides[1])
            low, high = _bound(sides[0]), _bound(sides[2])
            if not isinstance(middle, Symbol | Unknown) and not names_in(middle):
                raise ParseError("a chain around a number")
            return Region(raw(sides[1]), (Interval(low, high, signs[0] == "<=", signs[1] == "<="),))
        if not sides[0]:
            bound = expression_of(sides[1])
            return Region("", (_half(bound, signs[0]),))
        left, right = _expression_or_none(sides[0], ()), _expression_or_none(sides[1], ())
        if left is None or right is None:
            infinite = _infinite_bound(sides, signs[0])
            if infinite is not None:
                return infinite
            raise ParseError("an inequality of an unknown form")
        is_strict = "=" not in signs[0]
        below = difference(left, right) if signs[0][0] == "<" else difference(right, left)
        for name, bound, sign, tokens in (
            (left, right, signs[0], sides[0]),
            (right, left, _FLIPPED[signs[0]], sides[1]),
        ):
            is_name = isinstance(name, Symbol | Unknown) or _is_letter(tokens)
            if is_name and not (names_in(name) & names_in(bound)):
                return Region(raw(tokens), (_half(bound, sign),), below, is_strict)
        if not names_in(below):
            raise ParseError("an inequality of numbers")
        return Inequality(below, is_strict)

    def _value(self, tokens: Sequence[Token], *, is_alone: bool) -> Answer:
        """Parse a bracketed list, a matrix, a quantity or an expression; inside a list also a plain word."""
        if not tokens:
            raise ParseError("there are no tokens")
        infinity = _infinity(raw(tokens))
        if infinity is not None:
            return infinity
        if all(token.kind == "word" for token in tokens) and len(raw(tokens)) > 1 and not is_alone:
            return self._words(tokens)
        bracketed = self._matrix(tokens) or self._bracketed(tokens)
        if bracketed is not None:
            return bracketed
        return self._quantity(tokens)

    def _words(self, tokens: Sequence[Token]) -> Answer:
        if len(tokens) > 3:
            raise ParseError("a sentence")
        text = raw(tokens)
        if len(tokens) == 1 and (len(text) == 1 or text == "pi"):
            return Value(expression_of(tokens))
        if text.casefold() in _PHRASES:
            return Truth(_PHRASES[text.casefold()])
        expression = _expression_or_none(tokens, ()) if tokens[0].text in _PLAIN_FUNCTIONS else None
        # `ab` alone may be a word or a product: it equals only itself.
        return Value(expression) if expression is not None else Text(text_form(text))

    def _bracketed(self, tokens: Sequence[Token]) -> Answer | None:
        opening = tokens[0].text
        if opening not in ("(", "[", "\\{", "\\langle") or closing_of(tokens, 0) != len(tokens) - 1:
            return None
        closing = tokens[-1].text
        inside = tokens[1:-1]
        if opening == "\\{":
            return self._set(inside, closing)
        parts = split(inside, frozenset((",", ";")))
        if len(parts) < 2:
            if opening == "\\langle" or (opening == "(" and closing == "]") or opening == "[":
                raise ParseError("a bracket around one item")
            # A choice or a truth value in parentheses keeps its kind.
            return None
        if (opening == "\\langle") != (closing == "\\rangle") or closing not in (")", "]", "\\rangle"):
            raise ParseError("brackets of two kinds")
        if any(token.text in ("\\pm", "\\mp") for token in inside):
            raise ParseError("a plus-minus sign inside a bracket")
        items = [self._item(part, is_alone=False) for part in parts]
        if opening == "\\langle":
            opening, closing = "(vector", ")"
        return Bracketed(opening, closing, tuple(items))

    def _set(self, inside: Sequence[Token], closing: str) -> Answer:
        if closing != "\\}":
            raise ParseError("brackets of two kinds")
        if not inside:
            return Truth("empty set")
        items: list[Answer] = []
        for part in split(inside, frozenset((",", ";"))):
            items.extend(self._signed_items(part, is_alone=False))
        return Items(tuple(items), is_set=True)

    def _matrix(self, tokens: Sequence[Token]) -> Answer | None:
        tokens = list(tokens)
        if (
            len(tokens) > 4
            and tokens[0].text in ("(", "[")
            and tokens[1].kind == "begin"
            and tokens[-1].text in (")", "]")
        ):
            tokens = tokens[1:-1]
        if len(tokens) > 4 and tokens[0].text == "|" and tokens[1].kind == "begin" and tokens[-1].text == "|":
            raise ParseError("a determinant in bars")
        if tokens[0].kind != "begin" or closing_of(tokens, 0) != len(tokens) - 1:
            return None
        if tokens[0].text not in _MATRICES or tokens[-1].text != tokens[0].text:
            raise ParseError(f"the environment {tokens[0].text!r}")
        kind = _MATRICES[tokens[0].text]
        lines = split(tokens[1:-1], frozenset(("\\\\",)))
        if lines and not lines[-1]:
            lines.pop()
        rows = [tuple(self._item(cell, is_alone=False) for cell in split(line, frozenset(("&",)))) for line in lines]
        if not rows or len({len(row) for row in rows}) > 1:
            raise ParseError("the rows of the matrix have different lengths")
        return Matrix(tuple(rows), kind)

    def _quantity(self, tokens: Sequence[Token]) -> Answer:
        """Parse an expression, with a unit after it or a currency before it if there is any."""
        money = self._money(tokens)
        if money is not None:
            return money
        for index in range(1, len(tokens)):
            token = tokens[index]
            if not _can_begin_unit(tokens, index):
                continue
            quantity = self._with_unit(tokens[:index], self._text(tokens[index:]))
            if quantity is not None:
                return quantity
            if token.kind == "word" and token.spaced and len(token.text) > 3 and not _is_known_word(token.text):
                raise ParseError("a word that is not a unit")
        expression = expression_of(tokens)
        if _is_of_sets(expression) and not isinstance(expression, Symbol):
            raise ParseError("arithmetic of sets")
        if _may_not_commute(expression):
            raise ParseError("a product of matrices")
        return _value_of(expression)

    def _money(self, tokens: Sequence[Token]) -> Value | None:
        r"""Parse an amount of money: `$5`, `-\$5`, `€5 million`, `$12 per hour`."""
        start = 1 if tokens[0].text in ("-", "+") and len(tokens) > 1 else 0
        if tokens[start].text == "US" and len(tokens) > start + 1:
            start += 1
        if tokens[start].text not in ("\\$", "€", "£", "¥", "₹", "$", "₽", "₩", "USD", "EUR", "GBP"):
            return None
        rest = list(tokens[start + 1 :])
        if not rest:
            raise ParseError("money without an amount")
        currency = tokens[start].text
        rate_index = next(
            (
                index
                for index, token in enumerate(rest)
                if index and token.text in ("/", "per") and _is_rate(rest[index + 1 :])
            ),
            None,
        )
        unit = units.unit_of(currency if rate_index is None else f"{currency} {self._text(rest[rate_index:])}")
        amount = self._quantity(rest[:rate_index])
        if not isinstance(amount, Value) or unit is None or (amount.unit is not None and amount.unit != unit):
            raise ParseError("money in an unknown form")
        expression = negative(amount.expression) if tokens[0].text == "-" else amount.expression
        return Value(expression, unit)

    def _with_unit(self, before: Sequence[Token], text: str) -> Answer | None:
        """Return the quantity of an expression and the text of its unit; None if one of them cannot be read."""
        factor = 1
        while True:
            word, _, rest = text.replace(UPRIGHT, " ").strip().partition(" ")
            scale = units.scale_of(word)
            if not scale:
                break
            factor *= scale
            text = rest
        if factor > 10**18:
            return None
        is_percent = text.replace(UPRIGHT, "").strip().casefold() in ("percent", "per cent")
        bare = text.replace(UPRIGHT, "").strip()
        if not bare or is_percent:
            expression = _expression_or_none(before, ())
            if expression is None:
                return None
            scale_number = Fraction(factor) / (100 if is_percent else 1)
            return Value(_scaled(expression, scale_number), None, is_percent)
        quantity = self._several_units(before, text) if factor == 1 else None
        if quantity is not None:
            return quantity
        unit = units.unit_of(text)
        expression = _expression_or_none(before, ())
        if unit is None or expression is None:
            return None
        if names_in(expression) and not (UPRIGHT in text or len(bare.split()[0]) > 2):
            return None
        return Value(_scaled(expression, Fraction(factor)), unit)

    def _several_units(self, before: Sequence[Token], text: str) -> Answer | None:
        """Parse `2 hours 30 minutes` and `5 ft 6 in`: units of one dimension, each smaller than the unit before."""
        flat = " ".join(f"{raw(before)} {text}".replace(UPRIGHT, " ").split())
        pieces = re.findall(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+|\^\\circ)\.?(?:\s*,?\s*(?:and\s+)?)", flat)
        pattern = r"(?:\d+(?:\.\d+)?\s*(?:[A-Za-z]+|\^\\circ)\.?(?:\s*,?\s*(?:and\s+)?|$)){2,4}"
        if len(pieces) < 2 or not re.fullmatch(pattern, flat):
            return None
        candidates = [units.unit_of(name) for _, name in pieces]
        if any(unit is None or unit.offset for unit in candidates):
            return None
        known_units = [unit for unit in candidates if unit is not None]
        first = known_units[0]
        if any(unit.dimension != first.dimension or unit.pi_power != first.pi_power for unit in known_units):
            return None
        if any(larger.factor <= smaller.factor for larger, smaller in pairwise(known_units)):
            return None
        total = sum(
            (Fraction(number) * unit.factor for (number, _), unit in zip(pieces, known_units, strict=True)), Fraction(0)
        )
        return Value(Number(total / first.factor), first)

    def _text(self, tokens: Sequence[Token]) -> str:
        """Return the piece of the cleaned text that the tokens cover."""
        return self._clean[tokens[0].start : tokens[-1].end].strip() if tokens else ""


def interval_of(answer: Answer) -> Interval | None:
    """Return the interval that a pair in round or square brackets may be; None for any other answer."""
    if not isinstance(answer, Bracketed) or len(answer.items) != 2 or answer.opening not in ("(", "["):
        return None
    bounds: list[Expression | None] = []
    for item, sign in zip(answer.items, (-1, 1), strict=True):
        if isinstance(item, Infinity) and item.sign == sign:
            bounds.append(None)
        elif isinstance(item, Value) and item.unit is None:
            bounds.append(item.expression)
        else:
            return None
    has_low, has_high = answer.opening == "[", answer.closing == "]"
    return Interval(bounds[0], bounds[1], has_low and bounds[0] is not None, has_high and bounds[1] is not None)


def _joined(items: list[Answer], joined_by: str) -> Answer:
    """Join items into one answer: by name, as a union, or as a list."""
    if len(items) == 1:
        return items[0]
    if any(isinstance(item, Text) and not re.fullmatch(r"[\w ]+|.*\\in.*", item.form) for item in items):
        raise ParseError("a list of items that no rule reads")
    if all(isinstance(item, Named) for item in items):
        named = [item for item in items if isinstance(item, Named)]
        names = [item.name for item in named]
        if len(set(names)) == 1:
            values: list[Answer] = []
            for item in named:
                values.extend(item.value.items if isinstance(item.value, Items) else (item.value,))
            return Named(names[0], Items(tuple(values)))
        if len(set(names)) == len(names) and joined_by == "or":
            return Items(tuple(items), joined_by="or")
        if len(set(names)) == len(names):
            return Assignments(tuple(sorted(((item.name, item.value) for item in named), key=lambda pair: pair[0])))
        raise ParseError("some names occur twice")
    if all(isinstance(item, Region) for item in items):
        regions = [item for item in items if isinstance(item, Region)]
        if joined_by == "or" and len({region.name for region in regions}) == 1:
            return Region(regions[0].name, tuple(interval for region in regions for interval in region.intervals))
        intersection = _intersection(regions) if joined_by == "and" and len(regions) == 2 else None
        if intersection is not None:
            return intersection
    return Items(tuple(items), joined_by=joined_by)


def _intersection(regions: list[Region]) -> Region | None:
    """Return the intersection of a lower and an upper bound of the same name; None for other regions."""
    first, second = regions
    if first.name != second.name or len(first.intervals) != 1 or len(second.intervals) != 1:
        return None
    lower, upper = first.intervals[0], second.intervals[0]
    if lower.low is None and upper.high is None:
        lower, upper = upper, lower
    if lower.high is not None or upper.low is not None or lower.low is None or upper.high is None:
        return None
    return Region(first.name, (Interval(lower.low, upper.high, lower.has_low, upper.has_high),))


def _outside(tokens: Sequence[Token], texts: frozenset[str]) -> list[int]:
    """Return the indexes of tokens with one of these texts outside all brackets."""
    indexes: list[int] = []
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "begin" or token.text in OPENING:
            depth += 1
        elif token.kind == "end" or token.text in CLOSING:
            depth -= 1
        elif depth == 0 and token.text in texts:
            indexes.append(index)
    return indexes


def _expression_or_none(tokens: Sequence[Token], called: tuple[str, ...]) -> Expression | None:
    try:
        expression = expression_of(tokens, called)
    except ParseError:
        return None
    return None if _is_of_sets(expression) or _may_not_commute(expression) else expression


def _is_letter(tokens: Sequence[Token]) -> bool:
    return len(tokens) == 1 and tokens[0].kind == "word" and len(tokens[0].text) == 1


def _is_number(tokens: Sequence[Token]) -> bool:
    expression = _expression_or_none(tokens, ())
    return expression is not None and not names_in(expression)


def _is_call(tokens: Sequence[Token]) -> bool:
    """Whether the left side of an equation is like `y(x)`: a letter, then a letter in parentheses."""
    return (
        len(tokens) == 4
        and tokens[0].kind == "word" == tokens[2].kind
        and len(tokens[0].text) == len(tokens[2].text) == 1
        and tokens[1].text == "("
        and tokens[3].text == ")"
    )


def _is_name(expression: Expression | None, tokens: Sequence[Token], called: tuple[str, ...], text: str) -> bool:
    """Whether the left side of an equation is a name for the value on the right."""
    if isinstance(expression, Symbol | Unknown) or called or _is_letter(tokens):
        return True
    if isinstance(expression, Function) and expression.name == "abs":
        return bool(re.fullmatch(r"\|\s*(?:[A-Z]{2}|\\vec\{\w+\}|[a-z])\s*\|", raw(tokens)))
    plain = text.replace(UPRIGHT, "").strip()
    return expression is None and _NAME_OF_A_THING.fullmatch(plain) is not None


def _is_set_name(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and any(token.text in ("\\mathbb", "\\mathbf", "\\Bbb") for token in tokens)


def _bound(tokens: Sequence[Token]) -> Expression | None:
    infinity = _infinity(raw(tokens))
    return None if infinity is not None else expression_of(tokens)


def _half(bound: Expression, sign: str) -> Interval:
    """The values on one side of a bound."""
    if sign[0] == "<":
        return Interval(None, bound, has_low=False, has_high=sign == "<=")
    return Interval(bound, None, has_low=sign == ">=", has_high=False)


def _infinite_bound(sides: list[Sequence[Token]], sign: str) -> Region | None:
    r"""Return all numbers for `x < \infty`, and None for any other inequality."""
    if sign == "<" and _infinity(raw(sides[1])) == Infinity(1) and _is_letter(sides[0]):
        return Region(raw(sides[0]), (Interval(None, None, has_low=False, has_high=False),))
    return None


def _repeats_value(first: Answer, second: Answer, sign: str) -> bool:
    r"""Whether two sides of a chain have the same value; after `\approx` they may differ by 1 percent."""
    from kgsynth.final_answers.evaluate import approximation_of, are_same

    if not isinstance(first, Value) or not isinstance(second, Value):
        return False
    if second.unit is not None and first.unit is not None and first.unit != second.unit:
        return False
    if are_same(first.expression, second.expression):
        return True
    if sign != "\\approx":
        return False
    exact, rounded = approximation_of(first.expression), approximation_of(second.expression)
    if exact is None or rounded is None or exact == 0:
        return False
    return abs(exact - rounded) <= abs(exact) / 100


def _can_begin_unit(tokens: Sequence[Token], index: int) -> bool:
    """Whether a unit can begin at a token: a word after a space, the letters of a unit after a digit, or a symbol."""
    token, before = tokens[index], tokens[index - 1]
    if token.text in ("\\$", "€", "£", "¢", "Å", "¥", "₹", "₽"):
        return True
    if token.text in ("\\mu", "\\Omega"):
        return before.kind == "number" or before.text in ("}", ")")
    if token.text == "\\frac":
        return any(other.upright for other in tokens[index:])
    if token.text in ("/",) and index + 1 < len(tokens) and tokens[index + 1].kind == "word":
        rest = tokens[index + 1 :]
        return before.kind == "number" and all(
            other.kind == "word" and (other.upright or len(other.text) > 2) for other in rest
        )
    if token.kind != "word" or before.text in ("_", "^", "+", "-", "*", "/", "(", "{"):
        return False
    if token.upright:
        return True
    after_number = before.kind == "number" or before.text in ("}", ")", "%") or before.text == "\\pi"
    if not token.spaced:
        return before.kind == "number" and (units.is_glued_unit(token.text) or _is_glued_compound(tokens, index))
    return after_number or len(token.text) > 2


def _is_glued_compound(tokens: Sequence[Token], index: int) -> bool:
    """Whether the tokens are a unit like that of `5m/s`, which is not a product of symbols."""
    rest = [token.text for token in tokens[index : index + 3]]
    return (
        len(rest) == 3
        and rest[1] == "/"
        and rest[0] in ("m", "g", "J", "N", "L", "W", "V")
        and rest[2] in ("s", "h", "kg", "mol", "L", "m", "K", "C")
    )


def _is_known_word(word: str) -> bool:
    return (
        _expression_or_none((Token("word", word), Token("sign", "("), Token("word", "x"), Token("sign", ")")), ())
        is not None
    )


def _is_rate(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and all(token.kind == "word" for token in tokens)


def _scaled(expression: Expression, factor: Fraction) -> Expression:
    if factor == 1:
        return expression
    if isinstance(expression, Number):
        return Number(expression.value * factor)
    return Product((expression, Number(factor)))


def _is_of_sets(expression: Expression) -> bool:
    """Whether the expression has symbols of sets or structures, which do not follow the rules of numbers."""
    return any(
        isinstance(node, Symbol | Unknown) and re.search(r"\\(?:mathbb|mathcal|mathfrak|mathscr|Bbb)", node.name)
        for node in walk(expression)
    )


def _may_not_commute(expression: Expression) -> bool:
    """Whether the inverse of a capital is multiplied by other capitals, which may be matrices or group elements."""
    nodes = walk(expression)
    capitals = {node.name for node in nodes if isinstance(node, Symbol) and node.name[0].isupper()}
    return len(capitals) > 1 and any(isinstance(node, Function) and node.name == INVERSE for node in nodes)


def _value_of(expression: Expression) -> Value:
    """Return the expression as a value; an angle in degrees gets its unit."""
    angle = _angle(expression)
    if angle is not None:
        return Value(angle, units.unit_of("degree"))
    is_percent = isinstance(expression, Product) and expression.factors[-1] == Number(Fraction(1, 100))
    return Value(expression, None, is_percent)


def _angle(expression: Expression) -> Expression | None:
    """Return the number of degrees if the expression is an angle, or None."""
    match expression:
        case Function(name, arguments) if name == DEGREES:
            return (
                arguments[0]
                if not any(isinstance(node, Function) and node.name == DEGREES for node in walk(arguments[0]))
                else None
            )
        case Sum(terms):
            angles = [_angle(term) for term in terms]
            known_angles = tuple(angle for angle in angles if angle is not None)
            return Sum(known_angles) if len(known_angles) == len(terms) else None
        case Product(factors):
            angles = [_angle(factor) for factor in factors]
            if sum(angle is not None for angle in angles) != 1:
                return None
            return product(
                tuple(angle if angle is not None else factor for angle, factor in zip(angles, factors, strict=True))
            )
        case _:
            return None
