"""The first step with a number that is not finite is found for each backend."""

from __future__ import annotations

import math

import pytest

from tests.trajectories import every_place, not_finite, table, with_number


@every_place
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_found_in_its_step(kind: str, element: int, value: float) -> None:
    other = with_number(table(), kind, 7, element, value)
    assert not_finite(table(), other) == {"a": None, "b": 7}


def test_the_first_step_that_is_not_finite_is_kept() -> None:
    other = with_number(table(), "loss", 9, 0, math.nan)
    other = with_number(other, "weights", 30, 0, math.inf)
    assert not_finite(other, table(), cuts=(20,)) == {"a": 9, "b": None}


def test_each_backend_has_a_first_step_of_its_own() -> None:
    early = with_number(table(), "gradients", 2, 8, math.nan)
    late = with_number(table(), "gradients", 40, 0, math.nan)
    assert not_finite(late, table(), early, cuts=(5, 33)) == {"a": 40, "b": None, "c": 2}
