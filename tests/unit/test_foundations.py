"""Errors, randomness, records, configuration, queries, progress."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgsynth import config, errors, queries
from kgsynth.errors import ConfigError, KgsynthError, QueryError
from kgsynth.progress import Lines, Silent, shown
from kgsynth.randomness import stream, uniform_rows
from kgsynth.records import Annotation, Combination, Document, StageCount, TopicConcepts, content_hash


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


@given(first=st.integers(0, 500), count=st.integers(0, 60), width=st.integers(1, 12), seed=st.integers(0, 2**64 - 1))
def test_a_row_of_draws_does_not_depend_on_the_batch(first: int, count: int, width: int, seed: int) -> None:
    together = uniform_rows(seed, "walk", first=first, count=count, width=width)
    assert together.shape == (count, width)
    assert ((together >= 0) & (together < 1)).all()
    for row in range(0, count, 7):
        alone = uniform_rows(seed, "walk", first=first + row, count=1, width=width)
        assert (alone[0] == together[row]).all()


def test_stages_seeds_and_items_have_unrelated_draws() -> None:
    base = uniform_rows(1, "walk", first=0, count=2000, width=9)
    assert abs(np.corrcoef(base[:, 0], uniform_rows(2, "walk", first=0, count=2000, width=9)[:, 0])[0, 1]) < 0.1
    assert abs(np.corrcoef(base[:, 0], uniform_rows(1, "other", first=0, count=2000, width=9)[:, 0])[0, 1]) < 0.1
    assert abs(base.mean() - 0.5) < 0.01
    assert stream(1, "a", 0).random() == stream(1, "a", 0).random()
    assert stream(1, "a", 0).random() != stream(1, "a", 1).random()


def test_read_is_kept_plus_rejected_and_the_line_says_why() -> None:
    count = StageCount(stage="load", unit="documents", kept=8, seconds=2.0)
    count.reject("no text")
    count.reject("not JSON", 3)
    assert count.read == 12
    assert count.line() == "load: 12 documents read, 8 kept, 4 rejected (33.3%: 1 no text, 3 not JSON), 2.0 s, 6/s"
    assert count.to_row()["rejected"] == {"no text": 1, "not JSON": 3}
    assert StageCount(stage="x", unit="y").line() == "x: 0 y read, 0 kept, 0 rejected, 0.0 s"


def test_records_are_identified_by_content() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    one = Document(id="a", text="t")
    assert one.content_hash() == Document(id="b", text="t").content_hash()
    assert one.content_hash() != Document(id="a", text="t", license="CC0").content_hash()
    annotation = Annotation(
        id="a", topics=(TopicConcepts(name="T", concepts=("x", "y")), TopicConcepts(name="U", concepts=("y",)))
    )
    assert annotation.spellings("topic") == ["T", "U"]
    assert annotation.spellings("concept") == ["x", "y"]
    combination = Combination(
        id="c", seed=1, walk=2, path=("topic:a", "concept:b", "topic:a"), topics=("topic:a",), concepts=("concept:b",)
    )
    assert combination.terms == ("concept:b", "topic:a")
    assert combination.to_row()["path"][1] == {"id": "concept:b", "kind": "concept"}  # type: ignore[index]


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


HEADER = "// What it is for.\n// access: read\n// params: {params}\n// returns: a\n"


def test_a_query_file_is_checked_when_it_is_read() -> None:
    query = queries.parse(
        "x/y",
        HEADER.format(params="id, b") + "MATCH (n {id: $id}) WHERE n.b = $b AND n.c <> '$no' // $nor\nRETURN n.a AS a",
    )
    assert query.parameters == {"id", "b"}
    assert query.columns == ("a",)
    assert not query.is_batched
    for text, words in (
        ("RETURN 1", "no 'access:' line"),
        (HEADER.format(params="x") + "RETURN 1 AS a", "declared but unused .'x'."),
        (HEADER.format(params="-") + "RETURN $x AS a", "used but undeclared .'x'."),
        (HEADER.format(params="-").replace("read", "look") + "RETURN 1 AS a", "access is 'look'"),
        (HEADER.format(params="-"), "no statement"),
        (HEADER.format(params="-") + "RETURN 1 AS a; RETURN 2 AS a", "one statement"),
        ("// access: read\n// params: -\n// returns: a\nRETURN 1 AS a", "says nothing"),
    ):
        with pytest.raises(QueryError, match=words):
            queries.parse("x/y", text)
    with pytest.raises(QueryError, match=r"no query cypher/no/such\.cypher"):
        queries.load("no/such")


def test_progress_ends_whatever_happens(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Telling(Silent):
        def done(self) -> None:
            ended.append("done")

    with pytest.raises(ZeroDivisionError), shown(Telling(), "x", 1):
        1 / 0  # noqa: B018
    assert ended == ["done"]
    monkeypatch.setattr("kgsynth.progress._LINE_EVERY_S", 0.0)
    with shown(Lines(), "load", 10) as bar:
        bar.advance(3)
    assert "load: 3 of 10" in capsys.readouterr().err
    # What was done by an earlier call counts, and makes this one no faster.
    clock = [0.0]
    monkeypatch.setattr("kgsynth.progress.time.monotonic", lambda: clock[0])
    with shown(Lines(), "load", 10) as bar:
        bar.skip(5)
        clock[0] = 10.0
        bar.advance(3)
    assert "load: 8 of 10, 0.3/s, 0:00:07 left" in capsys.readouterr().err


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
        config.AnswerSettings(backend="server", url=(address,))
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


def test_what_a_small_model_needs_is_no_default_for_others() -> None:
    small, other = config.AnswerSettings(), config.AnswerSettings(model="some/model")
    assert (small.output_tokens, small.prompt_tokens, small.repetition_penalty) == (1024, 3072, 1.1)
    assert (other.output_tokens, other.prompt_tokens, other.repetition_penalty) == (4096, 4096, None)
    long = config.AnswerSettings(model="some/model", max_output_tokens=8000)
    assert long.prompt_tokens == 4096
    thinking = config.AnswerSettings(model="some/model", max_output_tokens=8000, context_tokens=32000)
    assert thinking.prompt_tokens == 24000
