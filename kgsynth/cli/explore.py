"""`kgsynth query`, `concept`, `document`, `question` and `trace`: query the graph, and show its contents."""

import difflib
import json
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline, queries
from kgsynth.cli import pictures, results
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import graph_settings, open_graph
from kgsynth.cli.say import say, say_json, wants_json, with_graph
from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError, did_you_mean, quoted
from kgsynth.pipeline import Graph, Row, show

_TABLE_ROWS = 1000
_TIMEOUT_S = 60.0
_FILE_TIMEOUT_S = 3600.0
_CO_OCCURRENCES = "CO_OCCURS_WITH"
_SHOWN_CHARS = 200
_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "json": object}


@click.command()
@click.argument("text", type=GIVEN_TEXT, required=False)
@click.option("-f", "--file", type=GivenPath(exists=True, dir_okay=False), help="Read the query from this file.")
@click.option("--saved", type=GIVEN_TEXT, metavar="NAME", help="Name of a saved query; --list shows the names.")
@click.option("--list", "listed", is_flag=True, help="List the saved queries.")
@click.option(
    "-p",
    "--param",
    "params",
    type=GIVEN_TEXT,
    multiple=True,
    metavar="NAME=VALUE",
    help="Query parameter; the value is JSON, else text. NAME:TYPE=VALUE sets the type: int, float, str, bool, json.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(results.FORMATS),
    default=None,
    help="Format of the output.  [default: from the file's ending; without a file, a table]",
)
@click.option("-o", "--output", type=GivenPath(dir_okay=False), help="File to write.")
@click.option(
    "--html",
    type=GivenPath(dir_okay=False),
    help="Write a picture of the returned nodes to this HTML file.",
)
@click.option(
    "--serve",
    "is_served",
    is_flag=True,
    help="Show the picture on a local page until Ctrl-C; a double-click on a node adds its neighbours.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=None,
    help=f"Maximum number of rows; 0 for all.  [default: {_TABLE_ROWS:,} on a terminal or pipe, all in a file]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=None,
    help=f"Time limit in seconds.  [default: {_TIMEOUT_S:g}, for a file {_FILE_TIMEOUT_S:g}]",
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
    is_served: bool,
    limit: int | None,
    timeout: float | None,
) -> None:
    """Query the graph in Cypher. The query is TEXT, a file, `-` for standard input, or a saved query, and only reads.

    \b
    kgsynth query --saved hubs
    kgsynth query --saved around_a_concept -p concept="prime number" \\
        --html around.html
    kgsynth query -f pairs.cypher -o pairs.parquet
    echo "RETURN 1 AS one" | kgsynth query -
    """
    if listed:
        show_table(
            ("name", "parameters", "summary"),
            [
                (name, " ".join(sorted(saved_query.parameters)), saved_query.summary)
                for name, saved_query in queries.saved_queries().items()
            ],
        )
        return
    statement, where = _statement(text, file, saved)
    parameters = dict(_parameter(option) for option in params)
    needed = queries.parameters_of(statement)
    for name in sorted(set(parameters) - needed):
        say(f"{where} has no parameter ${name}{did_you_mean(name, needed)}", err=True)
    missing = needed - set(parameters)
    if missing:
        names = " ".join(f"-p {name}=…" for name in sorted(missing))
        raise ConfigError(f"{where} needs {', '.join(sorted(missing))}", hint=f"Give {names}.")
    path = html or output
    form = "html" if html is not None else results.format_of(output, form)
    if is_served and (path is not None or form != "table"):
        raise ConfigError("--serve writes no file", hint="Leave out --html, --output and --format.")
    if limit is None:
        limit = 0 if path is not None or is_served else _TABLE_ROWS
    if timeout is None:
        timeout = _TIMEOUT_S if path is None else _FILE_TIMEOUT_S
    with open_graph(ctx) as graph:
        answer = graph.ask_user(statement, parameters, where=where, timeout_s=timeout)
        for kind, name in answer.unknown if saved is None else ():
            say(f"the graph has no {kind} {name!r}{did_you_mean(name, show.names(graph, kind))}", err=True)
        limited_rows = _LimitedRows(answer.rows, limit)
        if is_served:
            _serve(graph, limited_rows)
            return
        count = results.write(limited_rows, answer.columns, form, path)
        stored = pipeline.build_state(graph).co_occurrences if not count and _CO_OCCURRENCES in statement else ""
    message = f"{count:,} rows" + (f" in {path}" if path is not None else "")
    if limited_rows.is_cut:
        message += f"; there are more (--limit {limit})"
    if path is not None or limited_rows.is_cut:
        say(message, err=True)
    if stored not in ("", "all"):
        extent = "no co-occurrences" if stored == "none" else f"only the {stored} strongest co-occurrences of each term"
        command = with_graph("kgsynth build --co-occurrences all")
        say(f"The graph stores {extent}; `{command}` stores all.", err=True)


def _serve(graph: Graph, rows: Iterable[Row]) -> None:
    nodes, relationships, _ = pictures.contents(rows)
    with pictures.served(graph, nodes, relationships) as address:
        say(f"Picture   {address}")
        say("Ctrl-C stops its server.", err=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("", err=True)


class _LimitedRows:
    """Up to `limit` rows of an iterator (0 for all); afterwards `is_cut` says whether there were more."""

    def __init__(self, rows: Iterator[Row], limit: int) -> None:
        self._rows, self._limit, self.is_cut = rows, limit, False

    def __iter__(self) -> Iterator[Row]:
        yield from islice(self._rows, self._limit or None)
        self.is_cut = bool(self._limit) and next(self._rows, None) is not None


def _statement(text: str | None, file: Path | None, saved: str | None) -> tuple[str, str]:
    queries_given = [candidate for candidate in (text, file, saved) if candidate is not None]
    if len(queries_given) != 1:
        raise ConfigError(
            "give one query: as TEXT, with --file, with --saved, or `-` for standard input"
            if queries_given
            else "there is no query",
            hint="For example: kgsynth query --saved hubs. `kgsynth query --list` lists the saved queries.",
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
    close = difflib.get_close_matches(str(text).strip(), queries.saved_queries(), n=1, cutoff=0.8)
    if close:
        raise ConfigError(
            f"{quoted(text)} is not Cypher", hint=f"The saved query is `kgsynth query --saved {close[0]}`."
        )
    return str(text), "the query"


def _parameter(option: str) -> tuple[str, Any]:
    name, equals, text = option.partition("=")
    name, _, type_name = name.partition(":")
    if not equals or not name:
        raise ConfigError(f"--param {quoted(option)} is not NAME=VALUE")
    if type_name and type_name not in _TYPES:
        raise ConfigError(f"--param {quoted(option)}: the type {quoted(type_name)} is not one of {', '.join(_TYPES)}")
    if type_name == "str":
        return name, text
    try:
        value = json.loads(text)
        if type_name == "float" and type(value) is int:
            value = float(value)
    except RecursionError:
        raise ConfigError(f"--param {name}: the value is nested too deeply") from None
    except (ValueError, OverflowError):
        if not type_name:
            return name, text
        raise ConfigError(f"--param {name}: {quoted(text[:_SHOWN_CHARS])} is not of type {type_name}") from None
    if type_name not in ("", "json") and type(value) is not _TYPES[type_name]:
        raise ConfigError(f"--param {name}: {quoted(text[:_SHOWN_CHARS])} is not of type {type_name}")
    return name, value


@click.command()
@click.argument("name", type=GIVEN_TEXT)
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
    type=GivenPath(dir_okay=False),
    help="Write a picture of the neighbourhood to this HTML file.",
)
@click.pass_context
def concept(ctx: click.Context, /, name: str, limit: int, html: Path | None) -> None:
    """Show the concept or topic NAME (its id, or a name, which may be approximate) and its neighbourhood."""
    with open_graph(ctx) as graph:
        term_id = _find(graph, "concept", name)
        if html is not None:
            text = queries.load("explore/around_a_concept").text
            answer = graph.ask_user(text, {"concept": term_id}, where="around_a_concept", timeout_s=_TIMEOUT_S)
            pictures.write(answer.rows, html)
            say(f"the picture is in {html}", err=True)
        view = show.term(graph, term_id, limit=limit)
    if wants_json():
        say_json(asdict(view))
        return
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
        "aliases",
        (f"{alias['name']}  ({alias['rule']}, cosine {alias['cosine']:.3f})" for alias in view.aliases),
    )
    _section(
        "strongest neighbours",
        (
            f"{row['count']:>6,}  {row['name']}" + (" (topic)" if row["kind"] == "topic" else "")
            for row in view.neighbours
        ),
    )
    _section(
        "documents",
        (f"{row['id']}  {_short(row['title'] or '', 60)}  writes {row['spelling']!r}" for row in view.documents),
    )
    _section("questions", (f"{row['id']}  level {row['level']}  {_short(row['text'])}" for row in view.questions))


@click.command()
@click.argument("name", type=GIVEN_TEXT)
@click.option("--text", "with_text", is_flag=True, help="Also show the whole text.")
@click.pass_context
def document(ctx: click.Context, /, name: str, with_text: bool) -> None:
    """Show the document NAME (its id, or a title, which may be approximate) with its terms and questions."""
    with open_graph(ctx) as graph:
        parts = show.parts(graph, name)
        if parts:
            _show_parts(name, parts)
            return
        view = show.document(graph, _find(graph, "document", name))
    if wants_json():
        say_json(asdict(view))
        return
    document_row = view.document
    say(f"{click.style(document_row['title'] or document_row['id'], bold=True)}  ({document_row['id']})")
    properties = {
        "part of": document_row["parent"],
        **{key: document_row[key] for key in ("pages", "section", "source", "license")},
    }
    properties |= {key: document_row[key] for key in ("attribution", "date", "grade", "subject")}
    for key, value in {**properties, **json.loads(document_row["metadata"] or "{}")}.items():
        if value:
            say(f"  {key.replace('_', ' ')}: {value}")
    say(
        f"  {len(document_row['text'] or ''):,} characters, {_many(document_row['terms'], 'term')}, "
        f"{_many(document_row['combinations'], 'combination')}, {_many(document_row['questions'], 'question')}"
    )
    for kind in ("topic", "concept"):
        _section(kind + "s", (_mentioned(term) for term in view.terms if term["kind"] == kind))
    _section("questions", (f"{row['id']}  level {row['level']}  {_short(row['text'])}" for row in view.questions))
    if with_text:
        _section("text", (document_row["text"] or "").splitlines())


def _show_parts(name: str, parts: Sequence[Mapping[str, Any]]) -> None:
    say(f"{click.style(name, bold=True)} has {len(parts):,} parts in the graph:\n")
    show_table(
        ("part", "pages", "section", "terms"),
        [(part["id"], part["pages"] or "", part["section"] or part["title"] or "", part["terms"]) for part in parts],
    )


@click.command()
@click.argument("name", type=GIVEN_TEXT)
@click.pass_context
def question(ctx: click.Context, /, name: str) -> None:
    """Show the question NAME (its id, or words of its text) with its answers."""
    with open_graph(ctx) as graph:
        view = show.question(graph, _find(graph, "question", name))
    if wants_json():
        say_json({"question": view.question, "answers": view.answers})
        return
    _show_question(view)
    command = f"kgsynth --graph {graph_settings(ctx).name} trace {view.question['id']}"
    say(f"\n`{command}` shows how it was made.", err=True)


@click.command()
@click.argument("name", type=GIVEN_TEXT)
@click.pass_context
def trace(ctx: click.Context, /, name: str) -> None:
    """Show how the question NAME was made: its combination, walk and documents with their licences.

    Each step of the walk is shown with its probability and the document through which it went.

    Probabilities are those of the current graph, without lenses.
    """
    with open_graph(ctx) as graph:
        view = show.question(graph, _find(graph, "question", name))
    if wants_json():
        say_json(asdict(view))
        return
    _show_question(view)
    if view.steps:
        first = view.steps[0]
        say(
            f"\n{click.style('combination', bold=True)} {view.question['combination']}: walk {first['walk']:,} "
            f"of seed {first['seed']}"
        )
        walk_probability = 1.0
        for step in view.steps:
            probability = step["chance"]
            walk_probability *= probability or 1.0
            chance_text = "the step is no longer in the walk tables" if probability is None else _chance(probability)
            arrow = "  " if step["step"] == 0 else "→ "
            title = f" {step['document_title']}" if step["document_title"] else ""
            through = f", through document {step['document']}{title}" if step["document"] else ""
            say(f"  {arrow}{step['name']}  ({step['kind']}, {chance_text}{through})")
        if all(step["chance"] for step in view.steps):
            say(f"  the whole walk: {_chance(walk_probability)}, given its length")
    else:
        say("\nwritten from one document, without a walk")
    for document_row in view.documents:
        similar = f"  Jaccard {document_row['jaccard']:.3f}" if document_row["jaccard"] is not None else ""
        say(f"\n{click.style('document', bold=True)} {document_row['id']}  {document_row['title'] or ''}{similar}")
        for passage in document_row["passages"]:
            say(f"    {passage}")
        pages = document_row["pages"] or ""
        pages_text = f", {'pages' if '-' in pages else 'page'} {pages}" if pages else ""
        section = f", {document_row['section']}" if document_row["section"] else ""
        say(f"  source: {document_row['source'] or 'unknown'}{pages_text}{section}")
        say(
            f"  licence: {document_row['license'] or 'unknown'}"
            + (f", {document_row['attribution']}" if document_row["attribution"] else "")
        )


def _show_question(view: show.QuestionView) -> None:
    question_row = view.question
    say(
        f"{click.style('question', bold=True)} {question_row['id']}  level {question_row['level']}"
        + (f", {question_row['grade']}" if question_row["grade"] else "")
        + "".join(f", {question_row[name]}" for name in ("origin", "question_type", "difficulty") if question_row[name])
    )
    for line in str(question_row["text"]).splitlines():
        say(f"  {line}")
    _show_claims(question_row)
    say(
        f"  by {question_row['model']} ({question_row['template']}), seed {question_row['seed']}, "
        f"run {question_row['run']}"
    )
    for answer in view.answers:
        agreement = (
            f", {answer['agreement']:.0%} of {answer['votes']} votes" if answer["votes"] and answer["votes"] > 1 else ""
        )
        verdict = f", judged {answer['verdict']}" if answer["verdict"] else ""
        verdict += "".join(
            f", {words} {', '.join(answer[name])}"
            for name, words in (("passed", "passed by"), ("failed", "failed by"), ("undecided", "undecided by"))
            if answer[name]
        )
        say(
            f"\n{click.style('answer', bold=True)} {answer['final_answer'] or '(no final answer)'}{agreement}"
            f"{verdict}, by {answer['model']}"
        )
        for line in str(answer["text"]).splitlines():
            say(f"  {line}")


_EVIDENCE = {"name": "", "alias": " (by another name)", "words": " (in other words)", "meaning": " (by meaning)"}


def _show_claims(question_row: Mapping[str, Any]) -> None:
    """Print the concepts that a question claims: with evidence in its text, without evidence, and those not given."""
    claimed = question_row["concepts"] or []
    evidence = question_row["claim_evidence"]
    if not evidence:
        if claimed:
            say(f"  claims: {', '.join(claimed)}")
        return
    by_term = list(zip(claimed, evidence, strict=True))
    for title, names in (
        ("shows", [term + _EVIDENCE.get(evidence_kind, "") for term, evidence_kind in by_term if evidence_kind]),
        ("claims only", [term for term, evidence_kind in by_term if not evidence_kind]),
        ("claimed, but was not given", question_row["foreign_claims"] or []),
    ):
        if names:
            say(f"  {title}: {', '.join(names)}")


def _find(graph: Graph, kind: show.Thing, name: str) -> str:
    found = pipeline.find(graph, kind, name)
    if found.taken_for:
        say(f"no {kind} has the name {name!r}; this is the most similar one", err=True)
    return found.id


def _section(title: str, lines: Iterable[str]) -> None:
    texts = list(lines)
    if texts:
        say(f"\n{title}")
        for line in texts:
            say(f"  {line}")


def _mentioned(term: Mapping[str, Any]) -> str:
    name = str(term["name"])
    spelling_text = f", written {term['spelling']!r}" if term["spelling"] != name else ""
    return name + spelling_text + (f", counts as {term['counts_as']}" if term["counts_as"] else "")


def _chance(probability: float) -> str:
    return f"{probability:.2%}" if probability >= 0.0001 else f"1 in {1 / probability:,.0f}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(text: object, max_chars: int = 90) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"
