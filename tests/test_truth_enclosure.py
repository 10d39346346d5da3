"""An interval holds the exact result, whatever is computed of whichever numbers it holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from shared.truth.enclosure import Enclosure
from tests.enclosing import (
    DIVIDED,
    EXACT,
    FUNCTIONS,
    MODERATE,
    OPERATIONS,
    Drawn,
    Operation,
    drawn,
    exactly,
    holds,
    shrunk,
    within,
)
from tests.recordings import repeatably


def enclosed(operation: Operation, a: Drawn, b: Drawn) -> tuple[Enclosure, object]:
    """What an operation finds, and what it should hold."""
    with np.errstate(all="ignore"):
        found = operation.enclosed(a.interval, b.interval)
    return found, exactly(operation, a.point, b.point)


@pytest.mark.parametrize("name", [*EXACT, *DIVIDED])
@repeatably
@given(a=drawn(), b=drawn())
def test_an_operation_encloses_the_exact_result(name: str, a: Drawn, b: Drawn) -> None:
    assert holds(*enclosed(OPERATIONS[name], a, b))


@pytest.mark.parametrize("name", FUNCTIONS)
@repeatably
@given(a=drawn(MODERATE))
def test_a_function_encloses_the_exact_result(name: str, a: Drawn) -> None:
    assert holds(*enclosed(FUNCTIONS[name], a, a))


WIDE = np.array([[1.5, -2.25, 0.25], [-7.0, 4.0, 3.0]])
OTHER = np.array([[2.5, 3.0, 2.0], [-5.0, -4.0, 1.5]])


@pytest.mark.parametrize("ends", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_ends_of_intervals_are_enclosed(name: str, ends: tuple[int, int]) -> None:
    a, b = within(WIDE, 2.0**-10, ends[0]), within(OTHER, 2.0**-10, ends[1])
    assert holds(*enclosed(OPERATIONS[name], a, b))


@pytest.mark.parametrize("name", OPERATIONS)
def test_half_of_a_radius_is_noticed(name: str) -> None:
    """At one of the ends at least: so no radius is twice as wide as it need be, either."""
    noticed = []
    for one, other in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        a, b = within(WIDE, 2.0**-10, one), within(OTHER, 2.0**-10, other)
        found, true = enclosed(OPERATIONS[name], a, b)
        noticed.append(not holds(shrunk(found), true))
    assert any(noticed)


SHARP = {
    "add": (1.0, 2.0**-53 * 0.9),
    "subtract": (1.0, -(2.0**-53) * 0.9),
    "multiply": (1 + 2.0**-52, 1 + 1.97 * 2.0**-2),
    "divide": (1.0, 3.0),
}


@pytest.mark.parametrize("name", SHARP)
def test_an_eighth_of_what_a_rounding_may_do_is_noticed(name: str) -> None:
    """Without any radius in the operands there is the rounding alone."""
    one, other = SHARP[name]
    a, b = within(np.full((1, 1), one), 0.0, 0), within(np.full((1, 1), other), 0.0, 0)
    found, true = enclosed(OPERATIONS[name], a, b)
    assert holds(found, true)
    assert not holds(Enclosure(found.middle, found.radius / 8), true)


@pytest.mark.parametrize("name", ["sum", "cumsum", "matmul"])
def test_the_roundings_of_a_long_sum_are_enclosed(name: str) -> None:
    draw = np.random.RandomState(2)
    values = draw.normal(size=(2, 300)) * 10.0 ** draw.randint(-8, 8, (2, 300))
    a, b = within(values, 0.0, 0), within(draw.normal(size=(2, 300)), 0.0, 0)
    found, true = enclosed(OPERATIONS[name], a, b)
    assert holds(found, true)
    assert not holds(Enclosure(found.middle, found.radius * 1e-5), true)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_leaves_its_operands_as_they_were(name: str) -> None:
    a, b = Enclosure.of(WIDE, 0.5), Enclosure.of(OTHER, 0.25)
    OPERATIONS[name].enclosed(a, b)
    assert (a.middle.tolist(), a.radius.max(), a.radius.min()) == (WIDE.tolist(), 0.5, 0.5)
    assert (b.middle.tolist(), b.radius.max(), b.radius.min()) == (OTHER.tolist(), 0.25, 0.25)


def test_parts_are_cut_and_written_with_their_radius() -> None:
    a = Enclosure(np.array(WIDE), np.full(WIDE.shape, 0.5))
    a[0, 1:] = Enclosure.of(np.array([8.0, 9.0]), 0.125)
    a[1, 0] = 3.0
    assert a.middle.tolist() == [[1.5, 8.0, 9.0], [3.0, 4.0, 3.0]]
    assert a.radius.tolist() == [[0.5, 0.125, 0.125], [0.0, 0.5, 0.5]]
    assert a[0, 1].radius == 0.125
    assert a.reshape(3, 2).radius.tolist() == [[0.5, 0.125], [0.125, 0.0], [0.5, 0.5]]
    assert a.reshape(3, 2).shape == (3, 2)
