"""Tests of `kgsynth.generation.chat_interface`."""

import base64
import contextlib
import json
import math
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgsynth import config, pipeline
from kgsynth.errors import ConfigError, GeneratorUnavailableError, ManifestError, TooManyRejectsError
from kgsynth.generation.backend import Message, Request, Sampling
from kgsynth.generation.chat_interface import read_answer, request_body
from kgsynth.records import StageCount
from kgsynth.run_folder import RunFolder, open_run
from kgsynth.settings import AnswerSettings, DocumentsSettings, ExtractSettings
from tests import odd_server

UNITS = 60


FINAL = r"\boxed{4}"


@pytest.fixture(scope="module")
def http() -> Iterator[odd_server.OddServer]:
    with odd_server.running() as server:
        yield server


class Stage:
    """The answer stage on some questions, with what it said."""

    def __init__(self, folder: Path, http: odd_server.OddServer) -> None:
        self.folder, self.http = folder, http
        self.counts: list[StageCount] = []
        self.variables: dict[str, str] = {}
        self.questions = folder / "questions.jsonl"
        self.questions.write_text(
            "".join(json.dumps({"id": f"q{n}", "text": f"What is {n} and two?"}) + "\n" for n in range(UNITS))
        )

    def answer(self, oddity: str, *, run_dir: str = "run", key: str = "sk-very-secret", **settings: Any) -> RunFolder:
        own = {
            "domain": "mathematics",
            "seed": 1,
            "first_wait_s": 0.01,
            "tries": 2,
            "max_rejected_share": 1.0,
            "concurrency": 16,
            **settings,
        }
        own.setdefault("url", (self.http.url(oddity),))
        return pipeline.answer(
            None, config.environment({"HOME": str(self.folder), "OPENAI_API_KEY": key, **self.variables}), AnswerSettings(backend="server", **own),
            questions=[self.questions], run_dir=self.folder / run_dir, report=self.counts.append,
        )  # fmt: skip

    @property
    def last(self) -> StageCount:
        return self.counts[-1]


@pytest.fixture
def stage(tmp_path: Path, http: odd_server.OddServer) -> Stage:
    return Stage(tmp_path, http)


@pytest.mark.parametrize(
    "oddity",
    ["ok", "think", "closing tag alone", "channels", "reasoning_content", "reasoning", "list of parts", "ends by eos_token", "end token at the end", "old form", "half a surrogate pair", "sends on", "bare list of models"],
)  # fmt: skip
def test_what_is_usable_is_kept_whole_and_its_thoughts_stand_apart(stage: Stage, oddity: str) -> None:
    rows = list(stage.answer(oddity).rows())
    assert (stage.last.kept, stage.last.rejected) == (UNITS, {})
    for row in rows:
        assert FINAL in row["answer"]
        assert row["final_answer"] == "4"
        assert not any(word in row["answer"] for word in ("boxed{5}", "think", "<|", "draft"))
    has_thoughts = oddity in (
        "think",
        "closing tag alone",
        "channels",
        "reasoning_content",
        "reasoning",
        "list of parts",
    )
    assert all((odd_server.THOUGHT in row["answer_reasoning"]) is has_thoughts for row in rows)


@pytest.mark.parametrize(
    ("oddity", "reason"),
    [
        ("thought never ends", "cut off in its thoughts"), ("thought cut off", "cut off in its thoughts"),
        ("reasoning beside null", "cut off in its thoughts"), ("null at length", "cut off in its thoughts"),
        ("ends by abort", "not ended by the model: abort"), ("ends by error", "not ended by the model: server error"),
        ("ends by max_tokens", "cut off"), ("ends by model_length", "cut off"),
        ("ends by an unknown reason", "not ended by the model: moonshine"), ("ends without a reason", "not ended by the model: none"),
        ("filter with null", "stopped by the server's content filter"), ("refusal with null", "the model refuses"),
        ("refusal in words", "the model refuses"), ("tool call with null", "not ended by the model: tool_calls"), ("empty", "no answer"),
        ("another turn", "template tokens"), ("control characters", "control characters"), ("entities", "undecoded entities"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_reject_a_unit_and_stops_nothing(stage: Stage, oddity: str, reason: str) -> None:
    folder = stage.answer(oddity)
    assert (stage.last.kept, stage.last.rejected) == (0, {reason: UNITS})
    raws = [row["raw"] for row in folder.rejects()]
    if oddity in ("thought never ends", "reasoning beside null"):
        assert all("Is it" in raw for raw in raws)
    if oddity == "refusal with null":
        assert set(raws) == {"I cannot help with that."}


def test_rejects_are_looked_at_after_fifty_units_and_the_hint_names_the_options(stage: Stage) -> None:
    with pytest.raises(TooManyRejectsError, match="cut off") as caught:
        stage.answer("ends by max_tokens", max_rejected_share=0.5, shard_size=1000)
    assert "--max-output-tokens" in caught.value.hint
    assert 50 <= stage.last.read < UNITS


def test_a_share_a_little_over_its_limit_among_few_does_not_stop_the_run_early(stage: Stage) -> None:
    # A little more than half of the texts are cut off: at 50 units chance could have done it, at the end the limit counts.
    with pytest.raises(TooManyRejectsError, match="over the limit of 50%"):
        stage.answer("ends by turns", max_rejected_share=0.5)
    assert stage.last.read == UNITS


@pytest.mark.parametrize(
    ("oddity", "said", "hint"),
    [
        ("wants max_completion_tokens", "Use 'max_completion_tokens' instead", "--request rename.max_tokens=max_completion_tokens"),
        ("knows few fields", "Unrecognized request argument supplied: seed", "--request seed=null"),
        ("has no system role", "System role not supported", "--system-role user"),
        ("small context", "maximum context length is 2048", "--context-tokens"),
    ],
)  # fmt: skip
def test_the_same_refusal_of_the_first_requests_stops_the_run_with_the_servers_sentence(
    stage: Stage, oddity: str, said: str, hint: str
) -> None:
    with pytest.raises(GeneratorUnavailableError, match=said) as caught:
        stage.answer(oddity)
    assert "the first 20 requests were all refused" in str(caught.value)
    assert hint in caught.value.hint
    assert said in str(stage.last.notes["commonest_backend_error"])
    assert not open_run(stage.folder / "run").shards()


@pytest.mark.parametrize(
    ("oddity", "settings"),
    [
        ("wants max_completion_tokens", {"request": {"rename": {"max_tokens": "max_completion_tokens"}}}),
        ("wants max_completion_tokens", {"request": {"max_tokens": None, "max_completion_tokens": 4000}}),
        ("knows few fields", {"request": {"seed": None}}),
        ("knows few fields", {"request": {"seed": "null"}}),
        ("has no system role", {"system_role": "user"}),
        ("has no response_format", {}),
        ("no list of models", {"model": "m"}),
        ("page instead of models", {"model": "m"}),
        ("empty list of models", {"model": "m"}),
    ],
)  # fmt: skip
def test_a_strict_server_is_served_by_what_the_hint_says(stage: Stage, oddity: str, settings: dict[str, Any]) -> None:
    stage.answer(oddity, **settings)
    assert (stage.last.kept, stage.last.rejected) == (UNITS, {})


def test_fields_of_the_request_and_headers_are_the_users(stage: Stage) -> None:
    stage.http.bodies.clear()
    stage.http.headers.clear()
    settings: dict[str, Any] = {
        "top_k": 20, "min_p": 0.1, "stop": ("END",), "presence_penalty": 0.5, "frequency_penalty": 0.25, "thinking": False,
        "system": "Be brief.", "request": {"reasoning": {"effort": "low"}, "temperature": None, "headers": {"X-Title": "a secret title"}},
    }  # fmt: skip
    folder = stage.answer("ok", **settings)
    body = stage.http.bodies[0]
    assert {name: body.get(name) for name in ("top_k", "min_p", "stop", "presence_penalty", "frequency_penalty", "reasoning", "temperature")} == {
        "top_k": 20, "min_p": 0.1, "stop": ["END"], "presence_penalty": 0.5, "frequency_penalty": 0.25, "reasoning": {"effort": "low"}, "temperature": None,
    }  # fmt: skip
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}
    assert body["messages"][0]["content"].startswith("Be brief.\n\n")
    assert stage.http.headers[-1]["X-Title"] == "a secret title"
    assert "a secret title" not in (folder.path / "run.json").read_text()
    assert json.loads(next(folder.rows())["answer_sampling"])["request"] == {
        "reasoning": {"effort": "low"},
        "temperature": None,
    }


def test_a_server_that_is_not_vllm_gets_openais_fields_and_nothing_more(stage: Stage) -> None:
    stage.http.bodies.clear()
    stage.answer("ok")
    assert all(
        set(body) == {"model", "messages", "temperature", "top_p", "max_tokens", "seed"} for body in stage.http.bodies
    )


@pytest.mark.parametrize("oddity", ["wrong key", "forbidden"])
def test_a_wrong_key_is_called_so_and_never_printed(stage: Stage, oddity: str) -> None:
    with pytest.raises(GeneratorUnavailableError, match="does not accept the key") as caught:
        stage.answer(oddity, model="m")
    assert "OPENAI_API_KEY" in caught.value.hint
    assert "very-secret" not in str(caught.value)
    assert stage.last.read == 0


def test_without_a_list_of_models_the_hint_asks_for_a_name(stage: Stage) -> None:
    for oddity in ("no list of models", "page instead of models", "empty list of models"):
        with pytest.raises(GeneratorUnavailableError) as caught:
            stage.answer(oddity)
        assert "--model NAME" in caught.value.hint


def test_a_used_up_quota_stops_at_once(stage: Stage) -> None:
    with pytest.raises(GeneratorUnavailableError, match="the quota at .* is used up"):
        stage.answer("no quota")


def test_user_and_password_are_sent_and_written_nowhere(stage: Stage) -> None:
    stage.http.headers.clear()
    address = stage.http.url("ok").replace("://", "://mary:hunter22@") + "?api_key=topsecret"
    folder = stage.answer("", url=(address,), key="")
    assert stage.http.headers[-1]["Authorization"].startswith("Basic ")
    written = "".join(path.read_text() for path in folder.path.glob("*.json*"))
    assert stage.http.url("ok").replace("://", "://***@") in written
    wrong = stage.http.url("wrong key").replace("://", "://mary:hunter22@")
    with pytest.raises(GeneratorUnavailableError) as caught:
        stage.answer("", url=(wrong,), run_dir="wrong", model="m")
    for text in (written, str(caught.value), caught.value.hint, repr(stage.last.to_row())):
        assert not any(secret in text for secret in ("hunter22", "mary:", "topsecret"))


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "localhost", "ftp://h", "http://", "http:///v1", "http://h:99999"]
)
def test_an_address_that_is_none_is_an_error_before_anything_is_asked(url: str) -> None:
    with pytest.raises(ConfigError, match=r"answer\.url is"):
        AnswerSettings(backend="server", url=(url,))


def test_servers_share_the_load_and_one_that_is_gone_is_left_out(stage: Stage) -> None:
    stage.http.served.clear()
    stage.answer("", url=(stage.http.url("ok"), stage.http.url("think")), run_dir="shared")
    assert stage.http.served["ok"] > UNITS // 4
    assert stage.http.served["think"] > UNITS // 4
    with odd_server.running() as other:
        gone = other.url()
    stage.answer("", url=(gone, stage.http.url("ok")), run_dir="one")
    assert (stage.last.kept, stage.last.notes["servers_left_out"]) == (UNITS, gone)
    with pytest.raises(GeneratorUnavailableError, match="no language model server"):
        stage.answer("", url=(gone,), run_dir="none")


def test_a_server_that_dies_among_others_is_left_out_and_nothing_is_lost(stage: Stage) -> None:
    with odd_server.running() as other:
        urls = (other.url(), stage.http.url("ok"))

        class Closing(list[dict[str, Any]]):
            def append(self, body: dict[str, Any]) -> None:
                super().append(body)
                if len(self) == 5:
                    # As a process that is killed: nobody answers there any more.
                    other.socket.close()

        other.bodies = Closing()
        stage.answer("", url=urls, concurrency=4)
    assert (stage.last.kept, stage.last.rejected) == (UNITS, {})


@pytest.mark.parametrize("oddity", ["says the key in an error", "says the key in a text", "says the key as an end"])
def test_a_key_that_a_server_says_is_written_nowhere(stage: Stage, oddity: str) -> None:
    key = "sk-very-secret-key-of-a-user"
    for name, url in (
        ("key", stage.http.url(oddity)),
        ("basic", stage.http.url(oddity).replace("://", "://mary:hunter22hunter22@")),
    ):
        with contextlib.suppress(GeneratorUnavailableError):
            stage.answer("", url=(url,), key=key, run_dir=name)
        folder = stage.folder / name
        written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).decode("utf-8", "replace")
        said = repr(stage.last.to_row()) + "".join(repr(row) for row in open_run(folder).rows())
        token = base64.b64encode(b"mary:hunter22hunter22").decode()
        for secret in (key, "hunter22", token, token.casefold()):
            assert secret not in written + said


def test_a_secret_field_of_the_request_is_sent_and_written_nowhere(stage: Stage) -> None:
    stage.http.bodies.clear()
    folder = stage.answer("ok", request={"user_token": "hunter22hunter22", "effort": "low"})
    assert {body["user_token"] for body in stage.http.bodies} == {"hunter22hunter22"}
    rows = list(folder.rows())
    written = b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert b"hunter22" not in written
    assert "hunter22" not in repr(rows)
    assert json.loads(rows[0]["answer_sampling"])["request"]["effort"] == "low"


def test_a_retry_wants_secrets_again(stage: Stage) -> None:
    stage.answer("ends by max_tokens", request={"headers": {"X-Key": "a secret header"}})
    environment = config.environment({"HOME": str(stage.folder)})
    with pytest.raises(ConfigError, match="a secret in request") as caught:
        pipeline.retry(environment, stage.folder / "run", report=stage.counts.append)
    assert "--request headers.NAME=VALUE" in caught.value.hint
    stage.http.headers.clear()
    changes = {"url": [stage.http.url("ok")], "request": {"headers": {"X-Key": "again"}}}
    assert pipeline.retry(environment, stage.folder / "run", report=stage.counts.append, changes=changes)
    assert stage.http.headers[-1]["X-Key"] == "again"
    address = stage.http.url("ends by max_tokens").replace("://", "://mary:hunter22@")
    stage.answer("", url=(address,), run_dir="other")
    with pytest.raises(ConfigError, match="a secret in url"):
        pipeline.retry(environment, stage.folder / "other", report=stage.counts.append)


def test_longer_answers_leave_a_prompt_its_room_and_more_room_heals_what_was_too_long(stage: Stage) -> None:
    stage.answer("ends by max_tokens", max_output_tokens=4000, context_tokens=8192)
    environment = config.environment({"HOME": str(stage.folder)})
    changes = {"url": [stage.http.url("ok")], "max_output_tokens": 8100}
    folder = pipeline.retry(environment, stage.folder / "run", report=stage.counts.append, changes=changes)
    assert folder is not None
    assert (stage.last.kept, open_run(folder.path).settings["context_tokens"]) == (UNITS, 12292)
    stage.answer("ok", max_output_tokens=400, context_tokens=450, run_dir="small")
    assert stage.last.rejected == {"the prompt is longer than the context": UNITS}
    assert pipeline.retry(environment, stage.folder / "small", report=stage.counts.append) is None
    changes = {"url": [stage.http.url("ok")], "context_tokens": 8192}
    assert pipeline.retry(environment, stage.folder / "small", report=stage.counts.append, changes=changes)
    assert stage.last.kept == UNITS


@pytest.mark.parametrize("oddity", ["wants max_completion_tokens", "wrong key", "busy", "small context"])
def test_a_server_that_refuses_beside_one_that_answers_costs_no_unit(stage: Stage, oddity: str) -> None:
    stage.answer("", url=(stage.http.url("ok"), stage.http.url(oddity)), model="m")
    assert (stage.last.kept, stage.last.rejected) == (UNITS, {})


def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{stage.http.server_port}")
    stage.http.headers.clear()
    # To a proxy the whole address is said; the odd server answers it as if it was its own.
    stage.answer("", url=("http://models.example/ok/v1",))
    assert stage.last.kept == UNITS
    assert {one["Host"] for one in stage.http.headers} == {"models.example"}
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    stage.answer("ok", run_dir="here")
    assert stage.last.kept == UNITS
    monkeypatch.setenv("no_proxy", "models.example")
    with pytest.raises(GeneratorUnavailableError, match="no language model server at http://models.example/ok/v1"):
        stage.answer("", url=("http://models.example/ok/v1",), run_dir="no proxy")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on PATH to make a certificate with")
def test_certificates_of_the_environment_are_trusted(stage: Stage) -> None:
    key, certificate = stage.folder / "key.pem", stage.folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names], check=True, capture_output=True)
    with odd_server.running() as other:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        other.socket = context.wrap_socket(other.socket, server_side=True)
        url = (other.url().replace("http://", "https://"),)
        with pytest.raises(GeneratorUnavailableError, match="certificate"):
            stage.answer("", url=url, run_dir="untrusted")
        stage.variables = {"REQUESTS_CA_BUNDLE": str(certificate)}
        stage.answer("", url=url)
    assert stage.last.kept == UNITS
    stage.variables = {"REQUESTS_CA_BUNDLE": str(stage.folder / "gone.pem")}
    with pytest.raises(ConfigError, match=r"gone\.pem holds no certificates"):
        stage.answer("", url=url, run_dir="gone")


def test_a_complete_run_repeats_without_its_server(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.folder)
    with odd_server.running() as other:
        url = (other.url(),)
        stage.answer("", url=url)
    stage.answer("", url=url)
    assert stage.last.kept == UNITS
    with pytest.raises(GeneratorUnavailableError):
        stage.answer("", url=url, temperature=0.1)


def test_a_folder_of_other_settings_is_refused_with_what_differs(stage: Stage) -> None:
    stage.answer("ok")
    with pytest.raises(ManifestError) as caught:
        stage.answer("ok", temperature=0.1, votes=3)
    assert "temperature is 0.7 there and 0.1 here; votes is 1 there and 3 here" in str(caught.value)


def test_a_retry_may_have_other_limits_and_records_them(stage: Stage) -> None:
    stage.answer("ends by max_tokens", max_output_tokens=100)
    environment = config.environment({"HOME": str(stage.folder)})
    changes = {
        "url": [stage.http.url("ok")],
        "max_output_tokens": 8000,
        "context_tokens": 32000,
        "temperature": 0.2,
        "request": {"seed": None},
    }
    stage.http.bodies.clear()
    folder = pipeline.retry(environment, stage.folder / "run", report=stage.counts.append, changes=changes)
    assert folder is not None
    assert stage.last.kept == UNITS
    assert {body["max_tokens"] for body in stage.http.bodies} == {8000}
    assert not any("seed" in body for body in stage.http.bodies)
    held = open_run(folder.path).settings
    assert (held["max_output_tokens"], held["context_tokens"], held["temperature"]) == (8000, 32000, 0.2)
    assert json.loads(next(folder.rows())["answer_sampling"])["max_output_tokens"] == 8000
    assert len(list(open_run(stage.folder / "run").parts())) == 2


@pytest.mark.parametrize(
    "oddity",
    ["ok", "think", "fence", "trailing commas", "single quotes", "python", "comments", "array", "string", "latex", "braces in prose"],
)  # fmt: skip
def test_json_that_no_server_forced_is_read(tmp_path: Path, http: odd_server.OddServer, oddity: str) -> None:
    source = tmp_path / "documents.jsonl"
    source.write_text(
        "".join(json.dumps({"id": f"d{n}", "text": f"A group acts on {n} things."}) + "\n" for n in range(5))
    )
    counts: list[StageCount] = []
    folder = pipeline.extract_with_model(
        config.environment({"HOME": str(tmp_path)}),
        DocumentsSettings(sources=(str(source),)),
        ExtractSettings(backend="server", url=(http.url(oddity),), domain="mathematics", seed=1),
        run_dir=tmp_path / "run",
        output=None,
        rejects=tmp_path / "rejects.jsonl",
        report=counts.append,
    )
    assert counts[-1].rejected == {}
    (topic,) = next(folder.rows())["topics"]
    if oddity == "latex":
        assert topic["name"] == r"\theta functions"
        assert topic["concepts"] == [
            r"\frac{1}{2} rule",
            r"\nabla operator",
            r"\beta function",
            r"\rho norm",
            r"\tau map",
        ]
    else:
        assert topic["concepts"] == odd_server.EXTRACTION["topics"][0]["concepts"]


def test_only_a_request_with_choices_asks_for_probabilities_and_reads_them() -> None:
    """The fields are OpenAI's, and an answer without them has no probabilities."""
    asked = Request(id="r", messages=(Message("user", "1. a | b"),), seed=1, choices=("yes", "no"))
    sampling = Sampling(temperature=0, top_p=1, max_output_tokens=8)
    body = request_body(asked, sampling, model="m", is_vllm=False, constrained=None)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)
    plain = request_body(replace(asked, choices=()), sampling, model="m", is_vllm=False, constrained=None)
    assert not {"logprobs", "top_logprobs"} & plain.keys()
    yes = {"token": "yes", "logprob": math.log(0.6), "top_logprobs": [{"token": "No", "logprob": math.log(0.2)}]}
    choice = {"message": {"content": "1. yes"}, "finish_reason": "stop", "logprobs": {"content": [yes]}}
    assert read_answer(asked, {"choices": [choice]}).chances == pytest.approx((0.75,))
    for missing in (None, {}, {"content": None}):
        assert read_answer(asked, {"choices": [{**choice, "logprobs": missing}]}).chances == ()
