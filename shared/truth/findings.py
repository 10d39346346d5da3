"""What is known of the exact trajectory of a run, and of each backend beside it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.backend import Array


@dataclass(frozen=True, slots=True)
class Contribution:
    """A step whose roundings, carried on to the end, are so much of the final drift.

    share
        Along the final drift in ULPs; all shares add up to what the roundings explain of it.
    """

    step: int
    share: float


@dataclass(frozen=True, slots=True)
class TrueMark:
    """The exact trajectory after a step.

    loss
        The mean over all samples, rounded once.
    radius
        How far off the computed weights may be.
    sensitivity_log10
        The decimal logarithm of how much a small change of the start has been magnified at most.
    tube_ulps
        The widest of the tube that rounding allows, in ULPs of the number it belongs to.
    """

    step: int
    loss: float
    radius: float
    sensitivity_log10: float
    tube_ulps: float


@dataclass(frozen=True, slots=True)
class BackendTruth:
    """How far one backend is from the exact trajectory.

    ulps, differences
        At each mark: the largest distance of a weight from the float nearest to the exact one, and
        the largest difference.
    unexplained
        At each mark: what is left of the drift, as a share of it, when all steps' residuals,
        carried on by the derivatives, are taken away.
    final_ulps
        Of each weight, at the last mark.
    explained
        Which share of the final drift the residuals add up to; None where they cannot, since the
        drift is no longer small.
    contributions
        The steps that made most of it, the largest first.
    swallowed_steps, swallowed_ulps
        Of each weight, over all steps: how many should have moved it by half an ULP at most, and
        left it where it was, and what these moves come to.
    """

    name: str
    ulps: tuple[int, ...]
    differences: tuple[float, ...]
    unexplained: tuple[float, ...]
    final_ulps: tuple[int, ...]
    explained: float | None
    contributions: tuple[Contribution, ...]
    swallowed_steps: tuple[int, ...]
    swallowed_ulps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far two backends make the same roundings: 1 where all are the same, 0 by chance.

    correlation
        Between their residuals, all weights and steps together; None where there is none to speak
        of, since one of them rounds nothing or is not finite.
    """

    left: str
    right: str
    correlation: float | None


@dataclass(frozen=True, slots=True)
class Truth:
    """The exact trajectory, certified up to a step.

    steps, asked
        Up to which step it is certified, of how many.
    stopped
        Why no further: "precision", "room" or "interrupted"; None where it is certified to the end.
    bits
        The precision of its midpoints.
    radius
        The largest that it may be off at any step.
    radius_ulps
        The same in ULPs of the number it belongs to, with the dtype's ULPs.
    weights
        Of the last mark, in all digits that are sure, up to 40, in the network's element order.
    curve_epochs, curve_loss
        The exact loss curve, up to float64's roundings.
    correct, samples
        How many samples the exact network has on their right side at the last mark, of how many;
        None where the targets are quantities.
    peak_log10, peak_step
        The largest sensitivity on the way, and after how many steps.
    growth_log10, growth_from, growth_to
        How much a small change has grown at most, as a decimal logarithm, and between which steps.
        From the start every step is looked at; changes made later are where the tube is measured,
        as exactly as one direction outgrows all others.
    widest_tube
        The largest width of the tube, as a multiple of the largest weight.
    chaotic_since
        The first step at which the tube was found to be wider than the largest weight, or None;
        it is measured at marks, and every hundred steps or so.
    """

    steps: int
    asked: int
    stopped: str | None
    bits: int
    radius: float
    radius_ulps: float
    weights: tuple[str, ...]
    marks: tuple[TrueMark, ...]
    curve_epochs: Array
    curve_loss: Array
    correct: int | None
    samples: int
    peak_log10: float
    peak_step: int
    growth_log10: float
    growth_from: int
    growth_to: int
    widest_tube: float
    chaotic_since: int | None
    backends: tuple[BackendTruth, ...]
    likenesses: tuple[Likeness, ...]
    elapsed_s: float

    @property
    def is_complete(self) -> bool:
        """Whether it is certified to the end."""
        return self.steps == self.asked
