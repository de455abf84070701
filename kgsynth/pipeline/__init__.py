"""The stages, joined: the one place that hands the rooms' adapters to each other.

Each function is one stage, gives its closing account as a StageCount, and can be called alone: `kgsynth run` calls them
in the order of the data's path, the commands one by one.
"""

from kgsynth.pipeline.backends import make_generator
from kgsynth.pipeline.bulk import load_bulk
from kgsynth.pipeline.corpus import embed, read_corpus, read_scores
from kgsynth.pipeline.dataset import curate, export, forgotten_of
from kgsynth.pipeline.documents import extract, snapshot
from kgsynth.pipeline.filtering import (
    fine,
    keep,
    known_rounds,
    rate,
    rating_runs,
    read_figures,
    run_filter,
    selection,
    start,
    write_syllabus,
)
from kgsynth.pipeline.forgetting import ForgetPlan, forget, plan_forget, restore_verdicts
from kgsynth.pipeline.graph import build, check, connect, load, load_pairs, merge, plan_merge
from kgsynth.pipeline.looking import find
from kgsynth.pipeline.planning import measured, plan, supply_row
from kgsynth.pipeline.prompting import check_prompts, copy_prompts, list_prompts, prompt_texts
from kgsynth.pipeline.reporting import SAMPLE as REPORT_SAMPLE
from kgsynth.pipeline.reporting import report, write_report
from kgsynth.pipeline.reviewing import apply_review, cases, preview, read_reviews, write_review
from kgsynth.pipeline.stages import Report, timed
from kgsynth.pipeline.subsets import subset
from kgsynth.pipeline.walks import sample, sample_columns, walk_rates
from kgsynth.pipeline.whole import RunResult, run
from kgsynth.pipeline.writing import answer, extract_with_model, generate, retry

__all__ = [
    "REPORT_SAMPLE",
    "ForgetPlan",
    "Report",
    "RunResult",
    "answer",
    "apply_review",
    "build",
    "cases",
    "check",
    "check_prompts",
    "connect",
    "copy_prompts",
    "curate",
    "embed",
    "export",
    "extract",
    "extract_with_model",
    "find",
    "fine",
    "forget",
    "forgotten_of",
    "generate",
    "keep",
    "known_rounds",
    "list_prompts",
    "load",
    "load_bulk",
    "load_pairs",
    "make_generator",
    "measured",
    "merge",
    "plan",
    "plan_forget",
    "plan_merge",
    "preview",
    "prompt_texts",
    "rate",
    "rating_runs",
    "read_corpus",
    "read_figures",
    "read_reviews",
    "read_scores",
    "report",
    "restore_verdicts",
    "retry",
    "run",
    "run_filter",
    "sample",
    "sample_columns",
    "selection",
    "snapshot",
    "start",
    "subset",
    "supply_row",
    "timed",
    "walk_rates",
    "write_report",
    "write_review",
    "write_syllabus",
]
