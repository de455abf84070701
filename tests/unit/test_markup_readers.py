"""Text markup: formulas, code, tables and headings come through, and what is no text stays out."""

import bz2
import gzip
import json
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Document, Reject, Remark, Skipped
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions, asciidoc, latex, markdown, mediawiki, notebook, org, plain, rst
from kgsynth_loaders.workers import Begun


def records(reader: Any, path: Path, text: str | bytes) -> list[Any]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(reader.read(path, ReadOptions()))


def document(reader: Any, path: Path, text: str | bytes) -> Document:
    found = [one for one in records(reader, path, text) if isinstance(one, Document)]
    assert len(found) == 1
    return found[0]


# --- Plain text


def test_plain_text_has_one_end_of_line_and_pages(tmp_path: Path) -> None:
    found = document(plain, tmp_path / "a.txt", "On Orbits\r\n\r\nOne.\x85Two.\u2028Three.\fNext page.\f\f")
    assert found.text == "On Orbits\n\nOne.\nTwo.\nThree.\n\nNext page."
    assert found.title == "On Orbits"
    assert [found.text[start:][:4] for start in found.page_starts] == ["On O", "Next"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Orbits\n======\nText.", "Orbits"), ("A sentence that ends.\n\nText.", ""), ("Orbits\nText goes on.", ""),
        ("Orbits", ""), ("- item\n\ntext", ""), ("x " * 60 + "\n\ntext", ""), ("=====\n\ntext", ""),
    ],
)  # fmt: skip
def test_only_a_short_line_that_stands_alone_is_a_title(tmp_path: Path, text: str, title: str) -> None:
    assert document(plain, tmp_path / "README", text).title == title


def test_running_heads_and_page_numbers_of_plain_text_go_out(tmp_path: Path) -> None:
    pages = [
        f"RFC 1   Groups   May 1990\n\nText of page {number}.\n\nIt goes on.\nAnd on.\nAnd further on.\nTo its end.\n\nDoe   [Page {number}]"
        for number in range(1, 6)
    ]
    found = document(plain, tmp_path / "rfc.txt", "\f".join(pages))
    assert "RFC 1" not in found.text
    assert "[Page" not in found.text
    assert all(f"Text of page {number}." in found.text for number in range(1, 6))
    assert len(found.page_starts) == 5


def test_a_guessed_encoding_is_said(tmp_path: Path) -> None:
    text = "Die Größe der Gruppe ist endlich. Für jede Untergruppe gilt der Satz über Ordnungen. " * 5
    found = records(plain, tmp_path / "a.txt", text.encode("cp1252"))
    assert isinstance(found[0], Remark)
    assert found[1].metadata["encoding_guessed"] in found[0].text
    assert "Größe" in found[1].text


@pytest.mark.parametrize("reader", [plain, markdown, latex, rst, asciidoc, org])
def test_a_file_without_text_is_refused(tmp_path: Path, reader: Any) -> None:
    with pytest.raises(RecordError, match="no text"):
        records(reader, tmp_path / "a", " \n\n\t\n")


# --- Front matter


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ("---\ntitle: Orbits\nversion: 1.10\ndate: 2020-01-02\n---\nText", {"title": "Orbits", "version": "1.10", "date": "2020-01-02"}),
        ("---\ntitle: Orbits\n...\nText", {"title": "Orbits"}), ("---\n---\nText", {}),
        ("---\ndate: !r Sys.Date()\n---\nText", {"date": "Sys.Date()"}),
        ("+++\ntitle = 'Orbits'\n+++\nText", {"title": "Orbits"}), ('{"title": "Orbits"}\nText', {"title": "Orbits"}),
        ("% Orbits\n% A; B\n% 2020\nText", {"title": "Orbits", "author": "A; B", "date": "2020"}),
        ("Title: Orbits\nAuthor: A\n\nText", {"title": "Orbits", "author": "A"}),
    ],
)  # fmt: skip
def test_front_matter_of_each_kind(text: str, meta: dict[str, Any]) -> None:
    assert front_matter.split(text) == (meta, "Text")


@pytest.mark.parametrize(
    "text",
    ["---\n\nText between rules.\n\n---\nMore", "{{< figure >}}\nText", "Note: this.\n\nText", "---\nno end", "{a\nb"],
)
def test_what_only_looks_like_front_matter_is_text(text: str) -> None:
    assert front_matter.split(text) == ({}, text)


@pytest.mark.parametrize("block", ["title: a: b", "a: &x [1]\nb: *x", "a: [" + "[" * 5000])
def test_front_matter_that_cannot_be_read_stays_and_is_said(tmp_path: Path, block: str) -> None:
    text = f"---\n{block}\n---\nText of it."
    found = records(markdown, tmp_path / "a.md", text)
    assert isinstance(found[0], Remark)
    assert found[1].metadata["front_matter"].startswith("not YAML: ")
    assert block[:20] in found[1].text
    assert "Text of it." in found[1].text


def test_fields_of_front_matter() -> None:
    found = front_matter.fields(
        {
            "Title": "Orbits", "authors": [{"name": "Jane", "affiliation": "X"}, "John", {"name": {"given": "A", "family": "B"}}],
            "licence": {"name": "CC BY 4.0", "url": "u"}, "tags": "a, b; c", "categories": ["b", "d"], "id": "7",
            "permalink": "https://host.invalid/x", "publishDate": "2020", "draft": "", "extra": {"k": ["1"]},
        }
    )  # fmt: skip
    assert found["title"] == "Orbits"
    assert found["attribution"] == "Jane; John; A B"
    assert found["license"] == "CC BY 4.0"
    assert found["topics"] == ("a", "b", "c", "d")
    assert found["date"] == "2020"
    assert found["metadata"]["url"] == "https://host.invalid/x"
    assert found["metadata"]["extra"] == '{"k":["1"]}'
    assert "id" not in found["metadata"]
    assert "draft" not in found["metadata"]


# --- Markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <!-- gone --> b `<!-- kept -->`", "a  b `<!-- kept -->`"),
        ("a\n<!--\n```\ngone\n-->\nb", "a\n\nb"),
        ("a <!-- open", "a <!-- open"),
        ("H<sub>2</sub>O <b>bold</b> Vec<T> $a<b>c$", "H_{2}O **bold** Vec<T> $a<b>c$"),
        (r"\(x^2\) and \(see above\)", r"$x^2$ and \(see above\)"),
        ("```{python}\n#| echo: false\nx <- 1\n```", "```python\nx <- 1\n```"),
        ("```{r, echo=FALSE}\nx\n```", "```r\nx\n```"),
        ("```{math}\n:label: e\na=b\n```", "$$\na=b\n$$"),
        ("Title\n=====\n\nText", "# Title\n\nText"),
        ("## A {#id .class}", "## A"),
        ("::: {.note}\nText\n:::", "Text"),
        (':::tip[My tip]\nText\n:::', "**My tip**\n\nText"),
        ('!!! note "Mine"\n    Text\n\n    ```\n    code\n    ```\nAfter', "**Mine**\n\nText\n\n```\ncode\n```\nAfter"),
        ("<table>\n<tr><th>A</th><th>B</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>", "| A | B |\n|---|---|\n| 1 | 2 |"),
        ("| a | b |\n|---|---|\n| x<br>y | $z$ |", "| a | b |\n|---|---|\n| x y | $z$ |"),
        ("<pre><code>a &lt; b</code></pre>", "```\na < b\n```"),
        ("text\n\n    code <b> <!-- x -->", "text\n\n    code <b> <!-- x -->"),
        ("&alpha; `&alpha;`", "α `&alpha;`"),
        ("[[Page|words]] x[[1]] [[1, 2], [3]]", "words x[[1]] [[1, 2], [3]]"),
        ("![a](data:image/png;base64,AAAA) b", "![a] b"),
        ("{math}`x^2` {ref}`words <t>`", "$x^2$ words"),
        ("$$\na < b &amp; c\n$$", "$$\na < b & c\n$$"),
        ("Half <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>.", "Half $\\frac{1}{2}$."),
        ('<math display="block">\n\n<msup><mi>x</mi><mn>2</mn></msup>\n</math>', "$$x^{2}$$"),
        ("| a |\n|---|\n| <math display='block'><mi>&alpha;</mi></math> |", "| a |\n|---|\n| $\\alpha$ |"),
        ("<math><mi>x</mi> open", "x open"),
        ("<table>\n<tr><td rowspan=2>Rome<td>100<tr><td>540000</table>", "| Rome | 100 |\n|---|---|\n|  | 540000 |"),
        ("<table><tr><th colspan='2'>W</th><th>C</th></tr><tr><td>1<td>2<td>3</tr></table>", "| W |  | C |\n|---|---|---|\n| 1 | 2 | 3 |"),
        ('a<div style="color:red; display: none">gone <div>gone</div> gone</div> b', "a b"),
        ('a <span hidden>gone</span><b class="x sr-only">gone</b>b', "a b"),
        ('<span title="hidden" class="hidden-x">kept</span> <input hidden> `<i hidden>x</i>`', "kept  `<i hidden>x</i>`"),
        ("<div hidden>open", "open"),
    ],
)  # fmt: skip
def test_markdown_keeps_text_and_leaves_out_the_rest(text: str, expected: str) -> None:
    assert markdown.clean(text) == expected


def test_mdx_without_modules_and_components(tmp_path: Path) -> None:
    text = (
        "import A from 'a'\nexport const meta = {\n  x: 1,\n}\n\n# Hi\n\n<Tabs items={['a']} f={() => g({a: 1})}>\n"
        "Kept words.\n</Tabs>\n{/* gone */}\nimport duties rose.\n\n```js\nimport x from 'y'\n```\n"
    )
    found = document(markdown, tmp_path / "a.mdx", text)
    assert found.text == "# Hi\n\n\nKept words.\n\n\nimport duties rose.\n\n```js\nimport x from 'y'\n```"
    assert found.title == "Hi"


def test_titles_of_markdown_are_words(tmp_path: Path) -> None:
    text = "```\n# no title\n```\n\n## The *big* [link](x) `code` of $x_1$ {#a}\n"
    assert document(markdown, tmp_path / "a.md", text).title == "The big link code of $x_1$"
    assert document(markdown, tmp_path / "b.md", "---\ntitle: Mine\n---\n# Other").title == "Mine"


# --- LaTeX

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
    started = time.monotonic()
    assert len(document(latex, tmp_path / "a.tex", text).text) < 5_000_000
    assert time.monotonic() - started < 10


LATEX_CASES = [
    # Macros of several groups.
    (r"\nicefrac{1}{2} \tfrac12 3\sfrac{3}{4} \nicefrac{\pi}{2}", r"1/2 1/2 3 3/4 $\frac{\pi}{2}$"),
    (r"\foo{a}{b}{c} \foo[x]{a}{b} \textbf{a}{b}", "a b c a b ab"),
    (r"\SIrange{1}{2}{\metre}, \numrange{10}{20}, \qtyrange{5}{6}{\kg}", "1 to 2 m, 10 to 20, 5 to 6 kg"),
    (r"\unit{\joule\per\mole} \si{\celsius} \ang{30} \ang{1;2;3}", "J/mol °C 30° 1°2′3″"),
    (r"\SI{9.81}{\metre\per\second\squared} \SI{5}{\kilo\ohm} \SI{2}{\square\kilo\metre}", "9.81 m/s² 5 kΩ 2 km²"),
    (r"\num{1.5e-3} \SIlist{1;2;3}{\m} \SI{50}{\%} \unit[5]{km} \SI{3}{kg.m^{-1}}", "1.5×10^{-3} 1, 2 and 3 m 50 % 5 km 3 kg m^{-1}"),
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


# --- reStructuredText


def test_rst_with_sphinx(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret words")
    found = document(
        rst,
        tmp_path / "a.rst",
        "Title\n=====\n\n:Author: Jane\n:Date: 2020\n:Copyright: CC BY 4.0\n\n.. gone\n\nText :math:`x^2` :func:`~a.b` "
        ":ref:`words <t>` H\\ :sub:`2`\\ O :odd:`kept`::\n\n    x = 1\n\n.. code-block:: python\n   :linenos:\n\n   y = 2\n\n"
        ".. math::\n   :nowrap:\n\n   a &= b \\\\\n   c &= d\n\n.. toctree::\n\n   gone\n\n.. odd:: An argument\n   :x: y\n\n"
        "   Content **here**.\n\n.. include:: secret.txt\n\n.. raw:: html\n\n   <b>gone</b>\n\n.. note:: Take care.\n\n"
        "=== ===\nA   B\n=== ===\n1   2\n=== ===\n\n>>> 1 + 1\n2\n",
    )
    assert (found.title, found.attribution, found.date, found.license) == ("Title", "Jane", "2020", "CC BY 4.0")
    for part in (
        "# Title", "Text $x^2$ `b` words H_{2}O `kept`:", "```\nx = 1\n```", "```python\ny = 2\n```",
        "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$", "An argument", "Content **here**.", "Take care.",
        "| A | B |\n|---|---|\n| 1 | 2 |", "```python\n>>> 1 + 1\n2\n```",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text
    assert "secret words" not in found.text


def test_rst_that_the_parser_cannot_take_is_read_as_it_stands(tmp_path: Path) -> None:
    remark, found = records(rst, tmp_path / "a.rst", "*a " * 20_000)
    assert isinstance(remark, Remark)
    assert "plain text" in remark.text
    assert found.text.count("*a") == 20_000


def test_rst_versions_and_cells_of_several_rows(tmp_path: Path) -> None:
    text = (
        ".. versionadded:: 1.2\n   New ``thing``.\n\n.. deprecated:: 2.0\n\n"
        "+------+-----+\n| Rome | 100 |\n|      +-----+\n|      | 540 |\n+------+-----+\n"
    )
    assert document(rst, tmp_path / "a.rst", text).text == (
        "New in version 1.2: New `thing`.\n\nDeprecated since version 2.0\n\n| Rome | 100 |\n|---|---|\n|  | 540 |"
    )


# --- AsciiDoc and Org


ASCIIDOC_CASES = [
    (r"latexmath:[$\sqrt[3]{x}$] stem:[\sqrt[3]{x}] stem:[a[1\]]", r"$\sqrt[3]{x}$ $\sqrt[3]{x}$ $a[1]$"),
    ("|===\n|A |B |C\n\n2+|w |c\n.2+|x |y |z\n|u |v\n|===", "| A | B | C |\n|---|---|---|\n| w |  | c |\n| x | y | z |\n|  | u | v |"),
    ("[cols=\"3*\"]\n|===\n2*|same |c\n|===", "| same | same | c |\n|---|---|---|"),
    ('[format=csv]\n|===\na,b\n1,"2,5"\n|===', "| a | b |\n|---|---|\n| 1 | 2,5 |"),
    ("[source,c]\n----\nf(); // <1>\nx <b> y <2>\narray<1>\n----\n<1> one", "```c\nf();\nx <b> y\narray<1>\n```\n\n1. one"),
    ('[quote, Jane Doe, "A book, 1999"]\n____\nWords.\n____', "Words.\n\n— Jane Doe, A book, 1999"),
    ("[quote, Jane]\nWords.\n\nText", "Words.\n\n— Jane\n\nText"),
    ("* a\n[arabic]\n. n\n.. m\n* b\n** c", "- a\n  1. n\n    1. m\n- b\n  - c"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), ASCIIDOC_CASES)
def test_blocks_and_tables_of_asciidoc(tmp_path: Path, source: str, expected: str) -> None:
    assert document(asciidoc, tmp_path / "a.adoc", source).text == expected


def test_org_leaves_out_what_is_not_exported_and_writes_names_as_signs(tmp_path: Path) -> None:
    text = (
        "\\alpha, \\Delta{} 5\\deg src_python[:x y]{x=1} C:\\alpha \\cite{a} \\unknown $\\alpha$\n"
        "* Gone :a:noexport:\ngone\n** Gone\ngone\n* Kept :a:\nlast"
    )
    assert document(org, tmp_path / "a.org", text).text == (
        "α, Δ 5° `x=1` C:\\alpha \\cite{a} \\unknown $\\alpha$\n\n# Kept\n\nlast"
    )


def test_asciidoc(tmp_path: Path) -> None:
    found = document(
        asciidoc,
        tmp_path / "a.adoc",
        "= Orbits\nJane Doe <j@host.invalid>; John Roe\nv1, 2020-01-02\n:keywords: a, b\n:name: Foo\n\n// gone\n== On {name}\n\n"
        "stem:[x^2] H~2~O https://host.invalid[words] <<t,there>>.\n\n[source,python]\n----\nx = {name} # == a\n----\n\n////\ngone\n////\n\n"
        "[stem]\n++++\na = b\n++++\n\nNOTE: Care.\n\n* One\n** Two\n. Num\n\n|===\n|A |B\n\n|1\n|2\n|===\n\nimage::gone.png[]\n",
    )
    assert (found.title, found.attribution, found.date, found.topics) == (
        "Orbits",
        "Jane Doe; John Roe",
        "2020-01-02",
        ("a", "b"),
    )
    assert found.text == (
        "# Orbits\n\n## On Foo\n\n$x^2$ H_{2}O words there.\n\n```python\nx = {name} # == a\n```\n\n$$a = b$$\n\n**Note.** Care.\n\n"
        "- One\n  - Two\n1. Num\n\n| A | B |\n|---|---|\n| 1 | 2 |"
    )


def test_org(tmp_path: Path) -> None:
    found = document(
        org,
        tmp_path / "a.org",
        "#+TITLE: Orbits\n#+AUTHOR: Jane\n#+FILETAGS: :a:b:\n# gone\n* TODO [#A] On groups :x:\n:PROPERTIES:\n:ID: gone\n:END:\n"
        "Text *b* /i/ =c= \\(x\\) [[https://host.invalid][words]] a/b/c.\n#+BEGIN_SRC python :results x\n  x = 1\n#+END_SRC\n: out\n"
        "\\begin{align}\na &= b\n\\end{align}\n| A | B |\n|---+---|\n| 1 | 2 |\n- t :: m\n* COMMENT gone\ngone\n* End\nlast\n",
    )
    assert (found.title, found.attribution, found.topics) == ("Orbits", "Jane", ("a", "b"))
    for part in (
        "# On groups\n\nText **b** *i* `c` $x$ words a/b/c.", "```python\nx = 1\n```", "```text\nout\n```",
        "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$", "| A | B |\n|---|---|\n| 1 | 2 |", "- **t**: m", "# End\n\nlast",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text


# --- Notebooks


def test_notebook_of_both_formats(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Ohm\n", "Text $x$ <!-- gone -->"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["1\n", "x" * 3000]},
            {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure size 1x1>"}},
            {"output_type": "error", "ename": "E", "traceback": ["gone"]}]},
        {"cell_type": "raw", "source": "raw words"},
    ]  # fmt: skip
    meta = {"kernelspec": {"name": "ir", "language": "R"}, "authors": [{"name": "Jane"}]}
    found = document(notebook, tmp_path / "a.ipynb", json.dumps({"cells": cells, "metadata": meta, "nbformat": 4}))
    assert (found.title, found.attribution, found.metadata) == ("Ohm", "Jane", {"kernel_language": "r"})
    assert found.text == f"# Ohm\nText $x$\n\n```r\nprint(1)\n```\n\n```text\n1\n{'x' * 1998}…\n```\n\nraw words"
    old = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": []},
    ]
    book = {"worksheets": [{"cells": old}], "metadata": {}, "nbformat": 3}
    assert document(notebook, tmp_path / "b.ipynb", json.dumps(book)).text == "## Old\n\n```python\nx = 1\n```"


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', "not JSON", "[" * 50_000])
def test_what_is_no_notebook_is_damaged(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match="damaged"):
        records(notebook, tmp_path / "a.ipynb", text)


# --- MediaWiki

ARTICLE = """'''Orbits''' of a [[group (mathematics)|group]] with {{convert|5|km|mi}}, {{frac|1|2}}, {{lang|de|Bahn}}.&lt;ref&gt;gone&lt;/ref&gt;
[[File:gone.png|thumb|gone]]
== History ==
* One &lt;math&gt;x^2&lt;/math&gt;
# Num
&lt;syntaxhighlight lang="python"&gt;
x = '''a''' # [[b]]
&lt;/syntaxhighlight&gt;
{| class="wikitable"
|+ Sizes
! A !! B
|-
| 1 || [[x|two]]
|}
{{gone}} &lt;!-- gone --&gt; &lt;nowiki&gt;[[kept]]&lt;/nowiki&gt;
[[Category:Algebra|x]]"""


def dump(*pages: str) -> bytes:
    site = "<siteinfo><base>https://host.invalid/wiki/Main</base></siteinfo>"
    return f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">{site}{"".join(pages)}</mediawiki>'.encode()


def page(title: str, text: str, ns: int = 0) -> str:
    revision = f"<revision><id>7</id><timestamp>2020-01-02T00:00:00Z</timestamp><text>{text}</text></revision>"
    return f"<page><title>{title}</title><ns>{ns}</ns><id>1</id>{revision}</page>"


@pytest.mark.parametrize("packed", [bytes, bz2.compress, gzip.compress])
def test_mediawiki_dump(tmp_path: Path, packed: Any) -> None:
    data = dump(page("Orbit", ARTICLE), page("Talk:Orbit", "x", 1), page("Bahn", "#REDIRECT [[Orbit]]"))
    found, talk, redirect = records(mediawiki, tmp_path / "dump.xml", packed(data))
    assert (found.id, found.title, found.topics, found.date) == ("Orbit", "Orbit", ("Algebra",), "2020-01-02T00:00:00Z")
    assert found.metadata == {"revision": "7", "page_id": "1", "url": "https://host.invalid/wiki/Orbit"}
    for part in (
        "Orbits of a group with 5 km, 1/2, Bahn.", "## History", "- One $x^2$", "1. Num",
        "```python\nx = '''a''' # [[b]]\n```", "Sizes\n\n| A | B |\n|---|---|\n| 1 | two |", "[[kept]]",
    ):  # fmt: skip
        assert part in found.text
    assert "gone" not in found.text
    assert isinstance(talk, Skipped)
    assert (talk.rule, talk.position.line, redirect.rule) == ("not an article", 2, "a redirect")


WIKITEXT_CASES = [
    (r"{{gaps|1|234}} {{tmath|\alpha}} {{SI|5|kg}} {{USD|5}} {{radic|3}} {{radic|2|3}} {{ordinal|2}}", r"1234 $\alpha$ 5 kg US$5 √3 ∛2 2nd"),
    ("x\n{{Theorem|Let ''x'' be.}}\n* item", "x\n\n**Theorem**. Let x be.\n\n- item"),
    ("-{zh-hans:a;zh-hant:b}- -{c}--{H|zh-cn:gone}-", "a c"),
    ('a <span style="display:none">gone</span>b', "a b"),
    ("{|\n! colspan=2 | W !! C\n|-\n| rowspan=2 | x || 1 || 2\n|-\n| 3 || 4\n|}", "| W |  | C |\n|---|---|---|\n| x | 1 | 2 |\n|  | 3 | 4 |"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), WIKITEXT_CASES)
def test_wikitext_as_markdown(source: str, expected: str) -> None:
    assert mediawiki.to_markdown(source)[0] == expected


@pytest.mark.parametrize("unit", ["[http://a ", "&lt;div&gt;", "{{a|", "[[a|", "{|\n|-\n|a", "*", "== "])
def test_a_page_that_the_parser_would_hang_on_costs_that_page(tmp_path: Path, unit: str) -> None:
    started = time.process_time()
    data = dump(page("One", "Text."), page("Bad", unit * (100_000 // len(unit))), page("Two", "Text."))
    first, bad, last = (one for one in records(mediawiki, tmp_path / "a.xml", data) if not isinstance(one, Begun))
    assert time.process_time() - started < 3
    assert (first.text, last.text) == ("Text.", "Text.")
    assert isinstance(bad, Document) or bad.raw == "Bad"
    if unit[0] not in "*=":
        assert bad.reason == "page with too many marks that are not closed"


def test_a_dump_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    data = dump(page("One", "Text one."), page("Two", "Text two."))
    first, reject = records(mediawiki, tmp_path / "a.xml", data[:-90])
    assert first.text == "Text one."
    assert (type(reject), reject.reason) == (Reject, "file is damaged from here on")
    packed = bz2.compress(b"x" * 10 + data)
    with pytest.raises(RecordError, match="damaged"):
        records(mediawiki, tmp_path / "b.xml", packed[: len(packed) // 2])


def test_a_dump_that_declares_entities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="damaged"):
        records(mediawiki, tmp_path / "a.xml", b'<!DOCTYPE x [<!ENTITY a "b">]>' + dump(page("One", "&a;")))


# --- Time

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
    started = time.process_time()
    with suppress(RecordError):
        records(reader, tmp_path / "a.md", unit * (60_000 // len(unit)) + "a")
    assert time.process_time() - started < 3


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
