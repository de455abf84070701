"""Tests of `kgsynth.cli.browse`."""

import urllib.error
import urllib.request

from kgsynth.cli.browse import serving

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
