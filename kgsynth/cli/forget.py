"""`kgsynth forget`: remove documents from the graph, and refuse to load them again."""

from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import env, graph_settings, open_graph, progress, report
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_changes, show_table
from kgsynth.errors import ConfigError
from kgsynth.pipeline import ForgetPlan, Graph, show


@click.command()
@click.argument("documents", type=GIVEN_TEXT, nargs=-1)
@click.option(
    "-f",
    "--file",
    type=GivenPath(exists=True, dir_okay=False),
    help="File with document ids, one per line.",
)
@click.option("--reason", type=GIVEN_TEXT, help="Reason that is kept with the documents' ids, for example who asked.")
@click.option(
    "--dry-run", is_flag=True, help="List what would be removed, including questions and answers; change nothing."
)
@click.option("--list", "listed", is_flag=True, help="List the forgotten documents with their reasons.")
@click.option("--allow-again", is_flag=True, help="Allow DOCUMENTS to be loaded again.")
@click.pass_context
def forget(
    ctx: click.Context,
    /,
    documents: tuple[str, ...],
    file: Path | None,
    reason: str | None,
    dry_run: bool,
    listed: bool,
    allow_again: bool,
) -> None:
    """Remove DOCUMENTS (ids) from the graph with everything that was made from them, and refuse to load them again.

    The graph is then as if it had never had them. From now on `load` refuses them, and `export` leaves out the
    questions that were made from them. Export data sets again. Run folders are not changed: remove them if they must
    not hold texts of these documents.
    """
    environment, selected_graph = env(), graph_settings(ctx)
    if listed:
        forgotten = pipeline.forgotten_documents(environment, selected_graph)
        show_table(("document", "reason"), sorted(forgotten.documents.items()))
        for (first, second), verdict in sorted(forgotten.verdicts.items()):
            say(f"  a reviewer's {verdict} on {first} and {second} is kept until both are in the graph again", err=True)
        return
    ids = list(documents)
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
        ids += [line.strip() for line in text.split("\n") if line.strip()]
    if not ids:
        raise ConfigError("no document is given", hint="Give ids of documents; `kgsynth document TITLE` shows an id.")
    if allow_again:
        allowed, removed = pipeline.allow_again(environment, ids, graph_settings=selected_graph)
        parts_text = f" ({removed:,} parts)" if removed > allowed else ""
        say(f"{allowed:,} of {len(set(ids)):,} documents may be loaded again{parts_text}", err=True)
        return
    with open_graph(ctx) as graph:
        if dry_run:
            _show_plan(graph, pipeline.plan_forget(graph, environment, ids))
            return
        planned = pipeline.forget(graph, environment, ids, reason=reason or "", report=report, progress=progress())
    _show_changes(planned)
    say("Export data sets again: `kgsynth export RUN -o FOLDER --overwrite` leaves these documents out.", err=True)


def _show_plan(graph: Graph, planned: ForgetPlan) -> None:
    removal = planned.going
    show_table(
        ("question", "level", "answers", "text"),
        [
            (row["id"], row["level"], len(row["answers"]), row["text"])
            for row in show.questions(graph, removal.questions)
        ],
    )
    _show_changes(planned)
    say(
        f"{len(removal.documents):,} documents, {len(removal.terms):,} terms, {len(removal.combinations):,} "
        f"combinations, {len(removal.questions):,} questions and {len(removal.answers):,} answers would be removed; "
        "nothing was changed.",
        err=True,
    )


def _show_changes(planned: ForgetPlan) -> None:
    """Print the changes of merges, and the verdicts of reviewers that are kept outside the graph."""
    if planned.merges is not None:
        show_changes(planned.merges, err=True)
    for first, second, verdict in planned.going.verdicts:
        say(
            f"  ! a reviewer's {verdict} on {first} and {second} is removed with a term; it is kept with the "
            "tombstones until both terms are in the graph again",
            err=True,
        )
