"""vLLM in this process, on a CPU or on a GPU.

On a CPU it runs in float32 without prefix cache: then a request gives the same text whatever else is in its batch
(bfloat16 with the cache gave 8 of 12 again, see EXPERIMENTS.md), at 1.3 times the time.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kgsynth.config import set_defaults
from kgsynth.errors import ConfigError, GeneratorUnavailableError, MissingExtraError
from kgsynth.generation.backend import Completion, Request, Sampling
from kgsynth.generation.chat_interface import extra_fields
from kgsynth.generation.completions import completed

# Requests that the engine runs at once on a CPU, and how many wait beside those that run, so that none is missing when
# one ends; a kill repeats no more than these.
_CPU_BATCH = 16
_WAITING_SHARE = 2
# As `vllm serve` calls adapters; its engine has no argument for them.
LORA_MODULES = "lora_modules"
CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
    # Asking torch for a GPU would keep vLLM from forking its engine; this way of asking leaves CUDA alone.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}


def engine_options(
    context_tokens: int, *, has_gpu: bool, own: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Options of an engine, wherever it runs; the user's own go before all others."""
    options: dict[str, Any] = {
        "max_model_len": context_tokens,
        # xgrammar lets raw control characters into strings.
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
    }
    if not has_gpu:
        options |= {
            "dtype": "float32",
            "enforce_eager": True,
            "gpu_memory_utilization": 0.35,
            "max_num_seqs": _CPU_BATCH,
            # A request's seed together with chunked prefill ends the CPU engine.
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": context_tokens,
            "enable_prefix_caching": False,
        }
    options |= {name: value for name, value in own.items() if name != LORA_MODULES}
    if own.get(LORA_MODULES):
        options.setdefault("enable_lora", True)
    if not has_gpu:
        # A batch must hold a whole prompt, however long the user lets it be.
        options["max_num_batched_tokens"] = max(options["max_num_batched_tokens"], int(options["max_model_len"]))
    return options


def request_parameters(request: Request, sampling: Sampling) -> dict[str, Any]:
    """What vLLM's SamplingParams take for a request, but for forms; fields that the user adds go before all others."""
    parameters: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": list(sampling.stop) or None,
        "max_tokens": sampling.max_output_tokens,
        "seed": request.seed,
        **extra_fields(sampling.request),
    }
    return {name: value for name, value in parameters.items() if value is not None}


class VllmGenerator:
    """An engine with one model."""

    name = "vllm"

    def __init__(
        self,
        folder: Path | str,
        *,
        model: str,
        sampling: Sampling,
        context_tokens: int,
        engine: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Load, 20-40 s on a CPU.

        Args:
            folder: a Hugging Face folder, or an id that vLLM finds on the hub.
            model: what records call it.
            sampling: parameters of all requests.
            context_tokens: prompt and answer together.
            engine: options for vLLM's engine as they are, and `lora_modules`, one name with the path of its weights.

        Raises:
            ConfigError: vLLM knows no such option of the engine or of the request.
            MissingExtraError: vLLM is not installed.
            GeneratorUnavailableError: the model cannot be loaded.
        """
        self.model = model
        self.sampling = sampling
        set_defaults(ENVIRONMENT)
        if Path(folder).is_dir():
            # What is on disk needs no hub; a name may need one.
            set_defaults({"HF_HUB_OFFLINE": "1"})
        try:
            with _quiet():
                import torch

                if not torch.cuda.is_available():
                    set_defaults(CPU_ENVIRONMENT)
                import vllm
        except ImportError as error:
            raise MissingExtraError(
                f"vLLM is not installed: {error}",
                hint="pip install 'kgsynth[cpu]' or 'kgsynth[gpu]'; or use --backend server --url URL, or "
                "--backend scripted.",
            ) from error
        options = {
            "model": str(folder),
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            **engine_options(context_tokens, has_gpu=torch.cuda.is_available(), own=engine),
        }
        self._lora = lora_request(engine)
        if sampling.request.get("rename"):
            raise ConfigError("request.rename is for servers: in process there is no field to rename")
        try:
            with _quiet():
                self._engine: Any = vllm.LLM(**options)
        except TypeError as error:
            raise ConfigError(
                f"vLLM takes no such option: {error}", hint="[backend.engine] holds arguments of vLLM's engine."
            ) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise GeneratorUnavailableError(
                f"vLLM could not load {folder}: {error}", hint="The lines above say more; is there enough memory?"
            ) from error
        self._tokenizer = self._engine.get_tokenizer()
        batch = int(self._engine.llm_engine.vllm_config.scheduler_config.max_num_seqs)
        self._queue_length = _WAITING_SHARE * batch
        try:
            self._parameters(Request(id="", messages=(), seed=0))
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"vLLM does not take these parameters: {error}",
                hint="In process, [backend.request] holds fields of vLLM's SamplingParams.",
            ) from error

    def count_tokens(self, text: str) -> int:
        """Tokens of the model."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Completions as the engine finishes them; its queue is kept full, so that no batch runs half empty."""
        asked: dict[str, Request] = {}
        try:
            yield from self._completions(requests, asked)
        finally:
            if asked:
                self._engine.llm_engine.abort_request(list(asked))

    def _completions(self, requests: Iterator[Request | None], asked: dict[str, Request]) -> Iterator[Completion]:
        while True:
            while len(asked) < self._queue_length:
                request = next(requests, None)
                if request is None:
                    break
                try:
                    (identity,) = self._engine.enqueue_chat(
                        [request.conversation()],
                        [self._parameters(request)],
                        use_tqdm=False,
                        lora_request=self._lora,
                        chat_template_kwargs=self.sampling.template_options() or None,
                    )
                except ValueError as error:  # too long, or a form that the engine does not know
                    yield Completion(request_id=request.id, text=f"vLLM refuses: {error}", finish_reason="error")
                    continue
                # The engine adds a random part for itself; outputs come under the part before it.
                asked[identity.partition("-")[0]] = request
            if not asked:
                return
            for output in self._engine.llm_engine.step():
                if output.finished:
                    best = output.outputs[0]
                    yield completed(
                        asked.pop(output.request_id).id,
                        best.text,
                        best.finish_reason,
                        prompt_tokens=len(output.prompt_token_ids or ()),
                        output_tokens=len(best.token_ids),
                    )

    def _parameters(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        form = None
        if request.pattern:
            form = StructuredOutputsParams(regex=request.pattern)
        elif request.json_schema:
            form = StructuredOutputsParams(json=request.json_schema)
        return SamplingParams(**request_parameters(request, self.sampling), structured_outputs=form)

    def close(self) -> None:
        """Let the engine go."""
        del self._engine


def lora_request(engine: Mapping[str, Any]) -> Any:
    """The adapter that all requests use; None for none.

    Raises:
        ConfigError: it is not one name with a path, or there is no adapter at the path.
    """
    modules = engine.get(LORA_MODULES, {})
    if not modules:
        return None
    if not isinstance(modules, Mapping) or len(modules) != 1:
        raise ConfigError(
            f"engine.{LORA_MODULES} is {modules!r}: give one name with the path of its weights",
            hint='For example lora_modules = { mine = "path/to/adapter" }.',
        )
    ((name, path),) = modules.items()
    is_on_disk = Path(path).exists() or str(path).startswith((".", "/", "~"))
    if is_on_disk and not (Path(path) / "adapter_config.json").is_file():
        raise ConfigError(
            f"engine.{LORA_MODULES}: {path} holds no adapter (there is no adapter_config.json in it)",
            hint="Give the folder that PEFT's save_pretrained wrote, or a Hugging Face id.",
        )
    from vllm.lora.request import LoRARequest

    return LoRARequest(str(name), 1, str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep lines that libraries print while loading ("triton not found", "NUMA binding") off the terminal.

    They come from C++ too, so the descriptor itself is turned away; what was said is shown when loading fails.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
