"""Lenses: a user's Cypher decides where walks start, which terms they may visit, and with which weights.

This module checks the rows that such a statement returns; `kgsynth.graph` runs the statement.
"""

import difflib
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError, QueryError, quoted
from kgsynth.walks.draws import WEIGHT_UNITS

# Tickets are multiplied by the weight; with larger weights the 2**40 tickets of a common concept could overflow.
_MAX_WEIGHT = 1000.0
_NOT_RETURNED = -1


def ids(rows: Iterable[Mapping[str, Any]], *, where: str) -> Iterator[str]:
    """Yield the ids that a `--start` statement returned.

    Raises:
        QueryError: a row has no text in `id`, or there is no row.
    """
    row_count = 0
    for row in rows:
        row_count += 1
        yield _id(row, where)
    if not row_count:
        raise QueryError(f"{where} returns no row, so no walk could start")


def ticket_weights(rows: Iterable[Mapping[str, Any]], terms: Sequence[str], *, where: str) -> NDArray[np.int64]:
    """The integer weights that a `--within` statement returned; a weight of 0 excludes the term.

    Rows are read one by one, so that memory depends on the number of terms and not on the number of rows.

    Args:
        rows: the rows of the statement.
        terms: the sorted ids of all concepts and topics of the graph.
        where: origin of the statement for error messages.

    Returns:
        int64 (terms,): the weights in thousandths, 0 for a term that must not be visited.

    Raises:
        QueryError: a row has no `id`, a weight is not a number from 0 to 1000, an id has two different weights, or all
            terms are excluded; a column has a name like `weight`.
        ConfigError: ids with a weight over 0 are not in `terms`. An id in several rows counts once per row.
    """
    units_of_terms = np.full(len(terms), _NOT_RETURNED, dtype=np.int64)
    unknown = UnknownIds(where)
    is_first = True
    for row in rows:
        if is_first and "weight" not in row:
            _refuse_misspelt(row, where)
        is_first = False
        term_id = _id(row, where)
        units = _units(row, term_id, where)
        place = bisect_left(terms, term_id)
        is_known = place < len(terms) and terms[place] == term_id
        if units:
            unknown.count(term_id, is_known=is_known)
        if is_known:
            if units_of_terms[place] not in (_NOT_RETURNED, units):
                raise QueryError(f"{where}: {quoted(term_id)} has two weights")
            units_of_terms[place] = units
    unknown.refuse()
    np.maximum(units_of_terms, 0, out=units_of_terms)
    if not units_of_terms.any():
        raise QueryError(f"{where} returns no term with a weight over 0, so no walk could take a step")
    return units_of_terms


class UnknownIds:
    """Counts the ids that a statement returned and that are no concepts or topics of the graph."""

    def __init__(self, where: str) -> None:
        self._where, self._read, self._unknown, self._example = where, 0, 0, ""

    def count(self, identity: str, *, is_known: bool) -> None:
        """Count one id."""
        self._read += 1
        if not is_known:
            self._unknown += 1
            self._example = self._example or identity

    def refuse(self) -> None:
        """Raise an error if there are unknown ids.

        Raises:
            ConfigError: there are.
        """
        if self._unknown:
            raise ConfigError(
                f"{self._where}: {self._unknown:,} of {self._read:,} ids are not concepts or topics of this graph, for "
                f"example {quoted(self._example)}",
                hint="Return term.id of nodes with label Concept or Topic; a merged term (label Alias) cannot be "
                "visited.",
            )


def _units(row: Mapping[str, Any], term_id: str, where: str) -> int:
    """The weight of a row in thousandths."""
    weight = row.get("weight", 1.0)
    is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not is_number or not 0 <= weight <= _MAX_WEIGHT:
        raise QueryError(
            f"{where}: the weight of {quoted(term_id)} is {quoted(weight)}: return a number from 0 to {_MAX_WEIGHT:.0f}"
        )
    return math.floor(float(weight) * WEIGHT_UNITS + 0.5)


def _refuse_misspelt(row: Mapping[str, Any], where: str) -> None:
    columns = {column.casefold(): column for column in row if column not in ("id", "height")}
    close = difflib.get_close_matches("weight", columns, n=1, cutoff=0.8)
    if close:
        raise QueryError(
            f"{where}: the statement returns no column 'weight', but {quoted(columns[close[0]])}",
            hint="End the statement with RETURN term.id AS id, … AS weight.",
        )


def _id(row: Mapping[str, Any], where: str) -> str:
    value = row.get("id")
    if not isinstance(value, str):
        raise QueryError(
            f"{where}: a row has no text in column 'id': {quoted(dict(row))}",
            hint="End the statement with RETURN term.id AS id.",
        )
    return value
