"""Run the work on a stream of units: send requests, write completions to journals and outcomes to shards.

A shard depends only on its units, so shards may be finished in any order and by any engine. A completion is written to
the journal before it is used. Requests whose completion is in a journal or a shard are not sent again.
"""

import os
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from kgsynth.errors import ConfigError, GenerationError, quoted
from kgsynth.generation.backend import Completion, Generator, Request
from kgsynth.generation.task import Outcome, Work
from kgsynth.progress import Progress
from kgsynth.records import StageCount, plain
from kgsynth.run_folder import Journal, RunFolder

# Maximum number of unfinished shards, which bounds memory. With one, the backend would be idle during the slowest
# request of each shard.
OPEN_SHARDS = 3
# The share of rejects is checked only after this many units, since it says little before.
EARLY_UNITS = 50
_NUMBER = re.compile(r"\d+")
_STATUS_INTERVAL_S = 0.5
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# Maximum number of units that wait for their programs, which bounds memory.
_SLOW_AHEAD = 8 * _CORES
_ERROR_CHARS = 300


@dataclass(slots=True, kw_only=True)
class _Shard:
    """A shard that is not finished yet."""

    number: int
    units: Sequence[Any]
    finished: dict[str, Completion]
    journal: Journal
    outcomes: dict[int, tuple[Outcome, list[dict[str, Any]]]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _OpenUnit:
    """A unit that is not finished yet."""

    work: Work
    shard: _Shard
    index: int  # in the shard
    done: dict[str, Completion] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)


def _step(work: Work, done: Mapping[str, Completion]) -> Sequence[Request] | Outcome:
    """Return the next requests of a unit; without any, its outcome."""
    return work.requests(done) or work.outcome(done)


class Runner:
    """One call of a stage on one run folder, which the caller has locked."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        record: type[Any],
        count: StageCount,
        progress: Progress,
        stop: Callable[[StageCount], None],
        open_shards: int = OPEN_SHARDS,
        finished: Callable[[Sequence[Any], Sequence[Mapping[str, Any]]], None],
    ) -> None:
        """Prepare a run.

        Args:
            folder: run folder, locked by the caller.
            record: class of the rows.
            count: gets the account, including shards of earlier calls.
            progress: advanced by one step per unit.
            stop: raises if too many results were rejected.
            open_shards: maximum number of unfinished shards; higher for a backend with large batches.
            finished: called with the units and rows of each shard after its files are written, also for shards of
                earlier calls.
        """
        self._folder, self._record, self._count, self._progress = folder, record, count, progress
        self._stop, self._finished, self._open_shards = stop, finished, open_shards
        self.totals: dict[str, int] = {}
        self.left_out: list[str] = []
        self._closed = 0
        self._errors: dict[str, str] = {}
        self._error_counts: Counter[str] = Counter()
        self._by_request: dict[str, _OpenUnit] = {}
        self._shards: dict[int, _Shard] = {}
        self._follow_ups: deque[Request] = deque()
        self._session = {"requests": 0, "prompt_tokens": 0, "output_tokens": 0}
        # Units whose next step threads make, because programs are run for it.
        self._slow: dict[Future[Sequence[Request] | Outcome], _OpenUnit] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._started = self._last_status = time.monotonic()

    def run(
        self,
        batches: Iterable[Sequence[Any]],
        *,
        make: Callable[[], Generator],
        begin: Callable[[Generator, Any], Work],
    ) -> None:
        """Process all shards that are not finished, with constant memory; finished requests are kept on any error.

        Args:
            batches: the units of each shard, in order; no unit twice.
            make: makes the backend; not called if all shards are finished.
            begin: starts the work on a unit.

        Raises:
            GeneratorUnavailableError: the model does not answer.
            ManifestError: the disk is full.
            TooManyRejectsError: see `stop`.
        """
        unfinished = self._unfinished_shards(batches)
        first = next(unfinished, None)
        if first is None:
            return
        self._progress.tell("preparing the model")
        generator = make()
        self._progress.tell("")
        self._progress.skip(0)  # what loading takes says nothing about the rate
        self._started = time.monotonic()
        try:
            feed = self._feed(chain([first], unfinished), lambda unit: begin(generator, unit))
            for completion in generator.generate(feed):
                self._take(completion)
        finally:
            if self._threads is not None:
                self._threads.shutdown(cancel_futures=True)
            self.left_out = list(getattr(generator, "left_out", ()))
            generator.close()
            for shard in self._shards.values():
                shard.journal.close()
            seconds = round(time.monotonic() - self._started, 3)
            self._folder.log_session({"seconds": seconds, **self._session})
        if self._by_request or self._shards:
            raise GenerationError(
                f"{generator.name} left {len(self._by_request):,} requests without an answer",
                hint="Run the same command again: finished requests are kept.",
            )

    def _unfinished_shards(self, batches: Iterable[Sequence[Any]]) -> Iterator[_Shard]:
        """Yield the shards that are not finished; finished shards are added to the account on the way."""
        for number, units in enumerate(batches):
            if self._folder.has_shard(number):
                account = self._folder.account(number)
                # It exists if the process was killed after it wrote the account.
                self._folder.journal_file(number).unlink(missing_ok=True)
                self._count.kept += account["kept"]
                for reason, rejected in account["rejected"].items():
                    self._count.reject(reason, rejected)
                self._add_totals(account["totals"])
                self._progress.skip(len(units))
                self._finished(units, self._folder.shard_rows(number))
                continue
            finished = {row["request_id"]: Completion(**row) for row in self._folder.journal(number)}
            yield _Shard(number=number, units=units, finished=finished, journal=self._folder.open_journal(number))

    def _feed(self, shards: Iterable[_Shard], begin: Callable[[Any], Work]) -> Iterator[Request | None]:
        for shard in shards:
            self._shards[shard.number] = shard
            for index, unit in enumerate(shard.units):
                while self._follow_ups:
                    yield self._follow_ups.popleft()
                self._settle(until=_SLOW_AHEAD)
                opened = _OpenUnit(work=begin(unit), shard=shard, index=index)
                yield from self._to_send(opened, opened.work.requests(opened.done))
            while len(self._shards) >= self._open_shards:
                yield from self._follow_up()
        while self._by_request or self._slow:
            yield from self._follow_up()

    def _follow_up(self) -> Iterator[Request | None]:
        """Yield the next request of an open unit, or None while the model works; wait for programs otherwise."""
        self._settle(until=None)
        if self._follow_ups:
            yield self._follow_ups.popleft()
        elif self._by_request:
            yield None
        else:
            self._settle(until=len(self._slow) - 1)  # the model has nothing to do but wait for programs

    def _to_send(self, opened: _OpenUnit, requests: Sequence[Request]) -> list[Request]:
        """Return those of the next requests of a unit that no journal has answered; without any, the unit goes on."""
        missing = []
        for request in requests:
            opened.seeds[request.id] = request.seed
            completion = opened.shard.finished.pop(request.id, None)
            if completion is None:
                missing.append(request)
            else:
                opened.done[request.id] = completion
        for request in missing:
            if request.id in self._by_request:
                raise ConfigError(
                    f"the id {quoted(opened.work.unit_id)} occurs twice in the input",
                    hint="Remove the duplicate: the ids of the input must be unique.",
                )
            self._by_request[request.id] = opened
        opened.waiting = {request.id for request in missing}
        return missing or self._continued(opened)

    def _continued(self, opened: _OpenUnit) -> list[Request]:
        """Take the next step of a unit that waits for nothing; return its requests, none if a thread takes the step."""
        if not opened.work.is_slow:
            return self._taken(opened, _step(opened.work, opened.done))
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_CORES, thread_name_prefix="outcome")
        self._slow[self._threads.submit(_step, opened.work, opened.done)] = opened
        return []

    def _taken(self, opened: _OpenUnit, step: Sequence[Request] | Outcome) -> list[Request]:
        """Return the requests of a step, or finish the unit."""
        if isinstance(step, Outcome):
            self._finish(opened, step)
            return []
        return self._to_send(opened, step)

    def _take(self, completion: Completion) -> None:
        opened = self._by_request.pop(completion.request_id)
        # A model may write half of a surrogate pair, which no file can hold.
        text, reasoning = (part.encode("utf-8", "replace").decode() for part in (completion.text, completion.reasoning))
        if (text, reasoning) != (completion.text, completion.reasoning):
            completion = replace(completion, text=text, reasoning=reasoning)
        if completion.finish_reason == "error":
            # A failed request is not journaled, so the next call sends it again. Errors that differ only in numbers,
            # such as lengths, are counted together.
            kind = _NUMBER.sub("0", completion.text)
            self._errors.setdefault(kind, completion.text)
            self._error_counts[kind] += 1
        else:
            opened.shard.journal.append(plain(completion))
        self._session["requests"] += 1
        self._session["prompt_tokens"] += completion.prompt_tokens
        self._session["output_tokens"] += completion.output_tokens
        opened.done[completion.request_id] = completion
        opened.waiting.discard(completion.request_id)
        if not opened.waiting:
            self._follow_ups.extend(self._continued(opened))
        self._settle(until=_SLOW_AHEAD)
        self._show_status()

    def _settle(self, *, until: int | None) -> None:
        """Take over the steps that threads have made; wait until at most `until` are left, None: do not wait."""
        while self._slow:
            must_wait = until is not None and len(self._slow) > until
            made, _ = wait(self._slow, timeout=None if must_wait else 0, return_when=FIRST_COMPLETED)
            for future in made:
                self._follow_ups.extend(self._taken(self._slow.pop(future), future.result()))
            if not must_wait:
                return

    def _finish(self, opened: _OpenUnit, outcome: Outcome) -> None:
        rejects = [
            {
                "unit_id": opened.work.unit_id,
                "reason": refusal.reason,
                "is_final": refusal.is_final,
                "request_id": refusal.request_id,
                "seed": opened.seeds.get(refusal.request_id),
                "raw": refusal.raw,
                **({"answer": refusal.answer} if refusal.answer else {}),
            }
            for refusal in outcome.refusals
        ]
        shard = opened.shard
        shard.outcomes[opened.index] = (outcome, rejects)
        totals = {
            "units": 1,
            "units_without_rows": int(not outcome.rows),
            "requests": len(opened.done),
            "prompt_tokens": sum(completion.prompt_tokens for completion in opened.done.values()),
            "output_tokens": sum(completion.output_tokens for completion in opened.done.values()),
            **outcome.totals,
        }
        for name, number in totals.items():
            shard.totals[name] = shard.totals.get(name, 0) + number
        self._count.kept += len(outcome.rows)
        for refusal in outcome.refusals:
            self._count.reject(refusal.reason)
        self._progress.advance()
        if len(shard.outcomes) == len(shard.units):
            self._write(shard)
        self._closed += 1
        if self._closed >= EARLY_UNITS:
            self._stop(self._count)

    def _write(self, shard: _Shard) -> None:
        rows: list[dict[str, Any]] = []
        rejects: list[dict[str, Any]] = []
        rejected: dict[str, int] = {}
        evidence: list[dict[str, Any]] = []
        for index in range(len(shard.units)):
            outcome, outcome_rejects = shard.outcomes[index]
            rows += [plain(row) for row in outcome.rows]
            rejects += outcome_rejects
            evidence += outcome.evidence
        for row in rejects:
            rejected[row["reason"]] = rejected.get(row["reason"], 0) + 1
        shard.journal.close()
        account = {"kept": len(rows), "rejected": rejected, "totals": shard.totals}
        self._folder.write_shard(shard.number, rows, rejects, account, record=self._record, evidence=evidence)
        self._add_totals(shard.totals)
        del self._shards[shard.number]
        self._finished(shard.units, rows)

    def commonest_error(self) -> str:
        """Return the most frequent backend error of this call with its count; empty without errors."""
        if not self._errors:
            return ""
        ((kind, number),) = self._error_counts.most_common(1)
        return f"{self._errors[kind][:_ERROR_CHARS]} ({number:,} times)"

    def _add_totals(self, totals: Mapping[str, int]) -> None:
        for name, number in totals.items():
            self.totals[name] = self.totals.get(name, 0) + number

    def _show_status(self) -> None:
        now = time.monotonic()
        if now - self._last_status < _STATUS_INTERVAL_S:
            return
        self._last_status = now
        seconds = max(now - self._started, 1e-9)
        incoming, outgoing = (self._session[name] / seconds for name in ("prompt_tokens", "output_tokens"))
        text = f"{incoming:,.0f} tokens/s in, {outgoing:,.0f} out"
        self._progress.tell(text)
