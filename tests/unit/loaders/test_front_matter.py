"""Tests of `kgsynth_loaders.front_matter`."""

from typing import Any

import pytest

from kgsynth_loaders import front_matter


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ("---\ntitle: Orbits\nversion: 1.10\ndate: 2020-01-02\n---\nText", {"title": "Orbits", "version": "1.10", "date": "2020-01-02"}),
        ("---\ntitle: Orbits: a look\ntags: [a, b]\n---\nText", {"title": "Orbits: a look", "tags": ["a", "b"]}),
        ("---\ntitle: Orbits\n...\nText", {"title": "Orbits"}), ("---\n---\nText", {}),
        ("---\ndate: !r Sys.Date()\n---\nText", {"date": "Sys.Date()"}),
        ("+++\ntitle = 'Orbits'\n+++\nText", {"title": "Orbits"}), ('{"title": "Orbits"}\nText', {"title": "Orbits"}),
        ("% Orbits\n% A; B\n% 2020\nText", {"title": "Orbits", "author": "A; B", "date": "2020"}),
        ("Title: Orbits\nAuthor: A\n\nText", {"title": "Orbits", "author": "A"}),
    ],
)  # fmt: skip
def test_front_matter_of_each_kind(text: str, meta: dict[str, Any]) -> None:
    assert front_matter.split(text) == (meta, "Text")


@pytest.mark.parametrize(
    "text",
    ["---\n\nText between rules.\n\n---\nMore", "{{< figure >}}\nText", "Note: this.\n\nText", "---\nno end", "{a\nb"],
)
def test_what_only_looks_like_front_matter_is_text(text: str) -> None:
    assert front_matter.split(text) == ({}, text)


def test_fields_of_front_matter() -> None:
    found = front_matter.fields(
        {
            "Title": "Orbits", "authors": [{"name": "Jane", "affiliation": "X"}, "John", {"name": {"given": "A", "family": "B"}}],
            "licence": {"name": "CC BY 4.0", "url": "u"}, "tags": "a, b; c", "categories": ["b", "d"], "id": "7",
            "permalink": "https://host.invalid/x", "publishDate": "2020", "draft": "", "extra": {"k": ["1"]},
        }
    )  # fmt: skip
    assert found["title"] == "Orbits"
    assert found["attribution"] == "Jane; John; A B"
    assert found["license"] == "CC BY 4.0"
    assert found["topics"] == ("a", "b", "c", "d")
    assert found["date"] == "2020"
    assert found["metadata"]["url"] == "https://host.invalid/x"
    assert found["metadata"]["extra"] == '{"k":["1"]}'
    assert "id" not in found["metadata"]
    assert "draft" not in found["metadata"]
