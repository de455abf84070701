"""What the three levels share: what a question is written from, when one can be used, and the record it becomes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgsynth.generation.backend import Completion, Message, Request
from kgsynth.generation.prompts import Template
from kgsynth.generation.task import CUT_OFF, TOO_LONG, Context, Outcome, Refusal, completion_problem
from kgsynth.records import Combination, Question, content_hash
from kgsynth.texts import blocks, loops, mentions_references, normal_question

MIN_QUESTION_CHARS = 25
# A question forced by the pattern that fills it to the brim was cut, not ended.
MAX_QUESTION_CHARS = 1000
OUT_OF_CONCEPTS = "claims a concept that it was not given"
NO_TEXT = "a document without text"
MORE_THAN_ASKED = "more questions than asked for"
# Tokens that a chat template adds around a conversation, and around one turn.
_TEMPLATE_TOKENS = 64
_TURN_TOKENS = 8
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
# Of a constrained answer: how a question begins and how long it may be.
QUESTION_PATTERN = rf"(?:{'|'.join(_OPENINGS)}) [^<\n]{{{MIN_QUESTION_CHARS},{MAX_QUESTION_CHARS}}}[.?]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDocument:
    """A document that questions are written from, with the ids of what it mentions and their names."""

    id: str
    title: str
    text: str
    source: str = ""
    license: str = ""
    attribution: str = ""
    topics: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCombination:
    """A combination with the names of its terms and its documents, in their order."""

    combination: Combination
    names: Mapping[str, str]
    documents: tuple[SourceDocument, ...]


def shown_names(terms: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Names of terms by id, as a prompt may hold them: one line, no separators, each once."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for term in terms:
        name = re.sub(r"[<>;\s]+", " ", names.get(term, term.partition(":")[2])).strip()
        if name and name.casefold() not in taken:
            shown[term] = name
            taken.add(name.casefold())
    return shown


def names_pattern(choices: Iterable[Sequence[str]]) -> str:
    """A regular expression of one of several lists of names, as a `<concepts>` block holds them."""
    return "|".join(re.escape("; ".join(names)).replace(r"\ ", " ") for names in choices)


def prompt_tokens(messages: Sequence[Message], context: Context) -> int:
    """Tokens of a conversation, those of the chat template estimated."""
    return _TEMPLATE_TOKENS + sum(context.count_tokens(message.content) + _TURN_TOKENS for message in messages)


def request(
    context: Context, request_id: str, messages: tuple[Message, ...], *, pattern: str = "", json_schema: str = ""
) -> Request:
    """A request with its own seed; the form is forced only where the run says so."""
    return Request(
        id=request_id,
        messages=messages,
        seed=context.seed_of(request_id),
        pattern=pattern if context.constrained else "",
        json_schema=json_schema if context.constrained else "",
    )


def text_problem(text: str, *, template: Template, seen: set[str], constrained: bool) -> str:
    """Why the text of a question cannot be used; empty when it can, and then it is added to `seen`.

    Args:
        text: the question.
        template: its examples are no questions.
        seen: normal forms of the questions that this unit has.
        constrained: a pattern was in force, so that a question of its full length was cut, not ended.
    """
    form = normal_question(text)
    if len(text) < MIN_QUESTION_CHARS:
        return "too short"
    if constrained and len(text) >= MAX_QUESTION_CHARS:
        return CUT_OFF
    if loops(text):
        return "loops"
    if mentions_references(text):
        return "mentions the references"
    if any(text in example for example in template.examples):
        return "copies an example of the prompt"
    if form in seen:
        return "repeats another question"
    seen.add(form)
    return ""


def usable_blocks(
    outcome: Outcome,
    completion: Completion | None,
    *,
    tags: Sequence[str],
    template: Template,
    context: Context,
    max_questions: int,
    block_problem: Callable[[Mapping[str, str]], str],
) -> Iterator[dict[str, str]]:
    """The blocks of a completion that can be used; for all else a refusal is added to the outcome.

    Args:
        outcome: gets the refusals.
        completion: None when the prompt did not fit and nothing was asked.
        tags: of one block, the first holds the question.
        template: that was filled.
        context: of the run.
        max_questions: asked for; what is beyond is refused.
        block_problem: why a block cannot be used apart from its text, empty when it can.
    """
    if completion is None:
        outcome.refusals.append(Refusal(reason=TOO_LONG, raw="", is_final=True))
        return

    def refuse(reason: str, raw: str, *, is_final: bool = False) -> None:
        outcome.refusals.append(Refusal(reason=reason, raw=raw, request_id=completion.request_id, is_final=is_final))

    found, rest = blocks(completion.text, tags)
    seen: set[str] = set()
    for block in found[:max_questions]:
        reason = text_problem(block[tags[0]], template=template, seen=seen, constrained=context.constrained)
        reason = reason or block_problem(block)
        if reason:
            claims = ", ".join(block[tag] for tag in tags[1:])
            refuse(reason, f"{block[tags[0]]}\n[claims: {claims}]")
        else:
            yield block
    for block in found[max_questions:]:
        refuse(MORE_THAN_ASKED, block[tags[0]], is_final=True)
    problem = completion_problem(completion)
    if problem or not found:
        refuse(problem or "no question found", completion.text if not found else completion.text[-400:])
    elif f"<{tags[0]}>" in rest:
        refuse("a block that does not parse", rest)


def claimed_terms(claimed: str, shown: Mapping[str, str]) -> tuple[str, ...] | None:
    """Ids of the names in a `<concepts>` block, each once; None when one of them was not shown."""
    by_name = {name.casefold(): term for term, name in shown.items()}
    names = [" ".join(name.split()).casefold() for name in re.split(r"[;\n]", claimed) if name.strip()]
    if any(name not in by_name for name in names):
        return None
    return tuple(dict.fromkeys(by_name[name] for name in names))


def make_question(
    context: Context,
    *,
    text: str,
    level: int,
    request: Request,
    template: Template,
    documents: Sequence[SourceDocument],
    concepts: tuple[str, ...] = (),
    topics: tuple[str, ...] = (),
    grade: str = "",
    origin: str = "",
    combination: Combination | None = None,
) -> Question:
    """The record of a question that passed all checks; its id is a hash of run, request and text."""
    return Question(
        id=f"q-{content_hash([context.run_id, request.id, normal_question(text)])[:16]}",
        text=text,
        level=level,
        concepts=concepts,
        topics=topics,
        grade=grade,
        origin=origin,
        combination_id=combination.id if combination else "",
        combination_terms=combination.terms if combination else (),
        documents=tuple(document.id for document in documents),
        sources=tuple(document.source for document in documents),
        licenses=tuple(document.license for document in documents),
        attributions=tuple(document.attribution for document in documents),
        run_id=context.run_id,
        request_id=request.id,
        template=template.name,
        template_hash=template.hash,
        backend=context.backend,
        model=context.model,
        sampling=context.sampling,
        seed=request.seed,
        attempt=context.attempt,
    )
