"""Singulars of English nouns, by a dictionary and then by rules for English, Latin and Greek plurals.

The dictionary is that of simplemma (A. Barbaresi, https://github.com/adbar/simplemma, MIT licence). It also contains
verbs, adjectives and rare words. Therefore it mainly decides which words exist, and its base form is used only if the
word can be a plural of that form: "leaves" is the plural of "leaf" here and never a form of "leave".
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

# Plurals that the dictionary lacks, or that it maps to a verb, an adjective or a rare word.
_IRREGULAR = dict(
    pair.split("=")
    for pair in """
    adieux=adieu alkalies=alkali anthraces=anthrax apses=apse archaea=archaeon arses=arse ascarides=ascaris axes=axis
    bases=basis beeves=beef brethren=brother busses=bus calyces=calyx casses=cass chasses=chassis cherubim=cherub
    children=child chilies=chili croats=croat cubics=cubic czechs=czech dice=die does=doe dormice=dormouse
    ellipses=ellipse epididymides=epididymis feet=foot fezzes=fez financials=financial geese=goose genii=genius
    gpus=gpu grandmas=grandma grandpas=grandpa greeks=greek guis=gui hila=hilum hooves=hoof ids=id irides=iris
    ischia=ischium kibbutzim=kibbutz kiwis=kiwi labra=labrum lapses=lapse larynges=larynx lenses=lens lice=louse
    maladies=malady means=mean mediastina=mediastinum men=man meninges=meninx mice=mouse milieux=milieu mules=mule
    noumena=noumenon ostia=ostium ova=ovum oxen=ox paraphrases=paraphrase passersby=passerby pelves=pelvis pence=penny
    penes=penis people=person periphrases=periphrase phalanges=phalanx pharynges=pharynx poles=pole
    polyhedra=polyhedron posses=posse prolegomena=prolegomenon prophylaxes=prophylaxis protozoa=protozoon
    quadrics=quadric quanta=quantum quintics=quintic quizzes=quiz rami=ramus receivables=receivable sales=sale
    schemata=schema scholia=scholium septa=septum seraphim=seraph serbs=serb sextics=sextic slovaks=slovak
    spectra=spectrum staves=staff stigmata=stigma stomata=stoma strata=stratum synapses=synapse taxa=taxon teeth=tooth
    testes=testis thoraces=thorax titmice=titmouse tophi=tophus topoi=topos toposes=topos turks=turk tvs=tv uris=uri
    vms=vm women=woman woodlice=woodlouse yeses=yes
    """.split()
)
# Words that the dictionary or the rules would wrongly take for plurals; plurals with a meaning of their own (goods;
# damages, at law); names of people and programs.
_INVARIANT = frozenset(
    """
    achilles adams agenda alms amends ames andrews apologetics aquatics arccos archimedes aristides aristophanes
    athens barnes bayes bellows blues botanics brussels callosa candelabra cava cervantes cola collins cornea corps
    customs damages data dawes demosthenes descartes diogenes edwards eratosthenes euripides evans excreta faeces
    feces geriatrics gibbs goods graphics habeas hastings hawkes hayes hercules hermes hicks hippocrates hobbes hodges
    hopkins https hughes hypochondria insignia isocrates jacobs jenkins jones jus keras keynes kubernetes kudos lucas
    maria mars measles memorabilia metadata moses naples nota odds opera pajama palladia parkes pericles phillips
    phonetics pliers politics ponens postgres ramses rawls redis regards rhodes riches rickets roberts rogers rolles
    sanders sapiens scissors semiotics series shingles simmons simons socrates sophocles stamina statics statistics
    stephens stevens stokes stylistics suds summons superficies thucydides tollens tongs topos torus trivia trousers
    tweezers ulysses wales wilkins williams xerxes yates
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
# Endings that always mark a plural: directrices, hepatitides, isogenies.
_REGULAR_LATIN = (("trices", "trix"), ("itides", "itis"), ("ogenies", "ogeny"))
# Irregular plurals at the end of compounds: schoolchildren, forefeet.
_LAST_PARTS = ("children", "people", "women", "feet", "teeth")
# Names of families of animals and plants are plurals without a singular: Felidae, Rosaceae.
_FAMILIES = ("idae", "inae", "aceae", "oideae", "ales")
# Nouns in -sis; other words in -ses end in -se or -s in the singular.
_SIS = ("oses", "yses", "eses", "ases", "ises", "pses")
_SIS_ALWAYS = ("lyses", "theses", "geneses", "stases", "iases", "phoreses", "centeses", "kineses", "oses")
# Nouns in -ed and -ly that the dictionary takes for other words, and last parts of nouns that it lacks.
_FURTHER_NOUNS = frozenset("greed july lily moped reed screed weed".split())
_NOUN_PARTS = (
    "breed",
    "feed",
    "seed",
    "speed",
    "weed",
    "fly",
    "family",
    "assembly",
    "cephaly",
    "megaly",
    "phily",
    "phyly",
)
# Adjectives and past forms of which the dictionary has a plural.
_NO_NOUNS = frozenset(
    """
    beloved betrothed half-baked left-handed semi-detached two-faced uncrewed
    bimonthly biweekly daily easterly elderly friendly holy likely lovely monthly northerly quarterly sickly silly
    southerly weekly westerly
    """.split()
)
_MIN_PART, _MAX_PART = 5, 20
_MIN_F_PREFIX = 3
_CACHED = 500_000


@cache
def _dictionary() -> Mapping[str, str]:
    """Return the dictionary from words to base forms; the first call loads it (0.2 seconds, 30 MB)."""
    from simplemma.strategies.dictionaries.dictionary_factory import DEFAULT_DICTIONARY_FACTORY

    return DEFAULT_DICTIONARY_FACTORY.get_dictionary("en")


def is_word(word: str) -> bool:
    """Return whether a word in lower case is in the English dictionary of `simplemma`, in exactly this form."""
    return word in _dictionary()


def is_past_form(word: str) -> bool:
    """Return whether a folded word is a past form or an adjective in -ed (composed, untamed), and not a noun (seed)."""
    return word.endswith("ed") and not _is_noun_in(word, "ed")


def is_adverb(word: str) -> bool:
    """Return whether a folded word is an adverb or an adjective in -ly (finitely), and not a noun (family)."""
    return word.endswith("ly") and not _is_noun_in(word, "ly")


@lru_cache(maxsize=_CACHED)
def _is_noun_in(word: str, ending: str) -> bool:
    """Return whether a word in -ed or -ly is a noun: the dictionary has its plural, or has it as a name."""
    if word in _NO_NOUNS:
        return False
    last = word.rpartition("-")[2]
    if last != word and word not in _dictionary():
        return _is_noun_in(last, ending)
    plural = f"{word[:-1]}ies" if ending == "ly" else f"{word}s"
    if word in _FURTHER_NOUNS or (_is_base(word) and _dictionary().get(plural) == word):
        return True
    return word not in _dictionary() and (_is_base(word.capitalize()) or word.endswith(_NOUN_PARTS))


def _is_base(word: str) -> bool:
    return _dictionary().get(word) == word


@lru_cache(maxsize=_CACHED)
def singular(word: str) -> str:
    """Return the singular of an English noun in lower case without accents (`names.fold`); other words are unchanged.

    In a hyphenated word the last part is changed. The result is a key that a plural shares with its singular. It need
    not be a word, so show readers a form from a text instead. Use `names.word_key` for words with their original case,
    because AIDS is not a plural.
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
    for plural_ending, singular_ending in _REGULAR_LATIN:
        if word.endswith(plural_ending):
            return word.removesuffix(plural_ending) + singular_ending
    lemma = _dictionary().get(word)
    if lemma == word and _is_people(word):
        return word[:-1]
    if word.endswith(("ss", "us", "is", "ics")):
        # Among words with these endings only those such as menus, taxis and topics are plurals.
        return word[:-1] if lemma == word[:-1] and not word.endswith("ss") else word
    if lemma == word or _is_proper(word, lemma):
        return word
    candidates = list(_singular_candidates(word, lemma))
    known = next((candidate for candidate in candidates if candidate and _is_base(candidate)), "")
    if known or (lemma and lemma in candidates):
        return known or str(lemma)
    return _compound(word) or _singular_by_spelling(word)


def _is_people(word: str) -> bool:
    """Return whether a word is a plural such as Albanians or Finns, which the dictionary lists as its own base form."""
    if word.endswith(("ss", "us", "ics")):
        return False
    return _is_base(word[:-1].capitalize()) or (word.endswith("ans") and _is_base(word[:-1]))


def _is_proper(word: str, lemma: str | None) -> bool:
    """Return whether a word is a name in -s, such as Texas; not states, which the dictionary also has as States."""
    name = word.capitalize()
    return lemma in (None, name) and _is_base(name) and not _is_base(word[:-1])


def _singular_candidates(word: str, lemma: str | None) -> Iterator[str]:
    """Yield possible singulars of a plural in -s, the most likely first; the dictionary's base form has precedence."""
    without_s, without_es = word[:-1], word[:-2]
    possible: tuple[str, ...] = (without_s,)
    if word.endswith("ves"):
        plural = next((ending for ending in _F_PLURALS if _is_last_part(ending, word)), "")
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
        is_plural = any(
            word.endswith(plural_ending) and lemma == word.removesuffix(plural_ending) + singular_ending
            for plural_ending, singular_ending in _LATIN
        )
        return lemma if is_plural else word
    if word.endswith("men") and is_word(word[:-3]):
        return f"{word[:-3]}man"
    if word.endswith(("hedra", "zoa")):
        return f"{word[:-1]}on"
    if word.endswith("eaux"):
        return word[:-1]
    if word.endswith("ae") and len(word) > _MIN_PART and not word.endswith(_FAMILIES):
        return word[:-1]
    return (_compound(word) if word.endswith(("a", "i")) else "") or word


def _compound(word: str) -> str:
    """Return an unknown word with its known last part in the singular; empty if no last part is known."""
    min_part = _MIN_PART if word.endswith("s") else _MIN_PART + 1
    for start in range(max(2, len(word) - _MAX_PART), len(word) - min_part + 1):
        part = word[start:]
        if part in _dictionary() or part in _IRREGULAR:
            return word[:start] + singular(part)
    return ""


def _singular_by_spelling(word: str) -> str:
    """Return the singular of an unknown word by rules of spelling."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(_SIS_ALWAYS):
        return f"{word[:-2]}is"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    if word.endswith("oes") and not _is_base(word[:-1].capitalize()):
        return word[:-2]
    # Latin participles: definiens.
    return word if word.endswith("ens") else word[:-1]
