"""Structures of molecules, given as SMILES or InChI, and compared by RDKit (extra `chemistry`)."""

import re
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

from kgsynth.errors import MissingExtraError
from kgsynth.verification.quantities import Agreement

_SMILES = re.compile(r"[A-Za-z0-9@+\-\[\]()=#$%/\\.:*]+")
_STEREO = re.compile(r"[@/\\]")
_LABEL = re.compile(r"^(?:canonical\s+|isomeric\s+)?(?:SMILES|smiles)\s*[:=]?\s*(?=\S)")


class Structure(NamedTuple):
    """A molecule: canonical SMILES with and without stereochemistry, standard InChI, and whether it is a salt."""

    smiles: str
    flat: str
    inchi: str
    is_salt: bool


def require() -> None:
    """Check that RDKit is installed.

    Raises:
        MissingExtraError: it is not.
    """
    if find_spec("rdkit") is None:
        raise MissingExtraError("RDKit is not installed", hint="pip install 'kgsynth[chemistry]'")


def plain(text: str) -> str:
    r"""Return SMILES or InChI without Markdown, a label and the commands of LaTeX around it."""
    text = text.strip().strip("`$").strip()
    text = re.sub(r"^\\(?:text|texttt|mathrm|mathtt|verb)\s*\{(.*)\}$", r"\1", text)
    text = re.sub(r"\\(?=[#%_&$])|\\textbackslash", lambda match: "\\" if len(match.group()) > 1 else "", text)
    return _LABEL.sub("", text).strip().strip("`").strip()


def is_spelled_like_smiles(text: str) -> bool:
    """Whether a text has only characters of SMILES, and begins like one."""
    return _SMILES.fullmatch(text) is not None and re.match(r"[A-Z\[bcnops]", text) is not None


@lru_cache(maxsize=4096)
def structure_of(text: str) -> Structure | None:
    """Return the molecule that a SMILES or an InChI spells; None if RDKit cannot read it.

    Raises:
        MissingExtraError: RDKit is not installed.
    """
    require()
    from rdkit import Chem, rdBase

    chem: Any = Chem
    text = plain(text)
    is_inchi = text.startswith("InChI=")
    if not text or not (is_inchi or is_spelled_like_smiles(text)):
        return None
    # RDKit writes to the log what it cannot read.
    with rdBase.BlockLogs():
        molecule = chem.MolFromInchi(text) if is_inchi else chem.MolFromSmiles(text)
        if molecule is None or not molecule.GetNumAtoms():
            return None
        smiles = chem.MolToSmiles(molecule)
        flat = chem.MolToSmiles(molecule, isomericSmiles=False)
        inchi = chem.MolToInchi(molecule)
    return Structure(smiles, flat, inchi, "." in inchi.partition("/")[2].partition("/")[0])


def compare_structures(first: Structure, second: Structure) -> Agreement:
    """Compare two molecules by canonical SMILES; isomers and stereoisomers differ.

    The order and the spelling of ions do not matter: a salt is also compared by its InChI. Unsure are two tautomers,
    and a structure without stereochemistry beside one with it.
    """
    if first.smiles == second.smiles:
        return Agreement.SAME
    if first.inchi and first.inchi == second.inchi:
        return Agreement.SAME if first.is_salt else Agreement.UNSURE
    if first.flat == second.flat and not (_STEREO.search(first.smiles) and _STEREO.search(second.smiles)):
        return Agreement.UNSURE
    return Agreement.DIFFERENT
