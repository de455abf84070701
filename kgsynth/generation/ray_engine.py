"""The same requests on Ray Data, on as many machines as the Ray cluster has.

Servers are asked by its HTTP processor, GPUs by its vLLM processor.

Prompts, journal and shards stay in the process that runs the stage; Ray does what takes the time, on a cluster that
`RAY_ADDRESS` names or, without one, on this machine. Requests are handed over in batches, and what comes back is
journaled at once.
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
from kgsynth.generation.completions import completed
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

# Starting a Ray dataset takes about a second; so many requests are worth it, and a kill repeats no more.
_BATCH = 2048
# Engines of vLLM are loaded for each dataset, a minute or so.
VLLM_BATCH = 20_000
# How often a request that waits for its turn looks.
_GATE_S = 0.01
# All steps wait at the same time, on one CPU too; equal ones share a process.
_LITTLE = {"num_cpus": 0.25}
# Bytes after which a worker hands over what it has: answers come back, and are journaled, while others are awaited.
_BLOCK_BYTES = 1 << 14


class RayGenerator:
    """Another generator's requests, answered by Ray Data."""

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
            inner: gives name, model and the count of tokens; it answers nothing here.
            stage: takes a dataset with a column `request` and returns one with the same column and what came of it.
            read: the completion from a row of that.
            blocks: in how many blocks a batch is handed over, one a worker; None leaves it to Ray.
            batch: requests of one dataset at most.

        Raises:
            MissingExtraError: Ray is not installed; GeneratorUnavailableError: it does not start.
        """
        self.name, self.model, self._inner, self._stage, self._read = inner.name, inner.model, inner, stage, read
        self._blocks, self._batch = blocks, batch
        self._ray = _ray()

    @property
    def sampling(self) -> Sampling:
        """Of the requests that are taken from here on."""
        return self._inner.sampling

    @sampling.setter
    def sampling(self, sampling: Sampling) -> None:
        self._inner.sampling = sampling

    def count_tokens(self, text: str) -> int:
        """As the inner generator counts."""
        return self._inner.count_tokens(text)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Completions of one batch of requests after the other."""
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
                    hint="What was finished is kept: run the same command again.",
                ) from error

    def close(self) -> None:
        """Leave Ray; a cluster that was there before stays."""
        self._inner.close()
        self._ray.shutdown()


def scripted() -> RayGenerator:
    """The scripted generator on Ray."""

    def stage(dataset: Any) -> Any:
        return dataset.map(_scripted_row)

    return RayGenerator(ScriptedGenerator(), stage, _text_row)


def server(inner: OpenAiServerGenerator) -> RayGenerator:
    """An OpenAI-compatible server, asked by Ray's HTTP processor."""
    workers = -(-inner.most_in_flight // RAY_IN_FLIGHT)
    share = -(-inner.most_in_flight // workers)

    def stage(dataset: Any) -> Any:
        from ray.data.llm import HttpRequestProcessorConfig, build_processor

        processor = build_processor(
            HttpRequestProcessorConfig(
                url=inner.url,
                session_factory=_Session(inner, share),
                # The requests of a batch are sent one after the other, but several batches of a block at once.
                batch_size=1,
                concurrency=(workers, workers),
                http_request_stage=_LITTLE,
            ),
            preprocess=_http_row,
            postprocess=_http_answer,
            preprocess_map_kwargs=_LITTLE,
            postprocess_map_kwargs=_LITTLE,
        )
        return processor(dataset)

    def read(_: Request, row: dict[str, Any]) -> Completion:
        return Completion(**json.loads(row["answer"]))

    return RayGenerator(inner, stage, read, blocks=workers)


class _Session:
    """In place of the HTTP processor's own session: tries again and names requests as without Ray.

    By itself the processor ends the whole dataset when one request fails for good or is answered by anything but JSON.
    """

    def __init__(self, inner: OpenAiServerGenerator, most: int) -> None:
        self._inner, self._most = inner, most
        self._open: Any = None
        self._flying = 0

    def __call__(self) -> "_Session":
        return self

    async def __aenter__(self) -> "_Session":
        if self._open is None:
            # Its own, by this machine's clock.
            self._inner.limit(self._most)
            self._open = await self._inner.open_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Connections are kept for the next batch; they end with the worker."""

    async def post(self, url: str, *, headers: dict[str, str], data: str) -> "_Answer":
        """The answer to a request that came as the payload."""
        del url, headers
        while self._flying >= self._inner.allowed:
            await asyncio.sleep(_GATE_S)
        self._flying += 1
        try:
            return _Answer(await self._inner.complete(self._open, _from_json(json.loads(data)["request"])))
        finally:
            self._flying -= 1


class _Answer:
    """A completion as the HTTP processor wants to be answered."""

    status, reason = 200, "OK"

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    async def __aenter__(self) -> "_Answer":
        return self

    async def __aexit__(self, *_: object) -> None:
        """It is read to its end."""

    async def json(self) -> dict[str, str]:
        """As text, so that Ray's tables need not agree on its fields."""
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
    """Engines of vLLM on the GPUs of the cluster, one a GPU; one on a CPU where there is none.

    Raises:
        ConfigError: the engine's options name an adapter, which Ray's processor does not pass on.
        GeneratorUnavailableError: the model's tokenizer is not in its folder.
    """
    if engine.get(LORA_MODULES):
        raise ConfigError(
            f"engine.{LORA_MODULES} works with --executor local alone",
            hint="On Ray, give a model with the adapter merged into it.",
        )
    inner = _Named(model, folder, sampling)

    def stage(dataset: Any) -> Any:
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        gpus = int(_ray().cluster_resources().get("GPU", 0))
        engines = max(1, gpus)
        # A bundle without a GPU; by itself the processor would wait for one for ever.
        on_cpu: dict[str, Any] = {"placement_group_config": {"bundles": [{"CPU": 1}]}}
        processor = build_processor(
            vLLMEngineProcessorConfig(
                model_source=folder,
                engine_kwargs=engine_options(context_tokens, has_gpu=gpus > 0, own=engine),
                # As a pair: of a number alone Ray starts one engine, and others when that one is late.
                concurrency=(engines, engines),
                runtime_env={"env_vars": {**ENVIRONMENT, "HF_HUB_OFFLINE": "1", **({} if gpus else CPU_ENVIRONMENT)}},
                log_engine_metrics=False,  # vLLM asks for a part of Ray that `ray[data]` does not bring
                # The engine does both itself; as stages of their own they would wait for CPUs that are taken.
                tokenize_stage=False,
                detokenize_stage=False,
                chat_template_stage={
                    "enabled": True,
                    "concurrency": 1,
                    **({"chat_template_kwargs": options} if (options := inner.sampling.template_options()) else {}),
                    **_LITTLE,
                },
                **({} if gpus else on_cpu),
            ),
            preprocess_map_kwargs=_LITTLE,
            postprocess_map_kwargs=_LITTLE,
            preprocess=lambda row: _vllm_row(_from_json(row["request"]), inner.sampling),
            postprocess=lambda row: {
                "request": row["request"],
                "text": row["generated_text"],
                "prompt_tokens": int(row["num_input_tokens"]),
                "output_tokens": int(row["num_generated_tokens"]),
            },
        )
        return processor(dataset)

    def read(request: Request, row: dict[str, Any]) -> Completion:
        # The processor does not say why a text ended.
        most = extra_fields(inner.sampling.request).get("max_tokens") or inner.sampling.max_output_tokens
        is_full = row["prompt_tokens"] + row["output_tokens"] >= int(engine.get("max_model_len", context_tokens))
        is_cut = row["output_tokens"] >= most or is_full
        return _text_row(request, row, "length" if is_cut else "stop")

    return RayGenerator(inner, stage, read, batch=VLLM_BATCH)


class _Named:
    """Name, model and tokenizer of vLLM on other machines."""

    name = "vllm"

    def __init__(self, model: str, folder: str, sampling: Sampling) -> None:
        self.model, self.sampling = model, sampling
        file = Path(folder) / "tokenizer.json"
        if not file.is_file():
            raise GeneratorUnavailableError(
                f"{file} is not there: prompts are measured on this machine",
                hint="Give --model a folder that holds tokenizer.json and that all machines can read.",
            )
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(file))

    def count_tokens(self, text: str) -> int:
        """Tokens of the model."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Never called: Ray answers."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held."""


def _ray() -> Any:
    return start_ray(block_bytes=_BLOCK_BYTES)


def _available(requests: Iterator[Request | None], most: int) -> list[Request]:
    batch: list[Request] = []
    for request in islice(requests, most):
        if request is None:
            break
        batch.append(request)
    return batch


def _to_json(request: Request) -> str:
    return json.dumps(asdict(request))


def _from_json(text: str) -> Request:
    row = json.loads(text)
    return Request(**{**row, "messages": tuple(Message(**message) for message in row["messages"])})


def _scripted_row(row: dict[str, Any]) -> dict[str, Any]:
    one = ScriptedGenerator().complete(_from_json(row["request"]))
    return {
        "request": row["request"],
        "text": one.text,
        "prompt_tokens": one.prompt_tokens,
        "output_tokens": one.output_tokens,
    }


def _text_row(request: Request, row: dict[str, Any], finish_reason: str = "stop") -> Completion:
    return completed(
        request.id,
        row["text"],
        finish_reason,
        prompt_tokens=row["prompt_tokens"],
        output_tokens=row["output_tokens"],
    )


def _vllm_row(request: Request, sampling: Sampling) -> dict[str, Any]:
    parameters = request_parameters(request, sampling)
    if request.pattern:
        parameters["structured_outputs"] = {"regex": request.pattern}
    elif request.json_schema:
        parameters["structured_outputs"] = {"json": request.json_schema}
    return {"messages": request.conversation(), "sampling_params": parameters}
