"""Backends: the model that settings name, loaded once for all stages that use it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self

from kgsynth.config import BackendSettings, Environment, public_value
from kgsynth.generation.backend import Generator, Sampling
from kgsynth.generation.runner import OPEN_SHARDS

Make = Callable[[Environment, BackendSettings], Generator]

# Settings that a backend is loaded with.
_LOADED_BY = frozenset(
    "backend executor model url context_tokens constrained engine concurrency timeout_s tries first_wait_s".split()
)


def make_generator(environment: Environment, settings: BackendSettings) -> Generator:
    """The backend that the settings name, loaded.

    Raises:
        MissingExtraError: what it needs is not installed; GeneratorUnavailableError: it cannot be reached or loaded.
    """
    sampling = sampling_of(settings)
    is_ray = settings.executor == "ray"
    if settings.backend == "scripted":
        from kgsynth.generation.scripted import ScriptedGenerator

        if is_ray:
            from kgsynth.generation import ray_engine

            return ray_engine.scripted()
        return ScriptedGenerator()
    if settings.backend == "server":
        from kgsynth.generation.openai_server import OpenAiServerGenerator

        server = OpenAiServerGenerator(
            settings.url,
            model=settings.model,
            api_key=environment.api_key,
            sampling=sampling,
            concurrency=settings.concurrency,
            timeout_s=settings.timeout_s,
            constrained=settings.constrained,
            headers=settings.request.get("headers", {}),
            certificates=environment.certificates,
            tries=settings.tries,
            first_wait_s=settings.first_wait_s,
        )
        if is_ray:
            from kgsynth.generation import ray_engine

            return ray_engine.server(server)
        return server
    from kgsynth.generation import small_model

    folder = settings.model or str(small_model.small_model(environment.models))
    name = settings.model or small_model.NAME
    context_tokens = settings.prompt_tokens + settings.output_tokens
    if is_ray:
        from kgsynth.generation import ray_engine

        return ray_engine.vllm(
            folder, model=name, sampling=sampling, context_tokens=context_tokens, engine=settings.engine
        )
    from kgsynth.generation.vllm_engine import VllmGenerator

    return VllmGenerator(folder, model=name, sampling=sampling, context_tokens=context_tokens, engine=settings.engine)


class Backends:
    """Backends that several stages use one after the other, each loaded once; they differ in sampling alone."""

    def __init__(self) -> None:
        """None is loaded."""
        self._loaded: dict[str, Generator] = {}

    def __enter__(self) -> Self:
        """The backends themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back memory and connections."""
        for generator in self._loaded.values():
            generator.close()

    def make(self, environment: Environment, settings: BackendSettings) -> Generator:
        """As `make_generator`; what is loaded is taken again."""
        how = {name: value for name, value in asdict(settings).items() if name in _LOADED_BY}
        key = json.dumps([how, settings.request.get("headers")], sort_keys=True)
        if key not in self._loaded:
            self._loaded[key] = make_generator(environment, settings)
        self._loaded[key].sampling = sampling_of(settings)
        return _Borrowed(self._loaded[key])


class _Borrowed:
    """A backend that outlives the stage that uses it."""

    def __init__(self, owned: Generator) -> None:
        self.name, self.model, self.sampling = owned.name, owned.model, owned.sampling
        self.left_out: list[str] = getattr(owned, "left_out", [])
        self.count_tokens, self.generate = owned.count_tokens, owned.generate

    def close(self) -> None:
        """The owner closes it."""


def sampling_of(settings: BackendSettings) -> Sampling:
    """How tokens are drawn under these settings."""
    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_output_tokens=settings.output_tokens,
        repetition_penalty=settings.repetition_penalty,
        top_k=settings.top_k,
        min_p=settings.min_p,
        presence_penalty=settings.presence_penalty,
        frequency_penalty=settings.frequency_penalty,
        stop=settings.stop,
        thinking=settings.thinking,
        request={name: value for name, value in settings.request.items() if name != "headers"},
    )


def plain_settings(settings: BackendSettings) -> dict[str, Any]:
    """Settings as they stand in JSON, without secrets."""
    return {name: public_value(name, value) for name, value in asdict(settings).items()}


def open_shards(settings: BackendSettings) -> int:
    """Shards that may be open at once, so that the backend gets as many requests as it wants."""
    if settings.executor == "ray" and settings.backend == "vllm":
        from kgsynth.generation.ray_engine import VLLM_BATCH

        return max(OPEN_SHARDS, -(-VLLM_BATCH // settings.shard_size))
    return OPEN_SHARDS
