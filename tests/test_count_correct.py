"""An output is counted as right where it lies on the side of its label."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.evaluation import count_correct
from shared.named_problems import problem

ABOVE, BELOW = math.nextafter(0.5, 1), math.nextafter(0.5, 0)


@pytest.mark.parametrize(
    ("outputs", "labels", "count"),
    [
        ([0.9, 0.1], [1, 0], 2),
        ([0.9, 0.1], [0, 1], 0),
        ([0.9, 0.9], [1, 0], 1),
        ([0.5, 0.5], [0, 0], 2),
        ([0.5, 0.5], [1, 1], 0),
        ([1.0, 0.0], [1, 0], 2),
        ([math.nan, math.nan], [0, 0], 0),
        ([math.nan, math.nan], [1, 1], 0),
        ([math.nan, 0.9], [1, 1], 1),
        ([math.inf, -math.inf], [1, 0], 2),
    ],
)
def test_one_output_is_right_on_its_side_of_one_half(
    outputs: list[float], labels: list[float], count: int, dtype: str
) -> None:
    output, y = np.array(outputs, dtype)[:, None], np.array(labels, dtype)[:, None]
    assert int(count_correct(output, y)) == count


@pytest.mark.parametrize(
    ("output", "label", "count"), [(ABOVE, 1, 1), (BELOW, 0, 1), (BELOW, 1, 0)]
)
def test_the_floats_beside_one_half_have_a_side(output: float, label: float, count: int) -> None:
    assert int(count_correct(np.array([[output]]), np.array([[label]]))) == count


@pytest.mark.parametrize("output", [BELOW, 0.5, ABOVE, 0.0, 1.0, math.nan])
def test_a_sample_is_right_where_its_class_is(output: float) -> None:
    """The accuracy and the named class draw the line at the same place."""
    female = int(count_correct(np.array([[output]]), np.array([[1.0]]))) == 1
    assert (problem("people4").class_of(output) == "female") == female


@pytest.mark.parametrize(
    ("outputs", "label", "count"),
    [
        ([0.1, 0.3, 0.2], 1, 1),
        ([0.1, 0.3, 0.2], 2, 0),
        ([0.9, 0.8, 0.95], 2, 1),
        ([0.1, math.nan, 0.2], 1, 0),
        ([0.1, math.nan, 0.2], 2, 0),
        ([math.nan] * 3, 0, 0),
    ],
)
def test_of_several_outputs_the_largest_is_the_answer(
    outputs: list[float], label: int, count: int, dtype: str
) -> None:
    assert int(count_correct(np.array([outputs], dtype), np.eye(3, dtype=dtype)[[label]])) == count


def test_each_replica_is_counted_for_itself() -> None:
    output = np.array([[[0.9], [0.1]], [[0.1], [0.9]], [[0.9], [math.nan]]])
    assert count_correct(output, np.array([[1.0], [0.0]])).tolist() == [2, 0, 1]
