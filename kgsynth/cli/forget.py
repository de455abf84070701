"""`kgsynth forget`: documents taken out of the graph and kept out."""

from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.options import env, graph_settings, open_graph, progress, report
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_changes, show_table
from kgsynth.errors import ConfigError
from kgsynth.pipeline import ForgetPlan, Graph, show


@click.command()
@click.argument("documents", nargs=-1)
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with more document ids, one per line.",
)
@click.option("--reason", default="", help="Reason that is kept with the documents' ids, for example who asked.")
@click.option(
    "--dry-run", is_flag=True, help="List what would be removed, questions and answers included; change nothing."
)
@click.option("--list", "listed", is_flag=True, help="List the documents that were forgotten.")
@click.option("--allow-again", is_flag=True, help="Let DOCUMENTS be loaded again.")
@click.pass_context
def forget(
    ctx: click.Context,
    /,
    documents: tuple[str, ...],
    file: Path | None,
    reason: str,
    dry_run: bool,
    listed: bool,
    allow_again: bool,
) -> None:
    """Remove DOCUMENTS (ids) from the graph, with everything that was made from them, and keep them out.

    The graph is then as if it never had them. `load` refuses them from now on and `export` leaves out what was made
    from them; write exported data sets again. Run folders keep what they hold: remove them where that must not be.
    """
    environment, graph_of = env(), graph_settings(ctx)
    if listed:
        held = pipeline.forgotten_documents(environment, graph_of)
        show_table(("document", "reason"), sorted(held.documents.items()))
        for (first, second), verdict in sorted(held.verdicts.items()):
            say(f"  kept for when both are back: a reviewer's {verdict} on {first} and {second}", err=True)
        return
    ids = list(documents)
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
        ids += [line.strip() for line in text.split("\n") if line.strip()]
    if not ids:
        raise ConfigError("no document is given", hint="Give ids: `kgsynth document NAME` finds them by title.")
    if allow_again:
        found, number = pipeline.allow_again(environment, ids, graph_settings=graph_of)
        of_parts = f" ({number:,} parts)" if number > found else ""
        say(f"{found:,} of {len(set(ids)):,} documents may be loaded again{of_parts}", err=True)
        return
    with open_graph(ctx) as graph:
        if dry_run:
            _show_plan(graph, pipeline.plan_forget(graph, environment, ids))
            return
        planned = pipeline.forget(graph, environment, ids, reason=reason, report=report, progress=progress())
    _show_changes(planned)
    say("Write exported data sets again: `kgsynth export RUN -o FOLDER --overwrite` leaves them out.", err=True)


def _show_plan(graph: Graph, planned: ForgetPlan) -> None:
    going = planned.going
    show_table(
        ("question", "level", "answers", "text"),
        [
            (row["id"], str(row["level"]), str(len(row["answers"])), row["text"])
            for row in show.questions(graph, going.questions)
        ],
    )
    _show_changes(planned)
    say(
        f"{len(going.documents):,} documents, {len(going.terms):,} terms, {len(going.combinations):,} combinations, "
        f"{len(going.questions):,} questions and {len(going.answers):,} answers would go; nothing was changed.",
        err=True,
    )


def _show_changes(planned: ForgetPlan) -> None:
    """What becomes of decisions: merges, and what reviewers said."""
    if planned.merges is not None:
        show_changes(planned.merges, err=True)
    for first, second, verdict in planned.going.verdicts:
        say(
            f"  ! with a term goes a reviewer's {verdict} on {first} and {second}: kept beside the tombstones, it "
            "holds again when both are back",
            err=True,
        )
