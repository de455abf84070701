"""Tests of `kgsynth.queries`."""

import pytest

from kgsynth import queries
from kgsynth.errors import QueryError

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
        ("// access: read\n// params: -\n// returns: a\nRETURN 1 AS a", "has no summary"),
    ):
        with pytest.raises(QueryError, match=words):
            queries.parse("x/y", text)
    with pytest.raises(QueryError, match=r"no query cypher/no/such\.cypher"):
        queries.load("no/such")


def test_values_take_the_place_of_parameters() -> None:
    query = queries.parse(
        "x/y", HEADER.format(params="id, idea") + "MATCH (n {id: $id}) WHERE n.b = $idea\nRETURN n.a AS a"
    )
    text = queries.filled(query, {"id": 'a "b" \\ $idea é', "idea": "c"})
    assert text == 'MATCH (n {id: "a \\"b\\" \\\\ $idea é"}) WHERE n.b = "c"\nRETURN n.a AS a'
    assert queries.filled(query, {"id": "a"}).splitlines()[0] == 'MATCH (n {id: "a"}) WHERE n.b = ""'
