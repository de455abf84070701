"""Find names that a text declares to mean the same: "X, also called Y", "X (or Y)", "Y is another name for X".

The source of a document may declare them as well: as synonyms of an entry, or as redirects of a wiki.

A declaration counts only if both names end at the borders of their noun phrases: in "a finite group, also called G",
the name is "finite group" and not "group". An acronym counts where its expansion stands beside it: "finite state
automaton (FSA)".

Source: patterns after Hearst, "Automatic acquisition of hyponyms from large text corpora", 1992, here for synonyms; the
choice and the weights are our own, measured by tests/benchmarks/merge_quality.py.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kgsynth.names import loose_form

_MAX_WORDS = 7
_WORD = r"[^\W_]+(?:['’\-–][^\W_]+)*['’]?"
_OFTEN = r"(?:also |sometimes |often |usually |commonly |otherwise |variously |then |simply |formerly )*"
# Without other words between them, only an acronym and its expansion count.
_ACRONYM = "acronym in parentheses"
_OF_SOURCE = "declared by the source"
# Connectors of two names, the left one before and the right one after; `is_reversed` does not matter for synonyms.
_CONNECTORS: tuple[tuple[str, float, re.Pattern[str]], ...] = tuple(
    (name, weight, re.compile(pattern, re.IGNORECASE))
    for name, weight, pattern in (
        ("also called", 1.0, rf",? ?\(?(?:which (?:is|are) |that (?:is|are) |is |are )?(?=also|sometimes|often|"
         rf"otherwise|commonly|usually|variously|formerly){_OFTEN}"
         rf"(?:called|known as|named|termed|referred to as|denoted as) "),
        ("another name", 1.0, r" (?:is|are) (?:another|an alternative|a different|the usual|the common) "
         r"(?:name|term|word) (?:for|of) "),
        ("means the same", 1.0, r" (?:means the same as|is the same as|is a synonym (?:of|for)|is synonymous with) "),
        ("a.k.a.", 1.0, r",? ?\(?(?:a\.?k\.?a\.?|aka) "),
        ("abbreviated", 1.0, r",? ?\(?(?:abbreviated(?: as| to| by)?|or, for short,|for short|in short) "),
        ("or in parentheses", 0.7, r" \((?:or|also|i\.e\.,?|that is,?) "),
        ("or between commas", 0.5, r", or "),
        (_ACRONYM, 1.0, r" \("),
    )
)  # fmt: skip
# Marks of emphasis and quotation, which stand at names.
_TRIGGER = re.compile(
    r"called|known as|named|termed|referred|denoted|another|alternative|name for|synonym|same as|a\.?k\.?a|abbreviated"
    r"|short|, or | \(",
    re.IGNORECASE,
)
_MARKS = re.compile(
    r"\\(?:emph|textbf|textit|textsl|PMlinkname|PMlinkescapetext|term|defn)\{([^{}]*)\}|[*_`\"“”„«»]|''|``"
)
# Between an acronym and its expansion.
_BESIDE = (
    r"\s*(?:,|\(|\[|:|=)\s*(?:(?:or|abbreviated(?: as| to)?|for short|in short|short|i\.e\.,?|also|also called"
    r"|henceforth|hereafter|hereinafter(?: referred to as| called)?)[\s:]+)?(?:the\s+)?"
)
_BESIDE_CHARS = 60
_LINKS_BEFORE = frozenset(
    """
    a an the this that these those each every any some no one its their his her our your is are was were be been called
    named if then when where while since because let suppose assume consider call calls define defines denote by and or
    but for with from to as at on into than such so we it they there here given has have had also both either say says
    between under over
    """.split()
)
_WORDS_AFTER = frozenset(
    """
    is are was were be if then when where while since because and or but for with from to as at on in by of into than
    that which who whose such so we it they has have had can may will must should does do also for denoted written given
    consists means has holds
    """.split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Two terms that a text declares to mean the same; the smaller id is first.

    `pattern` names the form of the declaration, `weight` in (0, 1] is how far it is trusted, and `sentence` is the text
    around it.
    """

    first_id: str
    second_id: str
    pattern: str
    weight: float
    sentence: str


def names_by_form(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ids of terms by the loose form of their names, given (id, name); of equal forms the first counts."""
    forms: dict[str, str] = {}
    for identity, name in names:
        form = loose_form(name)
        if form and len(form.split()) <= _MAX_WORDS:
            forms.setdefault(form, identity)
    return forms


def declarations(text: str, forms: Mapping[str, str]) -> Iterator[Declaration]:
    """Yield the pairs of known names that a text declares to mean the same.

    Args:
        text: prose, with or without LaTeX and Markdown.
        forms: ids of terms by the loose forms of their names.
    """
    for sentence in _sentences(text):
        if _TRIGGER.search(sentence) is None:
            continue
        seen: set[tuple[str, str]] = set()
        for pattern, weight, connector in _CONNECTORS:
            for match in connector.finditer(sentence):
                left = _name_before(sentence[: match.start()], forms)
                right = _name_after(sentence[match.end() :], forms, is_closed="(" in match.group())
                if not left or not right or left == right or (pattern == _ACRONYM and not _abbreviates(left, right)):
                    continue
                first, second = min(left, right), max(left, right)
                if (first, second) not in seen and first.partition(":")[0] == second.partition(":")[0]:
                    seen.add((first, second))
                    yield Declaration(
                        first_id=first, second_id=second, pattern=pattern, weight=weight, sentence=sentence
                    )


def source_declarations(
    document_id: str, pairs: Iterable[tuple[str, str]], forms: Mapping[str, str]
) -> Iterator[Declaration]:
    """Yield the pairs of known names that the source of a document declares: its synonyms, or redirects of a wiki.

    Args:
        document_id: id of the document that declares them.
        pairs: names.
        forms: ids of terms by the loose forms of their names.
    """
    for names in pairs:
        left, right = (forms.get(loose_form(name), "") for name in names)
        first, second = min(left, right), max(left, right)
        if first and first != second and first.partition(":")[0] == second.partition(":")[0]:
            yield Declaration(
                first_id=first,
                second_id=second,
                pattern=_OF_SOURCE,
                weight=1.0,
                sentence=f"{document_id}: {names[0]} = {names[1]}",
            )


def is_expanded(text: str, short: str, long: str) -> bool:
    """Whether an acronym and its expansion stand side by side: "long (short)", "short (long)", "short: long"."""
    plain = " ".join(_without_marks(text).split())
    short, long = _different_parts(short, long)
    forms = [loose_form(word) for word in re.split(r"[\s\-–]+", long) if word]
    words, acronym = r"[\s\-–]+".join(map(re.escape, forms)), rf"{re.escape(short)}(?:s|es)?"
    beside = re.compile(
        rf"(?<!\w)(?:{words}{_BESIDE}{acronym}|{acronym}{_BESIDE}(?:the |an? )?{words}"
        rf"|{acronym}\s+(?:stands for|means|is short for|abbreviates)\s+(?:the |an? )?{words})(?!\w)",
        re.IGNORECASE,
    )

    def singular_of_own(word: re.Match[str]) -> str:
        form = loose_form(word.group())
        return form if form in forms else word.group()

    reach = 2 * len(long) + _BESIDE_CHARS
    return any(
        beside.search(re.sub(r"[^\W_]+", singular_of_own, plain[max(0, one.start() - reach) : one.end() + reach]))
        for one in re.finditer(rf"(?<!\w){acronym}(?!\w)", plain, re.IGNORECASE)
    )


def _abbreviates(first: str, second: str) -> bool:
    """Whether one term id is the acronym of the other."""
    short, long = sorted((first.partition(":")[2], second.partition(":")[2]), key=len)
    initials = [word[0] for word in re.split(r"[\s\-–]+", long) if word]
    # Small words may be left out: "uniform convergence on compact sets" is UCCS or UCOCS.
    letters, rest = short.replace(".", ""), iter(initials)
    return len(initials) > 1 and 2 <= len(letters) <= len(initials) and all(letter in rest for letter in letters)


def _different_parts(short: str, long: str) -> tuple[str, str]:
    """Return two names without the words that both have at their ends: BV function, bounded variation function."""
    first, second = short.split(), long.split()
    while len(first) > 1 and len(second) > 1 and loose_form(first[-1]) == loose_form(second[-1]):
        first, second = first[:-1], second[:-1]
    while len(first) > 1 and len(second) > 1 and loose_form(first[0]) == loose_form(second[0]):
        first, second = first[1:], second[1:]
    return " ".join(first), " ".join(second)


def _sentences(text: str) -> Iterator[str]:
    for part in re.split(r"(?<=[.!?;])\s+(?=[A-Z\\$])|\n\s*\n", _without_marks(text)):
        sentence = " ".join(part.split())
        if 5 <= len(sentence) <= 1000:
            yield sentence


def _without_marks(text: str) -> str:
    return _MARKS.sub(lambda match: match.group(1) or "", text)


def _name_before(text: str, forms: Mapping[str, str]) -> str:
    """Return the term whose name ends a text, if the noun phrase begins there, too; empty if there is none."""
    words = list(re.finditer(_WORD, text))
    if not words or text[words[-1].end() :].strip():
        return ""
    for count in range(min(_MAX_WORDS, len(words)), 0, -1):
        start = words[-count].start()
        name = text[start:]
        if re.search(r"[^\w\s'’\-–]", name):
            continue
        identity = forms.get(loose_form(name))
        if identity is not None:
            before = text[:start].rstrip()
            previous = words[-count - 1].group().casefold() if len(words) > count else ""
            is_border = not before or not before[-1].isalnum() or previous in _LINKS_BEFORE
            return identity if is_border else ""
    return ""


def _name_after(text: str, forms: Mapping[str, str], *, is_closed: bool) -> str:
    """Return the term whose name begins a text, if the noun phrase ends there, too; empty if there is none."""
    text = re.sub(r"^(?:an?|the)\s+", "", text, flags=re.IGNORECASE)
    words = list(re.finditer(_WORD, text[:200]))
    if not words or words[0].start():
        return ""
    for count in range(min(_MAX_WORDS, len(words)), 0, -1):
        end = words[count - 1].end()
        name = text[:end]
        if re.search(r"[^\w\s'’\-–]", name):
            continue
        identity = forms.get(loose_form(name))
        if identity is not None:
            rest = text[end:].lstrip()
            following = words[count].group().casefold() if len(words) > count else ""
            if is_closed:
                return identity if rest.startswith((")", ",", ";")) else ""
            is_border = not rest or not rest[0].isalnum() or following in _WORDS_AFTER
            return identity if is_border else ""
    return ""
