"""HTML and XHTML pages: the main content as Markdown, with formulas, code and tables, and what the page says of itself.

A page is parsed by lxml. What is no text of its author (navigation, banners, comments, hidden copies) is emptied, the
element that holds the main content is chosen, by `trafilatura` where the page does not mark it, and that element is
written by `_Writer`. All steps walk the tree without recursion and take time linear in the length of the page.
"""

from collections.abc import Iterator
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.characters import remark
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html_elements import Element, classes_and_styles, empty_all, of_no_text
from kgsynth_loaders.readers.html_hidden import is_hidden, is_of_no_chapter
from kgsynth_loaders.readers.html_listings import replace_listings
from kgsynth_loaders.readers.html_main import main_text
from kgsynth_loaders.readers.html_math import replace_formulas
from kgsynth_loaders.readers.html_metadata import Said, license_name
from kgsynth_loaders.readers.html_parsing import decoded_page, parsed
from kgsynth_loaders.readers.html_scripts import mark_scripts
from kgsynth_loaders.readers.html_text import written

__all__ = ["license_name", "page", "read", "whole_text"]


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The page, with a remark where its encoding is a guess.

    Raises:
        RecordError: it holds no text, or its bytes are no text.
    """
    import trafilatura  # noqa: F401

    decoded = decoded_page(path.read_bytes(), options.encoding, "")
    if decoded.guess:
        yield Remark(position=Position(source=""), text=remark(decoded.guess))
    yield page(decoded.text)


def page(data: bytes | str, *, encoding: str = "", declared: str = "") -> Document:
    """One page as a document without `id`.

    Args:
        data: the page.
        encoding: what the user says its encoding is; empty for nothing.
        declared: what its server says; empty for nothing. Both matter for bytes only.

    Raises:
        RecordError: it holds no text, or its bytes are no text.
    """
    text = data if isinstance(data, str) else decoded_page(data, encoding, declared).text
    root = parsed(text)
    said = Said(root)
    _write_plainly(root)
    markdown, first_heading = main_text(root, text, said.title)
    return said.document(markdown, first_heading)


def _write_plainly(root: Element) -> None:
    """Replace formulas, scripts, fractions and listings by elements that have one plain form each."""
    replace_formulas(root)
    attributes = classes_and_styles(root)
    mark_scripts(root, attributes)
    replace_listings(root, attributes)


def whole_text(data: bytes | str, *, encoding: str = "") -> str:
    """All of a page's body as Markdown, for chapters of a book; empty where there is none.

    Hidden elements, lists of contents and page numbers are left out.

    Raises:
        RecordError: its bytes are no text.
    """
    text = data if isinstance(data, str) else decoded_page(data, encoding, "").text
    try:
        root = parsed(text)
    except RecordError:
        return ""
    _write_plainly(root)
    empty_all(of_no_text(root))
    empty_all(element for element in root.iter() if is_hidden(element) or is_of_no_chapter(element))
    return written(root)
