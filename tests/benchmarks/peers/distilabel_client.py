"""distilabel's text generation on a server that runs: seconds for a file of conversations, as JSON.

build/peers/bin/python tests/benchmarks/peers/distilabel_client.py URL CONVERSATIONS IN_FLIGHT

It asks batch by batch, so that fewer are in flight at the end of each.
"""

import json
import sys
import tempfile
import time
from importlib.metadata import version

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main() -> None:
    """Run the pipeline once; a batch has as many conversations as may be in flight."""
    url, path, in_flight = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        rows = [{"instruction": json.loads(line)[-1]["content"]} for line in file]
    with tempfile.TemporaryDirectory() as desk:
        llm = OpenAILLM(
            model="small",
            base_url=f"{url}/v1",
            api_key="none",
            generation_kwargs={"temperature": 0.8, "top_p": 0.95, "max_new_tokens": 128},
        )
        with Pipeline(name="peer", cache_dir=desk) as pipeline:
            source = LoadDataFromDicts(data=rows, batch_size=1000)
            source >> TextGeneration(llm=llm, input_batch_size=int(in_flight))
        began = time.perf_counter()
        made = pipeline.run(use_cache=False)
        seconds = time.perf_counter() - began
        written = len(made["default"]["train"])
    print(json.dumps({"version": version("distilabel"), "seconds": seconds, "written": written}))


if __name__ == "__main__":
    main()
