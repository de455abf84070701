"""The `kgsynth` command: it parses arguments and sets the exit code.

Data go to standard output, everything else to standard error. Each command is imported when it is called, so that
`kgsynth --help` is fast.
"""

import difflib
import errno
import importlib
import io
import logging
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kgsynth import __version__
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.say import add_json_option, say, say_error, with_graph
from kgsynth.errors import ConfigError, KgsynthError, quoted, shortened

_LOG = logging.getLogger(__name__)

_COMMANDS = {
    "demo": ("kgsynth.cli.run", "Run all stages on the docs of SymPy, SciPy and NetworkX."),
    "init": ("kgsynth.cli.init", "Write a TOML file for `kgsynth run` that explains all settings."),
    "doctor": ("kgsynth.cli.doctor", "Check what a run needs, and say what is missing."),
    "sandbox": ("kgsynth.cli.sandbox", "Check the sandbox in which programs of models run."),
    "plan": ("kgsynth.cli.plan", "Estimate requests, tokens, time and price of a run."),
    "run": ("kgsynth.cli.run", "Run all stages of one TOML file."),
    "config": ("kgsynth.cli.run", "Show the resolved values of a TOML file and the origin of each."),
    "db": ("kgsynth.cli.db", "Manage the local Neo4j: start, stop, status, dump, restore."),
    "filter": ("kgsynth.cli.filter", "Keep the documents of a domain, by examples and a rating model."),
    "extract": ("kgsynth.cli.documents", "Find concepts in documents; write annotations."),
    "load": ("kgsynth.cli.documents", "Load documents, annotations or counted pairs into the graph."),
    "loaders": ("kgsynth.cli.documents", "List the installed loaders."),
    "merge": ("kgsynth.cli.graph", "Merge near-duplicate concepts and topics; undo or reject merges."),
    "merges": ("kgsynth.cli.graph", "List the merges with their evidence."),
    "build": ("kgsynth.cli.graph", "Bring walk tables and co-occurrences up to date."),
    "check": ("kgsynth.cli.graph", "Run all checks; the exit code is 1 if one has findings."),
    "sample": ("kgsynth.cli.walks", "Draw combinations of concepts by weighted walks."),
    "generate": ("kgsynth.cli.writing", "Write questions of level 1, 2 or 3."),
    "answer": ("kgsynth.cli.writing", "Answer questions; vote, judge, reject."),
    "retry": ("kgsynth.cli.writing", "Retry the rejects of a run with new seeds."),
    "prompts": ("kgsynth.cli.prompts", "List, show, copy and check the prompt templates of domains."),
    "runs": ("kgsynth.cli.runs", "List runs with their state, or show the counts of one."),
    "show": ("kgsynth.cli.show", "Show the rows of a run: questions, answers, concepts, documents."),
    "curate": ("kgsynth.cli.dataset", "Filter, deduplicate and decontaminate questions."),
    "forget": ("kgsynth.cli.forget", "Remove documents and everything that was made from them."),
    "browse": ("kgsynth.cli.browse", "View the graph in Neo4j Browser, with a guide."),
    "query": ("kgsynth.cli.explore", "Query the graph in Cypher; show a table, file or picture."),
    "concept": ("kgsynth.cli.explore", "Show a concept with its neighbourhood."),
    "document": ("kgsynth.cli.explore", "Show a document and the questions made from it."),
    "question": ("kgsynth.cli.explore", "Show a question with its answers."),
    "trace": ("kgsynth.cli.explore", "Show how a question was made, back to its documents."),
    "report": ("kgsynth.cli.report", "Write a page on coverage, diversity and rejects of runs."),
    "scaling": ("kgsynth.cli.scaling", "Estimate the value of more data by a scaling law."),
    "subset": ("kgsynth.cli.scaling", "Export nested subsets of a training set, balanced by level."),
    "export": ("kgsynth.cli.dataset", "Write the training set with its card."),
    "completion": ("kgsynth.cli.completion", "Print the completion script of a shell."),
}


# They neither list rows nor close a stage.
_WITHOUT_JSON = ("init", "browse", "completion")


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        # A command with the name of an imported module or a built-in is defined as NAME_group.
        command = getattr(module, f"{cmd_name}_group", None) or getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            return None
        if cmd_name not in _WITHOUT_JSON:
            add_json_option(command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KgsynthError as error:
            error.args = (with_graph(str(error)),)
            error.hint = with_graph(error.hint)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # Without this, click would import all commands.
        names = [
            CompletionItem(name, help=text) for name, (_, text) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            close = difflib.get_close_matches(args[0], list(_COMMANDS), n=1)
            ctx.fail(f"no command {quoted(args[0])}." + (f" Did you mean {quoted(close[0])}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kgsynth")
@click.option(
    "--graph",
    type=GIVEN_TEXT,
    metavar="NAME",
    default=None,
    envvar="KGSYNTH_GRAPH",
    show_envvar=True,
    help="The managed graph to use.  [default: the only graph, else main] NEO4J_URI selects a server of your own.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log the work of the stages to standard error.")
@click.option(
    "--log-file",
    type=GivenPath(dir_okay=False),
    help="File to which the work of the stages is logged, with times, Cypher statements and files.",
)
@click.pass_context
def cli(ctx: click.Context, graph: str | None, verbose: bool, log_file: Path | None) -> None:
    """Training data for language models from documents, through a concept graph in Neo4j.

    The stages are, in order: extract, load, merge, build, check, sample, generate, answer, curate, export.
    `kgsynth run` runs all of them.

    \b
    Exit codes:
    0    done
    1    an error, or what check, doctor, prompts check or sandbox check
         finds wrong
    2    wrong use of a command
    3    too many rejects; from `db status`: the server does not run
    4    a server did not answer; the same command may succeed later
    130  interrupted; finished work is kept
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(name)s: %(message)s" if verbose else "%(message)s",
        handlers=[_Terminal()],
    )
    if not verbose:
        # The driver logs each retry; kgsynth raises an error if the retries fail.
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)
    if log_file is not None:
        _log_to(log_file)
    ctx.obj = graph


class _Terminal(logging.Handler):
    """Writes log messages to what standard error is at that time, so that they stand above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(with_graph(self.format(record)) + "\n")


def _log_to(path: Path) -> None:
    """Append all log messages of kgsynth to a file; the level on the terminal does not change.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        file_handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", hint="Give --log-file a path in a folder that exists."
        ) from error
    file_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    terminal_level = logging.getLogger().getEffectiveLevel()
    for terminal_handler in logging.getLogger().handlers:
        terminal_handler.setLevel(terminal_level)
    logger = logging.getLogger("kgsynth")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(file_handler)


def main() -> None:
    """Run the command; an error prints its message and hint, and gives the exit code that `--help` lists."""
    # In two groups of commands, `--json` names a file.
    is_json = "--json" in sys.argv and not {"report", "scaling"} & set(sys.argv)
    try:
        # Without standalone mode click returns the code of ctx.exit() instead of raising it.
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        say("interrupted; finished work is kept", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        say("interrupted; finished work is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        if is_json:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else "kgsynth"
            say_error(shortened(error.format_message()), f"See `{command} --help`.", is_json=True)
        else:
            shown = io.StringIO()
            error.show(shown)
            click.echo(shortened(shown.getvalue()), err=True, nl=False)
        sys.exit(error.exit_code)
    except KgsynthError as error:
        say_error(str(error), error.hint, is_json=is_json)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader closed the pipe, as in `kgsynth merges | head`.
        sys.stderr.close()
        sys.exit(0)
    except (OSError, RecursionError, UnicodeError) as error:
        # A file, a disk or a value that no stage has checked; the log has the traceback.
        _LOG.debug("unexpected error", exc_info=True)
        say_error(_cause(error), _hint(error), is_json=is_json)
        sys.exit(1)


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "an input is nested too deeply"
    if isinstance(error, UnicodeError):
        return f"an input is not UTF-8 text: {error}"
    return shortened(str(error))


def _hint(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space and run the same command again. Finished work is kept."
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Check that the file or folder can be read and written."
    return "`kgsynth --log-file FILE …` writes where it happened to a file."
