"""`kgsynth merge`, `merges`, `build` and `check`: decisions and derived layers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.options import (
    co_occurrences_option,
    env,
    graph_settings,
    open_graph,
    progress,
    report,
    settings_from,
    settings_options,
)
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_changes, show_table
from kgsynth.errors import ConfigError
from kgsynth.pipeline import Case, CoOccurrences, Graph, Merge, Pair, Verdict
from kgsynth.pipeline.merging import MergePlan
from kgsynth.settings import MergeSettings


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
@click.option(
    "--review", is_flag=True, help="Decide the doubtful pairs one by one with a key, the most doubtful first."
)
@click.option(
    "--review-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the doubtful pairs to a CSV file that people fill in.",
)
@click.option(
    "--load-review",
    "reviews",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Apply a filled-in file; of several files, verdicts must agree.",
)
@click.option("--yes", "is_agreed", is_flag=True, help="Apply a review without asking.")
@settings_options(
    MergeSettings,
    (
        "embedder",
        "executor",
        "neighbours",
        "min_cosine",
    ),
)
@click.pass_context
def merge(
    ctx: click.Context,
    /,
    dry_run: bool,
    undo_ids: tuple[str, ...],
    reject_ids: tuple[str, ...],
    distinct: tuple[tuple[str, str], ...],
    review: bool,
    review_file: Path | None,
    reviews: tuple[Path, ...],
    is_agreed: bool,
    **values: Any,
) -> None:
    """Merge near-duplicate terms: candidates by FAISS, decided by their words.

    The merged term stays as an alias of the term that more documents use. Run `kgsynth build` afterwards.

    \b
    kgsynth merge --dry-run
    kgsynth merge --review
    kgsynth merge --review-file doubtful.csv      fill it in, then
    kgsynth merge --load-review doubtful.csv
    """
    settings = settings_from(MergeSettings, values)
    given = {
        "--undo, --reject or --distinct": bool(undo_ids or reject_ids or distinct),
        "--review-file": review_file is not None,
        "--review": review,
        "--load-review": bool(reviews),
    }
    modes = [name for name, is_given in given.items() if is_given]
    if len(modes) > 1:
        raise ConfigError(f"{' and '.join(modes)} exclude each other", hint="Call merge once for each.")
    if dry_run and modes and modes[0] not in ("--review", "--load-review"):
        raise ConfigError(f"--dry-run does not go with {modes[0]}")
    session = env().home / "reviews" / f"{graph_settings(ctx).name}.jsonl"
    with open_graph(ctx) as graph:
        if undo_ids or reject_ids or distinct:
            for ids, is_rejected in ((undo_ids, False), (reject_ids, True)):
                if ids:
                    say(
                        f"{pipeline.undo_merges(graph, ids, is_rejected=is_rejected)} merges undone"
                        + (" and rejected" if is_rejected else ""),
                        err=True,
                    )
            for first, second in distinct:
                pipeline.set_distinct(graph, first, second)
        elif review_file is not None:
            found = pipeline.doubtful_pairs(graph, env(), settings)
            pipeline.write_review(review_file, found)
            say(f"{len(found):,} doubtful pairs in {review_file}: fill in the column verdict with yes or no.", err=True)
            return
        elif review or reviews:
            if reviews:
                verdicts = pipeline.read_reviews(reviews)
            else:
                verdicts = _ask(pipeline.doubtful_pairs(graph, env(), settings), session)
            if not _apply(graph, settings, verdicts, is_agreed=is_agreed, is_dry=dry_run):
                return
            if review:
                session.unlink(missing_ok=True)
        else:
            planned = pipeline.merge(graph, env(), settings, dry_run=dry_run, report=report)
            if dry_run:
                _show_merges(planned.merges, planned.names)
                say(
                    f"{len(planned.merges)} merges would be made; nothing was changed. {len(planned.doubts):,} pairs "
                    "are doubtful: kgsynth merge --review.",
                    err=True,
                )
                return
    say("Run `kgsynth build` to bring the walk tables up to date.", err=True)


def _show_merges(planned: Sequence[Merge], names: Mapping[str, str]) -> None:
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


def _ask(found: Sequence[Case], session: Path) -> dict[Pair, Verdict]:
    """Show each case and take a key: y, n, s(kip), u(ndo), q(uit); what was said stands in a file until it is applied.

    Raises:
        ConfigError: there is no terminal to ask at, or the file of an earlier session is broken.
    """
    verdicts = _earlier(session, {one.pair for one in found})
    if verdicts:
        say(f"{len(verdicts):,} verdicts of a session that was not applied are taken up", err=True)
    place = 0
    waiting: list[str] = []
    while place < len(found):
        if found[place].pair in verdicts:
            place += 1
            continue
        one = found[place]
        say(f"\n{place + 1} of {len(found):,}  {one.decided}, cosine {one.cosine:.3f}, doubt {one.doubt:.2f}")
        for name, sentence in ((one.first, one.first_sentence), (one.second, one.second_sentence)):
            say(f"  {click.style(name, bold=True)}" + (f"\n      {sentence}" if sentence else ""))
        say("  the same? y yes, n no, s skip, u undo, q quit ", nl=False)
        # One read may bring several keys.
        waiting = waiting or list(_keys())
        key = waiting.pop(0) if waiting else "q"
        say(key)
        if key == "q":
            break
        if key == "u":
            place = max(0, place - 1)
            verdicts.pop(found[place].pair, None)
        elif key in ("y", "n", "s"):
            verdicts.pop(one.pair, None)
            if key != "s":
                verdicts[one.pair] = "yes" if key == "y" else "no"
            place += 1
        if key in ("u", "y", "n"):
            session.parent.mkdir(parents=True, exist_ok=True)
            with session.open("a", encoding="utf-8") as file:
                pair = found[place].pair if key == "u" else one.pair
                file.write(json.dumps([*pair, verdicts.get(pair, "")], ensure_ascii=False) + "\n")
    return verdicts


def _keys() -> str:
    """What was typed; nothing at the end of the input, or when the reviewer breaks off."""
    try:
        return click.getchar().casefold()
    except (KeyboardInterrupt, EOFError):
        return ""
    except OSError as error:
        raise ConfigError(
            f"there is no terminal to ask at ({error})",
            hint="Write a file instead: kgsynth merge --review-file FILE.csv, and apply it with --load-review.",
        ) from error


def _earlier(session: Path, known: set[Pair]) -> dict[Pair, Verdict]:
    verdicts: dict[Pair, Verdict] = {}
    if not session.is_file():
        return verdicts
    try:
        for line in session.read_text(encoding="utf-8").split("\n"):
            if line:
                first, second, verdict = json.loads(line)
                verdicts.pop((first, second), None)
                if verdict and (first, second) in known:
                    verdicts[first, second] = "yes" if verdict == "yes" else "no"
    except (OSError, ValueError) as error:
        raise ConfigError(f"{session} cannot be read: {error}", hint="Remove it, or its last line.") from error
    return verdicts


def _apply(
    graph: Graph, settings: MergeSettings, verdicts: Mapping[Pair, Verdict], *, is_agreed: bool, is_dry: bool
) -> bool:
    """Show what verdicts change, ask, and apply; whether it was done."""
    if not verdicts:
        say("nothing was decided, nothing is changed", err=True)
        return False
    planned = pipeline.preview_merge(graph, env(), settings, verdicts)
    yes = sum(verdict == "yes" for verdict in verdicts.values())
    say(f"\n{yes:,} pairs are the same, {len(verdicts) - yes:,} are different. This changes:")
    show_changes(planned)
    if not planned.is_change:
        say("  no merge; the verdicts are kept for later ones")
    left = _not_joined(planned, verdicts)
    for first, second in left:
        say(f"  ! {first} and {second} are the same by a verdict and are not joined", err=True)
    if is_dry or (not is_agreed and not click.confirm("Apply?")):
        say("nothing was changed", err=True)
        return False
    pipeline.apply_review(graph, env(), settings, verdicts, report)
    return True


def _not_joined(planned: MergePlan, verdicts: Mapping[Pair, Verdict]) -> list[Pair]:
    target = {one.alias_id: one.canonical_id for one in planned.merges}
    return [
        pair
        for pair, verdict in verdicts.items()
        if verdict == "yes" and target.get(pair[0], pair[0]) != target.get(pair[1], pair[1])
    ]


@click.command()
@click.pass_context
def merges(ctx: click.Context) -> None:
    """List the merges in the graph with their evidence.

    \b
    The rule says what the two names share:
    letters    all but case, accents, hyphens, gaps, possessives, articles
    plural     all but singular and plural
    spelling   all but British and American spelling, umlauts written out
    of         the words: "A of B" and "B A"
    order      the words, and the last one
    property   an adjective and the noun of its property
    acronym    one abbreviates the other
    unsaid     one leaves out the noun
    review     a reviewer said that they are the same
    """
    with open_graph(ctx) as graph:
        held = pipeline.held_merges(graph)
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
@click.option("--whole", "is_whole", is_flag=True, help="Build everything again, even where little has changed.")
@co_occurrences_option
@click.pass_context
def build(ctx: click.Context, /, is_whole: bool, keep: CoOccurrences | None) -> None:
    """Update what walks step through, and the co-occurrences, after loads and merges.

    Where less than a quarter of the documents has changed, only what has changed is written. New documents come behind
    the others then; --whole puts all documents in the order of their ids.
    """
    with open_graph(ctx) as graph:
        pipeline.build(graph, is_whole=is_whole, keep=keep, report=report, progress=progress())


@click.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Run every query of cypher/check; a healthy graph returns no rows. Exit code 1 when one does."""
    with open_graph(ctx) as graph:
        forgotten = pipeline.forgotten_documents(env(), graph_settings(ctx))
        findings = pipeline.check(graph, forgotten=forgotten, report=report, progress=progress())
    for finding in findings:
        say(f"{finding.check}: {finding.count:,} rows. {finding.summary}")
        for row in finding.examples:
            say("  " + ", ".join(f"{key}={value!r}" for key, value in row.items()))
    if findings:
        ctx.exit(1)
