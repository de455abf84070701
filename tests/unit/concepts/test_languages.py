"""Tests of `kgsynth.concepts.languages`."""

import sys
from collections.abc import Sequence

import pytest

from kgsynth.concepts import languages
from kgsynth.concepts.languages import LanguageReport, language_of
from kgsynth.errors import MissingExtraError
from tests.unit.languages_cases import phrases_of, terms_found


def test_french_key_phrases_are_found_in_their_texts() -> None:
    texts = [
        "Nous étudions l’algèbre linéaire dans ce cours et elle est utile pour l’espace vectoriel des fonctions."
    ] * 3
    phrases = phrases_of(texts)
    assert "algèbre linéaire" in phrases
    assert "algèbre linéaire" in terms_found(phrases, texts[0])


GERMAN = ["Der Bahnensatz beschreibt die Gruppenwirkung auf einer Menge. Jede endliche Gruppe erfüllt den Satz von Lagrange.",
          "Der Satz von Lagrange gilt für endliche Gruppen; die Gruppenwirkung und der Bahnensatz sind nicht neu."]  # fmt: skip


FRENCH = ["Le théorème de Pythagore et l'espace vectoriel de dimension finie. La loi des grands nombres.",
          "Les espaces vectoriels de dimension finie et le théorème de Pythagore; le théorème d’Alembert. La loi des grands nombres."]  # fmt: skip


SPANISH = ["El producto de matrices y la ecuación diferencial lineal son útiles. El teorema del valor medio.",
           "Las ecuaciones diferenciales lineales y el producto de matrices. El teorema del valor medio."]  # fmt: skip


RUSSIAN = ["Теорема Лагранжа говорит о порядке подгруппы. Действие группы на множестве.",
           "По теореме Лагранжа порядок делится. Действием группы называется отображение."]  # fmt: skip


CHINESE = [
    "群作用于集合，轨道与稳定子定理给出轨道的大小。拉格朗日定理。",
    "每个有限群都可以通过群作用嵌入对称群。拉格朗日定理与微分方程。",
    "微分方程的解法。",
]


JAPANESE = ["群の作用と軌道は対称性を記述する。ベクトル空間。", "ﾍﾞｸﾄﾙ空間と群の作用の定理である。"]


POLISH = ["Grupa abelowa jest przemienna. Twierdzenie Lagrange'a o rzędzie podgrupy mówi, że rząd podgrupy dzieli rząd grupy.",
          "Każda grupa abelowa jest rozwiązalna, a twierdzenie Lagrange'a stosuje się do każdej grupy skończonej."]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        (GERMAN, "de", {"Bahnensatz", "Gruppenwirkung", "Satz von Lagrange", "endliche Gruppe"}),
        (FRENCH, "fr", {"théorème de Pythagore", "loi des grands nombres", "espace vectoriel de dimension finie"}),
        (SPANISH, "es", {"producto de matrices", "teorema del valor medio", "ecuaciones diferenciales lineales"}),
        (RUSSIAN, "ru", {"Теорема Лагранжа", "Действие группы"}),
        (CHINESE, "zh", {"群作用", "拉格朗日定理", "微分方程"}),
        (JAPANESE, "ja", {"群の作用", "ベクトル空間"}),
    ],
)
def test_key_phrases_of_languages_with_rules(texts: Sequence[str], language: str, expected: set[str]) -> None:
    report = LanguageReport()
    made = phrases_of(texts, report)
    assert expected <= set(made)
    assert report.documents == {language: len(texts)}
    assert report.lines() == []
    assert not [name for name in made if name.split()[0].casefold() in {"der", "die", "le", "la", "el", "las", "на"}]


def test_other_languages_are_read_by_their_punctuation_and_counted() -> None:
    report = LanguageReport()
    assert "Twierdzenie Lagrange'a" in phrases_of(POLISH, report)
    assert report.lines() == ["documents in other languages: 2 (pl 2)"]
    korean = ["라그랑주 정리는 위수에 관한 정리이다.", "라그랑주 정리의 증명은 쉽다."]
    assert "라그랑주 정리" in phrases_of(korean)


def test_thai_is_counted_as_unread() -> None:
    report = LanguageReport()
    assert phrases_of(["ทฤษฎีกราฟเป็นสาขาหนึ่งของคณิตศาสตร์"] * 2, report) == []
    assert report.lines() == ["documents whose words cannot be told apart: 2 (th 2)"]


def test_a_missing_segmenter_is_an_error_where_most_documents_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba.posseg", None)
    languages._segmenter.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match="3 of 3 documents are Chinese or Japanese, and jieba") as error:
            phrases_of(CHINESE)
        assert error.value.hint == "pip install 'kgsynth[cjk]'"
        report = LanguageReport()
        phrases_of([*CHINESE[:1], *GERMAN], report)
        assert report.lines() == [
            "documents whose words cannot be told apart: 1 (zh 1): pip install 'kgsynth[cjk]' for Chinese and Japanese"
        ]
    finally:
        languages._segmenter.cache_clear()


@pytest.mark.slow
def test_several_languages_stand_in_one_corpus() -> None:
    english = ["The weakly connected component of a directed graph is found by a search."] * 2
    report = LanguageReport()
    made = phrases_of([*english, *GERMAN, *CHINESE], report)
    assert {"weakly connected component", "directed graph", "Bahnensatz", "群作用"} <= set(made)
    assert report.documents == {"en": 2, "de": 2, "zh": 3}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Return x, y, g such that x*a + y*b = g", ""), ("The ring is a set.", "en"), ("Der Satz von Lagrange ist bekannt.", "de"), ("Що таке скінченні групи?", "uk"),
        ("Что такое группа?", "ru"), ("什么是群？", "zh"), ("群とは何か", "ja"), ("군이란 무엇인가", "ko"), ("ทฤษฎี", "th"), ("ما هي الزمرة", "ar"), ("समूह क्या है", "hi"), ("", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language
