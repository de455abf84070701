"""The one place that talks to Neo4j: packaged queries in, plain rows out, foreign errors translated.

Statements are `Query` values read from files; a user's own Cypher enters through `read_user` alone, which lets it read
and nothing else. This module knows nothing of what the statements mean.
"""

import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast
from uuid import uuid4

import neo4j
import neo4j.exceptions
import neo4j.graph
import neo4j.spatial

from kgsynth import queries
from kgsynth.errors import GraphError, GraphUnavailableError, KgsynthError, QueryError
from kgsynth.graph import guard
from kgsynth.queries import Query

_DATABASE_STATUS = queries.load("schema/database_status")
_PAGE_CACHE = queries.load("schema/page_cache")

# What the driver says of a transaction that it repeats is for whoever asks for it, not for the terminal.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

Row = dict[str, Any]
_Result = TypeVar("_Result")

# A local server answers in milliseconds; a remote one that has not answered by then is taken for absent.
_CONNECT_TIMEOUT_S = 10.0
# Deadlocks and leader changes pass in seconds; statements are idempotent, so the driver may repeat them.
_RETRY_S = 20.0
# A lens is a list of ids, not a report.
_USER_TIMEOUT_S = 60.0
_USER_MAX_ROWS = 2_000_000
# A batch of rows on its way to the caller, and how many batches may wait.
_USER_BATCH = 1000
_WAITING_BATCHES = 4
# So long after its time limit a statement is given up, when the server has not ended it.
_GRACE_S = 10.0
_SLOW_CALLER_S = 0.2
_READS_ONLY = "Only statements that read the graph are run."
_PLACE = re.compile(r"\(line (\d+), column (\d+) \(offset: \d+\)\)")
_EXPLAIN = "EXPLAIN "


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node as a user's statement returned it; `id` is the server's own and lasts no longer than the server."""

    id: str
    labels: tuple[str, ...]
    properties: Row


@dataclass(frozen=True, slots=True)
class GraphRelationship:
    """A relationship as a user's statement returned it, with the ids of the nodes it joins."""

    id: str
    type: str
    start: str
    end: str
    properties: Row


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user's statement returns; the rows are fetched as they are taken."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


@dataclass(frozen=True, slots=True)
class Written:
    """What a statement returned, and whether it changed anything."""

    rows: list[Row]
    has_changed: bool


def translate(error: Exception) -> KgsynthError:
    """The kgsynth error for any exception of the driver; the tests walk all of `neo4j.exceptions`."""
    message = str(getattr(error, "message", "") or error).strip()
    if isinstance(error, (neo4j.exceptions.AuthError,)):
        return GraphError(
            f"Neo4j refuses the login: {message}",
            hint="Check NEO4J_USERNAME and NEO4J_PASSWORD; for a managed graph the password file `kgsynth db "
            "status` names.",
        )
    unavailable = (
        neo4j.exceptions.ServiceUnavailable,
        neo4j.exceptions.SessionExpired,
        neo4j.exceptions.DatabaseUnavailable,
        neo4j.exceptions.ConnectionAcquisitionTimeoutError,
        neo4j.exceptions.IncompleteCommit,
    )
    if isinstance(error, unavailable):
        return GraphUnavailableError(
            f"no Neo4j answers: {message.splitlines()[0] if message else type(error).__name__}",
            hint="Start it with `kgsynth db start`, or set NEO4J_URI to a server that runs.",
        )
    return GraphError(f"Neo4j refused: {message or type(error).__name__}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as error:
        raise translate(error) from error
    except OSError as error:
        raise GraphUnavailableError(f"the connection to Neo4j broke: {error}") from error


def _row(record: neo4j.Record) -> Row:
    # Not `record.data()`: it copies every list value by value, twice the time that the server takes for long ones.
    return dict(zip(record.keys(), record.values(), strict=True))


class Transaction:
    """Several statements that happen together or not at all."""

    def __init__(self, transaction: neo4j.ManagedTransaction | neo4j.Transaction) -> None:
        """Wrap the driver's transaction."""
        self._transaction = transaction
        self.has_changed = False

    def run(self, query: Query, **parameters: object) -> list[Row]:
        """Run one packaged statement and fetch all its rows."""
        rows, counters = self._run(query, parameters)
        self.has_changed |= counters.contains_updates
        return rows

    def lock(self, query: Query, **parameters: object) -> list[Row]:
        """As `run`, for a statement that sets properties to what they are: only nodes that it makes are a change."""
        rows, counters = self._run(query, parameters)
        self.has_changed |= counters.nodes_created > 0
        return rows

    def _run(self, query: Query, parameters: Row) -> tuple[list[Row], neo4j.SummaryCounters]:
        result = self._transaction.run(query.text, parameters)
        rows = [_row(record) for record in result]
        return rows, result.consume().counters


class Graph:
    """A connection to one database; safe to use from several threads."""

    def __init__(self, uri: str, *, username: str, password: str, database: str = "neo4j") -> None:
        """Open nothing yet; `verify` does.

        Args:
            uri: bolt://, neo4j:// or their TLS forms.
            username: login.
            password: never logged.
            database: name of the database.

        Raises:
            GraphError: the address is not one the driver understands.
        """
        self.uri, self.username, self.database = uri, username, database
        try:
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(username, password),
                connection_timeout=_CONNECT_TIMEOUT_S,
                max_transaction_retry_time=_RETRY_S,
                notifications_min_severity="OFF",
                user_agent="kgsynth",
            )
        except (neo4j.exceptions.DriverError, ValueError) as error:
            raise GraphError(
                f"{uri!r} is not an address of a Neo4j: {error}", hint="Write it as bolt://host:7687."
            ) from error

    def __enter__(self) -> Self:
        """The graph itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def verify(self) -> None:
        """Log in and run one statement on the database.

        Raises:
            GraphUnavailableError: nobody answers, or the database is not up.
            GraphError: the login is refused.
        """
        with _translated():
            self._driver.verify_connectivity()
            with self._session() as session:
                session.run("RETURN 1").consume()

    def database_failure(self) -> str:
        """Why the server says that the database is not up; empty when it is, or is still on its way.

        Raises:
            GraphUnavailableError: the server does not answer; GraphError: it refuses the login.
        """
        with _translated(), self._driver.session(database="system") as session:
            rows = [_row(record) for record in session.run(_DATABASE_STATUS.text, name=self.database)]
        return next((row["message"] for row in rows if row["message"] and row["status"] != "online"), "")

    def _session(self, *, reads: bool = False) -> neo4j.Session:
        mode = neo4j.READ_ACCESS if reads else neo4j.WRITE_ACCESS
        return self._driver.session(database=self.database, default_access_mode=mode, fetch_size=5000)

    def read(self, query: Query, **parameters: object) -> list[Row]:
        """All rows of a reading statement.

        Raises:
            GraphError: the server refuses; GraphUnavailableError: it does not answer.
        """
        with _translated(), self._session(reads=True) as session:
            return session.execute_read(lambda tx: [_row(record) for record in tx.run(query.text, parameters)])

    def read_watched(self, query: Query, **parameters: object) -> tuple[list[Row], int, int]:
        """As `read`, with how many pages were in the server's page cache and how many had to be read."""
        mark = uuid4().hex
        with (
            _translated(),
            self._session(reads=True) as session,
            session.begin_transaction(metadata={"kgsynth": mark}) as transaction,
        ):
            rows = [_row(record) for record in transaction.run(query.text, parameters)]
            seen = [_row(record) for record in transaction.run(_PAGE_CACHE.text, mark=mark)]
        return rows, sum(row["hits"] for row in seen), sum(row["faults"] for row in seen)

    def stream(self, query: Query, **parameters: object) -> Iterator[Row]:
        """The rows of a reading statement one by one, in flat memory here; not repeated when the connection breaks."""
        with _translated(), self._session(reads=True) as session:
            for record in session.run(query.text, parameters):
                yield _row(record)

    def write(self, query: Query, **parameters: object) -> Written:
        """Run one statement that writes; a batched one commits as it goes, any other at the end."""
        with _translated(), self._session() as session:
            if query.is_batched or query.access == "schema":
                result = session.run(query.text, parameters)
                rows = [_row(record) for record in result]
                return Written(rows, result.consume().counters.contains_updates)
        return self.together(lambda transaction: Written(transaction.run(query, **parameters), transaction.has_changed))

    def together(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Run `work` in one transaction; it may run twice after a transient fault, so it must be idempotent."""
        with _translated(), self._session() as session:
            return session.execute_write(lambda transaction: work(Transaction(transaction)))

    def rehearse(self, work: Callable[[Transaction], _Result]) -> _Result:
        """What `work` gives in a transaction that is taken back: nothing has changed afterwards."""
        with _translated(), self._session() as session, session.begin_transaction() as transaction:
            result = work(Transaction(transaction))
            transaction.rollback()
            return result

    def read_user(self, text: str, parameters: Mapping[str, object], *, where: str) -> list[Row]:
        """All rows of a user's own Cypher, as `ask_user` gives them.

        Args:
            text: one statement.
            parameters: its parameters.
            where: what to call it in messages, for example the file.

        Raises:
            QueryError: as `ask_user`, or there are more than two million rows.
        """
        rows = []
        for row in self.ask_user(text, parameters, where=where, timeout_s=_USER_TIMEOUT_S).rows:
            rows.append(row)
            if len(rows) > _USER_MAX_ROWS:
                raise QueryError(f"{where} returns more than {_USER_MAX_ROWS:,} rows")
        return rows

    def ask_user(self, text: str, parameters: Mapping[str, object], *, where: str, timeout_s: float) -> "Asked":
        """A user's own Cypher, which may read the graph and do nothing else; its rows come in flat memory.

        The statement runs in a READ session with a time limit, after its text and its plan were looked at (`guard`).

        Args:
            text: one statement.
            parameters: its parameters.
            where: what to call it in messages.
            timeout_s: seconds after which the server ends it.

        Returns:
            The columns, and rows of plain values as they come: nodes are `GraphNode`, relationships
            `GraphRelationship`, a path is the list of both; dates and points are the driver's.

        Raises:
            QueryError: it is not Cypher, may do more than read, or takes longer or more memory than it may.
            GraphUnavailableError: nobody answers.
        """
        refused = guard.text_refusal(text)
        if refused:
            raise QueryError(f"{where}: {refused}", hint=_READS_ONLY)
        asked = _UserQuery(self._session, text, dict(parameters), where=where, timeout_s=timeout_s)
        return Asked(asked.columns(), asked.rows())


class _UserQuery(threading.Thread):
    """A user's statement, asked in a thread of its own, so that the caller waits no longer than it said.

    The server ends what takes too long where it looks at the clock: between rows, not within one expression. Then this
    thread is left behind; it ends with the process, or when the server has done.
    """

    def __init__(
        self,
        open_session: Callable[..., neo4j.Session],
        text: str,
        parameters: Row,
        *,
        where: str,
        timeout_s: float,
    ) -> None:
        super().__init__(name="kgsynth-user-query", daemon=True)
        self._open_session, self._text, self._parameters = open_session, text, parameters
        self._where, self._timeout_s = where, timeout_s
        # Few batches wait: memory stays flat when the caller is slower than the server.
        self._queue: queue.Queue[Any] = queue.Queue(_WAITING_BATCHES)
        self._is_left = threading.Event()
        self._deadline = time.monotonic() + timeout_s + _GRACE_S
        self.start()

    def columns(self) -> tuple[str, ...]:
        """The columns, once the plan was looked at."""
        found: tuple[str, ...] = self.taken()
        return found

    def rows(self) -> "_UserRows":
        """The rows as they come."""
        return _UserRows(self)

    def taken(self) -> Any:
        """What comes next; whatever stops the waiting also ends the asking."""
        try:
            found = self._queue.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            self.leave()
            raise QueryError(
                f"{self._where}: it took longer than {self._timeout_s:g} s, and the server does not end it",
                hint="It computes within one expression and may go on for long: `kgsynth db stop` ends it.",
            ) from None
        except BaseException:
            self.leave()
            raise
        if isinstance(found, Exception):
            raise found
        return found

    def leave(self) -> None:
        """Nobody will take more."""
        self._is_left.set()

    def run(self) -> None:
        """Ask; columns, batches of rows and at last None, or an error, go to the queue."""
        with suppress(_CallerLeftError):
            try:
                with self._open_session(reads=True) as session:
                    self._ask(session)
            except (neo4j.exceptions.AuthError, neo4j.exceptions.DatabaseUnavailable) as error:
                self._give(translate(error))
            except _USER_FAULTS as error:
                self._give(_user_error(error, self._text, self._where, self._timeout_s))
            except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as error:
                self._give(translate(error))
            except OSError as error:
                self._give(GraphUnavailableError(f"the connection to Neo4j broke: {error}"))
            except _CallerLeftError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again where the rows are taken
                self._give(error)

    def _ask(self, session: neo4j.Session) -> None:
        planned = session.run(neo4j.Query(_EXPLAIN + self._text, timeout=self._timeout_s), self._parameters)
        columns = tuple(planned.keys())
        summary = planned.consume()
        refused = guard.plan_refusal(summary.query_type, cast("Mapping[str, Any] | None", summary.plan))
        if refused:
            raise QueryError(f"{self._where}: {refused}", hint=_READS_ONLY)
        self._give(columns)
        batch: list[Row] = []
        for record in session.run(neo4j.Query(self._text, timeout=self._timeout_s), self._parameters):
            batch.append(dict(zip(columns, map(_value, record.values()), strict=True)))
            if len(batch) == _USER_BATCH:
                self._give(batch)
                batch = []
        if batch:
            self._give(batch)
        self._give(None)

    def _give(self, found: Any) -> None:
        while not self._is_left.is_set():
            began = time.monotonic()
            try:
                self._queue.put(found, timeout=_SLOW_CALLER_S)
            except queue.Full:
                continue
            else:
                return
            finally:
                # The time that the caller takes is not the server's.
                self._deadline += time.monotonic() - began
        raise _CallerLeftError


class _UserRows(Iterator[Row]):
    """Rows of a user's statement; when nobody holds them any more, or at the end, the asking ends."""

    def __init__(self, asked: _UserQuery) -> None:
        self._asked = asked
        self._batch: Iterator[Row] = iter(())
        self._is_done = False

    def __next__(self) -> Row:
        while not self._is_done:
            row = next(self._batch, None)
            if row is not None:
                return row
            batch = self._asked.taken()
            self._is_done = batch is None
            self._batch = iter(batch or ())
        raise StopIteration

    def __del__(self) -> None:
        self._asked.leave()


class _CallerLeftError(Exception):
    """Nobody takes the rows any more."""


_USER_FAULTS = (neo4j.exceptions.ClientError, neo4j.exceptions.TransientError, neo4j.exceptions.DatabaseError)


def _user_error(error: neo4j.exceptions.Neo4jError, text: str, where: str, timeout_s: float) -> QueryError:
    """What was wrong with a user's statement, with the place in it where the server names one."""
    message, code = str(error.message or error).strip(), str(error.code or "")
    if "Timed" in code or "Terminated" in code:
        return QueryError(
            f"{where}: it took longer than {timeout_s:g} s and was ended", hint="--timeout sets the limit."
        )
    if "Memory" in code or "memory" in message.casefold():
        return QueryError(f"{where}: it needs more memory than one statement may have ({message.splitlines()[0]})")
    if re.fullmatch(r"-?\d+", message):
        # Java says no more of an array that cannot be so long.
        return QueryError(f"{where}: it makes a value that is out of range for Neo4j")
    found = _PLACE.search(message)
    if not found:
        return QueryError(f"{where}: {message.splitlines()[0] if message else code}")
    line, column = int(found.group(1)), int(found.group(2))
    if line == 1:
        column = max(1, column - len(_EXPLAIN)) if _EXPLAIN in message else column
    said = message[: found.start()].strip()
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1]
    return QueryError(f"{where}, line {line}, column {column}: {said}\n  {shown}\n  {' ' * (column - 1)}^")


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _value(value: Any) -> Any:
    """A value of the driver as plain values, nodes and relationships."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, neo4j.graph.Node):
        return GraphNode(value.element_id, tuple(sorted(value.labels)), dict(value))
    if isinstance(value, neo4j.graph.Relationship):
        ends = [node.element_id if node is not None else "" for node in value.nodes]
        return GraphRelationship(value.element_id, value.type, ends[0], ends[1], dict(value))
    if isinstance(value, neo4j.graph.Path):
        steps: list[Any] = [value.start_node]
        for relationship, node in zip(value.relationships, value.nodes[1:], strict=True):
            steps += [relationship, node]
        return [_value(step) for step in steps]
    if isinstance(value, (list, tuple)) and not isinstance(value, neo4j.spatial.Point):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {name: _value(one) for name, one in value.items()}
    return value
