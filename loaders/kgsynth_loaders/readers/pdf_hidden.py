"""Detect invisible text of PDF pages: white text on a white page, and text that is not drawn."""

import ctypes
from typing import Any

# Minimum value of red, green and blue, from 0 to 255, of a colour that appears white.
WHITE = 250
# Rendering modes of text under a scan (3) and of text that only clips (7): PDF 32000-1, table 106.
_NOT_DRAWN = (3, 7)
_MAX_OBJECTS = 100_000

Box = tuple[float, float, float, float]


def has_objects(page: Any) -> bool:
    """Return whether anything is drawn on a page of pypdfium2: text, pictures or lines."""
    from pypdfium2 import raw

    return bool(raw.FPDFPage_CountObjects(page.raw) > 0)


def is_white(colour: Any) -> bool:
    """Return whether a colour, given as red, green, blue and alpha, appears white."""
    return all(part.value >= WHITE for part in colour[:3])


def is_drawn(text_object: int) -> bool:
    """Return whether a text object is drawn; text under a scan is not."""
    from pypdfium2 import raw

    return raw.FPDFTextObj_GetTextRenderMode(_pointer(text_object)) not in _NOT_DRAWN


def backgrounds(page: Any) -> list[Box]:
    """Return boxes on which white text may be visible, as left, bottom, right and top in points.

    Args:
        page: a page of pypdfium2.
    """
    from pypdfium2 import raw

    boxes: list[Box] = []
    edges = [ctypes.c_float() for _ in range(4)]
    for number in range(min(_MAX_OBJECTS, raw.FPDFPage_CountObjects(page.raw))):
        page_object = raw.FPDFPage_GetObject(page.raw, number)
        kind = raw.FPDFPageObj_GetType(page_object)
        if kind == raw.FPDF_PAGEOBJ_TEXT or (kind == raw.FPDF_PAGEOBJ_PATH and not _fills(page_object)):
            continue
        if raw.FPDFPageObj_GetBounds(page_object, *edges):
            left, bottom, right, top = (edge.value for edge in edges)
            boxes.append((left, bottom, right, top))
    return boxes


def _fills(path: Any) -> bool:
    """Return whether a path is filled with another colour than white."""
    from pypdfium2 import raw

    mode, stroke = ctypes.c_int(), ctypes.c_int()
    if raw.FPDFPath_GetDrawMode(path, mode, stroke) and not mode.value:
        return False
    colour = [ctypes.c_uint() for _ in range(4)]
    return not (raw.FPDFPageObj_GetFillColor(path, *colour) and is_white(colour))


def _pointer(address: int) -> Any:
    from pypdfium2 import raw

    return ctypes.cast(address, raw.FPDF_PAGEOBJECT)
