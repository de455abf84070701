"""Tests of `kgsynth.cli.loopback`."""

import http.client
import urllib.error
import urllib.request

import pytest

from kgsynth.cli.loopback import Page, serving
from kgsynth.errors import ConfigError


def page(path: str, parameters) -> Page | None:
    return Page(content_type="text/plain", text=f"{sorted(parameters.items())}") if path == "/here" else None


def fetch(address: str, path: str = "/here", *, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    request = urllib.request.Request(address + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), answer.headers.get("Access-Control-Allow-Origin", "")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, "", ""


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_pages_of_other_sites_are_refused(method: str) -> None:
    with serving(page, origins=["http://localhost:7474"]) as address:
        port = address.rpartition(":")[2]
        answered = (200, 204)
        assert fetch(address, method=method)[0] in answered
        assert fetch(address, method=method, Origin=address)[0] in answered
        assert fetch(address, method=method, Origin="http://localhost:7474")[::2][0] in answered
        assert fetch(address, method=method, Host=f"127.0.0.1:{port}")[0] in answered
        for origin in ("http://example.org", "http://localhost:7475", "https://localhost:7474", "null"):
            assert fetch(address, method=method, Origin=origin)[0] == 403
        for host in (f"example.org:{port}", "localhost", f"localhost:{int(port) + 1}", ""):
            assert fetch(address, method=method, Host=host)[0] == 403


def test_only_named_origins_may_read_an_answer() -> None:
    with serving(page, origins=["http://localhost:7474"]) as address:
        assert fetch(address, Origin="http://localhost:7474")[2] == "http://localhost:7474"
        assert fetch(address, Origin=address)[2] == ""
        assert fetch(address)[2] == ""


def test_a_path_has_parameters_and_an_unknown_path_is_not_found() -> None:
    with serving(page) as address:
        assert fetch(address, "/here?node=a%20%26b")[1] == "[('node', 'a &b')]"
        assert fetch(address, "/there")[0] == 404


def test_a_port_in_use_is_said() -> None:
    with (
        serving(page) as address,
        pytest.raises(ConfigError, match="cannot be used"),
        serving(page, int(address.rpartition(":")[2])),
    ):
        pass


def test_nothing_answers_afterwards() -> None:
    with serving(page) as address:
        pass
    with pytest.raises(OSError):
        http.client.HTTPConnection(address.removeprefix("http://")).request("GET", "/here")
