"""Tests of `kgsynth.generation.openai_server`."""

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kgsynth.errors import ConfigError, GeneratorUnavailableError
from kgsynth.generation.backend import Completion, Message, Request, Sampling
from kgsynth.generation.openai_server import OpenAiServerGenerator, _seconds
from tests import servers

LATEX = r"Let $\frac{1}{2}\rho\beta\theta\nabla\tau\neq\phi\alpha$ be a prime number in a ring, what is its value?"


SAMPLING = Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.1, max_output_tokens=100)


class _Server(ThreadingHTTPServer):
    script: list[tuple[int, dict[str, str], str]]
    bodies: list[dict]
    ids: list[str]


@pytest.fixture
def http() -> Iterator[_Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, status: int, headers: dict[str, str], text: str) -> None:
            data = text.encode()
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._send(200, {}, json.dumps({"data": [{"id": "served"}]}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.bodies.append(body)
            server.ids.append(self.headers["X-Request-Id"])
            if server.script:
                self._send(*server.script.pop(0))
                return
            message = {
                "choices": [{"message": {"content": LATEX + str(body["seed"])}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            }
            self._send(200, {}, json.dumps(message))

    server = _Server(("127.0.0.1", 0), Handler)
    server.script, server.bodies, server.ids = [], [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client_at(url: str | list[str], **options: object) -> OpenAiServerGenerator:
    settings = {
        "model": "",
        "api_key": "k",
        "sampling": SAMPLING,
        "concurrency": 4,
        "timeout_s": 5.0,
        "constrained": True,
        "first_wait_s": 0.01,
        **options,
    }
    return OpenAiServerGenerator([url] if isinstance(url, str) else url, **settings)  # type: ignore[arg-type]


def client(http: _Server, **options: object) -> OpenAiServerGenerator:
    return client_at(f"http://127.0.0.1:{http.server_port}", **options)


def requests_of(count: int, **more: object) -> Iterator[Request]:
    return (
        Request(id=f"answer:ü {n}", messages=(Message("user", "hi"),), seed=n, **{"pattern": "a|b", **more})  # type: ignore[arg-type]
        for n in range(count)
    )


def test_a_server_answers_every_request_and_latex_survives(http: _Server) -> None:
    found = {one.request_id: one for one in client(http).generate(requests_of(20))}
    assert found["answer:ü 7"] == Completion(
        request_id="answer:ü 7", text=LATEX + "7", finish_reason="stop", prompt_tokens=3, output_tokens=2
    )
    assert len(found) == 20
    assert http.bodies[0]["structured_outputs"] == {"regex": "a|b"}
    assert http.bodies[0]["model"] == "served"
    assert "answer:%C3%BC%200" in http.ids


def test_a_schema_and_another_model_are_sent(http: _Server) -> None:
    list(client(http).generate(requests_of(1, pattern="", json_schema='{"type": "object"}', model="judge")))
    (body,) = http.bodies
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert body["model"] == "judge"


def test_faults_that_pass_are_retried_and_refusals_are_kept(http: _Server) -> None:
    http.script = [
        (429, {"Retry-After": "0.01"}, ""),
        (500, {}, ""),
        (200, {}, "not json"),
        (200, {}, '{"choices": []}'),
    ]
    (one,) = client(http, concurrency=1).generate(requests_of(1))
    assert one.finish_reason == "stop"
    assert len(http.bodies) == 5
    http.script = [(400, {}, "prompt too long")]
    (refused,) = client(http, concurrency=1).generate(requests_of(1))
    assert (refused.finish_reason, refused.text) == ("error", "HTTP 400: prompt too long")


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        ({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": "none"}, "stop", "ok"),
        ({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1e999, "completion_tokens": -1}}, "stop", "ok"),
        ({"choices": [{"message": {"content": None}, "finish_reason": "length"}]}, "length", ""),
        ({"choices": [{"message": {"content": "no"}, "finish_reason": "content_filter"}]}, "content_filter", "no"),
    ],
)  # fmt: skip
def test_odd_answers_are_taken_for_what_they_are(http: _Server, answer: dict, finish: str, text: str) -> None:
    http.script = [(200, {}, json.dumps(answer))]
    (one,) = client(http, concurrency=1).generate(requests_of(1))
    assert (one.finish_reason, one.text) == (finish, text)
    assert len(http.bodies) == 1


@pytest.mark.slow
def test_requests_that_are_at_fault_themselves_never_stop_the_run(http: _Server) -> None:
    http.script = [
        (200, {}, json.dumps({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})),
        *[(400, {}, "too long")] * 50,
    ]
    found = list(client(http, concurrency=1).generate(requests_of(60)))
    assert [one.finish_reason for one in found].count("error") == 50


def test_an_id_of_any_characters_can_be_sent(http: _Server) -> None:
    odd = Request(id="answer:a\ud800:\n\u2028ü%", messages=(Message("user", "\ud800"),), seed=1)
    (one,) = client(http).generate(iter([odd]))
    assert one.request_id == odd.id


def test_a_request_that_keeps_failing_on_a_server_that_works_is_given_up(http: _Server) -> None:
    http.script = [(503, {}, "busy")] * 5
    first, second = client(http, concurrency=1).generate(requests_of(2))
    assert (first.finish_reason, first.text) == ("error", "HTTP 503: busy")
    assert second.finish_reason == "stop"


@pytest.mark.slow
def test_requests_that_all_fail_stop_the_run(http: _Server) -> None:
    http.script = [(500, {}, "broken")] * 1000
    found: list[Completion] = []
    with pytest.raises(GeneratorUnavailableError, match=r"20 requests in a row have failed .*HTTP 500: broken"):
        found.extend(client(http, concurrency=1, tries=2).generate(requests_of(100)))
    assert len(found) == 19


def test_a_wrong_key_stops_the_run_and_rejects_nothing(http: _Server) -> None:
    http.script = [(401, {}, "no such key")]
    with pytest.raises(GeneratorUnavailableError, match="HTTP 401: no such key"):
        list(client(http, concurrency=1).generate(requests_of(1)))


def test_a_model_that_is_not_served_and_a_server_that_is_not_there(http: _Server) -> None:
    with pytest.raises(GeneratorUnavailableError, match="does not serve 'other'"):
        client(http, model="other")
    with pytest.raises(GeneratorUnavailableError, match="no language model server"):
        client_at("http://127.0.0.1:9")


def test_retry_after_holds_seconds_or_a_date() -> None:
    assert _seconds("1.5") == 1.5
    assert _seconds("-3") == 0
    assert _seconds("soon") is None
    later = _seconds(formatdate(time.time() + 20, usegmt=True))
    assert later is not None
    assert 15 < later <= 21
    assert _seconds(formatdate(time.time() - 20, usegmt=True)) == 0


def test_none_in_the_stream_means_later_and_the_stream_goes_on() -> None:
    with servers.running() as fake:
        found: list[str] = []

        def stream() -> Iterator[Request | None]:
            asked = list(requests_of(6, pattern=""))
            yield from asked[:3]
            while len(found) < 3:
                yield None
            yield from asked[3:]

        for one in client_at(fake.url).generate(stream()):
            found.append(one.request_id)
        assert sorted(found) == sorted(one.id for one in requests_of(6))


def test_a_request_that_becomes_ready_while_an_answer_is_awaited_is_sent_at_once() -> None:
    # Threads make such requests: the stream has none when it is asked, and one soon after.
    with servers.running("--delay", "3") as fake:
        first, second = requests_of(2, pattern="")
        sent: list[float] = []

        def stream() -> Iterator[Request | None]:
            yield first
            yield None
            sent.append(time.monotonic())
            yield second

        for one in client_at(fake.url, timeout_s=20.0).generate(stream()):
            if one.request_id == first.id:
                assert sent
                assert time.monotonic() - sent[0] > 1


def test_one_request_at_a_time_never_waits_for_what_has_come() -> None:
    # With one in flight, a completion that is counted as flying after it was taken would be waited for without end.
    with servers.running("--delay", "0.0001") as fake:
        assert sum(1 for _ in client_at(fake.url, concurrency=1).generate(requests_of(400))) == 400


def test_a_server_that_dies_stops_the_run_with_what_was_finished() -> None:
    fake = servers.start("--delay", "0.01")
    found: list[Completion] = []

    def take_ten_and_kill() -> None:
        for one in client_at(fake.url, tries=2).generate(requests_of(100)):
            found.append(one)
            if len(found) == 10:
                servers.stop(fake)

    with pytest.raises(GeneratorUnavailableError, match="is down"):
        take_ten_and_kill()
    assert 10 <= len(found) < 20


@pytest.mark.slow
@pytest.mark.parametrize("faults", ["0.6"])
def test_every_kind_of_fault_is_survived(faults: str) -> None:
    with servers.running("--faults", faults) as fake:
        found = list(client_at(fake.url, timeout_s=0.3, concurrency=32).generate(requests_of(200)))
    assert len({one.request_id for one in found}) == 200
    assert {one.finish_reason for one in found} == {"stop"}


@pytest.mark.slow
def test_concurrency_grows_while_it_pays_and_no_further() -> None:
    # 24 at once are served in 20 ms each; more only wait.
    with servers.running("--delay", "0.02", "--parallel", "24") as fake:
        generator = client_at(fake.url, concurrency=512)
        assert generator.allowed == 8
        assert sum(1 for _ in generator.generate(requests_of(3000))) == 3000
        most = fake.stats()["most"]
    assert 16 <= most <= 128, most


@pytest.mark.slow
def test_concurrency_halves_when_the_server_refuses() -> None:
    with servers.running("--delay", "0.02", "--capacity", "10") as fake:
        generator = client_at(fake.url, concurrency=256, tries=50)
        found = list(generator.generate(requests_of(1000)))
        stats = fake.stats()
    assert {one.finish_reason for one in found} == {"stop"}
    assert len(found) == 1000
    assert stats["most"] == 10
    assert stats["refused"] < 300
    assert generator.allowed <= 20


@pytest.mark.parametrize("modules", [["adapter"], {"one": "a", "two": "b"}, {"mine": "./nowhere"}])
def test_an_adapter_that_is_not_there_is_an_error_before_anything_is_loaded(modules: object) -> None:
    from kgsynth.generation.vllm_engine import lora_request

    with pytest.raises(ConfigError, match="lora_modules"):
        lora_request({"lora_modules": modules})
