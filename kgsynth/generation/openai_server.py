"""Servers that speak the OpenAI chat interface, `vllm serve` among them; bounded retries, nothing is lost.

A request that keeps failing on a server that works becomes a completion with finish_reason `error`, so that it is
counted; servers that do not answer stop the run. How many requests are in flight follows what each server bears.
"""

import asyncio
import json
import ssl
import time
import urllib.request
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import aiohttp

from kgsynth.addresses import basic_token, credentials_of, hide, secrets_of, without_secrets
from kgsynth.errors import ConfigError, GeneratorUnavailableError
from kgsynth.generation.backend import Completion, Request, Sampling
from kgsynth.generation.chat_interface import (
    error_sentence,
    headers_of,
    hint_for,
    read_answer,
    read_models,
    request_body,
)
from kgsynth.generation.concurrency import Concurrency

_LONGEST_WAIT_S = 60.0
_PROBE_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 30.0
# No request of the run would fare better: not one record is rejected for it.
_WRONG_KEY = frozenset({401, 403})
_WRONG_SET_UP = frozenset({402, 404})
_PROXY_REFUSES = 407
_BUSY_STATUS = frozenset({429, 503})
_RETRIED_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
# For each try of a request so many refusals with a time to come back are borne.
_BUSY_TRIES = 10
# When so many requests in a row fail for good, the server is not well, whatever it says of itself.
_FAILURES_IN_A_ROW = 20
# When the first requests are all refused in the same way, the others would be too.
_FIRST_REFUSALS = 20
# A server that has gone is left out for so long, when there are others.
_LEFT_OUT_S = 60.0
# Without the model's tokenizer: English has 4 bytes a token, LaTeX and code under 3, Chinese about 3, so this never
# counts too few by much.
_BYTES_PER_TOKEN = 3
_LEAST_KEY_CHARS = 12
_KEPT_HINT = "What was finished is kept: run the same command again when the server is well."


class _BusyError(GeneratorUnavailableError):
    """The server is there, and has no time."""


@dataclass(slots=True, kw_only=True)
class _Server:
    """One server: where it is, what is known of it, and how it fares."""

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
        """The address of `models` or `chat/completions`."""
        return f"{self.base}/{name}" + (f"?{self.query}" if self.query else "")

    @property
    def shown(self) -> str:
        """The address as it may be printed."""
        return without_secrets(self.base + (f"?{self.query}" if self.query else ""))

    @property
    def is_left_out(self) -> bool:
        """Whether it gets no requests for now."""
        return time.monotonic() < self.left_out_until


def _server(url: str, *, api_key: str, headers: dict[str, str], concurrency: int) -> _Server:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/models")
    own = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    if any(credentials_of(url)):
        own["Authorization"] = f"Basic {basic_token(url)}"
    return _Server(
        base=urlunsplit((parts.scheme, host, path or "/v1", "", "")),
        query=parts.query,
        headers={**own, **headers},
        proxy=_proxy(parts.scheme, parts.hostname or ""),
        concurrency=Concurrency(most=concurrency),
    )


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for a host; this machine needs none."""
    is_here = host in ("localhost", "::1") or host.startswith("127.")
    if is_here or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all")


class OpenAiServerGenerator:
    """A client of one model on one server, or on several that share the load."""

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
        """Ask the servers which models they have.

        Args:
            urls: of the hosts alone (then /v1 is added), or with the path of the interface.
            model: served name; empty for the first that the first server names.
            api_key: may be empty.
            sampling: parameters of all requests.
            concurrency: requests in flight at most, shared out to the servers.
            timeout_s: for one answer.
            constrained: send forms to force, to vLLM or not; None: JSON schemas to vLLM alone.
            headers: further ones.
            certificates: a file of certificate authorities to trust besides the system's; empty for none.
            tries: of one request.
            first_wait_s: before the second try; doubled for each further one.

        Raises:
            ConfigError: the file of certificates or a header cannot be used.
            GeneratorUnavailableError: nobody answers, or the model is not served.
        """
        self.sampling, self._constrained = sampling, constrained
        self._timeout_s, self._tries, self._first_wait_s = timeout_s, tries, first_wait_s
        own_headers = headers_of({"headers": headers or {}})
        share = -(-concurrency // len(urls))
        self._servers = [_server(url, api_key=api_key, headers=own_headers, concurrency=share) for url in urls]
        addresses = [*urls, *(server.proxy for server in self._servers if server.proxy)]
        self._secrets = [api_key, *own_headers.values(), *(one for url in addresses for one in secrets_of(url))]
        is_tls = any(server.base.startswith("https:") for server in self._servers)
        self._certificates = certificates if is_tls else ""
        self._succeeded = False
        self._refusals: Counter[int] = Counter()
        self.left_out: list[str] = []
        self.model = asyncio.run(self._find_model(model))

    # --- which servers, which model

    async def _find_model(self, model: str) -> str:
        """The model to ask for; servers that do not answer are left out while another does."""
        failures: list[GeneratorUnavailableError] = []
        for server in self._servers:
            try:
                await self._look_at(server, has_model=bool(model))
            except GeneratorUnavailableError as error:
                failures.append(error)
                self._leave_out(server)
        living = [server for server in self._servers if not server.is_left_out]
        if not living:
            raise failures[0]
        chosen = model or next((one for server in living for one in server.served), "")
        if not chosen:
            raise GeneratorUnavailableError(
                f"the server at {living[0].shown} names no model", hint="Give the name of a model: --model NAME."
            )
        for server in living:
            self._refuse_without_model(server, chosen)
        return chosen

    def _refuse_without_model(self, server: _Server, model: str) -> None:
        if server.served and model not in server.served:
            raise GeneratorUnavailableError(
                f"the server at {server.shown} does not serve {model!r}",
                hint=f"It serves: {', '.join(server.served[:20])}.",
            )

    async def _look_at(self, server: _Server, *, has_model: bool) -> None:
        """Learn which models a server has; not every server says, and with a model's name none needs to."""
        status, text = await self._get_models(server)
        if status in _BUSY_STATUS:
            raise _BusyError(f"the server at {server.shown} is busy: HTTP {status}", hint="Try again in a while.")
        problem = ""
        if status == 200:
            try:
                served, server.is_vllm = read_models(json.loads(text))
                server.served = tuple(served)
            except ValueError as error:
                problem = str(error) if not isinstance(error, json.JSONDecodeError) else "it answers with no JSON"
        elif status in _WRONG_KEY and not has_model:
            raise self._wrong_key(server, status, text)
        else:
            problem = f"it answers {server.endpoint('models')!r} with HTTP {status}: {self._sentence(text)}"
            if status == _PROXY_REFUSES:
                raise GeneratorUnavailableError(
                    f"the proxy before {server.shown} asks for a user name and a password: HTTP {status}",
                    hint="Put them into the address of the proxy that the environment names.",
                )
        if problem and not has_model:
            raise GeneratorUnavailableError(
                f"the server at {server.shown} does not say which models it has: {without_secrets(problem)}",
                hint="Give the name of a model with --model NAME; or is the address wrong?",
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
                f"no language model server at {server.shown}: {why}", hint="Is it up, and is the address right?"
            ) from error

    def _session(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        context = _trusted(self._certificates)
        return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0, ssl=context))

    # --- what is sent, and how many at once

    def count_tokens(self, text: str) -> int:
        """An estimate on the safe side."""
        return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)

    @property
    def url(self) -> str:
        """Where requests are posted, of the first server."""
        return self._servers[0].endpoint("chat/completions")

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return sum(server.concurrency.allowed for server in self._living())

    @property
    def most_in_flight(self) -> int:
        """Requests that may ever be in flight."""
        return sum(server.concurrency.most for server in self._servers)

    def limit(self, most: int) -> None:
        """Begin anew to find out how many requests the servers bear, up to so many in all."""
        for server in self._servers:
            server.concurrency = Concurrency(most=-(-most // len(self._servers)))

    def _living(self) -> list[_Server]:
        """The servers that get requests; all of them when each was left out."""
        return [server for server in self._servers if not server.is_left_out] or self._servers

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Completions as they come, so many in flight as the servers bear."""
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
                    while is_open and len(flying) < self.allowed:
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
        return self._session(aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=_CONNECT_TIMEOUT_S))

    # --- one request

    async def complete(self, session: aiohttp.ClientSession, request: Request) -> Completion:
        """The completion of one request, tried again, and on another server, while that may help."""
        asked: list[_Server] = []
        failed: Completion | None = None
        while True:
            left = [server for server in self._living() if server not in asked]
            if not left:
                if failed is not None:
                    return failed
                # All have gone meanwhile: the last one asked says so.
                left, asked = self._living(), []
            server = min(left, key=lambda one: one.in_flight / one.concurrency.allowed)
            asked.append(server)
            server.in_flight += 1
            try:
                await self._look_again(server)
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

    async def _look_again(self, server: _Server) -> None:
        """Learn what a server has that did not answer at the start, or was left out, now that it is its turn again.

        Raises:
            GeneratorUnavailableError: it does not answer, or lacks the model.
        """
        if not server.left_out_until:
            return
        await self._look_at(server, has_model=True)
        self._refuse_without_model(server, self.model)
        server.left_out_until = 0.0

    async def _complete_at(
        self, server: _Server, session: aiohttp.ClientSession, request: Request
    ) -> Completion | None:
        """The completion by one server; None when it has gone and another is to be asked.

        Raises:
            GeneratorUnavailableError: no request of this run can succeed there.
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
                # Those that wait for the same moment do not come back together.
                await asyncio.sleep(pause * _spread(request.id, busy) * 1.4)
            attempt += 1
            sent = time.monotonic()
            wait_s = min(_LONGEST_WAIT_S, self._first_wait_s * 2.0 ** (attempt - 1)) * _spread(request.id, attempt)
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
            self._refuse_wrong_set_up(server, status, text)
            if status not in _RETRIED_STATUS:
                # The request is at fault, and the server works.
                self._refuse_the_same(server, status, failure, body)
                return Completion(request_id=request.id, text=failure, finish_reason="error")
            if status in _BUSY_STATUS:
                server.concurrency.refused(sent, time.monotonic())
                asked = _seconds(retry_after)
                if asked is not None:
                    # It was only early: that is no failure of the request.
                    attempt, busy = attempt - 1, busy + 1
                    wait_s = min(asked, _LONGEST_WAIT_S)
                    server.paused_until = max(server.paused_until, time.monotonic() + wait_s)
        if await self._is_ill(server, failure):
            return None
        return Completion(request_id=request.id, text=failure, finish_reason="error")

    async def _post(
        self, server: _Server, session: aiohttp.ClientSession, request: Request, data: bytes
    ) -> tuple[int, str, str]:
        """Status, Retry-After and text of the answer; a redirection on the same host is followed."""
        # vLLM's log names requests so; ids may hold any character, a header may not.
        named = {"X-Request-Id": quote(request.id, safe=":", errors="replace"), "Content-Type": "application/json"}
        address = server.endpoint("chat/completions")
        for _ in range(_MAX_REDIRECTS + 1):
            async with session.post(
                address, data=data, headers={**named, **server.headers}, proxy=server.proxy, allow_redirects=False
            ) as answer:
                text = _decoded(await answer.read())
                target = urljoin(address, answer.headers.get("Location", ""))
                if answer.status not in _REDIRECTS:
                    return answer.status, answer.headers.get("Retry-After", ""), text
                if urlsplit(target).netloc != urlsplit(address).netloc:
                    break
                address = target
        raise GeneratorUnavailableError(
            f"the server at {server.shown} sends requests on to {without_secrets(target)}",
            hint="Give that address as --url, if you trust it with your texts and your key.",
        )

    def _read(self, request: Request, text: str) -> tuple[Completion | None, str]:
        """The completion in a text, or what is wrong with it."""
        try:
            # A server may say a key in a text too; what is short may be a word.
            value = json.loads(hide(text, self._secrets, least=_LEAST_KEY_CHARS))
            if isinstance(value, dict) and value.get("error") and not value.get("choices"):
                return None, f"an error: {self._sentence(text)}"
            return read_answer(request, value), ""
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            what = type(error).__name__
            return None, f"an answer that is no chat completion ({what}): {hide(text, self._secrets)[:200]}"

    def _sentence(self, text: str) -> str:
        return error_sentence(hide(text, self._secrets))

    # --- what is wrong with a server

    def _leave_out(self, server: _Server) -> None:
        server.left_out_until = time.monotonic() + _LEFT_OUT_S
        if server.shown not in self.left_out:
            self.left_out.append(server.shown)

    def _wrong_key(self, server: _Server, status: int, text: str) -> GeneratorUnavailableError:
        return GeneratorUnavailableError(
            f"the server at {server.shown} does not accept the key: HTTP {status}: {self._sentence(text)}",
            hint="Set OPENAI_API_KEY to a key of this server; what was finished is kept.",
        )

    def _refuse_wrong_set_up(self, server: _Server, status: int, text: str) -> None:
        """Raise when the answer says that no request can succeed."""
        if status in _WRONG_KEY:
            raise self._wrong_key(server, status, text)
        if status in _WRONG_SET_UP:
            raise GeneratorUnavailableError(
                f"the server at {server.shown} refuses: HTTP {status}: {self._sentence(text)}",
                hint="Check the address and the model's name; what was finished is kept."
                if status == 404
                else "Check the account at the server; what was finished is kept.",
            )
        if status == 429 and "insufficient_quota" in text:
            raise GeneratorUnavailableError(
                f"the quota at {server.shown} is used up: {self._sentence(text)}",
                hint="What was finished is kept: run the same command again when there is more.",
            )

    def _refuse_the_same(self, server: _Server, status: int, failure: str, body: dict[str, Any]) -> None:
        """Raise when all requests so far were refused in the same way: the next ones would be too."""
        self._refusals[status] += 1
        if not self._succeeded and self._refusals[status] >= _FIRST_REFUSALS and len(self._refusals) == 1:
            raise GeneratorUnavailableError(
                f"the first {_FIRST_REFUSALS} requests were all refused by {server.shown}: {failure}",
                hint=hint_for(failure, body.keys()),
            )

    def _has_others(self, server: _Server) -> bool:
        return any(other is not server and not other.is_left_out for other in self._servers)

    async def _is_gone(self, server: _Server) -> bool:
        """Whether nobody answers there."""
        try:
            await self._get_models(server)
        except GeneratorUnavailableError:
            return True
        return False

    async def _is_ill(self, server: _Server, failure: str) -> bool:
        """Whether it is the server that fails and not the request, and others can be asked.

        Raises:
            GeneratorUnavailableError: there is no other.
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
                f"the server at {server.shown} has gone; the last request failed {self._tries} times: {failure[:300]}",
                hint=_KEPT_HINT,
            )
        raise GeneratorUnavailableError(
            f"{server.failures_in_a_row} requests in a row have failed at {server.shown}, the last with: "
            f"{failure[:300]}",
            hint=_KEPT_HINT,
        )


@cache
def _trusted(certificates: str) -> ssl.SSLContext:
    """The authorities that are trusted; read once, since each probe of a server needs them.

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
                hint="The environment names it (SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE).",
            ) from error
    return context


async def _ended(flying: set[asyncio.Task[None] | None], session: aiohttp.ClientSession) -> None:
    tasks = [task for task in flying if task is not None]
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
