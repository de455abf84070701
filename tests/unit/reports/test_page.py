"""Tests of `kgsynth.reports.page`."""

import html
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from kgsynth import config, pipeline, queries
from kgsynth.errors import ManifestError
from kgsynth.records import AnsweredQuestion
from kgsynth.reports import diversity
from kgsynth.reports.page import filter_page, number, page, percent
from tests.unit.filter_cases import _ROUNDS, filtered
from tests.unit.reports.reports_cases import (
    BROWSER,
    whole_figures,
)


@pytest.mark.slow
def test_rounds_of_rating_are_told_and_a_page_shows_them(
    environment: config.Environment, mixed: tuple[Path, Path], tmp_path: Path
) -> None:
    # A script's ratings say nothing; they prove that rounds, journal and scores work, and repeat.
    figures = filtered(environment, mixed, tmp_path / "c", **_ROUNDS)
    assert 1 <= len(figures["rounds"]) <= 2
    assert filtered(environment, mixed, tmp_path / "c", **_ROUNDS) == figures
    one = figures["rounds"][0]
    assert one["ratings"] <= 20
    assert sum(one["scores"]["documents"]) == 80
    assert len(one["just_above"]) <= 10
    assert one["added"] - one["removed"] == one["selected"] - figures["start"]["selected"]
    assert len(one["added_documents"]) == min(10, one["added"])
    assert set(one["aspects"]) == {"relevance", "clarity", "language"}
    assert sum(held["lowest_share"] for held in one["aspects"].values()) >= 1
    doubt = one["doubt"]
    assert doubt["most_doubtful_feature"] in doubt["features"]
    assert [row["doubt"] for row in doubt["documents"]] == sorted(
        (r["doubt"] for r in doubt["documents"]), reverse=True
    )
    scores = pipeline.read_scores(tmp_path / "c" / "round-1" / "scores.parquet", pipeline.read_corpus(tmp_path / "c"))
    assert len(scores) == 80
    page = filter_page(pipeline.read_figures(tmp_path / "c"))
    assert not re.search(
        r"""(src|href)=["']?(https?:)?//|@import|url\(http""",
        re.sub(r"<metadata>.*?</metadata>", "", page, flags=re.DOTALL),
    )
    assert "Round 1" in page
    for name in ("just_above", "just_below", "added_documents", "removed_documents"):
        for row in one[name][:2]:
            cells = r'<td class="text">{}</td><td class="text">{}</td><td class="count" data-value="{}">'
            assert cells.format(row["id"], row["title"], row["score"]) in page
    aspect = one["aspects"]["clarity"]
    cells = '<td class="text">clarity</td><td class="count" data-value="{}">'.format(aspect["mean"])
    assert cells in page
    # Another model than the forest has no trees that could differ.
    linear = filtered(environment, mixed, tmp_path / "d", **{**_ROUNDS, "method": "linear"})
    assert linear["rounds"][0]["doubt"]["kind"] == "nearness to the cut"
    with pytest.raises(ManifestError, match="other settings"):
        filtered(environment, mixed, tmp_path / "c", **{**_ROUNDS, "rounds": 1})


def cells(text: str, head: str) -> list[str]:
    """The cells of the first row that begins with a text."""
    for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL):
        found = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        if found and found[0] == head:
            return found
    raise AssertionError(head)


@pytest.mark.slow
def test_what_the_page_says_is_what_the_figures_are() -> None:
    figures = whole_figures(("one", "$_two"))
    text = page(figures)
    walks = figures["runs"][0]["walks"]
    assert cells(text, "concepts used")[1] == percent(walks["coverage"]["concepts"]["share"]) != "0.0 %"
    assert cells(text, "co-occurring pairs used")[2] == percent(walks["coverage"]["pairs"]["share"])
    assert cells(text, "effective number of concepts")[1] == number(walks["effective"]["concepts"])
    assert cells(text, "effective number of combinations, by the questions from each")[1] == "–"
    assert cells(text, "concepts newly used")[1:] == ["4", "5", "1.25"]
    assert cells(text, "documents used")[1] == "0.0 %"
    level = figures["runs"][0]["questions"]["levels"]["1"]
    assert cells(text, "one")[1:4] == ["1", str(level["count"]), number(level["words"]["mean"])]
    assert cells(text, "one")[9] == percent(7 / level["count"])
    for name, held in figures["runs"][0]["questions"]["likeness"].items():
        assert re.search(rf"<td[^>]*>{name}</td>\s*<td[^>]*>{number(held['pairs'])}</td>", text)
    assert "something is gone" in text
    assert "first words" in text
    assert "cut &lt;off&gt; $x$" in text


@pytest.mark.slow
def test_names_lead_to_queries_in_the_browser() -> None:
    figures = whole_figures()
    text = page(figures)
    used = figures["runs"][0]["walks"]["most_used"][0]
    query = queries.filled(queries.saved("around_a_node"), {"node": used["id"]})
    address = html.escape(f"{BROWSER}&cmd=edit&arg={quote(query, safe='')}")
    assert f'<td class="link"><a href="{address}" target="_blank" rel="noopener">{used["name"]}</a></td>' in text
    pair = next(iter(figures["runs"][0]["questions"]["likeness"].values()))["most_alike"][0]
    assert quote(f'{{id: "{pair["one_id"]}"}}', safe="") in text
    assert quote("coalesce(document.attribution, '') = \"A & B\"", safe="") in text
    # A server of the user's own need not have a Browser.
    figures["graph"]["browser"] = ""
    text = page(figures)
    assert '<a href="http' not in text
    assert f'<td class="link">{used["name"]}</td>' in text
    assert "kgsynth concept NAME" in text


def test_what_is_complete_is_said_in_words() -> None:
    figures = whole_figures()
    run = figures["runs"][0]
    run["walks"]["unused"] |= {"count": 0, "listed": []}
    run["questions"]["unshown"] |= {"count": 0, "listed": []}
    run["stages"] = [{**run["stages"][0], "rejected": {}}]
    run["answers"] = diversity.answers([AnsweredQuestion(id="q", text="t", answer="x")])
    text = page(figures)
    for said in (
        "All concepts are used.",
        "The questions show all concepts of the graph.",
        "No stage rejected anything.",
        "no question was answered more than once",
    ):
        assert said in text
    assert "<tbody>\n</tbody>" not in text


@pytest.mark.slow
@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_the_page_holds_everything_and_fetches_nothing(names: tuple[str, ...]) -> None:
    figures = whole_figures(names)
    text = page(figures)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "1,234" in text
    # Name spaces of SVG are names; whatever else has an address would be fetched or followed.
    addresses = set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text))
    links = set(re.findall(r'<a href="(http[^"]+)" target="_blank" rel="noopener">', text))
    assert all(html.unescape(link).startswith(BROWSER + "&cmd=edit&arg=") for link in links)
    addresses -= links
    assert all(address.startswith("#") for address in addresses), addresses
    assert not re.search(r"@import|<link|<iframe", text)
    assert text.count("<svg") == 1 + 10 + 2 * len(names)
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    assert {address[1:] for address in addresses} <= set(identities)
    assert text == page(figures), "the same figures give the same page"
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567, "1,234,567"), (0.12345, "0.123"), (1234.56, "1,234.6"), (3.0, "3"), ("x", "x")]
)
def test_numbers_are_for_people(value: object, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("share", "shown"), [(0, "0.0 %"), (0.00004, "0.004 %"), (0.5, "50.0 %"), (1, "100.0 %")])
def test_a_share_that_is_not_nothing_is_not_shown_as_nothing(share: float, shown: str) -> None:
    assert percent(share) == shown
