"""An OpenAI-compatible server without a model, in its own process: it sends scripted texts, counts them, and can fail.

    python -m tests.fake_server --port 8123 --log served.txt --delay 0.01 --capacity 20 --faults 0.2

The log has one line (the request's id) per completion, written before the completion is sent. `--faults` is the share
of first tries that get a 429, a 500, a cut connection, invalid data or no answer, chosen by a hash of the request.
"""

import argparse
import asyncio
import contextlib
import json
import os
import zlib
from collections import Counter
from urllib.parse import unquote

from kgsynth.generation.backend import Message, Request
from kgsynth.generation.scripted import ScriptedGenerator

_MODELS = json.dumps({"data": [{"id": "fake"}]}).encode()
_INSTANT = json.dumps(
    {
        "choices": [{"message": {"content": "The final answer is $\\boxed{1}$."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }
).encode()


class Server:
    """The state that all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.generator = ScriptedGenerator()
        self.log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if options.log else -1
        self.tries: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self.refused = 0

    def answer(self, identity: str, body: bytes) -> bytes:
        if self.log >= 0:
            os.write(self.log, identity.encode() + b"\n")
        if self.options.instant:
            return _INSTANT
        value = json.loads(body)
        messages = tuple(Message(**one) for one in value["messages"])
        made = self.generator.complete(Request(id=identity, messages=messages, seed=value["seed"]))
        return json.dumps(
            {
                "choices": [{"message": {"content": made.text}, "finish_reason": made.finish_reason}],
                "usage": {"prompt_tokens": made.prompt_tokens, "completion_tokens": made.output_tokens},
            }
        ).encode()


class Connection(asyncio.Protocol):
    """One connection: it serves requests with Content-Length one after the other."""

    def __init__(self, server: Server) -> None:
        self.server, self.buffer = server, b""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            lines = head.split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
            length = int(headers.get(b"content-length", 0))
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            if lines[0].startswith(b"GET"):
                status = {"models": 200, "stats": 200}.get(lines[0].split()[1].rpartition(b"/")[2].decode(), 404)
                stats = {
                    "most": self.server.most_in_flight,
                    "refused": self.server.refused,
                    "in_flight": self.server.in_flight,
                }
                self.send(status, json.dumps(stats).encode() if b"stats" in lines[0] else _MODELS)
            elif self.server.options.instant and not self.server.options.delay:
                self.send(200, self.server.answer(headers.get(b"x-request-id", b"").decode(), body))
            else:
                task = asyncio.get_running_loop().create_task(self.serve(headers, body))
                task.add_done_callback(lambda done: done.exception())
                continue
            if headers.get(b"connection") == b"close":
                self.transport.close()

    async def serve(self, headers: dict[bytes, bytes], body: bytes) -> None:
        server, options = self.server, self.server.options
        identity = unquote(headers.get(b"x-request-id", b"").decode())
        if options.capacity and server.in_flight >= options.capacity:
            server.refused += 1
            self.send(429, b"too many requests", f"Retry-After: {options.retry_after}\r\n")
            return
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        try:
            server.tries[identity] += 1
            if options.poison and options.poison in identity:
                self.send(500, b"this request never works")
                return
            drawn = zlib.crc32(identity.encode()) / 2**32
            if server.tries[identity] == 1 and drawn < options.faults:
                await self.fail(int(drawn * 1e6) % 5)
                return
            while options.until and not os.path.exists(options.until):
                await asyncio.sleep(0.02)
            if options.delay:
                # Requests beyond `parallel` share the throughput, so more concurrency only adds latency.
                await asyncio.sleep(options.delay * max(1.0, server.in_flight / options.parallel))
            self.send(200, server.answer(identity, body))
        except (KeyError, ValueError) as error:
            self.send(400, repr(error).encode())
        finally:
            server.in_flight -= 1

    async def fail(self, kind: int) -> None:
        if kind == 0:
            self.send(429, b"slow down", "Retry-After: 0.05\r\n")
        elif kind == 1:
            self.send(500, b"oops")
        elif kind == 2:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            self.transport.close()
        elif kind == 3:
            self.send(200, b"<html>not what was asked for</html>")
        else:
            await asyncio.sleep(30)

    def send(self, status: int, body: bytes, headers: str = "") -> None:
        if not self.transport.is_closing():
            head = (
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
            )
            self.transport.write(head.encode() + body)


async def serve(options: argparse.Namespace) -> None:
    server = Server(options)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", options.port, backlog=2048)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--parallel", type=float, default=1e9)
    parser.add_argument("--capacity", type=int, default=0)
    parser.add_argument("--retry-after", type=float, default=0.05)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--poison", default="")
    parser.add_argument("--until", default="", help="Answer no request before this file exists.")
    parser.add_argument("--instant", action="store_true")
    options = parser.parse_args()
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    with contextlib.suppress(KeyboardInterrupt):
        runner(serve(options))


if __name__ == "__main__":
    main()
