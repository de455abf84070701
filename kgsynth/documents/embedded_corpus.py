"""The embedded corpus of a filter: documents are checked once, and those that pass get a vector on disk.

A work folder has `vectors.f32`, `index.arrow` (id, title, content hash) and the counts of words with one row per
document that passed the cheap checks, and `rows.npy` with the rows that remain without near-duplicates. The files are
memory-mapped: memory use is some tens of bytes per document.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth import near_duplicates
from kgsynth.accounts import Report, timed_stage
from kgsynth.batching import batches
from kgsynth.documents import quality
from kgsynth.documents.latent_semantics import WordCounts
from kgsynth.documents.read import usable_documents
from kgsynth.errors import ConfigError, ManifestError
from kgsynth.files import atomic, scratch_folder
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import Document, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.scripts import is_foreign
from kgsynth.seen_ids import SeenIds
from kgsynth.settings import DocumentsSettings, FilterSettings
from kgsynth.texts import spoken_latex

_INDEX, _VECTORS, _ROWS = "index.arrow", "vectors.f32", "rows.npy"
# Documents per call of the embedding model. A Ray cluster needs large batches.
_EMBED_BATCH = {"local": 256, "ray": 20_000}
_BLOCK = 10_000
_NEAR_JACCARD = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """The embedded documents without near-duplicates, in the order of the sources.

    `corpus[first:last]` are the vectors of documents, float32 (documents, dimensions).
    """

    rows: NDArray[np.int64]  # (documents,), rows of `index` and `vectors`
    index: Any  # pyarrow table: id, title, content
    vectors: NDArray[np.float32]  # (rows, dimensions)
    fingerprint: str

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.rows)

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of documents, float32 (documents, dimensions)."""
        return np.asarray(self.vectors[self.rows[indices]])

    def contents(self, indices: NDArray[np.int64]) -> dict[str, str]:
        """Return the content hashes of documents by id."""
        table = self.index.take(self.rows[indices])
        return dict(zip(table["id"].to_pylist(), table["content"].to_pylist(), strict=True))

    def names(self, indices: NDArray[np.int64]) -> list[tuple[str, str]]:
        """Return ids and titles of documents."""
        table = self.index.take(self.rows[indices])
        return list(zip(table["id"].to_pylist(), table["title"].to_pylist(), strict=True))

    def ids(self) -> Iterator[list[str]]:
        """Yield all ids in order, in blocks."""
        for first in range(0, len(self), _BLOCK):
            yield self.index["id"].take(self.rows[first : first + _BLOCK]).to_pylist()

    def all_rows(self) -> Iterator[tuple[tuple[str, str], int | None]]:
        """Yield (id, content hash) of all rows with the index in the corpus, which is None for near-duplicates."""
        index = 0
        for first in range(0, len(self.index), _BLOCK):
            block = self.index.slice(first, _BLOCK)
            ids_and_contents = zip(block["id"].to_pylist(), block["content"].to_pylist(), strict=True)
            for row, identity_and_content in enumerate(ids_and_contents, first):
                is_in_corpus = index < len(self.rows) and self.rows[index] == row
                yield identity_and_content, index if is_in_corpus else None
                index += is_in_corpus

    def places(self, ids: Collection[str]) -> dict[str, int]:
        """Return the indices of ids; ids that the corpus lacks are left out."""
        wanted, first = set(ids), 0
        indices: dict[str, int] = {}
        for block in self.ids():
            indices |= {identity: first + offset for offset, identity in enumerate(block) if identity in wanted}
            first += len(block)
        return indices


def read_corpus(work_dir: Path) -> Corpus:
    """Return the corpus that `embed` wrote to a folder.

    Raises:
        ConfigError: the folder holds no corpus.
        ManifestError: the files of the corpus are damaged or do not match.
    """
    if not (work_dir / _ROWS).is_file():
        raise ConfigError(f"{work_dir} holds no embedded corpus", hint="Run `kgsynth filter embed` first.")
    try:
        rows = np.load(work_dir / _ROWS, mmap_mode="r")
        index = _mapped(work_dir / _INDEX)
        vectors = np.memmap(work_dir / _VECTORS, dtype=np.float32, mode="r")
        if vectors.size % max(1, len(index)) or not 0 <= int(rows[-1]) < len(index):
            raise ValueError("their numbers of rows do not match")  # noqa: TRY301
    except (OSError, ValueError, IndexError) as error:
        raise ManifestError(
            f"{_INDEX}, {_VECTORS} and {_ROWS} in {work_dir} cannot be used: {error}",
            hint="Run `kgsynth filter embed` again.",
        ) from error
    corpus = Corpus(rows, index, vectors.reshape(len(index), -1), "")
    digest = hashlib.blake2b(digest_size=12)
    for identity_and_content, index_in_corpus in corpus.all_rows():
        digest.update("\0".join([*identity_and_content, str(index_in_corpus is None)]).encode("utf-8", "replace"))
    return Corpus(corpus.rows, corpus.index, corpus.vectors, digest.hexdigest())


def write_scores(path: Path, corpus: Corpus, scores: NDArray[np.float64]) -> None:
    """Write the scores of a corpus as Parquet with the columns id and score."""
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
    """Read the scores of a corpus that a step wrote.

    Raises:
        ConfigError: the file is missing or unreadable, or belongs to another corpus.
    """
    import pyarrow.parquet

    if not path.is_file():
        raise ConfigError(
            f"{path} does not exist", hint="Run the previous step; `kgsynth filter --help` lists the steps."
        )
    try:
        table = pyarrow.parquet.read_table(path, columns=["score"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="Remove the file and run its step again.") from error
    if (table.schema.metadata or {}).get(b"corpus", b"").decode() != corpus.fingerprint:
        raise ConfigError(
            f"{path} has the scores of another corpus",
            hint="Use another --work-dir; or remove start.parquet and the folders round-* from this one and start "
            "again with `kgsynth filter start`.",
        )
    return np.array(table["score"], dtype=float)


def document_vectors(store: Any, documents: list[Document]) -> NDArray[np.float32]:
    """Return the vectors of documents followed by their surface features, float32 (documents, dimensions + 4)."""
    embeddings = store.embed([spoken_latex(titled_text(document)) for document in documents])
    return np.concatenate(
        [embeddings, np.array([quality.surface(document.text) for document in documents], dtype=np.float32)], axis=1
    )


def titled_text(document: Document) -> str:
    """Return the text of a document after its title."""
    return f"{document.title}. {document.text}"


def read_words(work_dir: Path, settings: FilterSettings) -> WordCounts:
    """Return the counts of words that `embed` wrote to a folder.

    Raises:
        ManifestError: the files are missing or damaged.
    """
    try:
        return WordCounts.read(work_dir, words=settings.window_words * settings.windows)
    except (OSError, ValueError, EOFError) as error:
        raise ManifestError(
            f"the counts of words in {work_dir} cannot be used: {error}", hint="Run `kgsynth filter embed` again."
        ) from error


def _mapped(path: Path) -> Any:
    import pyarrow
    import pyarrow.ipc

    return pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all()


def _dropped_line(identity: str, reason: str) -> str:
    return json.dumps({"id": identity, "reason": reason}, ensure_ascii=False) + "\n"


def embed(
    store: Any,
    documents: DocumentsSettings,
    settings: FilterSettings,
    *,
    work_dir: Path,
    report: Report,
    progress: Progress | None = None,
) -> Corpus:
    """Check and embed documents; those that fail a check are written to `rejects-*.jsonl` with the reason.

    A vector represents title and text with formulas in words (`texts.spoken_latex`), pooled over windows. The store
    caches vectors by content, so that a text is embedded only once for all corpora. Four surface features of the text
    (`quality.surface`) are appended to each vector.

    Args:
        store: embeds texts and caches vectors: a `concepts.embedding.EmbeddingStore` over windows of a text.
        documents: the sources.
        settings: settings of the cheap checks and of the executor.
        work_dir: folder for the index and the vectors.
        report: receives the account.
        progress: advanced by one step per document.

    Raises:
        ConfigError: a source is unusable, or no document passes the checks.
        TooManyRejectsError: too many records of the sources are unusable.
    """
    import pyarrow
    import pyarrow.ipc

    work_dir.mkdir(parents=True, exist_ok=True)
    # A folder without the file of rows holds no corpus. Removing it first keeps an interrupted call from leaving one.
    (work_dir / _ROWS).unlink(missing_ok=True)
    count = StageCount(stage="filter: look", unit="documents")
    read_count = StageCount(stage="filter: read", unit="documents")
    schema = pyarrow.schema([(name, pyarrow.string()) for name in ("id", "title", "content")])
    total = 0
    with ExitStack() as stack:
        stack.enter_context(timed_stage(count, report))
        bar = stack.enter_context(progress_stage(progress or Silent(), "filter: embed", None))
        rejects = stack.enter_context(RejectFile(work_dir / "rejects-read.jsonl"))
        folder = stack.enter_context(scratch_folder())
        dropped = stack.enter_context((work_dir / "rejects-look.jsonl").open("w", encoding="utf-8"))
        signatures = stack.enter_context(closing(near_duplicates.Signatures(folder)))
        words = WordCounts(work_dir, words=settings.window_words * settings.windows)
        texts = stack.enter_context(SeenIds())
        with (
            atomic(work_dir / _VECTORS) as partial_vectors,
            atomic(work_dir / _INDEX) as partial_index,
            partial_vectors.open("wb") as vectors,
            pyarrow.OSFile(str(partial_index), "wb") as index_file,
            pyarrow.ipc.new_file(index_file, schema) as index,
        ):
            for batch in batches(usable_documents(documents, rejects, read_count), _EMBED_BATCH[settings.executor]):
                accepted = []
                for document in batch:
                    text = document.text
                    reason = quality.problem(text, min_words=settings.min_words)
                    if not reason and is_foreign(text, settings.language):
                        reason = quality.FOREIGN
                    if not reason and settings.near_duplicates and texts.add(text, document.content_hash()) != "new":
                        reason = quality.COPY
                    if reason:
                        count.reject(reason)
                        dropped.write(_dropped_line(document.id, reason))
                    else:
                        accepted.append(document)
                if accepted:
                    if settings.near_duplicates:
                        for row, document in enumerate(accepted, total):
                            signatures.add(row, document.text)
                    document_vectors(store, accepted).tofile(vectors)
                    words.add([titled_text(document) for document in accepted])
                    columns = [
                        [document.id for document in accepted],
                        [document.title for document in accepted],
                        [document.content_hash() for document in accepted],
                    ]
                    index.write_batch(pyarrow.record_batch(columns, schema=schema))
                    total += len(accepted)
                bar.advance(len(batch))
        words.close()
        duplicates = near_duplicates.first_stays(signatures.pairs(_NEAR_JACCARD))
        if duplicates:
            ids = _mapped(work_dir / _INDEX)["id"]
            for row, (earlier, similarity) in sorted(duplicates.items()):
                count.reject(quality.NEAR_DUPLICATE)
                detail = f"{quality.NEAR_DUPLICATE} of {ids[earlier].as_py()} (MinHash {similarity:.2f})"
                dropped.write(_dropped_line(ids[row].as_py(), detail))
        count.kept = total - len(duplicates)
        count.notes["computed"] = store.computed
        for reason, rejected_count in read_count.rejected.items():
            count.reject(reason, rejected_count)
    if not count.kept:
        rejected = "look" if count.read > sum(read_count.rejected.values()) else "read"
        rejects_path = work_dir / f"rejects-{rejected}.jsonl"
        raise ConfigError("no document passed the checks before embedding", hint=f"{rejects_path} has the reasons.")
    stays = np.ones(total, dtype=np.bool_)
    stays[list(duplicates)] = False
    with atomic(work_dir / _ROWS) as partial, partial.open("wb") as file:
        np.save(file, np.flatnonzero(stays))
    return read_corpus(work_dir)
