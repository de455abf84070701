"""Tests of `kgsynth.concepts.latex_words`."""

import pytest

from kgsynth.concepts.latex_words import detex


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"A $p$-adic number", "A p-adic number"), (r"the \emph{group $G$} is", "the group G is"), (r"M\"obius and P\'olya", "Möbius and Pólya"),
        (r"Euler $\varphi$ function", "Euler phi function"), (r"100\% sure", "100% sure"), (r"L\'{e}vy", "Lévy"), ("plain text", "plain text"),
    ],
)  # fmt: skip
def test_latex_reads_as_words(text: str, plain: str) -> None:
    assert " ".join(detex(text).split()) == plain


def test_formulas_are_borders() -> None:
    assert "¤" in detex(r"ring $\sum_{i=1}^n x_i$ theory")
    assert "¤" in detex("ring $$x$$ theory")
    assert "¤" in detex("ring \\begin{align*}x\\end{align*} theory")
