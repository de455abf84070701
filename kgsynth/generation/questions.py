"""Shared by the three levels: sources of questions, checks of a question's text, and the records of questions."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kgsynth.faults import fault
from kgsynth.generation.backend import Completion, Message, Request
from kgsynth.generation.claims import Claims, evidence
from kgsynth.generation.forms import MAX_QUESTION_CHARS, MIN_QUESTION_CHARS, longest_question
from kgsynth.generation.prompts import Template
from kgsynth.generation.question_types import Style
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
    """A document that questions are written from, with the terms that it mentions, their names and their aliases."""

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
    """A combination with the names and aliases of its terms, its documents in order, and the style of its questions."""

    combination: Combination
    names: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    documents: tuple[SourceDocument, ...]
    style: Style = field(default_factory=Style)


def cited(document: SourceDocument) -> str:
    """Return a document's source with the pages of the part, or else with its section."""
    location = f"p. {document.pages}" if document.pages else document.section
    return f"{document.source}, {location}" if document.source and location else document.source


def shown_names(terms: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return names of terms by id, cleaned for a prompt: on one line, without separators, without duplicates."""
    names_by_id: dict[str, str] = {}
    used: set[str] = set()
    for term in terms:
        name = re.sub(r"[<>;\s]+", " ", names.get(term, term.partition(":")[2])).strip()
        if name and name.casefold() not in used:
            names_by_id[term] = name
            used.add(name.casefold())
    return names_by_id


def names_pattern(choices: Iterable[Sequence[str]]) -> str:
    """Return a regular expression that matches one of several lists of names, joined as in a `<concepts>` block."""
    return "|".join(re.escape("; ".join(names)).replace(r"\ ", " ") for names in choices)


# Words for each grade, in the order in which they are searched, since "undergraduate" contains "graduate".
_GRADE_WORDS = (
    ("competition", "competition|olympiad|contest"),
    ("college", "college|universit|undergraduate|bachelor"),
    ("graduate school", "graduate|master|phd|doctora|research"),
    ("high school", "high school|secondary|highschool"),
    ("middle school", "middle|junior"),
    ("primary school", "primary|elementary|grade school"),
)


def read_grade(text: str, grades: Sequence[str] = GRADES) -> str:
    """Return the grade of a domain that a model's words name; `other` if they name none."""
    words = re.sub(r"[\s\-_]+", " ", text.casefold()).strip()
    exact = next((grade for grade in grades if grade.casefold() == words), None)
    if exact is not None:
        return exact
    return next((grade for grade, names in _GRADE_WORDS if grade in grades and re.search(names, words)), "other")


def prompt_tokens(messages: Sequence[Message], context: Context) -> int:
    """Return the number of tokens of a conversation; those of the chat template are estimated."""
    system_tokens = context.count_tokens(context.system) + _TURN_TOKENS if context.system else 0
    return (
        _TEMPLATE_TOKENS
        + system_tokens
        + sum(context.count_tokens(message.content) + _TURN_TOKENS for message in messages)
    )


def request(
    context: Context, request_id: str, messages: tuple[Message, ...], *, pattern: str = "", json_schema: str = ""
) -> Request:
    """Make a request with its own seed; the output is constrained only if the run says so."""
    return Request(
        id=request_id,
        messages=_with_system(messages, context),
        seed=context.seed_of(request_id),
        pattern=pattern if context.constrained else "",
        json_schema=json_schema if context.has_schema else "",
    )


def _with_system(messages: tuple[Message, ...], context: Context) -> tuple[Message, ...]:
    """Add the user's system text, and put it where the model accepts it."""
    if context.system:
        head, rest = (messages[0].content, messages[1:]) if messages[0].role == "system" else ("", messages)
        messages = (Message("system", f"{context.system}\n\n{head}".strip()), *rest)
    if messages[0].role != "system" or context.system_role == "system":
        return messages
    if context.system_role == "user" and len(messages) > 1 and messages[1].role == "user":
        return (replace(messages[1], content=f"{messages[0].content}\n\n{messages[1].content}"), *messages[2:])
    return (replace(messages[0], role=context.system_role), *messages[1:])


def text_problem(text: str, *, template: Template, seen: set[str], context: Context) -> str:
    """Return why the text of a question cannot be used; if it can, add it to `seen` and return an empty string.

    Args:
        text: the question.
        template: a copy of one of its examples is rejected.
        seen: normal forms of the questions that this unit already has.
        context: context of the run. Under constrained output, a question of the maximum length was cut off.
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
    """Yield the blocks of a completion that can be used; for all others add a refusal to the outcome.

    Args:
        outcome: gets the refusals.
        completion: None if no request was sent, because the prompt did not fit.
        tags: tags of one block; the first contains the question, the others may be missing.
        template: template of the prompt.
        context: context of the run.
        max_questions: number of questions that were asked for; further blocks are refused.
        block_problem: returns why a block cannot be used apart from its text, or an empty string.
    """
    if completion is None:
        outcome.refusals.append(Refusal(reason=TOO_LONG, raw="", is_final=True))
        return

    def refuse(reason: str, raw: str, *, is_final: bool = False) -> None:
        outcome.refusals.append(Refusal(reason=reason, raw=raw, request_id=completion.request_id, is_final=is_final))

    parsed, rest = blocks(completion.text, tags, optional=tags[1:])
    seen: set[str] = set()
    for block in parsed[:max_questions]:
        reason = text_problem(block[tags[0]], template=template, seen=seen, context=context)
        reason = reason or block_problem(block)
        if reason:
            claims = ", ".join(block[tag] for tag in tags[1:])
            refuse(reason, f"{block[tags[0]]}\n[claims: {claims}]")
        else:
            yield block
    for block in parsed[max_questions:]:
        refuse(MORE_THAN_ASKED, block[tags[0]], is_final=True)
    problem = completion_problem(completion)
    if problem or not parsed:
        refuse(problem or "no question found", raw_text(completion) if not parsed else completion.text[-400:])
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
    """Make a question that claims concepts; the evidence for each in its text is searched and counted."""
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
    style: Style | None = None,
    options: tuple[str, ...] = (),
    answer_key: tuple[str, ...] = (),
) -> Question:
    """Make the record of a question that passed all checks; its id is a hash of run, request and text."""
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
        domain=context.domain,
        question_type=style.question_type.name if style and style.question_type else "",
        difficulty=style.difficulty.partition(":")[0] if style else "",
        options=options,
        answer_key=answer_key,
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
