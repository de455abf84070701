"""Read sources, and annotate documents with concepts from a list or from key phrases."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from kgsynth.accounts import Report, silent
from kgsynth.concepts import keyphrases, vocabulary
from kgsynth.concepts.languages import LanguageReport
from kgsynth.documents.read import read, read_again, usable_annotations, usable_documents
from kgsynth.errors import ConfigError
from kgsynth.files import write_lines
from kgsynth.progress import Progress, Silent, with_progress
from kgsynth.records import ConceptName, StageCount
from kgsynth.rejects import RejectFile, stage_with_rejects
from kgsynth.settings import DocumentsSettings, ExtractSettings


def snapshot(
    settings: DocumentsSettings,
    *,
    output: Path,
    rejects: Path,
    report: Report = silent,
    progress: Progress | None = None,
) -> DocumentsSettings:
    """Read the sources once and write usable documents to JSON Lines, which the stages of a run read.

    Returns:
        Settings that read the copy.

    Raises:
        ConfigError: a source is unusable.
        TooManyRejectsError: too many documents could not be used.

    Examples:
        >>> sources = DocumentsSettings(sources=("notes",))
        >>> documents = pipeline.snapshot(sources, output=Path("documents.jsonl"), rejects=Path("rejects.jsonl"))
        >>> documents.loader
        'jsonl'
    """
    count = StageCount(stage="read", unit="documents")
    progress = progress or Silent()
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        rows = with_progress(usable_documents(settings, reject_file, count), progress)
        write_lines(output, (document.to_json() for document in rows))
    return copied(settings, output)


def copied(settings: DocumentsSettings, output: Path) -> DocumentsSettings:
    """Return settings that read the copy that `snapshot` made."""
    return DocumentsSettings(
        loader="jsonl",
        sources=(str(output),),
        kind_field="entry_kind",
        split="none",
        max_text_chars=settings.max_text_chars,
        max_rejected_share=settings.max_rejected_share,
    )


def extract(
    documents: DocumentsSettings,
    settings: ExtractSettings,
    *,
    output: Path,
    rejects: Path,
    report: Report = silent,
    progress: Progress | None = None,
) -> StageCount:
    """Extract concepts from documents and write annotations atomically, one JSON line per document.

    Raises:
        ConfigError: a source is unusable, or the corpus declares no concept and no list is given.
        TooManyRejectsError: too many documents could not be used; the annotations are not written.

    Examples:
        >>> settings = ExtractSettings(method="keyphrases")
        >>> account = pipeline.extract(
        ...     documents, settings, output=Path("annotations.jsonl"), rejects=Path("rejects.jsonl")
        ... )
        >>> account.kept
        12
    """
    progress = progress or Silent()
    count = StageCount(stage=f"extract ({settings.method})", unit="documents")
    with stage_with_rejects(count, rejects, report, progress) as reject_file:
        # Both methods read all documents before they annotate the first, so this is a second pass over the sources.
        if settings.method == "vocabulary":
            compiled = vocabulary.Vocabulary(_listed_names(settings, documents, count, reject_file))
            _refuse_none(count, reject_file)
            if not compiled.entries:
                raise ConfigError(
                    "these documents declare no concepts, synonyms or titles",
                    hint="Give a concept list with --vocabulary FILE, or use --with keyphrases.",
                )
        else:
            compiled = vocabulary.Vocabulary(_key_phrases(settings, documents, count, reject_file, progress))
            _refuse_none(count, reject_file)
        output.parent.mkdir(parents=True, exist_ok=True)
        annotations, vocabulary_report = vocabulary.annotate(
            with_progress(read_again(documents), progress),
            compiled,
            max_document_share=settings.max_document_share,
            folder=output.parent,
        )
        write_lines(output, (annotation.to_json() for annotation in annotations))
        count.notes["names"] = vocabulary_report.names
        count.notes["concepts_found"] = vocabulary_report.concepts_found
        count.notes["too_common"] = (
            ", ".join(f"{name} ({number})" for name, number in islice(vocabulary_report.too_common.items(), 12))
            or "none"
        )
        count.notes["too_common_names"] = vocabulary_report.too_common
        count.notes["refused_names"] = vocabulary_report.refused_names
        count.notes["without_topic"] = vocabulary_report.documents_without_topic
        count.notes["without_concepts"] = vocabulary_report.documents_without_concepts
        if shortfall := vocabulary_report.shortfall():
            count.remark(shortfall)
    return count


def _refuse_none(count: StageCount, rejects: RejectFile) -> None:
    """Raise an error when no document is usable.

    Raises:
        ConfigError: there is none.
    """
    if not count.kept:
        hint = (
            f"The reasons are in {rejects.path}."
            if count.rejected
            else "Check that the sources contain files with text."
        )
        raise ConfigError("no document could be used", hint=hint)


def _listed_names(
    settings: ExtractSettings, documents: DocumentsSettings, count: StageCount, rejects: RejectFile
) -> Iterator[Any]:
    """Yield the names of the user's list, or else those that the corpus declares; count the documents once.

    The encoding and the delimiter of the list are detected, since the settings are about the documents.
    """
    usable = usable_documents(documents, rejects, count)
    if not settings.vocabulary:
        yield from vocabulary.declared_names(usable)
        return
    for _ in usable:
        pass
    list_account = StageCount(stage="vocabulary", unit="names")
    fields = replace(documents, encoding="", delimiter="")
    yield from usable_annotations(
        read("concepts", [settings.vocabulary], fields, kind="concepts"), rejects, list_account
    )
    if list_account.rejected:
        count.notes["unusable_names"] = sum(list_account.rejected.values())


def _key_phrases(
    settings: ExtractSettings,
    documents: DocumentsSettings,
    count: StageCount,
    rejects: RejectFile,
    progress: Progress,
) -> list[ConceptName]:
    """Return the best key phrases of the documents; add remarks about their languages to the account."""
    languages = LanguageReport()
    phrases = keyphrases.keyphrases(
        with_progress(usable_documents(documents, rejects, count), progress),
        max_document_share=settings.max_document_share,
        min_document_count=settings.min_document_count,
        max_phrases=settings.max_phrases,
        extra_stop_words=_stop_words(settings),
        languages=languages,
    )
    for line in languages.lines():
        count.remark(line)
    return keyphrases.names(phrases)


def _stop_words(settings: ExtractSettings) -> list[str]:
    if not settings.stop_words:
        return []
    try:
        return Path(settings.stop_words).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{settings.stop_words} cannot be read: {error}") from error
