"""Data sets of the Hugging Face hub by name, or a local folder of one, streamed by the library `datasets`."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kgsynth.config import FieldNames
from kgsynth.errors import ConfigError, KgsynthError, MissingExtraError, RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders import parquet, rows

_NAME = re.compile(
    r"(?:hf://)?(?:datasets/)?(?P<name>[\w.-]+/[\w.-]+|[\w.-]+)(?:@(?P<revision>[\w./-]+))?"
    r"(?::(?P<config>[\w. -]*))?(?:/(?P<split>[\w.\[\]:%+-]+))?"
)
_FORM = "Write owner/name, owner/name:config or owner/name:config/split."


class Name(NamedTuple):
    """A data set, and what of it is read: empty for the default configuration and for all splits."""

    name: str
    config: str = ""
    split: str = ""
    revision: str = ""


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """One document a row of a data set, of all its splits unless one is named; positions count the rows of each.

    Args:
        source: `owner/name`, `hf://owner/name`, `owner/name:config`, `owner/name:config/split`, or a local folder.
        fields: which column holds what.

    Raises:
        MissingExtraError: the library `datasets` is not installed.
        ConfigError: there is no such data set, it cannot be reached, or it has no column of texts.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise MissingExtraError(
            "data sets of Hugging Face need the library datasets", hint="pip install 'kgsynth[huggingface]'"
        ) from error
    wanted = parse(source)
    opened = _asked(source, lambda: _open(datasets, wanted))
    splits = opened.items() if isinstance(opened, dict) else [(wanted.split, opened)]
    for split, rows_of_split in splits:
        name = f"{source}/{split}" if split and not source.endswith(f"/{split}") else source
        yield from _of_split(name, rows_of_split, fields)


def parse(source: str) -> Name:
    """What a source names: data set, configuration, split, revision.

    Raises:
        ConfigError: it has no form of a name.
    """
    if Path(source).is_dir():
        return Name(source)
    found = _NAME.fullmatch(source)
    if found is None:
        raise ConfigError(f"{source!r} is no name of a data set", hint=_FORM)
    return Name(**{key: value or "" for key, value in found.groupdict().items()})


def _open(datasets: Any, wanted: Name) -> Any:
    return datasets.load_dataset(
        wanted.name,
        wanted.config or None,
        split=wanted.split or None,
        revision=wanted.revision or None,
        streaming=True,
    )


def _asked(source: str, ask: Any) -> Any:
    """What the library gives, its errors as ours.

    Raises:
        ConfigError: there is no such data set, or the hub cannot be reached.
    """
    try:
        return ask()
    except KgsynthError:
        raise
    except Exception as error:
        raise _reason(source, error) from error


def _reason(source: str, error: BaseException) -> ConfigError:
    """An error of the library, of the hub or of the network as one of ours."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    kinds = {kind.__name__ for one in causes for kind in type(one).__mro__}
    said = " ".join(str(error).split())[:300]
    if kinds & _NO_NETWORK:
        return ConfigError(
            f"{source}: the Hugging Face hub cannot be reached: {said}",
            hint="It needs a network and no HF_HUB_OFFLINE. Or download the data set and name its folder.",
        )
    if kinds & _NO_ACCESS:
        return ConfigError(
            f"{source}: no such data set, or it is not open to you: {said}",
            hint=f"{_FORM} Set HF_TOKEN for one that asks for consent.",
        )
    return ConfigError(f"{source}: the data set cannot be read: {said}", hint=_FORM)


# Names of classes: which library raises what differs between releases of `datasets`.
_NO_NETWORK = {
    "ConnectionError", "ConnectError", "Timeout", "TimeoutException", "OfflineModeIsEnabled", "ProxyError",
    "LocalEntryNotFoundError", "gaierror", "NetworkError", "ClientConnectorError", "SSLError", "TransportError",
}  # fmt: skip
_NO_ACCESS = {"DatasetNotFoundError", "RepositoryNotFoundError", "GatedRepoError"}


def _of_split(name: str, split: Any, fields: FieldNames) -> Iterator[Document | Reject]:
    """The documents of one split; what breaks off is a reject after the rows before."""
    renamed: dict[str, str] | None = None
    if split.features:
        schema = split.features.arrow_schema
        renamed = parquet.columns(name, schema, fields, (fields.text_field,))
        # Pictures and sound are not decoded, and other columns not transferred where the format allows it.
        split = split.select_columns(list(renamed))
    make = rows.document_maker(fields)
    number = 0
    stream = iter(split)
    while True:
        try:
            row = next(stream)
        except StopIteration:
            return
        except Exception as error:
            if not number:
                raise _reason(name, error) from error
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
