"""The page of a report: one file with everything in it, to be looked at without a network."""

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from kgsynth.errors import MissingExtraError

Rows = list[list[Any]]
_KINDS = {
    "topics": "topics",
    "concepts": "concepts",
    "pairs": "co-occurring pairs",
    "documents": "documents",
    "combinations": "combinations (different sets of concepts)",
}
# What may show a claim, as in `Question.claim_evidence`.
_EVIDENCE = ("name", "alias", "words", "meaning")


def page(figures: Mapping[str, Any]) -> str:
    """The figures of `kgsynth.pipeline.report` as one HTML file.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2

        from kgsynth.reports import plots

        drawn = _plots(plots, figures)
    except ImportError as error:
        raise MissingExtraError(f"a report needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    template = _template(jinja2, "report.html")
    text: str = template.render(
        figures=figures,
        graph=figures["graph"],
        runs=figures["runs"],
        plots=drawn,
        picture=plots.picture(figures["graph"]["communities"]),
        zip=zip,
        **_graph_rows(figures["graph"]),
        **_walk_rows(figures),
        **_question_rows(figures["runs"]),
        **_stage_rows(figures["runs"]),
    )
    return text


def plots_module() -> Any:
    """The module that draws, which needs Matplotlib.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401

        from kgsynth.reports import plots
    except ImportError as error:
        raise MissingExtraError(f"a plot needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    return plots


def scaling_page(*, said: str, level: float, plot: str, parameters: Rows, points: Rows, largest: Rows) -> str:
    """The page of a fitted law.

    Args:
        said: what was fitted, in a sentence.
        level: of the intervals.
        plot: SVG.
        parameters: law, model, parameter, value, low, high.
        points: model, size, error, error of the law, difference, whether held out.
        largest: law, model, size, error, predicted, low, high of the check without the largest sizes.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError(f"a page needs {error.name}", hint="pip install 'kgsynth[report]'") from error
    return str(
        _template(jinja2, "scaling.html").render(
            said=said, level=level, plot=plot, parameters=parameters, points=points, largest=largest, zip=zip
        )
    )


def filter_page(figures: Mapping[str, Any]) -> str:
    """The page of a filter, of the figures in its `filter.json`.

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
        lines = [(f"round {place}", _shares(one["scores"])) for place, one in enumerate(rounds, 1)]
        panels.append(("rounds of rating", lines))
    text: str = _template(jinja2, "filter.html").render(
        figures=figures,
        plot=plots.histograms(panels, x="score", label="scores of the corpus"),
        steps=[
            ["cold start", figures["start"]["selected"], *[None] * 7],
            *[
                [
                    f"round {place}",
                    *(one[key] for key in ("selected", "added", "removed", "ratings")),
                    *(one["agreement"].get(key) for key in ("held_back", "mean_error", "correlation", "same_side")),
                ]
                for place, one in enumerate(rounds, 1)
            ],
        ],
        rounds=[
            {
                "aspects": [
                    [name, *(held[key] for key in ("mean", "lowest_share", "correlation"))]
                    for name, held in one["aspects"].items()
                ],
                "doubt": one["doubt"],
                "features": [
                    [name, *(held[key] for key in ("correlation", "of_the_least_tenth", "of_the_most_tenth"))]
                    for name, held in one["doubt"]["features"].items()
                ],
                "doubtful": _listed(one["doubt"]["documents"], "doubt"),
                "added": _listed(one["added_documents"], "before"),
                "removed": _listed(one["removed_documents"], "before"),
                **_border(one),
            }
            for one in rounds
        ],
        start=_border(figures["start"]),
        zip=zip,
    )
    return text


def _shares(held: Mapping[str, Any]) -> dict[str, Any]:
    total = max(1, sum(held["documents"]))
    return {"edges": held["edges"], "share": [one / total for one in held["documents"]]}


def _border(step: Mapping[str, Any]) -> dict[str, Rows]:
    return {name: _listed(step[name]) for name in ("just_above", "just_below")}


def _listed(documents: Sequence[Mapping[str, Any]], *more: str) -> Rows:
    return [[one[key] for key in ("id", "title", "score", *more)] for one in documents]


def _template(jinja2: Any, name: str) -> Any:
    def text(wanted: str) -> str:
        return resources.files("kgsynth.reports").joinpath(wanted).read_text(encoding="utf-8")

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
    """A number for people: thousands separated, small ones with three digits that say something."""
    if not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float) -> str:
    """A share in percent; what is not nothing is not shown as 0."""
    if 0 < share < 0.001:
        return f"{100 * share:.2g} %"
    return f"{100 * share:.1f} %"


def _graph_rows(graph: Mapping[str, Any]) -> dict[str, Rows]:
    held = [
        ("document", "characters", graph["characters_of_document"]),
        ("document", "concepts and topics that it mentions", graph["terms_of_document"]),
        ("concept", "documents that mention it", graph["documents_of_term"]["concepts"]),
        ("concept", "terms that it stands beside (degree)", graph["degree"]["concepts"]),
        ("topic", "documents that mention it", graph["documents_of_term"]["topics"]),
        ("topic", "terms that it stands beside (degree)", graph["degree"]["topics"]),
        ("pair of terms", "documents that mention both (weight)", graph["weight"]),
    ]
    return {
        "distributions": [
            [per, what, *(one[key] for key in ("mean", "median", "p90", "p99", "max"))]
            for per, what, one in held
            if one["count"]
        ],
        "merges": [[one["kind"], one["rule"], one["merges"], one["least_cosine"]] for one in graph["merges"]],
        "licences": [[one["license"] or "unknown", one["attribution"], one["documents"]] for one in graph["licences"]],
    }


def _walk_rows(figures: Mapping[str, Any]) -> dict[str, Any]:
    walked = [
        {
            **run,
            "most_used": [list(one.values()) for one in run["walks"]["most_used"]],
            "not_used": [list(one.values()) for one in run["walks"]["unused"]["listed"]],
        }
        for run in figures["runs"]
        if run["walks"]
    ]
    held = [run["walks"] for run in walked]
    several = ("topics", "concepts", "pairs", "documents")
    began = ", earlier ones included" if figures["after"] else ""
    rows: list[tuple[str, Callable[[Any], str], list[Any]]] = [
        ("combinations", number, [one["combinations"] for one in held]),
        ("concepts of a combination, mean", number, [one["concepts_each"].get("mean") for one in held]),
        ("combinations across topics", percent, [one["cross_topic_share"] for one in held]),
        *[
            (f"{_KINDS[kind]} used{began}", percent, [one["coverage"][kind]["share"] for one in held])
            for kind in several
        ],
        (
            f"chance that the next visit is to a new concept{began}",
            percent,
            [one["new_concept_chance"] for one in held],
        ),
        *_evenness(held),
        (
            "effective number of combinations, by the questions from each",
            number,
            [one["effective"]["combinations_by_questions"] for one in held],
        ),
        *[
            (f"share of uses: {name}", percent, [one["hubs"][key] for one in held])
            for key, name in (
                ("top_10", "the 10 most used concepts"),
                ("top_100", "the 100 most used"),
                ("top_1_percent", "the most used 1 %"),
                ("top_1_percent_of_mentions", "of mentions, the 1 % of most documents"),
            )
        ],
    ]
    equal = figures["equal"]
    both = equal["runs"] if equal else []
    lines: list[tuple[str, Callable[[Any], str], list[Any]]] = [
        *[(f"{_KINDS[kind]} newly used", number, [one["new"][kind] for one in both]) for kind in several],
        *[(f"{_KINDS[kind]} used{began}", number, [one["coverage"][kind]["used"] for one in both]) for kind in several],
        *_evenness(both),
        ("combinations across topics", percent, [one["cross_topic_share"] for one in both]),
        ("share of uses: the most used 1 % of concepts", percent, [one["hubs"]["top_1_percent"] for one in both]),
    ]
    return {
        "walked": walked,
        "walk_columns": [("", "text"), *[(run["name"], "said") for run in walked]],
        "walk_rows": [[name, *[_said(one, shown) for one in values]] for name, shown, values in rows],
        "equal_columns": [("", "text"), *[(one["name"], "said") for one in both], ("ratio", "count")],
        "equal_rows": [
            [name, *[_said(one, shown) for one in values], values[1] / values[0] if values[0] else None]
            for name, shown, values in (lines if both else [])
        ],
    }


def _evenness(held: Sequence[Mapping[str, Any]]) -> list[tuple[str, Callable[[Any], str], list[Any]]]:
    return [
        (f"effective number of {_KINDS[kind]}", number, [one["effective"][kind] for one in held])
        for kind in ("topics", "concepts", "pairs", "combinations")
    ]


def _said(value: Any, shown: Callable[[Any], str]) -> tuple[Any, str]:
    """What a cell is sorted by, and what stands in it."""
    return (-1, "–") if value is None else (value, shown(value))


def _question_rows(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    asked = [(run["name"], run["questions"]) for run in runs if run["questions"]]
    answered = [(run["name"], run["answers"]) for run in runs if run["answers"]["count"]]
    return {
        "asked": asked,
        "answered": answered,
        "level_rows": [
            [
                name,
                level,
                held["count"],
                *(held["words"][key] for key in ("mean", "median", "p90", "max")),
                held["characters"]["mean"],
                held["repeated_share"],
                held["near_duplicate_share"],
                _counts(held["grades"]),
            ]
            for name, made in asked
            for level, held in made["levels"].items()
        ],
        "unshown": [
            {
                "name": name,
                "count": made["unshown"]["count"],
                "rows": [list(one.values()) for one in made["unshown"]["listed"]],
            }
            for name, made in asked
        ],
        "claim_rows": [
            [
                name,
                held["claimed"],
                *(held["shown_by"].get(by, 0) for by in _EVIDENCE),
                held["claimed_only"],
                held["foreign"],
            ]
            for name, made in asked
            if (held := made["claims"])["claimed"]
        ],
        "embedders": sorted({made["embedder"] for _, made in asked if made["embedder"]}),
        "likeness_rows": [
            [name, kind, *(held[key] for key in ("pairs", "mean", "median", "p90", "over_95"))]
            for name, made in asked
            for kind, held in made["likeness"].items()
        ],
        "alike_rows": [
            [name, kind, one["cosine"], one["one"], one["other"]]
            for name, made in asked
            for kind, held in made["likeness"].items()
            for one in held["most_alike"]
        ],
        "answer_rows": [
            [
                name,
                held["count"],
                held["with_final_answer"] / held["count"],
                held["words"]["median"],
                held["agreement"]["count"],
                held["agreement"].get("mean"),
                _counts(held["verdicts"]),
            ]
            for name, held in answered
        ],
        "doubtful_rows": [
            [name, one["agreement"], one["question"], one["final_answer"], one["id"]]
            for name, held in answered
            for one in held["least_agreement"]
        ],
    }


def _stage_rows(runs: Sequence[Mapping[str, Any]]) -> dict[str, Rows]:
    stages = []
    for run in runs:
        for one in run["stages"]:
            rejected = sum(one["rejected"].values())
            both = one["kept"] + rejected
            stages.append(
                [
                    run["name"],
                    *(one[key] for key in ("stage", "where", "state", "unit", "kept")),
                    rejected,
                    rejected / both if both else None,
                    one["kept_by_retries"],
                    one["rejected_by_retries"],
                ]
            )
    return {
        "stage_rows": stages,
        "reject_rows": [[run["name"], name, count] for run in runs for name, count in rejects(run["stages"]).items()],
    }


def _counts(held: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in held.items()) or "–"


def _plots(plots: Any, figures: Mapping[str, Any]) -> dict[str, str]:
    """Each plot there is something for, by name, as SVG."""
    graph, runs = figures["graph"], figures["runs"]
    found = {}
    if graph["degree"]["concepts"]["count"]:
        found["degree"] = plots.tails(
            [(kind, graph["degree"][kind]) for kind in ("concepts", "topics")],
            x="terms that it stands beside",
            label="degrees",
        )
    if graph["weight"]["count"]:
        found["weight"] = plots.tails(
            [("pairs of terms", graph["weight"])], x="documents that mention both", label="weights"
        )
    walked = [(run["name"], run["walks"]) for run in runs if run["walks"]]
    if walked:
        found["coverage"] = plots.coverage(walked)
        found["hubs"] = plots.hubs(walked)
        found["jaccard"] = plots.histograms(
            [("", [(name, held["jaccard"]["histogram"]) for name, held in walked])],
            x="Jaccard similarity of a combination and its documents",
            label="how well combinations are grounded",
        )
    asked = [(run["name"], run["questions"]) for run in runs if run["questions"]]
    if asked:
        found["lengths"] = plots.histograms(
            [
                (
                    name if len(asked) > 1 else "",
                    [(f"level {level}", held["words"]["histogram"]) for level, held in made["levels"].items()],
                )
                for name, made in asked
            ],
            x="words of a question (the last bin: or more)",
            label="lengths of questions",
        )
    alike = [(name, made["likeness"]) for name, made in asked if made["likeness"]]
    if alike:
        found["likeness"] = plots.histograms(
            [
                (name if len(alike) > 1 else "", [(kind, held["histogram"]) for kind, held in made.items()])
                for name, made in alike
            ],
            x="cosine of two questions",
            label="how alike questions are",
        )
    voted = [(run["name"], run["answers"]["agreement"]) for run in runs if run["answers"]["agreement"]["count"]]
    if voted:
        found["agreement"] = plots.histograms(
            [("", [(name, held["histogram"]) for name, held in voted])],
            x="share of the votes that agree",
            label="agreement of votes",
        )
    # What merging does not join is no loss, and there is so much of it that nothing else would be seen.
    rejected = [(run["name"], rejects([one for one in run["stages"] if one["stage"] != "merge"])) for run in runs]
    if any(held for _, held in rejected):
        found["rejects"] = plots.bars(rejected, x="rejected", label="rejects by reason")
    return found


def rejects(stages: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rejects by `stage: reason`."""
    found: dict[str, int] = {}
    for stage in stages:
        for reason, count in stage["rejected"].items():
            name = f"{stage['stage']}: {reason}"
            found[name] = found.get(name, 0) + count
    return found
