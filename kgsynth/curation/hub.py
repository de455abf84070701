"""Upload an exported training set to the Hugging Face Hub: all its files in one commit.

The package huggingface_hub reads the token (HF_TOKEN, or the file that `hf auth login` writes) and the address of the
Hub (HF_ENDPOINT). The token is sent to the Hub only; it is in no return value, error or file.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgsynth import __version__
from kgsynth.addresses import hide, without_secrets
from kgsynth.curation.export import MANIFEST
from kgsynth.errors import ConfigError, KgsynthError, MissingExtraError, UploadError, quoted

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
# Data files of an earlier export; those that the new export lacks are deleted in the same commit.
_DATA_FILE = re.compile(r"(?:data/)?(?:train|validation)-\d{5,}\.(?:parquet|jsonl)")
# The Hub and its web page write these files into a new data set.
_FILES_OF_A_NEW_SET = frozenset({".gitattributes", "README.md"})
_SHOWN_CHARS = 300
_HINTS = {
    401: "Set HF_TOKEN to a valid token with write access.",
    403: "Use a token with write access to this owner, or another OWNER/NAME.",
    404: "Check OWNER/NAME, and that the token has access to it.",
    409: "Somebody else has changed it at the same time.",
    412: "Somebody else has changed it at the same time.",
    429: "The Hub refuses more requests for now: wait some minutes.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """Result of an upload: the address of the data set, and the commit, which is older if nothing has changed."""

    url: str
    commit: str
    changed: bool
    private: bool


def check_hub_access(name: str) -> None:
    """Check all that an upload needs, before anything is written: package, name, token, and a Hub that accepts it.

    Args:
        name: OWNER/NAME of the data set.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ConfigError: the name is invalid, or there is no token.
        UploadError: the Hub cannot be reached, or does not accept the token.
    """
    client = _client(name)
    with _clear_errors(client, name):
        client.whoami()


def push_to_hub(folder: Path, name: str, *, private: bool = False) -> Pushed:
    """Upload the folder of an export to a data set on the Hub, which is created if it does not exist.

    Args:
        folder: folder of a complete export.
        name: OWNER/NAME of the data set.
        private: create a private data set, and refuse one that is public.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ConfigError: the folder contains no export, the name is invalid, there is no token, or the data set on the Hub
            is public or was not written by kgsynth.
        UploadError: the Hub cannot be reached, refuses the upload, or lacks a file afterwards.
    """
    if not (folder / MANIFEST).is_file():
        raise ConfigError(f"{folder} contains no export", hint="Export first: `kgsynth export RUN -o FOLDER`.")
    client = _client(name)
    with _clear_errors(client, name, folder):
        url = str(client.create_repo(name, repo_type="dataset", private=private or None, exist_ok=True))
        before = client.repo_info(name, repo_type="dataset")
        present = {file.rfilename for file in before.siblings or ()}
        _refuse(name, present, is_public=private and not before.private)
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
        commit = client.create_commit(
            name,
            repo_type="dataset",
            operations=_operations(folder, sizes, present),
            commit_message=f"Export of kgsynth {__version__}",
            parent_commit=before.sha,
        )
        after = client.repo_info(name, repo_type="dataset", revision=commit.oid, files_metadata=True)
        _check_arrival(name, sizes, {file.rfilename: file.size for file in after.siblings or ()})
    return Pushed(
        url=without_secrets(url),
        commit=commit.oid,
        changed=commit.oid != before.sha,
        private=bool(after.private),
    )


def _client(name: str) -> Any:
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import validate_repo_id
    except ImportError as error:
        raise MissingExtraError(
            "an upload to the Hugging Face Hub needs huggingface_hub", hint="pip install 'kgsynth[huggingface]'"
        ) from error
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{quoted(name)} is not the name of a data set", hint="Write it as OWNER/NAME.")
    try:
        validate_repo_id(name)
    except ValueError as error:
        raise ConfigError(
            f"{quoted(name)} is not the name of a data set: {error}", hint="Choose another name."
        ) from error
    token = get_token()
    if not token:
        raise ConfigError(
            "there is no token for the Hugging Face Hub",
            hint="Set HF_TOKEN to a token with write access, or log in with `hf auth login`.",
        )
    return HfApi(token=token, library_name="kgsynth", library_version=__version__)


def _refuse(name: str, present: set[str], *, is_public: bool) -> None:
    if is_public:
        raise ConfigError(
            f"the data set {name} on the Hub is public", hint="Leave out --private, or make it private on the Hub."
        )
    foreign = sorted(present - _FILES_OF_A_NEW_SET)
    if foreign and MANIFEST not in present:
        raise ConfigError(
            f"the data set {name} on the Hub contains files that kgsynth did not write, such as {foreign[0]}",
            hint="Choose another OWNER/NAME.",
        )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _operations(folder: Path, sizes: dict[str, int], present: set[str]) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    stale = sorted(file for file in present - sizes.keys() if _DATA_FILE.fullmatch(file))
    return [
        *(CommitOperationAdd(path_in_repo=file, path_or_fileobj=str(folder / file)) for file in sizes),
        *(CommitOperationDelete(path_in_repo=file) for file in stale),
    ]


def _check_arrival(name: str, sizes: dict[str, int], arrived: dict[str, int]) -> None:
    """Raise `UploadError` if the Hub lacks a file, for example because a .gitignore on the Hub names it."""
    missing = [file for file, size in sizes.items() if arrived.get(file) != size]
    if missing:
        raise UploadError(
            f"{len(missing)} of {len(sizes)} files are not complete in {name} on the Hub, such as {missing[0]}",
            hint="Remove the file .gitignore from the data set on the Hub if it names these files, and upload again.",
        )


@contextmanager
def _clear_errors(client: Any, name: str, folder: Path | None = None) -> Iterator[None]:
    """Convert errors of huggingface_hub to `UploadError`, and keep its progress bars and warnings from the terminal."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars, logging

    verbosity, shows_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    except KgsynthError:
        raise
    # HTTPError is the base class of the HTTP library that this version uses; RuntimeError comes from single files.
    except (HfHubHTTPError, HTTPError, OSError, ValueError, RuntimeError) as error:
        kept = f" {folder} is complete: repeat the command with --overwrite." if folder else " Nothing was exported."
        message, hint = _message_and_hint(error, client, name)
        raise UploadError(hide(message, [str(client.token)]), hint=hint + kept) from None
    finally:
        logging.set_verbosity(verbosity)
        if shows_bars:
            enable_progress_bars()


def _message_and_hint(error: BaseException, client: Any, name: str) -> tuple[str, str]:
    from huggingface_hub.errors import HTTPError

    # An error of a single file has the answer of the Hub as its cause.
    while not isinstance(error, (HTTPError, OSError)) and error.__cause__ is not None:
        error = error.__cause__
    response = getattr(error, "response", None)
    endpoint = without_secrets(str(client.endpoint))
    words = " ".join(str(getattr(error, "server_message", None) or error).split())[:_SHOWN_CHARS]
    if response is not None:
        status = int(response.status_code)
        hint = _HINTS.get(status, "Try again later." if status >= 500 else "The message of the Hub says why.")
        return f"the Hub at {endpoint} refuses {name}: HTTP {status}: {words}", hint
    reason = f"{type(error).__name__}: {words}" if words else type(error).__name__
    if isinstance(error, (HTTPError, OSError)):
        return f"the Hub at {endpoint} cannot be reached: {reason}", "Check the network and HF_ENDPOINT."
    return f"{name} cannot be uploaded to the Hub at {endpoint}: {reason}", "The message says what was refused."
