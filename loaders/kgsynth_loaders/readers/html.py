"""Read HTML and XHTML pages: the main content as Markdown, with formulas, code and tables, and the page's metadata.

A page is parsed by lxml. Elements that are not text of its author (navigation, banners, comments, hidden copies) are
emptied. The element with the main content is chosen, by `trafilatura` if the page does not mark it, and written as
Markdown by `html_text`. All steps walk the tree without recursion and take time linear in the length of the page.
"""

from collections.abc import Iterator
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.characters import remark
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html_elements import Element, classes_and_styles, elements_without_text, empty_all
from kgsynth_loaders.readers.html_hidden import is_hidden, is_not_chapter_text
from kgsynth_loaders.readers.html_listings import replace_listings
from kgsynth_loaders.readers.html_main import main_text
from kgsynth_loaders.readers.html_math import replace_formulas
from kgsynth_loaders.readers.html_metadata import PageMetadata, license_name
from kgsynth_loaders.readers.html_parsing import decoded_page, parsed
from kgsynth_loaders.readers.html_scripts import mark_scripts
from kgsynth_loaders.readers.html_text import markdown_of

__all__ = ["license_name", "page", "read", "whole_text"]


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the page as a document, after a remark if its encoding was guessed.

    Raises:
        RecordError: the page has no text, or its bytes cannot be decoded.
    """
    import trafilatura  # noqa: F401

    decoded = decoded_page(path.read_bytes(), options.encoding, "")
    if decoded.guess:
        yield Remark(position=Position(source=""), text=remark(decoded.guess))
    yield page(decoded.text)


def page(data: bytes | str, *, encoding: str = "", declared: str = "") -> Document:
    """Convert a page to a document with an empty `id`.

    Args:
        data: the page.
        encoding: encoding that the user gave; empty for none. It is used only for bytes.
        declared: encoding that the server declares; empty for none. It is used only for bytes.

    Raises:
        RecordError: the page has no text, or its bytes cannot be decoded.
    """
    text = data if isinstance(data, str) else decoded_page(data, encoding, declared).text
    root = parsed(text)
    metadata = PageMetadata(root)
    _write_plainly(root)
    markdown, first_heading = main_text(root, text, metadata.title)
    return metadata.document(markdown, first_heading)


def _write_plainly(root: Element) -> None:
    """Replace the many forms of formulas, scripts, fractions and listings by one plain form each."""
    replace_formulas(root)
    attributes = classes_and_styles(root)
    mark_scripts(root, attributes)
    replace_listings(root, attributes)


def whole_text(data: bytes | str, *, encoding: str = "") -> str:
    """Return the whole body of a page as Markdown, for chapters of a book; empty if the page is empty.

    Hidden elements, tables of contents, page numbers and marks of notes are left out.

    Args:
        data: the page.
        encoding: encoding that the user gave; empty for none. It is used only for bytes.

    Raises:
        RecordError: the bytes of the page cannot be decoded.
    """
    text = data if isinstance(data, str) else decoded_page(data, encoding, "").text
    try:
        root = parsed(text)
    except RecordError:
        return ""
    _write_plainly(root)
    empty_all(elements_without_text(root))
    empty_all(element for element in root.iter() if is_hidden(element) or is_not_chapter_text(element))
    return markdown_of(root)
