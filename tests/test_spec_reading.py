"""A spec becomes a problem and a seed; what it does not say has a default that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import UsageError
from shared.network import Network
from shared.optimizer import OPTIMIZERS, Optimizer
from shared.problems import Feature
from shared.spec.read import LEARNING_RATES, read_spec
from tests.spec_files import FLOWERS, KINDS, changed, npz, prices, read, spec_data, written

LENGTHS = [5.1, 4.9, 7.0, 6.4, 6.3, 5.8, 5.0, 6.9, 5.9]
CLASS = [0, 0, 1, 1, 2, 2, 0, 1, 2]


def test_the_columns_become_inputs_and_the_labels_one_hot_targets(tmp_path: Path) -> None:
    problem = read(tmp_path, spec_data()).problem
    assert problem.x[:, 0].tolist() == LENGTHS
    assert problem.x.shape == (9, 2)
    assert problem.y.tolist() == np.eye(3)[CLASS].tolist()
    assert problem.classes == tuple(KINDS)
    assert problem.features == (Feature("length", "", 0.0), Feature("width", "", 0.0))


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    spec = read(tmp_path, spec_data())
    problem = spec.problem
    assert (spec.seed, spec.path) == (42, tmp_path / "mine.json")
    assert (problem.name, problem.title, problem.origin) == ("mine", "mine", "flowers.csv")
    assert problem.optimizer == Optimizer(0.1)
    assert (problem.epochs, problem.batch_size, problem.curve_every) == (100, 10, 1)
    assert (problem.order, problem.last_batch) == ("shuffled", "kept")
    assert problem.initialization == "fan_in_normal"
    assert (problem.held_out, problem.image, problem.people) == (None, None, ())


def test_what_is_said_is_taken(tmp_path: Path) -> None:
    spec = changed(
        spec_data(), name="flowers", title="three flowers", seed=7,
        network__activation="relu", network__output="sigmoid", network__loss="quadratic_cost",
        optimizer={"name": "adam", "learning_rate": 0.5, "epsilon_place": "inside"},
        schedule={
            "epochs": 12, "batch_size": 4, "order": "file", "last_batch": "dropped",
            "curve_every": 3, "initialization": "standard_normal",
        },
    )  # fmt: skip
    told = read(tmp_path, spec)
    problem = told.problem
    assert (told.seed, problem.name, problem.title) == (7, "flowers", "three flowers")
    assert problem.network == Network((2, 4, 3), "relu", "sigmoid", "quadratic_cost")
    assert problem.optimizer == Optimizer(0.5, "adam", epsilon_place="inside")
    assert (problem.epochs, problem.batch_size, problem.curve_every) == (12, 4, 3)
    assert (problem.order, problem.last_batch) == ("file", "dropped")
    assert problem.initialization == "standard_normal"


SOFTMAX, CROSS = "categorical_cross_entropy", "binary_cross_entropy"


@pytest.mark.parametrize(
    ("spec", "said", "output", "loss"),
    [
        (spec_data(), {}, "softmax", SOFTMAX),
        (spec_data(), {"output": "softmax"}, "softmax", SOFTMAX),
        (spec_data(), {"output": "sigmoid"}, "sigmoid", CROSS),
        (spec_data(), {"output": "identity"}, "identity", "mean_squared_error"),
        (spec_data(), {"loss": SOFTMAX}, "softmax", SOFTMAX),
        (spec_data(), {"loss": CROSS}, "sigmoid", CROSS),
        (spec_data(), {"loss": "quadratic_cost"}, "sigmoid", "quadratic_cost"),
        (prices(), {}, "identity", "mean_squared_error"),
        (prices(), {"loss": "quadratic_cost"}, "identity", "quadratic_cost"),
        (prices(), {"output": "sigmoid"}, "sigmoid", "mean_squared_error"),
    ],
)
def test_output_and_loss_fit_the_targets_and_each_other(
    tmp_path: Path, spec: dict[str, Any], said: dict[str, str], output: str, loss: str
) -> None:
    spec["network"] |= said
    network = read(tmp_path, spec).problem.network
    assert (network.activation, network.output, network.loss) == ("tanh", output, loss)


@pytest.mark.parametrize(
    ("epochs", "every"), [(1, 1), (499, 1), (500, 1), (1000, 2), (5000, 10), (1_000_000, 2000)]
)
def test_the_curve_has_some_five_hundred_points(tmp_path: Path, epochs: int, every: int) -> None:
    problem = read(tmp_path, changed(spec_data(), schedule__epochs=epochs)).problem
    assert problem.curve_every == every
    assert len(problem.curve_epochs) <= 502


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_a_learning_rate(tmp_path: Path, name: str) -> None:
    problem = read(tmp_path, changed(spec_data(), optimizer__name=name)).problem
    assert problem.optimizer == Optimizer(LEARNING_RATES[name], name)


def test_quantities_are_taken_as_they_are(tmp_path: Path) -> None:
    problem = read(tmp_path, changed(prices(), data__scaling="standard")).problem
    assert problem.y[:, 0].tolist() == [2.5, 2, 4, 4.5, 6, 5.5, 2.25, 4.25, 5.75]
    assert problem.classes == ()


TWO = "\n".join(line for line in FLOWERS.splitlines() if "lily" not in line) + "\n"


@pytest.mark.parametrize(
    ("outputs", "rows", "output"),
    [
        (1, [[0.0], [0.0], [1.0], [1.0], [0.0], [1.0]], "sigmoid"),
        (2, [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2 + [[1.0, 0.0], [0.0, 1.0]], "softmax"),
    ],
)
def test_two_classes_are_told_by_one_output_or_by_two(
    tmp_path: Path, outputs: int, rows: list[list[float]], output: str
) -> None:
    spec = changed(spec_data(), data__classes=KINDS[:2], network__sizes=[2, 3, outputs])
    problem = read(tmp_path, spec, TWO).problem
    assert problem.y.tolist() == rows
    assert problem.classes == ("iris", "rose")
    assert problem.network.output == output


@pytest.mark.parametrize("classes", [[0, 1, 2], ["0", "1", "2"], [0.0, "1", 2]])
def test_labels_may_be_numbers(tmp_path: Path, classes: list[Any]) -> None:
    table = FLOWERS
    for number, kind in enumerate(KINDS):
        table = table.replace(kind, str(number))
    problem = read(tmp_path, changed(spec_data(), data__classes=classes), table).problem
    assert problem.y.argmax(axis=1).tolist() == CLASS
    assert problem.classes == ("0", "1", "2")


def test_a_label_that_writes_the_number_otherwise_is_the_same(tmp_path: Path) -> None:
    table = "a,b,y\n1,2,1.0\n2,1,2\n3,5,+1\n"
    spec = changed(
        spec_data(), data__features=["a", "b"], data__targets=["y"], data__classes=[2, 1],
        network__sizes=[2, 1],
    )  # fmt: skip
    assert read(tmp_path, spec, table).problem.y[:, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize("label", ["1_0", "inf", "ten"])
def test_a_label_that_only_python_takes_for_a_number_is_none(tmp_path: Path, label: str) -> None:
    spec = changed(
        spec_data(), data__features=["a"], data__targets=["y"], data__classes=[1, 10],
        network__sizes=[1, 1],
    )  # fmt: skip
    with pytest.raises(UsageError, match=f"line 3, column 'y': '{label}' is none of the classes"):
        read(tmp_path, spec, f"a,y\n1,1\n2,{label}\n3,10\n")


ONE_HOT = "a,b,c\n1,1,0\n2,0,1\n4,1,0\n"


def one_hot(classes: list[str] | None = None) -> dict[str, Any]:
    return changed(
        spec_data(), data__features=["a"], data__targets=["b", "c"],
        data__classes=classes or ["x", "y"], network__sizes=[1, 2],
    )  # fmt: skip


def test_columns_of_0_and_1_are_named_by_the_classes(tmp_path: Path) -> None:
    problem = read(tmp_path, one_hot(), ONE_HOT).problem
    assert problem.y.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert (problem.classes, problem.network.output) == (("x", "y"), "softmax")


@pytest.mark.parametrize("scaling", ["none", "centred", "standard", "unit"])
def test_scaling_and_splitting_go_together(tmp_path: Path, scaling: str) -> None:
    spec = changed(spec_data(), data__scaling=scaling, data__split={"held_out": 3})
    problem = read(tmp_path, spec).problem
    assert problem.held_out is not None
    assert len(problem.x) == 6
    assert problem.held_out.y.sum(axis=0).tolist() == [1, 1, 1]
    assert problem.held_out.split.startswith("stratified, 3 of 9 samples, drawn by NumPy's")
    feature = problem.features[0]
    back = np.concatenate([problem.x, problem.held_out.x])[:, 0] * feature.divided
    assert np.sort(np.round(back + feature.subtracted, 9)).tolist() == sorted(LENGTHS)


def test_another_seed_of_the_split_holds_others_out(tmp_path: Path) -> None:
    held_out = [
        read(tmp_path, changed(prices(), data__split={"held_out": 0.5, "seed": seed})).problem
        for seed in (0, 1)
    ]
    assert held_out[0].held_out != held_out[1].held_out


def test_the_seed_of_the_run_leaves_the_split_alone(tmp_path: Path) -> None:
    spec = changed(prices(), data__split={"held_out": 0.5})
    assert read(tmp_path, spec).problem == read(tmp_path, changed(spec, seed=1)).problem


def of_arrays(folder: Path, **arrays: Any) -> Path:
    """A spec of arrays x and y, with labels 0, 1 and 2."""
    npz(folder / "a.npz", **arrays)
    inputs = int(np.prod(np.shape(arrays["x"])[1:]))
    spec = changed(
        spec_data(), data__file="a.npz", data__features=["x"], data__targets=["y"],
        data__classes=[0, 1, 2], network__sizes=[inputs, 3],
    )  # fmt: skip
    return written(folder, spec)


def test_pictures_in_npz_keep_their_size(tmp_path: Path) -> None:
    pictures = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    problem = read_spec(of_arrays(tmp_path, x=pictures, y=[0, 1, 2, 1])).problem
    assert problem.image == (2, 3)
    assert problem.x.tolist() == pictures.reshape(4, 6).tolist()
    assert [str(feature) for feature in problem.features] == [f"x[{i}]" for i in range(6)]


@pytest.mark.parametrize("y", [[0, 1, 2, 1], np.eye(3)[[0, 1, 2, 1]], [[0], [1], [2], [1]]])
def test_an_array_of_targets_holds_labels_or_one_hot_rows(tmp_path: Path, y: Any) -> None:
    problem = read_spec(of_arrays(tmp_path, x=np.arange(8).reshape(4, 2), y=y)).problem
    assert problem.y.argmax(axis=1).tolist() == [0, 1, 2, 1]
    assert problem.image is None


def test_the_data_of_a_problem_comes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    spec = {"isograd": 1, "data": {"problem": "people16"}, "network": {"sizes": [2, 3, 1]}}
    problem = read(tmp_path, spec).problem
    assert (problem.name, len(problem.x), len(problem.people)) == ("mine", 16, 1)
    assert problem.classes == ("male", "female")
    assert str(problem.features[0]) == "height in cm - 150"
    assert problem.network == Network((2, 3, 1), "tanh", "sigmoid", CROSS)


def test_a_file_is_looked_for_beside_the_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    path = written(tmp_path / "inner", spec_data())
    monkeypatch.chdir(tmp_path)
    assert len(read_spec(path.relative_to(tmp_path)).problem.x) == 9


def test_equal_specs_give_equal_problems(tmp_path: Path) -> None:
    one, other = (read(tmp_path, spec_data()).problem for _ in range(2))
    assert one == other
    assert one.to_json() == other.to_json()
