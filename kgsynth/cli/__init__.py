"""The `kgsynth` command: arguments in, exit codes out. Data go to standard output, everything else to standard error.

Commands live in modules of this folder and are imported when they are called, so that `kgsynth --help` is quick.
"""

import difflib
import importlib
import logging
import sys
from pathlib import Path

import click

from kgsynth import __version__
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError, KgsynthError

_COMMANDS = {
    "demo": ("kgsynth.cli.run", "Run the whole path on the documentation of SymPy, SciPy and NetworkX."),
    "run": ("kgsynth.cli.run", "Run the whole path from one TOML file."),
    "config": ("kgsynth.cli.run", "Show the resolved values of a TOML file and where each came from."),
    "db": ("kgsynth.cli.db", "Manage the local Neo4j: install, start, stop, status, logs, shell, url, reset."),
    "filter": ("kgsynth.cli.filter", "Keep the documents of a domain, by examples and a rating model."),
    "extract": ("kgsynth.cli.documents", "Find concepts in documents; write annotations."),
    "load": ("kgsynth.cli.documents", "Load documents, annotations or counted pairs into the graph."),
    "loaders": ("kgsynth.cli.documents", "List the installed loaders."),
    "merge": ("kgsynth.cli.graph", "Merge near-duplicate concepts and topics; undo or reject merges."),
    "merges": ("kgsynth.cli.graph", "List the merges with their evidence."),
    "build": ("kgsynth.cli.graph", "Bring walk tables and co-occurrences up to date."),
    "check": ("kgsynth.cli.graph", "Run every check; exit code 1 when one finds something."),
    "sample": ("kgsynth.cli.walks", "Draw combinations of concepts by weighted walks."),
    "generate": ("kgsynth.cli.writing", "Write questions of level 1, 2 or 3."),
    "answer": ("kgsynth.cli.writing", "Answer questions; vote, judge, reject."),
    "retry": ("kgsynth.cli.writing", "Ask for the rejects of a run again, with new seeds."),
    "prompts": ("kgsynth.cli.prompts", "List, show, copy and check the prompt templates of domains."),
    "runs": ("kgsynth.cli.runs", "List runs, or show one."),
    "curate": ("kgsynth.cli.dataset", "Filter, deduplicate and decontaminate questions."),
    "forget": ("kgsynth.cli.forget", "Remove documents with everything that was made from them."),
    "browse": ("kgsynth.cli.browse", "Look at the graph in Neo4j Browser, with a guide."),
    "query": ("kgsynth.cli.explore", "Query the graph in Cypher: a table, JSON, CSV, Parquet or a picture."),
    "concept": ("kgsynth.cli.explore", "Show a concept with its neighbourhood."),
    "document": ("kgsynth.cli.explore", "Show a document and the questions made from it."),
    "question": ("kgsynth.cli.explore", "Show a question with its answers."),
    "trace": ("kgsynth.cli.explore", "Show how a question was made, back to its documents."),
    "report": ("kgsynth.cli.report", "Write a page of figures: coverage, diversity, rejects; two runs side by side."),
    "scaling": ("kgsynth.cli.scaling", "Fit a scaling law, predict, plot, plan: what more data gives."),
    "subset": ("kgsynth.cli.scaling", "Export nested subsets of a training set, balanced by level."),
    "export": ("kgsynth.cli.dataset", "Write the training set with its card."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        # A command that shares its name with a module that it imports stands under another.
        command = getattr(module, f"{cmd_name}_group", None) or getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            close = difflib.get_close_matches(args[0], list(_COMMANDS), n=1)
            ctx.fail(f"no command {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kgsynth")
@click.option(
    "--graph",
    metavar="NAME",
    default=None,
    help="The managed graph to use (default: main). NEO4J_URI selects a server of your own.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log to standard error what the stages do.")
@click.option(
    "--log-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append to this file what the stages do, with times, statements and files.",
)
@click.pass_context
def cli(ctx: click.Context, graph: str | None, verbose: bool, log_file: Path | None) -> None:
    """Training data for language models from documents, through a concept graph in Neo4j.

    The data's path: extract, load, merge, build, check, sample, generate, answer, curate, export;
    `kgsynth run` does all of it.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr
    )
    if not verbose:
        # The driver logs each retry; what matters becomes an error of ours.
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)
    if log_file is not None:
        _log_to(log_file)
    ctx.obj = graph


def _log_to(path: Path) -> None:
    """Log all that kgsynth does to a file, whatever is shown on the terminal.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", hint="Give --log-file a path in a folder that exists."
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    shown = logging.getLogger().getEffectiveLevel()
    for other in logging.getLogger().handlers:
        other.setLevel(shown)
    own = logging.getLogger("kgsynth")
    own.setLevel(logging.DEBUG)
    own.addHandler(handler)


def main() -> None:
    """Run the command; errors of kgsynth become a message, a hint and exit code 1."""
    try:
        # Without standalone mode click returns the code of ctx.exit() instead of raising it.
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        say("interrupted; what was finished is kept", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        say("interrupted; what was finished is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KgsynthError as error:
        say(click.style("error: ", fg="red", bold=True) + str(error), err=True)
        if error.hint:
            say(error.hint, err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has gone, for example `kgsynth merges | head`.
        sys.stderr.close()
        sys.exit(0)
