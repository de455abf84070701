"""Tests of `kgsynth_loaders.readers.latex`."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Document
from kgsynth_loaders.readers import ReadOptions, asciidoc, latex, markdown, org, plain, rst
from tests.timing import is_quick
from tests.unit.loaders.readers.markup_readers_cases import document, records

PAPER = r"""\documentclass{article}
\newcommand{\R}{\mathbb{R}}\def\norm#1{\|#1\|}\newtheorem{satz}{Satz}
\title{On \emph{orbits}\thanks{x}}\author{Jane Doe \and J\"urgen M\"uller}\date{May 2020}
\begin{document}\maketitle
% gone \section{gone}
\section{Actions of $G$}\label{s}
Let $x \in \R$, 50\% of \verb|a_b %c|, see Theorem~\ref{s}~\cite[p. 2]{k}. Erd\H{o}s, na\"{\i}ve -- ``so''.
\begin{align}\label{e}
a &= \norm{b} \nonumber \\ c &= d
\end{align}
\begin{satz}[Lagrange] Order divides. \end{satz}
\begin{itemize}\item One \item[(a)] Two \end{itemize}
\begin{table}\caption{Sizes}\begin{tabular}{lc}\hline A & B \\ \hline 1 & $2$ \\ \multicolumn{2}{c}{both}\end{tabular}\end{table}
\begin{lstlisting}[language=Python]
x = 1  # 50% {
\end{lstlisting}
\includegraphics[width=2cm]{a/b.png}\foo{kept} \input{other}
\end{document}
gone"""


def test_latex_paper(tmp_path: Path) -> None:
    found = document(latex, tmp_path / "a.tex", PAPER)
    assert (found.title, found.attribution, found.date) == ("On orbits", "Jane Doe; Jürgen Müller", "May 2020")
    assert found.metadata == {"inputs": "1"}
    for part in (
        "## Actions of $G$", r"$x \in \mathbb{R}$, 50% of `a_b %c`, see Theorem. Erdős, naïve – “so”.",
        "$$\n\\begin{aligned}\na &= \\|b\\| \\\\ c &= d\n\\end{aligned}\n$$", "**Satz** (Lagrange). Order divides.",
        "- One\n- (a) Two", "Sizes\n\n| A | B |\n|---|---|\n| 1 | $2$ |\n| both | |", "```python\nx = 1  # 50% {\n```", "kept",
    ):  # fmt: skip
        assert part in found.text.replace("|  |", "| |")
    assert not any(part in found.text for part in ("gone", "label", "png", "nonumber"))


def test_latex_fragment_and_planetmath_entry(tmp_path: Path) -> None:
    assert document(latex, tmp_path / "a.tex", r"\subsection{A} Text \(x\).").text == "### A\n\nText $x$."
    entry = r"\pmtitle{orbit}\pmauthor{jane}{12}\pmkeywords{action}\begin{document}An \emph{orbit} is \[ Gx. \]\end{document}"
    found = document(latex, tmp_path / "b.tex", entry)
    assert (found.title, found.attribution, found.topics) == ("orbit", "jane", ("action",))
    assert found.text == "An orbit is\n\n$$Gx.$$"


def test_macros_that_grow_without_end_are_stopped(tmp_path: Path) -> None:
    text = "".join("\\def\\z" + x + "{" + ("\\z" + y) * 8 + "}" for x, y in pairwise("abcdefghijklmnopqrst"))
    text += r"\za text \def\q{\q\q}\q"

    def read() -> None:
        assert len(document(latex, tmp_path / "a.tex", text).text) < 5_000_000

    assert is_quick(read, times=250)


LATEX_CASES = [
    # Macros of several groups.
    (r"\nicefrac{1}{2} \tfrac12 3\sfrac{3}{4} \nicefrac{\pi}{2}", r"1/2 1/2 3 3/4 $\frac{\pi}{2}$"),
    (r"\foo{a}{b}{c} \foo[x]{a}{b} \textbf{a}{b}", "a b c a b ab"),
    (r"\SIrange{1}{2}{\metre}, \numrange{10}{20}, \qtyrange{5}{6}{\kg}", "1 to 2 m, 10 to 20, 5 to 6 kg"),
    (r"\unit{\joule\per\mole} \si{\celsius} \ang{30} \ang{1;2;3}", "J/mol °C 30° 1°2′3″"),
    (r"\SI{9.81}{\metre\per\second\squared} \SI{5}{\kilo\ohm} \SI{2}{\square\kilo\metre}", "9.81 m/s² 5 kΩ 2 km²"),
    (r"\num{1.5e-3} \SIlist{1;2;3}{\m} \SI{50}{\%} \unit[5]{km} \SI{3}{kg.m^{-1}}", "1.5×10^{-3} 1, 2 and 3 m 50 % 5 km 3 kg m^{-1}"),
    (r"\num{1.2 \pm 0.3e5} \num{4.5(2)e-6} \num{1.2+-0.3}", "(1.2 ± 0.3)×10^{5} 4.5(2)×10^{-6} 1.2±0.3"),
    # Percent signs that begin no comment.
    (r"\url{http://a.b/c%20e} and \href{http://x/a%20b}{words} go on.", "http://a.b/c%20e and words go on."),
    (r"\url|http://z/%| \Verb|c%d| \path{a%b} \code{x_y} on % gone", "http://z/% `c%d` `a%b` `x_y` on"),
    (r"\newcommand{\doi}[1]{\url{http://d/%20#1}}\doi{7} on", "http://d/%207 on"),
    (r"(\PMlinkname{an entry}{Entry2}, \PMlinkexternal{a page}{http://a.b/c})", "(an entry, a page)"),
    # Items whose text stands on the next line.
    ("\\begin{enumerate}\\item\na\n\n\\item\n$$b$$\n\\item\n\\item c\\end{enumerate}", "1. a\n\n1. $$b$$\n1. c"),
    # Slides.
    (r"\only<2>{x} \alt<1>{a}{b} $a<b$ \column{0.5\textwidth}y", "x a b $a<b$ y"),
    (r"\begin{itemize}[<+->]\item<1-> a \item<2-| alert@3> b\end{itemize}", "- a\n- b"),
    (r"\begin{block}<2->{Head} t\end{block}", "**Head**\n\nt"),
    # Definitions and conditionals.
    (r"\NewDocumentCommand{\nd}{O{o}m}{#1-#2}\nd[p]{q} \nd{z}", "p-q o-z"),
    (r"\NewDocumentCommand\st{sm}{(#2)}\st*{a} \st{b}", "(a) (b)"),
    (r"a \iffalse gone \ifx b \fi gone \fi b \iffalse gone \else c \fi $x \iff y$", r"a b c $x \iff y$"),
    (r"a \iffalse kept", "a kept"),
    # Boxes, tabs, tables.
    (r"\begin{tcolorbox}[colback=red,title={My {big} box}] b\end{tcolorbox}", "**My big box**\n\nb"),
    (r"\begin{tabbing}a \= b \\ c \> d\end{tabbing}", "a b\nc d"),
    (
        r"\begin{tabular}{lc}\toprule[1pt] A & B \\ \cmidrule(lr){1-2} \rowcolor[gray]{.9} y & \cellcolor{red}z \end{tabular}",
        "| A | B |\n|---|---|\n| y | z |",
    ),
    # The head of one long table is not that of the next one.
    (
        r"\begin{longtable}{l}H \\ \endhead a \\ \end{longtable}\begin{longtable}{l}F \\ \endfoot b \\ c \\ \end{longtable}",
        "| H |\n|---|\n| a |\n\n| b |\n|---|\n| c |",
    ),
    (
        r"\begin{longtable}{l}again \\ \endhead first \\ \endfirsthead a \\ \end{longtable}",
        "| first |\n|---|\n| a |",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), LATEX_CASES)
def test_what_macros_of_latex_show(tmp_path: Path, source: str, expected: str) -> None:
    assert document(latex, tmp_path / "a.tex", source).text == expected


def test_pseudocode_of_both_families(tmp_path: Path) -> None:
    algorithmic = (
        r"\begin{algorithmic}[1]\Require $a$\While{$r \neq 0$}\If{$r>1$} \State $a \gets b$ \Comment{next}\Else\State $c$"
        "\n\\EndIf\n\\EndWhile\n\\Function{Gcd}{$a, b$}\n\\State \\Return \\Call{Gcd}{$b, r$}\n\\EndFunction\\end{algorithmic}"
    )
    assert document(latex, tmp_path / "a.tex", algorithmic).text.replace("\n\n", "\n") == (
        "- **Require:** $a$\n- **while** $r \\neq 0$ **do**\n  - **if** $r>1$ **then**\n    - $a \\gets b$ (next)\n"
        "  - **else**\n    - $c$\n  - **end if**\n- **end while**\n- **function** Gcd($a, b$)\n"
        "  - **return** Gcd($b, r$)\n- **end function**"
    )
    algorithm2e = (
        r"\begin{algorithm2e}\KwIn{list}\While{more}{read\; \eIf{ok}{go\;}{back\;} \lIf{c}{stop\;}}\Return{x}\;"
        r"\end{algorithm2e}"
    )
    assert document(latex, tmp_path / "b.tex", algorithm2e).text == (
        "- **Input:** list\n- **while** more **do**\n  - read\n  - **if** ok **then**\n    - go\n  - **else**\n    - back\n"
        "  - **if** c **then**\n    - stop\n- **return** x"
    )
    assert document(latex, tmp_path / "c.tex", r"\If{x} text").text == "x text"


HOSTILE = [
    (markdown, unit) for unit in ("`", "<", "$", "\\(", "[[", "<!--", "{", "<td>", "](data:", "```\n", "<A{", " ", "&")
] + [
    (latex, unit) for unit in ("{", "${", "$", "\\[", "\\item[", "\\foo[", "\\begin{a}", "\\label{", "\\def\\a{", "\\verb|", " ", "%")
] + [(asciidoc, unit) for unit in ("stem:[", "<<", "----\n", "|", "[")] + [
    (org, unit) for unit in ("\\(", "[[", "=a ", ":a:\n", "|")
] + [(plain, unit) for unit in (" ", "\f", "\n", "=")] + [
    (rst, unit) for unit in ("*", "`", "=\n", "::\n\n", ".. |a| replace:: |a|\n", "+-", "A\n=\n")
] + [(latex, "\\begin{itemize}\\item "), (latex, "\\url{"), (latex, "\\foo{a}{"), (markdown, "<math>"), (markdown, "<div hidden>")]  # fmt: skip


@pytest.mark.parametrize(("reader", "unit"), HOSTILE)
def test_time_grows_with_the_length_of_a_file_only(tmp_path: Path, reader: Any, unit: str) -> None:
    def read() -> None:
        with suppress(RecordError):
            records(reader, tmp_path / "a.md", unit * (60_000 // len(unit)) + "a")

    assert is_quick(read, times=150)


def test_code_that_pandoc_highlights_in_latex_is_plain_code(tmp_path: Path) -> None:
    path = tmp_path / "a.tex"
    path.write_text(
        "\\begin{Shaded}\n\\begin{Highlighting}[]\n\\KeywordTok{def}\\NormalTok{ f(x):}\n    \\ControlFlowTok{return}"
        "\\NormalTok{ x }\\OperatorTok{*}\\NormalTok{ \\{}\\DecValTok{2}\\NormalTok{\\} }\\OperatorTok{\\textless{}}\\NormalTok{ y{[}}"
        "\\DecValTok{0}\\NormalTok{]}\n\\end{Highlighting}\n\\end{Shaded}\n\nIt calls \\texttt{f()} as seen \\cite{a} ().\n",
        encoding="utf-8",
    )
    (document,) = latex.read(path, ReadOptions())
    assert isinstance(document, Document)
    assert "```\ndef f(x):\n    return x * {2} < y[0]\n```" in document.text
    assert "It calls `f()` as seen" in document.text
    assert document.text.endswith("seen.")
