"""A step explained as JSON-ready data: nothing lost, nothing that JSON cannot say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.bits import same_bits
from shared.explain.explanation import Explanation, Seen, explain
from shared.explain.moment import Moment, worked_moment
from shared.optimizer import Optimizer
from shared.registry import find
from shared.report.data import write_json
from shared.report.explain_data import MOST_DIGITS, MOST_NUMBERS, explanation_data
from shared.training import Missing
from shared.ulp import ulp_distance
from tests.conftest import load_or_skip
from tests.kinds import Kind

FRAMEWORKS = ("numpy", "torch", "jax")
COMMAND = "python compare.py explain"


def explained() -> Explanation:
    loaded = [load_or_skip(find(name)) for name in FRAMEWORKS]
    return explain(worked_moment("asymmetric", "float64"), loaded, "w1", [Missing("mlx", "gone")])


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    return explained()


@pytest.fixture(scope="module")
def data(explanation: Explanation) -> dict[str, Any]:
    return explanation_data(explanation, COMMAND)


def seen_with(seen: Seen, index: int, array: Array) -> Seen:
    """Return a backend's step in which one value has other numbers."""
    values = list(seen.reading.values)
    values[index] = replace(values[index], array=array)
    return replace(seen, reading=replace(seen.reading, values=tuple(values)))


def backend(data: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in data["backends"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def test_json_can_say_it_and_gives_it_back(data: dict[str, Any]) -> None:
    text = json.dumps(data, allow_nan=False)
    assert json.dumps(json.loads(text)) == text


def test_one_step_explained_twice_gives_equal_bytes(tmp_path: Path, data: dict[str, Any]) -> None:
    write_json(tmp_path / "once", data)
    write_json(tmp_path / "twice", explanation_data(explained(), COMMAND))
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_it_says_which_step_it_is(data: dict[str, Any], explanation: Explanation) -> None:
    moment = explanation.moment
    told = [data[key] for key in ("schema", "kind", "command", "title", "dtype", "samples")]
    assert told == [1, "explanation", COMMAND, moment.title, "float64", []]
    assert data["network"] == moment.network.to_json()
    assert [*data["params"]] == ["W1", "b1", "W2", "b2"]
    assert [*data["params"].values()] == [w.tolist() for w in moment.params]


def test_the_spine_stands_in_its_order(data: dict[str, Any], explanation: Explanation) -> None:
    assert [one["name"] for one in data["spine"]] == [*explanation.spine]
    (slope,) = (one for one in data["spine"] if one["name"] == "f'1")
    assert [slope[key] for key in ("shown", "formula", "pass")] == ["f'_h", "h (1-h)", "slope"]
    assert [slope[key] for key in ("exact", "digits")] == [
        explanation.spine["f'1"].exact.tolist(), [*explanation.spine["f'1"].digits],
    ]  # fmt: skip


@pytest.mark.parametrize(("size", "is_there"), [(MOST_DIGITS, True), (MOST_DIGITS + 1, False)])
def test_digits_of_large_tensors_are_left_out(
    explanation: Explanation, size: int, is_there: bool
) -> None:
    large = replace(explanation.spine["e²"], exact=np.zeros(size), digits=("0",) * size)
    changed = replace(explanation, spine={**explanation.spine, "e²": large})
    (told,) = (one for one in explanation_data(changed, "")["spine"] if one["name"] == "e²")
    assert told["digits"] == (["0"] * size if is_there else None)


@pytest.mark.parametrize("place", range(3), ids=FRAMEWORKS)
def test_every_operation_is_there(
    data: dict[str, Any], explanation: Explanation, place: int
) -> None:
    seen, told = explanation.seen[place], data["backends"][place]["operations"]
    assert [(one["index"], one["name"], one["inputs"], one["outputs"]) for one in told] == [
        (one.index, one.name, [*one.inputs], [*one.outputs]) for one in seen.reading.operations
    ]
    assert [(one["role"], one["how"]) for one in told] == [
        (one.role, one.how.value) for one in seen.alignment.placed
    ]


@pytest.mark.parametrize("place", range(3), ids=FRAMEWORKS)
def test_numbers_read_back_to_the_same_bits(
    data: dict[str, Any], explanation: Explanation, place: int
) -> None:
    told = json.loads(json.dumps(data["backends"][place]))
    for value, one in zip(told["values"], explanation.seen[place].reading.values, strict=True):
        assert same_bits(np.asarray(value["numbers"], one.array.dtype), one.array)


@pytest.mark.parametrize(("size", "is_there"), [(MOST_NUMBERS, True), (MOST_NUMBERS + 1, False)])
def test_numbers_of_large_values_are_left_out(
    explanation: Explanation, size: int, is_there: bool
) -> None:
    index = explanation.seen[0].stands["e²"]
    seen = seen_with(explanation.seen[0], index, np.zeros(size))
    told = explanation_data(replace(explanation, seen=(seen,)), "")["backends"][0]["values"][index]
    assert told["shape"] == [size]
    assert told["numbers"] == ([0.0] * size if is_there else None)


def test_a_line_by_hand_has_its_place(data: dict[str, Any]) -> None:
    (exp, *_) = (one for one in backend(data, "numpy")["operations"] if one["name"] == "exp")
    place = exp["place"]
    assert place["file"] == "numpy_backprop.py"
    assert place["text"][slice(*place["columns"])] == "np.exp(-z)"


def test_a_node_has_what_it_saved(data: dict[str, Any]) -> None:
    torch = backend(data, "torch")
    (first, *_) = (one for one in torch["nodes"] if one["name"] == "SigmoidBackward0")
    assert torch["values"][first["saved"]["result"]]["role"] == "a2"


def test_recipes_and_the_update_are_there(data: dict[str, Any], explanation: Explanation) -> None:
    jax, seen = backend(data, "jax"), explanation.seen[2]
    assert [one["written"] for one in jax["recipes"]] == [
        one.written for one in seen.recipes.values()
    ]
    assert seen.moved is not None
    assert jax["update"]["way"] == seen.moved.way
    assert jax["update"]["after"]["W1"] == seen.moved.after[0].tolist()


def test_without_plain_descent_there_is_no_update(explanation: Explanation) -> None:
    moment = replace(explanation.moment, optimizer=Optimizer(0.1, name="adam"))
    seen = replace(explanation.seen[0], moved=None)
    told = explanation_data(replace(explanation, moment=moment, seen=(seen,)), "")
    assert told["backends"][0]["update"] is None


def test_the_strip_goes_from_the_loss_to_the_weight(data: dict[str, Any]) -> None:
    assert [one["shown"] for one in data["strip"]["entries"]] == [
        "dL/do1", "o1(1 - o1)", "dL/dz_o1",
        "w5", "dL/dh1", "h1(1 - h1)", "dL/dz_h1",
        "x1", "dL/dw1",
    ]  # fmt: skip


def test_a_factor_is_null_where_it_is_never_formed(data: dict[str, Any]) -> None:
    never = {
        name: [one["role"] for one in data["strip"]["entries"] if one["backends"][name] is None]
        for name in FRAMEWORKS
    }
    assert never == {"numpy": [], "torch": ["f'2", "f'1"], "jax": []}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_number_of_the_strip_says_how_far_from_exact_it_is(
    data: dict[str, Any], explanation: Explanation, name: str
) -> None:
    told = data["strip"]["entries"][-1]
    value, exact = (np.array(one["value"] if "value" in one else one["exact"])
                    for one in (told["backends"][name], told))  # fmt: skip
    assert told["backends"][name]["ulps"] == int(ulp_distance(value, exact))
    assert float.fromhex(told["backends"][name]["hex"]) == value
    assert told["digits"] == explanation.spine["dL/dW1"].digits[0]


def test_a_slope_that_is_a_flag_is_told_as_a_number() -> None:
    kind = Kind("relu", "identity")
    data = kind.data("float32")
    moment = Moment("a step", "", kind.network, Optimizer(0.1), "float32",
                    kind.params("float32"), data.x[:3], data.y[:3], (0, 1, 2))  # fmt: skip
    found = explain(moment, [load_or_skip(find("numpy"))], "W1[0,0]")
    told = explanation_data(found, COMMAND)
    json.dumps(told, allow_nan=False)
    (slope,) = (one for one in told["strip"]["entries"] if one["role"] == "f'1")
    assert slope["backends"]["numpy"] == {"value": 1.0, "hex": "0x1.0000000000000p+0", "ulps": 0}


def test_what_is_no_number_is_said_to_be_none(tmp_path: Path, explanation: Explanation) -> None:
    seen = explanation.seen[0]
    broken = seen_with(seen, seen.stands["dL/da2"], np.array([[np.nan]]))
    write_json(tmp_path / "f", explanation_data(replace(explanation, seen=(broken,)), ""))
    told = json.loads((tmp_path / "f").read_text("utf-8"))["strip"]["entries"][0]
    assert told["backends"]["numpy"] == {"value": "NaN", "hex": "nan", "ulps": "NaN"}


def test_differences_say_which_numbers(data: dict[str, Any], explanation: Explanation) -> None:
    for told, one in zip(data["differences"], explanation.differences, strict=True):
        assert told["why"] == (one.why and one.why.value)
        for kind in ("here", "born", "inherited"):
            assert told[kind]["count"] == len(told[kind]["flat"])
            assert told[kind]["flat"] == np.flatnonzero(getattr(one, kind)).tolist()


def test_accounts_are_counted(data: dict[str, Any], explanation: Explanation) -> None:
    told = [(one["backend"], one["role"], one["differing"], one["explained"])
            for one in data["accounts"]]  # fmt: skip
    assert told == [(one.backend, one.role, *one.counts) for one in explanation.accounts]


def test_backends_that_are_missing_are_named(data: dict[str, Any]) -> None:
    assert data["missing"] == [{"name": "mlx", "reason": "gone"}]
