"""What became of the blocks of a run, as data: no word of it is prose."""

from __future__ import annotations

from dataclasses import dataclass

from shared.backend import Params
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.placement import Placement
from shared.problems import Problem
from shared.sparse.bound import Unbounded
from shared.training import Missing


@dataclass(frozen=True, slots=True)
class Repetition:
    """What came of making some steps once more.

    repeated
        Whether they ended at the bits that were recorded.
    apart_ulps
        If not, how far from them at most, in ULPs.
    certificate
        On the steps that were made this time.
    """

    repeated: bool
    apart_ulps: int
    certificate: BackendCertificate


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block that was run again, since it was not explained as a whole.

    first, last
        The numbers of its steps.
    verdict
        On the block, once everything is known.
    times
        Its largest error over the bound of the block; None where blocks have none.
    again
        What came of it, from its own recorded start.
    from_seed
        What came of all steps up to its last, from the seed's start, if that was tried: something
        may be wrong before it that is too small for the bounds of blocks, or may repeat only so.
    """

    first: int
    last: int
    verdict: Verdict
    times: float | None
    again: Repetition
    from_seed: Repetition | None

    @property
    def repeats(self) -> bool:
        """Whether it could be made to end at its bits once more."""
        return self.again.repeated or (self.from_seed is not None and self.from_seed.repeated)

    @property
    def judged(self) -> BackendCertificate:
        """The certificate that tells most of it: that of the steps that led to the same bits.

        All steps from the seed on, where these have; else those of the block alone.
        """
        from_seed = self.from_seed
        if from_seed and from_seed.repeated and from_seed.certificate.found:
            return from_seed.certificate
        return self.again.certificate

    @property
    def placement(self) -> Placement | None:
        """The first step that differs, if one does; of a block that does not repeat, another's."""
        return self.judged.placement


@dataclass(frozen=True, slots=True)
class SparseCertificate:
    """What was decided on one backend, of which only the state after every K-th step is known.

    steps, every
        How many steps were made; and K.
    unbounded
        Why no block has a bound of its own, so that each is run again; None where they have one.
    by_bound, by_steps
        Blocks that are explained: within their bounds, or run again, ending at the same bits, and
        step by step.
    undecided
        Their bounds are too wide or exceeded, and running them again has not settled it.
    different
        The first, and those after it that exceed their bounds: these are not run again.
    unjudged
        After the first difference: they would have to be run again, and are not.
    judged_steps
        How many steps were judged one by one.
    first, unsure
        The first block that is different, and the first that is undecided.
    worst
        The largest error over bound of the blocks that their bounds explain.
    resolution
        For half of the numbers at half of the blocks' ends, (bound + error) / |value| is less: what
        is wrong with a value moves it by less than that. None where blocks have no bounds.
    of_move
        The same over how far the block has moved the number: a fault of all the block's gradients
        is smaller than that, relatively.
    step_resolution
        Of the steps judged one by one, the largest median resolution of a gradient, if any.
    judging_s, again_s
        Seconds that judging blocks has taken, and running some again and judging their steps.
    """

    backend: str
    steps: int
    every: int
    unbounded: Unbounded | None
    by_bound: int
    by_steps: int
    undecided: int
    different: int
    unjudged: int
    judged_steps: int
    first: PlacedBlock | None
    unsure: PlacedBlock | None
    worst: float
    resolution: float | None
    of_move: float | None
    step_resolution: float | None
    judging_s: float
    again_s: float

    @property
    def blocks(self) -> int:
        """How many blocks the steps make."""
        explained = self.by_bound + self.by_steps
        return explained + self.undecided + self.different + self.unjudged

    @property
    def verdict(self) -> Verdict:
        """The worst of all blocks; UNDECIDED where there is none."""
        if self.different:
            return Verdict.DIFFERENT
        return Verdict.UNDECIDED if self.undecided or not self.blocks else Verdict.EXPLAINED

    @property
    def certified(self) -> bool:
        """Whether every block is explained."""
        return self.verdict == Verdict.EXPLAINED


@dataclass(frozen=True, slots=True)
class SparseResult:
    """One backend, and what was decided on it.

    params
        W1, b1, W2, b2, ... after the last step that all backends made.
    setup_s, compile_s, train_s
        Seconds: making the backend (imports included), compiling, training.
    """

    name: str
    framework: str
    version: str
    params: Params
    certificate: SparseCertificate
    setup_s: float
    compile_s: float
    train_s: float


@dataclass(frozen=True, slots=True)
class SparseComparison:
    """Everything that a run of one seed has to say of which few states are recorded.

    steps
        How many steps every backend made; fewer than the problem's where it was interrupted.
    calibration_remarks
        What of a stored calibration was not used, and why.
    """

    problem: Problem
    seed: int
    dtype: str
    every: int
    backends: tuple[SparseResult, ...]
    missing: tuple[Missing, ...]
    steps: int
    interrupted: bool
    calibration_remarks: tuple[str, ...] = ()

    @property
    def certificates(self) -> tuple[SparseCertificate, ...]:
        """One for each backend."""
        return tuple(one.certificate for one in self.backends)

    @property
    def verdict(self) -> Verdict:
        """The worst of all backends."""
        return max(one.verdict for one in self.certificates)
