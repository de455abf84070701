"""The verifier `quotes`: what an answer quotes must stand word for word in the documents of its question."""

import re
from typing import ClassVar

from kgsynth.texts import clean_characters
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Need

_MIN_WORDS = 3
_QUOTED = re.compile(
    r"<quote>(.*?)</quote>|“([^“”]*)”|„([^„“”]*)[“”]|«([^«»]*)»|(?<![\w\"])\"([^\"]*)\"(?!\w)",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK = re.compile(r"(?m)^[ \t]*>[ \t]?(.*(?:\n[ \t]*>.*)*)")
_LEFT_OUT = re.compile(r"\s*(?:\[\s*(?:…|\.{3})\s*\]|…|\.{3,})\s*")
_SAME = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‐": "-", "‑": "-", "\u00a0": " "})


class Quotations(BaseVerifier):
    """Searches each quotation of at least three words in the passages, and passes if all are there.

    White space, the kind of quotation marks and dashes, and the case of the first letter may differ; of the words none
    may. Words may be left out where the quotation says so by an ellipsis, in the same document and in order. That the
    quotations are right does not say that the answer is: the score tells only how much of what is quoted was written.
    """

    name: ClassVar[str] = "quotes"
    kind: ClassVar[Kind] = "quotation"
    needs: ClassVar[frozenset[Need]] = frozenset({"passages"})

    def check(self, case: Case) -> Finding:
        """Search the quotations of the kept answer."""
        texts = [passage.text for passage in case.passages if passage.text.strip()]
        quotations = quoted(case.question.answer)
        if not texts:
            return Finding(verdict="undecided", score=0.0, reason="the documents are not in the graph")
        if not quotations:
            return Finding(verdict="failed", score=0.0, reason="no quotation")
        folded = [_folded(text) for text in texts]
        missing = [quotation for quotation in quotations if not any(_stands_in(quotation, text) for text in folded)]
        found = len(quotations) - len(missing)
        return Finding(
            verdict="failed" if missing else "passed",
            score=found / len(quotations),
            reason="a quotation is not in the documents" if missing else "",
            agreeing=found,
            routes=len(quotations),
            evidence={"missing": missing} if missing else {},
        )


def quoted(text: str) -> list[str]:
    """Return the quotations of a text: in quotation marks, in <quote> tags, or as a quoted block of Markdown."""
    quotations = ["\n".join(re.sub(r"^[ \t]*>[ \t]?", "", line) for line in block.splitlines())
                  for block in _BLOCK.findall(text)]  # fmt: skip
    rest = _BLOCK.sub("", text)
    quotations += [next(part for part in match if part) for match in _QUOTED.findall(rest) if any(match)]
    trimmed = (re.sub(r"^[\s\"“”'‘’]+|[\s\"“”'‘’]+$", "", quotation) for quotation in quotations)
    return [quotation for quotation in trimmed if len(quotation.split()) >= _MIN_WORDS]


def _stands_in(quotation: str, text: str) -> bool:
    start = 0
    for part in _LEFT_OUT.split(quotation):
        # A full stop or comma at the end of a quotation belongs to the sentence around it.
        folded = _folded(part).strip().rstrip(".,;:")
        if not folded:
            continue
        match = re.compile(rf"(?<!\w){re.escape(folded[0])}{re.escape(folded[1:])}(?!\w)").search(text, start)
        if match is None:
            first = folded[0].swapcase() if start == 0 else folded[0]
            match = re.compile(rf"(?<!\w){re.escape(first)}{re.escape(folded[1:])}(?!\w)").search(text, start)
        if match is None:
            return False
        start = match.end()
    return start > 0


def _folded(text: str) -> str:
    return " ".join(clean_characters(text)[0].translate(_SAME).replace("**", "").split())
