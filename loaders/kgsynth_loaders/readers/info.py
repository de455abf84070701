"""Read GNU Info manuals: the nodes of a file become a document."""

import re
from collections.abc import Iterator
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document
from kgsynth_loaders.characters import decode
from kgsynth_loaders.readers import ReadOptions

_HEADER = re.compile(r"\A\s*File: [^\n]*Node: ([^\n,\t]*)[^\n]*\n")
_MENU = re.compile(r"^\* Menu:\s*\n(?:(?:\*[^\n]*|[ \t][^\n]*|[A-Z][^\n:]{0,70}|)\n)*", re.MULTILINE)
_INDEX_ENTRY = re.compile(r"^\* [^\n]*:[^\n]*\(line +\d+\)\s*\n", re.MULTILINE)
# Words of a title are separated by single spaces; wider gaps separate columns.
_COLUMNS = re.compile(r"\S(?:[ ]{2,}|\t)\S")
_UNDERLINES = {"*": "#", "=": "##", "-": "###", ".": "####"}
_DIRECTORY = re.compile(r"^START-INFO-DIR-ENTRY.*?^END-INFO-DIR-ENTRY\n", re.MULTILINE | re.DOTALL)
# Marks of images and indices in Info; the alternative text of an image is kept.
_MARKED = re.compile(r"\x00\x08\[(\w+)(.*?)\x00\x08\]", re.DOTALL)
_PICTURE_TEXT = re.compile(r'text="((?:[^"\\]|\\.)*)"', re.DOTALL)
_REFERENCE = re.compile(r"\*[Nn]ote +([^:]{1,200}?)::|\*[Nn]ote +([^:]{1,200}?): *(?:\([\w.+-]+\))?[^.,]{0,200}[.,]")
_QUOTED = re.compile(r"[\u2018`]([^\u2018\u2019'`\n]{1,80})[\u2019']")


def read(path: Path, options: ReadOptions) -> Iterator[Document]:
    """Yield the manual without menus, indices and the names of neighbouring nodes.

    Raises:
        RecordError: no node has text, as in the first file of a manual in several files.
    """
    text = decode(path.read_bytes(), encoding=options.encoding).text.replace("\r\n", "\n")
    nodes = text.split("\x1f")
    title = _title(nodes[0])
    parts = [part for node in nodes[1:] if (part := _node(node))]
    if not parts:
        raise RecordError("no text: the list of the files of a manual" if "Indirect:" in text else "no text")
    yield Document(id="", text="\n\n".join(parts), title=title)


def _title(preamble: str) -> str:
    match = re.search(r"^\* ([^:\n]+): \(", preamble, re.MULTILINE)
    return match.group(1) if match else ""


def _node(node: str) -> str:
    header = _HEADER.match(node)
    if not header or "\x00\x08[index\x00" in node:
        return ""
    body = _MARKED.sub(_picture, _DIRECTORY.sub("", node[header.end() :])).replace("\x7f", "")
    body = _INDEX_ENTRY.sub("", _MENU.sub("", body))
    body = _REFERENCE.sub(lambda match: match.group(1) or match.group(2), body)
    return _headings(_QUOTED.sub(r"`\1`", body)).strip()


def _picture(marked: re.Match[str]) -> str:
    match = _PICTURE_TEXT.search(marked.group(2))
    return match.group(1) if match else ""


def _headings(body: str) -> str:
    """Convert underlined titles to Markdown headings, and indented examples to fenced blocks."""
    lines = body.split("\n")
    converted: list[str] = []
    for index, line in enumerate(lines):
        underline = line.strip()
        above = lines[index - 1] if index else ""
        if _underlines(line.rstrip(), above.rstrip()):
            converted[-1] = f"{_UNDERLINES[underline[0]]} {above.strip()}"
            continue
        converted.append(line)
    return _fenced(converted)


def _underlines(line: str, title: str) -> bool:
    if title[:1].isspace() or _COLUMNS.search(title):
        return False
    is_rule = len(line) > 2 and line[0] in _UNDERLINES and line == line[0] * len(line)
    return is_rule and bool(title) and abs(len(line) - len(title)) <= 2


def _fenced(lines: list[str]) -> str:
    """Put fences around examples: lines between blank lines that are indented further than prose."""
    converted: list[str] = []
    example: list[str] = []

    def close() -> None:
        while example and not example[-1].strip():
            example.pop()
        if example:
            converted.extend(["```", *(line[5:] if line.startswith("     ") else line for line in example), "```", ""])
            example.clear()

    for line in lines:
        is_indented = line.startswith("     ") and line.strip()
        begins = is_indented and (example or not converted or not converted[-1].strip())
        if (begins and not re.match(r"\s*(?:[-*\u2022]|\d+\.) ", line)) or (example and not line.strip()):
            example.append(line)
            continue
        close()
        converted.append(line)
    close()
    return "\n".join(converted)
