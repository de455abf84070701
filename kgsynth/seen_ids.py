"""Remember which ids were seen, in constant memory."""

import hashlib
import sqlite3
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from kgsynth.files import scratch_folder

_FILTER_BYTES = 2**22
_WAITING_ROWS = 10_000


def digest(text: str, size: int) -> bytes:
    """Return a hash of a text; `size` is its number of bytes."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()


class SeenIds:
    """Remembers ids with their contents in a temporary database, so that memory stays constant.

    A Bloom filter of 4 MiB recognises most new ids; rows are inserted into the database in batches.
    """

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        folder = self._stack.enter_context(scratch_folder())
        self._database = self._stack.enter_context(
            closing(sqlite3.connect(folder / "ids.sqlite", isolation_level=None))
        )
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-20000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self._filter = bytearray(_FILTER_BYTES)
        self._waiting: dict[bytes, bytes] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, identity: str, content: str) -> str:
        """Add an id, and return `new`, or whether its stored content is `the same` or `another`."""
        value = digest(content, 16)
        stored = self.get_or_store(identity, value)
        if stored is None:
            return "new"
        return "the same" if stored == value else "another"

    def get_or_store(self, identity: str, value: bytes) -> bytes | None:
        """Return the value stored for an id; for a new id, store the given value and return None."""
        key = digest(identity, 16)
        stored = self._stored_value(key) if self._may_be_seen(key) else None
        if stored is None:
            self._waiting[key] = value
            if len(self._waiting) >= _WAITING_ROWS:
                self._database.executemany("INSERT INTO seen VALUES (?, ?)", self._waiting.items())
                self._waiting.clear()
        return stored

    def _stored_value(self, key: bytes) -> bytes | None:
        if key in self._waiting:
            return self._waiting[key]
        row = self._database.execute("SELECT content FROM seen WHERE id = ?", (key,)).fetchone()
        return row[0] if row else None

    def _may_be_seen(self, key: bytes) -> bool:
        """Return whether the Bloom filter contains an id, and add the id to it."""
        is_seen = True
        for start in (0, 4, 8):
            index, bit = divmod(int.from_bytes(key[start : start + 4], "little") % (8 * _FILTER_BYTES), 8)
            if not self._filter[index] >> bit & 1:
                is_seen = False
                self._filter[index] |= 1 << bit
        return is_seen
