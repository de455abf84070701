"""Code in HTML: its characters and its language."""

import re

from kgsynth_loaders.readers.html_elements import BLOCKS, FORMULA, Element

_LANGUAGE = re.compile(
    r"(?:language|lang|highlight-source|highlight|src|brush:?)[-:]\s*([\w+#.-]{1,30})\Z", re.IGNORECASE
)
KNOWN_LANGUAGES = frozenset(
    "bash c cpp csharp css diff go haskell html ini java javascript js json julia kotlin lua makefile matlab ocaml "
    "perl php powershell python python3 r ruby rust scala sh shell sql swift toml ts typescript xml yaml".split()
)
_NO_LANGUAGE = frozenset(
    "default none text plain plaintext txt nohighlight notranslate output raw highlight guess".split()
)
_CODE_BLOCKS = frozenset(["fragment", "syntaxhighlighter"])


def is_code_block(element: Element) -> bool:
    """Whether an element other than `pre` is a listing of code."""
    names = element.get("class")
    return bool(names) and not _CODE_BLOCKS.isdisjoint(names.lower().split()) and element.find(".//pre") is None


def code_text(root: Element) -> str:
    """The characters of code: white space stays, each block is a line, scripts have their marks."""
    from lxml import etree

    out: list[str] = []

    def new_line() -> None:
        if out and not out[-1].endswith("\n"):
            out.append("\n")

    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        is_block = tag in BLOCKS and tag not in ("td", "th") and element is not root
        if event == "start":
            if is_block:
                new_line()
            if tag == "br":
                out.append("\n")
            elif tag in ("sup", "sub"):
                out.append("^{" if tag == "sup" else "_{")
            elif tag == FORMULA and element.get("tex"):
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


def language_of(element: Element) -> str:
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
                if token.lower() in KNOWN_LANGUAGES:
                    return token.lower()
    return ""
