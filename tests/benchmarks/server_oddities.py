"""A run of 300 units against each oddity of a server: what is kept, what is refused, and what is said.

    python -m tests.benchmarks.server_oddities [UNITS]

Prints a Markdown table. The oddities are those of `tests/odd_server.py`; extraction for those that spoil JSON, answers for
all others, with the default settings of a server.
"""

import json
import sys
import tempfile
from pathlib import Path

from kgsynth import config, pipeline
from kgsynth.errors import KgsynthError
from kgsynth.records import StageCount
from kgsynth.settings import AnswerSettings, DocumentsSettings, ExtractSettings
from tests import odd_server

_JSON = (
    "fence",
    "trailing commas",
    "single quotes",
    "python",
    "comments",
    "array",
    "string",
    "latex",
    "braces in prose",
)
_REFUSALS = ("wants max_completion_tokens", "knows few fields", "has no response_format", "has no system role", "small context",
             "wrong key", "forbidden", "no quota", "sends on", "no list of models", "bare list of models")  # fmt: skip


def main() -> None:
    """Run all of them."""
    units = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print("| oddity | kept | refused | said |\n|---|---|---|---|")
    with odd_server.running() as http:
        for oddity in (*odd_server.TEXTS, *_REFUSALS):
            with tempfile.TemporaryDirectory() as desk:
                kept, refused, said = _run(Path(desk), http.url(oddity), oddity, units)
            print(f"| {oddity} | {kept} | {refused} | {said} |", flush=True)


def _run(desk: Path, url: str, oddity: str, units: int) -> tuple[int, str, str]:
    counts: list[StageCount] = []
    shared = {"backend": "server", "url": (url,), "domain": "mathematics", "seed": 1, "first_wait_s": 0.01}
    environment = config.environment({"HOME": str(desk), "OPENAI_API_KEY": "sk-secret"})
    is_extraction = oddity in _JSON
    rows = [{"id": f"u{n}", "text": f"A group acts on {n} things. How many orbits has it?"} for n in range(units)]
    source = desk / "units.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    error = ""
    try:
        if is_extraction:
            pipeline.extract_with_model(
                environment, DocumentsSettings(sources=(str(source),)), ExtractSettings(**shared), run_dir=desk / "run",
                output=None, rejects=desk / "rejects", report=counts.append,
            )  # fmt: skip
        else:
            pipeline.answer(
                None, environment, AnswerSettings(**shared), questions=[source],
                run_dir=desk / "run", report=counts.append,
            )  # fmt: skip
    except KgsynthError as caught:
        error = f"stops: {caught} {caught.hint}".replace(url, "URL").replace(str(desk), "")
    last = counts[-1] if counts else StageCount(stage="none")
    refused = ", ".join(f"{number} {reason}" for reason, number in sorted(last.rejected.items())) or "0"
    return last.kept, refused, error.replace("|", "\\|")


if __name__ == "__main__":
    main()
