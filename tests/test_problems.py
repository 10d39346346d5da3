"""The named problems hold the published figures; unknown names and misfits are refused."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.errors import UsageError
from shared.named_problems import problem, problem_names
from shared.network import Network
from shared.problems import HeldOut, require_dtype
from tests.named_problems import NAMES, column, every_problem

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


def test_the_problems_are_listed_by_name() -> None:
    assert problem_names() == (*NAMES, "digits", "digits-softmax")


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
    assert one.x.tolist() == [list(x) for x, _ in table]
    assert one.y.tolist() == [[label] for _, label in table]


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
    assert problem(name).y.tolist() == [[label] for label in labels]


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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("people61", r"unknown problem 'people61'; known: .*\. Did you mean 'people16'\?"),
        ("people-4", r"unknown problem 'people-4'; .*Did you mean 'people4'\?"),
        (
            "xyz",
            r"^unknown problem 'xyz'; known: people16, people16-centered, people4, digits, digits-",
        ),
        ("digit", r"Did you mean 'digits'\?"),
        ("digits-softmx", r"Did you mean 'digits-softmax'\?"),
        ("", r"unknown problem ''; known: .*people4, digits, digits-softmax, mnist\.$"),
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


def held_out(samples: int, inputs: int, outputs: int) -> HeldOut:
    return HeldOut(np.ones((samples, inputs)), np.ones((samples, outputs)), "by hand")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"curve_every": 0}, "curve_every is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"x": np.zeros((0, 2))}, "0 rows of inputs"),
        ({"y": np.ones((1, 1))}, "1 of targets"),
        ({"x": np.ones((16, 1))}, "a row of inputs has 1 numbers; expected the network's 2"),
        ({"y": np.ones((16, 2))}, "a row of targets has 2 numbers; expected the network's 1"),
        ({"batch_size": 1.0}, r"batch_size is 1\.0; expected a whole number, 1 or more"),
        ({"order": "random"}, "order is 'random'; known: file, shuffled"),
        ({"order": None}, "order is None; known: file, shuffled"),
        ({"last_batch": "drop"}, "last_batch is 'drop'; known: kept, dropped"),
        (
            {"initialization": "normal"},
            "initialization is 'normal'; known: standard_normal, fan_in_normal",
        ),
        (
            {"batch_size": 17, "last_batch": "dropped"},
            "batch_size 17 exceeds the 16 samples, and a smaller last batch is dropped: no step",
        ),
        ({"classes": ("one",)}, r"1 classes are named for 1 output\(s\); expected 2, or none"),
        ({"classes": ("a", "b", "c")}, r"3 classes are named for 1 output\(s\); expected 2"),
        ({"image": (2, 2)}, "a picture of 2 x 2 pixels has not the network's 2 inputs"),
        ({"held_out": held_out(0, 2, 1)}, "the held-out data has 0 rows of inputs"),
        (
            {"held_out": held_out(1, 3, 1)},
            "a row of held-out inputs has 3 numbers; expected the network's 2 in each",
        ),
        (
            {"held_out": held_out(1, 2, 2)},
            "a row of held-out targets has 2 numbers; expected the network's 1 in each",
        ),
    ],
)
def test_a_problem_that_does_not_fit_together_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        dataclasses.replace(problem("people16"), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"classes": ()}, {"image": (1, 2)}, {"image": (2, 1)}], ids=str)
def test_a_problem_may_name_no_classes_and_have_small_pictures(change: dict[str, Any]) -> None:
    one = dataclasses.replace(problem("people16"), **change)
    assert {name: getattr(one, name) for name in change} == change


def test_the_largest_batch_is_the_whole_data_where_the_rest_is_dropped() -> None:
    one = dataclasses.replace(problem("people16"), batch_size=16, last_batch="dropped")
    assert one.steps_per_epoch == 1


def test_a_batch_larger_than_the_data_is_a_smaller_last_one_where_it_is_kept() -> None:
    one = dataclasses.replace(problem("people16"), batch_size=17)
    assert (one.steps_per_epoch, one.is_ragged) == (1, True)
