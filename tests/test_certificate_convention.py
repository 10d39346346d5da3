"""relu'(0): 0 here; where a program takes another number, the findings say that it is that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop, output_delta
from shared.backend import Array, OptimizerState, Params, StepGradients
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded
from shared.stepwise import Stepwise
from tests.certified_kinds import CATEGORICAL, made
from tests.certified_runs import Run, certificate, trained


def zero_first(network: Network) -> Problem:
    """A first sample of zeros, seen alone, and biases that start at zero: every z is 0."""
    one = made(network, samples=4, batch_size=1, rate=0.1, epochs=2)
    zeros = np.zeros(network.sizes[0])
    return replace(with_first(one, zeros), initialization="fan_in_normal")


def with_first(one: Problem, first: Array) -> Problem:
    """The same with another first sample."""
    return replace(one, x=np.vstack([first, one.x[1:]]))


SHALLOW = zero_first(Network((3, 5, 2), "relu", "softmax", CATEGORICAL))
DEEP = zero_first(Network((3, 4, 5, 2), "relu", "identity"))
MIXED = replace(SHALLOW, batch_size=4)
"""The sample of zeros among three others, of which some lie below zero."""

every_depth = pytest.mark.parametrize(
    "one", [SHALLOW, DEEP, MIXED], ids=["one layer", "two layers", "among others"]
)
with_and_without = pytest.mark.parametrize("deltas", [True, False], ids=["deltas", "no deltas"])
OTHERS = {0.5: "1/2", 1.0: "1"}


class Kinked(NumpyBackprop):
    """Takes another slope of the relu at zero; or, as no program should, below it."""

    at_zero, below_zero, factor = 0.0, 0.0, 1.0

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        right = super().gradients(params, x, y)
        assert right.evaluation.activations is not None
        activations = [x, *right.evaluation.activations]
        delta = output_delta(self.network, activations[-1], y)
        deltas, grads = [delta], []
        for layer in range(len(activations) - 1, 0, -1):
            below = activations[layer - 1]
            grads += [delta.sum(axis=-2) * self.factor, delta.mT @ below]
            if layer > 1:
                W, b = params[2 * layer - 4 : 2 * layer - 2]
                z = activations[layer - 2] @ W.mT + b[..., None, :]
                slope = (z > 0) + self.at_zero * (z == 0) + self.below_zero * (z < 0)
                deltas.append(delta := (delta @ params[2 * layer - 2]) * slope)
        return replace(right, grads=tuple(grads[::-1]), deltas=tuple(deltas[::-1]))


def judged(one: Problem, deltas: bool, **slopes: float) -> BackendCertificate:
    """Make one step alone with these slopes, the one in which every z is 0."""
    honest = trained(one, 3)
    backend = Kinked(one.network, one.optimizer, "float64")
    for name, value in slopes.items():
        setattr(backend, name, value)
    data, batches = one.dataset("float64"), honest.whole.batches[:1]
    chunk = Stepwise(backend).train(honest.start, OptimizerState(), data, batches)
    return Run(one, 3, (chunk if deltas else replace(chunk, deltas=None),)).judged()


def test_zero_is_what_every_backend_takes(loaded: Loaded) -> None:
    found = certificate(loaded, DEEP, (3, 4))
    assert found.certified
    assert found.kinks > 0


@every_depth
@with_and_without
@pytest.mark.parametrize(("slope", "said"), OTHERS.items(), ids=OTHERS.values())
def test_another_convention_is_not_certified_and_named(
    one: Problem, deltas: bool, slope: float, said: str
) -> None:
    """No proof of a mistake: from end to end, z might have been a little above zero."""
    found = judged(one, deltas, at_zero=slope)
    assert not found.certified
    assert found.verdict == Verdict.UNDECIDED
    for finding in found.findings:
        assert (finding.stage, finding.step) == ("backward", 1)
        assert f"relu'(0) = {said} gives: a convention" in finding.note


@every_depth
@with_and_without
@pytest.mark.parametrize("slope", [0.25, -1.0, 2.0])
def test_a_number_that_is_no_convention_is_not_excused(
    one: Problem, deltas: bool, slope: float
) -> None:
    found = judged(one, deltas, at_zero=slope)
    assert not found.certified
    assert found.verdict == (Verdict.DIFFERENT if slope == 2 else Verdict.UNDECIDED)
    assert not any("convention" in finding.note for finding in found.findings)


@every_depth
@with_and_without
@pytest.mark.parametrize("at_zero", [0.0, 1.0])
def test_another_mistake_in_the_same_step_gets_no_note(
    one: Problem, deltas: bool, at_zero: float
) -> None:
    found = judged(one, deltas, at_zero=at_zero, factor=1 + 1e-9)
    assert found.verdict == Verdict.DIFFERENT
    assert not any("convention" in finding.note for finding in found.findings)


@with_and_without
@pytest.mark.parametrize("at_zero", [0.0, 1.0])
@pytest.mark.parametrize("one", [SHALLOW, MIXED], ids=["no zero", "a zero among others"])
def test_a_slope_below_zero_is_a_mistake(one: Problem, at_zero: float, deltas: bool) -> None:
    first = one.x[1] if one is SHALLOW else one.x[0]
    found = judged(with_first(one, first), deltas, below_zero=1.0, at_zero=at_zero)
    assert found.verdict == Verdict.DIFFERENT
    assert not any("convention" in finding.note for finding in found.findings)


@every_depth
def test_every_zero_that_a_relu_receives_is_counted(one: Problem) -> None:
    """In the first step all hidden units; no other step meets a zero."""
    steps = judged(one, True)
    assert steps.certified
    assert steps.kinks == sum(one.network.sizes[1:-1])


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_a_zero_is_no_kink_of_another_function(activation: str) -> None:
    one = zero_first(replace(SHALLOW.network, activation=activation))
    found = trained(one, 3).judged()
    assert found.certified
    assert found.kinks == 0


def test_where_no_zero_is_met_no_kink_is_counted() -> None:
    one = with_first(SHALLOW, SHALLOW.x[1])
    found = trained(one, 3).judged()
    assert found.certified
    assert found.kinks == 0


def test_the_kinks_of_replicas_are_counted_together() -> None:
    each = [trained(SHALLOW, seed).judged().kinks for seed in (3, 4)]
    assert trained(SHALLOW, (3, 4)).judged().kinks == sum(each) > 0


def test_a_mistake_in_another_step_takes_no_note_away() -> None:
    honest = trained(SHALLOW, 3)
    backend = Kinked(SHALLOW.network, SHALLOW.optimizer, "float64")
    backend.at_zero = 1.0
    data, batches = SHALLOW.dataset("float64"), honest.whole.batches[:4]
    chunk = Stepwise(backend).train(honest.start, OptimizerState(), data, batches)
    wrong = [g.copy() for g in chunk.grads]
    wrong[-1][2] *= 1 + 1e-6
    chunk = replace(chunk, grads=tuple(wrong), deltas=None)
    told = {(f.step, "convention" in f.note) for f in Run(SHALLOW, 3, (chunk,)).judged().findings}
    assert (1, True) in told
    assert (3, False) in told
    assert not {(1, False), (3, True)} & told
