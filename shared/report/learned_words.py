"""Whether a network learned, in words: of classes by counting, of quantities by the mean loss.

The text and the JSON say it in the same words, and explain saturated units where that is the
reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.backend import Array
from shared.comparison import BackendResult
from shared.evaluation import Outcome
from shared.report import words

ALL_DIGITS = 17
"""So many tell any two floats apart."""

SHOWN_UNITS = 8
"""As many saturated units are named."""


def learned(result: BackendResult) -> str:
    """Say whether a network learned its data, and, if its units are saturated, why not."""
    outcome = result.outcome
    if outcome.correct is None:
        return _learned_quantities(result)
    if result.curve.answers is not None:
        return _learned_classes(result)
    share = f"{outcome.correct} of {outcome.samples}"
    if outcome.solved:
        return f"solved: {share}"
    if not outcome.finite:
        return f"broken: {share}, with weights that are NaN or infinite"
    if not outcome.saturated:
        return f"not solved: {share}; no hidden unit is saturated"
    return f"stuck: {share}; saturated: {_units(outcome)}"


def why_stuck(results: Sequence[BackendResult]) -> str | None:
    """Explain saturation once, if any network is stuck for it, or learns quantities with it."""
    told = [r.outcome for r in results if r.curve.answers is None]
    if not any(not o.solved and o.saturated and o.finite for o in told):
        return None
    return (
        "A saturated unit gives nearly the same end of its range to every sample: there its "
        "activation function is flat, the slope is nearly 0, and hardly any gradient reaches the "
        "weights below."
    )


def change(before: float, after: float) -> str:
    """Say where a loss went, with as many digits as tell its ends apart.

    Examples
    --------
    >>> change(0.42314, 0.00873), change(0.25, 0.25), change(0.250001, 0.250002)
    ('fell from 0.4231 to 0.00873', 'stayed at 0.25', 'rose from 0.250001 to 0.250002')
    """
    if words.loss(before, ALL_DIGITS) == words.loss(after, ALL_DIGITS):
        return f"stayed at {words.loss(after)}"
    digits = 4
    while words.loss(before, digits) == words.loss(after, digits):
        digits += 1
    how = "fell" if after < before else "rose" if after > before else "went"
    return f"{how} from {words.loss(before, digits)} to {words.loss(after, digits)}"


def _learned_quantities(result: BackendResult) -> str:
    """Say where the mean loss went, up to the last mark of the curve; nothing can be counted."""
    outcome, curve = result.outcome, result.curve
    said = f"the mean loss {_ends(curve.loss)}"
    if curve.held_out_loss is not None:
        said += f", and on the samples held out it {_ends(curve.held_out_loss)}"
    if not outcome.finite:
        return f"broken: {said}, with weights that are NaN or infinite"
    return f"{said}; saturated: {_units(outcome)}" if outcome.saturated else said


def _ends(losses: Array) -> str:
    return change(float(losses[0]), float(losses[-1]))


def _learned_classes(result: BackendResult) -> str:
    """Say how many samples a classifier puts in their class, at the last mark of the curve."""
    outcome, curve = result.outcome, result.curve
    assert curve.correct is not None  # it has answers, so there are classes
    said = f"{int(curve.correct[-1]):,} of {outcome.samples:,} training samples"
    if curve.held_out_correct is not None and curve.answers is not None:
        count = len(curve.answers.predicted)
        said += f", {int(curve.held_out_correct[-1]):,} of {count:,} held out"
    if not outcome.finite:
        return f"broken: {said}, with weights that are NaN or infinite"
    if outcome.saturated:
        units = "unit is" if len(outcome.saturated) == 1 else "units are"
        said += f"; {len(outcome.saturated)} hidden {units} saturated"
    return said


def _units(outcome: Outcome) -> str:
    """Name the saturated units, the first of many."""
    told = [f"{_unit(layer, unit)} at {end}" for layer, unit, end in outcome.saturated]
    more = len(told) - SHOWN_UNITS
    return words.joined(told if more <= 0 else [*told[:SHOWN_UNITS], f"{more:,} more"])


def _unit(layer: int, unit: int) -> str:
    return f"h{unit}" if layer == 1 else f"h{unit} of layer {layer}"
