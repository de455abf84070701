"""The verifier `quotes`: what an answer quotes must stand word for word in the documents of its question."""

import re
from typing import ClassVar

from kgsynth.records import AnsweredQuestion
from kgsynth.texts import clean_characters
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Need

_MIN_WORDS = 3
_FEW_WORDS = 5
_QUOTED = re.compile(
    r"<quote>(.*?)</quote>|“([^“”]*)”|„([^„“”]*)[“”]|«([^«»]*)»|(?<![\w\"])\"([^\"]*)\"(?!\w)",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK = re.compile(r"(?m)^[ \t]*>[ \t]?(.*(?:\n[ \t]*>.*)*)")
_LEFT_OUT = re.compile(r"\s*(?:\[\s*(?:…|\.{3})\s*\]|…|\.{3,})\s*")
# "[T]he": the case of a letter was changed. "(Document 1)": the source that an answer names.
_LETTER_IN_BRACKETS = re.compile(r"\[([A-Za-z])\]")
_SOURCE = re.compile(r"\s*[(\[](?:document|passage|source)\s*\d*[)\]]\s*$", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*{1,3}|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)")
# Left out between two parts, it would turn the meaning round.
_NEGATION = re.compile(r"\b(?:not|no|never|nor|cannot|without|neither|unless|except)\b|n't\b", re.IGNORECASE)
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

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the answer needs evidence: a name for a blank, or an option, is compared with a key."""
        return not question.answer_key

    def check(self, case: Case) -> Finding:
        """Search the quotations of the kept answer."""
        texts = [passage.text for passage in case.passages if passage.text.strip()]
        quotations = quoted(case.question.answer)
        if not texts:
            return Finding(verdict="undecided", score=0.0, reason="the documents are not in the graph")
        if not quotations:
            return Finding(verdict="failed", score=0.0, reason="no quotation")
        is_incomplete = len(texts) < len(case.question.documents)
        folded = [_folded(text) for text in texts]
        missing = [quotation for quotation in quotations if not any(_stands_in(quotation, text) for text in folded)]
        found = len(quotations) - len(missing)
        if missing and is_incomplete:
            # The words may stand in a document that was forgotten.
            reason = "a document is not in the graph"
            return Finding(verdict="undecided", score=found / len(quotations), reason=reason, agreeing=found,
                           routes=len(quotations), evidence={"missing": missing})  # fmt: skip
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
    parts = [_folded(part).strip() for part in _LEFT_OUT.split(_SOURCE.sub("", quotation))]
    parts = [part for part in parts if part]
    for part in parts:
        # A mark at the end of a quotation belongs to the sentence around it. Single words can be found anywhere.
        folded = part.rstrip(".,;:!?")
        if not folded or (len(parts) > 1 and len(folded.split()) < _MIN_WORDS):
            return False
        match = re.compile(rf"(?<!\w){re.escape(folded[0])}{re.escape(folded[1:])}(?!\w)").search(text, start)
        if match is None:
            first = folded[0].swapcase() if start == 0 else folded[0]
            match = re.compile(rf"(?<!\w){re.escape(first)}{re.escape(folded[1:])}(?!\w)").search(text, start)
        if match is None or (start and _turns_meaning(text[start : match.start()])):
            return False
        start = match.end()
    return start > 0


def _turns_meaning(left_out: str) -> bool:
    """Whether only a few words are left out, with a negation among them."""
    return len(left_out.split()) <= _FEW_WORDS and _NEGATION.search(left_out) is not None


def _folded(text: str) -> str:
    plain = _LETTER_IN_BRACKETS.sub(r"\1", clean_characters(text)[0].translate(_SAME))
    return " ".join(_EMPHASIS.sub("", plain).split())
