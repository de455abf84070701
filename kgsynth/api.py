"""Python interface of a graph: open it, draw combinations, query it in Cypher, trace a question to its documents.

    import kgsynth

    with kgsynth.open_graph("demo") as graph:
        combinations = graph.sample(seed=1, combinations=100)
        hubs = graph.saved("hubs")                      # a pandas DataFrame
        origin = graph.trace("q-0123456789abcdef")      # question, answers, walk, documents

The stages (load, merge, build, generate, …) are functions of `kgsynth.pipeline`.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kgsynth import pipeline, queries
from kgsynth.config import Environment, environment, section_from
from kgsynth.errors import ConfigError, QueryError
from kgsynth.pipeline import Graph, GraphNode, GraphRelationship, Row, show
from kgsynth.records import Combination, StageCount
from kgsynth.settings import GraphSettings, SampleSettings

if TYPE_CHECKING:
    import pandas

_TIMEOUT_S = 60.0
_AROUND = 8

__all__ = ["Combination", "GraphNode", "GraphRelationship", "KnowledgeGraph", "open_graph", "to_frame", "write_report"]


def open_graph(name: str = "main", *, start: bool = False) -> "KnowledgeGraph":
    """Open a graph that kgsynth manages, or the server at NEO4J_URI.

    Args:
        name: name of the managed graph, as in `kgsynth --graph`; ignored if NEO4J_URI is set.
        start: whether to start the managed server if it is not running; it keeps running afterwards.

    Returns:
        The connected graph; close it, or use it in a `with` block.

    Raises:
        GraphUnavailableError: no server answers.
        ServerError: the managed server does not start.
    """
    place, settings = environment(), GraphSettings(name=name)
    return KnowledgeGraph(pipeline.connect(place, settings, start=start), place, settings)


class KnowledgeGraph:
    """Read access to a graph: samples, queries, concepts, documents, questions and reports."""

    def __init__(self, graph: Graph, place: Environment, settings: GraphSettings) -> None:
        """Wrap an open connection; use `open_graph` to make one."""
        self._graph, self._environment, self._settings = graph, place, settings

    def __enter__(self) -> Self:
        """Return the graph itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; the server keeps running."""
        self._graph.close()

    def sample(self, **settings: Any) -> list[Combination]:
        """Draw combinations of concepts by weighted walks, each grounded in documents.

        Args:
            settings: fields of `kgsynth.settings.SampleSettings`: `seed` (required), `combinations` or `epochs`,
                `start` and `within` (files of Cypher), `favour`, `earlier`, `engine`, `min_concepts`,
                `grounding`, `grounding_documents`.

        Returns:
            The combinations in the order of their walks. The same seed, settings and graph give the same combinations.

        Raises:
            ConfigError: the seed is missing, or a setting is unknown.
            GraphError: the graph is not built.
        """
        return list(self.iter_sample(StageCount(stage="sample", unit="walks"), **settings))

    def iter_sample(self, count: StageCount, **settings: Any) -> Iterator[Combination]:
        """Draw combinations like `sample`, one at a time in constant memory.

        Args:
            count: is updated with the numbers of kept walks and of rejected walks by reason.
            settings: as in `sample`.
        """
        given = {name: _plain(value) for name, value in settings.items()}
        return pipeline.sample(self._graph, self._environment, section_from("sample", given, SampleSettings), count)

    def query(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> "pandas.DataFrame":
        """Run a Cypher statement that only reads, and return its rows; other statements are refused before they run.

        Args:
            text: one statement.
            parameters: parameters of the statement.
            limit: maximum number of rows.
            timeout_s: timeout in seconds.

        Returns:
            A table with the columns of the statement. Nodes are `GraphNode`, relationships are `GraphRelationship`, and
            a path is a list of both.

        Raises:
            QueryError: the text is not Cypher, may do more than read, or exceeds the limits of time or memory.
            ConfigError: `limit` or `timeout_s` is out of range.
        """
        if (limit is not None and limit < 0) or timeout_s <= 0:
            raise ConfigError(
                f"limit is {limit} and timeout_s is {timeout_s}: give a limit of 0 or more and a timeout above 0"
            )
        return self._run_query(text, parameters or {}, where="the query", limit=limit, timeout_s=timeout_s)

    def saved(self, name: str, **parameters: Any) -> "pandas.DataFrame":
        """Run a saved query of the package (`kgsynth query --list` lists them), and return its rows like `query`.

        Raises:
            QueryError: the query does not exist, or it takes other parameters.
        """
        query = queries.saved(name)
        if set(parameters) != query.parameters:
            raise QueryError(f"{name} takes the parameters {', '.join(sorted(query.parameters)) or '(none)'}")
        return self._run_query(query.text, parameters, where=name, limit=None, timeout_s=_TIMEOUT_S)

    def _run_query(
        self, text: str, parameters: Mapping[str, Any], *, where: str, limit: int | None, timeout_s: float
    ) -> "pandas.DataFrame":
        import pandas

        answer = self._graph.ask_user(text, parameters, where=where, timeout_s=timeout_s)
        rows = [[row[name] for name in answer.columns] for row in islice(answer.rows, limit)]
        return pandas.DataFrame(rows, columns=list(answer.columns))

    def concept(self, name: str, *, limit: int = _AROUND) -> show.TermView:
        """Find a concept or topic by id or name, also approximately, with up to `limit` of each kind of neighbour.

        Raises:
            GraphError: nothing has this name; the hint lists similar names.
            ConfigError: `limit` is below 1.
        """
        if limit < 1:
            raise ConfigError(f"limit is {limit}: give 1 or more")
        return show.term(self._graph, pipeline.find(self._graph, "concept", name).id, limit=limit)

    def document(self, name: str) -> show.DocumentView:
        """Find a document by id or title, also approximately, with its concepts and the questions that are based on it.

        Raises:
            GraphError: nothing has this name; the hint lists similar names.
        """
        return show.document(self._graph, pipeline.find(self._graph, "document", name).id)

    def trace(self, question: str) -> show.QuestionView:
        """Find a question by id or by its words, with its answers, walk, probabilities of the steps, and documents.

        Raises:
            GraphError: nothing has this name; the hint lists similar names.
        """
        return show.question(self._graph, pipeline.find(self._graph, "question", question).id)

    def report(
        self,
        *runs: str | Path,
        after: str | Path | Iterable[str | Path] = (),
        sample: int = pipeline.REPORT_SAMPLE,
        seed: int = 1,
    ) -> dict[str, Any]:
        """Return the figures of `kgsynth report` as JSON values; `write_report` writes their page.

        Args:
            runs: one or two folders with runs or files of combinations; without them, the content of the graph.
            after: files of earlier combinations; coverage starts from what these have used.
            sample: approximate number of questions per level whose similarity is measured; 0 for none.
            seed: seed of the samples.

        Raises:
            ConfigError: a path contains nothing to report.
            GraphError: the graph is not built.
        """
        return pipeline.report(
            self._graph,
            self._environment,
            runs=[Path(run) for run in runs],
            after=[Path(file) for file in ([after] if isinstance(after, (str, Path)) else after)],
            sample=sample,
            seed=seed,
        )


def write_report(figures: Mapping[str, Any], html: str | Path, *, json_file: str | Path | None = None) -> None:
    """Write the figures of `KnowledgeGraph.report` as one HTML file that needs no network, and optionally as JSON.

    Raises:
        ManifestError: a file cannot be written.
    """
    pipeline.write_report(figures, Path(html), json_file=None if json_file is None else Path(json_file))


def _plain(value: Any) -> Any:
    """Return a setting as it would be in a TOML file."""
    if isinstance(value, Path):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def to_frame(records: Iterable[Any]) -> "pandas.DataFrame":
    """Return combinations, questions or other records as a table; nested lists and records stay lists and dictionaries.

    Args:
        records: objects with a method `to_row`, or dictionaries.
    """
    import pandas

    rows: list[Row] = [record if isinstance(record, dict) else record.to_row() for record in records]
    return pandas.DataFrame(rows)
