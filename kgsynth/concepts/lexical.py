"""Lexical rules that join two names, and vetoes that keep two names apart.

No cosine separates synonyms from opposites (left inverse / right inverse 0.911, greatest common divisor / gcd 0.634
with all-MiniLM-L6-v2). Therefore the words decide, and the cosine is only a safeguard. A rule is named after the reason
why two names are the same. A veto is named after the reason why they differ, and takes precedence.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.spelling import american
from kgsynth.inflection import is_past_form, is_word, singular
from kgsynth.names import acronym_of, fold, is_all_capitals
from kgsynth.opposites import opposites

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")
# A minus after a symbol: CD4- cells, type O- blood.
_MINUS = re.compile(r"(?<!\w)(?:[A-Z][a-z]?|[A-Z0-9]{2,5})[-−](?=\s|$)")
# A name of only these characters has no residue; this holds for most names.
_PLAIN = re.compile(r"[A-Za-z0-9\s\-'.,:;/()\"]*")
_LETTERS = re.compile(r"[^\W\d_]+")
# A gap, but not between the digits of two numbers; three digits may be thousands.
_GAP = re.compile(r" (?!(?<=\d )\d)| (?=\d{3}(?!\w))")
_PARENTHESIS = re.compile(r"\s*\((?:of|in|for|on|over) [^)]*\)\s*$", re.IGNORECASE)
_COMPOUND = re.compile(r"(?<!\w)[^\W_]+(?:['’][^\W_]+)*(?:[-‐‑–][^\W_]+(?:['’][^\W_]+)*)+")

# Characters that only separate words.
_SPACE_SIGNS = frozenset("-‐‑–—'’`\"“”.,:;/()")
_ARTICLES = frozenset({"a", "an", "the"})
_LINKS = frozenset(
    {"of", "for", "in", "on", "by", "to", "and", "with", "over", "from", "at", "or", "as", "is", "via", "modulo"}
)
_SMALL = _LINKS | _ARTICLES
# Within a longer name an acronym does not span these words: "po-ring" does not abbreviate a name with "in" or "with".
_FAR_LINKS = _LINKS - {"of", "and"}
# "A" is an article at the beginning and after these words only. With a capital it is a letter (A level, sonata in A
# minor), unless all words of the name have capitals.
_ARTICLE = re.compile(rf"(?:(^|\b(?:{'|'.join(sorted(_LINKS))})\s+)an?|\bthe)\s+(?=\S)", re.IGNORECASE)
_TITLE_WORD = re.compile(r"(?<!['’\w-])[^\W\d_]{3,}")

# Variants of words with the same meaning; British and American spellings are in `spelling`.
_SCHOOLS = dict(
    pair.split("=")
    for pair in """
    l'hospital=l'hopital lhospital=l'hopital lhopital=l'hopital naught=zero acyclical=acyclic
    monotonic=monotone triplet=triple valence=valency euclid=euclidean
    """.split()
)
# As whole names these are not plurals: a means is not a mean.
_NO_PLURAL_ALONE = frozenset(
    """
    arms braces contents drawers grounds manners means minutes morals premises proceedings proceeds quarters shorts
    spectacles
    """.split()
)

# Common words that acronyms may spell: the US, IT, the WHO, an OR gate.
_COMMON_WORDS = frozenset("am and are as be in is it me no not of on or so us we who".split())

# "A of B" is not "B A" if A is a container, unit, part or share of B: a cup of milk is not a milk cup. Universities too
# stay apart: Miami University is not the University of Miami.
_MEASURES = frozenset(
    """
    bag barrel basin basket bottle bowl box bucket can carton cask crate cup dish flask glass jar jug keg kettle mug
    pack packet pail pan pitcher pot pouch sack saucepan spoon tablespoon teaspoon tin tray tub vial
    acre bushel centimeter foot gallon gram inch kilo kilogram kilometer liter meter mile milligram milliliter ounce
    pinch pint pound quart stone ton tonne yard
    bit chunk crumb dash lump morsel piece portion potion ration scrap shred slice speck
    college couple dozen kind lot majority many minority none pair plenty rest sort university
    """.split()
)
# Without an article before B, "A of B" may tell what A consists of or contains (rasher of bacon, stack of books). Then
# "A of B" is "B A" only if A is abstract or a relation: a noun with one of these endings, or one of these nouns.
_ABSTRACT_ENDINGS = tuple(
    """
    tion sion ity ness ment ance ence ency ancy ism ship dom hood ture sure logy graphy sophy metry nomy ysis osis itis
    ting ning sing ling
    """.split()
)
_CONCRETE = frozenset(
    """
    city document fence filament fragment furniture garment mixture nation ointment ornament picture ration sediment
    segment setting station substance wing
    """.split()
)
_ABSTRACT = frozenset(
    """
    abuse act age aim algebra angle area art attack axiom axis base basis bound breach burden cancer category cause
    center chance change charge choice claim class code coefficient concept cost count course crime criterion current
    curve cycle date debt degree depth derivative design disease domain duty effect energy entropy equation error event
    exponent factor failure fear field flow force formula frequency function goal graph group growth harm height
    history ideal idea identity index injury integral kernel law length lemma level life limit line loss mass matrix
    method model moment motion name nature norm number object operator order origin path period phase plan point
    polynomial power pressure price principle problem procedure process product proof property purpose question radius
    range rank rate ratio region relation right risk role rule scale science score series shape sign size source space
    speed standard strength style sum symptom syndrome system technique term test theorem theory threat time title
    topology torque trade transfer transform treaty trial tumor type unit use value variable vector volume wave weight
    width
    """.split()
)
# "Polynomial of degree" lacks a number, and is no degree polynomial.
_BARE_MEASURES = frozenset("breadth degree depth dimension height length order rank size type weight width".split())
# After "of" an adjective lacks its noun: "system of linear" is no linear system. These are nouns as well, so that their
# plural is known.
_ADJECTIVES = frozenset(
    """
    decreasing dependent final finite first fixed general increasing independent initial last new next nonlinear normal
    primary real second secondary special third
    """.split()
)
_ADJECTIVE_ENDINGS = ("al", "ar", "ary", "ic", "ous", "able", "ible", "ful", "less")
# Before "of" these words are not nouns.
_NO_NOUNS = frozenset(
    """
    afraid ahead aware because both capable consisting devoid each free full independent instead made out regardless
    short typical worthy
    """.split()
)

_NONE: frozenset[str] = frozenset()
_NO_ACRONYMS: Mapping[str, str] = {}
_OPPOSITE_OF = opposites()
# Prefixes that change the meaning of a word, with or without a hyphen or space after them.
_PREFIXES = frozenset(
    """
    non un in im ir il dis anti counter co contra sub super sur semi hemi demi quasi pseudo pre post multi uni bi
    tri di mono poly hyper hypo inter intra endo exo auto homo hetero iso epi meta para ultra infra over under up
    down re de a an holo mero ortho equi omni trans
    """.split()
)

_NEGATIONS = frozenset({"non", "not", "no", "without", "anti", "un"})

_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_ORDINALS = {
    word: int(value)
    for word, _, value in (
        pair.partition("=")
        for pair in """
        zeroth=0 first=1 second=2 third=3 fourth=4 fifth=5 sixth=6 seventh=7 eighth=8 ninth=9 tenth=10 one=1 two=2
        three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 1st=1 2nd=2 3rd=3 quadratic=2 cubic=3 quartic=4
        quintic=5 sextic=6 biquadratic=4 binary=2 ternary=3 triangle=3 quadrilateral=4 pentagon=5 hexagon=6
        triangular=3 pentagonal=5 hexagonal=6 heptagonal=7 octagonal=8 nonagonal=9 decagonal=10 octal=8 decimal=10
        hexadecimal=16
        """.split()
    )
}

# Nouns of state and the adjectives they come from: "compactness" and "compact". Those in -ality and -arity often name
# something else: "cofinality" is not "cofinal", "polarity" is not "polar".
_PROPERTY_ENDINGS = (
    ("ability", "able"),
    ("ibility", "ible"),
    ("icity", "ic"),
    ("ivity", "ive"),
    ("osity", "ous"),
    ("inuity", "inuous"),
    ("ence", "ent"),
    ("ance", "ant"),
    ("iness", "y"),
    ("ness", ""),
)
_PROPERTY_NOUNS = tuple(noun for noun, _ in _PROPERTY_ENDINGS)
# "quadratic number field" equals "quadratic field"; "Euclidean number field" does not equal "Euclidean field".
_DEGREES = frozenset({"quadratic", "cubic", "quartic", "quintic", "biquadratic", "cyclotomic"})
# A linear transformation is a linear map; a coordinate transformation is not a coordinate map.
_LINEAR = frozenset({"linear", "bilinear", "semilinear", "antilinear", "multilinear", "affine"})
# A continuous mapping is a continuous map; concept mapping is no concept map.
_MAPPED = _LINEAR | frozenset(
    """
    analytic bijective birational canonical chain closed compact conformal continuous contraction contractive convex
    covering diffeomorphic differentiable expansive exponential harmonic holomorphic homeomorphic homomorphic identity
    inclusion injective invertible isometric isomorphic lipschitz logistic measurable meromorphic monotone multivalued
    natural nonexpansive one open poincare preserving projective proper quasiconformal quotient random rational regular
    self simplicial smooth surjective symplectic topological valued
    """.split()
)
# These adjectives with a hyphen stand before another noun: lower-temperature is not lower temperatures.
_ATTRIBUTES = frozenset("bigger finer greater higher highest larger longer lower lowest shorter smaller".split())
# In longer names another order has another meaning.
_MAX_ORDER_WORDS = 4
# Before these words, too: the first of a ratio, or from one language to the other.
_ORDERED = frozenset("conversion converter dictionary emulsion quotient ratio translation translator".split())
# Nouns that a name such as "completely multiplicative" may omit. Series, fields and rings are not among them: products
# converge too, and rings may be formally real too.
_UNSAID_HEADS = frozenset({"function", "map", "number", "matrix", "graph", "sequence", "polynomial"})
# "Infinitely large" alone may be said of anything.
_SIZES = frozenset({"big", "great", "high", "large", "little", "long", "low", "many", "short", "small"})
# Normal forms have no capitals, so acronyms are recognized by their length and by having an expansion.
_ACRONYM_LETTERS = range(2, 7)
# Names that the rules would join although they differ in mathematics.
_KNOWN_DIFFERENT = frozenset(
    {
        ("product rule", "rule product"),
        ("quotient ring", "ring quotient"),
        ("algebraic number field", "field algebraic number"),
        ("exponent ring", "ring exponent"),
        ("power set", "set power"),
        ("function field", "field function"),
        ("matrix ring", "ring matrix"),
        ("order relation", "relation order"),
        ("divisor sum", "sum divisor"),
        ("degree sequence", "sequence degree"),
        ("group ring", "ring group"),
        ("scalar field", "field scalar"),
        ("variable coefficient", "coefficient variable"),
    }
)


class Words(NamedTuple):
    """The features of a name that the rules compare.

    `tokens` are the folded words in the singular without possessives. `canonical` has them in a canonical order without
    articles, and `joined` without gaps, with umlauts both as written and spelled out. `residue` has distinguishing
    characters outside the words: symbols (C++ and C) and formulas. `bracket` is a qualifier in parentheses ("(of a
    graph)"). `distinct` is the set of tokens, `opposites` the opposites of these tokens, and `numbers` the values of
    numerals.
    """

    name: str
    tokens: tuple[str, ...]
    canonical: tuple[str, ...]
    joined: frozenset[str]
    residue: tuple[str, ...]
    bracket: str
    distinct: frozenset[str]
    opposites: frozenset[str]
    numbers: tuple[str, ...]


_OPPOSED = frozenset(_OPPOSITE_OF)
_WRITTEN_OUT = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ø"): "oe"}
# Cache sizes: pairs of names need the same words and names repeatedly.
_CACHED = 500_000


@lru_cache(maxsize=_CACHED)
def words_of(name: str) -> Words:
    """Analyze a name."""
    plain_text = " ".join(detex(name).split())
    folded_text, acronyms = _without_additions(plain_text).casefold(), _acronyms(plain_text)
    parenthesis = _PARENTHESIS.search(name.casefold()) if ")" in name else None
    tokens = _tokens(folded_text, acronyms)
    canonical = _canonical(tokens)
    joined = [_joined(canonical)]
    if not folded_text.isascii() and (spelled_out := folded_text.translate(_WRITTEN_OUT)) != folded_text:
        variant = _canonical(_tokens(spelled_out, acronyms))
        joined.append(_joined(variant))
        canonical = min(canonical, variant)
    distinct = frozenset(tokens)
    with_opposites = distinct & _OPPOSED
    return Words(
        name=name,
        tokens=tokens,
        canonical=canonical,
        joined=frozenset(joined),
        residue=_residue(name),
        bracket=" ".join(parenthesis.group().split()) if parenthesis else "",
        distinct=distinct,
        opposites=_NONE.union(*[_OPPOSITE_OF[token] for token in with_opposites]) if with_opposites else _NONE,
        numbers=_numbers(tokens),
    )


def _joined(tokens: Sequence[str]) -> str:
    """Return words without gaps, except between two numbers: version 1.1 is not version 11, but 1,000 is 1000."""
    joined = "".join(tokens)
    return joined if joined.isalpha() else _GAP.sub("", " ".join(tokens))


def _without_additions(name: str) -> str:
    """Return a name without its qualifier in parentheses and without articles."""
    if ")" in name:
        name = _PARENTHESIS.sub("", name) or name
    return name if _ARTICLES.isdisjoint(name.casefold().split()) else _ARTICLE.sub(_article_or_letter, name)


def _article_or_letter(match: re.Match[str]) -> str:
    before = match.group(1) or ""
    words = [word for word in _TITLE_WORD.findall(match.string) if word not in _SMALL]
    is_letter = match.group()[len(before) :].strip() == "A" and not (words and all(map(str.istitle, words)))
    return match.group() if is_letter else before


def _is_simple(text: str) -> bool:
    """Return whether a text has only ASCII letters, digits and spaces, which makes a regular expression unnecessary."""
    return text.isascii() and text.replace(" ", "").isalnum()


def _residue(name: str) -> tuple[str, ...]:
    if _is_simple(name):
        return ()
    if _MINUS.search(name):
        return ("-", *_residue(_MINUS.sub(" ", name)))
    if _PLAIN.fullmatch(name):
        return ()
    rest = _TOKEN.sub(" ", unicodedata.normalize("NFC", detex(name).casefold()))
    symbols = sorted(char for char in rest if not char.isspace() and char not in _SPACE_SIGNS)
    return (*symbols, *(re.findall(r"\$[^$]*\$", name) if "\N{CURRENCY SIGN}" in symbols else ()))


def _acronyms(written: str) -> Mapping[str, str]:
    """Return the folded acronyms in -S and plurals of acronyms, each with its singular.

    AIDS is its own singular, and that of GPUs is "gpu". If the whole name is in capitals, there are none.
    """
    if written.islower():
        return _NO_ACRONYMS
    words = _LETTERS.findall(written)
    if len(words) > 1 and written.isupper():
        return _NO_ACRONYMS
    own = {word.casefold(): word.casefold() for word in words if word.endswith("S") and is_all_capitals(word)}
    return own | {word.casefold(): one for word in words if (one := acronym_of(word))}


def _raw_tokens(plain: str) -> list[str]:
    if _is_simple(plain):
        return plain.split()
    tokens: list[str] = _TOKEN.findall(unicodedata.normalize("NFC", plain))
    return tokens


def _tokens(plain: str, acronyms: Mapping[str, str] = _NO_ACRONYMS) -> tuple[str, ...]:
    raw_tokens = _raw_tokens(plain)
    if len(raw_tokens) == 1 and raw_tokens[0] in _NO_PLURAL_ALONE:
        return (raw_tokens[0],)
    return tuple(filter(None, [acronyms.get(word) or _token(word) for word in raw_tokens]))


@lru_cache(maxsize=_CACHED)
def _token(word: str) -> str:
    base = american(singular(_owner(word)))
    return _SCHOOLS.get(base, base)


def _owner(word: str) -> str:
    """Return a folded word without its possessive ending."""
    folded = fold(word.replace("’", "'"))
    if folded.endswith("'s"):
        folded = folded[:-2]
    return folded.strip("'")


@lru_cache(maxsize=_CACHED)
def _canonical(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return words in canonical order: "A of B" as "B A", and without redundant words."""
    words = list(tokens)
    if words.count("of") == 1 and words[0] != "number" and not _LINKS.intersection(words) - {"of"}:
        cut = words.index("of")
        if 0 < cut < len(words) - 1:
            words = words[cut + 1 :] + words[:cut]
    canonical: list[str] = []
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        before = words[position - 1] if position else ""
        if word == "number" and following == "field" and before in _DEGREES:
            continue
        if word == "field" and following == "extension" and before:
            continue
        is_map = (word == "transformation" and before in _LINEAR) or (word == "mapping" and before in _MAPPED)
        canonical.append("map" if is_map else word)
    return tuple(canonical)


def veto(first: Words, second: Words) -> str:
    """Return in one word why two names are certainly different; empty if there is no such reason.

    Source: own rules; each has pairs of names in the tests.
    """
    if not first.joined.isdisjoint(second.joined):
        return ""  # The same letters in the same order: hyphens and plurals do not change the meaning.
    only_ours, only_theirs = first.distinct - second.distinct, second.distinct - first.distinct
    if not first.opposites.isdisjoint(only_theirs) and any(
        not only_theirs.isdisjoint(_OPPOSITE_OF.get(word, _NONE)) for word in only_ours
    ):
        return "opposite"
    if first.numbers != second.numbers or _swaps_numbers(first, second):
        return "number"
    if _is_negated_only(only_ours, only_theirs) or _is_negated_only(only_theirs, only_ours):
        return "negation"
    for ours in only_ours:
        for theirs in only_theirs:
            if _differs_by_prefix(ours, theirs):
                return "prefix"
    if _narrows(first.tokens, second.tokens) or _narrows(second.tokens, first.tokens):
        return "narrower"
    return ""


def _swaps_numbers(first: Words, second: Words) -> bool:
    """Return whether two names have the same numbers in another order: ratio 2:3 and ratio 3:2; "of" may turn them."""
    if len(first.numbers) < 2 or "of" in first.distinct | second.distinct:
        return False
    return list(filter(None, map(_number, first.tokens))) != list(filter(None, map(_number, second.tokens)))


def _numbers(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return the numerals of a name by value: digits, ordinals, Roman numerals and single letters."""
    # A single letter at the beginning is not a Roman numeral.
    first = tokens[:1] if tokens and len(tokens[0]) == 1 else ()
    return tuple(sorted((*first, *filter(None, map(_number, tokens[len(first) :])))))


@lru_cache(maxsize=_CACHED)
def _number(token: str) -> str:
    if token in _ORDINALS:
        return str(_ORDINALS[token])
    if token in _ROMAN:
        return str(_ROMAN[token])
    is_counting = len(token) == 1 or token.isdigit() or re.fullmatch(r"\d+[a-z]?|[a-z]\d+", token)
    return token if is_counting else ""


def _is_negated_only(longer: frozenset[str], shorter: frozenset[str]) -> bool:
    if longer.isdisjoint(_NEGATIONS) or not shorter.isdisjoint(_NEGATIONS):
        return False
    return not any(other.startswith(tuple(longer & _NEGATIONS)) for other in shorter)


def _differs_by_prefix(first: str, second: str) -> bool:
    longer, shorter = (first, second) if len(first) > len(second) else (second, first)
    return longer.endswith(shorter) and len(shorter) >= 4 and longer[: -len(shorter)] in _PREFIXES


def _narrows(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Return whether `narrow` is `wide` with words in front: an abelian group is a special group."""
    return len(narrow) > len(wide) and narrow[-len(wide) :] == wide


def join(first: Words, second: Words) -> str:
    """Return the rule by which two names are the same; empty if no rule applies. Vetoes are not checked here.

    - `letters`: the same letters except for case, accents, hyphens, gaps, possessives and articles
    - `plural`: a plural and its singular
    - `spelling`: British and American spelling, a spelled-out umlaut, or variants of a word (mapping, map)
    - `of`: "A of B" and "B A"
    - `order`: the same words with the same last word
    - `property`: a noun of state and its adjective
    - `acronym`: an acronym and its expansion, as a whole name or within a longer name
    - `unsaid`: adverb and adjective, with and without their noun

    Graphs of older versions have `spelling` for the first four.
    """
    if not first.tokens or not second.tokens or first.residue != second.residue:
        return ""
    # A qualifier of a single word tells it from others of that name: root (of a tree), root of an equation.
    is_alone = len(first.tokens) == len(second.tokens) == 1
    if first.bracket != second.bracket and ((first.bracket and second.bracket) or is_alone):
        return ""
    if is_alone and _differs_by_foreign_accent(first.name, second.name):
        return ""
    if _is_acronym_and_word(first, second) or _is_acronym_and_word(second, first):
        return ""
    rule = _join_by_words(first, second)
    if rule == "plural" and (_is_attribute(first, second) or _is_attribute(second, first)):
        return ""
    if rule:
        is_different = rule not in ("order", "unsaid") and _is_known_different(first.tokens, second.tokens)
        return "" if is_different or not _may_turn(first, second) else rule
    if _is_acronym_of(*sorted((first.tokens, second.tokens), key=len)):
        return "acronym"
    return "unsaid" if _leaves_unsaid(*sorted((first.canonical, second.canonical), key=len)) else ""


def _differs_by_foreign_accent(first: str, second: str) -> bool:
    """Return whether accents alone tell two words apart: Förderung, Forderung, but not café, cafe."""
    ours, theirs = (unicodedata.normalize("NFC", name.casefold()) for name in (first, second))
    return ours != theirs and fold(ours) == fold(theirs) and not is_word(ours) and not is_word(theirs)


def _is_acronym_and_word(first: Words, second: Words) -> bool:
    """Return whether a name has an acronym where another has the common word of the same letters: US and us."""
    common = _COMMON_WORDS.intersection(first.tokens, second.tokens)
    return any(
        word.upper() in _LETTERS.findall(first.name) and word in _LETTERS.findall(second.name) for word in common
    )


def _join_by_words(first: Words, second: Words) -> str:
    if first.joined & second.joined:
        return _reason(first, second)
    ours, theirs = first.canonical, second.canonical
    if (
        2 < len(ours) == len(theirs) <= _MAX_ORDER_WORDS
        and ours[-1] == theirs[-1]
        and sorted(ours) == sorted(theirs)
        and not _LINKS.intersection(ours)
        and ours[-1] not in _ORDERED
        and _keeps_compounds(first, second)
    ):
        return "order"
    if len(ours) != len(theirs) or _property_form(ours) != _property_form(theirs):
        return ""
    # An adverb stands before no noun: "thinly slice" is no thin slice, and a costly function is no cost function. After
    # adverbs of adjectives such as "algebraic" the last word may be both: algebraically conjugate.
    differing = {*ours[-2:-1]} ^ {*theirs[-2:-1]}
    if ours[-1] == theirs[-1]:
        is_same = not differing or any(word.endswith("ally") for word in differing)
    else:
        # Without an adverb before it, the adjective may be a noun: a resident is no residence, a variant no variance.
        is_same = bool(differing) or not any(_is_also_noun(last) for last in (ours[-1], theirs[-1]))
    return "property" if is_same else ""


def _is_also_noun(adjective: str) -> bool:
    return adjective.endswith(("ent", "ant")) and is_word(f"{adjective}s")


def _is_attribute(compound: Words, plural: Words) -> bool:
    """Return whether a name is an adjective with a hyphen, and the other its words as a plural with a gap."""
    return (
        "-" in compound.name
        and "-" not in plural.name
        and len(compound.tokens) == 2
        and compound.tokens[0] in _ATTRIBUTES
        and compound.name.casefold().endswith(compound.tokens[1])
        and not plural.name.casefold().endswith(plural.tokens[-1])
    )


def _keeps_compounds(first: Words, second: Words) -> bool:
    """Return whether the words that a hyphen joins in a name stand together and in the same order in the other name."""
    return all(
        any(other.tokens[start : start + len(one)] == one for start in range(len(other.tokens)))
        for name, other in ((first.name, second), (second.name, first))
        for one in _compounds(name)
    )


def _compounds(name: str) -> list[tuple[str, ...]]:
    """Return the words of each part of a name that is written with hyphens."""
    plain = detex(name)
    acronyms = _acronyms(plain)
    return [_tokens(re.sub("[-‐‑–]", " ", match.group().casefold()), acronyms) for match in _COMPOUND.finditer(plain)]


def _reason(first: Words, second: Words) -> str:
    """Return how two names with the same joined words differ."""
    ours, theirs = _owners(first.name), _owners(second.name)
    if "".join(ours) == "".join(theirs):
        return "letters"
    if _singulars(first.name) == _singulars(second.name):
        return "plural"
    if ("of" in ours) != ("of" in theirs):
        return "of"
    return "order" if sorted(ours) == sorted(theirs) else "spelling"


@lru_cache(maxsize=_CACHED)
def _owners(name: str) -> tuple[str, ...]:
    """Return the folded words of a name in the written order, without articles and possessives."""
    plain = _without_additions(" ".join(detex(name).split())).casefold()
    return tuple(filter(None, map(_owner, _raw_tokens(plain))))


def _singulars(name: str) -> str:
    """Return the words of a name in the singular without gaps."""
    acronyms = _acronyms(detex(name))
    return "".join([acronyms.get(word) or singular(word) for word in _owners(name)])


def _may_turn(first: Words, second: Words) -> bool:
    """Return whether "A of B" may equal "B A" for two names; true if the names do not differ by "of".

    A must be a noun that neither measures nor contains B. Without an article before B, A must also be abstract or a
    relation: a rate of change is a change rate, and a rasher of bacon is no bacon rasher.
    """
    if ("of" in first.tokens) == ("of" in second.tokens):
        return True
    if len(first.canonical) != len(second.canonical):
        return False  # Time of day is not daytime.
    name = (first if "of" in first.tokens else second).name
    words = _owners(name)
    if words.count("of") != 1 or words[0] == "of" or words[-1] == "of":
        return True
    head = words[words.index("of") - 1]
    noun = american(singular(head))
    if noun in _MEASURES or noun in _NO_NOUNS or noun.endswith("ful") or is_past_form(head):
        return False
    if re.search(r"\bof\s+(?:an?|the)\b", name.casefold()):
        return True
    rest = words[words.index("of") + 1 :]
    is_bare = len(rest) == 1 and rest[0] in _BARE_MEASURES
    return _is_abstract(noun) and not is_bare and not _is_adjective(rest[-1])


def _is_adjective(word: str) -> bool:
    """Return whether a word is an adjective, as far as its ending and the lack of a plural tell."""
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return word in _ADJECTIVES or (word.endswith(_ADJECTIVE_ENDINGS) and not is_word(plural))


def _is_abstract(noun: str) -> bool:
    return noun in _ABSTRACT or (noun.endswith(_ABSTRACT_ENDINGS) and noun not in _CONCRETE)


def _leaves_unsaid(short: Sequence[str], long: Sequence[str]) -> bool:
    is_longer_by_head = len(long) == len(short) + 1 and tuple(long[:-1]) == tuple(short) and long[-1] in _UNSAID_HEADS
    return (
        is_longer_by_head
        and len(short) > 1
        and short[0].endswith("ly")
        and len(short[0]) > 4
        and short[-1] not in _SIZES
    )


def _is_known_different(first: Sequence[str], second: Sequence[str]) -> bool:
    pair = tuple(" ".join(word for word in tokens if word != "of") for tokens in (first, second))
    return pair in _KNOWN_DIFFERENT or pair[::-1] in _KNOWN_DIFFERENT


@lru_cache(maxsize=_CACHED)
def _property_form(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return words with adverbs replaced by adjectives, and a final noun of state by its adjective."""
    last = tokens[-1]
    form = [_adjective(token) for token in tokens[:-1]]
    if last.endswith(_PROPERTY_NOUNS):
        for noun, adjective in _PROPERTY_ENDINGS:
            if last.endswith(noun) and len(last) - len(noun) >= 3:
                return (*form, last[: -len(noun)] + adjective)
    return (*form, last)


def _adjective(word: str) -> str:
    if word.endswith("ically") and len(word) > 8:
        return word[:-4]
    if word.endswith("ly") and len(word) > 5:
        return word[:-2]
    return word


def _is_acronym_of(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Return whether a word of `short` abbreviates a run of words of `long`, and all other words are equal."""
    if len(short) >= len(long):
        return False
    for position, word in enumerate(short):
        if len(word) not in _ACRONYM_LETTERS or not word.isalpha():
            continue
        before, after = short[:position], short[position + 1 :]
        # Within a longer name "A of B" may occur as "B A". An acronym of a whole name follows the written order.
        for variant in (long, _canonical(long)) if before or after else (long,):
            end = len(variant) - len(after)
            if variant[: len(before)] != before or variant[end:] != after:
                continue
            run = variant[len(before) : end]
            if (before or after) and _FAR_LINKS.intersection(run):
                continue
            main_words = [run_word for run_word in run if run_word not in _SMALL]
            if len(main_words) >= 2 and word in (
                "".join(run_word[0] for run_word in main_words),
                "".join(run_word[0] for run_word in run),
            ):
                return True
    return False


def initials_of(words: Words) -> set[str]:
    """Return the possible acronyms of a name, with and without its small words; none for a name of one word."""
    main_initials = [token[0] for token in words.tokens if token not in _SMALL]
    if len(main_initials) < 2:
        return set()
    return {"".join(main_initials), "".join([token[0] for token in words.tokens])}


def is_acronym(words: Words) -> bool:
    """Return whether a name is a single word of the length of an acronym."""
    return len(words.tokens) == 1 and len(words.tokens[0]) in _ACRONYM_LETTERS


def candidate_keys(words: Words) -> set[str]:
    """Return keys of which two names share at least one if `join` may join them; this replaces a neighbour search."""
    keys = {f"s:{joined}" for joined in words.joined}
    canonical = words.canonical
    keys.add("o:" + " ".join(sorted(canonical)))
    if canonical:
        keys.add("p:" + " ".join(_property_form(canonical)))
    if len(canonical) > 1 and canonical[0].endswith("ly"):
        keys.add("u:" + " ".join(canonical))
        keys.add("u:" + " ".join(canonical[:-1]))
    if is_acronym(words):
        keys.add("a:" + words.tokens[0])
    keys.update("a:" + initials for initials in initials_of(words) if len(initials) in _ACRONYM_LETTERS)
    return keys


def rows_by_key(names: Sequence[Words]) -> dict[str, list[int]]:
    """Return the rows of names by shared key; two names that `join` joins always share a key.

    Further keys connect a name with an acronym inside to names that spell the acronym out ("principal ideal domain
    module", "pid module").
    """
    first_row: dict[str, int] = {}
    rows: dict[str, list[int]] = {}
    by_tokens: dict[tuple[str, ...], list[int]] = {}
    for row, words in enumerate(names):
        for key in candidate_keys(words):
            earlier = first_row.setdefault(key, row)
            if earlier != row:
                rows.setdefault(key, [earlier]).append(row)
        if len(words.tokens) > 1 and any(len(word) in _ACRONYM_LETTERS and word.isalpha() for word in words.tokens):
            by_tokens.setdefault(words.tokens, []).append(row)
    acronyms = {word for tokens in by_tokens for word in tokens if len(word) in _ACRONYM_LETTERS}
    for row, words in enumerate(names):
        for short in _abbreviations(words, acronyms):
            for other in by_tokens.get(short, ()):
                sharing = rows.setdefault("e:" + " ".join(short), [other])
                if other not in sharing:
                    sharing.append(other)
                if row not in sharing:
                    sharing.append(row)
    return rows


def _abbreviations(words: Words, acronyms: set[str]) -> set[tuple[str, ...]]:
    """Return the variants of a name with a run of words, but not the whole name, replaced by a known acronym."""
    variants: set[tuple[str, ...]] = set()
    for variant in {words.tokens, _canonical(words.tokens)}:
        if len(variant) < 3:
            continue
        initials = "".join([word[0] for word in variant])
        # A placeholder for small words, whose initials are optional.
        main_initials = "".join(["\0" if word in _SMALL else word[0] for word in variant])
        for first in range(len(variant) - 1):
            for last in range(first + 2, len(variant) + (first > 0)):
                run_initials = main_initials[first:last].replace("\0", "")
                if len(run_initials) > 1 and (run_initials in acronyms or initials[first:last] in acronyms):
                    if not _FAR_LINKS.isdisjoint(variant[first:last]):
                        continue
                    known = acronyms.intersection((run_initials, initials[first:last]))
                    variants.update((*variant[:first], short, *variant[last:]) for short in known)
    return variants
