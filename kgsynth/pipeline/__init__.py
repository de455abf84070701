"""The stages: the only package that connects graph, walks, models, documents and curation.

Each stage is a function that reports its account as a StageCount and can be called alone. `kgsynth run` calls them all
in order; each other command calls one.

The names below are imported when they are first used, so that a command imports only what it needs.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgsynth.accounts import Report, timed_stage
    from kgsynth.concepts.decide import Merge
    from kgsynth.concepts.review import Case, Pair, Verdict, read_reviews, write_review
    from kgsynth.curation.hub import Pushed, check_hub_access, push_to_hub
    from kgsynth.documents.embedded_corpus import read_corpus, read_scores
    from kgsynth.documents.filter_folder import known_rounds, rating_runs, read_figures
    from kgsynth.documents.read import LOADER_KINDS, loader_names
    from kgsynth.generation.backend_factory import make_generator
    from kgsynth.generation.stage_run import RETRY_CHANGES
    from kgsynth.graph import show
    from kgsynth.graph.derived import MOST_PAIRS, STRONGEST, CoOccurrences, build_state
    from kgsynth.graph.server import ManagedServer
    from kgsynth.graph.session import Graph, GraphNode, GraphRelationship, Row
    from kgsynth.graph.show import find
    from kgsynth.pipeline.building import build, check
    from kgsynth.pipeline.bulk_loading import load_bulk
    from kgsynth.pipeline.curating import curate
    from kgsynth.pipeline.exporting import export, forgotten_of
    from kgsynth.pipeline.extracting import extract, snapshot
    from kgsynth.pipeline.filtering import (
        cold_start,
        embed,
        fit_scores,
        rate_documents,
        run_filter,
        selected_documents,
        write_selection,
        write_syllabus,
    )
    from kgsynth.pipeline.forgetting import (
        ForgetPlan,
        allow_again,
        forget,
        forgotten_documents,
        plan_forget,
        restore_verdicts,
        tombstone_file,
    )
    from kgsynth.pipeline.full_run import FullRun, RunResult, run
    from kgsynth.pipeline.generating import answer, extract_with_model, generate
    from kgsynth.pipeline.judging import apply_verdicts, judge_names
    from kgsynth.pipeline.loading import connect, load, load_pairs
    from kgsynth.pipeline.merging import held_merges, merge, plan_merge, set_distinct, undo_merges
    from kgsynth.pipeline.preflight import Condition, examine, examine_machine, refuse_stage
    from kgsynth.pipeline.previewing import PLANNED, Cost, Preview, combinations_of, plan, preview
    from kgsynth.pipeline.prompting import check_prompts, copy_prompts, list_prompts, prompt_texts
    from kgsynth.pipeline.reporting import REPORT_SAMPLE, report, write_report
    from kgsynth.pipeline.retrying import retry
    from kgsynth.pipeline.reviewing import apply_review, doubtful_pairs, preview_merge
    from kgsynth.pipeline.sampling import sample, sample_columns, sample_to_parquet, walk_rates
    from kgsynth.pipeline.scaling_plan import plan_scaling, unseen_row
    from kgsynth.pipeline.serving import contents, server_of
    from kgsynth.pipeline.showing import rows_of
    from kgsynth.pipeline.subsetting import subset
    from kgsynth.reports import page, scaling
    from kgsynth.reports.forecast import measure_runs
    from kgsynth.reports.rows_page import write_rows_page
    from kgsynth.verification import sandbox

__all__ = [
    "LOADER_KINDS",
    "MOST_PAIRS",
    "PLANNED",
    "REPORT_SAMPLE",
    "RETRY_CHANGES",
    "STRONGEST",
    "Case",
    "CoOccurrences",
    "Condition",
    "Cost",
    "ForgetPlan",
    "FullRun",
    "Graph",
    "GraphNode",
    "GraphRelationship",
    "ManagedServer",
    "Merge",
    "Pair",
    "Preview",
    "Pushed",
    "Report",
    "Row",
    "RunResult",
    "Verdict",
    "allow_again",
    "answer",
    "apply_review",
    "apply_verdicts",
    "build",
    "build_state",
    "check",
    "check_hub_access",
    "check_prompts",
    "cold_start",
    "combinations_of",
    "connect",
    "contents",
    "copy_prompts",
    "curate",
    "doubtful_pairs",
    "embed",
    "examine",
    "examine_machine",
    "export",
    "extract",
    "extract_with_model",
    "find",
    "fit_scores",
    "forget",
    "forgotten_documents",
    "forgotten_of",
    "generate",
    "held_merges",
    "judge_names",
    "known_rounds",
    "list_prompts",
    "load",
    "load_bulk",
    "load_pairs",
    "loader_names",
    "make_generator",
    "measure_runs",
    "merge",
    "page",
    "plan",
    "plan_forget",
    "plan_merge",
    "plan_scaling",
    "preview",
    "preview_merge",
    "prompt_texts",
    "push_to_hub",
    "rate_documents",
    "rating_runs",
    "read_corpus",
    "read_figures",
    "read_reviews",
    "read_scores",
    "refuse_stage",
    "report",
    "restore_verdicts",
    "retry",
    "rows_of",
    "run",
    "run_filter",
    "sample",
    "sample_columns",
    "sample_to_parquet",
    "sandbox",
    "scaling",
    "selected_documents",
    "server_of",
    "set_distinct",
    "show",
    "snapshot",
    "subset",
    "timed_stage",
    "tombstone_file",
    "undo_merges",
    "unseen_row",
    "walk_rates",
    "write_report",
    "write_review",
    "write_rows_page",
    "write_selection",
    "write_syllabus",
]

# The module of each name, or the name's own module.
_MODULES = {
    name: module
    for module, names in {
        "kgsynth.accounts": "Report timed_stage",
        "kgsynth.concepts.decide": "Merge",
        "kgsynth.concepts.review": "Case Pair Verdict read_reviews write_review",
        "kgsynth.curation.hub": "Pushed check_hub_access push_to_hub",
        "kgsynth.documents.embedded_corpus": "read_corpus read_scores",
        "kgsynth.documents.filter_folder": "known_rounds rating_runs read_figures",
        "kgsynth.documents.read": "LOADER_KINDS loader_names",
        "kgsynth.generation.backend_factory": "make_generator",
        "kgsynth.generation.stage_run": "RETRY_CHANGES",
        "kgsynth.graph.derived": "MOST_PAIRS STRONGEST CoOccurrences build_state",
        "kgsynth.graph.server": "ManagedServer",
        "kgsynth.graph.session": "Graph GraphNode GraphRelationship Row",
        "kgsynth.graph.show": "show find",
        "kgsynth.pipeline.building": "build check",
        "kgsynth.pipeline.bulk_loading": "load_bulk",
        "kgsynth.pipeline.curating": "curate",
        "kgsynth.pipeline.exporting": "export forgotten_of",
        "kgsynth.pipeline.extracting": "extract snapshot",
        "kgsynth.pipeline.filtering": "cold_start embed fit_scores rate_documents run_filter selected_documents "
        "write_selection write_syllabus",
        "kgsynth.pipeline.forgetting": "ForgetPlan allow_again forget forgotten_documents plan_forget restore_verdicts "
        "tombstone_file",
        "kgsynth.pipeline.full_run": "FullRun RunResult run",
        "kgsynth.pipeline.generating": "answer extract_with_model generate",
        "kgsynth.pipeline.judging": "apply_verdicts judge_names",
        "kgsynth.pipeline.loading": "connect load load_pairs",
        "kgsynth.pipeline.merging": "held_merges merge plan_merge set_distinct undo_merges",
        "kgsynth.pipeline.preflight": "Condition examine examine_machine refuse_stage",
        "kgsynth.pipeline.previewing": "PLANNED Cost Preview combinations_of plan preview",
        "kgsynth.pipeline.prompting": "check_prompts copy_prompts list_prompts prompt_texts",
        "kgsynth.pipeline.reporting": "REPORT_SAMPLE report write_report",
        "kgsynth.pipeline.retrying": "retry",
        "kgsynth.pipeline.reviewing": "apply_review doubtful_pairs preview_merge",
        "kgsynth.pipeline.sampling": "sample sample_columns sample_to_parquet walk_rates",
        "kgsynth.pipeline.scaling_plan": "plan_scaling unseen_row",
        "kgsynth.pipeline.serving": "contents server_of",
        "kgsynth.pipeline.showing": "rows_of",
        "kgsynth.pipeline.subsetting": "subset",
        "kgsynth.reports.forecast": "measure_runs",
        "kgsynth.reports.page": "page",
        "kgsynth.reports.rows_page": "write_rows_page",
        "kgsynth.reports.scaling": "scaling",
        "kgsynth.verification.sandbox": "sandbox",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kgsynth.pipeline' has no attribute {name!r}")
    module = importlib.import_module(_MODULES[name])
    return module if _MODULES[name].endswith(f".{name}") else getattr(module, name)
