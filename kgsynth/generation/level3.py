r"""Level 3: questions from a combination and its documents; what a model wrote is checked before it is kept.

The answer's form is tagged plain text, not JSON: inside JSON strings models write `\frac` and `\theta`, which
parse as
a form feed and a tab. A question claims only concepts of its combination, and 2 or 3 of them.
"""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations as choices

from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.prompts import Template
from kgsynth.records import Combination, content_hash

TokenCounter = Callable[[str], int]

_INSIDE = r"((?:(?!</?(?:question|concepts)>).)*?)"
_BLOCK = re.compile(rf"<question>\s*{_INSIDE}\s*</question>\s*<concepts>\s*{_INSIDE}\s*</concepts>", re.DOTALL)
_REFERENCES = re.compile(
    r"\b(?:the|these|this|above|given|following|first|second|both|each|reference|according to) (?:two |above |given )?"
    r"(?:passages?|references?|documents?|excerpts?|articles?)\b|\bpassage [12]\b|\bconcepts? (?:above|listed)\b",
    re.IGNORECASE,
)

MIN_QUESTION_CHARS = 25
# A question forced by the pattern that fills it to the brim was cut, not ended.
MAX_QUESTION_CHARS = 1000
_OPENINGS = (
    "What",
    "How many",
    "How",
    "Which",
    "Find",
    "Compute",
    "Calculate",
    "Determine",
    "Evaluate",
    "Prove",
    "Show",
    "Let",
    "Suppose",
    "Given",
    "Consider",
    "Assume",
    "For",
    "If",
    "In",
    "A",
    "An",
    "Two",
    "Three",
)
# With more names the pattern grows with their third power; the check after generation needs no pattern.
_MAX_PATTERN_CONCEPTS = 12
# Tokens that a chat template adds around turns.
_TEMPLATE_TOKENS = 64
_MIN_PASSAGE_TOKENS = 40
_LOOP_WORDS = 6
_LOOP_TIMES = 3
# English and LaTeX compress to .35-.6; a text that repeats itself far below.
_MIN_COMPRESSION = 0.25
_COMPRESSION_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A combination with the names of its terms and the passages of its documents (title, text)."""

    combination: Combination
    names: Mapping[str, str]
    passages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request, what had to be cut to make it fit, and whether it fits even then."""

    request: Request
    truncated_passages: int
    fits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question that passed all checks: text and the ids of the concepts it claims."""

    text: str
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A question or a whole completion that cannot be used, with the text that shows it."""

    reason: str
    raw: str


def request_seed(seed: int, combination_id: str) -> int:
    """The seed of a combination's own request, in [0, 2**31)."""
    return int(content_hash(["generate", seed, combination_id])[:8], 16) % 2**31


def write_prompt(
    source: Source,
    template: Template,
    *,
    seed: int,
    max_questions: int,
    budget_tokens: int,
    count_tokens: TokenCounter,
    constrained: bool,
) -> Prompt:
    """The request for one combination.

    Args:
        source: what it is about.
        template: of this level.
        seed: the run's.
        max_questions: asked for, at most.
        budget_tokens: for the whole prompt; passages are cut to fit, evenly, at word borders.
        count_tokens: of the model.
        constrained: add the pattern of the answer.
    """
    concepts = concept_names(source)
    slots = {
        "topics": "; ".join(source.names.get(term, term) for term in source.combination.topics),
        "concepts": "; ".join(concepts.values()),
        "max_questions": str(max_questions),
    }
    empty = template.fill(passages="", **slots)
    room = budget_tokens - _TEMPLATE_TOKENS - sum(count_tokens(message.content) + 8 for message in empty)
    passages, truncated = _fit(source.passages, max(room, 0), count_tokens)
    messages = template.fill(passages=passages, **slots)
    pattern = answer_pattern(list(concepts.values()), max_questions) if constrained else ""
    request = Request(
        id=source.combination.id, messages=messages, seed=request_seed(seed, source.combination.id), pattern=pattern
    )
    used = _TEMPLATE_TOKENS + sum(count_tokens(message.content) + 8 for message in messages)
    return Prompt(request=request, truncated_passages=truncated, fits=used <= budget_tokens)


def concept_names(source: Source) -> dict[str, str]:
    """Names of the combination's concepts by id, as a prompt may hold them: one line, no separators, each once."""
    names: dict[str, str] = {}
    for term in source.combination.concepts:
        name = re.sub(r"[<>;\s]+", " ", source.names.get(term, term.partition(":")[2])).strip()
        if name and name.casefold() not in {known.casefold() for known in names.values()}:
            names[term] = name
    return names


def answer_pattern(concepts: Sequence[str], max_questions: int) -> str:
    """A regular expression of well-formed answers; empty when there are too many or too few concepts for one."""
    if not 2 <= len(concepts) <= _MAX_PATTERN_CONCEPTS:
        return ""
    chosen = "|".join(
        re.escape("; ".join(names)).replace(r"\ ", " ") for size in (2, 3) for names in choices(concepts, size)
    )
    question = rf"(?:{'|'.join(_OPENINGS)}) [^<\n]{{{MIN_QUESTION_CHARS},{MAX_QUESTION_CHARS}}}[.?]"
    return rf"(?:<question>\n{question}\n</question>\n<concepts>\n(?:{chosen})\n</concepts>\n?){{1,{max_questions}}}"


def read_answer(
    completion: Completion, source: Source, *, template: Template, seen: set[str], max_questions: int, constrained: bool
) -> list[Draft | Refusal]:
    """What of a completion can be used, question by question.

    Args:
        completion: what the model wrote.
        source: what it was asked about.
        template: its examples are not answers.
        seen: normalised questions so far; those accepted are added.
        max_questions: asked for; what is beyond is refused.
        constrained: the pattern was in force, so that a question of its full length was cut, not ended.

    Returns:
        One element a question found, or one Refusal for the whole text.
    """
    if completion.finish_reason == "error":
        return [Refusal(reason="backend error", raw=completion.text)]
    if completion.finish_reason == "too long":
        return [Refusal(reason="the prompt is longer than the context", raw=completion.text)]
    blocks = _BLOCK.findall(completion.text)
    if not blocks:
        reason = "cut off" if completion.finish_reason == "length" else "no question found"
        return [Refusal(reason=reason, raw=completion.text)]
    blocks, extra = blocks[:max_questions], blocks[max_questions:]
    results: list[Draft | Refusal] = [
        _check(text, claimed, source, template=template, seen=seen, constrained=constrained) for text, claimed in blocks
    ]
    results += [Refusal(reason="more questions than asked for", raw=text) for text, _ in extra]
    rest = _BLOCK.sub("", completion.text).strip()
    if completion.finish_reason == "length":
        results.append(Refusal(reason="cut off", raw=completion.text[-400:]))
    elif "<question>" in rest:
        results.append(Refusal(reason="a block that does not parse", raw=rest))
    return results


def _check(
    text: str, claimed: str, source: Source, *, template: Template, seen: set[str], constrained: bool
) -> Draft | Refusal:
    raw = f"{text}\n[claims: {claimed}]"
    by_name = {name.casefold(): term for term, name in concept_names(source).items()}
    names = [" ".join(name.split()).casefold() for name in re.split(r"[;\n]", claimed) if name.strip()]
    form = normal_question(text)
    reason = ""
    if len(text) < MIN_QUESTION_CHARS:
        reason = "too short"
    elif constrained and len(text) >= MAX_QUESTION_CHARS:
        reason = "cut off"
    elif any(name not in by_name for name in names):
        reason = "claims a concept that is not in its combination"
    elif not 2 <= len(set(names)) <= 3:
        reason = "claims fewer than 2 or more than 3 concepts"
    elif loops(text):
        reason = "loops"
    elif _REFERENCES.search(text):
        reason = "mentions the references"
    elif any(text in example for example in template.examples):
        reason = "copies an example of the prompt"
    elif form in seen:
        reason = "repeats another question"
    if reason:
        return Refusal(reason=reason, raw=raw)
    seen.add(form)
    return Draft(text=text, concepts=tuple(dict.fromkeys(by_name[name] for name in names)))


def loops(text: str) -> bool:
    """Whether a text repeats itself: six words that stand three times, or far more regular than prose."""
    words = text.split()
    runs: dict[tuple[str, ...], int] = {}
    for first in range(len(words) - _LOOP_WORDS + 1):
        run = tuple(words[first : first + _LOOP_WORDS])
        runs[run] = runs.get(run, 0) + 1
        if runs[run] >= _LOOP_TIMES:
            return True
    encoded = text.encode()
    return len(encoded) >= _COMPRESSION_CHARS and len(zlib.compress(encoded)) / len(encoded) < _MIN_COMPRESSION


def normal_question(text: str) -> str:
    """The form under which two questions count as the same: words and digits only, case folded."""
    return " ".join(re.sub(r"[^\w]+", " ", text.casefold()).split())


def _fit(passages: Sequence[tuple[str, str]], room: int, count_tokens: TokenCounter) -> tuple[str, int]:
    """All passages under headings within `room` tokens; a short one leaves its share to the others."""
    if not passages:
        return "(no passages)", 0
    heads = [
        f"Passage {number}" + (f" ({title})" if title else "") + ":\n" for number, (title, _) in enumerate(passages, 1)
    ]
    room -= sum(count_tokens(head) + 4 for head in heads)
    costs = [count_tokens(text) for _, text in passages]
    kept: dict[int, str] = {}
    truncated = 0
    remaining = sorted(range(len(passages)), key=lambda index: costs[index])
    while remaining:
        index = remaining.pop(0)
        share = max(room, 0) // (len(remaining) + 1)
        text = passages[index][1].strip()
        if costs[index] > share:
            text = _cut(text, share, count_tokens)
            truncated += 1
        kept[index] = text
        room -= count_tokens(text) if text else 0
    return "\n\n".join(heads[index] + kept[index] for index in range(len(passages))), truncated


def _cut(text: str, tokens: int, count_tokens: TokenCounter) -> str:
    """The longest run of words from the start within `tokens`, marked as cut."""
    if tokens < _MIN_PASSAGE_TOKENS:
        return ""
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(text[: ends[middle - 1]] + " …") <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[: ends[low - 1]] + " …" if low else ""
