"""Cases for the verifiers `cloze`, `choice` and `quotes`: terms of medicine and law, and sentences about them."""

from collections.abc import Iterator
from itertools import product

from kgsynth import randomness
from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion
from kgsynth.verifier import Case, Passage
from tests.benchmarks.verifiers import RIGHT, Sample, source

# A term with an alias, a term that is another thing, and a narrower or broader term.
_TERMS = tuple(
    tuple(part.strip() for part in line.split("|"))
    for line in """
    myocardial infarction | heart attack | angina pectoris | acute myocardial infarction
    hypertension | high blood pressure | hypotension | pulmonary hypertension
    hyperglycemia | high blood sugar | hypoglycemia | postprandial hyperglycemia
    erythrocyte | red blood cell | leukocyte | nucleated erythrocyte
    nephron | functional unit of the kidney | neuron | juxtamedullary nephron
    pancreatitis | inflammation of the pancreas | hepatitis | acute pancreatitis
    epinephrine | adrenaline | norepinephrine | racemic epinephrine
    abduction | movement away from the midline | adduction | shoulder abduction
    afferent neuron | sensory neuron | efferent neuron | primary afferent neuron
    innate immunity | nonspecific immunity | adaptive immunity | cellular innate immunity
    sodium chloride | table salt | potassium chloride | hypertonic sodium chloride
    diastole | relaxation of the heart | systole | ventricular diastole
    tibia | shin bone | fibula | proximal tibia
    osteoblast | bone-forming cell | osteoclast | active osteoblast
    gram-positive bacterium | monoderm bacterium | gram-negative bacterium | anaerobic gram-positive bacterium
    judicial review | constitutional review | judicial restraint | abstract judicial review
    plaintiff | claimant | defendant | corporate plaintiff
    habeas corpus | great writ | certiorari | federal habeas corpus
    bicameralism | two-chamber system | unicameralism | symmetric bicameralism
    felony | serious crime | misdemeanor | violent felony
    appellate jurisdiction | power to hear appeals | original jurisdiction | exclusive appellate jurisdiction
    tort | civil wrong | contract | intentional tort
    concurring opinion | concurrence | dissenting opinion | joint concurring opinion
    enumerated power | expressed power | implied power | exclusive enumerated power
    arteriole | small artery | venule | afferent arteriole
    glycogenesis | formation of glycogen | glycogenolysis | hepatic glycogenesis
    vasodilation | widening of blood vessels | vasoconstriction | peripheral vasodilation
    tendon | sinew | ligament | patellar tendon
    mitosis | equational division | meiosis | closed mitosis
    indictment | formal charge | acquittal | sealed indictment
    statute | enacted law | precedent | criminal statute
    lessee | tenant | lessor | commercial lessee
    """.strip().splitlines()
)
_SENTENCES = (
    "The patient was examined by two physicians, and they found the {0}.",
    "Textbooks treat the {0} in a chapter of its own, because 12 of 30 cases are hard.",
    "Nobody may confuse the {0} with what looks like it; the consequences would not be small.",
    "In 1887 the committee decided that the {0} must be named first in every report.",
)


def _case(question: AnsweredQuestion, *votes: str, passages: tuple[str, ...] = ()) -> Case:
    texts = tuple(Passage(document=str(number), title="", text=text) for number, text in enumerate(passages))
    return Case(question=question, votes=votes or (question.answer,), passages=texts)


@source("cloze", "names of medicine and law, with an alias in the key")
def cloze(seed: int) -> Iterator[Sample]:
    """Name the masked term in other spellings, and name other things."""
    del seed
    for term, alias, other, longer in _TERMS:
        forms = {
            f"{RIGHT}capitals": term.upper(),
            f"{RIGHT}article": f"the {term}",
            f"{RIGHT}plural": term if term.endswith("s") else f"{term}s",
            f"{RIGHT}alias": alias,
            f"{RIGHT}hyphen or space": term.replace("-", " ") if "-" in term else term.replace(" ", "-"),
            "another thing": other,
            "narrower name": longer,
            "first word only": term.split()[0] if " " in term else term[: len(term) // 2],
            "opposite prefix": f"non-{term}",
            "no answer": "",
        }
        for kind, name in forms.items():
            text = f"The sentence speaks of one thing.\n\nFinal answer: {name}" if name else "I do not know what it is."
            question = AnsweredQuestion(
                id="q",
                text="The ____ is named.",
                answer=text,
                final_answer=final_answer(text),
                answer_key=(term, alias),
            )
            yield Sample(kind, _case(question))


@source("choice", "options of medicine and law; the key and one to three votes")
def choice(seed: int) -> Iterator[Sample]:
    """Choose the right option in several forms, plant a second right option, and move the key."""
    for index, (term, alias, other, longer) in enumerate(_TERMS):
        further = [_TERMS[(index + step) % len(_TERMS)][0] for step in (5, 9, 13)]
        order = randomness.stream(seed, "choice", index).permutation(4)

        def ask(kind: str, second: str, *answers: str, moved: bool = False) -> Sample:
            options = tuple([term, second, *further[:2]][int(place)] for place in order)  # noqa: B023
            right = options.index(term)  # noqa: B023
            key = "ABCD"[(right + 1) % 4 if moved else right]
            texts = [
                f"Final answer: {answer.format(right='ABCD'[right], wrong='ABCD'[(right + 2) % 4])}"
                for answer in answers
            ]
            question = AnsweredQuestion(id="q", text="Which?", answer=texts[0], options=options, answer_key=(key,))
            return Sample(kind, _case(question, *texts))

        yield ask(f"{RIGHT}letter", other, "{right}")
        yield ask(f"{RIGHT}letter in parentheses", other, "({right})")
        yield ask(f"{RIGHT}text of the option", other, term)
        yield ask(f"{RIGHT}two of three votes", other, "{right}", "{right}", "{wrong}")
        yield ask("wrong option", other, "{wrong}")
        yield ask("wrong key", other, "{right}", moved=True)
        yield ask(
            "second right option: capitals or plural", term.upper() if term.endswith("s") else f"{term}s", "{right}"
        )
        yield ask("second right option: narrower or broader name", longer, "{right}")
        yield ask("second right option: synonym, one vote", alias, "{right}")
        yield ask("second right option: synonym, most votes choose it", alias, "{right}", alias, alias)


@source("quotes", "sentences about terms of medicine and law")
def quotes(seed: int) -> Iterator[Sample]:
    """Quote a sentence in several forms, and misquote it."""
    del seed
    for (term, alias, other, _), sentence in product(_TERMS[::2], _SENTENCES):
        text, neighbour = sentence.format(term), _SENTENCES[0].format(alias)
        inner = text.rstrip(".")
        words = inner.split()
        changed = {
            f"{RIGHT}whole": f"“{inner}”",
            f"{RIGHT}straight marks and full stop": f'"{text}"',
            f"{RIGHT}other case of the first letter": f"“{inner[0].swapcase()}{inner[1:]}”",
            f"{RIGHT}words left out and marked": f"“{' '.join(words[:4])} … {' '.join(words[-4:])}”",
            f"{RIGHT}quoted block": f"> {text}\n\nSo it is.",
            "a word is changed": f"“{inner.replace(term, other)}”",
            "words are left out without a mark": f"“{' '.join(words[:3] + words[5:])}”",
            "a negation is dropped or added": f"“{inner.replace(' not ', ' ') if ' not ' in inner else inner.replace('the ', 'not the ', 1)}”",
            "a number is changed": f"“{inner.replace('12', '13').replace('1887', '1878').replace('two', 'three').replace('Nobody', 'One')}”",
            "two sentences are joined": f"“{' '.join(words[:5])} {' '.join(neighbour.rstrip('.').split()[-5:])}x”",
            "paraphrase": f"“{term} is what is spoken of in this text”",
            "no quotation": inner,
        }
        for kind, quotation in changed.items():
            answer = f"This is so: {quotation}" if not quotation.startswith(">") else quotation
            question = AnsweredQuestion(id="q", text="Why?", answer=answer)
            yield Sample(kind, _case(question, passages=(f"Before it. {text} After it.", neighbour)))
