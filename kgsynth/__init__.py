"""kgsynth: documents to training data for language models, through a concept graph in Neo4j.

`kgsynth.open_project` runs a configuration, `kgsynth.open_graph` reads a graph, and every error is a
`kgsynth.KgsynthError`. The names of `kgsynth.project` and `kgsynth.api` are imported when they are first used, so that
`import kgsynth` takes no time.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from kgsynth.errors import (
    ConfigError,
    DownloadError,
    GenerationError,
    GeneratorUnavailableError,
    GraphError,
    GraphUnavailableError,
    KgsynthError,
    ManifestError,
    MissingExtraError,
    QueryError,
    RecordError,
    SandboxError,
    ServerError,
    TooManyRejectsError,
    UploadError,
    VectorError,
)

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
    from kgsynth.project import Project, RunResult, open_project

__version__ = "0.1.0"
__all__ = [
    "Combination",
    "ConfigError",
    "DownloadError",
    "GenerationError",
    "GeneratorUnavailableError",
    "GraphError",
    "GraphNode",
    "GraphRelationship",
    "GraphUnavailableError",
    "KgsynthError",
    "KnowledgeGraph",
    "ManifestError",
    "MissingExtraError",
    "Project",
    "QueryError",
    "RecordError",
    "RunResult",
    "SandboxError",
    "ServerError",
    "TooManyRejectsError",
    "UploadError",
    "VectorError",
    "__version__",
    "open_graph",
    "open_project",
    "to_frame",
    "write_report",
]
_OF_PROJECT = ("Project", "RunResult", "open_project")
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kgsynth' has no attribute {name!r}")
    module = "kgsynth.project" if name in _OF_PROJECT else "kgsynth.api"
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
