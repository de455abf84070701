"""Resolve the configuration of a run from one TOML file, and read the environment.

Order: defaults (`kgsynth.settings`) < file < `--set section.key=value`. Only this module reads the environment, and
only for folders, the Neo4j address, certificates and secrets. Secrets are never printed.
"""

import json
import os
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kgsynth.addresses import HIDDEN, credentials_of, is_secret_name, with_marks, without_secrets
from kgsynth.errors import ConfigError, quoted
from kgsynth.settings import BackendSettings, RunConfig, nearest, require, settings_fields

_COMMENT_WIDTH = 100


def public_value(name: str, value: Any) -> Any:
    """Return the value of a setting as plain data without secrets, which may be written and printed."""
    if name == "url":
        return [with_marks(address) for address in value]
    if name in ("request", "engine") and isinstance(value, Mapping):
        shown = _without_secret_values(value, hides_all=False)
        # Its values are names of fields, such as max_completion_tokens, and no secrets.
        return {**shown, "rename": dict(value["rename"])} if name == "request" and "rename" in value else shown
    return list(value) if isinstance(value, tuple) else value


def _without_secret_values(table: Mapping[str, Any], *, hides_all: bool) -> dict[str, Any]:
    """Return a table in which the values of headers and of keys that name secrets are hidden."""
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
        items = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    # TOML has no null; in `request` the text "null" stands for it.
    return json.dumps("null" if value is None else value, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration with the origin of each value."""

    config: RunConfig
    origins: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return lines of valid TOML: a header per section, and `key = value   # origin` per key."""
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
        """Return the values as plain data for manifests, without secrets."""
        return {
            section.name: {
                item.name: public_value(item.name, getattr(settings, item.name)) for item in fields(settings)
            }
            for section in fields(self.config)
            for settings in [getattr(self.config, section.name)]
        }


def section_from(section: str, values: Mapping[str, object], kind: type[Any]) -> Any:
    """Make a settings dataclass from plain values.

    Raises:
        ConfigError: a key is unknown (the message names the most similar one), a type is wrong or a value out of range.
    """
    require(isinstance(values, Mapping), f"[{section}] is not a table")
    return kind(**values)


def _parse_override(text: str) -> tuple[str, str, object]:
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    require(bool(equals and dot and name), f"--set {quoted(text)}: write it as section.key=value")
    return section, name, plain_value(value)


def plain_value(text: str) -> Any:
    """Return the value of a TOML or JSON text, or the text itself if it is neither."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def merged(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two tables and their inner tables; if both have a value, that of `inner` is used."""
    updates = {
        key: merged(outer[key], value) if isinstance(value, Mapping) and isinstance(outer.get(key), Mapping) else value
        for key, value in inner.items()
    }
    return {**outer, **updates}


def set_in(table: dict[str, Any], name: str, value: object) -> None:
    """Set a value in a table; a name with dots is a path through inner tables."""
    *path, key = name.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = table = dict(inner) if isinstance(inner, Mapping) else {}
    table[key] = value


# Sections that inherit from [backend], and the keys that they do not inherit: ratings and verdicts need no variety, and
# generated examples are another kind of text.
SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"),
    *("stop", "max_output_tokens"),
)
_INHERITING: Mapping[str, tuple[str, ...]] = {
    "extract": (),
    "generate": (),
    "answer": (),
    "filter": SAMPLING,
    "syllabus": SAMPLING,
    "judge": SAMPLING,
}


def resolve(text: str = "", *, origin: str = "file", overrides: Sequence[str] = (), graph: str = "") -> Resolved:
    """Resolve the configuration of a run from the text of a TOML file and `--set` options.

    Args:
        text: TOML; empty for the defaults.
        origin: name of the file, as origin of its values.
        overrides: texts `section.key=value`; a value that is neither TOML nor JSON is a string.
        graph: name of the graph (KGSYNTH_GRAPH), if neither the file nor an override gives one.

    Raises:
        ConfigError: the text is not TOML, a section or key is unknown, a type is wrong, or a value is out of range.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Besides errors of syntax: numbers with thousands of digits, and tables nested too deeply.
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
    if graph and "name" not in raw.setdefault("graph", {}):
        raw["graph"]["name"], origins["graph.name"] = graph, "KGSYNTH_GRAPH"
    inherited = raw.get("backend", {})
    section_from("backend", inherited, BackendSettings)
    for section, excluded in _INHERITING.items():
        for key, value in inherited.items():
            settings = raw.setdefault(section, {})
            if key not in settings and key not in excluded:
                settings[key] = value
                origins[f"{section}.{key}"] = "backend"
            elif isinstance(value, dict) and isinstance(settings.get(key), dict):
                settings[key] = merged(value, settings[key])
    section_settings = {name: section_from(name, raw.get(name, {}), kind) for name, kind in sections.items()}
    return Resolved(RunConfig(**section_settings), origins)


def template(values: Mapping[str, object], *, schema: str) -> str:
    """Return a configuration file in which these values are set and all other settings are comments with defaults.

    Args:
        values: values by `section.key`.
        schema: path of the JSON Schema, for editors.
    """
    lines = [
        f"#:schema {schema}",
        "# A configuration for `kgsynth run`. Remove the # before a setting to change it.",
        "# `kgsynth config FILE` shows all values and where they come from.",
    ]
    shared = settings_fields(BackendSettings)
    for section, info in settings_fields(RunConfig).items():
        kind: Any = info.annotation
        lines += ["", f"[{section}]"]
        inherits = section != "backend" and issubclass(kind, BackendSettings)
        if inherits:
            lines.append("# The settings of [backend] can be set here, too.")
        # What is set comes first.
        for name in sorted(settings_fields(kind), key=lambda name: f"{section}.{name}" not in values):
            declared, value = settings_fields(kind)[name], values.get(f"{section}.{name}")
            if value is None and inherits and name in shared and shared[name].default == declared.default:
                continue
            lines += textwrap.wrap(
                str(declared.description), _COMMENT_WIDTH, initial_indent="# ", subsequent_indent="# "
            )
            if value is not None:
                lines.append(f"{name} = {_toml(value)}")
            else:
                default = public_value(name, declared.get_default(call_default_factory=True))
                lines.append(f"#{name} = {'' if default is None else _toml(default)}".rstrip())
    return "\n".join(lines) + "\n"


def resolve_file(path: Path, overrides: Sequence[str] = (), *, graph: str = "") -> Resolved:
    """Resolve a configuration file like `resolve`; relative paths in it are relative to the current folder.

    Raises:
        ConfigError: the file cannot be read, or one of the errors of `resolve`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return resolve(text, origin=str(path), overrides=overrides, graph=graph)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Values of the environment: folders, Java, the Neo4j server and its login, and secrets.

    `home` is KGSYNTH_HOME, otherwise XDG_DATA_HOME/kgsynth, otherwise ~/.local/share/kgsynth.
    """

    home: Path
    java_home: str = ""
    search_path: str = ""
    maven_url: str = ""
    neo4j_version: str = ""  # of new managed graphs; empty for the default
    neo4j_uri: str = ""
    neo4j_username: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    neo4j_database: str = "neo4j"
    api_key: str = field(default="", repr=False)
    certificates: str = ""  # file of trusted certificate authorities

    @property
    def jars(self) -> Path:
        """Folder of the jars that all graphs share."""
        return self.home / "jars"

    @property
    def walk_tables(self) -> Path:
        """Folder of walk tables as arrays, with a folder per build."""
        return self.home / "walks"

    @property
    def graphs(self) -> Path:
        """Folder with the home folder of each managed graph."""
        return self.home / "graphs"

    @property
    def models(self) -> Path:
        """Folder of converted models."""
        return self.home / "models"

    @property
    def tombstones(self) -> Path:
        """File that lists the documents that `kgsynth forget` removed."""
        return self.home / "forgotten.jsonl"

    @property
    def embeddings(self) -> Path:
        """File of the embeddings by content hash."""
        return self.home / "embeddings.sqlite"


# Names of this variable in OpenSSL, requests and curl.
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def environment(values: Mapping[str, str] | None = None) -> Environment:
    """Return the values of the environment that kgsynth uses.

    Args:
        values: replaces the environment of the process, for tests.
    """
    values = os.environ if values is None else values
    # User and password in the address are used if the variables are not set; the address is kept without them.
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
    """Return a copy of the process's environment with the variables in `extra` set, for child processes."""
    return {**os.environ, **extra}


def set_threads(count: int) -> None:
    """Set the number of threads of torch in this process; it has no effect if torch is already imported."""
    os.environ["OMP_NUM_THREADS"] = str(count)


def ray_address() -> str:
    """Return the address of the Ray cluster to join; `local` for a cluster of this process only."""
    return os.environ.get("RAY_ADDRESS") or "local"


def set_defaults(values: Mapping[str, str]) -> None:
    """Set environment variables that a library reads at import, unless the user has set them."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
