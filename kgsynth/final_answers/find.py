r"""Find the final answer in a text: the last box, or else the answer that the last line with a label gives.

The time is linear in the length of the text: boxes are matched with a stack, lines are read from the last one back.
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
# A sentence that gives the answer: `Hence the answer is 5.`
_SENTENCE = re.compile(
    rf"\b(?:the|my|our|die|la|a)\s+(?:correct\s+|final\s+|required\s+|exact\s+)*(?:answer|option|choice|antwort|réponse|respuesta|risposta|resposta)"
    rf"(?:\s+finale?|\s+(?:to|of|for|in)\s+[^.:]{{1,80}}?)?{_IS}(?![a-zà-ÿ])[\s*_]*[:：]?[\s*_]*(?P<value>.*)|\bfinal\s+answer[\s*_]*[:：=][\s*_]*(?P<other>.*)|"
    r"(?:答案|答え|정답)\s*(?:是|为|為|は|：|:)+\s*(?P<third>.*)",
    re.IGNORECASE,
)
# Solutions of GSM8K end in `#### 42`; a Markdown heading is not an answer.
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
_CONTENT = re.compile(r"[^\s$.{}]")
_INNER_BOX = re.compile(rf"{_BOX}\{{([^{{}}]*)\}}")
_SOMETHING = re.compile(r"[\w∞∅½¼¾⅓⅔√]")
_CLOSING_OF = {"$$": "$$", "\\[": "\\]", "\\begin{": "\\end{", "$": "$", "\\(": "\\)"}


def final_answer(text: str) -> str:
    r"""Return the final answer of a solution: its last nonempty box, or else the last line that gives an answer.

    The last of several boxes counts, even in one sentence: "x is \boxed{1} and y is \boxed{2}" ends in 2.

    Returns:
        The answer as it is written, without marks around it; empty if there is none.
    """
    boxed = _boxed(text)
    return boxed if boxed else _labelled(text)


def _boxed(text: str) -> str:
    opened: list[tuple[int, int, bool]] = []
    # Start and end of the last box, and of its contents.
    outer, inner = (-1, -1), (-1, -1)
    for match in _BRACES.finditer(text):
        mark = match.group()
        if mark.startswith("\\") and "box" in mark:
            if mark.endswith("{"):
                opened.append((match.start(), match.end(), True))
            else:
                bare = _BARE_BOX.match(text, match.end())
                if bare:
                    outer, inner = (match.start(), bare.end()), (match.end(), bare.end())
        elif mark == "{":
            opened.append((match.start(), match.end(), False))
        elif mark == "}" and opened:
            begin, start, is_box = opened.pop()
            if not is_box or not _CONTENT.search(text, start, match.start()):
                continue
            # If a box contains only a box, the inner box counts.
            is_around = (
                start <= outer[0] and not text[start : outer[0]].strip() and not text[outer[1] : match.start()].strip()
            )
            outer, inner = (begin, match.end()), inner if is_around else (start, match.start())
    last = text[slice(*inner)] if inner[0] >= 0 else ""
    return _trimmed(_INNER_BOX.sub(r"\1", last))


def _labelled(text: str) -> str:
    lines = text.splitlines()
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if len(line) > _MAX_LINE_CHARS:
            # In a text without line breaks, the end may still contain the sentence with the answer.
            line = line[-_MAX_LINE_CHARS:]
        if not line.strip():
            continue
        answer = _answer_in_line(line, lines, index)
        if answer:
            return answer
    return ""


def _answer_in_line(line: str, lines: Sequence[str], index: int) -> str:
    hashes = _HASHES.match(line)
    if hashes and not _STEP.match(hashes.group("value")):
        return _trimmed(hashes.group("value"))
    label = _LABEL.match(line)
    if label:
        value = _value(label.group("value"), is_short=bool(re.search(r"[:：=—–-]", label.group("mark") or "")))
        return value or (_value_below(lines, index) if not label.group("value").strip(" *_$:：.") else "")
    answer = ""
    for sentence in _SENTENCE.finditer(line):
        value = next((group for group in sentence.groups() if group is not None), "")
        nested = list(_SENTENCE.finditer(value))
        if nested:
            value = next((group for group in nested[-1].groups() if group is not None), "")
        if not value.strip(" *_:：."):
            return _value_below(lines, index) or answer
        answer = _value(value, is_short=False) or answer
    return answer


def _value_below(lines: Sequence[str], index: int) -> str:
    """Return the value on the lines after a label without a value: one line, or a formula up to its end."""
    rest = [line for line in lines[index + 1 : index + 1 + _MAX_BLOCK_LINES]]
    while rest and not rest[0].strip():
        rest.pop(0)
    if not rest:
        return ""
    first = rest[0].strip()
    if _LABEL.match(first) or _SENTENCE.search(first):
        return ""
    for opening, closing in _CLOSING_OF.items():
        if first.startswith(opening):
            formula = first
            for line in rest[1:]:
                if closing in formula[len(opening) :]:
                    break
                formula += " " + line.strip()
            return _value(formula, is_short=True)
    return _value(first, is_short=True)


def _value(text: str, *, is_short: bool) -> str:
    """Return the value after a label, without a reason or a further sentence; empty if it is not an answer."""
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
    """Remove Markdown, a full stop, the delimiters of a formula and a box around the text."""
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
    """Whether the brace before `start` is closed by the last character of the text."""
    depth = 1
    for match in re.compile(r"\\.|[{}]").finditer(text, start):
        if match.group() in "{}":
            depth += 1 if match.group() == "{" else -1
            if depth == 0:
                return match.end() == len(text)
    return False
