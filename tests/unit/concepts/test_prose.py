"""Tests of `kgsynth.concepts.prose`."""

import pytest

from kgsynth.concepts import languages
from kgsynth.concepts.prose import running_text, without_code
from kgsynth.scripts import is_foreign
from tests.timing import is_quick
from tests.unit.languages_cases import phrases_of, terms_found


def test_code_tables_and_addresses_make_no_key_phrases() -> None:
    text = (
        "The directed graph has a cycle.\n\n```\nsparse matrix\n```\n\n`normal form` and https://host/linear map\n\n"
        "| power series | open set |\n|---|---|\n| prime ideal | dense subset |\n\nopen ball | closed ball\n--- | ---\ninner product | outer product\n"
    )
    assert phrases_of([text] * 2) == ["directed graph"]
    assert running_text("plain | text") == "plain | text"


@pytest.mark.parametrize(
    "text",
    ["`" * 10**4, "`a" * 10**4, "~~~a\n" * 10**4, "|" * 10**4, "| -" * 10**4, " " * 10**4 + "`|://", "https://" * 10**4, "```\n" * 10**4, "群" * 10**4, "กิ" * 10**4, "·" * 10**4, "a-" * 10**4, "l'" * 10**4],
    ids=lambda text: repr(text[:4]),
)  # fmt: skip
def test_odd_texts_take_little_time(text: str) -> None:
    def read() -> None:
        without_code(text)
        running_text(text)
        terms_found(["群论", "abc", "กิน"], text)
        is_foreign(text, "en")
        for language in ("fr", "de", "zh", "pl"):
            list(languages.phrases(text, language, ()) or ())

    assert is_quick(read, times=250)


@pytest.mark.parametrize(
    ("block", "is_kept"),
    [
        ("    widget name = 1", False),
        ("\tfor (i = 0; i < n; i++) {\n\t    widget(name);\n\t}", False),
        ("    >>> import widget name", False),
        ("    an indented widget name in a quotation", True),
        ("    where $widget = name$ holds", True),
        ("- an item\n\n    widget name = 1", True),
        ("A line above\n    widget name = 1", True),
    ],
)
def test_indented_code_is_left_out_where_a_fence_shows_markdown(block: str, is_kept: bool) -> None:
    text = f"Words.\n\n{block}\n\nMore words."
    assert without_code(text) == text
    cleaned = without_code(f"{text}\n\n```\ncode\n```\n")
    assert (block in cleaned, "widget" in cleaned) == (is_kept, is_kept)
    assert "More words." in cleaned


def test_latex_is_not_taken_for_code() -> None:
    text = "    indented prose of ``quoted'' and `one' and `two'\n~~~ blanks"
    assert without_code(text) == text
    assert without_code("a\n~~~\nb\n~~~\nc").split() == ["a", "\N{CURRENCY SIGN}", "c"]
