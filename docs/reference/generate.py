"""Write the reference pages that come from declarations: configuration, records and Cypher queries.

Run `python docs/reference/generate.py` after a change of settings, records or queries; a test compares.
"""

import json
import re
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from kgsynth import queries, records
from kgsynth.config import SAMPLING
from kgsynth.settings import (
    RunConfig,
    decides_output,
    default_text,
    json_schema,
    limits_text,
    plain_type,
    settings_fields,
)

FOLDER = Path(__file__).parent
QUERIES = FOLDER.parents[1] / "cypher"
_TYPES = {str: "string", int: "integer", float: "number", bool: "true or false"}
_RECORDS = (
    records.Document,
    records.Annotation,
    records.TopicConcepts,
    records.CountedPair,
    records.ConceptName,
    records.Combination,
    records.Question,
    records.AnsweredQuestion,
    records.Check,
)
_VARIABLES = (
    (
        "KGSYNTH_HOME",
        "Folder of managed graphs, Neo4j, models, embeddings and the list of forgotten documents. Without it: the "
        "folder `kgsynth` in `XDG_DATA_HOME` or in `~/.local/share`.",
    ),
    ("KGSYNTH_GRAPH", "Name of the graph, unless `--graph` or the configuration names one."),
    ("KGSYNTH_NEO4J", "Version of Neo4j of new managed graphs."),
    ("KGSYNTH_JAVA_HOME JAVA_HOME", "Folder of the Java that runs the managed Neo4j."),
    ("KGSYNTH_MAVEN_URL", "Maven repository from which Neo4j is fetched, in place of Maven Central."),
    (
        "NEO4J_URI NEO4J_USERNAME NEO4J_PASSWORD NEO4J_DATABASE",
        "A Neo4j server of your own, in place of a managed one.",
    ),
    ("OPENAI_API_KEY", "Key of the language model server."),
    ("HF_TOKEN HF_ENDPOINT", "Token and address of the Hugging Face Hub."),
    ("RAY_ADDRESS", "The Ray cluster of `--executor ray`."),
    (
        "SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE",
        "File of trusted certificate authorities; the first that is set.",
    ),
)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _first_paragraph(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())


def _type_text(wanted: Any) -> str:
    if typing.get_origin(wanted) is typing.Literal:
        return ", ".join(f"`{value}`" if value else '`""`' for value in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        return f"list of {_TYPES[typing.get_args(wanted)[0]]}s"
    return _TYPES.get(wanted, "table")


def _default(info: Any) -> str:
    if text := default_text(info):
        default = list(info.default) if isinstance(info.default, tuple) else info.default
        return f"`{text}`" if str(default).lower() == text else text
    return ""


def configuration() -> str:
    """The page about settings."""
    lines = [
        "# Configuration",
        "",
        "A configuration is one TOML file for `kgsynth run`, `plan`, `doctor` and `config`, and for "
        "`kgsynth.open_project`. Each section belongs to a stage. Commands have the same settings as options: "
        "`sample.batch_size` is `kgsynth sample --batch-size`. Four options have other names: `--with` "
        "(`extract.method`), `--timeout` (`sample.query_timeout_s`), `--level` (`generate.levels`) and `--benchmark` "
        "(`curate.benchmarks`). Order: defaults, then the file, then `--set section.key=value`.",
        "",
        "What `[backend]` sets holds for `[extract]`, `[generate]` and `[answer]`; for `[filter]`, `[syllabus]` and "
        f"`[judge]`, too, except {', '.join(f'`{name}`' for name in SAMPLING[:-1])} and `{SAMPLING[-1]}`. A section "
        "may set its own value.",
        "",
        "A run can be continued with another value of the settings marked with *. They do not change what is written.",
        "",
        "[The JSON Schema](kgsynth.schema.json) of the file lets editors check and complete it: begin the file with "
        "`#:schema kgsynth.schema.json`.",
    ]
    shared = settings_fields(settings_fields(RunConfig)["backend"].annotation)  # type: ignore[arg-type]
    for section, declared in settings_fields(RunConfig).items():
        kind: Any = declared.annotation
        own = settings_fields(kind)
        inherits = section != "backend" and set(shared) <= set(own)
        lines += ["", f"## [{section}]", "", _first_paragraph(kind)]
        if inherits:
            lines += ["", "All keys of `[backend]`, and:"]
        lines += ["", "| key | type | default | range | meaning |", "|---|---|---|---|---|"]
        for name, info in own.items():
            if inherits and name in shared and _row(name, info) == _row(name, shared[name]):
                continue
            lines.append(_row(name, info))
    lines += ["", "## Environment", "", "Variables of the environment that kgsynth reads:", ""]
    lines += ["| variable | meaning |", "|---|---|"]
    lines += [f"| {', '.join(f'`{name}`' for name in names.split())} | {meaning} |" for names, meaning in _VARIABLES]
    return "\n".join(lines) + "\n"


def _row(name: str, info: Any) -> str:
    mark = "" if decides_output(info) else " *"
    cells = (f"`{name}`{mark}", _type_text(plain_type(info)), _default(info), limits_text(info), info.description)
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def records_page() -> str:
    """The page about rows of files."""
    lines = [
        "# Records",
        "",
        "These are the records that kgsynth reads and writes. Loaders yield `Document`, `Annotation`, `CountedPair` "
        "and `ConceptName`; `kgsynth sample` writes `Combination`; run folders hold `Question` and `AnsweredQuestion` "
        "as Parquet, with these columns.",
    ]
    for kind in _RECORDS:
        hints = typing.get_type_hints(kind)
        lines += ["", f"## {kind.__name__}", "", *(kind.__doc__ or "").strip().replace("\n    ", "\n").split("\n"), ""]
        lines += ["| field | type |", "|---|---|"]
        lines += [f"| `{item.name}` | `{_cell(_type_name(hints[item.name]))}` |" for item in fields(kind)]
    return "\n".join(lines) + "\n"


def _type_name(wanted: Any) -> str:
    if isinstance(wanted, type) and not typing.get_origin(wanted):
        return wanted.__name__
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(wanted))


def _folders() -> Iterator[tuple[str, list[Path]]]:
    for folder in sorted(path for path in QUERIES.iterdir() if path.is_dir()):
        yield folder.name, sorted(folder.glob("*.cypher"))


def queries_page() -> str:
    """The page about Cypher statements."""
    lines = [
        "# Cypher queries",
        "",
        "Every statement that kgsynth sends is a file below `cypher/`. Those of `explore` are saved queries: "
        "`kgsynth query --saved NAME` runs one, and Neo4j Browser takes them as favourites.",
    ]
    for folder, files in _folders():
        lines += [
            "",
            f"## {folder}",
            "",
            "| query | access | parameters | columns | what it does |",
            "|---|---|---|---|---|",
        ]
        for file in files:
            query = queries.parse(f"{folder}/{file.stem}", file.read_text(encoding="utf-8"))
            cells = (
                f"`{file.stem}`",
                query.access,
                ", ".join(f"`{name}`" for name in sorted(query.parameters)),
                ", ".join(f"`{name}`" for name in query.columns),
                query.summary,
            )
            lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """The generated files of this folder by name."""
    return {
        "configuration.md": configuration(),
        "kgsynth.schema.json": json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n",
        "records.md": records_page(),
        "queries.md": queries_page(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
