"""HTML and XHTML pages: the main content as Markdown, with formulas, code and tables, and what the page says of itself.

A page is parsed by lxml. What is no text of its author (navigation, banners, comments, hidden copies) is emptied, the
element that holds the main content is chosen, by `trafilatura` where the page does not mark it, and that element is
written by `_Writer`. All steps walk the tree without recursion and take time linear in the length of the page.
"""

import codecs
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html.entities import html5
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.characters import decode, encoding_by_mark, remark
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.mathml import clean_tex, is_tex, name_of, tex_of

Element = Any  # an element of lxml, which ships no types


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The page, with a remark where its encoding is a guess.

    Raises:
        RecordError: it holds no text, or its bytes are no text.
    """
    import trafilatura  # noqa: F401

    decoded = _decoded(path.read_bytes(), options.encoding, "")
    if decoded.guess:
        yield Remark(position=Position(source=""), text=remark(decoded.guess))
    yield page(decoded.text)


def page(data: bytes | str, *, encoding: str = "", declared: str = "") -> Document:
    """One page as a document without `id`.

    Args:
        data: the page.
        encoding: what the user says its encoding is; empty for nothing.
        declared: what its server says; empty for nothing. Both matter for bytes only.

    Raises:
        RecordError: it holds no text, or its bytes are no text.
    """
    text = data if isinstance(data, str) else _decoded(data, encoding, declared).text
    root = _parsed(text)
    said = _Said(root)
    _replace_formulas(root)
    markdown, first_heading = _main_text(root, text, said.title)
    return said.document(markdown, first_heading)


def whole_text(data: bytes | str, *, encoding: str = "") -> str:
    """All of a page's body as Markdown, for chapters of a book; empty where there is none.

    Hidden elements, lists of contents and page numbers are left out.

    Raises:
        RecordError: its bytes are no text.
    """
    text = data if isinstance(data, str) else _decoded(data, encoding, "").text
    try:
        root = _parsed(text)
    except RecordError:
        return ""
    _replace_formulas(root)
    _empty_all(_of_no_text(root))
    _empty_all(element for element in root.iter() if _is_hidden(element) or _is_of_no_chapter(element))
    return _written(root)


# --- Characters and parsing

_CHARSET = re.compile(rb"<meta\s[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})")
_DECLARATION_BYTES = 16_384
# What pages name so, and what browsers read it as.
_READ_AS = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932", "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "big5": "big5hkscs", "iso-8859-9": "cp1254", "tis-620": "cp874",
    "iso-8859-11": "cp874", "x-x-big5": "big5hkscs", "x-mac-roman": "mac-roman", "macintosh": "mac-roman",
    "iso8859-1": "latin-1", "iso_8859-1": "latin-1", "us-ascii": "latin-1", "x-cp1251": "cp1251", "unicode": "utf-8",
    "utf8": "utf-8", "utf-16": "utf-8",
}  # fmt: skip
# Of a page in UTF-8, so many characters for one byte that is not.
_CHARS_FOR_A_SLIP = 200
# Reads such bytes as Windows-1252, as where a page was put together from two.
_MENDED = "kgsynth_windows_1252"
_CONTROLS = {code: None for code in (*range(9), 11, *range(14, 32), 127)} | {12: "\n"}
_ENTITY = re.compile(r"&(#?\w{1,40});?")
_DOCTYPE = re.compile(r"[^<]*(?:<\?[^>]{0,500}>\s*)?(<!DOCTYPE\b[^>\[]*(?:\[[^\]]*\]\s*)?>)", re.IGNORECASE)
# `a<b` in a formula is no tag.
_LESS_THAN = re.compile(r"<(?=[a-zA-Z][^<>=\"']{0,80}\\[)\]])|(?<=[\w)}\]])<(?=[a-zA-Z][^<>=\"'\n]{0,40}\$)")
# The parser of lxml drops what lies deeper than 2,048 elements.
_DEEPEST = 1000
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*+>")
_KEPT_TAGS = frozenset("p h1 h2 h3 h4 h5 h6 pre br hr head title meta link script style html body math".split())
_LINE_TAGS = frozenset("div li tr td th dt dd table ul ol dl section article blockquote main caption".split())


class _Decoded(NamedTuple):
    text: str
    guess: str


def _decoded(data: bytes, encoding: str, declared: str) -> _Decoded:
    """The text of a page by byte-order mark, its user, UTF-8, its server, itself, or a guess."""
    mark, _ = encoding_by_mark(data)
    if not mark and not encoding and b"\x00" in data[:4]:
        encoding = "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"
    head = data[:_DECLARATION_BYTES]
    inside = _CHARSET.search(head) or _XML_ENCODING.match(head)
    label = (declared or (inside.group(1).decode("ascii", "replace") if inside else "")).strip(" \"'").lower()
    label = _READ_AS.get(label, label)
    if label == "utf-8" and not mark and not encoding:
        lenient = data.decode("utf-8", "replace")
        slips = lenient.count("\ufffd")
        if 0 < slips * _CHARS_FOR_A_SLIP < len(lenient):
            return _Decoded(data.decode("utf-8", _MENDED).translate(_CONTROLS), "")
    found = decode(data, encoding=encoding, declared=label)
    return _Decoded(found.text.translate(_CONTROLS), found.encoding if found.is_guessed else "")


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_MENDED, _as_windows_1252)


def _parsed(text: str) -> Element:
    """The tree of a page, with tags in small letters and without namespaces.

    Raises:
        RecordError: there is nothing in it.
    """
    from lxml import etree

    root = _as_xml(text) if _is_xml(text) else None
    if root is None:
        text = _LESS_THAN.sub("&lt;", text)
        parser = etree.HTMLParser(
            huge_tree=True, remove_comments=True, remove_pis=True, no_network=True, encoding="utf-8"
        )
        root = _from_html(text, parser)
        if root is not None and _depth(root) >= _DEEPEST:
            root = _from_html(_without_depth(text), parser)
    if root is None:
        raise RecordError("no text")
    for element in root.iter(etree.Element):
        if ":" in element.tag or element.tag[0] == "{" or not element.tag.islower():
            element.tag = name_of(element) or "span"
    return root


def _from_html(text: str, parser: Element) -> Element | None:
    from lxml import etree

    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, etree.ParserError, ValueError):
        return None


def _is_xml(text: str) -> bool:
    start = text[:2000].lstrip()
    return start.startswith("<?xml") or ("/1999/xhtml" in start and "/>" in text[:5000])


def _as_xml(text: str) -> Element | None:
    """The tree of a well-formed page; None for others. Its document type, and with it all entities, is left out."""
    from lxml import etree

    text = _ENTITY.sub(_plain_entity, _without_doctype(text))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(text.encode("utf-8", "replace").replace(b"<?xml", b"<?kgsynth", 1), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _without_doctype(text: str) -> str:
    found = _DOCTYPE.match(text)
    return text[: found.start(1)] + text[found.end(1) :] if found else text


def _plain_entity(found: re.Match[str]) -> str:
    name = found.group(1)
    if name.startswith("#") or name in ("amp", "lt", "gt", "quot", "apos"):
        return found.group() if found.group().endswith(";") else f"{found.group()};"
    return html5.get(f"{name};", f"&amp;{found.group()[1:]}")


def _depth(root: Element) -> int:
    from lxml import etree

    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_depth(text: str) -> str:
    """A page with its paragraphs, headings and code but no element that holds others."""
    open_tags: set[str] = set()

    def flat(found: re.Match[str]) -> str:
        name = found.group(2).lower()
        if name in _KEPT_TAGS:
            is_end = bool(found.group(1))
            is_needed = (name in open_tags) == is_end or name in ("p", "br", "hr", "meta", "link")
            (open_tags.discard if is_end else open_tags.add)(name)
            return found.group() if is_needed else ""
        return "<br>" if name in _LINE_TAGS else ""

    return re.sub(r"(?:<br>\s*)+", "<br>", _TAG.sub(flat, text))


# --- Formulas

_FORMULA = "kgsynth-formula"
_TEX_IMAGE = re.compile(
    r"(?:\A|[\s_-])(?:latex|tex|math|mwe-math-fallback-image\w*|equation|formula)(?:\Z|[\s_-])", re.I
)
_TEX_ADDRESS = re.compile(r"latex|/tex\b|mathtex|mimetex|/math/render/", re.IGNORECASE)
_DISPLAY_NAMES = (
    "katex-display",
    "mathjax_display",
    "mathjax_svg_display",
    "mjxc-display",
    "mwe-math-fallback-image-display",
)
_RENDERED = frozenset(
    "mathjax mathjax_svg mathjax_chtml mathjax_preview mathjax_svg_display mathjax_display mjx-chtml".split()
)
_GLYPH = re.compile(r"mjx-c([0-9A-F]{2,6})\b")


def _replace_formulas(root: Element) -> None:
    """Put one element with the LaTeX in the place of each formula and of its rendered copies."""
    from lxml import etree

    has_scripts = any((script.get("type") or "").startswith("math/") for script in root.iter("script"))
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        found = _formula(element, has_scripts)
        if found is not None:
            tex, is_display = found
            element.clear(keep_tail=True)
            element.tag = _FORMULA
            element.set("tex", tex)
            if is_display:
                element.set("display", "1")
            walker.skip_subtree()


def _formula(element: Element, has_scripts: bool) -> tuple[str, bool] | None:
    """The LaTeX of an element that is a formula or a copy of one, and whether it stands apart; None for others."""
    tag = element.tag
    if tag == "math":
        return tex_of(element), _is_display(element)
    if tag == "script":
        kind = (element.get("type") or "").lower().replace(" ", "")
        if kind.startswith("math/tex"):
            return clean_tex(element.text or ""), "mode=display" in kind
        return (_tex_of_markup(element.text or ""), False) if kind.startswith("math/mml") else None
    if tag == "img":
        return _of_image(element)
    if tag == "mjx-container":
        return _of_container(element)
    names = (element.get("class") or "").lower().split()
    if not names:
        return None
    if "katex" in names or "katex-display" in names or "mwe-math-element" in names:
        return _of_wrapper(element, "katex-display" in names)
    if _RENDERED.intersection(names):
        return _of_rendered(element, has_scripts)
    return None


def _is_display(element: Element) -> bool:
    if (element.get("display") or element.get("mode") or "").lower() in ("block", "display", "true"):
        return True
    return any(name in (element.get("class") or "").lower() for name in _DISPLAY_NAMES)


def _of_wrapper(element: Element, is_display: bool) -> tuple[str, bool] | None:
    """A formula with its copies: MathML for machines, and what is shown."""
    for inner in element.iter("math", "img"):
        found = _of_image(inner) if inner.tag == "img" else (tex_of(inner), _is_display(inner))
        if found and found[0]:
            shown = any(_is_display(image) for image in element.iter("img"))
            return found[0], is_display or found[1] or shown
    for inner in element.iter("annotation"):
        return clean_tex("".join(inner.itertext())), is_display
    for inner in element.iter():
        inner.attrib.pop("aria-hidden", None)
    return None


def _of_rendered(element: Element, has_scripts: bool) -> tuple[str, bool]:
    """What MathJax 2 shows: nothing where the page holds the source, else the MathML that it kept."""
    following = element.getnext()
    is_preview = following is not None and "mathjax" in (following.get("class") or "").lower()
    if has_scripts or is_preview:
        return "", False
    markup = next((inner.get("data-mathml") for inner in element.iter() if inner.get("data-mathml")), "")
    if markup:
        return _tex_of_markup(markup), _is_display(element)
    for math in element.iter("math"):
        return tex_of(math), _is_display(element) or _is_display(math)
    return clean_tex(" ".join("".join(element.itertext()).split())), _is_display(element)


def _of_container(element: Element) -> tuple[str, bool]:
    """What MathJax 3 and 4 show, by the MathML beside it, its TeX, or its glyphs."""
    is_display = _is_display(element)
    for math in element.iter("math"):
        return tex_of(math), is_display or _is_display(math)
    tex = next((inner.get("data-latex") for inner in element.iter() if inner.get("data-latex")), "")
    if tex:
        return clean_tex(tex), is_display
    codes = [inner.get("data-c") or "" for inner in element.iter("use", "path")]
    codes += [code for inner in element.iter("mjx-c") for code in _GLYPH.findall(inner.get("class") or "")]
    shown = "".join(chr(int(code, 16)) for code in codes if re.fullmatch(r"[0-9A-Fa-f]{2,5}", code))
    return clean_tex(shown or element.get("aria-label") or ""), is_display


def _of_image(element: Element) -> tuple[str, bool] | None:
    source, alt = element.get("src") or "", element.get("alt") or ""
    is_named = _TEX_IMAGE.search(element.get("class") or "") is not None
    is_marked = re.match(r"\s*(?:\$.+\$|\\[\[(].+\\[\])]|\\begin\{)", alt, re.DOTALL) is not None
    is_addressed = _TEX_ADDRESS.search(source[:300]) is not None
    if not (is_named or is_marked or is_addressed):
        return None
    if not alt.strip() and is_addressed and "?" in source:
        alt = re.sub(r"\A(?:latex=|tex=|chl=)", "", unquote(source.partition("?")[2].partition("&")[0]))
    if not alt.strip() or not (is_marked or is_tex(alt)):
        return None
    return clean_tex(alt), _is_display(element) or alt.lstrip().startswith(("$$", "\\[", "\\begin"))


def _tex_of_markup(markup: str) -> str:
    from lxml import etree

    root = _from_html(markup, etree.HTMLParser(huge_tree=True, remove_comments=True, no_network=True, encoding="utf-8"))
    math = next(root.iter("math"), None) if root is not None else None
    return tex_of(math) if math is not None and _depth(math) < _DEEPEST else ""


# --- What is no text of the author

_NO_TEXT = (
    "script style noscript template nav button input select textarea datalist iframe frame frameset noframes object "
    "embed applet canvas svg audio video dialog map head"
).split()
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:left|top|text-indent)\s*:\s*-\d{4,9}(?:px|em)", re.IGNORECASE
)
_HIDDEN_NAMES = frozenset(
    "sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only hidden is-hidden d-none mw-hidden "
    "noprint hide-print element-invisible a11y-hidden hideme".split()
)
_ROLES = frozenset(
    "navigation banner contentinfo complementary search menu menubar toolbar dialog alertdialog tooltip doc-toc "
    "doc-pagebreak doc-pagelist doc-index tablist".split()
)
_WHOLE_NAMES = frozenset(
    "nav menu toc related share sharing social comments commentlist disqus_thread respond sidebar banner footer "
    "search searchbox widget widgets widget-area topbar toolbar sitesub contentsub catlinks navbox metadata "
    "printfooter skip-link skiplink headerlink anchorjs-link copiable-link copybtn edit-link edit-page mw-editsection "
    "mw-jump-link linenos linenodiv lineno related-topics tags tag-list post-tags entry-meta-tags rustdoc-toolbar "
    "copy-button tablist login signup signin subscribe printer-friendly jump-to-nav feedback-form mw-indicators "
    "mw-cite-backlink mw-portlet vector-dropdown vector-page-toolbar dropdown-menu "
    "fn-backref reversefootnote footnote-back footnote-backref".split()
)
_PART_NAMES = frozenset(
    "cookie cookies gdpr consent onetrust newsletter sidebar sidebars sidenav breadcrumb breadcrumbs pagination pager "
    "paginator disqus advert adverts advertisement advertisements adsbygoogle sponsored masthead skiplink skipnav "
    "editsection headerlink catlinks navbox sharing sharebar sharebuttons addtoany outbrain taboola popup modal "
    "lightbox paywall subscribe subscription comments commentlist backtotop printfooter interlanguage ads ad "
    "sphinxsidebar sidebarwrapper tableofcontents editlink social".split()
)
_COMMENT_NAMES = frozenset("comment comments commentlist disqus respond".split())
_PAIRS = (
    (
        frozenset(["menu"]),
        frozenset("main nav top side mobile site primary mega dropdown header footer user language".split()),
    ),
    (
        frozenset(["related"]),
        frozenset("posts post articles article content links stories news pages topics reading".split()),
    ),
    (frozenset(["share"]), frozenset("buttons button bar links tools icons this widget post social".split())),
    (frozenset(["banner"]), frozenset("cookie site top promo consent announcement notification privacy".split())),
    (frozenset(["search"]), frozenset("form box bar site field widget".split())),
    (frozenset(["comment", "comments"]), frozenset("list section area thread form wrapper body respond count".split())),
    (frozenset(["footer"]), frozenset("site page global main bar nav md wrapper container inner links".split())),
    (frozenset(["header"]), frozenset("site global bar nav md mobile bd top".split())),
    (frozenset(["toc"]), frozenset("container wrapper tree drawer list sidebar block box".split())),
    (frozenset(["edit"]), frozenset("page this link github".split())),
    (frozenset(["prev", "previous"]), frozenset(["next"])),
    (frozenset("login signup signin register".split()), frozenset("form box link links panel wrapper".split())),
    (frozenset(["recommended", "trending", "popular"]), frozenset("posts articles stories content".split())),
)
_NO_NAVIGATION = frozenset(["navier", "navy", "naval", "navigator", "navarro", "nave"])
_NAMED_TAGS = frozenset(
    "div section aside header footer ul ol dl form p span a table tbody td th figure details center main small sup "
    "label address menu tr".split()
)
_PLAIN_SECTION = re.compile(r"\b(?:section|sect\d|level\d|chapter|appendix)\b")
# These wrap text that has a place of its own in a page; their `id` is the target of a link.
_ANCHORS = frozenset(["a", "span", "p", "sup", "tr", "td", "th", "small", "dl"])
_LINE_NUMBERS = frozenset("lineno linenos linenumber linenumbers line-number line-numbers hljs-ln-n".split())
_FOOTNOTES = re.compile(r"foot-?notes?\b|end-?notes?\b|references|citation", re.IGNORECASE)
_ASIDE = re.compile(
    r"note|topic|admonition|tip|warning|example|definition|theorem|proof|pull|quote|callout|exercise", re.I
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LINK_MARKS = frozenset(["\u00b6", "#", "\u00a7", "\U0001f517", "\uf0c1", "\u2693", "\u21a9", "\u21a9\ufe0e", "\u2191"])
_LINK_WORDS = frozenset(
    (
        "edit|[edit]|edit source|edit this page|edit on github|edit on gitlab|improve this page|view page source|"
        "show source|view source|back to top|top|[top]|skip to content|skip to main content|skip to navigation|"
        "jump to navigation|jump to content|jump to search|permalink|copy|copy link|[src]|[source]|report a bug|"
        "print this page|share|tweet"
    ).split("|")
)
_LINK_NAMES = re.compile(r"headerlink|permalink|anchor|edit|skip|top|src|source|share|viewcode|back", re.IGNORECASE)
_NAVIGATION_WORDS = frozenset(
    "previous prev next up home contents content index top back forward start first last main page chapter section "
    "parent toc of table title frames no all classes fast figure figures site map list tables the".split()
)
_MANUAL_LINE = re.compile(r"\b(?:Next|Previous|Prev|Up|Node)\s*:")
_COOKIES = re.compile(r"\b(?:we|site|website|page)\b.{0,60}\buses?\b.{0,40}\bcookies\b", re.IGNORECASE | re.DOTALL)
_LISTS = frozenset(["ul", "ol", "dl", "div", "section"])
_CONTENTS_WORDS = re.compile(r"(?:table of |short )?contents|on this page", re.IGNORECASE)
_MARK = re.compile(r"\[?(?:\d{1,3}|[a-z*\u2020\u2021\u00a7]|(?:note|n|nb) ?\d{1,3}|citation needed)\]?", re.IGNORECASE)


class _Amounts(NamedTuple):
    """What an element holds: characters, those of them in links, links, and the bits of marks of content in it."""

    chars: int = 0
    link_chars: int = 0
    links: int = 0
    marks: int = 0

    @property
    def has_heading(self) -> bool:
        """Whether it holds a title or a heading of the first three levels."""
        return bool(self.marks & (_H1 | _HEADING))


_NOTHING = _Amounts()
# Bits of `marks`.
_MAIN, _ARTICLE, _H1, _HEADING, _H2 = 1, 2, 4, 8, 16
_MARKS = {"main": _MAIN, "article": _ARTICLE, "h1": _H1, "h2": _HEADING | _H2, "h3": _HEADING}


def _amounts(root: Element) -> dict[Element, _Amounts]:
    from lxml import etree

    found: dict[Element, _Amounts] = {}
    stack: list[list[int]] = [[0, 0, 0, 0]]
    in_link = in_code = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        # Links in code lead to definitions; they say nothing about what a block is for.
        is_link = tag == "a" and not in_code and element.get("href") is not None
        if tag in _PRE_TAGS or tag in _CODE_TAGS:
            in_code += 1 if event == "start" else -1
        if event == "start":
            in_link += is_link
            text = element.get("tex") if tag == _FORMULA else element.text
            length = len(text.strip()) if text else 0
            marks = _MARKS.get(tag, 0)
            if not marks and tag == "div" and element.get("class") in ("title", "headertitle"):
                marks = _HEADING
            stack.append([length, length if in_link else 0, int(is_link), marks])
            continue
        in_link -= is_link
        own = stack.pop()
        above = stack[-1]
        if not any(own):
            found[element] = _NOTHING
        else:
            found[element] = _Amounts(*own)
            above[0] += own[0]
            above[1] += own[1]
            above[2] += own[2]
            above[3] |= own[3]
        tail = element.tail
        if tail and (length := len(tail.strip())):
            above[0] += length
            above[1] += length if in_link else 0
    return found


def _empty_all(elements: Iterable[Element]) -> None:
    """Take away what elements hold; what follows them stays."""
    for element in list(elements):
        element.clear(keep_tail=True)
        element.tag = "wbr"


def _of_no_text(root: Element) -> Iterator[Element]:
    return (element for element in root.iter(*_NO_TEXT))


def _is_hidden(element: Element) -> bool:
    attributes = element.attrib
    if not attributes or element.tag in ("html", "body", "main", _FORMULA):
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    if attributes.get("aria-hidden") == "true" or _HIDDEN_STYLE.search(attributes.get("style", "")):
        return True
    names = attributes.get("class", "")
    return bool(names) and _is_hidden_name(names)


@lru_cache(maxsize=10_000)
def _is_hidden_name(names: str) -> bool:
    tokens = names.lower().split()
    # Such pairs hide something on small screens alone.
    return bool(_HIDDEN_NAMES.intersection(tokens)) and not any(
        ":" in token or (token.startswith("d-") and token != "d-none") for token in tokens
    )


def _is_of_no_chapter(element: Element) -> bool:
    kind = next((value for name, value in element.attrib.items() if name.endswith("}type") or name == "epub:type"), "")
    role = element.get("role") or ""
    return bool({"pagebreak", "toc", "landmarks", "page-list", "noteref"}.intersection(kind.split())) or role in (
        "doc-toc",
        "doc-pagebreak",
        "doc-noteref",
        "doc-backlink",
    )


@lru_cache(maxsize=20_000)
def _names_furniture(names: str) -> str:
    """Whether names of a class or id are those of navigation and the like; "comments" and "header" need more looks."""
    for token in names.split():
        small = token.lower()
        parts = frozenset(part.lower() for part in _PARTS.findall(token))
        if parts & {"has", "with", "no", "not", "without"}:
            continue
        if parts & _COMMENT_NAMES and (small in _WHOLE_NAMES or parts & _PART_NAMES or _is_pair(parts)):
            return "comments"
        if small in _WHOLE_NAMES or parts & _PART_NAMES or _is_pair(parts):
            return "furniture"
        if any(part.startswith("nav") and part not in _NO_NAVIGATION for part in parts):
            return "furniture"
        if small == "header" or small.endswith("-header"):
            return "header"
    return ""


def _is_pair(parts: frozenset[str]) -> bool:
    return any(parts & first and parts & second for first, second in _PAIRS)


@dataclass(slots=True)
class _Cleaner:
    """Finds the elements of a page that are no text of its author.

    Attributes:
        amounts: of every element, before anything is taken away.
        page: amounts of all of it.
        has_cookies: the page speaks of cookies somewhere.
    """

    amounts: dict[Element, _Amounts]
    page: _Amounts
    has_cookies: bool
    emptied: list[Element] = field(default_factory=list)

    def run(self, root: Element) -> list[Element]:
        """The outermost elements to empty, in the order of the page."""
        from lxml import etree

        depths = {"main": 0, "article": 0, "section": 0, "pre": 0, "table": 0}
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            tag = element.tag
            if event == "end":
                if tag in depths:
                    depths[tag] -= 1
                continue
            if self._is_furniture(element, tag, depths):
                self.emptied.append(element)
                walker.skip_subtree()
            if tag in depths:
                depths[tag] += 1
        return self.emptied

    def _is_furniture(self, element: Element, tag: str, depths: dict[str, int]) -> bool:
        if tag in ("html", "body", "main", _FORMULA, "wbr") or _is_heading(tag):
            return tag not in ("html", "body", "main", _FORMULA, "wbr") and _is_hidden(element)
        amounts = self.amounts[element]
        attributes = element.attrib
        if attributes:
            if _is_hidden(element):
                return True
            if attributes.get("role") in _ROLES and not self._is_most(amounts):
                return True
        if tag == "a":
            return self._is_service_link(element, amounts)
        if tag == "sup":
            return self._is_mark(element, amounts)
        is_inside = depths["main"] + depths["article"] > 0
        if tag in ("header", "footer", "aside"):
            return self._is_outer(element, tag, amounts, is_inside)
        if depths["pre"] and tag == "span":
            return not _LINE_NUMBERS.isdisjoint((element.get("class") or "").lower().split())
        is_nameable = attributes and tag in _NAMED_TAGS and not depths["pre"]
        if is_nameable and self._is_named(element, tag, amounts, depths):
            return True
        if tag in _LISTS and self._is_list_of_contents(element, amounts):
            return True
        return amounts.chars < 600 and tag in _BLOCKS and self._says_furniture(element, amounts)

    def _is_most(self, amounts: _Amounts) -> bool:
        """Whether an element holds what the page is there for, so that its name must mislead."""
        if amounts.marks & _MAIN:
            return True
        if self.page.marks & (_MAIN | _ARTICLE) and not amounts.marks & (_MAIN | _ARTICLE):
            return False
        share = 0.25 if amounts.marks & (_ARTICLE | _H1) else 0.7
        return amounts.chars > share * self.page.chars

    def _is_service_link(self, element: Element, amounts: _Amounts) -> bool:
        if amounts.chars > 30:
            return False
        text = "".join(element.itertext()).strip()
        if text in _LINK_MARKS:
            return True
        names = f"{element.get('class') or ''} {element.get('rel') or ''} {element.get('href') or ''}"
        return text.lower() in _LINK_WORDS and _LINK_NAMES.search(names[:500]) is not None

    def _is_mark(self, element: Element, amounts: _Amounts) -> bool:
        """Whether a superscript is the mark of a footnote."""
        if amounts.chars > 20:
            return False
        names = f"{element.get('class') or ''} {element.get('id') or ''}".lower()
        is_link = any((link.get("href") or "").rpartition("/")[2].find("#") >= 0 for link in element.iter("a"))
        parent = element.getparent()
        is_link = is_link or (parent is not None and parent.tag == "a" and "#" in (parent.get("href") or ""))
        is_named = "reference" in names or "footnote" in names or "cite" in names
        return (is_link or is_named) and _MARK.fullmatch("".join(element.itertext()).strip()) is not None

    def _is_outer(self, element: Element, tag: str, amounts: _Amounts, is_inside: bool) -> bool:
        names = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('role') or ''}"
        kind = _names_furniture(names)
        if tag == "footer":
            return _FOOTNOTES.search(names) is None and _parent_tag(element) not in ("blockquote", "figure")
        if tag == "header":
            is_linked = amounts.link_chars * 2 > amounts.chars
            if is_inside:
                return not amounts.has_heading and (kind == "furniture" or is_linked)
            return is_linked or not amounts.marks & (_MAIN | _ARTICLE | _H1)
        if _ASIDE.search(names) or "epub" in str(element.attrib):
            return False
        is_docutils = "sidebar" in names.split() and element.find("p[@class='sidebar-title']") is not None
        if is_docutils:
            return False
        return not is_inside or kind != "" or amounts.link_chars * 2 > amounts.chars

    def _is_named(self, element: Element, tag: str, amounts: _Amounts, depths: dict[str, int]) -> bool:
        classes, identifier = element.get("class") or "", element.get("id") or ""
        is_section = tag == "section" or _PLAIN_SECTION.search(classes) is not None
        kind = _names_furniture(classes) if classes else ""
        if not kind and identifier and tag not in _ANCHORS:
            kind = _names_furniture(identifier)
            if kind and is_section and not (kind == "comments" and _holds_comments(element)):
                return False
        if kind == "comments":
            return tag not in ("td", "th", "tr", "span", "a", "p") and not self._holds_page(element)
        if kind == "header":
            return amounts.link_chars * 2 > amounts.chars and not amounts.has_heading
        if kind and tag in ("table", "tbody", "tr", "td", "th") and depths["table"] and tag != "td":
            return False
        return kind == "furniture" and not self._is_most(amounts)

    def _holds_page(self, element: Element) -> bool:
        amounts = self.amounts[element]
        return bool(amounts.marks & (_MAIN | _H1))

    def _is_list_of_contents(self, element: Element, amounts: _Amounts) -> bool:
        """Whether an element is links alone, under a heading that calls them the contents of the page."""
        if amounts.links < 3 or amounts.link_chars < 0.8 * amounts.chars or amounts.chars > 0.6 * self.page.chars:
            return False
        before = element.getprevious()
        near = [*element[:3], *([before] if before is not None else [])]
        return any(
            _is_heading(place.tag) and _CONTENTS_WORDS.fullmatch("".join(place.itertext()).strip(" \t\r\n:\u00b6#"))
            for place in near
        )

    def _says_furniture(self, element: Element, amounts: _Amounts) -> bool:
        """Whether a short block is a line of links to neighbours, or asks for consent to cookies."""
        if amounts.links and amounts.chars < 400 and amounts.chars < self.page.chars // 2:
            text = "".join(element.itertext())
            if len(text) < 3000:
                if len(set(_MANUAL_LINE.findall(text))) >= 2:
                    return True
                words = re.findall(r"\w+", text.lower())
                if words and amounts.link_chars * 2 > len("".join(words)) and _NAVIGATION_WORDS.issuperset(words):
                    return True
        if not self.has_cookies or amounts.marks & _MAIN or amounts.chars * 2 > self.page.chars or amounts.chars < 20:
            return False
        text = "".join(element.itertext())
        return _COOKIES.search(text[:3000]) is not None and (
            amounts.links > 0 or re.search(r"accept|consent|agree|continu", text[:3000], re.IGNORECASE) is not None
        )


def _holds_comments(element: Element) -> bool:
    return any(
        inner.tag in ("form", "article", "time") or "comment" in (inner.get("class") or "").lower()
        for inner in element.iter()
        if inner is not element
    )


def _parent_tag(element: Element) -> str:
    parent = element.getparent()
    return parent.tag if parent is not None else ""


def _is_heading(tag: str) -> bool:
    return len(tag) == 2 and tag[0] == "h" and tag[1] in "123456"


# --- The main content

_CONTENT = (
    ("itemprop", frozenset(["articlebody", "text"])),
    ("id", frozenset("mw-content-text bodycontent content-body article-body main-content maincontent".split())),
    (
        "class",
        frozenset(
            "mw-parser-output markdown-body rst-content entry-content post-content article-content article-body "
            "post-body story-body td-post-content ltx_page_content refentry chapter appendix preface "
            "book article".split()
        ),
    ),
)
_MIN_SHARE = 0.4
_FEW_LINKS = 0.1
# A page with more elements is one of tables or of a manual, on which trafilatura takes minutes.
_MOST_ELEMENTS = 50_000
_MARKER = re.compile(r"kgs(\d+)q")


def _main_text(root: Element, source: str, title: str) -> tuple[str, str]:
    """The main content of a page as Markdown, and its first heading of the first level.

    Raises:
        RecordError: there is no text.
    """
    scripts = ("script", "style", "template", "head", "noscript", "noframes")
    _empty_all(element for element in root.iter(*scripts))
    amounts = _amounts(root)
    total = amounts[root].chars
    if not total or (total < 300 and _REDIRECT.search(source[:20_000])):
        raise RecordError("no text")
    cleaner = _Cleaner(amounts, amounts[root], "cookie" in source or "Cookie" in source)
    furniture = set(cleaner.run(root))
    left = total - sum(amounts[element].chars for element in furniture)
    if left <= 0:
        # All of it looks like navigation: a list of links, a table of contents.
        furniture = {element for element in furniture if _is_hidden(element)}
    _empty_all(furniture)
    _empty_all(_of_no_text(root) if left > 0 else root.iter(*(set(_NO_TEXT) - {"nav"})))
    region, amounts = _region(root)
    heading = _heading_of(region, root, amounts)
    text = _written(region)
    is_of_site = title != heading and title.casefold().endswith(heading.casefold())
    if heading and not is_of_site and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {heading}\n\n{text}"
    if not text.strip():
        raise RecordError("no text")
    return text, "" if is_of_site else heading


_REDIRECT = re.compile(r"http-equiv\s*=\s*[\"']?refresh", re.IGNORECASE)


def _heading_of(region: Element, root: Element, amounts: dict[Element, _Amounts]) -> str:
    """The first `h1` of the main content, or the only one of the page."""
    for where in (region, root):
        headings = [element for element in where.iter("h1") if amounts[element].chars]
        if headings and (where is region or len(headings) == 1):
            return " ".join(_written(headings[0]).removeprefix("# ").split())
    return ""


def _region(root: Element) -> tuple[Element, dict[Element, _Amounts]]:
    amounts = _amounts(root)
    total = amounts[root].chars
    marked = [element for element in root.iter("main") if amounts[element].chars]
    marked = marked or [element for element in root.iter() if element.get("role") == "main" and amounts[element].chars]
    if marked:
        best = max(marked, key=lambda element: amounts[element].chars)
        if amounts[best].chars >= total * _MIN_SHARE / 2:
            return _article(best, amounts) if best.tag == "main" else best, amounts
    best = _article(root, amounts)
    if best is not root:
        return best, amounts
    for attribute, names in _CONTENT:
        found = [
            element
            for element in root.iter("div", "section", "td", "article")
            if element.get(attribute) and not names.isdisjoint(element.get(attribute).lower().split())
        ]
        if found:
            best = max(found, key=lambda element: amounts[element].chars)
            if amounts[best].chars >= total * _MIN_SHARE:
                return best, amounts
    if amounts[root].link_chars < total * _FEW_LINKS or len(amounts) > _MOST_ELEMENTS:
        return root, amounts
    region = _by_trafilatura(root, amounts)
    _empty_all(_lists_of_links(region, amounts))
    return region, _amounts(root)


def _article(within: Element, amounts: dict[Element, _Amounts]) -> Element:
    """The article of a page, or the element itself where it holds none or several."""
    articles = [element for element in within.iter("article") if amounts[element].chars]
    if not articles:
        return within
    best = max(articles, key=lambda element: amounts[element].chars)
    needed = _MIN_SHARE if within.tag != "main" else 0.7
    outer = {element for element in articles if not any(above.tag == "article" for above in element.iterancestors())}
    total = sum(amounts[element].chars for element in outer)
    is_one = amounts[best].chars >= total * 0.7
    return best if is_one and amounts[best].chars >= amounts[within].chars * needed else within


def _by_trafilatura(root: Element, amounts: dict[Element, _Amounts]) -> Element:
    """The smallest element that holds nine tenths of what trafilatura takes for the main content."""
    from lxml import etree
    from trafilatura import bare_extraction

    blocks = [element for element in root.iter(*_MARKED_TAGS) if len((element.text or "").strip()) > 3]
    for number, element in enumerate(blocks):
        element.text = f"kgs{number}q {element.text}"
    try:
        found = bare_extraction(
            etree.tostring(root, encoding="unicode", method="html"),
            fast=True,
            include_comments=False,
            with_metadata=False,
            favor_recall=True,
        )
        text = (getattr(found, "text", "") or "") if found else ""
    except (ValueError, TypeError, AttributeError, RecursionError, etree.LxmlError):
        text = ""
    for number, element in enumerate(blocks):
        element.text = element.text.removeprefix(f"kgs{number}q ")
    kept = {blocks[int(number)] for number in _MARKER.findall(text) if int(number) < len(blocks)}
    return _smallest(root, kept, amounts) if kept else root


_MARKED_TAGS = "p h1 h2 h3 h4 h5 h6 li td th pre dd dt blockquote div".split()


def _smallest(root: Element, kept: set[Element], amounts: dict[Element, _Amounts]) -> Element:
    from lxml import etree

    weights = {element: max(len(element.text or ""), 1) for element in kept}
    needed = 0.9 * sum(weights.values())
    stack = [0.0]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            stack.append(weights.get(element, 0))
            continue
        own = stack.pop()
        if own >= needed:
            # Less than this, and the choice has lost what it should keep.
            return _widened(element, amounts) if amounts[element].chars >= amounts[root].chars * _MIN_SHARE else root
        stack[-1] += own
    return root


def _widened(element: Element, amounts: dict[Element, _Amounts]) -> Element:
    """An element, or one around it where that adds the title or text that is not links."""
    title = _H1 | _H2
    parent = element.getparent()
    while parent is not None:
        own, outer = amounts[element], amounts[parent]
        added, added_links = outer.chars - own.chars, outer.link_chars - own.link_chars
        adds_title = outer.marks & title and not own.marks & title and added * 2 <= own.chars
        if added and not adds_title and added_links * 3 > added:
            break
        element, parent = parent, parent.getparent()
    return element


def _lists_of_links(region: Element, amounts: dict[Element, _Amounts]) -> Iterator[Element]:
    """Lists and tables of a page that are links alone, where the rest of the page is not."""
    whole = amounts[region]
    if whole.link_chars * 2 > whole.chars:
        return
    for element in region.iter("ul", "ol", "table", "div", "td"):
        own = amounts[element]
        before = element.getprevious()
        if before is not None and (before.tag == "p" or _is_heading(before.tag)) and element.tag != "div":
            # A sentence or a heading says what the links are.
            continue
        if own.links >= 3 and own.link_chars > 0.85 * own.chars and own.chars * 4 < whole.chars:
            yield element


# --- What a page says of itself

_AUTHOR_NAMES = (
    "author",
    "citation_author",
    "dc.creator",
    "dcterms.creator",
    "article:author",
    "parsely-author",
    "byl",
)
_DATE_NAMES = (
    "article:published_time", "date", "dc.date", "dc.date.issued", "dcterms.date", "dcterms.issued", "dcterms.created",
    "citation_publication_date", "citation_date", "citation_online_date", "pubdate", "publishdate", "publish_date",
    "datepublished", "sailthru.date", "parsely-pub-date", "og:published_time", "dcterms.modified",
    "article:modified_time",
)  # fmt: skip
_TOPIC_NAMES = ("keywords", "news_keywords", "article:tag", "citation_keywords", "dc.subject", "dcterms.subject")
_TITLE_NAMES = ("og:title", "citation_title", "dc.title", "dcterms.title", "twitter:title")
_LICENSE_NAMES = ("dc.rights", "dcterms.license", "dcterms.rights", "license", "dc.rights.license", "copyright")
_OTHER_NAMES = {
    "url": ("og:url",),
    "description": ("description", "og:description", "dc.description", "dcterms.abstract", "citation_abstract"),
    "site_name": ("og:site_name", "application-name"),
    "publisher": ("dc.publisher", "citation_publisher", "dcterms.publisher"),
    "journal": ("citation_journal_title",),
    "doi": ("citation_doi", "dc.identifier", "prism.doi"),
    "language": ("language", "dc.language", "content-language", "og:locale"),
}
_CC = re.compile(r"/licenses/((?:by|nc|nd|sa)[a-z-]*)/(\d\.\d)")
_CC0 = re.compile(r"/publicdomain/zero/(\d\.\d)")
_MAX_LINKED_DATA_NODES = 10_000


class _Said:
    """Title, authors, license, date, topics and address of a page, from its head."""

    def __init__(self, root: Element) -> None:
        self.fields: dict[str, list[str]] = {}
        for meta in root.iter("meta"):
            name = (
                meta.get("name") or meta.get("property") or meta.get("itemprop") or meta.get("http-equiv") or ""
            ).lower()
            content = _one_line(meta.get("content") or "")
            if name and content:
                self.fields.setdefault(name.replace("dc:", "dc."), []).append(content)
        title = next((element for element in root.iter("title") if _parent_tag(element) != "svg"), None)
        self.title = _one_line("".join(title.itertext())) if title is not None else ""
        self.language = next((value for name, value in root.attrib.items() if name.endswith("lang")), "")
        self.url = self.license = ""
        for link in root.iter("link", "a"):
            rel = (link.get("rel") or "").lower().split()
            if "canonical" in rel and link.tag == "link":
                self.url = self.url or (link.get("href") or "").strip()
            if "license" in rel:
                self.license = (
                    self.license or license_name(link.get("href") or "") or _one_line("".join(link.itertext()))
                )
        self.data = _linked_data(root)

    def document(self, text: str, heading: str) -> Document:
        """The document with a text and the first heading of that text."""
        metadata = {name: self._first(*names) for name, names in _OTHER_NAMES.items()}
        metadata["url"] = self.url or metadata["url"]
        metadata["language"] = self.language or metadata["language"]
        authors = [name for name in self._all(*_AUTHOR_NAMES) if "://" not in name] or self.data.get("author", [])
        topics = self._all(*_TOPIC_NAMES) or self.data.get("keywords", [])
        rights = license_name(self._first(*_LICENSE_NAMES)) or license_name("".join(self.data.get("license", [])[:1]))
        title = self._title(heading)
        metadata["description"] = "" if metadata["description"] == title else metadata["description"]
        return Document(
            id="",
            text=text,
            title=title,
            attribution="; ".join(dict.fromkeys(authors)),
            license=self.license or rights,
            date=self._first(*_DATE_NAMES) or "".join(self.data.get("datePublished", [])[:1]),
            topics=tuple(dict.fromkeys(part for topic in topics for part in _listed(topic) if topic != self.title)),
            metadata={name: value for name, value in metadata.items() if value},
        )

    def _title(self, heading: str) -> str:
        given = self._first(*_TITLE_NAMES) or self.title
        if heading and (not given or given.casefold().startswith(heading.casefold())):
            return heading
        return given or "".join(self.data.get("headline", [])[:1])

    def _first(self, *names: str) -> str:
        return next((self.fields[name][0] for name in names if name in self.fields), "")

    def _all(self, *names: str) -> list[str]:
        return next((self.fields[name] for name in names if name in self.fields), [])


def license_name(text: str) -> str:
    """The short name of a Creative Commons license for its address; any other text as it is."""
    text = _one_line(text)
    found = _CC.search(text.lower())
    if found:
        return f"CC {found.group(1).strip('-').upper()} {found.group(2)}"
    zero = _CC0.search(text)
    return f"CC0 {zero.group(1)}" if zero else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _listed(keywords: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;]" if ";" in keywords else r"[,，、]", keywords) if part.strip()]


def _linked_data(root: Element) -> dict[str, list[str]]:
    """What the JSON-LD of a page says of authors, license, date and keywords."""
    found: dict[str, list[str]] = {}
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json":
            continue
        try:
            waiting = [json.loads(script.text or "", strict=False)]
        except (ValueError, RecursionError):
            continue
        for _ in range(_MAX_LINKED_DATA_NODES):
            if not waiting:
                break
            node = waiting.pop()
            if isinstance(node, list):
                waiting += reversed(node)
            elif isinstance(node, dict):
                waiting += [node[name] for name in ("@graph", "mainEntity") if name in node]
                for name in ("author", "license", "datePublished", "keywords", "headline"):
                    found.setdefault(name, []).extend(_names(node.get(name)))
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def _names(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    names = (item.get("name") or item.get("url") if isinstance(item, dict) else item for item in values)
    return [_one_line(name) for name in names if isinstance(name, str) and name.strip()]


# --- Markdown

_SPACE = re.compile(r"[ \t\r\n\f\u00a0\u2000-\u200a\u202f\u3000]+")
_SPACE_OR_NONE = {0xAD: None, 0x200B: None, 0xFEFF: None, 0x2060: None}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p section summary "
    "table tbody td tfoot th thead tr ul pre".split()
)
_CODE_TAGS = frozenset(["code", "tt", "kbd", "samp"])
_PRE_TAGS = frozenset(["pre", "listing", "xmp", "plaintext"])
_MAX_INDENTS = 10
_MAX_SPAN = 60
_LANGUAGE = re.compile(
    r"(?:language|lang|highlight-source|highlight|src|brush:?)[-:]\s*([\w+#.-]{1,30})\Z", re.IGNORECASE
)
_LANGUAGES = frozenset(
    "bash c cpp csharp css diff go haskell html ini java javascript js json julia kotlin lua makefile matlab ocaml "
    "perl php powershell python python3 r ruby rust scala sh shell sql swift toml ts typescript xml yaml".split()
)
_NO_LANGUAGE = frozenset(
    "default none text plain plaintext txt nohighlight notranslate output raw highlight guess".split()
)
_CODE_BLOCKS = frozenset(["fragment", "syntaxhighlighter"])
_CONTENTS = re.compile(r"#{1,6} (?:(?:table of |short )?contents|on this page)", re.IGNORECASE)
_DELIMITER = re.compile(r"(?<!\\)\\([()\[\]])")
_NO_FORMULA = re.compile(r"\W*|(?:and|or|to|und|et|\.\.\.|…)")


def _written(root: Element) -> str:
    """An element as Markdown, without recursion."""
    from lxml import etree

    layout = _layout_tables(root)
    writer = _Writer(layout)
    walker = etree.iterwalk(root, events=("start", "end"))
    skipped: Element | None = None
    for event, element in walker:
        if event == "start":
            if writer.start(element):
                skipped = element
                walker.skip_subtree()
            continue
        if element is skipped:
            skipped = None
        else:
            writer.end(element)
        if element is not root and element.tail:
            writer.text(element.tail)
    return writer.finish()


def _layout_tables(root: Element) -> set[Element]:
    """Tables that place blocks on a page and hold no rows of data."""
    from lxml import etree

    layout: set[Element] = set()
    # Of each: the table, cells of its row, most cells of a row, whether it has header cells and a cell over columns.
    open_tables: list[list[Any]] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if tag == "table":
            if event == "start":
                if open_tables and not open_tables[-1][3]:
                    layout.add(open_tables[-1][0])
                open_tables.append([element, 0, 0, False, False])
            else:
                table, _, most, has_header, _ = open_tables.pop()
                names = f"{table.get('role') or ''} {table.get('class') or ''}"
                if (most < 2 and not has_header) or re.search(r"presentation|ltx_eq|highlighttable|rouge-table", names):
                    layout.add(table)
        elif event == "start" and open_tables:
            current = open_tables[-1]
            if tag == "tr":
                current[1] = 0
            elif tag in ("td", "th"):
                current[1] += 1
                current[2] = max(current[1], current[2])
                current[3] |= tag == "th"
                current[4] = _span(element.get("colspan")) > 1
            elif (_is_heading(tag) and not current[4]) or (tag in _PRE_TAGS and _has_lines(element)):
                layout.add(current[0])
    return layout


def _has_lines(element: Element) -> bool:
    return element.find(".//br") is not None or any("\n" in text.strip() for text in element.itertext())


@dataclass(slots=True)
class _Table:
    """Rows of cells so far, with which rows are headers, and what spans into later rows."""

    rows: list[list[str]] = field(default_factory=list)
    headers: list[bool] = field(default_factory=list)
    spans: dict[int, int] = field(default_factory=dict)
    is_row_open: bool = False

    def open_row(self) -> None:
        self.rows.append([])
        self.headers.append(True)
        self.is_row_open = True
        self._fill()

    def _fill(self) -> None:
        row = self.rows[-1]
        while self.spans.get(len(row)):
            self.spans[len(row)] -= 1
            row.append("")

    def add(self, text: str, cell: Element) -> None:
        row = self.rows[-1]
        down = _span(cell.get("rowspan"))
        for place in range(_span(cell.get("colspan")) if len(row) < _MAX_SPAN else 1):
            if down > 1 and len(row) < _MAX_SPAN:
                self.spans[len(row)] = down - 1
            row.append("" if place else text)
        self._fill()
        self.headers[-1] &= cell.tag == "th"

    def lines(self) -> list[str]:
        kept = [(row, header) for row, header in zip(self.rows, self.headers, strict=True) if any(row)]
        width = min(max((len(row) for row, _ in kept), default=0), _MAX_SPAN)
        lines: list[str] = []
        is_head = bool(kept and kept[0][1] and len(kept) > 1)
        for row, header in kept:
            if is_head and not header:
                lines.append("|" + "---|" * max(width, 1))
                is_head = False
            lines.append("| " + " | ".join(row + [""] * (width - len(row))) + " |")
        return lines


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    return min(max(int(digits), 1), _MAX_SPAN) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 1


@dataclass(slots=True)
class _Frame:
    """Where blocks go: the page, or a cell of a table.

    Attributes:
        parts: blocks of Markdown with what stands before each.
        inline: pieces of the open paragraph, each with its kind: text, code, or raw for what stays as it is.
        indents: what stands before every line, one for each open list item or quotation.
        marker: what stands before the next block: the mark of a list item; None for nothing.
        heading: the marks of the open heading; empty outside of one.
        ends_in_space: white space at the start of the next text adds nothing.
        was_item: the last block was the first one of a list item.
        was_term: the last block was the term of a definition.
        is_definition: the next paragraph is the first one of a definition.
    """

    is_cell: bool = False
    parts: list[str] = field(default_factory=list)
    inline: list[tuple[str, str]] = field(default_factory=list)
    indents: list[str] = field(default_factory=list)
    marker: str | None = None
    heading: str = ""
    ends_in_space: bool = True
    was_item: bool = False
    was_term: bool = False
    is_definition: bool = False


class _Writer:
    """Writes Markdown while a tree is walked: `start` and `end` for elements, `text` for what stands between."""

    def __init__(self, layout: set[Element]) -> None:
        self.layout = layout
        self.frame = _Frame()
        self.frames: list[_Frame] = []
        self.tables: list[_Table | None] = []
        self.lists: list[int | None] = []  # the number of the next item; None without numbers
        self.starts: dict[str, Callable[[Element], bool]] = {
            "br": self._break, "hr": self._rule, "ul": self._list, "ol": self._list, "menu": self._list,
            "dir": self._list, "li": self._item, "blockquote": self._quotation, "dd": self._description,
            "table": self._table, "tr": self._row, "td": self._cell, "th": self._cell, "sup": self._script,
            "sub": self._script, "q": self._quote, "rt": self._ruby, _FORMULA: self._formula, "img": self._image,
        }  # fmt: skip

    # Text

    def text(self, text: str | None) -> None:
        """Add text with its runs of white space as one blank."""
        if not text:
            return
        frame = self.frame
        text = _SPACE.sub(" ", text.translate(_SPACE_OR_NONE))
        if frame.ends_in_space and text[:1] == " ":
            text = text[1:]
        if text:
            frame.inline.append((text, "text"))
            frame.ends_in_space = text[-1] == " "

    def raw(self, text: str) -> None:
        """Add a piece of a paragraph as it is."""
        self.frame.inline.append((text, "raw"))
        self.frame.ends_in_space = text.endswith("\n")

    def flush(self, *, is_term: bool = False) -> None:
        """End the open paragraph, which may be the term of a definition."""
        frame = self.frame
        if not frame.inline:
            return
        text = _joined_pieces(frame.inline, frame.is_cell).strip()
        frame.inline, frame.ends_in_space = [], True
        if not text:
            return
        if frame.heading and not frame.is_cell:
            text = frame.heading + " ".join(text.split())
        if frame.is_definition and not frame.is_cell:
            self.block(f": {text}")
            frame.is_definition = False
        else:
            self.block(text)
        frame.was_term = is_term

    def block(self, text: str) -> None:
        """Add a block of Markdown with the marks of the lists and quotations around it."""
        frame = self.frame
        is_item = frame.marker is not None
        before = "".join(frame.indents)
        first = before
        if is_item and frame.marker is not None:
            outer = before[: len(before) - len(frame.indents[-1])] if frame.indents else ""
            first = outer + frame.marker
            frame.marker = None
        if text.startswith("#") and frame.parts and _CONTENTS.fullmatch(frame.parts[-1]):
            # The list under it has been left out.
            del frame.parts[-2:]
        if frame.is_cell:
            if frame.parts:
                frame.parts.append("; " if is_item else " ")
        elif frame.parts:
            is_next = (is_item and frame.was_item) or (frame.was_term and frame.is_definition)
            frame.parts.append("\n" if is_next else "\n\n")
        frame.was_item, frame.was_term = is_item, False
        if frame.is_cell:
            frame.parts.append(text)
            return
        frame.parts.append(first + text.replace("\n", f"\n{before}") if before or first else text)

    def finish(self) -> str:
        """All that was written."""
        while self.frames:
            self._close_cell(None)
        self.flush()
        return "".join(self.frame.parts).strip("\n")

    # Elements

    def start(self, element: Element) -> bool:
        """Begin an element; true where all of it has been written."""
        tag = element.tag
        if tag in _PRE_TAGS or (tag == "div" and _is_code_block(element)):
            return self._code_block(element)
        if tag in _CODE_TAGS and element.find(".//pre") is None:
            return self._code(element)
        write = self.starts.get(tag)
        if write is not None:
            if write(element):
                return True
        elif _is_heading(tag):
            self.flush()
            self.frame.heading = "#" * int(tag[1]) + " "
        elif tag in _BLOCKS:
            self._boundary()
        self.text(element.text)
        return False

    def end(self, element: Element) -> None:
        """End an element that `start` has not written whole."""
        tag = element.tag
        if tag in ("sup", "sub"):
            self._end_script()
        elif tag == "q":
            self.raw("”")
        elif tag == "rt":
            self.text(")")
        elif _is_heading(tag):
            self.flush()
            self.frame.heading = ""
        elif tag == "table":
            self._end_table()
        elif tag in ("td", "th") and self.tables and self.tables[-1] is not None:
            self._close_cell(element)
        elif tag == "dt" and not self.frame.heading:
            self.flush(is_term=True)
        elif tag in _BLOCKS:
            self._boundary()
            if tag in ("ul", "ol", "menu", "dir") and self.lists:
                self.lists.pop()
                self.frame.was_item = self.frame.was_item and bool(self.lists)
            elif tag in ("li", "blockquote") and self.frame.indents:
                self.frame.indents.pop()
                self.frame.marker = None
            elif tag == "dd":
                self.frame.is_definition = False

    def _boundary(self) -> None:
        if self.frame.heading:
            self.text(" ")
        else:
            self.flush()

    def _break(self, element: Element) -> bool:
        if self.frame.heading or self.frame.is_cell:
            self.text(" ")
        elif self.frame.inline:
            self.raw("\n")
        return False

    def _rule(self, element: Element) -> bool:
        self._boundary()
        return False

    def _list(self, element: Element) -> bool:
        self._boundary()
        start = (element.get("start") or "1").strip()
        number = int(start) if re.fullmatch(r"\d{1,8}", start, re.ASCII) else 1
        self.lists.append(number if element.tag == "ol" else None)
        return False

    def _item(self, element: Element) -> bool:
        self._boundary()
        number = self.lists[-1] if self.lists else None
        marker = "- "
        if number is not None:
            marker = f"{number}. "
            self.lists[-1] = number + 1
        deep = len(self.frame.indents) >= _MAX_INDENTS
        self.frame.indents.append("" if deep else " " * len(marker))
        self.frame.marker = marker
        return False

    def _quotation(self, element: Element) -> bool:
        self._boundary()
        self.frame.indents.append("" if len(self.frame.indents) >= _MAX_INDENTS else "> ")
        return False

    def _description(self, element: Element) -> bool:
        self._boundary()
        self.frame.is_definition = self.frame.was_term
        return False

    def _table(self, element: Element) -> bool:
        self._boundary()
        self.tables.append(None if element in self.layout else _Table())
        return False

    def _row(self, element: Element) -> bool:
        table = self.tables[-1] if self.tables else None
        if table is None:
            self._boundary()
        else:
            table.open_row()
        return False

    def _cell(self, element: Element) -> bool:
        table = self.tables[-1] if self.tables else None
        if table is None:
            self._boundary()
            return False
        if not table.is_row_open:
            table.open_row()
        self.frames.append(self.frame)
        self.frame = _Frame(is_cell=True)
        return False

    def _close_cell(self, cell: Element | None) -> None:
        self.flush()
        text = " ".join("".join(self.frame.parts).split())
        self.frame = self.frames.pop()
        table = self.tables[-1] if self.tables else None
        if table is not None and cell is not None:
            table.add(text, cell)
        elif text:
            self.block(text)

    def _end_table(self) -> None:
        self._boundary()
        table = self.tables.pop() if self.tables else None
        if table is None:
            return
        if self.frame.is_cell:
            for row in table.rows:
                if any(row):
                    self.frame.marker = ""
                    self.block(", ".join(cell for cell in row if cell))
            return
        lines = table.lines()
        if lines:
            self.block("\n".join(lines))

    def _script(self, element: Element) -> bool:
        self.raw("^{" if element.tag == "sup" else "_{")
        self.frame.ends_in_space = True
        return False

    def _end_script(self) -> None:
        inline = self.frame.inline
        if inline and inline[-1] in (("^{", "raw"), ("_{", "raw")):
            inline.pop()
            return
        if inline and inline[-1][1] == "text":
            inline[-1] = (inline[-1][0].rstrip(" "), "text")
        self.raw("}")

    def _quote(self, element: Element) -> bool:
        self.raw("“")
        return False

    def _ruby(self, element: Element) -> bool:
        before = element.getprevious()
        if before is not None and before.tag == "rp":
            return False
        self.text("(")
        return False

    def _image(self, element: Element) -> bool:
        names = (element.get("class") or "").lower()
        alt = element.get("alt") or ""
        if len(alt) <= 8 and ("emoji" in names or "smiley" in names):
            self.text(alt)
        return True

    def _formula(self, element: Element) -> bool:
        tex = element.get("tex") or ""
        if not tex.strip():
            return True
        if not element.get("display") or self.frame.is_cell or self.frame.heading:
            self.raw(f"${tex}$")
        else:
            self.flush()
            self.block(f"$${tex}$$")
        return True

    def _code(self, element: Element) -> bool:
        code = _code_text(element)
        is_block = element.find(".//br") is not None or "white-space: pre" in (element.get("style") or "")
        if is_block and "\n" in code.strip("\n") and not self.frame.is_cell:
            return self._fence(code, _language(element))
        code = _SPACE.sub(" ", code)
        if not code.strip():
            self.text(code)
            return True
        if code[0] == " ":
            self.text(" ")
        self.frame.inline.append((code.strip(), "code"))
        self.frame.ends_in_space = False
        if code[-1] == " ":
            self.text(" ")
        return True

    def _code_block(self, element: Element) -> bool:
        code = _code_text(element)
        if self.frame.is_cell or self.frame.heading:
            if code.strip():
                self._boundary()
                self.frame.inline.append((" ".join(code.split()), "code"))
                self._boundary()
            return True
        return self._fence(code, _language(element))

    def _fence(self, code: str, language: str) -> bool:
        self.flush()
        code = code.removeprefix("\n").rstrip()
        if code.strip():
            longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
            fence = "`" * (longest + 1)
            self.block(f"{fence}{language}\n{code}\n{fence}")
        return True


def _in_backticks(code: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {code} {fence}" if longest else f"{fence}{code}{fence}"


def _joined_pieces(pieces: list[tuple[str, str]], is_cell: bool) -> str:
    """A paragraph from its pieces: code in backticks, formulas between dollar signs, bars of a cell escaped.

    Pieces of one kind that touch are one piece.
    """
    out: list[str] = []
    for kind, group in itertools.groupby(pieces, key=lambda piece: piece[1]):
        text = "".join(piece[0] for piece in group)
        if kind == "text":
            text = _with_dollars(text)
        elif kind == "code":
            text = _in_backticks(text)
        if is_cell and (kind == "code" or (kind == "text" and "$" not in text)):
            text = text.replace("|", "\\|")
        out.append(text)
    joined = "".join(out)
    return re.sub(r" *\n *", "\n", joined) if "\n" in joined else joined


def _with_dollars(text: str) -> str:
    r"""Text with `\(…\)` as `$…$` and `\[…\]` as `$$…$$`."""
    if "\\" not in text:
        return text
    pieces = _DELIMITER.split(text)
    if len(pieces) < 5:
        return text
    place = 1
    out = [pieces[0]]
    while place < len(pieces):
        mark, after = pieces[place], pieces[place + 1]
        closing = {"(": ")", "[": "]"}.get(mark)
        is_pair = closing is not None and place + 2 < len(pieces) and pieces[place + 2] == closing
        if is_pair and not _NO_FORMULA.fullmatch(after.strip()[:200]):
            dollars = "$" if mark == "(" else "$$"
            out += [dollars, after.strip(), dollars, pieces[place + 3]]
            place += 4
        else:
            out += [f"\\{mark}", after]
            place += 2
    return "".join(out)


def _is_code_block(element: Element) -> bool:
    names = element.get("class")
    return bool(names) and not _CODE_BLOCKS.isdisjoint(names.lower().split()) and element.find(".//pre") is None


def _code_text(root: Element) -> str:
    """The characters of code: white space stays, each block is a line, scripts have their marks."""
    from lxml import etree

    out: list[str] = []

    def new_line() -> None:
        if out and not out[-1].endswith("\n"):
            out.append("\n")

    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        is_block = tag in _BLOCKS and tag not in ("td", "th") and element is not root
        if event == "start":
            if is_block:
                new_line()
            if tag == "br":
                out.append("\n")
            elif tag in ("sup", "sub"):
                out.append("^{" if tag == "sup" else "_{")
            elif tag == _FORMULA and element.get("tex"):
                out.append(f"${element.get('tex')}$")
            if element.text:
                out.append(element.text)
            continue
        if tag in ("sup", "sub"):
            out.append("}")
        if element is root:
            continue
        tail = element.tail or ""
        if is_block:
            new_line()
            tail = tail.removeprefix("\n") if not tail.strip() else tail
        if tail:
            out.append(tail)
    return "".join(out).replace("\u00a0", " ").replace("\u200b", "").replace("\r\n", "\n").replace("\r", "\n")


def _language(element: Element) -> str:
    """The language of code, by the classes of its element, of the `code` in it, and of the two around it."""
    inner = element.find("code")
    parent = element.getparent()
    grandparent = parent.getparent() if parent is not None else None
    for place in (element, inner, parent, grandparent):
        if place is None:
            continue
        named = place.get("data-lang") or place.get("data-language")
        if named and re.fullmatch(r"[\w+#.-]{1,30}", named):
            return str(named).lower()
        tokens = (place.get("class") or "").replace("brush: ", "brush:").strip(";").split()
        for token in tokens:
            found = _LANGUAGE.match(token.strip(";"))
            if found and found.group(1).lower() not in _NO_LANGUAGE:
                return found.group(1).lower().removeprefix("source-")
        if place in (element, inner):
            for token in tokens:
                if token.lower() in _LANGUAGES:
                    return token.lower()
    return ""
