"""One module for each format of files: `read(path, options)` yields the documents of one file.

A reader gives a document's `text` as Markdown: `#` headings, fences around code, one line for each row of a table with
` | ` between cells, formulas as LaTeX between `$` or `$$`. It fills what the file says of itself (title, license,
attribution, topics, date, metadata) and leaves `id` empty, or where a file holds several documents gives each one that
is unique in the file. It raises `RecordError` with the reason for which the file cannot be used ("encrypted",
"no text layer: scanned"); what else it raises, a crash, and too much time or memory cost the file too, since readers
run in workers. A library that a reader needs is imported inside `read`, so that a file without its reader is known
before anything is opened.
"""

from dataclasses import dataclass, field

from kgsynth.config import FieldNames


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a reader is told beside the path.

    Attributes:
        encoding: of text files; empty: by byte-order mark, declaration or guess.
        fields: which field of a record holds what.
    """

    encoding: str = ""
    fields: FieldNames = field(default_factory=FieldNames)
