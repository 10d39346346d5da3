"""The digits of the user's own files: every picture with its label, and the training as stated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shared.comparison import Comparison, compare
from shared.mnist import mnist
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import HeldOut, Problem
from shared.registry import find, load
from shared.seeding import initial_params
from tests.idx_files import SIZE, TEST, TRAIN, numbered, tiny, write_mnist

ARRAYS = tiny()
PIXELS = SIZE[0] * SIZE[1]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The problem of tiny files."""
    return mnist(write_mnist(tmp_path_factory.mktemp("mnist"), ARRAYS))


@pytest.fixture(scope="module")
def trained(one: Problem) -> Comparison:
    """Two epochs of it on NumPy."""
    return compare(one.changed(epochs=2), 0, [load(find("numpy"))])


def held_out(one: Problem) -> HeldOut:
    assert one.held_out is not None
    return one.held_out


def test_pixels_are_255ths_in_the_order_of_the_files(one: Problem) -> None:
    for x, name in ((one.x, "train-images"), (held_out(one).x, "t10k-images")):
        expected = [[value / 255 for value in picture.ravel().tolist()] for picture in ARRAYS[name]]
        assert x.tolist() == expected


def test_every_byte_becomes_the_nearest_float64(tmp_path: Path) -> None:
    pictures = numbered(1, 16, 16)
    images = {"train-images": pictures, "t10k-images": pictures}
    labels = {"train-labels": numbered(1), "t10k-labels": numbered(1)}
    x = mnist(write_mnist(tmp_path, images | labels)).x
    assert x.tolist() == [[byte / 255 for byte in range(256)]]
    assert x.dtype == np.float64


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 3), (2, 1), (3, 0)])
def test_a_bright_pixel_lands_at_its_input(tmp_path: Path, row: int, column: int) -> None:
    arrays = {name: np.zeros_like(array) for name, array in ARRAYS.items()}
    arrays["train-images"][5, row, column] = 255
    x = mnist(write_mnist(tmp_path, arrays)).x
    assert np.argwhere(x).tolist() == [[5, row * SIZE[1] + column]]
    assert x.max() == 1


def test_pictures_need_not_be_square(tmp_path: Path) -> None:
    wide = {
        name: array.reshape(-1, 2, 8) if array.ndim == 3 else array
        for name, array in ARRAYS.items()
    }
    one = mnist(write_mnist(tmp_path, wide))
    assert (one.image, one.network.sizes) == ((2, 8), (16, 30, 10))
    assert one.title == "handwritten digits, 2 x 8 pixels / 255"


def test_targets_are_one_hot(one: Problem) -> None:
    for y, name in ((one.y, "train-labels"), (held_out(one).y, "t10k-labels")):
        assert y.tolist() == [[float(k == label) for k in range(10)] for label in ARRAYS[name]]


def test_the_samples_lie_in_memory_once(one: Problem) -> None:
    """At the true size a copy would take 376 MB."""
    data, held = one.dataset("float64"), one.held_out_dataset("float64")
    assert held is not None
    assert data.x is one.x is one.changed(epochs=1).x
    assert held.x is held_out(one).x
    assert not one.x.flags.writeable
    assert one.x.base is None


def test_the_same_files_may_be_trained_on_and_held_out(tmp_path: Path) -> None:
    train = {name: array for name, array in ARRAYS.items() if name.startswith("train")}
    again = {name.replace("train", "t10k"): array for name, array in train.items()}
    one = mnist(write_mnist(tmp_path, train | again))
    assert one.x.tolist() == held_out(one).x.tolist()


def test_the_training_is_the_stated_one(one: Problem) -> None:
    assert one.network == Network((PIXELS, 30, 10), "sigmoid", "sigmoid", "quadratic_cost")
    assert one.optimizer == Optimizer(3.0)
    assert (one.epochs, one.batch_size, one.curve_every) == (30, 10, 1)
    assert (one.order, one.last_batch, one.initialization) == (
        "shuffled",
        "kept",
        "standard_normal",
    )
    assert (one.classes, one.image) == (tuple("0123456789"), SIZE)
    assert (one.people, one.features) == ((), ())


def test_biases_start_from_a_normal_distribution_too(one: Problem) -> None:
    _, b1, _, b2 = initial_params(one.network, 0, "float64", one.initialization)
    assert (b1 != 0).all()
    assert (b2 != 0).all()


def test_what_identifies_the_problem_names_the_files(one: Problem) -> None:
    data = one.to_json()
    assert json.loads(json.dumps(data)) == data
    assert (data["name"], data["samples"], data["held_out"]["samples"]) == ("mnist", TRAIN, TEST)
    assert data["held_out"]["split"] == "the files t10k-images and t10k-labels"


def test_the_origin_is_the_users_files(one: Problem) -> None:
    assert one.origin.startswith("the user's IDX files, named as those of Y. LeCun, C. Cortes")


@pytest.mark.parametrize("changed", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_another_file_is_another_problem(tmp_path: Path, one: Problem, changed: str) -> None:
    other = mnist(write_mnist(tmp_path, ARRAYS | {changed: ARRAYS[changed][::-1]}))
    assert other != one
    assert other.to_json() != one.to_json()


def test_the_same_files_elsewhere_are_the_same_problem(tmp_path: Path, one: Problem) -> None:
    other = mnist(write_mnist(tmp_path, ARRAYS))
    assert other == one
    assert other.to_json() == one.to_json()


def test_a_training_on_it_is_certified(trained: Comparison) -> None:
    assert trained.certified
    assert trained.steps == 2 * TRAIN // 10


def test_it_is_learned(trained: Comparison) -> None:
    loss = trained.backends[0].curve.loss
    assert loss[-1] < loss[0] / 2


def test_held_out_pictures_are_answered(trained: Comparison) -> None:
    assert trained.classification is not None
    measured = trained.classification.measured
    assert measured.truth.tolist() == ARRAYS["t10k-labels"].tolist()
    assert measured.split == "the files t10k-images and t10k-labels"
