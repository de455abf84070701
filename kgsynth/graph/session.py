"""The only module that talks to Neo4j: it runs packaged queries, returns plain rows and translates the driver's errors.

Statements are `Query` values that are read from files. A user's own Cypher enters only through `ask_user` and
`stream_user`, which allow it to read and nothing else. This module does not depend on what the statements mean.
 The driver
is imported in functions: it imports pandas, which takes half a second, and most commands need no graph.
"""

import logging
import queue
import re
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

from kgsynth import queries
from kgsynth.errors import GraphError, GraphUnavailableError, KgsynthError, QueryError, quoted
from kgsynth.graph import guard
from kgsynth.queries import Query

if TYPE_CHECKING:
    import neo4j

_LOG = logging.getLogger(__name__)

_DATABASE_STATUS = queries.load("schema/database_status")
_PAGE_CACHE = queries.load("schema/page_cache")

# The driver logs each transaction that it repeats; without this handler those lines would go to the terminal.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

Row = dict[str, Any]
_Result = TypeVar("_Result")

# A local server answers in milliseconds; a remote one that has not answered by then counts as unavailable.
_CONNECT_TIMEOUT_S = 10.0
# Leader changes last seconds, and a deadlock as long as the other transaction, which may delete many documents.
# Statements are idempotent, so the driver may repeat them.
_RETRY_S = 120.0
# The server's code for a node that was deleted while a statement used it. The driver does not repeat such transactions.
_DELETED = "Neo.ClientError.Statement.EntityNotFound"
_DELETED_RETRIES = 20
# Rows per batch on the way to the caller, and the maximum number of batches that wait.
_USER_BATCH = 1000
_WAITING_BATCHES = 4
# If the server has not ended a statement this long after its time limit, the caller stops waiting.
_GRACE_S = 10.0
_SLOW_CALLER_S = 0.2
# A hundred years. The server counts milliseconds in 64 bits.
_MAX_TIMEOUT_S = 3e9
# The server's codes when its own work fails, and when it takes no writes because a log file could not be extended.
_SERVER_FAILED = ("Neo.DatabaseError.", "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase")
# Neo4j extends its logs by 256 MiB at a time.
_FULL_DISK_BYTES = 300 * 2**20
# The driver's words when a server breaks off while a TLS connection begins.
_NO_ENCRYPTION = "Failed to establish encrypted connection"
_READS_ONLY = "Only statements that read the graph are allowed."
_CERTIFICATE_HINT = (
    "Set SSL_CERT_FILE to a file with the certificate of its authority, or use bolt+ssc:// or neo4j+ssc://, which "
    "check no certificate."
)
_NO_TLS_HINT = "If the server does not use TLS, write the address with bolt:// or neo4j://."
_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
_POSITION = re.compile(r"\(line (\d+), column (\d+) \(offset: \d+\)\)")
_EXPLAIN = "EXPLAIN "
# The server's codes of warnings about names that the graph does not have, and where their text has the name.
_UNKNOWN = {"01N50": "label", "01N51": "relationship type", "01N52": "property"}
_UNKNOWN_NAME = re.compile(r"`(.+?)` does not exist")


class _RolledBack(Exception):  # noqa: N818
    """Rolls back the transaction of `rehearse`."""


class DeletedMeanwhile(Exception):  # noqa: N818
    """Raised by work in `Graph.together` if others have deleted what it had found: it is rolled back and repeated."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node that a user's statement returned; `id` is the server's internal id, which is valid only while it runs."""

    id: str
    labels: tuple[str, ...]
    properties: Row


@dataclass(frozen=True, slots=True)
class GraphRelationship:
    """A relationship that a user's statement returned, with the ids of its start and end nodes."""

    id: str
    type: str
    start: str
    end: str
    properties: Row


@dataclass(frozen=True, slots=True)
class Asked:
    """The result of a user's statement; rows are fetched while the caller iterates over them.

    `unknown` are the labels, relationship types and properties of the statement that the graph does not have: kind
    and name.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    unknown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The rows that a statement returned, and whether it changed anything."""

    rows: list[Row]
    has_changed: bool


def translate(error: Exception, home: Path | None = None) -> KgsynthError:
    """The kgsynth error for any exception of the driver; the tests cover all of `neo4j.exceptions`.

    Args:
        error: the exception.
        home: folder of the server's data, if kgsynth manages it.
    """
    from neo4j import exceptions

    message = str(getattr(error, "message", "") or error).strip()
    if isinstance(error, (exceptions.AuthError,)):
        return GraphError(
            f"Neo4j refuses the login: {message}",
            hint="Check NEO4J_USERNAME and NEO4J_PASSWORD; for a managed graph check the password file that "
            "`kgsynth db status` shows.",
        )
    unavailable = (
        exceptions.ServiceUnavailable,
        exceptions.SessionExpired,
        exceptions.DatabaseUnavailable,
        exceptions.ConnectionAcquisitionTimeoutError,
        exceptions.IncompleteCommit,
    )
    if isinstance(error, unavailable):
        tls_error = _tls_error(error)
        if isinstance(tls_error, ssl.SSLCertVerificationError):
            return GraphUnavailableError(
                f"the server's certificate is refused: {tls_error.verify_message}", hint=_CERTIFICATE_HINT
            )
        if tls_error is not None or _NO_ENCRYPTION in message:
            reason = tls_error or message[message.rfind(_NO_ENCRYPTION) :]
            return GraphUnavailableError(f"no TLS connection to Neo4j: {reason}", hint=_NO_TLS_HINT)
        return GraphUnavailableError(
            f"no Neo4j answers: {' '.join(message.split()) or type(error).__name__}",
            hint="Start it with `kgsynth db start`, or set NEO4J_URI to a running server.",
        )
    hint = _server_hint(home) if str(getattr(error, "code", "")).startswith(_SERVER_FAILED) else ""
    return GraphError(f"Neo4j refused the statement: {message or type(error).__name__}", hint=hint)


def _server_hint(home: Path | None) -> str:
    """What to do after a failure in the server itself, which often is a full disk."""
    if home is None or not home.is_dir():
        return "The server itself failed: is its disk full? Its log says why."
    restart = f"`kgsynth --graph {home.name} db stop` and `kgsynth --graph {home.name} db start`"
    free = shutil.disk_usage(home).free
    if free > _FULL_DISK_BYTES:
        return f"The server itself failed; {home / 'logs' / 'debug.log'} says why. If that repeats: {restart}."
    return (
        f"The disk of {home} is full: {free / 2**20:,.0f} MiB are free. Free some space, then {restart}, and run the "
        "same command again. Finished work is kept."
    )


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The error of TLS among the causes of the driver's error; None if there is none."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def _logged(query: Query) -> Iterator[None]:
    """Log the name of a packaged statement and how long it took."""
    started = time.monotonic()
    yield
    _LOG.debug("%s took %.3f s", query.name, time.monotonic() - started)


@contextmanager
def _translated(home: Path | None) -> Iterator[None]:
    from neo4j import exceptions

    try:
        yield
    except (exceptions.Neo4jError, exceptions.DriverError) as error:
        raise translate(error, home) from error
    except OSError as error:
        raise GraphUnavailableError(f"the connection to Neo4j broke: {error}") from error


def _row(record: "neo4j.Record") -> Row:
    # `record.data()` copies every list value by value; for long lists that takes twice the time of the server itself.
    return dict(zip(record.keys(), record.values(), strict=True))


class Reader(Protocol):
    """A graph, or a transaction on it: what functions need that only read."""

    def read(self, query: Query, **parameters: object) -> list[Row]:
        """All rows of a statement that reads."""
        ...


class Transaction:
    """Several statements that are committed together or not at all."""

    def __init__(self, transaction: "neo4j.ManagedTransaction | neo4j.Transaction") -> None:
        self._transaction = transaction
        self.has_changed = False

    def run(self, query: Query, **parameters: object) -> list[Row]:
        """Run one packaged statement and fetch all its rows."""
        rows, counters = self._run(query, parameters)
        self.has_changed |= counters.contains_updates
        return rows

    def read(self, query: Query, **parameters: object) -> list[Row]:
        """Like `run`, for a statement that reads."""
        return self.run(query, **parameters)

    def lock(self, query: Query, **parameters: object) -> list[Row]:
        """Like `run`, for a statement that locks nodes by setting properties to their present values.

        Only nodes that it creates count as a change.
        """
        rows, counters = self._run(query, parameters)
        self.has_changed |= counters.nodes_created > 0
        return rows

    def _run(self, query: Query, parameters: Row) -> "tuple[list[Row], neo4j.SummaryCounters]":
        result = self._transaction.run(query.text, parameters)
        rows = [_row(record) for record in result]
        return rows, result.consume().counters


class Graph:
    """A connection to one database; safe to use from several threads."""

    def __init__(
        self,
        uri: str,
        *,
        username: str,
        password: str,
        database: str = "neo4j",
        name: str = "main",
        home: Path | None = None,
    ) -> None:
        """Create the driver without connecting; `verify` connects.

        Args:
            uri: bolt://, neo4j:// or their TLS forms.
            username: login name.
            password: never logged.
            database: name of the database.
            name: what kgsynth calls the graph, in run folders and in the list of forgotten documents.
            home: folder of the server's data, if kgsynth manages it.

        Raises:
            GraphError: the driver does not understand the address.
        """
        import neo4j
        from neo4j import exceptions

        self.uri, self.username, self.database, self.name, self._home = uri, username, database, name, home
        try:
            address = urlsplit(uri)
            # The driver also takes http://, and a port modulo 65,536; `port` raises ValueError if it is too large.
            if address.port == 0:
                raise ValueError("there is no port 0")  # noqa: TRY301
            if address.scheme not in _SCHEMES:
                raise ValueError(f"it begins with none of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")  # noqa: TRY301
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(username, password),
                connection_timeout=_CONNECT_TIMEOUT_S,
                max_transaction_retry_time=_RETRY_S,
                notifications_min_severity="OFF",
                user_agent="kgsynth",
            )
        except (exceptions.DriverError, ValueError) as error:
            raise GraphError(
                f"{quoted(uri)} is not the address of a Neo4j server: {error}", hint="Write it as bolt://host:7687."
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
            GraphUnavailableError: no server answers, or the database is not online.
            GraphError: the server refuses the login.
        """
        from neo4j import exceptions

        with _translated(self._home):
            try:
                self._driver.verify_connectivity()
            except exceptions.ServiceUnavailable:
                self._verify_first_server()
                raise
            with self._session() as session:
                session.run("RETURN 1").consume()

    def _verify_first_server(self) -> None:
        """Raise the driver's error about the server of the address; with neo4j:// it says only that routing failed."""
        import neo4j

        kind, address = self.uri.split("://", 1)
        if kind.startswith("neo4j"):
            direct = f"{kind.replace('neo4j', 'bolt')}://{address.partition('?')[0]}"
            with neo4j.GraphDatabase.driver(direct, connection_timeout=_CONNECT_TIMEOUT_S) as driver:
                driver.verify_connectivity()

    def database_failure(self) -> str:
        """The server's reason why the database is not online; empty when it is online or still starting.

        Raises:
            GraphUnavailableError: the server does not answer; GraphError: it refuses the login.
        """
        with _translated(self._home), self._driver.session(database="system") as session:
            rows = [_row(record) for record in session.run(_DATABASE_STATUS.text, name=self.database)]
        return next((row["message"] for row in rows if row["message"] and row["status"] != "online"), "")

    def _session(self, *, reads: bool = False, warns: bool = False) -> "neo4j.Session":
        import neo4j

        return self._driver.session(
            database=self.database,
            default_access_mode=neo4j.READ_ACCESS if reads else neo4j.WRITE_ACCESS,
            fetch_size=5000,
            notifications_min_severity="WARNING" if warns else "OFF",
        )

    def read(self, query: Query, **parameters: object) -> list[Row]:
        """All rows of a statement that reads.

        Raises:
            GraphError: the server refuses the statement; GraphUnavailableError: it does not answer.
        """
        with _translated(self._home), _logged(query), self._session(reads=True) as session:
            return session.execute_read(lambda tx: [_row(record) for record in tx.run(query.text, parameters)])

    def read_watched(self, query: Query, **parameters: object) -> tuple[list[Row], int, int]:
        """Like `read`; also returns the numbers of page cache hits and page faults on the server."""
        mark = uuid4().hex
        with (
            _translated(self._home),
            self._session(reads=True) as session,
            session.begin_transaction(metadata={"kgsynth": mark}) as transaction,
        ):
            rows = [_row(record) for record in transaction.run(query.text, parameters)]
            counters = [_row(record) for record in transaction.run(_PAGE_CACHE.text, mark=mark)]
        return rows, sum(row["hits"] for row in counters), sum(row["faults"] for row in counters)

    def stream(self, query: Query, **parameters: object) -> Iterator[Row]:
        """The rows of a statement that reads, one by one in constant memory; not repeated if the connection breaks."""
        with _translated(self._home), _logged(query), self._session(reads=True) as session:
            for record in session.run(query.text, parameters):
                yield _row(record)

    def write(self, query: Query, **parameters: object) -> Written:
        """Run one statement that writes; a batched statement commits each batch, any other commits at the end."""
        with _translated(self._home), _logged(query), self._session() as session:
            if query.is_batched or query.access == "schema":
                result = session.run(query.text, parameters)
                rows = [_row(record) for record in result]
                return Written(rows, result.consume().counters.contains_updates)
        return self.together(lambda transaction: Written(transaction.run(query, **parameters), transaction.has_changed))

    def together(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Run `work` in one transaction; it may run again after a transient fault, so it must be idempotent.

        It also runs again if another transaction has deleted a node that this one had found.

        Raises:
            GraphError: others kept deleting such nodes, or the server refuses a statement.
        """
        from neo4j import exceptions

        with _translated(self._home), self._session() as session:
            for _ in range(_DELETED_RETRIES):
                try:
                    return session.execute_write(lambda transaction: work(Transaction(transaction)))
                except DeletedMeanwhile:
                    continue
                except exceptions.Neo4jError as error:
                    if error.code != _DELETED:
                        raise
        raise GraphError("other commands kept deleting what this one uses", hint="Run the command again.")

    def rehearse(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Run `work` in a transaction, roll it back, and return the result of `work`.

        The transaction takes locks like any other, so other writers may have to wait. As in `together`, `work` may run
        again after a transient fault.
        """
        results: list[_Result] = []

        def run_and_roll_back(transaction: "neo4j.ManagedTransaction") -> None:
            results.append(work(Transaction(transaction)))
            raise _RolledBack

        with _translated(self._home), self._session() as session, suppress(_RolledBack):
            session.execute_write(run_and_roll_back)
        return results[-1]

    def stream_user(
        self, text: str, parameters: Mapping[str, object], *, where: str, timeout_s: float
    ) -> Iterator[Row]:
        """The rows of a user's own Cypher statement one by one in constant memory, as `ask_user` returns them.

        Args:
            text: one statement.
            parameters: its parameters.
            where: origin of the statement for error messages, for example the file.
            timeout_s: seconds after which the server ends the statement.

        Raises:
            QueryError: as for `ask_user`.
        """
        return self.ask_user(text, parameters, where=where, timeout_s=timeout_s).rows

    def ask_user(self, text: str, parameters: Mapping[str, object], *, where: str, timeout_s: float) -> "Asked":
        """Run a user's own Cypher statement, which may only read, and return its rows in constant memory.

        `guard` checks the text and the plan of the statement, which then runs in a READ session with a time limit.

        Args:
            text: one statement.
            parameters: its parameters.
            where: origin of the statement for error messages.
            timeout_s: seconds after which the server ends the statement.

        Returns:
            The columns and an iterator over the rows. Values are plain: nodes are `GraphNode`, relationships are
            `GraphRelationship`, a path is a list of both; dates and points have the driver's types.

        Raises:
            QueryError: it is not Cypher, could do more than read, or exceeds the limit of time or memory.
            GraphUnavailableError: no server answers.
        """
        refusal = guard.text_refusal(text)
        if refusal:
            raise QueryError(f"{where}: {refusal}", hint=_READS_ONLY)
        if not 0 < timeout_s <= _MAX_TIMEOUT_S:
            raise QueryError(
                f"{where}: a time limit of {timeout_s:g} s is not possible", hint=f"Give at most {_MAX_TIMEOUT_S:g} s."
            )
        query = _UserQuery(self._session, text, dict(parameters), where=where, timeout_s=timeout_s)
        columns, unknown = query.planned()
        return Asked(columns, query.rows(), unknown)


class _UserQuery(threading.Thread):
    """A thread that runs a user's statement, so that the caller waits no longer than its time limit.

    The server checks the time limit between rows, but not within one expression. If it exceeds the limit there, the
    caller abandons this thread, which ends when the server has finished or with the process.
    """

    def __init__(
        self,
        open_session: "Callable[..., neo4j.Session]",
        text: str,
        parameters: Row,
        *,
        where: str,
        timeout_s: float,
    ) -> None:
        super().__init__(name="kgsynth-user-query", daemon=True)
        self._open_session, self._text, self._parameters = open_session, text, parameters
        self._where, self._timeout_s = where, timeout_s
        # The queue is short, so that memory stays constant when the caller is slower than the server.
        self._queue: queue.Queue[Any] = queue.Queue(_WAITING_BATCHES)
        self._is_abandoned = threading.Event()
        self._deadline = time.monotonic() + timeout_s + _GRACE_S
        self.start()

    def planned(self) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The names of the columns and the unknown names (`Asked`); waits until the plan has been checked."""
        columns, unknown = self.next_item()
        return columns, unknown

    def rows(self) -> "_UserRows":
        """An iterator over the rows."""
        return _UserRows(self)

    def next_item(self) -> Any:
        """The next item of the queue; any exception while waiting also abandons the statement."""
        try:
            item = self._queue.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            self.abandon()
            raise QueryError(
                f"{self._where}: the statement took longer than {self._timeout_s:g} s, and the server does not end it",
                hint="It computes a single expression and may run for long; `kgsynth db stop` ends it.",
            ) from None
        except BaseException:
            self.abandon()
            raise
        if isinstance(item, Exception):
            raise item
        return item

    def abandon(self) -> None:
        """Tell the thread that nobody will take more rows."""
        self._is_abandoned.set()

    def run(self) -> None:
        """Run the statement; put the columns, batches of rows and finally None, or an error, into the queue."""
        from neo4j import exceptions

        with suppress(_CallerLeftError):
            try:
                with self._open_session(reads=True, warns=True) as session:
                    self._run_statement(session)
            except (exceptions.AuthError, exceptions.DatabaseUnavailable) as error:
                self._put(translate(error))
            except (exceptions.ClientError, exceptions.TransientError, exceptions.DatabaseError) as error:
                self._put(_user_error(error, self._text, self._where, self._timeout_s))
            except (exceptions.Neo4jError, exceptions.DriverError) as error:
                self._put(translate(error))
            except OSError as error:
                self._put(GraphUnavailableError(f"the connection to Neo4j broke: {error}"))
            except OverflowError:
                self._put(QueryError(f"{self._where}: a parameter has a number of more than 64 bits"))
            except RecursionError:
                self._put(QueryError(f"{self._where}: a parameter is nested too deeply"))
            except _CallerLeftError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                self._put(error)

    def _run_statement(self, session: "neo4j.Session") -> None:
        import neo4j

        planned = session.run(neo4j.Query(_EXPLAIN + self._text, timeout=self._timeout_s), self._parameters)
        columns = tuple(planned.keys())
        summary = planned.consume()
        refusal = guard.plan_refusal(summary.query_type, cast("Mapping[str, Any] | None", summary.plan))
        if refusal:
            raise QueryError(f"{self._where}: {refusal}", hint=_READS_ONLY)
        self._put((columns, tuple(dict.fromkeys(_unknown_names(summary)))))
        batch: list[Row] = []
        for record in session.run(neo4j.Query(self._text, timeout=self._timeout_s), self._parameters):
            batch.append(dict(zip(columns, map(_value, record.values()), strict=True)))
            if len(batch) == _USER_BATCH:
                self._put(batch)
                batch = []
        if batch:
            self._put(batch)
        self._put(None)

    def _put(self, item: Any) -> None:
        while not self._is_abandoned.is_set():
            began = time.monotonic()
            try:
                self._queue.put(item, timeout=_SLOW_CALLER_S)
            except queue.Full:
                continue
            else:
                return
            finally:
                # Time spent waiting for the caller does not count against the server's limit.
                self._deadline += time.monotonic() - began
        raise _CallerLeftError


class _UserRows(Iterator[Row]):
    """Iterator over the rows of a user's statement; its deletion abandons the statement."""

    def __init__(self, query: _UserQuery) -> None:
        self._query = query
        self._batch: Iterator[Row] = iter(())
        self._is_done = False

    def __next__(self) -> Row:
        while not self._is_done:
            row = next(self._batch, None)
            if row is not None:
                return row
            batch = self._query.next_item()
            self._is_done = batch is None
            self._batch = iter(batch or ())
        raise StopIteration

    def __del__(self) -> None:
        self._query.abandon()


def _unknown_names(summary: "neo4j.ResultSummary") -> Iterator[tuple[str, str]]:
    """The kind and the name of each label, relationship type and property that the graph does not have."""
    for status in summary.gql_status_objects:
        match = _UNKNOWN_NAME.search(status.status_description)
        if status.gql_status in _UNKNOWN and match:
            yield _UNKNOWN[status.gql_status], match.group(1)


class _CallerLeftError(Exception):
    """The caller has stopped reading the rows."""


def _user_error(error: "neo4j.exceptions.Neo4jError", text: str, where: str, timeout_s: float) -> QueryError:
    """The error for a user's statement, with line and column if the server names them."""
    message, code = str(error.message or error).strip(), str(error.code or "")
    if "Timed" in code or "Terminated" in code:
        return QueryError(
            f"{where}: the statement took longer than {timeout_s:g} s and was ended", hint="--timeout sets the limit."
        )
    if "Memory" in code or "memory" in message.casefold():
        return QueryError(f"{where}: the statement exceeds the memory limit per statement ({message.splitlines()[0]})")
    if re.fullmatch(r"-?\d+", message):
        # If an array is too long, Java's message is only the length.
        return QueryError(f"{where}: the statement creates a value that is out of range for Neo4j")
    position = _POSITION.search(message)
    if not position:
        return QueryError(f"{where}: {message.splitlines()[0] if message else code}")
    line, column = int(position.group(1)), int(position.group(2))
    if line == 1:
        column = max(1, column - len(_EXPLAIN)) if _EXPLAIN in message else column
    reason = message[: position.start()].strip()
    lines = text.splitlines() or [""]
    source_line = lines[min(line, len(lines)) - 1]
    return QueryError(f"{where}, line {line}, column {column}: {reason}\n  {source_line}\n  {' ' * (column - 1)}^")


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _value(value: Any) -> Any:
    """Convert a value of the driver to plain values, `GraphNode` and `GraphRelationship`."""
    if type(value) in _SCALARS:
        return value
    from neo4j import graph, spatial

    if isinstance(value, graph.Node):
        return GraphNode(value.element_id, tuple(sorted(value.labels)), dict(value))
    if isinstance(value, graph.Relationship):
        ends = [node.element_id if node is not None else "" for node in value.nodes]
        return GraphRelationship(value.element_id, value.type, ends[0], ends[1], dict(value))
    if isinstance(value, graph.Path):
        steps: list[Any] = [value.start_node]
        for relationship, node in zip(value.relationships, value.nodes[1:], strict=True):
            steps += [relationship, node]
        return [_value(step) for step in steps]
    if isinstance(value, (list, tuple)) and not isinstance(value, spatial.Point):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _value(item) for name, item in value.items()}
    return value
