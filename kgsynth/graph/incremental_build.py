"""Incremental builds: update only the parts of the derived layers that have changed since they were complete.

Changed nodes carry the property `changed`: a document or counted pair whose terms must be read again, and a term whose
runs of tickets must be recomputed, because one of its contexts no longer holds it or holds a different number of terms.
New contexts get the next free slots, and their runs are appended to the runs of each term. Each transaction removes the
marks of the nodes that it has updated, so the next call continues a build that was killed. The result follows the same
walk law as a full build; only the order of the contexts may differ, because new contexts come last.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from uuid import uuid4

import numpy as np

from kgsynth import contexts as structure, queries, walk_law
from kgsynth.errors import GraphError
from kgsynth.graph import derived
from kgsynth.graph.derived import BuildCounts, Counters, fitting_tickets, known
from kgsynth.graph.session import Graph, Row, Transaction
from kgsynth.progress import Progress, Silent, progress_stage
from kgsynth.records import kind_of

_MARK_GROWING = queries.load("grow/mark_growing")
_SIZES = queries.load("grow/sizes")
_CHANGED_CONTEXTS = queries.load("grow/changed_contexts")
_CONTEXTS = queries.load("grow/contexts")
_TERMS = queries.load("grow/terms")
_DROP_ROWS = queries.load("grow/drop_rows")
_CHANGED_TERMS = queries.load("grow/changed_terms")
_RUNS = queries.load("grow/runs")
_SET_RUNS = queries.load("grow/set_runs")
_RETIRE_TERMS = queries.load("grow/retire_terms")
_HOLDING = queries.load("grow/holding")
_EMPTY_CONTEXTS = queries.load("grow/empty_contexts")
_ADD_TO_PAIRS = queries.load("grow/add_to_pairs")
_LOCK = queries.load("derive/lock")

# Number of contexts that one transaction updates.
_CONTEXT_BATCH = 250
_RUN_BATCH = 20_000
_UPTOS = tuple(f"{to}_upto" for to in walk_law.KINDS)


def pays_off(graph: Graph, current: derived.BuildState) -> bool:
    """Whether an incremental build is possible in this state of the layers and is less work than a full build."""
    if current.state != "stale" or not current.made:
        return False
    (sizes,) = graph.read(_SIZES)
    return bool(4 * sizes["changed"] < sizes["contexts"])


def update(graph: Graph, progress: Progress | None = None) -> BuildCounts:
    """Update the derived layers; the next call continues an incremental build that was killed.

    Raises:
        GraphError: the layers were never complete, facts or decisions changed during the build, or another build ran.
    """
    progress = progress or Silent()
    # This needs no seed: the token only tells two builds apart and is removed when the layers are complete.
    token = uuid4().hex
    marked = graph.write(_MARK_GROWING, token=token).rows
    if not marked:
        raise GraphError(
            "an incremental build needs layers that were complete before the last change", hint=derived.BUILD_AGAIN
        )
    stored = str(marked[0]["co_occurrences"])
    counts = BuildCounts(is_grown=True, kept_co_occurrences=stored)
    incremental = _IncrementalBuild(graph, token, counts)
    rows = graph.read(_CHANGED_CONTEXTS)
    changed = [
        *((document, "") for document in sorted(row["document"] for row in rows if row["document"] is not None)),
        *(("", pair) for pair in sorted(row["pair"] for row in rows if row["pair"] is not None)),
    ]
    with progress_stage(progress, "documents", len(changed)) as bar:
        for first in range(0, len(changed), _CONTEXT_BATCH):
            batch = changed[first : first + _CONTEXT_BATCH]
            incremental.write_contexts(batch)
            bar.advance(len(batch))
    terms = [(row["id"], row["weight"]) for row in graph.read(_CHANGED_TERMS)]
    with progress_stage(progress, "terms", len(terms)) as bar:
        for ids in derived.by_weight(terms, _RUN_BATCH):
            incremental.lay_runs(ids)
            bar.advance(len(ids))
    counts.terms += len(terms)
    counts.fingerprint = derived.complete(graph, token, co_occurrences=stored)
    return counts


def forget(transaction: Transaction, documents: Sequence[str], terms: Sequence[str]) -> None:
    """Remove documents and terms that are about to be deleted from the digest and the co-occurrences.

    The deletion marks the terms that these documents hold, and the next incremental build recomputes their runs. A
    context that remains may still hold a deleted term, under the name of an alias. Such a context is emptied, so that
    it does not silently lose a term; the next incremental build fills it.
    """
    rows = transaction.run(_LOCK)
    if not rows or rows[0]["digest"] is None:
        return  # the next build is a full one
    ledger = _Ledger(rows[0]["digest"], str(rows[0]["co_occurrences"]))
    holding = transaction.run(_HOLDING, ids=list(terms))
    remaining = sorted({row["document"] for row in holding} - {None, *documents})
    pairs = sorted(row["pair"] for row in holding if row["pair"] is not None)
    affected = [*((document, "") for document in (*documents, *remaining)), *(("", pair) for pair in pairs)]
    for first in range(0, len(affected), _CONTEXT_BATCH):
        for row in transaction.run(_CONTEXTS, **_context_parameters(affected[first : first + _CONTEXT_BATCH])):
            if row["slot"] is not None and row["held"]:
                ledger.take(row["document"] or row["pair"], row["slot"], row["weight"] or 1, row["held"])
    transaction.run(_EMPTY_CONTEXTS, documents=remaining, pairs=pairs)
    ledger.write_pairs(transaction)
    slots = (rows[0]["next_term_slot"], rows[0]["next_context_slot"])
    derived.set_counters(transaction, Counters(ledger.digest(), *slots))


def _context_parameters(contexts: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The query parameters for some contexts, which are in the form that `write_contexts` takes."""
    return {
        "documents": [document for document, _ in contexts if document],
        "pairs": [pair for _, pair in contexts if pair],
    }


class _Ledger:
    """Collects how the digest and the counts of pairs change when contexts are added and removed."""

    def __init__(self, digest: int, stored: str) -> None:
        """Start from the state in the graph.

        Args:
            digest: digest of the present contexts, modulo 2**64.
            stored: which co-occurrences are stored.
        """
        self._digest, self._stored = digest, stored
        self._entries: list[tuple[str, int, int, Sequence[str], int]] = []

    def add(self, key: str, slot: int, weight: int, terms: Sequence[str]) -> None:
        """Record that a context now holds these terms."""
        self._entries.append((key, slot, weight, terms, 1))

    def take(self, key: str, slot: int, weight: int, terms: Sequence[str]) -> None:
        """Record that a context no longer holds these terms."""
        self._entries.append((key, slot, weight, terms, -1))

    def digest(self) -> int:
        """The digest after all recorded changes, modulo 2**64."""
        hashes: dict[str, int] = {}
        for key, _, _, terms, _ in self._entries:
            for identity in (key, *terms):
                if identity not in hashes:
                    hashes[identity] = structure.id_hash(identity)
        if not self._entries:
            return self._digest
        summands = structure.digests(
            np.array([hashes[key] for key, *_ in self._entries], dtype=np.uint64),
            np.array([slot for _, slot, *_ in self._entries], dtype=np.int64),
            np.array([weight for _, _, weight, *_ in self._entries], dtype=np.int64),
            np.array([hashes[term] for *_, terms, _ in self._entries for term in terms], dtype=np.uint64),
            np.cumsum([0, *(len(terms) for *_, terms, _ in self._entries)]),
        )
        signs = (entry[-1] for entry in self._entries)
        return int(self._digest + sum(sign * summand for sign, summand in zip(signs, summands.tolist(), strict=True)))

    def _pair_changes(self) -> Counter[tuple[str, str]]:
        pairs: Counter[tuple[str, str]] = Counter()
        for _, _, weight, terms, sign in self._entries:
            for pair in combinations(sorted(terms), 2):
                pairs[pair] += sign * weight
        return pairs

    def write_pairs(self, transaction: Transaction) -> int:
        """Update the stored co-occurrences, and return how many were written.

        If the graph stores only some of the pairs, their counts are updated; the next full build selects pairs again.
        """
        if self._stored == "none":
            return 0
        seconds: dict[tuple[str, int], list[str]] = defaultdict(list)
        for (first, second), count in sorted(self._pair_changes().items()):
            if count:
                seconds[first, count].append(second)
        written = 0
        for keys in derived.by_weight(((key, len(terms)) for key, terms in seconds.items()), derived.ROW_BATCH):
            rows = [{"first": first, "count": count, "seconds": seconds[first, count]} for first, count in keys]
            updated = transaction.run(_ADD_TO_PAIRS, rows=rows)
            written += sum(len(row["seconds"]) for row in updated)
            if self._stored == "all":
                existing = {(row["first"], row["count"]): set(row["seconds"]) for row in updated}
                new = [(key, [term for term in seconds[key] if term not in existing.get(key, ())]) for key in keys]
                new_rows = [
                    {"first": first, "seconds": terms, "counts": [count] * len(terms)}
                    for (first, count), terms in new
                    if terms
                ]
                transaction.run(derived.CREATE_CO_OCCURRENCES, rows=new_rows)
                written += sum(len(row["seconds"]) for row in new_rows)
        return written


class _IncrementalBuild:
    """The transactions of one incremental build.

    Each locks the build's state, so that no other build and no load runs at the same time.
    """

    def __init__(self, graph: Graph, token: str, counts: BuildCounts) -> None:
        self._graph, self._token, self._counts = graph, token, counts

    def write_contexts(self, contexts: Sequence[tuple[str, str]]) -> None:
        """Update some documents and counted pairs, and mark the terms whose runs must be recomputed.

        Args:
            contexts: per context, (document id, "") or ("", key of a counted pair).
        """

        def work(transaction: Transaction) -> tuple[int, int, int]:
            counters = derived.hold(transaction, self._token)
            rows = transaction.run(_CONTEXTS, **_context_parameters(contexts))
            rows.sort(key=lambda row: (row["document"] is None, row["document"] or row["pair"]))
            return _Batch(transaction, rows, counters, self._counts.kept_co_occurrences).write()

        new, holds, written = self._graph.together(work)
        self._counts.documents += new
        self._counts.holds += holds
        self._counts.co_occurrences += written

    def lay_runs(self, ids: Sequence[str]) -> None:
        """Recompute the runs of some terms, in the order of their contexts; remove aliases from the derived layers."""

        def work(transaction: Transaction) -> int:
            counters = derived.hold(transaction, self._token)
            slot = counters.next_term_slot
            moved: list[Row] = []
            terms: list[Row] = []
            aliases: list[str] = []
            for row in transaction.run(_RUNS, ids=list(ids)):
                if row["is_alias"]:
                    aliases.append(row["id"])
                    continue
                if row["slot"] is None:
                    row["slot"], slot = _free_slot(slot), slot + 1
                term, runs = _run_rows(row)
                terms.append(term)
                moved += runs
            for rows in derived.by_weight(((run, 1) for run in moved), derived.ROW_BATCH):
                transaction.run(_SET_RUNS, rows=rows)
            transaction.run(derived.SET_TERMS, rows=terms)
            transaction.run(_RETIRE_TERMS, ids=aliases)
            derived.set_counters(transaction, counters._replace(next_term_slot=slot))
            return len(moved)

        self._counts.holds += self._graph.together(work)


def _run_rows(row: Row) -> tuple[Row, list[Row]]:
    """The properties of a term, and its runs whose tickets have changed, both computed from all its contexts."""
    kind = kind_of(row["id"])
    concepts, sizes, weights = (
        np.array(row[name], dtype=np.int64) for name in ("concept_counts", "term_counts", "weights")
    )
    properties: Row = {
        "id": row["id"],
        "slot": row["slot"],
        "document_count": sum(row["is_document"]),
        "is_changed": False,
    }
    uptos = {}
    has_moved = np.zeros(len(sizes), dtype=np.bool_)
    for to in walk_law.KINDS:
        upto = np.full(len(sizes), -1, dtype=np.int64)
        properties[f"{to}_tickets"] = None
        if (kind, to) in walk_law.TABLES:
            lengths = walk_law.run_length(kind, to, concepts=concepts, terms=sizes, weight=weights)
            ends = np.cumsum(lengths)
            properties[f"{to}_tickets"] = fitting_tickets(row["id"], int(ends[-1]) if len(ends) else 0)
            # A run without tickets would end where the previous run ends, so an index seek could find the wrong run.
            upto = np.where(lengths > 0, row["slot"] * walk_law.TICKETS_PER_TERM + ends, -1)
        has_moved |= upto != np.array(row[f"{to}_upto"], dtype=np.int64)
        uptos[f"{to}_upto"] = upto
    places = np.array(row["places"], dtype=np.int64)[has_moved].tolist()
    columns = [known(uptos[name][has_moved]) for name in _UPTOS]
    return properties, [
        {"place": place, **dict(zip(_UPTOS, values, strict=True))}
        for place, values in zip(places, zip(*columns, strict=True), strict=True)
    ]


def _free_slot(slot: int) -> int:
    if slot >= walk_law.MOST_TERM_SLOTS:
        raise GraphError("no free slot is left for a new term", hint="Run `kgsynth build --whole`.")
    return slot


class _Batch:
    """Contexts that are updated in one transaction."""

    def __init__(self, transaction: Transaction, rows: list[Row], counters: Counters, stored: str) -> None:
        self._transaction, self._rows = transaction, rows
        self._ledger = _Ledger(counters.digest, stored)
        self._term_slot, self._context_slot = counters.next_term_slot, counters.next_context_slot
        ids = sorted({term for row in rows for term in (*row["terms"], *row["held"])})
        self._terms = {row["id"]: row for row in transaction.run(_TERMS, ids=ids)}
        self._updated_terms: set[str] = set()
        self._context_rows: list[Row] = []

    def write(self) -> tuple[int, int, int]:
        """Write the batch, and return the numbers of new documents, of runs and of co-occurrences written."""
        documents = [row["document"] for row in self._rows if row["document"] is not None]
        pairs = [row["pair"] for row in self._rows if row["pair"] is not None]
        sizes = np.array([len(row["terms"]) for row in self._rows], dtype=np.int64)
        derived.refuse_too_large([], [row["document"] or row["pair"] for row in self._rows], sizes)
        new = sum(self._add(row) for row in self._rows)
        self._transaction.run(_DROP_ROWS, documents=documents, pairs=pairs)
        index_of: dict[str, int] = {}
        for row in self._context_rows:
            row["terms"] = [index_of.setdefault(term, len(index_of)) for term in row["terms"]]
        for query, is_document in ((derived.WRITE_DOCUMENTS, True), (derived.WRITE_COUNTED_PAIRS, False)):
            rows = [row for row in self._context_rows if row["is_document"] == is_document]
            if rows:
                self._transaction.run(query, rows=rows, terms=list(index_of))
        self._transaction.run(derived.SET_TERMS, rows=[self._terms[term] for term in sorted(self._updated_terms)])
        written = self._ledger.write_pairs(self._transaction)
        counters = Counters(self._ledger.digest(), self._term_slot, self._context_slot)
        derived.set_counters(self._transaction, counters)
        return new, sum(len(row["terms"]) for row in self._context_rows), written

    def _add(self, row: Row) -> bool:
        """Update one context, and return whether it is a new document."""
        key, weight, held = row["document"] or row["pair"], row["weight"] or 1, row["held"]
        terms = sorted(row["terms"])
        if held:
            self._ledger.take(key, row["slot"], weight, held)
        is_new = row["slot"] is None
        slot = self._context_slot if is_new else row["slot"]
        if not terms:
            for term in held:
                self._change(term)
            return False
        self._context_slot += is_new
        self._ledger.add(key, slot, weight, terms)
        concepts = sum(term.startswith("concept:") for term in terms)
        context: Row = {
            "id": key,
            "slot": slot,
            "weight": weight,
            "concept_count": concepts,
            "terms": terms,
            "is_document": row["document"] is not None,
        }
        if is_new:
            runs = [self._append_run(term, len(terms), concepts, weight, context["is_document"]) for term in terms]
            context |= {name: [run[index] for run in runs] for index, name in enumerate(_UPTOS)}
        else:
            is_same_size = (len(terms), concepts) == (len(held), row["concept_count"])
            unchanged = set(held) & set(terms) if is_same_size else set()
            for term in set(held) | set(terms):
                if term not in unchanged:
                    self._change(term)
            index_of = {term: index for index, term in enumerate(held)}
            for name in _UPTOS:
                uptos = [row[name][index_of[term]] if term in unchanged else -1 for term in terms]
                context[name] = known(np.array(uptos))
        self._context_rows.append(context)
        return is_new and context["is_document"]

    def _change(self, term: str) -> None:
        """Mark a term whose runs must be recomputed."""
        self._terms[term]["is_changed"] = True
        self._updated_terms.add(term)

    def _append_run(
        self, term: str, terms: int, concepts: int, weight: int, is_document: bool
    ) -> list[int | None]:  # fmt: skip
        """Append a run to those of a term; returns per kind the first ticket after the new run."""
        row = self._terms[term]
        self._updated_terms.add(term)
        if row["slot"] is None:
            row["slot"], self._term_slot = _free_slot(self._term_slot), self._term_slot + 1
        row["document_count"] += is_document
        kind = kind_of(term)
        uptos: list[int | None] = []
        for to in walk_law.KINDS:
            if (kind, to) not in walk_law.TABLES:
                uptos.append(None)
                continue
            length = walk_law.run_length(kind, to, concepts=concepts, terms=terms, weight=weight)
            name = f"{to}_tickets"
            row[name] = fitting_tickets(term, (row[name] or 0) + length)
            uptos.append(row["slot"] * walk_law.TICKETS_PER_TERM + row[name] if length else None)
        return uptos
