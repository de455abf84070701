"""Configuration: one TOML file for a run, and the environment.

Order: defaults (`kgsynth.settings`) < file < `--set section.key=value`. Only this module reads the environment, and
only for places, the Neo4j address and secrets; secrets are never printed.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kgsynth.addresses import HIDDEN, credentials_of, is_secret_name, with_marks, without_secrets
from kgsynth.errors import ConfigError
from kgsynth.settings import BackendSettings, RunConfig, nearest, require, settings_fields


def public_value(name: str, value: Any) -> Any:
    """The value of a setting as it may be written and printed: plain, addresses and headers without their secrets."""
    if name == "url":
        return [with_marks(one) for one in value]
    if name in ("request", "engine") and isinstance(value, Mapping):
        return _without_secret_values(value, hides_all=False)
    return list(value) if isinstance(value, tuple) else value


def _without_secret_values(table: Mapping[str, Any], *, hides_all: bool) -> dict[str, Any]:
    """A table with the values of headers, and of keys that name secrets, hidden."""
    return {
        key: _without_secret_values(value, hides_all=hides_all or key == "headers")
        if isinstance(value, Mapping)
        else HIDDEN
        if hides_all or (is_secret_name(key) and isinstance(value, str))
        else value
        for key, value in table.items()
    }


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        held = ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
        return f"{{ {held} }}" if held else "{}"
    # TOML has no null; `request` takes the word for it.
    return json.dumps("null" if value is None else value, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration with, for each key, where its value came from."""

    config: RunConfig
    origins: Mapping[str, str]

    def lines(self) -> list[str]:
        """`section.key = value   # origin`, one a key, as TOML that can be read again."""
        lines: list[str] = []
        for section in fields(self.config):
            lines.append(f"[{section.name}]")
            settings = getattr(self.config, section.name)
            for item in fields(settings):
                value = getattr(settings, item.name)
                shown = _toml(public_value(item.name, value))
                origin = self.origins.get(f"{section.name}.{item.name}", "default")
                lines.append(
                    f"# {item.name} is not set   # {origin}" if value is None else f"{item.name} = {shown}   # {origin}"
                )
            lines.append("")
        return lines

    def to_row(self) -> dict[str, dict[str, Any]]:
        """The values as plain data, for manifests."""
        return {
            section.name: {
                item.name: public_value(item.name, getattr(settings, item.name)) for item in fields(settings)
            }
            for section in fields(self.config)
            for settings in [getattr(self.config, section.name)]
        }


def section_from(section: str, values: Mapping[str, object], kind: type[Any]) -> Any:
    """One settings dataclass from plain values.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), a wrong type or a value out of range.
    """
    require(isinstance(values, Mapping), f"[{section}] is not a table")
    return kind(**values)


def _parse_override(text: str) -> tuple[str, str, object]:
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    require(bool(equals and dot and name), f"--set {text!r}: write it as section.key=value")
    return section, name, plain_value(value)


def plain_value(text: str) -> Any:
    """The value of a TOML or JSON text, or the text itself when it is neither."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def merged(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, those inside them too; where both have a value, that of the second."""
    both = {
        key: merged(outer[key], value) if isinstance(value, Mapping) and isinstance(outer.get(key), Mapping) else value
        for key, value in inner.items()
    }
    return {**outer, **both}


def set_in(table: dict[str, Any], name: str, value: object) -> None:
    """Set a value in a table; dots in the name lead to tables inside it."""
    *path, last = name.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = table = dict(inner) if isinstance(inner, Mapping) else {}
    table[last] = value


# Sections that inherit from [backend], and what they do not: ratings want no variety, examples are texts of their own.
SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"),
    *("stop", "max_output_tokens"),
)
_ASKING: Mapping[str, tuple[str, ...]] = {
    "extract": (),
    "generate": (),
    "answer": (),
    "filter": SAMPLING,
    "syllabus": SAMPLING,
}


def resolve(text: str = "", *, origin: str = "file", overrides: Sequence[str] = ()) -> Resolved:
    """A run's configuration from the text of a TOML file and `--set` options.

    Args:
        text: TOML; empty for defaults alone.
        origin: what the origin of the file's values is called.
        overrides: `section.key=value`, the value in TOML or, failing that, a bare string.

    Raises:
        ConfigError: not TOML, unknown section or key, wrong type, value out of range.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not TOML: {error}") from error
    sections: dict[str, Any] = {name: info.annotation for name, info in settings_fields(RunConfig).items()}
    origins: dict[str, str] = {}
    for section, values in raw.items():
        require(section in sections, f"unknown section [{section}] in {origin}: {nearest(section, list(sections))}")
        require(isinstance(values, dict), f"{section} in {origin} is not a table: write [{section}]")
        origins |= {f"{section}.{key}": origin for key in values}
    for override in overrides:
        section, name, value = _parse_override(override)
        require(section in sections, f"--set {section}.…: unknown section, {nearest(section, list(sections))}")
        set_in(raw.setdefault(section, {}), name, value)
        origins[f"{section}.{name.partition('.')[0]}"] = "--set"
    inherited = raw.get("backend", {})
    section_from("backend", inherited, BackendSettings)
    for section, own in _ASKING.items():
        for key, value in inherited.items():
            held = raw.setdefault(section, {})
            if key not in held and key not in own:
                held[key] = value
                origins[f"{section}.{key}"] = "backend"
            elif isinstance(value, dict) and isinstance(held.get(key), dict):
                held[key] = merged(value, held[key])
    built = {name: section_from(name, raw.get(name, {}), kind) for name, kind in sections.items()}
    return Resolved(RunConfig(**built), origins)


def resolve_file(path: Path, overrides: Sequence[str] = ()) -> Resolved:
    """As `resolve`, from a file; relative paths in it are relative to the folder you are in.

    Raises:
        ConfigError: the file cannot be read, or as in `resolve`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return resolve(text, origin=str(path), overrides=overrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment says: where kgsynth keeps things, and whose Neo4j is used.

    `home` is KGSYNTH_HOME, else XDG_DATA_HOME/kgsynth, else ~/.local/share/kgsynth.
    """

    home: Path
    java_home: str = ""
    search_path: str = ""
    maven_url: str = ""
    neo4j_version: str = ""  # of managed graphs that are made from now on; empty for the default
    neo4j_uri: str = ""
    neo4j_username: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    neo4j_database: str = "neo4j"
    api_key: str = field(default="", repr=False)
    certificates: str = ""  # a file of certificate authorities that the system trusts

    @property
    def jars(self) -> Path:
        """The store of jars that all graphs share."""
        return self.home / "jars"

    @property
    def walk_tables(self) -> Path:
        """Walk tables as arrays, a folder a build."""
        return self.home / "walks"

    @property
    def graphs(self) -> Path:
        """The folder with one home a managed graph."""
        return self.home / "graphs"

    @property
    def models(self) -> Path:
        """Converted models."""
        return self.home / "models"

    @property
    def tombstones(self) -> Path:
        """The documents that `kgsynth forget` took out."""
        return self.home / "forgotten.jsonl"

    @property
    def embeddings(self) -> Path:
        """Embeddings by content hash."""
        return self.home / "embeddings.sqlite"


# As OpenSSL, requests and curl call it.
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def environment(values: Mapping[str, str] | None = None) -> Environment:
    """Read the environment, once, at the edge.

    Args:
        values: instead of the process's own environment, for tests.
    """
    values = os.environ if values is None else values
    # User and password in the address count as those of the variables, and the address is kept without them.
    username, password = credentials_of(values.get("NEO4J_URI", ""))
    data_home = values.get("XDG_DATA_HOME") or str(Path(values.get("HOME") or Path.home()) / ".local" / "share")
    return Environment(
        home=Path(values.get("KGSYNTH_HOME") or Path(data_home) / "kgsynth").absolute(),
        java_home=values.get("KGSYNTH_JAVA_HOME") or values.get("JAVA_HOME", ""),
        search_path=values.get("PATH", ""),
        maven_url=values.get("KGSYNTH_MAVEN_URL", ""),
        neo4j_version=values.get("KGSYNTH_NEO4J", ""),
        neo4j_uri=without_secrets(values.get("NEO4J_URI", "")),
        neo4j_username=values.get("NEO4J_USERNAME") or username or "neo4j",
        neo4j_password=values.get("NEO4J_PASSWORD") or password,
        neo4j_database=values.get("NEO4J_DATABASE", "neo4j"),
        api_key=values.get("OPENAI_API_KEY", ""),
        certificates=next((values[name] for name in _CERTIFICATES if values.get(name)), ""),
    )


def process_environment(**extra: str) -> dict[str, str]:
    """A copy of the process's environment with `extra` set, for child processes."""
    return {**os.environ, **extra}


def set_threads(count: int) -> None:
    """How many threads torch takes in this process, when it is imported after this."""
    os.environ["OMP_NUM_THREADS"] = str(count)


def ray_address() -> str:
    """The Ray cluster to join; `local` for one of this process alone."""
    return os.environ.get("RAY_ADDRESS") or "local"


def set_defaults(values: Mapping[str, str]) -> None:
    """Set environment variables that a library reads at import, unless the user has set them."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
