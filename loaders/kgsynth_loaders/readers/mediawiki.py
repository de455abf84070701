"""Read MediaWiki dumps: a document per article, as a stream in constant memory."""

import bz2
import gzip
import html
import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Skipped
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html import license_name
from kgsynth_loaders.readers.markdown import Cell, code_span, fenced, spread, table
from kgsynth_loaders.text_lines import DAMAGED_REASON
from kgsynth_loaders.workers import Begun

_CHUNK_BYTES = 65_536
# Maximum characters of a page. A longer one is a table of data or an error, and parsing its wikitext takes minutes.
_LONGEST_PAGE = 2_000_000
_RAW_CHARS = 500
# Characters from which parsing a page may take seconds.
_LONG_PAGE = 20_000
Record = Document | Reject | Skipped

_DECLARES_ENTITIES = "declares XML entities, which are not read"


def read(path: Path, options: ReadOptions) -> Iterator[Record | Begun]:
    """Yield the articles of a dump, which may be compressed; other pages and redirects are counted as skipped.

    A redirect declares that two names mean the same. The redirects between two articles become synonyms of the first.

    Raises:
        RecordError: the file is not a MediaWiki dump, declares XML entities, or is damaged before the first page.
    """
    import mwparserfromhell  # noqa: F401

    del options
    article: Document | None = None
    redirects: list[tuple[str, str]] = []
    for record in _pages(path):
        if isinstance(record, tuple):
            redirects.append(record)
            continue
        if isinstance(record, (Document, Reject, Begun)) and article is not None:
            yield replace(article, synonyms=tuple(redirects))
            article, redirects = None, []
        if isinstance(record, Document):
            article = record
        else:
            yield record
    if article is not None:
        yield replace(article, synonyms=tuple(redirects))


def _pages(path: Path) -> Iterator[Record | Begun | tuple[str, str]]:
    """Yield the pages of a dump, and the two names of a redirect before its page."""
    site = _Site()
    number = 0
    for element in _elements(path):
        if isinstance(element, str):
            if not number and not site.is_known:
                raise RecordError(element if element == _DECLARES_ENTITIES else "damaged")
            yield Reject(position=Position(source="", line=number + 1), reason=DAMAGED_REASON, raw=element[:_RAW_CHARS])
            return
        if _name(element) == "siteinfo":
            site = _site(element)
            continue
        number += 1
        if (length := _length(element)) > _LONG_PAGE:
            name = _value(element, "title") or f"page {number} with {length} characters"
            yield Begun(position=Position(source="", line=number), name=name)
        redirect = _redirect(element)
        if redirect is not None:
            yield redirect
        yield _page(element, number, site)
    if not number:
        raise RecordError("no MediaWiki page")


@dataclass(frozen=True, slots=True)
class _Site:
    is_known: bool = False
    base: str = ""
    license: str = ""


def _open_dump(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if head.startswith(b"\xfd7zXZ"):
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return path.open("rb")


def _elements(path: Path) -> Iterator[Element | str]:
    """Yield the pages and the description of the site; if the file is damaged, the reason follows as a text."""
    parser: Any = XMLPullParser(("start", "end"))
    root: Element | None = None
    try:
        with _open_dump(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                # Entities are declared before the first element; a few of them can expand to gigabytes.
                if root is None and b"<!entity" in chunk.replace(b"\x00", b"").lower():
                    raise ParseError(_DECLARES_ENTITIES)  # noqa: TRY301
                parser.feed(chunk)
                for event, element in parser.read_events():
                    if event == "start":
                        root = element if root is None else root
                    elif _name(element) in ("page", "siteinfo"):
                        yield element
                        element.clear()
                        if root is not None:
                            root.clear()
        parser.close()
        for _, element in parser.read_events():
            if _name(element) == "page" and len(element):
                yield element
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ParseError, ValueError) as error:
        yield str(error) or type(error).__name__


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: Element | None, name: str) -> Element | None:
    return next((child for child in element if _name(child) == name), None) if element is not None else None


def _value(element: Element | None, *names: str) -> str:
    for name in names:
        element = _child(element, name)
    return (element.text or "").strip() if element is not None else ""


def _site(element: Element) -> _Site:
    base = _value(element, "base")
    rights = _value(element, "rights") or _value(element, "license")
    return _Site(True, base, license_name(rights) if rights else "")


def _length(element: Element) -> int:
    """Return the number of characters of the longest revision of a page."""
    revisions = (_child(child, "text") for child in element if _name(child) == "revision")
    return max((len(text.text or "") for text in revisions if text is not None), default=0)


def _page(element: Element, number: int, site: _Site) -> Record:
    position = Position(source="", line=number)
    title = _value(element, "title")
    if _value(element, "ns") not in ("", "0"):
        return Skipped(position=position, rule="not an article")
    revisions = [child for child in element if _name(child) == "revision"]
    revision = revisions[-1] if revisions else None
    source_element = _child(revision, "text")
    source = (source_element.text or "") if source_element is not None else ""
    if _child(element, "redirect") is not None or _REDIRECT.match(source):
        return Skipped(position=position, rule="a redirect")
    model = _value(revision, "model")
    if model not in ("", "wikitext"):
        return Skipped(position=position, rule=f"a page of {model}")
    if len(source) > _LONGEST_PAGE:
        return Reject(position=position, reason=f"page longer than {_LONGEST_PAGE} characters", raw=title)
    if _unclosed(source) * len(source) > _MOST_STEPS:
        return Reject(position=position, reason="page with too many marks that are not closed", raw=title)
    try:
        text, topics = to_markdown(source)
    except Exception as error:  # noqa: BLE001 - one page of millions must not end the dump
        return Reject(position=position, reason="page cannot be read", raw=f"{title}: {type(error).__name__}")
    if not text:
        return Reject(position=position, reason="no text", raw=title)
    metadata = {"revision": _value(revision, "id"), "page_id": _value(element, "id"), "url": _url(site.base, title)}
    return Document(
        id=title or str(number),
        text=text,
        title=title,
        topics=topics,
        license=site.license,
        date=_value(revision, "timestamp"),
        metadata={name: value for name, value in metadata.items() if value},
        position=position,
    )


def _redirect(element: Element) -> tuple[str, str] | None:
    """Return the names of a redirect and of its target; None for other pages and for redirects to a section."""
    revisions = [child for child in element if _name(child) == "revision"]
    text = _value(revisions[-1], "text") if revisions else ""
    if _value(element, "ns") not in ("", "0") or _REDIRECT.match(text) is None:
        return None
    link = _TARGET.match(text)
    names = [_plain_title(title) for title in (_value(element, "title"), link.group(1) if link else "")]
    return (names[0], names[1]) if all(names) and names[0] != names[1] else None


def _plain_title(title: str) -> str:
    """Return a title without the word in parentheses that distinguishes articles of the same name."""
    return re.sub(r"\s*\([^()]*\)$", "", " ".join(title.replace("_", " ").split()))


def _url(base: str, title: str) -> str:
    """Return the URL of a page: that of the main page with the title as last segment; empty if that is unknown."""
    if "/" not in base or not title:
        return ""
    return f"{base.rpartition('/')[0]}/{quote(title.replace(' ', '_'), safe=':/(),')}"


_TARGET = re.compile(r"[^\[\n]{0,50}\[\[([^\[\]|#]{1,300})[\]|]")
_REDIRECT = re.compile(
    r"\s*#(?:REDIRECT|WEITERLEITUNG|REDIRECTION|REDIRECCIÓN|RINVIA|ПЕРЕНАПРАВЛЕНИЕ|重定向|転送)\b", re.IGNORECASE
)


# --- Wikitext

# Maximum number of unclosed marks times the length of the page. The parser reads from every unclosed mark to the end of
# the page, so that a page with more steps than this takes seconds.
_MOST_STEPS = 20_000_000
_BRACKETS = re.compile(
    r"(?P<open>\{\{|\[\[|\{\||\[(?=https?:|//|ftp:|mailto:)|<(?!(?:br|hr|li|img|wbr)\b)[a-z]{1,20}+(?![^<>]*/>))"
    r"|(?P<close>\}\}|\]\]|\|\}|\]|</[a-z]{1,20})",
    re.IGNORECASE,
)
_OPENED_BY = {"}}": "{{", "]]": "[[", "|}": "{|", "]": "["}


def _unclosed(text: str) -> int:
    """Return the number of templates, links, tables and tags that are not closed."""
    open_counts: dict[str, int] = {}
    for bracket in _BRACKETS.finditer(text):
        mark = bracket.group(0).lower()
        if bracket.group("open"):
            open_counts[mark] = open_counts.get(mark, 0) + 1
        else:
            opening = _OPENED_BY.get(mark, f"<{mark[2:]}")
            open_counts[opening] = max(0, open_counts.get(opening, 0) - 1)
    return sum(open_counts.values())


# Noncharacters of Unicode: a piece that was set aside is its number between the first two, and headings begin with the
# third.
_OPEN, _CLOSE, _HEADING = "\ufdd0", "\ufdd1", "\ufdd2"
# Mark of bold text in the output of a template; two asterisks would be read as a list item.
_BOLD = "\ufdd3"
_NONCHARACTERS = {ord(mark): None for mark in (_OPEN, _CLOSE, _HEADING, _BOLD)}
_SET_ASIDE = re.compile(
    r"<!--|<(math|chem|ce|syntaxhighlight|source|pre|nowiki|code|score|timeline|gallery|ref|references|graph|mapframe|hiero"
    r"|imagemap|inputbox|templatedata|section|templatestyles|dpl|categorytree)\b([^<>]*?)(/?)>",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"\blang\s*=\s*[\"']?([\w+#-]+)", re.IGNORECASE)
# Spellings for variants of a language, as in `-{zh-hans:a;zh-hant:b}-`.
_VARIANTS = re.compile(r"-\{([^{}]{0,500})\}-")
_VARIANT = re.compile(r"(?:\A|;|=>)\s*[a-z]{2,3}(?:-[a-z]{2,8})?\s*:([^;]*)")
_HIDDEN_FLAGS = frozenset("HTD")
# The parser crashes the process at a heading with thousands of equals signs.
_LONG_HEADING = re.compile(r"^=(?=(?:[^=\n]*=){200})", re.MULTILINE)
# Lists deeper than 20 levels are cut to 20, because the parser's time grows with the square of the depth.
_LIST_MARKS = re.compile(r"^([*#:;]{20})[*#:;]+", re.MULTILINE)
_SWITCH = re.compile(r"__[A-Z]{3,30}__")


def to_markdown(source: str) -> tuple[str, tuple[str, ...]]:
    """Return a page of wikitext as Markdown, and its categories."""
    import mwparserfromhell

    text, pieces = _set_aside(source.replace("\r\n", "\n").translate(_NONCHARACTERS))
    text = _LONG_HEADING.sub(" =", _VARIANTS.sub(_variant, text))
    text = _LIST_MARKS.sub(r"\1", _captions_first(_SWITCH.sub("", text)))
    writer = _Writer()
    markdown = _without_style(writer.converted(mwparserfromhell.parse(text, skip_style_tags=True)))
    for _ in range(3):
        if _OPEN not in markdown:
            break
        markdown = re.sub(rf"{_OPEN}(\d+){_CLOSE}", lambda match: pieces[int(match.group(1))], markdown)
    return _tidy(markdown), tuple(dict.fromkeys(writer.topics))


def _variant(match: re.Match[str]) -> str:
    """Return the first spelling for the variants of a language; empty if the page only defines the spellings."""
    flags, bar, body = match.group(1).rpartition("|")
    if bar and _HIDDEN_FLAGS & set(flags.upper()):
        return ""
    spelling = _VARIANT.search(body)
    return spelling.group(1).strip() if spelling else body


def _set_aside(text: str) -> tuple[str, list[str]]:
    """Replace each formula and piece of code by its number, and remove comments and notes.

    Returns:
        The text, and the pieces as Markdown in the order of their numbers.
    """
    parts: list[str] = []
    pieces: list[str] = []
    lower = text.lower() if len(text.lower()) == len(text) else text
    missing: set[str] = set()
    position = 0
    while opening := _SET_ASIDE.search(text, position):
        parts.append(text[position : opening.start()])
        position = opening.end()
        name = (opening.group(1) or "").lower()
        if opening.group(3):
            continue
        closing = f"</{name}" if name else "-->"
        end = -1 if closing in missing else lower.find(closing, position)
        if end < 0:
            missing.add(closing)
            continue
        content = text[position:end]
        tail = text.find(">", end)
        position = tail + 1 if name and tail >= 0 else end + 3
        piece = _piece(name, opening.group(2) or "", content)
        if piece:
            parts.append(f"{_OPEN}{len(pieces)}{_CLOSE}")
            pieces.append(piece)
    parts.append(text[position:])
    return "".join(parts), pieces


def _piece(name: str, attributes: str, content: str) -> str:
    if name in ("math", "chem", "ce"):
        formula = " ".join(html.unescape(content).split())
        formula = formula if name == "math" or not formula else f"\\ce{{{formula}}}"
        is_block = re.search(r"display\s*=\s*[\"']?block", attributes, re.IGNORECASE)
        return "" if not formula else f"\n$${formula}$$\n" if is_block else f"${formula}$"
    if name in ("syntaxhighlight", "source", "pre"):
        language = _LANGUAGE.search(attributes)
        code = html.unescape(content) if name == "pre" else content
        language_name = language.group(1).lower() if language else ""
        if (
            name != "pre"
            and (re.search(r"\binline\b", attributes) or "\n" not in content.strip())
            and not content.startswith("\n")
        ):
            is_inline = bool(re.search(r"\binline\b", attributes))
            return code_span(code) if is_inline else f"\n{fenced(code.strip(), language_name)}\n"
        return f"\n{fenced(code.strip(chr(10)).rstrip(), language_name)}\n" if code.strip() else ""
    if name == "code":
        inner = re.sub(r"</?(?:nowiki|[a-z]+)[^<>]*>", "", content, flags=re.IGNORECASE)
        return code_span(html.unescape(re.sub(r"\{\{!\}\}", "|", inner)).strip())
    if name == "nowiki":
        return html.unescape(content)
    return ""


# Number of the argument that is the text of a template, counted from 1: `{{lang|de|Wort}}` is "Wort".
_TEXT_ARGUMENTS = {
    name: number
    for number, names in (
        (1, "nowrap nobr nobold small big smaller larger mvar var mono code kbd samp tt em strong abbr abbrlink "
            "tooltip "
            "math bigmath ill interlanguage_link term defn strongbad center blockquote quote cquote block_indent "
            "smallcaps sc dfn ref_label_text underline u overline vec nowrap_begin as_written sic not_a_typo "
            "proper_name "
            "linktext val visible_anchor vanchor italic_correction ipa ipac-en transl_text hlist-item main_text "
            "nihongo script iast unicode okina angbr angle_bracket keypress resize font annotated_link anchored_list "
            "pre indent quote_box poem_text nowrap+ noitalic"),
        (2, "lang lang2 transliteration transl font_color color colored_text background_color rotate resize2 see_term "
            "hover_title nihongo2 tooltip2"),
    )
    for name in names.split()
}  # fmt: skip
_SYMBOLS = {
    "!": "|", "=": "=", "pi": "π", "ndash": "–", "mdash": "—", "snd": " – ", "spnd": " – ", "spaced_ndash": " – ",
    "nbsp": " ", "sp": " ", "minus": "−", "times": "×", "'": "'", "\"": "\"", "(": "{{", ")": "}}", "ohm": "Ω",
    "dot": "·", "middot": "·", "bull": "•", "thinsp": " ", "en_dash": "–", "em_dash": "—", "i_sup": "", "hbar": "ħ",
    "infinity": "∞", "e_mathematical_constant": "e", "degree": "°", "prime": "′", "euro": "€", "clear": "", "-": "",
    "pm": "±", "sqrt2": "√2", "ell": "ℓ", "aacute": "á", "en": "–", "em": "—", "spaces": " ", "·": " · ", "•": " • ",
}  # fmt: skip
_LANGUAGE_NAMES = {
    "de": "German", "fr": "French", "la": "Latin", "el": "Greek", "grc": "Greek", "it": "Italian", "es": "Spanish",
    "ru": "Russian", "ja": "Japanese", "zh": "Chinese", "ar": "Arabic", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish", "he": "Hebrew", "sa": "Sanskrit", "fa": "Persian", "ko": "Korean", "hu": "Hungarian",
    "cs": "Czech",
}  # fmt: skip
_RANGES = {
    "-": "–",
    "–": "–",
    "to": " to ",
    "and": " and ",
    "or": " or ",
    "x": " × ",
    "by": " by ",
    "±": " ± ",
    "+/-": " ± ",
    "to(-)": " to ",
}
_NO_TEXT_TAGS = frozenset(
    "ref references gallery timeline score graph templatestyles style script table_of_contents".split()
)
_BLOCK_TAGS = frozenset("p div blockquote center section ul ol dl dt dd poem".split())
_FILE_LINK = re.compile(
    r":?\s*(?:file|image|media|datei|bild|fichier|archivo|imagen|immagine|bestand|plik|ficheiro|ファイル|文件|файл)\s*:",
    re.IGNORECASE,
)
_CATEGORY_LINK = re.compile(
    r"\s*(?:category|kategorie|catégorie|categoría|categoria|categorie|kategoria|カテゴリ|分类|分類|категория)\s*:\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)
_OTHER_WIKI = re.compile(r"(?:[a-z]{2,3}|simple|zh-[a-z-]+|be-tarask):[^\s]", re.IGNORECASE)
_DEEPEST = 60


class _Writer:
    """Converts parsed wikitext to Markdown, and collects the categories of the page in `topics`."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self._depth = 0
        self._is_in_cell = False

    def converted(self, code: Any) -> str:
        """Return the Markdown of parsed wikitext; parts that are nested too deeply are returned as wikitext."""
        if code is None:
            return ""
        if self._depth > _DEEPEST:
            return str(code)
        self._depth += 1
        try:
            return "".join(self._node(node) for node in code.nodes)
        finally:
            self._depth -= 1

    def _node(self, node: Any) -> str:
        kind = type(node).__name__
        if kind == "Text":
            return str(node.value)
        if kind == "Heading":
            return f"{_HEADING * min(6, max(1, node.level))} {self.converted(node.title).strip()}"
        if kind == "Wikilink":
            return self._link(node)
        if kind == "ExternalLink":
            return self.converted(node.title) if node.title else "" if node.brackets else str(node.url)
        if kind == "Template":
            return self._template(node)
        if kind == "Tag":
            return self._tag(node)
        if kind == "HTMLEntity":
            return str(node.normalize()).replace("\u00a0", " ")
        if kind == "Argument":
            return self.converted(node.default) if node.default is not None else ""
        return ""

    def _link(self, node: Any) -> str:
        target = str(node.title).strip()
        if _FILE_LINK.match(target):
            return ""
        category = _CATEGORY_LINK.match(target)
        if category:
            self.topics.append(" ".join(category.group(1).replace("_", " ").split()))
            return ""
        if node.text is not None:
            shown = self.converted(node.text).strip()
            if shown:
                return shown
        elif _OTHER_WIKI.match(target):
            return ""
        name = self.converted(node.title).strip().lstrip(":")
        return (
            re.sub(r"\s*\([^()]*\)\Z", "", name.partition(":")[2] or name)
            if node.text is not None
            else name.replace("_", " ")
        )

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        if name in _NO_TEXT_TAGS or _is_hidden(node):
            return ""
        if name == "table":
            return f"\n\n{self._table(node)}\n\n"
        if name == "br":
            return "\n"
        if name == "hr":
            return "\n\n"
        if name in ("li", "dt", "dd") and node.wiki_markup:
            return str(node.wiki_markup)
        inner = self.converted(node.contents)
        if name == "sub":
            return f"_{{{inner}}}" if inner.strip() else ""
        if name == "sup":
            return f"^{{{inner}}}" if inner.strip() else ""
        if name in ("tt", "kbd", "samp", "code"):
            return code_span(inner) if inner.strip() and _OPEN not in inner else inner
        if name == "li":
            return f"\n- {inner.strip()}"
        return f"\n{inner}\n" if name in _BLOCK_TAGS else inner

    def _table(self, node: Any) -> str:
        """Convert a table to rows; a table within a cell becomes a single line."""
        rows: list[list[Cell]] = []
        caption = ""
        children = [child for child in node.contents.nodes if type(child).__name__ == "Tag"] if node.contents else []
        first_row: list[Cell] = []
        for child in children:
            name = str(child.tag).strip().lower()
            if _is_hidden(child):
                continue
            if name == "tr":
                rows.append(self._row(child))
            elif name in ("td", "th"):
                first_row.append(self._cell(child))
            elif name == "caption":
                caption = " ".join(self.converted(child.contents).split())
            elif name in ("tbody", "thead"):
                rows += [self._row(row) for row in child.contents.nodes if type(row).__name__ == "Tag"]
        rows = ([first_row] if first_row else []) + rows
        if self._is_in_cell:
            return "; ".join(", ".join(cell.text for cell in row if cell.text) for row in rows)
        return "\n\n".join(part for part in (caption, table(spread(rows))) if part)

    def _row(self, node: Any) -> list[Cell]:
        cells: list[Cell] = []
        for child in node.contents.nodes if node.contents else []:
            if type(child).__name__ != "Tag" or str(child.tag).strip().lower() not in ("td", "th"):
                continue
            cells.append(self._cell(child))
        return cells

    def _cell(self, node: Any) -> Cell:
        was_in_cell, self._is_in_cell = self._is_in_cell, True
        try:
            text = " ".join(_without_style(self.converted(node.contents)).split())
            return Cell(text, _span(node, "colspan"), _span(node, "rowspan"))
        finally:
            self._is_in_cell = was_in_cell

    # Templates

    def _template(self, node: Any) -> str:
        raw = " ".join(str(node.name).split())
        if raw.startswith("#") or ":" in raw:
            return self._function(node, raw)
        name = raw.lower().replace(" ", "_")
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        arguments = [self.converted(parameter.value).strip() for parameter in node.params if not parameter.showkey]
        numbered = {
            str(parameter.name).strip(): self.converted(parameter.value).strip()
            for parameter in node.params
            if parameter.showkey
        }
        for number in range(1, 10):
            if str(number) in numbered and len(arguments) < number:
                arguments += [""] * (number - len(arguments) - 1) + [numbered[str(number)]]
        special = _special(name, arguments, numbered)
        if special is not None:
            return special
        if name in _TEXT_ARGUMENTS:
            number = min(_TEXT_ARGUMENTS[name], len(arguments))
            text = arguments[number - 1] if number else numbered.get("text", "")
            if name in ("code", "mono", "kbd", "samp", "tt") and _OPEN not in text:
                return code_span(text)
            return text
        return ""

    def _function(self, node: Any, raw: str) -> str:
        """Return the text of a parser function: a formula, or the argument of a formatting function; else empty."""
        name, _, first = raw.partition(":")
        if name.lower() == "#tag":
            if first.strip().lower() == "math" and node.params:
                return f"${self.converted(node.params[0].value).strip()}$"
            return ""
        if name.lower() in ("#if", "#ifeq", "#ifexist", "#switch", "#invoke", "#expr", "displaytitle", "defaultsort"):
            return ""
        if name.lower() in ("lc", "uc", "lcfirst", "ucfirst", "formatnum", "nowrap"):
            return first.strip()
        return ""


def _captions_first(text: str) -> str:
    """Move the captions of tables in front of the tables, because the parser reads them as cells."""
    if "|+" not in text:
        return text
    lines: list[str] = []
    table_lines: list[int] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("{|"):
            table_lines.append(len(lines))
        elif stripped.startswith("|}") and table_lines:
            table_lines.pop()
        elif stripped.startswith("|+") and table_lines:
            attributes, bar, caption = stripped[2:].partition("|")
            is_attributes = bar and "=" in attributes and "[[" not in attributes and "{{" not in attributes
            lines[table_lines[-1]] = (
                f"{(caption if is_attributes else stripped[2:]).strip()}\n\n{lines[table_lines[-1]]}"
            )
            continue
        lines.append(line)
    return "\n".join(lines)


_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def _is_hidden(node: Any) -> bool:
    return bool(node.attributes) and node.has("style") and bool(_HIDDEN.search(str(node.get("style").value)))


def _span(node: Any, name: str) -> int:
    if not node.has(name):
        return 1
    value = str(node.get(name).value).strip(" \"'")
    return max(1, int(value)) if value.isdecimal() and len(value) < 5 else 1


def _special(name: str, arguments: list[str], numbered: dict[str, str]) -> str | None:
    """Return the text of a template that combines its arguments; None for other templates."""
    first = arguments[0] if arguments else ""
    if name in ("sub", "su") and first:
        return f"_{{{first}}}"
    if name in ("sup", "e") and first:
        return f"×10^{{{first}}}" if name == "e" else f"^{{{first}}}"
    if name in ("math", "bigmath"):
        return first or numbered.get("1", "")
    if name in ("frac", "sfrac", "fraction", "tfrac", "half"):
        return _fraction(arguments)
    if name in ("sqrt", "radic", "root"):
        degree = arguments[1].strip() if len(arguments) > 1 else ""
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
        return f"$\\sqrt[{degree}]{{{first}}}$" if not sign else sign + (f"({first})" if len(first) > 1 else first)
    if name in _MONEY and first:
        return f"{_MONEY[name]}{first}"
    if name in _BRACKETS_OF and first:
        return first.join(_BRACKETS_OF[name])
    if name in ("gaps", "si", "tmath", "ordinal", "ord", "nth", "binom", "as_of", "ad", "ruby", "bc", "percentage"):
        return _combined(name, arguments)
    if _DATE.fullmatch(name):
        return "-".join(part.zfill(2) for part in arguments[:3] if part.isdigit())
    if name in ("abs", "norm"):
        return f"|{first}|"
    if name in ("convert", "cvt"):
        return _converted(arguments)
    if name == "val":
        return _value_with_unit(arguments, numbered)
    if name in ("chem", "chem2", "simple_chem"):
        return re.sub(r"(?<=[A-Za-z)\]])(\d+)", r"_{\1}", "".join(arguments))
    if name.startswith("lang-") and first:
        language = _LANGUAGE_NAMES.get(name[5:], "")
        return f"{language}: {first}" if language else first
    if name in ("langx",) and len(arguments) > 1:
        language = _LANGUAGE_NAMES.get(first, "")
        return f"{language}: {arguments[1]}" if language else arguments[1]
    if name in ("main", "see_also", "further", "seealso", "details", "about", "for", "short_description"):
        return ""
    if name in ("unbulleted_list", "ubl", "plainlist", "flatlist", "hlist", "bulleted_list", "ordered_list"):
        parts = [part.strip("* \n") for argument in arguments for part in argument.split("\n")]
        return ", ".join(part for part in parts if part)
    if name in ("numblk", "equation_box", "equation_box_1", "equation"):
        return next((argument for argument in (*arguments, numbered.get("equation", "")) if len(argument) > 1), "")
    if name in ("quote", "blockquote", "cquote", "quotation", "poemquote"):
        text = numbered.get("text") or numbered.get("quote") or first
        author = numbered.get("author") or (arguments[1] if len(arguments) > 1 else "")
        return f"\n{text}{f' — {author}' if author else ''}\n"
    if name in ("theorem", "math_theorem", "math_proof"):
        kind = numbered.get("title") or ("Proof" if "proof" in name else "Theorem")
        label = f" ({numbered['name']})" if numbered.get("name") else ""
        statement = numbered.get("math_statement") or numbered.get("proof") or first
        return f"\n\n{_BOLD}{kind}{_BOLD}{label}. {statement}\n\n"
    if name in ("circa", "c."):
        return f"c. {first}".strip()
    if name in ("nihongo",):
        return (
            f"{first} ({', '.join(argument for argument in arguments[1:3] if argument)})"
            if len(arguments) > 1
            else first
        )
    return None


_MONEY = {
    "usd": "US$", "us$": "US$", "gbp": "£", "£": "£", "eur": "€", "€": "€", "inr": "₹", "₹": "₹",
    "indian_rupee": "₹", "jpy": "¥", "¥": "¥", "cny": "CN¥", "aud": "A$", "a$": "A$", "cad": "CA$", "ca$": "CA$",
    "nzd": "NZ$", "nz$": "NZ$", "pound": "£", "dollar": "$", "krw": "₩", "rub": "₽", "brl": "R$", "chf": "CHF ",
}  # fmt: skip
_BRACKETS_OF = {
    "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉"), "ket": ("|", "⟩"), "bra": ("⟨", "|"), "set": ("{", "}"),
    "paren": ("(", ")"), "brackets": ("[", "]"), "no.": ("No. ", ""), "asof": ("As of ", ""),
}  # fmt: skip
_DATE = re.compile(r"(?:birth|death|start|end|birth_year|film|launch|release)_date(?:_and_age)?|dts|bda|dda")


def _combined(name: str, arguments: list[str]) -> str:
    first = arguments[0] if arguments else ""
    if name == "gaps":
        return "".join(arguments)
    if name == "tmath":
        return f"${first}$" if first else ""
    if name == "binom":
        return f"$\\binom{{{first}}}{{{arguments[1]}}}$" if len(arguments) > 1 else first
    if name in ("ordinal", "ord", "nth"):
        ending = {"1": "st", "2": "nd", "3": "rd"}.get(first[-1:], "th") if first[-2:-1] != "1" else "th"
        return f"{first}{ending}" if first.isdigit() else first
    if name == "as_of":
        return f"As of {' '.join(arguments[:3])}"
    if name == "ruby":
        return f"{first} ({arguments[1]})" if len(arguments) > 1 else first
    if name == "percentage" and len(arguments) > 1:
        return f"{first}/{arguments[1]}"
    return {"ad": f"AD {first}", "bc": f"{first} BC"}.get(name, " ".join(arguments[:2]))


def _fraction(arguments: list[str]) -> str:
    if len(arguments) == 1:
        return f"1/{arguments[0]}"
    if len(arguments) == 2:
        return "/".join(arguments)
    return f"{arguments[0]} {arguments[1]}/{arguments[2]}" if len(arguments) > 2 else "1/2"


def _converted(arguments: list[str]) -> str:
    """Return a quantity without its conversion: `5|km` is "5 km", and `5|-|7|km` is "5–7 km"."""
    if len(arguments) > 3 and arguments[1] in _RANGES:
        return f"{arguments[0]}{_RANGES[arguments[1]]}{arguments[2]} {arguments[3]}"
    return " ".join(arguments[:2])


def _value_with_unit(arguments: list[str], numbered: dict[str, str]) -> str:
    number = arguments[0] if arguments else ""
    if len(arguments) > 1:
        number += f"({arguments[1]})" if arguments[1].isdigit() else f" ± {arguments[1]}"
    if "e" in numbered:
        number += f"×10^{{{numbered['e']}}}"
    unit = numbered.get("u") or numbered.get("ul") or numbered.get("upl") or ""
    return f"{number} {unit}".strip()


# --- Tidying

_STYLE = re.compile(r"'{2,5}")
_LIST_LINE = re.compile(r"([*#:;]+)[ \t]*(.*)\Z")
_FORMULA_LINE = re.compile(r"\$([^$]+)\$[ \t]*([.,;]?)\Z")


def _without_style(text: str) -> str:
    return _STYLE.sub("", text) if "''" in text else text


def _tidy(text: str) -> str:
    """Convert lists, and remove repeated blank lines and brackets that a template left empty; code is unchanged."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        if fence or line.startswith("```"):
            fence = "" if fence and line == fence else fence or line[: len(line) - len(line.lstrip("`"))]
            lines.append(line)
            continue
        item = _LIST_LINE.match(line)
        if item:
            line = _item(item.group(1), item.group(2))
        elif line.startswith(_HEADING):
            lines += [""] if lines and lines[-1] else []
            line = line.replace(_HEADING, "#")
        line = re.sub(r" \( {0,3}[,;]? {0,3}\)", "", line.rstrip())
        line = re.sub(r"\( {0,3}[,;] {0,3}", "(", line) if "(" in line else line
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip().replace(_BOLD, "**")


def _item(marks: str, text: str) -> str:
    if not text.strip():
        return ""
    indent = "  " * (min(len(marks), 10) - 1)
    last = marks[-1]
    formula = _FORMULA_LINE.match(text) if last == ":" else None
    if formula:
        return f"$${formula.group(1)}{formula.group(2)}$$"
    if last == "*":
        return f"{indent}- {text}"
    if last == "#":
        return f"{indent}1. {text}"
    if last == ";":
        term, _, meaning = text.partition(" : ")
        return f"**{term.strip()}**{f': {meaning.strip()}' if meaning.strip() else ''}"
    return text
