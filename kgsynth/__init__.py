"""kgsynth: documents to training data for language models, through a concept graph in Neo4j.

`kgsynth.open_graph` is the way in from Python; the names of `kgsynth.api` are imported when they are first used, so
that `import kgsynth` alone costs nothing.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgsynth.api import (
        Combination,
        GraphNode,
        GraphRelationship,
        KnowledgeGraph,
        open_graph,
        to_frame,
        write_report,
    )

__version__ = "0.1.0"
__all__ = [
    "Combination",
    "GraphNode",
    "GraphRelationship",
    "KnowledgeGraph",
    "__version__",
    "open_graph",
    "to_frame",
    "write_report",
]
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kgsynth' has no attribute {name!r}")
    return getattr(importlib.import_module("kgsynth.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
