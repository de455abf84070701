"""datatrove's inference runner on a server that runs: seconds for a file of conversations, as JSON.

build/peers/bin/python tests/benchmarks/peers/datatrove_client.py URL CONVERSATIONS IN_FLIGHT [--checkpoints]
"""

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.writers.jsonl import JsonlWriter


async def rollout(document, generate):
    """One request a document."""
    result = await generate({"messages": document.metadata["messages"]})
    return {"text": result.text, "finish_reason": result.finish_reason}


def main() -> None:
    """Run the pipeline once."""
    url, path, in_flight, *options = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        documents = [
            Document(text=str(n), id=f"q{n}", metadata={"messages": json.loads(line)}) for n, line in enumerate(file)
        ]
    config = InferenceConfig(
        server_type="endpoint",
        endpoint_url=url,
        model_name_or_path="small",
        max_concurrent_generations=int(in_flight),
        default_generation_params={"temperature": 0.8, "top_p": 0.95, "max_tokens": 128},
        metric_interval=3600,
        server_ready_delay_sec=0.1,
    )
    with tempfile.TemporaryDirectory() as desk:
        is_checked = "--checkpoints" in options
        name = "${rank}_chunk_${chunk_index}.jsonl" if is_checked else "${rank}.jsonl"
        runner = InferenceRunner(
            rollout_fn=rollout,
            config=config,
            output_writer=JsonlWriter(f"{desk}/out", output_filename=name, compression=None),
            checkpoints_local_dir=f"{desk}/checkpoints" if is_checked else None,
        )
        executor = LocalPipelineExecutor(pipeline=[documents, runner], logging_dir=f"{desk}/logs", tasks=1)
        began = time.perf_counter()
        executor.run()
        seconds = time.perf_counter() - began
        written = sum(len(one.read_text(encoding="utf-8").splitlines()) for one in Path(desk).glob("out/*.jsonl"))
    print(json.dumps({"version": version("datatrove"), "seconds": seconds, "written": written}))


if __name__ == "__main__":
    main()
