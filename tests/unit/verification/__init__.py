"""Tests of `kgsynth.verification`."""
