"""The meter of drift finds what was put there: hand-made trajectories, tampered bit by bit."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.drift import KINDS, DriftMeter, Largest, PairDrift, mark_epochs
from shared.network import Network
from shared.problems import Problem, problem
from shared.ulp import INCOMPARABLE

repeatably = settings(derandomize=True, deadline=None)
every_kind = pytest.mark.parametrize("kind", KINDS)

NETWORK = Network((2, 2, 1))
EPOCHS = 12
STEPS = 4 * EPOCHS
NOTHING = Largest(0, 0)
COUNTS = {"weights": 9, "gradients": 9, "loss": 1}
PLACES = [("weights", i) for i in range(9)] + [("gradients", i) for i in range(9)] + [("loss", 0)]
every_place = pytest.mark.parametrize(("kind", "element"), PLACES)

Table = dict[str, Array]


def four_people() -> Problem:
    """A problem of 48 steps, 4 to an epoch, whose marks are after epochs 1, 10 and 12."""
    return problem("people4").changed(epochs=EPOCHS)


def table(seed: int = 0, dtype: str = "float64") -> Table:
    """Made-up numbers: after each step nine weights, in each nine gradients and a loss."""
    draw = np.random.RandomState(seed)
    return {kind: draw.normal(size=(STEPS, COUNTS[kind])).astype(dtype) for kind in KINDS}


def shaped(rows: Array) -> Params:
    """Nine columns as W1, b1, W2, b2 of every step."""
    ends = np.cumsum([math.prod(shape) for shape in NETWORK.param_shapes])[:-1]
    return tuple(
        columns.reshape(len(rows), *shape)
        for columns, shape in zip(np.split(rows, ends, axis=1), NETWORK.param_shapes, strict=True)
    )


def recording(numbers: Table, first: int = 0, stop: int = STEPS) -> Recording:
    """Steps first + 1, ..., stop of a table as a recording."""
    after = np.array(numbers["weights"][first:stop])
    before = np.concatenate([numbers["weights"][:1] if first == 0 else after[:1], after[:-1]])
    return Recording(
        steps=np.arange(first + 1, stop + 1),
        batches=np.arange(first, stop)[:, None] % 4,
        before=shaped(before),
        after=shaped(after),
        state_before={},
        state_after={},
        evaluation=Evaluation(None, None, np.array(numbers["loss"][first:stop, 0])),
        grads=shaped(np.array(numbers["gradients"][first:stop])),
        deltas=None,
        final=(tuple(w[-1] for w in shaped(after)), OptimizerState(stop)),
    )


def copied(numbers: Table) -> Table:
    return {kind: np.array(rows) for kind, rows in numbers.items()}


def with_number(numbers: Table, kind: str, step: int, element: int, value: float) -> Table:
    """A copy in which one number, in a step counted from 1, is another."""
    other = copied(numbers)
    other[kind][step - 1, element] = value
    return other


def moved(numbers: Table, kind: str, step: int, element: int, ulps: int = 1) -> Table:
    """A copy in which one number is so many floats further from zero."""
    other = copied(numbers)
    integers = other[kind].view(f"u{other[kind].itemsize}")
    integers[step - 1, element] += integers.dtype.type(ulps)
    return other


def drift(tables: Sequence[Table], cuts: Sequence[int] = ()) -> tuple[PairDrift, ...]:
    meter = DriftMeter("abc"[: len(tables)], four_people())
    feed(meter, tables, cuts)
    return meter.finish()


def feed(meter: DriftMeter, tables: Sequence[Table], cuts: Sequence[int] = ()) -> None:
    for first, stop in itertools.pairwise([0, *cuts, STEPS]):
        meter.add([recording(numbers, first, stop) for numbers in tables])


def pair(left: Table, right: Table) -> PairDrift:
    (found,) = drift([left, right])
    return found


def not_finite(*tables: Table, cuts: Sequence[int] = ()) -> dict[str, int | None]:
    meter = DriftMeter("abc"[: len(tables)], four_people())
    feed(meter, tables, cuts)
    return meter.first_not_finite


def test_equal_trajectories_never_differ(dtype: str) -> None:
    found = pair(table(dtype=dtype), table(dtype=dtype))
    assert found.first == dict.fromkeys(KINDS)


def test_equal_trajectories_are_nowhere_apart(dtype: str) -> None:
    found = pair(table(dtype=dtype), table(dtype=dtype))
    assert found.largest == {kind: (NOTHING,) * COUNTS[kind] for kind in KINDS}
    assert found.final == (0,) * 9
    assert found.marks == ((1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0))


@every_kind
def test_other_trajectories_differ_from_the_first_step(kind: str) -> None:
    assert pair(table(0), table(1)).first[kind] == 1


@every_kind
def test_other_trajectories_are_apart_in_every_number(kind: str) -> None:
    assert all(one.ulps > 0 and one.step > 0 for one in pair(table(0), table(1)).largest[kind])


@every_place
@pytest.mark.parametrize("step", [1, 7, STEPS])
def test_one_flipped_bit_is_found_in_its_step(
    kind: str, element: int, step: int, dtype: str
) -> None:
    numbers = table(dtype=dtype)
    found = pair(numbers, moved(numbers, kind, step, element))
    assert found.first == {**dict.fromkeys(KINDS), kind: step}


@every_place
def test_one_flipped_bit_is_found_at_its_number(kind: str, element: int, dtype: str) -> None:
    numbers = table(dtype=dtype)
    expected = {name: [NOTHING] * COUNTS[name] for name in KINDS}
    expected[kind][element] = Largest(1, 7)
    found = pair(numbers, moved(numbers, kind, 7, element))
    assert {name: list(largest) for name, largest in found.largest.items()} == expected


@every_place
def test_the_largest_distance_is_kept_with_its_first_step(kind: str, element: int) -> None:
    other = moved(table(), kind, 3, element, ulps=5)
    other = moved(other, kind, 9, element, ulps=100)
    other = moved(other, kind, 20, element, ulps=100)
    other = moved(other, kind, 40, element, ulps=99)
    assert pair(table(), other).largest[kind][element] == Largest(100, 9)


@every_kind
def test_the_first_difference_is_kept_whatever_comes_later(kind: str) -> None:
    other = moved(moved(table(), kind, 3, 0), kind, 9, 0, ulps=100)
    assert pair(table(), other).first[kind] == 3


@every_kind
def test_the_first_difference_is_that_of_any_number(kind: str) -> None:
    last = COUNTS[kind] - 1
    other = moved(moved(table(), kind, 9, 0), kind, 4, last)
    assert pair(table(), other).first[kind] == 4


@every_kind
def test_a_zero_of_other_sign_differs_without_distance(kind: str, dtype: str) -> None:
    numbers = with_number(table(dtype=dtype), kind, 5, 0, 0.0)
    found = pair(numbers, with_number(numbers, kind, 5, 0, -0.0))
    assert (found.first[kind], found.largest[kind][0]) == (5, NOTHING)


@every_kind
def test_a_nan_is_further_than_any_number(kind: str) -> None:
    other = with_number(moved(table(), kind, 3, 0, ulps=2**40), kind, 30, 0, math.nan)
    assert pair(table(), other).largest[kind][0] == Largest(int(INCOMPARABLE), 30)


@every_kind
def test_equal_nans_have_equal_bits(kind: str) -> None:
    other = with_number(table(), kind, 5, 0, math.nan)
    assert pair(other, copied(other)).first[kind] is None


def test_the_two_sides_are_as_far_apart_both_ways() -> None:
    one, other = pair(table(0), table(1)), pair(table(1), table(0))
    assert (one.first, one.largest, one.final) == (other.first, other.largest, other.final)


@pytest.mark.parametrize("element", range(9))
def test_the_final_distance_is_that_of_the_last_step(element: int) -> None:
    other = moved(
        moved(table(), "weights", 9, element, ulps=100), "weights", STEPS, element, ulps=3
    )
    expected = [0] * 9
    expected[element] = 3
    assert pair(table(), other).final == tuple(expected)


def test_a_difference_that_heals_leaves_no_final_distance() -> None:
    assert pair(table(), moved(table(), "weights", STEPS - 1, 0)).final == (0,) * 9


@pytest.mark.parametrize(("row", "epoch"), [(0, 1), (1, 10), (2, 12)])
def test_a_mark_tells_the_distance_after_its_epoch(row: int, epoch: int) -> None:
    numbers = with_number(table(), "weights", 4 * epoch, 5, 1.0)
    other = with_number(numbers, "weights", 4 * epoch, 5, 1.0 + 3 * 2.0**-52)
    expected = [(1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0)]
    expected[row] = (epoch, 3, 3 * 2.0**-52)
    assert pair(numbers, other).marks == tuple(expected)


def test_a_mark_tells_the_largest_distance_and_the_largest_difference() -> None:
    """They may be those of two numbers: near zero floats lie dense."""
    numbers = with_number(with_number(table(), "weights", 4, 0, 2.0**-40), "weights", 4, 1, 1.0)
    other = with_number(numbers, "weights", 4, 0, 2.0**-40 + 7 * 2.0**-92)
    other = with_number(other, "weights", 4, 1, 1.0 + 2.0**-52)
    assert pair(numbers, other).marks[0] == (1, 7, 2.0**-52)


@pytest.mark.parametrize("step", [3, 5, 39, 41, 47])
def test_a_mark_tells_nothing_of_the_steps_beside_it(step: int) -> None:
    found = pair(table(), moved(table(), "weights", step, 0))
    assert found.marks == ((1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0))


@pytest.mark.parametrize("kind", ["gradients", "loss"])
def test_a_mark_tells_of_weights_alone(kind: str) -> None:
    found = pair(table(), moved(table(), kind, 4, 0))
    assert found.marks[0] == (1, 0, 0.0)


def test_equal_infinities_at_a_mark_are_no_distance_apart() -> None:
    numbers = with_number(table(), "weights", 4, 0, math.inf)
    assert pair(numbers, copied(numbers)).marks[0][:2] == (1, 0)


def test_opposite_ends_at_a_mark_are_infinitely_far_apart() -> None:
    left = with_number(table(), "weights", 4, 0, -1.7e308)
    right = with_number(table(), "weights", 4, 0, 1.7e308)
    assert pair(left, right).marks[0][2] == math.inf


@pytest.mark.parametrize(
    ("epochs", "marks"),
    [
        (1, (1,)),
        (9, (1, 9)),
        (10, (1, 10)),
        (12, (1, 10, 12)),
        (1000, (1, 10, 100, 1000)),
        (5000, (1, 10, 100, 1000, 5000)),
    ],
)
def test_marks_are_powers_of_ten_and_the_last_epoch(epochs: int, marks: tuple[int, ...]) -> None:
    assert mark_epochs(epochs) == marks


def test_a_shorter_last_epoch_is_no_mark_before_it_ends() -> None:
    meter = DriftMeter("ab", four_people())
    meter.add([recording(table(), 0, 39)] * 2)
    assert [epoch for epoch, _, _ in meter.finish()[0].marks] == [1]


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


def full_of_everything() -> list[Table]:
    """Three trajectories whose drifts differ in every respect, with ties across the chunks."""
    one, two = table(), moved(table(), "weights", 17, 2, ulps=40)
    two = moved(two, "weights", 33, 2, ulps=40)
    two = moved(two, "gradients", 8, 5, ulps=3)
    two = with_number(two, "loss", 29, 0, math.nan)
    three = moved(moved(one, "loss", 44, 0, ulps=9), "weights", STEPS, 8, ulps=2)
    return [one, two, moved(three, "weights", 4, 1, ulps=6)]


@repeatably
@given(st.lists(st.integers(1, STEPS - 1), unique=True, max_size=6).map(sorted))
def test_any_cut_into_chunks_gives_the_same(cuts: list[int]) -> None:
    assert drift(full_of_everything(), cuts) == drift(full_of_everything())


@repeatably
@given(st.lists(st.integers(1, STEPS - 1), unique=True, max_size=6).map(sorted))
def test_any_cut_into_chunks_finds_the_same_first_step(cuts: list[int]) -> None:
    assert not_finite(*full_of_everything(), cuts=cuts) == {"a": None, "b": 29, "c": None}


def test_a_chunk_that_is_lost_is_noticed() -> None:
    """Shows that the tests above can fail."""
    meter = DriftMeter("abc", four_people())
    meter.add([recording(numbers, 0, 16) for numbers in full_of_everything()])
    meter.add([recording(numbers, 20, STEPS) for numbers in full_of_everything()])
    assert meter.finish() != drift(full_of_everything())


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


def test_a_trajectory_one_step_late_differs_from_the_start() -> None:
    late = {kind: np.concatenate([rows[:1], rows[:-1]]) for kind, rows in table().items()}
    assert pair(table(), late).first == dict.fromkeys(KINDS, 2)


def test_one_backend_alone_makes_no_pair() -> None:
    assert drift([table()]) == ()


def test_the_order_is_that_of_the_networks_element_names() -> None:
    numbers = table()
    other = recording(numbers)
    w5 = np.array(other.after[2])
    w5[6, 0, 0] = np.nextafter(w5[6, 0, 0], math.inf)
    meter = DriftMeter("ab", four_people())
    meter.add([recording(numbers), replace(other, after=(*other.after[:2], w5, other.after[3]))])
    (found,) = meter.finish()
    named = dict(zip(NETWORK.element_names, found.largest["weights"], strict=True))
    assert {name for name, one in named.items() if one != NOTHING} == {"w5"}


def test_recordings_of_other_steps_are_refused() -> None:
    meter, numbers = DriftMeter("ab", four_people()), table()
    with pytest.raises(ValueError, match="same steps"):
        meter.add([recording(numbers, 0, 3), recording(numbers, 1, 4)])


def test_a_chunk_in_which_nothing_was_recorded_says_nothing() -> None:
    meter, numbers = DriftMeter("ab", four_people()), table()
    empty = dataclasses.replace(recording(numbers, 0, 3), steps=np.arange(0))
    meter.add([empty, empty])
    (told,) = meter.finish()
    assert told.first == {"weights": None, "gradients": None, "loss": None}
