"""What the tests of several modules share: readers of PDF, Word, PowerPoint and spreadsheets, on files that the tests write themselves."""

import pytest

from kgsynth.errors import RecordError
from kgsynth_loaders.readers import ReadOptions

OPTIONS = ReadOptions()


def only(records):
    (record,) = records
    return record


def reason(reader, path) -> str:
    with pytest.raises(RecordError) as found:
        list(reader.read(path, OPTIONS))
    return str(found.value)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def cell(content, span=""):
    return f"<w:tc><w:tcPr>{span}</w:tcPr>{content}</w:tc>"


def run(text, properties=""):
    return f"<m:r>{properties}<m:t>{text}</m:t></m:r>"
