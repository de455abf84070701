"""Prompts, levels, extraction and answers, without a model: what is asked, and what of the answers is kept."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kgsynth.errors import ConfigError
from kgsynth.final_answers import final_answer
from kgsynth.generation import extraction, level2, passages, prompts
from kgsynth.generation.answers import Answering
from kgsynth.generation.backend import Completion, Message, Request
from kgsynth.generation.extraction import Extraction
from kgsynth.generation.forms import ANY_QUESTION, MAX_QUESTION_CHARS, SMALL_MODEL_QUESTION
from kgsynth.generation.level1 import Level1, stands_in
from kgsynth.generation.level2 import Level2
from kgsynth.generation.level3 import Level3, answer_pattern
from kgsynth.generation.questions import SourceCombination, SourceDocument
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.generation.task import Context, Outcome, Work
from kgsynth.records import AnsweredQuestion, Combination, Document, GroundingDocument

LATEX = r"Let $\frac{1}{2}\rho\beta\theta\nabla\tau\neq\phi\alpha$ be a prime number in a ring, what is its value?"
TASKS = ("extract", "level1", "level2", "level2_free", "level3", "answer", "judge")
NAMES = {
    "topic:algebra": "Algebra",
    "concept:prime number": "Prime Number",
    "concept:ring": "ring",
    "concept:ideal": "ideal; <of a ring>",
}
CONCEPTS = ("concept:ideal", "concept:prime number", "concept:ring")
SOURCE = SourceCombination(
    combination=Combination(
        id="comb-1", seed=5, walk=0, path=("topic:algebra", "concept:prime number", "concept:ring", "concept:ideal"), topics=("topic:algebra",),
        concepts=CONCEPTS, documents=(GroundingDocument(id="d1", jaccard=0.5), GroundingDocument(id="d2", jaccard=0.4)),
    ),
    names=NAMES,
    documents=(
        SourceDocument(id="d1", title="One", text="alpha " * 300, license="CC0", attribution="A", source="s1", names={}),
        SourceDocument(id="d2", title="Two", text="short passage", license="MIT", attribution="B", names={}),
    ),
)  # fmt: skip
DOCUMENT = SourceDocument(
    id="d1",
    title="Rings",
    text="A ring is a set with two operations. How many ideals does the ring of integers modulo 12 have? Ideals are kernels.",
    topics=("topic:algebra",),
    concepts=CONCEPTS,
    names=NAMES,
)


def words(text: str) -> int:
    return len(text.split())


def context(budget: int = 5000, *, constrained: bool = True, attempt: int = 0, domain: str = "mathematics") -> Context:
    return Context(
        run_id="run",
        stage="level3",
        seed=1,
        attempt=attempt,
        templates={task: prompts.load(domain, task) for task in TASKS},
        backend="scripted",
        model="m",
        sampling="{}",
        budget_tokens=budget,
        count_tokens=words,
        constrained=constrained,
        question_form=SMALL_MODEL_QUESTION,
    )


TEMPLATE = prompts.load("mathematics", "level3")


def level3(budget: int = 5000, *, constrained: bool = True, source: SourceCombination = SOURCE) -> Level3:
    return Level3(source, context(budget, constrained=constrained), max_questions=3)


def finish(work: Work, *texts: str, reason: str = "stop") -> Outcome:
    """The outcome when the requests of each round are answered by these texts, in order."""
    done: dict[str, Completion] = {}
    waiting = list(texts)
    while asked := work.requests(done):
        for request in asked:
            done[request.id] = Completion(request_id=request.id, text=waiting.pop(0), finish_reason=reason)
    assert not waiting
    return work.outcome(done)


def blocks(*pairs: tuple[str, str]) -> str:
    return "".join(
        f"<question>\n{question}\n</question>\n<concepts>\n{claims}\n</concepts>\n" for question, claims in pairs
    )


def reasons(outcome: Outcome) -> list[str]:
    return [refusal.reason for refusal in outcome.refusals]


def test_every_domain_has_all_templates() -> None:
    assert prompts.domains() == ["general", "mathematics"]
    for domain in prompts.domains():
        for task in TASKS:
            template = prompts.load(domain, task)
            assert template.examples
            assert re.fullmatch(r"[0-9a-f]{16}", template.hash)
            assert template.name == f"{domain}/{task}"
    with pytest.raises(ConfigError, match=r"there is no domain 'mathematic': did you mean 'mathematics'"):
        prompts.load("mathematic", "level3")
    with pytest.raises(ConfigError, match="no domain is chosen, .* known domains: general, mathematics") as caught:
        prompts.load("", "level3")
    assert "--domain" in caught.value.hint


@pytest.mark.parametrize("domain", ["mathematics", "general"])
def test_the_examples_of_the_templates_pass_the_checks_that_answers_must_pass(domain: str) -> None:
    # A model writes like its examples: one that would be refused teaches it to be refused.
    other = {
        task: replace(template, turns=(template.turns[-1],))
        for task, template in context(domain=domain).templates.items()
    }
    plain = replace(context(domain=domain, constrained=False), templates=other)
    for task in ("level1", "level2", "level2_free", "level3"):
        for example in prompts.load(domain, task).examples:
            claims = sorted(
                {name for line in re.findall(r"<concepts>\n(.*)\n</concepts>", example) for name in line.split("; ")}
            )
            document = replace(DOCUMENT, concepts=tuple(claims), names={name: name for name in claims})
            if task == "level1":
                outcome = finish(Level1(document, plain, max_questions=5), example)
            elif task == "level3":
                combination = replace(SOURCE.combination, concepts=tuple(claims))
                outcome = finish(
                    Level3(replace(SOURCE, combination=combination, names=document.names), plain, max_questions=5),
                    example,
                )
            else:
                outcome = finish(Level2(document, plain, max_questions=20, chosen_by="model"), example)
            assert outcome.rows
            assert reasons(outcome) == []
    (example,) = prompts.load(domain, "extract").examples
    assert not extraction.read_part(Completion(request_id="x", text=example, finish_reason="stop")).problem
    for example in prompts.load(domain, "answer").examples:
        assert final_answer(example)


def test_a_template_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "level3.txt").write_text("[[user]]\n{{passages}} {{concepts}} {{max_questions}} {{topics}}\n")
    template = prompts.load(str(tmp_path), "level3")
    assert template.fill(passages="P", concepts="{{topics}}", max_questions="3", topics="T") == (
        Message("user", "P {{topics}} 3 T"),
    )
    for text, why in (
        ("hello", "does not begin"),
        ("[[user]]\n{{passages}}", "last turn must be the user's and hold {{concepts}} and {{passages}}"),
        ("[[user]]\n{{concepts}}{{x}}{{passages}}", "unknown slots"),
    ):
        with pytest.raises(ConfigError, match=re.escape(why)):
            prompts.parse("x", text, task="level3")
    with pytest.raises(ConfigError, match=r"no template answer.txt .*"):
        prompts.load(str(tmp_path), "answer")


def test_the_prompt_asks_for_the_concepts_and_holds_the_passages() -> None:
    (request,) = level3().requests({})
    last = request.messages[-1].content
    assert "Concepts: ideal of a ring; Prime Number; ring" in last
    assert "Topics: Algebra" in last
    assert "Passage 2 (Two):\nshort passage" in last
    assert "one to 3 new questions" in last
    assert request == level3().requests({})[0]
    assert 0 <= request.seed < 2**31
    (again,) = Level3(SOURCE, context(attempt=1), max_questions=3).requests({})
    assert again.seed != request.seed


@pytest.mark.parametrize("budget", [620, 680, 740, 5000])
def test_the_token_budget_is_kept_and_cuts_are_counted(budget: int) -> None:
    work = level3(budget)
    (request,) = work.requests({})
    assert sum(words(message.content) for message in request.messages) <= budget
    assert finish(work, "junk").totals["truncated_passages"] == (0 if budget == 5000 else 1)
    assert "short passage" in request.messages[-1].content


def test_a_prompt_that_cannot_fit_is_never_sent_and_says_so() -> None:
    for work in (
        level3(100),
        Level1(DOCUMENT, context(100), max_questions=5),
        Extraction(Document(id="d", text="a b"), context(60)),
    ):
        outcome = finish(work)
        assert reasons(outcome) == ["the prompt is longer than the context"]
        assert outcome.refusals[0].is_final


def test_the_pattern_accepts_good_answers_and_nothing_else() -> None:
    pattern = level3().requests({})[0].pattern
    good = blocks((r"Find $\frac{1}{2}$ of the smallest prime number of the ring?", "ideal of a ring; ring"))
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, good.replace("; ring", "; field"))
    assert not re.fullmatch(pattern, good * 4)
    assert level3(constrained=False).requests({})[0].pattern == ""
    assert answer_pattern(["only one"], 3, ANY_QUESTION) == ""


def test_good_questions_come_through_with_their_latex_and_all_that_makes_them_again() -> None:
    outcome = finish(
        level3(),
        blocks(
            (LATEX, "ring; PRIME number"),
            ("Which prime numbers generate ideals of the ring?", "ring;prime number;ideal of a ring"),
        ),
    )
    first, second = outcome.rows
    assert reasons(outcome) == []
    assert (first.text, first.concepts) == (LATEX, ("concept:ring", "concept:prime number"))
    assert len(second.concepts) == 3
    assert (first.level, first.combination_id, first.documents) == (3, "comb-1", ("d1", "d2"))
    assert (first.licenses, first.attributions, first.sources) == (("CC0", "MIT"), ("A", "B"), ("s1", ""))
    assert (first.template_hash, first.request_id, first.run_id) == (TEMPLATE.hash, "level3:comb-1", "run")
    assert first.seed == level3().requests({})[0].seed
    assert first.id != second.id


def test_a_capable_model_may_open_as_it_likes_in_several_lines_and_any_script() -> None:
    code = "Write a function `f`:\n\n```python\ndef f(xs: list[int]) -> bool:\n    return len(xs) < 3 and <here>\n```\nWhat is missing?"
    questions = (
        "Why does every ideal of this ring hold a prime number?",
        "Explain the prime number theorem for a ring.",
        code,
        "为什么环的每个理想都包含一个素数？请证明。",
        "Почему в кольце есть простое число, и какое?",
    )
    free = replace(context(constrained=False), question_form=ANY_QUESTION)
    forced = replace(context(), question_form=ANY_QUESTION)
    for text in questions:
        written = blocks((text, "Prime Number; ring"))
        assert Level3(SOURCE, free, max_questions=3).requests({})[0].pattern == ""
        assert re.fullmatch(Level3(SOURCE, forced, max_questions=3).requests({})[0].pattern, written)
        outcome = finish(Level3(SOURCE, free, max_questions=3), written)
        assert ([row.text for row in outcome.rows], reasons(outcome)) == ([text], [])
    long = blocks(
        ("Why? " + "".join(f"Line {n} of the ring. " for n in range(MAX_QUESTION_CHARS // 16)), "ring; prime number")
    )
    assert reasons(finish(Level3(SOURCE, free, max_questions=3), long)) == ["too long"]


def test_a_question_loses_a_foreign_claim_and_not_its_life() -> None:
    written = blocks(("Which prime numbers generate an ideal here?", "rings; prime numbers; field of fractions"))
    outcome = finish(level3(), written)
    (row,) = outcome.rows
    assert (row.concepts, row.foreign_claims) == (("concept:ring", "concept:prime number"), ("field of fractions",))
    assert (row.claim_evidence, row.seen_concepts) == (("", "words"), ("concept:prime number",))
    assert row.counted_concepts == row.seen_concepts
    assert {name: outcome.totals[name] for name in ("claims", "claims_seen", "foreign_claims")} == {
        "claims": 2,
        "claims_seen": 1,
        "foreign_claims": 1,
    }
    few = blocks(("Which prime numbers generate an ideal here?", "ring; field"))
    assert finish(level3(), few).rows[0].concepts == ("concept:ring",)
    strict = finish(Level3(SOURCE, context(), max_questions=3, min_concepts=2), few)
    assert reasons(strict) == ["names too few of the given concepts"]
    bare = "<question>\nWhich prime numbers generate an ideal here?\n</question>"
    assert finish(Level3(SOURCE, context(), max_questions=3, min_concepts=0), bare).rows[0].concepts == ()


def test_how_much_of_each_document_was_shown_is_written_down() -> None:
    (row,) = finish(level3(680), blocks(("Which prime numbers generate an ideal here?", "ring; prime number"))).rows
    first, second = SOURCE.documents
    assert 0 < row.passage_chars[0] < len(first.text)
    assert row.passage_chars[1] == len(second.text)
    (request,) = level3(680).requests({})
    assert first.text[: row.passage_chars[0]] + " …" in request.messages[-1].content


def test_a_system_text_is_the_users_and_stands_where_the_model_takes_it() -> None:
    plain = level3().requests({})[0].messages
    for role, first in (("system", "system"), ("developer", "developer"), ("user", "user")):
        (request,) = Level3(SOURCE, replace(context(), system="/no_think", system_role=role), max_questions=3).requests(
            {}
        )
        assert request.messages[0].role == first
        assert request.messages[0].content.startswith(f"/no_think\n\n{plain[0].content}")
        assert len(request.messages) == len(plain) - (role == "user")
    assert not any(message.role == "system" for message in request.messages)


@pytest.mark.parametrize(
    ("question", "claims", "reason"),
    [
        ("Short?", "ring; prime number", "too short"),
        ("What is the smallest prime number of the ring?", "group; field", "names too few of the given concepts"),
        ("What is the smallest prime number of the ring?", "", "names too few of the given concepts"),
        ("According to the passage, what is the smallest prime number?", "ring; prime number", "mentions the references"),
        ("What is it that is so " + "the ring of the prime number is " * 9 + "?", "ring; prime number", "loops"),
        ("What is " + "x" * 1000 + "?", "ring; prime number", "cut off"),
        (TEMPLATE.examples[0].split("\n")[1], "ring; prime number", "copies an example of the prompt"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_with_reason_and_text(question: str, claims: str, reason: str) -> None:
    outcome = finish(level3(), blocks((question, claims)))
    assert outcome.rows == []
    assert reasons(outcome) == [reason]
    assert question in outcome.refusals[0].raw
    assert outcome.refusals[0].request_id == "level3:comb-1"


def test_repeats_cut_offs_and_junk_are_refused() -> None:
    block = ("What is the smallest prime number of the ring?", "ring; prime number")
    twice = finish(level3(), blocks(block, (block[0].upper(), block[1])))
    assert (len(twice.rows), reasons(twice)) == (1, ["repeats another question"])
    cut = finish(level3(), blocks(block), reason="length")
    assert (len(cut.rows), reasons(cut)) == (1, ["cut off"])
    for text, reason, why in (
        ("junk", "stop", "no question found"),
        ("<question> half", "length", "cut off"),
        ("HTTP 400", "error", "backend error"),
    ):
        outcome = finish(level3(), text, reason=reason)
        assert (reasons(outcome), outcome.refusals[0].raw) == ([why], text)


def test_what_does_not_parse_or_was_not_asked_for_is_refused() -> None:
    half = "<question>\nWhat is a prime number in a ring?\n</question>\n"
    outcome = finish(level3(), half + blocks(("What is the smallest prime number of ring 1?", "ring; prime number")))
    assert [row.text for row in outcome.rows] == ["What is the smallest prime number of ring 1?"]
    assert reasons(outcome) == ["names too few of the given concepts"]
    broken = finish(
        level3(),
        "<question>\nWhat is a prime number in a ring?\n"
        + blocks(("Which prime number is it in ring 1?", "ring; prime number")),
    )
    assert (len(broken.rows), reasons(broken)) == (1, ["a block that does not parse"])
    many = finish(
        level3(), blocks(*((f"What is the smallest prime number of ring {n}?", "ring; prime number") for n in range(5)))
    )
    assert (len(many.rows), reasons(many)) == (3, ["more questions than asked for"] * 2)


def test_tags_in_capitals_are_tags_and_other_tags_keep_theirs() -> None:
    written = "<Question>\nWhich `<Button>` of the ring is a prime number?\n</QUESTION>\n<Concepts>\nring; prime number\n</Concepts>"
    (row,) = finish(level3(), written).rows
    assert row.text == "Which `<Button>` of the ring is a prime number?"


def tagged(*questions: tuple[str, str, str]) -> str:
    return "".join(
        f"<question>\n{text}\n</question>\n<origin>\n{origin}\n</origin>\n<level>\n{grade}\n</level>\n"
        for text, origin, grade in questions
    )


def test_level_1_takes_over_what_stands_in_the_document_and_says_what_is_new() -> None:
    work = Level1(DOCUMENT, context(), max_questions=5)
    standing = "How many ideals does the ring of integers modulo 12 have?"
    (request,) = work.requests({})
    assert DOCUMENT.text in request.messages[-1].content
    answer = tagged(
        (standing, "original", "college"),
        ("Find all units of the ring of integers modulo 15.", "New", "Competition"),
        ("Which finite fields have exactly nine elements in all?", "original", "college"),
        ("Find the characteristic of the ring of integers.", "borrowed", "Undergraduate level"),
        ("Find the number of zero divisors modulo 10.", "new", "kindergarten"),
    )
    assert re.fullmatch(request.pattern, tagged((standing, "original", "college")))
    outcome = finish(work, answer)
    assert [(row.text, row.origin, row.grade) for row in outcome.rows] == [
        (standing, "original", "college"),
        ("Find all units of the ring of integers modulo 15.", "new", "competition"),
        ("Which finite fields have exactly nine elements in all?", "new", "college"),
        # What is not said, or in other words, is told from the text or kept as unknown.
        ("Find the characteristic of the ring of integers.", "new", "college"),
        ("Find the number of zero divisors modulo 10.", "new", "other"),
    ]
    counted = ("wrongly_called_original", "without_origin", "without_known_level")
    assert [outcome.totals[name] for name in counted] == [1, 1, 1]
    assert reasons(outcome) == []
    bare = finish(Level1(DOCUMENT, context(), max_questions=5), f"<question>\n{standing}\n</question>")
    assert [(row.origin, row.grade) for row in bare.rows] == [("original", "other")]
    assert {row.documents for row in outcome.rows} == {("d1",)}
    assert {row.level for row in outcome.rows} == {1}


def test_level_1_refuses_unsuitable_documents_for_good() -> None:
    outcome = finish(Level1(DOCUMENT, context(), max_questions=5), "<unsuitable>\nan advertisement\n</unsuitable>")
    assert reasons(outcome) == ["the model finds the document unsuitable"]
    assert outcome.refusals[0].raw == "an advertisement"
    assert outcome.refusals[0].is_final
    empty = finish(Level1(replace(DOCUMENT, text=" "), context(), max_questions=5))
    assert reasons(empty) == ["a document without text"]


def test_a_question_stands_in_a_text_when_most_of_it_does() -> None:
    assert stands_in("How many ideals does the ring of integers modulo 12 have?", DOCUMENT.text)
    assert stands_in("Let Z be given. How many ideals does the ring of integers modulo 12 have?", DOCUMENT.text)
    assert not stands_in("How many units does the field of rationals modulo 13 have?", DOCUMENT.text)
    assert not stands_in("short one", DOCUMENT.text)


def test_level_2_draws_combinations_by_seed_none_twice_and_all_equally_often() -> None:
    terms = [f"c{n}" for n in range(5)]
    assert level2.draw(terms, count=5, seed=7) == level2.draw(terms, count=5, seed=7)
    everything = level2.draw(terms, count=100, seed=1)
    assert len(everything) == len(set(everything)) == 20
    sizes, counts = {2: 0, 3: 0}, dict.fromkeys(everything, 0)
    draws = 6000
    for seed in range(draws):
        (one,) = level2.draw(terms, count=1, seed=seed)
        sizes[len(one)] += 1
        counts[one] += 1
    expected = draws / 20
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    # 19 degrees of freedom: 43.8 is passed once in 1,000 seeds; these are fixed.
    assert chi_square < 43.8, counts
    assert level2.draw(["a", "b"], count=5, seed=1) == [("a", "b")]


def test_level_2_asks_in_a_retry_for_combinations_that_are_free() -> None:
    taken = {
        frozenset({"concept:ideal", "concept:ring"}),
        frozenset(CONCEPTS),
        frozenset({"concept:ideal", "concept:prime number"}),
    }
    work = Level2(DOCUMENT, context(), max_questions=5, chosen_by="seed", taken=taken)
    (request,) = work.requests({})
    assert re.findall(r"^\d\. (.*)$", request.messages[-1].content, flags=re.MULTILINE) == ["Prime Number; ring"]
    full = taken | {frozenset({"concept:prime number", "concept:ring"})}
    outcome = finish(Level2(DOCUMENT, context(), max_questions=5, chosen_by="seed", taken=full))
    assert reasons(outcome) == ["no combination is left"]


def test_level_2_counts_what_is_taken_by_its_size_and_a_combination_by_what_was_asked_for() -> None:
    pair = replace(DOCUMENT, concepts=("concept:prime number", "concept:ring"))
    work = Level2(pair, context(), max_questions=5, chosen_by="seed", taken={frozenset({"concept:ring"})})
    assert work.requests({})
    every = "".join(
        f"<question>\nWhich element number {n} of the ring is meant here?\n</question>\n<concepts>\n{names}\n</concepts>\n"
        for n, names in enumerate(("ring; prime number", "ring; ideal of a ring"))
    )
    both = finish(Level2(DOCUMENT, context(), max_questions=20, chosen_by="seed"), every)
    assert (len(both.rows), reasons(both)) == (2, [])
    partly = every.replace("ring; prime number", "ring").replace("ring; ideal of a ring", "ring")
    assert len(finish(Level2(DOCUMENT, context(), max_questions=20, chosen_by="seed"), partly).rows) == 2


def test_level_2_asks_for_its_combinations_and_takes_no_other() -> None:
    work = Level2(DOCUMENT, context(), max_questions=2, chosen_by="seed")
    (request,) = work.requests({})
    asked = re.findall(r"^\d\. (.*)$", request.messages[-1].content, flags=re.MULTILINE)
    assert len(asked) == 2
    good = blocks(*((f"What is the smallest element number {n} of them all?", names) for n, names in enumerate(asked)))
    assert re.fullmatch(request.pattern, good)
    outcome = finish(work, good)
    assert reasons(outcome) == []
    shown_as = {"concept:ideal": "ideal of a ring", "concept:prime number": "Prime Number", "concept:ring": "ring"}
    assert [{shown_as[term] for term in row.concepts} for row in outcome.rows] == [
        set(names.split("; ")) for names in asked
    ]
    every = [
        "ideal of a ring; ring",
        "Prime Number; ring",
        "Prime Number; ideal of a ring",
        "Prime Number; ideal of a ring; ring",
    ]
    other = next(names for names in every if set(names.split("; ")) not in [set(one.split("; ")) for one in asked])
    ids = {name: term for term, name in shown_as.items()}
    drawn = [{ids[name] for name in names.split("; ")} for names in asked]
    bad = finish(
        Level2(DOCUMENT, context(), max_questions=2, chosen_by="seed"),
        blocks(("What is the smallest element of them all?", asked[0]), ("What is the largest element of all?", other)),
    )
    # What it has of a combination that was asked for stays; the rest is no claim of this question.
    assert len(bad.rows) + len(bad.refusals) == 2
    assert all(
        set(row.concepts) <= set(next(one for one in drawn if set(row.concepts) <= set(one))) for row in bad.rows
    )
    twice = finish(
        Level2(DOCUMENT, context(), max_questions=2, chosen_by="seed"),
        blocks(
            ("What is the smallest element of them all?", asked[0]), ("What is the largest element of all?", asked[0])
        ),
    )
    assert reasons(twice) == ["a combination twice in a document"]


def test_level_2_with_the_model_choosing_is_checked_and_a_document_of_one_concept_is_a_reject() -> None:
    work = Level2(DOCUMENT, context(), max_questions=3, chosen_by="model")
    (request,) = work.requests({})
    assert "Concepts: ideal of a ring; Prime Number; ring" in request.messages[-1].content
    answer = blocks(
        ("What is the smallest element of them all?", "ring; Prime Number"),
        ("What is the largest of them all?", "group; field"),
    )
    outcome = finish(work, answer)
    assert (len(outcome.rows), reasons(outcome)) == (1, ["names too few of the given concepts"])
    assert not re.fullmatch(request.pattern, answer)
    lonely = finish(Level2(replace(DOCUMENT, concepts=("concept:ring",)), context(), max_questions=3, chosen_by="seed"))
    assert reasons(lonely) == ["a document of fewer than 2 concepts"]
    assert lonely.refusals[0].is_final


def test_a_long_text_is_split_at_sections_and_nothing_is_left_out() -> None:
    sections = [
        f"# Section {n}\n\n" + " ".join(f"w{n}x{m}" for m in range(40)) + "\n\nA second paragraph.\n" for n in range(9)
    ]
    text = "".join(sections)
    for room in (5, 20, 60, 110, 10_000):
        parts = passages.split(text, room, words)
        assert "".join(parts).split() == text.split()
        assert all(words(part) <= room for part in parts)
    assert [part.split()[:3] for part in passages.split(text, 60, words)] == [
        ["#", "Section", str(n)] for n in range(9)
    ]
    assert "".join(passages.split("x" * 1000, 10, len)) == "x" * 1000
    assert max(map(len, passages.split("x" * 1000, 10, len))) <= 10


def annotated(
    topics: Mapping[str, list[str]], *, usable: bool = True, level: str = "college", subject: str = "algebra"
) -> str:
    value = {
        "usable": usable,
        "reason": "" if usable else "an index",
        "level": level,
        "subject": subject,
        "topics": [{"name": name, "concepts": concepts} for name, concepts in topics.items()],
    }
    return json.dumps(value)


def test_extraction_gives_an_annotation_with_level_and_subject() -> None:
    work = Extraction(Document(id="d", title="T", text="Some text."), context())
    (request,) = work.requests({})
    assert json.loads(request.json_schema)["required"] == ["usable", "reason", "level", "subject", "topics"]
    outcome = finish(work, annotated({"Ring theory": ["ring", "ideal", "Ring", " "], "Empty": []}))
    (annotation,) = outcome.rows
    assert json.loads(annotation.to_json()) == {
        "id": "d",
        "topics": [{"name": "Ring theory", "concepts": ["ring", "ideal"]}],
        "grade": "college",
        "subject": "algebra",
    }


def test_latex_in_json_survives() -> None:
    raw = r'{"usable": true, "reason": "", "level": "college", "subject": "$\beta$ \u00e9tale", "topics": [{"name": "\frac{1}{2}\nabla", "concepts": ["\rho-ring", "\\theta", "\text{a}\u2208B", "\(x\)", "\upsilon", "say \"x\""]}]}'
    (annotation,) = finish(Extraction(Document(id="d", text="t"), context()), raw).rows
    assert annotation.subject == r"$\beta$ étale"
    assert annotation.topics[0].name == r"\frac{1}{2}\nabla"
    assert annotation.topics[0].concepts == (r"\rho-ring", r"\theta", r"\text{a}∈B", r"\(x\)", r"\upsilon", 'say "x"')


def test_parts_of_a_long_document_are_joined_by_how_many_name_a_thing() -> None:
    text = "\n\n".join(f"Paragraph {n} " + "word " * 60 for n in range(3))
    work = Extraction(
        Document(id="d", text=text),
        context(words(" ".join(m.content for m in prompts.load("mathematics", "extract").turns)) + 170),
    )
    asked = work.requests({})
    assert len(asked) == 3
    assert ["(part 2 of 3)" in one.messages[-1].content for one in asked] == [False, True, False]
    outcome = finish(
        work,
        annotated({"B": ["b1", "b2"], "A": ["a1"]}, level="high school"),
        annotated({"A": ["a2", "a1", "b1"]}),
        annotated({f"T{n}": [f"t{n}"] for n in range(6)}, level="college"),
    )
    (annotation,) = outcome.rows
    assert annotation.grade == "college"
    # A stands in two parts; of the others the first to come stay, five in all.
    assert [(topic.name, topic.concepts) for topic in annotation.topics] == [
        ("B", ("b1", "b2")),
        ("A", ("a1", "a2")),
        ("T0", ("t0",)),
        ("T1", ("t1",)),
        ("T2", ("t2",)),
    ]
    assert outcome.totals["split_documents"] == 1
    partly = finish(
        Extraction(
            Document(id="d", text=text),
            context(words(" ".join(m.content for m in prompts.load("mathematics", "extract").turns)) + 170),
        ),
        annotated({"A": ["a1"]}),
        annotated({}, usable=False),
        annotated({"A": ["a2"]}),
    )
    assert partly.rows[0].topics[0].concepts == ("a1", "a2")
    assert partly.totals["unusable_parts"] == 1


GOOD = annotated({"Ring theory": ["ring", "ideal"]})


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('"usable": true', '"usable": "Yes"'), f"The set {{x}} is meant.\n{GOOD}", f"{GOOD}\n{GOOD}", GOOD.replace("true", "True").replace('"', "'"),
        GOOD.replace('"]', '",]'), f"```json\n{GOOD}\n```", json.dumps(GOOD), GOOD.replace('"reason": ""', '"reason": "braces } and { in a text"'),
    ],
)  # fmt: skip
def test_an_object_is_read_from_json_as_models_write_it(text: str) -> None:
    (annotation,) = finish(Extraction(Document(id="d", text="t"), context()), text).rows
    assert annotation.topics[0].concepts == ("ring", "ideal")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"For example: {annotated({}, usable=False)}\nAnd this text: {GOOD}", "not JSON"),
        (GOOD[:-30], "not JSON"),
        (GOOD[:-30].replace("ring", "ring }"), "not JSON"),
        (annotated({}, usable=False), "the model finds the document not usable"),
        ("no JSON here", "not JSON"),
        ('{"usable": true, "topics": ["a"]}', "not of the schema"),
        ('{"usable": "perhaps"}', "not of the schema"),
        ('{"usable": true, "topics": [{"name": "x", "concepts": ["12", "--"]}]}', "no topic with a concept"),
        ('{"usable": true, "topics": [', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_extraction_cannot_use_is_a_reject(text: str, reason: str) -> None:
    outcome = finish(Extraction(Document(id="d", text="t"), context()), text)
    assert (outcome.rows, reasons(outcome)) == ([], [reason])


QUESTION = AnsweredQuestion(id="q-1", text="What is half of one?", level=3, documents=("d1",), licenses=("CC0",))


def answering(**options: object) -> Answering:
    settings = {"votes": 1, "min_agreement": 0.0, "judge": False, **options}
    return Answering(QUESTION, context(), **settings)  # type: ignore[arg-type]


def test_one_answer_is_kept_with_its_question() -> None:
    (row,) = finish(answering(), r"It is \boxed{0.5}.").rows
    assert (row.id, row.text, row.licenses, row.answer, row.final_answer) == (
        "q-1",
        QUESTION.text,
        ("CC0",),
        r"It is \boxed{0.5}.",
        "0.5",
    )
    assert (row.votes, row.agreement, row.answer_run_id) == (1, 1.0, "run")
    proof = finish(answering(), "It is proved.")
    assert (proof.rows[0].final_answer, proof.totals["without_final_answer"]) == ("", 1)


def test_votes_have_seeds_of_their_own_and_the_majority_wins() -> None:
    work = answering(votes=4)
    asked = work.requests({})
    assert len({one.seed for one in asked}) == len({one.id for one in asked}) == 4
    (row,) = finish(work, r"\boxed{1}", r"\boxed{1/2}", r"so \boxed{0.5}", r"\boxed{50\%}").rows
    assert (row.answer, row.final_answer, row.agreement) == (r"\boxed{1/2}", "1/2", 0.75)
    assert row.vote_answers == ("1", "1/2", "0.5", r"50\%")
    assert row.answer_seed == asked[1].seed
    little = finish(
        answering(votes=4, min_agreement=0.8), r"\boxed{1}", r"\boxed{1/2}", r"so \boxed{0.5}", r"\boxed{50\%}"
    )
    assert (little.rows, reasons(little)) == ([], ["too little agreement"])
    assert little.refusals[0].raw == r"1 | 1/2 | 0.5 | 50\%"
    assert reasons(finish(answering(votes=2), "Well.", "Hm.")) == ["no final answer in any vote"]
    assert reasons(finish(answering(), "So it is", reason="length")) == ["cut off"]


def verdict(word: str) -> str:
    return f"<reason>\nBecause it is so.\n</reason>\n<verdict>\n{word}\n</verdict>\n"


def test_the_judge_sees_the_kept_answer_and_its_no_is_a_reject() -> None:
    (row,) = finish(answering(judge=True, votes=2), r"\boxed{1/2}", r"\boxed{7}", verdict("correct")).rows
    assert (row.verdict, row.verdict_reason) == ("correct", "Because it is so.")
    for word in ("incorrect", "unanswerable"):
        outcome = finish(answering(judge=True), r"\boxed{7}", verdict(word))
        assert (outcome.rows, reasons(outcome)) == ([], [f"judged {word}"])
    assert reasons(finish(answering(judge=True), r"\boxed{7}", "dunno")) == ["no verdict found"]
    work = answering(judge=True, judge_model="other")
    first = {
        one.id: Completion(request_id=one.id, text=r"\boxed{7}", finish_reason="stop") for one in work.requests({})
    }
    (asked,) = work.requests(first)
    assert asked.model == "other"
    assert r"\boxed{7}" in asked.messages[-1].content
    assert re.fullmatch(asked.pattern, verdict("incorrect"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: level3(),
        lambda: Level1(DOCUMENT, context(), max_questions=5),
        lambda: Level2(DOCUMENT, context(), max_questions=3, chosen_by="seed"),
        lambda: Level2(DOCUMENT, context(), max_questions=3, chosen_by="model"),
        lambda: Extraction(Document(id="d", text=DOCUMENT.text + " " + LATEX), context()),
        lambda: answering(votes=3, judge=True),
    ],
    ids=["level3", "level1", "level2", "level2_free", "extract", "answer"],
)
def test_the_scripted_generator_writes_for_every_stage_and_repeats(make) -> None:
    generator = ScriptedGenerator()

    def outcome() -> Outcome:
        work, done = make(), {}
        while asked := work.requests(done):
            done |= {one.request_id: one for one in generator.generate(iter(asked))}
        return work.outcome(done)

    assert outcome() == outcome()
    assert outcome().rows or reasons(outcome()) == ["judged incorrect"]


def test_the_scripted_generator_differs_by_seed_and_keeps_latex() -> None:
    (request,) = level3().requests({})
    texts = {one.text for one in ScriptedGenerator().generate(replace(request, seed=n) for n in range(20))}
    assert len(texts) == 20
    assert any("\\theta = \\nabla\\beta" in text and "\\frac" in text for text in texts)
    assert isinstance(request, Request)
