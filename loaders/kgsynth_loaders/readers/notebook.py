"""Read Jupyter notebooks: text cells unchanged, code cells and their text output in fences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Remark
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.markdown import clean, fenced, first_heading
from kgsynth_loaders.readers.plain import read_text

# Plain text outputs are cut to this length, and longer Markdown and LaTeX outputs are replaced by plain text.
_MAX_OUTPUT_CHARS = 2000
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_ATTACHMENT = re.compile(r"!\[[^\[\]\n]*\]\(attachment:[^()\n]*\)")
# The default text form of Python objects.
_OBJECT = re.compile(r"\s*(?:\[?<[^<>\n]{1,300} at 0x[0-9a-fA-F]+>[,\]]?\s*)+|\s*<(?:Figure|IPython)[^<>\n]{1,200}>\s*")
_LANGUAGE_CELL = re.compile(r"%%(bash|sh|html|javascript|js|latex|perl|ruby|R|sql|svg|python|cython)\b")


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield a document of all cells in their order.

    Raises:
        RecordError: the file is no notebook, or has no text.
    """
    file = read_text(path, options)
    yield from file.remarks()
    try:
        book = json.loads(file.text, strict=False)
    except (ValueError, RecursionError) as error:
        raise RecordError("damaged") from error
    cells = _cells(book)
    if cells is None:
        raise RecordError("damaged")
    raw_metadata = book.get("metadata")
    metadata: dict[str, Any] = raw_metadata if isinstance(raw_metadata, dict) else {}
    language = _language(metadata)
    declared, cells = _declared_fields(metadata, cells)
    text = "\n\n".join(part for cell in cells if (part := _cell(cell, language)))
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields(declared)
    kernel = {"kernel_language": language} if language else {}
    fields["metadata"] = {**fields["metadata"], **kernel, **file.metadata()}
    fields["title"] = first_heading(text) or fields.get("title", "")
    yield Document(id="", text=text, **fields)


def _cells(book: Any) -> list[dict[str, Any]] | None:
    """Return the cells of format 4, or of the worksheets of format 3; None if the value is no notebook."""
    if not isinstance(book, dict):
        return None
    cells = book.get("cells")
    if cells is None and isinstance(book.get("worksheets"), list):
        sheets = [sheet for sheet in book["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or []]
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else None


def _language(metadata: dict[str, Any]) -> str:
    for name in ("language_info", "kernelspec"):
        part = metadata.get(name)
        for key in ("name", "language") if name == "language_info" else ("language", "name"):
            value = part.get(key) if isinstance(part, dict) else None
            if isinstance(value, str) and value:
                match = re.match(r"(?:i?python|ir\Z|julia|xcpp|sagemath|octave|bash)", value.lower())
                names = {"ir": "r", "ipython": "python", "xcpp": "cpp", "sagemath": "python"}
                return names.get(match.group(0), match.group(0)) if match else value.lower()
    return ""


def _declared_fields(
    metadata: dict[str, Any], cells: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields of a notebook from its metadata or its first raw cell, and the remaining cells."""
    names = ("title", "authors", "author", "license", "date", "keywords", "tags", "description")
    declared = {name: metadata[name] for name in names if metadata.get(name)}
    if cells and cells[0].get("cell_type") == "raw":
        fields, rest = front_matter.split(_source(cells[0]))
        if fields and not rest.strip():
            return {**declared, **fields}, cells[1:]
    return declared, cells


def _source(cell: dict[str, Any], *names: str) -> str:
    for name in names or ("source", "input"):
        value = cell.get(name)
        if isinstance(value, list):
            return "".join(part for part in value if isinstance(part, str))
        if isinstance(value, str):
            return value
    return ""


def _cell(cell: dict[str, Any], language: str) -> str:
    kind = cell.get("cell_type")
    source = _source(cell).replace("\r\n", "\n").replace("\r", "\n")
    if kind == "code":
        cell_language = str(cell.get("language") or language)
        magic = _LANGUAGE_CELL.match(source)
        cell_language = (
            {"js": "javascript", "sh": "bash", "R": "r"}.get(magic.group(1), magic.group(1)) if magic else cell_language
        )
        code = fenced(source.strip("\n").rstrip(), cell_language) if source.strip() else ""
        outputs = cell.get("outputs")
        printed = _printed(outputs if isinstance(outputs, list) else [])
        return "\n\n".join(part for part in (code, *printed) if part)
    if kind == "heading":
        level = cell.get("level")
        return f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {' '.join(source.split())}"
    if kind == "raw":
        return source.strip("\n").rstrip()
    return clean(_ATTACHMENT.sub("", source))


def _printed(outputs: list[Any]) -> list[str]:
    """Return the text outputs; parts of a stream are joined, and errors and images are left out."""
    texts: list[tuple[str, str]] = []
    for output in outputs:
        if not isinstance(output, dict):
            continue
        kind = output.get("output_type")
        if kind == "stream" and output.get("name", output.get("stream")) != "stderr":
            text = _source(output, "text")
            if texts and texts[-1][0] == "stream":
                texts[-1] = ("stream", texts[-1][1] + text)
            else:
                texts.append(("stream", text))
        elif kind in ("execute_result", "display_data", "pyout"):
            texts.append(_result(output))
    return [displayed for kind, text in texts if (displayed := _displayed_text(kind, text))]


def _result(output: dict[str, Any]) -> tuple[str, str]:
    """Return the kind and text of a result: Markdown or LaTeX if available, else plain text."""
    data = output.get("data")
    data = data if isinstance(data, dict) else output
    for name in ("text/markdown", "text/latex", "latex"):
        rich = _source(data, name).strip()
        if rich and len(rich) <= _MAX_OUTPUT_CHARS:
            return "rich", rich
    return "text", _source(data, "text/plain", "text")


def _displayed_text(kind: str, text: str) -> str:
    if kind == "rich":
        return text
    text = _TERMINAL_CODE.sub("", text)
    # A progress bar overwrites its line after a carriage return.
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")).strip("\n").rstrip()
    if not text.strip() or _OBJECT.fullmatch(text):
        return ""
    return fenced(f"{text[:_MAX_OUTPUT_CHARS]}…" if len(text) > _MAX_OUTPUT_CHARS else text, "text")
