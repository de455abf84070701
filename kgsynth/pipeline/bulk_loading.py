"""Bulk load into an empty graph: compute the whole graph outside the database and import it at once.

The result is the graph of `load`, `merge` and `build`: facts, merges, counts and walk tables.

Mentions (12 bytes each) and the import files are kept on disk. Memory holds the ids of documents, the names of terms
and, while tickets are computed, about 65 bytes per mention.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kgsynth.accounts import Report, silent
from kgsynth.batching import batches
from kgsynth.concepts.decide import Merge
from kgsynth.concepts.declared import is_expanded
from kgsynth.config import Environment
from kgsynth.contexts import Contexts
from kgsynth.documents.forgotten import REASON, Forgotten, TombstoneFile, is_forgotten
from kgsynth.documents.read import read_again, usable_documents
from kgsynth.errors import ConfigError
from kgsynth.files import temporary_folder
from kgsynth.graph import derived, facts
from kgsynth.graph.bulk import layers, store
from kgsynth.graph.bulk.import_files import ImportFiles
from kgsynth.graph.bulk.mentions import Gathered
from kgsynth.graph.facts import document_batches
from kgsynth.graph.server import ManagedServer
from kgsynth.pipeline.loading import IsKeptOut, annotation_facts, not_forgotten
from kgsynth.pipeline.merging import decide_merges, kept_settings
from kgsynth.progress import Progress, Silent
from kgsynth.records import StageCount
from kgsynth.rejects import refuse_too_many, stage_with_rejects
from kgsynth.settings import DocumentsSettings, GraphSettings, MergeSettings
from kgsynth.walks import walk_tables as walk_tables


def load_bulk(
    environment: Environment,
    graph_settings: GraphSettings,
    documents: DocumentsSettings,
    *,
    annotations: Sequence[str],
    merge: MergeSettings | None,
    keep: derived.CoOccurrences = "auto",
    rejects: Path,
    forgotten: TombstoneFile | None = None,
    report: Report = silent,
    progress: Progress | None = None,
) -> list[StageCount]:
    """Fill an empty managed graph from documents and annotations, including walk tables, and start its server.

    An interrupted call leaves no partial graph; the same call starts from the beginning.

    Args:
        environment: paths and connections.
        graph_settings: name of the managed graph.
        documents: the sources of texts; may be empty.
        annotations: annotation files.
        merge: settings for merging near-duplicate terms; None for no merge.
        keep: which co-occurrences are stored.
        rejects: file for documents that cannot be used.
        forgotten: forgotten documents, which are not loaded again, and the verdicts of reviewers on pairs. Nothing is
            read before it is known that the graph is empty.
        report: receives the accounts.
        progress: receives progress of documents, terms and mentions.

    Raises:
        ConfigError: NEO4J_URI selects another server, or a source is unusable.
        GraphError: the graph is not empty.
        TooManyRejectsError: too many records are unusable; nothing was loaded.
        ServerError: the import failed.
    """
    if environment.neo4j_uri:
        raise ConfigError(
            f"--bulk works only with a graph that kgsynth manages, but NEO4J_URI selects {environment.neo4j_uri}",
            hint="Unset NEO4J_URI, or load without --bulk.",
        )
    server = ManagedServer(environment, graph_settings.name)
    progress = progress or Silent()
    counts: list[StageCount] = []
    settings = kept_settings(merge) if merge is not None else None

    def keep_tables(contexts: Contexts, digest: int) -> None:
        walk_tables.save(walk_tables.of_contexts(contexts), environment.walk_tables / derived.fingerprint_of(digest))

    with store.alone(server), temporary_folder(server.home / "import") as import_folder:
        store.refuse_filled(server)
        known = forgotten.current() if forgotten is not None else Forgotten()
        is_kept_out = partial(is_forgotten, documents=known.documents)
        with Gathered(import_folder) as gathered:
            counts.append(_gather(gathered, annotations, documents, rejects, is_kept_out, report, progress))
            terms = gathered.terms()
        merges: list[Merge] = []
        if merge is not None:
            same, distinct = (_pairs(known, terms.ids, verdict) for verdict in ("yes", "no"))
            stored = terms.stored()
            names = {term.id: term.name for term in stored}
            expanded = partial(_expanded, documents, is_kept_out, names)
            decision, count = decide_merges(environment, merge, stored, same=same, distinct=distinct, expanded=expanded)
            del stored, names
            merges = decision.merges
            report(count)
            counts.append(count)
        with ImportFiles(import_folder) as files:
            derived_layers = layers.write_graph(files, gathered, terms, merges, keep, keep_tables, report, progress)
            counts.append(derived_layers.count)
            first_number = len(terms.ids)
            del terms
            tables = environment.walk_tables / derived.fingerprint_of(derived_layers.counters.digest)
            with store.gone_if_failed(tables):
                counts.append(
                    _write_documents(
                        files,
                        gathered,
                        derived_layers,
                        first_number,
                        documents,
                        rejects,
                        is_kept_out,
                        report,
                        progress,
                    )
                )
        with store.gone_if_failed(tables):
            counts.append(store.import_into(server, files, derived_layers, settings, report, progress))
    return counts


def _pairs(forgotten: Forgotten, ids: Sequence[str], verdict: str) -> list[tuple[str, str]]:
    """Return the pairs of these terms with this verdict, given before one of the terms was forgotten."""
    term_ids = set(ids) if forgotten.verdicts else set()
    return [
        pair
        for pair, known_verdict in forgotten.verdicts.items()
        if known_verdict == verdict and term_ids.issuperset(pair)
    ]


def _expanded(
    documents: DocumentsSettings,
    is_kept_out: IsKeptOut,
    names: Mapping[str, str],
    pairs: Sequence[tuple[str, str]],
) -> list[bool]:
    """Tell for pairs of ids, the acronym first, whether a document has the expansion beside the acronym."""
    found = [False] * len(pairs)
    places: dict[str, list[int]] = {}
    for place, (short, _) in enumerate(pairs):
        # The longest word of an acronym such as k-NN finds the documents in question.
        word = max(re.findall(r"\w+", names[short].casefold()), key=len, default="")
        places.setdefault(word, []).append(place)
    for document in read_again(documents) if pairs and documents.sources else ():
        if is_kept_out(document):
            continue
        for word in places.keys() & {word.casefold() for word in re.findall(r"\w+", document.text)}:
            for place in places[word]:
                short, long = pairs[place]
                found[place] = found[place] or is_expanded(document.text, names[short], names[long])
    return found


def _gather(
    gathered: Gathered,
    sources: Sequence[str],
    settings: DocumentsSettings,
    rejects: Path,
    is_kept_out: IsKeptOut,
    report: Report,
    progress: Progress,
) -> StageCount:
    count = StageCount(stage="load annotations", unit="annotations")
    path = rejects.with_stem(rejects.stem + "-annotations")
    with stage_with_rejects(count, path, report, progress) as reject_file:
        if sources:
            for batch in batches(annotation_facts(sources, reject_file, is_kept_out, count), layers.ROW_BATCH):
                for document_facts in batch:
                    gathered.add(document_facts)
                progress.advance(len(batch))
    refuse_too_many(count, limit=settings.max_rejected_share, where=path, expected=REASON)
    return count


def _write_documents(
    files: ImportFiles,
    gathered: Gathered,
    derived_layers: layers.Made,
    first_number: int,
    settings: DocumentsSettings,
    rejects: Path,
    is_kept_out: IsKeptOut,
    report: Report,
    progress: Progress,
) -> StageCount:
    """Write all documents: first those with a text, then those that only annotations mention."""
    count = StageCount(stage="load documents", unit="documents")
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        is_waiting = np.ones(len(gathered.documents), dtype=np.bool_)
        if settings.sources:
            usable = usable_documents(settings, reject_file, count)
            for batch in document_batches(not_forgotten(usable, is_kept_out, reject_file, count)):
                indices = [gathered.documents.setdefault(document.id, len(gathered.documents)) for document in batch]
                is_waiting[[index for index in indices if index < len(is_waiting)]] = False
                rows = [
                    facts.document_row(gathered.facts(index, document.id, document))
                    for index, document in zip(indices, batch, strict=True)
                ]
                layers.write_documents(files, first_number, indices, rows, derived_layers)
                progress.advance(len(batch))
        without_text = (
            item for item in gathered.documents.items() if item[1] < len(is_waiting) and is_waiting[item[1]]
        )
        for items in batches(without_text, layers.ROW_BATCH):
            rows = [facts.document_row(gathered.facts(index, identity, None)) for identity, index in items]
            layers.write_documents(files, first_number, [index for _, index in items], rows, derived_layers)
    refuse_too_many(count, limit=settings.max_rejected_share, where=rejects, expected=REASON)
    return count
