r"""LaTeX and plain TeX: the text of the body as Markdown, with its formulas as they are.

The file is read in four steps, each once from left to right: code and comments are set aside, definitions of the author
are taken out and put in where they are used, title and authors are taken out, and what is left is written by `_Writer`,
which keeps open groups and environments on stacks. Nothing is run and no other file is opened.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kgsynth.errors import RecordError
from kgsynth.records import Document, Remark
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.markdown import code_span, fenced, table
from kgsynth_loaders.readers.plain import read_text

# Set-aside code stands in the text as a number between these; neither is a character.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_NO_CHARACTERS = {ord(_OPEN): None, ord(_CLOSE): None}


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    r"""The body, or the whole file where it is a part without `\documentclass`.

    Raises:
        RecordError: the bytes are no text, or nothing is left of it.
    """
    from pylatexenc.latex2text import get_default_latex_context_db

    file = read_text(path, options)
    yield from file.remarks()
    db = get_default_latex_context_db()

    def symbol(name: str) -> str | None:
        spec = db.get_macro_spec(name)
        found = getattr(spec, "simplify_repl", None)
        return found if isinstance(found, str) and "%" not in found and len(found) < 10 else None

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
    """A text in Markdown and what its source says of it."""

    text: str
    fields: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def convert(text: str, symbol: Callable[[str], str | None]) -> Converted:
    """A source in LaTeX as Markdown.

    Args:
        text: the whole source.
        symbol: the character that a macro stands for by its name without backslash; None for no such macro.
    """
    text, codes = _set_aside(text.translate(_NO_CHARACTERS))
    definitions, theorems, text = _definitions(text)
    text = _expanded(text, definitions)
    fields, lists, text = _fields(text)
    body = _body(text)

    def written(source: str) -> str:
        return _Writer(source, codes, theorems, symbol).written()

    result = Converted(written(body))
    for name, value in fields.items():
        line = " ".join(written(value).split())
        if name == "author":
            line = "; ".join(part.strip(" ;,") for part in line.split(_AND) if part.strip(" ;,"))
        if line:
            result.fields[name] = line
    for value in lists:
        line = " ".join(written(value).split())
        result.topics += [part for part in (part.strip(" .") for part in re.split(r"[,;·]", line)) if part]
    result.topics = list(dict.fromkeys(result.topics))
    result.metadata = {
        name: result.fields.pop(name) for name in ("institution", "email", "subject_class") if name in result.fields
    }
    inputs = len(re.findall(r"\\(?:input|include|subfile|import)\b", body))
    if inputs:
        result.metadata["inputs"] = str(inputs)
    return result


# --- Code and comments

_CODE_ENVIRONMENTS = (
    "verbatim*", "verbatim", "Verbatim", "BVerbatim", "LVerbatim", "lstlisting", "minted", "alltt", "pycode",
    "Highlighting", "python", "spverbatim", "code", "sagesilent", "sageblock", "comment", "filecontents*",
    "filecontents",
)  # fmt: skip
_NO_TEXT_ENVIRONMENTS = frozenset({"comment", "filecontents", "filecontents*", "sagesilent"})
_CODE_START = re.compile(
    r"\\(?:verb\*?(?P<verb>[^\sa-zA-Z*])|lstinline(?:\[[^\]\n]*\])?(?P<inline>[^\sa-zA-Z])"
    r"|mintinline(?:\[[^\]\n]*\])?\{[^{}\n]*\}(?P<mint>[^\sa-zA-Z])"
    rf"|begin[ \t]*\{{(?P<name>{'|'.join(map(re.escape, _CODE_ENVIRONMENTS))})\}}|[\\%{{}}$&#_])"
    r"|(?P<comment>%[^\n]*(?:\n[ \t]*(?=\S)|\Z)?)",
)
_CODE_OPTIONS = re.compile(r"[ \t]*(?:\[((?:[^\[\]\n]|\{[^{}]*\})*)\])?[ \t]*(?:\{([\w+#./-]*)\})?[ \t]*(?:\n|\Z)?")
_CODE_LANGUAGE = re.compile(r"language\s*=\s*\{?(?:\[[^\]]*\])?\s*([\w+#]+)")
_CODE_CAPTION = re.compile(r"(?:caption|title)\s*=\s*(?:\{([^{}]*)\}|([^,\]]*))")


def _set_aside(text: str) -> tuple[str, list[str]]:
    """The text without comments and with a number for each piece of code, and the pieces in Markdown."""
    codes: list[str] = []
    out: list[str] = []
    lacking: set[str] = set()
    place = 0
    while found := _CODE_START.search(text, place):
        out.append(text[place : found.start()])
        place = found.end()
        name = found.group("name")
        mark = found.group("verb") or found.group("inline") or found.group("mint")
        if found.group("comment") is not None:
            continue
        if name:
            end = -1 if name in lacking else text.find(f"\\end{{{name}}}", place)
            if end < 0:
                lacking.add(name)
                continue
            piece = "" if name in _NO_TEXT_ENVIRONMENTS else _code_block(name, text[place:end])
            place = end + len(name) + 6
        elif mark:
            end = text.find("}" if mark == "{" else mark, place, place + 1000)
            if end < 0 or "\n" in text[place:end]:
                out.append(found.group(0))
                continue
            piece, place = code_span(text[place:end]), end + 1
        else:
            out.append(found.group(0))
            continue
        out.append(f"{_OPEN}{len(codes)}{_CLOSE}")
        codes.append(piece)
    out.append(text[place:])
    return "".join(out), codes


# What pandoc puts around words of highlighted code, and how it writes marks within.
_HIGHLIGHTED = re.compile(r"\\[A-Za-z]{1,30}Tok\{([^{}]*)\}")
_GROUP_OF_ONE = re.compile(r"(?<!Tok)\{([^{}\\\n])\}")
_WRITTEN_MARKS = (
    ("\\textbackslash{}", "\x01"), ("\\{", "\x02"), ("\\}", "\x03"), ("\\textless{}", "<"), ("\\textgreater{}", ">"),
    ("\\textquotesingle{}", "'"), ("\\textasciitilde{}", "~"), ("\\textasciigrave{}", "`"), ("\\textbar{}", "|"),
    ("\\^{}", "^"), ("\\~{}", "~"),
)  # fmt: skip


def _without_highlights(code: str) -> str:
    """Code as pandoc highlights it in LaTeX, as plain text."""
    for written, meant in _WRITTEN_MARKS:
        code = code.replace(written, meant)
    code = _HIGHLIGHTED.sub(r"\1", _GROUP_OF_ONE.sub(r"\1", code))
    code = re.sub(r"\\([&%$#_])", r"\1", code)
    return code.replace("\x01", "\\").replace("\x02", "{").replace("\x03", "}")


def _code_block(name: str, content: str) -> str:
    if name == "Highlighting":
        content = _without_highlights(content)
    options = _CODE_OPTIONS.match(content)
    if options is None or name in ("verbatim", "verbatim*", "alltt"):
        return f"\n\n{fenced(content.strip(chr(10)).rstrip())}\n\n"
    given = options.group(1) or ""
    language = _CODE_LANGUAGE.search(given)
    caption = _CODE_CAPTION.search(given)
    named = (language.group(1) if language else "") or (options.group(2) or "") or ("python" if "py" in name else "")
    above = f"{(caption.group(1) or caption.group(2) or '').strip()}\n\n" if caption else ""
    return f"\n\n{above}{fenced(content[options.end() :].strip(chr(10)).rstrip(), named.lower())}\n\n"


# --- Groups


def _matching(text: str, opening: str = "{", closing: str = "}") -> dict[int, int]:
    """For each opening brace the place of its closing one; escaped ones do not count."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for found in re.finditer(rf"\\.|[{re.escape(opening + closing)}]", text, re.DOTALL):
        char = found.group(0)
        if char == opening:
            waiting.append(found.start())
        elif char == closing and waiting:
            pairs[waiting.pop()] = found.start()
    return pairs


def _matching_brackets(text: str) -> dict[int, int]:
    """For each square bracket the place of the one that closes it in the same group and paragraph."""
    pairs: dict[int, int] = {}
    # Open brackets, and -1 for an open brace.
    waiting: list[int] = []
    for found in re.finditer(r"\\.|[{}\[\]]|\n[ \t]*\n", text, re.DOTALL):
        char = found.group(0)
        if char == "{":
            waiting.append(-1)
        elif char == "[":
            waiting.append(found.start())
        elif char == "]" and waiting and waiting[-1] >= 0:
            pairs[waiting.pop()] = found.start()
        elif char == "}" or char[0] == "\n":
            while waiting and waiting[-1] >= 0:
                waiting.pop()
            if char == "}" and waiting:
                waiting.pop()
    return pairs


_BLANKS = re.compile(r"[ \t]*\n?[ \t]*")
_TOKEN_ARGUMENT = re.compile(r"\\(?:[A-Za-z@]+|.)|[^\s{}\\]", re.DOTALL)
_LONGEST_OPTION = 2000


class _Source:
    """A text with its groups, from which arguments are taken."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs = _matching(text)
        self._brackets: dict[int, int] | None = None

    def group(self, place: int) -> tuple[str, int] | None:
        """The content of a group that begins at a place or after blanks, and the place after it."""
        start = self._after_blanks(place)
        if start in self.pairs:
            return self.text[start + 1 : self.pairs[start]], self.pairs[start] + 1
        return None

    def argument(self, place: int) -> tuple[str, int] | None:
        """A group, or one character or macro."""
        group = self.group(place)
        if group:
            return group
        found = _TOKEN_ARGUMENT.match(self.text, self._after_blanks(place))
        return (found.group(0), found.end()) if found else None

    def option(self, place: int) -> tuple[str, int] | None:
        """The content of square brackets that begin at a place or after blanks, and the place after them."""
        start = self._after_blanks(place)
        if self.text[start : start + 1] != "[":
            return None
        if self._brackets is None:
            self._brackets = _matching_brackets(self.text)
        end = self._brackets.get(start, -1)
        return (self.text[start + 1 : end], end + 1) if 0 <= end <= start + _LONGEST_OPTION else None

    def _after_blanks(self, place: int) -> int:
        found = _BLANKS.match(self.text, place)
        return found.end() if found else place


# --- Definitions of the author

_DEFINES = re.compile(
    r"\\(?:(?P<new>(?:re)?newcommand|providecommand|DeclareRobustCommand|NewDocumentCommand|newrobustcmd)\*?(?![A-Za-z])"
    r"|(?P<operator>DeclareMathOperator\*?)(?![A-Za-z])|(?P<theorem>(?:new|declare)theorem\*?)(?![A-Za-z])"
    r"|(?P<environment>(?:re)?newenvironment|NewDocumentEnvironment)\*?(?![A-Za-z])"
    r"|(?P<let>let)\s*\\[A-Za-z@]+\s*=?\s*\\[A-Za-z@]+|(?:long\s*|global\s*|outer\s*)?\\?(?P<def>[egx]?def)\s*(?=\\))"
)
_DEF_HEAD = re.compile(r"\\([A-Za-z@]+|.)((?:#\d)*)[ \t]*\n?(?=\{)", re.DOTALL)
_MACRO_NAME = re.compile(r"[ \t]*\{?[ \t]*\\([A-Za-z@]+|[^\w\s])[ \t]*\}?", re.DOTALL)
_PROGRAM = re.compile(
    r"\\(?:expandafter|csname|futurelet|@?ifnextchar|newif|catcode|ifx|ifnum|loop|@ifstar|edef|noexpand|def)(?![A-Za-z])"
)
_MAX_PASSES = 12
_MOST_ADDED_CHARS = 2_000_000


class _Macro(NamedTuple):
    body: str
    parameters: int = 0
    default: str | None = None


_THEOREMS = {
    "theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proposition": "Proposition",
    "prop": "Proposition", "corollary": "Corollary", "cor": "Corollary", "definition": "Definition",
    "defn": "Definition", "example": "Example", "examples": "Examples", "exercise": "Exercise", "remark": "Remark",
    "rem": "Remark", "remarks": "Remarks", "note": "Note", "claim": "Claim", "conjecture": "Conjecture",
    "axiom": "Axiom", "fact": "Fact", "problem": "Problem", "question": "Question", "solution": "Solution",
    "observation": "Observation", "assumption": "Assumption", "notation": "Notation", "proof": "Proof",
    "theorem*": "Theorem", "lemma*": "Lemma", "proof*": "Proof", "definition*": "Definition", "remark*": "Remark",
}  # fmt: skip


def _definitions(text: str) -> tuple[dict[str, _Macro], dict[str, str], str]:
    """What the author defines, names of theorems, and the text without these definitions."""
    source = _Source(text)
    macros: dict[str, _Macro] = {}
    theorems = dict(_THEOREMS)
    out: list[str] = []
    place = 0
    while found := _DEFINES.search(text, place):
        end = _definition(source, found, macros, theorems)
        out.append(text[place : found.start()] if end > 0 else text[place : found.end()])
        place = end if end > 0 else found.end()
    out.append(text[place:])
    return macros, theorems, "".join(out)


def _definition(source: _Source, found: re.Match[str], macros: dict[str, _Macro], theorems: dict[str, str]) -> int:
    """Keep one definition; the place after it, 0 where it is none."""
    if found.group("let"):
        return found.end()
    if found.group("theorem"):
        return _theorem(source, found.end(), theorems)
    if found.group("def"):
        head = _DEF_HEAD.match(source.text, found.end())
        body = source.group(head.end()) if head else None
        if head is None or body is None:
            # Parameters with words between them are beyond this reader; the body is no text either way.
            brace = source.text.find("{", found.end(), found.end() + 200)
            return source.pairs[brace] + 1 if brace in source.pairs else 0
        _keep(macros, head.group(1), _Macro(body[0], head.group(2).count("#")))
        return body[1]
    if found.group("environment"):
        place: int | None = found.end()
        for _ in range(3):
            while place is not None and (option := source.option(place)):
                place = option[1]
            group = source.group(place) if place is not None else None
            place = group[1] if group else None
        return place or 0
    name = _MACRO_NAME.match(source.text, found.end())
    if not name:
        return 0
    count, default, place_ = _parameters(source, name.end())
    body = source.argument(place_)
    if body is None:
        return 0
    content = f"\\operatorname{{{body[0]}}}" if found.group("operator") else body[0]
    _keep(macros, name.group(1), _Macro(content, count, default))
    return body[1]


def _parameters(source: _Source, place: int) -> tuple[int, str | None, int]:
    """How many parameters a macro has, the default of the first, and the place of its body."""
    option = source.option(place)
    if not option:
        kinds = source.group(place)
        # As `\NewDocumentCommand{\x}{m m}{…}` has them.
        if kinds and re.fullmatch(r"[ mo+v]*", kinds[0]) and source.group(kinds[1]):
            return kinds[0].count("m"), None, kinds[1]
        return 0, None, place
    count = int(option[0]) if option[0].strip().isdigit() else 0
    default = source.option(option[1])
    return min(count, 9), default[0] if default else None, default[1] if default else option[1]


def _keep(macros: dict[str, _Macro], name: str, macro: _Macro) -> None:
    if _PROGRAM.search(macro.body) or "@" in macro.body or re.search(rf"\\{re.escape(name)}(?![A-Za-z])", macro.body):
        macros.pop(name, None)
    elif name not in _STRUCTURE:
        macros[name] = macro


def _theorem(source: _Source, place: int, theorems: dict[str, str]) -> int:
    name = source.group(place)
    if not name:
        return 0
    place = name[1]
    if option := source.option(place):
        place = option[1]
    title = source.group(place)
    if not title:
        return place
    theorems[name[0].strip()] = title[0].strip()
    option = source.option(title[1])
    return option[1] if option else title[1]


def _expanded(text: str, macros: dict[str, _Macro]) -> str:
    """The text with the author's macros put in, as deep as they stand in each other and a limit of length allows."""
    if not macros:
        return text
    names = "|".join(sorted((re.escape(name) for name in macros), key=len, reverse=True))
    pattern = re.compile(rf"\\(?:({names})(?![A-Za-z@])|[A-Za-z@]+|.)", re.DOTALL)
    limit = len(text) + _MOST_ADDED_CHARS
    for _ in range(_MAX_PASSES):
        made = _expanded_once(text, macros, pattern, limit)
        if made is None:
            break
        text = made
    return text


def _expanded_once(text: str, macros: dict[str, _Macro], pattern: re.Pattern[str], limit: int) -> str | None:
    """The text after one pass; None where nothing is to be done or the text would grow too long."""
    source = _Source(text)
    out: list[str] = []
    place = length = 0
    has_any = False
    while found := pattern.search(text, place):
        name = found.group(1)
        piece, end = found.group(0), found.end()
        if name is not None:
            piece, end = _used(source, macros[name], found.end())
            has_any = True
        out += [text[place : found.start()], piece]
        length += end - place + len(piece)
        if length > limit * 2:
            return None
        place = end
    out.append(text[place:])
    made = "".join(out)
    return made if has_any and len(made) <= limit else None


def _used(source: _Source, macro: _Macro, place: int) -> tuple[str, int]:
    arguments: list[str] = []
    if macro.default is not None:
        option = source.option(place)
        arguments.append(option[0] if option else macro.default)
        place = option[1] if option else place
    while len(arguments) < macro.parameters:
        found = source.argument(place)
        if not found:
            break
        arguments.append(found[0])
        place = found[1]
    if not macro.parameters:
        body = macro.body
        following = source.text[place : place + 1]
        is_word = re.search(r"\\[A-Za-z]+\Z", body[-40:]) and following.isalpha()
        return (body + " " if is_word else body), place

    def argument(found: re.Match[str]) -> str:
        number = int(found.group(1))
        return arguments[number - 1] if 0 < number <= len(arguments) else ""

    body = re.sub(r"#(\d)", argument, macro.body) if len(macro.body) < 20_000 else macro.body
    return body, place


# --- Title and authors

_AND = "\ufdd2"
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
    """The source of each field, of all keywords, and the text without them."""
    source = _Source(text)
    fields: dict[str, str] = {}
    keywords: list[str] = []
    out: list[str] = []
    place = 0
    while found := _FIELD.search(text, place):
        out.append(text[place : found.start()])
        place = found.end()
        option = source.option(place)
        group = source.group(option[1] if option else place)
        if group is None:
            if not option:
                out.append(found.group(0))
            continue
        place = group[1]
        macro = found.group(1)
        if macro in _TWO_ARGUMENTS and (second := source.group(place)):
            place = second[1]
        _keep_field(fields, keywords, _FIELDS[macro], group[0])
    out.append(text[place:])
    rest = "".join(out)
    keywords += [found.group(2).replace("\\sep", ",") for found in _KEYWORDS_ENVIRONMENT.finditer(rest)]
    return fields, keywords, _KEYWORDS_ENVIRONMENT.sub("", rest) if keywords else rest


def _keep_field(fields: dict[str, str], keywords: list[str], name: str, value: str) -> None:
    if name == "keywords":
        keywords.append(value)
    elif name == "author":
        value = re.sub(r"\\(?:and|And|AND)(?![A-Za-z])", _AND, value)
        lines = [line for line in re.split(r"\\\\", value) if line.strip()]
        # Lines after the name are places of work.
        value = _AND.join(part.split("\\\\")[0] for part in value.split(_AND)) if len(lines) > 1 else value
        fields["author"] = f"{fields['author']}{_AND}{value}" if "author" in fields else value
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

_FORMULA_ENVIRONMENTS = {
    "equation": "", "displaymath": "", "dmath": "", "math": "", "align": "aligned", "flalign": "aligned",
    "alignat": "aligned", "eqnarray": "aligned", "gather": "gathered", "multline": "gathered",
    "IEEEeqnarray": "aligned",
    "xalignat": "aligned", "dgroup": "gathered", "aligned": "aligned", "gathered": "gathered", "cases": "cases",
    "pmatrix": "pmatrix", "bmatrix": "bmatrix", "matrix": "matrix", "vmatrix": "vmatrix", "split": "aligned",
}  # fmt: skip
_NO_FORMULA = re.compile(
    r"\\(?:label|index|vspace|hspace\*?)\s*\{[^{}]*\}|\\(?:nonumber|notag|allowdisplaybreaks)(?![A-Za-z])"
)
_TAGGED = re.compile(r"\\(?:eq|l?eq)no\s*(?=[({])")


def _formula(source: str, codes: list[str]) -> str:
    """A formula without labels and blank lines."""
    source = _NO_FORMULA.sub("", source)
    source = re.sub(
        rf"{_OPEN}(\d+){_CLOSE}", lambda found: f"\\texttt{{{codes[int(found.group(1))].strip('`')}}}", source
    )
    lines = [line.strip() for line in source.split("\n")]
    text = "\n".join(line for line in lines if line)
    slashes = len(text) - len(text.rstrip("\\"))
    return text + " " if slashes % 2 else text


def _display(source: str, environment: str = "") -> str:
    if not source.strip():
        return ""
    if environment:
        source = f"\\begin{{{environment}}}\n{source}\n\\end{{{environment}}}"
    inner = f"\n{source}\n" if "\n" in source else source
    return f"\n\n$${inner}$$\n\n"


# --- Writing

_TEX_TOKEN = re.compile(
    rf"{_OPEN}\d+{_CLOSE}|\\(?:begin|end)[ \t]*\{{[^{{}}\n]{{0,60}}\}}|\\[A-Za-z@]+\*?|\\.|\$\$|\$|[{{}}~&]|---?"
    r"|``|''|`|\n[ \t]*\n\s*|\\\Z",
    re.DOTALL,
)
_HEADINGS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
    "frametitle": 3, "beginsection": 2, "subtitle": 3, "appendixsection": 2, "sect": 2, "subsect": 3,
}  # fmt: skip
# How many groups belong to a macro of which nothing is text.
_OUT = {
    name: count
    for count, names in (
        (0, "centering maketitle tableofcontents listoffigures listoftables newpage clearpage cleardoublepage "
            "pagebreak "
            "noindent indent par bigskip medskip smallskip hfill vfill hrule bf it rm sl sc tt em sf bfseries itshape "
            "rmfamily ttfamily sffamily scshape slshape upshape mdseries normalfont tiny scriptsize footnotesize small "
            "normalsize large Large LARGE huge Huge raggedright raggedleft flushbottom raggedbottom sloppy fussy "
            "frontmatter mainmatter backmatter appendix printindex makeindex doublespacing singlespacing "
            "onehalfspacing "
            "protect relax leavevmode null strut hline toprule midrule bottomrule endhead endfirsthead endfoot "
            "endlastfoot qed qedhere qedsymbol nobreak allowbreak linebreak nolinebreak nopagebreak eject vfil hfil "
            "vfill break goodbreak filbreak and unskip ignorespaces obeylines hss vss magnification nopagenumbers "
            "displaystyle textstyle limits nolimits left right big Big bigg Bigg printbibliography makeatletter "
            "makeatother today columnbreak selectfont mathstrut phantomsection xspace frenchspacing "
            "nonfrenchspacing pause proclaim endproclaim demo enddemo begingroup endgroup bgroup egroup hbox vbox mbox "
            "centerline leftline rightline line narrower dotfill hrulefill smallbreak medbreak bigbreak "
            "textwidth linewidth columnwidth baselineskip parindent parskip hsize vsize noalign"),
        (1, "label index cite citep citet citealt citealp nocite parencite textcite autocite footcite ref "
            "eqref pageref autoref cref Cref vref nameref prettyref usepackage RequirePackage input include subfile "
            "includeonly documentclass documentstyle bibliographystyle bibliography pagestyle thispagestyle vspace "
            "hspace includegraphics graphicspath epsfig epsfbox psfig addbibresource hyphenation theoremstyle "
            "pagenumbering usetikzlibrary cline cmidrule hypersetup geometry color pagecolor title author "
            "DeclareGraphicsExtensions enlargethispage phantom hphantom vphantom glsresetall listinginputfile "
            "linespread stepcounter refstepcounter value arabic roman "
            "thanks footnotemark markright thispage lstset captionsetup setbeamertemplate usetheme usecolortheme "
            "usebeamerfont specialsection tikz special newcounter newlength newif lstinputlisting verbatiminput "
            "tikzset pgfplotsset ctikzset addtocategory usefonttheme selectlanguage"),
        (2, "setlength addtolength setcounter addtocounter fontsize markboth rule import numberwithin newfloat "
            " inputminted"),
        (3, "addcontentsline definecolor"),
    )
    for name in names.split()
}  # fmt: skip
# Macros after which a tie or blank before them goes too.
_REFERENCES = frozenset(
    "cite citep citet citealt citealp parencite textcite autocite footcite ref eqref pageref autoref cref Cref vref "
    "nameref prettyref label index footnotemark".split()
)
# Groups before the one that is text.
_BEFORE_TEXT = {
    "textcolor": 1, "colorbox": 1, "parbox": 1, "raisebox": 1, "resizebox": 2, "scalebox": 1, "rotatebox": 1,
    "makebox": 0, "framebox": 0, "fcolorbox": 2, "foreignlanguage": 1, "multirow": 2, "hyperlink": 1, "hypertarget": 1,
    "href": 1, "fontfamily": 1, "hyperref": 0, "adjustbox": 1, "only": 0, "footnotetext": 0, "bibitem": 0,
}  # fmt: skip
# What stands around the text of a macro's group.
_AROUND = {
    "footnote": (" (", ")"), "footnotetext": (" (", ")"), "marginpar": (" (", ")"), "textsuperscript": ("^{", "}"),
    "textsubscript": ("_{", "}"), "texttt": ("`", "`"), "url": ("", ""), "caption": ("\n\n", "\n\n"),
    "captionof": ("\n\n", "\n\n"), "subcaption": ("\n\n", "\n\n"), "path": ("`", "`"), "sout": ("~~", "~~"),
    "code": ("`", "`"), "enquote": ("“", "”"), "nolinkurl": ("", ""),
}  # fmt: skip
_STRUCTURE = frozenset({*_HEADINGS, *_AROUND, "item", "emph", "textbf", "textit", "caption", "maketitle"})
_ENVIRONMENT_ARGUMENTS = {
    "minipage": 1, "multicols": 1, "wrapfigure": 2, "wraptable": 2, "subfigure": 1, "subtable": 1, "adjustbox": 1,
    "thebibliography": 1, "tabular": 1, "array": 1, "longtable": 1, "tabularx": 2, "tabular*": 2, "tabulary": 2,
    "supertabular": 1, "tblr": 1, "tabu": 1, "column": 1, "list": 2, "textblock": 1, "spacing": 1, "IEEEeqnarray": 1,
    "longtabu": 1, "xtabular": 1, "otherlanguage": 1, "alignat": 1, "addmargin": 1, "rotate": 1, "turn": 1,
}  # fmt: skip
_TABLES = frozenset(
    "tabular array longtable tabularx tabular* tabulary supertabular tblr tabu longtabu xtabular".split()
)
_LISTS = {
    "itemize": "- ", "enumerate": "1. ", "description": "- ", "compactitem": "- ", "compactenum": "1. ", "list": "- ",
    "trivlist": "- ", "thebibliography": "- ", "inparaenum": "1. ", "dinglist": "- ", "asparaenum": "1. ",
}  # fmt: skip
_DRAWINGS = frozenset(
    "tikzpicture picture pspicture psmatrix tikzcd CD diagram asy pgfpicture circuitikz forest "
    "dot2tex sageplot feynman".split()
)
_ENVIRONMENT_TITLES = {
    "abstract": "Abstract", "acknowledgements": "Acknowledgements", "acknowledgments": "Acknowledgments",
    "acknowledgement": "Acknowledgement", "thebibliography": "References",
}  # fmt: skip
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "d": "\u0323", "b": "\u0331", "r": "\u030a",
    "t": "\u0361",
}  # fmt: skip
_ACCENTED = re.compile(
    r"[ \t]*(?:\{[ \t]*(?:\\([ij])(?![A-Za-z])|([^{}\\\s]?))[ \t]*(?:\{\})?\}|\\([ij])(?![A-Za-z])[ \t]*|([^{}\\\s]))"
)
_CHARACTERS = {
    "&": "&", "%": "%", "#": "#", "_": "_", "{": "{", "}": "}", "$": "\\$", "\\": "\n", " ": " ", "\n": " ", ",": " ",
    ";": " ", ":": " ", "!": "", "/": "", "-": "", "@": "", "*": "", "+": "", "|": "‖", ">": " ", "<": "", "\t": " ",
}  # fmt: skip
_WORDS = {
    "LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "XeTeX": "XeTeX", "LuaTeX": "LuaTeX",
    "AmS": "AMS", "ldots": "…", "dots": "…", "textellipsis": "…", "textbackslash": "\\", "textasciitilde": "~",
    "textasciicircum": "^", "textless": "<", "textgreater": ">", "textbar": "|", "textunderscore": "_", "lbrace": "{",
    "rbrace": "}", "textquotedblleft": "“", "textquotedblright": "”", "textquoteleft": "‘", "textquoteright": "’",
    "quad": " ", "qquad": " ", "space": " ", "enspace": " ", "thinspace": " ", "slash": "/", "newline": "\n",
    "i": "ı", "j": "ȷ", "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "dag": "†", "ddag": "‡", "euro": "€",
    "textdegree": "°", "degree": "°", "textmu": "µ", "textendash": "–", "textemdash": "—", "lq": "‘", "rq": "’",
    "cr": "\n", "tabularnewline": "\n", "textbullet": "•", "textdollar": "\\$", "hskip": " ", "vskip": "", "kern": "",
}  # fmt: skip
_DIMENSION = re.compile(
    r"\s*=?\s*-?(?:\d+\.?\d*|\.\d+)\s*(?:true\s*)?(?:pt|em|ex|cm|mm|in|pc|bp|sp|\\\w+)(?:\s*(?:plus|minus)\s*-?[\d.]+\s*\w{2,4})*"
)
_ASSIGNED = frozenset(
    "vskip hskip kern parindent parskip hsize vsize baselineskip textwidth magnification lineskip "
    "raise lower hoffset voffset".split()
)
# Macros that are used in text but are formulas.
_TITLE_LINE = re.compile(r"[ \t]*([^\s\\{}][^\n\\{}]{0,300})(?:\\par)?(?=\n|\Z)")
_IN_TEXT_FORMULA = re.compile(
    r"(?:alpha|beta|gamma|delta|epsilon|pi|sigma|omega|lambda|mu|infty|leq?|geq?|neq|times|rightarrow|to)\Z"
)


@dataclass(slots=True)
class _Table:
    """A table that is being written: finished rows, cells of the current one, and what was written before it."""

    before: list[str]
    depth: int
    rows: list[list[str]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    has_first_head: bool = False


class _Writer:
    """Markdown of one stretch of LaTeX without definitions, comments and code."""

    def __init__(
        self, text: str, codes: list[str], theorems: dict[str, str], symbol: Callable[[str], str | None]
    ) -> None:
        self._source = _Source(text)
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
        self._at_span = 0
        self._kept_rows: list[list[str]] = []
        self._lacking: set[str] = set()
        self._no_formula_until = 0
        self._blank_lines = [found.start() for found in re.finditer(r"\n[ \t]*\n", text)]

    def written(self) -> str:
        place = 0
        while found := _TEX_TOKEN.search(self._text, place):
            self._write(self._text[place : found.start()])
            place = self._token(found.group(0), found.start(), found.end())
        self._write(self._text[place:])
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
        if first == "{":
            self._depth += 1
        elif first == "}":
            self._close_group()
        elif first == "&":
            self._next_cell() if self._tables else self._write("&")
        elif first == _OPEN:
            self._write(self._codes[int(token[1:-1])])
        elif first == "\n":
            self._write("\n\n")
        else:
            self._write({"~": " ", "--": "–", "---": "—", "``": "“", "''": "”", "`": "‘"}.get(token, token))
        return end

    def _close_group(self) -> None:
        for piece in reversed(self._at_close.pop(self._depth, [])):
            self._out.append(piece)
        if self._in_title == self._depth:
            self._in_title = 0
        self._depth = max(0, self._depth - 1)

    def _open_group(self, place: int, before: str, after: str) -> int:
        """Write around the group that follows; the place after its opening brace."""
        group = self._source.group(place)
        if group is None:
            argument = self._source.argument(place)
            if argument is None or argument[0].startswith("\\"):
                return place
            self._write(f"{before}{argument[0]}{after}")
            return argument[1]
        self._out.append(before)
        self._depth += 1
        self._at_close.setdefault(self._depth, []).append(after)
        return group[1] - len(group[0]) - 1

    # Formulas

    def _find(self, mark: str, place: int) -> int:
        if mark in self._lacking:
            return -1
        found = self._text.find(mark, place)
        if found < 0:
            self._lacking.add(mark)
        return found

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
        """The dollar sign that ends a formula in its paragraph; -1 for none."""
        index = bisect_left(self._blank_lines, start)
        limit = self._blank_lines[index] if index < len(self._blank_lines) else len(self._text)
        depth = 0
        for found in _MATH_TOKEN.finditer(self._text, start, limit):
            char = found.group(0)
            depth += (char == "{") - (char == "}")
            if char == "$" and depth <= 0:
                return found.start()
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
        if name in _ACCENTS and (accented := _ACCENTED.match(self._text, end)):
            return self._accent(name, accented)
        if not name[:1].isalpha():
            return self._character(name, end)
        name = name.rstrip("*")
        if name in _HEADINGS:
            return self._heading(name, end)
        if name in _OUT:
            return self._leave_out(name, end)
        if name in ("item", "itemitem"):
            return self._item(end)
        return self._text_macro(name, start, end)

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

    def _accent(self, name: str, found: re.Match[str]) -> int:
        letter = next((group for group in found.groups() if group), " ")
        self._write(unicodedata.normalize("NFC", letter[0] + _ACCENTS[name]) + letter[1:])
        return found.end()

    def _character(self, name: str, end: int) -> int:
        if name in ("\\", "cr") and self._tables:
            self._next_row()
        else:
            self._write(_CHARACTERS.get(name, name if name.strip() else " "))
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
        mark = "#" * _HEADINGS[name]
        if group is None:
            # Plain TeX: the title goes to the end of its line.
            found = _TITLE_LINE.match(self._text, end)
            self._out.append(f"\n\n{mark} {found.group(1).strip()}\n\n" if found else "\n\n")
            return found.end() if found else end
        if not group[0].strip():
            return group[1]
        place = self._open_group(end, f"\n\n{mark} ", "\n\n")
        self._in_title = self._depth
        return place

    def _leave_out(self, name: str, end: int) -> int:
        if name in _REFERENCES:
            while self._out and not (kept := self._out[-1].rstrip(" ")):
                self._out.pop()
            if self._out:
                self._out[-1] = kept
        if name in _ASSIGNED and (dimension := _DIMENSION.match(self._text, end)):
            return dimension.end()
        if name == "par":
            self._write("\n\n")
        if name == "proclaim":
            return self._proclaim(end)
        if self._tables and name in ("endhead", "endfirsthead", "endfoot", "endlastfoot"):
            self._repeated_rows(name)
        if not _OUT[name]:
            return end
        for _ in range(3):
            option = self._source.option(end)
            end = option[1] if option else end
        for _ in range(_OUT[name]):
            group = self._source.group(end)
            if group is None:
                break
            end = group[1]
            option = self._source.option(end) if name in ("usepackage", "newtheorem") else None
            end = option[1] if option else end
        return end

    def _proclaim(self, end: int) -> int:
        stop = self._find(". ", end)
        stop = stop if 0 <= stop < end + 200 else end
        title = self._text[end : stop + 1].strip() if stop > end else ""
        if not title or "\\" in title:
            return end
        self._out.append(f"\n\n**{title}** ")
        return stop + 2

    def _item(self, end: int) -> int:
        option = self._source.option(end)
        group = None if option or self._lists else self._source.group(end)
        label = option[0] if option else group[0] if group else ""
        end = option[1] if option else group[1] if group else end
        indent = "  " * max(0, len(self._lists) - 1)
        mark = self._lists[-1] if self._lists else "- "
        if self._is_in_list or len(self._lists) > 1:
            self._strip_end()
        self._is_in_list = True
        self._out.append(f"\n{indent}{mark if not label else '- '}")
        if label.strip():
            shown = _Writer(label, self._codes, self._theorems, self._symbol).written() if len(label) < 2000 else label
            self._out.append(f"{shown} " if shown.endswith((":", ".", ")")) else f"{shown}: ")
        return end

    def _strip_end(self) -> None:
        while self._out and not (kept := self._out[-1].rstrip()):
            self._out.pop()
        if self._out:
            self._out[-1] = kept

    def _text_macro(self, name: str, start: int, end: int) -> int:
        if name in ("multicolumn", "SI", "qty", "num", "texorpdfstring", "ensuremath", "bibitem"):
            return self._special(name, end)
        if name in _BEFORE_TEXT:
            for _ in range(_BEFORE_TEXT[name] + 3):
                option = self._source.option(end)
                end = option[1] if option else end
            for _ in range(_BEFORE_TEXT[name]):
                group = self._source.group(end)
                end = group[1] if group else end
                option = self._source.option(end)
                end = option[1] if option else end
        if name in _AROUND:
            option = self._source.option(end)
            return self._open_group(option[1] if option else end, *_AROUND[name])
        if name in _BEFORE_TEXT:
            return end
        shown = _WORDS.get(name)
        if shown is None:
            shown = self._symbol(name)
        if shown is not None:
            self._write(f"${self._text[start : start + len(name) + 1]}$" if _IN_TEXT_FORMULA.match(name) else shown)
            if name in _ASSIGNED and (dimension := _DIMENSION.match(self._text, end)):
                return dimension.end()
            if name in ("cr", "tabularnewline") and self._tables:
                self._next_row()
            return end
        option = self._source.option(end)
        if option and self._text[option[1] : option[1] + 1] == "{":
            return option[1]
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
        if name == "num":
            self._write(first[0])
            return first[1]
        if name == "texorpdfstring":
            second = source.group(first[1])
            after = second[1] if second else first[1]
            self._write(
                _Writer(first[0], self._codes, self._theorems, self._symbol).written()
                if len(first[0]) < 2000
                else first[0]
            )
            return after
        second = source.group(first[1])
        if second is None:
            return first[1]
        if name == "multicolumn":
            if self._tables and first[0].strip().isdigit():
                self._at_span = min(int(first[0].strip()), 30)
            return second[1]
        self._write(f"{first[0]} {_unit(second[0])}")
        return second[1]

    # Environments

    def _begin(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        if base in _FORMULA_ENVIRONMENTS:
            return self._formula_environment(name, end)
        if base in _DRAWINGS:
            close = self._find(f"\\end{{{name}}}", end)
            if close >= 0 and base in ("tikzcd", "CD"):
                inside = _formula(self._text[end:close], self._codes)
                self._out.append(_display(f"\\begin{{{base}}}{inside}\\end{{{base}}}"))
            return close + len(name) + 6 if close >= 0 else end
        option = self._source.option(end)
        title = option[0] if option else ""
        if name in self._theorems:
            end = option[1] if option else end
            self._begin_theorem(self._theorems[name], title)
            return end
        end = option[1] if option else end
        for _ in range(_ENVIRONMENT_ARGUMENTS.get(name, 0)):
            for _ in range(2):
                option = self._source.option(end)
                end = option[1] if option else end
            group = self._source.group(end)
            end = group[1] if group else end
        if name in _TABLES:
            self._tables.append(_Table(before=self._out, depth=self._depth))
            self._out = []
            return end
        self._out.append("\n\n")
        if base in _LISTS:
            self._lists.append(_LISTS[base])
            self._is_in_list = False
        if base in _ENVIRONMENT_TITLES:
            self._out.append(f"## {_ENVIRONMENT_TITLES[base]}\n\n")
        elif base in ("frame", "block", "alertblock", "exampleblock") and self._source.group(end):
            around = ("\n\n### ", "\n\n") if base == "frame" else ("\n\n**", "**\n\n")
            return self._open_group(end, *around)
        return end

    def _begin_theorem(self, kind: str, name: str) -> None:
        shown = _Writer(name, self._codes, self._theorems, self._symbol).written() if len(name) < 2000 else name
        if kind == "Proof" and shown:
            self._out.append(f"\n\n**{shown.rstrip('.')}.** ")
        else:
            self._out.append(f"\n\n**{kind}** ({shown}). " if shown.strip() else f"\n\n**{kind}.** ")

    def _formula_environment(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        closing = f"\\end{{{name}}}"
        close = self._find(closing, end)
        if close < 0:
            return end
        for _ in range(_ENVIRONMENT_ARGUMENTS.get(base, 0)):
            group = self._source.group(end)
            end = group[1] if group and group[1] <= close else end
        formula = _formula(self._text[end:close], self._codes)
        if base == "math":
            self._inline(formula)
        else:
            self._out.append(_display(formula, _FORMULA_ENVIRONMENTS[base]))
        return close + len(closing)

    def _end(self, name: str, end: int) -> int:
        base = name.rstrip("*")
        if name in _TABLES:
            if self._tables:
                self._end_table()
            return end
        if base in _LISTS and self._lists:
            self._lists.pop()
            self._is_in_list = bool(self._lists)
        self._out.append("\n\n")
        return end

    # Tables

    def _next_cell(self) -> None:
        cells = self._tables[-1].cells
        cells.append("".join(self._out).strip())
        cells += [""] * (self._at_span - 1)
        self._at_span = 0
        self._out = []

    def _next_row(self) -> None:
        if self._depth > self._tables[-1].depth:
            self._write(" ")
            return
        self._next_cell()
        found = self._tables[-1]
        if any(found.cells):
            found.rows.append(found.cells)
        found.cells = []

    def _repeated_rows(self, name: str) -> None:
        """Rows that a long table repeats on each page stand once."""
        found = self._tables[-1]
        if name == "endfirsthead":
            found.has_first_head = True
            self._kept_rows = list(found.rows)
        elif name == "endhead" and not found.has_first_head:
            self._kept_rows = list(found.rows)
        else:
            found.rows = list(self._kept_rows)

    def _end_table(self) -> None:
        found = self._tables[-1]
        found.depth = max(found.depth, self._depth)
        self._next_row()
        self._tables.pop()
        self._out = found.before
        if self._tables:
            self._out.append("; ".join(", ".join(cell for cell in row if cell) for row in found.rows))
        else:
            self._out.append(f"\n\n{table(found.rows)}\n\n")


_MATH_TOKEN = re.compile(r"\\.|[{}$]", re.DOTALL)
_UNITS = {
    "metre": "m", "meter": "m", "second": "s", "kilogram": "kg", "gram": "g", "ampere": "A", "kelvin": "K",
    "mole": "mol",
    "candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W", "coulomb": "C",
    "volt": "V",
    "ohm": "Ω", "farad": "F", "tesla": "T", "weber": "Wb", "henry": "H", "degreeCelsius": "°C", "celsius": "°C",
    "degree": "°",
    "litre": "L", "liter": "L", "minute": "min", "hour": "h", "day": "d", "electronvolt": "eV", "percent": "%",
    "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "milli": "m", "micro": "µ", "nano": "n", "pico": "p",
    "centi": "c",
    "deci": "d", "hecto": "h", "per": "/", "squared": "²", "square": "²", "cubed": "³", "cubic": "³", "radian": "rad",
    "km": "km", "cm": "cm", "mm": "mm", "m": "m", "kg": "kg", "g": "g", "s": "s", "ms": "ms", "kV": "kV", "eV": "eV",
    "V": "V",
}  # fmt: skip


def _unit(source: str) -> str:
    found = re.sub(r"\\([A-Za-z]+)\s*", lambda one: _UNITS.get(one.group(1), one.group(1)), source[:500])
    return found.replace("~", " ").replace(".", " ")


_EMPTY_BRACKETS = re.compile(r" \( ?(?:[,;] ?)*\)| \[\]")
_ITEM_LINE = re.compile(r" *(?:- |1\. )")


def _tidy(text: str) -> str:
    """The text without blanks at line ends, empty brackets of references, and runs of blank lines; code stays."""
    out: list[str] = []
    fence = ""
    for line in text.split("\n"):
        if fence or line.startswith("```"):
            if fence and line == fence:
                fence = ""
            elif not fence:
                fence = line[: len(line) - len(line.lstrip("`"))]
            out.append(line)
            continue
        line = re.sub(r"(?<=\S)[ \t]{2,}", " ", line.rstrip())
        line = line if _ITEM_LINE.match(line) else line.lstrip()
        line = _EMPTY_BRACKETS.sub("", line)
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip()
