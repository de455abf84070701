"""`kgsynth merge`, `merges`, `build` and `check`: decide merges, and build and check the derived layers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.co_occurrences import co_occurrences_option
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import (
    BACKEND,
    asking_settings,
    env,
    graph_settings,
    open_graph,
    progress,
    report,
    run_dir_option,
    settings_from,
    settings_options,
)
from kgsynth.cli.say import say, say_json, wants_json, with_graph
from kgsynth.cli.tables import show_changes, show_table
from kgsynth.errors import ConfigError
from kgsynth.pipeline import Case, CoOccurrences, Graph, Merge, Pair, Verdict
from kgsynth.pipeline.merging import MergePlan
from kgsynth.settings import JudgeSettings, MergeSettings, RunConfig

_MERGE = ("embedder", "neighbours", "min_cosine")
_JUDGE = ("pairs_per_request", "pairs_per_thousand", "known_pairs", "context_neighbours", *BACKEND)
# Probability from which the closing line calls a judged pair likely.
_LIKELY = 0.9


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the merges with their evidence, and change nothing.")
@click.option(
    "--undo",
    "undo_ids",
    type=GIVEN_TEXT,
    multiple=True,
    metavar="ID",
    help="Undo the merge with this id; `kgsynth merges` lists the ids.",
)
@click.option(
    "--reject",
    "reject_ids",
    type=GIVEN_TEXT,
    multiple=True,
    metavar="ID",
    help="Undo the merge with this id, and never merge these two terms again.",
)
@click.option(
    "--distinct",
    type=GIVEN_TEXT,
    nargs=2,
    multiple=True,
    metavar="TERM TERM",
    help="Record that two terms have different meanings; give their ids, such as 'concept:even function'.",
)
@click.option(
    "--review", is_flag=True, help="Review the doubtful pairs one by one on the terminal, the most doubtful first."
)
@click.option(
    "--review-file",
    type=GivenPath(dir_okay=False),
    help="Write the doubtful pairs to a CSV file for reviewers to fill in.",
)
@click.option(
    "--load-review",
    "reviews",
    multiple=True,
    type=GivenPath(exists=True, dir_okay=False),
    help="Apply a file that a reviewer has filled in; the verdicts of several files must agree.",
)
@click.option("--yes", "is_agreed", is_flag=True, help="Apply a review without confirmation.")
@click.option(
    "--judge",
    "is_judged",
    is_flag=True,
    help="Ask a language model about likely synonyms that no rule decides, and keep its verdicts; no merge changes.",
)
@settings_options(JudgeSettings, ("apply_above",), shows_defaults=False)
@run_dir_option
@settings_options(MergeSettings, _MERGE)
@settings_options(
    JudgeSettings,
    _JUDGE,
    helps={"executor": "Where names are embedded and where the model is asked: this machine or a Ray cluster."},
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
    is_judged: bool,
    run_dir: Path | None,
    **values: Any,
) -> None:
    """Merge near-duplicate terms: a FAISS search finds candidate pairs, and rules on their words decide.

    A merged term becomes an alias of the term that more documents use. Run `kgsynth build` afterwards.

    \b
    kgsynth merge --dry-run
    kgsynth merge --review
    kgsynth merge --review-file doubtful.csv      fill it in, then
    kgsynth merge --load-review doubtful.csv

    With --judge, a language model judges pairs that documents declare the same, doubtful pairs, and names in similar
    contexts. Its verdicts stay in the graph, and no pair is judged twice.

    \b
    kgsynth merge --judge --url http://127.0.0.1:8000
    kgsynth merge --review-file judged.csv        shows the verdicts, or
    kgsynth merge --apply-above 0.9               joins by them
    """
    settings = settings_from(MergeSettings, values)
    judging: JudgeSettings = asking_settings(JudgeSettings, values)
    apply_above = judging.apply_above
    is_mode_given = {
        "--judge": is_judged,
        "--undo, --reject or --distinct": bool(undo_ids or reject_ids or distinct),
        "--review-file": review_file is not None,
        "--review": review,
        "--load-review": bool(reviews),
    }
    modes = [name for name, is_given in is_mode_given.items() if is_given]
    if apply_above is not None and modes not in ([], ["--judge"]):
        raise ConfigError(f"--apply-above cannot be used with {modes[0]}")
    if len(modes) > 1:
        raise ConfigError(f"{' and '.join(modes)} exclude each other", hint="Run `kgsynth merge` once for each.")
    if dry_run and (apply_above is not None or (modes and modes[0] not in ("--review", "--load-review"))):
        raise ConfigError(f"--dry-run cannot be used with {[*modes, '--apply-above'][0]}")
    place = graph_settings(ctx)
    session = env().home / "reviews" / f"{place.name}.jsonl"
    config = RunConfig(graph=place, merge=settings)
    if not (undo_ids or reject_ids or distinct):  # these compare no names
        pipeline.refuse_stage(env(), config, "merge", folder=env().home)
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
        elif is_judged or apply_above is not None:
            if is_judged:
                _judge(graph, settings, judging, run_dir)
            if apply_above is None:
                return
            pipeline.apply_verdicts(graph, env(), settings, above=apply_above, report=report)
        elif review_file is not None:
            doubtful_pairs = pipeline.doubtful_pairs(graph, env(), settings)
            pipeline.write_review(review_file, doubtful_pairs)
            say(
                f"{len(doubtful_pairs):,} doubtful pairs in {review_file}: write yes or no into the column verdict.",
                err=True,
            )
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
            planned = pipeline.merge(graph, env(), settings, dry_run=dry_run, report=report, progress=progress())
            if dry_run:
                _show_merges(planned.merges, planned.names)
                say(
                    f"{len(planned.merges)} merges would be made; nothing was changed. {len(planned.doubts):,} pairs "
                    f"are doubtful: review them with `{with_graph('kgsynth merge --review')}`.",
                    err=True,
                )
                return
    say(with_graph("Run `kgsynth build` to bring the walk tables up to date."), err=True)


def _judge(graph: Graph, merging: MergeSettings, judging: JudgeSettings, run_dir: Path | None) -> None:
    judged = pipeline.judge_names(graph, env(), merging, judging, run_dir=run_dir, report=report, progress=progress())
    if judged.folder is None:
        say("no pair is left to judge; a larger --pairs-per-thousand may bring less likely ones", err=True)
        return
    verdicts = [verdict for verdict in judged.verdicts if not verdict.known]
    likely = sum(verdict.agrees and verdict.chance is not None and verdict.chance >= _LIKELY for verdict in verdicts)
    doubtful = sum(not verdict.agrees for verdict in verdicts)
    # Few known pairs allow no high probability.
    highest = max((verdict.chance or 0.0 for verdict in verdicts if verdict.agrees), default=0.0)
    say(
        f"{len(verdicts):,} pairs were judged: {likely:,} have the same meaning with a probability of {_LIKELY} or "
        f"more{'' if likely else f' (the highest is {highest:.2f})'}, {doubtful:,} got two answers, one per order of "
        "the names. See them with "
        f"`{with_graph('kgsynth merge --review-file FILE.csv')}`"
        + (
            f". The judge is too weak to join names: {judged.weakness}."
            if judged.weakness
            else f", or join the likely ones with `{with_graph(f'kgsynth merge --apply-above {_LIKELY}')}`."
        ),
        err=True,
    )
    if judged.calibration is None:
        say(
            "The rules decide no equal or no different pairs that the model judged, so probabilities are those of the "
            "model itself.",
            err=True,
        )
    else:
        say(
            f"On {judged.calibration.same + judged.calibration.different:,} pairs that the rules decide, the model's "
            f"scores have an area under the ROC curve of {judged.calibration.auc:.2f}; the curve of its probabilities "
            f"is in {judged.folder.path / 'calibration.json'}.",
            err=True,
        )


def _show_merges(planned: Sequence[Merge], names: Mapping[str, str]) -> None:
    show_table(
        ("alias", "counts as", "kind", "rule", "cosine", "id"),
        [
            (
                names[merge_row.alias_id],
                names[merge_row.canonical_id],
                merge_row.alias_id.partition(":")[0],
                merge_row.rule,
                f"{merge_row.cosine:.3f}",
                merge_row.merge_id,
            )
            for merge_row in planned
        ],
    )


def _ask(cases: Sequence[Case], session: Path) -> dict[Pair, Verdict]:
    """Show each case and read a key: y, n, s(kip), u(ndo) or q(uit); verdicts are kept in a file until applied.

    Raises:
        ConfigError: there is no terminal, or the file of an earlier session cannot be read.
    """
    verdicts = _earlier(session, {case.pair for case in cases})
    if verdicts:
        say(f"continuing a session that was not applied, with {len(verdicts):,} verdicts", err=True)
    index = 0
    waiting_keys: list[str] = []
    while index < len(cases):
        if cases[index].pair in verdicts:
            index += 1
            continue
        case = cases[index]
        say(f"\n{index + 1} of {len(cases):,}  {case.decided}, cosine {case.cosine:.3f}, doubt {case.doubt:.2f}")
        for name, sentence in ((case.first, case.first_sentence), (case.second, case.second_sentence)):
            say(f"  {click.style(name, bold=True)}" + (f"\n      {sentence}" if sentence else ""))
        if case.evidence:
            say(f"  a document says: {case.evidence}")
        if case.judged is not None:
            say(f"  a language model says: the same, with a probability of {case.judged:.2f}")
        say("  same meaning? y yes, n no, s skip, u undo, q quit ", nl=False)
        # One read may return several keys.
        waiting_keys = waiting_keys or list(_keys())
        key = waiting_keys.pop(0) if waiting_keys else "q"
        say(key)
        if key == "q":
            break
        if key == "u":
            index = max(0, index - 1)
            verdicts.pop(cases[index].pair, None)
        elif key in ("y", "n", "s"):
            verdicts.pop(case.pair, None)
            if key != "s":
                verdicts[case.pair] = "yes" if key == "y" else "no"
            index += 1
        if key in ("u", "y", "n"):
            session.parent.mkdir(parents=True, exist_ok=True)
            with session.open("a", encoding="utf-8") as file:
                pair = cases[index].pair if key == "u" else case.pair
                file.write(json.dumps([*pair, verdicts.get(pair, "")], ensure_ascii=False) + "\n")
    return verdicts


def _keys() -> str:
    """Return the keys that were typed; an empty string at the end of the input or after Ctrl-C."""
    try:
        return click.getchar().casefold()
    except (KeyboardInterrupt, EOFError):
        return ""
    except OSError as error:
        raise ConfigError(
            f"a review needs a terminal ({error})",
            hint="Write a file with `kgsynth merge --review-file FILE.csv`, and apply it with --load-review.",
        ) from error


def _earlier(session: Path, pairs: set[Pair]) -> dict[Pair, Verdict]:
    verdicts: dict[Pair, Verdict] = {}
    if not session.is_file():
        return verdicts
    try:
        for line in session.read_text(encoding="utf-8").split("\n"):
            if line:
                first, second, verdict = json.loads(line)
                verdicts.pop((first, second), None)
                if verdict and (first, second) in pairs:
                    verdicts[first, second] = "yes" if verdict == "yes" else "no"
    except (OSError, ValueError) as error:
        raise ConfigError(f"{session} cannot be read: {error}", hint="Remove it, or its last line.") from error
    return verdicts


def _apply(
    graph: Graph, settings: MergeSettings, verdicts: Mapping[Pair, Verdict], *, is_agreed: bool, is_dry: bool
) -> bool:
    """Show the changes of the verdicts, ask for confirmation, and apply them; return whether they were applied."""
    if not verdicts:
        say("no pair was decided; nothing was changed", err=True)
        return False
    planned = pipeline.preview_merge(graph, env(), settings, verdicts)
    yes = sum(verdict == "yes" for verdict in verdicts.values())
    say(f"\n{yes:,} pairs have the same meaning, {len(verdicts) - yes:,} do not. This changes:")
    show_changes(planned)
    if not planned.is_change:
        say("  no merge changes; the verdicts are kept for later merges")
    not_joined = _not_joined(planned, verdicts)
    for first, second in not_joined:
        say(f"  ! {first} and {second} have the same meaning by a verdict, but are not merged", err=True)
    if is_dry or (not is_agreed and not click.confirm("Apply?")):
        say("nothing was changed", err=True)
        return False
    pipeline.apply_review(graph, env(), settings, verdicts, report)
    return True


def _not_joined(planned: MergePlan, verdicts: Mapping[Pair, Verdict]) -> list[Pair]:
    target = {decided.alias_id: decided.canonical_id for decided in planned.merges}
    return [
        pair
        for pair, verdict in verdicts.items()
        if verdict == "yes" and target.get(pair[0], pair[0]) != target.get(pair[1], pair[1])
    ]


@click.command()
@click.pass_context
def merges(ctx: click.Context) -> None:
    """List the merges in the graph by concept, with their evidence. Uses are documents that use exactly this name.

    \b
    The rule says how the two names differ:
    letters    only in case, accents, hyphens, spaces, possessives, articles
    plural     only in singular and plural
    spelling   only in British and American spelling, or in written-out umlauts
    of         "A of B" and "B A"
    order      only in the order of the words before the last
    property   an adjective and the noun of its property
    acronym    one abbreviates the other
    unsaid     one omits the noun
    review     a reviewer decided that they have the same meaning
    judge      a language model judged that they have the same meaning
    """
    with open_graph(ctx) as graph:
        stored_merges = pipeline.held_merges(graph)
    show_table(
        ("concept", "uses", "kind", "alias", "alias uses", "rule", "cosine", "id"),
        [
            (
                stored.canonical,
                stored.canonical_documents,
                stored.kind,
                stored.alias,
                stored.alias_documents,
                stored.rule,
                f"{stored.cosine:.3f}",
                stored.merge_id,
            )
            for stored in stored_merges
        ],
        grouped=3,
    )


@click.command()
@click.option(
    "--whole", "is_whole", is_flag=True, help="Build all layers from the beginning, even if little has changed."
)
@co_occurrences_option
@click.pass_context
def build(ctx: click.Context, /, is_whole: bool, keep: CoOccurrences | None) -> None:
    """Update the walk tables and the co-occurrences after loads and merges.

    If less than a quarter of the documents has changed, only the changes are written, and new documents come after the
    others; --whole puts all documents in the order of their ids.
    """
    pipeline.refuse_stage(env(), RunConfig(graph=graph_settings(ctx)), "build")
    with open_graph(ctx) as graph:
        pipeline.build(graph, is_whole=is_whole, keep=keep, report=report, progress=progress())


@click.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Run all queries of cypher/check. A correct graph gives no rows; the exit code is 1 if a query returns any."""
    with open_graph(ctx) as graph:
        forgotten = pipeline.forgotten_documents(env(), graph_settings(ctx))
        findings = pipeline.check(graph, forgotten=forgotten, report=report, progress=progress())
    for finding in findings:
        if wants_json():
            say_json(asdict(finding))
            continue
        say(f"{finding.check}: {finding.count:,} rows. {finding.summary}")
        for row in finding.examples:
            say("  " + ", ".join(f"{key}={value!r}" for key, value in row.items()))
    if findings:
        ctx.exit(1)
