"""What the three levels share: what a question is written from, when one can be used, and the record it becomes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kgsynth.faults import fault
from kgsynth.generation.backend import Completion, Message, Request
from kgsynth.generation.claims import Claims, evidence
from kgsynth.generation.forms import MAX_QUESTION_CHARS, MIN_QUESTION_CHARS, longest_question
from kgsynth.generation.prompts import Template
from kgsynth.generation.task import CUT_OFF, TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import GRADES, Combination, Question, content_hash
from kgsynth.texts import blocks, mentions_references, normal_question, reading_length

NO_CLAIMS = Claims()
NO_TEXT = "a document without text"
MORE_THAN_ASKED = "more questions than asked for"
# Tokens that a chat template adds around a conversation, and around one turn.
_TEMPLATE_TOKENS = 64
_TURN_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDocument:
    """A document that questions are written from, with the ids of what it mentions, their names and other names."""

    id: str
    title: str
    text: str
    source: str = ""
    license: str = ""
    attribution: str = ""
    pages: str = ""
    section: str = ""
    topics: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    names: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCombination:
    """A combination with the names and other names of its terms, and its documents, in their order."""

    combination: Combination
    names: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    documents: tuple[SourceDocument, ...]


def cited(document: SourceDocument) -> str:
    """Where a document is found: its source, for a part with its pages, else with its section."""
    place = f"p. {document.pages}" if document.pages else document.section
    return f"{document.source}, {place}" if document.source and place else document.source


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


# What levels are called, in the order in which a text is looked through for them: "undergraduate" holds "graduate".
_GRADE_WORDS = (
    ("competition", "competition|olympiad|contest"),
    ("college", "college|universit|undergraduate|bachelor"),
    ("graduate school", "graduate|master|phd|doctora|research"),
    ("high school", "high school|secondary|highschool"),
    ("middle school", "middle|junior"),
    ("primary school", "primary|elementary|grade school"),
)


def read_grade(said: str) -> str:
    """The level of `records.GRADES` that a model's words name; `other` for none of them."""
    words = re.sub(r"[\s\-_]+", " ", said.casefold()).strip()
    if words in GRADES:
        return words
    return next((grade for grade, names in _GRADE_WORDS if re.search(names, words)), "other")


def prompt_tokens(messages: Sequence[Message], context: Context) -> int:
    """Tokens of a conversation, those of the chat template estimated."""
    own = context.count_tokens(context.system) + _TURN_TOKENS if context.system else 0
    return _TEMPLATE_TOKENS + own + sum(context.count_tokens(message.content) + _TURN_TOKENS for message in messages)


def request(
    context: Context, request_id: str, messages: tuple[Message, ...], *, pattern: str = "", json_schema: str = ""
) -> Request:
    """A request with its own seed; the form is forced only where the run says so."""
    return Request(
        id=request_id,
        messages=_with_system(messages, context),
        seed=context.seed_of(request_id),
        pattern=pattern if context.constrained else "",
        json_schema=json_schema if context.has_schema else "",
    )


def _with_system(messages: tuple[Message, ...], context: Context) -> tuple[Message, ...]:
    """The conversation with the user's system text, and system turns where the model takes them."""
    if context.system:
        head, rest = (messages[0].content, messages[1:]) if messages[0].role == "system" else ("", messages)
        messages = (Message("system", f"{context.system}\n\n{head}".strip()), *rest)
    if messages[0].role != "system" or context.system_role == "system":
        return messages
    if context.system_role == "user" and len(messages) > 1 and messages[1].role == "user":
        return (replace(messages[1], content=f"{messages[0].content}\n\n{messages[1].content}"), *messages[2:])
    return (replace(messages[0], role=context.system_role), *messages[1:])


def text_problem(text: str, *, template: Template, seen: set[str], context: Context) -> str:
    """Why the text of a question cannot be used; empty when it can, and then it is added to `seen`.

    Args:
        text: the question.
        template: its examples are no questions.
        seen: normal forms of the questions that this unit has.
        context: of the run. Where a form is in force, a question of its full length was cut, not ended.
    """
    form = normal_question(text)
    if reading_length(text) < MIN_QUESTION_CHARS:
        return "too short"
    if context.constrained and len(text) >= longest_question(context.question_form):
        return CUT_OFF
    if len(text) > MAX_QUESTION_CHARS:
        return "too long"
    if context.has_filters and (problem := fault(text)):
        return problem
    if context.has_filters and mentions_references(text):
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
    block_problem: Callable[[Mapping[str, str]], str] = lambda _: "",
) -> Iterator[dict[str, str]]:
    """The blocks of a completion that can be used; for all else a refusal is added to the outcome.

    Args:
        outcome: gets the refusals.
        completion: None when the prompt did not fit and nothing was asked.
        tags: of one block; the first holds the question, the others may be missing.
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

    found, rest = blocks(completion.text, tags, optional=tags[1:])
    seen: set[str] = set()
    for block in found[:max_questions]:
        reason = text_problem(block[tags[0]], template=template, seen=seen, context=context)
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
        refuse(problem or "no question found", raw_text(completion) if not found else completion.text[-400:])
    elif f"<{tags[0]}>" in rest:
        refuse("a block that does not parse", rest)


def claiming_question(
    context: Context,
    outcome: Outcome,
    *,
    claims: Claims,
    shown: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]],
    text: str,
    **more: Any,
) -> Question:
    """As `make_question`, for a question that claims concepts: what shows them is looked for and counted."""
    seen = evidence(text, claims.given, shown, aliases, context.similarities)
    outcome.add("claims", len(claims.given))
    outcome.add("claims_seen", sum(map(bool, seen)))
    outcome.add("foreign_claims", len(claims.foreign))
    return make_question(context, text=text, claims=claims, claim_evidence=seen, **more)


def make_question(
    context: Context,
    *,
    text: str,
    level: int,
    request: Request,
    template: Template,
    documents: Sequence[SourceDocument],
    passage_chars: tuple[int, ...],
    reasoning: str,
    claims: Claims = NO_CLAIMS,
    claim_evidence: tuple[str, ...] = (),
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
        concepts=claims.given,
        seen_concepts=tuple(term for term, seen in zip(claims.given, claim_evidence, strict=True) if seen),
        claim_evidence=claim_evidence,
        foreign_claims=claims.foreign,
        topics=topics,
        grade=grade,
        origin=origin,
        combination_id=combination.id if combination else "",
        combination_terms=combination.terms if combination else (),
        documents=tuple(document.id for document in documents),
        sources=tuple(cited(document) for document in documents),
        licenses=tuple(document.license for document in documents),
        attributions=tuple(document.attribution for document in documents),
        passage_chars=passage_chars,
        reasoning=reasoning,
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
