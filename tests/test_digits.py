"""The digits: every picture once, on one side of a split that keeps the shares of the classes."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared import digits
from shared.backend import Array
from shared.errors import ProblemUnavailable
from shared.named_problems import problem
from shared.network import Network
from shared.problems import HeldOut, Problem
from tests.command_line import run, without

sklearn_datasets = pytest.importorskip("sklearn.datasets")
NAMES = ("digits", "digits-softmax")
every_digits = pytest.mark.parametrize("name", NAMES)
TRAIN_COUNTS = {0: 142, 1: 146, 2: 142, 3: 146, 4: 145, 5: 145, 6: 145, 7: 143, 8: 139, 9: 144}


def held_out(one: Problem) -> HeldOut:
    assert one.held_out is not None
    return one.held_out


def sides(one: Problem) -> list[tuple[Array, Array]]:
    """Inputs and targets of the samples to train on, and of those held out."""
    return [(one.x, one.y), (held_out(one).x, held_out(one).y)]


def labels(y: Array) -> list[int]:
    return [row.index(1.0) for row in y.tolist()]


@every_digits
def test_a_fifth_is_held_out(name: str) -> None:
    assert [len(x) for x, _ in sides(problem(name))] == [1437, 360]


@every_digits
def test_both_sides_have_the_shares_of_the_classes(name: str) -> None:
    """Stratified: 1437 of 1797 of each class, to the next whole number on either side."""
    whole = Counter(sklearn_datasets.load_digits().target.tolist())
    train, test = (Counter(labels(y)) for _, y in sides(problem(name)))
    assert train + test == whole
    assert all(abs(train[d] - whole[d] * 1437 / 1797) < 1 for d in range(10))


def test_the_side_to_train_on_has_the_stated_counts() -> None:
    one = problem("digits")
    assert dict(Counter(labels(one.y))) == TRAIN_COUNTS


@every_digits
def test_every_picture_is_on_one_side_with_its_label(name: str) -> None:
    """Held to the data itself, and to no other loader: as many of each picture as there are."""
    data = sklearn_datasets.load_digits()
    pictures = [tuple(row) for row in (data.data / 16).tolist()]
    whole = Counter(zip(pictures, data.target.tolist(), strict=True))
    found: Counter[Any] = Counter()
    for x, y in sides(problem(name)):
        found.update(zip(map(tuple, x.tolist()), labels(y), strict=True))
    assert found == whole
    assert found.total() == 1797


def test_no_picture_is_on_both_sides() -> None:
    (train, _), (test, _) = sides(problem("digits"))
    assert not set(map(tuple, train.tolist())) & set(map(tuple, test.tolist()))


@every_digits
def test_pixels_are_sixteenths(name: str) -> None:
    values = {16 * value for x, _ in sides(problem(name)) for value in x.ravel().tolist()}
    assert values == set(range(17))


@every_digits
def test_targets_are_one_hot(name: str) -> None:
    rows = [row for _, y in sides(problem(name)) for row in y.tolist()]
    assert {tuple(sorted(row)) for row in rows} == {(0.0,) * 9 + (1.0,)}


@every_digits
def test_rounding_to_float32_changes_no_digit(name: str) -> None:
    one = problem(name)
    for wide, narrow in (
        (one.dataset("float64"), one.dataset("float32")),
        (one.held_out_dataset("float64"), one.held_out_dataset("float32")),
    ):
        assert wide is not None
        assert narrow is not None
        assert (wide.x == narrow.x).all()
        assert (wide.y == narrow.y).all()


@every_digits
def test_held_out_samples_have_the_dtype_of_the_run_and_are_read_only(
    name: str, dtype: str
) -> None:
    data = problem(name).held_out_dataset(dtype)
    assert data is not None
    assert (data.x.shape, data.y.shape) == ((360, 64), (360, 10))
    assert data.x.dtype == data.y.dtype == dtype
    assert not data.x.flags.writeable
    assert not data.y.flags.writeable


def test_held_out_samples_are_rounded_once() -> None:
    samples = HeldOut(np.array([[0.1, 1 / 3]]), np.array([[0.7]]), "numbers that round")
    one = replace(problem("people16"), held_out=samples)
    data = one.held_out_dataset("float32")
    assert data is not None
    assert data.x.tolist() == [[float(np.float32(0.1)), float(np.float32(1 / 3))]]
    assert data.y.tolist() == [[float(np.float32(0.7))]]
    assert data.x.tolist() != samples.x.tolist()


def test_where_nothing_is_held_out_there_is_no_dataset(dtype: str) -> None:
    assert problem("people16").held_out_dataset(dtype) is None


@pytest.mark.parametrize(
    ("name", "network", "rate"),
    [
        ("digits", Network((64, 30, 10), "sigmoid", "sigmoid", "quadratic_cost"), 3.0),
        (
            "digits-softmax",
            Network((64, 30, 10), "sigmoid", "softmax", "categorical_cross_entropy"),
            0.5,
        ),
    ],
)
def test_the_training_is_the_stated_one(name: str, network: Network, rate: float) -> None:
    one = problem(name)
    assert (one.network, one.optimizer.learning_rate, one.optimizer.name) == (network, rate, "sgd")
    assert (one.epochs, one.batch_size, one.curve_every) == (30, 10, 1)
    assert (one.initialization, one.order, one.last_batch) == ("fan_in_normal", "shuffled", "kept")
    assert (one.steps_per_epoch, one.step_count, one.is_ragged) == (144, 4320, True)
    assert (one.classes, one.image, one.people) == (tuple("0123456789"), (8, 8), ())


def test_both_problems_have_the_same_data() -> None:
    one, other = (problem(name) for name in NAMES)
    changed = {"name": other.name, "network": other.network, "optimizer": other.optimizer}
    assert replace(one, **changed) == other  # type: ignore[arg-type]


@every_digits
def test_what_identifies_the_problem_names_split_order_and_start(name: str) -> None:
    data = problem(name).to_json()
    assert json.loads(json.dumps(data)) == data
    assert (data["samples"], data["held_out"]["samples"]) == (1437, 360)
    assert data["held_out"]["split"] == (
        "stratified, scikit-learn's train_test_split with random_state 0"
    )
    assert (data["order"], data["last_batch"]) == ("shuffled", "kept")
    assert data["initialization"] == "fan_in_normal"
    assert data["data_sha256"] != data["held_out"]["data_sha256"]


def test_a_split_made_again_has_the_same_digests() -> None:
    before = problem("digits").to_json()
    digits._split.cache_clear()
    assert problem("digits").to_json() == before


def test_another_split_has_other_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    before = problem("digits").to_json()
    monkeypatch.setattr(digits, "SPLIT_SEED", 1)
    digits._split.cache_clear()
    after = problem("digits").to_json()
    digits._split.cache_clear()
    assert before["data_sha256"] != after["data_sha256"]
    assert before["held_out"]["data_sha256"] != after["held_out"]["data_sha256"]
    assert "random_state 1" in after["held_out"]["split"]


@every_digits
@pytest.mark.parametrize("module", ["sklearn.datasets", "sklearn.model_selection"])
def test_without_scikit_learn_there_are_no_digits(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    digits._split.cache_clear()
    with pytest.raises(
        ProblemUnavailable,
        match=r"not installed here\. Install it with: pip install scikit-learn",
    ):
        problem(name)


def test_people_need_no_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert problem("people16").name == "people16"


def test_the_command_says_that_scikit_learn_is_missing(tmp_path: Path) -> None:
    ran = run("--problem", "digits", "--backends", "numpy", **without(tmp_path, "sklearn"))
    assert (ran.code, ran.text) == (3, "")
    assert "the digits come with scikit-learn, which is not installed here" in ran.errors
    assert "Traceback" not in ran.errors
