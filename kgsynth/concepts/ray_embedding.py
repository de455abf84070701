"""Embed names as unit vectors with Ray Data on all machines or GPUs of a Ray cluster."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kgsynth.concepts.embedding import BATCH, EMBEDDERS, Float32Matrix, embedder_used, in_embedding_order, make_embedder
from kgsynth.config import set_threads
from kgsynth.errors import GeneratorUnavailableError
from kgsynth.parallel import ray_cause, start_ray
from kgsynth.settings import EmbedderName

# Texts per row of the dataset: whole batches, so that the vectors equal those of a single embedder with all texts.
_SHARE = 16 * BATCH
_BLOCK_BYTES = 1 << 26
# Number of texts per call. It is large because starting a dataset and loading models takes seconds.
_MANY = 100 * _SHARE
# CPUs that a worker requests from Ray. The model uses all cores of its machine, and Ray spreads the workers.
_CPUS_PER_WORKER = 0.25


class RayEmbedder:
    """The vectors of another embedder, computed by a worker on each machine or GPU."""

    many = _MANY

    def __init__(self, name: EmbedderName) -> None:
        """Start or join Ray; models are loaded at the first call of `embed`.

        Args:
            name: the embedder.

        Raises:
            MissingExtraError: Ray is not installed.
            GeneratorUnavailableError: Ray does not start.
        """
        self._name = embedder_used(name)
        self.model = EMBEDDERS[self._name].model
        self._ray = start_ray(block_bytes=_BLOCK_BYTES)

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return unit vectors, float32 (texts, dimensions).

        Raises:
            GeneratorUnavailableError: a worker failed.
        """
        order = in_embedding_order(texts)
        shares = [order[first : first + _SHARE] for first in range(0, len(order), _SHARE)]
        rows = [{"share": number, "texts": [texts[index] for index in share]} for number, share in enumerate(shares)]
        if not rows:
            return np.empty((0, 0), dtype=np.float32)
        start_ray(block_bytes=_BLOCK_BYTES)
        gpus = int(self._ray.cluster_resources().get("GPU", 0)) if self._name == "sentence-transformers" else 0
        workers = gpus or sum(node["Alive"] for node in self._ray.nodes())
        dataset = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker,
            fn_constructor_args=(self._name,),
            concurrency=min(workers, len(rows)),
            num_cpus=_CPUS_PER_WORKER,
            num_gpus=1 if gpus else 0,
        )
        vectors: Float32Matrix | None = None
        try:
            for row in dataset.iter_rows():
                share_vectors = np.frombuffer(row["vectors"], dtype=np.float32).reshape(len(shares[row["share"]]), -1)
                if vectors is None:
                    vectors = np.empty((len(texts), share_vectors.shape[1]), dtype=np.float32)
                vectors[shares[row["share"]]] = share_vectors
        except (self._ray.exceptions.RayError, RuntimeError, ValueError) as error:
            raise GeneratorUnavailableError(
                f"Ray could not embed {len(texts):,} texts: {ray_cause(error)}",
                hint="Earlier vectors are stored. Run the same command again.",
            ) from error
        assert vectors is not None
        return vectors


class _Worker:
    """A model on a machine or GPU."""

    def __init__(self, name: EmbedderName) -> None:
        # Ray limits torch to one thread.
        set_threads(os.cpu_count() or 1)
        self._embedder = make_embedder(name)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"share": row["share"], "vectors": self._embedder.embed(list(row["texts"])).tobytes()}
