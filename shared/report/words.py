"""Numbers and verdicts in words, shared by the reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shared.classification import Measured
from shared.comparison import Comparison
from shared.problems import Feature
from shared.ulp import INCOMPARABLE

SHOWN_FEATURES = 6
"""As many inputs are named in the head."""


def ulps(count: int) -> str:
    """Word a distance in ULPs: exact while that says something, then by its size.

    Examples
    --------
    >>> ulps(3), ulps(123456), ulps(4503599627370496)
    ('3', '123,456', '4.5e+15')
    """
    if count == int(INCOMPARABLE):
        return "NaN"
    return f"{count:,}" if count < 10_000_000 else f"{count:.1e}"


def difference(value: float) -> str:
    """Word how far apart two losses are.

    Examples
    --------
    >>> difference(1.23e-13), difference(float("inf"))
    ('1.2e-13', 'a number against NaN or infinity')
    """
    return "a number against NaN or infinity" if value == float("inf") else f"{value:.2g}"


def seconds(value: float) -> str:
    """Word a duration.

    Examples
    --------
    >>> seconds(0.01234), seconds(3.21), seconds(75.0)
    ('12 ms', '3.2 s', '75 s')
    """
    if 0 < value < 0.9995e-6:
        return f"{value * 1e9:.0f} ns"
    if 0 < value < 0.9995e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 0.9995:
        return f"{value * 1e3:.0f} ms"
    return f"{value:.1f} s" if value < 59.95 else f"{value:.0f} s"


def counted(count: int, what: str) -> str:
    """Word a number of things.

    Examples
    --------
    >>> counted(1, "step"), counted(5000, "epoch")
    ('1 step', '5,000 epochs')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def joined(names: Sequence[str]) -> str:
    """Word a list.

    Examples
    --------
    >>> joined(["numpy"]), joined(["numpy", "torch", "jax"])
    ('numpy', 'numpy, torch and jax')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ranges(numbers: Sequence[int]) -> str:
    """Word sorted whole numbers, runs of three or more as a range.

    Examples
    --------
    >>> ranges([0, 1, 2, 3, 7, 9, 10])
    '0-3, 7, 9, 10'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def everyone(count: int) -> str:
    """Word several backends as the subject of a sentence.

    Examples
    --------
    >>> everyone(2), everyone(3)
    ('Both', 'All 3')
    """
    return "Both" if count == 2 else f"All {count}"


def percent(share: float) -> str:
    """Word an accuracy; it is 100 only where nothing is wrong.

    Examples
    --------
    >>> percent(350 / 360), percent(360 / 360), percent(9999 / 10000)
    ('97.2', '100.0', '99.9')
    """
    return f"{100 * share if share == 1 else min(100 * share, 99.9):.1f}"


def loss(value: float, digits: int = 4) -> str:
    """Word a loss by its first digits.

    Examples
    --------
    >>> loss(0.42314), loss(1.5e-7), loss(float("inf")), loss(float("nan"))
    ('0.4231', '1.5e-07', 'infinity', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    return "infinity" if math.isinf(value) else f"{value:.{digits}g}"


def inputs(features: Sequence[Feature]) -> str:
    """Word what a network is given: the first features, and how many more there are."""
    told = [str(feature) for feature in features[:SHOWN_FEATURES]]
    more = len(features) - len(told)
    return f"{', '.join(told)}{f' and {more:,} more' if more else ''}"


def samples(measured: Measured) -> str:
    """Word the samples that a classifier is measured on."""
    return f"{len(measured.truth):,} {'held-out' if measured.held_out else 'training'} samples"


def split(measured: Measured) -> str:
    """Say how these samples were set aside, or that none were."""
    if measured.split is None:
        return "No samples are held out: these are the ones it was trained on."
    return held_out(measured.split)


def held_out(split: str) -> str:
    """Say how the samples held out were set aside."""
    return f"Held out: {split}."


def parting(comparison: Comparison) -> str:
    """Say whether the loss curves part, since when, and what that means."""
    gaps = [gap for gap in comparison.gaps if gap.parted_epoch is not None]
    if not gaps:
        return "The loss curves do not part."
    first = min(gaps, key=lambda gap: gap.parted_epoch or 0)
    pairs = joined([f"{gap.left}-{gap.right}" for gap in gaps])
    bits = [
        step
        for pair in comparison.drift
        if (pair.left, pair.right) == (first.left, first.right)
        and (step := pair.first["weights"]) is not None
    ]
    since = f" The first weight bit differs after step {bits[0]:,}." if bits else ""
    return (
        f"The loss curves part ({pairs}), visibly from epoch {first.parted_epoch:,} on.{since} "
    ) + _meaning(comparison)


def _meaning(comparison: Comparison) -> str:
    if comparison.certified:
        judged = "step" if all(c.one_in == 1 for c in comparison.certificates) else "judged step"
        return (
            f"Every {judged} of every backend is certified: nobody is wrong, this seed amplifies "
            "rounding until the roads part."
        )
    return "A step that is not certified may be the reason."
