"""What the tests of several modules share: long documents as parts: nothing is lost, no part is too long, and each knows its document, pages and headings."""

import random

from kgsynth.documents.split import split
from kgsynth.records import Document
from kgsynth.settings import DocumentsSettings


def words(count: int, seed: int = 1) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(1000)}" for _ in range(count)) + "."


def book(chapters: int = 4, sections: int = 3, size: int = 200) -> str:
    text = "# The Book\n\nA short word before all.\n\n"
    for chapter in range(chapters):
        text += f"## Chapter {chapter}\n\n{words(40, chapter)}\n\n"
        for section in range(sections):
            text += f"### Section {chapter}.{section}\n\n{words(size, 10 * chapter + section)}\n\n"
    return text


def parts(document: Document, **settings: object) -> list[Document]:
    return list(split(document, DocumentsSettings(**settings)))  # type: ignore[arg-type]
