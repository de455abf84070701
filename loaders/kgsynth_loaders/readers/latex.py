r"""Read LaTeX and plain TeX: the text of the body as Markdown, with its formulas as LaTeX.

The file is processed in four steps, each from left to right: code and comments are set aside; the author's definitions
are removed and expanded where they are used; title and authors are removed; and the remaining text is written by
`_Writer`, which keeps open groups and environments on stacks. TeX is not run, and no other file is opened.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Remark
from kgsynth_loaders.readers import ReadOptions, latex_algorithms, latex_units
from kgsynth_loaders.readers.latex_definitions import definitions_of, expanded
from kgsynth_loaders.readers.latex_macros import (
    ACCENTED,
    ACCENTS,
    AROUND,
    ASSIGNED,
    BEFORE_TEXT,
    CHARACTERS,
    DIMENSION,
    DRAWINGS,
    ENVIRONMENT_ARGUMENTS,
    ENVIRONMENT_TITLES,
    FORMULA_ENVIRONMENTS,
    HEADINGS,
    IN_TEXT_FORMULA,
    LEFT_OUT,
    LISTS,
    REFERENCES,
    TABLES,
    TITLE_LINE,
    WORDS,
)
from kgsynth_loaders.readers.latex_source import CLOSE, NO_CHARACTERS, OPEN, Source, set_aside, without_false
from kgsynth_loaders.readers.markdown import table
from kgsynth_loaders.readers.plain import read_text


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    r"""Yield the body as a document, or the whole file if it has no `\begin{document}`, after remarks on the file.

    Raises:
        RecordError: the bytes cannot be decoded, or no text remains.
    """
    from pylatexenc.latex2text import get_default_latex_context_db

    file = read_text(path, options)
    yield from file.remarks()
    macro_context = get_default_latex_context_db()

    def symbol(name: str) -> str | None:
        spec = macro_context.get_macro_spec(name)
        replacement = getattr(spec, "simplify_repl", None)
        return (
            replacement if isinstance(replacement, str) and "%" not in replacement and len(replacement) < 10 else None
        )

    document = convert(file.text.replace("\f", "\n"), symbol)
    if not document.text:
        raise RecordError("no text")
    yield Document(
        id="",
        text=document.text,
        title=document.fields.get("title", ""),
        attribution=document.fields.get("author", ""),
        date=document.fields.get("date", ""),
        topics=tuple(document.topics),
        metadata={**document.metadata, **file.metadata()},
    )


@dataclass(slots=True)
class Converted:
    """The result of `convert`.

    Attributes:
        text: the body in Markdown.
        fields: `title`, `author` and `date`, if the source declares them.
        topics: the keywords.
        metadata: other fields, and `inputs`: the number of files that the body includes.
    """

    text: str
    fields: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def convert(text: str, symbol: Callable[[str], str | None]) -> Converted:
    """Convert LaTeX source to Markdown.

    Args:
        text: the whole source.
        symbol: returns the character for the name of a macro without backslash; None if there is no such macro.
    """
    text, codes = set_aside(text.translate(NO_CHARACTERS))
    definitions, theorems, text = definitions_of(without_false(text))
    text = expanded(text, definitions)
    fields, keyword_lists, text = _fields(text)
    body = _body(text)

    def to_markdown(source: str) -> str:
        return _Writer(source, codes, theorems, symbol).written()

    result = Converted(to_markdown(body))
    for name, value in fields.items():
        line = " ".join(to_markdown(value).split())
        if name == "author":
            line = "; ".join(part.strip(" ;,") for part in line.split(_AUTHOR_SEPARATOR) if part.strip(" ;,"))
        if line:
            result.fields[name] = line
    for value in keyword_lists:
        line = " ".join(to_markdown(value).split())
        result.topics += [part for part in (part.strip(" .") for part in re.split(r"[,;·]", line)) if part]
    result.topics = list(dict.fromkeys(result.topics))
    result.metadata = {
        name: result.fields.pop(name) for name in ("institution", "email", "subject_class") if name in result.fields
    }
    inputs = len(re.findall(r"\\(?:input|include|subfile|import)\b", body))
    if inputs:
        result.metadata["inputs"] = str(inputs)
    return result


# --- Title and authors

_AUTHOR_SEPARATOR = "\ufdd2"
_FIELDS = {
    "title": "title", "pmtitle": "title", "pmcanonicalname": "", "author": "author", "pmauthor": "author",
    "date": "date", "pmcreated": "date", "keywords": "keywords", "pmkeywords": "keywords", "keyword": "keywords",
    "subjclass": "subject_class", "affiliation": "institution", "institute": "institution", "address": "institution",
    "email": "email", "pmmodified": "", "pmowner": "", "pmmodifier": "", "pmprivacy": "", "pmversion": "",
    "pmrecord": "", "pmtype": "", "pmcomment": "", "pmclassification": "", "pmrelated": "", "pmdefines": "keywords",
    "pmsynonym": "", "subtitle": "", "dedicatory": "", "thanks": "", "curraddr": "", "urladdr": "", "runningtitle": "",
    "titlerunning": "", "authorrunning": "", "shorttitle": "", "shortauthor": "", "logo": "",
}  # fmt: skip
_FIELD = re.compile(rf"\\({'|'.join(_FIELDS)})(?![A-Za-z@])")
_TWO_ARGUMENTS = frozenset({"pmauthor", "pmowner", "pmmodifier", "pmclassification", "pmsynonym"})
_KEYWORDS_ENVIRONMENT = re.compile(r"\\begin\{(keywords?|IEEEkeywords)\}(.{0,2000}?)\\end\{\1\}", re.DOTALL)


def _fields(text: str) -> tuple[dict[str, str], list[str], str]:
    """Return the source of each field, the source of each list of keywords, and the text without them."""
    source = Source(text)
    fields: dict[str, str] = {}
    keywords: list[str] = []
    pieces: list[str] = []
    position = 0
    while match := _FIELD.search(text, position):
        pieces.append(text[position : match.start()])
        position = match.end()
        option = source.option(position)
        group = source.group(option[1] if option else position)
        if group is None:
            if not option:
                pieces.append(match.group(0))
            continue
        position = group[1]
        macro = match.group(1)
        if macro in _TWO_ARGUMENTS and (second := source.group(position)):
            position = second[1]
        _keep_field(fields, keywords, _FIELDS[macro], group[0])
    pieces.append(text[position:])
    remaining = "".join(pieces)
    keywords += [match.group(2).replace("\\sep", ",") for match in _KEYWORDS_ENVIRONMENT.finditer(remaining)]
    return fields, keywords, _KEYWORDS_ENVIRONMENT.sub("", remaining) if keywords else remaining


def _keep_field(fields: dict[str, str], keywords: list[str], name: str, value: str) -> None:
    if name == "keywords":
        keywords.append(value)
    elif name == "author":
        value = re.sub(r"\\(?:and|And|AND)(?![A-Za-z])", _AUTHOR_SEPARATOR, value)
        lines = [line for line in re.split(r"\\\\", value) if line.strip()]
        # Only the first line of an author is a name; the others are affiliations.
        value = (
            _AUTHOR_SEPARATOR.join(part.split("\\\\")[0] for part in value.split(_AUTHOR_SEPARATOR))
            if len(lines) > 1
            else value
        )
        fields["author"] = f"{fields['author']}{_AUTHOR_SEPARATOR}{value}" if "author" in fields else value
    elif name and not (name == "date" and "\\today" in value) and (name not in fields or name != "title"):
        fields[name] = f"{fields[name]}; {value}" if name in fields and name != "date" else value


_BEGIN_DOCUMENT = re.compile(r"\\begin\s*\{document\}")
_END_DOCUMENT = re.compile(r"\\end\s*\{document\}|\\bye(?![A-Za-z])")


def _body(text: str) -> str:
    begin = _BEGIN_DOCUMENT.search(text)
    start = begin.end() if begin else 0
    end = _END_DOCUMENT.search(text, start)
    return text[start : end.start() if end else len(text)]


# --- Formulas

_NO_FORMULA = re.compile(
    r"\\(?:label|index|vspace|hspace\*?)\s*\{[^{}]*\}|\\(?:nonumber|notag|allowdisplaybreaks)(?![A-Za-z])"
)
_TAGGED = re.compile(r"\\(?:eq|l?eq)no\s*(?=[({])")


def _formula(source: str, codes: list[str]) -> str:
    """Return the source of a formula without labels and blank lines."""
    source = _NO_FORMULA.sub("", source)
    source = re.sub(
        rf"{OPEN}(\d+){CLOSE}", lambda match: f"\\texttt{{{codes[int(match.group(1))].strip('`')}}}", source
    )
    lines = [line.strip() for line in source.split("\n")]
    text = "\n".join(line for line in lines if line)
    trailing_backslashes = len(text) - len(text.rstrip("\\"))
    return text + " " if trailing_backslashes % 2 else text


def _display(source: str, environment: str = "") -> str:
    if not source.strip():
        return ""
    if environment:
        source = f"\\begin{{{environment}}}\n{source}\n\\end{{{environment}}}"
    content = f"\n{source}\n" if "\n" in source else source
    return f"\n\n$${content}$$\n\n"


# --- Writing

_TEX_TOKEN = re.compile(
    rf"{OPEN}\d+{CLOSE}|\\(?:begin|end)[ \t]*\{{[^{{}}\n]{{0,60}}\}}|\\[A-Za-z@]+\*?|\\.|\$\$|\$|[{{}}~&]|---?"
    r"|``|''|`|\n[ \t]*\n\s*|\\\Z",
    re.DOTALL,
)


@dataclass(slots=True)
class _Table:
    """An open table.

    Attributes:
        before: the output before the table.
        depth: number of groups that were open where the table began.
        rows: the finished rows.
        cells: cells of the current row.
        has_first_head: whether a long table has a separate head for its first page.
        head_rows: the head of a long table.
    """

    before: list[str]
    depth: int
    rows: list[list[str]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    has_first_head: bool = False
    head_rows: list[list[str]] = field(default_factory=list)


class _Writer:
    """Writes LaTeX source, from which definitions, comments and code were removed, as Markdown."""

    def __init__(
        self, text: str, codes: list[str], theorems: dict[str, str], symbol: Callable[[str], str | None]
    ) -> None:
        self._source = Source(text)
        self._text = text
        self._codes = codes
        self._theorems = theorems
        self._symbol = symbol
        self._out: list[str] = []
        self._depth = 0
        self._at_close: dict[int, list[str]] = {}
        self._lists: list[str] = []
        self._tables: list[_Table] = []
        self._is_in_list = False
        self._in_title = 0
        self._spanned_columns = 0
        self._absent_marks: set[str] = set()
        self._no_formula_until = 0
        self._is_tabbing = False
        # Positions of braces: those in `_separated` are followed by a space, those in `_brackets` are written as
        # parentheses, and those in `_bodies` open or close a group of statements of pseudocode.
        self._separated: set[int] = set()
        # The position of the opening brace of each target of a link, which is not text, and the position after it.
        self._targets: dict[int, int] = {}
        self._brackets: set[int] = set()
        self._bodies: dict[int, tuple[int, str]] = {}
        # Depth of the current statement of pseudocode; None outside of an algorithm.
        self._algorithm_level: int | None = None
        self._has_statement = False
        self._blank_lines = [match.start() for match in re.finditer(r"\n[ \t]*\n", text)]

    def written(self) -> str:
        position = 0
        while match := _TEX_TOKEN.search(self._text, position):
            self._write(self._text[position : match.start()])
            position = self._token(match.group(0), match.start(), match.end())
        self._write(self._text[position:])
        while self._tables:
            self._end_table()
        return _tidy("".join(self._out))

    def _write(self, text: str) -> None:
        if text:
            self._out.append(text.replace("\n", " ") if self._at_close.get(self._in_title) and self._in_title else text)

    def _token(self, token: str, start: int, end: int) -> int:
        first = token[0]
        if first == "\\":
            return self._macro(token, start, end)
        if first == "$":
            return self._dollar(token, start, end)
        if first in "{}":
            return self._targets.pop(start, 0) or self._brace(first, start)
        elif first == "&":
            self._next_cell() if self._tables else self._write("&")
        elif first == OPEN:
            self._write(self._codes[int(token[1:-1])])
        elif first == "\n":
            self._write("\n\n")
        else:
            self._write({"~": " ", "--": "–", "---": "—", "``": "“", "''": "”", "`": "‘"}.get(token, token))
        return end

    def _brace(self, brace: str, position: int) -> int:
        if brace == "{":
            self._depth += 1
        else:
            self._close_group()
        if position in self._separated:
            self._write(" ")
        if position in self._brackets:
            self._write("(" if brace == "{" else ")")
        if position in self._bodies:
            change, word = self._bodies[position]
            if word:
                self._begin_statement()
                self._write(word)
            self._begin_statement(change)
        return position + 1

    def _close_group(self) -> None:
        for piece in reversed(self._at_close.pop(self._depth, [])):
            self._out.append(piece)
        if self._in_title == self._depth:
            self._in_title = 0
        self._depth = max(0, self._depth - 1)

    def _open_group(self, position: int, before: str, after: str) -> int:
        """Open the next group and write `before`, and `after` when it closes; return the position after its brace."""
        group = self._source.group(position)
        if group is None:
            argument = self._source.argument(position)
            if argument is None or argument[0].startswith("\\"):
                return position
            self._write(f"{before}{argument[0]}{after}")
            return argument[1]
        self._out.append(before)
        self._depth += 1
        self._at_close.setdefault(self._depth, []).append(after)
        return group[1] - len(group[0]) - 1

    # Formulas

    def _find(self, mark: str, position: int) -> int:
        if mark in self._absent_marks:
            return -1
        mark_position = self._text.find(mark, position)
        if mark_position < 0:
            self._absent_marks.add(mark)
        return mark_position

    def _dollar(self, token: str, start: int, end: int) -> int:
        if token == "$$":
            close = self._find("$$", end)
            if close >= 0:
                self._out.append(_display(_formula(self._text[end:close], self._codes)))
                return close + 2
            self._write("\\$\\$")
            return end
        close = self._end_of_formula(end) if start >= self._no_formula_until else -1
        if close < 0:
            self._write("\\$")
            return end
        self._inline(self._text[end:close])
        return close + 1

    def _inline(self, source: str) -> None:
        formula = " ".join(_formula(source, self._codes).split("\n")).strip(" ")
        if formula:
            self._out.append(f"${formula}{' ' if formula.endswith(chr(92)) else ''}$")

    def _end_of_formula(self, start: int) -> int:
        """Return the position of the dollar sign that ends a formula in its paragraph; -1 if there is none."""
        index = bisect_left(self._blank_lines, start)
        limit = self._blank_lines[index] if index < len(self._blank_lines) else len(self._text)
        depth = 0
        for match in _MATH_TOKEN.finditer(self._text, start, limit):
            char = match.group(0)
            depth += (char == "{") - (char == "}")
            if char == "$" and depth <= 0:
                return match.start()
        self._no_formula_until = limit
        return -1

    # Macros

    def _macro(self, token: str, start: int, end: int) -> int:
        name = token[1:]
        if name.startswith(("begin", "end")) and name.endswith("}"):
            environment = name[name.index("{") + 1 : -1].strip()
            return self._begin(environment, end) if name.startswith("begin") else self._end(environment, end)
        if name in ("[", "("):
            return self._bracketed(name, end)
        if (
            name in ACCENTS
            and not (self._is_tabbing and name in _TABBING)
            and (accented := ACCENTED.match(self._text, end))
        ):
            return self._accent(name, accented)
        if not name[:1].isalpha():
            return self._character(name, end)
        name = name.rstrip("*")
        if self._text[end : end + 1] == "<":
            end = self._after_overlay(name, end)
        if self._algorithm_level is not None and (after := self._statement(name, end)):
            return after
        if name in HEADINGS:
            return self._heading(name, end)
        if name in LEFT_OUT:
            return self._leave_out(name, end)
        if name in ("item", "itemitem"):
            return self._item(end)
        return self._text_macro(name, start, end)

    def _after_overlay(self, name: str, end: int) -> int:
        r"""Return the position after an overlay specification of Beamer, as in `\item<1->`."""
        match = _OVERLAY.match(self._text, end)
        is_known = match and (name in _OVERLAID or self._text[match.end() : match.end() + 1] in ("{", "["))
        return match.end() if match and is_known else end

    def _bracketed(self, name: str, end: int) -> int:
        close = self._find("\\]" if name == "[" else "\\)", end)
        if close < 0:
            self._write(name)
            return end
        if name == "[":
            self._out.append(_display(_formula(self._text[end:close], self._codes)))
        else:
            self._inline(self._text[end:close])
        return close + 2

    def _accent(self, name: str, match: re.Match[str]) -> int:
        letter = next((group for group in match.groups() if group), " ")
        self._write(unicodedata.normalize("NFC", letter[0] + ACCENTS[name]) + letter[1:])
        return match.end()

    def _character(self, name: str, end: int) -> int:
        if self._is_tabbing and name in _TABBING:
            self._write(_TABBING[name])
        elif name == ";" and self._algorithm_level is not None:
            self._begin_statement()
        elif name in ("\\", "cr") and self._tables:
            self._next_row()
        else:
            self._write(CHARACTERS.get(name, name if name.strip() else " "))
        if name == "\\":
            if self._text[end : end + 1] == "*":
                end += 1
            option = self._source.option(end) if self._text[end : end + 1] == "[" else None
            return option[1] if option else end
        return end

    def _heading(self, name: str, end: int) -> int:
        option = self._source.option(end)
        end = option[1] if option else end
        group = self._source.group(end)
        mark = "#" * HEADINGS[name]
        if group is None:
            # In plain TeX the title extends to the end of its line.
            title_line = TITLE_LINE.match(self._text, end)
            self._out.append(f"\n\n{mark} {title_line.group(1).strip()}\n\n" if title_line else "\n\n")
            return title_line.end() if title_line else end
        if not group[0].strip():
            return group[1]
        position = self._open_group(end, f"\n\n{mark} ", "\n\n")
        self._in_title = self._depth
        return position

    def _leave_out(self, name: str, end: int) -> int:
        if name in REFERENCES:
            while self._out and not (stripped := self._out[-1].rstrip(" ")):
                self._out.pop()
            if self._out:
                self._out[-1] = stripped
        if name in ASSIGNED and (dimension := DIMENSION.match(self._text, end)):
            return dimension.end()
        if name == "par":
            self._write("\n\n")
        if name == "proclaim":
            return self._proclaim(end)
        if self._tables and name in ("endhead", "endfirsthead", "endfoot", "endlastfoot"):
            self._repeated_rows(name)
        if not LEFT_OUT[name]:
            option = self._source.option(end) if name in _RULES else None
            return option[1] if option else end
        for _ in range(3):
            if self._text[end : end + 1] == "(" and (sides := _SIDES.match(self._text, end)):
                end = sides.end()
            option = self._source.option(end)
            end = option[1] if option else end
        for _ in range(LEFT_OUT[name]):
            group = self._source.group(end)
            if group is None:
                break
            end = group[1]
            option = self._source.option(end) if name in ("usepackage", "newtheorem") else None
            end = option[1] if option else end
        return end

    def _proclaim(self, end: int) -> int:
        title_end = self._find(". ", end)
        title_end = title_end if 0 <= title_end < end + 200 else end
        title = self._text[end : title_end + 1].strip() if title_end > end else ""
        if not title or "\\" in title:
            return end
        self._out.append(f"\n\n**{title}** ")
        return title_end + 2

    def _item(self, end: int) -> int:
        option = self._source.option(end)
        group = None if option or self._lists else self._source.group(end)
        label = option[0] if option else group[0] if group else ""
        end = option[1] if option else group[1] if group else end
        indent = "  " * min(max(0, len(self._lists) - 1), _DEEPEST_LIST)
        mark = self._lists[-1] if self._lists else "- "
        if self._is_in_list or len(self._lists) > 1:
            self._strip_end()
        self._is_in_list = True
        self._out.append(f"\n{indent}{mark if not label else '- '}")
        if label.strip():
            label_text = self._label(label)
            self._out.append(f"{label_text} " if label_text.endswith((":", ".", ")")) else f"{label_text}: ")
        return end

    def _label(self, source: str) -> str:
        """Convert short LaTeX source to Markdown; long source is returned unchanged."""
        if len(source) >= _LONGEST_LABEL:
            return source
        return _Writer(source, self._codes, self._theorems, self._symbol).written()

    def _strip_end(self) -> None:
        while self._out and not (stripped := self._out[-1].rstrip()):
            self._out.pop()
        if self._out:
            self._out[-1] = stripped

    def _text_macro(self, name: str, start: int, end: int) -> int:
        if name in latex_units.NAMES:
            return self._quantity(name, end)
        if name in _LINKS and (after := self._source.after_group(end)):
            target = self._source.opening(after)
            if target >= 0:
                self._targets[target] = self._source.pairs[target] + 1
            return end
        if name in _FRACTIONS:
            return self._fraction(start, end)
        if name in ("multicolumn", "texorpdfstring", "ensuremath", "bibitem"):
            return self._special(name, end)
        if name in BEFORE_TEXT:
            for _ in range(BEFORE_TEXT[name] + 3):
                option = self._source.option(end)
                end = option[1] if option else end
            for _ in range(BEFORE_TEXT[name]):
                group = self._source.group(end)
                end = group[1] if group else end
                option = self._source.option(end)
                end = option[1] if option else end
        if name in AROUND:
            option = self._source.option(end)
            return self._open_group(option[1] if option else end, *AROUND[name])
        if name in BEFORE_TEXT:
            return end
        replacement = WORDS.get(name)
        if replacement is None:
            replacement = self._symbol(name)
        if replacement is not None:
            self._write(
                f"${self._text[start : start + len(name) + 1]}$" if IN_TEXT_FORMULA.match(name) else replacement
            )
            if name in ASSIGNED and (dimension := DIMENSION.match(self._text, end)):
                return dimension.end()
            if name in ("cr", "tabularnewline") and self._tables:
                self._next_row()
            return end
        option = self._source.option(end)
        if option and self._text[option[1] : option[1] + 1] == "{":
            end = option[1]
        if self._text[end : end + 1] == "{" and not _FONT.match(name):
            self._separate_groups(end)
            return end
        if self._text[end : end + 1] == " " and self._out and self._out[-1].endswith((" ", "\n")):
            return end + 1
        return end

    def _special(self, name: str, end: int) -> int:
        source = self._source
        if name == "bibitem":
            option = source.option(end)
            group = source.group(option[1] if option else end)
            self._out.append("\n- ")
            return group[1] if group else end
        option = source.option(end)
        first = source.group(option[1] if option else end)
        if first is None:
            return end
        if name == "ensuremath":
            self._inline(first[0])
            return first[1]
        if name == "texorpdfstring":
            second = source.group(first[1])
            after = second[1] if second else first[1]
            self._write(self._label(first[0]))
            return after
        second = source.group(first[1])
        if second is None:
            return first[1]
        if self._tables and first[0].strip().isdigit():
            self._spanned_columns = min(int(first[0].strip()), 30)
        return second[1]

    def _separate_groups(self, position: int) -> None:
        """Put spaces between adjacent groups of an unknown macro."""
        while (close := self._source.pairs.get(position)) and self._text[close + 1 : close + 2] == "{":
            if close in self._separated:
                break
            self._separated.add(close)
            position = close + 1

    def _quantity(self, name: str, end: int) -> int:
        option = self._source.option(end)
        end = option[1] if option else end
        groups: list[str] = []
        while len(groups) < latex_units.groups_of(name) and (group := self._source.group(end)):
            groups.append(group[0])
            end = group[1]
            pre_unit = self._source.option(end) if self._text[end : end + 1] == "[" and len(groups) == 1 else None
            end = pre_unit[1] if pre_unit else end
        if not groups:
            return end
        # The package `units` takes the number in brackets, as in `\unit[5]{km}`.
        if name == "unit" and option and "=" not in option[0]:
            name, groups = "qty", [option[0], *groups]
        self._write(latex_units.quantity(name, groups))
        return end

    def _fraction(self, start: int, end: int) -> int:
        """Write a fraction in text as "1/2", or as a formula if its parts are not plain numbers or letters."""
        option = self._source.option(end)
        parts: list[str] = []
        position = option[1] if option else end
        while len(parts) < 2 and (argument := self._source.argument(position)):
            parts.append(argument[0].strip())
            position = argument[1]
        if len(parts) < 2:
            return end
        if all(_PLAIN_TERM.fullmatch(part) for part in parts):
            ends_in_digit = bool(self._out) and self._out[-1][-1:].isdigit()
            self._write(f"{' ' if ends_in_digit else ''}{parts[0]}/{parts[1]}")
        else:
            self._inline(f"\\frac{{{parts[0]}}}{{{parts[1]}}}")
        return position

    # Pseudocode

    def _begin_statement(self, change: int = 0) -> None:
        """Begin a line of pseudocode after changing the depth by `change`; an empty line before it is reused."""
        level = self._algorithm_level or 0
        level = self._algorithm_level = max(0, level + change)
        while self._out and not self._out[-1].strip():
            self._out.pop()
        if self._out and _EMPTY_ITEM.fullmatch(self._out[-1]):
            self._out.pop()
        if self._has_statement:
            self._strip_end()
        before = "\n" if self._has_statement else "\n\n"
        self._has_statement = True
        self._out.append(f"{before}{'  ' * min(level, _DEEPEST_LIST)}- ")

    def _statement(self, name: str, end: int) -> int:
        """Write a statement of pseudocode; return the position after it, or 0 if the macro is not a statement."""
        lower = name.lower()
        if name[:1].isupper() and lower in latex_algorithms.WORDS:
            self._write(latex_algorithms.WORDS[lower])
            return end
        if lower in latex_algorithms.COMMENTS:
            option = self._source.option(end)
            return self._open_group(option[1] if option else end, " (", ")")
        if lower in latex_algorithms.CALLS and name[:1].isupper():
            return self._call(lower, end)
        statement = latex_algorithms.statement(name)
        if statement is None:
            return 0
        option = self._source.option(end) if self._text[end : end + 1] == "[" else None
        end = option[1] if option else end
        body = self._body_after(lower, statement, end)
        self._begin_statement(0 if body >= 0 else statement.level_before)
        if body >= 0:
            self._bodies_of(name, body)
        else:
            self._algorithm_level = max(0, (self._algorithm_level or 0) + statement.level_after)
        if body >= 0 and lower == "repeat":
            return self._open_group(end, "**repeat until** ", "")
        if statement.has_condition:
            return self._open_group(end, statement.before, statement.after)
        self._write(statement.before)
        return end

    def _body_after(self, lower: str, statement: latex_algorithms.Statement, end: int) -> int:
        """Return the position of the brace that opens the body of a statement of `algorithm2e`; -1 if there is none."""
        if not statement.level_after:
            return -1
        position = self._source.after_group(end) if statement.has_condition or lower == "repeat" else end
        return -1 if position is None else self._source.opening(position)

    def _bodies_of(self, name: str, body: int) -> None:
        """Indent the group of statements after a condition and, for `eIf`, the next group, which is the "else" part."""
        close = self._source.pairs[body]
        self._bodies[body], self._bodies[close] = (1, ""), (-1, "")
        else_body = self._source.opening(close + 1) if name == "eIf" else -1
        if else_body >= 0:
            self._bodies[else_body], self._bodies[self._source.pairs[else_body]] = (1, "**else**"), (-1, "")

    def _call(self, lower: str, end: int) -> int:
        """Write a call, or the first line of a function or procedure, with its arguments in parentheses."""
        if lower != "call":
            self._begin_statement()
            self._write(latex_algorithms.STATEMENTS[lower].before)
            self._algorithm_level = (self._algorithm_level or 0) + 1
        arguments = self._source.opening(self._source.after_group(end) or end)
        if arguments >= 0:
            self._brackets |= {arguments, self._source.pairs[arguments]}
        return end

    # Environments

    def _begin(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        if base in FORMULA_ENVIRONMENTS:
            return self._formula_environment(name, end)
        if base in DRAWINGS:
            close = self._find(f"\\end{{{name}}}", end)
            if close >= 0 and base in ("tikzcd", "CD"):
                formula = _formula(self._text[end:close], self._codes)
                self._out.append(_display(f"\\begin{{{base}}}{formula}\\end{{{base}}}"))
            return close + len(name) + 6 if close >= 0 else end
        if overlay := _OVERLAY.match(self._text, end):
            end = overlay.end()
        option = self._source.option(end)
        title = option[0] if option else ""
        if name in self._theorems and not (base in latex_algorithms.ENVIRONMENTS and self._algorithm_level is not None):
            end = option[1] if option else end
            name_option = _OPTION_NAME.search(title)
            title = (name_option.group(1) or name_option.group(2)).strip() if name_option else title
            self._begin_theorem(self._theorems[name], title)
            return end
        end = option[1] if option else end
        for _ in range(ENVIRONMENT_ARGUMENTS.get(name, 0)):
            for _ in range(2):
                option = self._source.option(end)
                end = option[1] if option else end
            group = self._source.group(end)
            end = group[1] if group else end
        if overlay := _OVERLAY.match(self._text, end):
            end = overlay.end()
        if name in TABLES:
            self._tables.append(_Table(before=self._out, depth=self._depth))
            self._out = []
            return end
        self._out.append("\n\n")
        if base in LISTS:
            self._lists.append(LISTS[base])
            self._is_in_list = False
        if base in latex_algorithms.ENVIRONMENTS:
            self._algorithm_level, self._has_statement = 0, False
        self._is_tabbing = self._is_tabbing or base == "tabbing"
        if base not in LISTS and (box_title := _BOX_TITLE.search(title)):
            self._out.append(f"**{self._label((box_title.group(1) or box_title.group(2) or '').strip())}**\n\n")
        if base in ENVIRONMENT_TITLES:
            self._out.append(f"## {ENVIRONMENT_TITLES[base]}\n\n")
        elif base in ("frame", "block", "alertblock", "exampleblock") and self._source.group(end):
            marks = ("\n\n### ", "\n\n") if base == "frame" else ("\n\n**", "**\n\n")
            return self._open_group(end, *marks)
        return end

    def _begin_theorem(self, kind: str, name: str) -> None:
        name_text = self._label(name)
        if kind == "Proof" and name_text:
            self._out.append(f"\n\n**{name_text.rstrip('.')}.** ")
        else:
            self._out.append(f"\n\n**{kind}** ({name_text}). " if name_text.strip() else f"\n\n**{kind}.** ")

    def _formula_environment(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        closing = f"\\end{{{name}}}"
        close = self._find(closing, end)
        if close < 0:
            return end
        for _ in range(ENVIRONMENT_ARGUMENTS.get(base, 0)):
            group = self._source.group(end)
            end = group[1] if group and group[1] <= close else end
        formula = _formula(self._text[end:close], self._codes)
        if base == "math":
            self._inline(formula)
        else:
            self._out.append(_display(formula, FORMULA_ENVIRONMENTS[base]))
        return close + len(closing)

    def _end(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        if name in TABLES:
            if self._tables:
                self._end_table()
            return end
        if base in latex_algorithms.ENVIRONMENTS:
            self._algorithm_level = None
        self._is_tabbing = self._is_tabbing and base != "tabbing"
        if base in LISTS and self._lists:
            self._lists.pop()
            self._is_in_list = bool(self._lists)
        self._out.append("\n\n")
        return end

    # Tables

    def _next_cell(self) -> None:
        cells = self._tables[-1].cells
        cells.append("".join(self._out).strip())
        cells += [""] * (self._spanned_columns - 1)
        self._spanned_columns = 0
        self._out = []

    def _next_row(self) -> None:
        if self._depth > self._tables[-1].depth:
            self._write(" ")
            return
        self._next_cell()
        open_table = self._tables[-1]
        if any(open_table.cells):
            open_table.rows.append(open_table.cells)
        open_table.cells = []

    def _repeated_rows(self, name: str) -> None:
        """Keep the first head of a long table, and drop the other rows that it repeats on each page."""
        open_table = self._tables[-1]
        if name == "endfirsthead":
            open_table.has_first_head = True
            # `\endhead` may come before.
            open_table.head_rows = open_table.rows[len(open_table.head_rows) :]
            open_table.rows = list(open_table.head_rows)
        elif name == "endhead" and not open_table.has_first_head:
            open_table.head_rows = list(open_table.rows)
        else:
            open_table.rows = list(open_table.head_rows)

    def _end_table(self) -> None:
        open_table = self._tables[-1]
        open_table.depth = max(open_table.depth, self._depth)
        self._next_row()
        self._tables.pop()
        self._out = open_table.before
        if self._tables:
            self._out.append("; ".join(", ".join(cell for cell in row if cell) for row in open_table.rows))
        else:
            self._out.append(f"\n\n{table(open_table.rows)}\n\n")


# Items at greater depth are not indented further.
_DEEPEST_LIST = 10
_LONGEST_LABEL = 2000
_EMPTY_ITEM = re.compile(r"\n* *- ")
_TABBING = {"=": " ", ">": " ", "<": "", "+": "", "-": "", "'": " ", "`": " "}
_OVERLAY = re.compile(r"<(?:[a-z]+:)?(?:[\d+.]|-\d)[\d+.,|:@a-z() -]{0,40}>|<[a-z]+@[^<>\n]{1,40}>")
_OVERLAID = frozenset({"item", "pause", "onslide", "only", "uncover", "visible", "invisible", "alt", "action"})
_RULES = frozenset({"hline", "toprule", "midrule", "bottomrule", "addlinespace", "linebreak", "pagebreak"})
_SIDES = re.compile(r"\([lr](?:\{[^{}]*\})?[lr]?(?:\{[^{}]*\})?\)")
_FRACTIONS = frozenset({"frac", "tfrac", "dfrac", "sfrac", "cfrac", "nicefrac", "xfrac", "textfrac", "unitfrac"})
# Macros of links, whose first group is the text and whose second group is the target.
_LINKS = frozenset({"PMlinkname", "PMlinkexternal", "PMlinkid", "PMlinktofile", "htmladdnormallink"})
_PLAIN_TERM = re.compile(r"[\w.,°]{1,60}")
# Macros with one group; a group that follows it is not an argument.
_FONT = re.compile(r"(?:emph|text\w*|math\w+|[mhvf]box|underline|uppercase|lowercase|Make\w+case|alert|structure)\Z")
_OPTION_NAME = re.compile(r"(?:\A|,)\s*name\s*=\s*(?:\{([^{}]*)\}|([^,{}]*))")
_BOX_TITLE = re.compile(r"(?:\A|,)\s*(?:frame)?title\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,{}]*))")
_MATH_TOKEN = re.compile(r"\\.|[{}$]", re.DOTALL)
_EMPTY_BRACKETS = re.compile(r" \( ?(?:[,;] ?)*\)| \[\]")
_EMPTY_MARK = re.compile(r" *(?:-|1\.)\Z")
# Lines that begin a block and therefore cannot follow the mark of an item.
_BLOCK_LINE = re.compile(r" *(?:- |1\. |#|\|)")
_ITEM_LINE = re.compile(r" *(?:- |1\. )")


def _tidy(text: str) -> str:
    """Remove spaces at line ends, empty brackets of references and repeated blank lines, except in code."""
    lines: list[str] = []
    fence = item_mark = ""
    for line in text.split("\n"):
        if fence or line.startswith("```"):
            if fence and line == fence:
                fence = ""
            elif not fence:
                fence = line[: len(line) - len(line.lstrip("`"))]
                item_mark = ""
            lines.append(line)
            continue
        line = re.sub(r"(?<=\S)[ \t]{2,}", " ", line.rstrip())
        line = line if _ITEM_LINE.match(line) else line.lstrip()
        line = _EMPTY_BRACKETS.sub("", line)
        if _EMPTY_MARK.match(line):
            item_mark = f"{line} "
            continue
        if item_mark and line:
            line = f"{item_mark}{line}" if not _BLOCK_LINE.match(line) else line
            item_mark = ""
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()
