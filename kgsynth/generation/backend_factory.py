"""Create backends from settings; stages that use the same model share one backend."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self

from kgsynth import plugins
from kgsynth.config import Environment, public_value
from kgsynth.generation.backend import Generator, sampling_of
from kgsynth.generation.runner import OPEN_SHARDS
from kgsynth.settings import BackendSettings

_LOG = logging.getLogger(__name__)

Make = Callable[[Environment, BackendSettings], Generator]

# Settings that require another backend when they differ.
_LOADED_BY = frozenset(
    "backend executor model url context_tokens constrained engine concurrency timeout_s tries first_wait_s".split()
)


def make_generator(environment: Environment, settings: BackendSettings) -> Generator:
    """Load the backend that the settings name.

    Raises:
        ConfigError: there is no such backend.
        MissingExtraError: a package that the backend needs is not installed.
        GeneratorUnavailableError: the backend cannot be reached or loaded.
    """
    _LOG.info("loading backend %s, model %s", settings.backend, settings.model or "by default")
    make: Make = plugins.load(plugins.BACKENDS, settings.backend)
    return make(environment, settings)


class Backends:
    """Backends shared by successive stages; each is loaded once, and only sampling changes between stages."""

    def __init__(self) -> None:
        self._loaded: dict[str, Generator] = {}

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release memory and connections."""
        for generator in self._loaded.values():
            generator.close()

    def make(self, environment: Environment, settings: BackendSettings) -> Generator:
        """Return a backend like `make_generator`, reusing one that is already loaded."""
        how = {name: value for name, value in asdict(settings).items() if name in _LOADED_BY}
        key = json.dumps([how, settings.request.get("headers")], sort_keys=True)
        if key not in self._loaded:
            self._loaded[key] = make_generator(environment, settings)
        self._loaded[key].sampling = sampling_of(settings)
        return _SharedBackend(self._loaded[key])


class _SharedBackend:
    """A backend that outlives the stage that uses it."""

    def __init__(self, owned: Generator) -> None:
        self.name, self.model, self.sampling = owned.name, owned.model, owned.sampling
        self.left_out: list[str] = getattr(owned, "left_out", [])
        self.count_tokens, self.generate = owned.count_tokens, owned.generate

    def close(self) -> None:
        """The owner closes it."""


def plain_settings(settings: BackendSettings) -> dict[str, Any]:
    """Return settings as values for JSON, without secrets."""
    return {name: public_value(name, value) for name, value in asdict(settings).items()}


def open_shards(settings: BackendSettings) -> int:
    """Return the maximum number of open shards that supplies the backend with enough requests."""
    if settings.executor == "ray" and settings.backend == "vllm":
        from kgsynth.generation.ray_engine import VLLM_BATCH

        return max(OPEN_SHARDS, -(-VLLM_BATCH // settings.shard_size))
    return OPEN_SHARDS
