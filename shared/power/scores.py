"""What was said of each run of the study, as data that a process can hand to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.faults.fault import Expected
from shared.faults.seen import FaultSeen
from shared.power.trials import CHAOTIC, Trial


@dataclass(frozen=True, slots=True)
class Score:
    """One run with a fault.

    expected
        What had to be said of it.
    acted_in
        The first step in which it changed a bit; None where it changed none in the whole run.
    flagged, verdict
        Whether the backend was not certified, and the worst verdict.
    found_in, found
        The step, the stage and the tensors that the certificate names first; 0 and "" if none.
    step_is_right, place_is_right
        Whether these are the fault's.
    rules
        By the name of each rule of another tool, whether it flagged the run.
    """

    trial: Trial
    seed: int
    expected: Expected
    acted_in: int | None
    flagged: bool
    verdict: str
    found_in: int
    found: str
    step_is_right: bool
    place_is_right: bool
    rules: Mapping[str, bool]

    @classmethod
    def of(
        cls, trial: Trial, seed: int, seen: FaultSeen, verdict: str, rules: Mapping[str, bool]
    ) -> Score:
        """Score what was seen of a fault in one run."""
        place = seen.placement
        return cls(
            trial, seed, seen.expected, seen.act.step if seen.act else None, seen.flagged, verdict,
            place.step if place else 0,
            f"{place.stage} {', '.join(place.tensors)}" if place else "",
            seen.step_is_right, seen.place_is_right, rules,
        )  # fmt: skip

    @property
    def is_inert(self) -> bool:
        """Whether the fault changed no bit, so that there was nothing to find."""
        return self.acted_in is None

    @property
    def counts(self) -> bool:
        """Whether it is one that had to be flagged."""
        return self.expected is Expected.FLAGGED and not self.is_inert

    @property
    def is_calm(self) -> bool:
        """Whether its seed is one on which correct programs stay together."""
        return self.seed not in CHAOTIC


@dataclass(frozen=True, slots=True)
class CorrectRun:
    """A run without a fault, and whether it was flagged."""

    backend: str
    problem: str
    dtype: str
    seed: int
    flagged: bool


@dataclass(frozen=True, slots=True)
class CorrectPair:
    """Two runs without a fault, and which rules flagged them."""

    left: str
    right: str
    problem: str
    dtype: str
    seed: int
    rules: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest size of a fault that was flagged, by the certificate and by each rule.

    None where no size was; sizes are powers of ten.

    alarms
        The rules that flag the run without the fault as well: what they find is no size.
    """

    fault: str
    dtype: str
    certificate: float | None
    rules: Mapping[str, float | None]
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Power:
    """The whole study."""

    scores: tuple[Score, ...]
    runs: tuple[CorrectRun, ...]
    pairs: tuple[CorrectPair, ...]
    smallest: tuple[Smallest, ...]
    is_quick: bool
    elapsed_s: float
