"""A folder of .txt, .md and .html files: one document a file, its path the id, its folder the topic."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import text_lines

_ENDINGS = (".txt", ".md", ".html", ".htm")
_HIDDEN_TAGS = frozenset({"script", "style", "template", "noscript", "nav", "code", "pre", "svg", "math"})
_CODE_TAGS = frozenset({"nav", "code", "pre"})
_BLOCK_TAGS = frozenset(
    {"p", "div", "li", "br", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "title"}
)


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document a file, in the order of their paths; `fields` has no meaning here.

    Raises:
        ConfigError: it is not a folder, or holds no such file.
    """
    del fields
    root = text_lines.existing(source)
    if not root.is_dir():
        raise ConfigError(
            f"{source} is not a folder", hint="For one file of records use --loader jsonl, csv or parquet."
        )
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
    if not paths:
        raise ConfigError(f"{source} holds no {', '.join(_ENDINGS)} file")
    for path in paths:
        position = Position(source=str(path).encode("utf-8", "replace").decode())
        if position.source != str(path):
            yield Reject(position=position, reason="the file's name is not UTF-8")
            continue
        if path.stat().st_size > text_lines.MAX_LINE_BYTES:
            yield Reject(position=position, reason="file too large")
            continue
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            yield Reject(position=position, reason="not UTF-8")
            continue
        except OSError as error:
            yield Reject(position=position, reason="cannot be read", raw=str(error))
            continue
        title, body = _content(path, text.replace("\r\n", "\n"))
        relative = path.relative_to(root)
        folder = relative.parent.name or root.resolve().name
        yield Document(
            id=relative.as_posix(), text=body, title=title, topics=(human(folder),), source=str(path), position=position
        )


def human(name: str) -> str:
    """A file or module name as words: `shortest_paths` becomes `shortest paths`."""
    return re.sub(r"[_\-.\s]+", " ", name).strip()


def _content(path: Path, text: str) -> tuple[str, str]:
    fallback = human(path.stem)
    if path.suffix.lower() in (".html", ".htm"):
        parser = _Text()
        parser.feed(text)
        parser.close()
        return parser.title.strip() or fallback, re.sub(r"\n\s*\n+", "\n\n", "".join(parser.parts)).strip()
    if path.suffix.lower() == ".md":
        text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
        text = re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
        heading = re.search(r"^#+\s+(.+?)\s*#*$", text, flags=re.MULTILINE)
        return (heading.group(1) if heading else fallback), text.strip()
    return fallback, text.strip()


class _Text(HTMLParser):
    """The text that a reader sees, and the page's title."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title = ""
        self._hidden: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCK_TAGS:
            # A tag that was never closed must not hide the rest of the page; scripts and styles hold no blocks.
            self._hidden = [hidden for hidden in self._hidden if hidden not in _CODE_TAGS]
        if tag in _HIDDEN_TAGS:
            self._hidden.append(tag)
        if tag == "title":
            self._in_title = True
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag == "title":
            self._in_title = False
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._hidden:
            self.parts.append(data)
