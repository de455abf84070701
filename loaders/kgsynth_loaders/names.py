"""Convert names of files and modules to words."""

import re


def human(name: str) -> str:
    """Return a file or module name as words: `shortest_paths` becomes `shortest paths`."""
    return re.sub(r"[_\-.\s]+", " ", name).strip()
