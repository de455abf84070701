"""Verifiers of answers, and the sandbox in which they run programs; `kgsynth.verifier` describes their interface."""
