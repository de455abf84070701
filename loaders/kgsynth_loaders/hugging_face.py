"""Stream data sets of the Hugging Face hub, or from local folders, with the library `datasets`."""

import importlib
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kgsynth.errors import ConfigError, KgsynthError, MissingExtraError, RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth.settings import FieldNames
from kgsynth_loaders import front_matter, parquet, rows

_NAME = re.compile(
    r"(?:hf://)?(?:datasets/)?(?P<name>[\w.-]+/[\w.-]+|[\w.-]+)(?:@(?P<revision>[\w./-]+))?"
    r"(?::(?P<config>[\w. -]*))?(?:/(?P<split>[\w.\[\]:%+-]+))?"
)
_FORM = "Write owner/name, owner/name:config or owner/name:config/split."
_HUB = "hf://"


class Name(NamedTuple):
    """A data set with configuration and split; empty for the default configuration and for all splits."""

    name: str
    config: str = ""
    split: str = ""
    revision: str = ""


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield a document per row of all splits or of the given one; the line of a position is the row in its split.

    Rows without a licence get the licence on the data set's card.

    Args:
        source: `owner/name`, `hf://owner/name`, `owner/name:config`, `owner/name:config/split`, or a local folder.
        fields: names of the columns.

    Raises:
        MissingExtraError: the library `datasets` is not installed.
        ConfigError: the data set does not exist, cannot be reached, or has no text column.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise MissingExtraError(
            "data sets of Hugging Face need the library datasets", hint="pip install 'kgsynth[huggingface]'"
        ) from error
    for name in ("datasets", "huggingface_hub"):
        # Their own handlers would print messages a second time.
        logging.getLogger(name).handlers.clear()
    wanted = parse(source)
    opened = _call_library(source, lambda: _open(datasets, wanted))
    splits = opened.items() if isinstance(opened, dict) else [(wanted.split, opened)]
    license_ = _license(wanted)
    origin = wanted.name if Path(source).is_dir() else _HUB + wanted.name
    for split, rows_of_split in splits:
        name = f"{source}/{split}" if split and not source.endswith(f"/{split}") else source
        for record in _split_records(name, rows_of_split, fields):
            if isinstance(record, Document):
                record = replace(record, license=record.license or license_, source=record.source or origin)
            yield record


def parse(source: str) -> Name:
    """Parse a source into data set, configuration, split and revision.

    Raises:
        ConfigError: the source has not the form of a name.
    """
    if Path(source).is_dir():
        return Name(source)
    match = _NAME.fullmatch(source)
    if match is None:
        raise ConfigError(f"{source!r} is not the name of a data set", hint=_FORM)
    return Name(**{key: value or "" for key, value in match.groupdict().items()})


def _open(datasets: Any, wanted: Name) -> Any:
    return datasets.load_dataset(
        wanted.name,
        wanted.config or None,
        split=wanted.split or None,
        revision=wanted.revision or None,
        streaming=True,
    )


def _license(wanted: Name) -> str:
    """Return the licence on the card of a data set; empty if there is none."""
    try:
        if Path(wanted.name).is_dir():
            card = Path(wanted.name) / "README.md"
        else:
            hub = importlib.import_module("huggingface_hub")
            card = Path(
                hub.hf_hub_download(wanted.name, "README.md", repo_type="dataset", revision=wanted.revision or None)
            )
        meta, _ = front_matter.split(card.read_text(encoding="utf-8", errors="replace"))
    except Exception:  # noqa: BLE001
        # Rows can be read without a card, so all errors of the library are ignored.
        return ""
    license_field = meta.get("license_name") if meta.get("license") == "other" else meta.get("license")
    license_names = (
        " or ".join(map(str, license_field)) if isinstance(license_field, list) else str(license_field or "")
    )
    return "" if license_names in ("unknown", "other") else license_names


def _call_library(source: str, ask: Any) -> Any:
    """Call the library and convert its errors.

    Raises:
        ConfigError: the data set does not exist, or the hub cannot be reached.
    """
    try:
        return ask()
    except KgsynthError:
        raise
    except Exception as error:
        raise _library_error(source, error) from error


def _library_error(source: str, error: BaseException) -> ConfigError:
    """Convert an error of the library, the hub or the network to a ConfigError."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    kinds = {kind.__name__ for cause_in_chain in causes for kind in type(cause_in_chain).__mro__}
    message = " ".join(str(error).split())[:300]
    if kinds & _NO_NETWORK:
        return ConfigError(
            f"{source}: the Hugging Face hub cannot be reached: {message}",
            hint="Check the network and unset HF_HUB_OFFLINE, or download the data set and give its folder.",
        )
    if kinds & _NO_ACCESS:
        return ConfigError(
            f"{source}: no such data set, or you have no access to it: {message}",
            hint=f"{_FORM} Set HF_TOKEN for data sets that require consent.",
        )
    # A plain ValueError means that the configuration or split does not exist; errors of Arrow are subclasses of it.
    is_not_found = type(error) is ValueError
    hint = _FORM if is_not_found else "Download the data set and give its folder: each file is then read separately."
    return ConfigError(f"{source}: the data set cannot be read: {message}", hint=hint)


# Names of exception classes, because their modules differ between releases of `datasets`.
_NO_NETWORK = {
    "ConnectionError", "ConnectError", "Timeout", "TimeoutException", "OfflineModeIsEnabled", "ProxyError",
    "LocalEntryNotFoundError", "gaierror", "NetworkError", "ClientConnectorError", "SSLError", "TransportError",
}  # fmt: skip
_NO_ACCESS = {"DatasetNotFoundError", "RepositoryNotFoundError", "GatedRepoError"}


def _split_records(name: str, split: Any, fields: FieldNames) -> Iterator[Document | Reject | Remark]:
    """Yield the documents of a split; an error after the first row becomes a reject."""
    make = rows.DocumentMaker(fields)
    yield from rows.documents(name, make, _records(name, split, fields, make))


def _records(name: str, split: Any, fields: FieldNames, make: rows.DocumentMaker) -> Iterator[Document | Reject]:
    renamed: dict[str, str] | None = None
    if split.features:
        schema = split.features.arrow_schema
        renamed = parquet.columns(name, schema, fields, (fields.text_field,))
        renamed |= parquet.other_columns(schema, renamed, make)
        # Images and audio are then not decoded, and unused columns not transferred if the format allows it.
        split = split.select_columns(list(renamed))
    number = 0
    stream = iter(split)
    while True:
        try:
            row = next(stream)
        except StopIteration:
            return
        except Exception as error:
            if not number:
                raise _library_error(name, error) from error
            position = Position(source=name, line=number + 1)
            yield Reject(position=position, reason="data set breaks off here", raw=rows.raw(str(error)))
            return
        number += 1
        if renamed is None:
            if not rows.has(row, fields.text_field) and number == 1:
                raise rows.missing(name, fields.text_field, rows.option_of(fields.text_field, fields), row, row)
        else:
            row = {renamed.get(key, key): value for key, value in row.items()}
        position = Position(source=name, line=number)
        try:
            yield make(row, position)
        except RecordError as error:
            yield Reject(position=position, reason=str(error), raw=rows.raw(str(row)))
