"""Numbers and verdicts in words, shared by the reports."""

from __future__ import annotations

from collections.abc import Sequence

from shared.comparison import BackendResult, Comparison
from shared.ulp import INCOMPARABLE


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


def learned(result: BackendResult) -> str:
    """Say whether a network learned its data, and, if its units are saturated, why not."""
    outcome = result.outcome
    share = f"{outcome.correct} of {outcome.samples}"
    if outcome.solved:
        return f"solved: {share}"
    if not outcome.finite:
        return f"broken: {share}, with weights that are NaN or infinite"
    if not outcome.saturated:
        return f"stuck: {share}, though no hidden unit is saturated"
    units = joined([f"{_unit(layer, unit)} at {end}" for layer, unit, end in outcome.saturated])
    return f"stuck: {share}; saturated: {units}"


def _unit(layer: int, unit: int) -> str:
    return f"h{unit}" if layer == 1 else f"h{unit} of layer {layer}"


def why_stuck(results: Sequence[BackendResult]) -> str | None:
    """Explain saturation once, if any network is stuck for it."""
    if not any(not r.outcome.solved and r.outcome.saturated and r.outcome.finite for r in results):
        return None
    return (
        "A saturated unit answers nearly 0, or nearly 1, to every sample: there the sigmoid is "
        "flat, its slope a(1 - a) is nearly 0, and hardly any gradient reaches the weights below."
    )


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
        return (
            "Every step of every backend is certified: nobody is wrong, this seed amplifies "
            "rounding until the roads part."
        )
    if comparison.certificates:
        return "A step that is not certified may be the reason."
    return (
        "From the curves alone nobody can tell whether a step is wrong or this seed amplifies "
        "rounding."
    )
