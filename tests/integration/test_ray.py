"""The same work on Ray: the same shards as without it, by the scripted generator and by a server; vectors."""

import json
import subprocess
import sys
from pathlib import Path

from kgsynth.run_folder import NOT_REPEATED, open_run
from tests import servers

KGSYNTH = str(Path(sys.executable).with_name("kgsynth"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in NOT_REPEATED}


def run_alone(script: str, variables: dict[str, str]) -> None:
    """In a process of its own: Ray leaves threads and sockets behind."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]


def test_ray_writes_the_same_shards_and_rejects(tmp_path: Path, command_environment: dict[str, str]) -> None:
    file = tmp_path / "questions.jsonl"
    rows = [{"id": f"q{n}", "text": f"What is the number {n} divided by {n % 7 + 2}?"} for n in range(120)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answer(folder: str, *options: str) -> Path:
        command = [
            KGSYNTH, "answer", "--domain", "mathematics", str(file), "--not-to-graph", "--votes", "2", "--judge", "--seed", "1", "--shard-size", "50", "--run-dir", folder, *options,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Traceback" not in done.stderr
        return tmp_path / folder

    def without_executor(folder: Path) -> dict[str, bytes]:
        held = files(folder)
        # How a run is made stands in run.json, for a retry; it decides nothing.
        run = json.loads(held.pop("run.json"))
        run["inputs"]["settings"].pop("executor")
        return {**held, "run.json": json.dumps(run).encode()}

    with servers.running("--delay", "0.01", "--poison", "answer:q17:", log=tmp_path / "log") as fake:
        options = ("--url", fake.url, "--concurrency", "32", "--tries", "2", "--first-wait-s", "0.05")
        served_local = answer("server", *options)
        once = fake.served()
        served_ray = answer("server-ray", *options, "--executor", "ray")
        assert fake.served() == {key: 2 * times for key, times in once.items()}
        assert fake.stats()["most"] > 4
    assert without_executor(served_ray) == without_executor(served_local)
    assert [row["reason"] for row in open_run(served_ray).rejects()].count("backend error") == 1


def test_ray_embeds_to_the_same_bits(command_environment: dict[str, str]) -> None:
    script = """
import numpy as np
import psutil
from kgsynth.concepts import ray_embedding
from kgsynth.concepts.embedding import make_embedder
ray_embedding._SHARE = 128
names = [f"name {n} of some length{' and more' * (n % 5)}" for n in range(1000)] + ["x"]
here = make_embedder("onnx").embed(names)
on_ray = make_embedder("onnx", "ray")
assert on_ray.model == make_embedder("onnx").model
assert np.array_equal(on_ray.embed(names), here)
assert on_ray.embed([]).shape == (0, 0)
own = psutil.Process()
listening = [
    one.laddr.ip for process in [own, *own.children(recursive=True)] for one in process.net_connections("inet") if one.status == "LISTEN"
]
assert len(listening) > 3
assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}, listening
"""
    run_alone(script, command_environment)


def test_two_machines_of_a_ray_cluster_share_the_names(tmp_path: Path, command_environment: dict[str, str]) -> None:
    # Two nodes of a real cluster, though on one machine: each has its own scheduler, object store and workers.
    script = f"""
import os
import time
from pathlib import Path
import numpy as np
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
import ray
from ray.cluster_utils import Cluster
from kgsynth.concepts import ray_embedding
from kgsynth.concepts.embedding import make_embedder
cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1, "include_dashboard": False}})
cluster.add_node(num_cpus=1)
os.environ["RAY_ADDRESS"] = cluster.address
class Told(ray_embedding._Worker):
    def __call__(self, row):
        Path({str(tmp_path)!r}, ray.get_runtime_context().get_node_id()).touch()
        # The first to be ready leaves work for the other.
        until = time.monotonic() + 60
        while len(os.listdir({str(tmp_path)!r})) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        return super().__call__(row)
ray_embedding._Worker = Told
ray_embedding._SHARE = 64
names = [f"name {{n}} of some length{{' and more' * (n % 5)}}" for n in range(2000)]
on_ray = make_embedder("onnx", "ray")
assert len(ray.nodes()) == 2
assert np.array_equal(on_ray.embed(names), make_embedder("onnx").embed(names))
ray.shutdown()
cluster.shutdown()
"""
    run_alone(script, command_environment)
    assert len(list(tmp_path.iterdir())) == 2


def test_each_gpu_of_a_ray_cluster_has_an_engine(tmp_path: Path, command_environment: dict[str, str]) -> None:
    # Two GPUs by word alone: what Ray's vLLM processor is asked for. A number in place of the pair is a pool that starts
    # with one engine, which took all of 4,000 requests (docs/figures/gpu.md).
    script = f"""
import os
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
import ray
import ray.data.llm
from tokenizers import Tokenizer, models
from kgsynth.generation import ray_engine
from kgsynth.generation.backend import Sampling
Tokenizer(models.WordLevel({{}}, unk_token="?")).save({str(tmp_path / "tokenizer.json")!r})
ray.init("local", num_gpus=2, num_cpus=2, log_to_driver=False, include_dashboard=False)
asked = []
ray.data.llm.build_processor = lambda config, **_: asked.append(config) or (lambda dataset: dataset)
sampling = Sampling(temperature=1, top_p=1, repetition_penalty=1, max_output_tokens=8)
ray_engine.vllm({str(tmp_path)!r}, model="small", sampling=sampling, context_tokens=64)._stage("dataset")
assert asked[0].concurrency == (2, 2), asked[0].concurrency
assert asked[0].placement_group_config is None
variables = asked[0].runtime_env["env_vars"]
assert variables["HF_HUB_OFFLINE"] == variables["VLLM_NO_USAGE_STATS"] == "1"
assert not [name for name in variables if "CPU" in name]
"""
    run_alone(script, command_environment)
