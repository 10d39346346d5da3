"""What a problem says of itself in JSON tells it from every other one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.named_problems import problem
from shared.network import Network
from shared.problems import HeldOut, Problem
from tests.named_problems import NAMES, every_problem


def with_row(one: Problem, row: int, x: Array, y: Array) -> Problem:
    rows, labels = one.x.copy(), one.y.copy()
    rows[row], labels[row] = x, y
    return replace(one, x=rows, y=labels)


def held_out(x: list[float], y: float, split: str = "by hand", times: int = 1) -> HeldOut:
    """One sample held out, or the same a few times."""
    return HeldOut(np.tile(x, (times, 1)), np.tile(y, (times, 1)), split)


def other_keys(one: Problem, other: Problem) -> set[str]:
    """The keys under which two problems say different things."""
    left, right = one.to_json(), other.to_json()
    return {key for key in left | right if left.get(key) != right.get(key)}


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
        "held_out": None,
        "network": {
            "sizes": [2, 2, 1],
            "activation": "sigmoid",
            "output": "sigmoid",
            "loss": "mean_squared_error",
        },
        "optimizer": {"learning_rate": 0.05, "name": "sgd"},
        "initialization": "standard_normal",
        "epochs": 5000,
        "batch_size": 1,
        "order": "file",
        "last_batch": "kept",
        "steps": 80_000,
    }


@every_problem
def test_equal_problems_say_the_same(name: str) -> None:
    assert other_keys(problem(name), problem(name)) == set()


@every_problem
@pytest.mark.parametrize("row", [0, 3])
def test_another_label_changes_the_digest_alone(name: str, row: int) -> None:
    one = problem(name)
    other = with_row(one, row, one.x[row], 1 - one.y[row])
    assert other_keys(one, other) == {"data_sha256"}


@every_problem
@pytest.mark.parametrize(("row", "index"), [(0, 0), (3, 1)])
def test_the_last_bit_of_an_input_changes_the_digest(name: str, row: int, index: int) -> None:
    one = problem(name)
    x = one.x[row].copy()
    x[index] = np.nextafter(x[index], np.inf)
    assert other_keys(one, with_row(one, row, x, one.y[row])) == {"data_sha256"}


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
    ("change", "keys"),
    [
        ({"order": "shuffled"}, {"order"}),
        ({"initialization": "fan_in_normal"}, {"initialization"}),
        ({"last_batch": "dropped"}, {"last_batch"}),
        ({"batch_size": 5}, {"batch_size", "steps"}),
        ({"batch_size": 5, "last_batch": "dropped"}, {"batch_size", "last_batch", "steps"}),
        ({"network": Network((2, 2, 1), "tanh")}, {"network"}),
        ({"network": Network((2, 2, 1), loss="binary_cross_entropy")}, {"network"}),
        ({"held_out": held_out([1.0, 2.0], 1.0)}, {"held_out"}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:40],
)
def test_another_setting_is_told(change: dict[str, Any], keys: set[str]) -> None:
    one = problem("people16")
    assert other_keys(one, replace(one, **change)) == keys


@pytest.mark.parametrize(
    "other",
    [
        held_out([1.0, 2.5], 1.0),
        held_out([1.0, 2.0], 0.0),
        held_out([1.0, 2.0], 1.0, split="by dice"),
        held_out([1.0, 2.0], 1.0, times=2),
    ],
    ids=["an input", "a target", "the split", "the number"],
)
def test_other_held_out_samples_are_told(other: HeldOut) -> None:
    one = replace(problem("people16"), held_out=held_out([1.0, 2.0], 1.0))
    assert other_keys(one, replace(one, held_out=other)) == {"held_out"}
