"""Tests of `kgsynth_loaders.characters`."""

import json
import random
from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth.settings import FieldNames
from kgsynth_loaders import (
    characters,
    jsonl,
)  # fmt: skip
from tests.unit.loaders.loaders_cases import FIELDS, texts, write


def test_decode_says_what_it_guesses() -> None:
    assert characters.decode("Größe café".encode("cp1252")) == ("Größe café", "cp1252", True)
    assert characters.decode("Größe".encode()) == ("Größe", "utf-8", False)
    assert characters.decode(b"\xff\xfea\x00", encoding="utf-8") == ("a", "utf-16-le", False)
    assert characters.decode(b"a\x81b", encoding="latin-1").text == "a\x81b"
    with pytest.raises(RecordError, match="not utf-8"):
        characters.decode(b"\xff", encoding="utf-8")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Minden csoportnak van egységeleme, és minden gyűrűnek két művelete. Ő és ő."),
        ("cp1250", "Teoria mnogości bada zbiory. Żółć, gęś, jaźń — liczby źródłowe są ciągłe."),
        ("iso8859_2", "Teoria mnogości jest działem matematyki, który bada zbiory. Każdy pierścień ma dwa działania."),
        ("cp1254", "Kümeler kuramı, kümeleri inceleyen daldır. Her halkanın iki işlemi vardır. Çığ gibi düştü."),
        ("cp1252", "Jede Gruppe hat ein neutrales Element, für jeden Körper gibt es größere."),
        ("cp1252", "L'élève a été très étonné de voir où mène cette théorie des ensembles à l'école."),
        ("cp1252", "La teoría de conjuntos estudia los conjuntos. El año que viene, mañana y después."),
        ("cp1252", "Mängdläran är en gren av matematiken. Varje grupp har ett neutralt element på så sätt."),
        ("cp1252", "Perché è così: il teorema è più forte, e la libertà di scelta c'è già."),
        ("cp1250", "Teorie množin je část matematiky, která zkoumá množiny. Každý okruh má dvě operace."),
        ("iso2022_jp", "集合論は、集合とその性質を研究する数学の一分野である。"),
    ],
)
def test_letters_of_a_language_decide_between_neighbours(tmp_path: Path, encoding: str, text: str) -> None:
    for times in (1, 20):
        given = "\n".join([text] * times)
        found = characters.decode(given.encode(encoding))
        assert (found.text, found.is_guessed) == (given, True)
    lines = f'{{"text": "{text}"}}\n' * 3
    assert texts(list(jsonl.documents(write(tmp_path / "d.jsonl", lines.encode(encoding)), FIELDS))) == [text] * 3


def test_a_byte_that_slipped_into_utf_8_costs_one_character() -> None:
    found = characters.decode("Żółć i gęś są słowami. ".encode() * 3 + b"na\xefve")
    assert found.text == "Żółć i gęś są słowami. " * 3 + "naïve"
    assert found.encoding == "utf-8, with 1 byte of Windows-1252"
    # Two letters that look like one of UTF-8 make no UTF-8 text of others.
    assert characters.decode("für Größe, Körper und schön: Ã¤".encode("cp1252")).encoding == "cp1252"


def test_wide_encodings_are_told_without_the_order_of_bytes(tmp_path: Path) -> None:
    row = json.dumps({"text": "Größe und Mächtigkeit"}, ensure_ascii=False) + "\n"
    for name in ("utf-16", "utf-32"):
        for encoding in (name, f"{name}-le", f"{name}-be"):
            file = write(tmp_path / "d.jsonl", row.encode(encoding))
            assert texts(list(jsonl.documents(file, FieldNames(encoding=name)))) == ["Größe und Mächtigkeit"]
            assert characters.decode(row.encode(encoding), encoding=name).text == row


def test_noise_is_no_wide_text() -> None:
    noise = random.Random(0)
    for count in (5, 40, 500, 4096):
        for _ in range(50):
            assert characters.wide_encoding(noise.randbytes(count) + b"\0") == ""
            # Numbers of 16 bits.
            numbers = b"".join(noise.randrange(3000).to_bytes(2, "little") for _ in range(count))
            assert characters.wide_encoding(numbers) == ""
