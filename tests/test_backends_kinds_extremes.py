"""Where exponentials overflow, vanish or tie, and where relu has no slope: finite, quiet, right."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from impls import numpy_backprop
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Dataset, OptimizerState, Params, StepGradients
from shared.network import Network
from shared.optimizer import Optimizer
from tests.conftest import Make
from tests.forward_check import forward_excess, loss_excess
from tests.gradient_check import Rules, excess

BINARY = Network((1, 2, 3), "tanh", loss="binary_cross_entropy")
SOFTMAX = Network((1, 2, 3), "tanh", "softmax", "categorical_cross_entropy")
RELU = Network((2, 3, 2), "relu", "identity", "quadratic_cost")
LOGITS = [
    (1000.0, -1000.0, 0.0),
    (-1000.0, -1000.0, 1000.0),
    (700.0, -700.0, 699.0),
    (-700.0, 700.0, 0.0),
    (90.0, -90.0, 0.0),
    (1000.0, 1000.0, 1000.0),
    (-1000.0, -1000.0, -1000.0),
    (0.25, 0.25, 0.25),
    (0.0, 0.0, 0.0),
]
every_logits = pytest.mark.parametrize("logits", LOGITS, ids=str)
both = pytest.mark.parametrize("network", [BINARY, SOFTMAX], ids=lambda n: n.loss)
every_target = pytest.mark.parametrize("target", range(3))


def asked(logits: tuple[float, ...], target: int, dtype: str) -> tuple[Params, Array, Array]:
    """A network whose output layer says these logits, by its biases; of two samples."""
    hidden = [[0.5], [-0.25]], [0.0, 0.125]
    weights: list[object] = [*hidden, np.zeros((3, 2)), logits]
    y = np.zeros((2, 3), dtype)
    y[:, target] = 1
    x = np.array([[1.0], [-2.0]], dtype)
    return tuple(np.asarray(w, dtype) for w in weights), x, y


def is_right(network: Network, params: Params, x: Array, y: Array, result: StepGradients) -> bool:
    """Whether every number is finite, and rounding explains what it is."""
    return (
        forward_excess(network, params, x, result.evaluation) <= 1
        and loss_excess(network, y, result.evaluation) <= 1
        and excess(params, x, y, result, Rules.of(network)) <= 1
    )


@both
@every_logits
@every_target
def test_extreme_logits_are_quiet_and_right(
    make: Make, network: Network, logits: tuple[float, ...], target: int, dtype: str
) -> None:
    params, x, y = asked(logits, target, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = make(network=network, dtype=dtype).gradients(params, x, y)
    assert is_right(network, params, x, y, result)


@both
@pytest.mark.parametrize("every", [0, 1])
def test_training_from_extreme_logits_is_quiet_and_finite(
    make: Make, network: Network, dtype: str, every: int
) -> None:
    params, x, y = asked(LOGITS[0], 1, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = make(network=network, dtype=dtype).train(
            params, OptimizerState(), Dataset(x, y), np.array([[0, 1], [1, 0]]), every
        )
    assert all(np.isfinite(w).all() for w in recording.final[0])
    assert np.isfinite(recording.evaluation.loss).all()


def _naive_softmax(z: Array) -> Array:
    shares: Array = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    return shares


def _naive_loss(_: Network, output: Array, logits: Array, y: Array) -> Array:
    del logits
    return np.asarray(-(y * np.log(output)).sum(axis=(-2, -1)) / len(y))


@pytest.mark.parametrize(
    ("name", "wrong"), [("FUNCTIONS", _naive_softmax), ("total_loss", _naive_loss)]
)
@pytest.mark.parametrize("logits", [LOGITS[0], LOGITS[1]], ids=str)
def test_exponentials_of_bare_logits_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    wrong: Callable[..., Array],
    logits: tuple[float, ...],
) -> None:
    if name == "FUNCTIONS":
        monkeypatch.setitem(numpy_backprop.FUNCTIONS, "softmax", wrong)
    else:
        monkeypatch.setattr(numpy_backprop, name, wrong)
    params, x, y = asked(logits, 1, "float64")
    with np.errstate(all="ignore"):
        backend = NumpyBackprop(SOFTMAX, Optimizer(0.1), "float64")
        result = backend.gradients(params, x, y)
    assert not is_right(SOFTMAX, params, x, y, result)


def test_equal_logits_share_equally(make: Make, dtype: str) -> None:
    result = make(network=SOFTMAX, dtype=dtype).gradients(*asked((7.0, 7.0, 7.0), 0, dtype))
    assert result.evaluation.activations is not None
    assert len(set(result.evaluation.activations[-1].ravel().tolist())) == 1


def relu_at_zero(dtype: str) -> tuple[Params, Array, Array]:
    """Hidden units that all stand at z = 0, below weights that pass a slope down."""
    params = [np.zeros((3, 2)), np.zeros(3), np.ones((2, 3)), np.zeros(2)]
    return (
        tuple(w.astype(dtype) for w in params),
        np.ones((2, 2), dtype),
        np.ones((2, 2), dtype),
    )


def test_at_zero_the_slope_of_relu_is_zero(make: Make, dtype: str) -> None:
    result = make(network=RELU, dtype=dtype).gradients(*relu_at_zero(dtype))
    assert [np.count_nonzero(g) for g in result.grads] == [0, 0, 0, 2]


@pytest.mark.parametrize("slope", [0.5, 1.0])
def test_another_slope_at_zero_is_noticed(monkeypatch: pytest.MonkeyPatch, slope: float) -> None:
    monkeypatch.setitem(
        numpy_backprop.SLOPES, "relu", lambda a: np.where(a > 0, 1.0, slope * (a == 0))
    )
    backend = NumpyBackprop(RELU, Optimizer(0.1), "float64")
    params, x, y = relu_at_zero("float64")
    result = backend.gradients(params, x, y)
    assert [np.count_nonzero(g) for g in result.grads] == [6, 3, 0, 2]
    assert excess(params, x, y, result, Rules.of(RELU)) > 1


@pytest.mark.parametrize("network", [BINARY, SOFTMAX, RELU], ids=str)
def test_zero_weights_and_inputs_are_quiet_and_right(
    make: Make, network: Network, dtype: str
) -> None:
    params = tuple(np.zeros(shape, dtype) for shape in network.param_shapes)
    x, y = np.zeros((2, network.sizes[0]), dtype), np.eye(2, network.sizes[-1], dtype=dtype)
    result = make(network=network, dtype=dtype).gradients(params, x, y)
    assert is_right(network, params, x, y, result)
