"""The source of a LaTeX file: code and comments set aside, groups and their arguments."""

import re

from kgsynth_loaders.readers.markdown import code_span, fenced

# Set-aside code stands in the text as a number between these; neither is a character.
OPEN, CLOSE = "\ufdd0", "\ufdd1"
NO_CHARACTERS = {ord(OPEN): None, ord(CLOSE): None}


# --- Code and comments

_CODE_ENVIRONMENTS = (
    "verbatim*", "verbatim", "Verbatim", "BVerbatim", "LVerbatim", "lstlisting", "minted", "alltt", "pycode",
    "Highlighting", "python", "spverbatim", "code", "sagesilent", "sageblock", "comment", "filecontents*",
    "filecontents",
)  # fmt: skip
_NO_TEXT_ENVIRONMENTS = frozenset({"comment", "filecontents", "filecontents*", "sagesilent"})
_CODE_START = re.compile(
    r"\\(?:[vV]erb\*?(?:\[[^\]\n]{0,200}\])?(?P<verb>[^\sa-zA-Z*])|lstinline(?:\[[^\]\n]*\])?(?P<inline>[^\sa-zA-Z])"
    r"|mintinline(?:\[[^\]\n]*\])?\{[^{}\n]*\}(?P<mint>[^\sa-zA-Z])"
    r"|(?P<raw>url|path|nolinkurl|href|code)(?:\[[^\]\n]{0,200}\])?[ \t]*(?=[{|!+])"
    rf"|begin[ \t]*\{{(?P<name>{'|'.join(map(re.escape, _CODE_ENVIRONMENTS))})\}}|[\\%{{}}$&#_])"
    r"|(?P<comment>%[^\n]*(?:\n[ \t]*(?=\S)|\Z)?)",
)
_LONGEST_ADDRESS = 2000
_DEEPEST_ADDRESS = 3
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_PARAMETER = re.compile(r"(?<!\\)#\d")
_CODE_OPTIONS = re.compile(r"[ \t]*(?:\[((?:[^\[\]\n]|\{[^{}]*\})*)\])?[ \t]*(?:\{([\w+#./-]*)\})?[ \t]*(?:\n|\Z)?")
_CODE_LANGUAGE = re.compile(r"language\s*=\s*\{?(?:\[[^\]]*\])?\s*([\w+#]+)")
_CODE_CAPTION = re.compile(r"(?:caption|title)\s*=\s*(?:\{([^{}]*)\}|([^,\]]*))")


def set_aside(text: str) -> tuple[str, list[str]]:
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
            end = _end_of_raw(text, place, 1000)[0] if mark == "{" else end
            if end < 0 or "\n" in text[place:end]:
                out.append(found.group(0))
                continue
            piece, place = code_span(text[place:end]), end + 1
        elif raw := found.group("raw"):
            written, set_apart, place = _raw(raw, found.group(0), text, place)
            if set_apart is None:
                out.append(written)
                continue
            piece = set_apart
        else:
            out.append(found.group(0))
            continue
        out.append(f"{OPEN}{len(codes)}{CLOSE}")
        codes.append(piece)
    out.append(text[place:])
    return "".join(out), codes


def _end_of_raw(text: str, place: int, longest: int) -> tuple[int, int]:
    """Where an argument ends that begins after a brace, without reading what it holds; -1 for nowhere near."""
    depth = 1
    for found in _BRACE.finditer(text, place, place + longest):
        depth += {"{": 1, "}": -1}.get(found.group(0), 0)
        if depth == 0:
            return found.start(), found.end()
        if depth > _DEEPEST_ADDRESS:
            break
    return -1, -1


def _raw(macro: str, opening: str, text: str, place: int) -> tuple[str, str | None, int]:
    """An address or a name in which a percent sign begins no comment.

    Returns:
        What stands for it in the text and the place after it; or the piece to set aside in the middle, None for none.
    """
    mark = text[place]
    if mark == "{":
        end, after = _end_of_raw(text, place + 1, _LONGEST_ADDRESS)
    else:
        end = text.find(mark, place + 1, place + _LONGEST_ADDRESS) if macro in ("url", "path") else -1
        after = end + 1
    content = text[place + 1 : end]
    if end < 0 or "\n\n" in content:
        return opening, None, place
    if macro == "href":
        return "", None, after
    if _PARAMETER.search(content) or (macro == "code" and "\\" in content):
        # A parameter of a macro, which is put in later, or a macro within code.
        escaped = re.sub(r"(?<!\\)%", r"\\%", content)
        return f"{opening}{{{escaped}}}", None, after
    shown = re.sub(r"\\([%#&_~{}$^])", r"\1", "".join(content.split("\n")))
    return "", shown if macro in ("url", "nolinkurl") else code_span(shown), after


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


class Source:
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

    def opening(self, place: int) -> int:
        """Where a group begins at a place or after blanks; -1 for none."""
        start = self._after_blanks(place)
        return start if start in self.pairs else -1

    def after_group(self, place: int) -> int | None:
        """The place after a group that begins at a place or after blanks; None for none."""
        start = self._after_blanks(place)
        return self.pairs[start] + 1 if start in self.pairs else None

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


# --- Conditionals

_CONDITIONAL = re.compile(
    r"\\(?:(?P<never>iffalse)|(?P<other>if(?:true|x|num|dim|cat|case|odd|[vhm]mode|inner|void|[vh]box|eof|defined|csname|"
    r"pdf|xetex|luatex)?)|(?P<else>else)|(?P<end>fi))(?![A-Za-z@])"
)


def without_false(text: str) -> str:
    r"""The text without what stands between `\iffalse` and its `\else` or `\fi`; other conditionals stay.

    A stretch that ends nowhere, or that holds half a group, stays as well.
    """
    if "\\iffalse" not in text:
        return text
    out: list[str] = []
    place = depth = 0
    start = kept = -1
    for found in _CONDITIONAL.finditer(text):
        if start < 0:
            if found.group("never"):
                start, kept, depth = found.start(), -1, 1
            continue
        if found.group("else"):
            kept = found.end() if depth == 1 else kept
        else:
            depth += -1 if found.group("end") else 1
        if depth:
            continue
        hidden = text[start : kept if kept >= 0 else found.end()]
        if hidden.count("{") - hidden.count("\\{") == hidden.count("}") - hidden.count("\\}"):
            out += [text[place:start], text[kept : found.start()] if kept >= 0 else ""]
            place = found.end()
        start = -1
    return "".join([*out, text[place:]])
