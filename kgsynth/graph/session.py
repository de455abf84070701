"""The one place that talks to Neo4j: packaged queries in, plain rows out, foreign errors translated.

Statements are `Query` values read from files; a user's own Cypher enters through `read_user` alone, which lets it read
and nothing else. This module knows nothing of what the statements mean.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

import neo4j
import neo4j.exceptions

from kgsynth import queries
from kgsynth.errors import GraphError, GraphUnavailableError, KgsynthError, QueryError
from kgsynth.queries import Query

_DATABASE_STATUS = queries.load("schema/database_status")

Row = dict[str, Any]
_Result = TypeVar("_Result")

# A local server answers in milliseconds; a remote one that has not answered by then is taken for absent.
_CONNECT_TIMEOUT_S = 10.0
# Deadlocks and leader changes pass in seconds; statements are idempotent, so the driver may repeat them.
_RETRY_S = 20.0
# A lens is a list of ids, not a report.
_USER_TIMEOUT_S = 60.0
_USER_MAX_ROWS = 2_000_000
# Looked for in the text too: within an expression a subquery is no step of the plan. Strings, comments and quoted names
# are taken out before; a name that is one of these words can be quoted with backticks.
_FORBIDDEN = re.compile(
    r"\bLOAD\s+CSV\b|(?<![.:$\w])(?:SHOW|TERMINATE|USE)\s+\w"
    r"|\bCALL\s+[\w`.]+\s*(?:\(|$|\bYIELD\b|;)|\bIN\s+(?:\d+\s+)?(?:CONCURRENT\s+)?TRANSACTIONS\b",
    re.IGNORECASE,
)


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


class Transaction:
    """Several statements that happen together or not at all."""

    def __init__(self, transaction: neo4j.ManagedTransaction) -> None:
        """Wrap the driver's transaction."""
        self._transaction = transaction
        self.has_changed = False

    def run(self, query: Query, **parameters: object) -> list[Row]:
        """Run one packaged statement and fetch all its rows."""
        result = self._transaction.run(query.text, parameters)
        rows = [record.data() for record in result]
        self.has_changed |= result.consume().counters.contains_updates
        return rows


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
            rows = [record.data() for record in session.run(_DATABASE_STATUS.text, name=self.database)]
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
            return session.execute_read(lambda tx: [record.data() for record in tx.run(query.text, parameters)])

    def stream(self, query: Query, **parameters: object) -> Iterator[Row]:
        """The rows of a reading statement one by one, in flat memory here; not repeated when the connection breaks."""
        with _translated(), self._session(reads=True) as session:
            for record in session.run(query.text, parameters):
                yield record.data()

    def write(self, query: Query, **parameters: object) -> Written:
        """Run one statement that writes; a batched one commits as it goes, any other at the end."""
        with _translated(), self._session() as session:
            if query.is_batched or query.access == "schema":
                result = session.run(query.text, parameters)
                rows = [record.data() for record in result]
                return Written(rows, result.consume().counters.contains_updates)
        return self.together(lambda transaction: Written(transaction.run(query, **parameters), transaction.has_changed))

    def together(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Run `work` in one transaction; it may run twice after a transient fault, so it must be idempotent."""
        with _translated(), self._session() as session:
            return session.execute_write(lambda transaction: work(Transaction(transaction)))

    def read_user(self, text: str, parameters: Mapping[str, object], *, where: str) -> list[Row]:
        """All rows of a user's own Cypher, which may read the graph and do nothing else.

        Community Edition has no roles, so the client guards: the statement runs in a READ session with a timeout, after
        its plan was seen to read only and to hold no LOAD CSV and no procedure.

        Args:
            text: one statement.
            parameters: its parameters.
            where: what to call it in messages, for example the file.

        Raises:
            QueryError: it is not Cypher, or it may do more than read.
            GraphUnavailableError: nobody answers.
        """
        forbidden = _FORBIDDEN.search(queries.code_of(re.sub(r"`[^`]*`", "``", text)))
        if forbidden or "\\u" in text:
            said = " ".join(forbidden.group().split()).upper() if forbidden else "a \\u escape"
            raise QueryError(f"{where}: {said} is not allowed", hint="Only statements that read the graph are run.")
        try:
            with self._session(reads=True) as session:
                summary = session.run("EXPLAIN " + text, dict(parameters)).consume()
                refused = _refusal(summary)
                if refused:
                    raise QueryError(f"{where}: {refused}", hint="Only statements that read the graph are run.")
                limited = neo4j.Query(text, timeout=_USER_TIMEOUT_S)
                rows = []
                for record in session.run(limited, dict(parameters)):
                    rows.append(record.data())
                    if len(rows) > _USER_MAX_ROWS:
                        raise QueryError(f"{where} returns more than {_USER_MAX_ROWS:,} rows")
                return rows
        except neo4j.exceptions.ClientError as error:
            raise QueryError(f"{where}: {error.message}") from error
        except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as error:
            raise translate(error) from error


def _refusal(summary: neo4j.ResultSummary) -> str:
    if summary.query_type != "r":
        return f"the statement may do more than read (type {summary.query_type!r})"
    waiting: list[Mapping[str, Any]] = [cast("Mapping[str, Any]", summary.plan or {})]
    while waiting:
        step = waiting.pop()
        operator = str(step.get("operatorType", "")).partition("@")[0]
        if operator.startswith("LoadCSV"):
            return "LOAD CSV is not allowed"
        if "ProcedureCall" in operator:
            return "calling procedures is not allowed"
        if not step.get("args"):
            return "an administration command is not allowed"
        waiting.extend(step.get("children", []))
    return ""
