"""A corpus that is to be filtered: looked at once, each document that is worth it with a vector, all of it on disk.

In a work folder: `vectors.f32` and `index.arrow` (id, title, content hash), a row each document that passed the cheap
looks, and `rows.npy`, which of them are left without near duplicates. All three are mapped, not read: memory stays
flat, some tens of bytes a document.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.config import DocumentsSettings, Environment, FilterSettings
from kgsynth.curation import duplicates
from kgsynth.curation.filters import is_foreign
from kgsynth.documents import RejectFile, quality, usable_documents
from kgsynth.documents.read import SeenIds
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.pipeline.stages import Report, batches, timed
from kgsynth.progress import Progress, Silent, shown
from kgsynth.records import Document, StageCount
from kgsynth.runs import atomic
from kgsynth.texts import spoken_latex

_INDEX, _VECTORS, _ROWS = "index.arrow", "vectors.f32", "rows.npy"
# Documents of one call; a Ray cluster is worth more of them.
_EMBED_BATCH = {"local": 256, "ray": 20_000}
_BLOCK = 10_000
_NEAR_JACCARD = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """The documents that are worth a vector, in the order of the sources.

    `corpus[first:last]` are their vectors, float32 (documents, dimensions).
    """

    rows: NDArray[np.int64]  # (documents,), of the index and of the vectors
    index: Any  # pyarrow table: id, title, content
    held: NDArray[np.float32]  # (rows, dimensions)
    fingerprint: str

    def __len__(self) -> int:
        """How many documents."""
        return len(self.rows)

    def __getitem__(self, places: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of some places."""
        return np.asarray(self.held[self.rows[places]])

    def contents(self, places: NDArray[np.int64]) -> dict[str, str]:
        """The content hashes of some places, by id."""
        chosen = self.index.take(self.rows[places])
        return dict(zip(chosen["id"].to_pylist(), chosen["content"].to_pylist(), strict=True))

    def names(self, places: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Id and title of some places."""
        chosen = self.index.take(self.rows[places])
        return list(zip(chosen["id"].to_pylist(), chosen["title"].to_pylist(), strict=True))

    def ids(self) -> Iterator[list[str]]:
        """All ids in order, a block at a time."""
        for first in range(0, len(self), _BLOCK):
            yield self.index["id"].take(self.rows[first : first + _BLOCK]).to_pylist()

    def all_rows(self) -> Iterator[tuple[tuple[str, str], int | None]]:
        """Id and content hash of all rows, near duplicates too, each with its place, None for what has none."""
        place = 0
        for first in range(0, len(self.index), _BLOCK):
            block = self.index.slice(first, _BLOCK)
            both = zip(block["id"].to_pylist(), block["content"].to_pylist(), strict=True)
            for row, own in enumerate(both, first):
                is_in = place < len(self.rows) and self.rows[place] == row
                yield own, place if is_in else None
                place += is_in

    def places(self, ids: Collection[str]) -> dict[str, int]:
        """Where some ids are; those that the corpus lacks are left out."""
        wanted, first = set(ids), 0
        found: dict[str, int] = {}
        for block in self.ids():
            found |= {one: first + place for place, one in enumerate(block) if one in wanted}
            first += len(block)
        return found


def embed(
    environment: Environment,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    work_dir: Path,
    report: Report,
    progress: Progress | None = None,
) -> Corpus:
    """Look at each document once: what is worth it gets a vector, everything else a reason in `rejects-*.jsonl`.

    A vector is of title and text with formulas spoken (`texts.spoken_latex`), pooled over windows, and kept by its
    content: what was embedded once, for whatever corpus, is not embedded again. Four numbers of the text's surface
    (`quality.surface`) stand behind it.

    Args:
        environment: where vectors are kept.
        documents: the sources.
        settings: of the cheap looks and the windows.
        work_dir: gets the index and the vectors.
        report: gets the accounts.
        progress: told one step a document.

    Raises:
        ConfigError: a source is unusable; TooManyRejectsError: too much of it is; MissingExtraError: no embedder.
    """
    import pyarrow
    import pyarrow.ipc

    store = vector_store(environment, settings)
    work_dir.mkdir(parents=True, exist_ok=True)
    # The rows belong to the index and the vectors: without them an interrupted call leaves no corpus.
    (work_dir / _ROWS).unlink(missing_ok=True)
    count = StageCount(stage="filter: look", unit="documents")
    read_count = StageCount(stage="filter: read", unit="documents")
    schema = pyarrow.schema([(name, pyarrow.string()) for name in ("id", "title", "content")])
    total = 0
    with ExitStack() as stack:
        stack.enter_context(timed(count, report))
        bar = stack.enter_context(shown(progress or Silent(), "filter: embed", None))
        rejects = stack.enter_context(RejectFile(work_dir / "rejects-read.jsonl"))
        desk = Path(stack.enter_context(duplicates.temporary_folder()))
        dropped = stack.enter_context((work_dir / "rejects-look.jsonl").open("w", encoding="utf-8"))
        signatures = duplicates.Signatures(desk)
        texts = stack.enter_context(SeenIds())
        with (
            atomic(work_dir / _VECTORS) as partial_vectors,
            atomic(work_dir / _INDEX) as partial_index,
            partial_vectors.open("wb") as vectors,
            pyarrow.OSFile(str(partial_index), "wb") as index_file,
            pyarrow.ipc.new_file(index_file, schema) as index,
        ):
            for batch in batches(usable_documents(documents, rejects, read_count), _EMBED_BATCH[settings.executor]):
                worth = []
                for one in batch:
                    reason = quality.problem(one.text, min_words=settings.min_words)
                    if not reason and is_foreign(one.text, settings.language):
                        reason = quality.FOREIGN
                    if not reason and settings.near_duplicates and texts.add(one.text, one.content_hash()) != "new":
                        reason = quality.COPY
                    if reason:
                        count.reject(reason)
                        dropped.write(_dropped_line(one.id, reason))
                    else:
                        worth.append(one)
                if worth:
                    if settings.near_duplicates:
                        for row, one in enumerate(worth, total):
                            signatures.add(row, one.text)
                    document_vectors(store, worth).tofile(vectors)
                    columns = [
                        [one.id for one in worth],
                        [one.title for one in worth],
                        [one.content_hash() for one in worth],
                    ]
                    index.write_batch(pyarrow.record_batch(columns, schema=schema))
                    total += len(worth)
                bar.advance(len(batch))
        near = duplicates.first_stays(signatures.pairs(_NEAR_JACCARD))
        if near:
            held = _mapped(work_dir / _INDEX)["id"]
            for row, (earlier, similarity) in sorted(near.items()):
                count.reject(quality.NEAR_DUPLICATE)
                detail = f"{quality.NEAR_DUPLICATE} of {held[earlier].as_py()} (MinHash {similarity:.2f})"
                dropped.write(_dropped_line(held[row].as_py(), detail))
        count.kept = total - len(near)
        count.notes["computed"] = store.computed
        for reason, number in read_count.rejected.items():
            count.reject(reason, number)
    if not count.kept:
        rejected = "look" if count.read > sum(read_count.rejected.values()) else "read"
        raise ConfigError("no document is worth embedding", hint=f"Look at {work_dir / f'rejects-{rejected}.jsonl'}.")
    stays = np.ones(total, dtype=np.bool_)
    stays[list(near)] = False
    with atomic(work_dir / _ROWS) as partial, partial.open("wb") as file:
        np.save(file, np.flatnonzero(stays))
    return read_corpus(work_dir)


def read_corpus(work_dir: Path) -> Corpus:
    """The corpus that `embed` left in a folder.

    Raises:
        ConfigError: it left none; ManifestError: its files do not fit each other.
    """
    if not (work_dir / _ROWS).is_file():
        raise ConfigError(f"{work_dir} holds no embedded corpus", hint="Run `kgsynth filter embed` first.")
    try:
        rows = np.load(work_dir / _ROWS, mmap_mode="r")
        index = _mapped(work_dir / _INDEX)
        held = np.memmap(work_dir / _VECTORS, dtype=np.float32, mode="r")
        if held.size % max(1, len(index)) or not 0 <= int(rows[-1]) < len(index):
            raise ValueError("they do not fit each other")  # noqa: TRY301
    except (OSError, ValueError, IndexError) as error:
        raise ManifestError(
            f"{_INDEX}, {_VECTORS} and {_ROWS} in {work_dir} cannot be used: {error}",
            hint="Run `kgsynth filter embed` again.",
        ) from error
    corpus = Corpus(rows, index, held.reshape(len(index), -1), "")
    digest = hashlib.blake2b(digest_size=12)
    for own, place in corpus.all_rows():
        digest.update("\0".join([*own, str(place is None)]).encode("utf-8", "replace"))
    return Corpus(corpus.rows, corpus.index, corpus.held, digest.hexdigest())


def write_scores(path: Path, corpus: Corpus, scores: NDArray[np.float64]) -> None:
    """The scores of a corpus, as Parquet: id, score."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([("id", pyarrow.string()), ("score", pyarrow.float64())], {"corpus": corpus.fingerprint})
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as writer:
        first = 0
        for block in corpus.ids():
            writer.write_table(pyarrow.table([block, scores[first : first + len(block)]], schema=schema))
            first += len(block)


def read_scores(path: Path, corpus: Corpus) -> NDArray[np.float64]:
    """The scores of a corpus that a step wrote.

    Raises:
        ConfigError: there are none, or they are of another corpus.
    """
    import pyarrow.parquet

    if not path.is_file():
        raise ConfigError(f"{path} does not exist", hint="Run the step before it: `kgsynth filter --help` names them.")
    try:
        table = pyarrow.parquet.read_table(path, columns=["score"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="Remove it, and run its step again.") from error
    if (table.schema.metadata or {}).get(b"corpus", b"").decode() != corpus.fingerprint:
        raise ConfigError(
            f"{path} is of another corpus",
            hint="Take another --work-dir; or remove start.parquet and the folders round-* from this one and begin "
            "again with `kgsynth filter start`.",
        )
    return np.array(table["score"], dtype=float)


def vector_store(environment: Environment, settings: FilterSettings) -> Any:
    """Vectors of documents, by content.

    Raises:
        MissingExtraError: no embedder is installed.
    """
    from kgsynth.concepts.embedding import EmbeddingStore, PooledEmbedder, make_embedder

    return EmbeddingStore(
        environment.embeddings,
        PooledEmbedder(make_embedder("auto", settings.executor), words=settings.window_words, most=settings.windows),
    )


def document_vectors(store: Any, documents: list[Document]) -> NDArray[np.float32]:
    """Vectors of documents with their surface behind, float32 (documents, dimensions + 4)."""
    meaning = store.embed([spoken_latex(f"{one.title}. {one.text}") for one in documents])
    return np.concatenate(
        [meaning, np.array([quality.surface(one.text) for one in documents], dtype=np.float32)], axis=1
    )


def _mapped(path: Path) -> Any:
    import pyarrow
    import pyarrow.ipc

    return pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all()


def _dropped_line(identity: str, reason: str) -> str:
    return json.dumps({"id": identity, "reason": reason}, ensure_ascii=False) + "\n"
