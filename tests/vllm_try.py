"""Generate a few texts of the small model with vLLM, on a GPU or CPU of this machine, and print the results as JSON.

    python -m tests.vllm_try FOLDER [--ray]

One request has a pattern that forces LaTeX, one chooses between yes and no with probabilities. Without Ray, two
requests are repeated without the others.
"""

import json
import sys

from kgsynth.generation import ray_engine
from kgsynth.generation.backend import Generator, Message, Request, Sampling
from kgsynth.generation.vllm_engine import VllmGenerator

LATEX = r"\frac{1}{2} \rho \beta \theta \nabla"
SAMPLING = Sampling(temperature=0.8, top_p=0.95, repetition_penalty=1.1, max_output_tokens=60)


def request(number: int, pattern: str = "", choices: tuple[str, ...] = ()) -> Request:
    messages = (Message("user", f"Count to {number}."),)
    return Request(id=str(number), messages=messages, seed=number, pattern=pattern, choices=choices)


def main() -> None:
    folder, *options = sys.argv[1:]
    make = ray_engine.vllm if options else VllmGenerator
    generator: Generator = make(folder, model="small", sampling=SAMPLING, context_tokens=1024)
    escaped = LATEX.replace("\\", "\\\\").replace("{", r"\{").replace("}", r"\}")
    asked = [*(request(n) for n in range(6)), request(8, "(?:yes|no)", ("yes", "no")), request(9, escaped)]
    # On Ray, requests with choices need a dataset of their own, for which the model is loaded again.
    parts = [[one for one in asked if one.choices], [one for one in asked if not one.choices]] if options else [asked]
    first = {one.request_id: one for part in parts for one in generator.generate(iter(part))}
    chosen, forced = first.pop("8"), first.pop("9")
    (chance,) = chosen.chances
    repeated = [] if options else [request(n) for n in (5, 2)]
    again = {one.request_id: one for one in generator.generate(iter(repeated))}
    print(
        json.dumps(
            {
                "same": all(first[key].text == one.text for key, one in again.items()),
                "texts": len({one.text for one in first.values()}),
                "forced": forced.text,
                "reason": forced.finish_reason,
                "chosen": chosen.text in ("yes", "no") and 0 < chance < 1,
                "counted": generator.count_tokens("one two three"),
                "prompt_tokens": min(one.prompt_tokens for one in first.values()),
                "output_tokens": max(one.output_tokens for one in first.values()),
            }
        )
    )
    generator.close()


if __name__ == "__main__":
    main()
