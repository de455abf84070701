r"""Expression trees, and the parser that builds them from tokens.

The parser reads the whole text or raises `ParseError`, for example at a sum sign, an integral, dots or an unknown
word; the answer is then compared as text. It also refuses a notation with two readings of different value (`1/2x`,
`\sqrt12`).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kgsynth.final_answers.tokens import CLOSING, OPENING, ParseError, Token, closing_of, split


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Constant:
    """One of e, pi and i."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable; its name holds its index, primes and decoration."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms that are added."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Product:
    """Factors that are multiplied."""

    factors: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Power:
    """A base and its exponent; a quotient is a product with a power of -1."""

    base: "Expression"
    exponent: "Expression"


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be evaluated: sin, sqrt, factorial."""

    name: str
    arguments: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A function that cannot be evaluated: f(x), C(5, 2), O(n)."""

    name: str
    arguments: "tuple[Expression, ...]"


Expression = Number | Constant | Symbol | Sum | Product | Power | Function | Unknown

MINUS_ONE = Number(Fraction(-1))
# An angle in degrees is this function of a number until it becomes a value with a unit.
DEGREES = "degrees"
# `A^{-1}` may be the inverse of a matrix; in `1/A`, A is a number.
INVERSE = "inverse"
_MAX_DEPTH = 40
_FUNCTIONS = {
    **{name: name for name in (
        "sin cos tan sec csc cot sinh cosh tanh coth sech csch arcsin arccos arctan arcsec arccsc arccot arcsinh "
        "arccosh arctanh ln log lg exp sqrt cbrt abs floor max min").split()},
    **{f"a{name}": f"arc{name}" for name in "sin cos tan sinh cosh tanh".split()},
    "ceil": "ceil", "ceiling": "ceil", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh", "cosec": "csc",
}  # fmt: skip
_INVERSES = {f"{name}": f"arc{name}" for name in "sin cos tan sec csc cot sinh cosh tanh".split()}
# These functions need parentheses. The others may also be followed directly by a product: `\sin 2x`.
_NEEDS_PARENTHESES = frozenset("exp sqrt cbrt abs floor ceil max min".split())
_TAKES_SEVERAL_ARGUMENTS = frozenset(("max", "min"))
_UNKNOWN_WORDS = frozenset(
    "gcd lcm det tr rank dim Var Cov Re Im arg sgn sign deg Pr erf Li Si Ci sinc erfc perm comb nCr nPr GF GCD "
    "LCM".split()
)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar aleph".split()
)
_CALLED_GREEK = frozenset("phi sigma Gamma zeta tau mu psi Phi Psi eta Lambda omega Omega Theta".split())
_CALLED_LETTERS = frozenset("fghFGHABCDEIJKLMNOPQRSTUVWXYZ")
_DECORATIONS = frozenset(
    "vec hat bar overline tilde dot ddot widehat widetilde overrightarrow overleftarrow overleftrightarrow mathbb "
    "mathcal mathfrak mathscr mathbf boldsymbol bm bold pmb underline Bbb".split()
)
# Adjacent letters are a product only if they are unlikely to be a word.
_SHORT_WORDS = frozenset(
    "or if of is in at to as an by on no so we it be do am pm mod and for the not ii iv vi ix".split()
)
_TRANSPOSES = ("T", "H", "c", "t", "C")
_DIFFERENTIAL = re.compile(r"d(?:\^\{?\d\}?)?\s*[a-zA-Z]?")


@dataclass(frozen=True, slots=True)
class _Context:
    """The meaning of letters in one text.

    Attributes:
        called: single letters that are functions.
        are_numbers: adjacent capitals are numbers, because the text has small letters too; else they may be matrices.
    """

    called: frozenset[str]
    are_numbers: bool


def expression_of(tokens: Sequence[Token], called: Collection[str] = ()) -> Expression:
    """Parse all the tokens as one expression.

    Args:
        tokens: the tokens, without a relation, a list or a unit.
        called: single letters that are functions, such as y in `y(x) = 2x`.

    Raises:
        ParseError: the tokens are not an expression, or hold a notation that the parser does not know.
    """
    if len(tokens) > 2 and any(_has_leading_zero(token) for token in tokens):
        raise ParseError("a number with a leading zero is a date or a code")
    return _parse(tokens, _Context(frozenset(called), _has_small_letter(tokens)), 0)


def _has_small_letter(tokens: Sequence[Token]) -> bool:
    """Whether a variable is a small letter, Latin or Greek."""
    for token in tokens:
        letters = token.text if token.kind == "word" and token.text not in _FUNCTIONS else ""
        if re.search(r"[a-z]", letters) or (
            token.kind == "command" and token.text[1:] in _GREEK and token.text[1].islower()
        ):
            return True
    return False


def _parse(tokens: Sequence[Token], setting: _Context, depth: int) -> Expression:
    if depth > _MAX_DEPTH:
        raise ParseError("nested too deep")
    chosen = split(tokens, frozenset(("\\choose",)))
    if len(chosen) == 2:
        return Function("binomial", (_parse(chosen[0], setting, depth + 1), _parse(chosen[1], setting, depth + 1)))
    parser = _Parser(tokens, setting, depth)
    expression = parser.sum()
    parser.must_be_at_end()
    return expression


def negative(term: Expression) -> Expression:
    """Return the negative of a term."""
    return Number(-term.value) if isinstance(term, Number) else product((MINUS_ONE, term))


def inverse(factor: Expression) -> Expression:
    """Return the reciprocal of a factor."""
    return Power(factor, MINUS_ONE)


def product(factors: tuple[Expression, ...]) -> Expression:
    """Return the product of factors; a single factor is returned as it is."""
    return factors[0] if len(factors) == 1 else Product(factors)


def difference(first: Expression, second: Expression) -> Expression:
    """Return the first minus the second."""
    return Sum((first, negative(second)))


def children(expression: Expression) -> "tuple[Expression, ...]":
    """Return the direct children of an expression."""
    match expression:
        case Sum(parts) | Product(parts) | Function(_, parts) | Unknown(_, parts):
            return parts
        case Power(base, exponent):
            return (base, exponent)
        case _:
            return ()


def walk(expression: Expression) -> "list[Expression]":
    """Return the expression and all its descendants."""
    nodes = [expression]
    for node in nodes:
        nodes.extend(children(node))
    return nodes


def names_in(expression: Expression) -> frozenset[str]:
    """Return the names of the symbols and of the unknown functions; the latter end in `()`."""
    return frozenset(
        node.name if isinstance(node, Symbol) else f"{node.name}()"
        for node in walk(expression)
        if isinstance(node, Symbol | Unknown)
    )


def _has_leading_zero(token: Token) -> bool:
    return token.kind == "number" and re.match(r"0\d", token.text) is not None


class _Parser:
    """A recursive-descent parser over a sequence of tokens; `_index` is that of the next token."""

    def __init__(self, tokens: Sequence[Token], setting: _Context, depth: int) -> None:
        self._tokens, self._context, self._depth = list(tokens), setting, depth
        self._index = 0

    def must_be_at_end(self) -> None:
        if self._index < len(self._tokens):
            raise ParseError(f"{self._tokens[self._index].text!r} is not expected")

    def sum(self) -> Expression:
        terms: list[Expression] = []
        while True:
            sign = self._sign()
            term = self._product()
            terms.append(negative(term) if sign < 0 else term)
            if not self._is("+", "-"):
                break
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _sign(self) -> int:
        sign = 1
        while self._is("+", "-"):
            sign = -sign if self._tokens[self._index].text == "-" else sign
            self._index += 1
        return sign

    def _product(self) -> Expression:
        factors = [self._factor(is_first=True)]
        after_slash = False
        while self._index < len(self._tokens):
            if self._is("*", "\\times"):
                is_cross = self._next().text == "\\times"
                sign = self._sign()
                factors.append(self._signed(sign))
                if is_cross and _is_structure(factors[-1]) and _is_structure(factors[-2]):
                    raise ParseError("a product of vectors or sets")
                after_slash = False
            elif self._is("/"):
                self._index += 1
                sign = self._sign()
                factors.append(inverse(self._signed(sign)))
                after_slash = True
            elif self._begins_factor():
                if after_slash:
                    raise ParseError("1/2x has two readings")
                factors.append(self._factor(is_first=False))
                if not self._context.are_numbers and _is_capital(factors[-1]) and _is_capital(factors[-2]):
                    raise ParseError("A B may be a product of matrices")
            else:
                break
        return product(tuple(factors))

    def _signed(self, sign: int) -> Expression:
        factor = self._factor(is_first=True)
        return negative(factor) if sign < 0 else factor

    def _begins_factor(self) -> bool:
        token = self._tokens[self._index]
        if token.kind == "number":
            raise ParseError("a number after a factor is not a product")
        if token.kind == "word":
            return True
        if token.kind == "command":
            return token.text != "\\times"
        return token.text in ("(", "{", "[", "\\lfloor", "\\lceil")

    def _factor(self, *, is_first: bool) -> Expression:
        """Parse a primary with its exponents, factorials and percent signs."""
        self._must_not_be_at_end()
        before = self._tokens[self._index - 1] if self._index else None
        token = self._next()
        if not is_first and token.text == "[" and before is not None and before.kind != "number":
            raise ParseError("a[0] is not a product")
        if not is_first and token.text == "(" and before is not None and before.text == ")":
            self._must_not_be_cycles()
        factor = self._primary(token)
        while self._index < len(self._tokens):
            token = self._tokens[self._index]
            if token.text == "^":
                self._index += 1
                factor = self._raised(factor)
            elif token.text == "!":
                self._index += 1
                factor = Function("factorial", (factor,))
            elif token.text == "%":
                self._index += 1
                factor = Product((factor, Number(Fraction(1, 100))))
            else:
                break
        return factor

    def _must_not_be_at_end(self) -> None:
        if self._index >= len(self._tokens):
            raise ParseError("the expression ends too early")

    def _must_not_be_cycles(self) -> None:
        """Refuse `(12)(34)`, which may be a permutation in cycle notation instead of a product."""
        end = closing_of(self._tokens, self._index - 1)
        if all(token.kind == "number" for token in self._tokens[self._index : end]):
            raise ParseError("adjacent numbers in parentheses may be cycles")

    def _raised(self, base: Expression) -> Expression:
        """Return the base raised to the exponent that comes next."""
        if self._is("\\circ"):
            self._index += 1
            return Function(DEGREES, (base,))
        if self._is("*", "'", "\\top", "\\dagger", "\\intercal", "\\perp", "\\prime"):
            raise ParseError("a transpose, a conjugate or a derivative")
        is_braced = self._is("{", "(")
        sign = self._sign()
        start = self._index
        exponent = self._argument() if not self._is("(") else self._primary(self._next())
        if isinstance(exponent, Symbol) and exponent.name in _TRANSPOSES and not _is_numeric(base):
            # `A^T` and `A^c` are not powers. A small t is a transpose only after a capital: x^t is a power.
            is_power = exponent.name == "t" and not _is_capital(base)
            if not is_power:
                raise ParseError("a transpose or a complement")
        if self._index == start:
            raise ParseError("no exponent")
        if not is_braced and self._may_run_on(base, start):
            raise ParseError("2^n! and e^2x have two readings")
        if self._is("^"):
            self._index += 1
            exponent = self._raised(exponent)
        exponent = negative(exponent) if sign < 0 else exponent
        if exponent == MINUS_ONE and any(_is_capital(node) for node in walk(base)):
            return Function(INVERSE, (base,))
        return Power(base, exponent)

    def _may_run_on(self, base: Expression, start: int) -> bool:
        """Whether an exponent without braces may be meant to be longer than LaTeX reads it."""
        is_long_word = self._tokens[start].kind == "word" and self._index == start
        after = self._tokens[self._index] if self._index < len(self._tokens) else None
        is_exponential = (
            base == Constant("e")
            and self._tokens[start].kind == "number"
            and after is not None
            and after.kind == "word"
            and not after.spaced
        )
        return is_long_word or is_exponential or self._is("!")

    def _primary(self, token: Token) -> Expression:
        if token.kind == "number":
            return self._number(token)
        if token.kind == "word":
            return self._word(token)
        if token.kind == "command" and token.text not in ("\\lfloor", "\\lceil"):
            return self._command(token)
        if token.text in ("(", "{", "["):
            return self._group(token)
        if token.text in ("\\lfloor", "\\lceil"):
            end = closing_of(self._tokens, self._index - 1)
            if self._tokens[end].text != token.text.replace("\\l", "\\r"):
                raise ParseError("brackets of two kinds")
            return Function("floor" if token.text == "\\lfloor" else "ceil", (self._expression_until(end),))
        if token.text == "|":
            return Function("abs", (self._between("|"),))
        if token.text == "\\|":
            return Unknown("norm", (self._between("\\|"),))
        raise ParseError(f"{token.text!r} is not known")

    def _between(self, mark: str) -> Expression:
        """Parse the tokens up to the same mark; bars cannot nest, since an opening bar looks like a closing one."""
        depth = 0
        for end in range(self._index, len(self._tokens)):
            text = self._tokens[end].text
            depth += (text in OPENING) - (text in CLOSING)
            if text == mark and depth == 0:
                return self._expression_until(end)
        raise ParseError(f"{mark} is not closed")

    def _nested(self, tokens: Sequence[Token]) -> Expression:
        return _parse(tokens, self._context, self._depth + 1)

    def _expression_until(self, end: int) -> Expression:
        inside = self._tokens[self._index : end]
        self._index = end + 1
        return self._nested(inside)

    def _group(self, token: Token) -> Expression:
        end = closing_of(self._tokens, self._index - 1)
        if self._tokens[end].text != {"(": ")", "{": "}", "[": "]"}[token.text]:
            raise ParseError("brackets of two kinds")
        inside = self._tokens[self._index : end]
        if token.text == "(" and end + 1 < len(self._tokens) and self._tokens[end + 1].text == "_":
            # A number in another base, such as (101)_2.
            if len(inside) != 1 or inside[0].kind != "number":
                raise ParseError("an index of a bracket")
            self._index = end + 1
            return self._number(inside[0])
        if token.text == "(" and len(inside) == 1 and _may_be_cycle(inside[0]):
            raise ParseError("(12) may be a cycle")
        return self._expression_until(end)

    def _number(self, token: Token) -> Expression:
        assert token.value is not None
        if self._is("_"):
            self._index += 1
            return Number(Fraction(in_base(token.text, self._raw_index())))
        # `1 1/2` and `1\frac{1}{2}` are mixed numbers: a whole number and a proper fraction.
        rest = self._tokens[self._index :]
        mixed = _mixed(rest) if re.fullmatch(r"\d+", token.text) else None
        if mixed is not None:
            fraction, length = mixed
            self._index += length
            return Number(token.value + fraction)
        return Number(token.value)

    def _raw_index(self) -> str:
        """Return the text of an index: a group, a number, a letter or a command."""
        self._must_not_be_at_end()
        token = self._next()
        if token.text in ("{", "("):
            end = closing_of(self._tokens, self._index - 1)
            inside = self._tokens[self._index : end]
            self._index = end + 1
            return raw(inside)
        if token.kind == "word" and len(token.text) > 1 and not token.upright:
            # As in LaTeX, `a_nb` is a_n times b.
            self._index -= 1
            self._tokens[self._index] = Token("word", token.text[1:], token.start + 1, token.end)
            return token.text[0]
        if token.kind in ("number", "word", "command") or token.text == "*":
            return token.text
        raise ParseError("an unknown form of index")

    def _word(self, token: Token) -> Expression:
        text = token.text
        if text in _FUNCTIONS:
            return self._function(_FUNCTIONS[text])
        if len(text) == 1:
            return self._symbol(text)
        if text in ("pi", "Pi"):
            return Constant("pi")
        if text in _UNKNOWN_WORDS:
            if self._is("("):
                return Unknown(text, self._arguments())
            raise ParseError("a function without its arguments")
        if text == "percent":
            raise ParseError("percent without a number before it")
        name = next(
            (
                name
                for name in ("sin", "cos", "tan", "ln", "log")
                if text.startswith(name) and len(text) == len(name) + 1
            ),
            "",
        )
        if name:
            self._push(text[len(name) :], token)
            return self._function(name)
        return self._letters(token)

    def _letters(self, token: Token) -> Expression:
        """Parse several letters: a product, or one name if they are capitals."""
        text = token.text
        capitals = re.match(r"[A-Z]{2,}", text)
        if capitals and self._context.are_numbers and len(text) < 5 and not token.upright:
            self._push(text[1:], token)
            return self._symbol(text[0])
        if capitals:
            if len(capitals.group()) < len(text):
                self._push(text[capitals.end() :], token)
            return self._symbol(capitals.group())
        if re.fullmatch(r"d[a-z]", text):
            return self._symbol(text)
        if (
            not _is_product(text)
            or (len(text) > 2 and self._is("("))
            or (token.spaced and text.casefold() in _SHORT_WORDS)
        ):
            raise ParseError(f"the word {text!r}")
        self._push(text[1:], token)
        return self._symbol(text[0])

    def _push(self, text: str, token: Token) -> None:
        self._index -= 1
        self._tokens[self._index] = Token("word", text, token.end - len(text), token.end)

    def _command(self, token: Token) -> Expression:
        name = token.text[1:]
        if name in _FUNCTIONS and name != "sqrt":
            return self._function(_FUNCTIONS[name])
        if name == "frac":
            return self._fraction()
        if name == "sqrt":
            return self._root()
        if name == "binom":
            return Function("binomial", (self._argument(), self._argument()))
        if name == "pi":
            return Constant("pi")
        if name in _GREEK:
            return self._symbol(token.text)
        if name in _DECORATIONS:
            return self._decorated(token)
        if name in ("gcd", "det", "dim", "deg", "arg", "Re", "Im", "Pr") and self._is("("):
            return Unknown(name, self._arguments())
        raise ParseError(f"{token.text} is not known")

    def _decorated(self, token: Token) -> Expression:
        self._must_not_be_at_end()
        if self._is("{"):
            end = closing_of(self._tokens, self._index)
            inside = raw(self._tokens[self._index + 1 : end])
            self._index = end + 1
        else:
            decorated = self._next()
            if decorated.kind not in ("word", "command"):
                raise ParseError("a decoration of nothing")
            inside = decorated.text[0] if decorated.kind == "word" else decorated.text
            if decorated.kind == "word" and len(decorated.text) > 1:
                self._push(decorated.text[1:], decorated)
        return self._symbol(f"{token.text}{{{inside}}}")

    def _fraction(self) -> Expression:
        start = self._index
        top, bottom = self._tokens_of_argument(), self._tokens_of_argument()
        if _is_differential(top) and _is_differential(bottom):
            return Symbol("\\frac" + raw(self._tokens[start : self._index]))
        return product((self._nested(top), inverse(self._nested(bottom))))

    def _root(self) -> Expression:
        index: Expression | None = None
        if self._is("["):
            self._index += 1
            end = closing_of(self._tokens, self._index - 1)
            index = self._expression_until(end)
        self._must_not_be_at_end()
        token = self._tokens[self._index]
        if token.kind == "number" and len(token.text) > 1:
            raise ParseError("\\sqrt12 has two readings")
        inside = self._argument() if token.text != "(" else self._primary(self._next())
        return Function("sqrt", (inside,)) if index is None else Function("root", (inside, index))

    def _tokens_of_argument(self) -> list[Token]:
        """Return the tokens of a command's next argument: a group, a digit, a letter or a command."""
        self._must_not_be_at_end()
        token = self._next()
        if token.text == "{":
            end = closing_of(self._tokens, self._index - 1)
            inside = self._tokens[self._index : end]
            self._index = end + 1
            return inside
        if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
            self._index -= 1
            rest = token.text[1:]
            self._tokens[self._index] = Token("number", rest, token.start + 1, token.end, Fraction(int(rest)))
            return [Token("number", token.text[0], token.start, token.start + 1, Fraction(int(token.text[0])))]
        if token.kind == "word" and len(token.text) > 1:
            self._push(token.text[1:], token)
            return [Token("word", token.text[0], token.start)]
        if token.kind in ("number", "word") or token.text in ("\\pi",) or token.text[1:] in _GREEK:
            return [token]
        raise ParseError("an unknown form of argument")

    def _argument(self) -> Expression:
        """Parse the next argument; an exponent without braces may be a number of several digits."""
        self._must_not_be_at_end()
        token = self._tokens[self._index]
        if token.kind == "number":
            self._index += 1
            return Number(token.value) if token.value is not None else MINUS_ONE
        if token.kind == "command" and token.text[1:] not in _GREEK and token.text != "\\pi":
            self._index += 1
            return self._command(token)
        return self._nested(self._tokens_of_argument())

    def _symbol(self, name: str) -> Expression:
        """Parse a symbol with its index and primes, or the function of that name with its arguments."""
        plain = name
        while self._is("_", "'"):
            mark = self._next().text
            if mark == "_":
                name += f"_{{{self._raw_index()}}}"
            else:
                name += "'"
        if name in ("e", "i"):
            return Constant(name)
        if self._is("^") and self._index + 1 < len(self._tokens) and self._is_call_after_exponent(plain):
            self._index += 1
            name += f"^{{{self._raw_index()}}}"
        if self._is("[") and not self._tokens[self._index].spaced:
            raise ParseError("a[0] is not a product")
        if self._is("(") and self._calls(plain, name):
            return Unknown(name, self._arguments())
        return Symbol(name)

    def _is_call_after_exponent(self, plain: str) -> bool:
        """Whether the next tokens are those of `f^{-1}(x)` or `f^{(n)}(x)`."""
        if plain not in "fghFGH":
            return False
        start = self._index + 1
        end = closing_of(self._tokens, start) if self._tokens[start].text == "{" else start
        return end + 1 < len(self._tokens) and self._tokens[end + 1].text == "("

    def _calls(self, plain: str, name: str) -> bool:
        end = closing_of(self._tokens, self._index)
        has_comma = len(split(self._tokens[self._index + 1 : end], frozenset((",", ";")))) > 1
        # y(0) is a value of y: nobody writes a product that way.
        is_value = end == self._index + 2 and self._tokens[self._index + 1].kind == "number"
        return (
            has_comma
            or is_value
            or plain in _CALLED_LETTERS
            or plain in self._context.called
            or plain[1:] in _CALLED_GREEK
            or "'" in name
            or plain.startswith("\\math")
        )

    def _arguments(self) -> tuple[Expression, ...]:
        end = closing_of(self._tokens, self._index)
        inside = self._tokens[self._index + 1 : end]
        self._index = end + 1
        return tuple(self._nested(part) for part in split(inside, frozenset((",", ";"))))

    def _function(self, name: str) -> Expression:
        base: Expression | None = None
        power: Expression | None = None
        while self._is("_", "^"):
            mark = self._next().text
            if mark == "_" and name == "log" and base is None:
                base = self._argument()
            elif mark == "^" and power is None:
                sign = self._sign()
                power = self._argument()
                power = negative(power) if sign < 0 else power
            else:
                raise ParseError("an index of a function")
        if power == MINUS_ONE:
            if name not in _INVERSES:
                raise ParseError("the inverse of a function")
            name, power = _INVERSES[name], None
        arguments = self._function_arguments(name)
        if base is not None:
            arguments = (*arguments, base)
        call = Function(name, arguments)
        return call if power is None else Power(call, power)

    def _function_arguments(self, name: str) -> tuple[Expression, ...]:
        self._must_not_be_at_end()
        if self._is("("):
            arguments = self._arguments()
        elif self._is("{", "|", "\\lfloor", "\\lceil"):
            arguments = (self._primary(self._next()),)
        elif name in _NEEDS_PARENTHESES:
            token = self._tokens[self._index]
            if name not in ("sqrt", "cbrt") or token.kind != "number":
                raise ParseError("a function without parentheses")
            self._index += 1
            arguments = (Number(token.value or Fraction(0)),)
        else:
            arguments = (self._bare_argument(),)
        if not arguments or (len(arguments) > 1 and name not in _TAKES_SEVERAL_ARGUMENTS):
            raise ParseError("arguments that the function does not have")
        return arguments

    def _bare_argument(self) -> Expression:
        """Parse the product after a function without parentheses, up to the next function or operator."""
        factors = [self._factor(is_first=True)]
        while self._index < len(self._tokens):
            token = self._tokens[self._index]
            name = token.text.removeprefix("\\")
            if (
                (name in _FUNCTIONS and name != "sqrt")
                or token.text in ("(", "[")
                or token.kind not in ("word", "command")
            ):
                break
            if not self._begins_factor():
                break
            factors.append(self._factor(is_first=False))
        return product(tuple(factors))

    def _is(self, *texts: str) -> bool:
        if self._index >= len(self._tokens):
            return False
        token = self._tokens[self._index]
        return token.text in texts and token.kind != "word"

    def _next(self) -> Token:
        token = self._tokens[self._index]
        self._index += 1
        return token


def raw(tokens: Sequence[Token]) -> str:
    """Return the joined texts of tokens, with spaces between words and numbers."""
    text = ""
    for token in tokens:
        if text and text[-1].isalnum() and token.text[0].isalnum() and (token.spaced or text[-1].isalpha()):
            text += " "
        text += token.text
    return text


def in_base(digits: str, base: str) -> int:
    """Return the whole number that the digits are in a base, which is a number or a word such as `two`.

    Raises:
        ParseError: the base is unknown, or lacks one of the digits.
    """
    base = {"two": "2", "three": "3", "eight": "8", "ten": "10", "sixteen": "16"}.get(base.strip(), base.strip())
    if (
        not re.fullmatch(r"\d{1,2}", base)
        or not 2 <= int(base) <= 36
        or not re.fullmatch(r"[0-9A-Za-z]{1,200}", digits)
    ):
        raise ParseError("an unknown base")
    try:
        return int(digits, int(base))
    except ValueError:
        raise ParseError("a digit that the base does not have") from None


def _mixed(rest: Sequence[Token]) -> tuple[Fraction, int] | None:
    """Return the proper fraction at the start of `rest` and its number of tokens; None without a fraction."""
    if not rest:
        return None
    pair, length = ("", ""), 0
    if len(rest) >= 3 and rest[0].spaced and rest[1].text == "/" and not rest[1].spaced and not rest[2].spaced:
        pair, length = (rest[0].text, rest[2].text), 3
    elif rest[0].text == "\\frac" and len(rest) >= 7 and [rest[index].text for index in (1, 3, 4, 6)] == list("{}{}"):
        pair, length = (rest[2].text, rest[5].text), 7
    elif rest[0].text == "\\frac" and len(rest) >= 2 and re.fullmatch(r"\d\d", rest[1].text):
        pair, length = (rest[1].text[0], rest[1].text[1]), 2
    if not all(re.fullmatch(r"[0-9]{1,30}", text) for text in pair):
        return None
    top, bottom = int(pair[0]), int(pair[1])
    if not 0 < top < bottom:
        raise ParseError("an improper fraction after a whole number")
    return Fraction(top, bottom), length


def _is_capital(factor: Expression) -> bool:
    return isinstance(factor, Symbol) and factor.name[0].isupper()


def _is_structure(factor: Expression) -> bool:
    """Whether a factor may be a vector, a matrix or a set."""
    return isinstance(factor, Unknown) or (
        isinstance(factor, Symbol) and (factor.name[0].isupper() or factor.name[0] == "\\")
    )


def _is_product(text: str) -> bool:
    """Whether adjacent letters are a product rather than a word."""
    if len(text) == 2:
        return True
    if len(text) == 3:
        return not re.search(r"[aeiou]", text[1:]) and (text == "".join(sorted(text)) or not re.search("[aeiou]", text))
    # Longer runs are parsed only if capitals split them, as in `Ce` and `nRT`.
    return False


def _may_be_cycle(token: Token) -> bool:
    text = token.text
    return (
        token.kind == "number" and text.isdigit() and len(text) > 1 and "0" not in text and len(set(text)) == len(text)
    )


def _is_differential(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and tokens[0].text != "\\partial" and _DIFFERENTIAL.fullmatch(raw(tokens)) is not None


def _is_numeric(expression: Expression) -> bool:
    return not names_in(expression)
