"""Find plugins of installed packages by entry points: `kgsynth.loaders`, `.backends`, `.domains` and `.verifiers`.

kgsynth declares its own loaders, backends and verifiers in the same way, in pyproject.toml.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kgsynth.errors import ConfigError, did_you_mean, quoted

LOADERS = "kgsynth.loaders"
BACKENDS = "kgsynth.backends"
DOMAINS = "kgsynth.domains"
VERIFIERS = "kgsynth.verifiers"


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name."""
    return {point.name: point for point in entry_points(group=group)}


def load(group: str, name: str) -> Any:
    """Load the object that an entry point names.

    Raises:
        ConfigError: there is no such entry point, or the package that declares it cannot be imported.
    """
    points = installed(group)
    kind = group.rpartition(".")[2].removesuffix("s")
    if name not in points:
        raise ConfigError(
            f"there is no {kind} {quoted(name)}" + did_you_mean(name, points),
            hint=f"Installed: {', '.join(sorted(points)) or 'none; install kgsynth into this environment'}.",
        )
    point = points[name]
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        package = f" of the package {point.dist.name}" if point.dist else ""
        raise ConfigError(
            f"the {kind} {quoted(name)}{package} cannot be loaded: {error}",
            hint=f"Its entry point is {quoted(point.value)}.",
        ) from error
