"""Readers, a module per file format: `read(path, options)` yields the documents of a file.

A reader returns the `text` of a document as Markdown: `#` headings, fences around code, a line per row of a table with
` | ` between cells, and formulas as LaTeX in `$` or `$$`. It sets the fields that the file declares (title, license,
attribution, topics, date, metadata). It leaves `id` empty, or sets an id that is unique in the file if the file has
several documents.

A reader raises `RecordError` with the reason if the file is unusable ("encrypted", "no text layer: scanned"). Other
exceptions, crashes, and excessive time or memory affect only this file, because readers run in worker processes.
Libraries are imported within `read`, so that a missing library is reported before a file is opened.
"""

from dataclasses import dataclass, field

from kgsynth.settings import FieldNames


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of a reader.

    Attributes:
        encoding: encoding of text files; if it is empty, it is detected by byte order mark, declaration or guess.
        fields: names of the fields of a record.
    """

    encoding: str = ""
    fields: FieldNames = field(default_factory=FieldNames)
