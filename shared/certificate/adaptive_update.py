"""Parameters behind a division by roots: w - s, less what decays, held to a bound.

The subtraction rounds once, by half the distance of the floats there, and s may be off by some
roundings of itself: where s is far smaller than w, that is as sharp as deciding bit by bit. Decay
rounds at the size of w, or not, in several honest orders; each is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import bounds
from shared.certificate.adaptive_step import Step, exact_step, wide
from shared.certificate.decision import Judged, decide
from shared.certificate.fused import fused
from shared.certificate.rounding import half_steps
from shared.certificate.stages import UPDATE, Reference
from shared.certificate.update_numbers import Constants, Numbers
from shared.optimizer import Optimizer


def judge_adaptive(
    reference: Reference, optimizer: Optimizer, name: str, steps: Array, numbers: Numbers,
    value: Array,
) -> Judged:  # fmt: skip
    """Judge parameters after the step; `value` is what was recorded of them.

    Shapes: steps (s,), all others (s, *R, ...), in the dtype of the run.
    """
    every = _every_form(reference, optimizer, steps, numbers)
    judged = _held(reference, name, value, *next(every))
    while judged.any_failed:
        form = next(every, None)
        if form is None:
            break
        judged = _better(judged, _held(reference, name, value, *form))
    return judged


def _better(judged: Judged, other: Judged) -> Judged:
    """Return the values as judged, and where they failed, as the other form judges them."""
    passed = judged.failed & ~other.failed
    if not passed.any():
        return judged
    chosen = (
        np.where(passed, getattr(other, key), getattr(judged, key))
        for key in ("exact", "error", "bound", "verdict")
    )
    return Judged(judged.stage, judged.tensor, judged.value, *chosen)


def _every_form(
    reference: Reference, optimizer: Optimizer, steps: Array, numbers: Numbers
) -> Iterator[tuple[Any, Array]]:
    """Yield exact values that parameters may be near to, and by how much these may be off."""
    for multiplied in (False, True):
        step = exact_step(reference, optimizer, steps, numbers, multiplied)
        yield _declared(reference, optimizer, numbers, step)
        if optimizer.decoupled_decay:
            yield from _forms(reference, optimizer, numbers, step)
        if optimizer.name == "rmsprop" or optimizer.bias_correction == "none":
            return  # there is no power of β


def _declared(
    reference: Reference, optimizer: Optimizer, numbers: Numbers, step: Step
) -> tuple[Any, Array]:
    """Return w - s - ηλw, and how far it may be off before the last rounding."""
    w = reference.arithmetic.lift(wide(numbers.w))
    if not optimizer.decoupled_decay:
        return w - step.exact, step.error
    decay, error = _decay(reference, optimizer, numbers)
    return w - step.exact - decay, step.error + error


def _forms(
    reference: Reference, optimizer: Optimizer, numbers: Numbers, step: Step
) -> Iterator[tuple[Any, Array]]:
    """Yield what else a parameter may be near to: where the decay was rounded for itself."""
    dtype, w, arithmetic = reference.rounding.dtype, numbers.w, reference.arithmetic
    constants, lift = Constants.of(optimizer, dtype), arithmetic.lift
    for kept in constants.kept:
        yield lift(wide(kept * w)) - step.exact, step.error
        yield lift(wide(kept)) * lift(wide(w)) - step.exact, step.error
    for shrunk in _shrunk(constants, w, dtype):
        yield lift(wide(shrunk)) - step.exact, step.error
    # The step first: w - s rounds to one of two floats, and then the decay is subtracted.
    decay, error = _decay(reference, optimizer, numbers)
    for reach in (-step.error, step.error):
        moved = arithmetic.lower(lift(wide(w)) - step.exact + lift(reach))
        yield lift(wide(moved.astype(dtype))) - decay, error


def _shrunk(constants: Constants, w: Array, dtype: str) -> Iterator[Array]:
    """Yield w - ηλw as it may be rounded: ηλ first or last, and fused or not."""
    for shrinking in constants.shrinking:
        yield w - shrinking * w
        yield fused(-shrinking, w, w, dtype)
    for outer, inner in (
        (constants.eta, constants.decoupled * w),
        (constants.decoupled, constants.eta * w),
    ):
        yield w - outer * inner
        yield fused(-outer, inner, w, dtype)


def _decay(reference: Reference, optimizer: Optimizer, numbers: Numbers) -> tuple[Any, Array]:
    """Return ηλw, and by how much a program's may be off."""
    lift, w = reference.arithmetic.lift, wide(numbers.w)
    eta, decay = np.asarray(optimizer.learning_rate), np.asarray(optimizer.decoupled_decay)
    return lift(eta) * lift(decay) * lift(w), reference.rounding.gamma(4) * eta * decay * abs(w)


def _held(reference: Reference, name: str, value: Array, exact: Any, error: Array) -> Judged:
    """Decide on parameters near an exact value that is off by an error before it is rounded."""
    rounding, arithmetic, held = reference.rounding, reference.arithmetic, wide(value)
    last = np.maximum(*half_steps(rounding, held))
    bound = bounds.widened(last + error + 2 * rounding.omega)
    return decide(
        UPDATE, name, held, arithmetic.lower(exact), arithmetic.distance(held, exact), bound,
        reference.sharpness, rounding.dtype, arithmetic.radius(exact),
    )  # fmt: skip
