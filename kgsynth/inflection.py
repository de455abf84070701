"""English nouns in the singular: a dictionary first, then the rules of English, Latin and Greek plurals.

The dictionary is that of simplemma (A. Barbaresi, https://github.com/adbar/simplemma, MIT licence). It holds verbs and
adjectives too, and rare words. So it is asked which words there are, and its own answer counts only where a plural of
that form exists: "leaves" is the plural of "leaf" here and never a form of "leave".
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

# Plurals that the dictionary lacks, or for which it has a verb, an adjective or a rare word.
_IRREGULAR = dict(
    pair.split("=")
    for pair in """
    adieux=adieu alkalies=alkali anthraces=anthrax apses=apse arses=arse axes=axis bases=basis beeves=beef
    brethren=brother busses=bus casses=cass chasses=chassis cherubim=cherub children=child chilies=chili croats=croat
    cubics=cubic czechs=czech dice=die does=doe ellipses=ellipse feet=foot fezzes=fez financials=financial geese=goose
    genii=genius grandmas=grandma grandpas=grandpa greeks=greek hooves=hoof kibbutzim=kibbutz kiwis=kiwi lapses=lapse
    larynges=larynx lenses=lens lice=louse maladies=malady means=mean men=man meninges=meninx mice=mouse milieux=milieu
    mules=mule ova=ovum oxen=ox paraphrases=paraphrase pelves=pelvis pence=penny penes=penis people=person
    periphrases=periphrase phalanges=phalanx pharynges=pharynx poles=pole polyhedra=polyhedron posses=posse
    prophylaxes=prophylaxis quadrics=quadric quanta=quantum quintics=quintic quizzes=quiz rami=ramus
    receivables=receivable sales=sale schemata=schema septa=septum seraphim=seraph serbs=serb sextics=sextic
    slovaks=slovak spectra=spectrum staves=staff stigmata=stigma stomata=stoma strata=stratum synapses=synapse
    taxa=taxon teeth=tooth testes=testis thoraces=thorax tophi=tophus topoi=topos toposes=topos turks=turk women=woman
    yeses=yes
    """.split()
)
# Words that are no plurals although the dictionary or the rules take them for one; plurals that mean something else
# than their singular (goods; damages, at law); names of people and programs.
_INVARIANT = frozenset(
    """
    achilles adams agenda alms amends ames andrews apologetics aquatics archimedes aristides aristophanes athens barnes
    bayes bellows botanics brussels callosa candelabra cava cervantes cola collins cornea customs damages data dawes
    demosthenes descartes diogenes edwards eratosthenes euripides evans excreta geriatrics gibbs goods graphics
    hastings hawkes hayes hercules hermes hicks hippocrates hobbes hodges hopkins https hughes hypochondria insignia
    isocrates jacobs jenkins jones jus keras keynes kubernetes kudos lucas maria mars measles memorabilia metadata
    moses naples nota odds opera pajama palladia parkes pericles phillips phonetics pliers politics ponens postgres
    ramses rawls redis regards rhodes riches rickets roberts rogers rolles sanders sapiens scissors semiotics shingles
    simmons simons socrates sophocles stamina statics statistics stephens stevens stokes stylistics suds summons
    superficies thucydides tollens tongs topos torus trivia trousers tweezers ulysses wales wilkins williams xerxes
    yates
    """.split()
)
# The irregular plural may be the last part of a longer word: bookshelves, penknives.
_F_PLURALS = dict(
    pair.split("=")
    for pair in """
    knives=knife wives=wife lives=life shelves=shelf halves=half calves=calf loaves=loaf leaves=leaf wolves=wolf
    thieves=thief sheaves=sheaf selves=self elves=elf scarves=scarf wharves=wharf dwarves=dwarf turves=turf
    """.split()
)
_LATIN = (
    *(("a", "um"), ("a", "on"), ("mata", "ma"), ("ina", "en"), ("era", "us"), ("ora", "us"), ("ora", "ur")),
    *(("i", "us"), ("i", "o"), ("ae", "a"), ("eaux", "eau"), ("men", "man")),
)
# Endings that are always those of a plural: directrices, hepatitides.
_REGULAR_LATIN = (("trices", "trix"), ("itides", "itis"))
# Irregular plurals that stand last in compounds: schoolchildren, forefeet.
_LAST_PARTS = ("children", "people", "women", "feet", "teeth")
# Families of animals and plants are called by a plural that has no singular: Felidae, Rosaceae.
_FAMILIES = ("idae", "inae", "aceae", "oideae", "ales")
# Nouns in -sis; other words in -ses end in -se or -s in the singular.
_SIS = ("oses", "yses", "eses", "ases", "ises", "pses")
_SIS_ALWAYS = ("lyses", "theses", "geneses", "stases", "iases", "phoreses", "centeses", "kineses", "oses")
_MIN_PART, _MAX_PART = 5, 20
_MIN_F_PREFIX = 3
_CACHED = 500_000


@cache
def _dictionary() -> Mapping[str, str]:
    """Word to base form; read on the first call: a fifth of a second and 30 MB."""
    from simplemma.strategies.dictionaries.dictionary_factory import DEFAULT_DICTIONARY_FACTORY

    return DEFAULT_DICTIONARY_FACTORY.get_dictionary("en")


def is_word(word: str) -> bool:
    """Whether the dictionary has an English word, given in lower case, in this form."""
    return word in _dictionary()


def is_past_form(word: str) -> bool:
    """Whether a word in -ed is the past or the participle of a verb and so no noun: composed, not seed."""
    return word.endswith("ed") and _dictionary().get(word, word[:-2]) != word


def _is_base(word: str) -> bool:
    return _dictionary().get(word) == word


@lru_cache(maxsize=_CACHED)
def singular(word: str) -> str:
    """An English noun in lower case without accents (`names.fold`), in the singular; a word that is no plural stays.

    Of a word with hyphens the last part is changed. The result is a key that a plural and its singular share; for
    unknown words it may be no word. Show people a form that a text has written instead. For a word whose capitals are
    known use `names.word_key`: AIDS is no plural.
    """
    head, hyphen, last = word.rpartition("-")
    if hyphen:
        return f"{head}-{singular(last)}" if last else word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word in _INVARIANT:
        return word
    return _without_s(word) if word.endswith("s") else _from_latin(word)


def _without_s(word: str) -> str:
    for many, one in _REGULAR_LATIN:
        if word.endswith(many):
            return word.removesuffix(many) + one
    lemma = _dictionary().get(word)
    if word.endswith(("ss", "us", "is", "ics")):
        # menus, taxis and topics are plurals; nothing else here is.
        return word[:-1] if lemma == word[:-1] and not word.endswith("ss") else word
    if (lemma == word and not _is_people(word)) or _is_proper(word, lemma):
        return word
    options = list(_options(word, lemma))
    known = next((option for option in options if option and _is_base(option)), "")
    if known or (lemma and lemma in options):
        return known or str(lemma)
    return _compound(word) or _unknown(word)


def _is_people(word: str) -> bool:
    """Whether a word is a plural like Albanians, which the dictionary has as a word of its own."""
    return word.endswith("ans") and (_is_base(word[:-1]) or _is_base(word[:-1].capitalize()))


def _is_proper(word: str, lemma: str | None) -> bool:
    """Whether a word is a name in -s: Texas; not states, which the dictionary has as States too."""
    name = word.capitalize()
    return lemma in (None, name) and _is_base(name) and not _is_base(word[:-1])


def _options(word: str, lemma: str | None) -> Iterator[str]:
    """Singulars from which a plural in -s may come, the most likely first; the dictionary's own where it is one."""
    without_s, without_es = word[:-1], word[:-2]
    possible: tuple[str, ...] = (without_s,)
    if word.endswith("ves"):
        plural = next((one for one in _F_PLURALS if _is_last_part(one, word)), "")
        if plural:
            yield word.removesuffix(plural) + _F_PLURALS[plural]
        possible = (f"{word[:-3]}f", f"{word[:-3]}fe", without_s)
    elif word.endswith("ies"):
        possible = (f"{word[:-3]}y", without_s)
    elif word.endswith("ices"):
        possible = (f"{word[:-4]}ix", f"{word[:-4]}ex", without_s)
    elif word.endswith(("sses", "shes", "xes", "tches")):
        yield from (without_es, without_s)
        return
    elif word.endswith(_SIS):
        yield f"{without_es}is"
        possible = (without_s, without_es)
    elif word.endswith(("ses", "zes", "ches", "oes")):
        possible = (without_s, without_es)
    if lemma in possible:
        yield str(lemma)
    yield from possible[-1:] if word.endswith(("ves", "ices")) else possible


def _is_last_part(part: str, word: str) -> bool:
    return word == part or (word.endswith(part) and len(word) - len(part) >= _MIN_F_PREFIX)


def _from_latin(word: str) -> str:
    for part in _LAST_PARTS:
        if word.endswith(part):
            return word.removesuffix(part) + _IRREGULAR[part]
    lemma = _dictionary().get(word)
    if lemma is not None:
        is_plural = any(word.endswith(many) and lemma == word.removesuffix(many) + one for many, one in _LATIN)
        return lemma if is_plural else word
    if word.endswith("men"):
        return f"{word[:-3]}man"
    if word.endswith("hedra"):
        return f"{word[:-1]}on"
    if word.endswith("eaux"):
        return word[:-1]
    if word.endswith("ae") and len(word) > _MIN_PART and not word.endswith(_FAMILIES):
        return word[:-1]
    return (_compound(word) if word.endswith(("a", "i")) else "") or word


def _compound(word: str) -> str:
    """An unknown word whose last part is known, with that part in the singular; empty when there is none."""
    least = _MIN_PART if word.endswith("s") else _MIN_PART + 1
    for first in range(max(2, len(word) - _MAX_PART), len(word) - least + 1):
        part = word[first:]
        if part in _dictionary() or part in _IRREGULAR:
            return word[:first] + singular(part)
    return ""


def _unknown(word: str) -> str:
    """The rules of spelling alone."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(_SIS_ALWAYS):
        return f"{word[:-2]}is"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    # Latin participles: definiens.
    return word if word.endswith("ens") else word[:-1]
