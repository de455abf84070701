"""`kgsynth runs`: list runs, and show the settings and results of one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from kgsynth.cli.given import GivenPath
from kgsynth.cli.say import say, say_error, say_json, wants_json
from kgsynth.cli.tables import show_table
from kgsynth.errors import ManifestError
from kgsynth.run_folder import RunFolder, find_runs, open_run

_SHOWN_REJECTS = 3
_RAW_CHARS = 160
# The stage of the folder of `kgsynth run`.
_WHOLE_RUN = "run"


@click.group(invoke_without_command=True)
@click.option(
    "--below",
    type=GivenPath(exists=True, file_okay=False),
    help="Folder to search for runs.  [default: runs/ if it exists, else the current folder]",
)
@click.pass_context
def runs(ctx: click.Context, /, below: Path | None) -> None:
    """List the runs below a folder; `kgsynth runs show RUN` shows one."""
    if ctx.invoked_subcommand is not None:
        return
    if below is None:
        below = Path("runs") if Path("runs").is_dir() else Path()
    damaged: dict[Path, ManifestError] = {}
    rows: dict[Path, Sequence[str | int | None]] = {}
    for folder in find_runs(below, on_damage=damaged.__setitem__):
        try:
            rows[folder.path] = _row(folder)
        except ManifestError as error:
            damaged[folder.path] = error
    rows |= {path: (None, None, "damaged", *[None] * 6, str(path)) for path in damaged}
    if not rows:
        say(f"there is no run below {below.absolute()}", err=True)
        return
    header = ("run", "stage", "state", "units", "requests", "kept", "rejected", "tokens out", "seconds", "folder")
    show_table(header, [row for _, row in sorted(rows.items())])
    for damage in damaged.values():
        say_error(str(damage), damage.hint, is_json=wants_json())


@runs.command()
@click.argument("run", type=GivenPath(exists=True, file_okay=False))
def show(run: Path) -> None:
    """Show the run in the folder RUN.

    It shows settings, counts, rejects by reason with examples, sessions and parts.
    """
    folder = open_run(run)
    counts = folder.counted()
    if wants_json():
        names = {"run": folder.run_id, "stage": folder.stage, "state": folder.state(), "folder": str(folder.path)}
        parts = [part.path.name for part in folder.parts()[1:]]
        say_json({**names, **counts, "parts": parts, "sessions": folder.sessions(), "settings": folder.settings})
        return
    say(f"run {folder.run_id} ({folder.stage}), {folder.state()}, in {folder.path}")
    end = folder.end()
    if end is not None and end["error"]:
        say(f"the last call ended with: {end['error']}")
    if folder.stage == _WHOLE_RUN:
        for account in (folder.manifest() or {"stages": ()})["stages"]:
            rejected = sum(account["rejected"].values())
            say(
                f"  {account['stage']}: {account['read']:,} {account['unit']} read, {account['kept']:,} kept, "
                f"{rejected:,} rejected"
            )
    else:
        read = counts["kept"] + sum(counts["rejected"].values())
        say(f"{read:,} {folder.rows_name} read = {counts['kept']:,} kept + {read - counts['kept']:,} rejected")
    for name, number in sorted(counts["totals"].items()):
        say(f"  {name.replace('_', ' ')}: {number:,}")
    journaled = folder.journaled()
    if journaled["requests"]:
        say(f"  finished requests of incomplete shards: {journaled['requests']:,}")
    if counts["rejected"]:
        say("\nrejects")
        for reason, number in sorted(counts["rejected"].items(), key=lambda item: -item[1]):
            say(f"  {number:,} {reason}")
            for row in _examples(folder, reason):
                raw = " ".join(str(row["raw"]).split())
                say(f"      {row['unit_id']}: {raw[:_RAW_CHARS]}{'…' if len(raw) > _RAW_CHARS else ''}")
    for part in folder.parts()[1:]:
        part_counts = part.counted()
        number = part_counts["kept"] + sum(part_counts["rejected"].values())
        say(f"\n{part.path.name}, {part.state()}: {number:,} read, {part_counts['kept']:,} kept")
    sessions = [row for row in folder.sessions() if "seconds" in row]
    if sessions:
        say("\nsessions")
        for row in sessions:
            seconds = max(float(row.get("seconds", 0)), 1e-9)
            requests, tokens = row.get("requests", 0), row.get("output_tokens", 0)
            say(
                f"  ended {row.get('ended', '?')}: {seconds:,.1f} s, {requests:,} requests, "
                f"{row.get('prompt_tokens', 0) / seconds:,.0f} tokens/s in, {tokens / seconds:,.0f} out"
            )
    say("\nsettings")
    for name, value in sorted(folder.settings.items()):
        say(f"  {name} = {json.dumps(value, ensure_ascii=False)}")


def _row(folder: RunFolder) -> Sequence[str | int | None]:
    if folder.stage == _WHOLE_RUN:
        # The rows below it have the counts of its stages.
        return (folder.run_id, folder.stage, folder.state(), *[None] * 6, str(folder.path))
    counts = folder.counted()
    seconds = sum(float(row.get("seconds", 0)) for row in folder.sessions())
    totals, journaled = counts["totals"], folder.journaled()
    return (
        folder.run_id,
        folder.stage,
        folder.state(),
        totals.get("units", 0),
        totals.get("requests", 0) + journaled["requests"],
        counts["kept"],
        sum(counts["rejected"].values()),
        totals.get("output_tokens", 0) + journaled["output_tokens"],
        round(seconds),
        str(folder.path),
    )


def _examples(folder: RunFolder, reason: str) -> list[dict[str, Any]]:
    examples = []
    for row in folder.rejects():
        if row["reason"] == reason:
            examples.append(row)
            if len(examples) == _SHOWN_REJECTS:
                break
    return examples
