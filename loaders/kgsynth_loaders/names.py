"""Convert names of files and modules to words."""

import re

# Extensions of files that programs write into the title of a document.
_FILE_NAME = re.compile(
    r".{0,250}\.(?:docx?|dotx?|odt|rtf|tex|dvi|ps|pdf|indd|qxd|fm|pptx?|odp|xlsx?|ods|csv|x?html?|xht|php|aspx?|jsp|"
    r"md|rst|adoc|txt|xml|epub|ipynb|svg|png|jpe?g|gif|tiff?|pages|key|numbers)",
    re.IGNORECASE,
)


def human(name: str) -> str:
    """Return a file or module name as words: `shortest_paths` becomes `shortest paths`."""
    return re.sub(r"[_\-.\s]+", " ", name).strip()


def is_file_name(title: str) -> bool:
    """Return whether a title is the name or the address of a file, such as `p.html`."""
    return _FILE_NAME.fullmatch(title.strip()) is not None
