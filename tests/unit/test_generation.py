"""Prompts, answers, backends and run folders, without a model; the server is a real HTTP server that misbehaves."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgsynth.errors import ConfigError, GeneratorUnavailableError, ManifestError
from kgsynth.generation import level3, openai_server, prompts
from kgsynth.generation.backend import Completion, Message, Request, Sampling
from kgsynth.generation.openai_server import OpenAiServerGenerator
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.records import Combination, GroundingDocument
from kgsynth.runs import RunFolder

LATEX = r"Let $\frac{1}{2}\rho\beta\theta\nabla\tau\neq\phi\alpha$ be a prime number in a ring, what is its value?"
SAMPLING = Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.1, max_output_tokens=100)
SOURCE = level3.Source(
    combination=Combination(
        id="comb-1", seed=5, walk=0, path=("topic:algebra", "concept:prime number", "concept:ring", "concept:ideal"), topics=("topic:algebra",),
        concepts=("concept:ideal", "concept:prime number", "concept:ring"), documents=(GroundingDocument(id="d", jaccard=0.5),),
    ),
    names={"topic:algebra": "Algebra", "concept:prime number": "Prime Number", "concept:ring": "ring", "concept:ideal": "ideal; <of a ring>"},
    passages=(("One", "alpha " * 300), ("Two", "short passage")),
)  # fmt: skip
TEMPLATE = prompts.load("mathematics", 3)


def words(text: str) -> int:
    return len(text.split())


def prompt(budget: int = 5000, *, constrained: bool = True, source: level3.Source = SOURCE) -> level3.Prompt:
    return level3.write_prompt(
        source, TEMPLATE, seed=1, max_questions=3, budget_tokens=budget, count_tokens=words, constrained=constrained
    )


def answer(*blocks: tuple[str, str], finish: str = "stop") -> Completion:
    text = "".join(
        f"<question>\n{question}\n</question>\n<concepts>\n{claims}\n</concepts>\n" for question, claims in blocks
    )
    return Completion(request_id="comb-1", text=text, finish_reason=finish)


def read(completion: Completion, seen: set[str] | None = None) -> list[level3.Draft | level3.Refusal]:
    return level3.read_answer(
        completion, SOURCE, template=TEMPLATE, seen=set() if seen is None else seen, max_questions=3, constrained=True
    )


def test_every_domain_has_a_template_with_examples_that_pass_its_own_checks() -> None:
    assert prompts.domains() == ["general", "mathematics"]
    for domain in prompts.domains():
        template = prompts.load(domain, 3)
        assert template.examples
        assert re.fullmatch(r"[0-9a-f]{16}", template.hash)
    with pytest.raises(ConfigError, match="no template for domain 'cooking'"):
        prompts.load("cooking", 3)


def test_a_template_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "level3.txt").write_text("[[user]]\n{{passages}} {{concepts}} {{max_questions}} {{topics}}\n")
    template = prompts.load(str(tmp_path), 3)
    assert template.fill(passages="P", concepts="{{topics}}", max_questions="3", topics="T") == (
        Message("user", "P {{topics}} 3 T"),
    )
    for text, why in (
        ("hello", "does not begin"),
        ("[[user]]\n{{passages}}", "last turn"),
        ("[[user]]\n{{concepts}}{{x}}{{passages}}", "unknown slots"),
    ):
        with pytest.raises(ConfigError, match=why):
            prompts.parse("x", text)


def test_the_prompt_asks_for_the_concepts_and_holds_the_passages() -> None:
    last = prompt().request.messages[-1].content
    assert "Concepts: ideal of a ring; Prime Number; ring" in last
    assert "Topics: Algebra" in last
    assert "Passage 2 (Two):\nshort passage" in last
    assert "one to 3 new questions" in last
    assert prompt().request.seed == prompt().request.seed
    assert 0 <= prompt().request.seed < 2**31


@pytest.mark.parametrize("budget", [620, 680, 740, 5000])
def test_the_token_budget_is_kept_and_cuts_are_counted(budget: int) -> None:
    made = prompt(budget)
    used = sum(words(message.content) for message in made.request.messages)
    assert used <= budget
    assert made.truncated_passages == (0 if budget == 5000 else 1)
    assert "short passage" in made.request.messages[-1].content


def test_a_prompt_that_cannot_fit_says_so() -> None:
    assert not prompt(100).fits
    assert prompt(5000).fits
    (refusal,) = read(Completion(request_id="x", text="", finish_reason="too long"))
    assert isinstance(refusal, level3.Refusal)
    assert refusal.reason == "the prompt is longer than the context"


def test_the_pattern_accepts_good_answers_and_nothing_else() -> None:
    pattern = prompt().request.pattern
    good = answer((r"Find $\frac{1}{2}$ of the smallest prime number of the ring?", "ideal of a ring; ring")).text
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, good.replace("; ring", "; field"))
    assert not re.fullmatch(pattern, good * 4)
    assert prompt(constrained=False).request.pattern == ""
    assert level3.answer_pattern(["only one"], 3) == ""


def test_good_questions_come_through_with_their_latex() -> None:
    drafts = read(
        answer(
            (LATEX, "ring; PRIME number"),
            ("Which prime numbers generate ideals of the ring?", "ring;prime number;ideal of a ring"),
        )
    )
    assert drafts[0] == level3.Draft(text=LATEX, concepts=("concept:ring", "concept:prime number"))
    assert isinstance(drafts[1], level3.Draft)
    assert len(drafts[1].concepts) == 3


@pytest.mark.parametrize(
    ("question", "claims", "reason"),
    [
        ("Short?", "ring; prime number", "too short"),
        ("What is the smallest prime number of the ring?", "ring; field", "claims a concept that is not in its combination"),
        ("What is the smallest prime number of the ring?", "ring", "claims fewer than 2 or more than 3 concepts"),
        ("What is the smallest prime number of the ring?", "ring; Ring", "claims fewer than 2 or more than 3 concepts"),
        ("According to the passage, what is the smallest prime number?", "ring; prime number", "mentions the references"),
        ("What is it that is so " + "the ring of the prime number is " * 9 + "?", "ring; prime number", "loops"),
        ("What is " + "x" * 1000 + "?", "ring; prime number", "cut off"),
        (TEMPLATE.examples[0].split("\n")[1], "ring; prime number", "copies an example of the prompt"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_with_reason_and_text(question: str, claims: str, reason: str) -> None:
    (refusal,) = read(answer((question, claims)))
    assert isinstance(refusal, level3.Refusal)
    assert refusal.reason == reason
    assert question in refusal.raw


def test_repeats_cut_offs_and_junk_are_refused() -> None:
    seen: set[str] = set()
    block = ("What is the smallest prime number of the ring?", "ring; prime number")
    assert isinstance(read(answer(block), seen)[0], level3.Draft)
    assert [one.reason for one in read(answer((block[0].upper(), block[1])), seen)] == ["repeats another question"]  # type: ignore[union-attr]
    assert [getattr(one, "reason", "") for one in read(answer(block, finish="length"))] == ["", "cut off"]
    for text, finish, reason in (
        ("junk", "stop", "no question found"),
        ("<question> half", "length", "cut off"),
        ("HTTP 400", "error", "backend error"),
    ):
        (refusal,) = read(Completion(request_id="x", text=text, finish_reason=finish))
        assert (refusal.reason, refusal.raw) == (reason, text)  # type: ignore[union-attr]


def test_what_does_not_parse_or_was_not_asked_for_is_refused() -> None:
    good = "<question>\nWhat is the smallest prime number of ring {n}?\n</question>\n<concepts>\nring; prime number\n</concepts>\n"
    half = "<question>\nWhat is a prime number in a ring?\n</question>\n"
    results = read(Completion(request_id="x", text=half + good.format(n=1), finish_reason="stop"))
    assert [getattr(one, "reason", one) for one in results] == [
        level3.Draft(
            text="What is the smallest prime number of ring 1?", concepts=("concept:ring", "concept:prime number")
        ),
        "a block that does not parse",
    ]
    many = read(Completion(request_id="x", text="".join(good.format(n=n) for n in range(5)), finish_reason="stop"))
    assert [getattr(one, "reason", "") for one in many] == [
        "",
        "",
        "",
        "more questions than asked for",
        "more questions than asked for",
    ]


def test_the_scripted_generator_repeats_and_keeps_latex() -> None:
    generator = ScriptedGenerator()
    first, again = (list(generator.generate([prompt().request])) for _ in range(2))
    assert first == again
    drafts = read(first[0])
    assert drafts
    assert all(isinstance(draft, level3.Draft) for draft in drafts)
    seeds = [Request(id=str(n), messages=prompt().request.messages, seed=n) for n in range(20)]
    texts = {one.text for one in generator.generate(seeds)}
    assert len(texts) == 20
    assert any("\\theta = \\nabla\\beta" in text and "\\frac" in text for text in texts)


class _Server(ThreadingHTTPServer):
    script: list[tuple[int, dict[str, str], str]]
    bodies: list[dict]


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    monkeypatch.setattr(openai_server, "_FIRST_WAIT_S", 0.01)

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
            if server.script:
                self._send(*server.script.pop(0))
                return
            message = {
                "choices": [{"message": {"content": LATEX + str(body["seed"])}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            }
            self._send(200, {}, json.dumps(message))

    server = _Server(("127.0.0.1", 0), Handler)
    server.script, server.bodies = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client(http: _Server, **options: object) -> OpenAiServerGenerator:
    settings = {
        "model": "",
        "api_key": "k",
        "sampling": SAMPLING,
        "concurrency": 4,
        "timeout_s": 5.0,
        "constrained": True,
        **options,
    }
    return OpenAiServerGenerator(f"http://127.0.0.1:{http.server_port}", **settings)  # type: ignore[arg-type]


def requests_of(count: int) -> list[Request]:
    return [Request(id=f"r{n}", messages=(Message("user", "hi"),), seed=n, pattern="a|b") for n in range(count)]


def test_a_server_answers_every_request_and_latex_survives(http: _Server) -> None:
    found = {one.request_id: one for one in client(http).generate(requests_of(20))}
    assert found["r7"] == Completion(
        request_id="r7", text=LATEX + "7", finish_reason="stop", prompt_tokens=3, output_tokens=2
    )
    assert len(found) == 20
    assert http.bodies[0]["structured_outputs"] == {"regex": "a|b"}
    assert http.bodies[0]["model"] == "served"


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


def test_a_wrong_key_stops_the_run_and_rejects_nothing(http: _Server) -> None:
    http.script = [(401, {}, "no such key")]
    with pytest.raises(GeneratorUnavailableError, match="HTTP 401: no such key"):
        list(client(http, concurrency=1).generate(requests_of(1)))


def test_a_server_that_stays_ill_stops_the_run(http: _Server) -> None:
    http.script = [(503, {}, "busy")] * 5
    with pytest.raises(GeneratorUnavailableError, match="failed 5 times on one request: HTTP 503: busy"):
        list(client(http, concurrency=1).generate(requests_of(1)))
    with pytest.raises(GeneratorUnavailableError, match="does not serve 'other'"):
        client(http, model="other")
    with pytest.raises(GeneratorUnavailableError, match="no language model server"):
        OpenAiServerGenerator(
            "http://127.0.0.1:9", model="", api_key="", sampling=SAMPLING, concurrency=1, timeout_s=1, constrained=False
        )


def test_a_torn_journal_line_is_cut_off_and_the_rest_is_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", "id", {})
    with folder.opened():
        with folder.appending(0) as journal:
            journal.append({"a": 1, "text": "ü\n"})
            journal.append({"a": 2})
        with folder.journal_file(0).open("ab") as file:
            file.write(b'{"a": 3, "te')
        assert folder.journal(0) == [{"a": 1, "text": "ü\n"}, {"a": 2}]
        with folder.appending(0) as journal:
            journal.append({"a": 4})
        assert [row["a"] for row in folder.journal(0)] == [1, 2, 4]
        folder.write_shard(0, [{"text": "q", "concepts": ["a", "b"]}], ["{}"], {"kept": 1})
        assert folder.has_shard(0)
        assert not folder.journal_file(0).exists()
        assert folder.rows(0) == [{"text": "q", "concepts": ["a", "b"]}]
        assert not list(folder.path.glob(".part*"))


def test_a_folder_of_another_run_or_in_use_is_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run", "one", {}).opened(), pytest.raises(ManifestError, match="another kgsynth works"):
        RunFolder(tmp_path / "run", "one", {}).opened().__enter__()
    with pytest.raises(ManifestError, match="holds run one"), RunFolder(tmp_path / "run", "two", {}).opened():
        pass
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(ManifestError, match="cannot be read"), RunFolder(tmp_path / "run", "one", {}).opened():
        pass
