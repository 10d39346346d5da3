"""Every kind of network in every backend: activations, loss and gradients, right up to rounding.

Each is held to exact arithmetic at what the backend itself recorded on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from impls import numpy_backprop
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Params, StepGradients
from shared.network import Network
from shared.optimizer import Optimizer
from tests.conftest import Make
from tests.forward_check import forward_excess, loss_excess
from tests.gradient_check import Rules, excess
from tests.kinds import KINDS, Kind

M = 5
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
RELU = Kind("relu", "identity", "quadratic_cost")
TANH = Kind("tanh", "sigmoid", "mean_squared_error")
BINARY = Kind("tanh", "sigmoid", "binary_cross_entropy")
SOFTMAX = Kind("relu", "softmax", "categorical_cross_entropy")
QUADRATIC = Kind("sigmoid", "sigmoid", "quadratic_cost")


def asked(kind: Kind, dtype: str = "float64") -> tuple[Params, Array, Array]:
    data = kind.data(dtype)
    return kind.params(dtype), data.x[:M], data.y[:M]


def by_hand(kind: Kind, dtype: str = "float64") -> StepGradients:
    backend = NumpyBackprop(kind.network, Optimizer(0.1), dtype)
    return backend.gradients(*asked(kind, dtype))


def gradient_excess(kind: Kind, result: StepGradients, dtype: str = "float64") -> float:
    return excess(*asked(kind, dtype), result, Rules.of(kind.network))


@every_kind
def test_gradients_are_exact_up_to_rounding(make: Make, kind: Kind, dtype: str) -> None:
    result = make(network=kind.network, dtype=dtype).gradients(*asked(kind, dtype))
    assert gradient_excess(kind, result, dtype) <= 1


@every_kind
def test_activations_and_logits_are_right_up_to_rounding(
    make: Make, kind: Kind, dtype: str
) -> None:
    params, x, y = asked(kind, dtype)
    result = make(network=kind.network, dtype=dtype).gradients(params, x, y)
    assert forward_excess(kind.network, params, x, result.evaluation) <= 1


@every_kind
def test_the_loss_is_right_up_to_rounding(make: Make, kind: Kind, dtype: str) -> None:
    params, x, y = asked(kind, dtype)
    result = make(network=kind.network, dtype=dtype).gradients(params, x, y)
    assert loss_excess(kind.network, y, result.evaluation) <= 1


@every_kind
def test_logits_are_returned_where_the_loss_is_computed_from_them(make: Make, kind: Kind) -> None:
    evaluation = make(network=kind.network).gradients(*asked(kind)).evaluation
    assert (evaluation.logits is not None) == ("cross_entropy" in kind.loss)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.output == "softmax"], ids=str)
def test_shares_of_a_softmax_add_up_to_one(make: Make, kind: Kind, dtype: str) -> None:
    """n - 1 additions, the division or a product with a reciprocal: n + 1 roundings."""
    result = make(network=kind.network, dtype=dtype).gradients(*asked(kind, dtype))
    assert result.evaluation.activations is not None
    output = result.evaluation.activations[-1]
    most = Fraction((output.shape[-1] + 1) * float(np.finfo(dtype).eps) / 2)
    sums = [sum(map(Fraction, row), Fraction(0)) for row in output.tolist()]
    assert max(abs(total - 1) for total in sums) <= most


@every_kind
def test_the_deltas_by_hand_are_the_slopes_by_z(kind: Kind, dtype: str) -> None:
    """`excess` holds them to the exact ones beside the gradients, where there are any."""
    result = by_hand(kind, dtype)
    assert result.deltas is not None
    assert [d.shape for d in result.deltas] == [(M, n) for n in kind.sizes[1:]]
    assert gradient_excess(kind, result, dtype) <= 1


@every_kind
@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_delta_is_noticed(kind: Kind, layer: int) -> None:
    result = by_hand(kind)
    assert result.deltas is not None
    moved = [delta.copy() for delta in result.deltas]
    moved[layer][np.unravel_index(np.abs(moved[layer]).argmax(), moved[layer].shape)] *= 1 + 1e-12
    assert gradient_excess(kind, replace(result, deltas=tuple(moved))) > 1


@every_kind
@pytest.mark.parametrize("factor", [1 + 1e-12, 2.0, -1.0, float("nan")])
@pytest.mark.parametrize("tensor", range(4))
def test_a_wrong_gradient_is_noticed(kind: Kind, tensor: int, factor: float) -> None:
    result = by_hand(kind)
    grads = [g.copy() for g in result.grads]
    grads[tensor].ravel()[np.abs(grads[tensor]).argmax()] *= factor
    assert gradient_excess(kind, replace(result, grads=tuple(grads))) > 1


@every_kind
@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_activation_is_noticed(kind: Kind, layer: int) -> None:
    params, x, _ = asked(kind)
    evaluation = by_hand(kind).evaluation
    moved = [a.copy() for a in evaluation.activations or ()]
    moved[layer].ravel()[np.abs(moved[layer]).argmax()] *= 1 + 1e-13
    wrong = replace(evaluation, activations=tuple(moved))
    assert forward_excess(kind.network, params, x, wrong) > 1


@every_kind
@pytest.mark.parametrize("factor", [1 + 1e-12, 2.0, 0.5, 2 / 5, float("nan"), float("inf")])
def test_a_wrong_loss_is_noticed(kind: Kind, factor: float) -> None:
    evaluation = by_hand(kind).evaluation
    wrong = replace(evaluation, loss=np.asarray(evaluation.loss * factor))
    assert loss_excess(kind.network, asked(kind)[2], wrong) > 1


@pytest.mark.parametrize("kind", [k for k in KINDS if k.network.from_logits], ids=str)
def test_wrong_logits_are_noticed(kind: Kind) -> None:
    params, x, _ = asked(kind)
    evaluation = by_hand(kind).evaluation
    assert evaluation.logits is not None
    wrong = replace(evaluation, logits=evaluation.logits * (1 + 1e-13))
    assert forward_excess(kind.network, params, x, wrong) > 1


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        (TANH, "tanh", lambda a: a * (1 - a)),
        (TANH, "tanh", lambda a: 1 - a),
        (TANH, "sigmoid", lambda a: 1 - a * a),
        (RELU, "relu", np.ones_like),
        (RELU, "relu", lambda a: a),
        (RELU, "identity", np.zeros_like),
        (RELU, "identity", lambda a: a * (1 - a)),
        (BINARY, "tanh", np.ones_like),
    ],
)
def test_a_wrong_slope_is_noticed(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, name: str, wrong: Callable[[Array], Array]
) -> None:
    assert gradient_excess(kind, by_hand(kind)) <= 1
    monkeypatch.setitem(numpy_backprop.SLOPES, name, wrong)
    assert gradient_excess(kind, by_hand(kind)) > 1


def _times_the_slope(_: Network, o: Array, y: Array) -> Array:
    delta: Array = (o - y) * o * (1 - o) / y.size
    return delta


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (SOFTMAX, lambda _, o, y: o - y),
        (SOFTMAX, lambda _, o, y: o / len(y)),
        (SOFTMAX, lambda _, o, y: (o - y) / y.size),
        (SOFTMAX, lambda _, o, y: (y - o) / len(y)),
        (BINARY, lambda _, o, y: o - y),
        (BINARY, lambda _, o, y: (o - y) / len(y)),
        (BINARY, _times_the_slope),
        (QUADRATIC, lambda _, o, y: (o - y) * o * (1 - o)),
        (QUADRATIC, lambda _, o, y: 2 * (o - y) * o * (1 - o) / len(y)),
        (QUADRATIC, lambda _, o, y: (o - y) * o * (1 - o) / y.size),
        (QUADRATIC, lambda _, o, y: (o - y) / len(y)),
    ],
    ids=[
        "softmax without 1/m", "softmax without y", "softmax over all outputs", "softmax uphill",
        "binary without 1/m", "binary without 1/n", "binary with a slope", "squares without 1/m",
        "squares with 2", "squares over all outputs", "squares without a slope",
    ],
)  # fmt: skip
def test_a_wrong_delta_of_the_output_is_noticed(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, wrong: Callable[[Network, Array, Array], Array]
) -> None:
    assert gradient_excess(kind, by_hand(kind)) <= 1
    monkeypatch.setattr(numpy_backprop, "output_delta", wrong)
    assert gradient_excess(kind, by_hand(kind)) > 1


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        (TANH, "tanh", lambda z: 1 / (1 + np.exp(-z))),
        (RELU, "relu", lambda z: z),
        (RELU, "relu", lambda z: np.maximum(z, 0.01 * z)),
        (RELU, "identity", np.tanh),
        (SOFTMAX, "softmax", lambda z: 1 / (1 + np.exp(-z))),
        (SOFTMAX, "softmax", lambda z: np.exp(z) / np.exp(z).sum()),
        (SOFTMAX, "softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=0)),
    ],
)
def test_a_wrong_function_is_noticed(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, name: str, wrong: Callable[[Array], Array]
) -> None:
    params, x, _ = asked(kind)
    monkeypatch.setitem(numpy_backprop.FUNCTIONS, name, wrong)
    assert forward_excess(kind.network, params, x, by_hand(kind).evaluation) > 1


@pytest.mark.parametrize("kind", [BINARY, SOFTMAX], ids=str)
def test_a_gradient_from_other_logits_is_noticed(kind: Kind) -> None:
    result = by_hand(kind)
    assert result.evaluation.logits is not None
    other = replace(result.evaluation, logits=result.evaluation.logits * (1 + 1e-9))
    assert gradient_excess(kind, replace(result, evaluation=other)) > 1


@pytest.mark.parametrize("kind", [RELU, BINARY, SOFTMAX], ids=str)
def test_an_evaluation_without_a_gradient_is_right_too(make: Make, kind: Kind, dtype: str) -> None:
    params, x, y = asked(kind, dtype)
    evaluation = make(network=kind.network, dtype=dtype).evaluate(params, x, y)
    assert forward_excess(kind.network, params, x, evaluation) <= 1
    assert loss_excess(kind.network, y, evaluation) <= 1
