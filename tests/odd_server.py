"""An OpenAI-compatible server whose oddity is the first part of the path: `http://127.0.0.1:PORT/ODDITY/v1`.

Each oddity is known from a real server or model. The prompt of the domain `mathematics` decides the usable text:
JSON for an extraction, a block for a question of level 1, and an answer for everything else.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

ANSWER = r"Two and two things are four things, as counting shows. The final answer is $\boxed{4}$."
THOUGHT = r"They want a sum. Is it \boxed{5}? <question>Is this a draft of a question?</question> No, four."
EXTRACTION = {
    "usable": True,
    "reason": "",
    "level": "college",
    "subject": "algebra",
    "topics": [{"name": "group theory", "concepts": ["group action", "orbit", "coset", "stabiliser", "normal subgroup"]}],
}  # fmt: skip
LATEX_EXTRACTION = (
    r'{"usable": true, "reason": "", "level": "college", "subject": "analysis", "topics": [{"name": "\theta functions", '
    r'"concepts": ["\frac{1}{2} rule", "\nabla operator", "\beta function", "\rho norm", "\\tau map"]}]}'
)
QUESTION = "<question>\nHow many orbits has the cyclic group of order $6$ acting on itself by translation?\n</question>\n<origin>\nnew\n</origin>\n<level>\ncollege\n</level>\n"


def _asked(body: dict[str, Any]) -> str:
    said = " ".join(one["content"] for one in body["messages"])
    if "You catalogue texts" in said:
        return json.dumps(EXTRACTION)
    return QUESTION if "You make examination questions" in said else ANSWER


def _chat(content: Any, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 20},
    }


def _half(text: str) -> str:
    return text[: len(text) // 2]


# The answer of each oddity, made from a usable text.
TEXTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "ok": _chat,
    "think": lambda text: _chat(f"<think>\n{THOUGHT}\n</think>\n\n{text}"),
    "closing tag alone": lambda text: _chat(f"{THOUGHT}\n</think>\n\n{text}"),
    "thought never ends": lambda text: _chat(f"<think>\n{THOUGHT} {_half(text)}"),
    "thought cut off": lambda text: _chat(f"<think>\n{THOUGHT}", "length"),
    "channels": lambda text: _chat(f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{text}"),
    "reasoning_content": lambda text: _chat(text, reasoning_content=THOUGHT),
    "reasoning": lambda text: _chat(text, reasoning=THOUGHT),
    "reasoning beside null": lambda text: _chat(None, reasoning_content=THOUGHT + text),
    "null at length": lambda text: _chat(None, "length", reasoning_content=THOUGHT),
    "list of parts": lambda text: _chat([{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": text}]),
    "ends by abort": lambda text: _chat(_half(text), "abort"),
    "ends by error": lambda text: _chat(_half(text), "error"),
    "ends by max_tokens": lambda text: _chat(_half(text), "max_tokens"),
    "ends by model_length": lambda text: _chat(_half(text), "model_length"),
    "ends by eos_token": lambda text: _chat(text, "eos_token"),
    "ends by an unknown reason": lambda text: _chat(_half(text), "moonshine"),
    "ends without a reason": lambda text: _chat(_half(text), None),
    "filter with null": lambda _: _chat(None, "content_filter"),
    "refusal with null": lambda _: _chat(None, refusal="I cannot help with that."),
    "tool call with null": lambda text: _chat(None, "tool_calls", tool_calls=[{"function": {"arguments": text}}]),
    "empty": lambda _: _chat(""),
    "end token at the end": lambda text: _chat(text + "<|im_end|>"),
    "another turn": lambda text: _chat(text + "<|im_end|>\n<|im_start|>user\nAnd now?"),
    "refusal in words": lambda _: _chat("I'm sorry, but I can't help with that request."),
    "control characters": lambda text: _chat("A bell \x07 rings. " + text),
    "entities": lambda text: _chat("Since 1 &lt; 2 &amp; 2 &lt; 3. " + text),
    "half a surrogate pair": lambda text: _chat("Broken \ud83d pair. " + text),
    "old form": lambda text: {"choices": [{"text": text, "finish_reason": "stop"}]},
    "fence": lambda text: _chat(f"Here it is:\n\n```json\n{text}\n```\nAnything else?"),
    "trailing commas": lambda text: _chat(text.replace("}]}", ",},],}")),
    "single quotes": lambda text: _chat(text.replace('"', "'")),
    "python": lambda text: _chat(text.replace("true", "True")),
    "comments": lambda text: _chat(text.replace('"level"', '// whom it is for\n"level"')),
    "array": lambda text: _chat(f"[{text}]"),
    "string": lambda text: _chat(json.dumps(text)),
    "latex": lambda _: _chat(LATEX_EXTRACTION),
    "braces in prose": lambda text: _chat(f"The set {{x : x > 0}} is named. {text}"),
}  # fmt: skip
_KNOWN_FIELDS = {"model", "messages", "temperature", "top_p", "max_tokens"}


def _refused(oddity: str, body: dict[str, Any], key: str) -> tuple[int, str] | None:
    """Status and sentence with which a request is refused."""
    unknown = sorted(body.keys() - _KNOWN_FIELDS)
    if oddity == "wants max_completion_tokens" and "max_tokens" in body:
        return 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    if oddity == "knows few fields" and unknown:
        return 400, f"Unrecognized request argument supplied: {', '.join(unknown)}"
    if oddity == "has no response_format" and {"response_format", "structured_outputs"} & body.keys():
        return 400, "response_format is not supported by this model"
    if oddity == "has no system role" and any(one["role"] == "system" for one in body["messages"]):
        return 400, "System role not supported"
    if oddity == "small context":
        return 400, "This model's maximum context length is 2048 tokens. However, you requested 8192 tokens."
    if oddity == "wrong key":
        return 401, f"Incorrect API key provided: {key}"
    if oddity == "forbidden":
        return 403, "Your key has no access to this model"
    if oddity == "says the key in an error":
        return 400, "x" * 385 + f" you sent {key}"
    if oddity == "busy":
        return 503, "no time"
    if oddity == "no quota":
        return 429, "You exceeded your current quota"
    return None


class OddServer(ThreadingHTTPServer):
    """The server, which records the requests."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.served: Counter[str] = Counter()

    def url(self, oddity: str = "ok") -> str:
        return f"http://127.0.0.1:{self.server_port}/{oddity.replace(' ', '-')}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OddServer

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, status: int, value: Any, **headers: str) -> None:
        data = json.dumps(value).encode() if not isinstance(value, bytes) else value
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def _oddity(self) -> str:
        return urlsplit(self.path).path.strip("/").split("/")[0].replace("-", " ")

    def do_GET(self) -> None:
        oddity = self._oddity()
        self.server.headers.append(dict(self.headers))
        if oddity in ("no list of models", "wrong key"):
            self._send(404 if oddity != "wrong key" else 401, {"error": {"message": "Incorrect API key provided"}})
        elif oddity == "page instead of models":
            self._send(200, b"<html>Sign in</html>")
        elif oddity == "bare list of models":
            self._send(200, [{"id": "m"}])
        elif oddity == "empty list of models":
            self._send(200, {"data": []})
        else:
            owner = "vllm" if oddity == "vllm" else "me"
            self._send(200, {"data": [{"id": "m", "owned_by": owner}, {"id": "m2", "owned_by": owner}]})

    def do_POST(self) -> None:
        oddity = self._oddity()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers))
        self.server.served[oddity] += 1
        key = re.sub(r"^(Bearer|Basic) ", "", self.headers.get("Authorization", ""))
        if oddity == "sends on":
            self._send(307, {}, Location=self.path.replace("sends-on", "ok"))
        elif refused := _refused(oddity, body, key):
            code = {"code": "insufficient_quota"} if refused[0] == 429 else {}
            self._send(refused[0], {"error": {"message": refused[1], **code}})
        elif oddity == "ends by turns":
            # Cut off the requests with odd seeds.
            self._send(200, _chat(ANSWER, "length" if body["seed"] % 2 else "stop"))
        elif oddity.startswith("says the key"):
            self._send(200, _chat(f"{key} {ANSWER}", "stop") if oddity.endswith("text") else _chat(ANSWER, key))
        else:
            self._send(200, TEXTS.get(oddity, _chat)(_asked(body)))


@contextmanager
def running() -> Iterator[OddServer]:
    """Run the server during a block."""
    server = OddServer()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
