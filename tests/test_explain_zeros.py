"""Zeros of another sign are told as that: a sum that is begun with 0 never ends at -0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.differences import Why
from shared.explain.replay import Replay
from tests.explained_runs import (
    Step,
    backend,
    changed,
    changed_at,
    maker,
    replay,
    replayed,
    told,
    with_operation,
)

STEP = Step(seed=3)
ROLE = "dL/dW1"


def plain(inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The gradient of one sample: every entry a product."""
    return (inputs[0] * inputs[1],)


def begun_with_0(inputs: Sequence[Array]) -> tuple[Array, ...]:
    return (0.0 + inputs[0] * inputs[1],)


def with_product(product: object) -> Replay:
    """The step by hand with another product for the weights, on a sample whose inputs are 0."""
    right = replay("numpy", STEP)
    one, place = maker(right, ROLE), right.stands[ROLE]
    reading = changed(right.reading, "x", np.zeros_like)
    (made,) = product([reading.values[i].array for i in one.inputs])  # type: ignore[operator]
    reading = changed_at(reading, place, lambda _: made)
    reading = with_operation(reading, one.index, product)  # type: ignore[arg-type]
    return replayed(reading, STEP, backend("numpy", STEP.network, STEP.dtype))


@pytest.mark.parametrize(("ours", "theirs"), [(plain, begun_with_0), (begun_with_0, plain)])
def test_another_sign_of_a_zero_is_told(ours: object, theirs: object) -> None:
    found = told(with_product(ours), with_product(theirs), STEP)[ROLE]
    assert found.here.any()
    assert found.why is Why.ZERO
    assert "begun with 0" in found.evidence


def test_of_equal_products_nothing_is_told() -> None:
    assert ROLE not in told(with_product(plain), with_product(plain), STEP)
