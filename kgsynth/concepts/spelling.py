"""British spellings as American ones, so that both are one word: a published table, and parts of words that build more.

The table is that of VarCon by Kevin Atkinson (http://wordlist.aspell.net/varcon-readme/), whose notice heads the file
`spellings.txt`. It lists whole words; the parts below reach the compounds of medicine and chemistry that no list has
(hypoglycaemia, haematopoiesis).
"""

import re
from functools import cache
from importlib import resources

from kgsynth.inflection import is_word

# Parts of words of Greek and Latin origin, and in -our, by their American form.
_PARTS = dict(
    pair.split("=")
    for pair in """
    aemi=emi aesth=esth aetiol=etiol aluminium=aluminum amoeb=ameb anaesth=anesth archaeo=archeo armour=armor
    behaviour=behavior caec=cec caesarean=cesarean caesarian=cesarean caesi=cesi clamour=clamor coeli=celi coelom=celom
    colour=color copoeia=copeia demeanour=demeanor endeavour=endeavor faec=fec favour=favor flavour=flavor foet=fet
    glamour=glamor gynaec=gynec haem=hem harbour=harbor homoeo=homeo honour=honor humour=humor labour=labor
    leucocyt=leukocyt leucopen=leukopen manoeuv=maneuv mediaev=mediev mould=mold naev=nev neighbour=neighbor odour=odor
    oedem=edem oesoph=esoph oestr=estr paed=ped palaeo=paleo parlour=parlor phaeochrom=pheochrom plough=plow pnoe=pne
    rigour=rigor rrhoe=rrhe rumour=rumor savour=savor spirochaet=spirochet splendour=splendor sulph=sulf tumour=tumor
    vapour=vapor vigour=vigor
    """.split()
)
# Words that VarCon lists with a restriction (a bank's cheque, the noun licence), or not as British.
_MORE = dict(
    pair.split("=")
    for pair in """
    blonde=blond carburettor=carburetor cheque=check connexion=connection deflexion=deflection disc=disk draught=draft
    draughtsman=draftsman dyke=dike gaol=jail kerb=curb liquorice=licorice matt=matte reflexion=reflection
    skilful=skillful tyre=tire whisky=whiskey yoghurt=yogurt
    """.split()
)
_PART = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)))
_ENDINGS = (
    (re.compile(r"lys(e|ed|er|ing)$"), r"lyz\1"),
    (re.compile(r"(met|lit|cent|fib|theat|calib|spect|scept)re$"), r"\1er"),
    (re.compile(r"gramme$"), "gram"),
    # Prolog is a language.
    (re.compile(r"(?<!pro)logue$"), "log"),
)
_ELL = re.compile(r"ell(ed|er|ing)$")
_MIN_ELL = 9
_ISE = re.compile(r"is(e|ed|ing|ation|ational|able|er)$")
# Verbs and nouns in -ise everywhere: arise, likewise, surprise, revise, advertise, expertise, praise.
_NO_IZE = re.compile(r"(^ar|w|pr|v|ra|da|vert|pert)is(e|ed|ing|able|er)$")
_MIN_ISE = 7


@cache
def _table() -> dict[str, str]:
    lines = resources.files("kgsynth.concepts").joinpath("spellings.txt").read_text(encoding="utf-8").splitlines()
    return _MORE | dict(line.split() for line in lines if line and not line.startswith("#"))


def american(word: str) -> str:
    """The American spelling of a word, folded and in the singular (`names.fold`, `inflection.singular`).

    A word that is spelt alike everywhere stays. The result is a key for comparing; "analyze" stands for "analyse" too.
    """
    known = _table().get(word)
    if known is not None:
        return known
    word = _PART.sub(lambda found: _PARTS[found.group()], word)
    for ending, american_ending in _ENDINGS:
        word = ending.sub(american_ending, word)
    if len(word) >= _MIN_ELL and _ELL.search(word) and is_word(with_one_l := _ELL.sub(r"el\1", word)):
        return with_one_l
    if len(word) >= _MIN_ISE and _ISE.search(word) and not _NO_IZE.search(word):
        with_z = _ISE.sub(r"iz\1", word)
        # "Exercise" is no "exercize".
        if word.endswith("isation") or is_word(with_z) or not is_word(word):
            return with_z
    return word
