"""Restrict a user's own Cypher to statements that only read the graph.

Community Edition has no roles: every login is an administrator, and a READ session refuses only writes. It allows
`LOAD CSV` from files and addresses, `SHOW USERS`, `SHOW SETTINGS`, `TERMINATE TRANSACTIONS` and procedures that read
more than the graph. Both the text and the plan are therefore checked before a statement runs. The plan shows how the
server has understood the statement; the text is needed because a subquery within an expression is not part of the plan.
"""

import re
from collections.abc import Mapping
from typing import Any

from kgsynth.queries import code_of

# Procedures that read the graph and change nothing, not even in the server's memory.
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
# Neo4j's own functions with a dot in their names; functions of plug-ins may do anything.
_FUNCTIONS = ("date.", "datetime.", "duration.", "localdatetime.", "localtime.", "point.", "time.", "vector.")
_SINGLE_FUNCTIONS = frozenset({"db.namefromelementid"})
# The server accepts more white space characters than \s, and needs none before a quoted name or a bracket.
_SPACE = r"[\s\x1c-\x1f\u180e\ufeff]"
# A part of a name; quoted names were emptied before the check.
_PART = r"(?:\w++|``)"
_NAME = rf"{_PART}(?:{_SPACE}*+\.{_SPACE}*+{_PART})"
_NO_PROPERTY = r"(?<![.:$\w])"
_COMMANDS = re.compile(
    rf"\bLOAD{_SPACE}+CSV\b|}}{_SPACE}*IN\b.{{0,1000}}?\bTRANSACTIONS\b|\A{_SPACE}*(?:EXPLAIN|PROFILE|CYPHER)\b"
    rf"|{_NO_PROPERTY}(?:SHOW|TERMINATE)(?:{_SPACE}+\w++|`)|{_NO_PROPERTY}USE(?:{_SPACE}+(?:\w++|[`$(])|[`(])"
    rf"|\bUSING{_SPACE}+PERIODIC\b",
    re.IGNORECASE | re.DOTALL,
)
_CALL = re.compile(rf"{_NO_PROPERTY}CALL(?={_SPACE}|`){_SPACE}*+({_NAME}*+)", re.IGNORECASE)
# A name may follow the two dots of a range, as in `[0..f.g()]`.
_DOTTED = re.compile(rf"(?:(?<![\w`.])|(?<=\.\.))({_NAME}++){_SPACE}*+\(")
# `USING INDEX n:`Label`(property)` is not a call.
_QUOTED_CALL = re.compile(rf"(?<!:)``{_SPACE}*+\(")
_MAX_CHARS = 100_000


def text_refusal(text: str) -> str:
    r"""The reason in its text why a statement must not run; empty when there is none.

    The server replaces escapes such as \u0027 before it parses, so an escape could hide a word or the end of a string
    from this check.
    """
    if len(text) > _MAX_CHARS:
        return f"more than {_MAX_CHARS:,} characters are not allowed; give long values as parameters"
    if "\\u" in text or "\\U" in text:
        return "a \\u escape is not allowed; write the character, or give the text as a parameter"
    code = code_of(text)
    if ";" in code.rstrip().rstrip(";"):
        return "more than one statement is not allowed"
    match = _COMMANDS.search(code)
    if match:
        words = re.findall(r"[A-Za-z]+", match.group().upper())
        # What follows USE is the name of a database.
        return f"{' '.join([words[0], *(words[1:][-1:] if words[0] != 'USE' else ())])} is not allowed"
    for match in _CALL.finditer(code):
        name = re.sub(_SPACE, "", match.group(1))
        if "`" in name or name.casefold() not in PROCEDURES:
            return f"calling {name.replace('``', 'a quoted name')} is not allowed"
    if _QUOTED_CALL.search(code):
        return "calling a function by a quoted name is not allowed"
    for match in _DOTTED.finditer(code):
        name = re.sub(_SPACE, "", match.group(1))
        if "`" in name:
            return "calling a function by a quoted name is not allowed"
        is_known = name.casefold() in PROCEDURES | _SINGLE_FUNCTIONS
        if not is_known and not name.casefold().startswith(_FUNCTIONS):
            return f"the function {name} is not allowed"
    return ""


def plan_refusal(query_type: str | None, plan: Mapping[str, Any] | None) -> str:
    """The reason in the server's plan why a statement must not run; empty when there is none."""
    if query_type != "r":
        return f"the statement could do more than read (type {query_type!r})"
    remaining: list[Mapping[str, Any]] = [plan or {}]
    while remaining:
        step = remaining.pop()
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
        remaining.extend(step.get("children", []))
    return ""
