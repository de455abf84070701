"""What the tests of several modules share: concepts, key phrases, names and the language check in texts of many languages and scripts."""

from collections.abc import Sequence

from kgsynth.concepts import keyphrases, vocabulary
from kgsynth.concepts.languages import LanguageReport
from kgsynth.records import ConceptName, Document


def terms_found(names: Sequence[str], text: str) -> list[str]:
    return vocabulary.Vocabulary([ConceptName(name=name) for name in names]).find(text)


def phrases_of(texts: Sequence[str], report: LanguageReport | None = None) -> list[str]:
    documents = [Document(id=str(number), text=text) for number, text in enumerate(texts)]
    made = keyphrases.keyphrases(
        documents, max_document_share=1, min_document_count=2, max_phrases=20, languages=report or LanguageReport()
    )
    return [phrase.name for phrase in made]
