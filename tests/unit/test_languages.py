"""Concepts, key phrases, names and the language check in texts of many languages and scripts."""

import sys
import time
import tracemalloc
import unicodedata
from collections.abc import Iterator, Sequence

import pytest

from kgsynth.concepts import keyphrases, languages, vocabulary
from kgsynth.concepts.languages import LanguageReport, language_of
from kgsynth.concepts.prose import running_text, without_code
from kgsynth.curation.filters import is_foreign
from kgsynth.errors import MissingExtraError
from kgsynth.names import fold, normal_form, term_id
from kgsynth.records import ConceptName, Document


def found(names: Sequence[str], text: str) -> list[str]:
    return vocabulary.Vocabulary([ConceptName(name=name) for name in names]).find(text)


def phrases_of(texts: Sequence[str], report: LanguageReport | None = None) -> list[str]:
    documents = [Document(id=str(number), text=text) for number, text in enumerate(texts)]
    made = keyphrases.keyphrases(
        documents, max_document_share=1, min_document_count=2, max_phrases=20, languages=report or LanguageReport()
    )
    return [phrase.name for phrase in made]


# --- Names


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
    started = time.perf_counter()
    assert normal_form("." * 10**6 + "ring" + ". " * 10**6) == "ring"
    assert time.perf_counter() - started < 5


# --- Vocabulary


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
    assert [normal_form(name) for name in found(names, text)] == [normal_form(name) for name in expected]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [("设 G 是群，", True), ("「群」", True), ("群の作用", True), ("每一个群的阶", True), ("子群", False), ("群众", False), ("群论", False)],
)  # fmt: skip
def test_a_name_of_one_character_is_found_where_it_stands_alone(text: str, is_found: bool) -> None:
    assert found(["群"], text) == (["群"] if is_found else [])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("群", True), ("轨道", True), ("환", True), ("の", False), ("環", True), ("拉格朗日定理的证明", False), ("プログラムの例", False), ("群" * 41, False),
        ("Beweis des Satzes", False), ("démonstration du théorème", False), ("ejemplo de grupo", False), ("доказательство теоремы", False), ("Beweistheorie", True),
    ],
)  # fmt: skip
def test_which_titles_name_a_concept(name: str, is_one: bool) -> None:
    assert vocabulary.is_concept_name(name) == is_one


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
        made = found(names, unicodedata.normalize(form, text.replace("'", mark)))
        assert [normal_form(name).replace("’", "'").replace("ʼ", "'") for name in made] == [
            normal_form(name).replace("’", "'") for name in expected
        ]


def test_french_key_phrases_are_found_in_their_texts() -> None:
    texts = [
        "Nous étudions l’algèbre linéaire dans ce cours et elle est utile pour l’espace vectoriel des fonctions."
    ] * 3
    phrases = phrases_of(texts)
    assert "algèbre linéaire" in phrases
    assert "algèbre linéaire" in found(phrases, texts[0])


def test_a_name_that_is_too_long_costs_itself() -> None:
    compiled = vocabulary.Vocabulary([ConceptName(name=name) for name in ("a" * 10**6, "群" * 10**6, "abelian group")])
    assert compiled.report.refused_names == {"longer than 1,000 characters": 2}
    assert compiled.find("an abelian group " + "a" * 10**6) == ["abelian group"]


def test_code_is_not_looked_at_and_tables_are() -> None:
    text = "```python\nfield\n```\nSee [it](https://site/ideal) and `ring`.\n\n| group | order |\n|---|---|\n\n    a module here"
    assert found(["field", "ideal", "ring", "group", "module"], text) == ["group", "module"]
    assert found(["word"], "a `word' and ``word'' as LaTeX quotes it") == ["word"]


def test_annotations_come_one_by_one_and_count_what_they_lack() -> None:
    texts = ["a ring here"] * 30 + ["something else that is long enough to be seen as English by all of its words"] * 30
    texts += ["ทฤษฎีกราฟเป็นสาขาหนึ่งของคณิตศาสตร์"] * 10
    documents = (Document(id=str(n), text=text, topics=("T",) if n else ()) for n, text in enumerate(texts))
    compiled = vocabulary.Vocabulary([ConceptName(name="ring")])
    annotations, report = vocabulary.annotate(documents, compiled, max_document_share=1)
    assert report.documents == 70
    assert next(annotations).spellings("concept") == ["ring"]
    assert [one.id for one in annotations] == [str(n) for n in range(1, 70)]
    assert next(annotations, None) is None
    assert (report.concepts_found, report.documents_without_concepts, report.documents_without_topic) == (30, 40, 1)
    assert report.languages == {"en": 30, "th": 10}
    assert report.shortfall() == "no concept was found in 40 of 70 documents (languages: en 30, th 10)"


def test_a_stage_says_when_it_found_nothing_and_is_silent_when_it_did() -> None:
    for text, said in (("群论", "no concept was found in any of 1 documents (languages: zh 1)"), ("a ring", "")):
        compiled = vocabulary.Vocabulary([ConceptName(name="ring")])
        annotations, report = vocabulary.annotate([Document(id="1", text=text)], compiled, max_document_share=1)
        list(annotations)
        assert report.shortfall() == said


def test_memory_does_not_grow_with_the_documents() -> None:
    compiled = vocabulary.Vocabulary([ConceptName(name="ring")])

    def documents(count: int) -> Iterator[Document]:
        return (Document(id=f"document {n}", text="a ring here", topics=(f"topic {n}",)) for n in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        annotations, _ = vocabulary.annotate(documents(count), compiled, max_document_share=1)
        assert sum(1 for _ in annotations) == count
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    peak(10)
    assert peak(5_000) < peak(500) + 100_000


# --- Languages

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


def test_code_tables_and_addresses_make_no_key_phrases() -> None:
    text = (
        "The directed graph has a cycle.\n\n```\nsparse matrix\n```\n\n`normal form` and https://host/linear map\n\n"
        "| power series | open set |\n|---|---|\n| prime ideal | dense subset |\n\nopen ball | closed ball\n--- | ---\ninner product | outer product\n"
    )
    assert phrases_of([text] * 2) == ["directed graph"]
    assert running_text("plain | text") == "plain | text"


@pytest.mark.parametrize(
    "text",
    ["`" * 10**4, "`a" * 10**4, "~~~a\n" * 10**4, "|" * 10**4, "| -" * 10**4, " " * 10**4 + "`|://", "https://" * 10**4, "```\n" * 10**4, "群" * 10**4, "กิ" * 10**4, "·" * 10**4, "a-" * 10**4, "l'" * 10**4],
    ids=lambda text: repr(text[:4]),
)  # fmt: skip
def test_odd_texts_take_little_time(text: str) -> None:
    started = time.perf_counter()
    without_code(text)
    running_text(text)
    found(["群论", "abc", "กิน"], text)
    is_foreign(text, "en")
    for language in ("fr", "de", "zh", "pl"):
        list(languages.phrases(text, language, ()) or ())
    assert time.perf_counter() - started < 5


def test_latex_is_not_taken_for_code() -> None:
    text = "    indented prose of ``quoted'' and `one' and `two'\n~~~ blanks"
    assert without_code(text) == text
    assert without_code("a\n~~~\nb\n~~~\nc").split() == ["a", "\N{CURRENCY SIGN}", "c"]


# --- The language check of curation


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("你好，什么是群？", "en", True), ("Что такое группа?", "en", True), ("你好，什么是群？", "zh", False), ("你好，什么是群？", "zh-TW", False), ("Что такое группа?", "ru", False),
        ("群とは何ですか？", "en", True), ("群とは何ですか？", "ja", False), ("群とは何ですか？", "zh", True), ("군이란 무엇인가?", "en", True), ("군이란 무엇인가?", "ko", False),
        ("ما هي الزمرة؟", "en", True), ("מהי חבורה?", "en", True), ("समूह क्या है?", "en", True), ("กลุ่มคืออะไร", "en", True), ("Τι είναι ομάδα;", "en", True), ("Шта је група?", "sr", False),
        ("Was ist eine Gruppe?", "en", False), ("What is a group?", "zh", False), ("αβ + βγ = γα and Ω", "en", False), ("αβγ", "en", False), ("Find $ℵ_0$, ∀ε>0 ∃δ>0: 𝐐(𝑥) ∈ ℝ", "en", False),
        ("Who was Пушкин?", "en", False), ("Define 拉格朗日定理.", "en", False), ("Let 群 be a group", "en", False), ("The word 'группа' means a group in Russian.", "en", False),
        ("设 $f: X \\to Y$ 为连续映射，证明 f 是一致连续的。", "zh", False), ("用 Python 实现快速排序", "en", True), ("`Что такое` is $x$", "en", False), ("", "en", False), ("Что такое группа?", "", False),
        ("What is a group, and why does every group of prime order have to be a cyclic one?", "zh", True),
        ("Що таке група, і чому кожна група простого порядку є циклічною групою в алгебрі?", "ru", True),
    ],
)  # fmt: skip
def test_a_text_is_foreign_by_its_letters_at_any_length(text: str, language: str, foreign: bool) -> None:
    assert is_foreign(text, language) == foreign
