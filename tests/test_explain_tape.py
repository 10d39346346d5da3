"""torch's tape is read node by node: what each saved, what came in, what it ran, what left it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from shared.explain.bits import same_bits
from shared.explain.reading import Node, Reading
from tests.command_line import ROOT
from tests.explained_steps import (
    ASYMMETRIC,
    SYMMETRIC,
    Case,
    Explained,
    altered,
    explained_by,
    framework,
)
from tests.kinds import Kind

WORKED = [SYMMETRIC, ASYMMETRIC]


def tape(case: Case = ASYMMETRIC) -> Explained:
    return explained_by("torch", case)


def role(found: Explained, index: int | None) -> str | None:
    return None if index is None else found.alignment.roles[index]


def node(found: Explained, name: str, which: int) -> Node:
    return [one for one in found.reading.nodes if one.name == name][which]


@pytest.mark.parametrize("case", WORKED, ids=str)
def test_the_nodes_in_order(case: Case) -> None:
    assert [one.name for one in tape(case).reading.nodes] == [
        "MeanBackward1",
        "PowBackward0",
        "SubBackward0",
        "SigmoidBackward0",
        "AddmmBackward0",
        "AccumulateGrad",
        "SigmoidBackward0",
        "TBackward0",
        "AddmmBackward0",
        "AccumulateGrad",
        "AccumulateGrad",
        "TBackward0",
        "AccumulateGrad",
    ]


@pytest.mark.parametrize("case", WORKED, ids=str)
def test_what_the_nodes_saved(case: Case) -> None:
    found = tape(case)
    saved = [
        {name: role(found, index) for name, index in one.saved.items()}
        for one in found.reading.nodes if one.saved
    ]  # fmt: skip
    assert saved == [
        {"self": "e"},
        {"result": "a2"},
        {"mat1": "a1", "mat2": "W2"},
        {"result": "a1"},
        {"mat1": "x"},
    ]


def test_a_sigmoid_saves_its_result_and_not_its_slope() -> None:
    found = tape()
    (saved,) = node(found, "SigmoidBackward0", 1).saved.values()
    assert saved == found.reading.results["a1"]
    array = found.reading.values[saved].array
    assert same_bits(array, found.value("a1").array)
    assert not same_bits(array, array * (1 - array))


@pytest.mark.parametrize(
    ("name", "which", "arriving", "leaving"),
    [
        ("MeanBackward1", 0, ["dL/dL"], ["dL/de²"]),
        ("PowBackward0", 0, ["dL/de²"], ["dL/da2"]),
        ("SubBackward0", 0, ["dL/da2"], ["dL/da2", None]),
        ("SigmoidBackward0", 0, ["dL/da2"], ["dL/dz2"]),
        ("AddmmBackward0", 0, ["dL/dz2"], ["dL/db2", "dL/da1", "dL/dW2"]),
        ("SigmoidBackward0", 1, ["dL/da1"], ["dL/dz1"]),
        ("AddmmBackward0", 1, ["dL/dz1"], ["dL/db1", None, "dL/dW1"]),
        ("TBackward0", 0, ["dL/dW2"], ["dL/dW2"]),
        ("AccumulateGrad", 0, ["dL/db2"], []),
        ("AccumulateGrad", 1, ["dL/dW2"], []),
        ("AccumulateGrad", 2, ["dL/db1"], []),
        ("AccumulateGrad", 3, ["dL/dW1"], []),
    ],
)
@pytest.mark.parametrize("case", WORKED, ids=str)
def test_what_comes_and_goes(
    case: Case, name: str, which: int, arriving: list[str], leaving: list[str | None]
) -> None:
    found = tape(case)
    one = node(found, name, which)
    assert [role(found, index) for index in one.arriving] == arriving
    assert [role(found, index) for index in one.leaving] == leaving


def handed_on(reading: Reading) -> list[tuple[int | None, int | None]]:
    """Return what each node handed to another, with what arrived there."""
    return [
        (left, reading.nodes[after].arriving[0])
        for one in reading.nodes
        for after, left in zip(one.after, one.leaving, strict=True)
        if after is not None
    ]


@pytest.mark.parametrize("case", [*WORKED, Case(Kind("tanh"), 3)], ids=str)
def test_what_leaves_a_node_arrives_at_the_next(case: Case) -> None:
    pairs = handed_on(tape(case).reading)
    assert pairs
    assert [left for left, _ in pairs] == [arrived for _, arrived in pairs]


def test_leaves_get_the_gradients() -> None:
    found = tape()
    results = [found.reading.results[f"dL/d{name}"] for name in ("b2", "W2", "b1", "W1")]
    arrived = [one.arriving[0] for one in found.reading.nodes if one.name == "AccumulateGrad"]
    assert arrived == results


def test_a_node_ran_the_operators_that_bear_its_name() -> None:
    reading = tape().reading
    for one in reading.nodes:
        assert {reading.operations[i].mark for i in one.backward} <= {one.name}
    ran = [i for one in reading.nodes for i in one.backward]
    marked = [one.index for one in reading.operations if one.mark]
    assert sorted(ran) == marked


@pytest.mark.parametrize(
    ("name", "which", "ran"),
    [
        ("SigmoidBackward0", 0, ["aten.detach", "aten.sigmoid_backward"]),
        ("SubBackward0", 0, []),
        ("PowBackward0", 0, ["aten.pow[1.0]", "aten.mul", "aten.mul"]),
    ],
)
def test_what_a_node_ran(name: str, which: int, ran: list[str]) -> None:
    found = tape()
    operations = [found.reading.operations[i] for i in node(found, name, which).backward]
    assert [one.name for one in operations] == ran
    assert all(one.is_backward for one in operations)


def test_a_node_was_left_by_the_operator_of_its_name() -> None:
    reading = tape().reading
    left = {
        one.name: reading.operations[one.forward].name
        for one in reading.nodes if one.forward is not None
    }  # fmt: skip
    assert left == {
        "MeanBackward1": "aten.mean",
        "PowBackward0": "aten.pow[2]",
        "SubBackward0": "aten.sub",
        "SigmoidBackward0": "aten.sigmoid",
        "AddmmBackward0": "aten.addmm",
        "TBackward0": "aten.t",
    }


@pytest.mark.parametrize(
    ("kind", "name", "saved"),
    [
        (Kind("tanh"), "TanhBackward0", {"result": "a1"}),
        (Kind("relu"), "ReluBackward0", {"result": "a1"}),
        (
            Kind(output="softmax", loss="categorical_cross_entropy"),
            "LogSoftmaxBackward0",
            {"result": None},  # it has no name in the chain rule
        ),
    ],
    ids=str,
)
def test_what_other_functions_save(kind: Kind, name: str, saved: dict[str, str | None]) -> None:
    found = tape(Case(kind, 3))
    roles = found.alignment.roles
    assert {key: roles[i] for key, i in node(found, name, 0).saved.items()} == saved


def test_what_is_computed_in_place_is_another_value() -> None:
    reading = altered("torch", ASYMMETRIC, activation=lambda z: (z * 2).sigmoid_()).reading
    before, after = (
        reading.values[one.outputs[0]].array
        for one in reading.operations
        if one.name in ("aten.mul", "aten.sigmoid_") and not one.is_backward
    )
    assert same_bits(after, framework("torch").from_numpy(np.array(before)).sigmoid().numpy())
    assert reading.values[reading.results["a1"]].array is after


def test_reading_does_not_load_torchs_compiler() -> None:
    """It takes longer than all the rest."""
    framework("torch")
    code = (
        "import sys\n"
        "from shared.explain.explanation import explain\n"
        "from shared.explain.moment import worked_moment\n"
        "from shared.registry import find, load\n"
        "explain(worked_moment('symmetric', 'float64'), [load(find('torch'))], 'w1')\n"
        "print('torch' in sys.modules, 'torch._dynamo.convert_frame' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]
