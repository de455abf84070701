"""`kgsynth query`, `concept`, `document`, `question` and `trace`: looking at the graph and asking it."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline, queries
from kgsynth.cli import results
from kgsynth.cli.options import graph_settings, open_graph
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError
from kgsynth.pipeline import Graph, Row, show

_TABLE_ROWS = 1000
_TIMEOUT_S = 60.0
_FILE_TIMEOUT_S = 3600.0
_CO_OCCURRENCES = "CO_OCCURS_WITH"
_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "json": object}


@click.command()
@click.argument("text", required=False)
@click.option(
    "-f", "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read the query from this file."
)
@click.option("--saved", metavar="NAME", help="A saved query of the package; --list names them.")
@click.option("--list", "listed", is_flag=True, help="List the saved queries.")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter: JSON, or else text. NAME:TYPE=VALUE says the type: int, float, str, bool, json.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(results.FORMATS),
    default=None,
    help="Format of the output.  [default: what the file's ending says, else a table]",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a picture of the returned nodes to this HTML file.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=None,
    help=f"Maximum number of rows; 0: all.  [default: {_TABLE_ROWS:,} on a terminal or pipe, all in a file]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=None,
    help=f"Seconds.  [default: {_TIMEOUT_S:g}, for a file {_FILE_TIMEOUT_S:g}]",
)
@click.pass_context
def query(
    ctx: click.Context,
    /,
    text: str | None,
    file: Path | None,
    saved: str | None,
    listed: bool,
    params: tuple[str, ...],
    form: results.Format | None,
    output: Path | None,
    html: Path | None,
    limit: int | None,
    timeout: float | None,
) -> None:
    """Query the graph in Cypher: TEXT, a file, `-` for standard input, or a saved query. Only reading is allowed.

    \b
    kgsynth query --saved hubs
    kgsynth query --saved around_a_concept -p concept="prime number" --html around.html
    kgsynth query -f pairs.cypher -o pairs.parquet
    echo "RETURN 1 AS one" | kgsynth query -
    """
    if listed:
        show_table(
            ("name", "parameters", "what for"),
            [
                (one.name.removeprefix("explore/"), " ".join(sorted(one.parameters)), one.summary)
                for one in queries.load_folder("explore")
            ],
        )
        return
    statement, where = _statement(text, file, saved)
    parameters = dict(_parameter(one) for one in params)
    missing = queries.parameters_of(statement) - set(parameters)
    if missing:
        names = " ".join(f"-p {name}=…" for name in sorted(missing))
        raise ConfigError(f"{where} needs {', '.join(sorted(missing))}", hint=f"Give {names}.")
    path = html or output
    form = "html" if html is not None else results.format_of(output, form)
    if limit is None:
        limit = 0 if path is not None else _TABLE_ROWS
    if timeout is None:
        timeout = _TIMEOUT_S if path is None else _FILE_TIMEOUT_S
    with open_graph(ctx) as graph:
        answer = graph.ask_user(statement, parameters, where=where, timeout_s=timeout)
        taken = _Taken(answer.rows, limit)
        count = results.write(taken, answer.columns, form, path)
        kept = pipeline.build_state(graph).co_occurrences if not count and _CO_OCCURRENCES in statement else ""
    said = f"{count:,} rows" + (f" in {path}" if path is not None else "")
    if taken.is_cut:
        said += f"; there are more (--limit {limit})"
    if path is not None or taken.is_cut:
        say(said, err=True)
    if kept not in ("", "all"):
        which = "no co-occurrences" if kept == "none" else f"only the {kept} strongest co-occurrences of each term"
        say(f"The graph stores {which}; `kgsynth build --co-occurrences all` stores all.", err=True)


class _Taken:
    """Up to `limit` rows, and whether there were more."""

    def __init__(self, rows: Iterator[Row], limit: int) -> None:
        self._rows, self._limit, self.is_cut = rows, limit, False

    def __iter__(self) -> Iterator[Row]:
        yield from islice(self._rows, self._limit or None)
        self.is_cut = bool(self._limit) and next(self._rows, None) is not None


def _statement(text: str | None, file: Path | None, saved: str | None) -> tuple[str, str]:
    given = [one for one in (text, file, saved) if one is not None]
    if len(given) != 1:
        raise ConfigError(
            "give one query: as TEXT, with --file, with --saved, or `-` for standard input"
            if given
            else "there is no query",
            hint="For example kgsynth query --saved hubs; kgsynth query --list names the saved ones.",
        )
    if saved is not None:
        return queries.saved(saved).text, saved
    if file is not None:
        try:
            return file.read_text(encoding="utf-8"), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
    if text == "-":
        return sys.stdin.read(), "standard input"
    return str(text), "the query"


def _parameter(given: str) -> tuple[str, Any]:
    name, equals, text = given.partition("=")
    name, _, kind = name.partition(":")
    if not equals or not name:
        raise ConfigError(f"--param {given!r} is not NAME=VALUE")
    if kind and kind not in _TYPES:
        raise ConfigError(f"--param {given!r}: the type {kind!r} is none of {', '.join(_TYPES)}")
    if kind == "str":
        return name, text
    try:
        value = json.loads(text)
    except ValueError:
        if not kind:
            return name, text
        raise ConfigError(f"--param {given!r}: {text!r} is no {kind}") from None
    if kind == "float" and type(value) is int:
        value = float(value)
    if kind not in ("", "json") and type(value) is not _TYPES[kind]:
        raise ConfigError(f"--param {given!r}: {text!r} is no {kind}")
    return name, value


@click.command()
@click.argument("name")
@click.option(
    "-n",
    "--limit",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="Maximum number of entries of each kind.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a picture of its neighbourhood to this HTML file.",
)
@click.pass_context
def concept(ctx: click.Context, /, name: str, limit: int, html: Path | None) -> None:
    """Show the concept or topic NAME (id, name, or nearly) and its neighbourhood."""
    with open_graph(ctx) as graph:
        found = _find(graph, "concept", name)
        if html is not None:
            text = queries.load("explore/around_a_concept").text
            answer = graph.ask_user(text, {"concept": found}, where="around_a_concept", timeout_s=_TIMEOUT_S)
            results.picture(answer.rows, html)
            say(f"a picture in {html}", err=True)
        view = show.term(graph, found, limit=limit)
    term = view.term
    say(f"{click.style(term['name'], bold=True)}  ({term['kind']}, {term['id']})")
    if term["counts_as"]:
        say(
            f"  counts as {term['counts_as_name']} ({term['counts_as']}): rule {term['rule']}, "
            f"cosine {term['cosine']:.3f}"
        )
    say(
        f"  {_many(term['documents'], 'document')}, {_many(term['neighbours'], 'neighbour')}, "
        f"{_many(term['combinations'], 'combination')}, {_many(term['questions'], 'question')}"
    )
    _section(
        "names that count as it",
        (f"{one['name']}  ({one['rule']}, cosine {one['cosine']:.3f})" for one in view.aliases),
    )
    _section(
        "strongest neighbours",
        (
            f"{one['count']:>6,}  {one['name']}" + (" (topic)" if one["kind"] == "topic" else "")
            for one in view.neighbours
        ),
    )
    _section(
        "documents",
        (f"{one['id']}  {_short(one['title'] or '', 60)}  writes {one['spelling']!r}" for one in view.documents),
    )
    _section("questions", (f"{one['id']}  level {one['level']}  {_short(one['text'])}" for one in view.questions))


@click.command()
@click.argument("name")
@click.option("--text", "with_text", is_flag=True, help="Show the whole text too.")
@click.pass_context
def document(ctx: click.Context, /, name: str, with_text: bool) -> None:
    """Show the document NAME (id, title, or nearly): what it mentions, and the questions that were made from it."""
    with open_graph(ctx) as graph:
        parts = show.parts(graph, name)
        if parts:
            _show_parts(name, parts)
            return
        view = show.document(graph, _find(graph, "document", name))
    held = view.document
    say(f"{click.style(held['title'] or held['id'], bold=True)}  ({held['id']})")
    said = {"part of": held["parent"], **{key: held[key] for key in ("pages", "section", "source", "license")}}
    said |= {key: held[key] for key in ("attribution", "date", "grade", "subject")}
    for key, value in {**said, **json.loads(held["metadata"] or "{}")}.items():
        if value:
            say(f"  {key.replace('_', ' ')}: {value}")
    say(
        f"  {len(held['text'] or ''):,} characters, {_many(held['terms'], 'term')}, "
        f"{_many(held['combinations'], 'combination')}, {_many(held['questions'], 'question')}"
    )
    for kind in ("topic", "concept"):
        _section(kind + "s", (_mentioned(one) for one in view.terms if one["kind"] == kind))
    _section("questions", (f"{one['id']}  level {one['level']}  {_short(one['text'])}" for one in view.questions))
    if with_text:
        _section("text", (held["text"] or "").splitlines())


def _show_parts(name: str, parts: Sequence[Mapping[str, Any]]) -> None:
    say(f"{click.style(name, bold=True)} is in the graph as {len(parts):,} parts:\n")
    show_table(
        ("part", "pages", "section", "terms"),
        [(one["id"], one["pages"] or "", one["section"] or one["title"] or "", str(one["terms"])) for one in parts],
    )


@click.command()
@click.argument("name")
@click.pass_context
def question(ctx: click.Context, /, name: str) -> None:
    """Show the question NAME (id, or words of it) with its answers."""
    with open_graph(ctx) as graph:
        view = show.question(graph, _find(graph, "question", name))
    _show_question(view)
    command = f"kgsynth --graph {graph_settings(ctx).name} trace {view.question['id']}"
    say(f"\n{command} shows where it comes from.", err=True)


@click.command()
@click.argument("name")
@click.pass_context
def trace(ctx: click.Context, /, name: str) -> None:
    """Show the whole way of the question NAME: combination, walk, documents, licences.

    Each step of the walk is shown with its probability and the document through which it went.

    Probabilities are those of the current graph, without lenses.
    """
    with open_graph(ctx) as graph:
        view = show.question(graph, _find(graph, "question", name))
    _show_question(view)
    if view.steps:
        first = view.steps[0]
        say(
            f"\n{click.style('combination', bold=True)} {view.question['combination']}: walk {first['walk']:,} "
            f"of seed {first['seed']}"
        )
        together = 1.0
        for step in view.steps:
            chance = step["chance"]
            together *= chance or 1.0
            said = "no such step in the walk tables now" if chance is None else _chance(chance)
            arrow = "  " if step["step"] == 0 else "→ "
            title = f" {step['document_title']}" if step["document_title"] else ""
            through = f", through document {step['document']}{title}" if step["document"] else ""
            say(f"  {arrow}{step['name']}  ({step['kind']}, {said}{through})")
        if all(step["chance"] for step in view.steps):
            say(f"  the whole walk: {_chance(together)} once its length is drawn")
    else:
        say("\nwritten from one document; there was no walk")
    for held in view.documents:
        similar = f"  Jaccard {held['jaccard']:.3f}" if held["jaccard"] is not None else ""
        say(f"\n{click.style('document', bold=True)} {held['id']}  {held['title'] or ''}{similar}")
        for passage in held["passages"]:
            say(f"    {passage}")
        pages = held["pages"] or ""
        place = f", {'pages' if '-' in pages else 'page'} {pages}" if pages else ""
        section = f", {held['section']}" if held["section"] else ""
        say(f"  source: {held['source'] or 'unknown'}{place}{section}")
        say(f"  licence: {held['license'] or 'unknown'}" + (f", {held['attribution']}" if held["attribution"] else ""))


def _show_question(view: show.QuestionView) -> None:
    held = view.question
    say(
        f"{click.style('question', bold=True)} {held['id']}  level {held['level']}"
        + (f", {held['grade']}" if held["grade"] else "")
        + (f", {held['origin']}" if held["origin"] else "")
    )
    for line in str(held["text"]).splitlines():
        say(f"  {line}")
    _show_claims(held)
    say(f"  by {held['model']} ({held['template']}), seed {held['seed']}, run {held['run']}")
    for answer in view.answers:
        agreed = (
            f", {answer['agreement']:.0%} of {answer['votes']} votes" if answer["votes"] and answer["votes"] > 1 else ""
        )
        judged = f", judged {answer['verdict']}" if answer["verdict"] else ""
        say(
            f"\n{click.style('answer', bold=True)} {answer['final_answer'] or '(no final answer)'}{agreed}{judged}, "
            f"by {answer['model']}"
        )
        for line in str(answer["text"]).splitlines():
            say(f"  {line}")


_EVIDENCE = {"name": "", "alias": " (by another name)", "words": " (in other words)", "meaning": " (by meaning)"}


def _show_claims(held: Mapping[str, Any]) -> None:
    """The concepts that a question claims: those that its text shows, those that it does not, and unknown ones."""
    claimed = held["concepts"] or []
    evidence = held["claim_evidence"]
    if not evidence:
        if claimed:
            say(f"  claims: {', '.join(claimed)}")
        return
    by_term = list(zip(claimed, evidence, strict=True))
    for title, names in (
        ("shows", [term + _EVIDENCE.get(seen, "") for term, seen in by_term if seen]),
        ("claims only", [term for term, seen in by_term if not seen]),
        ("claimed, but was not given", held["foreign_claims"] or []),
    ):
        if names:
            say(f"  {title}: {', '.join(names)}")


def _find(graph: Graph, thing: show.Thing, name: str) -> str:
    found = pipeline.find(graph, thing, name)
    if found.taken_for:
        say(f"no {thing} is called {name!r}; this is the nearest", err=True)
    return found.id


def _section(title: str, lines: Iterable[str]) -> None:
    held = list(lines)
    if held:
        say(f"\n{title}")
        for line in held:
            say(f"  {line}")


def _mentioned(term: Mapping[str, Any]) -> str:
    name = str(term["name"])
    written = f", written {term['spelling']!r}" if term["spelling"] != name else ""
    return name + written + (f", counts as {term['counts_as']}" if term["counts_as"] else "")


def _chance(chance: float) -> str:
    return f"{chance:.2%}" if chance >= 0.0001 else f"1 in {1 / chance:,.0f}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(text: object, most: int = 90) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
