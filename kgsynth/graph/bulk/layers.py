"""The derived layers of a bulk load, and the rows of its nodes and relationships.

Terms are numbered from 0, and documents are numbered after all terms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kgsynth.accounts import Report, timed_stage
from kgsynth.contexts import Contexts, first_topic, of_pairs
from kgsynth.graph import derived
from kgsynth.graph.bulk.import_files import ImportFiles
from kgsynth.graph.bulk.mentions import MENTION_BATCH, Gathered, Int32, Int64, Terms, ordered
from kgsynth.graph.session import Row
from kgsynth.progress import Progress, progress_stage
from kgsynth.records import StageCount
from kgsynth.walk_law import KINDS, PLACES_PER_CONTEXT

ROW_BATCH = 2_000


class Merge(Protocol):
    """The merge of one term into another."""

    @property
    def alias_id(self) -> str:
        """Id of the alias."""

    @property
    def canonical_id(self) -> str:
        """Id of the canonical term."""

    @property
    def merge_id(self) -> str:
        """Id of the decision."""

    @property
    def cosine(self) -> float:
        """Cosine of the two names."""

    @property
    def rule(self) -> str:
        """Name of the rule that merged them."""


@dataclass(slots=True, eq=False)
class Made:
    """The result of the derived layers: the properties of each document by its number, and the account.

    `slots`, `term_counts` and `concept_counts` are int64 (documents,); a document without terms has the slot -1.
    """

    slots: Int64
    term_counts: Int64
    concept_counts: Int64
    counters: derived.Counters
    kept_co_occurrences: str
    rule: str
    count: StageCount


def write_graph(
    files: ImportFiles,
    gathered: Gathered,
    terms: Terms,
    merges: Sequence[Merge],
    keep: derived.CoOccurrences,
    keep_contexts: Callable[[Contexts, int], None],
    report: Report,
    progress: Progress,
) -> Made:
    """Write all rows except those of documents.

    Args:
        files: receive the rows.
        gathered: the collected annotations.
        terms: terms of the annotations; their mentions are freed during the call.
        merges: merges of terms.
        keep: which co-occurrences to store.
        keep_contexts: receives the contexts and the graph's digest, because reading them from a large graph takes long.
        report: receives the account.
        progress: receives the numbers of documents and terms.

    Raises:
        GraphError: there are too many terms or tickets.
    """
    import pyarrow

    count = StageCount(stage="build", unit="terms")
    with timed_stage(count, report):
        names = pyarrow.array(terms.names, type=pyarrow.string())
        for first in range(0, len(terms.terms), MENTION_BATCH):
            part = slice(first, first + MENTION_BATCH)
            spellings = names.take(pyarrow.array(terms.spellings[part]))
            files.write_relationships(
                "MENTIONS",
                len(terms.ids) + terms.documents[part].astype(np.int64),
                terms.terms[part],
                spelling=spellings,
            )
        counts_as = _write_merges(files, terms, merges)
        is_alias = counts_as != np.arange(len(terms.ids))
        held, numbers = _contexts(gathered, terms, counts_as, is_alias)
        # The largest arrays are freed as soon as they are no longer needed: first the mentions, then the runs.
        terms.forget_mentions()
        layer = derived.Layer.of(held, held.documents)
        places = np.flatnonzero(~is_alias)
        _write_holds(files, layer, len(terms.ids) + numbers, places, progress)
        layer = replace(layer, uptos={})
        limit, kept = derived.chosen(keep, held)
        if limit != 0:
            _write_co_occurrences(files, held, limit, places, progress)
        keep_contexts(held, layer.digest)
        count.kept = len(places)
        count.notes["holds"] = files.counts["HOLDS"]
        count.notes["co_occurrences"] = files.counts["CO_OCCURS_WITH"]
        if kept != "all":
            count.notes["kept_co_occurrences"] = kept
        _write_terms(files, terms, is_alias, layer)

    def by_number(values: Int64, missing: int) -> Int64:
        column = np.full(len(gathered.documents), missing, dtype=np.int64)
        column[numbers] = values
        return column

    return Made(
        slots=by_number(held.slots, -1),
        term_counts=by_number(held.sizes, 0),
        concept_counts=by_number(held.concept_counts, 0),
        counters=derived.Counters(layer.digest, len(places), len(held.slots)),
        kept_co_occurrences=kept,
        rule=str(keep),
        count=count,
    )


def _contexts(
    gathered: Gathered, terms: Terms, counts_as: Int32, is_alias: NDArray[np.bool_]
) -> tuple[Contexts, Int64]:
    """The contexts of documents with mentions, in the order of ids, and the numbers of these documents (contexts,)."""
    documents, ranks = ordered(gathered.documents)
    owners = ranks[terms.documents]
    is_used = np.zeros(len(documents), dtype=np.bool_)
    is_used[owners] = True
    slots = np.cumsum(is_used) - 1
    numbers = np.empty(len(documents), dtype=np.int64)
    numbers[ranks] = np.arange(len(documents))
    term_slots = np.cumsum(~is_alias) - 1
    contexts = of_pairs(
        [one for one, gone in zip(terms.ids, is_alias.tolist(), strict=True) if not gone],
        [one for one, used in zip(documents, is_used.tolist(), strict=True) if used],
        slots[owners].astype(np.int32),
        term_slots[counts_as[terms.terms]].astype(np.int32),
        np.ones(int(is_used.sum()), dtype=np.int64),
    )
    return contexts, numbers[is_used]


def _write_holds(files: ImportFiles, layer: derived.Layer, numbers: Int64, places: Int64, progress: Progress) -> None:
    """Write HOLDS relationships from documents to terms, by their numbers."""
    import pyarrow

    held = layer.contexts
    with progress_stage(progress, "documents", len(held.slots)) as bar:
        for block in held.blocks(MENTION_BATCH):
            first, last = block.start, block.stop
            part = slice(int(held.offsets[first]), int(held.offsets[last]))
            owners = np.repeat(np.arange(first, last), held.sizes[first:last])
            at = np.arange(part.start, part.stop) - held.offsets[owners]
            uptos = {f"{to}_upto": layer.uptos[to][part] for to in KINDS}
            files.write_relationships(
                "HOLDS",
                numbers[owners],
                places[held.members[part]],
                place=owners * PLACES_PER_CONTEXT + at,
                **{name: pyarrow.array(upto, mask=upto < 0) for name, upto in uptos.items()},
            )
            bar.advance(last - first)


def _write_co_occurrences(
    files: ImportFiles, held: Contexts, limit: int | None, places: Int64, progress: Progress
) -> None:
    with progress_stage(progress, "co-occurrences", len(held.terms)) as bar:
        done = 0
        for firsts, seconds, counts, last in derived.stored_pairs(held, limit):
            files.write_relationships("CO_OCCURS_WITH", places[firsts], places[seconds], count=counts)
            bar.advance(last - done)
            done = last


def _write_merges(files: ImportFiles, terms: Terms, merges: Sequence[Merge]) -> Int32:
    """Write MERGED_INTO relationships; returns for each term the index of its canonical term, int32 (terms,)."""
    counts_as = np.arange(len(terms.ids), dtype=np.int32)
    index_of = {identity: place for place, identity in enumerate(terms.ids)} if merges else {}
    aliases = [index_of[one.alias_id] for one in merges]
    targets = [index_of[one.canonical_id] for one in merges]
    if merges:
        counts_as[aliases] = targets
        files.write_relationships(
            "MERGED_INTO",
            aliases,
            targets,
            merge_id=[one.merge_id for one in merges],
            cosine=[one.cosine for one in merges],
            rule=[one.rule for one in merges],
        )
    return counts_as


def _write_terms(files: ImportFiles, terms: Terms, is_alias: NDArray[np.bool_], layer: derived.Layer) -> None:
    import pyarrow

    slots = np.cumsum(~is_alias) - 1
    are_concepts = np.arange(len(terms.ids)) < first_topic(terms.ids)
    kinds = {
        "Term:Alias": is_alias,
        "Term:Concept": ~is_alias & are_concepts,
        "Term:Topic": ~is_alias & ~are_concepts,
    }
    for kind, chosen in kinds.items():
        for first in range(0, int(chosen.sum()), ROW_BATCH):
            places = np.flatnonzero(chosen)[first : first + ROW_BATCH]
            held = places.tolist()
            columns: dict[str, object] = {
                "id": [terms.ids[place] for place in held],
                "kind": [terms.ids[place].partition(":")[0] for place in held],
                "name": [terms.names[terms.name_of[place]] for place in held],
            }
            if kind != "Term:Alias":
                own = slots[places]
                columns |= {
                    "slot": own,
                    "document_count": layer.document_counts[own],
                    **{
                        f"{to}_tickets": pyarrow.array(tickets[own], mask=tickets[own] < 0)
                        for to, tickets in layer.tickets.items()
                    },
                }
            files.write_nodes(kind, places, columns)


def write_documents(files: ImportFiles, first_number: int, places: Sequence[int], rows: list[Row], made: Made) -> None:
    """Write documents with their properties from the derived layers.

    Args:
        files: receive the rows.
        first_number: number of the first document.
        places: indices of these documents in the order of arrival.
        rows: properties of these documents.
        made: the derived layers.
    """
    for index, row in zip(places, rows, strict=True):
        has_mentions = index < len(made.slots)
        row["term_count"] = int(made.term_counts[index]) if has_mentions else 0
        row["concept_count"] = int(made.concept_counts[index]) if has_mentions else 0
        row["slot"] = int(made.slots[index]) if has_mentions and made.slots[index] >= 0 else None
    files.write_rows("Document", [first_number + index for index in places], rows)
