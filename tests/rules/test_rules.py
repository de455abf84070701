"""Rules about the code: where foreign packages are imported, where Cypher stands, what ships."""

import ast
import gc
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from kgsynth import __version__, config, domain_folder, queries
from kgsynth.cli import cli
from kgsynth.settings import RunConfig, settings_fields

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "kgsynth").rglob("*.py"), *(ROOT / "loaders").rglob("*.py")])
QUERIES = sorted((ROOT / "cypher").rglob("*.cypher"))
# Folders that are read whole, so that a new file there is used without a constant.
WHOLE_FOLDERS = {"schema", "check", "explore"}


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module, built while the garbage collector is off.

    A collection at that moment made Python 3.11 raise "SystemError: AST constructor recursion depth mismatch" once.
    """
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


@cache
def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("neo4j", {"kgsynth/graph/session.py"}),
        ("faiss", {"kgsynth/concepts/candidates.py"}),
        ("vllm", {"kgsynth/generation/vllm_engine.py"}),
        ("torch", {"kgsynth/generation/vllm_engine.py"}),
        ("sentence_transformers", {"kgsynth/concepts/embedding.py"}),
        ("onnxruntime", {"kgsynth/concepts/embedding.py"}),
        ("transformers", {"kgsynth/generation/small_model.py"}),
        ("ahocorasick", {"kgsynth/concepts/vocabulary.py"}),
        ("jgo", {"kgsynth/graph/jars.py"}),
        ("rdkit", {"kgsynth/verification/structures.py"}),
    ],
)
def test_a_foreign_package_is_imported_in_one_place(package: str, modules: set[str]) -> None:
    found = {str(path.relative_to(ROOT)) for path in MODULES if package in imported(parsed(path))}
    assert found == modules


def test_temporary_files_and_folders_are_those_whose_leftovers_are_removed() -> None:
    # A process that is killed cleans nothing up; what these modules make is found by a later call.
    modules = {
        "kgsynth/files.py",
        "kgsynth/verification/sandbox/landlock.py",
        "kgsynth/generation/small_model.py",
        "loaders/kgsynth_loaders/archives.py",  # files in a scratch folder
    }
    names = {"mkdtemp", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory"}
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in names
    }
    assert found == modules


def test_no_cypher_stands_in_python() -> None:
    pattern = re.compile(r"\b(?:MATCH|MERGE|CREATE|UNWIND|DETACH DELETE)\s*[($\[]|\bUNWIND \$")
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not pattern.search(node.value), (path, node.value[:80])


def test_every_query_has_exactly_one_constant() -> None:
    loaded: list[str] = []
    for path in MODULES:
        loaded += re.findall(r'queries\.load\(\s*"([\w/]+)"\s*\)', path.read_text())
    names = {str(path.relative_to(ROOT / "cypher").with_suffix("")) for path in QUERIES}
    single = [name for name in loaded if name.partition("/")[0] not in WHOLE_FOLDERS]
    by_module = {name: single.count(name) for name in single}
    # Facts and decisions both make the derived layers stale; builds and provenance both lock their state.
    shared = {"derive/mark_stale", "derive/lock"}
    assert {name for name, count in by_module.items() if count > 1} <= shared
    assert set(loaded) <= names
    assert {name for name in names if name.partition("/")[0] not in WHOLE_FOLDERS} == set(single)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_query_keeps_the_rules(path: Path) -> None:
    query = queries.load(str(path.relative_to(ROOT / "cypher").with_suffix("")))
    code = queries.code_of(query.text)
    if query.access == "read":
        assert not re.search(r"\b(?:CREATE|MERGE|SET|DELETE|REMOVE|DROP)\b", code)
    assert not re.search(r"\b(?:rand|randomUUID|timestamp|datetime)\s*\(", code)
    assert not re.search(r"(?<!\w)apoc\.|LOAD CSV", code)
    # What is repeated until nothing is left needs no order.
    if "LIMIT" in code and not query.name.startswith(("derive/delete_", "derive/clear_")):
        assert code.count("ORDER BY") >= code.count("LIMIT"), "LIMIT needs a total order"
    for clause in re.findall(r"\bMERGE \(\w+:\w+ \{([^}]*)\}\)", code):
        assert clause.count(":") == 1, "MERGE on the key alone, then SET"
    for name in re.findall(r"(?<![:\w])\w+\.(\w+)\b(?!\()", code):
        assert name == name.lower(), f"{name}: properties are snake_case"


def test_there_is_no_python_below_cypher_and_no_forgotten_work() -> None:
    assert not list((ROOT / "cypher").rglob("*.py"))
    for path in [*MODULES, *QUERIES]:
        assert not re.search(r"(?:#|//).*\b(?:TODO|FIXME|XXX)\b", path.read_text()), path


def test_every_module_says_what_it_is_for() -> None:
    for path in MODULES:
        docstring = ast.get_docstring(parsed(path))
        assert docstring, path
        assert len(docstring.splitlines()) <= 22, path


def test_pins_have_hashes_and_no_addresses() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text, path
        if not path.name.endswith("overrides.txt"):
            assert text.count("--hash=sha256:") >= text.count("==") > 0, path
    for lock in (ROOT / "kgsynth" / "graph").glob("jars-*.lock"):
        assert "://" not in lock.read_text()


def test_the_demo_pins_are_those_of_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = (ROOT / "requirements" / "cpu.txt").read_text()
    for pin in project["optional-dependencies"]["demo"]:
        assert f"{pin} " in pins


def test_the_changelog_begins_with_this_version() -> None:
    found = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert found
    assert found.group(1) == __version__


def test_the_tree_names_every_room() -> None:
    tree = (ROOT / "CONTRIBUTING.md").read_text()
    for room in sorted(path.name for path in (ROOT / "kgsynth").iterdir() if (path / "__init__.py").exists()):
        assert f"{room}/" in tree, room


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_of_the_front_pages_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text()):
        assert (ROOT / target).exists(), target


def texts_of_the_documentation() -> Iterator[tuple[Path, str]]:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        yield path, path.read_text()


def test_every_configuration_that_is_shown_can_be_used(tmp_path: Path) -> None:
    read = {"domain.toml": domain_folder.load, "cases.toml": domain_folder.cases}
    for path, text in texts_of_the_documentation():
        for marked, block in re.findall(r"(?:<!-- \w+: (\S+) -->\n)?```toml\n(.*?)```", text, flags=re.DOTALL):
            name = Path(marked).name
            if name in read:
                (tmp_path / name).write_text(block)
                assert read[name](str(tmp_path)), (path, block)
            elif name != "pyproject.toml":
                config.resolve(block, origin=str(path))


def test_every_extra_that_is_named_exists() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    sources = [*texts_of_the_documentation(), *((path, path.read_text()) for path in MODULES)]
    for path, text in sources:
        for named in re.findall(r"(?:kgsynth|pip install '\.)\[([a-z, -]+)\]", text):
            assert {extra.strip() for extra in named.split(",")} <= set(known), (path, named)


def generator() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "reference" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


def test_the_reference_is_that_of_the_declarations() -> None:
    pages = generator()
    for name, text in pages.items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, f"{name}: run docs/reference/generate.py"
    for section in settings_fields(RunConfig):
        assert f"## [{section}]" in pages["configuration.md"]


def test_the_page_about_the_graph_names_every_label_and_relationship_type() -> None:
    page = (ROOT / "docs" / "explanation" / "graph.md").read_text()
    found: set[str] = set()
    for path in QUERIES:
        statement = re.sub(r"//.*", "", path.read_text())
        # A pattern such as (:Concept|Topic) or -[:HOLDS]- names labels or types between a colon and what follows.
        for names in re.findall(r"[(\[]\w*:([A-Z][A-Za-z_]*(?:[|:][A-Z][A-Za-z_]*)*)", statement):
            found |= set(re.split(r"[|:]", names))
    assert {"CountedPair", "HOLDS"} <= found
    # Earlier versions wrote these, and a build still deletes them.
    found -= {"FIRST_CONCEPT", "NEXT_CONCEPT", "NEXT_TOPIC"}
    assert [name for name in sorted(found) if not re.search(rf":{name}\b|`{name}`", page)] == []


def test_the_reference_names_every_variable_of_the_environment_that_is_read() -> None:
    source = (ROOT / "kgsynth" / "config.py").read_text()
    read = re.findall(r'(?:values|environ)\.get\("(\w+)"', source) + re.findall(
        r'"(\w+)"', source.partition("_CERTIFICATES = (")[2].partition(")")[0]
    )
    assert "KGSYNTH_HOME" in read
    assert "SSL_CERT_FILE" in read
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    for name in set(read) - {"HOME", "PATH"}:
        assert f"`{name}`" in page, name


@pytest.mark.slow
def test_the_documentation_builds_without_a_broken_link(tmp_path: Path) -> None:
    mkdocs = Path(sys.executable).with_name("mkdocs")
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--site-dir", tmp_path / "site"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    page = (tmp_path / "site" / "reference" / "commands.html").read_text()
    for command in cli.list_commands(click.Context(cli)):
        assert f"kgsynth {command}" in page, command
    # The pages are read without a network: what they load is beside them.
    for path in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img)\b[^>]*?(?:src|href)=\"(https?://[^\"]+)", path.read_text())
        assert [url for url in loaded if "canonical" not in url] == [], path


_PLACES = ("", "kgsynth", "loaders/kgsynth_loaders", "cypher", "tests", "kgsynth/generation", "kgsynth/graph")


def _cited() -> Iterator[tuple[Path, str]]:
    """What documentation and docstrings put in backticks."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        yield from ((path, one) for one in re.findall(r"`([^`\n]+)`", text))
    for path in MODULES:
        tree = parsed(path)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from ((path, one) for one in re.findall(r"`([^`\n]+)`", ast.get_docstring(node) or ""))


def test_every_path_and_module_that_documentation_names_is_there() -> None:
    for where, cited in _cited():
        if re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*/[\w-]+\.(?:py|cypher|md|toml|csv|ipynb|png|regex)", cited):
            assert any((ROOT / place / cited).exists() for place in _PLACES), (where, cited)
        if re.fullmatch(r"kgsynth(?:\.\w+)+", cited) and f'"{cited}"' not in (ROOT / "pyproject.toml").read_text():
            parts = cited.split(".")
            known = [ROOT.joinpath(*parts[:end]) for end in range(len(parts), 0, -1)]
            module = next(path for path in known if path.with_suffix(".py").exists() or path.is_dir())
            rest = parts[len(module.relative_to(ROOT).parts) :]
            files = [module.with_suffix(".py"), module / "__init__.py", module / "__init__.pyi"]
            text = "".join(path.read_text() for path in files if path.exists())
            assert not rest or re.search(rf"\b{rest[0]}\b", text), (where, cited)


def test_no_text_names_a_document_that_is_not_there() -> None:
    for path in [*MODULES, *QUERIES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"\b[A-Z]{4,}\.md\b", path.read_text()):
            assert (ROOT / name).exists(), (path, name)
        assert not re.search(r"\bDESIGN section\b", path.read_text()), path


def helps(command: click.Command, context: click.Context) -> Iterator[tuple[click.Context, str]]:
    """The help of a command and of all its subcommands on a terminal of 80 columns."""
    yield context, command.get_help(context)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        subcommand = command.get_command(context, name)
        assert subcommand is not None
        yield from helps(subcommand, click.Context(subcommand, parent=context, info_name=name))


def test_at_80_columns_no_summary_of_a_command_is_cut_and_no_line_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for context, text in helps(cli, click.Context(cli, info_name="kgsynth", **cli.context_settings)):
        for line in text.splitlines():
            assert len(line) <= 80, (context.command_path, line)
        if isinstance(context.command, click.Group):
            listed = text.partition("Commands:\n")[2].splitlines()
            # A line for each command, and a summary that ends as a sentence does.
            assert len(listed) == len(context.command.list_commands(context)), (context.command_path, listed)
            for line in listed:
                assert re.search(r"[^.]\.$", line), (context.command_path, line)
