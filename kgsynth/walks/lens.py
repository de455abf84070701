"""Lenses: a user's Cypher decides where walks start, which terms they may visit, and with which weights.

This module checks the rows that such a statement returns; `kgsynth.graph` runs the statement.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from kgsynth.errors import QueryError
from kgsynth.walks.draws import WEIGHT_UNITS

# Tickets are multiplied by the weight; with larger weights the 2**40 tickets of a common concept could overflow.
_MAX_WEIGHT = 1000.0


def start_ids(rows: Iterable[Mapping[str, Any]], *, where: str) -> list[str]:
    """The distinct ids that a `--start` statement returned, in its order.

    Raises:
        QueryError: a row has no text in `id`, or there is no row.
    """
    ids = list(dict.fromkeys(_id(row, where) for row in rows))
    if not ids:
        raise QueryError(f"{where} returns no row, so no walk could start")
    return ids


def ticket_weights(rows: Iterable[Mapping[str, Any]], *, where: str) -> dict[str, int]:
    """The integer weights that a `--within` statement returned, by term id; a weight of 0 excludes the term.

    Raises:
        QueryError: a row has no `id`, a weight is not a number from 0 to 1000, an id has two different weights, or all
            terms are excluded; a column has a name like `weight`.
    """
    weights: dict[str, int] = {}
    for row in rows:
        if not weights and "weight" not in row:
            _refuse_misspelt(row, where)
        term_id = _id(row, where)
        weight = row.get("weight", 1.0)
        is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not is_number or not math.isfinite(weight) or not 0 <= weight <= _MAX_WEIGHT:
            raise QueryError(
                f"{where}: the weight of {term_id!r} is {weight!r}: return a number from 0 to {_MAX_WEIGHT:.0f}"
            )
        units = math.floor(weight * WEIGHT_UNITS + 0.5)
        if weights.setdefault(term_id, units) != units:
            raise QueryError(f"{where}: {term_id!r} has two weights")
    weights = {term_id: units for term_id, units in weights.items() if units}
    if not weights:
        raise QueryError(f"{where} returns no term with a weight over 0, so no walk could take a step")
    return weights


def _refuse_misspelt(row: Mapping[str, Any], where: str) -> None:
    columns = {column.casefold(): column for column in row if column not in ("id", "height")}
    close = difflib.get_close_matches("weight", columns, n=1, cutoff=0.8)
    if close:
        raise QueryError(
            f"{where}: the statement returns no column 'weight', but {columns[close[0]]!r}",
            hint="End the statement with RETURN term.id AS id, … AS weight.",
        )


def _id(row: Mapping[str, Any], where: str) -> str:
    value = row.get("id")
    if not isinstance(value, str):
        raise QueryError(
            f"{where}: a row has no text in column 'id': {dict(row)!r}",
            hint="End the statement with RETURN term.id AS id.",
        )
    return value
