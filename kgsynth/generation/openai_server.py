"""Client of servers with the OpenAI chat interface, for example `vllm serve`; retries are bounded, no request is lost.

A request that keeps failing on a working server becomes a completion with finish_reason `error`, so that it is
counted; the run stops if no server answers. The number of concurrent requests adapts to what each server sustains.
"""

import asyncio
import json
import ssl
import time
import urllib.request
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import aiohttp

from kgsynth.addresses import basic_token, credentials_of, hide, secrets_of, without_secrets
from kgsynth.config import Environment
from kgsynth.errors import ConfigError, GeneratorUnavailableError, quoted
from kgsynth.generation.backend import Completion, Generator, Request, Sampling, sampling_of
from kgsynth.generation.chat_interface import (
    error_sentence,
    headers_of,
    hint_for,
    read_answer,
    read_models,
    request_body,
)
from kgsynth.generation.concurrency import Concurrency
from kgsynth.settings import BackendSettings

_MAX_WAIT_S = 60.0
_PROBE_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 30.0
# While answers are awaited, the stream of requests is asked this often for requests that became ready in the meantime.
_ASK_AGAIN_S = 0.5
# No request of the run can succeed, so the run stops instead of rejecting records.
_WRONG_KEY = frozenset({401, 403})
_WRONG_SETUP = frozenset({402, 404})
_PROXY_REFUSES = 407
_BUSY_STATUS = frozenset({429, 503})
_RETRIED_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
# Per try of a request, this many refusals with a Retry-After time are tolerated.
_BUSY_TRIES = 10
# After this many consecutive failed requests the server counts as down, even if it still answers probes.
_FAILURES_IN_A_ROW = 20
# If this many first requests are all refused with the same status, the others would be too.
_FIRST_REFUSALS = 20
# A server that does not answer gets no requests for this time while there are others.
_LEFT_OUT_S = 60.0
# Estimate without the model's tokenizer: English has 4 bytes per token, LaTeX and code under 3, Chinese about 3, so
# this never undercounts by much.
_BYTES_PER_TOKEN = 3
_MIN_KEY_CHARS = 12
_KEPT_HINT = "Finished requests are kept: run the same command again when the server works."


class _BusyError(GeneratorUnavailableError):
    """The server answers, but is overloaded."""


@dataclass(slots=True, kw_only=True)
class _Server:
    """One server: its address, what it serves, and its current state."""

    base: str  # without user name and password
    query: str
    headers: dict[str, str]
    proxy: str | None
    concurrency: Concurrency
    is_vllm: bool = False
    served: tuple[str, ...] = ()
    in_flight: int = 0
    paused_until: float = 0.0
    failures_in_a_row: int = 0
    left_out_until: float = 0.0

    def endpoint(self, name: str) -> str:
        """Return the URL of `models` or `chat/completions`."""
        return f"{self.base}/{name}" + (f"?{self.query}" if self.query else "")

    @property
    def printable_url(self) -> str:
        """The URL without secrets, for messages."""
        return without_secrets(self.base + (f"?{self.query}" if self.query else ""))

    @property
    def is_left_out(self) -> bool:
        """Whether the server gets no requests at the moment."""
        return time.monotonic() < self.left_out_until


def _server(url: str, *, api_key: str, headers: dict[str, str], concurrency: int) -> _Server:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/models")
    authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    if any(credentials_of(url)):
        authorization["Authorization"] = f"Basic {basic_token(url)}"
    return _Server(
        base=urlunsplit((parts.scheme, host, path or "/v1", "", "")),
        query=parts.query,
        headers={**authorization, **headers},
        proxy=_proxy(parts.scheme, parts.hostname or ""),
        concurrency=Concurrency(maximum=concurrency),
    )


def _proxy(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host; None for this machine or without a proxy."""
    is_local = host in ("localhost", "::1") or host.startswith("127.")
    if is_local or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all")


def backend(environment: Environment, settings: BackendSettings) -> Generator:
    """The backend `server`, asked by this process or by Ray."""
    server = OpenAiServerGenerator(
        settings.url,
        model=settings.model,
        api_key=environment.api_key,
        sampling=sampling_of(settings),
        concurrency=settings.concurrency,
        timeout_s=settings.timeout_s,
        constrained=settings.constrained,
        headers=settings.request.get("headers", {}),
        certificates=environment.certificates,
        tries=settings.tries,
        first_wait_s=settings.first_wait_s,
    )
    if settings.executor == "ray":
        from kgsynth.generation import ray_engine

        return ray_engine.server(server)
    return server


class OpenAiServerGenerator:
    """Client of one model on one server, or on several servers that share the load."""

    name = "server"

    def __init__(
        self,
        urls: Sequence[str],
        *,
        model: str,
        api_key: str,
        sampling: Sampling,
        concurrency: int,
        timeout_s: float,
        constrained: bool | None,
        headers: dict[str, str] | None = None,
        certificates: str = "",
        tries: int = 5,
        first_wait_s: float = 1.0,
    ) -> None:
        """Ask the servers which models they serve.

        Args:
            urls: URLs with the path of the interface, or only of the hosts (then /v1 is added).
            model: served name; empty for the first model that the first server lists.
            api_key: key for all servers; may be empty.
            sampling: parameters of all requests.
            concurrency: maximum number of concurrent requests, divided among the servers.
            timeout_s: timeout of one request, in seconds.
            constrained: whether to send output constraints (JSON schemas and patterns), to any server; None: JSON
                schemas to vLLM only.
            headers: additional HTTP headers.
            certificates: file of certificate authorities to trust besides the system's; empty for none.
            tries: tries per request.
            first_wait_s: seconds before the second try; doubled for each further try.

        Raises:
            ConfigError: the file of certificates or a header cannot be used.
            GeneratorUnavailableError: no server answers, or the model is not served.
        """
        self.sampling, self._constrained = sampling, constrained
        self._timeout_s, self._tries, self._first_wait_s = timeout_s, tries, first_wait_s
        extra_headers = headers_of({"headers": headers or {}})
        share = -(-concurrency // len(urls))
        self._servers = [_server(url, api_key=api_key, headers=extra_headers, concurrency=share) for url in urls]
        addresses = [*urls, *(server.proxy for server in self._servers if server.proxy)]
        self._secrets = [api_key, *extra_headers.values(), *(secret for url in addresses for secret in secrets_of(url))]
        is_tls = any(server.base.startswith("https:") for server in self._servers)
        self._certificates = certificates if is_tls else ""
        self._succeeded = False
        self._refusals: Counter[int] = Counter()
        self.left_out: list[str] = []
        self.model = asyncio.run(self._find_model(model))

    # --- servers and model

    async def _find_model(self, model: str) -> str:
        """Return the model to ask for; servers that do not answer are left out if another server answers."""
        failures: list[GeneratorUnavailableError] = []
        for server in self._servers:
            try:
                await self._probe(server, has_model=bool(model))
            except GeneratorUnavailableError as error:
                failures.append(error)
                self._leave_out(server)
        available = [server for server in self._servers if not server.is_left_out]
        if not available:
            raise failures[0]
        chosen = model or next((name for server in available for name in server.served), "")
        if not chosen:
            raise GeneratorUnavailableError(
                f"the server at {available[0].printable_url} names no model",
                hint="Give the name of a model: --model NAME.",
            )
        for server in available:
            self._raise_without_model(server, chosen)
        return chosen

    def _raise_without_model(self, server: _Server, model: str) -> None:
        if server.served and model not in server.served:
            raise GeneratorUnavailableError(
                f"the server at {server.printable_url} does not serve {quoted(model)}",
                hint=f"It serves: {', '.join(server.served[:20])}.",
            )

    async def _probe(self, server: _Server, *, has_model: bool) -> None:
        """Ask a server which models it has; a server that does not say is an error only if the user names no model."""
        status, text = await self._get_models(server)
        if status in _BUSY_STATUS:
            raise _BusyError(f"the server at {server.printable_url} is busy: HTTP {status}", hint="Try again later.")
        problem = ""
        if status == 200:
            try:
                served, server.is_vllm = read_models(json.loads(text))
                server.served = tuple(served)
            except ValueError as error:
                problem = str(error) if not isinstance(error, json.JSONDecodeError) else "its answer is not JSON"
        elif status in _WRONG_KEY and not has_model:
            raise self._wrong_key_error(server, status, text)
        else:
            problem = f"it answers {server.endpoint('models')!r} with HTTP {status}: {self._sentence(text)}"
            if status == _PROXY_REFUSES:
                raise GeneratorUnavailableError(
                    f"the proxy before {server.printable_url} asks for a user name and a password: HTTP {status}",
                    hint="Put them into the proxy's URL in the environment: http://USER:PASSWORD@HOST:PORT.",
                )
        if problem and not has_model:
            raise GeneratorUnavailableError(
                f"the server at {server.printable_url} does not say which models it has: {without_secrets(problem)}",
                hint="Give the name of a model with --model NAME, or check the URL.",
            )

    async def _get_models(self, server: _Server) -> tuple[int, str]:
        try:
            timeout = aiohttp.ClientTimeout(total=min(self._timeout_s, _PROBE_TIMEOUT_S))
            async with (
                self._session(timeout) as session,
                session.get(server.endpoint("models"), headers=server.headers, proxy=server.proxy) as answer,
            ):
                return answer.status, _decoded(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            why = hide(str(error) or type(error).__name__, self._secrets)
            raise GeneratorUnavailableError(
                f"no language model server at {server.printable_url}: {why}",
                hint="Check that the server runs and that the URL is right.",
            ) from error

    def _session(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        context = _trusted(self._certificates)
        return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0, ssl=context))

    # --- concurrency

    def count_tokens(self, text: str) -> int:
        """Return an estimate that rather counts too many tokens than too few."""
        return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)

    @property
    def url(self) -> str:
        """The URL of the first server to which requests are posted."""
        return self._servers[0].endpoint("chat/completions")

    @property
    def allowed(self) -> int:
        """Number of requests that may be in flight now."""
        return sum(server.concurrency.allowed for server in self._available())

    @property
    def most_in_flight(self) -> int:
        """Maximum number of concurrent requests."""
        return sum(server.concurrency.maximum for server in self._servers)

    def limit(self, most: int) -> None:
        """Reset the concurrency of all servers, with a new maximum for their sum."""
        for server in self._servers:
            server.concurrency = Concurrency(maximum=-(-most // len(self._servers)))

    def _available(self) -> list[_Server]:
        """Return the servers that get requests; all servers if every one is left out."""
        return [server for server in self._servers if not server.is_left_out] or self._servers

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Yield completions as they arrive; the number of concurrent requests adapts to the servers."""
        finished: deque[Completion | BaseException] = deque()
        in_flight: set[asyncio.Task[None] | None] = set()
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            arrived = asyncio.Event()
            session = runner.run(self.open_session())

            async def work(request: Request) -> None:
                try:
                    finished.append(await self.complete(session, request))
                except Exception as error:  # noqa: BLE001 - raised again below, where completions are yielded
                    finished.append(error)
                # Not in a callback: the loop may stop running before it is called.
                in_flight.discard(asyncio.current_task())
                arrived.set()

            async def next_arrival() -> None:
                arrived.clear()
                if not finished:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_ASK_AGAIN_S):
                            await arrived.wait()

            try:
                while True:
                    while len(in_flight) < self.allowed:
                        request = next(requests, None)
                        if request is None:
                            break
                        in_flight.add(loop.create_task(work(request)))
                    if not in_flight and not finished:
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
                runner.run(_cancel_and_close(in_flight, session))

    def close(self) -> None:
        """Do nothing: `generate` closes its connections."""

    async def open_session(self) -> aiohttp.ClientSession:
        """Open connections for `complete` in the running loop; the caller closes them."""
        return self._session(aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=_CONNECT_TIMEOUT_S))

    # --- one request

    async def complete(self, session: aiohttp.ClientSession, request: Request) -> Completion:
        """Return the completion of one request; it is retried, also on other servers, while that may help."""
        tried: list[_Server] = []
        failed: Completion | None = None
        while True:
            candidates = [server for server in self._available() if server not in tried]
            if not candidates:
                if failed is not None:
                    return failed
                # All servers are down by now: the error of the next request says so.
                candidates, tried = self._available(), []
            server = min(candidates, key=lambda candidate: candidate.in_flight / candidate.concurrency.allowed)
            tried.append(server)
            server.in_flight += 1
            try:
                await self._probe_again(server)
                completion = await self._complete_at(server, session, request)
            except GeneratorUnavailableError:
                if not self._has_others(server):
                    raise
                self._leave_out(server)
                completion = None
            finally:
                server.in_flight -= 1
            if completion is not None and completion.finish_reason != "error":
                return completion
            failed = completion or failed

    async def _probe_again(self, server: _Server) -> None:
        """Probe a server that was left out before it gets requests again.

        Raises:
            GeneratorUnavailableError: the server does not answer, or lacks the model.
        """
        if not server.left_out_until:
            return
        await self._probe(server, has_model=True)
        self._raise_without_model(server, self.model)
        server.left_out_until = 0.0

    async def _complete_at(
        self, server: _Server, session: aiohttp.ClientSession, request: Request
    ) -> Completion | None:
        """Return the completion by one server; None if the server is down and another one can be asked.

        Raises:
            GeneratorUnavailableError: no request of this run can succeed on this server.
        """
        body = request_body(
            request, self.sampling, model=self.model, is_vllm=server.is_vllm, constrained=self._constrained
        )
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        failure, wait_s = "", 0.0
        attempt = busy = 0
        while attempt < self._tries and busy < self._tries * _BUSY_TRIES:
            if attempt or busy:
                await asyncio.sleep(wait_s)
            while (pause := server.paused_until - time.monotonic()) > 0:
                # Spread out the requests that wait for the same moment.
                await asyncio.sleep(pause * _spread(request.id, busy) * 1.4)
            attempt += 1
            sent = time.monotonic()
            wait_s = min(_MAX_WAIT_S, self._first_wait_s * 2.0 ** (attempt - 1)) * _spread(request.id, attempt)
            try:
                status, retry_after, text = await self._post(server, session, request, data)
            except TimeoutError:
                failure = f"no answer within {self._timeout_s:g} s"
                continue
            except (aiohttp.ClientError, OSError) as error:
                failure = hide(f"{type(error).__name__}: {error}", self._secrets)
                if self._has_others(server) and await self._is_gone(server):
                    self._leave_out(server)
                    return None
                continue
            if status == 200:
                completion, failure = self._read(request, text)
                if completion is None:
                    continue
                server.concurrency.succeeded(time.monotonic())
                server.failures_in_a_row = 0
                self._succeeded = True
                return completion
            failure = f"HTTP {status}: {self._sentence(text)}"
            self._raise_if_no_request_can_succeed(server, status, text)
            if status not in _RETRIED_STATUS:
                # The fault is in the request; the server works.
                self._raise_if_all_are_refused(server, status, failure, body)
                return Completion(request_id=request.id, text=failure, finish_reason="error")
            if status in _BUSY_STATUS:
                server.concurrency.refused(sent, time.monotonic())
                requested_wait_s = _seconds(retry_after)
                if requested_wait_s is not None:
                    # The server asks for a later try, so this try does not count as a failure.
                    attempt, busy = attempt - 1, busy + 1
                    wait_s = min(requested_wait_s, _MAX_WAIT_S)
                    server.paused_until = max(server.paused_until, time.monotonic() + wait_s)
        if await self._is_unavailable(server, failure):
            return None
        return Completion(request_id=request.id, text=failure, finish_reason="error")

    async def _post(
        self, server: _Server, session: aiohttp.ClientSession, request: Request, data: bytes
    ) -> tuple[int, str, str]:
        """Return status, Retry-After and text of the answer; redirects to the same host are followed."""
        # vLLM logs this id. Request ids may hold any character, so they are quoted for the header.
        request_headers = {
            "X-Request-Id": quote(request.id, safe=":", errors="replace"),
            "Content-Type": "application/json",
        }
        url = server.endpoint("chat/completions")
        for _ in range(_MAX_REDIRECTS + 1):
            async with session.post(
                url, data=data, headers={**request_headers, **server.headers}, proxy=server.proxy, allow_redirects=False
            ) as answer:
                text = _decoded(await answer.read())
                target = urljoin(url, answer.headers.get("Location", ""))
                if answer.status not in _REDIRECTS:
                    return answer.status, answer.headers.get("Retry-After", ""), text
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    break
                url = target
        raise GeneratorUnavailableError(
            f"the server at {server.printable_url} redirects requests to {without_secrets(target)}",
            hint="Give that URL with --url if you trust it with your texts and your key.",
        )

    def _read(self, request: Request, text: str) -> tuple[Completion | None, str]:
        """Return the completion in a text and an empty string, or None and what is wrong with the text."""
        try:
            # A completion may echo a key. Shorter secrets stay, since they may be ordinary words.
            value = json.loads(hide(text, self._secrets, min_chars=_MIN_KEY_CHARS))
            if isinstance(value, dict) and value.get("error") and not value.get("choices"):
                return None, f"an error: {self._sentence(text)}"
            return read_answer(request, value), ""
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            error_name = type(error).__name__
            return None, f"an answer that is no chat completion ({error_name}): {hide(text, self._secrets)[:200]}"

    def _sentence(self, text: str) -> str:
        return error_sentence(hide(text, self._secrets))

    # --- failing servers

    def _leave_out(self, server: _Server) -> None:
        server.left_out_until = time.monotonic() + _LEFT_OUT_S
        if server.printable_url not in self.left_out:
            self.left_out.append(server.printable_url)

    def _wrong_key_error(self, server: _Server, status: int, text: str) -> GeneratorUnavailableError:
        return GeneratorUnavailableError(
            f"the server at {server.printable_url} does not accept the key: HTTP {status}: {self._sentence(text)}",
            hint="Set OPENAI_API_KEY to a key of this server; finished requests are kept.",
        )

    def _raise_if_no_request_can_succeed(self, server: _Server, status: int, text: str) -> None:
        """Raise `GeneratorUnavailableError` if the answer means that no request can succeed."""
        if status in _WRONG_KEY:
            raise self._wrong_key_error(server, status, text)
        if status in _WRONG_SETUP:
            raise GeneratorUnavailableError(
                f"the server at {server.printable_url} refuses requests: HTTP {status}: {self._sentence(text)}",
                hint="Check the URL and the model's name; finished requests are kept."
                if status == 404
                else "Check your account with the provider; finished requests are kept.",
            )
        if status == 429 and "insufficient_quota" in text:
            raise GeneratorUnavailableError(
                f"the quota at {server.printable_url} is used up: {self._sentence(text)}",
                hint="Finished requests are kept: run the same command again when the quota is raised.",
            )

    def _raise_if_all_are_refused(self, server: _Server, status: int, failure: str, body: dict[str, Any]) -> None:
        """Raise `GeneratorUnavailableError` if all requests so far were refused with the same status."""
        self._refusals[status] += 1
        if not self._succeeded and self._refusals[status] >= _FIRST_REFUSALS and len(self._refusals) == 1:
            raise GeneratorUnavailableError(
                f"the first {_FIRST_REFUSALS} requests were all refused by {server.printable_url}: {failure}",
                hint=hint_for(failure, body.keys()),
            )

    def _has_others(self, server: _Server) -> bool:
        return any(other is not server and not other.is_left_out for other in self._servers)

    async def _is_gone(self, server: _Server) -> bool:
        """Whether the server does not answer."""
        try:
            await self._get_models(server)
        except GeneratorUnavailableError:
            return True
        return False

    async def _is_unavailable(self, server: _Server, failure: str) -> bool:
        """Whether the server fails, not only the request; it is then left out, so that others are asked.

        Raises:
            GeneratorUnavailableError: the server fails and there is no other.
        """
        server.failures_in_a_row += 1
        is_gone = await self._is_gone(server)
        if not is_gone and server.failures_in_a_row < _FAILURES_IN_A_ROW:
            return False
        if self._has_others(server):
            self._leave_out(server)
            return True
        if is_gone:
            raise GeneratorUnavailableError(
                f"the server at {server.printable_url} is down; the last request failed {self._tries} times: "
                f"{failure[:300]}",
                hint=_KEPT_HINT,
            )
        raise GeneratorUnavailableError(
            f"{server.failures_in_a_row} requests in a row have failed at {server.printable_url}, the last with: "
            f"{failure[:300]}",
            hint=_KEPT_HINT,
        )


@cache
def _trusted(certificates: str) -> ssl.SSLContext:
    """Return the trusted authorities; they are read only once, since each probe of a server needs them.

    Raises:
        ConfigError: the file of certificates cannot be read.
    """
    context = ssl.create_default_context()
    if certificates:
        try:
            context.load_verify_locations(cafile=certificates)
        except OSError as error:
            raise ConfigError(
                f"{certificates} holds no certificates that can be read: {error}",
                hint="Set SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE to a PEM file of certificates.",
            ) from error
    return context


async def _cancel_and_close(in_flight: set[asyncio.Task[None] | None], session: aiohttp.ClientSession) -> None:
    tasks = [task for task in in_flight if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await session.close()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _spread(request_id: str, attempt: int) -> float:
    """Return a factor in [0.75, 1.25) that spreads out the retries of requests that failed together."""
    return 0.75 + zlib.crc32(f"{request_id} {attempt}".encode("utf-8", "replace")) / 2**33


def _seconds(retry_after: str) -> float | None:
    """Return the seconds of a Retry-After header, which holds a number or a date; None for any other text."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
