"""The characters of a page and its tree."""

import re
from html.entities import html5
from typing import NamedTuple

from kgsynth.errors import RecordError
from kgsynth_loaders.characters import WITH_WINDOWS_1252, decode, encoding_by_mark
from kgsynth_loaders.readers.html_elements import Element
from kgsynth_loaders.readers.mathml_content import name_of

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
_CONTROLS = {code: None for code in (*range(9), 11, *range(14, 32), 127)} | {12: "\n"}
_ENTITY = re.compile(r"&(#?\w{1,40});?")
_DOCTYPE = re.compile(r"[^<]*(?:<\?[^>]{0,500}>\s*)?(<!DOCTYPE\b[^>\[]*(?:\[[^\]]*\]\s*)?>)", re.IGNORECASE)
# `a<b` in a formula is no tag.
_LESS_THAN = re.compile(r"<(?=[a-zA-Z][^<>=\"']{0,80}\\[)\]])|(?<=[\w)}\]])<(?=[a-zA-Z][^<>=\"'\n]{0,40}\$)")
# The parser of lxml drops what lies deeper than 2,048 elements.
DEEPEST = 1000
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*+>")
_KEPT_TAGS = frozenset("p h1 h2 h3 h4 h5 h6 pre br hr head title meta link script style html body math".split())
_LINE_TAGS = frozenset("div li tr td th dt dd table ul ol dl section article blockquote main caption".split())


class _Decoded(NamedTuple):
    text: str
    guess: str


def decoded_page(data: bytes, encoding: str, declared: str) -> _Decoded:
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
            return _Decoded(data.decode("utf-8", WITH_WINDOWS_1252).translate(_CONTROLS), "")
    found = decode(data, encoding=encoding, declared=label)
    return _Decoded(found.text.translate(_CONTROLS), found.encoding if found.is_guessed else "")


def parsed(text: str) -> Element:
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
        root = from_html(text, parser)
        if root is not None and depth_of(root) >= DEEPEST:
            root = from_html(_without_depth(text), parser)
    if root is None:
        raise RecordError("no text")
    for element in root.iter(etree.Element):
        if ":" in element.tag or element.tag[0] == "{" or not element.tag.islower():
            element.tag = name_of(element) or "span"
    return root


def from_html(text: str, parser: Element) -> Element | None:
    """The tree that a parser of HTML makes of a text; None where it makes none."""
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


def depth_of(root: Element) -> int:
    """How many elements are open at the deepest place of a tree."""
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
