"""Convert British spellings to American ones, by a published table and by parts of words.

The table is that of VarCon by Kevin Atkinson (http://wordlist.aspell.net/varcon-readme/); its notice is at the top of
`spellings.txt`. The table lists whole words. The parts below cover compounds of medicine and chemistry that no list has
(hypoglycaemia, haematopoiesis).
"""

import re
from functools import cache
from importlib import resources

from kgsynth.inflection import is_word

# Parts of words of Greek and Latin origin, and in -our, with their American form.
_PARTS = dict(
    pair.split("=")
    for pair in """
    aemi=emi aesth=esth aetiol=etiol aluminium=aluminum amoeb=ameb anaesth=anesth archaeo=archeo armour=armor
    behaviour=behavior caec=cec caesarean=cesarean caesarian=cesarean caesi=cesi caesur=cesur chimaer=chimer
    clamour=clamor coelenter=celenter coeli=celi coelom=celom colour=color copoeia=copeia demeanour=demeanor
    endeavour=endeavor faec=fec favour=favor flavour=flavor foet=fet glamour=glamor gynaec=gynec haem=hem
    harbour=harbor homoeo=homeo honour=honor humour=humor hyaen=hyen labour=labor leucocyt=leukocyt leucopen=leukopen
    manoeuv=maneuv mediaev=mediev mould=mold naev=nev neighbour=neighbor odour=odor oecolog=ecolog oecumen=ecumen
    oedem=edem oenolog=enolog oenophil=enophil oesoph=esoph oestr=estr paed=ped palaeo=paleo parlour=parlor
    phaeochrom=pheochrom plough=plow pnoe=pne primaev=primev rigour=rigor rrhoe=rrhe rumour=rumor savour=savor
    spirochaet=spirochet splendour=splendor sulph=sulf tumour=tumor vapour=vapor vigour=vigor
    """.split()
)
# Words that VarCon lists with a restriction (a bank's cheque, the noun licence), or not as British; older variants.
_FURTHER_WORDS = dict(
    pair.split("=")
    for pair in """
    adrenaline=adrenalin advisor=adviser aneurism=aneurysm bandanna=bandana bannister=banister barbeque=barbecue
    blonde=blond camomile=chamomile carburettor=carburetor carcase=carcass catsup=ketchup caviare=caviar cheque=check
    connexion=connection cyder=cider cypher=cipher deflexion=deflection despatch=dispatch dietician=dietitian
    disc=disk distention=distension doughnut=donut draught=draft draughtsman=draftsman dyke=dike focussed=focused
    focussing=focusing gaol=jail gelatine=gelatin gipsy=gypsy hiccough=hiccup instal=install kabob=kebab kerb=curb
    liquorice=licorice matt=matte neurone=neuron phial=vial pigmy=pygmy racquet=racket reflexion=reflection
    sirup=syrup skilful=skillful syphon=siphon tyre=tire tzar=czar verandah=veranda waggon=wagon whisky=whiskey
    yoghourt=yogurt yoghurt=yogurt
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
# Moveable and movable; "noticeable" needs its e.
_EABLE = re.compile(r"[^cg]eable$")
_ISE = re.compile(r"is(e|ed|ing|ation|ational|able|er)$")
# Verbs and nouns in -ise everywhere: arise, likewise, surprise, revise, advertise, expertise, praise.
_NO_IZE = re.compile(r"(^ar|w|pr|v|ra|da|vert|pert)is(e|ed|ing|able|er)$")
_MIN_ISE = 7


@cache
def _table() -> dict[str, str]:
    lines = resources.files("kgsynth.concepts").joinpath("spellings.txt").read_text(encoding="utf-8").splitlines()
    return _FURTHER_WORDS | dict(line.split() for line in lines if line and not line.startswith("#"))


def american(word: str) -> str:
    """Return the American spelling of a word that is folded and in the singular (`names.fold`, `inflection.singular`).

    Words without variants are unchanged. The result is a key for comparison.
    """
    listed = _table().get(word)
    if listed is not None:
        return listed
    word = _PART.sub(lambda match: _PARTS[match.group()], word)
    for ending, american_ending in _ENDINGS:
        word = ending.sub(american_ending, word)
    if len(word) >= _MIN_ELL and _ELL.search(word) and is_word(with_one_l := _ELL.sub(r"el\1", word)):
        return with_one_l
    if _EABLE.search(word) and is_word(without_e := f"{word[:-5]}able"):
        return without_e
    if len(word) >= _MIN_ISE and _ISE.search(word) and not _NO_IZE.search(word):
        with_z = _ISE.sub(r"iz\1", word)
        # "Exercise" must not become "exercize".
        if word.endswith("isation") or is_word(with_z) or not is_word(word):
            return with_z
    return word
