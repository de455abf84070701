"""Tests of `kgsynth.names`."""

import unicodedata
from collections.abc import Sequence

import pytest

from kgsynth.inflection import singular
from kgsynth.names import fold, normal_form, term_id, word_key
from tests.timing import is_quick
from tests.unit.inflection_cases import are_one, rows
from tests.unit.languages_cases import terms_found


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Quadratic  Equation", "quadratic equation"), ("\u201cRing\u201d,", "ring"), ("ﬁeld", "field"), ("STRASSE", "strasse"),
        ("Straße", "strasse"), (" (open) ", "(open)"), ("C++", "c++"), ("C#", "c#"), ("≤ relation", "≤ relation"), ("...", ""), ("ℝ", "r"), ("L'Hôpital's rule.", "l'hôpital's rule"),
    ],
)  # fmt: skip
def test_the_normal_form(name: str, form: str) -> None:
    assert normal_form(name) == form
    assert normal_form(form) == form
    assert term_id("topic", name) == (f"topic:{form}" if form else "")


@pytest.mark.parametrize("half", ["work", "once"])
def test_plurals_have_their_singular_and_other_words_stay(half: str) -> None:
    wanted = [(row["first"], row["second"]) for row in rows("word") if row["half"] == half]
    wanted += [(row["second"], row["first"]) for row in rows("plural") if row["half"] == half]
    for many, one in wanted:
        assert [singular(fold(word)) for word in many.split()][-1] == fold(one.split()[-1]), many


@pytest.mark.parametrize(
    ("one", "many"),
    [(one, f"{one}s") for one in "GPU API ID TV PC VM GUI URI CPU PID LAN XYU ABI".split()]
    + [("REST API", "REST APIs"), ("BIOS", "BIOSes"), ("GPU cluster", "GPUs cluster"), ("GPU", "gpus"), ("PC", "PC's")],
)  # fmt: skip
def test_plurals_of_acronyms_have_their_singular(one: str, many: str) -> None:
    assert are_one(one, many)
    assert word_key(one.split()[-1]) == word_key(many.removesuffix("'s").split()[-1])


def test_acronyms_are_no_plurals() -> None:
    assert [word_key(word) for word in ("AIDS", "aids", "Aids", "GPS", "PIDs", "URLs", "RINGS", "GROUPS")] == [
        "aids", "aid", "aid", "gps", "pid", "url", "rings", "group",
    ]  # fmt: skip
    assert not are_one("AIDS", "aid")
    assert not are_one("RSS feed", "RS feed")
    assert are_one("PIDs", "PID")
    assert not are_one("GPs", "GPS")
    assert not are_one("US", "us")
    assert are_one("US", "U.S.")
    # In a heading of capitals alone they say nothing.
    assert are_one("ABELIAN RINGS", "abelian ring")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("soft\u00adhyphen", "softhyphen"), ("zero\u200bwidth", "zerowidth"), ("\u202eoverride\u202c", "override"), ("\ufeffring", "ring"),
        ("word\u2060joiner", "wordjoiner"), ("\u2067ring\u2069", "ring"), ("bell\x07name", "bell name"), ("next\x85line", "next line"), ("می\u200cشود", "میشود"),
        ("𝔽_p", "f_p"), ("C++", "c++"), ("C#", "c#"), ("C", "c"), ("F#", "f#"), ("ﾍﾞｸﾄﾙ", "ベクトル"), ("e\u00ad\u0301", "é"), ("\u200b", ""), (".\u200b. ring", "ring"),
    ],
)  # fmt: skip
def test_characters_that_nobody_sees_make_no_other_name(name: str, form: str) -> None:
    assert normal_form(name) == form
    assert normal_form(form) == form


def test_names_that_differ_in_letters_or_signs_stay_apart() -> None:
    names = ["C", "C++", "C#", "F#", ".NET", "Möbius", "Mobius", "き", "ぎ", "कि", "की"]
    assert len({term_id("concept", name) for name in names}) == len(names)
    assert fold("ぎ") != fold("き")
    assert fold("भ्रम") != fold("भरम")
    assert fold("𝐐uad") == "quad"
    assert fold("Möbius") == "mobius"


def test_a_name_of_a_million_marks_takes_no_time() -> None:
    name = "." * 10**6 + "ring" + ". " * 10**6
    assert is_quick(lambda: normal_form(name), times=250)
    assert normal_form(name) == "ring"


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (["群作用", "轨道", "拉格朗日定理", "定理"], "群作用于集合，轨道与拉格朗日\n定理。", ["群作用", "轨道", "拉格朗日定理"]),
        (["子群", "正规子群"], "正规子群都是子群", ["正规子群", "子群"]),
        (["群の作用", "軌道", "軌道・固定群定理"], "軌道・固定群定理は群の作用の基本である。", ["軌道・固定群定理", "群の作用"]),
        (["群環"], "群・環と群、環", []),
        (["グラフ", "ホモロジー"], "グラフィックスとコホモロジー、ｸﾞﾗﾌ理論", ["ｸﾞﾗﾌ"]),
        (["ทฤษฎีกราฟ", "เซต"], "ทฤษฎีกราฟเป็นสาขาหนึ่งของเซต", ["ทฤษฎีกราฟ", "เซต"]),
        (["กรา"], "ทฤษฎีกราฟ", ["กรา"]), (["กร"], "ทฤษฎีกราฟ", []), (["วงกล"], "วงกลิ่น", []),
        (["មជ្ឈមណ្ឌល"], "ក្នុងមជ្ឈមណ្ឌលនេះ", ["មជ្ឈមណ្ឌល"]), (["ທິດສະດີ"], "ແມ່ນທິດສະດີກຣາບ", ["ທິດສະດີ"]), (["သင်္ချာ"], "ဒီသင်္ချာပညာ", ["သင်္ချာ"]),
        (["C语言"], "用C语言编写，用Ｃ语言", ["C语言", "Ｃ语言"]), (["C语言"], "用ABC语言编写", []), (["DNA 複製"], "dna複製とXDNA複製", ["DNA 複製"]), (["X-射线"], "用X射线照射", ["X-射线"]),
        (["라그랑주 정리", "군"], "라그랑주 정리는 군의 위수에 관한 것이다. 군대", ["라그랑주 정리", "군"]),
        (["समूह सिद्धांत"], "समूह सिद्धांत गणित है", ["समूह सिद्धांत"]), (["समूह सिद्धांत"], "समूह सिद्धांतों में", []),
        (["نظرية الزمر"], "تدرس نظرية الزمر في الجبر", ["نظرية الزمر"]), (["теорема Лагранжа"], "Это Теорема  Лагранжа.", ["Теорема Лагранжа"]),
        (["Möbius function"], "the Mo\u0308bius function", ["Möbius function"]), (["quadratic formula"], "quad\u00adratic formula", ["quadratic formula"]),
        (["quadratic formula"], "the 𝐪𝐮𝐚𝐝𝐫𝐚𝐭𝐢𝐜 formula", ["𝐪𝐮𝐚𝐝𝐫𝐚𝐭𝐢𝐜 formula"]),
    ],
)  # fmt: skip
def test_names_are_found_in_every_script(names: Sequence[str], text: str, expected: Sequence[str]) -> None:
    assert [normal_form(name) for name in terms_found(names, text)] == [normal_form(name) for name in expected]


@pytest.mark.parametrize("mark", "'’ʼ")
@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (["algèbre linéaire", "espace vectoriel"], "L'algèbre linéaire étudie l'espace vectoriel.", ["algèbre linéaire", "espace vectoriel"]),
        (["algebra", "universo"], "Lo studio dell'algebra e nell'universo.", ["algebra", "universo"]),
        (["A-module"], "C'est l'A-module libre, jusqu'ici.", ["A-module"]),
        (["l'Hôpital's rule", "Hôpital"], "By l'Hôpital's rule.", ["l'Hôpital's rule"]),
        (["l’Hôpital’s rule"], "By l'Hôpital's rules.", ["l’Hôpital’s rule"]),
        (["aujourd'hui", "hui"], "Aujourd'hui.", ["aujourd'hui"]),
        (["об'єкт"], "Це об'єкт.", ["об'єкт"]),
        (["hospital", "elling"], "The n's, don's, modell'elling and o'hospital.", []),
    ],
)  # fmt: skip
def test_names_are_found_after_an_elided_word_and_with_any_apostrophe(
    names: Sequence[str], text: str, expected: Sequence[str], mark: str
) -> None:
    for form in ("NFC", "NFD"):
        made = terms_found(names, unicodedata.normalize(form, text.replace("'", mark)))
        assert [normal_form(name).replace("’", "'").replace("ʼ", "'") for name in made] == [
            normal_form(name).replace("’", "'") for name in expected
        ]
