"""Decode a page and parse it into a tree."""

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
# Names of encodings that pages declare, and the encodings with which browsers read such pages.
_READ_AS = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932", "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "big5": "big5hkscs", "iso-8859-9": "cp1254", "tis-620": "cp874",
    "iso-8859-11": "cp874", "x-x-big5": "big5hkscs", "x-mac-roman": "mac-roman", "macintosh": "mac-roman",
    "iso8859-1": "latin-1", "iso_8859-1": "latin-1", "us-ascii": "latin-1", "x-cp1251": "cp1251", "unicode": "utf-8",
    "utf8": "utf-8", "utf-16": "utf-8",
}  # fmt: skip
# A page that declares UTF-8 may have a byte that is not UTF-8 per this number of characters. Such bytes are read as
# Windows-1252, because the page was probably put together from two pages.
_CHARS_FOR_A_SLIP = 200
# Control characters are removed, but a form feed becomes a line end.
_CONTROLS = {code: None for code in (*range(9), 11, *range(14, 32), 127)} | {12: "\n"}
_ENTITY = re.compile(r"&(#?\w{1,40});?")
_DOCTYPE = re.compile(r"[^<]*(?:<\?[^>]{0,500}>\s*)?(<!DOCTYPE\b[^>\[]*(?:\[[^\]]*\]\s*)?>)", re.IGNORECASE)
# A `<` in a formula, as in `a<b`, does not begin a tag.
_LESS_THAN = re.compile(r"<(?=[a-zA-Z][^<>=\"']{0,80}\\[)\]])|(?<=[\w)}\]])<(?=[a-zA-Z][^<>=\"'\n]{0,40}\$)")
# Pages whose elements are nested this deep are flattened, because the parser of lxml drops elements below depth 2,048.
DEEPEST = 1000
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*+>")
_KEPT_TAGS = frozenset("p h1 h2 h3 h4 h5 h6 pre br hr head title meta link script style html body math".split())
_LINE_TAGS = frozenset("div li tr td th dt dd table ul ol dl section article blockquote main caption".split())


class _Decoded(NamedTuple):
    """The text of a page, and the name of its encoding if that was guessed, else an empty string."""

    text: str
    guess: str


def decoded_page(data: bytes, encoding: str, declared: str) -> _Decoded:
    """Decode a page by byte order mark, the user's encoding, UTF-8, the declared encoding, or a guess, in this order.

    Args:
        data: the page.
        encoding: encoding that the user gave; empty for none.
        declared: encoding that the server declares; empty for the one that the page declares.

    Raises:
        RecordError: the bytes are invalid in the user's encoding, or no encoding fits them.
    """
    mark, _ = encoding_by_mark(data)
    if not mark and not encoding and b"\x00" in data[:4]:
        encoding = "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"
    start = data[:_DECLARATION_BYTES]
    declaration = _CHARSET.search(start) or _XML_ENCODING.match(start)
    label = (declared or (declaration.group(1).decode("ascii", "replace") if declaration else "")).strip(" \"'").lower()
    label = _READ_AS.get(label, label)
    if label == "utf-8" and not mark and not encoding:
        lenient = data.decode("utf-8", "replace")
        slips = lenient.count("\ufffd")
        if 0 < slips * _CHARS_FOR_A_SLIP < len(lenient):
            return _Decoded(data.decode("utf-8", WITH_WINDOWS_1252).translate(_CONTROLS), "")
    decoded = decode(data, encoding=encoding, declared=label)
    return _Decoded(decoded.text.translate(_CONTROLS), decoded.encoding if decoded.is_guessed else "")


def parsed(text: str) -> Element:
    """Return the tree of a page, with tags in lower case and without namespaces.

    Raises:
        RecordError: the page is empty.
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
    """Parse a text with a parser of HTML; return None if that gives no tree."""
    from lxml import etree

    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, etree.ParserError, ValueError):
        return None


def _is_xml(text: str) -> bool:
    start = text[:2000].lstrip()
    return start.startswith("<?xml") or ("/1999/xhtml" in start and "/>" in text[:5000])


def _as_xml(text: str) -> Element | None:
    """Return the tree of a well-formed page, else None. Its document type is dropped with the entities in it."""
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
    match = _DOCTYPE.match(text)
    return text[: match.start(1)] + text[match.end(1) :] if match else text


def _plain_entity(match: re.Match[str]) -> str:
    name = match.group(1)
    if name.startswith("#") or name in ("amp", "lt", "gt", "quot", "apos"):
        return match.group() if match.group().endswith(";") else f"{match.group()};"
    return html5.get(f"{name};", f"&amp;{match.group()[1:]}")


def depth_of(root: Element) -> int:
    """Return the depth of a tree: the maximum number of nested elements."""
    from lxml import etree

    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_depth(text: str) -> str:
    """Return a page with only the tags of paragraphs, headings, code and head; other blocks become line breaks."""
    open_tags: set[str] = set()

    def flattened_tag(match: re.Match[str]) -> str:
        name = match.group(2).lower()
        if name in _KEPT_TAGS:
            is_end = bool(match.group(1))
            is_needed = (name in open_tags) == is_end or name in ("p", "br", "hr", "meta", "link")
            (open_tags.discard if is_end else open_tags.add)(name)
            return match.group() if is_needed else ""
        return "<br>" if name in _LINE_TAGS else ""

    return re.sub(r"(?:<br>\s*)+", "<br>", _TAG.sub(flattened_tag, text))
