"""`kgsynth runs`: list runs, and show the settings and results of one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.run_folder import RunFolder, find_runs, open_run

_SHOWN_REJECTS = 3
_RAW_CHARS = 160


@click.group(invoke_without_command=True)
@click.option(
    "--below",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder to search for runs.  [default: runs/ if it exists, else the current folder]",
)
@click.pass_context
def runs(ctx: click.Context, /, below: Path | None) -> None:
    """List the runs below a folder; `kgsynth runs show RUN` shows one."""
    if ctx.invoked_subcommand is not None:
        return
    if below is None:
        below = Path("runs") if Path("runs").is_dir() else Path()
    rows = [_row(folder) for folder in find_runs(below)]
    if rows:
        show_table(("run", "stage", "state", "units", "kept", "rejected", "tokens out", "seconds", "folder"), rows)
    else:
        say(f"there is no run below {below.absolute()}", err=True)


@runs.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def show(run: Path) -> None:
    """Show the run in the folder RUN: settings, counts, rejects by reason with examples, sessions, parts."""
    folder = open_run(run)
    counts = folder.counted()
    say(f"run {folder.run_id} ({folder.stage}), {_state(folder)}, in {folder.path}")
    read = counts["kept"] + sum(counts["rejected"].values())
    say(f"{read:,} {folder.rows_name} read = {counts['kept']:,} kept + {read - counts['kept']:,} rejected")
    for name, number in sorted(counts["totals"].items()):
        say(f"  {name.replace('_', ' ')}: {number:,}")
    for shard in _journals(folder):
        say(f"  in the journal of shard {shard}: {len(_lines(folder.journal_file(shard))):,} finished requests")
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
        say(f"\n{part.path.name}, {_state(part)}: {number:,} read, {part_counts['kept']:,} kept")
    sessions = folder.sessions()
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


def _state(folder: RunFolder) -> str:
    if folder.is_locked():
        return "running"
    return "complete" if folder.manifest() is not None else "interrupted"


def _row(folder: RunFolder) -> Sequence[str]:
    counts = folder.counted()
    seconds = sum(float(row.get("seconds", 0)) for row in folder.sessions())
    totals = counts["totals"]
    return (
        folder.run_id,
        folder.stage,
        _state(folder),
        f"{totals.get('units', 0):,}",
        f"{counts['kept']:,}",
        f"{sum(counts['rejected'].values()):,}",
        f"{totals.get('output_tokens', 0):,}",
        f"{seconds:,.0f}",
        str(folder.path),
    )


def _journals(folder: RunFolder) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in folder.path.glob("journal-*.jsonl"))


def _lines(path: Path) -> list[bytes]:
    # A running process may have completed the shard and removed its journal in the meantime.
    return path.read_bytes().splitlines() if path.exists() else []


def _examples(folder: RunFolder, reason: str) -> list[dict[str, Any]]:
    examples = []
    for row in folder.rejects():
        if row["reason"] == reason:
            examples.append(row)
            if len(examples) == _SHOWN_REJECTS:
                break
    return examples
