"""The dataset card: contents of a training set, its sources, and the obligations of their licences."""

import csv
import html
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgsynth.domain_folder import by_name
from kgsynth.records import CuratedQuestion
from kgsynth.texts import without_formula

_MAX_CREDITS = 25
# Parts of the names of licences that derived works must keep.
_SHARE_ALIKE = ("by-sa", "share alike", "sharealike", "gpl", "odbl", "gfdl")


def is_share_alike(license_name: str) -> bool:
    """Whether a licence requires that derived works carry it too."""
    name = " ".join(license_name.casefold().replace("_", "-").replace(" ", "-").split("-"))
    return any(mark.replace("-", " ") in name for mark in _SHARE_ALIKE)


class Card:
    """Counts rows as they are written, and describes the dataset from the counts."""

    def __init__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Start with empty counts.

        Args:
            name: name of the dataset.
            facts: `filters` (settings), `curation` (its account), `runs` (their settings), `version`, `form`.
        """
        self.name, self.facts = name, dict(facts)
        self._levels: Counter[tuple[str, str]] = Counter()
        self._grades: Counter[str] = Counter()
        self._models: Counter[tuple[str, str]] = Counter()
        self._licenses: Counter[tuple[str, str, str]] = Counter()
        self._rows_by_license: Counter[str] = Counter()
        self._answered = 0
        self._types: Counter[tuple[str, str, str]] = Counter()
        self._checks: dict[tuple[str, str, str], Counter[str]] = {}
        self._domains: set[str] = set()

    def add(self, row: CuratedQuestion, split: str) -> None:
        """Count one row."""
        self._levels[str(row.level or "given"), split] += 1
        self._grades[row.grade or "not said"] += 1
        self._models[row.model or "not said", row.answer_model or "none"] += 1
        self._answered += bool(row.answer)
        self._types[row.domain or "not said", row.question_type or "not said", row.difficulty or "not said"] += 1
        self._domains.add(row.domain)
        for check in row.checks:
            counts = self._checks.setdefault((check.verifier, check.version, check.kind), Counter())
            counts[check.verdict] += 1
        for source, name, credit in zip(row.sources, row.licenses, row.attributions, strict=False):
            self._licenses[name or "not said", credit, source] += 1
        for name in sorted({name or "not said" for name in row.licenses}):
            self._rows_by_license[name] += 1

    def text(self, files: Mapping[str, str], rows: Mapping[str, int], left_out: Mapping[str, int], digest: str) -> str:
        """Return the card in Markdown, with the YAML header that dataset hubs read.

        Args:
            files: pattern of the files of each split.
            rows: number of rows of each split.
            left_out: number of rows that were left out, by reason.
            digest: digest of the files. The header contains it because `datasets` keeps what it has loaded under the
                name of the folder and a hash of this header, and would return the rows of another training set.
        """
        total = sum(rows.values())
        lines = ["---", f"pretty_name: {json.dumps(self.name, ensure_ascii=False)}", "tags:", "- synthetic", "configs:"]
        lines += ["- config_name: default", f'  description: "content {digest}"', "  data_files:"]
        lines += [f"  - split: {split}\n    path: {json.dumps(pattern)}" for split, pattern in files.items()]
        licenses = sorted(name for name in self._rows_by_license if name != "not said")
        lines += [
            f"license: other\nlicense_name: {json.dumps('; '.join(licenses), ensure_ascii=False)}" if licenses else "",
            "---",
            "",
        ]
        lines = [line for line in lines if line] + [""]
        lines += [f"# {_escaped(self.name)}", ""]
        lines += [
            f"{total:,} questions, {self._answered:,} with answers, written by language models from documents through "
            f"a concept graph (kgsynth {self.facts.get('version', '')}, after SynthLLM, arXiv 2503.19551).",
            "",
        ]
        for note in self._notes():
            lines += [f"**{note}**", ""]
        splits = sorted(rows)
        lines += _table(
            ("level", *splits),
            [
                (level, *(f"{self._levels[level, split]:,}" for split in splits))
                for level in sorted({level for level, _ in self._levels})
            ],
        )
        lines += [
            "Level 1: from one document. Level 2: from a document and 2 or 3 of its concepts. Level 3: from concepts "
            "that a weighted walk through the graph put together, and two documents.",
            "",
        ]
        if left_out:
            lines += ["Left out in this form: " + ", ".join(f"{n:,} ({why})" for why, n in left_out.items()) + ".", ""]
        lines += ["## Models", ""]
        lines += _table(
            ("questions by", "answers by", "rows"),
            [(asked, answered, f"{count:,}") for (asked, answered), count in self._models.most_common()],
        )
        lines += ["## Sources and licences", ""]
        if self._licenses:
            lines += _table(
                ("licence", "share-alike", "rows"),
                [
                    (name, "yes: what is made from it keeps it" if is_share_alike(name) else "no", f"{count:,}")
                    for name, count in self._rows_by_license.most_common()
                ],
            )
            lines += ["Whom to credit (all of them in LICENSES.csv):", ""]
            lines += _table(
                ("attribution", "licence", "source", "rows"),
                [
                    (credit or "not said", name, source or "not said", f"{count:,}")
                    for (name, credit, source), count in self._licenses.most_common(_MAX_CREDITS)
                ],
            )
        else:
            lines += ["The questions name no document with a licence.", ""]
        if len(self._grades) > 1 or "not said" not in self._grades:
            lines += ["## For whom", ""]
            lines += _table(("grade", "rows"), [(grade, f"{count:,}") for grade, count in self._grades.most_common()])
        if len(self._types) > 1 or ("not said", "not said", "not said") not in self._types:
            lines += ["## Types of questions", ""]
            lines += _table(
                ("domain", "type", "difficulty asked for", "rows"),
                [(*names, f"{count:,}") for names, count in self._types.most_common()],
            )
        if self._checks:
            lines += ["## Verification", ""]
            lines += _table(
                ("verifier", "version", "rests on", "passed", "failed", "undecided"),
                [
                    (*names, *(f"{counts[verdict]:,}" for verdict in ("passed", "failed", "undecided")))
                    for names, counts in sorted(self._checks.items())
                ],
            )
            lines += [
                "A verdict compares an answer with a key, with other answers, with programs or with the documents. A "
                "quotation shows that words stand in the documents, and a judgement is only what a model said: neither "
                "shows that an answer is right.",
                "",
            ]
        lines += ["## How it was made", ""]
        for title in ("runs", "filters", "curation", "form"):
            if self.facts.get(title):
                value = json.dumps(self.facts[title], ensure_ascii=False, indent=1, sort_keys=True)
                lines += [f"{title.capitalize()}:", "", "```json", value, "```", ""]
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        """Return the warnings of the domains of the rows, such as that no clinician has reviewed them."""
        domains = by_name(str(run.get("domain", "")) for run in self.facts.get("runs", ()))
        found = (domains[name] for name in sorted(self._domains) if name in domains)
        return [domain.card_note for domain in found if domain.card_note]

    def write_licenses(self, path: Path) -> None:
        """Write all licences with attribution, source and number of rows as CSV."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("license", "share_alike", "attribution", "source", "rows"))
            for (name, credit, source), count in sorted(self._licenses.items()):
                texts = (name, str(is_share_alike(name)).lower(), credit, source)
                writer.writerow((*map(without_formula, texts), count))


def _escaped(text: str) -> str:
    """Return a text as one line of Markdown without markup, links and pictures."""
    line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\|\[\]`])", r"\\\1", line)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(map(_escaped, cells)) + " |"

    return [line(header), "|" + "---|" * len(header), *(line(row) for row in rows), ""]
