"""Records that cannot be used: files of rejects, stages that write one, and the limit on the share of rejects."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kgsynth.accounts import Report, timed_stage
from kgsynth.errors import TooManyRejectsError
from kgsynth.progress import Progress, progress_stage
from kgsynth.records import Position, Reject, StageCount

_LIMIT_HINT = "Raise the limit with --max-rejected-share."
_FIELDS_HINT = f"Check the names of fields (--text-field, --id-field). {_LIMIT_HINT}"


class RejectFile:
    """Rejects as JSON Lines; the first reject creates the file, and an older file is removed."""

    def __init__(self, path: Path) -> None:
        """Store the path; the file is created later.

        Args:
            path: path of the file.
        """
        self.path = path
        self._file: Any = None

    def __enter__(self) -> Self:
        """Remove the file of an earlier call."""
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def add(self, reject: Reject) -> None:
        """Write one reject."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", errors="replace")
        self._file.write(reject.to_json() + "\n")


@contextmanager
def stage_with_rejects(count: StageCount, path: Path, report: Report, progress: Progress) -> Iterator[RejectFile]:
    """Run a block as one stage with an account, progress of unknown length, and a file of rejects."""
    with timed_stage(count, report), progress_stage(progress, count.stage, None, count), RejectFile(path) as rejects:
        yield rejects


def refuse_too_many(count: StageCount, *, limit: float, where: Path, hint: str = "", expected: str = "") -> None:
    """Stop a stage that rejected too many records; rejects for the `expected` reason do not count.

    Without a hint, the error mentions the options for names of fields if a reason is about a field.

    Raises:
        TooManyRejectsError: the share of rejects is above `limit`.
    """
    rejected = count.read - count.kept - count.rejected.get(expected, 0)
    if rejected > limit * count.read:
        reasons = ", ".join(
            f"{number:,} {reason}" for reason, number in sorted(count.rejected.items(), key=lambda item: -item[1])
        )
        default_hint = _FIELDS_HINT if any("field" in reason for reason in count.rejected) else _LIMIT_HINT
        raise TooManyRejectsError(
            f"{count.stage}: {rejected:,} of {count.read:,} {count.unit} were rejected ({reasons}), over the "
            f"limit of {limit:.0%}",
            hint=f"The rejects are in {where}. {hint or default_hint}",
        )


def refuse(identity: str, reason: str, rejects: RejectFile, count: StageCount) -> None:
    """Reject a document, or its annotation, that was already counted as kept."""
    count.kept -= 1
    count.reject(reason)
    rejects.add(Reject(position=Position(source=f"document {identity}"), reason=reason))
