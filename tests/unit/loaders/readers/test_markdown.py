"""Tests of `kgsynth_loaders.readers.markdown`."""

from pathlib import Path

import pytest

from kgsynth.records import Remark
from kgsynth_loaders.readers import markdown
from tests.unit.loaders.readers.markup_readers_cases import document, records


@pytest.mark.parametrize("block", ["title: a: b\n c: d: e", "a: &x [1]\nb: *x", "a: [" + "[" * 5000])
def test_front_matter_that_cannot_be_read_stays_and_is_said(tmp_path: Path, block: str) -> None:
    text = f"---\n{block}\n---\nText of it."
    found = records(markdown, tmp_path / "a.md", text)
    assert isinstance(found[0], Remark)
    assert found[1].metadata["front_matter"].startswith("not YAML: ")
    assert block[:20] in found[1].text
    assert "Text of it." in found[1].text


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
        ("$$\nx = y\n$$ {#eq-a}\n\n: Caption {#tbl-a}", "$$\nx = y\n$$\n\n: Caption"),
        ("::: {.note}\nText\n:::", "Text"),
        (':::tip[My tip]\nText\n:::', "**My tip**\n\nText"),
        ('!!! note "Mine"\n    Text\n\n    ```\n    code\n    ```\nAfter', "**Mine**\n\nText\n\n```\ncode\n```\nAfter"),
        ("<table>\n<tr><th>A</th><th>B</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>", "| A | B |\n|---|---|\n| 1 | 2 |"),
        ("| a | b |\n|---|---|\n| x<br>y | $z$ |", "| a | b |\n|---|---|\n| x y | $z$ |"),
        ("<pre><code>a &lt; b</code></pre>", "```\na < b\n```"),
        ("text\n\n    code <b> <!-- x -->", "text\n\n```\ncode <b> <!-- x -->\n```"),
        ("text\n\n\tif x:\n\t\ty\n\n\tz\n\nmore", "text\n\n```\nif x:\n    y\n\nz\n```\n\nmore"),
        ("    ```\n    x\n\ntext", "````\n```\nx\n````\n\ntext"),
        ("- item\n\n    more\n\n1. one\n\n    more\n    2. two", "- item\n\n    more\n\n1. one\n\n    more\n    2. two"),
        ("1. one\n\n        code\n\n   more", "1. one\n\n    ```\n    code\n    ```\n\n   more"),
        ("- a\n    - b\n\n        more\n\n          code\n", "- a\n    - b\n\n        more\n\n      ```\n      code\n      ```"),
        ("[^1]: note\n\n    more\n\nTerm\n: its meaning\n\n    more", "[^1]: note\n\n    more\n\nTerm\n: its meaning\n\n    more"),
        ("$$\n\n    a = b\n\n$$\n\n\\begin{align}\n\n    c\n\n\\end{align}", "$$\n\n    a = b\n\n$$\n\n\\begin{align}\n\n    c\n\n\\end{align}"),
        ("text\n\n    An indented line begins\nthis paragraph.", "text\n\n    An indented line begins\nthis paragraph."),
        ("text\n    goes on\n\n    - an item", "text\n    goes on\n\n    - an item"),
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


def test_indented_elements_of_mdx_are_no_code(tmp_path: Path) -> None:
    text = "<Tabs>\n\n    Words of a tab.\n\n</Tabs>"
    assert document(markdown, tmp_path / "a.mdx", text).text.strip() == "Words of a tab."
    assert "```" in document(markdown, tmp_path / "a.md", text).text


def test_titles_of_markdown_are_words(tmp_path: Path) -> None:
    text = "```\n# no title\n```\n\n## The *big* [link](x) `code` of $x_1$ {#a}\n"
    assert document(markdown, tmp_path / "a.md", text).title == "The big link code of $x_1$"
    assert document(markdown, tmp_path / "b.md", "---\ntitle: Mine\n---\n# Other").title == "Mine"
