"""`kgsynth merge`, `merges`, `build` and `check`: decisions and derived layers."""

from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.options import env, open_graph, progress, report, settings_from, settings_options
from kgsynth.cli.tables import show_table
from kgsynth.config import MergeSettings
from kgsynth.graph import decisions


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be merged, with the evidence, and change nothing.")
@click.option(
    "--undo", "undo_ids", multiple=True, metavar="ID", help="Undo this merge; `kgsynth merges` lists the ids."
)
@click.option(
    "--reject", "reject_ids", multiple=True, metavar="ID", help="Undo this merge and never merge the two again."
)
@click.option(
    "--distinct", nargs=2, multiple=True, metavar="TERM TERM", help="Record that two terms (ids) are different."
)
@settings_options(
    MergeSettings,
    helps={
        "embedder": "Which form of all-MiniLM-L6-v2 embeds the names.",
        "neighbours": "Nearest names looked at for each name.",
        "min_cosine": "Smallest cosine of a candidate that shares no words.",
    },
)
@click.pass_context
def merge(
    ctx: click.Context,
    /,
    dry_run: bool,
    undo_ids: tuple[str, ...],
    reject_ids: tuple[str, ...],
    distinct: tuple[tuple[str, str], ...],
    **values: Any,
) -> None:
    """Merge near-duplicate terms: candidates by FAISS, decided by their words.

    The absorbed term stays as an alias of the one that more documents use. Run `kgsynth build` afterwards.
    """
    with open_graph(ctx) as graph:
        if undo_ids or reject_ids or distinct:
            for ids, is_rejected in ((undo_ids, False), (reject_ids, True)):
                if ids:
                    click.echo(
                        f"{decisions.undo(graph, ids, reject=is_rejected)} merges undone"
                        + (" and rejected" if is_rejected else ""),
                        err=True,
                    )
            for first, second in distinct:
                decisions.set_distinct(graph, first, second)
            click.echo("Run `kgsynth build` to bring the walk tables up to date.", err=True)
            return
        settings = settings_from(MergeSettings, "merge", values)
        planned, names = pipeline.merge(graph, env(), settings, dry_run=dry_run, report=report)
    if dry_run:
        show_table(
            ("alias", "counts as", "kind", "rule", "cosine", "id"),
            [
                (
                    names[one.alias_id],
                    names[one.canonical_id],
                    one.alias_id.partition(":")[0],
                    one.rule,
                    f"{one.cosine:.3f}",
                    one.merge_id,
                )
                for one in planned
            ],
        )
        click.echo(f"{len(planned)} merges would be made; nothing was changed.", err=True)
    else:
        click.echo("Run `kgsynth build` to bring the walk tables up to date.", err=True)


@click.command()
@click.pass_context
def merges(ctx: click.Context) -> None:
    """List the merges in the graph with their evidence."""
    with open_graph(ctx) as graph:
        held = decisions.merges(graph)
    show_table(
        ("alias", "documents", "counts as", "documents", "kind", "rule", "cosine", "id"),
        [
            (
                one.alias,
                str(one.alias_documents),
                one.canonical,
                str(one.canonical_documents),
                one.kind,
                one.rule,
                f"{one.cosine:.3f}",
                one.merge_id,
            )
            for one in held
        ],
    )


@click.command()
@click.pass_context
def build(ctx: click.Context) -> None:
    """Make co-occurrences and walk tables anew from documents and merges."""
    with open_graph(ctx) as graph:
        pipeline.build(graph, report=report, progress=progress())


@click.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Run every query of cypher/check; a healthy graph returns no rows. Exit code 1 when one does."""
    with open_graph(ctx) as graph:
        findings = pipeline.check(graph, report=report, progress=progress())
    for finding in findings:
        click.echo(f"{finding.check}: {finding.count:,} rows. {finding.summary}")
        for row in finding.examples:
            click.echo("  " + ", ".join(f"{key}={value!r}" for key, value in row.items()))
    if findings:
        ctx.exit(1)
