"""Read source code as a single fenced block."""

import re
from collections.abc import Iterator
from pathlib import Path

from kgsynth.records import Document
from kgsynth_loaders.characters import decode
from kgsynth_loaders.formats import endings
from kgsynth_loaders.readers import ReadOptions


def read(path: Path, options: ReadOptions) -> Iterator[Document]:
    """Yield the code in a fence with the file extension as its language."""
    text = decode(path.read_bytes(), encoding=options.encoding).text.replace("\r\n", "\n").strip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    language = (endings(path.name) or [""])[0]
    if text.strip():
        yield Document(id="", text=f"{fence}{language}\n{text}\n{fence}")
