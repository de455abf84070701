"""What the framework costs: each backend beside the bare library, in one run, turn by turn.

    python -m tests.benchmarks.generation_speed vllm      in-process vLLM beside bare LLM.chat (small model)
    python -m tests.benchmarks.generation_speed extract    extraction by in-process vLLM beside bare LLM.chat with the same prompts
    python -m tests.benchmarks.generation_speed server    server backend beside a bare asyncio client, real vLLM server
    python -m tests.benchmarks.generation_speed peers     the whole stage, a bare client, datatrove and distilabel on a
                                                          fake server that answers at once
    python -m tests.benchmarks.generation_speed guided 32     bare LLM.chat without and under the forms of the three levels
    python -m tests.benchmarks.generation_speed memory 1000000    that many scripted requests, peak memory of the process

Ratios are of the medians of three turns; "kgsynth" is the whole answer stage: prompts, journal, checks and shards.
"""

import asyncio
import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from kgsynth import config, pipeline
from kgsynth.generation import prompts, small_model
from kgsynth.generation.backend import Request
from kgsynth.records import content_hash
from kgsynth.settings import AnswerSettings, DocumentsSettings, ExtractSettings
from tests import servers
from tests.benchmarks import peers
from tests.benchmarks.figures import Comparison, Row, keep

_TURNS = 3
_TOKENS = 128


def questions(path: Path, count: int) -> Path:
    """A file of short questions."""
    with path.open("w") as file:
        for n in range(count):
            file.write(
                json.dumps({"id": f"q{n}", "text": f"What is the remainder of {n} times {n + 3} modulo {n % 89 + 7}?"})
                + "\n"
            )
    return path


def conversations(count: int) -> list[list[dict[str, str]]]:
    """The prompts that the answer stage sends for them."""
    template = prompts.load("mathematics", "answer")
    return [
        [
            {"role": one.role, "content": one.content}
            for one in template.fill(question=f"What is the remainder of {n} times {n + 3} modulo {n % 89 + 7}?")
        ]
        for n in range(count)
    ]


def seeds(count: int) -> list[int]:
    """The seeds that the answer stage sends, so that both sides have the same texts to write."""
    return [int(content_hash(["answer", 1, f"answer:q{n}:0", 0])[:8], 16) % 2**31 for n in range(count)]


def stage(file: Path, settings: AnswerSettings, make: Any = None) -> dict[str, Any]:
    """The answer stage once, in a folder of its own; its account."""
    with tempfile.TemporaryDirectory() as desk:
        more = {} if make is None else {"make": make}
        folder = pipeline.answer(
            None,
            config.environment(),
            settings,
            questions=[file],
            run_dir=Path(desk) / "run",
            report=lambda _: None,
            **more,
        )
        manifest = folder.manifest()
        assert manifest is not None
        return dict(manifest["stages"][0])


def turns(ours: Callable[[], float], bare: Callable[[], float], unit: str) -> dict[str, float]:
    """Take turns, print rates and their ratio; the medians."""
    rates: dict[str, list[float]] = {"kgsynth": [], "bare": []}
    for turn in range(_TURNS):
        for name, run in (("kgsynth", ours), ("bare", bare)) if turn % 2 == 0 else (("bare", bare), ("kgsynth", ours)):
            rates[name].append(run())
            print(f"  {name}: {rates[name][-1]:,.1f} {unit}", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"kgsynth {medians['kgsynth']:,.1f}, bare {medians['bare']:,.1f} {unit}: ratio {medians['kgsynth'] / medians['bare']:.3f}"
    )
    return medians


def vllm(count: int) -> None:
    """In process."""
    from kgsynth.generation.backend_factory import Backends

    settings = AnswerSettings(
        domain="mathematics",
        backend="vllm",
        seed=1,
        max_output_tokens=_TOKENS,
        context_tokens=1024,
        max_rejected_share=1.0,
        temperature=0.8,
    )
    environment = config.environment()
    with tempfile.TemporaryDirectory() as desk, Backends() as backends:
        file = questions(Path(desk) / "q.jsonl", count)
        backends.make(environment, settings)
        (generator,) = backends._loaded.values()
        engine: Any = generator._engine  # type: ignore[attr-defined]
        from vllm import SamplingParams, __version__ as vllm_version

        def ours() -> float:
            started = time.monotonic()
            account = stage(file, settings, backends.make)
            return float(account["output_tokens"]) / (time.monotonic() - started)

        def bare() -> float:
            parameters = [
                SamplingParams(
                    temperature=0.8,
                    top_p=settings.top_p,
                    repetition_penalty=settings.repetition_penalty,
                    max_tokens=_TOKENS,
                    seed=seed,
                )
                for seed in seeds(count)
            ]
            started = time.monotonic()
            outputs = engine.chat(conversations(count), parameters, use_tqdm=False)
            return sum(len(one.outputs[0].token_ids) for one in outputs) / (time.monotonic() - started)

        found = turns(ours, bare, "tokens/s")
    keep(
        Comparison(
            name="generation-vllm",
            title="Answers by the small model in vLLM, in process",
            unit="tokens/s",
            command=f"python -m tests.benchmarks.generation_speed vllm {count}",
            rows=[
                Row(name="kgsynth answer stage", is_ours=True, values={"tokens": found["kgsynth"]}),
                Row(name=f"bare vLLM {vllm_version}, LLM.chat", values={"tokens": found["bare"]}),
            ],
        )
    )


def extract(count: int) -> None:
    """Extraction in process; the bare side gets the conversations, seeds and forms that the stage has sent."""
    from kgsynth.generation.backend_factory import Backends

    settings = ExtractSettings(
        domain="mathematics",
        method="llm",
        seed=1,
        max_output_tokens=_TOKENS,
        context_tokens=1024,
        max_rejected_share=1.0,
    )
    environment = config.environment()
    sent: dict[str, Request] = {}
    with tempfile.TemporaryDirectory() as desk, Backends() as backends:
        file = Path(desk) / "documents.jsonl"
        sentence = "Let group {0} act on set {1}; an orbit of order {0} divides the order of the group, as was shown. "
        texts = ("".join(sentence.format(n + k, k + 2) for k in range(12)) for n in range(count))
        file.write_text("".join(json.dumps({"id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(texts)))
        backends.make(environment, settings)
        (generator,) = backends._loaded.values()
        loaded: Any = generator
        own = loaded._parameters
        loaded._parameters = lambda request: own(sent.setdefault(request.id, request))

        def ours() -> float:
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                run = pipeline.extract_with_model(
                    environment,
                    DocumentsSettings(sources=(str(file),), max_rejected_share=1.0),
                    settings,
                    run_dir=Path(folder) / "run",
                    output=Path(folder) / "annotations.jsonl",
                    rejects=Path(folder) / "rejects.jsonl",
                    report=lambda _: None,
                    make=backends.make,
                )
                seconds = time.monotonic() - started
                manifest = run.manifest()
            assert manifest is not None
            return float(manifest["stages"][0]["output_tokens"]) / seconds

        def bare() -> float:
            requests = list(sent.values())
            parameters = [own(request) for request in requests]
            started = time.monotonic()
            outputs = loaded._engine.chat([one.conversation() for one in requests], parameters, use_tqdm=False)
            return sum(len(one.outputs[0].token_ids) for one in outputs) / (time.monotonic() - started)

        ours()  # forms are compiled once, and the bare side learns what to send
        turns(ours, bare, "tokens/s")


async def bare_client(url: str, count: int, concurrency: int, tokens: int) -> int:
    """A plain asyncio client with a semaphore; output tokens."""
    import aiohttp

    gate = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session:

        async def one(seed: int, conversation: list[dict[str, str]]) -> int:
            body = {
                "model": "small",
                "messages": conversation,
                "temperature": 0.8,
                "top_p": 0.95,
                "max_tokens": tokens,
                "seed": seed,
                "repetition_penalty": 1.1,
            }
            async with gate, session.post(f"{url}/v1/chat/completions", json=body) as answer:
                return int((await answer.json())["usage"]["completion_tokens"])

        return sum(await asyncio.gather(*map(one, seeds(count), conversations(count))))


def server(count: int) -> None:
    """A real server; the same number in flight on both sides from the start."""
    concurrency = 16
    from kgsynth.generation.openai_server import OpenAiServerGenerator

    model = small_model.small_model(config.environment().models)
    with (
        tempfile.TemporaryDirectory() as desk,
        servers.vllm(model, "--max-num-seqs", "16", context_tokens=1024, log=Path(desk) / "log") as url,
    ):
        file = questions(Path(desk) / "q.jsonl", count)
        settings = AnswerSettings(
            domain="mathematics",
            backend="server",
            url=(url,),
            seed=1,
            max_output_tokens=_TOKENS,
            context_tokens=1024,
            concurrency=concurrency,
            max_rejected_share=1.0,
            temperature=0.8,
        )

        def make(environment: config.Environment, wanted: Any) -> Any:
            made = pipeline.make_generator(environment, wanted)
            assert isinstance(made, OpenAiServerGenerator)
            made.concurrency.limit = concurrency
            return made

        def ours() -> float:
            started = time.monotonic()
            account = stage(file, settings, make)
            return float(account["output_tokens"]) / (time.monotonic() - started)

        def bare() -> float:
            started = time.monotonic()
            return asyncio.run(bare_client(url, count, concurrency, _TOKENS)) / (time.monotonic() - started)

        asyncio.run(bare_client(url, concurrency, concurrency, 8))  # the first requests of a server are slow
        turns(ours, bare, "tokens/s")


def guided(count: int) -> None:
    """What forcing an answer's form costs; a form also ends texts, so the rate of a full batch is what to compare."""
    from kgsynth.generation import level1, level3
    from kgsynth.generation.backend_factory import Backends
    from kgsynth.generation.forms import SMALL_MODEL_QUESTION

    concepts = ["hash join", "topological sort", "adjacency matrix", "random variable", "gcd", "spectral norm"]
    forms = {
        "none": "",
        "level 1": level1._pattern(5, SMALL_MODEL_QUESTION),
        "level 2": "".join(
            rf"<question>\n{SMALL_MODEL_QUESTION}\n</question>\n<concepts>\n{one}; {other}\n</concepts>\n?"
            for one, other in pairwise(concepts)
        ),
        "level 3": level3.answer_pattern(concepts, 3, SMALL_MODEL_QUESTION),
    }
    settings = AnswerSettings(
        domain="mathematics", backend="vllm", seed=1, max_output_tokens=_TOKENS, context_tokens=2048
    )
    with Backends() as backends:
        backends.make(config.environment(), settings)
        (generator,) = backends._loaded.values()
        engine: Any = generator._engine  # type: ignore[attr-defined]
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        prompt = "Write questions about these concepts: " + "; ".join(concepts * 12)
        for turn in range(_TURNS):
            for name, form in forms.items():
                parameters = [
                    SamplingParams(
                        temperature=0.8,
                        max_tokens=_TOKENS,
                        seed=seed,
                        structured_outputs=StructuredOutputsParams(regex=form) if form else None,
                    )
                    for seed in seeds(count)
                ]
                started = time.monotonic()
                outputs = engine.chat(
                    [[{"role": "user", "content": f"{prompt}; {n}"}] for n in range(count)], parameters, use_tqdm=False
                )
                seconds = time.monotonic() - started
                tokens = sum(len(one.outputs[0].token_ids) for one in outputs)
                print(
                    f"turn {turn}, {name}: {tokens:,} tokens in {seconds:.1f} s, {tokens / seconds:.1f}/s", flush=True
                )


def clients(count: int) -> None:
    """The instant server, asked by the whole stage, a bare client, and other frameworks; 64 requests in flight.

    Of the other frameworks start and end are taken off by a run of a tenth of the requests; of kgsynth they count.
    """
    found: dict[str, float] = {}
    with servers.running("--instant") as fake, tempfile.TemporaryDirectory() as desk:
        file = questions(Path(desk) / "q.jsonl", count)
        settings = AnswerSettings(domain="mathematics", backend="server", url=(fake.url,), seed=1, concurrency=64)
        prompts_file, few_file = Path(desk) / "conversations.jsonl", Path(desk) / "few.jsonl"
        for path, number in ((prompts_file, count), (few_file, count // 10)):
            path.write_text("".join(json.dumps(one) + "\n" for one in conversations(number)), encoding="utf-8")

        def ours() -> float:
            started = time.monotonic()
            stage(file, settings)
            return count / (time.monotonic() - started)

        def bare() -> float:
            started = time.monotonic()
            asyncio.run(bare_client(fake.url, count, 64, _TOKENS))
            return count / (time.monotonic() - started)

        medians = turns(ours, bare, "requests/s")
        found["kgsynth answer stage (journal, checks, shards)"] = medians["kgsynth"]
        found["bare aiohttp client, nothing kept"] = medians["bare"]
        for script, options, name in (
            ("datatrove_client", (), "datatrove {}, inference runner"),
            ("datatrove_client", ("--checkpoints",), "datatrove {}, with checkpoints"),
            ("distilabel_client", (), "distilabel {}, text generation"),
        ):
            rates = []
            for _ in range(_TURNS):
                many, few = (peers.run(script, fake.url, path, 64, *options) for path in (prompts_file, few_file))
                if many and few:
                    assert (many["written"], few["written"]) == (count, count // 10), f"{script} lost rows"
                    rates.append((many["written"] - few["written"]) / (many["seconds"] - few["seconds"]))
                    name = name.format(many["version"])
            if rates:
                found[name] = statistics.median(rates)
    keep(
        Comparison(
            name="generation-server",
            title="Requests to a server that answers at once",
            unit="requests/s",
            command=f"python -m tests.benchmarks.generation_speed peers {count}",
            notes="64 in flight; start and end of the other frameworks taken off",
            rows=[
                Row(name=name, values={"requests": rate}, is_ours=name.startswith("kgsynth"))
                for name, rate in found.items()
            ],
        )
    )


def memory(count: int) -> None:
    """Peak memory of a run of that many scripted requests, and of one of a tenth of them before it."""
    desk = Path(tempfile.mkdtemp())
    try:
        settings = AnswerSettings(domain="mathematics", backend="scripted", seed=1)
        for part in (count // 10, count):
            file = questions(desk / "q.jsonl", part)
            started = time.monotonic()
            account = stage(file, settings)
            seconds = time.monotonic() - started
            assert account["units"] == part
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{part:,} requests: {seconds:,.0f} s, {part / seconds:,.0f}/s, peak memory so far {peak:,.0f} MiB",
                flush=True,
            )
    finally:
        shutil.rmtree(desk, ignore_errors=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["peers"]
    counts = {"vllm": 96, "extract": 64, "server": 96, "guided": 32, "peers": 20_000, "memory": 1_000_000}
    {"vllm": vllm, "extract": extract, "server": server, "guided": guided, "peers": clients, "memory": memory}[what](
        int(rest[0]) if rest else counts[what]
    )
