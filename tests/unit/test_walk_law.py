"""Tests of `kgsynth.walk_law`."""

import re
from collections import Counter
from itertools import combinations as combinations_of

import numpy as np
import pytest

from kgsynth import queries
from kgsynth.walk_law import KINDS, PLACES_PER_CONTEXT, STEPS, TABLES, TICKETS_PER_TERM
from kgsynth.walks import compiled
from tests import corpora
from tests.walker import Context, kind_of

pytest.importorskip("numba")


def test_every_ticket_of_every_term_counts_the_contexts_of_a_pair(held: list[Context]) -> None:
    """All tickets enumerated: each neighbour has as many as documents, or counts, hold both."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in held:
        for first, second in combinations_of(one.terms, 2):
            counts[first, second] += one.weight
            counts[second, first] += one.weight
    plain = corpora.tables(held)
    mask = (1 << plain.shift) - 1
    parts = compiled.arrays(plain)
    for number, to in enumerate(KINDS):
        nodes = plain.runs[to].nodes
        for place, term in enumerate(plain.ids):
            tickets = int(nodes[place, 1] >> plain.shift)
            at = np.full(tickets, place, dtype=np.int64)
            room = [np.empty(tickets, dtype=np.int64) for _ in range(3)]
            # The middle of each ticket.
            table = (np.arange(tickets) + 0.5) / max(tickets, 1)
            compiled._step(*parts[3 * number : 3 * number + 3], *parts[6:], number, at, table, *room, tickets)
            found = Counter(plain.ids[one] for one in at)
            expected = {
                other: count
                for (own, other), count in counts.items()
                if own == term and other.startswith(to) and (kind_of(term), to) in TABLES
            }
            assert found == expected, (term, to)
            assert int(nodes[place, 1] & mask) == (
                sum(term in one.terms for one in held) if (kind_of(term), to) in TABLES else 0
            )


def test_a_step_of_the_law_is_a_block_of_both_statements() -> None:
    """The law stands once: both statements take its steps, draws and gates, in its order."""
    for name in ("walk/level3", "walk/level3_lens"):
        text = queries.load(name).text
        blocks = text.split("OPTIONAL CALL")[1:]
        assert len(blocks) == len(STEPS)
        for block, step in zip(blocks, STEPS, strict=True):
            draws_of = [int(one) for one in re.findall(r"walk\.draws\[(\d+)\]", block)]
            assert draws_of == ([step.draw] if step.gate is None else [step.gate, step.draw])
            assert f" AS {step.name}," in block or f" AS {step.name}\n" in block or f"AS {step.name}, " in block
            tickets = re.findall(r"(?:\$|\.)(concept|topic)_(?:upto|totals)", block)
            assert set(tickets) == {step.to}
    first = queries.load("walk/level3").text
    assert str(TICKETS_PER_TERM) in first
    assert str(PLACES_PER_CONTEXT) in first
