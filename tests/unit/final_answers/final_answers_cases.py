"""What the tests of several modules share: final answers: found in texts, compared by kind against a table of pairs, counted, and fed with whatever comes."""

import csv
from pathlib import Path

from kgsynth.final_answers import Verdict

PAIRS = list(csv.DictReader((Path(__file__).parents[1] / "answer_pairs.csv").read_text(encoding="utf-8").splitlines()))


EQUAL, DIFFERENT, UNIT_MISSING = Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNIT_MISSING
