"""One step of a small network at numbers that over- or underflow, to be judged number by number.

A step is given by parameters and samples of one's own choice. All that is recorded is computed by
NumPy's backend in the dtype, and any number of it may be exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Params, StepGradients
from shared.certificate.audit import Auditor
from shared.certificate.audit_choice import Block
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged, Verdict
from shared.certificate.forward import judge_forward
from shared.certificate.judge import reference_for
from shared.certificate.stages import Evaluated, Gradients
from shared.network import Network
from shared.optimizer import Optimizer
from tests.certified_exact import exact_value
from tests.certified_runs import Place, held

BITS = 4000


def in_balls(function: Callable[[flint.arb], flint.arb], z: Fraction) -> Fraction:
    """A function of a number to a thousand digits, where decimals of 60 would cancel."""
    with flint.ctx.workprec(BITS):
        argument = flint.arb(int(z.numerator)) / flint.arb(int(z.denominator))
        mantissa, exponent = function(argument).mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


OMEGA = {"float64": 2.0**-1022, "float32": 2.0**-126}
"""The smallest normal numbers."""

PASSED = (Verdict.BIT_EQUAL, Verdict.EXPLAINED, Verdict.VACUOUS)


@dataclass(frozen=True)
class Step:
    """A step and what was recorded of it, each array with a leading axis of one step."""

    network: Network
    params: Params
    x: Array
    y: Array
    dtype: str
    recorded: StepGradients

    def with_deltas(self, kept: bool) -> Step:
        deltas = self.recorded.deltas if kept else None
        return replace(self, recorded=replace(self.recorded, deltas=deltas))

    @property
    def seen(self) -> Evaluated:
        evaluation = self.recorded.evaluation
        logits = evaluation.logits
        return Evaluated(
            self.network, held(self.params),
            held((self.x, *(evaluation.activations or ()))),
            None if logits is None else held((logits,))[0],
            self.y.astype(np.float64), evaluation.loss.astype(np.float64),
        )  # fmt: skip

    def value(self, stage: str, tensor: str, place: Place) -> float:
        return float(self._array(stage, tensor)[place])

    def put(self, stage: str, tensor: str, place: Place, value: float) -> Step:
        array = np.array(self._array(stage, tensor))
        array[place] = value
        return self._with(stage, tensor, array)

    def exact(self, stage: str, tensor: str, place: Place) -> Fraction:
        deltas = self.recorded.deltas and held(self.recorded.deltas)
        return exact_value(self.seen, deltas, stage, tensor, place)

    def judged(self, stage: str, tensor: str) -> Judged:
        """A tensor as a certificate has it: in any form, and audited."""
        reference, recorded, seen = reference_for(self.dtype), self.recorded, self.seen
        got = Gradients(held(recorded.grads), recorded.deltas and held(recorded.deltas))
        with np.errstate(all="ignore"):
            every = list(judge_forward(reference, seen))
            every += judge_backward(reference, seen, got.grads, got.deltas)
            every = Auditor(reference, 0).audited(Block(seen, got, {1: 0}), every, True)
        (found,) = (one for one in every if (one.stage, one.tensor) == (stage, tensor))
        return found

    def verdict(self, stage: str, tensor: str, place: Place, value: float) -> Verdict:
        """What a number is called if it is this one; DIFFERENT where another form explains it."""
        judged = self.put(stage, tensor, place, value).judged(stage, tensor)
        return Verdict.DIFFERENT if judged.form else Verdict(int(judged.verdict[place]))

    def _array(self, stage: str, tensor: str) -> Array:
        evaluation = self.recorded.evaluation
        if stage == "loss":
            return evaluation.loss
        layer = int(tensor[1:])
        if tensor[0] == "z":
            assert evaluation.logits is not None
            return evaluation.logits
        if tensor[0] == "a":
            return (evaluation.activations or ())[layer - 1]
        if tensor[0] == "δ":
            return (self.recorded.deltas or ())[layer - 1]
        return self.recorded.grads[2 * layer - 1 - (tensor[0] == "W")]

    def _with(self, stage: str, tensor: str, array: Array) -> Step:
        recorded = self.recorded
        evaluation = recorded.evaluation
        if stage == "loss":
            evaluation = replace(evaluation, loss=array)
        elif tensor[0] == "z":
            evaluation = replace(evaluation, logits=array)
        elif tensor[0] == "a":
            layers = _exchanged(evaluation.activations or (), int(tensor[1:]) - 1, array)
            evaluation = replace(evaluation, activations=layers)
        elif tensor[0] == "δ":
            deltas = _exchanged(recorded.deltas or (), int(tensor[1:]) - 1, array)
            recorded = replace(recorded, deltas=deltas)
        else:
            index = 2 * int(tensor[1:]) - 1 - (tensor[0] == "W")
            recorded = replace(recorded, grads=_exchanged(recorded.grads, index, array))
        return replace(self, recorded=replace(recorded, evaluation=evaluation))


@dataclass(frozen=True)
class Spot:
    """A recorded number of a step.

    known
        The exact one, where the step's own decimals would cancel.
    sharp
        Whether the declared bound there is no more than some smallest normal numbers.
    """

    step: Step
    stage: str
    tensor: str
    place: Place
    known: Fraction | None = None
    sharp: bool = True

    @property
    def exact(self) -> Fraction:
        if self.known is not None:
            return self.known
        return self.step.exact(self.stage, self.tensor, self.place)

    @property
    def judged(self) -> Judged:
        return self.step.judged(self.stage, self.tensor)

    @property
    def recorded(self) -> Verdict:
        """What the number is called that NumPy's backend came to."""
        return Verdict(int(self.judged.verdict[self.place]))

    def verdict(self, value: float) -> Verdict:
        """What it is called if it is this one; DIFFERENT where another form explains it."""
        return self.step.verdict(self.stage, self.tensor, self.place, value)


def _exchanged(arrays: Params, index: int, array: Array) -> Params:
    return tuple(array if i == index else one for i, one in enumerate(arrays))


def step_of(
    network: Network,
    params: list[object],
    x: object,
    y: object,
    dtype: str,
) -> Step:
    """Params are W1, b1, W2, ... of one network, x and y rows of a batch."""
    values = tuple(np.array([v], dtype=np.float64).astype(dtype) for v in params)
    inputs, targets = (np.array([v], dtype=np.float64).astype(dtype) for v in (x, y))
    backend = NumpyBackprop(network, Optimizer(0.1), dtype)
    with np.errstate(all="ignore"):
        recorded = backend.gradients(values, inputs, targets)
    return Step(network, values, inputs, targets, dtype, recorded)
