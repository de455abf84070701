"""Any server that speaks the OpenAI chat interface, `vllm serve` among them; bounded retries, nothing is lost.

A request that keeps failing on a server that works becomes a completion with finish_reason `error`, so that it is
counted; a server that does not answer stops the run. How many requests are in flight follows what the server bears.
"""

import asyncio
import json
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from kgsynth.errors import GeneratorUnavailableError
from kgsynth.generation.backend import Completion, Request, Sampling

_LONGEST_WAIT_S = 60.0
_PROBE_TIMEOUT_S = 30.0
# No request of the run would fare better: not one record is rejected for it.
_WRONG_SET_UP = frozenset({401, 402, 403, 404})
_BUSY_STATUS = frozenset({429, 503})
_RETRIED_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
# For each try of a request so many refusals with a time to come back are borne.
_BUSY_TRIES = 10
# When so many requests in a row fail for good, the server is not well, whatever it says of itself.
_FAILURES_IN_A_ROW = 20
# Without the model's tokenizer: English has 4 bytes a token, LaTeX and code under 3, Chinese about 3, so this never
# counts too few by much.
_BYTES_PER_TOKEN = 3


@dataclass(slots=True)
class Concurrency:
    """How many requests may be in flight: grows while that pays, halves when the server says that it is too many.

    Rates of completions are compared window by window. A window ends when twice as many requests as allowed are done.
    While the rate grows by a tenth or more the limit doubles. When a doubling does not pay it goes back, and from there
    it grows by an eighth as long as that pays, until it has not paid three times.

    Source: slow start and multiplicative decrease of TCP congestion control (RFC 5681), with the rate as the signal.
    """

    most: int
    limit: float = 8.0
    _rate: float = 0.0
    _is_slow_start: bool = True
    _done: int = 0
    _failed_growths: int = 0
    _before: float = 0.0
    _window_began: float = field(default_factory=time.monotonic)
    _halved: float = -1e9

    def __post_init__(self) -> None:
        """Start low, but not over the maximum."""
        self.limit = min(self.limit, float(self.most))

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return max(1, int(self.limit))

    def succeeded(self, now: float) -> None:
        """A request is done."""
        self._done += 1
        if self._done < 2 * self.allowed:
            return
        rate = self._done / max(now - self._window_began, 1e-9)
        self._done, self._window_began = 0, now
        if self._is_slow_start and rate > 1.1 * self._rate:
            self._before, self.limit = self.limit, min(2 * self.limit, float(self.most))
        elif self._is_slow_start:
            # The last doubling did not pay: what was before is enough.
            self._is_slow_start = False
            self.limit = max(self._before, 1.0)
        elif rate > 1.03 * self._rate and self._failed_growths < 3:
            self.limit = min(self.limit + max(1.0, self.limit / 8), float(self.most))
            self._failed_growths = 0
        elif self._failed_growths < 3:
            self._failed_growths += 1
        self._rate = max(rate, 0.9 * self._rate)

    def refused(self, sent: float, now: float) -> None:
        """The server says that there are too many; requests that were in flight at the last halving say nothing new."""
        if sent <= self._halved:
            return
        self.limit, self._is_slow_start, self._halved = max(1.0, self.limit / 2), False, now
        self._done, self._window_began, self._failed_growths, self._rate = 0, now, 0, 0.0


class _BusyError(GeneratorUnavailableError):
    """The server is there, and has no time."""


class OpenAiServerGenerator:
    """A client of one server and one model."""

    name = "server"

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str,
        sampling: Sampling,
        concurrency: int,
        timeout_s: float,
        constrained: bool,
        tries: int = 5,
        first_wait_s: float = 1.0,
    ) -> None:
        """Ask the server which models it has.

        Args:
            url: of the host alone (then /v1 is added), or with the path of the interface.
            model: served name; empty for the first that the server names.
            api_key: may be empty.
            sampling: parameters of all requests.
            concurrency: requests in flight at most.
            timeout_s: for one answer.
            constrained: send vLLM's `structured_outputs` field; other servers may refuse it.
            tries: of one request.
            first_wait_s: before the second try; doubled for each further one.

        Raises:
            GeneratorUnavailableError: nobody answers, or the model is not served.
        """
        base = url.rstrip("/").removesuffix("/chat/completions")
        self._url = base if urlsplit(base).path.strip("/") else f"{base}/v1"
        self.sampling, self._constrained = sampling, constrained
        self._timeout_s, self._tries, self._first_wait_s = timeout_s, tries, first_wait_s
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.concurrency = Concurrency(most=concurrency)
        self._paused_until = 0.0
        self._failures_in_a_row = 0
        served = asyncio.run(self._served_models())
        self.model = model or served[0]
        if model and model not in served:
            raise GeneratorUnavailableError(
                f"the server at {self._url} does not serve {model!r}", hint=f"It serves: {', '.join(served)}."
            )

    async def _served_models(self) -> list[str]:
        try:
            timeout = aiohttp.ClientTimeout(total=min(self._timeout_s, _PROBE_TIMEOUT_S))
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session,
                session.get(f"{self._url}/models") as answer,
            ):
                if answer.status in _BUSY_STATUS:
                    raise _BusyError(
                        f"the server at {self._url} is busy: HTTP {answer.status}", hint="Try again in a while."
                    )
                answer.raise_for_status()
                value = await answer.json(content_type=None)
            served = [str(item["id"]) for item in value["data"]]
        except (aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError, ValueError) as error:
            raise GeneratorUnavailableError(
                f"no language model server at {self._url}: {error or type(error).__name__}",
                hint="Is it up, and is the address right?",
            ) from error
        if not served:
            raise GeneratorUnavailableError(f"the server at {self._url} serves no model")
        return served

    def count_tokens(self, text: str) -> int:
        """An estimate on the safe side."""
        return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)

    def body(self, request: Request) -> dict[str, Any]:
        """What is posted for a request."""
        body: dict[str, Any] = {
            "model": request.model or self.model,
            "messages": request.conversation(),
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_output_tokens,
            "seed": request.seed,
        }
        if self._constrained:
            body["repetition_penalty"] = self.sampling.repetition_penalty
            if request.pattern:
                body["structured_outputs"] = {"regex": request.pattern}
        if request.json_schema:
            schema = {"name": "answer", "schema": json.loads(request.json_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    @property
    def url(self) -> str:
        """Where requests are posted."""
        return f"{self._url}/chat/completions"

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Completions as they come, so many in flight as the server bears."""
        finished: deque[Completion | BaseException] = deque()
        flying: set[asyncio.Task[None] | None] = set()
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            arrived = asyncio.Event()
            session = runner.run(self.open_session())

            async def work(request: Request) -> None:
                try:
                    finished.append(await self.complete(session, request))
                except Exception as error:  # noqa: BLE001 - raised again where the completions are taken
                    finished.append(error)
                # Here and not in a callback: the loop may stand still before that is called.
                flying.discard(asyncio.current_task())
                arrived.set()

            async def next_arrival() -> None:
                arrived.clear()
                if not finished:
                    await arrived.wait()

            try:
                is_open = True
                while True:
                    while is_open and len(flying) < self.concurrency.allowed:
                        request = next(requests, None)
                        if request is None:
                            break
                        flying.add(loop.create_task(work(request)))
                    if not flying and not finished:
                        return
                    runner.run(next_arrival())
                    failures = []
                    while finished:
                        result = finished.popleft()
                        if isinstance(result, BaseException):
                            failures.append(result)
                        else:
                            yield result
                    if failures:
                        raise failures[0]
            finally:
                runner.run(_ended(flying, session))

    def close(self) -> None:
        """Connections end with `generate`."""

    async def open_session(self) -> aiohttp.ClientSession:
        """Connections for `complete`, in the running loop; the caller closes them."""
        return aiohttp.ClientSession(
            headers={**self._headers, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            connector=aiohttp.TCPConnector(limit=0),
        )

    async def complete(self, session: aiohttp.ClientSession, request: Request) -> Completion:
        """The completion of one request, tried again while that may help."""
        data = json.dumps(self.body(request), ensure_ascii=False).encode("utf-8", "replace")
        # vLLM's log names requests so; ids may hold any character, a header may not.
        headers = {"X-Request-Id": quote(request.id, safe=":", errors="replace")}
        failure, wait_s = "", 0.0
        attempt = busy = 0
        while attempt < self._tries and busy < self._tries * _BUSY_TRIES:
            if attempt or busy:
                await asyncio.sleep(wait_s)
            while (pause := self._paused_until - time.monotonic()) > 0:
                # Those that wait for the same moment do not come back together.
                await asyncio.sleep(pause * _spread(request.id, busy) * 1.4)
            attempt += 1
            sent = time.monotonic()
            wait_s = min(_LONGEST_WAIT_S, self._first_wait_s * 2.0 ** (attempt - 1)) * _spread(request.id, attempt)
            try:
                async with session.post(self.url, data=data, headers=headers) as answer:
                    status, retry_after = answer.status, answer.headers.get("Retry-After", "")
                    text = (await answer.read()).decode("utf-8", "replace")
            except TimeoutError:
                failure = f"no answer within {self._timeout_s:g} s"
                continue
            except (aiohttp.ClientError, OSError) as error:
                failure = f"{type(error).__name__}: {error}"
                continue
            if status == 200:
                try:
                    completion = read_answer(request, json.loads(text))
                except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
                    failure = f"an answer that is no chat completion ({error!r}): {text[:200]}"
                    continue
                self.concurrency.succeeded(time.monotonic())
                self._failures_in_a_row = 0
                return completion
            failure = f"HTTP {status}: {text[:1000]}"
            if status in _WRONG_SET_UP:
                raise GeneratorUnavailableError(
                    f"the server at {self._url} refuses: HTTP {status}: {text[:200]}",
                    hint="Check the address, the model's name and OPENAI_API_KEY; what was finished is kept.",
                )
            if status not in _RETRIED_STATUS:
                # The request is at fault, and the server works.
                return Completion(request_id=request.id, text=failure, finish_reason="error")
            if status in _BUSY_STATUS:
                self.concurrency.refused(sent, time.monotonic())
                asked = _seconds(retry_after)
                if asked is not None:
                    # It was only early: that is no failure of the request.
                    attempt, busy = attempt - 1, busy + 1
                    wait_s = min(asked, _LONGEST_WAIT_S)
                    self._paused_until = max(self._paused_until, time.monotonic() + wait_s)
        await self._refuse_if_down(failure)
        return Completion(request_id=request.id, text=failure, finish_reason="error")

    async def _refuse_if_down(self, failure: str) -> None:
        """Raise when it is the server that fails and not the request."""
        self._failures_in_a_row += 1
        hint = "What was finished is kept: run the same command again when the server is well."
        try:
            await self._served_models()
        except _BusyError:
            return
        except GeneratorUnavailableError as error:
            raise GeneratorUnavailableError(
                f"the server at {self._url} has gone; the last request failed {self._tries} times: {failure[:300]}",
                hint=hint,
            ) from error
        if self._failures_in_a_row >= _FAILURES_IN_A_ROW:
            raise GeneratorUnavailableError(
                f"{self._failures_in_a_row} requests in a row have failed at {self._url}, the last with: "
                f"{failure[:300]}",
                hint=hint,
            )


async def _ended(flying: set[asyncio.Task[None] | None], session: aiohttp.ClientSession) -> None:
    tasks = [task for task in flying if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await session.close()


def _spread(request_id: str, attempt: int) -> float:
    """A factor in [0.75, 1.25), so that requests that failed together do not come back together."""
    return 0.75 + zlib.crc32(f"{request_id} {attempt}".encode("utf-8", "replace")) / 2**33


def _seconds(retry_after: str) -> float | None:
    """Seconds of a Retry-After header, which holds a number or a date; None when it holds neither."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def read_answer(request: Request, answer: Any) -> Completion:
    """The completion that a server's answer holds.

    Raises:
        KeyError, TypeError, IndexError, ValueError, AttributeError: it is no chat completion.
    """
    choice = answer["choices"][0]
    usage = answer.get("usage")
    text, reason = choice["message"].get("content"), choice.get("finish_reason")
    if text is None and reason == "length":
        text = ""  # a model that thought until its tokens were used up
    if not isinstance(text, str):
        raise TypeError("the message has no text")
    if reason == "content_filter":
        return Completion(request_id=request.id, text=f"the server's content filter: {text}", finish_reason="error")

    def tokens(name: str) -> int:
        count = usage.get(name) if isinstance(usage, dict) else 0
        return count if isinstance(count, int) and 0 <= count < 2**63 else 0

    return Completion(
        request_id=request.id,
        text=text,
        finish_reason="length" if reason == "length" else "stop",
        prompt_tokens=tokens("prompt_tokens"),
        output_tokens=tokens("completion_tokens"),
    )
