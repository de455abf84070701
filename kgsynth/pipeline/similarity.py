"""How alike a question and the names of concepts are, by the embedder that merging uses."""

from collections.abc import Sequence

from kgsynth.concepts.embedding import Embedder, has_embedder, make_embedder
from kgsynth.generation.task import Similarities


def name_similarities() -> Similarities | None:
    """The cosine of a text with each of some names; None where no embedder is installed.

    A text is embedded with its own names and nothing else, so that what else is in the run changes no digit.
    """
    if not has_embedder():
        return None
    loaded: list[Embedder] = []

    def similarities(text: str, names: Sequence[str]) -> list[float]:
        if not loaded:
            loaded.append(make_embedder("auto"))
        vectors = loaded[0].embed([text, *names])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    return similarities
