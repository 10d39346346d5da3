"""Every pair of backends is followed, with figures of its own."""

from __future__ import annotations

import pytest

from tests.trajectories import drift, every_kind, moved, table


def test_every_pair_is_followed_in_order() -> None:
    found = drift([table(), table(), table()])
    assert [(one.left, one.right) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
    ("odd", "apart"),
    [
        (0, [("a", "b"), ("a", "c")]),
        (1, [("a", "b"), ("b", "c")]),
        (2, [("a", "c"), ("b", "c")]),
    ],
)
@every_kind
def test_the_odd_one_is_told_by_its_pairs(
    kind: str, odd: int, apart: list[tuple[str, str]]
) -> None:
    tables = [table(), table(), table()]
    tables[odd] = moved(table(), kind, 7, 0)
    found = [(one.left, one.right) for one in drift(tables) if one.first[kind] is not None]
    assert found == apart


def test_each_pair_has_figures_of_its_own() -> None:
    tables = [table(), moved(table(), "weights", 7, 0, ulps=3), moved(table(), "weights", 7, 0, 10)]
    ulps = {one.left + one.right: one.largest["weights"][0].ulps for one in drift(tables)}
    assert ulps == {"ab": 3, "ac": 10, "bc": 7}


def test_backends_in_another_order_are_other_pairs() -> None:
    tables = [table(), moved(table(), "weights", 7, 0, ulps=3), moved(table(), "weights", 7, 0, 10)]
    assert drift(tables) != drift([tables[1], tables[0], tables[2]])


def test_one_backend_alone_makes_no_pair() -> None:
    assert drift([table()]) == ()
