"""What a text says of itself before it begins: YAML, TOML, JSON, `Key: value` lines or a title block of Pandoc."""

import json
import re
import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

import yaml

# A head that is longer is text.
_LONGEST_CHARS = 100_000
_DEEPEST = 50
_NO_VALUE = ("", "~", "null", "Null", "NULL")
_YAML_KEY = re.compile(r"\s*(?:#[^\n]*\n\s*)*[\"']?[\w][\w .:/-]{0,60}[\"']?\s*:(?:\s|\Z)")
_KEY_LINE = re.compile(r"([A-Za-z][A-Za-z _-]{0,30}):[ \t]+(\S[^\n]*)")
_KNOWN_KEYS = frozenset(
    "title subtitle author authors date copyright license licence keywords tags language email affiliation abstract "
    "category categories slug summary url source css revision version published created modified".split()
)
_LICENSE_KEYS = ("license", "licence", "rights", "copyright")
_AUTHOR_KEYS = ("author", "authors", "creator", "creators")
_TOPIC_KEYS = ("tags", "tag", "keywords", "keyword", "categories", "category", "subject", "subjects", "topics", "topic")
_DATE_KEYS = ("date", "published", "created", "pub_date", "publish_date", "date_published")
_URL_KEYS = ("url", "permalink", "canonical_url", "source")


def split(text: str) -> tuple[dict[str, Any], str]:
    """The fields at the start of a text, and the text after them.

    Scalars of YAML stay as they are written ("1.10", "2020-01-02"); dates of TOML become ISO 8601. A head that cannot
    be read stays part of the text, and `front_matter` among the fields says why.
    """
    text = text.removeprefix("\ufeff")
    start = text[:3]
    if start == "---":
        return _fenced(text, "---", ("---", "..."))
    if start == "+++":
        return _fenced(text, "+++", ("+++",))
    if start[:1] == "{":
        return _json(text)
    if start[:2] == "% ":
        return _title_block(text)
    return _key_lines(text)


def _fenced(text: str, opening: str, closings: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    first, _, rest = text.partition("\n")
    if first.rstrip() != opening:
        return {}, text
    length = 0
    for line in rest.splitlines(keepends=True):
        if line.rstrip() in closings and line[:1] == line.lstrip()[:1]:
            break
        length += len(line)
        if length > _LONGEST_CHARS:
            return {}, text
    else:
        return {}, text
    block, after = rest[:length], rest[length:].partition("\n")[2]
    fields, problem = _toml(block) if opening == "+++" else _yaml(block)
    if problem:
        return {"front_matter": problem}, text
    return (fields, after) if fields is not None else ({}, text)


def _toml(block: str) -> tuple[dict[str, Any] | None, str]:
    try:
        return tomllib.loads(block), ""
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, f"not TOML: {_short(error)}"


def _yaml(block: str) -> tuple[dict[str, Any] | None, str]:
    """The fields; None without a problem where the block is no mapping, as text between two rules."""
    try:
        found = yaml.load(block, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, f"not YAML: {_short(error)}" if _YAML_KEY.match(block) else ""
    if found is None:
        return {}, ""
    return (found, "") if isinstance(found, dict) else (None, "")


class _Loader(yaml.BaseLoader):  # type: ignore[misc]
    """Values as they are written; aliases, which can make a short text a huge value, are refused."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _json(text: str) -> tuple[dict[str, Any], str]:
    try:
        found, end = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode(text[:_LONGEST_CHARS])
    except (ValueError, RecursionError):
        return {}, text
    rest = text[end:]
    first, _, after = rest.partition("\n")
    return (found, after) if isinstance(found, dict) and found and not first.strip() else ({}, text)


def _title_block(text: str) -> tuple[dict[str, Any], str]:
    """`% title`, `% authors`, `% date` as Pandoc has them, each with indented lines that go on."""
    entries: list[str] = []
    lines = text.split("\n", 60)
    used = 0
    for line in lines[:-1] or lines:
        if line[:1] == "%" and len(entries) < 3:
            entries.append(line[1:].strip())
        elif entries and line[:1] in (" ", "\t") and line.strip():
            entries[-1] += ("; " if len(entries) == 2 else " ") + line.strip()
        else:
            break
        used += len(line) + 1
    names = ("title", "author", "date")
    return {name: entry for name, entry in zip(names, entries, strict=False) if entry}, text[used:]


def _key_lines(text: str) -> tuple[dict[str, Any], str]:
    """`Key: value` lines up to a blank line, as MultiMarkdown has them, where two of the keys are known ones."""
    fields: dict[str, Any] = {}
    used = 0
    last = ""
    for line in text[:_LONGEST_CHARS].split("\n"):
        found = _KEY_LINE.fullmatch(line.rstrip())
        if found:
            last = _snake_case(found.group(1))
            fields[last] = found.group(2).strip()
        elif last and line[:1] in (" ", "\t") and line.strip():
            fields[last] += " " + line.strip()
        elif last and not line.strip():
            is_head = sum(key in _KNOWN_KEYS for key in fields) >= 2 and next(iter(fields)) in _KNOWN_KEYS
            return (fields, text[used + len(line) + 1 :]) if is_head else ({}, text)
        else:
            break
        used += len(line) + 1
    return {}, text


def is_known(meta: dict[str, Any]) -> bool:
    """Whether one of the fields at least is one that texts have: a title, an author, a licence."""
    return any(_snake_case(key) in _KNOWN_KEYS for key in meta)


def fields(meta: dict[str, Any]) -> dict[str, Any]:
    """Fields of a `Document` from those of a text.

    Args:
        meta: names in any case; values are scalars, lists and mappings.

    Returns:
        `title`, `license`, `attribution`, `date` (text), `topics` (a tuple) where they are given, and `metadata` (a
        mapping of text) with all others under names in snake_case; values that are no scalars are JSON there.
    """
    left = {_snake_case(key): value for key, value in meta.items() if not _is_empty(value)}
    left.pop("id", None)
    if isinstance(left.get("taxonomies"), dict):
        for key, value in left.pop("taxonomies").items():
            left.setdefault(_snake_case(key), value)
    found: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    if isinstance(left.get("title"), str):
        found["title"] = " ".join(str(left.pop("title")).split())
    _take_authors(left, found, metadata)
    _take_license(left, found)
    topics = [topic for key in _TOPIC_KEYS if key in left for topic in _topics(left.pop(key))]
    if topics:
        found["topics"] = tuple(dict.fromkeys(topics))
    day = next((key for key in _DATE_KEYS if key in left and not isinstance(left[key], (dict, list))), "")
    if day:
        found["date"] = _text(left.pop(day))
    _take_url(left, metadata)
    metadata.update({key: text for key, value in left.items() if (text := _text(value))})
    found["metadata"] = metadata
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and value.strip() in _NO_VALUE)


def _snake_case(key: Any) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(key).strip())
    return re.sub(r"\W+", "_", words).strip("_").lower() or "field"


def _take_authors(left: dict[str, Any], found: dict[str, Any], metadata: dict[str, str]) -> None:
    key = next((key for key in _AUTHOR_KEYS if key in left), "")
    if not key:
        return
    value = left.pop(key)
    values = value if isinstance(value, list) else [value]
    names = [name for one in values if (name := _person(one))]
    found["attribution"] = "; ".join(dict.fromkeys(names))
    # Mappings hold more than names: places of work, addresses.
    if any(isinstance(one, dict) and len(one) > 1 for one in values):
        metadata[key] = _text(value)


def _person(value: Any) -> str:
    if not isinstance(value, dict):
        return " ".join(_text(value).split())
    lower = {_snake_case(key): one for key, one in value.items()}
    if "name" in lower:
        return _person(lower["name"])
    for given, family in (
        ("given", "family"),
        ("given_names", "family_names"),
        ("first", "last"),
        ("first_name", "last_name"),
    ):
        if family in lower:
            return " ".join(_text(lower[part]) for part in (given, family) if part in lower)
    for part in ("literal", "value", "author"):
        if part in lower:
            return _person(lower[part])
    return str(next(iter(value), "")) if len(value) == 1 else ""


def _take_license(left: dict[str, Any], found: dict[str, Any]) -> None:
    from kgsynth_loaders.readers.html import license_name

    for key in _LICENSE_KEYS:
        if key in left:
            value = left.pop(key)
            values = value if isinstance(value, list) else [value]
            names = [license_name(_license(one)) for one in values]
            found["license"] = "; ".join(dict.fromkeys(name for name in names if name))
            return


def _license(value: Any) -> str:
    if not isinstance(value, dict):
        return _text(value)
    lower = {_snake_case(key): one for key, one in value.items()}
    for part in ("name", "title", "id", "spdx", "type", "text", "statement", "url", "link", "content", "code"):
        if not _is_empty(lower.get(part)):
            return _text(lower[part])
    return _text(value)


def _topics(value: Any) -> Iterable[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            name = next((one[key] for key in ("name", "title", "label") if key in one), "")
            parts = [_text(name)] if name else [str(key) for key in one]
        elif isinstance(value, list):
            parts = [_text(one)]
        else:
            parts = re.split(r"[,;，、\n]", _text(one))
        yield from (part for part in (part.strip().removeprefix("#").strip() for part in parts) if part)


def _take_url(left: dict[str, Any], metadata: dict[str, str]) -> None:
    for key in _URL_KEYS:
        value = left.get(key)
        if isinstance(value, str) and (key != "source" or "://" in value):
            metadata["url"] = left.pop(key).strip()
            return


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (ValueError, RecursionError):
        return ""
