"""What a program can read: the interpreter, its standard library, system libraries and the named packages."""

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from kgsynth.errors import ConfigError, did_you_mean, quoted

# Packages of the base environment lie in folders of these names inside the standard library.
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Readable:
    """Paths that a program can read.

    Attributes:
        executable: the interpreter, outside a virtual environment.
        libraries: folders and files of shared libraries, and the time zones.
        standard_library: its folder.
        hidden: folders in the standard library that hold packages.
        packages: files and folders of the named packages.
        modules: names of the modules in them, without those in other modules.
        package_folders: the folders from which these are imported.
    """

    executable: str
    libraries: tuple[str, ...]
    standard_library: str
    hidden: tuple[str, ...]
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    package_folders: tuple[str, ...]


def readable(packages: tuple[str, ...]) -> Readable:
    """Return what a program with these packages can read, and compile the packages if that was not done.

    Raises:
        ConfigError: a package is not installed, or the list of its files is missing.
    """
    with _lock:
        return _readable(packages)


@cache
def _readable(packages: tuple[str, ...]) -> Readable:
    # The executable of a virtual environment would read the environment's settings, which is not needed.
    executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    standard_library = os.path.dirname(os.path.realpath(os.__file__))
    hidden = [os.path.join(standard_library, name) for name in _PACKAGE_FOLDERS]
    paths: set[str] = set()
    modules: set[str] = set()
    folders: set[str] = set()
    for distribution in _with_dependencies(packages):
        folder, of_distribution = _paths_of(distribution)
        folders.add(folder)
        paths |= of_distribution
        modules |= {os.path.relpath(path, folder).split(os.sep)[0].partition(".")[0] for path in of_distribution}
    _compile(executable, paths)
    return Readable(
        executable=executable,
        libraries=_libraries(),
        standard_library=standard_library,
        hidden=tuple(path for path in hidden if os.path.isdir(path)),
        packages=tuple(sorted(paths)),
        modules=tuple(sorted(modules)),
        package_folders=tuple(sorted(folders)),
    )


def _compile(executable: str, paths: set[str]) -> None:
    """Compile packages to bytecode beside their files, as pip does and uv does not.

    Programs in the sandbox cannot write bytecode, and would compile all that they import: 5 s for SymPy. Where the
    environment is not writable, this has no effect.
    """
    sources = [os.path.join(path, "__init__.py") for path in paths if os.path.isdir(path)]
    missing = [
        os.path.dirname(source)
        for source in sources
        if os.path.exists(source) and not os.path.exists(importlib.util.cache_from_source(source))
    ]
    if missing:
        command = [executable, "-P", "-s", "-S", "-m", "compileall", "-q", "-q", "-j", "0", *missing]
        subprocess.run(command, env={}, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _libraries() -> tuple[str, ...]:
    """Return the folders of the system's shared libraries, and those of an interpreter outside /usr."""
    folders = [f"/{lib}" for lib in ("lib64", "usr/lib64")]
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    of_debian = [f"{lib}/{triplet}" for lib in ("/lib", "/usr/lib")]
    # Debian has folders of libraries alone; elsewhere they are among other files of the system.
    folders += of_debian if triplet and os.path.isdir(of_debian[1]) else ["/lib", "/usr/lib"]
    if sys.base_prefix != "/usr":
        folders += map(str, sorted(Path(sys.base_prefix, "lib").glob("*.so*")))
    return tuple(path for path in (*folders, "/etc/ld.so.cache", "/usr/share/zoneinfo") if os.path.exists(path))


def _with_dependencies(names: tuple[str, ...]) -> Iterator[metadata.Distribution]:
    """Yield the distributions with these names and all that they depend on, each once.

    A dependency that is not installed belongs to another platform or to an extra.

    Raises:
        ConfigError: a distribution with one of the names is not installed.
    """
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except (metadata.PackageNotFoundError, ValueError):
            if name not in names:
                continue
            known = {str(one.name) for one in metadata.distributions()}
            raise ConfigError(
                f"package {quoted(name)} of the sandbox is not installed{did_you_mean(name, known)}",
                hint="Name installed distributions, as `pip list` shows them.",
            ) from None
        yield distribution
        for requirement in distribution.requires or ():
            matched = _REQUIREMENT.match(requirement)
            if matched and not re.search(r";.*\bextra\b", requirement):
                waiting.append(matched[1])


def _paths_of(distribution: metadata.Distribution) -> tuple[str, set[str]]:
    """Return the folder from which a distribution is imported, and its files and folders there.

    Raises:
        ConfigError: the distribution does not list its files.
    """
    folder = os.path.realpath(str(distribution.locate_file("")))
    names = {_entry(folder, file.parts) for file in distribution.files or ()}
    if not names:
        names = set((distribution.read_text("top_level.txt") or "").split())
        names |= {f"{name}.py" for name in names}
    paths = {os.path.join(folder, name) for name in names if name}
    paths = {path for path in paths if os.path.exists(path)}
    if not paths:
        raise ConfigError(
            f"package {quoted(distribution.name)} does not list its files, so the sandbox cannot offer it",
            hint="Install it with pip, and not in editable form.",
        )
    return folder, paths


def _entry(folder: str, parts: tuple[str, ...]) -> str:
    """Return the part of a file's path that belongs to one distribution alone; empty if none does."""
    if parts[0] in ("..", "/", "__pycache__") or parts[0].endswith(".pth"):
        return ""
    depth = 1
    # Several distributions can share a folder without __init__.py.
    while depth < len(parts) and not parts[0].endswith(".dist-info"):
        if os.path.exists(os.path.join(folder, *parts[:depth], "__init__.py")):
            break
        depth += 1
    return os.path.join(*parts[:depth])
