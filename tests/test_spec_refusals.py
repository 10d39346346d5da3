"""What is wrong in a spec, or in its data, is told with the file, the line and the field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.spec.read import read_spec
from tests.spec_files import FLOWERS, changed, line_of, npz, prices, spec_data, written

repeatably = settings(derandomize=True, deadline=None, max_examples=150)


def refusal(path: Path) -> str:
    """Return the message, without the folder."""
    with pytest.raises(UsageError) as error:
        read_spec(path)
    message = str(error.value)
    assert "\n" not in message
    return message.replace(f"{path.parent}/", "")


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    # What the spec says besides, the field that is named, the reason.
    ({"isograd": None}, "", "the field 'isograd' is missing; expected such as"),
    ({"isograd": 2}, "isograd", "got 2; expected 1, the version of specs read here."),
    ({"isograd": True}, "isograd", "got true; expected 1"),
    ({"epochs": 3}, "epochs", "unknown field; known are isograd, name, title, data"),
    ({"netwerk": {}}, "netwerk", "Did you mean 'network'?"),
    ({"data": None}, "", "the field 'data' is missing; expected such as"),
    ({"data": []}, "data", "expected an object in braces, got []."),
    ({"network": None}, "", "the field 'network' is missing"),
    ({"network": "2-4-3"}, "network", 'expected an object in braces, got "2-4-3".'),
    ({"name": ""}, "name", 'expected a text of one line, got "".'),
    ({"name": "a\nb"}, "name", 'expected a text of one line, got "a\\nb".'),
    ({"name": 3}, "name", "expected a text of one line, got 3."),
    ({"name": "people16"}, "name", "a problem that is built in is called 'people16'; expected an"),
    ({"name": "mnist"}, "name", "a problem that is built in is called 'mnist'"),
    ({"title": ["a"]}, "title", 'expected a text of one line, got ["a"].'),
    ({"seed": -1}, "seed", "seed -1 cannot be used; expected a whole number 0 to 2^32 - 1."),
    ({"seed": 2**32}, "seed", "seed 4294967296 cannot be used"),
    ({"seed": 1.5}, "seed", "seed 1.5 cannot be used"),
    ({"seed": "42"}, "seed", "seed '42' cannot be used"),
    ({"data__file": None}, "data", "the field 'file' is missing; expected such as"),
    ({"data__file": 3}, "data.file", "expected a text of one line, got 3."),
    ({"data__file": "none.csv"}, "data.file", "cannot read none.csv: No such file or directory"),
    ({"data__file": "mine.json"}, "data.file", "expected the name of a table to end in .csv or"),
    ({"data__folder": "x"}, "data.folder", "a folder goes with the problem"),
    ({"data__sep": ";"}, "data.sep", "unknown field; known are file, delimiter"),
    ({"data__delimiter": "x"}, "data.delimiter", 'got "x"; expected one of ",", ";", "\\t", "|".'),
    ({"data__delimiter": 3}, "data.delimiter", "got 3; expected one of"),
    ({"data__delimiter": ["", {}]}, "data.delimiter", "expected one of"),
    ({"data__delimiter": ";"}, "data.file", "line 1: the columns look separated by ','"),
    ({"data__features": None}, "data", "the field 'features' is missing"),
    ({"data__features": []}, "data.features", "expected a list such as"),
    ({"data__features": "length"}, "data.features", "expected a list such as"),
    ({"data__features": ["length", 2]}, "data.features[1]", "expected a name, got 2."),
    ({"data__features": ["length", "widht"]}, "data.features[1]", "Did you mean 'width'?"),
    ({"data__features": ["length"] * 2}, "data.features[1]", "'length' is named twice"),
    ({"data__features": ["kind", "width"]}, "data.targets", "'kind' is a feature, too"),
    ({"data__features": ["length", "kind"], "data__targets": ["price"]}, "",
     "flowers.csv, line 2, column 'kind': expected a number, got 'iris'."),
    ({"data__targets": None}, "data", "the field 'targets' is missing"),
    ({"data__targets": ["kinds"]}, "data.targets[0]", "flowers.csv has no column 'kinds'. Did you"),
    ({"data__targets": ["kind"], "data__classes": None}, "",
     "column 'kind': expected a number, got 'iris'. Labels of classes? List them:"),
    ({"data__classes": "iris"}, "data.classes", "expected a list such as"),
    ({"data__classes": []}, "data.classes", "classes hold 0; expected two or more."),
    ({"data__classes": ["iris"]}, "data.classes", "classes hold 1; expected two or more."),
    ({"data__classes": ["a", "a"]}, "data.classes", "classes hold 'a' twice"),
    ({"data__classes": ["1", 1]}, "data.classes", "classes hold 1 twice"),
    ({"data__classes": ["a", True]}, "data.classes", "classes hold True; expected texts or"),
    ({"data__classes": ["a", ""]}, "data.classes", "classes hold ''; expected texts or numbers"),
    ({"data__classes": ["a", ["b"]]}, "data.classes", "classes hold ['b']; expected texts or"),
    ({"data__classes": ["iris", "rose"]}, "data.classes",
     "flowers.csv, line 6, column 'kind': 'lily' is none of the classes iris, rose."),
    ({"data__classes": ["Iris", "rose", "lily"]}, "data.classes",
     "line 2, column 'kind': 'iris' is none of the classes Iris, rose, lily. Did you mean 'Iris'?"),
    ({"data__classes": ["iris", "rose", "lily", "oak"], "network__sizes": [2, 4, 4]},
     "data.classes", "flowers.csv, 'kind': no sample is of the class 'oak'"),
    ({"data__targets": ["kind", "price"]}, "",
     "flowers.csv, line 2, column 'kind': expected a number, got 'iris'."),
    ({"data__scaling": "normal"}, "data.scaling",
     'expected one of none, centred, standard, unit, got "normal".'),
    ({"data__scaling": "centered"}, "data.scaling", "Did you mean 'centred'?"),
    ({"data__scaling": None, "data__split": 0.2}, "data.split", "expected an object in braces"),
    ({"data__split__held_out": 0}, "data.split.held_out", "held_out is 0; expected a share"),
    ({"data__split__held_out": "20%"}, "data.split.held_out", "held_out is '20%'; expected a"),
    ({"data__split__held_out": 7}, "data.split.held_out",
     "held_out 7 of 9 samples is 7; expected 1 to 6, and one of each class at least"),
    ({"data__split__seed": 1}, "data.split", "the field 'held_out' is missing"),
    ({"data__split": {"held_out": 3, "seed": -1}}, "data.split.seed", "seed -1 cannot be used"),
    ({"data__split": {"heldout": 3}}, "data.split.heldout", "Did you mean 'held_out'?"),
    ({"network__sizes": None, "network__loss": "quadratic_cost"}, "network",
     "the field 'sizes' is missing; expected such as [4, 5, 3]."),
    ({"network__sizes": [3, 4, 3]}, "network.sizes",
     "the first is 3, and a sample has 2 features; expected 2."),
    ({"network__sizes": [2, 4, 2]}, "network.sizes",
     "the last is 2, and the data has 3 classes; expected 3."),
    ({"network__sizes": [2]}, "network.sizes", "sizes (2,) has 1 layer(s)"),
    ({"network__sizes": 2}, "network.sizes", "sizes is 2; expected whole numbers"),
    ({"network__sizes": [2, 0, 3]}, "network.sizes", "sizes (2, 0, 3) holds 0; every layer needs"),
    ({"network__sizes": [2, 4.0, 3]}, "network.sizes", "sizes (2, 4.0, 3) holds 4.0"),
    ({"network__sizes": [2, 10**8, 3]}, "network.sizes",
     "600,000,003 weights and biases; expected 100,000,000 at most."),
    ({"network__activation": "gelu"}, "network.activation", "unknown activation 'gelu'; known:"),
    ({"network__activation": ["tanh"]}, "network.activation", "unknown activation ['tanh']"),
    ({"network__output": "softmx"}, "network.output", "Did you mean 'softmax'?"),
    ({"network__loss": ["x"]}, "network.loss", "expected one of mean_squared_error,"),
    ({"network__output": "softmax", "network__loss": "quadratic_cost"}, "network.output",
     "a softmax output goes with categorical_cross_entropy; got quadratic_cost"),
    ({"network__loss": "binary_cross_entropy", "network__output": "identity"}, "network.output",
     "binary_cross_entropy is computed from the logits of a sigmoid output"),
    ({"network__size": [2, 4, 3]}, "network.size", "Did you mean 'sizes'?"),
    ({"optimizer__name": "adagrad"}, "optimizer.name", "expected one of sgd, momentum, rmsprop"),
    ({"optimizer__name": "adamm"}, "optimizer.name", "Did you mean 'adam'?"),
    ({"optimizer__learning_rate": 0}, "optimizer.learning_rate", "learning rate 0 cannot be used"),
    ({"optimizer__learning_rate": "1"}, "optimizer.learning_rate", "learning rate '1' is no"),
    ({"optimizer__momentum": 0.9}, "optimizer.momentum", "sgd has no field 'momentum'; it has"),
    ({"optimizer": {"name": "adam", "epsilon_place": "outsid"}}, "optimizer.epsilon_place",
     "unknown epsilon_place 'outsid'; known: outside, inside, uncorrected. Did you mean 'outside'"),
    ({"optimizer": {"name": "adam", "beta1": 1}}, "optimizer.beta1", "beta1 is 1; expected"),
    ({"optimizer": {"name": "adam", "decay": "decoupled"}}, "optimizer.decay",
     "adam decays coupled by name"),
    ({"optimizer__lr": 0.1}, "optimizer.lr", "unknown field; here it is learning_rate."),
    ({"optimizer__rate": 0.1}, "optimizer.rate", "unknown field; known are name, learning_rate"),
    ({"schedule__epochs": 0}, "schedule.epochs", "epochs is 0; expected 1 to 10,000,000."),
    ({"schedule__epochs": 10.0}, "schedule.epochs", "epochs is 10.0; expected a whole number."),
    ({"schedule__epochs": "10"}, "schedule.epochs", "epochs is '10'; expected a whole number."),
    ({"schedule__batch_size": 0}, "schedule.batch_size", "batch_size is 0; expected a whole"),
    ({"schedule__curve_every": 0}, "schedule.curve_every", "curve_every is 0; expected a whole"),
    ({"schedule__order": "random"}, "schedule.order", "order is 'random'; known: file, shuffled."),
    ({"schedule__last_batch": "keep"}, "schedule.last_batch", "last_batch is 'keep'; known: kept"),
    ({"schedule__initialization": "xavier"}, "schedule.initialization",
     "initialization is 'xavier'; known: standard_normal, fan_in_normal."),
    ({"schedule": {"batch_size": 10, "last_batch": "dropped"}}, "schedule.batch_size",
     "batch_size 10 exceeds the 9 samples, and a smaller last batch is dropped"),
    ({"schedule__batchsize": 3}, "schedule.batchsize", "Did you mean 'batch_size'?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field", "reason"), FIELDS, ids=[str(fields)[:50] for fields, _, _ in FIELDS]
)
def test_a_field_is_told_with_its_line(
    tmp_path: Path, fields: dict[str, Any], field: str, reason: str
) -> None:
    path = written(tmp_path, changed(spec_data(), **fields))
    told = refusal(path)
    assert reason in told
    if field:
        assert told.startswith(f"mine.json, line {expected_line(path, field)}, {field}: ")


def expected_line(path: Path, field: str) -> int:
    """Return the line of a field, found by its name: of a list's member, so many lines below."""
    name, _, index = field.rpartition(".")[2].partition("[")
    return line_of(path, f'"{name}": ') + (1 + int(index.rstrip("]")) if index else 0)


@pytest.mark.parametrize(
    "field", ["name", "data", "data__scaling", "data__split", "network__output", "seed"]
)
def test_null_is_refused(tmp_path: Path, field: str) -> None:
    spec = changed(spec_data(), **{field: "x"})
    path = written(tmp_path, spec)
    path.write_text(re.sub(rf'("{field.rpartition("__")[2]}": )("x"|\{{[^}}]*\}})', r"\1null",
                           path.read_text("utf-8")))  # fmt: skip
    assert "null says nothing; leave the field out for its default." in refusal(path)


@pytest.mark.parametrize("content", ["[]", "3", '"a"'])
def test_what_is_no_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content)
    assert refusal(path).startswith("mine.json, line 1: expected an object in braces, got ")


def test_the_name_of_the_file_may_be_that_of_no_built_in_problem(tmp_path: Path) -> None:
    path = written(tmp_path, spec_data()).rename(tmp_path / "digits.json")
    assert "name: a problem that is built in is called 'digits'" in refusal(path)


@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        ({"problem": "people61"}, "data.problem", "Did you mean 'people16'?"),
        ({"problem": 3}, "data.problem", "expected a text of one line, got 3."),
        ({"problem": "people4", "file": "a.csv"}, "data.file", "unknown field; known are problem"),
        (
            {"problem": "people4", "folder": "a"},
            "data.folder",
            "the problem people4 brings its own",
        ),
        ({"problem": "mnist"}, "data.problem", 'files that you have; name their "folder", too.'),
        ({"problem": "mnist", "folder": "none"}, "data.folder", "cannot read the folder none"),
    ],
)
def test_data_of_a_problem_is_refused(
    tmp_path: Path, data: dict[str, Any], field: str, reason: str
) -> None:
    told = refusal(written(tmp_path, {**spec_data(), "data": data}))
    assert reason in told
    assert re.match(rf"mine\.json, line \d+, {re.escape(field)}: ", told)


def test_a_name_is_free_where_the_data_is_that_problems(tmp_path: Path) -> None:
    spec = {**spec_data(), "name": "people4", "data": {"problem": "people4"}}
    path = written(tmp_path, changed(spec, network__sizes=[2, 2, 1]))
    assert read_spec(path).problem.name == "people4"


@pytest.mark.parametrize("sizes", [[3, 2, 1], [2, 2, 2]])
def test_a_network_that_does_not_fit_a_problems_data_is_refused(
    tmp_path: Path, sizes: list[int]
) -> None:
    spec = {**spec_data(), "data": {"problem": "people4"}, "network": {"sizes": sizes}}
    reason = "a sample has 2 features; expected 2" if sizes[0] == 3 else "has 1 target; expected 1"
    assert reason in refusal(written(tmp_path, spec))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"network__loss": "binary_cross_entropy"},
         "flowers.csv, line 2, column 'price' holds 2.5; binary_cross_entropy needs targets from"),
        ({"network__sizes": [2, 4, 2]}, "the last is 2, and the data has 1 target; expected 1."),
        ({"network__sizes": [2, 4, 2], "data__targets": ["price", "width"],
          "data__features": ["length"]}, "the first is 2, and a sample has 1 feature; expected 1"),
        ({"data__targets": ["price", "width"], "data__features": ["length"],
          "data__classes": ["a", "b", "c"]}, "classes name 3, and the targets are 2 columns"),
        ({"data__targets": ["price", "width"], "data__features": ["length"],
          "data__classes": ["a", "b"]},
         "flowers.csv, line 2: the targets are 2.5, 3.5; expected a single 1 at the"),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit_are_refused(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(written(tmp_path, changed(prices(), **fields)))


def test_the_line_of_a_target_is_told_behind_a_split(tmp_path: Path) -> None:
    table = "a,b\n1,0\n2,1\n3,0.5\n4,0\n5,1\n6,1.5\n"
    spec = changed(
        prices(), data__features=["a"], data__targets=["b"], data__split={"held_out": 0.5},
        network={"sizes": [1, 1], "loss": "binary_cross_entropy"},
    )  # fmt: skip
    told = refusal(written(tmp_path, spec, table))
    assert "flowers.csv, line 7, column 'b' holds 1.5; binary_cross_entropy" in told


def test_rows_that_are_no_shares_are_refused_by_softmax(tmp_path: Path) -> None:
    spec = changed(
        prices(), data__features=["a"], data__targets=["b", "c"],
        network={"sizes": [1, 2], "output": "softmax"},
    )  # fmt: skip
    told = refusal(written(tmp_path, spec, "a,b,c\n1,0.5,0.5\n2,0.5,0.25\n"))
    assert "data.targets: categorical_cross_entropy needs targets that sum to 1" in told


def test_a_constant_column_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, spec_data(), re.sub(r"\d\.\d,", "3.0,", FLOWERS, count=0))
    told = refusal(path)
    assert told.startswith(
        f"mine.json, line {line_of(path, 'features')}, data.features: flowers.csv"
    )
    assert "column 'length' is 3.0 in all 9 samples of the training. A constant tells" in told


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"data__split": {"held_out": 0.5}}, "no sample can be held out of 1; leave the split out"),
        ({"data__scaling": "centred"}, "flowers.csv has one sample to train on, and 'centred'"),
    ],
)
def test_one_row_is_too_few_to_split_or_scale(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    table = "length,width,price\n1,2,3\n"
    assert reason in refusal(written(tmp_path, changed(prices(), **fields), table))


def test_one_row_is_enough_to_train_on(tmp_path: Path) -> None:
    path = written(tmp_path, prices(), "length,width,price\n1,2,3\n")
    assert len(read_spec(path).problem.x) == 1


@pytest.mark.parametrize(
    ("features", "targets", "reason"),
    [
        (["x", "x[0]"], ["y"], "data.features: 'x[0]' comes twice; expected each column once."),
        (["x"], ["x[1]"], "data.targets: 'x[1]' is a feature, too"),
        (["x"], ["z"], "array 'x' holds 3 samples and 'z' 2; expected as many in each."),
        (["w"], ["y"], "data.features[0]: a.npz has no array 'w'."),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, features: list[str], targets: list[str], reason: str
) -> None:
    npz(tmp_path / "a.npz", x=np.arange(6).reshape(3, 2), y=np.arange(3), z=np.arange(2))
    spec = changed(
        prices(), data__file="a.npz", data__features=features, data__targets=targets
    )  # fmt: skip
    assert reason in refusal(written(tmp_path, spec))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**19) | st.floats(-1e9, 1e9)
    | st.sampled_from(["", "kind", "none", "adam", "softmax", "digits", "a.csv", "\n", "x[0]"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["held_out", "seed", "sizes", "name", "x"]), inner),
    max_leaves=4,
)  # fmt: skip
SOME = [
    "isograd", "name", "title", "seed", "data", "network", "optimizer", "schedule",
    *(f"data__{key}" for key in ("file", "delimiter", "features", "targets", "classes", "scaling",
                                 "split", "split__held_out", "split__seed", "problem", "folder")),
    *(f"network__{key}" for key in ("sizes", "activation", "output", "loss")),
    *(f"optimizer__{key}" for key in ("name", "learning_rate", "epsilon", "decay", "nesterov")),
    *(f"schedule__{key}" for key in ("epochs", "batch_size", "order", "curve_every",
                                     "initialization", "last_batch")),
]  # fmt: skip


@repeatably
@given(st.sampled_from(SOME), json_values)
def test_whatever_stands_in_a_field_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: Any
) -> None:
    path = written(tmp_path_factory.getbasetemp(), changed(spec_data(), **{field: value}))
    try:
        problem = read_spec(path).problem
    except UsageError as error:
        assert str(path.parent) in str(error)  # noqa: PT017 - either may be
        return
    assert len(problem.x) >= 1
