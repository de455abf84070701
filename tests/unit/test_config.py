"""Tests of `kgsynth.config`."""

import inspect
import re
from pathlib import Path

import pytest

from kgsynth import config, errors
from kgsynth.errors import ConfigError, KgsynthError
from kgsynth.settings import AnswerSettings


def test_the_error_tree_in_the_docstring_is_that_of_the_classes() -> None:
    named = re.findall(r"^    ([│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", flags=re.MULTILINE)
    levels: list[type] = []
    for indent, name in named:
        kind = getattr(errors, name)
        depth = len(indent) // 3
        levels = [*levels[:depth], kind]
        if depth:
            assert kind.__bases__ == (levels[depth - 1],), name
    classes = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert {name for _, name in named} == classes


def test_an_error_carries_its_hint() -> None:
    error = KgsynthError("what", hint="do this")
    assert str(error) == "what"
    assert error.__notes__ == ["do this"]


def test_an_unknown_key_is_an_error_that_names_the_nearest() -> None:
    for text, words in (
        ("[sample]\nseeds = 1", "unknown key sample.seeds: did you mean 'seed'"),
        ("[sampel]\nseed = 1", "unknown section .sampel.*did you mean 'sample'"),
        ("[sample]\nseed = 'one'", "sample.seed is 'one': give a value of type int"),
        ("[sample]\nseed = true", "sample.seed is True"),
        ("[merge]\nembedder = 'bert'", "give one of auto, onnx, sentence-transformers"),
        ("[documents]\nsources = 'a'", "give a list of strings"),
        ("[sample]\ncombinations = 0", "give 1 or more"),
        ("[sample]\ncombinations = 5\nepochs = 2", "exclude each other"),
        ("[generate]\nbackend = 'server'", "generate.url is empty"),
        ("sample = 3", "write .sample."),
        ("nonsense", "is not TOML"),
    ):
        with pytest.raises(ConfigError, match=words):
            config.resolve(text)


def test_values_come_from_default_file_and_set_in_this_order() -> None:
    resolved = config.resolve(
        "[sample]\nseed = 1\nepochs = 2",
        origin="my.toml",
        overrides=["sample.seed=5", "graph.name=mine", "generate.top_p=1"],
    )
    assert (resolved.config.sample.seed, resolved.config.sample.epochs, resolved.config.graph.name) == (5, 2, "mine")
    assert resolved.config.generate.top_p == 1.0
    lines = resolved.lines()
    assert "seed = 5   # --set" in lines
    assert "epochs = 2   # my.toml" in lines
    assert "batch_size = 2000   # default" in lines
    again = config.resolve("\n".join(lines))
    assert again.config == resolved.config
    with pytest.raises(ConfigError, match="section.key=value"):
        config.resolve(overrides=["seed"])


def test_a_configuration_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        config.resolve_file(tmp_path / "none.toml")


def test_the_environment_says_where_things_are_and_hides_secrets() -> None:
    assert config.environment({"HOME": "/h"}).home == Path("/h/.local/share/kgsynth")
    assert config.environment({"HOME": "/h", "XDG_DATA_HOME": "/d"}).home == Path("/d/kgsynth")
    own = config.environment(
        {
            "HOME": "/h",
            "KGSYNTH_HOME": "/k",
            "NEO4J_URI": "bolt://x",
            "NEO4J_PASSWORD": "secret",
            "OPENAI_API_KEY": "hidden",
        }
    )
    assert own.home == Path("/k")
    assert "secret" not in repr(own)
    assert "hidden" not in repr(own)


def test_user_and_password_of_an_address_count_and_are_kept_out_of_it() -> None:
    own = config.environment({"HOME": "/h", "NEO4J_URI": "bolt://mary:p%40ss@db.example:7687"})
    assert (own.neo4j_uri, own.neo4j_username, own.neo4j_password) == ("bolt://db.example:7687", "mary", "p@ss")
    told = config.environment(
        {"HOME": "/h", "NEO4J_URI": "bolt://mary:p@h", "NEO4J_USERNAME": "x", "NEO4J_PASSWORD": "y"}
    )
    assert (told.neo4j_username, told.neo4j_password) == ("x", "y")


def test_requests_and_engines_are_tables_that_stages_inherit_and_that_hide_headers() -> None:
    text = """
        [backend]
        backend = "server"
        url = "http://mary:hunter22@host:1/v1?api_key=topsecret"
        stop = "END"
        [backend.request]
        seed = "null"
        rename = { max_tokens = "max_completion_tokens" }
        headers = { X-Key = "very secret" }
        [answer.request]
        top_a = 1
        [backend.engine]
        tensor_parallel_size = 2
    """
    found = config.resolve(text, overrides=["generate.request.reasoning.effort=low", "generate.request.n=null"])
    assert found.config.generate.url == ("http://mary:hunter22@host:1/v1?api_key=topsecret",)
    assert found.config.answer.stop == ("END",)
    assert found.config.answer.request["top_a"] == 1
    assert found.config.answer.request["rename"] == {"max_tokens": "max_completion_tokens"}
    assert found.config.generate.request["reasoning"] == {"effort": "low"}
    assert found.config.extract.engine == {"tensor_parallel_size": 2}
    shown_text = "\n".join(found.lines()) + repr(found.to_row())
    for secret in ("hunter22", "mary", "topsecret", "very secret"):
        assert secret not in shown_text
    assert "http://***@host:1/v1?api_key=***" in shown_text
    # The names of fields are no secrets, also where they hold the word token.
    assert found.to_row()["answer"]["request"]["rename"] == {"max_tokens": "max_completion_tokens"}
    assert config.resolve("\n".join(config.resolve("").lines())).config == config.resolve("").config


@pytest.mark.parametrize(
    "address",
    [
        "mary:hunter22@host:8000", "http://mary:hun/ter22@host", "http://mary:hun#ter22@host", "http://mary:hun?ter22@host", "http:/mary:hunter22@host/v1",
        "ftp://mary:hunter22@host", "http://mary:hunter22@", "http://mary:hunter22@host:99999/v1",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_shown_without_its_password(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AnswerSettings(backend="server", url=(address,))
    assert "ter22" not in str(caught.value)
    assert "mary" not in str(caught.value)
    assert "ter22" not in config.environment({"HOME": "/h", "NEO4J_URI": address}).neo4j_uri


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        ('[backend]\nurl = ["http://mary:hunter22@h", 3]', []),
        ('[backend.request]\nheaders = "Bearer hunter22"', []),
        ('[backend.request]\nheaders = { X = ["hunter22"] }', []),
        ('[backend]\nengine = "hunter22"', []),
        ("", ['backnd.url="http://mary:hunter22@h"']),
    ],
)
def test_a_setting_that_may_be_a_secret_is_not_shown_when_it_is_wrong(text: str, overrides: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.resolve(text, overrides=overrides)
    assert "hunter22" not in str(caught.value)


def test_secrets_of_the_engine_are_hidden() -> None:
    found = config.resolve('[backend.engine]\nhf_token = "hunter22"\ntensor_parallel_size = 2')
    assert "hunter22" not in "\n".join(found.lines()) + repr(found.to_row())
    assert found.config.answer.engine["hf_token"] == "hunter22"
