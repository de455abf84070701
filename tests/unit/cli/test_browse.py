"""Tests of `kgsynth.cli.browse`."""

import re
import urllib.error
import urllib.request

from kgsynth.cli.browse import guide, serving

BROWSER = "http://127.0.0.1:7474/browser/"


def status(address: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{address}/style.grass", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers.get("Access-Control-Allow-Origin", "")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""


def test_only_pages_of_the_browser_can_read_the_guide() -> None:
    with serving({}, 0, browser=BROWSER) as address:
        assert status(address)[0] == 200
        for origin in ("http://127.0.0.1:7474", "http://localhost:7474"):
            assert status(address, Origin=origin) == (200, origin)
        for origin in ("http://example.org", "http://localhost:7475", "https://localhost:7474", "null"):
            assert status(address, Origin=origin)[0] == 403


def test_steps_without_data_are_left_out_and_said() -> None:
    everything = dict.fromkeys(
        ("topics", "topic", "first", "second", "concept", "term", "document", "question", "combination", "unused"),
        "x y",
    )
    text = guide({**everything, "graph": "g"}, "http://localhost:1")
    assert text.count("<slide") == 12
    assert "left out" not in text
    assert "{{" not in text
    before = {**everything, "graph": "g", "question": "", "combination": "", "unused": "", "term": ""}
    text = guide(before, "http://localhost:1")
    assert re.findall(r"<h3>(\d+)\. ([^<]+)</h3>", text) == [
        ("1", "Overview"),
        ("2", "Topics"),
        ("3", "A topic"),
        ("4", "A concept"),
        ("5", "Hubs"),
        ("6", "Two areas"),
        ("7", "A document"),
        ("8", "Going on"),
    ]
    assert "in 8 steps" in text
    assert "no merged names (<code>kgsynth --graph g merge</code>); no combinations" in text
    assert "no questions (<code>kgsynth --graph g generate</code>)" in text
    assert "trace" not in text
    text = guide({"graph": "g"}, "http://localhost:1")
    assert re.findall(r"<h3>(\d+)\.", text) == ["1", "2"]
    assert text.count("</slide>") == 2
