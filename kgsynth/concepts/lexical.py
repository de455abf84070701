"""Whether two names are the same name, by their words alone: rules that join and vetoes that keep apart.

No cosine separates synonyms from opposites (left inverse / right inverse .911, greatest common divisor / gcd .634 with
all-MiniLM-L6-v2), so the words decide and the cosine only guards. A rule says in one word why two names are one; a veto
says why they are not, and always wins.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.spelling import american
from kgsynth.inflection import is_past_form, singular
from kgsynth.names import fold, is_all_capitals
from kgsynth.opposites import opposites

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")
# A name of these alone has no residue; most have not.
_PLAIN = re.compile(r"[A-Za-z0-9\s\-'.,:;/()\"]*")
_LETTERS = re.compile(r"[^\W\d_]+")
_PARENTHESIS = re.compile(r"\s*\((?:of|in|for|on|over) [^)]*\)\s*$")

# Signs that only part words.
_SPACE_SIGNS = frozenset("-‐‑–—'’`\"“”.,:;/()")
_ARTICLES = frozenset({"a", "an", "the"})
_LINKS = frozenset(
    {"of", "for", "in", "on", "by", "to", "and", "with", "over", "from", "at", "or", "as", "is", "via", "modulo"}
)
_SMALL = _LINKS | _ARTICLES
# Within a longer name no acronym reaches over these: a po-ring has nothing to do with positivity in an ordered ring.
_FAR_LINKS = _LINKS - {"of", "and"}

# One word for words that differ by school only; British and American spellings are in `spelling`.
_SCHOOLS = dict(
    pair.split("=")
    for pair in """
    l'hospital=l'hopital lhospital=l'hopital lhopital=l'hopital mapping=map naught=zero acyclical=acyclic
    monotonic=monotone triplet=triple valence=valency euclid=euclidean
    """.split()
)
# As whole names these are no plurals: a means is no mean.
_NO_PLURAL_ALONE = frozenset(
    "arms braces contents drawers grounds manners means morals proceedings proceeds quarters shorts spectacles".split()
)

# "A of B" is no "B A" where A holds or measures B: a cup of milk is no milk cup. Containers, units, parts and shares.
_MEASURES = frozenset(
    """
    bag barrel basin basket bottle bowl box bucket can carton cask crate cup dish flask glass jar jug keg kettle mug
    pack packet pail pan pitcher pot pouch sack saucepan spoon tablespoon teaspoon tin tray tub vial
    acre bushel centimeter foot gallon gram inch kilo kilogram kilometer liter meter mile milligram milliliter ounce
    pinch pint pound quart stone ton tonne yard
    bit chunk crumb dash lump morsel piece scrap shred slice speck
    couple dozen kind lot majority many none pair plenty rest sort
    """.split()
)
# Before "of" these are no nouns.
_NO_NOUNS = frozenset(
    """
    afraid ahead aware because both capable consisting devoid each free full independent instead made out regardless
    short typical worthy
    """.split()
)

_NONE: frozenset[str] = frozenset()
_OPPOSITE_OF = opposites()
# Prefixes that change what a word means; hyphen and blank after them do not matter.
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

# Nouns of state and the adjectives they come from: "compactness" and "compact".
_PROPERTY_ENDINGS = (
    ("ability", "able"),
    ("ibility", "ible"),
    ("icity", "ic"),
    ("ality", "al"),
    ("arity", "ar"),
    ("ivity", "ive"),
    ("osity", "ous"),
    ("inuity", "inuous"),
    ("ence", "ent"),
    ("ance", "ant"),
    ("iness", "y"),
    ("ness", ""),
)
_PROPERTY_NOUNS = tuple(noun for noun, _ in _PROPERTY_ENDINGS)
# "quadratic number field" is a "quadratic field"; a "Euclidean number field" is no "Euclidean field".
_DEGREES = frozenset({"quadratic", "cubic", "quartic", "quintic", "biquadratic", "cyclotomic"})
# A linear transformation is a linear map; a coordinate transformation is no coordinate map.
_LINEAR = frozenset({"linear", "bilinear", "semilinear", "antilinear", "multilinear", "affine"})
# In longer names another order is another statement.
_MAX_ORDER_WORDS = 4
# What "completely multiplicative" may leave unsaid. Not series, fields or rings: products converge too, and rings are
# formally real too.
_UNSAID_HEADS = frozenset({"function", "map", "number", "matrix", "graph", "sequence", "polynomial"})
# Acronyms have capitals in speech only: in a normal form they are told by length and by having an expansion.
_ACRONYM_LETTERS = range(2, 7)
# Names that "A of B = B A" would join and mathematicians keep apart.
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
        ("primal", "primality"),
        ("normal", "normality"),
        ("local", "locality"),
        ("principal", "principality"),
        ("formal", "formality"),
    }
)


class Words(NamedTuple):
    """A name as the rules see it.

    `tokens` are folded words in the singular without possessives and articles, `canonical` has them in one order,
    `joined` without gaps (umlaut written out or not). `residue` is what the words leave out and what tells names apart
    all the same: signs (C++ and C) and formulas; `bracket` says in which field (of a graph). `distinct` are the
    tokens as a set, `opposites` the words that say the opposite of one of them, `numbers` what they count.
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
# Pairs of names ask for the same words and names again and again.
_CACHED = 500_000


@lru_cache(maxsize=_CACHED)
def words_of(name: str) -> Words:
    """Take a name apart."""
    written = " ".join(detex(name).split())
    plain, acronyms = written.casefold(), _acronyms(written)
    found = _PARENTHESIS.search(name.casefold()) if ")" in name else None
    plain = (_PARENTHESIS.sub("", plain) if ")" in plain else plain) or plain
    tokens = _tokens(plain, acronyms)
    canonical = _canonical(tokens)
    joined = ["".join(canonical)]
    if not plain.isascii() and (written_out := plain.translate(_WRITTEN_OUT)) != plain:
        variant = _canonical(_tokens(written_out, acronyms))
        joined.append("".join(variant))
        canonical = min(canonical, variant)
    distinct = frozenset(tokens)
    opposed = distinct & _OPPOSED
    return Words(
        name=name,
        tokens=tokens,
        canonical=canonical,
        joined=frozenset(joined),
        residue=_residue(name),
        bracket=" ".join(found.group().split()) if found else "",
        distinct=distinct,
        opposites=_NONE.union(*[_OPPOSITE_OF[token] for token in opposed]) if opposed else _NONE,
        numbers=_numbers(tokens),
    )


def _is_simple(text: str) -> bool:
    """Whether a text is letters, digits and blanks alone, as most names are: no search is needed there."""
    return text.isascii() and text.replace(" ", "").isalnum()


def _residue(name: str) -> tuple[str, ...]:
    if _is_simple(name) or _PLAIN.fullmatch(name):
        return ()
    rest = _TOKEN.sub(" ", unicodedata.normalize("NFC", detex(name).casefold()))
    signs = sorted(char for char in rest if not char.isspace() and char not in _SPACE_SIGNS)
    return (*signs, *(re.findall(r"\$[^$]*\$", name) if "\N{CURRENCY SIGN}" in signs else ()))


def _acronyms(written: str) -> frozenset[str]:
    """Words of capitals alone in -S, folded: no plurals. In a name of capitals alone they mean nothing."""
    if "S" not in written:
        return _NONE
    words = _LETTERS.findall(written)
    if len(words) > 1 and written.isupper():
        return _NONE
    return frozenset(word.casefold() for word in words if word.endswith("S") and is_all_capitals(word))


def _raw_tokens(plain: str) -> list[str]:
    if _is_simple(plain):
        return plain.split()
    found: list[str] = _TOKEN.findall(unicodedata.normalize("NFC", plain))
    return found


def _tokens(plain: str, acronyms: frozenset[str] = _NONE) -> tuple[str, ...]:
    found = _raw_tokens(plain)
    if len(found) == 1 and found[0] in _NO_PLURAL_ALONE:
        return (found[0],)
    return tuple(filter(None, [word if word in acronyms else _token(word) for word in found]))


@lru_cache(maxsize=_CACHED)
def _token(word: str) -> str:
    base = american(singular(_owner(word)))
    return _SCHOOLS.get(base, base)


def _owner(word: str) -> str:
    """A word folded, without the ending of the possessive."""
    folded = fold(word.replace("’", "'"))
    if folded.endswith("'s"):
        folded = folded[:-2]
    return folded.strip("'")


@lru_cache(maxsize=_CACHED)
def _canonical(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Words in one order: articles gone, "A of B" as "B A", words dropped that add nothing."""
    words = [word for word in tokens if word not in _ARTICLES]
    if words.count("of") == 1 and words[0] != "number" and not _LINKS.intersection(words) - {"of"}:
        cut = words.index("of")
        if 0 < cut < len(words) - 1:
            words = words[cut + 1 :] + words[:cut]
    kept: list[str] = []
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        before = words[position - 1] if position else ""
        if word == "number" and following == "field" and before in _DEGREES:
            continue
        if word == "field" and following == "extension" and before:
            continue
        kept.append("map" if word == "transformation" and before in _LINEAR else word)
    return tuple(kept)


def veto(first: Words, second: Words) -> str:
    """Why two names are certainly different, in a word; empty when nothing says so.

    Source: own rules; each has pairs of names in the tests.
    """
    if not first.joined.isdisjoint(second.joined):
        return ""  # the same letters in the same order: hyphens and plurals change no meaning
    only_ours, only_theirs = first.distinct - second.distinct, second.distinct - first.distinct
    if not first.opposites.isdisjoint(only_theirs) and any(
        not only_theirs.isdisjoint(_OPPOSITE_OF.get(word, _NONE)) for word in only_ours
    ):
        return "opposite"
    if first.numbers != second.numbers:
        return "number"
    if _is_negated_only(only_ours, only_theirs) or _is_negated_only(only_theirs, only_ours):
        return "negation"
    for one in only_ours:
        for other in only_theirs:
            if _differs_by_prefix(one, other):
                return "prefix"
    if _narrows(first.tokens, second.tokens) or _narrows(second.tokens, first.tokens):
        return "narrower"
    return ""


def _numbers(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """What a name counts: digits, ordinals, Roman numerals and single letters, by value."""
    # A single letter at the beginning is a letter and no Roman numeral.
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


def _differs_by_prefix(one: str, other: str) -> bool:
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer.endswith(shorter) and len(shorter) >= 4 and longer[: -len(shorter)] in _PREFIXES


def _narrows(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Whether `narrow` is `wide` with words before it: an abelian group is a group, not the same."""
    return len(narrow) > len(wide) and narrow[-len(wide) :] == wide


def join(first: Words, second: Words) -> str:
    """Why two names are the same, in a word; empty when no rule says so. Vetoes are not asked here.

    `letters`: the same letters but for case, accent, hyphen, gap, possessive and article. `plural`: a plural and its
    singular. `spelling`: British and American, an umlaut written out, or words that mean one (mapping, map).
    `of`: "A of B" and "B A". `order`: the same words, the same last one. `property`: a noun of state and its adjective.
    `acronym`: initials of the words they stand for, alone or within a longer name.
    `unsaid`: adverb and adjective, with or without the noun that they belong to.
    Graphs of older versions say `spelling` for the first four.
    """
    if not first.tokens or not second.tokens or first.residue != second.residue:
        return ""
    if first.bracket and second.bracket and first.bracket != second.bracket:
        return ""
    if rule := _join_by_words(first, second):
        is_different = rule not in ("order", "unsaid") and _is_known_different(first.tokens, second.tokens)
        return "" if is_different or not _may_turn(first, second) else rule
    if _is_acronym_of(*sorted((first.tokens, second.tokens), key=len)):
        return "acronym"
    return "unsaid" if _leaves_unsaid(*sorted((first.canonical, second.canonical), key=len)) else ""


def _join_by_words(first: Words, second: Words) -> str:
    if first.joined & second.joined:
        return _reason(first, second)
    ours, theirs = first.canonical, second.canonical
    if (
        2 < len(ours) == len(theirs) <= _MAX_ORDER_WORDS
        and ours[-1] == theirs[-1]
        and sorted(ours) == sorted(theirs)
        and not _LINKS.intersection(ours)
    ):
        return "order"
    return "property" if len(ours) == len(theirs) and _property_form(ours) == _property_form(theirs) else ""


def _reason(first: Words, second: Words) -> str:
    """Of two names with the same joined words, what tells them apart."""
    ours, theirs = _owners(first.name), _owners(second.name)
    if "".join(ours) == "".join(theirs):
        return "letters"
    if "".join(map(singular, ours)) == "".join(map(singular, theirs)):
        return "plural"
    return "of" if ("of" in ours) != ("of" in theirs) else "spelling"


@lru_cache(maxsize=_CACHED)
def _owners(name: str) -> tuple[str, ...]:
    """The words of a name, folded, as they are written but for articles and possessives."""
    plain = " ".join(detex(name).split()).casefold()
    plain = (_PARENTHESIS.sub("", plain) if ")" in plain else plain) or plain
    return tuple(word for word in map(_owner, _raw_tokens(plain)) if word and word not in _ARTICLES)


def _may_turn(first: Words, second: Words) -> bool:
    """Whether "A of B" may be "B A" here; true where only one order is at hand.

    A must be a noun that neither measures nor holds B. Where B is a mass and no count noun (milk, bread), and may so
    say what A is made of, both names must have A in the same number: "crumb of bread" is no "bread crumbs".
    """
    if ("of" in first.tokens) == ("of" in second.tokens):
        return True
    with_of, without = (first, second) if "of" in first.tokens else (second, first)
    words = _owners(with_of.name)
    if words.count("of") != 1 or words[0] == "of" or words[-1] == "of":
        return True
    head, last = words[words.index("of") - 1], words[-1]
    noun = american(singular(head))
    if noun in _MEASURES or noun in _NO_NOUNS or noun.endswith("ful") or is_past_form(head):
        return False
    is_counted = singular(last) != last or re.search(r"\bof\s+(?:an?|the)\b", with_of.name.casefold()) is not None
    other = _owners(without.name)[-1]
    return is_counted or (singular(head) == head) == (singular(other) == other)


def _leaves_unsaid(short: Sequence[str], long: Sequence[str]) -> bool:
    is_longer_by_head = len(long) == len(short) + 1 and tuple(long[:-1]) == tuple(short) and long[-1] in _UNSAID_HEADS
    return is_longer_by_head and len(short) > 1 and short[0].endswith("ly") and len(short[0]) > 4


def _is_known_different(first: Sequence[str], second: Sequence[str]) -> bool:
    pair = tuple(" ".join(word for word in tokens if word not in _ARTICLES | {"of"}) for tokens in (first, second))
    return pair in _KNOWN_DIFFERENT or pair[::-1] in _KNOWN_DIFFERENT


@lru_cache(maxsize=_CACHED)
def _property_form(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Adverbs as adjectives, and a last noun of state as its adjective."""
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
    """Whether one word of `short` stands for a run of words of `long` and all other words are the same."""
    if len(short) >= len(long):
        return False
    for position, word in enumerate(short):
        if len(word) not in _ACRONYM_LETTERS or not word.isalpha():
            continue
        before, after = short[:position], short[position + 1 :]
        # Within a longer name "A of B" may stand as "B A"; an acronym of a whole name follows the words as they stand.
        for variant in (long, _canonical(long)) if before or after else (long,):
            end = len(variant) - len(after)
            if variant[: len(before)] != before or variant[end:] != after:
                continue
            run = variant[len(before) : end]
            if (before or after) and _FAR_LINKS.intersection(run):
                continue
            strong = [one for one in run if one not in _SMALL]
            if len(strong) >= 2 and word in ("".join(one[0] for one in strong), "".join(one[0] for one in run)):
                return True
    return False


def initials_of(words: Words) -> set[str]:
    """By what a name may be abbreviated, with and without its small words; nothing for a name of one word."""
    strong = [token[0] for token in words.tokens if token not in _SMALL]
    if len(strong) < 2:
        return set()
    return {"".join(strong), "".join([token[0] for token in words.tokens])}


def is_acronym(words: Words) -> bool:
    """Whether a name is one word, short enough to stand for others."""
    return len(words.tokens) == 1 and len(words.tokens[0]) in _ACRONYM_LETTERS


def candidate_keys(words: Words) -> set[str]:
    """Keys that two names share whenever `join` may join them, so that no nearest-neighbour search is needed for it."""
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
    """Names that share a key, as rows: two that `join` joins always share one.

    To the keys of each name come those of acronyms within longer names: a name that spells out what another abbreviates
    ("principal ideal domain module", "pid module").
    """
    first: dict[str, int] = {}
    rows: dict[str, list[int]] = {}
    by_tokens: dict[tuple[str, ...], list[int]] = {}
    for row, own in enumerate(names):
        for key in candidate_keys(own):
            before = first.setdefault(key, row)
            if before != row:
                rows.setdefault(key, [before]).append(row)
        if len(own.tokens) > 1 and any(len(word) in _ACRONYM_LETTERS and word.isalpha() for word in own.tokens):
            by_tokens.setdefault(own.tokens, []).append(row)
    acronyms = {word for tokens in by_tokens for word in tokens if len(word) in _ACRONYM_LETTERS}
    for row, own in enumerate(names):
        for short in _abbreviations(own, acronyms):
            for other in by_tokens.get(short, ()):
                found = rows.setdefault("e:" + " ".join(short), [other])
                if other not in found:
                    found.append(other)
                if row not in found:
                    found.append(row)
    return rows


def _abbreviations(words: Words, acronyms: set[str]) -> set[tuple[str, ...]]:
    """A name with a run of its words replaced by their initials, for each run that leaves a word beside it.

    Of initials only those among `acronyms`.
    """
    found: set[tuple[str, ...]] = set()
    for variant in {words.tokens, _canonical(words.tokens)}:
        if len(variant) < 3:
            continue
        initials = "".join([word[0] for word in variant])
        # Of small words a sign that no word holds: their initials may be said or not.
        strong = "".join(["\0" if word in _SMALL else word[0] for word in variant])
        for first in range(len(variant) - 1):
            for last in range(first + 2, len(variant) + (first > 0)):
                own = strong[first:last].replace("\0", "")
                if len(own) > 1 and (own in acronyms or initials[first:last] in acronyms):
                    if not _FAR_LINKS.isdisjoint(variant[first:last]):
                        continue
                    known = acronyms.intersection((own, initials[first:last]))
                    found.update((*variant[:first], short, *variant[last:]) for short in known)
    return found
