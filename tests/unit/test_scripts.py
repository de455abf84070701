"""Tests of `kgsynth.scripts`."""

import pytest

from kgsynth.scripts import is_foreign


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("你好，什么是群？", "en", True), ("Что такое группа?", "en", True), ("你好，什么是群？", "zh", False), ("你好，什么是群？", "zh-TW", False), ("Что такое группа?", "ru", False),
        ("群とは何ですか？", "en", True), ("群とは何ですか？", "ja", False), ("群とは何ですか？", "zh", True), ("군이란 무엇인가?", "en", True), ("군이란 무엇인가?", "ko", False),
        ("ما هي الزمرة؟", "en", True), ("מהי חבורה?", "en", True), ("समूह क्या है?", "en", True), ("กลุ่มคืออะไร", "en", True), ("Τι είναι ομάδα;", "en", True), ("Шта је група?", "sr", False),
        ("Was ist eine Gruppe?", "en", False), ("What is a group?", "zh", True), ("αβ + βγ = γα and Ω", "en", False), ("αβγ", "en", False), ("Find $ℵ_0$, ∀ε>0 ∃δ>0: 𝐐(𝑥) ∈ ℝ", "en", False),
        ("Who was Пушкин?", "en", False), ("Define 拉格朗日定理.", "en", False), ("Let 群 be a group", "en", False), ("The word 'группа' means a group in Russian.", "en", False),
        ("设 $f: X \\to Y$ 为连续映射，证明 f 是一致连续的。", "zh", False), ("用 Python 实现快速排序", "en", True), ("`Что такое` is $x$", "en", False), ("", "en", False), ("Что такое группа?", "", False),
        ("What is a group, and why does every group of prime order have to be a cyclic one?", "zh", True),
        ("What is the kinetic energy of the body?", "zh", True), ("What is the kinetic energy of the body?", "ru", True), ("What is it?", "th", True), ("The answer is 5.", "ja", True),
        ("Was ist eine Gruppe?", "ru", True), ("Qu'est-ce que c'est ?", "ko", True), ("¿Qué es un grupo?", "ar", True), ("Proof by contradiction", "zh", True),
        ("compute energy stored between charged plates inside capacitors using fields", "zh", True), ("What is it?", "sr", False),
        ("Bank of America", "zh", False), ("The Lord of the Rings", "ru", False), ("n log n", "zh", False), ("O(n log n)", "ja", False), ("max flow min cut", "zh", False), ("sin x + cos y = tan z", "ru", False),
        ("5 cm", "zh", False), ("NaCl + H2O", "th", False), ("Isaac Newton", "ru", False), ("True", "zh", False), ("x is y", "zh", False), ("numpy.linalg.norm", "zh", False),
        ("用 numpy 的 reshape 函数 what is it", "zh", False), ("$x$ is $y$", "zh", False), ("f(x)=x^2", "he", False), ("Leonhard Euler, Carl Friedrich Gauss, Emmy Noether", "el", False),
        ("Що таке група, і чому кожна група простого порядку є циклічною групою в алгебрі?", "ru", True),
    ],
)  # fmt: skip
def test_a_text_is_foreign_by_its_letters_at_any_length(text: str, language: str, foreign: bool) -> None:
    assert is_foreign(text, language) == foreign
