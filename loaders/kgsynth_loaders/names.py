"""Names of files and modules as words."""

import re


def human(name: str) -> str:
    """A file or module name as words: `shortest_paths` becomes `shortest paths`."""
    return re.sub(r"[_\-.\s]+", " ", name).strip()
