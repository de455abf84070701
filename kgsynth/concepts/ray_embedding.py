"""Names as unit vectors on Ray Data, on as many machines or GPUs as the Ray cluster has."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kgsynth.concepts.embedding import BATCH, EMBEDDERS, Float32Matrix, embedder_used, in_embedding_order, make_embedder
from kgsynth.config import EmbedderName, set_threads
from kgsynth.errors import GeneratorUnavailableError
from kgsynth.parallel import ray_cause, start_ray

# Texts of one row of the dataset: whole batches, so that the vectors are those of an embedder that has all texts.
_SHARE = 16 * BATCH
_BLOCK_BYTES = 1 << 26
# Starting a dataset takes about a second and loading a model some: an interrupted call repeats no more than this.
_MANY = 100 * _SHARE
# CPUs that a worker asks Ray for: its model takes the cores that it finds, and Ray spreads workers over the machines.
_LITTLE = 0.25


class RayEmbedder:
    """Another embedder's vectors, the same ones, computed by a worker on each machine, or on each GPU."""

    many = _MANY

    def __init__(self, name: EmbedderName) -> None:
        """Start or join Ray; models are loaded when there is something to embed.

        Args:
            name: the embedder.

        Raises:
            MissingExtraError: Ray is not installed; GeneratorUnavailableError: it does not start.
        """
        self._name = embedder_used(name)
        self.model = EMBEDDERS[self._name].model
        self._ray = start_ray(block_bytes=_BLOCK_BYTES)

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """As the protocol says.

        Raises:
            GeneratorUnavailableError: a worker failed; the message says why.
        """
        order = in_embedding_order(texts)
        shares = [order[first : first + _SHARE] for first in range(0, len(order), _SHARE)]
        rows = [{"share": place, "texts": [texts[one] for one in share]} for place, share in enumerate(shares)]
        if not rows:
            return np.empty((0, 0), dtype=np.float32)
        start_ray(block_bytes=_BLOCK_BYTES)
        gpus = int(self._ray.cluster_resources().get("GPU", 0)) if self._name == "sentence-transformers" else 0
        workers = gpus or sum(node["Alive"] for node in self._ray.nodes())
        dataset = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker,
            fn_constructor_args=(self._name,),
            concurrency=min(workers, len(rows)),
            num_cpus=_LITTLE,
            num_gpus=1 if gpus else 0,
        )
        vectors: Float32Matrix | None = None
        try:
            for row in dataset.iter_rows():
                own = np.frombuffer(row["vectors"], dtype=np.float32).reshape(len(shares[row["share"]]), -1)
                if vectors is None:
                    vectors = np.empty((len(texts), own.shape[1]), dtype=np.float32)
                vectors[shares[row["share"]]] = own
        except (self._ray.exceptions.RayError, RuntimeError, ValueError) as error:
            raise GeneratorUnavailableError(
                f"Ray could not embed {len(texts):,} texts: {ray_cause(error)}",
                hint="What was embedded before is kept: run the same command again.",
            ) from error
        assert vectors is not None
        return vectors


class _Worker:
    """One model on one machine or GPU."""

    def __init__(self, name: EmbedderName) -> None:
        # Ray leaves torch one.
        set_threads(os.cpu_count() or 1)
        self._embedder = make_embedder(name)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"share": row["share"], "vectors": self._embedder.embed(list(row["texts"])).tobytes()}
