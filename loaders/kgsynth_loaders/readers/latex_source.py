"""Parse LaTeX source: code and comments are set aside, and groups and arguments are found."""

import re

from kgsynth_loaders.readers.markdown import code_span, fenced

# In the text, code that was set aside is replaced by a number between these code points, which are not characters.
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
    """Remove comments and replace each piece of code by its number; return the text and the pieces in Markdown."""
    codes: list[str] = []
    pieces: list[str] = []
    absent_names: set[str] = set()
    position = 0
    while match := _CODE_START.search(text, position):
        pieces.append(text[position : match.start()])
        position = match.end()
        name = match.group("name")
        delimiter = match.group("verb") or match.group("inline") or match.group("mint")
        if match.group("comment") is not None:
            continue
        if name:
            end = -1 if name in absent_names else text.find(f"\\end{{{name}}}", position)
            if end < 0:
                absent_names.add(name)
                continue
            code = "" if name in _NO_TEXT_ENVIRONMENTS else _code_block(name, text[position:end])
            position = end + len(name) + 6
        elif delimiter:
            end = text.find("}" if delimiter == "{" else delimiter, position, position + 1000)
            end = _end_of_raw(text, position, 1000)[0] if delimiter == "{" else end
            if end < 0 or "\n" in text[position:end]:
                pieces.append(match.group(0))
                continue
            code, position = code_span(text[position:end]), end + 1
        elif raw_macro := match.group("raw"):
            replacement, raw_code, position = _raw(raw_macro, match.group(0), text, position)
            if raw_code is None:
                pieces.append(replacement)
                continue
            code = raw_code
        else:
            pieces.append(match.group(0))
            continue
        pieces.append(f"{OPEN}{len(codes)}{CLOSE}")
        codes.append(code)
    pieces.append(text[position:])
    return "".join(pieces), codes


def _end_of_raw(text: str, position: int, max_chars: int) -> tuple[int, int]:
    """Find the brace that closes an argument whose content is not interpreted.

    Args:
        text: the source.
        position: the position after the opening brace.
        max_chars: maximum number of characters to search.

    Returns:
        The positions of the closing brace and after it; -1 for both if it is not found.
    """
    depth = 1
    for match in _BRACE.finditer(text, position, position + max_chars):
        depth += {"{": 1, "}": -1}.get(match.group(0), 0)
        if depth == 0:
            return match.start(), match.end()
        if depth > _DEEPEST_ADDRESS:
            break
    return -1, -1


def _raw(macro: str, opening: str, text: str, position: int) -> tuple[str, str | None, int]:
    """Read the argument of a macro such as `url`, in which a percent sign does not begin a comment.

    Args:
        macro: the name of the macro.
        opening: the source from the backslash to the argument.
        text: the whole source.
        position: the position of the delimiter before the argument.

    Returns:
        The text that replaces the macro, the piece to set aside instead or None, and the position to continue from.
    """
    delimiter = text[position]
    if delimiter == "{":
        end, after_end = _end_of_raw(text, position + 1, _LONGEST_ADDRESS)
    else:
        end = text.find(delimiter, position + 1, position + _LONGEST_ADDRESS) if macro in ("url", "path") else -1
        after_end = end + 1
    content = text[position + 1 : end]
    if end < 0 or "\n\n" in content:
        return opening, None, position
    if macro == "href":
        return "", None, after_end
    if _PARAMETER.search(content) or (macro == "code" and "\\" in content):
        # It stays in the text: it has a parameter of a macro, which is replaced later, or is code with a macro.
        escaped = re.sub(r"(?<!\\)%", r"\\%", content)
        return f"{opening}{{{escaped}}}", None, after_end
    plain = re.sub(r"\\([%#&_~{}$^])", r"\1", "".join(content.split("\n")))
    return "", plain if macro in ("url", "nolinkurl") else code_span(plain), after_end


# The macros that pandoc puts around words of highlighted code, and the escapes that it writes within them.
_HIGHLIGHTED = re.compile(r"\\[A-Za-z]{1,30}Tok\{([^{}]*)\}")
_GROUP_OF_ONE = re.compile(r"(?<!Tok)\{([^{}\\\n])\}")
_WRITTEN_MARKS = (
    ("\\textbackslash{}", "\x01"), ("\\{", "\x02"), ("\\}", "\x03"), ("\\textless{}", "<"), ("\\textgreater{}", ">"),
    ("\\textquotesingle{}", "'"), ("\\textasciitilde{}", "~"), ("\\textasciigrave{}", "`"), ("\\textbar{}", "|"),
    ("\\^{}", "^"), ("\\~{}", "~"),
)  # fmt: skip


def _without_highlights(code: str) -> str:
    """Convert code that pandoc has highlighted in LaTeX to plain text."""
    for escape, char in _WRITTEN_MARKS:
        code = code.replace(escape, char)
    code = _HIGHLIGHTED.sub(r"\1", _GROUP_OF_ONE.sub(r"\1", code))
    code = re.sub(r"\\([&%$#_])", r"\1", code)
    return code.replace("\x01", "\\").replace("\x02", "{").replace("\x03", "}")


def _code_block(name: str, content: str) -> str:
    if name == "Highlighting":
        content = _without_highlights(content)
    options = _CODE_OPTIONS.match(content)
    if options is None or name in ("verbatim", "verbatim*", "alltt"):
        return f"\n\n{fenced(content.strip(chr(10)).rstrip())}\n\n"
    option_text = options.group(1) or ""
    language = _CODE_LANGUAGE.search(option_text)
    caption = _CODE_CAPTION.search(option_text)
    language_name = (
        (language.group(1) if language else "") or (options.group(2) or "") or ("python" if "py" in name else "")
    )
    caption_text = f"{(caption.group(1) or caption.group(2) or '').strip()}\n\n" if caption else ""
    return f"\n\n{caption_text}{fenced(content[options.end() :].strip(chr(10)).rstrip(), language_name.lower())}\n\n"


# --- Groups


def _matching(text: str, opening: str = "{", closing: str = "}") -> dict[int, int]:
    """Return the position of each opening brace and of its closing brace; escaped braces are ignored."""
    pairs: dict[int, int] = {}
    open_positions: list[int] = []
    for match in re.finditer(rf"\\.|[{re.escape(opening + closing)}]", text, re.DOTALL):
        char = match.group(0)
        if char == opening:
            open_positions.append(match.start())
        elif char == closing and open_positions:
            pairs[open_positions.pop()] = match.start()
    return pairs


def _matching_brackets(text: str) -> dict[int, int]:
    """Return the position of each opening square bracket and of the one that closes it in its group and paragraph."""
    pairs: dict[int, int] = {}
    # Positions of open brackets, and -1 for each open brace.
    open_positions: list[int] = []
    for match in re.finditer(r"\\.|[{}\[\]]|\n[ \t]*\n", text, re.DOTALL):
        char = match.group(0)
        if char == "{":
            open_positions.append(-1)
        elif char == "[":
            open_positions.append(match.start())
        elif char == "]" and open_positions and open_positions[-1] >= 0:
            pairs[open_positions.pop()] = match.start()
        elif char == "}" or char[0] == "\n":
            while open_positions and open_positions[-1] >= 0:
                open_positions.pop()
            if char == "}" and open_positions:
                open_positions.pop()
    return pairs


_BLANKS = re.compile(r"[ \t]*\n?[ \t]*")
_TOKEN_ARGUMENT = re.compile(r"\\(?:[A-Za-z@]+|.)|[^\s{}\\]", re.DOTALL)
_LONGEST_OPTION = 2000


class Source:
    """A text with its groups, from which arguments are read.

    Attributes:
        text: the text.
        pairs: for the position of each opening brace, that of its closing brace.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs = _matching(text)
        self._brackets: dict[int, int] | None = None

    def group(self, position: int) -> tuple[str, int] | None:
        """Return the content of a group, which may follow white space, and the position after it, or None."""
        start = self._after_blanks(position)
        if start in self.pairs:
            return self.text[start + 1 : self.pairs[start]], self.pairs[start] + 1
        return None

    def argument(self, position: int) -> tuple[str, int] | None:
        """Return a group, or else one character or macro, and the position after it; None if there is none."""
        group = self.group(position)
        if group:
            return group
        match = _TOKEN_ARGUMENT.match(self.text, self._after_blanks(position))
        return (match.group(0), match.end()) if match else None

    def opening(self, position: int) -> int:
        """Return the position of a group, which may follow white space; -1 if there is none."""
        start = self._after_blanks(position)
        return start if start in self.pairs else -1

    def after_group(self, position: int) -> int | None:
        """Return the position after a group, which may follow white space; None if there is none."""
        start = self._after_blanks(position)
        return self.pairs[start] + 1 if start in self.pairs else None

    def option(self, position: int) -> tuple[str, int] | None:
        """Return the content of brackets `[…]`, which may follow white space, and the position after them, or None."""
        start = self._after_blanks(position)
        if self.text[start : start + 1] != "[":
            return None
        if self._brackets is None:
            self._brackets = _matching_brackets(self.text)
        end = self._brackets.get(start, -1)
        return (self.text[start + 1 : end], end + 1) if 0 <= end <= start + _LONGEST_OPTION else None

    def _after_blanks(self, position: int) -> int:
        match = _BLANKS.match(self.text, position)
        return match.end() if match else position


# --- Conditionals

_CONDITIONAL = re.compile(
    r"\\(?:(?P<never>iffalse)|(?P<other>if(?:true|x|num|dim|cat|case|odd|[vhm]mode|inner|void|[vh]box|eof|defined|csname|"
    r"pdf|xetex|luatex)?)|(?P<else>else)|(?P<end>fi))(?![A-Za-z@])"
)


def without_false(text: str) -> str:
    r"""Remove the text between `\iffalse` and its `\else` or `\fi`; other conditionals stay.

    The text also stays if the conditional has no end or if its braces are unbalanced.
    """
    if "\\iffalse" not in text:
        return text
    pieces: list[str] = []
    position = depth = 0
    start = else_end = -1
    for match in _CONDITIONAL.finditer(text):
        if start < 0:
            if match.group("never"):
                start, else_end, depth = match.start(), -1, 1
            continue
        if match.group("else"):
            else_end = match.end() if depth == 1 else else_end
        else:
            depth += -1 if match.group("end") else 1
        if depth:
            continue
        removed = text[start : else_end if else_end >= 0 else match.end()]
        if removed.count("{") - removed.count("\\{") == removed.count("}") - removed.count("\\}"):
            pieces += [text[position:start], text[else_end : match.start()] if else_end >= 0 else ""]
            position = match.end()
        start = -1
    return "".join([*pieces, text[position:]])
