"""Tests of `kgsynth.graph.guard`."""

import time

import pytest

from kgsynth import queries
from kgsynth.graph.guard import plan_refusal, text_refusal
from tests.hostile import ADMINISTRATION, CALLS, FILES, HARMLESS


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_reads_is_let_through(text: str) -> None:
    assert text_refusal(text) == ""


@pytest.mark.parametrize("query", queries.load_folder("explore"), ids=lambda query: query.name)
def test_the_saved_queries_are_let_through(query: queries.Query) -> None:
    assert text_refusal(query.text) == ""


@pytest.mark.parametrize("group", [FILES, CALLS], ids=["files", "calls"])
def test_what_the_server_would_let_through_is_refused_by_its_text(group: dict[str, str]) -> None:
    passed = [name for name, text in group.items() if not text_refusal(text)]
    # The server itself refuses a no-break space within a keyword.
    assert passed in ([], ["a no-break space"])


def test_administration_is_refused_by_its_text_or_by_the_plan() -> None:
    shown = {
        name: text for name, text in ADMINISTRATION.items() if text.startswith(("SHOW", "TERMINATE", "USE", "CALL"))
    }
    assert len(shown) >= 10
    assert [name for name, text in shown.items() if not text_refusal(text)] == []


def test_a_refusal_says_what() -> None:
    assert text_refusal("LOAD\n CSV FROM 'x' AS line RETURN line") == "LOAD CSV is not allowed"
    assert text_refusal("CALL dbms.listConfig()") == "calling dbms.listConfig is not allowed"
    assert text_refusal("RETURN 1; RETURN 2") == "more than one statement is not allowed"
    assert text_refusal("RETURN apoc.util.sleep(1)") == "the function apoc.util.sleep is not allowed"
    assert text_refusal("USE system RETURN 1") == "USE is not allowed"
    assert text_refusal("SHOW USERS") == "SHOW USERS is not allowed"
    assert text_refusal("TERMINATE TRANSACTIONS 'x'") == "TERMINATE TRANSACTIONS is not allowed"
    assert text_refusal("RETURN [1, 2][0..apoc.util.sleep(1)]") == "the function apoc.util.sleep is not allowed"
    assert text_refusal("RETURN [1, 2][0 .. a . b ()]") == "the function a.b is not allowed"
    assert text_refusal("MATCH (n)-[:A*1..2]->(m) RETURN [1, 2][0..size(m.list)]") == ""
    assert text_refusal(r"RETURN '\u0027'").startswith("a \\u escape")


@pytest.mark.parametrize("piece", ["a", "a.", "1", "{", " ", "IN ", "`", "} IN "])
def test_the_look_takes_no_longer_than_the_text_is_long(piece: str) -> None:
    def seconds(pieces: int) -> float:
        began = time.thread_time()
        text_refusal("RETURN " + piece * pieces)
        return time.thread_time() - began

    seconds(100)
    # Quadratic time would be 64 times as long.
    assert min(seconds(16_000) for _ in range(3)) < 24 * max(min(seconds(2_000) for _ in range(3)), 1e-3)
    assert "100,000 characters" in text_refusal("RETURN '" + "x" * 100_001 + "'")


def test_a_plan_that_writes_calls_or_administrates_is_refused() -> None:
    leaf = {"operatorType": "AllNodesScan@neo4j", "args": {"Details": "n"}, "children": []}
    assert plan_refusal("r", leaf) == ""
    assert "more than read" in plan_refusal("rw", leaf)
    assert "more than read" in plan_refusal(None, leaf)
    load = {"operatorType": "LoadCSV@neo4j", "args": {"Details": "line"}, "children": []}
    assert plan_refusal("r", {**leaf, "children": [load]}) == "LOAD CSV is not allowed"
    call = {"operatorType": "ProcedureCall@neo4j", "args": {"Details": "dbms.listConfig() :: ()"}, "children": []}
    assert plan_refusal("r", {**leaf, "children": [call]}) == "calling dbms.listConfig is not allowed"
    assert plan_refusal("r", {"operatorType": "ShowUsers", "args": {}}) == "an administration command is not allowed"


def test_comments_strings_and_quoted_names_are_found_in_one_pass() -> None:
    assert queries.code_of("a // it's\nb 'x // y' c /* \" */ d `e'` f").split() == ["a", "b", "''", "c", "d", "``", "f"]
    assert queries.code_of("'it\\'s' x \"a\\\"b\" y").split() == ["''", "x", '""', "y"]
    assert queries.parameters_of("MATCH (n {id: $a}) // $b\nWHERE n.x = '$c' RETURN $`d`, $e") == {"a", "e"}
