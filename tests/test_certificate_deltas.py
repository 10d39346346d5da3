"""Recorded deltas: judged like everything else, and a sharper cut for the gradients below them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState, Params, StepGradients
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, StageSummary
from shared.stepwise import Stepwise
from tests.certified_kinds import KINDS
from tests.certified_runs import Run, trained

DEEP = ("sigmoid, squares", "tanh twice, quadratic cost", "relu twice, quantities",
        "tanh twice, classes")  # fmt: skip
HIDDEN = [name for name, one in KINDS.items() if len(one.network.sizes) > 2]
LAYERS = [
    (name, layer) for name in DEEP for layer in range(1, len(KINDS[name].network.sizes))
]  # fmt: skip
every_layer = pytest.mark.parametrize(("name", "layer"), LAYERS)


@cache
def run_of(name: str) -> Run:
    return trained(KINDS[name], 4)


def with_delta(run: Run, layer: int, delta: Array) -> Run:
    deltas = list(run.whole.deltas or ())
    deltas[layer - 1] = delta
    return run.with_chunks(replace(run.whole, deltas=tuple(deltas)))


def stages(certificate: BackendCertificate) -> dict[str, StageSummary]:
    return {stage.tensor: stage for stage in certificate.stages if stage.stage == "backward"}


class Doubling(NumpyBackprop):
    """Doubles one δ, and goes on from it as it should."""

    layer = 1

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        right = super().gradients(params, x, y)
        assert right.deltas is not None
        # Twice a δ makes twice every δ and gradient from there on, to the bit.
        until = self.layer
        grads = tuple(2 * g if i < 2 * until else g for i, g in enumerate(right.grads))
        deltas = tuple(2 * d if i < until else d for i, d in enumerate(right.deltas))
        return replace(right, grads=grads, deltas=deltas)


@every_layer
def test_a_wrong_delta_is_found_in_its_own_stage_alone(name: str, layer: int) -> None:
    """All that follows belongs to it, so nothing else is wrong."""
    one = run_of(name)
    backend = Doubling(one.problem.network, one.problem.optimizer, "float64")
    backend.layer = layer
    data, batches = one.problem.dataset("float64"), one.whole.batches
    wrong = Stepwise(backend).train(one.start, OptimizerState(), data, batches)
    assert wrong.deltas is not None
    certificate = one.with_chunks(wrong).judged()
    for tensor, stage in stages(certificate).items():
        failed = sum(stage.counts[Verdict.UNDECIDED :])
        expected = np.count_nonzero(wrong.deltas[layer - 1]) if tensor == f"δ{layer}" else 0
        assert failed == expected, tensor
    assert certificate.findings[0].tensor == f"δ{layer}"
    assert certificate.verdict == Verdict.DIFFERENT


@every_layer
@pytest.mark.parametrize("factor", [2.0, -1.0, 1 + 1e-9, np.nan])
def test_a_delta_that_is_only_recorded_wrongly(name: str, layer: int, factor: float) -> None:
    """Then neither do the gradients belong to it, nor the delta below."""
    run = run_of(name)
    delta = np.array((run.whole.deltas or ())[layer - 1])
    delta[3] *= factor
    certificate = with_delta(run, layer, delta).judged()
    assert {found.step for found in certificate.findings} == {4}
    assert certificate.findings[0].tensor == f"δ{layer}"
    assert certificate.verdict == Verdict.DIFFERENT


@every_layer
def test_deltas_of_the_step_before(name: str, layer: int) -> None:
    run = run_of(name)
    delta = np.array((run.whole.deltas or ())[layer - 1])
    delta[5] = delta[4]
    found = with_delta(run, layer, delta).judged().findings[0]
    assert (found.step, found.tensor) == (6, f"δ{layer}")


@pytest.mark.parametrize("name", KINDS)
def test_every_recorded_delta_is_judged(name: str) -> None:
    run = run_of(name)
    found = stages(run.judged())
    for layer, delta in enumerate(run.whole.deltas or (), start=1):
        assert sum(found[f"δ{layer}"].counts) == delta.size
    assert sum(tensor.startswith("δ") for tensor in found) == len(run.problem.network.sizes) - 1


@pytest.mark.parametrize("name", KINDS)
def test_without_deltas_the_gradients_are_judged_from_the_activations(name: str) -> None:
    run = run_of(name).without_deltas()
    certificate = run.judged()
    assert certificate.certified
    assert set(stages(certificate)) == set(run.problem.network.param_names)


@pytest.mark.parametrize("name", KINDS)
def test_without_deltas_a_wrong_gradient_is_found(name: str) -> None:
    run = run_of(name).without_deltas()
    for i, tensor in enumerate(run.problem.network.param_names):
        grads = tuple(2 * g if i == j else g for j, g in enumerate(run.whole.grads))
        found = run.with_chunks(replace(run.whole, grads=grads)).judged().findings[0]
        assert (found.stage, found.tensor, found.step) == ("backward", tensor, 1)
        assert found.verdict == Verdict.DIFFERENT


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("tensor", ["W1", "b1"])
def test_with_deltas_the_first_layers_gradients_are_known_better(name: str, tensor: str) -> None:
    run = run_of(name)
    sharp, wide = (stages(one.judged())[tensor] for one in (run, run.without_deltas()))
    assert sharp.resolution is not None
    assert wide.resolution is not None
    assert sharp.resolution < wide.resolution
