"""Activations and losses that are subnormal, flushed, saturated, or beyond the largest float."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

from shared.certificate.decision import Verdict
from shared.network import Network
from tests.certified_kinds import BINARY, CATEGORICAL, MSE, QUADRATIC
from tests.exact_rounding import rounded
from tests.extreme_steps import OMEGA, PASSED, Spot, Step, in_balls, step_of

AT = (0, 0, 0)


def one_layer(name: str, W: float, x: float, dtype: str, b: float = 0.0) -> Step:
    """Two layers where the function is a hidden one: the second is far from any extreme."""
    if name in ("tanh", "relu"):
        network = Network((1, 1, 1), name, "identity")
        return step_of(network, [[[W]], [b], [[1.0]], [1.0]], [[x]], [[0.5]], dtype)
    output = "sigmoid" if name == "sigmoid" else "identity"
    return step_of(Network((1, 1), output=output), [[[W]], [b]], [[x]], [[0.5]], dtype)


def z_of(step: Step) -> Fraction:
    W, b, x = (Fraction(float(v.ravel()[0])) for v in (*step.params[:2], step.x))
    return W * x + b


def sigmoid(z: flint.arb) -> flint.arb:
    return 1 / (1 + (-z).exp())


def sure_class(far: float, dtype: str) -> Step:
    network = Network((1, 2), output="softmax", loss=CATEGORICAL)
    params: list[object] = [[[far], [0.0]], [0.0, 0.0]]
    return step_of(network, params, [[-1.0]], [[0.0, 1.0]], dtype)


def of_a_layer(name: str, W: float, x: float, dtype: str, b: float = 0.0) -> Spot:
    step = one_layer(name, W, x, dtype, b)
    function = {"tanh": flint.arb.tanh, "sigmoid": sigmoid}.get(name)
    z = z_of(step)
    return Spot(step, "forward", "a1", AT, in_balls(function, z) if function else z)


def tiny_spots(dtype: str) -> dict[str, Spot]:
    omega, bits = OMEGA[dtype], {"float64": 1022, "float32": 126}[dtype]
    root, far = 2.0 ** -(bits // 2) / 3, bits * float(np.log(2)) + 3.0
    spots = {}
    for name in ("identity", "relu", "tanh"):
        spots[f"a subnormal weight, {name}"] = of_a_layer(name, omega, 0.3, dtype)
        spots[f"a product of tiny numbers, {name}"] = of_a_layer(name, root, root, dtype)
        spots[f"a subnormal input, {name}"] = of_a_layer(name, 1.0, 0.3 * omega, dtype)
        spots[f"a difference, {name}"] = of_a_layer(name, 1.0, 1.25 * omega, dtype, -omega)
    for name, z in (("far below zero", far), ("where e^-z overflows", far + 4)):
        spots[f"sigmoid {name}"] = of_a_layer("sigmoid", z, -1.0, dtype)
    for loss, factor in ((MSE, 1), (QUADRATIC, 2)):
        network = Network((1, 1), output="identity", loss=loss)
        step = step_of(network, [[[1.0]], [0.0]], [[root]], [[0.0]], dtype)
        spots[f"the loss, {loss}"] = Spot(step, "loss", "loss", (0,), z_of(step) ** 2 / factor)
    answer = step_of(Network((1, 1), loss=BINARY), [[[far]], [0.0]], [[-1.0]], [[0.0]], dtype)
    loss_there = in_balls(lambda z: z.exp().log1p(), z_of(answer))
    spots["the loss of a sure answer"] = Spot(answer, "loss", "loss", (0,), loss_there)
    step = sure_class(far, dtype)
    spots["the loss of a sure class"] = Spot(step, "loss", "loss", (0,), loss_there, False)
    spots["a share of a softmax"] = Spot(step, "forward", "a1", AT, in_balls(sigmoid, z_of(step)))
    step = step_of(Network((1, 1), loss=BINARY), [[[omega]], [0.0]], [[0.3]], [[0.0]], dtype)
    spots["logits"] = Spot(step, "forward", "z1", AT, z_of(step))
    return spots


TINY = {dtype: tiny_spots(dtype) for dtype in OMEGA}
every_tiny = pytest.mark.parametrize("name", TINY["float64"])


sharp_only = pytest.mark.parametrize("name", [k for k, v in TINY["float64"].items() if v.sharp])


@every_tiny
def test_these_numbers_are_tiny(name: str, dtype: str) -> None:
    assert 0 < TINY[dtype][name].exact < Fraction(OMEGA[dtype])


@every_tiny
def test_what_numpy_makes_of_them_passes(name: str, dtype: str) -> None:
    assert TINY[dtype][name].recorded in PASSED


@every_tiny
def test_the_nearest_float_passes(name: str, dtype: str) -> None:
    spot = TINY[dtype][name]
    assert spot.verdict(rounded(spot.exact, dtype)) in PASSED


@every_tiny
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_it_may_be_flushed(name: str, zero: float, dtype: str) -> None:
    assert TINY[dtype][name].verdict(zero) in PASSED


@sharp_only
@pytest.mark.parametrize("side", [1, -1])
def test_a_few_of_the_smallest_normal_numbers_away_it_is_different(
    name: str, side: int, dtype: str
) -> None:
    """One for each operation and each factor that may have been flushed, and no more."""
    assert TINY[dtype][name].verdict(side * 8 * OMEGA[dtype]) == Verdict.DIFFERENT


@sharp_only
def test_a_million_times_larger_it_is_different(name: str, dtype: str) -> None:
    assert TINY[dtype][name].verdict(2.0**20 * OMEGA[dtype]) == Verdict.DIFFERENT


def test_a_loss_that_may_be_a_difference_is_as_far_off_as_that(dtype: str) -> None:
    """logsumexp z - z: a unit in the last place of z."""
    spot, u = TINY[dtype]["the loss of a sure class"], float(np.finfo(dtype).eps) / 2
    far = abs(float(z_of(spot.step)))
    assert spot.verdict(2 * u) in PASSED
    assert spot.verdict(8 * u * far) == Verdict.DIFFERENT


ZEROS = {
    "identity": ("identity", 1.0, 0.0), "relu": ("relu", 1.0, 0.0), "tanh": ("tanh", 1.0, 0.0),
    "an idle relu": ("relu", 1.0, -3.0),
}  # fmt: skip


@pytest.mark.parametrize(("function", "W", "x"), ZEROS.values(), ids=ZEROS)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_either_zero_is_an_exact_zero(
    function: str, W: float, x: float, zero: float, dtype: str
) -> None:
    step = one_layer(function, W, x, dtype)
    assert step.exact("forward", "a1", AT) == 0
    assert step.verdict("forward", "a1", AT, zero) == Verdict.BIT_EQUAL


FAR = {
    "float64": [-709.5, -710.0, -720.0, -740.0, -744.0, -745.0, -746.0, -2000.0, -1e300],
    "float32": [-88.5, -89.0, -95.0, -103.0, -104.0, -105.0, -300.0, -1e30],
}
FAR_CASES = [(dtype, z) for dtype in FAR for z in FAR[dtype]]
far_below = pytest.mark.parametrize(("kind", "z"), FAR_CASES)


@far_below
def test_sigmoid_may_be_zero_where_the_power_overflows(kind: str, z: float) -> None:
    step = one_layer("sigmoid", z, 1.0, kind)
    assert step.verdict("forward", "a1", AT, 0.0) in PASSED
    assert step.judged("forward", "a1").verdict[AT] in PASSED


not_beyond_all = pytest.mark.parametrize(("kind", "z"), [c for c in FAR_CASES if c[1] > -1e29])
VISIBLE = {"float64": 1e-300, "float32": 1e-30}


@not_beyond_all
def test_sigmoid_may_be_subnormal_there(kind: str, z: float) -> None:
    spot = of_a_layer("sigmoid", z, 1.0, kind)
    assert spot.verdict(rounded(spot.exact, kind)) in PASSED


@not_beyond_all
def test_as_declared_it_is_nothing_that_one_could_see(kind: str, z: float) -> None:
    assert of_a_layer("sigmoid", z, 1.0, kind).verdict(VISIBLE[kind]) == Verdict.DIFFERENT


@not_beyond_all
def test_what_one_could_see_is_named(kind: str, z: float) -> None:
    """(1 + tanh(z/2)) / 2 is off by as much as 1 is; but then it is said to be that form."""
    step = one_layer("sigmoid", z, 1.0, kind).put("forward", "a1", AT, VISIBLE[kind])
    judged = step.judged("forward", "a1")
    assert judged.form == "σ(z) as (1 + tanh(z/2)) / 2"
    far = step.put("forward", "a1", AT, 20 * float(np.finfo(kind).eps))
    assert far.judged("forward", "a1").failed.all()


SATURATED = {"float64": [37.5, 40.0, 700.0, 2000.0], "float32": [17.5, 20.0, 88.0, 300.0]}


@pytest.mark.parametrize(("kind", "z"), [(k, z) for k in SATURATED for z in SATURATED[k]])
@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_a_saturated_unit_is_one_or_a_float_below(function: str, kind: str, z: float) -> None:
    step, one = one_layer(function, z, 1.0, kind), np.dtype(kind).type(1)
    below = float(np.nextafter(one, one * 0))
    assert step.verdict("forward", "a1", AT, 1.0) in PASSED
    assert step.verdict("forward", "a1", AT, below) in PASSED
    many = 1 - 2.0**10 * float(np.finfo(kind).eps)
    assert step.verdict("forward", "a1", AT, many) == Verdict.DIFFERENT


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize("side", [1, -1])
def test_a_z_beyond_the_largest_float_saturates(function: str, side: int, dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    step = one_layer(function, side * largest, 10.0, dtype)
    end = float(side) if function == "tanh" else float(side > 0)
    assert step.value("forward", "a1", AT) == end
    assert step.judged("forward", "a1").verdict[AT] in PASSED


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan], ids=str)
@pytest.mark.parametrize("function", ["identity", "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("W", [1.0, 3e38], ids=["ordinary", "huge"])
def test_a_recorded_number_that_is_none_is_different(
    function: str, value: float, W: float, dtype: str
) -> None:
    step = one_layer(function, W, 1.0, dtype)
    assert step.verdict("forward", "a1", AT, value) == Verdict.DIFFERENT


@pytest.mark.parametrize("function", ["identity", "relu"])
def test_an_overflow_is_different_even_where_nothing_else_could_come(
    function: str, dtype: str
) -> None:
    step = one_layer(function, float(np.finfo(dtype).max), 4.0, dtype)
    assert step.value("forward", "a1", AT) == np.inf
    assert step.judged("forward", "a1").verdict[AT] == Verdict.DIFFERENT


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan], ids=str)
@pytest.mark.parametrize("loss", [BINARY, CATEGORICAL])
@pytest.mark.parametrize("tensor", ["z1", "a1", "loss"])
def test_logits_outputs_and_losses_that_are_none_are_different(
    tensor: str, loss: str, value: float, dtype: str
) -> None:
    output = "sigmoid" if loss == BINARY else "softmax"
    network = Network((1, 2), output=output, loss=loss)
    step = step_of(network, [[[0.5], [1.5]], [0.0, 0.1]], [[1.0]], [[0.0, 1.0]], dtype)
    stage, place = ("loss", (0,)) if tensor == "loss" else ("forward", AT)
    assert step.verdict(stage, tensor, place, value) == Verdict.DIFFERENT


@pytest.mark.parametrize("loss", [MSE, QUADRATIC])
def test_a_loss_beyond_the_largest_float_is_different(loss: str, dtype: str) -> None:
    root = float(np.sqrt(np.finfo(dtype).max))
    network = Network((1, 1), output="identity", loss=loss)
    step = step_of(network, [[[4 * root]], [0.0]], [[1.0]], [[0.0]], dtype)
    assert step.value("loss", "loss", (0,)) == np.inf
    assert step.judged("loss", "loss").verdict[0] == Verdict.DIFFERENT
