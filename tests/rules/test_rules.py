"""Rules about the code: where foreign packages are imported, where Cypher stands, what ships."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from kgsynth import __version__, queries
from kgsynth.config import RunConfig

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "kgsynth").rglob("*.py"), *(ROOT / "loaders").rglob("*.py")])
QUERIES = sorted((ROOT / "cypher").rglob("*.cypher"))
# Folders that are read whole, so that a new file there is used without a constant.
WHOLE_FOLDERS = {"schema", "check", "explore"}


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
    ],
)
def test_a_foreign_package_is_imported_in_one_place(package: str, modules: set[str]) -> None:
    found = {str(path.relative_to(ROOT)) for path in MODULES if package in imported(ast.parse(path.read_text()))}
    assert found == modules


def test_no_cypher_stands_in_python() -> None:
    pattern = re.compile(r"\b(?:MATCH|MERGE|CREATE|UNWIND|DETACH DELETE)\s*[($\[]|\bUNWIND \$")
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not pattern.search(node.value), (path, node.value[:80])


def test_every_query_has_exactly_one_constant() -> None:
    loaded: list[str] = []
    for path in MODULES:
        loaded += re.findall(r'queries\.load\(\s*"([\w/]+)"\s*\)', path.read_text())
    names = {str(path.relative_to(ROOT / "cypher").with_suffix("")) for path in QUERIES}
    single = [name for name in loaded if name.partition("/")[0] not in WHOLE_FOLDERS]
    by_module = {name: single.count(name) for name in single}
    shared = {"derive/mark_stale"}  # facts and decisions both make the derived layers stale
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
    if "LIMIT" in code and query.name not in ("derive/delete_relationships", "derive/clear_terms"):
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
        docstring = ast.get_docstring(ast.parse(path.read_text()))
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


def test_the_readme_names_every_room_and_setting_section() -> None:
    readme = (ROOT / "README.md").read_text()
    for room in sorted(path.name for path in (ROOT / "kgsynth").iterdir() if (path / "__init__.py").exists()):
        assert f"{room}/" in readme, room
    for section in RunConfig.__dataclass_fields__:
        assert f"[{section}]" in readme or section in readme
