"""The names of `kgsynth.pipeline` and their modules; `__init__.py` imports them when they are first used."""

from kgsynth.accounts import Report as Report, timed_stage as timed_stage
from kgsynth.concepts.decide import Merge as Merge
from kgsynth.concepts.review import (
    Case as Case,
    Pair as Pair,
    Verdict as Verdict,
    read_reviews as read_reviews,
    write_review as write_review,
)
from kgsynth.curation.hub import Pushed as Pushed, check_hub_access as check_hub_access, push_to_hub as push_to_hub
from kgsynth.documents.embedded_corpus import read_corpus as read_corpus, read_scores as read_scores
from kgsynth.documents.filter_folder import (
    known_rounds as known_rounds,
    rating_runs as rating_runs,
    read_figures as read_figures,
)
from kgsynth.documents.read import LOADER_KINDS as LOADER_KINDS, loader_names as loader_names
from kgsynth.generation.backend_factory import make_generator as make_generator
from kgsynth.generation.stage_run import RETRY_CHANGES as RETRY_CHANGES
from kgsynth.graph import show as show
from kgsynth.graph.derived import (
    MOST_PAIRS as MOST_PAIRS,
    STRONGEST as STRONGEST,
    CoOccurrences as CoOccurrences,
    build_state as build_state,
)
from kgsynth.graph.server import ManagedServer as ManagedServer
from kgsynth.graph.session import (
    Graph as Graph,
    GraphNode as GraphNode,
    GraphRelationship as GraphRelationship,
    Row as Row,
)
from kgsynth.graph.show import find as find
from kgsynth.pipeline.building import build as build, check as check
from kgsynth.pipeline.bulk_loading import load_bulk as load_bulk
from kgsynth.pipeline.curating import curate as curate
from kgsynth.pipeline.exporting import export as export, forgotten_of as forgotten_of
from kgsynth.pipeline.extracting import extract as extract, snapshot as snapshot
from kgsynth.pipeline.filtering import (
    cold_start as cold_start,
    embed as embed,
    fit_scores as fit_scores,
    rate_documents as rate_documents,
    run_filter as run_filter,
    selected_documents as selected_documents,
    write_selection as write_selection,
    write_syllabus as write_syllabus,
)
from kgsynth.pipeline.forgetting import (
    ForgetPlan as ForgetPlan,
    allow_again as allow_again,
    forget as forget,
    forgotten_documents as forgotten_documents,
    plan_forget as plan_forget,
    restore_verdicts as restore_verdicts,
    tombstone_file as tombstone_file,
)
from kgsynth.pipeline.full_run import FullRun as FullRun, RunResult as RunResult, run as run
from kgsynth.pipeline.generating import answer as answer, extract_with_model as extract_with_model, generate as generate
from kgsynth.pipeline.judging import apply_verdicts as apply_verdicts, judge_names as judge_names
from kgsynth.pipeline.loading import connect as connect, load as load, load_pairs as load_pairs
from kgsynth.pipeline.merging import (
    held_merges as held_merges,
    merge as merge,
    plan_merge as plan_merge,
    set_distinct as set_distinct,
    undo_merges as undo_merges,
)
from kgsynth.pipeline.preflight import (
    Condition as Condition,
    examine as examine,
    examine_machine as examine_machine,
    refuse_stage as refuse_stage,
)
from kgsynth.pipeline.previewing import (
    PLANNED as PLANNED,
    Cost as Cost,
    Preview as Preview,
    combinations_of as combinations_of,
    plan as plan,
    preview as preview,
)
from kgsynth.pipeline.prompting import (
    check_prompts as check_prompts,
    copy_prompts as copy_prompts,
    list_prompts as list_prompts,
    prompt_texts as prompt_texts,
)
from kgsynth.pipeline.reporting import REPORT_SAMPLE as REPORT_SAMPLE, report as report, write_report as write_report
from kgsynth.pipeline.retrying import retry as retry
from kgsynth.pipeline.reviewing import (
    apply_review as apply_review,
    doubtful_pairs as doubtful_pairs,
    preview_merge as preview_merge,
)
from kgsynth.pipeline.sampling import (
    sample as sample,
    sample_columns as sample_columns,
    sample_to_parquet as sample_to_parquet,
    walk_rates as walk_rates,
)
from kgsynth.pipeline.scaling_plan import plan_scaling as plan_scaling, unseen_row as unseen_row
from kgsynth.pipeline.serving import contents as contents, server_of as server_of
from kgsynth.pipeline.showing import rows_of as rows_of
from kgsynth.pipeline.subsetting import subset as subset
from kgsynth.reports import page as page, scaling as scaling
from kgsynth.reports.forecast import measure_runs as measure_runs
from kgsynth.reports.rows_page import write_rows_page as write_rows_page
from kgsynth.verification import sandbox as sandbox
