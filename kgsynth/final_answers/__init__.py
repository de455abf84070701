"""Final answers: find them in a text, compare them by kind, and take their majority."""

from kgsynth.final_answers.compare import Verdict, are_equal, compare
from kgsynth.final_answers.find import final_answer
from kgsynth.final_answers.precision import Precision, precision_of
from kgsynth.final_answers.voting import Majority, majority

__all__ = ["Majority", "Precision", "Verdict", "are_equal", "compare", "final_answer", "majority", "precision_of"]
