r"""The final answer in a text: the last box, else what the last line with a label names.

A text of 100 000 characters is gone through once: boxes are matched with a stack, lines from the last one back.
"""

import re
from collections.abc import Sequence

_BOX = r"\\+(?:boxed|fbox|framebox)(?![a-zA-Z])\s*"
_BRACES = re.compile(rf"{_BOX}\{{?|\\+boxed(?=\d)|\\\\|\\.|[{{}}]", re.DOTALL)
_BARE_BOX = re.compile(
    r"\s*(?:([-+]?\d[\d.,]*\d|[-+]?\d)|(\\[a-zA-Z]+\s*(?:\[[^\[\]]*\])?(?:\{[^{}]*\}){0,2}(?:\d{1,2})?)|([A-Za-z](?![A-Za-z]))|([π∞½¼¾∅]))"
)
_MAX_LINE_CHARS = 1000
_MAX_BLOCK_LINES = 30
_ANSWER = (
    r"(?:the\s+|my\s+|our\s+|so\s+the\s+)?(?:correct\s+|final\s+|exact\s+|required\s+)*(?:answer|result\s+is\s+the\s+answer)|"
    r"(?:die\s+|unsere\s+)?(?:endgültige\s+|richtige\s+)?(?:antwort|lösung)|"
    r"(?:la\s+)?(?:bonne\s+)?r[ée]ponse(?:\s+finale|\s+correcte)?|(?:la\s+)?respuesta(?:\s+final|\s+correcta)?|"
    r"(?:la\s+)?risposta(?:\s+finale)?|(?:a\s+)?resposta(?:\s+final)?|(?:окончательный\s+)?ответ|"
    r"(?:最终|最終|所以)?的?答案|(?:最終的な)?答え|정답|답"
)
_IS = r"(?:\s+is|\s+ist|\s+lautet|\s+est|\s+es|\s+è|\s+é|\s*是|\s*为|\s*為|\s*は)"
_MARKS = r"[\s*_#>•\-–]*"
# A line that begins with a label: `**Final Answer:** 42`, `## Answer`, `Ответ: 7`.
_LABEL = re.compile(
    rf"{_MARKS}(?:{_ANSWER})[\s*_]*(?:\([a-z ]{{1,20}}\)[\s*_]*)?(?:(?P<mark>{_IS}?[\s*_]*[:：=][\s*_:]*|"
    rf"{_IS}(?![a-z])[\s*_]*|\s+[—–-]\s+|\s+(?=[-+$\\]?\d)|[\s*_]*$)(?P<value>.*))$",
    re.IGNORECASE,
)
# A sentence that names it: `Hence the answer is 5.`
_SENTENCE = re.compile(
    rf"\b(?:the|my|our|die|la|a)\s+(?:correct\s+|final\s+|required\s+|exact\s+)*(?:answer|option|choice|antwort|réponse|respuesta|risposta|resposta)"
    rf"(?:\s+finale?|\s+(?:to|of|for|in)\s+[^.:]{{1,80}}?)?{_IS}(?![a-zà-ÿ])[\s*_]*[:：]?[\s*_]*(?P<value>.*)|\bfinal\s+answer[\s*_]*[:：=][\s*_]*(?P<other>.*)|"
    r"(?:答案|答え|정답)\s*(?:是|为|為|は|：|:)+\s*(?P<third>.*)",
    re.IGNORECASE,
)
# GSM8K ends in `#### 42`; a heading of Markdown is not an answer.
_HASHES = re.compile(
    r"\s*####\s*(?P<value>[-+−]?[$€£(\[{\\]{0,2}\s*[-+−]?\s*[\d.½¼¾π∞\\].{0,200}|[A-Ha-z]|\([A-Ha-h]\)|yes|no|true|false)\s*$",
    re.IGNORECASE,
)
_STEP = re.compile(r"\d+[.):]\s+[A-Za-z]{3}")
_REASON = re.compile(
    r",?\s+(?:because|since|as(?!\s+(?:follows|well))|which|so\s+that|where\s+we|due\s+to|weil|da|car|parce\s+que|porque)\s+",
    re.IGNORECASE,
)
_NEXT_SENTENCE = re.compile(r"(?<=[^A-Z\s])\.\s+(?=[A-ZÄÖÜА-Я\\])|[。！]")
_NO_ANSWER = re.compile(
    r"(?:not|unknown|unclear|obvious|clear|left|given|found|obtained|as follows|that|therefore|thus|then|below|above|"
    r"in\s+the|shown|nicht|inconnue|desconocid\w+|correct|wrong|incorrect|right)\b",
    re.IGNORECASE,
)
_HOLDS = re.compile(r"[^\s$.{}]")
_INNER_BOX = re.compile(rf"{_BOX}\{{([^{{}}]*)\}}")
_SOMETHING = re.compile(r"[\w∞∅½¼¾⅓⅔√]")
_OPENED = {"$$": "$$", "\\[": "\\]", "\\begin{": "\\end{", "$": "$", "\\(": "\\)"}


def final_answer(text: str) -> str:
    r"""What a solution ends in: the last box that holds something, else the last line that names an answer.

    Of several boxes, in one sentence too, the last counts: "x is \boxed{1} and y is \boxed{2}" ends in 2.

    Returns:
        The answer as it is written, without marks around it; empty for none.
    """
    boxed = _boxed(text)
    return boxed if boxed else _labelled(text)


def _boxed(text: str) -> str:
    opened: list[tuple[int, int, bool]] = []
    # Where the last box begins and ends, and where its contents do.
    outer, inner = (-1, -1), (-1, -1)
    for found in _BRACES.finditer(text):
        mark = found.group()
        if mark.startswith("\\") and "box" in mark:
            if mark.endswith("{"):
                opened.append((found.start(), found.end(), True))
            else:
                bare = _BARE_BOX.match(text, found.end())
                if bare:
                    outer, inner = (found.start(), bare.end()), (found.end(), bare.end())
        elif mark == "{":
            opened.append((found.start(), found.end(), False))
        elif mark == "}" and opened:
            begin, start, is_box = opened.pop()
            if not is_box or not _HOLDS.search(text, start, found.start()):
                continue
            # Of a box around a box the inner one counts.
            is_around = (
                start <= outer[0] and not text[start : outer[0]].strip() and not text[outer[1] : found.start()].strip()
            )
            outer, inner = (begin, found.end()), inner if is_around else (start, found.start())
    last = text[slice(*inner)] if inner[0] >= 0 else ""
    return _trimmed(_INNER_BOX.sub(r"\1", last))


def _labelled(text: str) -> str:
    lines = text.splitlines()
    for place in range(len(lines) - 1, -1, -1):
        line = lines[place]
        if len(line) > _MAX_LINE_CHARS:
            # The end of a text without line breaks still ends in a sentence.
            line = line[-_MAX_LINE_CHARS:]
        if not line.strip():
            continue
        found = _named(line, lines, place)
        if found:
            return found
    return ""


def _named(line: str, lines: Sequence[str], place: int) -> str:
    hashes = _HASHES.match(line)
    if hashes and not _STEP.match(hashes.group("value")):
        return _trimmed(hashes.group("value"))
    label = _LABEL.match(line)
    if label:
        value = _value(label.group("value"), is_short=bool(re.search(r"[:：=—–-]", label.group("mark") or "")))
        return value or (_below(lines, place) if not label.group("value").strip(" *_$:：.") else "")
    said = ""
    for found in _SENTENCE.finditer(line):
        value = next((group for group in found.groups() if group is not None), "")
        nested = [one for one in _SENTENCE.finditer(value)]
        if nested:
            value = next((group for group in nested[-1].groups() if group is not None), "")
        if not value.strip(" *_:：."):
            return _below(lines, place) or said
        said = _value(value, is_short=False) or said
    return said


def _below(lines: Sequence[str], place: int) -> str:
    """The value on the lines after a label that stands alone: one line, or a formula up to where it closes."""
    rest = [line for line in lines[place + 1 : place + 1 + _MAX_BLOCK_LINES]]
    while rest and not rest[0].strip():
        rest.pop(0)
    if not rest:
        return ""
    first = rest[0].strip()
    if _LABEL.match(first) or _SENTENCE.search(first):
        return ""
    for opening, closing in _OPENED.items():
        if first.startswith(opening):
            taken = first
            for line in rest[1:]:
                if closing in taken[len(opening) :]:
                    break
                taken += " " + line.strip()
            return _value(taken, is_short=True)
    return _value(first, is_short=True)


def _value(text: str, *, is_short: bool) -> str:
    """What a label is followed by: up to the reason and the end of the sentence, empty when that is no answer."""
    text = text.strip()
    formula = re.match(r"\$[^$]+\$|\\\(.*?\\\)|\\\[.*?\\\]|\$\$.*?\$\$", text)
    start = formula.end() if formula else 0
    for pattern in (_NEXT_SENTENCE, _REASON):
        cut = pattern.search(text, start)
        if cut and _SOMETHING.search(text[: cut.start()]):
            text = text[: cut.start()]
    text = _trimmed(text)
    if not _SOMETHING.search(text) or _NO_ANSWER.match(text):
        return ""
    return text if is_short or len(text.split()) <= 40 else ""


def _trimmed(text: str) -> str:
    """Without Markdown, a full stop, the signs of a formula and the box around it."""
    text = " ".join(text.split())
    while True:
        before = text
        text = text.strip().strip("*").strip()
        text = re.sub(r"(?<!\.)[.。]$", "", text)
        text = re.sub(r"です$", "", text).strip()
        for opening, closing in (("$$", "$$"), ("$", "$"), ("\\[", "\\]"), ("\\(", "\\)")):
            inside = text[len(opening) : len(text) - len(closing)]
            if (
                len(text) > len(opening) + len(closing)
                and text.startswith(opening)
                and text.endswith(closing)
                and opening not in inside
                and not inside.endswith("\\")
            ):
                text = inside.strip()
        box = re.match(rf"{_BOX}\{{", text)
        if box and _closes_at_end(text, box.end()):
            text = text[box.end() : -1]
        if text == before:
            return text


def _closes_at_end(text: str, start: int) -> bool:
    """Whether the brace before `start` is closed by the last sign of the text."""
    depth = 1
    for found in re.compile(r"\\.|[{}]").finditer(text, start):
        if found.group() in "{}":
            depth += 1 if found.group() == "{" else -1
            if depth == 0:
                return found.end() == len(text)
    return False
