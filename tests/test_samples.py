"""Inputs and targets: what is no table of numbers is refused, what is held cannot be changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.errors import UsageError
from shared.named_problems import problem
from shared.network import Network
from shared.problems import HeldOut, Problem
from shared.samples import digest, require_samples, rounded, samples

THREE = Network((2, 2, 3), output="softmax", loss="categorical_cross_entropy")
X, Y = np.array([[0.0, 0.1], [0.2, 0.3]]), np.array([[0.4, 0.5], [0.6, 0.7]])
HELD_OUT = HeldOut(np.array([[1.0, 2.0]]), np.array([[1.0]]), "by hand")


def last_bit(array: Array) -> Array:
    """The same array, but for the last bit of its last number."""
    other = array.copy()
    other[-1, -1] = np.nextafter(other[-1, -1], np.inf)
    return other


@pytest.mark.parametrize(
    "rows",
    [np.array([[1.0, 2.0], [3.0, 4.0]]), [[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0))],
    ids=["an array", "lists of whole numbers", "tuples"],
)
def test_rows_become_an_array(rows: Any) -> None:
    array = samples(rows, "inputs")
    assert array.dtype.name == "float64"
    assert array.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0], [3.0]], "the inputs are no table of numbers; expected rows that are equally"),
        ([["tall", "heavy"]], "the inputs are no table of numbers"),
        ("tall", "the inputs have shape ()"),
        ([[1j]], "the inputs are no table of numbers"),
        ([1.0, 2.0], "the inputs have shape (2,); expected (samples, numbers of each)."),
        ((), "the inputs have shape (0,)"),
        (3.0, "the inputs have shape ()"),
        ([[[1.0]]], "the inputs have shape (1, 1, 1)"),
        ([[], []], "the inputs have shape (2, 0)"),
        (np.zeros((2, 0)), "the inputs have shape (2, 0)"),
    ],
    ids=str,
)
def test_what_is_no_table_of_numbers_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        samples(rows, "inputs")


@pytest.mark.parametrize(
    "rows", [X.copy(), X.tolist(), X.astype(np.float32)], ids=["array", "lists", "float32"]
)
def test_samples_cannot_be_written_to(rows: Any) -> None:
    with pytest.raises(ValueError, match="read-only"):
        samples(rows, "inputs")[0, 0] = 1


def test_an_array_that_others_may_write_to_is_copied() -> None:
    mine = X.copy()
    held = samples(mine, "inputs")
    mine[0, 0] = 7
    assert held.tolist() == X.tolist()


def test_a_read_only_array_is_not_copied() -> None:
    held = samples(X, "inputs")
    assert samples(held, "inputs") is held


@pytest.mark.parametrize("part", ["x", "y"])
def test_later_writes_change_no_problem(part: str) -> None:
    mine: Array = getattr(problem("people16"), part).copy()
    one = replace(problem("people16"), **{part: mine})  # type: ignore[arg-type]
    mine[:] = 7
    assert one == problem("people16")


@pytest.mark.parametrize("order", [(0.1, 0.2, 0.7), (0.7, 0.2, 0.1)], ids=str)
def test_probabilities_are_added_up_without_rounding(order: tuple[float, ...]) -> None:
    require_samples(np.ones((2, 2)), np.tile(order, (2, 1)), THREE, "")


def test_added_up_with_rounding_they_would_be_refused() -> None:
    """Shows that the test above can fail: one by one, the second order adds up to less than 1."""
    assert np.array([[0.7, 0.2, 0.1]]).sum(axis=1).item() < 1


@pytest.mark.parametrize("target", [(0.7, 0.2, 0.1 + 2**-52), (1.0, 1.0, 0.0)], ids=str)
def test_probabilities_with_another_sum_are_refused(target: tuple[float, ...]) -> None:
    """In one row among others that are right."""
    y = np.array([(0.0, 1.0, 0.0), target, (0.7, 0.2, 0.1)])
    with pytest.raises(UsageError, match="needs targets that sum to 1 in each row"):
        require_samples(np.ones((3, 2)), y, THREE, "")


def told(x: Array, y: Array) -> str:
    return digest(samples(x, "inputs"), samples(y, "targets"))


@pytest.mark.parametrize(
    "x",
    [X.copy(), np.asfortranarray(X), X[::-1][::-1]],
    ids=["copied", "by columns", "turned twice"],
)
def test_equal_numbers_have_one_digest(x: Array) -> None:
    """However they lie in memory, and where they are not copied."""
    x.flags.writeable = False
    assert told(x, Y) == told(X, Y)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X * np.array([[-1, 1], [1, 1]]), Y),
        (last_bit(X), Y),
        (X, last_bit(Y)),
        (X[::-1], Y[::-1]),
        (X[:, ::-1], Y),
        (Y, X),
    ],
    ids=["minus zero", "last bit of x", "last bit of y", "samples", "columns", "x and y"],
)
def test_other_numbers_have_another_digest(x: Array, y: Array) -> None:
    assert told(x, y) != told(X, Y)


def test_numbers_are_rounded_to_the_dtype_once(dtype: str) -> None:
    data = rounded(samples(X, "inputs"), samples(Y, "targets"), dtype)
    assert data.x.dtype == data.y.dtype == dtype
    assert data.x.tolist() == [[float(np.dtype(dtype).type(v)) for v in row] for row in X.tolist()]


def test_all_who_ask_get_the_same_arrays(dtype: str) -> None:
    one = replace(problem("people16"), held_out=HELD_OUT)
    assert one.dataset(dtype) is one.dataset(dtype)
    assert one.held_out_dataset(dtype) is one.held_out_dataset(dtype)


def test_a_float64_dataset_is_the_problems_own_memory() -> None:
    one = problem("people16")
    data = one.dataset("float64")
    assert data.x is one.x
    assert data.y is one.y


def test_a_changed_problem_has_a_dataset_of_its_own(dtype: str) -> None:
    one = problem("people16")
    before = one.dataset(dtype).x
    assert np.array_equal(replace(one, x=2 * one.x).dataset(dtype).x, 2 * before)


@pytest.mark.parametrize("held_out", [None, HELD_OUT], ids=["none held out", "one held out"])
def test_problems_of_equal_numbers_are_equal(held_out: HeldOut | None) -> None:
    one = replace(problem("people16"), held_out=held_out)
    again = held_out and HeldOut(held_out.x.copy(), held_out.y.copy(), held_out.split)
    assert replace(one, x=one.x.copy(), y=one.y.copy(), held_out=again) == one


def test_what_was_asked_for_makes_no_problem_another_one() -> None:
    one = problem("people16")
    one.dataset("float32")
    assert one == problem("people16")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, x=last_bit(one.x)),
        lambda one: replace(one, y=last_bit(one.y)),
        lambda one: replace(one, x=one.x[:15], y=one.y[:15]),
        lambda one: replace(one, held_out=None),
        lambda one: replace(one, held_out=replace(HELD_OUT, x=last_bit(HELD_OUT.x))),
        lambda one: replace(one, held_out=replace(HELD_OUT, y=last_bit(HELD_OUT.y))),
        lambda one: replace(one, held_out=replace(HELD_OUT, split="by dice")),
        lambda one: replace(one, name="another"),
    ],
    ids=["input", "target", "fewer", "none held out", "held-out input", "held-out target",
         "split", "name"],
)  # fmt: skip
def test_problems_that_differ_are_not_equal(change: Callable[[Problem], Problem]) -> None:
    one = replace(problem("people16"), held_out=HELD_OUT)
    assert change(one) != one


@pytest.mark.parametrize("other", ["people16", None, HELD_OUT], ids=["text", "none", "held out"])
def test_a_problem_equals_nothing_of_another_type(other: object) -> None:
    assert problem("people16") != other
