"""Tests of `kgsynth_loaders.readers.html`."""

from pathlib import Path

import pytest

from kgsynth.errors import RecordError
from kgsynth.records import Remark
from kgsynth_loaders.readers import html
from tests.timing import is_quick
from tests.unit.loaders.readers.web_readers_cases import FILLER, page_of, read_all, text_of


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (
            '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">a &lt; b</annotation></semantics></math>',
            "$a < b$",
        ),
        (r'<math alttext="{\displaystyle \frac{1}{2}}"><mi>no</mi></math>', r"$\frac{1}{2}$"),
        ("<math><mfrac><mi>a</mi><msqrt><mi>b</mi></msqrt></mfrac></math>", r"$\frac{a}{\sqrt{b}}$"),
        ('<math display="block"><msup><mi>x</mi><mn>2</mn></msup></math>', "$$x^{2}$$"),
        ('<script type="math/tex">x_1 &lt 3</script>', "$x_1 &lt 3$"),
        ('<script type="math/tex; mode=display">% <![CDATA[\na & b %]]></script>', "$$a & b$$"),
        (r"\(a + b\) and \[c \\[2pt] d\] and $e$", r"$a + b$ and $$c \\[2pt] d$$ and $e$"),
        (r"\(a<b\) or $a<b$", r"$a<b$ or $a<b$"),
        (r'<img class="latex" src="x.png" alt="\alpha + 1">', r"$\alpha + 1$"),
        ('<img src="x.png" alt="$x_1$"><img src="cat.png" alt="A cat">', "$x_1$"),
    ],
)
def test_a_formula_is_latex_between_dollar_signs(markup: str, expected: str) -> None:
    assert text_of(f"<p>{markup}</p>") == expected


def test_a_formula_that_a_page_holds_in_several_forms_is_written_once() -> None:
    katex = (
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>e</mi>'
        '<annotation encoding="application/x-tex">e^x</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true">ex</span></span>'
    )
    mathjax_2 = (
        '<span class="MathJax_Preview">f2</span><span class="MathJax"><span class="math">f2</span></span>'
        '<script type="math/tex" id="MathJax-Element-1">f^2</script>'
    )
    mathjax_3 = (
        '<mjx-container><mjx-math aria-hidden="true"><mjx-mi></mjx-mi></mjx-math><mjx-assistive-mml>'
        "<math><msup><mi>g</mi><mn>3</mn></msup></math></mjx-assistive-mml></mjx-container>"
    )
    wiki = (
        '<span class="mwe-math-element"><span style="display: none;"><math alttext="{\\displaystyle h^{4}}"><mi>h</mi>'
        '</math></span><img class="mwe-math-fallback-image-inline" aria-hidden="true" alt="{\\displaystyle h^{4}}"></span>'
    )
    assert text_of(f"<p>{katex} {mathjax_2} {mathjax_3} {wiki}</p>") == "$e^x$ $f^2$ $g^{3}$ $h^{4}$"


MATHJAX_BOXES = (
    "<mjx-container class='MathJax' jax='CHTML'><mjx-math><mjx-mfrac><mjx-frac><mjx-num><mjx-mi><mjx-c class='mjx-c1D44E'></mjx-c>"
    "</mjx-mi></mjx-num><mjx-dbox><mjx-dtable><mjx-line></mjx-line><mjx-row><mjx-den><mjx-mi><mjx-c class='mjx-c1D44F'></mjx-c></mjx-mi>"
    "</mjx-den></mjx-row></mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac><mjx-msubsup><mjx-mi><mjx-c class='mjx-c1D465'></mjx-c></mjx-mi>"
    "<mjx-script><mjx-mn><mjx-c class='mjx-c32'></mjx-c></mjx-mn><mjx-spacer></mjx-spacer><mjx-mi><mjx-c class='mjx-c1D456'></mjx-c></mjx-mi>"
    "</mjx-script></mjx-msubsup><mjx-msqrt><mjx-sqrt><mjx-surd><mjx-mo><mjx-c class='mjx-c221A'></mjx-c></mjx-mo></mjx-surd><mjx-box>"
    "<mjx-mn><mjx-c class='mjx-c33'></mjx-c></mjx-mn></mjx-box></mjx-sqrt></mjx-msqrt></mjx-math></mjx-container>"
)


MATHJAX_DRAWING = (
    "<mjx-container class='MathJax' jax='SVG'><svg><g data-mml-node='math'><g data-mml-node='mfrac'><g data-mml-node='mi'>"
    "<use data-c='1D44E'></use></g><g data-mml-node='mi'><use data-c='1D44F'></use></g><rect></rect></g>"
    "<g data-mml-node='msubsup'><g data-mml-node='mi'><use data-c='1D465'></use></g><g data-mml-node='mn' transform='translate(605,363) scale(0.7)'>"
    "<use data-c='32'></use></g><g data-mml-node='mi' transform='translate(605,-247) scale(0.7)'><use data-c='1D456'></use></g></g>"
    "<g data-mml-node='msqrt'><g><g data-mml-node='mn'><use data-c='33'></use></g></g><g data-mml-node='mo'><use data-c='221A'></use></g>"
    "<rect></rect></g></g></svg></mjx-container>"
)


def katex_stack(*layers: tuple[float, str]) -> str:
    spans = "".join(f"<span style='top:{top}em;'><span class='pstrut'></span>{inside}</span>" for top, inside in layers)
    return f"<span class='vlist-t vlist-t2'><span class='vlist-r'><span class='vlist'>{spans}</span></span></span>"


KATEX_BOXES = (
    "<span class='katex'><span class='katex-html' aria-hidden='true'><span class='base'><span class='strut'></span><span class='mord'>"
    "<span class='mfrac'>"
    + katex_stack(
        (-2.3, "<span class='mord mathnormal'>b</span>"),
        (-3.23, "<span class='frac-line'></span>"),
        (-3.67, "<span class='mord mathnormal'>a</span>"),
    )
    + "</span></span><span class='mord'><span class='mord mathnormal'>x</span><span class='msupsub'>"
    + katex_stack((-2.4, "<span class='mord mathnormal'>i</span>"), (-3.1, "<span class='mord'>2</span>"))
    + "</span></span><span class='mord sqrt'>"
    + katex_stack((-3, "<span class='mord'>3</span>"), (-2.9, "<span class='hide-tail'><svg></svg></span>"))
    + "</span></span></span></span>"
)


@pytest.mark.parametrize("boxes", [MATHJAX_BOXES, MATHJAX_DRAWING, KATEX_BOXES])
def test_a_formula_of_which_only_its_boxes_are_left_keeps_its_form(boxes: str) -> None:
    assert text_of(f"<p>{boxes}</p>") == r"$\frac{a}{b}x_{i}^{2}\sqrt{3}$"


def test_the_cells_of_a_line_of_an_equation_are_one_formula_without_its_number() -> None:
    rows = "".join(
        f"<tr class='ltx_equation ltx_eqn_row'><td class='ltx_eqn_cell ltx_eqn_center_padleft'></td><td class='ltx_td ltx_eqn_cell'>"
        f"<math alttext='\\displaystyle {left}'><mi>q</mi></math></td><td class='ltx_td ltx_eqn_cell'><math alttext='=ax+{number}'><mi>q</mi></math></td>"
        f"<td class='ltx_eqn_cell ltx_eqn_eqno'><span class='ltx_tag ltx_tag_equation'>({number})</span></td></tr>"
        for number, left in enumerate("yz", start=1)
    )
    assert text_of(f"<table class='ltx_equationgroup ltx_eqn_table'>{rows}</table>") == "$$y =ax+1$$\n\n$$z =ax+2$$"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('10<span style="vertical-align:super">6</span> people', "10^{6} people"),
        ('10<span style="font-size:70%; vertical-align: 5.0pt">6</span>', "10^{6}"),
        ("CO<font style='vertical-align:sub'>2</font>", "CO_{2}"),
        ("10<span style='position:relative;top:-3.0pt;mso-text-raise:3.0pt'>6</span>", "10^{6}"),
        ("10<span class=superscript>6</span>, x<span class=sub>i</span>", "10^{6}, x_{i}"),
        ("10<sup><span style='vertical-align:super'>6</span></sup>", "10^{6}"),
        ("SO<span class='template-chem2-su'><span>2\u2212</span><span>4</span></span>", "SO^{2\u2212}_{4}"),
        (
            "x<span style='display:inline-block;vertical-align:-0.4em;font-size:80%'>2<br>i</span>",
            "x^{2}_{i}",
        ),
        ('A <span class="sub">subtitle of it</span> stays', "A subtitle of it stays"),
        ('2<sup><a href="#e">10</a></sup> = 1024, see<sup><a href="#fn1">1</a></sup>', "2^{10} = 1024, see"),
        ('<i>n</i><sup><a href="#k">2</a></sup>, word<sup><a href="#k">2</a></sup>', "n^{2}, word"),
        ("10<sup class=reference><a href='#cite_note-1'>3</a></sup> men", "10 men"),
        (
            '3<span class="sfrac"><span class="tion"><span class="num">1</span><span class="sr-only">/</span><span class="den">4</span></span></span> cups',
            "3 1/4 cups",
        ),
        (
            '<span class="frac">7<span class="sr-only">+</span><span class="num">1</span>&frasl;<span class="den">2</span></span>',
            "7 1\u20442",
        ),
        (
            '<span class="sfrac"><span class="num"><i>a</i> + <i>b</i></span><span class="den">2</span></span>',
            "(a + b)/2",
        ),
        ("2<sup>1</sup>&frasl;<sub>2</sub> cups", "2 1\u20442 cups"),
        ('Rated 4<span class="visually-hidden"> of </span>5', "Rated 4 of 5"),
        ("<ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "\u6f22(kan)"),
    ],
)
def test_numbers_do_not_run_together_where_a_page_sets_them_apart(markup: str, expected: str) -> None:
    assert text_of(f"<p>{markup}</p>") == expected


def test_classes_that_a_style_sheet_raises_are_superscripts() -> None:
    head = "<title>A page</title><style>.c1{color:red} .c7{font-size:8pt;vertical-align:super}</style>"
    assert "10^{6} people" in page_of(f"<p>{FILLER}</p><p>10<span class=c7>6</span> people</p>", head).text


def test_code_keeps_its_lines_and_says_its_language() -> None:
    sphinx = (
        '<div class="highlight-python notranslate"><div class="highlight"><pre><span></span><span class="k">def</span> f():\n'
        '    <span class="k">return</span> 1  <span class="c1 comment"># one</span>\n</pre></div></div>'
    )
    assert text_of(sphinx) == "```python\ndef f():\n    return 1  # one\n```"
    assert (
        text_of('<pre><code class="language-rust">fn x() {}\n\n  y &lt; z</code></pre>')
        == "```rust\nfn x() {}\n\n  y < z\n```"
    )
    assert text_of('<pre class="brush: js">a\n```\nb</pre>') == "````js\na\n```\nb\n````"
    assert text_of("<pre>one<br>two\tthree</pre>") == "```\none\ntwo\tthree\n```"


def test_code_without_pre_and_code_with_line_numbers() -> None:
    doxygen = '<div class="fragment"><div class="line">int a;</div>\n<div class="line">  int b;</div>\n</div>'
    assert text_of(doxygen) == "```\nint a;\n  int b;\n```"
    numbered = '<table class="highlighttable"><tr><td class="linenos"><pre>1\n2</pre></td><td class="code"><pre>a = 1\nb = 2</pre></td></tr></table>'
    assert text_of(numbered) == "```\na = 1\nb = 2\n```"


@pytest.mark.parametrize(
    "listing",
    [
        '<table class="lntable"><tr><td class="lntd"><pre><code><span class="lnt">1\n</span><span class="lnt">2\n</span></code></pre></td>'
        '<td class="lntd"><pre><code class="language-go"><span>a = 1\n</span><span>  b</span></code></pre></td></tr></table>',
        '<pre><code class="language-go"><span class="ln">1</span>a = 1\n<span class="ln">2</span>  b</code></pre>',
        '<pre><code class="language-go"><span class="lineno">1</span> a = 1\n<span class="lineno">2</span>   b</code></pre>',
        '<table class="rouge-table"><tr><td class="rouge-gutter gl"><pre class="lineno">1\n2\n</pre></td>'
        '<td class="rouge-code"><pre class="language-go">a = 1\n  b\n</pre></td></tr></table>',
        '<div class="syntaxhighlighter go"><table><tr><td class="gutter"><div class="line">1</div><div class="line">2</div></td><td class="code">'
        '<div class="container"><div class="line"><code>a = 1</code></div><div class="line"><code>&nbsp;&nbsp;</code><code>b</code></div></div></td></tr></table></div>',
        '<table class="highlight language-go"><tr><td class="blob-num" data-line-number="1"></td><td class="blob-code">a = 1</td></tr>'
        '<tr><td class="blob-num"></td><td class="blob-code">  b</td></tr></table>',
        '<pre><code class="hljs language-go"><table class="hljs-ln"><tr><td class="hljs-ln-numbers"><div class="hljs-ln-n">1</div></td><td class="hljs-ln-code">a = 1</td></tr>'
        '<tr><td class="hljs-ln-numbers"></td><td class="hljs-ln-code">  b</td></tr></table></code></pre>',
        '<div class="crayon-syntax go"><div class="crayon-toolbar">Go</div><table class="crayon-table language-go"><tr><td class="crayon-nums"><div class="crayon-num">1</div><div class="crayon-num">2</div></td>'
        '<td class="crayon-code"><div class="crayon-pre"><div class="crayon-line">a = 1</div><div class="crayon-line">&nbsp;&nbsp;b</div></div></td></tr></table></div>',
        '<ol class="linenums language-go"><li><code>a = 1</code></li><li><code>&nbsp;&nbsp;b</code></li></ol>',
        '<div class="CodeMirror language-go"><div class="CodeMirror-gutter-wrapper"><div class="CodeMirror-linenumber">1</div></div>'
        '<pre class="CodeMirror-line">a = 1</pre><pre class="CodeMirror-line">  b</pre></div>',
        '<div class="language-go" style="font-family: Consolas, monospace; white-space: pre;"><div>a = 1</div><div>  b</div></div>',
    ],
)
def test_a_listing_in_a_table_or_in_blocks_is_code_without_line_numbers(listing: str) -> None:
    assert text_of(listing) == "```go\na = 1\n  b\n```"


def test_a_table_with_numbers_in_front_is_no_listing() -> None:
    table = "<table><tr><td class=num>1</td><td>Rome</td></tr><tr><td class=num>2</td><td>Paris</td></tr></table>"
    assert text_of(table) == "| 1 | Rome |\n| 2 | Paris |"


def test_inline_code_stands_in_backticks_that_it_does_not_hold() -> None:
    assert (
        text_of("<p>Use <code>a b</code>, <tt>c</tt> or <code>d`e</code><code>f</code>.</p>")
        == "Use `a b`, `c` or `` d`ef ``."
    )


def test_a_table_is_rows_of_cells_with_a_line_after_its_header() -> None:
    table = (
        "<table><caption>Costs</caption><thead><tr><th>A</th><th colspan=2>B</th></tr></thead><tbody><tr><td rowspan=2>1</td>"
        "<td>2</td><td>a|b</td></tr><tr><td>3</td><td><ul><li>x</li><li>y</li></ul></td></tr></tbody></table>"
    )
    assert text_of(table).split("\n") == [
        "Costs",
        "",
        "| A | B |  |",
        "|---|---|---|",
        r"| 1 | 2 | a\|b |",
        "|  | 3 | x; y |",
    ]
    assert text_of("<table><tr><td>a<td>b<tr><td>c<td>d</table>") == "| a | b |\n| c | d |"


def test_tables_in_tables_lose_no_words() -> None:
    layout = "<table><tr><td><h2>Left</h2><p>one</p></td><td><table><tr><th>q</th><th>r</th></tr><tr><td>1</td><td>2</td></tr></table></td></tr></table>"
    assert text_of(layout) == "## Left\n\none\n\n| q | r |\n|---|---|\n| 1 | 2 |"
    side_by_side = "<table><tr><td>one</td><td><table><tr><td>a<td>b<tr><td>c<td>d</table></td></tr></table>"
    assert text_of(side_by_side) == "one\n\n| a | b |\n| c | d |"
    inner = "<table><tr><th>H</th><th>I</th></tr><tr><td>out</td><td><table><tr><td>a<td>b<tr><td>c<td>d</table></td></tr></table>"
    assert text_of(inner) == "| H | I |\n|---|---|\n| out | a, b; c, d |"


def test_spans_of_a_table_cannot_fill_the_memory() -> None:
    table = "<table>" + "<tr><td rowspan=99999999 colspan=99999999>x</td></tr>" * 2000 + "</table>"
    assert is_quick(lambda: text_of(table), times=250)
    assert text_of(table).count("x") == 2000


def test_manuals_made_by_doxygen_and_texinfo_keep_their_titles_and_rows() -> None:
    doxygen = (
        '<div class="header"><div class="summary"><a href=1>Functions</a></div><div class="headertitle"><div class="title">Foo Class</div></div></div>'
        '<div class="contents"><table><tr><td colspan=2><h2>Members</h2></td></tr><tr><td>int</td><td><a href=3>bar</a> (int x)</td></tr></table></div>'
    )
    assert text_of(doxygen).endswith("Foo Class\n\n| Members |  |\n| int | bar (int x) |")
    texinfo = '<div class="header"><p>Next: <a href=a>B</a>, Up: <a href=b>Top</a> [<a href=c>Contents</a>]</p></div><h3>2.1 Use</h3>'
    assert text_of(texinfo) == "### 2.1 Use"


def test_lists_quotations_and_definitions() -> None:
    body = "<ul><li>a</li><li>b<ol start=3><li>c<li>d</ol></li><li><p>e</p><p>f</p></li></ul><blockquote><p>g</p></blockquote><dl><dt>h</dt><dd>i</dd></dl>"
    assert text_of(body) == "- a\n- b\n  3. c\n  4. d\n- e\n\n  f\n\n> g\n\nh\n: i"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<b>H</b>ello wor<i>l</i>d", "Hello world"),
        ("one<br>two", "one\ntwo"),
        ("x<sup>2</sup> H<sub>2</sub>O 10<sup>-3</sup>", "x^{2} H_{2}O 10^{-3}"),
        ('a<sup class="reference"><a href="#n1">[1]</a></sup>.', "a."),
        ("Caf&eacute; &amp;lt; &#8212; &nrarr; a&nbsp;b so&shy;ft", "Café &lt; — ↛ a b soft"),
        ("<q>said</q> <ruby>漢<rt>kan</rt></ruby>", "“said” 漢(kan)"),
    ],
)
def test_words_are_those_that_a_browser_shows(markup: str, expected: str) -> None:
    assert text_of(f"<p>{markup}</p>") == expected


@pytest.mark.parametrize(
    "markup",
    [
        '<div style="display: none">{}</div>',
        "<div hidden>{}</div>",
        '<div aria-hidden="true">{}</div>',
        '<span class="sr-only">{}</span>',
        '<div style="opacity: 0">{}</div>',
        '<div style="font-size:0px">{}</div>',
        '<div style="height:0;overflow:hidden">{}</div>',
        '<div style="position:absolute;clip:rect(0 0 0 0)">{}</div>',
        '<div style="color:#fff;background:#FFFFFF">{}</div>',
        '<div style="color: rgb(255, 255, 255); background-color: #fff">{}</div>',
        '<div style="color:rgba(9,9,9,1);background:rgba(9, 9, 9, 1)">{}</div>',
        "<noscript>{}</noscript>",
        "<template>{}</template>",
        "<nav>{}</nav>",
        '<div role="navigation">{}</div>',
        '<aside class="sidebar">{}</aside>',
        '<div class="left-sidebar">{}</div>',
        '<div id="cookie-banner">{}</div>',
        '<div class="x">We use cookies on this site. <button>Accept</button> <a href="/p">More</a>{}</div>',
        '<section id="comments" class="comments-area"><article>{}</article></section>',
        '<div id="disqus_thread">{}</div>',
        "<footer>{}</footer>",
        '<div class="site-footer">{}</div>',
        '<ul class="breadcrumb"><li>{}</li></ul>',
        '<div class="related-posts">{}</div>',
        '<div class="share-buttons">{}</div>',
        '<div class="newsletter-signup">{}</div>',
        "<dialog open>{}</dialog>",
    ],
)
@pytest.mark.parametrize(
    "inside",
    [
        "GONE",
        "<p>GONE <code>GONE</code></p><pre>GONE\nGONE</pre>",
        r"<math alttext='GONE^2'><mi>GONE</mi></math> \(GONE\)",
        "<table><tr><th>GONE</th></tr><tr><td>GONE</td></tr></table>",
    ],
)
def test_what_is_no_text_of_the_author_is_out_whatever_it_holds(markup: str, inside: str) -> None:
    for body in (f"<p>{FILLER}</p>{{}}<p>{FILLER}</p>", f"<main><p>{FILLER}</p>{{}}</main>{{}}"):
        text = page_of(body.replace("{}", markup.replace("{}", inside))).text
        assert "GONE" not in text
        assert FILLER in text


@pytest.mark.parametrize(
    "style",
    [
        "color: rgb(0, 0, 0); background-color: rgb(255, 255, 255)",
        "color: rgba(0, 0, 0, .9); background: rgba(255, 255, 255, .9)",
        "color: hsl(0, 0%, 0%); background-color: hsl(0, 0%, 100%)",
        "color: var(--text); background: var(--paper)",
        "color: #000000ff; background: #ffffffff",
        "color: currentColor; background: currentColor",
        "color: hsl(var(--foreground)); background-color: hsl(var(--background))",
        "color: color-mix(in srgb, red, blue); background: color-mix(in srgb, red, white)",
        "color: #fff; background: #fff url(dark.png)",
    ],
)
def test_text_whose_color_differs_from_its_background_is_kept(style: str) -> None:
    assert "KEPT" in page_of(f'<p>{FILLER}</p><p style="{style}">KEPT {FILLER}</p>').text


def test_comments_that_are_longer_than_the_article_are_out() -> None:
    comments = "".join(f"<li class=comment><p>GONE, said reader {number}. {FILLER}</p></li>" for number in range(30))
    text = page_of(f"<h1>Title</h1><p>{FILLER}</p><div id=comments><h3>30 comments</h3><ol>{comments}</ol></div>").text
    assert text == f"# Title\n\n{FILLER}"


def test_links_that_serve_the_page_are_out() -> None:
    body = (
        '<h2>Title<a class="headerlink" href="#t">¶</a></h2><h3>Part<span class="mw-editsection">[<a href="#">edit</a>]</span></h3>'
        "<p>[<a href=a>Prev</a>] [<a href=b>Up</a>] [<a href=c>Next</a>]</p>"
        "<div>Next: <a href=a>Foo</a>, Previous: <a href=b>Bar</a>, Up: <a href=c>Top</a></div>"
    )
    assert text_of(body) == "## Title\n\n### Part"


def test_a_list_of_contents_is_out_with_its_heading_and_a_list_of_links_stays() -> None:
    links = "".join(f'<li><a href="#s{number}">Section {number}</a></li>' for number in range(4))
    assert text_of(f"<h2>Table of Contents</h2><div><ul>{links}</ul></div><h2>First</h2>") == "## First"
    assert text_of(f"<h2>See also</h2><ul>{links}</ul>").count("Section") == 4


def test_sections_about_cookies_and_comments_stay() -> None:
    body = '<section id="cookies"><h2>Cookies</h2><p>Bake them.</p></section><div class="section" id="comments"><h2>Comments</h2><p>Begin with #.</p></div>'
    assert text_of(body) == "## Cookies\n\nBake them.\n\n## Comments\n\nBegin with #."


@pytest.mark.parametrize(
    "section",
    [
        '<div id="ad-hoc-networks"><h2>Ad hoc networks</h2><p>KEPT</p></div>',
        '<div id="comments-in-python"><h2>Comments in Python</h2><p>KEPT</p></div>',
        '<div id="social-media"><h2>Social media</h2><p>KEPT</p></div>',
        '<div id="navigation-bar"><h3>Navigation bar</h3><p>KEPT</p></div>',
        '<div class="modal-logic"><h4>Modal logic</h4><p>KEPT</p></div>',
        '<div class="cookie-recipe"><p>KEPT flour</p></div>',
    ],
)
@pytest.mark.parametrize("outer", ["{}", "<main>{}</main>", "<article>{}</article>"])
def test_a_section_of_the_author_stays_whatever_its_name_sounds_like(section: str, outer: str) -> None:
    assert "KEPT" in page_of(outer.replace("{}", f"<p>{FILLER}</p>{section}<p>{FILLER}</p>")).text


@pytest.mark.parametrize(
    "section",
    [
        '<section class="related"><h2>Related work</h2><p>KEPT</p></section>',
        '<div class="sidebar"><h3>Historical note</h3><p>KEPT</p></div>',
        '<aside class="sidebar"><h3>Historical note</h3><p>KEPT</p></aside>',
        '<div id="share"><p>KEPT</p></div>',
        '<table class="metadata"><tr><td>KEPT</td><td>1</td></tr></table>',
        '<ul class="menu"><li>KEPT</li></ul>',
        '<div class="comments"><h2>Comments on the proof</h2><p>KEPT</p></div>',
    ],
)
def test_in_the_main_content_one_word_for_a_name_takes_no_section_away(section: str) -> None:
    assert "KEPT" in page_of(f"<main><p>{FILLER}</p>{section}</main>").text


@pytest.mark.parametrize(
    "part",
    [
        '<div class="sidebar"><h3>Recent posts</h3><ul><li><a href=a>GONE</a></li><li><a href=b>GONE</a></li></ul></div>',
        '<div id="newsletter"><h3>Newsletter</h3><p>GONE</p><form><input name=mail></form></div>',
        '<div class="related-posts"><h3>More to read</h3><p>GONE</p></div>',
        '<div class="social"><a href=a>GONE</a></div>',
        '<div class="share-buttons"><div class="title">Share</div><p>GONE</p></div>',
        '<div class="sharedaddy"><h3>Share this:</h3><a href=a>GONE</a></div>',
        '<div id="jp-relatedposts" class="jp-relatedposts"><h3>Related</h3><p>GONE</p></div>',
        '<section id="comments"><h2>3 comments</h2><p>GONE</p></section>',
        '<div class="comments"><h3>2 comments</h3><div class="c"><p>GONE</p></div></div>',
        '<div class="comments"><h2>Comments</h2><div class="comment"><p>GONE</p></div></div>',
    ],
)
def test_parts_of_a_site_are_out_of_the_main_content_with_their_headings(part: str) -> None:
    assert "GONE" not in page_of(f"<main><p>{FILLER}</p>{part}</main>").text


def test_what_a_script_shows_later_is_no_hidden_text() -> None:
    body = '<div style="opacity:0;transition:opacity 1s">ONE</div><div style="opacity:0" data-aos="fade-up">TWO</div>'
    boxes = '<div style="font-size:0"><div style="font-size:16px">THREE</div></div><div style="opacity:0.5">FOUR</div>'
    assert text_of(body + boxes).split("\n\n") == ["ONE", "TWO", "THREE", "FOUR"]


def test_the_main_content_of_a_page_without_marks_is_found() -> None:
    paragraphs = "".join(f"<p>{FILLER} Paragraph {number}.</p>" for number in range(4))
    links = "".join(f"<li><a href={number}>A headline of another story</a></li>" for number in range(6))
    body = (
        f"<div id=hd><a href=/>The Daily</a> <a href=/w>World news</a></div><div id=c1><h1>Plan approved</h1>{paragraphs}"
        f"<pre>x = 1\ny = 2</pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></div>"
        f"<div id=c2><h3>Most read</h3><ul>{links}</ul></div><div id=ft>All rights reserved <a href=t>Terms</a></div>"
    )
    text = page_of(body, "<title>Plan approved - The Daily</title>").text
    assert text.startswith("# Plan approved")
    assert "Paragraph 3." in text
    assert "```\nx = 1\ny = 2\n```" in text
    assert "| 1 | 2 |" in text
    assert "headline" not in text
    assert "rights" not in text


@pytest.mark.parametrize(
    "body",
    [
        "<p>Short.</p>",
        "<ul><li><a href=a>First chapter</a></li><li><a href=b>Second chapter</a></li></ul>",
        "<dl><dt><code>f(x)</code></dt><dd><p>Gives x.</p></dd></dl>",
        "Bare words",
        "<div class=toc><a href=a>First chapter</a></div>",
    ],
)
def test_short_pages_and_lists_keep_their_words(body: str) -> None:
    text = page_of(body).text
    assert all(
        word in text for word in ("First chapter", "Second chapter", "Short.", "Gives x.", "Bare words") if word in body
    )


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "   ",
        "<html><head><title>T</title></head><body></body></html>",
        "<frameset><frame src=a><noframes>Get a browser</noframes></frameset>",
        '<html><head><meta http-equiv="refresh" content="0; url=b"></head><body>Redirecting to <a href=b>b</a></body></html>',
        "<body><noscript>Turn on scripts</noscript><div id=app></div></body>",
    ],
)
def test_a_page_without_text_is_refused(markup: str) -> None:
    with pytest.raises(RecordError, match="no text"):
        html.page(markup)


def test_the_head_of_a_page_fills_the_fields() -> None:
    head = (
        "<title>Energy | Wiki</title><meta name=citation_author content='A. One'><meta name=citation_author content='B. Two'>"
        "<meta name=keywords content='energy, motion, energy'><meta property=article:published_time content=2024-05-06>"
        "<meta name=description content='On energy'><link rel=canonical href='https://example.org/e'>"
        "<link rel=license href='https://creativecommons.example/licenses/by-sa/4.0/'>"
    )
    document = page_of(f"<h1>Energy</h1><p>{FILLER}</p>", head)
    assert document.title == "Energy"
    assert document.attribution == "A. One; B. Two"
    assert document.topics == ("energy", "motion")
    assert (document.date, document.license) == ("2024-05-06", "CC BY-SA 4.0")
    assert document.metadata == {"url": "https://example.org/e", "description": "On energy", "language": "en"}
    assert document.id == document.source == ""


def test_linked_data_fills_what_the_head_leaves_empty() -> None:
    data = '{"@graph": [{"@type": "Article", "author": [{"name": "C. Three"}, "D. Four"], "datePublished": "2020", "license": "CC0"}]}'
    document = page_of(f"<p>{FILLER}</p>", f"<title>T</title><script type='application/ld+json'>{data}</script>")
    assert (document.attribution, document.date, document.license) == ("C. Three; D. Four", "2020", "CC0")
    broken = page_of(
        f"<p>{FILLER}</p>", "<title>T</title><script type='application/ld+json'>" + "[" * 100_000 + "</script>"
    )
    assert broken.attribution == ""


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ('<meta charset="gb2312">', "gb18030"),
        ('<meta charset="Shift_JIS">', "cp932"),
        ("", "utf-8"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ('<meta charset="utf-16">', "utf-8"),
    ],
)
def test_the_declared_encoding_is_read(tmp_path: Path, declaration: str, encoding: str) -> None:
    word = {"cp1252": "“Énergie”", "cp1251": "Энергия", "gb18030": "能量镕", "cp932": "エネルギー①"}.get(
        encoding, "Énergie 能量"
    )
    path = tmp_path / "a.html"
    path.write_bytes(f"<html><head>{declaration}</head><body><p>{word}</p></body></html>".encode(encoding))
    assert [document.text for document in read_all(html, path)] == [word]


def test_a_guess_is_said_and_a_slip_of_utf_8_costs_one_character(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(("<p>" + "Привет, как дела? Это страница без объявления. " * 20).encode("cp1251"))
    remark, document = read_all(html, path)
    assert isinstance(remark, Remark)
    assert "Привет" in document.text
    path.write_bytes(b"<meta charset=utf-8><p>" + "Größe ".encode() * 100 + b"caf\xe9 " + "Größe ".encode() * 100)
    (document,) = read_all(html, path)
    assert "café Größe" in document.text


def test_xhtml_is_read_as_xml_without_entities_from_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    path = tmp_path / "a.xhtml"
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY s SYSTEM "file://{secret}"><!ENTITY l "lollollol">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>A&nbsp;<a id="x"/>b &amp; &eacute; &s; &l;</p>'
        "<pre><![CDATA[x < y]]></pre><script><![CDATA[no]]></script></body></html>"
    )
    (document,) = read_all(html, path)
    assert document.text == "A b & é &s; &l;\n\n```\nx < y\n```"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<b>",
        "<a ",
        "&",
        "<table>",
        "<ul><li>",
        "<p>",
        "<![CDATA[",
        r"\(",
        "<code>`</code>",
        "<kbd>x</kbd>",
        "<sup>1",
        "<math>",
        "<p hidden>x</p>y",
        "<section id=comments>",
        "<div id=sidebar><h2>x</h2>",
        "<span class=sfrac><span class=num>1",
        "<mjx-container><mjx-mfrac>",
        "<pre><span class=ln>1",
        "<span style='vertical-align:super'>1",
    ],
)
def test_a_megabyte_of_one_thing_takes_seconds_and_loses_no_words(piece: str) -> None:
    size = 300_000
    texts: list[str] = []
    assert is_quick(
        lambda: texts.append(html.page(f"<html><body><p>First words.</p>{piece * (size // len(piece))}").text),
        times=200,
    )
    assert "First words." in texts[0]


def test_very_deep_elements_keep_their_words() -> None:
    depth = 100_000
    text = page_of(f"<p>Before.</p>{'<div>' * depth}<p>Inside.</p>{'</div>' * depth}<h2>After</h2><p>End.</p>").text
    assert text == "Before.\n\nInside.\n\n## After\n\nEnd."
