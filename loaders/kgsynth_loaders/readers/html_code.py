"""Read code in HTML: its text and its language."""

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
    """Return whether an element other than `pre` is a listing of code."""
    class_names = element.get("class")
    return (
        bool(class_names)
        and not _CODE_BLOCKS.isdisjoint(class_names.lower().split())
        and element.find(".//pre") is None
    )


def code_text(root: Element) -> str:
    """Return the text of code with its white space, a line per block, and `^{…}` and `_{…}` for scripts."""
    from lxml import etree

    pieces: list[str] = []

    def end_line() -> None:
        if pieces and not pieces[-1].endswith("\n"):
            pieces.append("\n")

    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        is_block = tag in BLOCKS and tag not in ("td", "th") and element is not root
        if event == "start":
            if is_block:
                end_line()
            if tag == "br":
                pieces.append("\n")
            elif tag in ("sup", "sub"):
                pieces.append("^{" if tag == "sup" else "_{")
            elif tag == FORMULA and element.get("tex"):
                pieces.append(f"${element.get('tex')}$")
            if element.text:
                pieces.append(element.text)
            continue
        if tag in ("sup", "sub"):
            pieces.append("}")
        if element is root:
            continue
        tail = element.tail or ""
        if is_block:
            end_line()
            tail = tail.removeprefix("\n") if not tail.strip() else tail
        if tail:
            pieces.append(tail)
    return "".join(pieces).replace("\u00a0", " ").replace("\u200b", "").replace("\r\n", "\n").replace("\r", "\n")


def language_of(element: Element) -> str:
    """Return the language of code in lower case; empty if none is found.

    It is read from the attributes of the element, of the `code` in it, of its parent and of its grandparent.
    """
    inner = element.find("code")
    parent = element.getparent()
    grandparent = parent.getparent() if parent is not None else None
    for candidate in (element, inner, parent, grandparent):
        if candidate is None:
            continue
        declared = candidate.get("data-lang") or candidate.get("data-language")
        if declared and re.fullmatch(r"[\w+#.-]{1,30}", declared):
            return str(declared).lower()
        class_names = (candidate.get("class") or "").replace("brush: ", "brush:").strip(";").split()
        for class_name in class_names:
            match = _LANGUAGE.match(class_name.strip(";"))
            if match and match.group(1).lower() not in _NO_LANGUAGE:
                return match.group(1).lower().removeprefix("source-")
        if candidate in (element, inner):
            for class_name in class_names:
                if class_name.lower() in KNOWN_LANGUAGES:
                    return class_name.lower()
    return ""
