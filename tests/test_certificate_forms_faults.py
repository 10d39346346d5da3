"""No form is an excuse: a fault inside it is found, and it has to explain a whole step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from impls.numpy_backprop import SLOPES
from shared.backend import Array
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Verdict
from shared.certificate.judge import reference_for
from shared.certificate.pieces import places_of
from tests.certified_runs import Run, gradients_of, seen_by, trained
from tests.form_backends import Slope, Writing, written
from tests.written_forms import RUNS, SLOPES_OF, by_tanh, of_exponential

FAULT = {"float64": 1e-12, "float32": 3e-5}
"""Beyond what the widest of the forms leaves room for, which is some 180 units in float32."""

STEP = 17

in_both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
with_deltas_or_not = pytest.mark.parametrize("with_deltas", [False, True], ids=["", "deltas"])
SIGMOID_SLOPES = [name for name, (function, _, _) in SLOPES_OF.items() if function == "sigmoid"]
every_sigmoid_slope = pytest.mark.parametrize("slope", SIGMOID_SLOPES)


def run_of(name: str, how: Writing, dtype: str, epochs: int | None = None) -> Run:
    one, seed = RUNS[name]
    return trained(replace(one, epochs=epochs or one.epochs), seed, written(how), dtype)


def faulty(tensor: str, share: float) -> Callable[[str, int, Array], Array]:
    """One number of a gradient is off by a share of itself, in one step: the largest one."""

    def fault(name: str, step: int, gradient: Array) -> Array:
        if (name, step) != (tensor, STEP):
            return gradient
        wrong = np.array(gradient)
        wrong.flat[abs(wrong).argmax()] *= 1 + share
        return wrong

    return fault


FAULTY = [
    (name, tensor)
    for name in ("2-2-1, seed 42", "5-4-3-2", "12-9-5, squares")
    for tensor in RUNS[name][0].network.param_names
]
every_gradient = pytest.mark.parametrize(
    ("name", "tensor"), FAULTY, ids=[" | ".join(case) for case in FAULTY]
)


@every_gradient
@every_sigmoid_slope
@in_both_dtypes
def test_a_fault_in_a_gradient_of_another_form_is_found_at_its_step(
    name: str, tensor: str, slope: str, dtype: str
) -> None:
    own = SLOPES_OF[slope][1]
    how = Writing(hidden=own, output=own, fault=faulty(tensor, FAULT[dtype]))
    findings = run_of(name, how, dtype).judged().findings
    # With the fault no form explains the step, so all of it is told as the declared one has it.
    assert {(found.step, found.stage) for found in findings} == {(STEP, "backward")}
    assert tensor in {found.tensor for found in findings}


@every_gradient
@in_both_dtypes
def test_a_fault_behind_a_sigmoid_by_tanh_is_found_at_its_step(
    name: str, tensor: str, dtype: str
) -> None:
    how = Writing(sigmoid=by_tanh(np.tanh), fault=faulty(tensor, FAULT[dtype]))
    certificate = run_of(name, how, dtype).judged()
    (found,) = certificate.findings
    assert (found.step, found.stage, found.tensor) == (STEP, "backward", tensor)


def steps_in_another_form(run: Run) -> dict[int, str]:
    """The steps whose gradients another form explains, and its name."""
    got = gradients_of(run)
    steps: dict[int, str] = {}
    for piece in judge_backward(reference_for(run.dtype), seen_by(run), got.grads, got.deltas):
        if piece.form:
            rows = places_of(piece, np.ones(piece.value.shape, bool), len(run.whole.steps))[0]
            steps |= dict.fromkeys((np.unique(rows) + 1).tolist(), piece.form)
    return steps


SATURATED = ["2-2-1, seed 5", "5-4-3-2, saturated", "12-9-5, classes, saturated"]


@pytest.mark.parametrize("name", SATURATED)
@every_sigmoid_slope
@with_deltas_or_not
@in_both_dtypes
def test_a_form_used_in_one_step_is_named_in_that_step(
    name: str, slope: str, with_deltas: bool, dtype: str
) -> None:
    _, own, said = SLOPES_OF[slope]
    everywhere = run_of(name, Writing(hidden=own, with_deltas=with_deltas), dtype)
    step = min(steps_in_another_form(everywhere))
    run = run_of(name, Writing(hidden=own, with_deltas=with_deltas, only_in=step), dtype)
    assert run.judged().certified
    explained = steps_in_another_form(run)
    assert list(explained) == [step]
    assert explained[step].startswith((f"{said} in the hidden layers", f"{said} in all layers"))


def wrong(share: float) -> Slope:
    return lambda _, a: SLOPES["sigmoid"](a) * (1 + a.dtype.type(share))


WRONG = [
    (name, where)
    for name in ("2-2-1, seed 42", "5-4-3-2", "12-9-5, squares", *SATURATED)
    for where in ("hidden", "output")
    if where == "hidden" or not RUNS[name][0].network.from_logits
]


@pytest.mark.parametrize(("name", "where"), WRONG, ids=[" | ".join(case) for case in WRONG])
@with_deltas_or_not
@pytest.mark.parametrize(("dtype", "share"), [("float64", 1e-9), ("float32", 1e-4)])
def test_a_wrong_slope_is_no_form(
    name: str, where: str, with_deltas: bool, dtype: str, share: float
) -> None:
    hidden, output = (wrong(share) if where == layer else None for layer in ("hidden", "output"))
    how = Writing(hidden=hidden, output=output, with_deltas=with_deltas)
    certificate = run_of(name, how, dtype, epochs=2).judged()
    assert certificate.verdict == Verdict.DIFFERENT
    assert certificate.findings[0].step == 1


def by_halves(z: Array, a: Array) -> Array:
    """Every second unit's slope from z, the others' from a."""
    from_z: Array = np.arange(z.shape[-1]) % 2 == 0
    return np.where(from_z, of_exponential(z, a), SLOPES["sigmoid"](a))


@pytest.mark.parametrize("name", ["5-4-3-2, saturated", "12-9-5, classes, saturated"])
@with_deltas_or_not
@in_both_dtypes
def test_half_a_form_explains_no_step(name: str, with_deltas: bool, dtype: str) -> None:
    whole = run_of(name, Writing(hidden=of_exponential, with_deltas=with_deltas), dtype)
    assert whole.judged().certified
    halves = run_of(name, Writing(hidden=by_halves, with_deltas=with_deltas), dtype, epochs=3)
    certificate = halves.judged()
    assert certificate.found > 0
    assert {found.stage for found in certificate.findings} == {"backward"}
    unexplained = {found.step for found in certificate.findings}
    assert not unexplained & set(steps_in_another_form(halves))
