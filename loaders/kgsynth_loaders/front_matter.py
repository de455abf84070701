"""Parse front matter of texts: YAML, TOML, JSON, `Key: value` lines or a title block of Pandoc."""

import json
import re
import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

import yaml

# Maximum length of front matter; longer blocks are text.
_LONGEST_CHARS = 100_000
_DEEPEST = 50
_NO_VALUE = ("", "~", "null", "Null", "NULL")
_YAML_KEY = re.compile(r"\s*(?:#[^\n]*\n\s*)*[\"']?[\w][\w .:/-]{0,60}[\"']?\s*:(?:\s|\Z)")
_COLON_IN_VALUE = re.compile(
    r"^([A-Za-z][\w-]*:[ \t]+)([^\s\"'\[\]{}|>&*!%@`#-][^\n#]*?:(?:[ \t][^\n#]*?)?)[ \t]*$", re.MULTILINE
)
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
_ROLES = {
    "title": ("title",),
    "attribution": _AUTHOR_KEYS,
    "license": _LICENSE_KEYS,
    "topics": _TOPIC_KEYS,
    "date": _DATE_KEYS,
    "source": _URL_KEYS,
}


def split(text: str) -> tuple[dict[str, Any], str]:
    """Return the fields of the front matter and the text after it.

    Scalars of YAML keep their written form ("1.10", "2020-01-02"); dates of TOML become ISO 8601. Invalid front matter
    remains part of the text, and the field `front_matter` has the reason.
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
    """Return the fields, or None and the problem; the problem is empty for a text between two rules."""
    try:
        try:
            parsed = yaml.load(block, Loader=_Loader)
        except yaml.scanner.ScannerError:
            # The most frequent error is a title with a colon and without quotation marks.
            parsed = yaml.load(_COLON_IN_VALUE.sub(_with_quotes, block), Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, f"not YAML: {_short(error)}" if _YAML_KEY.match(block) else ""
    if parsed is None:
        return {}, ""
    return (parsed, "") if isinstance(parsed, dict) else (None, "")


def _with_quotes(match: re.Match[str]) -> str:
    return match.group(1) + json.dumps(match.group(2), ensure_ascii=False)


class _Loader(yaml.BaseLoader):  # type: ignore[misc]
    """A loader that keeps values as written and refuses aliases, which can expand a short text to a huge value."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _json(text: str) -> tuple[dict[str, Any], str]:
    try:
        parsed, end = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode(text[:_LONGEST_CHARS])
    except (ValueError, RecursionError):
        return {}, text
    rest = text[end:]
    first, _, after = rest.partition("\n")
    return (parsed, after) if isinstance(parsed, dict) and parsed and not first.strip() else ({}, text)


def _title_block(text: str) -> tuple[dict[str, Any], str]:
    """Parse Pandoc's `% title`, `% authors` and `% date`, each with indented continuation lines."""
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
    """Parse `Key: value` lines up to a blank line, as in MultiMarkdown, if at least two of the keys are known."""
    fields: dict[str, Any] = {}
    used = 0
    last = ""
    for line in text[:_LONGEST_CHARS].split("\n"):
        match = _KEY_LINE.fullmatch(line.rstrip())
        if match:
            last = snake_case(match.group(1))
            fields[last] = match.group(2).strip()
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
    """Return whether at least one of the fields is a usual one, such as a title, an author or a licence."""
    return any(snake_case(key) in _KNOWN_KEYS for key in meta)


def fields(meta: dict[str, Any]) -> dict[str, Any]:
    """Convert front matter to fields of a `Document`.

    Args:
        meta: fields with names in any case; values are scalars, lists and mappings.

    Returns:
        `title`, `license`, `attribution`, `date` (text) and `topics` (a tuple) if present; and `metadata`, a mapping to
        text with all other fields under names in snake_case, in which values other than scalars are JSON.
    """
    remaining = {snake_case(key): value for key, value in meta.items() if not _is_empty(value)}
    remaining.pop("id", None)
    if isinstance(remaining.get("taxonomies"), dict):
        for key, value in remaining.pop("taxonomies").items():
            remaining.setdefault(snake_case(key), value)
    document_fields: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    if isinstance(remaining.get("title"), str):
        document_fields["title"] = " ".join(str(remaining.pop("title")).split())
    _take_authors(remaining, document_fields, metadata)
    _take_license(remaining, document_fields)
    topics = [topic for key in _TOPIC_KEYS if key in remaining for topic in _topics(remaining.pop(key))]
    if topics:
        document_fields["topics"] = tuple(dict.fromkeys(topics))
    date_key = next(
        (key for key in _DATE_KEYS if key in remaining and not isinstance(remaining[key], (dict, list))), ""
    )
    if date_key:
        document_fields["date"] = text_of(remaining.pop(date_key))
    _take_url(remaining, metadata)
    metadata.update({key: text for key, value in remaining.items() if (text := text_of(value))})
    document_fields["metadata"] = metadata
    return document_fields


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and value.strip() in _NO_VALUE)


def role(key: str) -> str:
    """Return the field of a document that a key of front matter sets; `source` for an address; empty for others."""
    name = snake_case(key)
    return next((field for field, keys in _ROLES.items() if name in keys), "")


def snake_case(key: Any) -> str:
    """Return a key in lower case with `_` between its words."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(key).strip())
    return re.sub(r"\W+", "_", words).strip("_").lower() or "field"


def _take_authors(remaining: dict[str, Any], document_fields: dict[str, Any], metadata: dict[str, str]) -> None:
    key = next((key for key in _AUTHOR_KEYS if key in remaining), "")
    if not key:
        return
    value = remaining.pop(key)
    values = value if isinstance(value, list) else [value]
    names = [name for person in values if (name := _person(person))]
    document_fields["attribution"] = "; ".join(dict.fromkeys(names))
    # Mappings may have further details, such as affiliations and addresses.
    if any(isinstance(person, dict) and len(person) > 1 for person in values):
        metadata[key] = text_of(value)


def _person(value: Any) -> str:
    if not isinstance(value, dict):
        return " ".join(text_of(value).split())
    lower = {snake_case(key): part_value for key, part_value in value.items()}
    if "name" in lower:
        return _person(lower["name"])
    for given, family in (
        ("given", "family"),
        ("given_names", "family_names"),
        ("first", "last"),
        ("first_name", "last_name"),
    ):
        if family in lower:
            return " ".join(text_of(lower[part]) for part in (given, family) if part in lower)
    for part in ("literal", "value", "author"):
        if part in lower:
            return _person(lower[part])
    return str(next(iter(value), "")) if len(value) == 1 else ""


def _take_license(remaining: dict[str, Any], document_fields: dict[str, Any]) -> None:
    from kgsynth_loaders.readers.html import license_name

    for key in _LICENSE_KEYS:
        if key in remaining:
            value = remaining.pop(key)
            values = value if isinstance(value, list) else [value]
            names = [license_name(_license(value_part)) for value_part in values]
            document_fields["license"] = "; ".join(dict.fromkeys(name for name in names if name))
            return


def _license(value: Any) -> str:
    if not isinstance(value, dict):
        return text_of(value)
    lower = {snake_case(key): one for key, one in value.items()}
    for part in ("name", "title", "id", "spdx", "type", "text", "statement", "url", "link", "content", "code"):
        if not _is_empty(lower.get(part)):
            return text_of(lower[part])
    return text_of(value)


def _topics(value: Any) -> Iterable[str]:
    for topic in value if isinstance(value, list) else [value]:
        if isinstance(topic, dict):
            name = next((topic[key] for key in ("name", "title", "label") if key in topic), "")
            parts = [text_of(name)] if name else [str(key) for key in topic]
        elif isinstance(value, list):
            parts = [text_of(topic)]
        else:
            parts = re.split(r"[,;，、\n]", text_of(topic))
        yield from (part for part in (part.strip().removeprefix("#").strip() for part in parts) if part)


def _take_url(remaining: dict[str, Any], metadata: dict[str, str]) -> None:
    for key in _URL_KEYS:
        value = remaining.get(key)
        if isinstance(value, str) and (key != "source" or "://" in value):
            metadata["url"] = remaining.pop(key).strip()
            return


def text_of(value: Any) -> str:
    """Return a value as text: dates in ISO 8601, lists and mappings as JSON."""
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
