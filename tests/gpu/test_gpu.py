"""What needs a CUDA device: FAISS on the GPU finds what the CPU finds, vLLM writes on it."""

import numpy as np
import pytest

from kgsynth.concepts.candidates import nearest_pairs

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
    on_gpu = {(pair.first, pair.second) for pair in nearest_pairs(vectors, neighbours=5, min_cosine=0.2)}
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    on_cpu = {(pair.first, pair.second) for pair in nearest_pairs(vectors, neighbours=5, min_cosine=0.2)}
    assert len(on_gpu ^ on_cpu) <= 0.001 * len(on_cpu)
