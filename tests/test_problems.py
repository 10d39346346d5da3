"""The named problems hold the figures they promise, and round them once."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import operator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.errors import UsageError
from shared.network import Network
from shared.problems import (
    MOST_EPOCHS,
    Problem,
    problem,
    problem_names,
    require_dtype,
)

NAMES = ("people16", "people16-centered", "people4")
every_problem = pytest.mark.parametrize("name", NAMES)
repeatably = settings(derandomize=True, deadline=None)

PEOPLE16 = (
    ((10.6, 5.7), 1),
    ((9.8, 6.7), 1),
    ((9.1, 8.0), 1),
    ((8.6, 9.1), 1),
    ((8.0, 9.7), 1),
    ((7.5, 10.1), 1),
    ((7.2, 10.8), 1),
    ((7.0, 10.7), 1),
    ((22.6, 20.4), 0),
    ((22.1, 22.8), 0),
    ((21.4, 24.3), 0),
    ((20.4, 24.0), 0),
    ((19.4, 23.2), 0),
    ((18.7, 22.5), 0),
    ((17.9, 21.6), 0),
    ((17.5, 21.0), 0),
)
PEOPLE4 = (((-2.0, -1.0), 1), ((25.0, 6.0), 0), ((17.0, 4.0), 0), ((-15.0, -6.0), 1))


def column(name: str, index: int) -> list[float]:
    return [row[index] for row in problem(name).x]


def exact_mean(name: str, index: int) -> float:
    """The mean in rational arithmetic, rounded once."""
    numbers = column(name, index)
    return float(sum(map(Fraction, numbers)) / len(numbers))


def with_row(one: Problem, row: int, x: tuple[float, ...], y: tuple[float, ...]) -> Problem:
    rows, labels = list(one.x), list(one.y)
    rows[row], labels[row] = x, y
    return replace(one, x=tuple(rows), y=tuple(labels))


def other_keys(one: Problem, other: Problem) -> set[str]:
    """The keys under which two problems say different things."""
    left, right = one.to_json(), other.to_json()
    return {key for key in left | right if left.get(key) != right.get(key)}


def test_the_problems_are_listed_by_name() -> None:
    assert problem_names() == NAMES


@every_problem
def test_a_problem_carries_its_name(name: str) -> None:
    assert problem(name).name == name


@every_problem
def test_a_problem_is_the_same_each_time(name: str) -> None:
    assert problem(name) == problem(name)


@pytest.mark.parametrize(("name", "table"), [("people16", PEOPLE16), ("people4", PEOPLE4)])
def test_the_rows_are_the_published_ones(
    name: str, table: tuple[tuple[tuple[float, ...], int], ...]
) -> None:
    one = problem(name)
    assert (one.x, one.y) == (
        tuple(x for x, _ in table),
        tuple((float(label),) for _, label in table),
    )


@pytest.mark.parametrize(
    ("name", "index", "total"),
    [
        ("people16", 0, Fraction(2278, 10)),
        ("people16", 1, Fraction(2506, 10)),
        ("people4", 0, Fraction(25)),
        ("people4", 1, Fraction(3)),
    ],
)
def test_the_columns_have_the_published_sums(name: str, index: int, total: Fraction) -> None:
    assert sum(Fraction(repr(value)) for value in column(name, index)) == total


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("people16", (1.0,) * 8 + (0.0,) * 8),
        ("people16-centered", (1.0,) * 8 + (0.0,) * 8),
        ("people4", (1.0, 0.0, 0.0, 1.0)),
    ],
)
def test_the_labels_stand_in_file_order(name: str, labels: tuple[float, ...]) -> None:
    assert tuple(label for (label,) in problem(name).y) == labels


@pytest.mark.parametrize(
    ("name", "rate", "epochs", "steps"),
    [
        ("people16", 0.05, 5000, 80_000),
        ("people16-centered", 0.05, 5000, 80_000),
        ("people4", 0.1, 1000, 4000),
    ],
)
def test_the_training_is_the_published_one(name: str, rate: float, epochs: int, steps: int) -> None:
    one = problem(name)
    assert (one.optimizer.learning_rate, one.epochs, one.step_count) == (rate, epochs, steps)


@every_problem
def test_samples_come_one_by_one_to_the_2_2_1_network(name: str) -> None:
    one = problem(name)
    assert (one.network, one.batch_size, one.optimizer.name) == (Network((2, 2, 1)), 1, "sgd")


@every_problem
def test_an_output_above_one_half_is_female(name: str) -> None:
    assert problem(name).classes == ("male", "female")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("people16", ("height in cm - 150", "weight in kg - 50")),
        ("people16-centered", ("height in cm - 150", "weight in kg - 50")),
        ("people4", ("weight in lb - 135", "height in in - 66")),
    ],
)
def test_the_columns_are_worded_with_what_was_subtracted(name: str, words: tuple[str, str]) -> None:
    assert tuple(map(str, problem(name).features)) == words


@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("people16", {"the text's own person": ((161, 65), (11.0, 15.0))}),
        ("people4", {"Emily": ((128, 63), (-7.0, -3.0)), "Frank": ((155, 68), (20.0, 2.0))}),
    ],
)
def test_the_people_to_ask_about_are_the_published_ones(name: str, people: dict[str, Any]) -> None:
    assert {person.name: (person.values, person.x) for person in problem(name).people} == people


@pytest.mark.parametrize("name", ["people16", "people4"])
def test_a_persons_inputs_are_their_values_less_what_was_subtracted(name: str) -> None:
    one = problem(name)
    subtracted = [feature.subtracted for feature in one.features]
    computed = [tuple(v - s for v, s in zip(p.values, subtracted, strict=True)) for p in one.people]
    assert computed == [person.x for person in one.people]


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
    assert (data.x.tolist(), data.y.tolist()) == (list(map(list, one.x)), list(map(list, one.y)))


@every_problem
def test_a_float32_dataset_holds_them_rounded_once(name: str) -> None:
    rounded = [[float(np.float32(value)) for value in row] for row in problem(name).x]
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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("people61", r"unknown problem 'people61'; known: .*\. Did you mean 'people16'\?"),
        ("people-4", r"unknown problem 'people-4'; .*Did you mean 'people4'\?"),
        ("xyz", r"unknown problem 'xyz'; known: people16, people16-centered, people4\.$"),
        ("", r"unknown problem ''; known: people16, people16-centered, people4\.$"),
    ],
)
def test_a_problem_that_is_not_known_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        problem(name)


def test_a_known_dtype_is_returned(dtype: str) -> None:
    assert require_dtype(dtype) == dtype


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("float46", r"unknown dtype 'float46'; known: float64, float32\. Did you mean 'float64'\?"),
        ("f8", r"unknown dtype 'f8'; known: float64, float32\.$"),
    ],
)
def test_a_dtype_that_is_not_known_is_refused(dtype: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        require_dtype(dtype)


@pytest.mark.parametrize(
    ("epochs", "message"),
    [
        (0, r"epochs is 0; expected 1 to 10,000,000\."),
        (-5, r"epochs is -5; expected 1 to 10,000,000\."),
        (MOST_EPOCHS + 1, r"epochs is 10,000,001; expected 1 to 10,000,000\."),
        (True, r"epochs is True; expected a whole number\."),
        (1.0, r"epochs is 1\.0; expected a whole number\."),
        ("5", r"epochs is '5'; expected a whole number\."),
    ],
)
def test_a_number_of_epochs_that_cannot_be_is_refused(epochs: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        problem("people4").changed(epochs=epochs)


@pytest.mark.parametrize("epochs", [1, MOST_EPOCHS])
def test_the_fewest_and_the_most_epochs_are_accepted(epochs: int) -> None:
    assert problem("people4").changed(epochs=epochs).epochs == epochs


def test_another_length_changes_the_length_alone() -> None:
    one = problem("people16")
    assert replace(one.changed(epochs=7), epochs=one.epochs) == one


def test_another_length_is_another_problem() -> None:
    assert problem("people16").changed(epochs=7) != problem("people16")


def test_another_learning_rate_changes_the_rate_alone() -> None:
    one = problem("people16")
    changed = one.changed(learning_rate=0.5)
    assert changed.optimizer.learning_rate == 0.5
    assert replace(changed, optimizer=one.optimizer) == one


def test_both_can_be_changed_at_once() -> None:
    changed = problem("people4").changed(3, 0.25)
    assert (changed.epochs, changed.optimizer.learning_rate) == (3, 0.25)


def test_changed_without_a_change_is_the_same_problem() -> None:
    assert problem("people4").changed() == problem("people4")


def test_a_learning_rate_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"learning rate 0\.0 cannot be used"):
        problem("people4").changed(learning_rate=0.0)


@pytest.mark.parametrize(
    ("samples", "batch_size", "steps"),
    [(16, 1, 16), (16, 16, 1), (16, 5, 4), (16, 20, 1), (16, 15, 2)],
)
def test_an_epoch_has_as_many_steps_as_show_every_sample(
    samples: int, batch_size: int, steps: int
) -> None:
    one = replace(problem("people16"), batch_size=batch_size)
    assert (len(one.x), one.steps_per_epoch) == (samples, steps)


@every_problem
def test_the_curve_is_taken_after_the_first_epoch_and_every_tenth_from_there(name: str) -> None:
    one = problem(name)
    assert one.curve_epochs == (0, *range(1, one.epochs, 10), one.epochs)


@pytest.mark.parametrize(
    ("epochs", "marks"),
    [
        (1, (0, 1)),
        (2, (0, 1, 2)),
        (10, (0, 1, 10)),
        (11, (0, 1, 11)),
        (12, (0, 1, 11, 12)),
        (31, (0, 1, 11, 21, 31)),
    ],
)
def test_the_curve_ends_with_the_last_epoch(epochs: int, marks: tuple[int, ...]) -> None:
    assert problem("people4").changed(epochs=epochs).curve_epochs == marks


def test_the_curve_of_people16_has_its_published_marks() -> None:
    marks = problem("people16").curve_epochs
    assert (marks[:4], marks[-3:], len(marks)) == ((0, 1, 11, 21), (4981, 4991, 5000), 502)


@repeatably
@given(st.integers(1, 500), st.integers(1, 60))
def test_the_curve_starts_before_training_and_rises_to_its_end(epochs: int, every: int) -> None:
    marks = replace(problem("people4"), epochs=epochs, curve_every=every).curve_epochs
    assert (marks[0], marks[1], marks[-1]) == (0, 1, epochs)
    assert list(marks) == sorted(set(marks))


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (0.0, "male"),
        (math.nextafter(0.5, 0), "male"),
        (0.5, "male"),
        (math.nextafter(0.5, 1), "female"),
        (1.0, "female"),
        (math.nan, None),
    ],
)
def test_an_output_names_its_class(output: float, answer: str | None) -> None:
    assert problem("people16").class_of(output) == answer


@every_problem
def test_what_identifies_a_problem_is_json(name: str) -> None:
    data = problem(name).to_json()
    assert json.loads(json.dumps(data)) == data


def test_what_identifies_a_problem_is_stated_in_full() -> None:
    data = problem("people16").to_json()
    assert {**data, "data_sha256": ""} == {
        "name": "people16",
        "features": ["height in cm - 150", "weight in kg - 50"],
        "classes": ["male", "female"],
        "samples": 16,
        "data_sha256": "",
        "network": {
            "sizes": [2, 2, 1],
            "activation": "sigmoid",
            "output": "sigmoid",
            "loss": "mean_squared_error",
        },
        "optimizer": {"learning_rate": 0.05, "name": "sgd"},
        "epochs": 5000,
        "batch_size": 1,
        "steps": 80_000,
    }


@every_problem
def test_equal_problems_say_the_same(name: str) -> None:
    assert other_keys(problem(name), problem(name)) == set()


@every_problem
@pytest.mark.parametrize("row", [0, 3])
def test_another_label_changes_the_digest_alone(name: str, row: int) -> None:
    one = problem(name)
    other = with_row(one, row, one.x[row], (1 - one.y[row][0],))
    assert other_keys(one, other) == {"data_sha256"}


@every_problem
@pytest.mark.parametrize(("row", "index"), [(0, 0), (3, 1)])
def test_the_last_bit_of_an_input_changes_the_digest(name: str, row: int, index: int) -> None:
    one = problem(name)
    x = list(one.x[row])
    x[index] = math.nextafter(x[index], math.inf)
    assert other_keys(one, with_row(one, row, tuple(x), one.y[row])) == {"data_sha256"}


def test_another_order_of_the_samples_changes_the_digest() -> None:
    one = problem("people16")
    assert other_keys(one, replace(one, x=one.x[::-1], y=one.y[::-1])) == {"data_sha256"}


def test_the_three_problems_have_digests_of_their_own() -> None:
    assert len({problem(name).to_json()["data_sha256"] for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("epochs", "rate", "keys"),
    [(7, None, {"epochs", "steps"}), (None, 0.5, {"optimizer"})],
)
def test_another_training_is_told(epochs: int | None, rate: float | None, keys: set[str]) -> None:
    one = problem("people16")
    assert other_keys(one, one.changed(epochs, rate)) == keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"curve_every": 0}, "curve_every is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"x": ()}, "0 rows of inputs"),
        ({"y": ((1.0,),)}, "1 of targets"),
        ({"x": ((1.0,),) * 16}, "row of inputs"),
        ({"y": ((1.0, 0.0),) * 16}, "row of targets"),
    ],
)
def test_a_problem_that_does_not_fit_together_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        dataclasses.replace(problem("people16"), **change)  # type: ignore[arg-type]
