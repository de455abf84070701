"""kgsynth in Python: open a graph, draw combinations, ask it in Cypher, follow a question back to its documents.

    import kgsynth

    with kgsynth.open_graph("demo") as graph:
        combinations = graph.sample(seed=1, combinations=100)
        hubs = graph.saved("hubs")                      # a pandas DataFrame
        way = graph.trace("q-0123456789abcdef")         # question, answers, walk, documents

The stages themselves (load, merge, build, generate, …) are the functions of `kgsynth.pipeline`.
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
    """Open a graph that kgsynth manages, or the server that NEO4J_URI names.

    Args:
        name: of the managed graph, as `kgsynth --graph` takes it; of no account where NEO4J_URI is set.
        start: start the managed server when it does not run; it goes on running afterwards.

    Returns:
        The graph, logged in; close it, or use it in a `with` block.

    Raises:
        GraphUnavailableError: nobody answers.
        ServerError: the managed server does not come up.
    """
    place, settings = environment(), GraphSettings(name=name)
    return KnowledgeGraph(pipeline.connect(place, settings, start=start), place, settings)


class KnowledgeGraph:
    """A graph with what can be asked of it; nothing here writes to it."""

    def __init__(self, graph: Graph, place: Environment, settings: GraphSettings) -> None:
        """Use an open connection; `open_graph` makes one."""
        self._graph, self._environment, self._settings = graph, place, settings

    def __enter__(self) -> Self:
        """The graph itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; the server goes on."""
        self._graph.close()

    def sample(self, **settings: Any) -> list[Combination]:
        """Combinations of concepts by weighted walks, each grounded in documents.

        Args:
            settings: the fields of `kgsynth.settings.SampleSettings`: `seed` (required), `combinations` or `epochs`,
                `start` and `within` (files of Cypher), `favour`, `earlier`, `engine`, `min_concepts`,
                `grounding_documents`.

        Returns:
            The combinations in the order of their walks; the same for the same seed, settings and graph.

        Raises:
            ConfigError: no seed, or a setting that there is not.
            GraphError: the graph is not built.
        """
        return list(self.iter_sample(StageCount(stage="sample", unit="walks"), **settings))

    def iter_sample(self, count: StageCount, **settings: Any) -> Iterator[Combination]:
        """As `sample`, one at a time in flat memory; `count` gets the walks that were kept and rejected, by reason."""
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
        """The rows of a statement that reads; one that may do more is refused before it runs.

        Args:
            text: one statement.
            parameters: its parameters.
            limit: rows at most.
            timeout_s: seconds after which it is ended.

        Returns:
            A column for each that the statement returns. Nodes are `GraphNode`, relationships `GraphRelationship`, a
            path is the list of both.

        Raises:
            QueryError: it is not Cypher, may do more than read, or takes longer or more memory than it may.
            ConfigError: `limit` or `timeout_s` is out of its range.
        """
        if (limit is not None and limit < 0) or timeout_s <= 0:
            raise ConfigError(f"limit is {limit} and timeout_s is {timeout_s}: give 0 or more, and more than 0")
        return self._ask(text, parameters or {}, where="the query", limit=limit, timeout_s=timeout_s)

    def saved(self, name: str, **parameters: Any) -> "pandas.DataFrame":
        """The rows of a query of the package (`kgsynth query --list` names them), as `query` gives them.

        Raises:
            QueryError: there is no such query, or it needs other parameters.
        """
        query = queries.saved(name)
        if set(parameters) != query.parameters:
            raise QueryError(f"{name} takes the parameters {', '.join(sorted(query.parameters)) or '(none)'}")
        return self._ask(query.text, parameters, where=name, limit=None, timeout_s=_TIMEOUT_S)

    def _ask(
        self, text: str, parameters: Mapping[str, Any], *, where: str, limit: int | None, timeout_s: float
    ) -> "pandas.DataFrame":
        import pandas

        answer = self._graph.ask_user(text, parameters, where=where, timeout_s=timeout_s)
        rows = [[row[name] for name in answer.columns] for row in islice(answer.rows, limit)]
        return pandas.DataFrame(rows, columns=list(answer.columns))

    def concept(self, name: str, *, limit: int = _AROUND) -> show.TermView:
        """A concept or topic by id, name, or nearly, with up to `limit` of each thing around it.

        Raises:
            GraphError: nothing is called so; the hint lists what is near.
            ConfigError: `limit` is below 1.
        """
        if limit < 1:
            raise ConfigError(f"limit is {limit}: give 1 or more")
        return show.term(self._graph, pipeline.find(self._graph, "concept", name).id, limit=limit)

    def document(self, name: str) -> show.DocumentView:
        """A document by id, title, or nearly, with what it mentions and the questions that it touches.

        Raises:
            GraphError: nothing is called so; the hint lists what is near.
        """
        return show.document(self._graph, pipeline.find(self._graph, "document", name).id)

    def trace(self, question: str) -> show.QuestionView:
        """The whole way of a question, given by id or words of it: answers, walk with chances, documents.

        Raises:
            GraphError: nothing is called so; the hint lists what is near.
        """
        return show.question(self._graph, pipeline.find(self._graph, "question", question).id)

    def report(
        self,
        *runs: str | Path,
        after: str | Path | Iterable[str | Path] = (),
        sample: int = pipeline.REPORT_SAMPLE,
        seed: int = 1,
    ) -> dict[str, Any]:
        """The figures of `kgsynth report`, as JSON values; `write_report` makes its page of them.

        Args:
            runs: one or two folders with runs, or files of combinations; none for what the graph itself holds.
            after: files of earlier combinations: coverage begins from what they have used.
            sample: questions of each level, about, whose likeness is looked at; 0 for none.
            seed: of what is drawn.

        Raises:
            ConfigError: a path holds nothing to report.
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
    """The page of `KnowledgeGraph.report`'s figures, one file that needs no network, and the figures as JSON.

    Raises:
        ManifestError: a file cannot be written.
    """
    pipeline.write_report(figures, Path(html), json_file=None if json_file is None else Path(json_file))


def _plain(value: Any) -> Any:
    """A setting as a file of settings would have it."""
    if isinstance(value, Path):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def to_frame(records: Iterable[Any]) -> "pandas.DataFrame":
    """Combinations, questions or other records as a table; lists and records inside them stay lists and dictionaries.

    Args:
        records: with a method `to_row`, or rows already.
    """
    import pandas

    rows: list[Row] = [one if isinstance(one, dict) else one.to_row() for one in records]
    return pandas.DataFrame(rows)
