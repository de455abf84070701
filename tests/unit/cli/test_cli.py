"""Tests of `kgsynth.cli.cli`."""

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kgsynth import pipeline, plugins
from kgsynth.cli import _COMMANDS, cli, main
from kgsynth.cli.say import say, set_graph, with_graph
from kgsynth.cli.scaling import _numbers
from kgsynth.errors import ConfigError, KgsynthError
from kgsynth.records import Document
from kgsynth.settings import AnswerSettings, DocumentsSettings, ExtractSettings, FieldNames
from tests import commands

KGSYNTH = str(Path(sys.executable).with_name("kgsynth"))


def variables(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "COLUMNS": "120"}


def call(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return commands.call(*arguments, cwd=home, env=variables(home))


def call_process(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Call the command as a process of its own, with its own logging."""
    return subprocess.run(
        [KGSYNTH, *arguments], env=variables(home), capture_output=True, text=True, check=False, cwd=home
    )


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) > 4


def test_the_group_lists_every_command_without_importing_it() -> None:
    code = "import sys; from kgsynth.cli import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([name for name in ('torch', 'faiss', 'pandas', 'neo4j', 'pyarrow', 'numpy', 'vllm') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    assert all(name in shown for name in _COMMANDS)


def test_no_help_imports_the_driver_or_what_stages_compute_with(tmp_path: Path) -> None:
    code = """
import sys
from contextlib import suppress
from kgsynth.cli import cli
for arguments in (["runs"], ["query", "--list"], *([name, "--help"] for name in sys.argv[1:])):
    with suppress(SystemExit):
        cli.main(arguments)
print([name for name in ("torch", "faiss", "pandas", "neo4j", "pyarrow", "requests", "vllm") if name in sys.modules])
"""
    shown = subprocess.run(
        [sys.executable, "-c", code, *_COMMANDS],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_errors_have_message_hint_and_exit_code(tmp_path: Path) -> None:
    for arguments, code, words in (
        (["sampel"], 2, "Did you mean 'sample'?"),
        (["sample", "--seed", "x"], 2, "Invalid value"),
        (["sample", "--seed", "1", "--combinations", "1"], 1, "kgsynth --graph main db start"),
        (["sample", "--seed", "1", "-o", "x.txt"], 1, "give .jsonl or .parquet"),
        (["extract", "none.jsonl", "-o", "a.jsonl"], 1, "no such file"),
        (["extract", "x", "--loader", "jsnl", "-o", "a.jsonl"], 1, "did you mean 'jsonl'"),
        (["load"], 1, "nothing to load"),
        (["db", "logs"], 1, "no log yet"),
        (["--graph", "a/b", "db", "status"], 1, "use letters"),
        (["config", "--set", "sample.sed=1"], 1, "did you mean 'seed'"),
        (["db", "reset"], 1, "Agree with --yes"),
    ):
        done = call(*arguments, home=tmp_path)
        assert done.returncode == code, (arguments, done)
        assert words in done.stdout + done.stderr, (arguments, done)
        assert "Traceback" not in done.stderr


def test_status_of_a_graph_that_was_never_started(tmp_path: Path) -> None:
    done = call("db", "status", home=tmp_path)
    assert done.returncode == 3
    assert "stopped" in done.stdout
    assert call("db", "stop", home=tmp_path).stdout == "graph 'main': was not running\n"


def test_config_shows_where_each_value_came_from(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[sample]\nseed = 3\n")
    done = call("config", str(file), "--set", "sample.epochs=2", home=tmp_path)
    assert f"seed = 3   # {file}" in done.stdout
    assert "epochs = 2   # --set" in done.stdout
    assert "shard_size = 1000   # default" in done.stdout
    assert '"sympy"' in call("config", "--demo", home=tmp_path).stdout


def test_extract_needs_no_graph_and_keeps_rejects(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(
        '{"id": "1", "title": "ring", "text": "A ring has ideals.", "topics": ["algebra"], "concepts": ["ideal"]}\nbroken\n'
    )
    done = call("extract", "d.jsonl", "-o", "a.jsonl", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 documents read, 1 kept, 1 rejected (50.0%: 1 not JSON)" in done.stderr
    assert '"concepts": ["ring", "ideal"]' in (tmp_path / "a.jsonl").read_text()
    assert '"line": 2' in (tmp_path / "a.rejects.jsonl").read_text()
    again = call(
        "extract", "d.jsonl", "--with", "keyphrases", "-o", "b.jsonl", "--min-document-count", "1", home=tmp_path
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_a_log_says_what_the_stages_do(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(
        '{"id": "d", "text": "A ring is here.", "topics": ["algebra"], "concepts": ["ring"]}\n'
    )
    given = ("extract", "d.jsonl", "-o", "a.jsonl", "--with", "vocabulary", "--max-document-share", "1")
    assert "kgsynth.accounts" not in call_process(*given, home=tmp_path).stderr
    shown = call_process("-v", *given, home=tmp_path).stderr
    assert "kgsynth.accounts: extract (vocabulary) begins" in shown
    assert "kgsynth.files: wrote" not in shown
    quiet = call_process("--log-file", "k.log", *given, home=tmp_path)
    assert quiet.returncode == 0, quiet.stderr
    assert "kgsynth.accounts:" not in quiet.stderr
    logged = (tmp_path / "k.log").read_text()
    assert "INFO kgsynth.accounts: extract (vocabulary) ends: 1 documents read, 1 kept" in logged
    assert "DEBUG kgsynth.files: wrote" in logged
    refused = call_process("--log-file", "no/k.log", *given, home=tmp_path)
    assert refused.returncode == 1
    assert "no/k.log cannot be written" in refused.stderr


def test_control_characters_of_texts_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{click.style('title', bold=True)} \x1b]0;taken\x07 \u202eback\ud800 \x9b2J\tTab\nline")
    assert capsys.readouterr().out == "title \\x1b]0;taken\\x07 \\u202eback\\ud800 \\x9b2J\tTab\nline\n"


def test_a_run_reads_its_sources_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def documents(source: str, fields: FieldNames) -> Iterator[Document]:
        del fields
        reads.append(source)
        yield Document(id="a", text="Orbits of groups.", topics=("t",), concepts=("orbit",))

    class Point:
        name, attr = "once", "documents"

        @staticmethod
        def load() -> object:
            return documents

    real = plugins.installed
    monkeypatch.setattr(plugins, "installed", lambda group: {**real(group), "once": Point})
    settings = DocumentsSettings(loader="once", sources=("s",))
    copy = pipeline.snapshot(settings, output=tmp_path / "d", rejects=tmp_path / "r", report=lambda _: None)
    for _ in range(2):
        pipeline.extract(
            copy,
            ExtractSettings(method="vocabulary"),
            output=tmp_path / "a.jsonl",
            rejects=tmp_path / "x",
            report=lambda _: None,
        )
    assert reads == ["s"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), ["No space left on device", "Free some space"]),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), ["/data/x", "can be read and written"]),
        (RecursionError("maximum recursion depth exceeded"), ["nested too deeply", "--log-file"]),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), ["not UTF-8", "--log-file"]),
    ],
)
def test_faults_that_no_stage_has_checked_are_said_without_a_traceback(
    error: Exception, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert all(word in shown for word in words)
    assert "Traceback" not in shown


def test_files_and_values_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"[sample]\nseed = 1 # \xff\n")
    (tmp_path / "deep.toml").write_text("x = " + "[" * 100_000)
    (tmp_path / "huge.toml").write_text("[sample]\nseed = " + "9" * 5000 + "\n")
    runner = CliRunner()
    for name in ("bytes", "deep", "huge"):
        shown = runner.invoke(cli, ["config", str(tmp_path / f"{name}.toml")])
        assert isinstance(shown.exception, ConfigError), (name, shown.exception)
        assert f"{name}.toml" in str(shown.exception)
    (tmp_path / "deep.jsonl").write_text("[" * 100_000 + "\n")
    for command in (["show"], ["curate", "--run-dir", str(tmp_path / "run")]):
        shown = runner.invoke(cli, [*command, str(tmp_path / "deep.jsonl")])
        assert isinstance(shown.exception, ConfigError), shown.exception
        assert "deep.jsonl, line 1: not JSON" in str(shown.exception)
    for value in ("9" * 5000, "[" * 100_000, '{"a":' * 50_000):
        assert isinstance(runner.invoke(cli, ["config", "--set", f"sample.seed={value}"]).exception, ConfigError)


@pytest.mark.parametrize(
    "command",
    [
        ["--log-file", "", "runs"],
        ["extract", "notes", "-o", ""],
        ["db", "dump", ""],
        ["show", "run", "--html", ""],
        ["curate", "run", "--run-dir", ""],
        ["run", "--work-dir", "", "x.toml"],
        ["export", "run", "-o", ""],
    ],
)
def test_an_empty_text_is_not_the_current_folder(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "x.toml").touch()
    said = call(*command, home=tmp_path)
    assert said.returncode == 2, said.stderr
    assert "an empty text is no path" in said.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "x.toml"]


def parameters(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
    for parameter in command.params:
        yield path, parameter
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from parameters(subcommand, f"{path} {name}")


def test_no_option_or_argument_takes_an_empty_text() -> None:
    takers = set()
    for path, parameter in parameters(cli, "kgsynth"):
        if not isinstance(parameter.type, click.types.BoolParamType):  # flags
            with suppress(click.BadParameter):
                parameter.type.convert("", parameter, None)
                takers.add(f"{path} {parameter.name}")
    languages = ("curate", "filter run", "filter embed", "filter start")
    # The arguments of cypher-shell are its own, and no language means: texts of all languages.
    assert takers == {"kgsynth db shell arguments", *(f"kgsynth {command} language" for command in languages)}


def test_the_error_of_an_empty_text_says_which_option_and_what_to_give(tmp_path: Path) -> None:
    said = call("sample", "--seed", "1", "--within", "", home=tmp_path)
    assert said.returncode == 2, said.stderr
    assert "Invalid value for '--within': the text is empty; give a value or leave the option out; check" in (
        " ".join(said.stderr.split())
    )
    assert "or leave the option out; check that shell variables are set" in " ".join(said.stderr.split())
    said = call("concept", "", home=tmp_path)
    assert said.returncode == 2
    assert "Invalid value for 'NAME': the text is empty; give a value; check" in said.stderr


def test_commas_alone_are_no_list_of_names_or_numbers() -> None:
    assert AnswerSettings(verify=("math, code",), require=("",)).verify == ("math", "code")
    assert AnswerSettings(verify=(" , ",)).verify != ()
    with pytest.raises(ConfigError, match="--at ',': give numbers above 0"):
        _numbers(",", "--at")


def test_the_only_graph_is_the_default_of_what_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGSYNTH_HOME", str(tmp_path))
    for name in ("NEO4J_URI", "KGSYNTH_GRAPH"):
        monkeypatch.delenv(name, raising=False)

    def graph_of(*arguments: str) -> str:
        return CliRunner().invoke(cli, [*arguments, "db", "status"]).output.partition("graph     ")[2].split()[0]

    assert graph_of() == "main"
    for count, name in enumerate(("notes", "other"), 1):
        (tmp_path / "graphs" / name).mkdir(parents=True)
        (tmp_path / "graphs" / name / "settings.json").write_text('{"bolt_port": 1, "http_port": 2}')
        assert graph_of() == ("notes" if count == 1 else "main")
        # A load may create a graph, so it never takes another one than `main` without being told.
        load = CliRunner().invoke(cli, ["load", "x.jsonl"])
        assert "graph main db start" in str(getattr(load.exception, "hint", "")) or "'main'" in str(load.exception)
    assert graph_of("--graph", "other") == "other"
    monkeypatch.setenv("KGSYNTH_GRAPH", "notes")
    assert graph_of() == "notes"
    assert graph_of("--graph", "other") == "other"


def test_to_look_at_a_graph_that_does_not_exist_creates_none(tmp_path: Path) -> None:
    said = call("--graph", "wrong-name", "browse", home=tmp_path)
    assert said.returncode == 1
    assert "graph 'wrong-name' was never started" in said.stderr
    assert "kgsynth --graph wrong-name db start" in said.stderr
    assert not list(tmp_path.rglob("wrong-name"))


def test_a_run_uses_the_graph_of_the_command_line_then_of_the_file_then_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, named = tmp_path / "silent.toml", tmp_path / "named.toml"
    silent.touch()
    named.write_text('[graph]\nname = "of-the-file"\n')

    def graph_of(file: Path, *arguments: str) -> str:
        return CliRunner().invoke(cli, [*arguments, "config", str(file)]).output.partition("[graph]\n")[2]

    monkeypatch.delenv("KGSYNTH_GRAPH", raising=False)
    assert graph_of(silent).startswith('name = "main"   # default')
    monkeypatch.setenv("KGSYNTH_GRAPH", "notes")
    assert graph_of(silent).startswith('name = "notes"   # KGSYNTH_GRAPH')
    assert graph_of(named).startswith('name = "of-the-file"')
    assert graph_of(named, "--graph", "other").startswith('name = "other"')


@pytest.fixture
def graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the managed graphs notes and other, none of which runs."""
    monkeypatch.setenv("KGSYNTH_HOME", str(tmp_path))
    for name in ("NEO4J_URI", "KGSYNTH_GRAPH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("notes", "other"):
        (tmp_path / "graphs" / name).mkdir(parents=True)
        (tmp_path / "graphs" / name / "settings.json").write_text('{"bolt_port": 1, "http_port": 2}')
    return tmp_path / "graphs"


def hint_of(*arguments: str) -> str:
    error = CliRunner().invoke(cli, list(arguments)).exception
    assert isinstance(error, KgsynthError), error
    return f"{error} {error.hint}"


def test_hints_name_the_graph_where_their_commands_would_use_another(
    graphs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "`kgsynth --graph notes db start`" in hint_of("--graph", "notes", "db", "logs")
    monkeypatch.setenv("KGSYNTH_GRAPH", "notes")
    assert "`kgsynth db start`" in hint_of("db", "logs")
    assert "`kgsynth --graph other db start`" in hint_of("--graph", "other", "db", "logs")
    monkeypatch.delenv("KGSYNTH_GRAPH")
    (graphs / "other").rename(graphs / "main")
    assert "`kgsynth db start`" in hint_of("db", "logs")
    shutil.rmtree(graphs / "main")
    assert "`kgsynth --graph notes db start`" in hint_of("db", "logs")
    # Commands that use no graph stay, and so do those that name one.
    with cli.make_context("kgsynth", ["--graph", "notes", "db", "url"]) as context:
        set_graph(context, "notes")
        assert with_graph("`kgsynth runs`, kgsynth --graph NAME build") == "`kgsynth runs`, kgsynth --graph NAME build"
        assert with_graph("Run `kgsynth build --whole`.") == "Run `kgsynth --graph notes build --whole`."


def test_hints_of_a_run_name_the_graph_of_its_file(graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConfigError("the graph is empty", hint="`kgsynth check` shows the rows.")

    monkeypatch.setattr(pipeline, "run", refuse)
    file = graphs / "run.toml"
    file.write_text('[graph]\nname = "notes"\n')
    assert "`kgsynth --graph notes check` shows" in hint_of("run", str(file))
    file.write_text("")
    assert "`kgsynth check` shows" in hint_of("run", str(file))


@pytest.mark.parametrize("command", [["db", "status"], ["db", "url"], ["check"], ["merges"], ["sample", "--seed", "1"]])
def test_the_only_graph_is_said_on_standard_error(command: list[str], graphs: Path) -> None:
    shutil.rmtree(graphs / "other")
    for options in ([], ["--json"]):
        said = CliRunner().invoke(cli, [*command, *options])
        assert said.stderr.count("graph 'notes': the only one (--graph NAME selects another)") == 1
        assert "the only one" not in said.stdout
        for line in said.stdout.splitlines() if options else ():
            json.loads(line)
    assert CliRunner().invoke(cli, ["db", "url", "--json"]).stdout == '{"url": "bolt://127.0.0.1:1"}\n'


LONG = "9" * 5000


@pytest.mark.parametrize(
    "command",
    [
        [LONG],
        ["--graph", LONG, "db", "status"],
        ["config", "--set", f"sample.seed={LONG[:4000]}"],
        ["config", "--set", f"sample.seed=0x{LONG}"],
        ["config", "--set", f"answer.backend={LONG}"],
        ["config", "--set", LONG],
        ["sample", "--seed", LONG[:4000]],
        ["sample", "--seed", LONG],
        ["sample", "--seed", "1", "--favour", LONG],
        ["build", "--co-occurrences", LONG],
        ["prompts", "show", LONG],
        ["init", "--domain", LONG, "--source", "x"],
        ["query", "--saved", LONG],
        ["query", "RETURN 1", "--param", LONG],
        ["extract", "x", "-o", "y", "--loader", LONG],
        ["extract", "x", "-o", "y", "--request", LONG],
        ["db", "start", "--heap-mib", LONG],
    ],
)
def test_long_values_are_shortened_in_errors(command: list[str], tmp_path: Path) -> None:
    said = call(*command, home=tmp_path)
    assert said.returncode in (1, 2), said.stderr
    assert "Traceback" not in said.stderr
    assert "9" * 20 in said.stderr
    assert len(said.stderr) < 1000, said.stderr
