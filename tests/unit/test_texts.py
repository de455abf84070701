"""Tests of `kgsynth.texts` that no other file holds."""

import math

from kgsynth.texts import json_value


def test_values_that_json_or_javascript_cannot_hold_become_null_or_text() -> None:
    row = {"nan": math.nan, "far": [math.inf, 1.5], "seed": 2**63, "small": 7, "flag": True, 1: None}
    assert json_value(row) == {
        "nan": None, "far": [None, 1.5], "seed": 2**63, "small": 7, "flag": True, "1": None
    }  # fmt: skip
    limited = json_value(row, max_integer=2**53)
    assert (limited["seed"], limited["small"], limited["flag"]) == (str(2**63), 7, True)
