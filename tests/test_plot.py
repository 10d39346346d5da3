"""The plot of characters: equal curves look like one line, and where curves part it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.report.plot import ALL, SEVERAL, letters_for, plot

repeatably = settings(derandomize=True, deadline=None)

WIDTH, HEIGHT = 72, 11
EPOCHS = np.array([0, *range(1, 992, 10), 1000])
FALLING = 0.3 * np.exp(-EPOCHS / 200)
FLAT = np.full(len(EPOCHS), 0.25)

LOSSES = st.lists(st.floats(0, 1), min_size=2, max_size=40).map(np.array)


def drawn(*curves: Array, epochs: Array = EPOCHS, letters: str = "") -> list[str]:
    """The rows of the plot without their axis, filled up to its width."""
    lines = plot(epochs, curves, letters or "abcdefg"[: len(curves)])
    return [line.partition("│")[2].ljust(WIDTH) for line in lines[:HEIGHT]]


def marks(rows: Sequence[str]) -> set[str]:
    return set("".join(rows)) - {" "}


def column(rows: Sequence[str], index: int) -> str:
    return "".join(row[index] for row in rows)


def rows_marked(rows: Sequence[str], index: int) -> list[int]:
    """In which rows, from the top, a column is marked."""
    return [row for row, cell in enumerate(column(rows, index)) if cell != " "]


def columns_marked(rows: Sequence[str]) -> list[int]:
    return [index for index in range(WIDTH) if column(rows, index).strip()]


def labels(curve: Array) -> dict[int, float]:
    """The labelled rows, from the top, and what the labels say."""
    found = {}
    for row, line in enumerate(plot(EPOCHS, [curve], "a")[:HEIGHT]):
        label = line.partition("│")[0].strip()
        if label:
            found[row] = float(label)
    return found


def row_of(curve: Array, value: float) -> int:
    """The row, from the top, that by the labels of the plot is the nearest to a value."""
    said = labels(curve)
    top, bottom = said[0], said[HEIGHT - 1]
    distances = [abs(top + (bottom - top) * row / (HEIGHT - 1) - value) for row in range(HEIGHT)]
    return distances.index(min(distances))


def test_one_curve_is_drawn_in_dots() -> None:
    assert marks(drawn(FALLING)) == {ALL}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_curves_are_drawn_in_dots_alone(count: int) -> None:
    assert marks(drawn(*[FALLING] * count)) == {ALL}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_curves_look_like_one(count: int) -> None:
    assert drawn(*[FALLING] * count) == drawn(FALLING)


def test_curves_nearer_than_a_cell_look_like_one() -> None:
    assert drawn(FALLING, np.nextafter(FALLING, 1)) == drawn(FALLING)


@pytest.mark.parametrize(("left", "right"), [("n", "t"), ("t", "j")])
def test_parted_curves_show_their_letters(left: str, right: str) -> None:
    assert marks(drawn(FALLING, FLAT, letters=left + right)) == {ALL, left, right}


def test_each_letter_follows_its_own_curve() -> None:
    rows = drawn(FALLING, FLAT, letters="fc")
    assert column(rows, WIDTH - 1).split() == ["c", "f"]


def test_swapped_letters_are_another_plot() -> None:
    assert drawn(FALLING, FLAT, letters="fc") != drawn(FALLING, FLAT, letters="cf")


def test_curves_show_no_letter_before_they_part() -> None:
    parted = np.where(EPOCHS < 500, FLAT, FLAT / 2)
    rows = drawn(FLAT, parted, letters="ab")
    assert marks([row[: WIDTH // 2 - 2] for row in rows]) == {ALL}


def test_curves_show_their_letters_from_where_they_part() -> None:
    parted = np.where(EPOCHS < 500, FLAT, FLAT / 2)
    rows = drawn(FLAT, parted, letters="ab")
    assert marks([row[WIDTH // 2 + 2 :] for row in rows]) == {"a", "b"}


def test_one_of_three_that_parts_is_told_from_the_two() -> None:
    rows = drawn(FALLING, FALLING, FLAT, letters="abc")
    assert marks(rows) == {ALL, SEVERAL, "c"}


def test_curves_that_meet_again_are_dots_again() -> None:
    parted = np.where((EPOCHS > 400) & (EPOCHS < 600), FLAT / 2, FLAT)
    rows = drawn(FLAT, parted, letters="ab")
    assert marks([row[WIDTH - 10 :] for row in rows]) == {ALL}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_curve_ends_where_it_is_no_longer_finite(value: float) -> None:
    broken = np.where(EPOCHS > 500, value, FALLING)
    assert columns_marked(drawn(broken)) == list(range(WIDTH // 2))


def test_a_finite_curve_runs_to_the_end() -> None:
    assert columns_marked(drawn(FALLING)) == list(range(WIDTH))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_does_not_stretch_the_axis(value: float) -> None:
    broken = FALLING.copy()
    broken[-1] = value
    assert labels(broken)[0] == labels(FALLING)[0]


def test_a_large_value_stretches_the_axis() -> None:
    """Shows that the test above can fail."""
    high = FALLING.copy()
    high[-1] = 7.0
    assert labels(high)[0] == 7.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_curve_that_breaks_off_leaves_the_letter_of_the_other(value: float) -> None:
    rows = drawn(FLAT, np.where(EPOCHS > 500, value, FLAT), letters="ab")
    assert marks([row[WIDTH // 2 + 2 :] for row in rows]) == {"a"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_curves_without_a_finite_value_leave_the_plot_empty(value: float) -> None:
    nowhere = np.full(len(EPOCHS), value)
    assert marks(drawn(nowhere, nowhere)) == set()


@pytest.mark.parametrize("value", [0.0, 1e-300, 0.25, 0.5, 1.0])
def test_a_constant_curve_is_one_row(value: float) -> None:
    rows = drawn(np.full(len(EPOCHS), value))
    assert [row for row in rows if row.strip()] == [ALL * WIDTH]


@pytest.mark.parametrize("value", [0.0, 0.25, 0.5, 1.0])
def test_a_constant_curve_stands_at_its_value(value: float) -> None:
    constant = np.full(len(EPOCHS), value)
    assert rows_marked(drawn(constant), 40) == [row_of(constant, value)]


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_no_loss_below_zero_is_put_on_the_axis_for_a_constant_curve(value: float) -> None:
    assert min(labels(np.full(len(EPOCHS), value)).values()) >= 0


@pytest.mark.parametrize("low", [0.0, 0.0004, 0.1, 0.2, 0.2999])
@pytest.mark.parametrize("end", [0, -1])
def test_a_curve_begins_and_ends_at_its_values(low: float, end: int) -> None:
    curve = np.linspace(0.3, low, len(EPOCHS))
    assert row_of(curve, curve[end]) in rows_marked(drawn(curve), range(WIDTH)[end])


def test_a_rising_curve_is_a_falling_one_upside_down() -> None:
    curve = np.linspace(0.0, 0.3, len(EPOCHS))
    assert drawn(curve)[::-1] == drawn(curve[::-1].copy())


@pytest.mark.parametrize(("low", "bottom"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.2), (0.29, 0.29)])
def test_the_axis_starts_at_zero_unless_the_curve_stays_high(low: float, bottom: float) -> None:
    assert labels(np.linspace(0.3, low, len(EPOCHS)))[HEIGHT - 1] == bottom


def test_a_jump_is_drawn_without_gaps() -> None:
    """From one mark to the next a loss may cross the whole plot."""
    epochs = np.array([0, *range(1, 4992, 10), 5000])
    rows = drawn(np.where(epochs < 2500, 1.0, 0.0), epochs=epochs)
    assert [row for row in rows if not row.strip()] == []


@repeatably
@given(LOSSES)
def test_every_column_is_drawn(curve: Array) -> None:
    assert columns_marked(drawn(curve, epochs=np.arange(len(curve)))) == list(range(WIDTH))


@repeatably
@given(LOSSES)
def test_any_curve_and_its_copy_are_dots_alone(curve: Array) -> None:
    assert marks(drawn(curve, curve.copy(), epochs=np.arange(len(curve)))) == {ALL}


@repeatably
@given(LOSSES, LOSSES)
def test_the_order_of_two_curves_changes_their_letters_alone(one: Array, other: Array) -> None:
    count = min(len(one), len(other))
    curves, epochs = (one[:count], other[:count]), np.arange(count)
    assert plot(epochs, curves, "ab") == plot(epochs, curves[::-1], "ba")


@pytest.mark.parametrize("curves", [[FALLING], [FALLING, FLAT], [FLAT, FLAT, FLAT]])
def test_the_lines_fit_the_width(curves: list[Array]) -> None:
    lines = plot(EPOCHS, curves, "abc"[: len(curves)])
    assert (len(lines), max(map(len, lines))) == (HEIGHT + 2, WIDTH + 10)


@pytest.mark.parametrize(("width", "height"), [(40, 6), (40, 11), (100, 21)])
def test_another_size_is_kept(width: int, height: int) -> None:
    lines = plot(EPOCHS, [FALLING], "a", width, height)
    assert (len(lines), max(map(len, lines))) == (height + 2, width + 10)


@pytest.mark.parametrize(
    ("last", "half", "end"),
    [(1000, "500", "epoch 1,000"), (1, "0", "epoch 1"), (25, "12", "epoch 25")],
)
def test_the_axis_of_epochs_tells_start_middle_and_end(last: int, half: str, end: str) -> None:
    axis = plot(np.array([0, last]), [np.array([0.3, 0.1])], "a")[-1]
    assert axis.split(maxsplit=2) == ["0", half, end]


def test_a_run_that_never_began_has_a_plot() -> None:
    (row,) = [row for row in drawn(np.array([0.3]), epochs=np.array([0])) if row.strip()]
    assert row.rstrip() == ALL


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        (["numpy", "torch", "jax"], ["n", "t", "j"]),
        (["numpy"], ["n"]),
        ([], []),
        (["NumPy", "numba"], ["n", "u"]),
        (["torch", "tensorflow", "tinygrad"], ["t", "e", "i"]),
        (["a", "a", "a"], ["a", "1", "2"]),
        (["ab", "a", "b"], ["a", "1", "b"]),
        (["_mine", "./x"], ["m", "x"]),
    ],
)
def test_a_name_gets_its_first_letter_that_is_free(names: list[str], letters: list[str]) -> None:
    assert letters_for(names) == letters


NAMES = st.text("abcdefgXYZ019_-./", min_size=1, max_size=8)


@repeatably
@given(st.lists(NAMES, max_size=9))
def test_no_two_names_share_a_letter(names: list[str]) -> None:
    letters = letters_for(names)
    assert len(set(letters)) == len(letters) == len(names)


@repeatably
@given(st.lists(NAMES, max_size=9))
def test_a_letter_is_no_sign_of_the_plot(names: list[str]) -> None:
    assert all(len(letter) == 1 and letter.isalnum() for letter in letters_for(names))
