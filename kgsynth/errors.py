"""The exceptions of kgsynth, one class for each reaction that a caller can have.

The tree:

    KgsynthError                     base; the command prints message and hint, and exits with `exit_code`
    ├─ ConfigError                   nothing ran: fix the named key or option
    ├─ QueryError                    a .cypher file or a user's Cypher is invalid or not allowed: fix it
    ├─ RecordError                   one input record is invalid: counted by reason, written to the rejects
    ├─ TooManyRejectsError           the share of rejects exceeded its limit: inspect the rejects
    ├─ ManifestError                 the outputs on disk are from a different configuration
    ├─ DownloadError                 a file could not be downloaded or has the wrong content: see the hint
    ├─ UploadError                   a data set could not be uploaded; it is complete on this machine: see the hint
    ├─ ServerError                   the managed Neo4j could not be installed, started or stopped
    ├─ GraphError                    Neo4j refused a statement, or the graph is not in the needed state
    │  └─ GraphUnavailableError      no server answers at the address: start the server, try again
    ├─ SandboxError                  no sandbox holds on this machine, so programs are not run: see the hint
    ├─ VectorError                   an array violates its contract
    ├─ MissingExtraError             an optional package is not installed: install the named extra
    └─ GenerationError               a prompt produced no usable text: counted like RecordError
       └─ GeneratorUnavailableError  the model cannot be reached: the run stops after the retries
"""

import difflib
import re
from collections.abc import Iterable
from typing import ClassVar

# Values of up to this many characters are quoted whole: any number, name or address that a person types.
_QUOTED_CHARS = 120
_QUOTED_ENDS = 40
_LONG = re.compile(r"\S{300,}")


def quoted(value: object) -> str:
    """Return a value as errors quote it: its representation, with the middle of a long one left out."""
    try:
        text = repr(value)
    except ValueError:  # a whole number with thousands of digits
        text = hex(value) if isinstance(value, int) else object.__repr__(value)
    except RecursionError:
        text = object.__repr__(value)
    return text if len(text) <= _QUOTED_CHARS else _without_middle(text)


def shortened(text: str) -> str:
    """Return a text in which runs without a space that are longer than any usual path lose their middle."""
    return _LONG.sub(lambda run: _without_middle(run.group()), text)


def _without_middle(text: str) -> str:
    return f"{text[:_QUOTED_ENDS]} … {text[-_QUOTED_ENDS:]} ({len(text):,} characters)"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `: did you mean 'x'?` for the known name that is most like a name; empty if none is like it."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


class KgsynthError(Exception):
    """Base class of all kgsynth errors; `hint` says what to do next."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Store message and hint; the hint is also a note, so that tracebacks show it."""
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)


_TOO_MANY_REJECTS, _TRY_AGAIN = 3, 4  # exit codes


class ConfigError(KgsynthError):
    """The configuration is invalid and nothing ran: fix the named key or option and try again."""


class QueryError(KgsynthError):
    """A .cypher file of the package, or a user's Cypher, is invalid or not allowed: fix the named file."""


class RecordError(KgsynthError):
    """One input record is invalid; the run continues and the record is written to the rejects."""


class TooManyRejectsError(KgsynthError):
    """The share of rejects exceeded its limit; the message names the file to inspect."""

    exit_code: ClassVar[int] = _TOO_MANY_REJECTS


class ManifestError(KgsynthError):
    """The outputs on disk are from a different configuration: choose another folder or remove this one."""


class DownloadError(KgsynthError):
    """A file could not be downloaded, or its content differs from the lock file."""


class UploadError(KgsynthError):
    """A data set could not be uploaded; what was exported is kept on this machine."""


class ServerError(KgsynthError):
    """The managed Neo4j server could not be installed, started or stopped; message or hint quote its output."""


class GraphError(KgsynthError):
    """Neo4j refused a statement, or the graph is not in the state that the call requires."""


class GraphUnavailableError(GraphError):
    """No server answers at the graph's address: start the server and try again."""

    retryable: ClassVar[bool] = True
    exit_code: ClassVar[int] = _TRY_AGAIN


class SandboxError(KgsynthError):
    """No sandbox holds on this machine, or one cannot be started: programs of a model are not run."""


class VectorError(KgsynthError):
    """An array violates its contract (shape, type, unit length); the message names the first invalid row."""


class MissingExtraError(KgsynthError):
    """An optional package is not installed; the message names the extra that contains it."""


class GenerationError(KgsynthError):
    """A prompt produced no usable text; it is counted by reason and written to the rejects."""


class GeneratorUnavailableError(GenerationError):
    """The model cannot be reached or loaded; the run stops after a limited number of retries and loses nothing."""

    retryable: ClassVar[bool] = True
    exit_code: ClassVar[int] = _TRY_AGAIN
