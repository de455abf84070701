"""The Cypher statements of the package: one `.cypher` file each, read and checked once.

A file begins with a header comment: a summary, then the lines `access:`, `params:` and `returns:`. This module checks
the header against the statement; it does not need Neo4j. The package `kgsynth.graph` accepts statements only as `Query`
values.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, cast, get_args

from kgsynth.errors import QueryError, quoted

Access = Literal["read", "write", "schema"]

# An unterminated comment or string extends to the end of the text. It cannot hide code, because the server refuses it.
_NO_CODE = re.compile(
    r"//[^\n\r]*|/\*.*?(?:\*/|\Z)|'(?:\\.|[^'\\])*(?:'|\Z)|\"(?:\\.|[^\"\\])*(?:\"|\Z)|`(?:``|[^`])*(?:`|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with its contract.

    `text` is sent unchanged, including its header, so that the server's log shows its origin.
    """

    name: str
    text: str
    access: Access
    parameters: frozenset[str]
    columns: tuple[str, ...]
    summary: str

    @property
    def is_batched(self) -> bool:
        """Whether the statement commits its own batches (`IN TRANSACTIONS`)."""
        return "IN TRANSACTIONS" in code_of(self.text)


def folder() -> Traversable:
    """The folder of queries: `kgsynth/cypher` in an installation, `cypher/` next to the package in a checkout."""
    inside = resources.files("kgsynth") / "cypher"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "cypher"


def code_of(text: str) -> str:
    """The text without comments, and with string literals and quoted names emptied.

    One pass handles all three, so that an apostrophe in a comment does not begin a string, and two slashes in a string
    do not begin a comment.
    """

    def empty(match: re.Match[str]) -> str:
        return " " if match.group()[0] == "/" else match.group()[0] * 2

    return _NO_CODE.sub(empty, text)


def parameters_of(text: str) -> frozenset[str]:
    """The names of the parameters that a statement uses, except those in backticks."""
    return frozenset(re.findall(r"\$(\w+)", code_of(text)))


def parse(name: str, text: str) -> Query:
    """Parse the text of one file.

    Raises:
        QueryError: the header is missing or incomplete, declared and used parameters differ, or there is no statement.
    """
    fields: dict[str, str] = {}
    prose: list[str] = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        body = line[2:].strip()
        key, colon, value = body.partition(":")
        if colon and key in ("access", "params", "returns"):
            fields[key] = value.strip()
        else:
            prose.append(body)
    where = f"cypher/{name}.cypher"
    for key in ("access", "params", "returns"):
        if key not in fields:
            raise QueryError(
                f"{where}: the header has no '{key}:' line", hint="A header needs the lines access, params and returns."
            )
    if fields["access"] not in get_args(Access):
        raise QueryError(
            f"{where}: access is {quoted(fields['access'])}, expected one of {', '.join(get_args(Access))}"
        )
    if not prose or not prose[0]:
        raise QueryError(f"{where}: the header has no summary")
    declared = frozenset(_names(fields["params"]))
    code = code_of(text)
    used = parameters_of(text)
    if declared != used:
        raise QueryError(
            f"{where}: declared but unused {sorted(declared - used)}, used but undeclared {sorted(used - declared)}"
        )
    if not code.strip():
        raise QueryError(f"{where}: there is no statement")
    if ";" in code:
        raise QueryError(f"{where}: a file must contain one statement, without ';'")
    access = cast("Access", fields["access"])
    return Query(name, text, access, declared, tuple(_names(fields["returns"])), " ".join(prose))


def _names(value: str) -> list[str]:
    return [] if value in ("", "-") else [name.strip() for name in value.split(",")]


@cache
def load(name: str) -> Query:
    """The query `folder/name`; module constants call this, so an error occurs when their module is imported.

    Raises:
        QueryError: there is no such file, or its header is invalid.
    """
    path = folder().joinpath(*f"{name}.cypher".split("/"))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise QueryError(f"there is no query cypher/{name}.cypher") from error
    return parse(name, text)


def load_folder(name: str) -> tuple[Query, ...]:
    """All queries of a folder, ordered by name."""
    files = sorted(path.name for path in (folder() / name).iterdir() if path.name.endswith(".cypher"))
    return tuple(load(f"{name}/{file.removesuffix('.cypher')}") for file in files)


def filled(query: Query, values: Mapping[str, str]) -> str:
    """The statement without its header and with values in place of its parameters; a missing value is an empty text."""
    body = "\n".join(line for line in query.text.splitlines() if not line.startswith("//"))
    return re.sub(
        r"\$(\w+)", lambda parameter: json.dumps(values.get(parameter.group(1), ""), ensure_ascii=False), body
    )


def saved_queries() -> dict[str, Query]:
    """The queries of the folder `explore/` by name."""
    return {query.name.removeprefix("explore/"): query for query in load_folder("explore")}


def saved(name: str) -> Query:
    """A query of the folder `explore/` by its name.

    Raises:
        QueryError: there is no such query; the hint lists all names.
    """
    known = saved_queries()
    if name not in known:
        raise QueryError(f"there is no saved query {quoted(name)}", hint=f"Use one of {', '.join(sorted(known))}.")
    return known[name]
