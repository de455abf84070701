"""The store of a graph during a bulk load: exclusive access, and import as one step."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kgsynth.accounts import Report, timed_stage
from kgsynth.errors import GraphError, ServerError
from kgsynth.graph import decisions, derived, facts
from kgsynth.graph.bulk.import_files import ImportFiles
from kgsynth.graph.bulk.layers import Made
from kgsynth.graph.server import ManagedServer
from kgsynth.progress import Progress, progress_stage
from kgsynth.records import StageCount


@contextmanager
def gone_if_failed(folder: Path) -> Iterator[None]:
    """Delete the folder if the block fails, because its gigabytes would belong to a graph that does not exist."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def alone(server: ManagedServer) -> Iterator[None]:
    """Exclude other bulk loads of the graph during the block."""
    server.home.mkdir(parents=True, exist_ok=True)
    with (server.home / "bulk.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"another bulk load of graph {server.name!r} is running") from None
        yield


def refuse_filled(server: ManagedServer) -> None:
    """Check that the graph is empty.

    Raises:
        GraphError: the graph holds nodes.
    """
    if server.has_unfinished_import or not server.status().store_bytes:
        return
    server.start()
    with server.connect() as graph:
        counts = {name: number for name, number in facts.counts(graph).items() if number}
        counts = counts or {"nodes": facts.node_count(graph)}
    if any(counts.values()):
        content = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
        raise GraphError(
            f"graph {server.name!r} holds {content}: --bulk is for a first load",
            hint="Load without --bulk to add to it, or name another graph with --graph.",
        )


def import_into(
    server: ManagedServer,
    files: ImportFiles,
    made: Made,
    merge_settings: Mapping[str, object] | None,
    report: Report,
    progress: Progress,
) -> StageCount:
    """Import the files, create the indexes, and mark the derived layers complete."""
    count = StageCount(stage="import", unit="nodes and relationships")
    with timed_stage(count, report):
        # Preparing the files takes long, and another process may have filled the graph meanwhile.
        refuse_filled(server)
        with progress_stage(progress, "import", None) as bar:
            imported = server.import_files(files)
            count.kept = imported.nodes + imported.relationships
            bar.advance(count.kept)
        count.notes |= {
            "files_mib": files.size_bytes // 2**20,
            "import_seconds": round(imported.seconds, 1),
            "import_memory": imported.peak_memory,
        }
        files.remove()
        server.start(after_import=True)
        with server.connect(after_import=True) as graph:
            facts.ensure_schema(graph, progress)
            if merge_settings is not None:
                decisions.replace(graph, remove=[], add=[], settings=merge_settings)
            derived.mark_complete(
                graph, co_occurrences=made.kept_co_occurrences, rule=made.rule, counters=made.counters
            )
        server.finish_import()
        count.notes["store_mib"] = server.status().store_bytes // 2**20
    return count
