"""Tests of `kgsynth_loaders.names`."""

import pytest

from kgsynth_loaders.names import is_file_name


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("p.html", True), ("https://example.org/a/index.HTM", True), ("Microsoft Word - report.docx", True),
        ("paper.final.tex", True), (" scan.tiff ", True), ("On orbits", False), ("Version 1.2", False),
        ("Node.js and ASP.NET", False), ("See the pages", False), ("", False), ("What is a .pdf file?", False),
    ],
)  # fmt: skip
def test_names_of_files_are_no_titles(title: str, expected: bool) -> None:
    assert is_file_name(title) == expected
