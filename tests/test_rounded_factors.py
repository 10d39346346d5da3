"""The well-known 0.0214 comes of rounding factors first."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.rounded_factors import by_pencil
from shared.worked import WorkedStep, worked_steps


@pytest.fixture(scope="module")
def symmetric() -> WorkedStep:
    return next(step for step in worked_steps() if step.name == "symmetric")


def test_three_digits_on_the_way_give_the_text_s_value(symmetric: WorkedStep) -> None:
    assert by_pencil(symmetric, 3).product == Decimal("0.0214")


def test_the_exact_value_rounded_once_is_another(symmetric: WorkedStep) -> None:
    assert by_pencil(symmetric, 3).exact == Decimal("0.0215")


def test_with_many_digits_on_the_way_they_agree(symmetric: WorkedStep) -> None:
    one = by_pencil(symmetric, 30)
    assert f"{one.product:.20f}" == f"{one.exact:.20f}"
