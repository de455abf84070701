"""One text with formulas, code and a table, written to every format by pandoc and read back.

    python -m tests.benchmarks.round_trip

Needs `pandoc` (Debian: apt-get install pandoc); for PDF Chromium prints the page with MathML.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from kgsynth.records import Document
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import auto

FORMULAS = (
    r"a^2+b^2=c^2",
    r"\frac{1}{2}mv^2",
    r"\sqrt{x+1}",
    r"\sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}",
    r"\int_0^1 x^2\,dx",
    r"\alpha + \beta \leq \gamma",
    r"\mathbb{R}^n",
    r"f(x) = \sin(x)",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    r"x \in A \cup B",
    r"\lim_{n \to \infty} a_n",
    r"\binom{n}{k}",
    r"\overline{z}",
    r"\left( \frac{a}{b} \right)",
    r"A \rightarrow B",
    r"e^{i\pi}+1=0",
)
CODE = (
    "def area(r):\n    return 3.14159 * r ** 2",
    "for (int i = 0; i < n; i++) {\n    total += a[i] & 0xff;\n}",
    "SELECT name, price\nFROM goods\nWHERE price > 10;",
    'if x < 3:\n    print("a_b * c")',
    "$ grep -r 'x^2' notes | wc -l",
)
INLINE_CODE = ("make_list()", "x_1", "a*b")
CELLS = (("Object", "Energy"), ("Baseball", "140"), ("Car", "540000"), ("Train", "1200000000"))
WORDS = ("Formulas within lines", "A table of energies", "Emphasis and strong words", "the last paragraph")

FORMATS: dict[str, tuple[str, ...]] = {
    "md": ("-t", "markdown"),
    "html": ("-t", "html", "--mathml", "-s"),
    "mathjax.html": ("-t", "html", "--mathjax", "-s"),
    "docx": ("-t", "docx"),
    "pptx": ("-t", "pptx"),
    "epub": ("-t", "epub3", "--mathml"),
    "tex": ("-t", "latex", "-s"),
    "rst": ("-t", "rst", "-s"),
    "org": ("-t", "org", "-s"),
    "adoc": ("-t", "asciidoc", "-s"),
    "wiki": ("-t", "mediawiki"),
    "ipynb": ("-t", "ipynb"),
    "txt": ("-t", "plain"),
}


class Recall(NamedTuple):
    """Shares of what was written that is read back."""

    formulas: float
    code: float
    inline_code: float
    cells: float
    words: float


def source() -> str:
    """The text as Markdown."""
    lines = ["---", "title: Round trip", "author: Somebody", "---", "", "# Formulas within lines", ""]
    half = len(FORMULAS) // 2
    lines += [f"Formula {n} is ${one}$ here, and words go on." for n, one in enumerate(FORMULAS[:half])]
    lines += ["", "## Displayed", ""]
    for one in FORMULAS[half:]:
        lines += [f"$${one}$$", "", "and more words.", ""]
    lines += ["# Code", ""]
    for one, language in zip(CODE, ("python", "c", "sql", "python", "sh"), strict=True):
        lines += [f"```{language}", one, "```", "", "Words between.", ""]
    lines += ["Inline: " + ", ".join(f"`{one}`" for one in INLINE_CODE) + ".", "", "# A table of energies", ""]
    header, *rows = CELLS
    lines += [f"| {header[0]} | {header[1]} |", "|---|---|", *(f"| {one} | {other} |" for one, other in rows)]
    lines += ["", "*Emphasis* and **strong** words, and the last paragraph.", ""]
    return "\n".join(lines)


def _bare(formula: str) -> str:
    r"""A formula without what may be written in several ways: blanks, sizes of brackets, braces around one sign."""
    text = re.sub(r"\\(?:left|right|displaystyle|textstyle|quad)(?![A-Za-z])|\\[,;!]|\s|~", "", formula)
    text = text.replace(r"\le ", r"\leq").replace(r"\to", r"\rightarrow").replace(r"\rightarrow", "→")
    text = re.sub(r"\\leq?(?![a-z])", "≤", text)
    text = re.sub(r"\\(?:mathrm|operatorname|text)\{(\w+)\}", r"\\\1", text)
    text = re.sub(r"\\begin\{(?:matrix|array|bmatrix|pmatrix)\}(?:\{[lcr]+\})?", "[matrix]", text)
    text = re.sub(r"\\end\{(?:matrix|array|bmatrix|pmatrix)\}", "[/matrix]", text)
    return text.replace("\\", "")


def recall(text: str) -> Recall:
    """How much of the source a text that was read holds."""
    bare = _bare(text)
    no_braces = re.sub(r"[{}()\[\]]", "", bare)
    formulas = [re.sub(r"[{}()\[\]]", "", _bare(one)) in no_braces for one in FORMULAS]
    stripped = "\n".join(line.rstrip() for line in text.split("\n"))
    code = [one in stripped for one in CODE]
    inline = [one in text for one in INLINE_CODE]
    rows = [
        any(one in line and re.search(rf"(?<![\w.]){re.escape(other)}(?![\w.])", line) for line in text.split("\n"))
        for one, other in CELLS
    ]
    plain = " ".join(re.sub(r"[*_#`]", "", text).split())
    words = [one in plain for one in WORDS]
    return Recall(*(sum(found) / len(found) for found in (formulas, code, inline, rows, words)))


def write(folder: Path) -> dict[str, Path]:
    """The text in each format; a MediaWiki page stands in a dump."""
    markdown = folder / "source.md"
    markdown.write_text(source(), encoding="utf-8")
    made = {}
    for ending, options in FORMATS.items():
        path = folder / f"trip.{ending}"
        subprocess.run(["pandoc", "-f", "markdown", *options, str(markdown), "-o", str(path)], check=True)
        if ending == "wiki":
            page = path.read_text(encoding="utf-8").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            path = folder / "trip.xml"
            path.write_text(
                "<mediawiki><page><title>Round trip</title><ns>0</ns><id>1</id>"
                f"<revision><text>{page}</text></revision></page></mediawiki>",
                encoding="utf-8",
            )
        made[ending] = path
    chromium = shutil.which("chromium")
    if chromium:
        path = folder / "trip.pdf"
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--print-to-pdf={path}", "--no-pdf-header-footer"]
        subprocess.run([chromium, *options, str(made["html"])], check=True, capture_output=True)
        made["pdf"] = path
    return made


def read_back(path: Path) -> str:
    """The texts of a file, one after the other."""
    records = auto.documents(str(path), DocumentsSettings())
    return "\n\n".join(one.text for one in records if isinstance(one, Document))


def main() -> None:
    """Print the table."""
    print("| format | formulas | code | inline code | rows of the table | words |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for ending, path in write(Path(folder)).items():
            print(f"| {ending} | " + " | ".join(f"{share:.2f}" for share in recall(read_back(path))) + " |")


if __name__ == "__main__":
    main()
