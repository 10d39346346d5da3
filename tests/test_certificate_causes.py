"""An update by another formula is DIFFERENT, and the finding names the formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Finding
from shared.certificate.judge import Judge
from shared.certificate.update_causes import named_cause
from shared.certificate.update_numbers import Numbers
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.registry import find, load
from shared.stepwise import Stepwise
from shared.training import lockstep, prepare

MOMENTUM, ADAM = Optimizer(0.05, "momentum"), Optimizer(0.01, "adam")
ADAMW = Optimizer(0.01, "adamw")


def first_finding(said: Optimizer, done: Optimizer, dtype: str = "float64") -> Finding:
    """Train NumPy's backend by one optimizer, and judge it by another."""
    one = replace(problem("people16-centered").changed(1), optimizer=said)
    (trainee,), _ = prepare([load(find("numpy"))], one, dtype)
    trainee.backend = Stepwise(NumpyBackprop(one.network, done.rounded(dtype), dtype))
    judge = Judge("numpy", one, dtype, 0)
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
    return judge.finish().findings[0]


def changed(optimizer: Optimizer, **changes: Any) -> Optimizer:
    return replace(optimizer, **changes)


@pytest.mark.parametrize(
    ("said", "done", "note"),
    [
        (ADAM, changed(ADAM, epsilon_place="inside"), "ε inside the root"),
        (changed(ADAM, epsilon_place="inside"), ADAM, "ε outside the root"),
        (ADAM, changed(ADAM, epsilon_place="uncorrected"), "ε added before the bias correction"),
        (ADAM, changed(ADAM, bias_correction="none"), "an update without bias correction"),
        (ADAM, changed(ADAM, epsilon=1e-7), "ε = 1e-07"),
        (ADAM, changed(ADAM, beta2=0.99), "β2 = 0.99"),
        (ADAMW, Optimizer(0.01, "adam", weight_decay=0.01), "weight decay that is coupled"),
        (
            Optimizer(0.01, "adam", weight_decay=0.01),
            ADAMW,
            "weight decay that is decoupled, or none,",
        ),
        (
            changed(MOMENTUM, weight_decay=0.01, decay="decoupled"),
            changed(MOMENTUM, weight_decay=0.01),
            "weight decay that is coupled",
        ),
        (Optimizer(0.1, weight_decay=0.01), Optimizer(0.1), "an update without weight decay"),
        (ADAMW, changed(ADAMW, weight_decay=0.0), "an update without weight decay"),
        (MOMENTUM, changed(MOMENTUM, rate_place="inside"), "a learning rate inside the velocity"),
        (MOMENTUM, changed(MOMENTUM, nesterov=True), "Nesterov's step"),
        (changed(MOMENTUM, nesterov=True), MOMENTUM, "a step without Nesterov's look ahead"),
        (MOMENTUM, changed(MOMENTUM, momentum=0.5), "μ = 0.5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_formula_that_explains_a_finding_is_named(
    said: Optimizer, done: Optimizer, note: str, dtype: str
) -> None:
    assert first_finding(said, done, dtype).note == f"It is what {note} gives."


def test_a_bias_correction_in_the_dtype_of_the_run_is_named() -> None:
    found = first_finding(ADAM, changed(ADAM, bias_correction="dtype"), "float32")
    assert found.note == "It is what a bias correction in the dtype of the run gives."


@pytest.mark.parametrize("late", [-1, 1])
def test_a_bias_correction_that_counts_steps_otherwise_is_named(
    late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = NumpyBackprop.update

    def update(self: Any, params: Any, grads: Any, state: Any) -> Any:
        at = max(state.step + late, 0)
        after, new = moved(self, params, grads, replace(state, step=at))
        return after, replace(new, step=state.step + 1)

    monkeypatch.setattr(NumpyBackprop, "update", update)
    side = "behind, with t - 1," if late < 0 else "ahead, with t + 1,"
    found = first_finding(ADAM, ADAM)
    assert found.note == f"It is what a bias correction that is a step {side} gives."
    # The first step has no step before it.
    assert found.step == (2 if late < 0 else 1)


def test_a_formula_that_only_what_failed_would_fit_is_not_named() -> None:
    """A number that is a few last bits off is near some other formula by chance."""
    numbers = np.zeros((1, 2))
    known, value = Numbers(numbers, numbers, {}, {}), np.array([[0.0, 7.0]])

    def decide(_: Optimizer, __: Array, ___: Numbers, tried: Array) -> Judged:
        verdict = np.where(tried == 7, np.uint8(Verdict.DIFFERENT), np.uint8(Verdict.BIT_EQUAL))
        return Judged("update", "W1", tried, tried, tried, tried, verdict)

    def cause(value: Array) -> str:
        return named_cause(decide, ADAM, "", np.array([3]), known, value, np.array([[True, False]]))

    assert cause(value) == ""
    assert cause(0 * value) == "It is what ε inside the root gives."


@pytest.mark.parametrize(
    "done",
    [changed(ADAM, learning_rate=0.0123), changed(ADAM, beta2=0.987), changed(ADAM, epsilon=3e-8)],
    ids=["rate", "beta2", "epsilon"],
)
def test_what_nobody_would_guess_is_not_named(done: Optimizer) -> None:
    assert first_finding(ADAM, done).note == ""


def test_a_number_that_is_off_by_itself_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = NumpyBackprop.update

    def update(self: Any, params: Any, grads: Any, state: Any) -> Any:
        after, new = moved(self, params, grads, state)
        new.slots["v"][0][0, 0] *= 1 + 1e-6
        return after, new

    monkeypatch.setattr(NumpyBackprop, "update", update)
    found = first_finding(ADAM, ADAM)
    assert (found.tensor, found.note) == ("v W1", "")
    assert np.isfinite(found.exact)
