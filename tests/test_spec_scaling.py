"""Inputs are scaled by constants of the training alone, which are exact sums rounded once."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.spec.scaling import SCALINGS, Scaling
from shared.tables.table import Block

PATH = Path("a.csv")
repeatably = settings(derandomize=True, deadline=None, max_examples=60)
columns = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=9).filter(
    lambda column: max(column[:-1]) - min(column[:-1]) > 1e-6
)


def scaled(values: list[float], how: str, training: int) -> tuple[list[float], float, float]:
    """Scale a column by its first samples; return the inputs and the constants."""
    block = Block("a", (), np.array(values)[:, None])
    inputs, (feature,) = Scaling(PATH, how, np.arange(training)).inputs(block)
    return inputs[:, 0].tolist(), feature.subtracted, feature.divided


def exact_mean(values: list[float]) -> float:
    return float(sum(map(Fraction, values))) / len(values)


@repeatably
@given(columns)
def test_none_changes_no_bit(values: list[float]) -> None:
    assert scaled(values, "none", len(values) - 1) == (values, 0.0, 1.0)


@repeatably
@given(columns)
def test_centred_lacks_the_exact_mean_of_the_training(values: list[float]) -> None:
    mean = exact_mean(values[:-1])
    assert scaled(values, "centred", len(values) - 1) == ([v - mean for v in values], mean, 1.0)


@repeatably
@given(columns)
def test_standard_divides_by_the_deviation_of_the_training(values: list[float]) -> None:
    known = values[:-1]
    mean = exact_mean(known)
    deviation = math.sqrt(exact_mean([(value - mean) * (value - mean) for value in known]))
    expected = [(value - mean) / deviation for value in values]
    assert scaled(values, "standard", len(known)) == (expected, mean, deviation)


@repeatably
@given(columns)
def test_unit_lies_from_0_to_1_in_the_training(values: list[float]) -> None:
    known = values[:-1]
    inputs, least, spread = scaled(values, "unit", len(known))
    assert (least, spread) == (min(known), max(known) - min(known))
    assert min(inputs[:-1]) == 0
    assert max(inputs[:-1]) == 1


@pytest.mark.parametrize("how", ["centred", "standard", "unit"])
def test_a_sample_held_out_changes_no_constant(how: str) -> None:
    assert scaled([1, 2, 4, 8], how, 3)[1:] == scaled([1, 2, 4, -9e9], how, 3)[1:]
    assert scaled([1, 2, 4, 8], how, 4)[1:] != scaled([1, 2, 4, -9e9], how, 4)[1:]


def test_a_mean_in_another_order_is_the_same() -> None:
    values = [0.1, 1e16, 0.3, -1e16, 0.7]
    assert scaled(values, "centred", 5)[1] == scaled(values[::-1], "centred", 5)[1]
    assert sum(values) != sum(values[::-1])  # so that the test above could fail


def test_pixels_of_pictures_are_scaled_alike() -> None:
    pictures = np.array([[0, 0, 255, 51], [0, 0, 102, 204]], np.float64)
    block = Block("x", (2, 2), pictures)
    inputs, features = Scaling(PATH, "unit", np.arange(2)).inputs(block)
    assert inputs.tolist() == (pictures / 255).tolist()
    assert [str(feature) for feature in features] == [f"x[{i}] / 255" for i in range(4)]


def test_columns_of_an_array_are_scaled_each_by_itself() -> None:
    block = Block("x", (2,), np.array([[1.0, 10], [3.0, 50]]))
    inputs, features = Scaling(PATH, "unit", np.arange(2)).inputs(block)
    assert inputs.tolist() == [[0, 0], [1, 1]]
    assert [str(feature) for feature in features] == ["(x[0] - 1) / 2", "(x[1] - 10) / 40"]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("none", "a"),
        ("centred", "a + 43.9"),
        ("standard", "(a + 43.9) / 5.45"),
        ("unit", "(a + 49.35) / 10.9"),
    ],
)
def test_a_feature_states_its_constants(how: str, told: str) -> None:
    block = Block("a", (), np.array([[-49.35], [-38.45]]))
    _, (feature,) = Scaling(PATH, how, np.arange(2)).inputs(block)
    assert str(feature) == told


CONSTANT = np.full((3, 1), 2.5)


@pytest.mark.parametrize("how", SCALINGS)
def test_a_constant_column_is_refused(how: str) -> None:
    with pytest.raises(UsageError, match=r"^a\.csv: column 'a' is 2\.5 in all 3 samples of the tr"):
        Scaling(PATH, how, np.arange(3)).inputs(Block("a", (), CONSTANT))


def test_a_column_that_is_constant_in_the_training_alone_is_refused() -> None:
    block = Block("a", (), np.array([[1.0], [1.0], [2.0]]))
    with pytest.raises(UsageError, match=r"is 1\.0 in all 2 samples of the training"):
        Scaling(PATH, "standard", np.arange(2)).inputs(block)


@pytest.mark.parametrize(("how", "allowed"), [(how, how in SCALINGS[:2]) for how in SCALINGS])
def test_an_array_may_hold_a_constant_column_where_nothing_divides(how: str, allowed: bool) -> None:
    scaling = Scaling(PATH, how, np.arange(3))
    block = Block("x", (2,), np.hstack([CONSTANT, np.arange(3.0)[:, None]]))
    if allowed:
        assert scaling.inputs(block)[0].shape == (3, 2)
        return
    with pytest.raises(UsageError, match=r"column 'x\[0\]' is 2\.5 in all 3 samples"):
        scaling.inputs(block)


@pytest.mark.parametrize("how", SCALINGS)
def test_pictures_of_one_grey_are_refused(how: str) -> None:
    with pytest.raises(UsageError, match=r"column 'x' is 2\.5 in all 3 samples"):
        Scaling(PATH, how, np.arange(3)).inputs(Block("x", (1, 1), CONSTANT))


@pytest.mark.parametrize("how", SCALINGS[1:])
def test_one_sample_cannot_be_scaled(how: str) -> None:
    with pytest.raises(UsageError, match=r"has one sample to train on, and .* needs two or"):
        Scaling(PATH, how, np.arange(1)).inputs(Block("a", (), np.array([[1.0], [2.0]])))


def test_one_sample_is_enough_where_nothing_is_scaled() -> None:
    assert scaled([3.0], "none", 1) == ([3.0], 0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ([1e308, 1.5e308, 1.7e308], "centred"),
        ([-1e308, 1e308], "unit"),
        ([1e200, -1e200], "standard"),
        ([1.0, 1.0 + 1e-16 * 3, 1e-200, 2e-200][2:], "standard"),
        ([0.0, 5e-324, 1e308], "unit"),
    ],
)
def test_numbers_that_float64_cannot_scale_are_refused(values: list[float], how: str) -> None:
    training = 2 if how == "unit" else len(values)
    with pytest.raises(UsageError, match="are too large, or lie too close together, to be scaled"):
        scaled(values, how, training)
