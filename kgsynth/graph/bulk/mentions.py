"""Annotations as numbers: which document mentions which term under which name."""

import os
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgsynth.graph import decisions, facts
from kgsynth.records import Document

MENTION_BATCH = 2_000_000
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Terms:
    """The terms of a corpus in the order of their ids, and their mentions.

    `documents`, `terms` and `spellings` are int32 (mentions,): numbers of documents, indices into `ids`, and indices
    into `names`. Each pair of document and term occurs once. `name_of` holds the index of each term's name.
    """

    ids: list[str]
    names: list[str]
    documents: Int32
    terms: Int32
    spellings: Int32
    name_of: Int32

    def stored(self) -> list[decisions.StoredTerm]:
        """The terms in the form that merge decisions use."""
        counts = np.bincount(self.terms, minlength=len(self.ids)).tolist()
        return [
            decisions.StoredTerm(
                id=one,
                kind="topic" if one.startswith("topic:") else "concept",
                name=self.names[name],
                document_count=count,
            )
            for one, name, count in zip(self.ids, self.name_of.tolist(), counts, strict=True)
        ]

    def forget_mentions(self) -> None:
        """Free the memory of the mentions; ids and names remain."""
        self.documents = self.terms = self.spellings = np.empty(0, dtype=np.int32)


class Gathered:
    """Collects annotations as numbers in the order of arrival; mentions are written to a file."""

    def __init__(self, desk: Path) -> None:
        """Open the file for mentions.

        Args:
            desk: folder for the file.
        """
        self.documents: dict[str, int] = {}
        self.grades: dict[int, str] = {}
        self.subjects: dict[int, str] = {}
        self._terms: dict[str, int] = {}
        self._spellings: dict[str, int] = {}
        self._file = (desk / "mentions.i32").open("w+b")
        self._waiting = array("i")

    def __enter__(self) -> "Gathered":
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, said: facts.DocumentFacts) -> None:
        """Add one annotation; of several grades or subjects the first in alphabetical order is used."""
        document = self.documents.setdefault(said.document_id, len(self.documents))
        terms, spellings, waiting = self._terms, self._spellings, self._waiting
        for term_id, _, spelling in said.mentions:
            waiting.append(document)
            waiting.append(terms.setdefault(term_id, len(terms)))
            waiting.append(spellings.setdefault(spelling, len(spellings)))
        if said.grade:
            self.grades[document] = min(said.grade, self.grades.get(document, said.grade))
        if said.subject:
            self.subjects[document] = min(said.subject, self.subjects.get(document, said.subject))
        if len(self._waiting) >= MENTION_BATCH:
            self._flush()

    def facts(self, place: int, identity: str, document: Document | None) -> facts.DocumentFacts:
        """One document with its grade and subject, but without its mentions."""
        return facts.DocumentFacts(
            document_id=identity,
            document=document,
            grade=self.grades.get(place, ""),
            subject=self.subjects.get(place, ""),
        )

    def terms(self) -> Terms:
        """All terms and mentions; of several spellings of a term in a document the first by code point is used."""
        self._flush()
        self._file.flush()
        size = os.fstat(self._file.fileno()).st_size // 4
        held = (
            np.memmap(self._file, dtype=np.int32, mode="r", shape=(size // 3, 3))
            if size
            else np.empty((0, 3), np.int32)
        )
        ids, term_places = ordered(self._terms)
        names, name_places = ordered(self._spellings)
        documents, terms, spellings = np.array(held[:, 0]), term_places[held[:, 1]], name_places[held[:, 2]]
        order = np.lexsort((spellings, terms, documents))
        documents, terms, spellings = documents[order], terms[order], spellings[order]
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = (documents[1:] != documents[:-1]) | (terms[1:] != terms[:-1])
        documents, terms, spellings = documents[is_first], terms[is_first], spellings[is_first]
        return Terms(ids, names, documents, terms, spellings, _most_used(terms, spellings, len(ids)))

    def _flush(self) -> None:
        self._waiting.tofile(self._file)
        self._waiting = array("i")


def ordered(numbered: dict[str, int]) -> tuple[list[str], Int32]:
    """The sorted strings, and for each number the index of its string among them."""
    strings = sorted(numbered)
    places = np.empty(len(strings), dtype=np.int32)
    numbers = np.fromiter((numbered[string] for string in strings), dtype=np.int64, count=len(strings))
    places[numbers] = np.arange(len(strings))
    return strings, places


def _most_used(terms: Int32, spellings: Int32, count: int) -> Int32:
    """For each term the spelling that most documents use, the first one for ties; int32 (terms,)."""
    pairs, used = np.unique(terms.astype(np.int64) << 32 | spellings, return_counts=True)
    order = np.lexsort((pairs, -used, pairs >> 32))
    owners = (pairs >> 32)[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = owners[1:] != owners[:-1]
    made = np.zeros(count, dtype=np.int32)
    made[owners[is_first]] = (pairs & 0xFFFFFFFF)[order][is_first]
    return made
