"""Tests of `kgsynth.generation.passages`."""

from kgsynth.generation import passages
from tests.unit.generation.generation_cases import words


def test_a_long_text_is_split_at_sections_and_nothing_is_left_out() -> None:
    sections = [
        f"# Section {n}\n\n" + " ".join(f"w{n}x{m}" for m in range(40)) + "\n\nA second paragraph.\n" for n in range(9)
    ]
    text = "".join(sections)
    for room in (5, 20, 60, 110, 10_000):
        parts = passages.split(text, room, words)
        assert "".join(parts).split() == text.split()
        assert all(words(part) <= room for part in parts)
    assert [part.split()[:3] for part in passages.split(text, 60, words)] == [
        ["#", "Section", str(n)] for n in range(9)
    ]
    assert "".join(passages.split("x" * 1000, 10, len)) == "x" * 1000
    assert max(map(len, passages.split("x" * 1000, 10, len))) <= 10
