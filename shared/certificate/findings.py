"""What the certificate finds, as data: no word of it is prose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.certificate.decision import Verdict
from shared.certificate.placement import Placement
from shared.certificate.profile import Profile

CARRIED, START = "carried over", "start"
"""Stages of the chain: a step starts at the bits the last one left, the first one at the seed's."""

SAMPLES = "samples"
"""The stage of a step that saw other samples than the problem's order gives it."""

SHAPE = "shape"
"""The stage of a recording that lacks a tensor, or holds one of another shape or dtype."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that rounding does not explain, or a link of the chain that does not hold.

    step
        The step in which it was recorded, from 1; 0 for the mark of the curve before training.
    samples
        The samples of the step's batch, from 0; empty where the whole data was seen.
    element
        Its index in the tensor, replicas first; name is what the network calls it.
    ulps
        The distance between value and exact value, both as floats of the run's dtype.
    note
        What else there is to say, where no number says it.
    formula
        Of an update: what the value was held to.
    bitwise
        Whether it was held to the bits that a rounding may have, and not to a distance.
    """

    step: int
    epoch: int
    samples: tuple[int, ...]
    stage: str
    tensor: str
    element: tuple[int, ...]
    name: str
    value: float
    exact: float
    error: float
    bound: float
    ulps: int
    verdict: Verdict
    note: str = ""
    formula: str = ""
    bitwise: bool = False


@dataclass(frozen=True, slots=True)
class StageSummary:
    """All values of one tensor in one stage.

    counts
        How many values got each verdict, in the order of Verdict.
    worst, worst_step
        The largest error over its bound, and the step that made it.
    median
        Of error over bound, to an eighth of an octave.
    resolution, worst_resolution
        Median and largest (bound + error) / |value|: a fault moves a value by less than this.
        None for the update, which is decided bit by bit; the largest also where only some numbers
        of a wide tensor were looked at.
    settled
        How many more values an estimate found to be within their bounds; they are in none of the
        figures above.
    forms
        How many values were explained by another form than the declared one, by its name.
    """

    stage: str
    tensor: str
    counts: tuple[int, ...]
    worst: float
    worst_step: int
    median: float
    resolution: float | None
    worst_resolution: float | None
    settled: int = 0
    forms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a backend was judged by.

    arithmetic
        The name of the one that exact values were computed in.
    rounding_bits
        One rounding of a recorded value is off by at most 2 to minus this, relatively.
    profile, wide
        The declared errors of the host's functions: those that hold first, and those that explain
        by name.
    measured, beyond
        Whether a calibration of this machine stands behind the first, and what it holds that is
        worse than the wide one: see HostProfile.
    """

    arithmetic: str
    rounding_bits: int
    profile: Profile
    wide: Profile
    measured: bool | None = False
    beyond: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What was decided once more, in ball arithmetic.

    near, failed, drawn
        How many values: close to a bound; undecided or different; drawn from the seed.
    overturned
        How many of them passed before and fail now, or the other way round.
    furthest
        By how much of its bound an error was off at most, as it had been computed first.
    bits
        The most that were needed.
    """

    near: int = 0
    failed: int = 0
    drawn: int = 0
    overturned: int = 0
    furthest: float = 0.0
    bits: int = 0

    @property
    def values(self) -> int:
        """How many values were audited."""
        return self.near + self.failed + self.drawn


@dataclass(frozen=True, slots=True)
class BackendCertificate:
    """What was decided on one backend.

    steps
        How many steps were recorded; each was held to start where the last one ended.
    judged_steps, one_in
        How many of them were judged number by number: all, or a sample of one in so many.
    findings
        The first ones, in the order of execution; found counts all. Where something is different,
        the first that is stands among them, in place of the last if need be.
    verdict
        The worst of all; EXPLAINED where nothing was found, UNDECIDED where no step was judged.
    close_calls
        How often, at the marks of the curve, an answer lies so close to another one that rounding
        could change it: an output to one half, or the largest output to the second largest.
    kinks
        How often a relu received exactly 0, where it has no slope; relu'(0) = 0 is a convention.
    basis
        What it was all judged by.
    audit
        What was decided once more.
    placement, earliest
        All that is as bad as the verdict in the first step in which anything is, and all that is
        undecided or different in the first step in which anything is: a small fault may be
        undecided before it is proved. None where nothing was found.
    """

    backend: str
    steps: int
    judged_steps: int
    one_in: int
    stages: tuple[StageSummary, ...]
    findings: tuple[Finding, ...]
    found: int
    verdict: Verdict
    close_calls: int
    kinks: int
    basis: Basis | None = None
    audit: Audit = Audit()
    placement: Placement | None = None
    earliest: Placement | None = None

    @property
    def certified(self) -> bool:
        """Some step was judged, no value is different or undecided, and the chain holds."""
        return self.judged_steps > 0 and not self.found

    @property
    def values(self) -> int:
        """How many values were judged."""
        return sum(sum(stage.counts) + stage.settled for stage in self.stages)
