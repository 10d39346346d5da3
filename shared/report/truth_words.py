"""The exact trajectory in words: is it chaos, who is how far, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator

from shared.certificate.rounding import Rounding
from shared.comparison import BackendResult, Comparison
from shared.report import words
from shared.truth.account import FIRST_ORDER
from shared.truth.estimate import Estimate
from shared.truth.findings import BackendTruth, Truth
from shared.twins import SENSITIVE_GROWTH
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
        else f"the first {truth.steps:,} of {truth.asked:,} steps: {_why(truth)}"
    )
    start = " It starts from weights and data rounded to float32." * (dtype == "float32")
    return (
        f"Computed to {truth.bits} bits and certified for {until}. It is itself off by "
        f"{_two_to(truth.radius)} at most in any weight, or {_two_to(truth.radius_ulps)} of an ULP "
        f"of {dtype}.{start}"
    )


def _why(truth: Truth) -> str:
    if truth.stopped == "room":
        return "more would take too much memory"
    if truth.stopped == "interrupted":
        return "there it was interrupted"
    return f"beyond, {truth.bits} bits with derivatives in float64 do not suffice"


def _two_to(value: float) -> str:
    """Word a bound as a power of two, rounded up."""
    return f"2^{math.ceil(math.log2(value))}" if value > 0 else "0"


def kind(comparison: Comparison, truth: Truth) -> str:
    """Say whether the run is calm or chaotic."""
    grown, so_far = power(truth.growth_log10), "" if truth.is_complete else " so far"
    nudge = "no small change of the weights grows, whenever it is made"
    if grown != power(0.0):
        nudge = (
            "of all small changes of the weights, made at the start or on the way, the one that "
            f"grows most grows {grown}-fold, from step {truth.growth_from:,} to step "
            f"{truth.growth_to:,}"
        )
    if truth.chaotic_since is None:
        but = ", but sensitive" if truth.growth_log10 > math.log10(SENSITIVE_GROWTH) else ""
        return f"Calm{but}{so_far}: {nudge}."
    though = (
        "though every step is certified" if _all_sure(comparison) else "however right its steps"
    )
    return (
        f"Chaotic since step {truth.chaotic_since:,}: by then roundings may have grown as large as "
        "the weights themselves, and weights cannot be compared any more with another program's, "
        f"{though}. Measured: {nudge}."
    )


def story(comparison: Comparison, truth: Truth) -> list[str]:
    """Return what this run shows, a paragraph each."""
    told: list[str | None] = [kind(comparison, truth)]
    if truth.is_complete:
        told.append(_ends(comparison, truth))
    if truth.chaotic_since is not None:
        told.append(_digits_needed(comparison, truth))
    else:
        told += [_agreement(comparison, truth), _swallowed(comparison, truth)]
    told += [_likeness(truth), *_explained(comparison, truth)]
    return [paragraph for paragraph in told if paragraph]


def _sure(comparison: Comparison) -> set[str]:
    """Return the backends of which every single step is certified."""
    return {c.backend for c in comparison.certificates if c.certified and c.one_in == 1}


def _all_sure(comparison: Comparison) -> bool:
    return len(_sure(comparison)) == len(comparison.certificates) > 0


def _ends(comparison: Comparison, truth: Truth) -> str:
    """Say where exact arithmetic ends, and where the backends do."""
    said = f"Exact arithmetic ends at loss {truth.marks[-1].loss:.6g}"
    if truth.correct is not None:
        said += f", {truth.correct} of {truth.samples} samples right"
    parted = [gap for gap in comparison.truth_gaps if gap.parted_epoch is not None]
    if not parted:
        return f"{said}; no backend's loss curve visibly leaves the exact one."
    leaving = words.joined([f"{g.left} from epoch {g.parted_epoch:,} on" for g in parted])
    ends = words.joined([_end(b) for b in comparison.backends])
    told = f"{said}. Visibly off the exact loss curve: {leaving}. At the end: {ends}."
    by_chance = truth.chaotic_since is not None and _all_sure(comparison)
    if len(comparison.backends) == 1 or not by_chance:
        return told
    return f"{told} Which of them comes close is chance, not merit."


def _end(backend: BackendResult) -> str:
    """Say where a backend ends, and, of classes, with how many samples right."""
    loss, correct = f"{backend.name} {backend.curve.loss[-1]:.6g}", backend.outcome.correct
    return loss if correct is None else f"{loss} ({correct} right)"


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
    if not (comparison.drift and truth.is_complete and _all_sure(comparison)):
        return None
    apart = max(max(pair.final) for pair in comparison.drift)
    far = [max(b.final_ulps) for b in truth.backends]
    if INCOMPARABLE in (apart, *far) or min(far) < FEW * max(apart, 1):
        return None
    distance = f"{min(far):,}" if min(far) == max(far) else f"{min(far):,} to {max(far):,}"
    return (
        f"Agreement is not accuracy: they end within {_ulps(apart)} of each other, and {distance} "
        "ULPs from the exact weights. A rounding that all of them make alike cannot be seen by "
        "comparing them."
    )


def _swallowed(comparison: Comparison, truth: Truth) -> str | None:
    """Say which weight stood still where it should have moved, if that is much of the drift."""
    if not truth.is_complete:
        return None
    names = comparison.problem.network.element_names
    told: dict[str, list[str]] = {}
    for b in truth.backends:
        i = max(range(len(b.swallowed_ulps)), key=lambda k: abs(b.swallowed_ulps[k]))
        if abs(b.swallowed_ulps[i]) >= SWALLOWED * max(b.final_ulps) > 0:
            what = (
                f"{names[i]} stood still in {b.swallowed_steps[i]:,} steps that should have moved "
                f"it, by {b.swallowed_ulps[i]:+,.0f} ULPs in all"
            )
            told.setdefault(what, []).append(b.name)
    if not told:
        return None
    each = "; ".join(f"{what} (so in {words.joined(who)})" for what, who in told.items())
    return f"Swallowed: a move of less than half an ULP leaves a weight where it is. {each}."


def _ulps(count: int) -> str:
    return f"{count:,} ULP{'' if count == 1 else 's'}"


def _likeness(truth: Truth) -> str | None:
    """Say how far steps of the backends miss exact arithmetic by the same."""
    known = [(f"{p.left}-{p.right}", p.correlation) for p in truth.likenesses]
    values = [value for _, value in known if value is not None]
    if not values:
        return None
    each = ", ".join(f"{pair} {value:.3f}" for pair, value in known if value is not None)
    meaning = "Yes, for the most part"
    if max(values) <= ALIKE:
        meaning = "No, each makes its own"
    elif min(values) <= ALIKE:
        meaning = "Some do"
    return (
        f"Do they make the same roundings? {meaning}: what each step misses exact arithmetic by "
        f"correlates by {each}."
    )


def _explained(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """Say of which backends the final drift is the sum of what single steps missed."""
    moved = [b for b in truth.backends if any(b.differences)]
    if not moved:
        yield "Nothing drifts: after every one of these steps they stand on the exact weights."
        return
    sure = _sure(comparison)
    balanced = [b for b in moved if b.explained is not None]
    for right, what in ((True, _ALL_ROUNDING), (False, _NOT_ALL_CERTIFIED)):
        some = [b for b in balanced if (b.name in sure) == right]
        if some:
            left = ", ".join(f"{b.name} {100 * b.unexplained[-1]:.1g} %" for b in some)
            yield what.format(steps=f"{truth.marks[-1].step:,}", left=left)
    others = [b for b in moved if b.explained is None]
    if others:
        who = f" of {words.joined([b.name for b in others])}" if balanced else ""
        step = min(_last_small(b, truth) for b in others)
        when = f"after step {step:,}" if step else "at any mark"
        yield (
            f"The account{who} cannot be balanced {when}: a drift as large as the weights is no "
            "longer the sum of what single steps missed."
        )


_ALL_ROUNDING = (
    "All of it is rounding: what each of the {steps} steps missed exact arithmetic by, carried on "
    "by the derivatives of the steps after it, adds up to the final drift. Left over: {left}."
)
_NOT_ALL_CERTIFIED = (
    "What each of the {steps} steps missed exact arithmetic by, carried on by the derivatives of "
    "the steps after it, adds up to the final drift. Left over: {left}. Not every step is "
    "certified, so not all of it need be rounding."
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
        "a run of this size."
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
