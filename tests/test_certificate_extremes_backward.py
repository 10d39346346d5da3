"""Gradients, deltas and parameters that are subnormal, flushed, or beyond the largest float."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from shared.certificate.decision import Verdict
from shared.certificate.judge import reference_for
from shared.certificate.update import judge_update
from shared.certificate.update_audit import is_admissible
from shared.network import Network
from tests.certified_kinds import BINARY, CATEGORICAL, QUADRATIC
from tests.exact_rounding import rounded
from tests.extreme_steps import OMEGA, PASSED, Spot, Step, step_of

DELTA, BIAS, WEIGHT = (0, 0, 0), (0, 0), (0, 0, 0)
PLACES = {"δ": DELTA, "b": BIAS, "W": WEIGHT}
SHORT = (1, 1)


def steps(dtype: str) -> dict[str, tuple[Step, tuple[str, ...]]]:
    """Steps, and the tensors whose exact values are subnormal there."""
    omega, bits = OMEGA[dtype], {"float64": 1022, "float32": 126}[dtype]
    root, far = 2.0 ** -(bits // 2) / 3, bits * float(np.log(2)) + 3.0
    two: list[object] = [[[1.0]], [0.0], [[1.0]], [0.0]]
    return {
        "an output far below zero": (
            step_of(Network(SHORT), [[[far]], [0.0]], [[-1.0]], [[0.5]], dtype),
            ("δ1", "b1", "W1"),
        ),
        "an answer that is sure": (
            step_of(Network(SHORT, loss=BINARY), [[[far]], [0.0]], [[-1.0]], [[0.0]], dtype),
            ("δ1", "b1", "W1"),
        ),
        "a class that is sure not to be": (
            step_of(
                Network((1, 2), output="softmax", loss=CATEGORICAL),
                [[[far], [0.0]], [0.0, 0.0]], [[-1.0]], [[0.0, 1.0]], dtype,
            ),
            ("δ1", "b1", "W1"),
        ),
        "a small input": (
            step_of(
                Network(SHORT, output="identity", loss=QUADRATIC),
                [[[1.0]], [0.5]], [[0.3 * omega]], [[0.0]], dtype,
            ),
            ("W1",),
        ),
        "a small error and a small input": (
            step_of(
                Network(SHORT, output="identity", loss=QUADRATIC),
                [[[1.0]], [0.0]], [[root]], [[0.0]], dtype,
            ),
            ("W1",),
        ),
        "a hidden sigmoid far below zero": (
            step_of(
                Network((1, 1, 1), "sigmoid", "identity"),
                [[[far]], [0.0], [[1.0]], [1.0]], [[-1.0]], [[0.5]], dtype,
            ),
            ("W2", "δ1", "b1", "W1"),
        ),
        "a small weight above": (
            step_of(
                Network((1, 1, 1), "tanh", "identity"),
                [[[1.0]], [0.0], [[0.3 * omega]], [1.0]], [[0.25]], [[0.5]], dtype,
            ),
            ("δ1", "b1", "W1"),
        ),
        "a small error above a relu": (
            step_of(
                Network((1, 1, 1), "relu", "identity"), [*two[:2], [[root]], [root]],
                [[1.0]], [[0.0]], dtype,
            ),
            ("δ1", "b1", "W1"),
        ),
    }  # fmt: skip


STEPS = {dtype: steps(dtype) for dtype in OMEGA}
CASES = [
    (name, tensor, kept)
    for name, (_, tensors) in STEPS["float64"].items()
    for tensor in tensors
    for kept in (True, False)
    if kept or tensor[0] != "δ"
]
every_number = pytest.mark.parametrize(
    ("name", "tensor", "kept"), CASES,
    ids=[f"{n}: {t}, {'with' if k else 'without'} deltas" for n, t, k in CASES],
)  # fmt: skip


def spot(name: str, tensor: str, kept: bool, dtype: str) -> Spot:
    step, _ = STEPS[dtype][name]
    return Spot(step.with_deltas(kept), "backward", tensor, PLACES[tensor[0]])


@every_number
def test_these_numbers_are_tiny(name: str, tensor: str, kept: bool, dtype: str) -> None:
    assert abs(spot(name, tensor, kept, dtype).exact) < Fraction(OMEGA[dtype])


@every_number
def test_what_numpy_makes_of_them_passes(name: str, tensor: str, kept: bool, dtype: str) -> None:
    assert spot(name, tensor, kept, dtype).recorded in PASSED


@every_number
def test_the_nearest_float_is_equal_bits(name: str, tensor: str, kept: bool, dtype: str) -> None:
    at = spot(name, tensor, kept, dtype)
    assert at.verdict(rounded(at.exact, dtype)) == Verdict.BIT_EQUAL


@every_number
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_it_may_be_flushed(name: str, tensor: str, kept: bool, zero: float, dtype: str) -> None:
    assert spot(name, tensor, kept, dtype).verdict(zero) in PASSED


@every_number
@pytest.mark.parametrize("side", [1, -1])
def test_many_of_the_smallest_normal_numbers_away_it_is_not_what_is_declared(
    name: str, tensor: str, kept: bool, side: int, dtype: str
) -> None:
    """A dozen operations may underflow on the way, and W and x have no size to speak of."""
    assert spot(name, tensor, kept, dtype).verdict(side * 2.0**20 * OMEGA[dtype]) not in PASSED


@every_number
def test_what_may_be_lost_on_the_way_is_counted_in_smallest_normal_numbers(
    name: str, tensor: str, kept: bool, dtype: str
) -> None:
    at = spot(name, tensor, kept, dtype)
    assert at.judged.bound[at.place] < 2000 * OMEGA[dtype]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan], ids=str)
@every_number
def test_what_is_no_number_is_different(
    name: str, tensor: str, kept: bool, value: float, dtype: str
) -> None:
    assert spot(name, tensor, kept, dtype).verdict(value) == Verdict.DIFFERENT


@pytest.mark.parametrize("kept", [True, False], ids=["with deltas", "without"])
@pytest.mark.parametrize("tensor", ["b1", "W1"])
def test_a_gradient_that_overflows_is_different(tensor: str, kept: bool, dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    step = step_of(
        Network((1, 1, 1), "relu", "identity"),
        [[[1.0]], [0.0], [[largest]], [0.0]], [[2.0**-3]], [[0.0]], dtype,
    ).with_deltas(kept)  # fmt: skip
    place = PLACES[tensor[0]]
    assert np.isinf(step.value("backward", tensor, place))
    assert step.judged("backward", tensor).verdict[place] == Verdict.DIFFERENT


def parameter(w: float, g: float, rate: float, after: float, dtype: str) -> Verdict:
    """What a parameter is called after its step."""
    before, slope, then = ((np.full((1, 1), v, np.float64).astype(dtype),) for v in (w, g, after))
    with np.errstate(all="ignore"):
        (judged,) = judge_update(
            reference_for(dtype), ("b1",), before, slope, then, np.dtype(dtype).type(rate)
        )
    return Verdict(int(judged.verdict[0, 0]))


def of(dtype: str, omegas: float) -> float:
    return omegas * OMEGA[dtype]


PARAMETERS: dict[str, tuple[str, float, float, float, tuple[str, float]]] = {
    "the product underflows": ("normal", 1.0, 2.0**-30, 2.0**-20, ("normal", 1.0)),
    "the product underflows beside a tiny parameter": ("omega", 2.0, 0.25, 0.25, ("omega", 2.0)),
    "the product is flushed": ("omega", 3.0, 1.0, 0.25, ("omega", 3.0)),
    "the product is not": ("omega", 3.0, 1.0, 0.25, ("omega", 2.75)),
    "the difference is subnormal": ("omega", 1.5, 1.0, 1.0, ("omega", 0.5)),
    "the difference is flushed": ("omega", 1.5, 1.0, 1.0, ("omega", 0.0)),
    "a subnormal parameter": ("omega", 0.5, 0.0, 1.0, ("omega", 0.5)),
    "a subnormal parameter is flushed": ("omega", 0.5, 0.0, 1.0, ("omega", -0.0)),
    "a subnormal gradient": ("omega", 4.0, 0.5, 1.0, ("omega", 3.5)),
    "a subnormal gradient is flushed": ("omega", 4.0, 0.5, 1.0, ("omega", 4.0)),
}


def numbers(name: str, dtype: str) -> tuple[float, float, float, float]:
    """w, g, η and what comes of them; g is in units of the smallest normal number throughout."""
    unit, w, g, rate, (unit_after, after) = PARAMETERS[name]
    scale = {"normal": 1.0, "omega": OMEGA[dtype]}
    return w * scale[unit], of(dtype, g), rate, after * scale[unit_after]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_step_that_underflows_is_admissible(name: str, dtype: str) -> None:
    w, g, rate, after = numbers(name, dtype)
    assert parameter(w, g, rate, after, dtype) == Verdict.BIT_EQUAL
    assert is_admissible(reference_for(dtype).rounding, w, g, rate, after)


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("side", [1, -1])
def test_a_smallest_normal_number_aside_it_is_not(name: str, side: int, dtype: str) -> None:
    w, g, rate, after = numbers(name, dtype)
    kind = np.dtype(dtype).type
    aside = after + side * 1.125 * OMEGA[dtype]
    if abs(after) >= 0.5:
        aside = float(np.nextafter(kind(after), kind(side * np.inf)))
    assert parameter(w, g, rate, aside, dtype) == Verdict.DIFFERENT


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan], ids=str)
@pytest.mark.parametrize("rate", [1.0, 1e30])
def test_a_parameter_that_is_no_number_is_different(value: float, rate: float, dtype: str) -> None:
    assert parameter(1.0, 1e30, rate, value, dtype) == Verdict.DIFFERENT


def test_the_smallest_learning_rate_leaves_an_ordinary_parameter(dtype: str) -> None:
    tiniest = float(np.finfo(dtype).smallest_subnormal)
    assert parameter(0.5, 0.25, tiniest, 0.5, dtype) == Verdict.BIT_EQUAL
    moved = float(np.nextafter(np.dtype(dtype).type(0.5), np.dtype(dtype).type(0)))
    assert parameter(0.5, 0.25, tiniest, moved, dtype) == Verdict.DIFFERENT
