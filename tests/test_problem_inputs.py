"""The inputs are the published columns, less what is subtracted, and are rounded once."""

from __future__ import annotations

import functools
import operator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shared.backend import Array
from shared.named_problems import problem
from tests.named_problems import column, every_problem


def exact_mean(name: str, index: int) -> float:
    """The mean in rational arithmetic, rounded once."""
    numbers = column(name, index)
    return float(sum(map(Fraction, numbers)) / len(numbers))


@pytest.mark.parametrize("index", [0, 1])
def test_the_centered_columns_lack_their_exact_mean_rounded_once(index: int) -> None:
    mean = exact_mean("people16", index)
    expected = [value - mean for value in column("people16", index)]
    assert column("people16-centered", index) == expected


def test_a_mean_summed_in_file_order_would_give_other_data() -> None:
    """Shows that the test above can fail: adding up one by one rounds to another mean."""
    heights = column("people16", 0)
    mean = functools.reduce(operator.add, heights) / len(heights)
    assert [value - mean for value in heights] != column("people16-centered", 0)


@pytest.mark.parametrize("index", [0, 1])
def test_the_person_is_shifted_with_the_centered_columns(index: int) -> None:
    (raw,), (centered,) = problem("people16").people, problem("people16-centered").people
    assert centered.x[index] == raw.x[index] - exact_mean("people16", index)


def test_centering_changes_nothing_but_the_inputs() -> None:
    raw, centered = problem("people16"), problem("people16-centered")
    people = tuple(replace(c, x=r.x) for c, r in zip(centered.people, raw.people, strict=True))
    assert replace(centered, name=raw.name, title=raw.title, x=raw.x, people=people) == raw


def test_the_title_says_that_means_are_subtracted() -> None:
    assert problem("people16-centered").title == "sixteen people, column means subtracted"


@every_problem
def test_a_dataset_has_its_rows_and_dtype(name: str, dtype: str) -> None:
    one, data = problem(name), problem(name).dataset(dtype)
    assert (data.x.shape, data.y.shape) == ((len(one.x), 2), (len(one.x), 1))
    assert data.x.dtype == data.y.dtype == dtype


@every_problem
def test_a_float64_dataset_holds_the_problems_own_numbers(name: str) -> None:
    one, data = problem(name), problem(name).dataset("float64")
    assert (data.x.tolist(), data.y.tolist()) == (one.x.tolist(), one.y.tolist())


@every_problem
def test_a_float32_dataset_holds_them_rounded_once(name: str) -> None:
    rounded = [[float(np.float32(value)) for value in row] for row in problem(name).x.tolist()]
    assert problem(name).dataset("float32").x.tolist() == rounded


def test_centering_in_float32_would_give_other_data() -> None:
    """Shows that the test above can fail: a difference of rounded numbers is rounded twice."""
    heights = problem("people16").dataset("float32").x[:, 0]
    twice = heights - np.float32(exact_mean("people16", 0))
    assert twice.tolist() != problem("people16-centered").dataset("float32").x[:, 0].tolist()


@every_problem
@pytest.mark.parametrize("part", ["x", "y"])
def test_a_dataset_is_read_only(name: str, dtype: str, part: str) -> None:
    array: Array = getattr(problem(name).dataset(dtype), part)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1
