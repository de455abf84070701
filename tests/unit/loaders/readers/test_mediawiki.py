"""Tests of `kgsynth_loaders.readers.mediawiki`."""

import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Document, Reject, Skipped
from kgsynth_loaders.readers import mediawiki
from kgsynth_loaders.workers import Begun
from tests.timing import is_quick
from tests.unit.loaders.readers.markup_readers_cases import records

ARTICLE = """'''Orbits''' of a [[group (mathematics)|group]] with {{convert|5|km|mi}}, {{frac|1|2}}, {{lang|de|Bahn}}.&lt;ref&gt;gone&lt;/ref&gt;
[[File:gone.png|thumb|gone]]
== History ==
* One &lt;math&gt;x^2&lt;/math&gt;
# Num
&lt;syntaxhighlight lang="python"&gt;
x = '''a''' # [[b]]
&lt;/syntaxhighlight&gt;
{| class="wikitable"
|+ Sizes
! A !! B
|-
| 1 || [[x|two]]
|}
{{gone}} &lt;!-- gone --&gt; &lt;nowiki&gt;[[kept]]&lt;/nowiki&gt;
[[Category:Algebra|x]]"""


def dump(*pages: str) -> bytes:
    site = "<siteinfo><base>https://host.invalid/wiki/Main</base></siteinfo>"
    return f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">{site}{"".join(pages)}</mediawiki>'.encode()


def page(title: str, text: str, ns: int = 0) -> str:
    revision = f"<revision><id>7</id><timestamp>2020-01-02T00:00:00Z</timestamp><text>{text}</text></revision>"
    return f"<page><title>{title}</title><ns>{ns}</ns><id>1</id>{revision}</page>"


@pytest.mark.parametrize("packed", [bytes, bz2.compress, gzip.compress])
def test_mediawiki_dump(tmp_path: Path, packed: Any) -> None:
    data = dump(page("Orbit", ARTICLE), page("Talk:Orbit", "x", 1), page("Bahn", "#REDIRECT [[Orbit]]"))
    talk, redirect, found = records(mediawiki, tmp_path / "dump.xml", packed(data))
    assert (found.id, found.title, found.topics, found.date) == ("Orbit", "Orbit", ("Algebra",), "2020-01-02T00:00:00Z")
    assert found.metadata == {"revision": "7", "page_id": "1", "url": "https://host.invalid/wiki/Orbit"}
    for part in (
        "Orbits of a group with 5 km, 1/2, Bahn.", "## History", "- One $x^2$", "1. Num",
        "```python\nx = '''a''' # [[b]]\n```", "Sizes\n\n| A | B |\n|---|---|\n| 1 | two |", "[[kept]]",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text
    assert isinstance(talk, Skipped)
    assert (talk.rule, talk.position.line, redirect.rule) == ("not an article", 2, "a redirect")
    assert found.synonyms == (("Bahn", "Orbit"),)


def test_redirects_are_synonyms_of_the_article_before_them(tmp_path: Path) -> None:
    data = dump(
        page("Abelian group", "#REDIRECT [[Commutative group]]"),
        page("Ring", "A ring has two operations."),
        page("Anneau (maths)", "#redirect: [[ring_(mathematics)|ring]]"),
        page("Unit of a ring", "#REDIRECT [[Ring#Units]]"),
        page("Ring (mathematics)", "#REDIRECT [[Ring]]"),
        page("Talk:Anneau", "#REDIRECT [[Talk:Ring]]", 1),
        page("Long", "word " * 5000),
        page("Corps", "#WEITERLEITUNG [[Field]]"),
        page("Broken", "#REDIRECT nowhere"),
    )
    made = records(mediawiki, tmp_path / "dump.xml", data)
    articles = [record for record in made if isinstance(record, Document)]
    assert [(article.id, article.synonyms) for article in articles] == [
        ("Ring", (("Abelian group", "Commutative group"), ("Anneau", "ring"))),
        ("Long", (("Corps", "Field"),)),
    ]
    assert sum(isinstance(record, Skipped) for record in made) == 7


WIKITEXT_CASES = [
    (r"{{gaps|1|234}} {{tmath|\alpha}} {{SI|5|kg}} {{USD|5}} {{radic|3}} {{radic|2|3}} {{radic|2|}} {{radic|2|5}} {{ordinal|2}}", r"1234 $\alpha$ 5 kg US$5 √3 ∛2 √2 $\sqrt[5]{2}$ 2nd"),
    ("x\n{{Theorem|Let ''x'' be.}}\n* item", "x\n\n**Theorem**. Let x be.\n\n- item"),
    ("-{zh-hans:a;zh-hant:b}- -{c}--{H|zh-cn:gone}-", "a c"),
    ('a <span style="display:none">gone</span>b', "a b"),
    ("{|\n! colspan=2 | W !! C\n|-\n| rowspan=2 | x || 1 || 2\n|-\n| 3 || 4\n|}", "| W |  | C |\n|---|---|---|\n| x | 1 | 2 |\n|  | 3 | 4 |"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), WIKITEXT_CASES)
def test_wikitext_as_markdown(source: str, expected: str) -> None:
    assert mediawiki.to_markdown(source)[0] == expected


@pytest.mark.parametrize("unit", ["[http://a ", "&lt;div&gt;", "{{a|", "[[a|", "{|\n|-\n|a", "*", "== "])
def test_a_page_that_the_parser_would_hang_on_costs_that_page(tmp_path: Path, unit: str) -> None:
    data = dump(page("One", "Text."), page("Bad", unit * (100_000 // len(unit))), page("Two", "Text."))
    found: list[Any] = []

    def read() -> None:
        found[:] = records(mediawiki, tmp_path / "a.xml", data)

    assert is_quick(read, times=150)
    first, bad, last = (one for one in found if not isinstance(one, Begun))
    assert (first.text, last.text) == ("Text.", "Text.")
    assert isinstance(bad, Document) or bad.raw == "Bad"
    if unit[0] not in "*=":
        assert bad.reason == "page with too many marks that are not closed"


def test_a_dump_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    data = dump(page("One", "Text one."), page("Two", "Text two."))
    first, reject = records(mediawiki, tmp_path / "a.xml", data[:-90])
    assert first.text == "Text one."
    assert (type(reject), reject.reason) == (Reject, "file is damaged from here on")
    packed = bz2.compress(b"x" * 10 + data)
    with pytest.raises(RecordError, match="damaged"):
        records(mediawiki, tmp_path / "b.xml", packed[: len(packed) // 2])


def test_a_dump_that_declares_entities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="declares XML entities"):
        records(mediawiki, tmp_path / "a.xml", b'<!DOCTYPE x [<!ENTITY a "b">]>' + dump(page("One", "&a;")))
