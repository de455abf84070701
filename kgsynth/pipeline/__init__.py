"""The stages: the only package that connects graph, walks, models, documents and curation.

Each stage is a function that reports its account as a StageCount and can be called alone. `kgsynth run` calls them all
in order; each other command calls one.

`__init__.pyi` lists the names of this package. They are imported when they are first used, so that a command imports
only what it needs.
"""

import ast
from importlib import resources
from typing import Any

_STUB = ast.parse(resources.files(__name__).joinpath("__init__.pyi").read_text(encoding="utf-8"))
_MODULES = {
    alias.name: statement.module or ""
    for statement in _STUB.body
    if isinstance(statement, ast.ImportFrom)
    for alias in statement.names
}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(__import__(_MODULES[name], fromlist=[name]), name)
