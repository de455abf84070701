"""Replace each formula of a page, with its rendered copies, by one element that holds its LaTeX."""

import re
from urllib.parse import unquote

from kgsynth_loaders.readers.html_elements import FORMULA, Element
from kgsynth_loaders.readers.html_parsing import DEEPEST, depth_of, from_html
from kgsynth_loaders.readers.html_rendered_math import math_of
from kgsynth_loaders.readers.mathml import clean_tex, is_tex, tex_of

TEX_IMAGE = re.compile(
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


def replace_formulas(root: Element) -> None:
    """Replace each formula by an element `FORMULA`, in place.

    Its attribute `tex` is the LaTeX, which is empty for a second copy of a formula; `display` is set for display math.
    """
    from lxml import etree

    has_scripts = any((script.get("type") or "").startswith("math/") for script in root.iter("script"))
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        formula = _formula(element, has_scripts)
        if formula is not None:
            tex, is_display = formula
            element.clear(keep_tail=True)
            element.tag = FORMULA
            element.set("tex", tex)
            if is_display:
                element.set("display", "1")
            walker.skip_subtree()


def _formula(element: Element, has_scripts: bool) -> tuple[str, bool] | None:
    """Return the LaTeX of a formula or of a copy of one, and whether it is display math; None for other elements."""
    tag = element.tag
    if tag == "math":
        return tex_of(element), _is_display(element)
    if tag == "tr":
        return _of_row(element) if "ltx_eqn_row" in (element.get("class") or "").split() else None
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


def _of_row(row: Element) -> tuple[str, bool] | None:
    """Return a line of an equation that LaTeXML has split into cells, without its number; None if it has no parts."""
    parts: list[str] = []
    for cell in row.iter("td", "th"):
        if "ltx_eqn_eqno" in (cell.get("class") or ""):
            continue
        formulas = [tex_of(inner) for inner in cell.iter("math")]
        if not formulas and cell.find(".//p") is not None:
            return None
        labels = {inner for inner in cell.iter() if "ltx_tag" in (inner.get("class") or "")}
        cell_text = "" if labels else " ".join("".join(cell.itertext()).split())
        parts += formulas or ([f"\\text{{{cell_text}}}"] if cell_text else [])
    return (" ".join(part for part in parts if part), True) if parts else None


def _of_wrapper(element: Element, is_display: bool) -> tuple[str, bool] | None:
    """Return the formula of a wrapper that holds MathML and a rendered copy; None if no formula is found."""
    for inner in element.iter("math", "img"):
        formula = _of_image(inner) if inner.tag == "img" else (tex_of(inner), _is_display(inner))
        if formula and formula[0]:
            is_image_display = any(_is_display(image) for image in element.iter("img"))
            return formula[0], is_display or formula[1] or is_image_display
    for inner in element.iter("annotation"):
        return clean_tex("".join(inner.itertext())), is_display
    if any("katex-html" in (inner.get("class") or "").split() for inner in element.iter("span")):
        math = math_of(element)
        if math is not None:
            return clean_tex(tex_of(math)), is_display
    for inner in element.iter():
        inner.attrib.pop("aria-hidden", None)
    return None


def _of_rendered(element: Element, has_scripts: bool) -> tuple[str, bool]:
    """Return a formula rendered by MathJax 2; empty if the page has its source, else from its MathML or its boxes."""
    following = element.getnext()
    is_preview = following is not None and "mathjax" in (following.get("class") or "").lower()
    if has_scripts or is_preview:
        return "", False
    markup = next((inner.get("data-mathml") for inner in element.iter() if inner.get("data-mathml")), "")
    if markup:
        return _tex_of_markup(markup), _is_display(element)
    for math in element.iter("math"):
        return tex_of(math), _is_display(element) or _is_display(math)
    rendered = math_of(element) if "mjx-" in (element.get("class") or "").lower() else None
    text = tex_of(rendered) if rendered is not None else " ".join("".join(element.itertext()).split())
    return clean_tex(text), _is_display(element)


def _of_container(element: Element) -> tuple[str, bool]:
    """Return a formula rendered by MathJax 3 or 4, from its MathML, its TeX, or its glyphs."""
    is_display = _is_display(element)
    for math in element.iter("math"):
        return tex_of(math), is_display or _is_display(math)
    tex = next((inner.get("data-latex") for inner in element.iter() if inner.get("data-latex")), "")
    if tex:
        return clean_tex(tex), is_display
    rendered = math_of(element)
    return clean_tex(tex_of(rendered) if rendered is not None else element.get("aria-label") or ""), is_display


def _of_image(element: Element) -> tuple[str, bool] | None:
    source, alt = element.get("src") or "", element.get("alt") or ""
    is_named = TEX_IMAGE.search(element.get("class") or "") is not None
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

    root = from_html(markup, etree.HTMLParser(huge_tree=True, remove_comments=True, no_network=True, encoding="utf-8"))
    math = next(root.iter("math"), None) if root is not None else None
    return tex_of(math) if math is not None and depth_of(math) < DEEPEST else ""
