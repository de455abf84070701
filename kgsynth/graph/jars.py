"""The jars of the managed Neo4j: a lock file with SHA-256, one store for all graphs, downloads that are atomic.

This module knows nothing of running a server. A file in the store is whole and right, or it is not there: a download
is checked before it is renamed into place.
"""

import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import requests

from kgsynth.errors import DownloadError
from kgsynth.graph.versions import DEFAULT, Version
from kgsynth.progress import Progress, Silent, shown

# 8 is what one host serves well; the whole set comes in 8-25 s on a fast line.
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
        """As Maven names it."""
        return f"{self.artifact}-{self.version}{'-' + self.classifier if self.classifier else ''}.jar"

    @property
    def remote_path(self) -> str:
        """Path below a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def locked_jars(version: Version = DEFAULT) -> tuple[Jar, ...]:
    """The jars of a version's lock file in the package, in its order."""
    text = resources.files("kgsynth.graph").joinpath(version.lock).read_text(encoding="utf-8")
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinates, sha256, size = line.split()
            group, artifact, number, *classifier = coordinates.split(":")
            jars.append(Jar(group, artifact, number, classifier[0] if classifier else "", sha256, int(size)))
    return tuple(jars)


def store_folder(store: Path, version: Version = DEFAULT) -> Path:
    """The folder below `store` for exactly this lock file: another version of kgsynth does not disturb it."""
    digest = hashlib.sha256("".join(jar.sha256 for jar in locked_jars(version)).encode()).hexdigest()[:12]
    return store / f"neo4j-{digest}"


def missing_jars(store: Path, version: Version = DEFAULT) -> list[Jar]:
    """Jars of the lock that the store does not hold in full size."""
    folder = store_folder(store, version)
    missing = []
    for jar in locked_jars(version):
        path = folder / jar.file_name
        if not path.is_file() or path.stat().st_size != jar.size_bytes:
            missing.append(jar)
    return missing


def damaged_jars(store: Path, version: Version = DEFAULT) -> list[Jar]:
    """Jars in the store whose content is not what the lock names; reads every byte, half a second."""
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
    """Fetch what is missing or damaged; returns how many jars were fetched.

    Args:
        store: folder of the jar store; made when absent.
        version: of Neo4j.
        base_url: a Maven repository; empty for Maven Central.
        progress: told one unit a jar.

    Raises:
        DownloadError: a jar could not be fetched or its SHA-256 is wrong; jars that came are kept.
    """
    missing = missing_jars(store, version)
    wanted = missing + [jar for jar in damaged_jars(store, version) if jar not in missing]
    if not wanted:
        return 0
    folder = store_folder(store, version)
    folder.mkdir(parents=True, exist_ok=True)
    url = (base_url or _maven_central()).rstrip("/")
    with (
        shown(progress or Silent(), "neo4j jars", len(wanted)) as bar,
        requests.Session() as session,
        ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool,
    ):
        futures = [pool.submit(_fetch, session, url, jar, folder) for jar in wanted]
        try:
            for future in futures:
                future.result()
                bar.advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return len(wanted)


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


def _fetch(session: requests.Session, url: str, jar: Jar, folder: Path) -> None:
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
                hint="Nothing of it was kept. A proxy or mirror may have changed it; set KGSYNTH_MAVEN_URL to "
                "another Maven repository.",
            )
        _write_whole(folder / jar.file_name, response.content)
        return
    raise DownloadError(
        f"{jar.file_name} could not be fetched from {url} in {_TRIES} tries: {failure}",
        hint=(
            "Check the network and repeat the command: what came is kept. Behind a mirror set "
            "KGSYNTH_MAVEN_URL to its Maven "
            f"repository; without network copy the jars of another machine into {folder}."
        ),
    )


def _write_whole(path: Path, content: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise DownloadError(
            f"{path} could not be written: {error}", hint="Is the disk full, or the folder not yours?"
        ) from error
