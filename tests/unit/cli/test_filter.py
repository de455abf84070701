"""Tests of `kgsynth.cli.filter`."""

from kgsynth.cli import filter as filter_command


def test_the_closing_line_says_how_far_to_trust_the_expected_precision() -> None:
    said = filter_command._share_text({"estimated_share": 0.123, "expected_precision": 0.957})
    assert "about 12% of the corpus" in said
    assert "precision is 0.96" in said
    assert "up to 0.1 too high" in said
    assert filter_command._share_text({"selected": 3}) == ""
