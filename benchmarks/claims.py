"""What a benchmark finds, and how two things are timed against each other.

A ratio is the median of five pairs. In a pair both sides take turns, call by call, so that what
slows the machine for a while slows both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.backend import Params

PAIRS = 5
LEAST_S = 0.5
"""In a pair each side is called until it had this much time: shorter timings are mostly noise."""

AGREEING_DIGITS = 10
"""How many digits of its parameters a baseline must share: it does the same, in another order."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things timed against each other.

    call
        Makes `steps` steps.
    """

    call: Callable[[], object]
    steps: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed and what was measured, worded for a row of the table.

    spread
        From the lowest to the highest of several measurements.
    holds
        None where there is no limit: the row then informs only.
    """

    what: str
    baseline: str
    ours: str
    theirs: str
    measured: str
    spread: str = ""
    limit: str = ""
    holds: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """Two sides timed against each other: median seconds per step, and the ratio of each pair."""

    ours_s: float
    theirs_s: float
    ratios: tuple[float, ...]


def timing(ours: Side, theirs: Side) -> Timing:
    """Time two sides, warmed and in interleaved pairs, per step."""
    _pair(ours, theirs)  # warms both
    left, right = zip(*(_pair(ours, theirs) for _ in range(PAIRS)), strict=True)
    ratios = tuple(a / b for a, b in zip(left, right, strict=True))
    return Timing(statistics.median(left), statistics.median(right), ratios)


def timed_claim(
    what: str, baseline: str, ours: Side, theirs: Side, limit: float | None, *notes: str
) -> Claim:
    """Time two sides and hold the median ratio against the limit."""
    return ratio_claim(what, baseline, timing(ours, theirs), limit, *notes)


def ratio_claim(what: str, baseline: str, timed: Timing, limit: float | None, *notes: str) -> Claim:
    """Hold the median ratio of two sides that were timed against the limit."""
    ratio = statistics.median(timed.ratios)
    return Claim(
        what, baseline, duration(timed.ours_s), duration(timed.theirs_s), f"{digits(ratio)}x",
        f"{digits(min(timed.ratios))} to {digits(max(timed.ratios))}",
        "" if limit is None else f"{limit:g}x", None if limit is None else ratio <= limit, notes,
    )  # fmt: skip


def require_same_training(who: str, params: Params, expected: Params) -> None:
    """Raise RuntimeError where two trainings of the same steps ended at other parameters."""
    for w, reference in zip(params, expected, strict=True):
        if w.shape != reference.shape:
            raise RuntimeError(f"{who}: a parameter of shape {w.shape}, not {reference.shape}.")
        apart = abs(w - reference) > 10.0**-AGREEING_DIGITS * abs(reference)
        if apart.any() or not (abs(w) < float("inf")).all():
            i = abs(w - reference).argmax()
            raise RuntimeError(
                f"{who}: expected the same parameters to {AGREEING_DIGITS} digits; they are "
                f"farthest apart with {w.flat[i]} and {reference.flat[i]}. What trains otherwise "
                "is no baseline."
            )


def digits(value: float) -> str:
    """Word a number to three digits.

    Examples
    --------
    >>> digits(0.005678), digits(3.456), digits(1234.5)
    ('0.00568', '3.46', '1,234')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Word a duration to three digits.

    Examples
    --------
    >>> duration(1.5e-7), duration(0.00123), duration(38.21)
    ('0.15 µs', '1.23 ms', '38.2 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds * 1e6)} µs"


def _pair(ours: Side, theirs: Side) -> tuple[float, float]:
    """Return seconds per step of both; the turn is always the one's that had less time so far."""
    sides, steps, elapsed_s = (ours, theirs), [0, 0], [0.0, 0.0]
    while min(elapsed_s) < LEAST_S:
        turn = elapsed_s.index(min(elapsed_s))
        started = time.perf_counter()
        sides[turn].call()
        elapsed_s[turn] += time.perf_counter() - started
        steps[turn] += sides[turn].steps
    return elapsed_s[0] / steps[0], elapsed_s[1] / steps[1]
