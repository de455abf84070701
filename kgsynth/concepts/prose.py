"""Markdown without what names no concept: code, addresses and, for key phrases, rows of tables.

Indented text stays, for LaTeX indents its prose; so do quotation marks of LaTeX, which look like those of code.
"""

import re
from collections.abc import Iterator

# What stands for what was taken out: a border that no name reaches across.
BORDER = " \N{CURRENCY SIGN} "

_FENCE = re.compile(r"[ \t]{0,12}(?:[>*-] ?)?(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(?<![`\\])(?:`([^`\n]+)`|``([^`\n]+)``)(?!`)")
_ADDRESS_CHARS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'*+,;=%]"
_ADDRESS = re.compile(rf"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.)(?:{_ADDRESS_CHARS}|[()])+")
# Where a link of Markdown leads, which no reader sees.
_TARGET = re.compile(rf"(?<=\])\((?:https?|ftp|mailto):{_ADDRESS_CHARS}+\)")
_RULE_CELL = re.compile(r":?-+:?")


def without_code(text: str) -> str:
    """A text with a border mark for each block of fenced code and each code within a line, and links without targets.

    Time is linear in the length of the text.
    """
    if "```" in text or "~~~" in text:
        text = "\n".join(_without_fenced(text.split("\n")))
    if "`" in text:
        text = _CODE_SPAN.sub(_code_span, text)
    return _TARGET.sub(" ", text) if "](" in text else text


_BIBLIOGRAPHY_TITLE = (
    r"(?:selected |annotated |further |general )?(?:references|bibliography|literature cited|works cited|further"
    r" reading|literaturverzeichnis|références|bibliographie|referencias|bibliografía)"
)
_BIBLIOGRAPHY = re.compile(
    r"\\begin\{thebibliography\}.*?(?:\\end\{thebibliography\}|\Z)"
    rf"|^(?:#{{1,6}}[ \t]*|\\(?:sub)*section\*?\{{|\*\*)?(?:\d+\.?[ \t]*)?{_BIBLIOGRAPHY_TITLE}[ \t]*[:.}}*#]*[ \t]*$"
    r".*?(?=^#{1,6}[ \t]|^\\(?:sub)*section|\Z)"
    r"|^[ \t]*(?:\\bibitem|@(?:article|book|incollection|inproceedings|misc|phdthesis)\{).*?$",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
# Publishers and places of publication within a line: it is a reference, or the colophon.
_REFERENCE_LINE = re.compile(
    r"^(?=.*\b(?:university press|press|springer|verlag|wiley|elsevier|mcgraw-hill|addison-wesley|prentice[- ]hall"
    r"|dover|isbn|copyright|all rights reserved|publications?|publishers?|publishing|editors?|eds?\.|vol\.|pp\.)"
    r"(?:\W|$))"
    r"(?=.*\b(?:1[5-9]|20)\d\d\b).*$",
    re.MULTILINE | re.IGNORECASE,
)
_MAX_REFERENCE_CHARS = 400


def without_bibliography(text: str) -> str:
    """A text with a border for each list of references, and for lines that name a publisher and a year."""
    text = _BIBLIOGRAPHY.sub(BORDER, text)
    return _REFERENCE_LINE.sub(lambda line: BORDER if len(line.group()) < _MAX_REFERENCE_CHARS else line.group(), text)


def running_text(text: str) -> str:
    """A text as `without_code` gives it, with border marks for web addresses and rows of tables of Markdown too."""
    text = without_code(text)
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(BORDER, text)
    return "\n".join(_without_rows(text.split("\n"))) if "|" in text else text


def _code_span(found: re.Match[str]) -> str:
    """A border for code; where quotation marks close, the backticks are those that open quotations in LaTeX."""
    inside = found.group(1) or found.group(2)
    closes = inside.count("'") % 2 or inside.count('"') % 2 or "''" in inside
    return found.group() if closes or inside[0].isspace() != inside[-1].isspace() else BORDER


def _without_fenced(lines: list[str]) -> Iterator[str]:
    """The lines with a border for each fenced block; backticks that are not closed fence all that follows.

    Tildes that are not closed are no fence: in LaTeX they are blanks.
    """
    never_closed = len("".join(lines)) + 1  # tildes: so many, or more, are not closed
    place = 0
    while place < len(lines):
        mark = _opening(lines[place])
        if not mark or (mark[0] == "~" and len(mark) >= never_closed):
            yield lines[place]
            place += 1
            continue
        end = next((line for line in range(place + 1, len(lines)) if _closes(lines[line], mark)), None)
        if end is None and mark[0] == "~":
            never_closed = len(mark)
            continue
        yield BORDER
        place = len(lines) if end is None else end + 1


def _opening(line: str) -> str:
    found = _FENCE.match(line)
    return found.group(1) if found and "`" not in line[found.end() :] else ""


def _closes(line: str, mark: str) -> bool:
    found = _FENCE.match(line)
    return found is not None and found.group(1).startswith(mark) and not line[found.end() :].strip()


def _without_rows(lines: list[str]) -> Iterator[str]:
    """The lines with a border for each row; rows without bars at their ends are those beside a line of hyphens."""
    is_rule = [_is_rule(line) for line in lines]
    in_table = False
    for place, line in enumerate(lines):
        begins = "|" in line and place + 1 < len(lines) and is_rule[place + 1]
        in_table = "|" in line and (in_table or is_rule[place] or begins)
        yield BORDER if in_table or _is_row(line) else line


def _is_row(line: str) -> bool:
    row = line.strip()
    return len(row) > 2 and row.startswith(("| ", "|\t")) and row.endswith((" |", "\t|"))


def _is_rule(line: str) -> bool:
    """Whether a line is that between the head of a table and its rows."""
    if "|" not in line or "-" not in line:
        return False
    cells = line.strip().removeprefix("|").removesuffix("|").split("|")
    return all(_RULE_CELL.fullmatch(cell.strip()) for cell in cells)
