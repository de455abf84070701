"""Run the requests on Ray Data, on all machines of a Ray cluster.

Ray's HTTP processor sends requests to servers, its vLLM processor runs models on GPUs. The cluster is that of
`RAY_ADDRESS`, or this machine if the variable is not set.

Prompts, journal and shards stay in the process that runs the stage. It passes the requests to Ray in batches and
journals each completion as soon as it returns.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kgsynth.errors import ConfigError, GeneratorUnavailableError
from kgsynth.generation.backend import Completion, Generator, Message, Request, Sampling
from kgsynth.generation.chat_interface import extra_fields
from kgsynth.generation.completions import choice_chances, completed
from kgsynth.generation.openai_server import OpenAiServerGenerator
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.generation.vllm_engine import (
    CPU_ENVIRONMENT,
    ENVIRONMENT,
    LORA_MODULES,
    engine_options,
    request_parameters,
)
from kgsynth.parallel import RAY_IN_FLIGHT, ray_cause, start_ray

# Requests per dataset: enough to be worth the second that a dataset takes to start, and all that a kill can lose.
_BATCH = 2048
# vLLM's engines are loaded again for each dataset, which takes about a minute.
VLLM_BATCH = 20_000
# Seconds between two checks of a request that waits for its turn.
_POLL_S = 0.01
# All steps have to run at the same time, even on one CPU. Steps with equal options share a process.
_SMALL_SHARE = {"num_cpus": 0.25}
# Bytes after which a worker returns its results, so that answers are journaled while others are still awaited.
_BLOCK_BYTES = 1 << 14


class RayGenerator:
    """A generator whose requests Ray Data answers; an inner generator gives its name, model and token count."""

    def __init__(
        self,
        inner: Generator,
        stage: Callable[[Any], Any],
        read: Callable[[Request, dict[str, Any]], Completion],
        *,
        blocks: int | None = None,
        batch: int = _BATCH,
    ) -> None:
        """Start or join Ray.

        Args:
            inner: gives name, model and token counts; it answers no requests.
            stage: maps a dataset with a column `request` to one with the same column and the results.
            read: makes a completion from a row of results.
            blocks: number of blocks per batch, one per worker; None leaves it to Ray.
            batch: maximum number of requests per dataset.

        Raises:
            MissingExtraError: Ray is not installed.
            GeneratorUnavailableError: Ray does not start.
        """
        self.name, self.model, self._inner, self._stage, self._read = inner.name, inner.model, inner, stage, read
        self._blocks, self._batch = blocks, batch
        self._ray = _ray()

    @property
    def sampling(self) -> Sampling:
        """Sampling parameters of the requests that follow."""
        return self._inner.sampling

    @sampling.setter
    def sampling(self, sampling: Sampling) -> None:
        self._inner.sampling = sampling

    def count_tokens(self, text: str) -> int:
        """Return the inner generator's token count."""
        return self._inner.count_tokens(text)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Yield the completions, batch by batch."""
        while True:
            batch = _available(requests, self._batch)
            if not batch:
                return
            rows = [{"request": _to_json(request)} for request in batch]
            blocks = None if self._blocks is None else min(self._blocks, len(rows))
            dataset = self._stage(self._ray.data.from_items(rows, override_num_blocks=blocks))
            missing = {request.id: request for request in batch}
            try:
                for row in dataset.iter_rows():
                    yield self._read(missing.pop(_from_json(row["request"]).id), row)
            except (self._ray.exceptions.RayError, RuntimeError, ValueError) as error:
                raise GeneratorUnavailableError(
                    f"Ray could not answer {len(missing):,} of {len(batch):,} requests: {ray_cause(error)}",
                    hint="Finished requests are kept: run the same command again.",
                ) from error

    def close(self) -> None:
        """Disconnect from Ray; a cluster that ran before keeps running."""
        self._inner.close()
        self._ray.shutdown()


def scripted() -> RayGenerator:
    """Return the scripted generator on Ray."""

    def stage(dataset: Any) -> Any:
        return dataset.map(_scripted_row)

    return RayGenerator(ScriptedGenerator(), stage, _text_row)


def server(inner: OpenAiServerGenerator) -> RayGenerator:
    """Return a generator that asks an OpenAI-compatible server through Ray's HTTP processor."""
    workers = -(-inner.most_in_flight // RAY_IN_FLIGHT)
    share = -(-inner.most_in_flight // workers)

    def stage(dataset: Any) -> Any:
        from ray.data.llm import HttpRequestProcessorConfig, build_processor

        processor = build_processor(
            HttpRequestProcessorConfig(
                url=inner.url,
                session_factory=_Session(inner, share),
                # Requests of a batch are sent one after the other, but several batches of a block concurrently.
                batch_size=1,
                concurrency=(workers, workers),
                http_request_stage=_SMALL_SHARE,
            ),
            preprocess=_http_row,
            postprocess=_http_answer,
            preprocess_map_kwargs=_SMALL_SHARE,
            postprocess_map_kwargs=_SMALL_SHARE,
        )
        return processor(dataset)

    def read(_: Request, row: dict[str, Any]) -> Completion:
        return Completion(**json.loads(row["answer"]))

    return RayGenerator(inner, stage, read, blocks=workers)


class _Session:
    """Replaces the HTTP processor's session, so that requests are retried and identified as without Ray.

    With its own session the processor aborts the whole dataset if one request fails or its answer is not JSON.
    """

    def __init__(self, inner: OpenAiServerGenerator, concurrency: int) -> None:
        self._inner, self._concurrency = inner, concurrency
        self._open: Any = None
        self._in_flight = 0

    def __call__(self) -> "_Session":
        return self

    async def __aenter__(self) -> "_Session":
        if self._open is None:
            # Each worker adapts its own concurrency, since that state depends on the clock of the machine.
            self._inner.limit(self._concurrency)
            self._open = await self._inner.open_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Keep the connections for the next batch; they end with the worker."""

    async def post(self, url: str, *, headers: dict[str, str], data: str) -> "_Answer":
        """Return the answer to the request in the payload."""
        del url, headers
        while self._in_flight >= self._inner.allowed:
            await asyncio.sleep(_POLL_S)
        self._in_flight += 1
        try:
            return _Answer(await self._inner.complete(self._open, _from_json(json.loads(data)["request"])))
        finally:
            self._in_flight -= 1


class _Answer:
    """A completion in the form of the HTTP answer that the processor expects."""

    status, reason = 200, "OK"

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    async def __aenter__(self) -> "_Answer":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: the answer is complete."""

    async def json(self) -> dict[str, str]:
        """Return the completion as JSON text, so that Ray's tables need no common fields."""
        return {"completion": json.dumps(asdict(self._completion))}


def _http_row(row: dict[str, Any]) -> dict[str, Any]:
    return {"payload": {"request": row["request"]}}


def _http_answer(row: dict[str, Any]) -> dict[str, Any]:
    return {"request": row["request"], "answer": row["http_response"]["completion"]}


def vllm(
    folder: str,
    *,
    model: str,
    sampling: Sampling,
    context_tokens: int,
    engine: Mapping[str, Any] = MappingProxyType({}),
) -> RayGenerator:
    """Return a generator with one vLLM engine per GPU of the cluster, or one engine on a CPU without GPUs.

    Raises:
        ConfigError: the engine's options name an adapter, which Ray's processor does not support.
        GeneratorUnavailableError: the model's tokenizer is not in its folder.
    """
    if engine.get(LORA_MODULES):
        raise ConfigError(
            f"engine.{LORA_MODULES} works only with --executor local",
            hint="On Ray, give a model with the adapter merged into it.",
        )
    inner = _RemoteVllm(model, folder, sampling)

    def stage(dataset: Any) -> Any:
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        gpus = int(_ray().cluster_resources().get("GPU", 0))
        engines = max(1, gpus)
        # A bundle without a GPU; by default the processor would wait for a GPU forever.
        on_cpu: dict[str, Any] = {"placement_group_config": {"bundles": [{"CPU": 1}]}}
        processor = build_processor(
            vLLMEngineProcessorConfig(
                model_source=folder,
                engine_kwargs=engine_options(context_tokens, has_gpu=gpus > 0, user_options=engine),
                # A pair starts all engines at once; with a single number Ray starts more only when the first is slow.
                concurrency=(engines, engines),
                runtime_env={"env_vars": {**ENVIRONMENT, "HF_HUB_OFFLINE": "1", **({} if gpus else CPU_ENVIRONMENT)}},
                log_engine_metrics=False,  # they need a part of Ray that `ray[data]` does not install
                # The engine does both itself; separate stages would wait for CPUs that are in use.
                tokenize_stage=False,
                detokenize_stage=False,
                chat_template_stage={
                    "enabled": True,
                    "concurrency": 1,
                    **({"chat_template_kwargs": options} if (options := inner.sampling.template_options()) else {}),
                    **_SMALL_SHARE,
                },
                **({} if gpus else on_cpu),
            ),
            preprocess_map_kwargs=_SMALL_SHARE,
            postprocess_map_kwargs=_SMALL_SHARE,
            preprocess=lambda row: _vllm_row(_from_json(row["request"]), inner.sampling),
            postprocess=lambda row: {
                "request": row["request"],
                "text": row["generated_text"],
                "prompt_tokens": int(row["num_input_tokens"]),
                "output_tokens": int(row["num_generated_tokens"]),
                "chances": list(_chances(row)),
            },
        )
        return processor(dataset)

    def read(request: Request, row: dict[str, Any]) -> Completion:
        # The processor does not return the finish reason.
        max_tokens = extra_fields(inner.sampling.request).get("max_tokens") or inner.sampling.max_output_tokens
        is_full = row["prompt_tokens"] + row["output_tokens"] >= int(engine.get("max_model_len", context_tokens))
        is_cut = row["output_tokens"] >= max_tokens or is_full
        return _text_row(request, row, "length" if is_cut else "stop", tuple(row["chances"]))

    return RayGenerator(inner, stage, read, batch=VLLM_BATCH)


class _RemoteVllm:
    """Name, model and tokenizer of a vLLM model that runs on other machines."""

    name = "vllm"

    def __init__(self, model: str, folder: str, sampling: Sampling) -> None:
        self.model, self.sampling = model, sampling
        file = Path(folder) / "tokenizer.json"
        if not file.is_file():
            raise GeneratorUnavailableError(
                f"{file} does not exist, but this machine needs the tokenizer to measure prompts",
                hint="Give --model a folder that holds tokenizer.json and that all machines can read.",
            )
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(file))

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Never called: Ray answers."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _ray() -> Any:
    return start_ray(block_bytes=_BLOCK_BYTES)


def _available(requests: Iterator[Request | None], max_requests: int) -> list[Request]:
    batch: list[Request] = []
    for request in islice(requests, max_requests):
        if request is None:
            break
        batch.append(request)
    return batch


def _to_json(request: Request) -> str:
    return json.dumps(asdict(request))


def _from_json(text: str) -> Request:
    row = json.loads(text)
    messages = tuple(Message(**message) for message in row["messages"])
    return Request(**{**row, "messages": messages, "choices": tuple(row["choices"])})


def _scripted_row(row: dict[str, Any]) -> dict[str, Any]:
    completion = ScriptedGenerator().complete(_from_json(row["request"]))
    return {
        "request": row["request"],
        "text": completion.text,
        "prompt_tokens": completion.prompt_tokens,
        "output_tokens": completion.output_tokens,
    }


def _text_row(
    request: Request, row: dict[str, Any], finish_reason: str = "stop", chances: tuple[float, ...] = ()
) -> Completion:
    return completed(
        request.id,
        row["text"],
        finish_reason,
        prompt_tokens=row["prompt_tokens"],
        output_tokens=row["output_tokens"],
        chances=chances,
    )


def _chances(row: dict[str, Any]) -> tuple[float, ...]:
    """Return the probabilities of the request's first choice from the processor's log-probabilities by token."""
    choices = _from_json(row["request"]).choices
    if not choices or row.get("logprobs") is None:
        return ()
    tokens = []
    for identity, by_token in zip(row["generated_tokens"], row["logprobs"], strict=True):
        alternatives = {str(token): value for token, value in by_token.items()}
        written = str(alternatives[str(identity)]["decoded_token"])
        tokens.append((written, {str(value["decoded_token"]): value["logprob"] for value in alternatives.values()}))
    return choice_chances(tokens, choices)


def _vllm_row(request: Request, sampling: Sampling) -> dict[str, Any]:
    # All requests of a stage have choices, or none: Ray makes fractions of numbers that some rows of a dataset lack,
    # and vLLM does not answer a request whose number of log-probabilities is a fraction.
    parameters = request_parameters(request, sampling)
    if request.pattern:
        parameters["structured_outputs"] = {"regex": request.pattern}
    elif request.json_schema:
        parameters["structured_outputs"] = {"json": request.json_schema}
    return {"messages": request.conversation(), "sampling_params": parameters}
