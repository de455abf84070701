"""The jars of the managed Neo4j: a lock file with SHA-256, one store for all graphs, and atomic downloads.

This module does not run a server. A download is checked before it is renamed into place, so that every file in the
store is complete.
"""

import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from kgsynth.errors import DownloadError, ManifestError
from kgsynth.files import atomic
from kgsynth.graph.versions import DEFAULT, Version
from kgsynth.progress import Progress, Silent, progress_stage

if TYPE_CHECKING:
    import requests

# One host serves 8 parallel downloads well; all jars together take 8-25 s on a fast connection.
_PARALLEL_DOWNLOADS = 8
_TIMEOUT_S = 60
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The file name that Maven uses."""
        return f"{self.artifact}-{self.version}{'-' + self.classifier if self.classifier else ''}.jar"

    @property
    def remote_path(self) -> str:
        """Path within a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def locked_jars(version: Version = DEFAULT) -> tuple[Jar, ...]:
    """The jars in the lock file of a version, in the order of the file."""
    text = resources.files("kgsynth.graph").joinpath(version.lock).read_text(encoding="utf-8")
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinates, sha256, size = line.split()
            group, artifact, number, *classifier = coordinates.split(":")
            jars.append(Jar(group, artifact, number, classifier[0] if classifier else "", sha256, int(size)))
    return tuple(jars)


def store_folder(store: Path, version: Version = DEFAULT) -> Path:
    """The folder below `store` for exactly this lock file, so that versions of kgsynth do not disturb each other."""
    digest = hashlib.sha256("".join(jar.sha256 for jar in locked_jars(version)).encode()).hexdigest()[:12]
    return store / f"neo4j-{digest}"


def missing_jars(store: Path, version: Version = DEFAULT) -> list[Jar]:
    """Jars of the lock file that are absent from the store or have the wrong size."""
    folder = store_folder(store, version)
    missing = []
    for jar in locked_jars(version):
        path = folder / jar.file_name
        if not path.is_file() or path.stat().st_size != jar.size_bytes:
            missing.append(jar)
    return missing


def damaged_jars(store: Path, version: Version = DEFAULT) -> list[Jar]:
    """Jars in the store whose content differs from the lock file; reads every byte, which takes half a second."""
    folder = store_folder(store, version)
    return [
        jar
        for jar in locked_jars(version)
        if (path := folder / jar.file_name).is_file() and _sha256(path) != jar.sha256
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(store: Path, version: Version = DEFAULT, *, base_url: str = "", progress: Progress | None = None) -> int:
    """Download missing and damaged jars, and return how many were downloaded.

    Args:
        store: folder of the jar store; created if absent.
        version: version of Neo4j.
        base_url: a Maven repository; empty for Maven Central.
        progress: receives one unit per jar.

    Raises:
        DownloadError: a jar could not be downloaded or its SHA-256 is wrong; complete jars stay in the store.
    """
    missing = missing_jars(store, version)
    wanted = missing + [jar for jar in damaged_jars(store, version) if jar not in missing]
    if not wanted:
        return 0
    folder = store_folder(store, version)
    folder.mkdir(parents=True, exist_ok=True)
    url = (base_url or _maven_central()).rstrip("/")
    import requests

    with (
        progress_stage(progress or Silent(), "neo4j jars", len(wanted)) as bar,
        requests.Session() as session,
        ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool,
    ):
        # Proxies that inspect TLS are known to the system, and not to the list that requests brings.
        session.verify = _system_authorities()
        futures = [pool.submit(_fetch, session, url, jar, folder) for jar in wanted]
        try:
            for future in futures:
                future.result()
                bar.advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return len(wanted)


def _system_authorities() -> str | bool:
    """File or folder of the authorities that the system trusts; True for the list of requests."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


def _fetch(session: "requests.Session", url: str, jar: Jar, folder: Path) -> None:
    import requests

    failure: Exception | None = None
    for _ in range(_TRIES):
        try:
            response = session.get(f"{url}/{jar.remote_path}", timeout=_TIMEOUT_S)
            response.raise_for_status()
        except requests.RequestException as error:
            failure = error
            continue
        digest = hashlib.sha256(response.content).hexdigest()
        if digest != jar.sha256:
            raise DownloadError(
                f"{jar.file_name} from {url} has SHA-256 {digest}, the lock file says {jar.sha256}",
                hint="The file was discarded. A proxy or mirror may have changed it; set KGSYNTH_MAVEN_URL to "
                "another Maven repository.",
            )
        _write_atomically(folder / jar.file_name, response.content)
        return
    raise DownloadError(
        f"{jar.file_name} could not be downloaded from {url} in {_TRIES} attempts: {failure}",
        hint=(
            "Check the network and repeat the command; complete jars are not downloaded again. If you use a mirror, "
            "set KGSYNTH_MAVEN_URL to its Maven repository. Without a network, copy the jars from another machine "
            f"into {folder}."
        ),
    )


def _write_atomically(path: Path, content: bytes) -> None:
    try:
        with atomic(path) as partial:
            partial.write_bytes(content)
    except ManifestError as error:
        raise DownloadError(str(error), hint=error.hint) from error
