r"""Faults of model-written texts: loops, refusals, tokens of a chat template, broken characters and LaTeX.

Texts written by people should pass. Therefore each formula and each piece of code counts as one word, and repetition is
measured as a share of the text. Every function takes time linear in the length of the text and raises nothing.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from html.entities import name2codepoint
from itertools import groupby

_WHITE = re.compile(r"\s+")

# --- Code

_FENCE = re.compile(r"[ \t]{0,12}(?:[>*-] ?)?(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\(?\w{1,3}[.)])[ \t]")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
# LaTeX opens a quotation with two backticks and closes it with two apostrophes; that is not code.
_INLINE_CODE = re.compile(r"(?<!`)(?:`[^`\n]+`|``(?:[^`\n']|'(?!'))+``)(?!`)")

_CODE_TAGS = (
    ("\\begin{verbatim}", "\\end{verbatim}"),
    ("\\begin{lstlisting}", "\\end{lstlisting}"),
    ("<pre>", "</pre>"),
    ("<code>", "</code>"),
)
_VERB = re.compile(r"\\verb\*?([|!+/@])[^\n]{0,200}?\1")


def _code_lines(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the lines of a text, each with whether it belongs to a block of code."""
    fence = ""
    after_blank, in_list, indented = True, False, False
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            yield True, line
            if mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        if mark and "`" not in line[mark.end() :]:
            fence = mark.group(1)
            yield True, line
            continue
        if not line.strip():
            after_blank = True
            yield indented, line
            continue
        is_item = _LIST_ITEM.match(line) is not None
        if _INDENTED.match(line):
            indented = indented or (after_blank and not in_list and not is_item)
        else:
            indented, in_list = False, is_item or (in_list and not after_blank)
        after_blank = False
        yield indented, line


def without_code(text: str, mark: str = " ") -> str:
    """Return a text without inline code and without fenced, indented and verbatim blocks of code.

    Args:
        text: the text.
        mark: replacement for each piece of code.
    """
    for opening, closing in _CODE_TAGS:
        text = _without_between(text, opening, closing, mark)
    text = _VERB.sub(lambda _: mark, text)
    if "`" not in text and "~~~" not in text and "    " not in text and "\t" not in text:
        return text
    lines: list[str] = []
    was_code = False
    for is_code, line in _code_lines(text):
        lines.append((mark if not was_code else "") if is_code else line)
        was_code = is_code
    return _INLINE_CODE.sub(lambda _: mark, "\n".join(lines))


def _without_between(text: str, opening: str, closing: str, mark: str) -> str:
    parts: list[str] = []
    end_of_last, start = 0, text.find(opening)
    while start >= 0 and (end := text.find(closing, start)) >= 0:
        parts += [text[end_of_last:start], mark]
        end_of_last = end + len(closing)
        start = text.find(opening, end_of_last)
    return "".join([*parts, text[end_of_last:]])


def prose(text: str, mark: str = " ") -> str:
    """Return a text without its code and its formulas.

    Args:
        text: the text.
        mark: replacement for each piece of code and each formula.
    """
    return _without_formulas(without_code(text, mark), mark)


def _without_formulas(text: str, mark: str) -> str:
    parts: list[str] = []
    end_of_last = 0
    for start, end in _formulas(text):
        parts += [text[end_of_last:start], mark]
        end_of_last = end
    return "".join([*parts, text[end_of_last:]])


# --- Formulas

_MARK = re.compile(
    r"\\\\|\\[$()\[\]]|\${3,}|\$\$?|\n[ \t]*\n|\\(?P<side>begin|end)\s{0,3}\{(?P<name>[A-Za-z]{1,20}\*?)\}"
)
_FORMULA_ENVIRONMENT = re.compile(
    r"(?:(?:sub)?equations?|x?x?align(?:at|ed)?|gather(?:ed)?|multline|eqnarray|displaymath|math|array|[bBpvV]?matrix"
    r"|smallmatrix|d?cases|split|tabular[xy]?|flalign|verbatim|lstlisting|picture|tikzpicture|CD|tabbing|longtable)\*?"
)
_CLOSING = {"$": "$", "$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_NUMBER_BEFORE = re.compile(r"(?:\A|[\s(])\d[\d.,]{0,9} ?\Z")
_LONGEST_NUMBER = 12
_NUMBER_AFTER = re.compile(r" ?\d[\d,. ]*")
# What follows a dollar that does not open a formula: a variable of a shell or a program, the command after a shell
# prompt, or the end of a pattern or of a quoted dollar.
_VARIABLE = re.compile(
    r"\{\w+\}|\(\w|[A-Z][A-Z0-9_]{2,}\b|[A-Za-z_]\w{2,}(?=[\s.,:;)\]'\"]|\Z)|[ \t]*>?[ \t]+[a-z./]{2}|[/'\"|%@)]|\s|\Z"
)
_BEFORE = re.compile(r"[\s(\[.'\"/=:<,+*]|\Z")
_WORD_OF_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_TEXT_COMMAND = re.compile(r"\\[A-Za-z]+\s{0,3}\{[^{}]*\}")
_MIN_PROSE_WORDS = 2
_FORMULA_CHARACTER = re.compile(r"[\\=^_<>{}+]")


class _Mark:
    """A mark that opens or closes a formula, or a blank line. A formula in single dollars does not span blank lines."""

    __slots__ = ("end", "kind", "start")

    def __init__(self, match: re.Match[str]) -> None:
        self.start, self.end = match.span()
        side, name = match.group("side", "name")
        self.kind = f"{side} {name}" if side else match.group()
        if self.kind.startswith("\n"):
            self.kind = ""


def _marks(text: str) -> list[_Mark]:
    """Return the marks of formulas, without escaped dollars and without dollars of money or variables.

    If the number of dollars is even, a dollar is taken for money only where that is certain. If it is odd, a dollar is
    taken for money or a variable wherever that is possible.
    """
    candidates = [_Mark(match) for match in _MARK.finditer(text) if match.group() not in ("\\\\", r"\$")]
    is_odd = sum(mark.end - mark.start for mark in candidates if mark.kind.startswith("$")) % 2 == 1
    is_no_formula = _may_be_no_formula if is_odd else _is_money
    marks: list[_Mark] = []
    in_formula = False
    for index, mark in enumerate(candidates):
        if mark.kind == "$":
            following = candidates[index + 1] if index + 1 < len(candidates) else None
            if not in_formula and is_no_formula(text, mark, following):
                continue
            in_formula = not in_formula
        elif mark.kind == "":
            in_formula = False
        elif mark.kind.startswith("$$$"):
            continue
        marks.append(mark)
    return marks


def _may_be_no_formula(text: str, mark: _Mark, following: _Mark | None) -> bool:
    """Return whether a dollar that could open a formula may belong to money or a variable."""
    before = text[max(0, mark.start - _LONGEST_NUMBER) : mark.start]
    is_number = _NUMBER_AFTER.match(text, mark.end) or _NUMBER_BEFORE.search(before)
    if not is_number and not (_VARIABLE.match(text, mark.end) and _BEFORE.match(before[-1:])):
        return False
    if following is None or following.kind != "$":
        return True
    inside = text[mark.end : following.start]
    return not _could_close(text, inside, following) or _is_prose(_TEXT_COMMAND.sub(" ", inside))


def _is_money(text: str, mark: _Mark, following: _Mark | None) -> bool:
    """Return whether a dollar that could open a formula certainly belongs to money."""
    number = _NUMBER_AFTER.match(text, mark.end)
    if not number:
        return False
    if following is None or following.kind != "$":
        return True
    inside = text[mark.end : following.start]
    return not _FORMULA_CHARACTER.search(inside) and (not _could_close(text, inside, following) or _is_prose(inside))


def _could_close(text: str, inside: str, following: _Mark) -> bool:
    """Return whether a dollar could close a formula.

    A dollar cannot if it follows white space and precedes a letter or digit, or if it follows a dash, slash or tilde
    and precedes a digit.
    """
    after = text[following.end : following.end + 1]
    if not inside.strip() or inside[-1] in " (\n":
        return not after.isalnum()
    return not (inside[-1] in "-–/~" and after.isdigit())


def _is_prose(inside: str) -> bool:
    return len(_WORD_OF_PROSE.findall(inside)) >= _MIN_PROSE_WORDS


def _formulas(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each formula of a text; an unclosed mark does not begin a formula."""
    marks = _marks(text)
    indices_by_kind: dict[str, list[int]] = {}
    for index, mark in enumerate(marks):
        indices_by_kind.setdefault(mark.kind, []).append(index)
    index = 0
    while index < len(marks):
        mark = marks[index]
        closing = _CLOSING.get(mark.kind, "")
        if mark.kind.startswith("begin ") and _FORMULA_ENVIRONMENT.fullmatch(mark.kind[6:]):
            closing = f"end {mark.kind[6:]}"
        end = _next_index(indices_by_kind.get(closing, ()), index) if closing else None
        if end is None or (
            closing == "$" and (blank := _next_index(indices_by_kind.get("", ()), index)) and blank < end
        ):
            index += 1
            continue
        yield mark.start, marks[end].end
        index = end + 1


def _next_index(indices: list[int] | tuple[()], after: int) -> int | None:
    position = bisect_right(indices, after)
    return indices[position] if position < len(indices) else None


_BRACE = re.compile(r"[{}]")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s{0,3}\{([^{}]*)\}")
_PAIRS = (
    (re.compile(r"\\left(?![a-zA-Z])"), re.compile(r"\\right(?![a-zA-Z])")),
    (re.compile(r"\\\("), re.compile(r"\\\)")),
    (re.compile(r"\\\["), re.compile(r"\\\]")),
)


# In a long text by a person a brace or two may be unclosed. One such slip per this number of words is tolerated.
_WORDS_PER_SLIP = 400


def _slips(text: str) -> int:
    """Return how many slips are tolerated in a text of this length."""
    return len(text.split()) // _WORDS_PER_SLIP


def unbalanced_latex(text: str) -> bool:
    r"""Return whether dollars, braces, `\left` and `\right`, or environments of LaTeX are unbalanced.

    Code, money, variables of a shell and escaped marks do not count. A text without a backslash and a dollar is not
    LaTeX, whatever its braces. One unclosed mark per 400 words is tolerated.
    """
    if "\\" not in text and "$" not in text:
        return False
    without_its_code = without_code(text)
    unclosed = (
        _open_dollars(without_its_code)
        + _open_braces(without_its_code)
        + _open_pairs(without_its_code)
        + _open_environments(without_its_code)
    )
    return unclosed > 0 and unclosed > _slips(text)


def _open_dollars(text: str) -> int:
    return sum(len(mark.kind) for mark in _marks(text) if mark.kind.startswith("$")) % 2


def _open_braces(text: str) -> int:
    unclosed = unopened = 0
    for mark in _BRACE.findall(re.sub(r"\\[\\{}]", " ", text)):
        if mark == "{":
            unclosed += 1
        elif unclosed:
            unclosed -= 1
        else:
            unopened += 1
    return unclosed + unopened


def _open_pairs(text: str) -> int:
    marks = text.replace("\\\\", " ")
    return sum(abs(len(left.findall(marks)) - len(right.findall(marks))) for left, right in _PAIRS)


def _open_environments(text: str) -> int:
    """Count environments without a beginning or an end; an environment that ends under another name counts twice."""
    opened: list[str] = []
    counts: Counter[str] = Counter()
    unpaired = 0
    for side, name in _ENVIRONMENT.findall(text):
        if name == "document":
            continue
        if side == "begin":
            opened.append(name)
            counts[name] += 1
            continue
        unpaired += 1
        if not counts[name]:
            continue
        while True:
            ended = opened.pop()
            counts[ended] -= 1
            if ended == name:
                break
            unpaired += 1
        unpaired -= 1
    return unpaired + len(opened)


# --- Loops

# Scripts that put no space between words. There each character counts as a token.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN_TOKENS = 5
_RUN_TOKENS_UNSPACED = 10
# A line or a sentence from this number of tokens is also compared as a whole.
_LINE_TOKENS = 3
# People repeat themselves too, in a refrain or a form. A copy counts only if three others precede it closely.
_COPIES = 4
_NEAR_TOKENS = 450
_MAX_SHARE = 0.15
# Prefixes of tokens for a line of code and for a formula, which distinguish them from words.
_CODE = "`"
_FORMULA = "$"
# For texts that begin well and end in a loop: a stretch of tokens, and the maximum share of copies in it.
_STRETCH_TOKENS = 100
_MAX_STRETCH_SHARE = 0.4
# A line or sentence counts as a copy from this share of repeated tokens: list items begin alike and end differently.
_MIN_UNIT_SHARE = 0.8
_LONG_RUN_TOKENS = 20
_MIN_VALUES = 2
# Shorter runs are ignored: lists of choices and refrains repeat a line or two and continue with something new.
_MIN_RUN_TOKENS = 14
_MIN_RUN_SHARE = 0.3
# A text of fewer tokens has no room for four copies, so third copies are measured, against this maximum share.
_SHORT_TOKENS = 400
_MAX_SHARE_OF_THIRDS = 0.22
# Chains: copies that follow each other immediately.
_MIN_CHAIN_TOKENS = 12
_CHAIN_COPIES = 3
_CHAIN_COPIES_OF_EXPRESSIONS = 5
_MIN_CHAIN_SHARE = 0.15
_LONG_CHAIN_TOKENS = 80
# Repeated patterns of characters, for text without words. Long sums and matrices by people are shorter than this. A
# pattern that is a small share of a long text is a rule or a table drawn with characters.
_MIN_PATTERN_SHARE = 0.05
_ANY_PATTERN_CHARS = 2000
_WINDOW_CHARS = 120
_WINDOW_STEP = 40
_MAX_PATTERN_CHARS = 40
_SHORT_PATTERN_CHARS = 240
_LONG_PATTERN_CHARS = 400
_RULE = re.compile(r"[-=_.*~#+|:\s─━═·•…]*")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_COUNTER = re.compile(
    r"(?:^|(?<=[.!?:;,] ))[ \t]*(?:[#*_>]{1,4}[ \t]*)?(?:[-+•*][ \t]+)?(?:[^\W\d_]{1,20}[ \t]+)?"
    r"\(?(?:\d{1,4}|(?<!\w)[A-Za-z])[.):]+(?=\s|$)",
    re.MULTILINE,
)
_TOKEN = re.compile(
    rf"(?P<end>\n|[.!?](?=\s)|[。！？])|(?P<address>https?://\S+)|^[ \t]*(?P<row>\|.{{0,300}})$|(?P<char>[{_UNSPACED}])"
    rf"|(?P<word>(?:(?![{_UNSPACED}])\w)+)",
    re.MULTILINE,
)


def loops(text: str) -> bool:
    """Return whether a text repeats itself in the way of models that do not stop.

    A formula, a line of code and a row of a table each count as one word. The numbers of list items do not count.
    """
    lines = _units(text)
    tokens = [token for line in lines for token in line]
    return _has_chain(tokens) or _repeats(lines, tokens) or _has_pattern(_without_formulas(text, ""))


def _units(text: str) -> list[list[str]]:
    lines: list[list[str]] = []
    prose: list[str] = []
    for is_code, line in _code_lines(text):
        if not is_code:
            prose.append(line)
            continue
        _add_prose("\n".join(prose), lines)
        prose.clear()
        if any(char.isalnum() for char in line):
            lines.append([_CODE + line.strip()])
    _add_prose("\n".join(prose), lines)
    return lines


def _add_prose(prose: str, lines: list[list[str]]) -> None:
    lines.append([])
    end_of_last = 0
    for start, end in [*_formulas(prose), (len(prose), len(prose))]:
        _add_words(prose[end_of_last:start], lines)
        if start < end:
            lines[-1].append(_FORMULA + _WHITE.sub("", prose[start:end]))
        end_of_last = end


def _add_words(prose: str, lines: list[list[str]]) -> None:
    """Add the words of a text to the lines; numbers and single letters between two words become one token."""
    numbers: list[str] = []
    for match in _TOKEN.finditer(_COUNTER.sub(" ", prose.casefold())):
        kind, token = match.lastgroup, match.group().strip()
        if kind == "word" and (len(token) == 1 or not token.isalpha()):
            numbers.append(token)
            continue
        if numbers:
            lines[-1].append(" ".join(numbers))
            numbers.clear()
        if kind == "end":
            lines.append([])
        elif any(char.isalnum() for char in token):
            lines[-1].append(token)
    if numbers:
        lines[-1].append(" ".join(numbers))


def _has_chain(tokens: list[str]) -> bool:
    """Return whether copies follow each other immediately over a considerable part of the text."""
    return _chained(tokens) >= min(max(_MIN_CHAIN_TOKENS, _MIN_CHAIN_SHARE * len(tokens)), _LONG_CHAIN_TOKENS)


def _chained(tokens: list[str]) -> int:
    """Count the tokens in chains of copies; a token of several numbers and letters counts once for each of them."""
    sizes = [1 + token.count(" ") if token[0].isalnum() and any(map(str.isalpha, token)) else 1 for token in tokens]
    last: dict[tuple[str, str], int] = {}
    total, length, distance = 0, 0, 0

    def chain(end: int) -> int:
        size = sum(sizes[end - length : end])
        min_copies = _CHAIN_COPIES if length >= _MIN_CHAIN_TOKENS else _CHAIN_COPIES_OF_EXPRESSIONS
        return size if distance and length >= min_copies * distance and size >= _MIN_CHAIN_TOKENS else 0

    for index in range(1, len(tokens)):
        pair = (tokens[index - 1], tokens[index])
        offset = index - last.get(pair, index)
        last[pair] = index
        if offset and offset == distance:
            length += 1
            continue
        total += chain(index)
        distance, length = offset, offset + 2
    return total + chain(len(tokens))


def _repeats(units: list[list[str]], tokens: list[str]) -> bool:
    """Return whether a large share of the text, or of a long stretch, was repeated several times shortly before."""
    copies = _copies(tokens)
    _count_units(units, copies)
    repeated = _repeated_tokens(units, copies, _COPIES)
    if sum(repeated) > _MAX_SHARE * len(tokens) or _densest(repeated) > _MAX_STRETCH_SHARE * _STRETCH_TOKENS:
        return True
    if len(tokens) >= _SHORT_TOKENS:
        return False
    # Code is exempt because it often has three similar lines: a method, its test and its stub.
    thirds = [
        is_third and token[0] != _CODE
        for is_third, token in zip(_repeated_tokens(units, copies, 3), tokens, strict=True)
    ]
    return sum(thirds) > _MAX_SHARE_OF_THIRDS * len(tokens)


def _repeated_tokens(units: list[list[str]], copies: list[int], min_copies: int) -> list[bool]:
    """Return for each token whether it has enough copies and belongs to a run of tokens that have.

    In a line or a sentence nearly all tokens must have them; a new number may be a counter. A line or sentence with
    several new numbers or formulas is a step of a calculation and no copy, however similar its words are.
    """
    repeated: list[bool] = []
    values_seen: set[tuple[str, ...]] = set()
    for unit in units:
        has_copies = [copy_count >= min_copies for copy_count in copies[len(repeated) : len(repeated) + len(unit)]]
        values = tuple(token for token in unit if _is_value(token))
        is_copy = len(values) < _MIN_VALUES or values in values_seen
        values_seen.add(values)
        if is_copy and sum(has_copies) >= _MIN_UNIT_SHARE * len(unit):
            repeated += [has_copy or _is_value(token) for has_copy, token in zip(has_copies, unit, strict=True)]
        else:
            repeated += _long_runs(has_copies, min(_LONG_RUN_TOKENS, _MIN_RUN_SHARE * len(copies)))
    return _long_runs(repeated, min(_MIN_RUN_TOKENS, _MIN_RUN_SHARE * len(repeated)))


def _is_value(token: str) -> bool:
    return token[0] == _FORMULA or any(char.isdigit() for char in token)


def _long_runs(marked: list[bool], min_length: float) -> list[bool]:
    """Return the marks that belong to a run of at least this number of marks."""
    in_long_run: list[bool] = []
    for is_marked, run in groupby(marked):
        length = len(list(run))
        in_long_run += [is_marked and length >= min_length] * length
    return in_long_run


class _Seen:
    """Positions of the last copies of each run of tokens."""

    def __init__(self) -> None:
        self._positions: dict[tuple[str, ...], list[int]] = {}

    def add(self, run: tuple[str, ...], position: int) -> int:
        """Add a run and return how many copies of it begin shortly before its position, itself included."""
        positions = self._positions.setdefault(run, [])
        positions.append(position)
        if len(positions) > _COPIES:
            del positions[0]
        return sum(position - earlier <= _NEAR_TOKENS for earlier in positions)


def _copies(tokens: list[str]) -> list[int]:
    """Return for each token the maximum number of copies of a run that it belongs to.

    Runs of few different words, for example those of a truth table, are equal without being copies.
    """
    unspaced = sum(len(token) == 1 for token in tokens)
    length = _RUN_TOKENS if 2 * unspaced < len(tokens) else _RUN_TOKENS_UNSPACED
    copies = [0] * len(tokens)
    seen = _Seen()
    for start in range(len(tokens) - length + 1):
        run = tuple(tokens[start : start + length])
        copy_count = seen.add(run, start)
        if copy_count > 1 and len(set(run)) >= length - length // 2:
            _mark(copies, start, start + length, copy_count)
    return copies


def _count_units(lines: list[list[str]], copies: list[int]) -> None:
    seen = _Seen()
    start = 0
    for line in lines:
        end = start + len(line)
        if len(line) >= _LINE_TOKENS:
            _mark(copies, start, end, seen.add(tuple(line), start))
        start = end


def _mark(copies: list[int], start: int, end: int, copy_count: int) -> None:
    for index in range(start, end):
        copies[index] = max(copies[index], copy_count)


def _densest(marked: list[bool]) -> int:
    """Return the maximum number of marked tokens in a stretch."""
    inside = maximum = sum(marked[:_STRETCH_TOKENS])
    for index in range(_STRETCH_TOKENS, len(marked)):
        inside += marked[index] - marked[index - _STRETCH_TOKENS]
        maximum = max(maximum, inside)
    return maximum


def _has_pattern(text: str) -> bool:
    """Return whether a short pattern of characters is repeated over a long stretch."""
    min_chars = min(_MIN_PATTERN_SHARE * len(text), _ANY_PATTERN_CHARS)
    pattern_chars = 0
    for start in range(0, len(text) - _WINDOW_CHARS + 1, _WINDOW_STEP):
        window = text[start : start + _WINDOW_CHARS]
        period = window.find(window[: _WINDOW_CHARS // 2], 1)
        if not 0 < period <= _MAX_PATTERN_CHARS or not window.startswith(window[period:]) or window.isspace():
            pattern_chars = 0
            continue
        pattern_chars += _WINDOW_STEP if pattern_chars else _WINDOW_CHARS
        if pattern_chars >= max(min_chars, _min_pattern_chars(window)):
            return True
    return False


def _min_pattern_chars(window: str) -> int:
    """Return the length in characters above which a pattern is no rule, sum or row of a matrix written by a person."""
    if _RULE.fullmatch(window):
        return _LONG_PATTERN_CHARS
    if not any(char.isalnum() for char in window):
        return _WINDOW_CHARS
    return _SHORT_PATTERN_CHARS if _TWO_LETTERS.search(window) else _LONG_PATTERN_CHARS


# --- Tokens of a chat template

_TEMPLATE_TOKEN = re.compile(
    r"<\|[^|<>\n]{2,60}\|>|<｜[^｜<>\n]{2,60}｜>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_(?:turn|image|text|sentence)>"
    r"|</?think(?:ing)?>|</?tool_call>|\[/?TOOL_CALLS\]|<extra_id_\d{1,3}>|<0x[0-9A-F]{2}>|<(?:fim|repo)_\w{2,12}>"
    # How tokenizers write a space.
    r"|\w▁\w|[a-z]Ġ[a-z]"
)
_TEMPLATE_LINE = re.compile(r"^[ \t]*(?:#{2,4}[ \t]*(?:Instruction|Human|Assistant):|assistant[ \t]*$)", re.MULTILINE)
_RESPONSE_LINE = re.compile(r"^[ \t]*#{2,4}[ \t]*Response:", re.MULTILINE)
_REQUEST_LINE = re.compile(r"^[ \t]*#{2,4}[ \t]*(?:Input|Context|User|System|Prompt):", re.MULTILINE)
_TURN_OF_USER = re.compile(r"^[ \t]*(?:\*\*)?(?:Human|User|USER|HUMAN)(?:\*\*)?[ \t]?[:：]", re.MULTILINE)
_TURN_OF_MODEL = re.compile(
    r"^[ \t]*(?:\*\*)?(?:Assistant|ASSISTANT|AI|Bot|Chatbot|ChatGPT)(?:\*\*)?[ \t]?[:：]", re.MULTILINE
)
_STRUCK = re.compile(r"<(/?)s>")
_END_TOKEN = re.compile(r"\A\s*<bos>|<(?:eos|pad|end)>\s*\Z")


def has_template_tokens(text: str) -> bool:
    """Return whether a text holds tokens that a chat template puts around turns, or continues with a further turn."""
    words = without_code(text)
    if any(pattern.search(words) for pattern in (_TEMPLATE_TOKEN, _TEMPLATE_LINE, _END_TOKEN)):
        return True
    if _TURN_OF_USER.search(words) and _TURN_OF_MODEL.search(words):
        return True
    if _RESPONSE_LINE.match(words.lstrip()) or (_RESPONSE_LINE.search(words) and _REQUEST_LINE.search(words)):
        return True
    return _has_sentence_tokens(words.strip())


def _has_sentence_tokens(words: str) -> bool:
    """Return whether `<s>` and `</s>` mark the ends of a text; in HTML they strike out a part of it."""
    marks = [match.group(1) for match in _STRUCK.finditer(words)]
    return marks != ["", "/"] * (len(marks) // 2) or (words.startswith("<s>") and words.endswith("</s>"))


# --- Characters

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\ufffd{2}|\w\ufffd|\ufffd\w")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|([A-Za-z]{2,8}\d{0,2}));")

# A text about markup writes entities to explain them.
_SPEAKS_OF_ENTITIES = re.compile(r"\b(?:X?HTML|XML|SGML|entit(?:y|ies)|escap(?:e|ed|ing))\b", re.IGNORECASE)


def has_control_characters(text: str) -> bool:
    """Return whether a text holds control characters, or replacement characters of a failed decoding."""
    return _CONTROL.search(text) is not None


def has_entities(text: str) -> bool:
    """Return whether a text holds HTML entities outside its code; one per 400 words is tolerated."""
    if "&" not in text or ";" not in text:
        return False
    words = without_code(text)
    if _SPEAKS_OF_ENTITIES.search(words):
        return False
    names = (match.group(1) for match in _ENTITY.finditer(words))
    count: int = sum(name is None or name == "apos" or name in name2codepoint for name in names)
    return bool(count) and count > _slips(text)


# --- Refusals

_CANNOT = (
    r"(?:can(?:['’]?t|not| not)|could(?:n['’]t| not)|won['’]?t|will not"
    r"|(?:am|['’]m) (?:unable|not (?:able|allowed|permitted|programmed|designed))"
    r"|do(?:n['’]t| not)|(?:must|have to) (?:decline|refuse))"
)
_GERMAN_HELP = (
    r"helfen|beantwort|erfüll|unterstütz|bereitstell|erstell|liefer|dienen|nachkomm|anbiet|behilflich|in der Lage"
    r"|auskunft|diskutier|generier"
)
_FRENCH_HELP = (
    r"aider|répondre|fournir|assister|satisfaire|générer|créer|accéder|traiter|participer|en mesure|capable de"
)
_SPANISH_HELP = r"ayudar|proporcionar|cumplir|responder|asistir|generar|crear|ofrecer|acceder|participar|capacitad"
_CHINESE_CANNOT = r"(?:无法|不能|没办法|沒辦法|無法|没有办法)"
_CHINESE_HELP = r"回答|提供|协助|協助|帮助|幫助|满足|滿足|完成您|完成你|生成|处理|讨论|参与|帮您|帮你"
# For each language: how a refusal begins, what follows in the same sentence, and verbs and nouns of helping.
_EXCUSED_REFUSALS = (
    (
        r"(?:(?:I['’]m|I am)(?: \w{2,8})? (?:sorry|afraid)|(?:my )?(?:sincere )?apologies|I(?: \w{2,9})? apologi[sz]e"
        r"|(?:so |very )?sorry)",
        rf"\bI ?{_CANNOT}",
        r"help|assist|answer|provid|fulfil|compl|respond|generat|creat|writ|discuss|continu|giv|offer|support|engag"
        r"|process|shar|produc|access|brows|view|open|do (?:that|this)|ability|enough|participat|perform"
        r"|translat|summari[sz]|solv|understand|see (?:the|any|your)|comfortable|have (?:access|any|the|personal)",
    ),
    (
        r"(?:unfortunately|regrettably)",
        rf"\bI ?{_CANNOT}",
        r"(?:help|assist)\w*(?: you)? with|answer (?:that|this|your)|fulfil|comply|process (?:that|this|your)|access to"
        r"|provid\w+ (?:that|this|any|you|medical|legal|financial)",
    ),
    (
        r"(?:(?:es )?tut mir (?:\w{4,8} )?leid|entschuldigung|leider|verzeihung)",
        r"\b(?:ich (?:kann|darf|bin)|(?:kann|darf|bin) ich)\b(?=[^.\n]{0,120}\b(?:nicht|kein))",
        _GERMAN_HELP,
    ),
    (r"(?:(?:je suis (?:\w{4,10} )?)?désolée?|malheureusement|je m['’]excuse)", r"\bje ne", _FRENCH_HELP),
    (r"(?:lo siento|lo lamento|disculpe?a?|perdón|lamentablemente)", r"\bno (?:puedo|estoy|me es)\b", _SPANISH_HELP),
    (r"mi dispiace", r"\bnon (?:posso|sono in grado)\b", r"aiutar|rispondere|fornire|soddisfare|generare|assister"),
    (
        r"(?:desculpe|desculpa|sinto muito|lamento|infelizmente)",
        r"\bnão (?:posso|consigo|sou capaz)\b",
        r"ajud|fornecer|responder|atender|gerar|auxiliar|cumprir",
    ),
    (
        r"(?:извините|простите|к сожалению|прошу прощения)",
        r"\bя не (?:могу|в состоянии|имею)\b",
        r"помочь|ответить|предоставить|выполнить|обсуждать|создать|доступ",
    ),
    (r"(?:非常|很|十分|真的)?(?:对不起|抱歉|對不起)", _CHINESE_CANNOT, _CHINESE_HELP),
    (
        r"(?:大変)?(?:申し訳|すみません|ごめんなさい|恐れ入り)",
        r"(?:手伝|答え|応え|回答|提供|対応|支援|応じ|生成|助け)",
        r"でき(?:ません|かねます|ない)|かねます|いたしかね",
    ),
    (r"(?:죄송하지만|죄송합니다)", r"(?:도와|도움|답변|제공|응답|수행|답할)", r"수 없|수가 없|어렵|못합니다"),
)
_PLAIN_REFUSALS = (
    (
        r"I ?(?:can(?:['’]t|not| not)|(?:am|['’]m) (?:unable|not able) to|must decline to) ",
        r"(?:help|assist)(?: you)? (?:with|in) (?:that|this|your|any)|fulfil\w* |comply with "
        r"|(?:provide|answer|generate|engage in|discuss|respond to|continue with|create) (?:\w{3,12} )?"
        r"(?:request|question|content|information|advice|prompt|conversation|topic|assistance)",
    ),
    (r"ich (?:kann|darf) (?:Ihnen|dir|Ihre|deine|diese)\b(?=[^.\n]{0,120}\b(?:nicht|kein))", _GERMAN_HELP),
    (r"je ne (?:peux|suis) pas\b", _FRENCH_HELP),
    (r"no (?:puedo|estoy)\b", _SPANISH_HELP),
    (rf"我{_CHINESE_CANNOT}", _CHINESE_HELP),
)
_WITHIN_SENTENCE = r"[^.!?。\n\"“「]{0,100}?"
_REFUSES_FIRST = re.compile(
    "|".join(
        [
            f"{sorry}{_WITHIN_SENTENCE}{cannot}{_WITHIN_SENTENCE}(?:{help_})"
            for sorry, cannot, help_ in _EXCUSED_REFUSALS
        ]
        + [f"{cannot}{_WITHIN_SENTENCE}(?:{help_})" for cannot, help_ in _PLAIN_REFUSALS]
    ),
    re.IGNORECASE,
)
_SPEAKS_AS_MODEL = re.compile(
    r"\bAs an? (?:\w+ )?(?:AI|artificial intelligence|language model)(?:[ -](?:language|based|powered|text))?"
    r"(?: model| assistant| chatbot| system| program)?(?: (?:created|developed|trained) by \w+)?(?:, ?| )(?:I|my)\b"
    r"|\bI(?:['’]m| am) (?:just |only |simply |merely )?an? (?:large |AI )?"
    r"(?:language model|AI (?:language model|assistant|model|chatbot)|AI,)"
    r"(?! (?:train|research|develop|engineer|design))"
    r"|(?:^|(?<=[.!?] ))(?:I(?:['’]m| am) (?:sorry|afraid),? but )?"
    r"I (?:can(?:['’]t|not)|(?:am|['’]m) (?:unable|not able) to)"
    r" (?:help|assist|comply|fulfil\w*)(?: you)?(?: with)? (?:that|this|your)\b"
    r"|\bAls (?:ein |eine |großes )?(?:KI\b|künstliche Intelligenz|Sprachmodell)[\w-]*(?: \w+)?,?"
    r" (?:kann|habe|bin|darf) ich\b"
    r"|\bEn tant qu(?:e |['’])(?:une? )?(?:IA|intelligence artificielle|modèle de langage|assistant)[^.,\n]{0,30}, je\b"
    r"|\bComo (?:un |una )?(?:modelo de lenguaje|IA|inteligencia artificial|asistente de IA)[^.,\n]{0,30},"
    r" (?:no|yo|mi)\b"
    r"|作[为為](?:一[个個名款])?(?:AI|人工智能|人工智慧|大?型?[语語]言模型)[^,，。\n]{0,10}[,，]?我"
    r"|(?:AI|人工知能|言語モデル)[^、。\n]{0,12}として[、は]?[^。\n]{0,40}(?:できません|ありません|かねます)",
    re.IGNORECASE | re.MULTILINE,
)
# A refusal that is the whole text.
_SHORT_REFUSAL = re.compile(
    rf"(?:sorry, )?I ?(?:{_CANNOT}|must) (?:\w{{2,12}} ){{0,3}}"
    r"(?:help|assist|answer|provide|comply|fulfil\w*|solve|discuss|decline|refuse|do (?:that|this))\b[^\n]{0,120}",
    re.IGNORECASE,
)
_LONGEST_QUOTATION = 2000
_MARKDOWN = " \t\r\n*_#>"
_QUOTATION_MARKS = (("“", "”"), ("„", "“"), ("«", "»"), ("「", "」"), ("『", "』"))
# A single quotation mark may be an apostrophe. Only one before a word opens a quotation.
_OPENED = re.compile(r"(?:^|\s)[‘'](?=\w)")


def refuses(text: str) -> bool:
    """Return whether a text begins as a refusal, or a model refuses in it outside quotation marks."""
    words = without_code(text).strip(_MARKDOWN)
    if _REFUSES_FIRST.match(words) or _SHORT_REFUSAL.fullmatch(words):
        return True
    return any(not _is_quoted(words, match.start()) for match in _SPEAKS_AS_MODEL.finditer(words))


def _is_quoted(text: str, index: int) -> bool:
    """Return whether an index may lie within a quotation that was opened in its paragraph."""
    before = text[max(text.rfind("\n\n", 0, index), index - _LONGEST_QUOTATION, 0) : index]
    if before.count('"') % 2 or _OPENED.search(before):
        return True
    return any(before.count(opening) > before.count(closing) for opening, closing in _QUOTATION_MARKS)


# --- All of them

FAULTS: dict[str, Callable[[str], bool]] = {
    "control characters": has_control_characters,
    "template tokens": has_template_tokens,
    "the model refuses": refuses,
    "undecoded entities": has_entities,
    "loops": loops,
}


def fault(text: str) -> str:
    """Return the first fault of a text, as the reason under which it is counted; empty if it has none."""
    return next((reason for reason, has in FAULTS.items() if has(text)), "")
