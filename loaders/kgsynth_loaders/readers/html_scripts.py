"""Mark superscripts, subscripts and fractions that a page makes with styles and class names.

Without these marks, ten to the sixth would be read as 106 and one half as 12.
"""

import re
from collections.abc import Iterable

from kgsynth_loaders.readers.html_elements import Element
from kgsynth_loaders.readers.html_hidden import HIDDEN_NAMES

# Pages have no such scripts if none of these occurs in a class or style.
_SIGNS = re.compile(
    r"vertical-align|text-raise|superscript|subscript|frac|sr-only|hidden|screen-reader|\b(?:sup|sub|super|su|supsub)\b"
)
_TAGS = ("span", "font", "small", "a", "b", "i", "em", "strong", "big", "var", "div")
_ALIGNED = re.compile(
    r"vertical-align\s*:\s*(super|sub|text-top|text-bottom|(-?)[\d.]*[1-9][\d.]*(?:em|ex|px|pt|%|rem))(?![\w-])|"
    r"mso-text-raise\s*:\s*(-?)[\d.]*[1-9]",
    re.IGNORECASE,
)
_SUPERSCRIPTS = frozenset(["sup", "super", "superscript", "text-super"])
_SUBSCRIPTS = frozenset(["sub", "subscript", "text-sub"])
_SHORT_NAMES = frozenset(["sup", "super", "sub"])
_CLASS_RULE = re.compile(r"\.([\w-]{1,60})\s*\{[^{}]{0,500}?vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_LONGEST_SCRIPT = 40
_STACKS = frozenset(["template-chem2-su", "su", "supsub"])
_FRACTIONS = re.compile(r"(?:\A|[\s_-])(?:s?frac|fraction)(?:\Z|[\s_-])", re.IGNORECASE)
_TOPS = frozenset("num numer numerator top fup upper".split())
_BOTTOMS = frozenset("den denom denominator bottom bot fdn lower".split())
_FRACTION_SIGNS = ("/", "\u2044", "\u2215", "\u00f7")
_COMPOUND = re.compile(r"[^\s(]\s*[-+\u2212\u00b1\u00d7\u00b7*/\u2044\s]\s*\S")
_JOINERS = "\u2060\u200b\ufeff"


def mark_scripts(root: Element, attributes: str) -> None:
    """Change raised and lowered elements to `sup` and `sub`, and write fractions on one line, in the tree.

    Args:
        root: the tree of a page.
        attributes: its classes and styles, in lower case.
    """
    tags_by_class = _classes_of_sheets(root)
    if tags_by_class or _SIGNS.search(attributes):
        for element in list(root.iter(*_TAGS)):
            if element.attrib:
                _mark(element, tags_by_class)
    for superscript in list(root.iter("sup")):
        subscript = superscript.getnext()
        if subscript is not None and subscript.tag == "sub" and (superscript.tail or "").strip() in _FRACTION_SIGNS:
            _mark_fraction_of_scripts(superscript, subscript)


def _mark(element: Element, tags_by_class: dict[str, str]) -> None:
    class_attribute = element.get("class") or ""
    class_names = class_attribute.lower().split()
    if class_attribute and _FRACTIONS.search(class_attribute):
        _mark_fraction(element)
    if not HIDDEN_NAMES.isdisjoint(class_names):
        _show_between_digits(element)
        return
    style = element.get("style") or ""
    if _is_stack(element, class_names, style):
        return
    script_tag = _place(class_names, style, tags_by_class)
    if script_tag and _is_script(element, 12 if _SHORT_NAMES.intersection(class_names) else _LONGEST_SCRIPT):
        is_glued = _char_before(element).isalnum() or _char_before(element) in ")]}"
        if is_glued or _SHORT_NAMES.isdisjoint(class_names):
            element.tag = script_tag


def _classes_of_sheets(root: Element) -> dict[str, str]:
    """Return `sup` or `sub` for each class that style sheets within the page raise or lower."""
    sheets = (sheet.text for sheet in root.iter("style") if sheet.text and "vertical-align" in sheet.text)
    return {
        name.lower(): "sup" if place.lower() == "super" else "sub"
        for sheet in sheets
        for name, place in _CLASS_RULE.findall(sheet)
    }


def _place(class_names: list[str], style: str, tags_by_class: dict[str, str]) -> str:
    """Return `sup`, `sub` or an empty string, by the classes and the style of an element."""
    alignment = _ALIGNED.search(style) if style else None
    if alignment:
        value = (alignment.group(1) or "").lower()
        if value in ("super", "sub"):
            return "sup" if value == "super" else "sub"
        if alignment.group(1) is None or "font-size" in style:
            is_lowered = value == "text-bottom" or "-" in (alignment.group(2), alignment.group(3))
            return "sub" if is_lowered else "sup"
    if not _SUPERSCRIPTS.isdisjoint(class_names):
        return "sup"
    if not _SUBSCRIPTS.isdisjoint(class_names):
        return "sub"
    return next((tags_by_class[name] for name in class_names if name in tags_by_class), "") if tags_by_class else ""


def _is_script(element: Element, max_chars: int) -> bool:
    """Return whether an element is short, adjoins other text without a space, and is not inside of another script."""
    parent = element.getparent()
    if parent is None or parent.tag in ("sup", "sub") or len(element) > 10:
        return False
    if any(inner.tag in ("sup", "sub", "p", "div", "br", "li", "img") for inner in element.iterdescendants()):
        return False
    length = len("".join(element.itertext()).strip())
    touches = not _char_before(element).isspace() or not _char_after(element).isspace()
    return 0 < length <= max_chars and touches


def text_before(element: Element) -> str:
    """Return the last characters, at most 3, of the text before an element in its paragraph; empty if there is none."""
    for _ in range(20):
        previous = element.getprevious()
        if previous is not None:
            return _last_text(previous)
        parent = element.getparent()
        if parent is None:
            return ""
        if text := (parent.text or "").strip(_JOINERS):
            return str(text[-3:])
        if parent.tag not in _TAGS or parent.tag == "div":
            return ""
        element = parent
    return ""


def _char_before(element: Element) -> str:
    return text_before(element)[-1:] or " "


def _last_text(element: Element) -> str:
    for _ in range(20):
        if text := (element.tail or "").strip(_JOINERS):
            return str(text[-3:])
        if not len(element):
            break
        element = element[-1]
    return (element.text or "").strip(_JOINERS)[-3:]


def _char_after(element: Element) -> str:
    """Return the character after an element in its paragraph; a space if there is none."""
    for _ in range(20):
        if text := (element.tail or "").strip(_JOINERS):
            return str(text[0])
        following = element.getnext()
        if following is not None:
            text = "".join(following.itertext()).strip(_JOINERS) if len(following) < 10 else ""
            return str(text[0]) if text else " "
        element = element.getparent()
        if element is None or element.tag not in _TAGS or element.tag == "div":
            return " "
    return " "


def _show_between_digits(element: Element) -> None:
    """Keep a sign or short word for screen readers between two numbers, which would become one number without it."""
    if len(element) or len((element.text or "").strip()) > 12 or not (element.text or "").strip():
        return
    before, after = _char_before(element), _char_after(element)
    if (before.isdigit() or before in ")}") and (after.isdigit() or after in "({\\"):
        del element.attrib["class"]


def _is_stack(element: Element, class_names: list[str], style: str) -> bool:
    """Replace a superscript above a subscript by `sup` and `sub`; return whether the element was such a stack."""
    parts = [inner for inner in element if isinstance(inner.tag, str)]
    is_named = not _STACKS.isdisjoint(class_names) and len(parts) == 2 and not (element.text or "").strip()
    is_styled = "inline-block" in style and "vertical-align" in style and [part.tag for part in parts] == ["br"]
    if is_named:
        superscript, subscript = ("".join(part.itertext()) for part in parts)
    elif is_styled and "font-size" in style:
        superscript, subscript = element.text or "", parts[0].tail or ""
    else:
        return False
    element.clear(keep_tail=True)
    for tag, text in (("sup", superscript.strip()), ("sub", subscript.strip())):
        if text:
            element.append(_new(element, tag, text))
    return True


def _new(element: Element, tag: str, text: str) -> Element:
    new_element = element.makeelement(tag)
    new_element.text = text
    return new_element


# --- Fractions


def _mark_fraction(element: Element) -> None:
    """Write a fraction on one line: a slash between its parts, parentheses around sums, a space before it."""
    top, bottom = _named(element, _TOPS), _named(element, _BOTTOMS)
    if top is None or bottom is None or top is bottom:
        return
    for inner in element.iterdescendants():
        if not HIDDEN_NAMES.isdisjoint((inner.get("class") or "").lower().split()):
            del inner.attrib["class"]
            sign = "".join(inner.itertext()).strip()
            inner.text = " " if sign == "+" else sign
            del inner[:]
    between = top.tail or ""
    following = top.getnext()
    while following is not None and following is not bottom:
        between += "".join(following.itertext()) + (following.tail or "")
        following = following.getnext()
    if not any(sign in between for sign in _FRACTION_SIGNS):
        top.tail = "/"
    for part in (top, bottom):
        part.attrib.pop("class", None)
        _put_in_parentheses(part)
    element.attrib.pop("class", None)
    _set_apart(element)


def _named(element: Element, names: Iterable[str]) -> Element | None:
    wanted = frozenset(names)
    return next(
        (
            inner
            for inner in element.iterdescendants("span", "sup", "sub", "div", "i", "b", "small")
            if not wanted.isdisjoint((inner.get("class") or "").lower().split())
        ),
        None,
    )


def _put_in_parentheses(part: Element) -> None:
    text = "".join(part.itertext()).strip()
    if not _COMPOUND.search(text) or (text[0] == "(" and text[-1] == ")"):
        return
    part.text = "(" + (part.text or "").lstrip()
    if len(part):
        part[-1].tail = (part[-1].tail or "").rstrip() + ")"
    else:
        part.text = part.text.rstrip() + ")"


def _set_apart(element: Element) -> None:
    """Put a space before a fraction that follows a number or a letter."""
    if _char_before(element).isalnum():
        element.text = " " + (element.text or "").lstrip()


def _mark_fraction_of_scripts(superscript: Element, subscript: Element) -> None:
    """Write a superscript and a subscript with a slash between them as a fraction on one line."""
    texts = ["".join(part.itertext()).strip() for part in (superscript, subscript)]
    if any(not text or len(text) > 12 for text in texts) or _char_before(superscript).isalpha():
        return
    for part in (superscript, subscript):
        part.tag = "span"
        _put_in_parentheses(part)
    _set_apart(superscript)
