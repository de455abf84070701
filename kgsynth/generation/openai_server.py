"""Any server that speaks the OpenAI chat interface, `vllm serve` among them; bounded retries, nothing is lost.

A request that the server refuses becomes a completion with finish_reason `error`, so that it is counted; a server that
does not answer stops the run.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import requests

from kgsynth.errors import GeneratorUnavailableError
from kgsynth.generation.backend import Completion, Request, Sampling

_TRIES = 5
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
# No request of the run would fare better: not one record is rejected for it.
_WRONG_SET_UP = frozenset({401, 402, 403, 404})
_RETRIED_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
# Without the model's tokenizer: English has 4 characters a token, LaTeX and code under 3, so this never counts too
# few by much.
_CHARS_PER_TOKEN = 3


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
    ) -> None:
        """Ask the server which models it has.

        Args:
            url: with or without /v1.
            model: served name; empty for the first that the server names.
            api_key: may be empty.
            sampling: parameters of all requests.
            concurrency: requests in flight.
            timeout_s: for one answer.
            constrained: send vLLM's `structured_outputs` field; other servers may refuse it.

        Raises:
            GeneratorUnavailableError: nobody answers, or the model is not served.
        """
        base = url.rstrip("/")
        self._url = base if base.endswith("/v1") else f"{base}/v1"
        self._sampling, self._concurrency, self._timeout_s, self._constrained = (
            sampling,
            concurrency,
            timeout_s,
            constrained,
        )
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._local = threading.local()
        served = self._served_models()
        self.model = model or served[0]
        if model and served and model not in served:
            raise GeneratorUnavailableError(
                f"the server at {self._url} does not serve {model!r}", hint=f"It serves: {', '.join(served)}."
            )

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers.update(self._headers)
        session: requests.Session = self._local.session
        return session

    def _served_models(self) -> list[str]:
        try:
            answer = self._session().get(f"{self._url}/models", timeout=min(self._timeout_s, 30))
            answer.raise_for_status()
            served = [str(item["id"]) for item in answer.json()["data"]]
        except (requests.RequestException, KeyError, TypeError, ValueError) as error:
            raise GeneratorUnavailableError(
                f"no language model server at {self._url}: {error}", hint="Is it up, and is the address right?"
            ) from error
        if not served:
            raise GeneratorUnavailableError(f"the server at {self._url} serves no model")
        return served

    def count_tokens(self, text: str) -> int:
        """An estimate on the safe side."""
        return -(-len(text) // _CHARS_PER_TOKEN)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Completions as they come, `concurrency` requests in flight."""
        waiting = iter(requests)
        with ThreadPoolExecutor(self._concurrency) as pool:
            flying: set[Future[Completion]] = set()
            try:
                while True:
                    for request in waiting:
                        flying.add(pool.submit(self._one, request))
                        if len(flying) >= self._concurrency:
                            break
                    if not flying:
                        return
                    done, flying = wait(flying, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Connections end with their threads."""

    def _one(self, request: Request) -> Completion:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": request.conversation(),
            "temperature": self._sampling.temperature,
            "top_p": self._sampling.top_p,
            "max_tokens": self._sampling.max_output_tokens,
            "seed": request.seed,
        }
        if self._constrained:
            body["repetition_penalty"] = self._sampling.repetition_penalty
            if request.pattern:
                body["structured_outputs"] = {"regex": request.pattern}
        failure = failure_header = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(self._pause(attempt, failure_header))
            failure_header = ""
            try:
                answer = self._session().post(f"{self._url}/chat/completions", json=body, timeout=self._timeout_s)
            except requests.RequestException as error:
                failure = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code in _RETRIED_STATUS:
                failure = f"HTTP {answer.status_code}: {answer.text[:200]}"
                failure_header = answer.headers.get("Retry-After", "")
                continue
            if answer.status_code in _WRONG_SET_UP:
                raise GeneratorUnavailableError(
                    f"the server at {self._url} refuses: HTTP {answer.status_code}: {answer.text[:200]}",
                    hint="Check the address, the model's name and OPENAI_API_KEY; what was finished is kept.",
                )
            if answer.status_code >= 400:
                return Completion(
                    request_id=request.id,
                    text=f"HTTP {answer.status_code}: {answer.text[:1000]}",
                    finish_reason="error",
                )
            try:
                return _completion(request, answer.json())
            except (ValueError, KeyError, TypeError, IndexError) as error:
                failure = f"an answer that is no chat completion ({error!r}): {answer.text[:200]}"
        raise GeneratorUnavailableError(
            f"the server at {self._url} has failed {_TRIES} times on one request: {failure}",
            hint="What was finished is kept: run the same command again when the server is well.",
        )

    def _pause(self, attempt: int, retry_after: str) -> float:
        try:
            return min(_LONGEST_WAIT_S, max(0.0, float(retry_after)))
        except ValueError:
            return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 1))


def _completion(request: Request, answer: dict[str, Any]) -> Completion:
    choice = answer["choices"][0]
    usage = answer.get("usage") or {}
    text = choice["message"]["content"]
    if not isinstance(text, str):
        raise TypeError("the message has no text")
    return Completion(
        request_id=request.id,
        text=text,
        finish_reason=choice.get("finish_reason") or "stop",
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        output_tokens=int(usage.get("completion_tokens") or 0),
    )
