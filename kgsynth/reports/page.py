"""Render reports as HTML pages, each a single file that needs no network."""

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from kgsynth import queries
from kgsynth.addresses import browser_link
from kgsynth.errors import MissingExtraError

Rows = list[list[Any]]
# Returns the address of a saved query with some values in Neo4j Browser, or an empty text if there is no Browser.
Link = Callable[..., str]
_KINDS = {
    "topics": "topics",
    "concepts": "concepts",
    "pairs": "co-occurring pairs",
    "documents": "documents",
    "combinations": "combinations (different sets of concepts)",
}
# Kinds of evidence that a text shows a claimed concept, as in `Question.claim_evidence`.
_EVIDENCE = ("name", "alias", "words", "meaning")


def page(figures: Mapping[str, Any]) -> str:
    """Render the figures of `kgsynth.pipeline.report` as one HTML file.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2

        from kgsynth.reports import plots

        svg_plots = _plots(plots, figures)
    except ImportError as error:
        raise MissingExtraError(f"a report needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    template = _template(jinja2, "report.html")
    link = _links_to(figures["graph"]["browser"])
    text: str = template.render(
        figures=figures,
        graph=figures["graph"],
        runs=figures["runs"],
        plots=svg_plots,
        picture=plots.picture(figures["graph"]["communities"]),
        zip=zip,
        link=link,
        **_graph_rows(figures["graph"], link),
        **_walk_rows(figures, link),
        **_question_rows(figures["runs"], link),
        **_stage_rows(figures["runs"]),
    )
    return text


def _links_to(browser: str) -> Link:
    def link(query: str, **values: str) -> str:
        return browser_link(browser, "edit", queries.filled(queries.saved(query), values)) if browser else ""

    return link


def _concept_rows(listed: Sequence[Mapping[str, Any]], columns: Sequence[str], link: Link) -> Rows:
    """Return rows of a linked name and some figures of each concept."""
    return [
        [(concept["name"], link("around_a_node", node=concept["id"])), *(concept[column] for column in columns)]
        for concept in listed
    ]


def _question(text: str, identity: str, link: Link) -> tuple[str, str]:
    return text, link("where_a_question_comes_from", question=identity)


def plots_module() -> Any:
    """Return the module that draws plots with Matplotlib.

    Raises:
        MissingExtraError: Matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401

        from kgsynth.reports import plots
    except ImportError as error:
        raise MissingExtraError(f"a plot needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    return plots


def scaling_page(*, summary: str, level: float, plot: str, parameters: Rows, points: Rows, largest: Rows) -> str:
    """Render a fitted scaling law as one HTML file.

    Args:
        summary: a sentence about what was fitted.
        level: confidence level of the intervals, from 0 to 1.
        plot: SVG text.
        parameters: rows of law, model, parameter, value, low and high.
        points: rows of model, size, error, error of the law, difference, and whether the point was held out.
        largest: rows of law, model, size, error, prediction, low and high of the check without the largest sizes.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError(f"a page needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    return str(
        _template(jinja2, "scaling.html").render(
            summary=summary, level=level, plot=plot, parameters=parameters, points=points, largest=largest, zip=zip
        )
    )


def filter_page(figures: Mapping[str, Any]) -> str:
    """Render the figures of a filter, the content of its `filter.json`, as one HTML file.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    plots = plots_module()
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError(f"a page needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    rounds = figures["rounds"]
    panels = [("cold start", [("", _shares(figures["start"]["scores"]))])]
    if rounds:
        lines = [(f"round {place}", _shares(round_figures["scores"])) for place, round_figures in enumerate(rounds, 1)]
        panels.append(("rounds of rating", lines))
    text: str = _template(jinja2, "filter.html").render(
        figures=figures,
        plot=plots.histograms(panels, x="score", label="scores of the corpus"),
        steps=[
            ["cold start", figures["start"]["selected"], *[None] * 7],
            *[
                [
                    f"round {place}",
                    *(round_figures[key] for key in ("selected", "added", "removed", "ratings")),
                    *(
                        round_figures["agreement"].get(key)
                        for key in ("held_back", "mean_error", "correlation", "same_side")
                    ),
                ]
                for place, round_figures in enumerate(rounds, 1)
            ],
        ],
        rounds=[
            {
                "aspects": [
                    [name, *(values[key] for key in ("mean", "lowest_share", "correlation"))]
                    for name, values in round_figures["aspects"].items()
                ],
                "doubt": round_figures["doubt"],
                "features": [
                    [name, *(values[key] for key in ("correlation", "of_the_least_tenth", "of_the_most_tenth"))]
                    for name, values in round_figures["doubt"]["features"].items()
                ],
                "doubtful": _listed(round_figures["doubt"]["documents"], "doubt"),
                "added": _listed(round_figures["added_documents"], "before"),
                "removed": _listed(round_figures["removed_documents"], "before"),
                **_border(round_figures),
            }
            for round_figures in rounds
        ],
        start=_border(figures["start"]),
        zip=zip,
    )
    return text


def _shares(scores: Mapping[str, Any]) -> dict[str, Any]:
    total = max(1, sum(scores["documents"]))
    return {"edges": scores["edges"], "share": [count / total for count in scores["documents"]]}


def _border(step: Mapping[str, Any]) -> dict[str, Rows]:
    return {name: _listed(step[name]) for name in ("just_above", "just_below")}


def _listed(documents: Sequence[Mapping[str, Any]], *more: str) -> Rows:
    return [[document[key] for key in ("id", "title", "score", *more)] for document in documents]


def _template(jinja2: Any, name: str) -> Any:
    def text(file_name: str) -> str:
        return resources.files("kgsynth.reports").joinpath(file_name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(text),
    )
    environment.filters |= {"number": number, "percent": percent}
    return environment.get_template(name)


def number(value: Any) -> str:
    """Format a number with separated thousands, or with three significant digits below 100."""
    if not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float) -> str:
    """Format a share in percent; a share above 0 is never shown as 0."""
    if 0 < share < 0.001:
        return f"{100 * share:.2g} %"
    return f"{100 * share:.1f} %"


def _graph_rows(graph: Mapping[str, Any], link: Link) -> dict[str, Rows]:
    distributions = [
        ("document", "characters", graph["characters_of_document"]),
        ("document", "concepts and topics that it mentions", graph["terms_of_document"]),
        ("concept", "documents that mention it", graph["documents_of_term"]["concepts"]),
        ("concept", "terms that it co-occurs with (degree)", graph["degree"]["concepts"]),
        ("topic", "documents that mention it", graph["documents_of_term"]["topics"]),
        ("topic", "terms that it co-occurs with (degree)", graph["degree"]["topics"]),
        ("pair of terms", "documents that mention both (weight)", graph["weight"]),
    ]
    return {
        "distributions": [
            [per, what, *(values[key] for key in ("mean", "median", "p90", "p99", "max"))]
            for per, what, values in distributions
            if values["count"]
        ],
        "merges": [[rule["kind"], rule["rule"], rule["merges"], rule["least_cosine"]] for rule in graph["merges"]],
        "licences": [
            [
                (
                    row["license"] or "unknown",
                    link("documents_of_a_licence", license=row["license"], attribution=row["attribution"]),
                ),
                row["attribution"],
                row["documents"],
            ]
            for row in graph["licences"]
        ],
    }


def _walk_rows(figures: Mapping[str, Any], link: Link) -> dict[str, Any]:
    walked = [
        {
            **run,
            "most_used": _concept_rows(run["walks"]["most_used"], ("combinations", "documents"), link),
            "not_used": _concept_rows(run["walks"]["unused"]["listed"], ("documents", "neighbours"), link),
        }
        for run in figures["runs"]
        if run["walks"]
    ]
    walk_figures = [run["walks"] for run in walked]
    kinds = ("topics", "concepts", "pairs", "documents")
    scope = ", including earlier combinations" if figures["after"] else ""
    rows: list[tuple[str, Callable[[Any], str], list[Any]]] = [
        ("combinations", number, [walks["combinations"] for walks in walk_figures]),
        ("concepts of a combination, mean", number, [walks["concepts_each"].get("mean") for walks in walk_figures]),
        ("combinations across topics", percent, [walks["cross_topic_share"] for walks in walk_figures]),
        *[
            (f"{_KINDS[kind]} used{scope}", percent, [walks["coverage"][kind]["share"] for walks in walk_figures])
            for kind in kinds
        ],
        (
            f"chance that the next visit is to a new concept{scope}",
            percent,
            [walks["new_concept_chance"] for walks in walk_figures],
        ),
        *_evenness(walk_figures),
        (
            "effective number of combinations, by the questions from each",
            number,
            [walks["effective"]["combinations_by_questions"] for walks in walk_figures],
        ),
        *[
            (f"share of uses: {name}", percent, [walks["hubs"][key] for walks in walk_figures])
            for key, name in (
                ("top_10", "the 10 most used concepts"),
                ("top_100", "the 100 most used"),
                ("top_1_percent", "the most used 1 %"),
                ("top_1_percent_of_mentions", "for comparison, share of mentions of the 1 % in most documents"),
            )
        ],
    ]
    equal = figures["equal"]
    equal_runs = equal["runs"] if equal else []
    equal_lines: list[tuple[str, Callable[[Any], str], list[Any]]] = [
        *[(f"{_KINDS[kind]} newly used", number, [run["new"][kind] for run in equal_runs]) for kind in kinds],
        *[
            (f"{_KINDS[kind]} used{scope}", number, [run["coverage"][kind]["used"] for run in equal_runs])
            for kind in kinds
        ],
        *_evenness(equal_runs),
        ("combinations across topics", percent, [run["cross_topic_share"] for run in equal_runs]),
        ("share of uses: the most used 1 % of concepts", percent, [run["hubs"]["top_1_percent"] for run in equal_runs]),
    ]
    return {
        "walked": walked,
        "walk_columns": [("", "text"), *[(run["name"], "formatted") for run in walked]],
        "walk_rows": [[name, *[_formatted(value, form) for value in values]] for name, form, values in rows],
        "equal_columns": [("", "text"), *[(run["name"], "formatted") for run in equal_runs], ("ratio", "count")],
        "equal_rows": [
            [name, *[_formatted(value, form) for value in values], values[1] / values[0] if values[0] else None]
            for name, form, values in (equal_lines if equal_runs else [])
        ],
    }


def _evenness(walk_figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, Callable[[Any], str], list[Any]]]:
    return [
        (f"effective number of {_KINDS[kind]}", number, [walks["effective"][kind] for walks in walk_figures])
        for kind in ("topics", "concepts", "pairs", "combinations")
    ]


def _formatted(value: Any, form: Callable[[Any], str]) -> tuple[Any, str]:
    """Return the value by which a cell is sorted, and its text."""
    return (-1, "–") if value is None else (value, form(value))


def _question_rows(runs: Sequence[Mapping[str, Any]], link: Link) -> dict[str, Any]:
    asked = [(run["name"], run["questions"]) for run in runs if run["questions"]]
    answered = [(run["name"], run["answers"]) for run in runs if run["answers"]["count"]]
    return {
        "asked": asked,
        "answered": answered,
        "level_rows": [
            [
                name,
                level,
                values["count"],
                *(values["words"][key] for key in ("mean", "median", "p90", "max")),
                values["characters"]["mean"],
                values["repeated_share"],
                values["near_duplicate_share"],
                _counts(values["grades"]),
            ]
            for name, questions in asked
            for level, values in questions["levels"].items()
        ],
        "unshown": [
            {
                "name": name,
                "count": questions["unshown"]["count"],
                "rows": _concept_rows(questions["unshown"]["listed"], ("documents", "neighbours"), link),
            }
            for name, questions in asked
        ],
        "claim_rows": [
            [
                name,
                claims["claimed"],
                *(claims["shown_by"].get(by, 0) for by in _EVIDENCE),
                claims["claimed_only"],
                claims["foreign"],
            ]
            for name, questions in asked
            if (claims := questions["claims"])["claimed"]
        ],
        "embedders": sorted({questions["embedder"] for _, questions in asked if questions["embedder"]}),
        "likeness_rows": [
            [name, kind, *(values[key] for key in ("pairs", "mean", "median", "p90", "over_95"))]
            for name, questions in asked
            for kind, values in questions["likeness"].items()
        ],
        "alike_rows": [
            [
                name,
                kind,
                pair["cosine"],
                _question(pair["one"], pair["one_id"], link),
                _question(pair["other"], pair["other_id"], link),
            ]
            for name, questions in asked
            for kind, values in questions["likeness"].items()
            for pair in values["most_alike"]
        ],
        "answer_rows": [
            [
                name,
                answers["count"],
                answers["with_final_answer"] / answers["count"],
                answers["words"]["median"],
                answers["agreement"]["count"],
                answers["agreement"].get("mean"),
                _counts(answers["verdicts"]),
            ]
            for name, answers in answered
        ],
        "check_rows": [
            [name, verifier, counts["passed"], counts["failed"], counts["undecided"]]
            for name, answers in answered
            for verifier, counts in answers.get("checks", {}).items()
        ],
        "doubtful_rows": [
            [
                name,
                answer["agreement"],
                _question(answer["question"], answer["id"], link),
                answer["final_answer"],
                answer["id"],
            ]
            for name, answers in answered
            for answer in answers["least_agreement"]
        ],
    }


def _stage_rows(runs: Sequence[Mapping[str, Any]]) -> dict[str, Rows]:
    stage_rows = []
    for run in runs:
        for stage in run["stages"]:
            rejected = sum(stage["rejected"].values())
            total = stage["kept"] + rejected
            stage_rows.append(
                [
                    run["name"],
                    *(stage[key] for key in ("stage", "where", "state", "unit", "kept")),
                    rejected,
                    rejected / total if total else None,
                    stage["kept_by_retries"],
                    stage["rejected_by_retries"],
                ]
            )
    return {
        "stage_rows": stage_rows,
        "reject_rows": [[run["name"], name, count] for run in runs for name, count in rejects(run["stages"]).items()],
    }


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "–"


def _plots(plots: Any, figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the plots for which there are figures, as SVG by name."""
    graph, runs = figures["graph"], figures["runs"]
    drawn = {}
    if graph["degree"]["concepts"].get("max"):
        drawn["degree"] = plots.tails(
            [(kind, graph["degree"][kind]) for kind in ("concepts", "topics")],
            x="co-occurring terms",
            label="degrees",
        )
    if graph["weight"]["count"]:
        drawn["weight"] = plots.tails(
            [("pairs of terms", graph["weight"])], x="documents that mention both", label="weights"
        )
    walked = [(run["name"], run["walks"]) for run in runs if run["walks"]]
    if walked:
        drawn["coverage"] = plots.coverage(walked)
        drawn["hubs"] = plots.hubs(walked)
        drawn["jaccard"] = plots.histograms(
            [("", [(name, walks["jaccard"]["histogram"]) for name, walks in walked])],
            x="Jaccard similarity of a combination and its documents",
            label="grounding of combinations",
        )
    asked = [(run["name"], run["questions"]) for run in runs if run["questions"]]
    if asked:
        drawn["lengths"] = plots.histograms(
            [
                (
                    name if len(asked) > 1 else "",
                    [(f"level {level}", values["words"]["histogram"]) for level, values in questions["levels"].items()],
                )
                for name, questions in asked
            ],
            x="words per question (last bin: this many or more)",
            label="lengths of questions",
        )
    compared = [(name, questions["likeness"]) for name, questions in asked if questions["likeness"]]
    if compared:
        drawn["likeness"] = plots.histograms(
            [
                (name if len(compared) > 1 else "", [(kind, values["histogram"]) for kind, values in likeness.items()])
                for name, likeness in compared
            ],
            x="cosine similarity of two questions",
            label="similarity of questions",
        )
    voted = [(run["name"], run["answers"]["agreement"]) for run in runs if run["answers"]["agreement"]["count"]]
    if voted:
        drawn["agreement"] = plots.histograms(
            [("", [(name, agreement["histogram"]) for name, agreement in voted])],
            x="share of the votes that agree",
            label="agreement of votes",
        )
    # Pairs that merging keeps apart are not lost, and their large number would hide all other rejects.
    rejected = [(run["name"], rejects([stage for stage in run["stages"] if stage["stage"] != "merge"])) for run in runs]
    if any(counts for _, counts in rejected):
        drawn["rejects"] = plots.bars(rejected, x="rejected", label="rejects by reason")
    return drawn


def rejects(stages: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of rejects by `stage: reason`."""
    counts: dict[str, int] = {}
    for stage in stages:
        for reason, count in stage["rejected"].items():
            name = f"{stage['stage']}: {reason}"
            counts[name] = counts.get(name, 0) + count
    return counts
