"""Tests of `kgsynth.errors`."""

import kgsynth
from kgsynth import errors


def test_every_error_is_a_name_of_the_package() -> None:
    found = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert found <= set(kgsynth.__all__)
    assert all(getattr(kgsynth, name) is getattr(errors, name) for name in found)
