"""A derivation by hand is read as it runs: which piece of source computed which numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Params
from shared.explain.bits import same_bits
from shared.explain.by_hand import UNSEEN, read_by_hand
from shared.explain.reading import Operation, Reading
from tests.explained_steps import ASYMMETRIC, OTHERS, SQUARED, Case, Explained, explained_by

Z = Callable[[Params, Array], Array]


def by_hand(case: Case = ASYMMETRIC) -> Explained:
    return explained_by("numpy", case)


def written(found: Explained, text: str) -> list[Operation]:
    return [one for one in found.reading.operations if one.written == text]


@pytest.mark.parametrize("case", [*SQUARED, *OTHERS], ids=str)
def test_an_operation_stands_in_the_source(case: Case) -> None:
    from impls import numpy_backprop

    lines = inspect.getsource(numpy_backprop).splitlines()
    for one in by_hand(case).reading.operations:
        place = one.place
        assert place is not None
        assert (place.file, lines[place.line - 1]) == ("numpy_backprop.py", place.text)
        assert place.columns is not None
        assert place.text[slice(*place.columns)] == one.written == place.part


@pytest.mark.parametrize(
    ("name", "text", "function"),
    [
        ("matmul", "activations[-1] @ W.mT", "forward"),
        ("exp", "np.exp(-z)", "sigmoid"),
        ("add.reduce", "delta.sum(axis=-2)", "backward"),
        ("matmul", "delta.mT @ a_below", "backward"),
        ("subtract", "output - y", "output_delta"),
    ],
)
def test_an_operation_knows_its_function(name: str, text: str, function: str) -> None:
    assert (name, function) in [(one.name, one.mark) for one in written(by_hand(), text)]


def test_two_operations_of_one_line_have_columns_of_their_own() -> None:
    rest, slope = (written(by_hand(), text)[0].place for text in ("1 - a", "a * (1 - a)"))
    assert rest is not None
    assert slope is not None
    assert rest.line == slope.line
    assert rest.columns != slope.columns


def test_letters_that_are_no_ascii_do_not_shift_the_columns() -> None:
    def z(params: Params, x: Array) -> Array:
        δ = x @ params[0].mT; return δ + params[1]  # noqa: E702  # fmt: skip

    names = [one.written for one in of_own(z).operations if one.mark.endswith("z")]
    assert names == ["x @ params[0].mT", "δ + params[1]"]


def test_the_derivation_by_hand_in_order() -> None:
    found = [one.written for one in by_hand().reading.operations if one.is_backward]
    assert found == [
        "output - y",
        "2 * error",
        "2 * error / (m * n)",
        "1 - a",
        "a * (1 - a)",
        "slope * SLOPES[network.output](output)",
        "delta.sum(axis=-2)",
        "delta.mT @ a_below",
        "delta @ params[2 * (layer - 1)]",
        "1 - a",
        "a * (1 - a)",
        "slope * SLOPES[network.activation](a_below)",
        "delta.sum(axis=-2)",
        "delta.mT @ a_below",
        "delta.mT @ a_below",
    ]


def test_the_axes_of_sums_and_products() -> None:
    axes = {(one.name, one.axes) for one in by_hand().reading.operations if one.axes}
    assert axes == {("matmul", (-1, -2)), ("add.reduce", (-1,)), ("add.reduce", (-2,))}


# Ways that the derivation in impls/ does not go, but another might.


class Own:
    """A layer, its answers computed in a way of one's own, and the sum of their squares."""

    def __init__(self, z: Z) -> None:
        self.z = z

    def loss(self, params: Params, x: Array, _: Array) -> Any:
        z = self.z(params, x)
        return (z * z).sum(), [x, z], z

    def gradients(self, params: Params, x: Array, y: Array) -> Any:
        _, _, z = self.loss(params, x, y)
        return SimpleNamespace(grads=((2 * z).mT @ x, (2 * z).sum(axis=-2)))


def of_own(z: Z, dtype: str = "float64") -> Reading:
    step = SQUARED[-1].step(dtype)
    reading = read_by_hand(Own(z), "own", "1", *step)  # type: ignore[arg-type]
    untouched = Own(z).gradients(*step).grads
    assert all(map(same_bits, reading.gradients, untouched))
    for one in reading.operations:
        found = one.again([reading.values[i].array for i in one.inputs])
        assert same_bits(found[0], reading.values[one.outputs[0]].array), one.written
    return reading


def path(reading: Reading) -> list[tuple[str, bool]]:
    """Return the operations of the own way, and whether each takes what the one before made."""
    own = [one for one in reading.operations if not one.is_backward][:-2]
    links = [False, *(set(a.outputs) <= set(b.inputs) for a, b in pairwise(own))]
    return [(one.name, link) for one, link in zip(own, links, strict=True)]


def in_place(params: Params, x: Array) -> Array:
    z = x @ params[0].mT
    z += params[1]
    z *= 0.5
    return z


def in_a_buffer(params: Params, x: Array) -> Array:
    z = np.empty((len(x), len(params[0])), x.dtype)
    np.matmul(x, params[0].mT, out=z)
    return z + params[1]


def set_by_hand(params: Params, x: Array) -> Array:
    z = x @ params[0].mT
    z[0] = 1
    return z + params[1]


def sliced(params: Params, x: Array) -> Array:
    return x[::-1] @ params[0].mT + params[1]


def in_part(params: Params, x: Array) -> Array:
    z = x @ params[0].mT
    z[:1] += 1
    return z + params[1]


def by_method(params: Params, x: Array) -> Array:
    z: Array = x.dot(params[0].mT)
    return z


def converted(params: Params, x: Array) -> Array:
    return (x @ params[0].mT).astype(np.float32).astype(x.dtype)


def joined(params: Params, x: Array) -> Array:
    return np.concatenate([x @ params[0].mT, x @ params[0].mT])[: len(x)] + params[1]


MADE = [("mT", False), ("matmul", True)]


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        (in_place, [*MADE, ("add", True), ("multiply", True)]),
        (in_a_buffer, [*MADE, ("add", True)]),
        (set_by_hand, [*MADE, (UNSEEN, True), ("add", True)]),
        (sliced, [(UNSEEN, False), ("mT", False), ("matmul", True), ("add", True)]),
        (in_part, [*MADE, (UNSEEN, True), ("add", True), (UNSEEN, False), ("add", True)]),
        (by_method, [("mT", False), ("dot", True)]),
        (converted, [*MADE, ("astype", True), ("astype", True)]),
        (joined, [*MADE, *MADE, ("concatenate", True), (UNSEEN, True), ("add", True)]),
    ],
)
def test_ways_of_ones_own(z: Z, expected: list[tuple[str, bool]], dtype: str) -> None:
    assert path(of_own(z, dtype)) == expected


def test_what_is_computed_in_place_is_another_value() -> None:
    reading = of_own(in_place)
    product, total, half = (reading.values[one.outputs[0]].array for one in reading.operations[1:4])
    assert same_bits(half, total * 0.5)
    assert not same_bits(product, total)
    assert reading.results["z1"] == reading.operations[3].outputs[0]


def test_what_was_not_seen_is_not_made_of_other_numbers() -> None:
    reading = of_own(sliced)
    (found,) = reading.operations[0].again([reading.values[reading.results["x"]].array + 1])
    assert np.isnan(found).all()
