"""What the tests of several modules share: pages, books, mail and web archives: what is kept, what is left out, what is refused."""

from pathlib import Path

from kgsynth.records import Document
from kgsynth_loaders.readers import ReadOptions, html

FILLER = "A body that moves has energy, and a person wrote this long sentence about it so that the page has words."


def page_of(body: str, head: str = "<title>A page</title>") -> Document:
    return html.page(f"<!DOCTYPE html><html lang='en'><head>{head}</head><body>{body}</body></html>")


def text_of(body: str) -> str:
    """The Markdown of a fragment between two paragraphs, without these."""
    text = page_of(f"<p>{FILLER}</p>{body}<p>{FILLER}</p>").text
    assert text.startswith(FILLER)
    assert text.endswith(FILLER)
    return text[len(FILLER) : -len(FILLER)].strip()


def read_all(module, path: Path, **options: str) -> list:
    return list(module.read(path, ReadOptions(**options)))
