"""Tests of `kgsynth.scripts`."""

import pytest

from kgsynth.scripts import is_foreign


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
