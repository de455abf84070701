"""White text on a white page, which nobody sees."""

import ctypes
from typing import Any

# The least part of red, green and blue, of 255, in what is seen as white.
WHITE = 250
# Modes of text that a scan lies over (3), or that only clips (7): PDF 32000-1, table 106.
_NOT_DRAWN = (3, 7)
_MAX_OBJECTS = 100_000

Box = tuple[float, float, float, float]


def is_white(colour: Any) -> bool:
    """Whether red, green and blue, the first three of four numbers, are white together."""
    return all(part.value >= WHITE for part in colour[:3])


def is_drawn(text_object: int) -> bool:
    """Whether a text object is drawn at all: text that lies under a scan is not."""
    from pypdfium2 import raw

    return raw.FPDFTextObj_GetTextRenderMode(_pointer(text_object)) not in _NOT_DRAWN


def backgrounds(page: Any) -> list[Box]:
    """What a page draws that white text may stand on, as left, bottom, right and top in points.

    Args:
        page: a page of pypdfium2.
    """
    from pypdfium2 import raw

    boxes: list[Box] = []
    edges = [ctypes.c_float() for _ in range(4)]
    for number in range(min(_MAX_OBJECTS, raw.FPDFPage_CountObjects(page.raw))):
        one = raw.FPDFPage_GetObject(page.raw, number)
        kind = raw.FPDFPageObj_GetType(one)
        if kind == raw.FPDF_PAGEOBJ_TEXT or (kind == raw.FPDF_PAGEOBJ_PATH and not _fills(one)):
            continue
        if raw.FPDFPageObj_GetBounds(one, *edges):
            left, bottom, right, top = (edge.value for edge in edges)
            boxes.append((left, bottom, right, top))
    return boxes


def _fills(path: Any) -> bool:
    """Whether a path fills its inside, with another colour than white."""
    from pypdfium2 import raw

    mode, stroke = ctypes.c_int(), ctypes.c_int()
    if raw.FPDFPath_GetDrawMode(path, mode, stroke) and not mode.value:
        return False
    colour = [ctypes.c_uint() for _ in range(4)]
    return not (raw.FPDFPageObj_GetFillColor(path, *colour) and is_white(colour))


def _pointer(address: int) -> Any:
    from pypdfium2 import raw

    return ctypes.cast(address, raw.FPDF_PAGEOBJECT)
