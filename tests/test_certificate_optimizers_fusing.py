"""A gradient that moves a parameter before it is rounded is another one than was recorded.

The gradient of one sample is a product δ a; a compiler that fuses it into the sum that takes it in
makes a velocity of a number that nobody sees. That is DIFFERENT, and the finding says what it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState, Params, StepGradients
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.fused import fused
from shared.certificate.judge import Judge
from shared.certificate.optimizer_update import FUSED
from shared.certificate.stages import UPDATE
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params, starting_state
from shared.stepwise import Stepwise
from tests.certified_kinds import made

MOMENTUM = Optimizer(0.05, "momentum")
STEPS = 12


class Fusing(NumpyBackprop):
    """NumPy's backend, but W's velocity is μ v + δᵀ a with δ a rounded only in the sum."""

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result = super().gradients(params, x, y)
        assert result.evaluation.activations is not None
        assert result.deltas is not None
        self.below = (x, *result.evaluation.activations)
        self.deltas = result.deltas
        return result

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        number = params[0].dtype.type
        velocities = []
        for i, (v, g) in enumerate(zip(state.slots["velocity"], grads, strict=True)):
            kept = number(MOMENTUM.momentum) * v
            factors = self.deltas[i // 2][0], self.below[i // 2][0]
            if v.ndim == 2:
                kept = fused(factors[0][:, None], factors[1][None], kept, v.dtype.name)
            else:
                kept = kept + g
            velocities.append(kept)
        after = tuple(
            w - number(MOMENTUM.learning_rate) * v for w, v in zip(params, velocities, strict=True)
        )
        return after, OptimizerState(state.step + 1, {"velocity": tuple(velocities)})


def judged(asked: Problem, backend: NumpyBackprop, dtype: str) -> BackendCertificate:
    params = starting_params(asked, 42, dtype)
    first, batches = next(batch_runs(asked, 42, 0, STEPS))
    assert (first, len(batches)) == (0, STEPS)
    judge = Judge("fusing", asked, dtype, 42)
    state, data = starting_state(asked, params), asked.dataset(dtype)
    judge.add(Stepwise(backend).train(params, state, data, batches))
    return judge.finish()


def people() -> Problem:
    return replace(problem("people16-centered").changed(epochs=1), optimizer=MOMENTUM)


def test_a_velocity_of_an_unrounded_gradient_is_different_and_noted(dtype: str) -> None:
    asked = people()
    rounded = asked.optimizer_in(dtype)
    certificate = judged(asked, Fusing(asked.network, rounded, dtype), dtype)
    assert certificate.verdict == Verdict.DIFFERENT
    assert certificate.audit.overturned == 0
    for found in certificate.findings:
        assert (found.stage, found.note) == (UPDATE, FUSED)
        assert found.tensor in ("velocity W1", "velocity W2")
        assert found.bitwise
    # With a velocity of 0 the sum rounds the product, as it was recorded.
    assert min(found.step for found in certificate.findings) > 1


class Scaled(NumpyBackprop):
    """NumPy's backend, but for one velocity that is larger by a factor from a step on."""

    factor = 1.0

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, then = super().update(params, grads, state)
        if then.step > 3:
            then.slots["velocity"][0][0, 0] *= then.slots["velocity"][0].dtype.type(self.factor)
        return after, then


@pytest.mark.parametrize("factor", [1 + 1e-3, np.inf, np.nan], ids=str)
def test_what_fusing_does_not_explain_is_not_noted(factor: float, dtype: str) -> None:
    asked = people()
    backend = Scaled(asked.network, asked.optimizer_in(dtype), dtype)
    backend.factor = factor
    first = judged(asked, backend, dtype).findings[0]
    assert (first.step, first.tensor, first.note) == (4, "velocity W1", "")


class NextFloat(NumpyBackprop):
    """NumPy's backend, moved by the floats next to its gradients."""

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return super().update(params, tuple(np.nextafter(g, np.inf) for g in grads), state)


@pytest.mark.parametrize("samples", [1, 2])
def test_only_the_gradient_of_one_sample_is_a_product(samples: int, dtype: str) -> None:
    """Of a batch it is a sum, and what that is fused of explains nothing."""
    asked = replace(made(Network((2, 3, 1)), 12 * samples, samples, 0.05), optimizer=MOMENTUM)
    rounded = asked.optimizer_in(dtype)
    certificate = judged(asked, NextFloat(asked.network, rounded, dtype), dtype)
    assert certificate.findings[0].tensor == "velocity W1"
    assert {found.note for found in certificate.findings} == {FUSED if samples == 1 else ""}
