"""The exact trajectory in words: is it chaos, who is how far, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shared.certificate.rounding import Rounding
from shared.comparison import Comparison
from shared.report import words
from shared.truth.estimate import Estimate
from shared.truth.findings import BackendTruth, Truth
from shared.truth.follow import FIRST_ORDER
from shared.ulp import INCOMPARABLE

ALIKE = 0.5
"""Two backends whose roundings correlate by more make, on the whole, the same ones."""

SWALLOWED = 0.25
"""Moves that were rounded away wholly are told if they come to this share of the drift."""

FEW = 8
"""Agreement is called misleading where the truth is so many times further off than the others."""


def power(log10: float) -> str:
    """Word a number given by its decimal logarithm; it may be beyond any float.

    Examples
    --------
    >>> power(0.0), power(3.0286), power(49.5), power(-400.25)
    ('1.0', '1,068', '3.2e+49', '5.6e-401')
    """
    if not math.isfinite(log10):
        return "NaN" if math.isnan(log10) else ("0" if log10 < 0 else "infinity")
    if -4 < log10 < 6:
        value = 10.0**log10
        return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}e{exponent:+03d}"


def certified(truth: Truth, dtype: str) -> str:
    """Say how far the exact trajectory is known, and how exactly."""
    if not truth.marks:
        return f"The exact trajectory is not certified: {_why(truth)}."
    until = (
        f"all {truth.steps:,} steps"
        if truth.is_complete
        else f"the first {truth.steps:,} of {truth.asked:,} steps and not beyond: {_why(truth)}"
    )
    return (
        f"Computed to {truth.bits} bits and certified for {until}. Nowhere is a weight further "
        f"off than {_two_to(truth.radius)}, or {_two_to(truth.radius_ulps)} of an ULP of {dtype}."
    )


def _why(truth: Truth) -> str:
    if truth.stopped == "room":
        return "residuals of more steps would take too much memory"
    if truth.stopped == "interrupted":
        return "it was interrupted"
    return f"{truth.bits} bits, with derivatives in float64, do not suffice"


def _two_to(value: float) -> str:
    """Word a bound as a power of two, rounded up."""
    return f"2^{math.ceil(math.log2(value))}" if value > 0 else "0"


def kind(truth: Truth, all_certified: bool) -> str:
    """Say whether the run is calm or chaotic."""
    grown, at_end = power(truth.peak_log10), power(truth.marks[-1].sensitivity_log10)
    peak = "no small change of the starting weights grows"
    if grown != power(0.0):
        peak = (
            f"the small change of the starting weights that grows most grows {grown}-fold (after "
            f"step {truth.peak_step:,})"
        )
    if truth.chaotic_since is None:
        ends = f"; by the end it is {at_end}-fold" if at_end != grown else ""
        return f"Calm: {peak}{ends}."
    though = "though every step of both is certified" if all_certified else "be their steps right"
    return (
        f"Chaotic since step {truth.chaotic_since:,}: by then roundings may have grown as large as "
        "the weights themselves. From there on weights of two backends cannot be compared, "
        f"{though}. In numbers: {peak}."
    )


def story(comparison: Comparison, truth: Truth) -> list[str]:
    """Return what this run shows, a paragraph each."""
    told = [kind(truth, comparison.certified)]
    if truth.is_complete:
        told.append(_ends(comparison, truth))
    if truth.chaotic_since is not None:
        told.append(_digits_needed(comparison, truth))
    else:
        told += filter(None, [_agreement(comparison, truth), _swallowed(comparison, truth)])
    told += filter(None, [_likeness(truth), _explained(truth, comparison.certified)])
    return told


def _ends(comparison: Comparison, truth: Truth) -> str:
    """Say where exact arithmetic ends, and where the backends do."""
    how = f"loss {truth.marks[-1].loss:.6g}, {truth.correct} of {truth.samples} samples right"
    said = f"Exact arithmetic ends at {how}"
    parted = [gap for gap in comparison.truth_gaps if gap.parted_epoch is not None]
    if not parted:
        return f"{said}; no backend's loss curve visibly leaves the exact one."
    leaving = words.joined([f"{g.left} from epoch {g.parted_epoch:,} on" for g in parted])
    ends = words.joined([
        f"{b.name} {b.curve.loss[-1]:.6g} ({b.outcome.correct} right)" for b in comparison.backends
    ])  # fmt: skip
    told = f"{said}. Visibly off the exact loss curve: {leaving}. At the end: {ends}."
    by_chance = truth.chaotic_since is not None and comparison.certified
    if len(comparison.backends) == 1 or not by_chance:
        return told
    return f"{told} Which of them comes close is chance, not merit."


def _digits_needed(comparison: Comparison, truth: Truth) -> str:
    """Say how many digits it would take until rounding no longer decides."""
    had = -math.log10(2 * Rounding.of(comparison.dtype).u)
    if math.isinf(truth.widest_tube):
        return "No number of digits that fits a float's exponent would keep rounding from deciding."
    needed = math.ceil(had + math.log10(truth.widest_tube)) + 1
    return (
        f"For rounding not to decide where it ends, every number would need about {needed} digits "
        f"in place of {comparison.dtype}'s {had:.0f}; the exact trajectory has "
        f"{truth.bits * math.log10(2):.0f}."
    )


def _agreement(comparison: Comparison, truth: Truth) -> str | None:
    """Say it where backends agree better with each other than with the truth."""
    if not (comparison.drift and truth.is_complete and comparison.certified):
        return None
    apart = max(max(pair.final) for pair in comparison.drift)
    far = [max(b.final_ulps) for b in truth.backends]
    if INCOMPARABLE in (apart, *far) or min(far) < FEW * max(apart, 1):
        return None
    distance = f"{min(far):,}" if min(far) == max(far) else f"{min(far):,} to {max(far):,}"
    return (
        f"Agreement is not accuracy: they end within {_ulps(apart)} of each other, and {distance} "
        "ULPs from the exact weights. Roundings that all of them make no comparison between them "
        "can show."
    )


def _swallowed(comparison: Comparison, truth: Truth) -> str | None:
    """Say which weight stood still where it should have moved, if that is much of the drift."""
    if not truth.is_complete:
        return None
    names = comparison.problem.network.element_names
    told: dict[str, list[str]] = {}
    for b in truth.backends:
        i = max(range(len(b.swallowed_ulps)), key=lambda k: abs(b.swallowed_ulps[k]), default=0)
        if b.swallowed_ulps and abs(b.swallowed_ulps[i]) >= SWALLOWED * max(b.final_ulps) > 0:
            what = (
                f"{names[i]} stood still in {b.swallowed_steps[i]:,} steps that should have moved "
                f"it by {b.swallowed_ulps[i]:+,.0f} ULPs together"
            )
            told.setdefault(what, []).append(b.name)
    if not told:
        return None
    each = "; ".join(f"{what} ({words.joined(who)})" for what, who in told.items())
    return f"Swallowed: a move of less than half an ULP leaves a weight where it is. So {each}."


def _ulps(count: int) -> str:
    return f"{count:,} ULP{'' if count == 1 else 's'}"


def _likeness(truth: Truth) -> str | None:
    """Say how far steps of the backends miss exact arithmetic by the same."""
    known = [pair for pair in truth.likenesses if pair.correlation is not None]
    if not known:
        return None
    each = ", ".join(f"{p.left}-{p.right} {_share(p.correlation)}" for p in known)
    values = [pair.correlation or 0.0 for pair in known]
    meaning = "for the most part they miss the same"
    if max(values) <= ALIKE:
        meaning = "each misses its own"
    elif min(values) <= ALIKE:
        meaning = "some miss the same"
    return f"Correlation of what each step misses exact arithmetic by: {each}; {meaning}."


def _share(value: float | None) -> str:
    return f"{value:.3f}"


def _explained(truth: Truth, all_certified: bool) -> str:
    """Say of which backends the final drift is the sum of what single steps missed."""
    moved = [b for b in truth.backends if any(b.differences)]
    if not moved:
        return "Nothing drifts: after every one of these steps they stand on the exact weights."
    known = [b for b in moved if b.explained is not None]
    others = [b for b in moved if b.explained is None]
    said = [_balanced(known, truth, all_certified)] if known else []
    if others:
        who = f" of {words.joined([b.name for b in others])}" if known else ""
        said.append(_unbalanced(others, truth, who))
    return " ".join(said)


def _balanced(backends: Sequence[BackendTruth], truth: Truth, all_certified: bool) -> str:
    left = ", ".join(f"{b.name} {100 * b.unexplained[-1]:.1g} %" for b in backends)
    what = "All of it is rounding" if all_certified else "Not all of it is rounding"
    return (
        f"{what}: what each of the {truth.marks[-1].step:,} steps missed exact arithmetic by, "
        "carried on by the derivatives of the steps after it, adds up to the final drift. Left "
        f"over: {left}."
    )


def _unbalanced(backends: Sequence[BackendTruth], truth: Truth, who: str) -> str:
    step = min(_last_small(b, truth) for b in backends)
    if not step:
        return f"The drift{who} was never small enough to be the sum of what single steps missed."
    return (
        "What single steps missed exact arithmetic by, carried on by the derivatives of later "
        f"steps, adds up to the drift{who} while it is small, until step {step:,}; a drift as "
        "large as the weights is no sum any more."
    )


def _last_small(backend: BackendTruth, truth: Truth) -> int:
    """Return the last mark until which the drift is a sum of residuals; 0 if there is none."""
    last = 0
    for mark, open_ in zip(truth.marks, backend.unexplained, strict=True):
        if not open_ <= FIRST_ORDER:
            break
        last = mark.step
    return last


def estimated(estimate: Estimate, params: int, u: float) -> tuple[str, ...]:
    """Say what an estimate of the sensitivity found, a paragraph each."""
    found = (
        f"An estimate, from {estimate.directions} random directions carried along "
        f"{estimate.backend}'s own path: a random change of the starting weights grows "
        f"{power(estimate.peak_log10)}-fold (root mean square, after step "
        f"{estimate.peak_step:,}), the one that grew most {power(estimate.largest_log10)}-fold. Of "
        f"{params:,} parameters the worst change may grow more. No exact trajectory is claimed for "
        "a network of this size."
    )
    if estimate.largest_log10 > -math.log10(u):
        return (found, "Chaotic, then: a rounding may grow as large as the weights.")
    return (found, "Calm, then, as far as these directions show.")


def time_taken(truth: Truth | Estimate | None) -> str:
    """Say how long it took, as the end of a sentence; nothing where nothing was followed."""
    if truth is None:
        return ""
    what = "estimating the sensitivity"
    if isinstance(truth, Truth):
        what = "following the exact trajectory"
    return f", {what} {words.seconds(truth.elapsed_s)}"
