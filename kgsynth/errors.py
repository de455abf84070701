"""Every error kgsynth raises on purpose, named by what the caller does about it.

The tree:

    KgsynthError                     base; the command prints message and hint, exit code 1
    ├─ ConfigError                   nothing ran: fix the named key or option
    ├─ QueryError                    a .cypher file or a user's Cypher is not acceptable: fix it
    ├─ RecordError                   one input record is bad: counted by reason, written to rejects
    ├─ TooManyRejectsError           the share of rejects passed its limit: look at the rejects
    ├─ ManifestError                 outputs on disk came from another configuration
    ├─ DownloadError                 a file could not be fetched or has the wrong content: see the hint
    ├─ ServerError                   the managed Neo4j could not be installed, started or stopped
    ├─ GraphError                    Neo4j refused a statement, or the graph is not in the needed state
    │  └─ GraphUnavailableError      nobody answers at the address: start the server, try again
    ├─ VectorError                   an array breaks its contract
    ├─ MissingExtraError             an optional package is not installed: install the named extra
    └─ GenerationError               a prompt got no usable text: counted like RecordError
       └─ GeneratorUnavailableError  the model cannot be reached: after the retries, the run stops
"""

from typing import ClassVar


class KgsynthError(Exception):
    """Base of all errors of kgsynth; `hint` says what to do next."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message, and the hint as a note that tracebacks show too."""
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)


class ConfigError(KgsynthError):
    """Nothing ran: fix the named key or option and call again."""


class QueryError(KgsynthError):
    """A .cypher file of the package, or Cypher given by the user, is not acceptable: fix the named file."""


class RecordError(KgsynthError):
    """One input record is bad; the run goes on and the record is kept in the rejects."""


class TooManyRejectsError(KgsynthError):
    """The share of rejects passed its limit; the message names the file to look at."""


class ManifestError(KgsynthError):
    """The outputs on disk came from another configuration: choose another folder or remove this one."""


class DownloadError(KgsynthError):
    """A file could not be fetched, or what came is not what the lock file names."""


class ServerError(KgsynthError):
    """The managed Neo4j server could not be installed, started or stopped; the message has its last words."""


class GraphError(KgsynthError):
    """Neo4j refused a statement, or the graph is not in the state that the call needs."""


class GraphUnavailableError(GraphError):
    """Nobody answers at the graph's address: start the server and call again."""

    retryable: ClassVar[bool] = True


class VectorError(KgsynthError):
    """An array breaks its contract (shape, type, unit length); the message names the first bad row."""


class MissingExtraError(KgsynthError):
    """An optional package is not installed; the message names the extra that brings it."""


class GenerationError(KgsynthError):
    """A prompt got no usable text: counted by reason and kept in the rejects."""


class GeneratorUnavailableError(GenerationError):
    """The model cannot be reached or loaded; after bounded retries the run stops, nothing is lost."""

    retryable: ClassVar[bool] = True
