"""Pieces of judged tensors: taken apart and put together, no number is lost or counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.pieces import (
    exchanged,
    failed_rows,
    places_of,
    rows_of,
    within,
    without,
)
from tests.recordings import repeatably

COUNT = 6
"""Steps in the block."""

INNER = (2, 3)
"""Shape of a tensor in a step."""


def piece(
    value: Array, rows: Any, places: Any = None, settled: int = 0, tensor: str = "W1"
) -> Judged:
    """A piece of right values, each array of which can be told by its numbers."""
    verdict = np.full(value.shape, Verdict.EXPLAINED, np.uint8)
    arrays = (value, value + 0.25, value + 0.5, value + 0.75)
    return Judged("backward", tensor, *arrays, verdict, rows, places, settled)


def block(offset: float = 0.0) -> Array:
    """All numbers of a tensor, each another one."""
    return np.arange(COUNT * 6, dtype=float).reshape(COUNT, *INNER) + offset


def dense(rows: Any, offset: float = 0.0, tensor: str = "W1") -> Judged:
    return piece(block(offset)[rows], rows, tensor=tensor)


def sparse(
    rows: list[int], chosen: list[tuple[int, int, int]], offset: float = 0.0, tensor: str = "W1"
) -> Judged:
    """Some places of some rows, as an estimate left them; the places count the rows."""
    places = tuple(np.array(axis, dtype=int) for axis in zip(*chosen, strict=True))
    value = block(offset)[np.array(rows)][places]
    return piece(value, np.array(rows), places, 6 * len(rows) - len(chosen), tensor)


def contents(one: Judged, count: int = COUNT) -> dict[tuple[int, ...], float]:
    """What number stands where in the block."""
    everything = np.ones(one.value.shape, dtype=bool)
    found = places_of(one, everything, count)
    places = [tuple(map(int, place)) for place in zip(*found, strict=True)]
    assert len(set(places)) == len(places) == one.value.size
    return dict(zip(places, one.value.ravel().tolist(), strict=True))


def require_arrays_together(one: Judged) -> None:
    for name, offset in (("exact", 0.25), ("error", 0.5), ("bound", 0.75)):
        assert (getattr(one, name) == one.value + offset).all()
    assert one.verdict.shape == one.value.shape


SPARSE = sparse([1, 3, 4], [(0, 1, 2), (1, 0, 0), (1, 1, 1), (2, 0, 1)])
PIECES = {
    "all": dense(slice(None)),
    "a slice": dense(slice(1, 4)),
    "some rows": dense(np.array([0, 2, 5])),
    "places": SPARSE,
    "wanted places": replace(SPARSE, settled=0),
    "no places": sparse([2, 3], [(0, 0, 0)]),
}
every_piece = pytest.mark.parametrize("one", PIECES.values(), ids=PIECES)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(slice(None), [0, 1, 2, 3, 4, 5]), (slice(2, 4), [2, 3]), (np.array([1, 5]), [1, 5])],
    ids=["all", "slice", "array"],
)
def test_the_rows_of_a_piece(rows: Any, expected: list[int]) -> None:
    assert rows_of(dense(rows), COUNT).tolist() == expected


@every_piece
def test_every_number_stands_where_the_block_has_it(one: Judged) -> None:
    assert contents(one)
    for place, value in contents(one).items():
        assert block()[place] == value


@every_piece
def test_chosen_numbers_are_found_alone(one: Judged) -> None:
    chosen = np.zeros(one.value.shape, dtype=bool)
    chosen.flat[-1] = True
    (place,) = zip(*places_of(one, chosen, COUNT), strict=True)
    assert block()[tuple(map(int, place))] == one.value.flat[-1]


@every_piece
def test_rows_fail_where_a_number_failed(one: Judged) -> None:
    assert not failed_rows([one], COUNT).any()
    verdict = one.verdict.copy()
    verdict.flat[-1] = Verdict.UNDECIDED
    row = list(contents(one))[-1][0]
    assert np.flatnonzero(failed_rows([one, replace(one, verdict=verdict)], COUNT)) == [row]


@every_piece
@pytest.mark.parametrize("dropped", [[], [0], [1], [1, 2, 3], [0, 5], [4], range(6)], ids=str)
def test_a_piece_without_some_steps(one: Judged, dropped: list[int]) -> None:
    mask = np.zeros(COUNT, dtype=bool)
    mask[list(dropped)] = True
    left = without(one, mask, COUNT)
    kept = {place: v for place, v in contents(one).items() if place[0] not in dropped}
    assert contents(left) == kept
    require_arrays_together(left)
    rows = [row for row in rows_of(one, COUNT).tolist() if row not in dropped]
    assert rows_of(left, COUNT).tolist() == rows
    if one.settled:
        assert left.settled + left.value.size == 6 * len(rows)
    else:
        assert left.settled == 0


@every_piece
def test_a_piece_without_steps_it_does_not_hold_is_itself(one: Judged) -> None:
    mask = np.ones(COUNT, dtype=bool)
    mask[rows_of(one, COUNT)] = False
    assert without(one, mask, COUNT) is one


def test_other_things_said_of_a_piece_stay_with_it() -> None:
    one = replace(SPARSE, form="another", tensor="W2")
    left = without(one, np.arange(COUNT) == 3, COUNT)
    assert (left.form, left.tensor, left.stage) == ("another", "W2", "backward")


def test_some_steps_are_exchanged_and_no_others() -> None:
    pieces = [dense(slice(0, 3)), dense(slice(3, 6)), dense(slice(None), tensor="b1")]
    rows, taken = np.array([1, 2, 4]), np.array([True, False, True])
    others = [
        replace(piece(block(100.0)[rows], slice(None)), form="other"),
        replace(piece(block(100.0)[rows], slice(None), tensor="b1"), form="other"),
    ]
    found = exchanged(pieces, others, rows, taken, COUNT)
    for tensor in ("W1", "b1"):
        expected = block()
        expected[[1, 4]] += 100.0
        seen: dict[tuple[int, ...], float] = {}
        for one in (one for one in found if one.tensor == tensor):
            assert not seen.keys() & contents(one).keys()
            seen |= contents(one)
            assert {row in (1, 4) for row, *_ in contents(one)} == {one.form == "other"}
        assert seen == {place: float(expected[place]) for place in np.ndindex(expected.shape)}


def test_tensors_keep_their_order_and_empty_pieces_go() -> None:
    names = ["b2", "W2", "b1", "W1"]
    pieces = [dense(slice(None), tensor=name) for name in names]
    rows = np.arange(COUNT)
    others = [dense(slice(None), 100.0, name) for name in names[::-1]]
    found = exchanged(pieces, others, rows, np.ones(COUNT, dtype=bool), COUNT)
    assert [one.tensor for one in found] == names
    assert all(one.value.min() >= 100 for one in found)


def test_a_piece_that_an_estimate_settled_as_a_whole_stays() -> None:
    nothing = tuple(np.zeros(0, dtype=int) for _ in range(3))
    settled = piece(np.zeros(0), np.array([0, 3]), nothing, 12)
    other = piece(block(100.0)[[3]], slice(None))
    found = exchanged([settled], [other], np.array([3]), np.array([True]), COUNT)
    assert [(one.settled, one.value.size) for one in found] == [(6, 0), (0, 6)]
    assert [rows_of(one, COUNT).tolist() for one in found] == [[0], [3]]


@repeatably
@given(st.data())
def test_nothing_is_lost_and_nothing_counted_twice(data: st.DataObject) -> None:
    """Dense and sparse pieces of two kinds of rows, exchanged for dense and sparse ones."""
    masks = st.lists(st.booleans(), min_size=COUNT, max_size=COUNT).map(np.array)
    screened, failed = data.draw(masks), data.draw(masks)
    rows = np.flatnonzero(failed)
    taken = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)).map(np.array))
    pieces = [dense(np.flatnonzero(~screened))]
    if screened.any():
        own = np.flatnonzero(screened).tolist()
        pieces.append(sparse(own, [(i, 0, i % 3) for i in range(len(own))]))
    other = piece(block(100.0)[rows], slice(None))
    found = exchanged(pieces, [other], rows, taken.astype(bool), COUNT)
    new = set(rows[taken.astype(bool)].tolist())
    seen: dict[tuple[int, ...], float] = {}
    for one in found:
        require_arrays_together(one)
        seen |= contents(one)
    assert {place[0] for place, value in seen.items() if value >= 100} == new
    assert sum(one.settled + one.value.size for one in found) == 6 * COUNT
    assert all(value % 100 == block()[place] for place, value in seen.items())


def test_places_within_some_steps_count_these() -> None:
    only = {
        "W1": (np.array([0, 2, 2, 5]), np.array([1, 0, 1, 1]), np.array([2, 2, 0, 1])),
        "b1": (np.array([1, 4, 6]), np.array([0, 0, 0])),  # before, between, behind
    }
    found = within(only, np.array([2, 3, 5]))
    assert found is not None
    assert [axis.tolist() for axis in found["W1"]] == [[0, 0, 2], [0, 1, 1], [2, 0, 1]]
    assert [axis.tolist() for axis in found["b1"]] == [[], []]


def test_all_places_stay_all() -> None:
    assert within(None, np.array([1])) is None
