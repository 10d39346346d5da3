"""NumPy's backend with one wrong number: all that follows is computed from it, as it should be.

So one value of one stage is off, and every other step, stage and link of the chain is right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from impls.numpy_backprop import (
    FUNCTIONS,
    SLOPES,
    NumpyBackprop,
    output_delta,
    total_loss,
)
from shared.backend import Array, Evaluation, OptimizerState, Params, StepGradients
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Finding
from shared.certificate.stages import FORWARD, LOSS, UPDATE
from shared.network import Network
from shared.optimizer import Optimizer
from shared.stepwise import Stepwise
from tests.certified_exact import beside, exact_value
from tests.certified_forms import beyond_all, expected_verdict
from tests.certified_runs import Place, Run, gradients_of, judgements, seen_by


@dataclass(frozen=True)
class Slip:
    """The tensor of a stage, and the step (from 1), element and value of a number in it."""

    stage: str
    tensor: str
    step: int
    element: Place
    value: float


class Slipping(NumpyBackprop):
    """Computes as NumPy's backend does, but for the slip."""

    def __init__(
        self, network: Network, optimizer: Optimizer, slip: Slip, dtype: str = "float64"
    ) -> None:
        super().__init__(network, optimizer, dtype)
        self.slip, self.step = slip, 1
        self.learning_rate = np.dtype(dtype).type(optimizer.learning_rate)

    def passed(self, stage: str, tensor: str, value: Array) -> Array:
        slip = self.slip
        if (slip.stage, slip.tensor, slip.step) == (stage, tensor, self.step):
            value = np.array(value)
            value[slip.element] = slip.value
        return value

    def answered(self, params: Params, x: Array, y: Array) -> tuple[Evaluation, list[Array], Array]:
        """Return what is recorded, a_0, ..., a_L, and the output that ∂L/∂z_L comes from."""
        network, last = self.network, len(params) // 2
        activations = [x]
        for layer in range(1, last + 1):
            W, b = params[2 * layer - 2 : 2 * layer]
            z = activations[-1] @ W.mT + b[..., None, :]
            if layer == last and network.from_logits:
                z = self.passed(FORWARD, f"z{layer}", z)
            a = FUNCTIONS[network.output if layer == last else network.activation](z)
            activations.append(self.passed(FORWARD, f"a{layer}", a))
        # Both a cross-entropy and its slope come from the logits, and not from a_L.
        output = a if network.from_logits else activations[-1]
        loss = self.passed(LOSS, "loss", total_loss(network, output, z, y))
        logits = z if network.from_logits else None
        return Evaluation(tuple(activations[1:]), logits, loss), activations, output

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        with np.errstate(all="ignore"):
            return self.answered(params, x, y)[0]

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        evaluation, activations, output = self.answered(params, x, y)
        delta = output_delta(self.network, output, y)
        return StepGradients(evaluation, *self.derived(params, activations, delta))

    def derived(
        self, params: Params, activations: list[Array], delta: Array
    ) -> tuple[Params, tuple[Array, ...]]:
        grads: list[Array] = []
        deltas: list[Array] = []
        for layer in range(len(params) // 2, 0, -1):
            deltas.append(delta := self.passed("backward", f"δ{layer}", delta))
            below = activations[layer - 1]
            grads.append(self.passed("backward", f"b{layer}", delta.sum(axis=-2)))
            grads.append(self.passed("backward", f"W{layer}", delta.mT @ below))
            if layer > 1:
                slope = SLOPES[self.network.activation](below)
                delta = (delta @ params[2 * layer - 2]) * slope
        return tuple(grads[::-1]), tuple(deltas[::-1])

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        rate = self.learning_rate
        after = tuple(
            self.passed(UPDATE, name, w - rate * g)
            for name, w, g in zip(self.network.param_names, params, grads, strict=True)
        )
        self.step = state.step + 2
        return after, OptimizerState(state.step + 1)


def slipped(run: Run, slip: Slip) -> Run:
    """Train again, through the same chunks, and slip once."""
    one = run.problem
    backend = Stepwise(Slipping(one.network, one.optimizer, slip, run.dtype))
    params, state, chunks = run.start, OptimizerState(), []
    for honest in run.chunks:
        chunk = backend.train(params, state, one.dataset(run.dtype), honest.batches)
        params, state = chunk.final
        without = honest.deltas is None
        chunks.append(replace(chunk, deltas=None) if without else chunk)
    return run.with_chunks(*chunks)


def some_place(judged: Judged, step: int, replica: int) -> Place:
    """An element in the middle of a step's numbers that are not zero, and what the bound tests."""
    row = judged.value[step - 1]
    sharp = judged.bound[step - 1] < abs(row) / 2
    candidates = np.argwhere(sharp)
    if replica:
        candidates = candidates[candidates[:, 0] == replica]
    return (step - 1, *candidates[len(candidates) // 2].tolist())


def slips_beside(
    run: Run, stage: str, tensor: str, place: Place, side: int
) -> tuple[Slip, Slip, Slip]:
    """Slips to 0.99 and to 1.01 of the declared bound, counted from an exact value computed here,
    and to a value beyond what any form allows."""
    bound = float(judgements(run)[stage, tensor].bound[place])
    seen, got = seen_by(run), gradients_of(run)
    exact = exact_value(seen, got.deltas, stage, tensor, place)
    within, aside = beside(exact, bound, side, run.dtype)
    beyond = beyond_all(seen, got, stage, tensor, place, side, run.dtype)
    assert side * beyond >= side * aside
    values = (within, aside, beyond)
    first, second, third = (Slip(stage, tensor, place[0] + 1, place[1:], v) for v in values)
    return first, second, third


def expected_of(run: Run, slip: Slip) -> Verdict:
    """What a slip beyond all forms has to be called."""
    place = (slip.step - 1, *slip.element)
    return expected_verdict(seen_by(run), slip.stage, slip.tensor, place, slip.value, run.dtype)


def require_not_as_declared(run: Run, slip: Slip) -> None:
    """The slip is found, or another form, which is named, explains it."""
    certificate = run.judged()
    for found in certificate.findings:
        assert (found.step, found.stage, found.tensor) == (slip.step, slip.stage, slip.tensor)
        assert (found.element, found.value) == (slip.element, slip.value)
    (stage,) = (
        one for one in certificate.stages if (one.stage, one.tensor) == (slip.stage, slip.tensor)
    )
    assert certificate.found == 1 or (certificate.certified and stage.forms)


def require_found(run: Run, slip: Slip, verdict: Verdict) -> Finding:
    """The slip, its place and its value are found, and nothing else."""
    certificate = run.judged()
    (found,) = certificate.findings
    assert certificate.found == 1
    assert (found.verdict, certificate.verdict) == (verdict, verdict)
    assert not certificate.certified
    assert (found.step, found.epoch) == (slip.step, run.epoch(slip.step))
    assert (found.stage, found.tensor, found.element) == (slip.stage, slip.tensor, slip.element)
    assert found.value == slip.value
    axes = run.chunks[0].batches.ndim - 2
    (batch,) = (
        chunk.batches[chunk.steps == slip.step][0][slip.element[:axes]]
        for chunk in run.chunks
        if slip.step in chunk.steps
    )
    assert found.samples == tuple(batch.tolist())
    return found
