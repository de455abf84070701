"""What a user's own Cypher may do: read the graph, and nothing else.

Community Edition has no roles: every login is an administrator, and a READ session refuses writes alone. It lets pass
`LOAD CSV` from files and addresses, `SHOW USERS`, `SHOW SETTINGS`, `TERMINATE TRANSACTIONS` and procedures that read
more than the graph. So the text and the plan are looked at before anything runs: the text because a subquery within an
expression is no step of the plan, the plan because it is what the server has understood.
"""

import re
from collections.abc import Mapping
from typing import Any

from kgsynth.queries import code_of

# Procedures that read the graph and change nothing, in memory neither.
PROCEDURES = frozenset(
    {
        "db.index.fulltext.querynodes",
        "db.index.fulltext.queryrelationships",
        "db.index.vector.querynodes",
        "db.index.vector.queryrelationships",
        "db.labels",
        "db.propertykeys",
        "db.relationshiptypes",
        "db.schema.nodetypeproperties",
        "db.schema.reltypeproperties",
        "db.schema.visualization",
        "dbms.components",
    }
)
# Functions with a dot in their names that come with Neo4j; a plug-in's may do anything.
_FUNCTIONS = ("date.", "datetime.", "duration.", "localdatetime.", "localtime.", "point.", "time.", "vector.")
_SINGLE_FUNCTIONS = frozenset({"db.namefromelementid"})
# The server knows more white space than \s, and wants none before a quoted name or a bracket.
_SPACE = r"[\s\x1c-\x1f\u180e\ufeff]"
# A part of a name; a quoted one is emptied before the look.
_PART = r"(?:\w++|``)"
_NAME = rf"{_PART}(?:{_SPACE}*+\.{_SPACE}*+{_PART})"
_NO_PROPERTY = r"(?<![.:$\w])"
_COMMANDS = re.compile(
    rf"\bLOAD{_SPACE}+CSV\b|}}{_SPACE}*IN\b.{{0,1000}}?\bTRANSACTIONS\b|\A{_SPACE}*(?:EXPLAIN|PROFILE|CYPHER)\b"
    rf"|{_NO_PROPERTY}(?:SHOW|TERMINATE)(?:{_SPACE}+\w|`)|{_NO_PROPERTY}USE(?:{_SPACE}+[\w`$(]|[`(])"
    rf"|\bUSING{_SPACE}+PERIODIC\b",
    re.IGNORECASE | re.DOTALL,
)
_CALL = re.compile(rf"{_NO_PROPERTY}CALL(?={_SPACE}|`){_SPACE}*+({_NAME}*+)", re.IGNORECASE)
_DOTTED = re.compile(rf"(?<![\w`.])({_NAME}++){_SPACE}*+\(")
# `USING INDEX n:`Label`(property)` calls nothing.
_QUOTED_CALL = re.compile(rf"(?<!:)``{_SPACE}*+\(")
_MAX_CHARS = 100_000


def text_refusal(text: str) -> str:
    r"""Why a statement must not run, as far as its text shows; empty when it may.

    The server replaces escapes such as \u0027 before it reads: one would hide a word, or end a string, from this look.
    """
    if len(text) > _MAX_CHARS:
        return f"more than {_MAX_CHARS:,} characters are not allowed; give long values as parameters"
    if "\\u" in text or "\\U" in text:
        return "a \\u escape is not allowed; write the character, or give the text as a parameter"
    code = code_of(text)
    if ";" in code.rstrip().rstrip(";"):
        return "more than one statement is not allowed"
    found = _COMMANDS.search(code)
    if found:
        words = re.findall(r"[A-Za-z]+", found.group())
        return f"{' '.join([words[0], *words[1:][-1:]]).upper()} is not allowed"
    for found in _CALL.finditer(code):
        name = re.sub(_SPACE, "", found.group(1))
        if "`" in name or name.casefold() not in PROCEDURES:
            return f"calling {name.replace('``', 'a quoted name')} is not allowed"
    if _QUOTED_CALL.search(code):
        return "calling a function by a quoted name is not allowed"
    for found in _DOTTED.finditer(code):
        name = re.sub(_SPACE, "", found.group(1))
        if "`" in name:
            return "calling a function by a quoted name is not allowed"
        is_known = name.casefold() in PROCEDURES | _SINGLE_FUNCTIONS
        if not is_known and not name.casefold().startswith(_FUNCTIONS):
            return f"the function {name} is not allowed"
    return ""


def plan_refusal(query_type: str | None, plan: Mapping[str, Any] | None) -> str:
    """Why a statement must not run, as far as the server's plan shows; empty when it may."""
    if query_type != "r":
        return f"the statement may do more than read (type {query_type!r})"
    waiting: list[Mapping[str, Any]] = [plan or {}]
    while waiting:
        step = waiting.pop()
        operator = str(step.get("operatorType", "")).partition("@")[0]
        arguments = step.get("args") or {}
        if operator.startswith("LoadCSV"):
            return "LOAD CSV is not allowed"
        if "ProcedureCall" in operator:
            name = str(arguments.get("Details", "")).partition("(")[0].strip()
            if name.casefold() not in PROCEDURES:
                return f"calling {name or 'a procedure'} is not allowed"
        if not arguments:
            return "an administration command is not allowed"
        waiting.extend(step.get("children", []))
    return ""
