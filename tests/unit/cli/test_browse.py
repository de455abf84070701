"""Tests of `kgsynth.cli.browse`."""

import urllib.error
import urllib.request

import pytest

from kgsynth.cli.browse import serving

BROWSER = "http://127.0.0.1:7474/browser/"


def status(address: str, *, method: str = "GET", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{address}/style.grass", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers.get("Access-Control-Allow-Origin", "")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_only_pages_of_the_browser_can_read_the_guide(method: str) -> None:
    with serving({}, 0, browser=BROWSER) as address:
        assert status(address, method=method)[0] in (200, 204)
        for origin in ("http://127.0.0.1:7474", "http://localhost:7474"):
            code, allowed = status(address, method=method, Origin=origin)
            assert code in (200, 204)
            assert allowed == origin
        for origin in ("http://example.org", "http://localhost:7475", "https://localhost:7474", "null"):
            assert status(address, method=method, Origin=origin)[0] == 403
        # A name of another site that leads to this machine.
        port = address.rpartition(":")[2]
        assert status(address, method=method, Host=f"example.org:{port}")[0] == 403
        assert status(address, method=method, Host=f"127.0.0.1:{port}")[0] in (200, 204)
