"""Remove code, addresses and, for key phrases, rows of tables from Markdown, because they name no concepts.

Indented text is kept because LaTeX sources indent prose, except for lines with signs of code in a text with fences,
which is Markdown. Quotation marks of LaTeX, which look like inline code, are kept too.
"""

import re
from collections.abc import Iterator

# Replacement for removed text; no name matches across it.
BORDER = " \N{CURRENCY SIGN} "

_FENCE = re.compile(r"[ \t]{0,12}(?:[>*-] ?)?(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(?<![`\\])(?:`([^`\n]+)`|``([^`\n]+)``)(?!`)")
_ADDRESS_CHARS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'*+,;=%]"
_ADDRESS = re.compile(rf"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.)(?:{_ADDRESS_CHARS}|[()])+")
# The target of a Markdown link, which readers do not see.
_TARGET = re.compile(rf"(?<=\])\((?:https?|ftp|mailto):{_ADDRESS_CHARS}+\)")
_RULE_CELL = re.compile(r":?-+:?")
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]")
_CODE_SIGN = re.compile(
    r"^(?!.*\$.*\$)(?:.*(?:[{};]\s*$|\w\(\w*\)| [-+*/]?=+ )|\s*(?:\$ |>>> |def |class |import |#include\b|//))"
)


def without_code(text: str) -> str:
    """Return a text with a border mark for each fenced block and inline code, and with links without targets.

    Takes time linear in the length of the text.
    """
    if "```" in text or "~~~" in text:
        lines = list(_without_fenced(text.split("\n")))
        text = "\n".join(_without_indented(lines) if BORDER in lines else lines)
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
# A line with a publisher and a year is a reference or an imprint.
_REFERENCE_LINE = re.compile(
    r"^(?=.*\b(?:university press|press|springer|verlag|wiley|elsevier|mcgraw-hill|addison-wesley|prentice[- ]hall"
    r"|dover|isbn|copyright|all rights reserved|publications?|publishers?|publishing|editors?|eds?\.|vol\.|pp\.)"
    r"(?:\W|$))"
    r"(?=.*\b(?:1[5-9]|20)\d\d\b).*$",
    re.MULTILINE | re.IGNORECASE,
)
_MAX_REFERENCE_CHARS = 400


def without_bibliography(text: str) -> str:
    """Return a text with a border mark for each list of references and each line with a publisher and a year."""
    text = _BIBLIOGRAPHY.sub(BORDER, text)
    return _REFERENCE_LINE.sub(lambda line: BORDER if len(line.group()) < _MAX_REFERENCE_CHARS else line.group(), text)


def running_text(text: str) -> str:
    """Return the result of `without_code` with border marks also for web addresses and rows of Markdown tables."""
    text = without_code(text)
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(BORDER, text)
    return "\n".join(_without_rows(text.split("\n"))) if "|" in text else text


def _code_span(match: re.Match[str]) -> str:
    """Return a border for inline code, or the match itself if the backticks open quotations of LaTeX."""
    inside = match.group(1) or match.group(2)
    closes = inside.count("'") % 2 or inside.count('"') % 2 or "''" in inside
    return match.group() if closes or inside[0].isspace() != inside[-1].isspace() else BORDER


def _without_fenced(lines: list[str]) -> Iterator[str]:
    """Yield the lines with a border for each fenced block; an unclosed fence of backticks extends to the end.

    Unclosed tildes are no fence: in LaTeX they are spaces.
    """
    never_closed = len("".join(lines)) + 1  # fences of at least this number of tildes are known to be unclosed
    index = 0
    while index < len(lines):
        mark = _opening(lines[index])
        if not mark or (mark[0] == "~" and len(mark) >= never_closed):
            yield lines[index]
            index += 1
            continue
        end = next((line for line in range(index + 1, len(lines)) if _closes(lines[line], mark)), None)
        if end is None and mark[0] == "~":
            never_closed = len(mark)
            continue
        yield BORDER
        index = len(lines) if end is None else end + 1


def _without_indented(lines: list[str]) -> Iterator[str]:
    """Yield the lines with a border for each indented block after a blank line if most of its lines look like code.

    Blocks below an item of a list are kept, because they may continue it.
    """
    index, after_blank, in_list = 0, True, False
    while index < len(lines):
        line = lines[index]
        end = index
        while end < len(lines) and lines[end].startswith(("    ", "\t")) and lines[end].strip():
            end += 1
        if end > index and after_blank and not in_list and _is_code(lines[index:end]):
            yield BORDER
            index = end
            continue
        if line.strip() and not line[0].isspace():
            in_list = _LIST_ITEM.match(line) is not None or (in_list and not after_blank)
        after_blank = not line.strip()
        yield line
        index += 1
        while index < end:
            yield lines[index]
            index += 1
            after_blank = False


def _is_code(lines: list[str]) -> bool:
    return 2 * sum(_CODE_SIGN.search(line) is not None for line in lines) > len(lines)


def _opening(line: str) -> str:
    match = _FENCE.match(line)
    return match.group(1) if match and "`" not in line[match.end() :] else ""


def _closes(line: str, mark: str) -> bool:
    match = _FENCE.match(line)
    return match is not None and match.group(1).startswith(mark) and not line[match.end() :].strip()


def _without_rows(lines: list[str]) -> Iterator[str]:
    """Yield the lines with a border for each row; rows without outer bars are recognized by a line of hyphens."""
    is_rule = [_is_rule(line) for line in lines]
    in_table = False
    for index, line in enumerate(lines):
        begins = "|" in line and index + 1 < len(lines) and is_rule[index + 1]
        in_table = "|" in line and (in_table or is_rule[index] or begins)
        yield BORDER if in_table or _is_row(line) else line


def _is_row(line: str) -> bool:
    row = line.strip()
    return len(row) > 2 and row.startswith(("| ", "|\t")) and row.endswith((" |", "\t|"))


def _is_rule(line: str) -> bool:
    """Return whether a line separates the header of a table from its rows."""
    if "|" not in line or "-" not in line:
        return False
    cells = line.strip().removeprefix("|").removesuffix("|").split("|")
    return all(_RULE_CELL.fullmatch(cell.strip()) for cell in cells)
