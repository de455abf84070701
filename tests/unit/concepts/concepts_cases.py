"""What the tests of several modules share: names, vocabularies, key phrases, lexical rules and the merge decision."""

from collections.abc import Sequence

import numpy as np

from kgsynth.concepts import vocabulary
from kgsynth.records import ConceptName


def found(names: Sequence[str], text: str) -> list[str]:
    return vocabulary.Vocabulary([ConceptName(name=name) for name in names]).find(text)


SAME = [
    ("Euler's formula", "Euler formula"), ("semi-continuous", "semicontinuous"), ("colouring problem", "coloring problem"),
    ("gram matrices", "Gram matrix"), ("field of fractions", "fraction field"), ("norm of an ideal", "ideal norm"),
    ("Möbius function", "Moebius function"), ("Möbius function", "Mobius function"), ("gcd", "greatest common divisor"),
    ("po-ring", "partially ordered ring"), ("linear independence", "linearly independent"), ("bilinear map", "bilinear mapping"),
    ("imaginary quadratic field", "quadratic imaginary field"), ("internal node (of a tree)", "internal node"),
    ("quadratic number field", "quadratic field"), ("finite field extension", "finite extension"), ("L'Hôpital's rule", "l'Hospital's rule"),
    ("completely multiplicative", "completely multiplicative function"), ("all one polynomial", "AOP"), ("anti-symmetric", "antisymmetric"),
    ("factorisation", "factorization"), ("linear transformation", "linear map"), ("root-mean-square", "rms"), ("diagonal matrices", "diagonal matrix"),
    ("BV function", "function of bounded variation"), ("PID module", "principal ideal domain module"), ("dof", "degrees of freedom"),
]  # fmt: skip


def axes(texts: Sequence[str]) -> np.ndarray:
    """All names alike, so that only the words decide."""
    return np.tile(np.eye(1, 4, dtype=np.float32), (len(texts), 1))
