"""A fault, when it acted, and what the certificate said: whether it was found, and where."""

from __future__ import annotations

from dataclasses import dataclass

from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import CURVE
from shared.certificate.placement import Placement
from shared.faults.acting import Act
from shared.faults.fault import ChosenFault, Expected
from shared.faults.injected import FaultyBackend
from shared.faults.places import tensors_of
from shared.network import Network


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """What became of one fault in one run.

    expected
        What had to be said of it in this dtype, at this size.
    act
        When it first changed a bit; None where it changed none, so that there was nothing to find.
    stage, tensors
        Where it had to show first: of the tensors that it is known to change, those with a bit
        that it did change in the step of the act.
    flagged
        Whether the backend was not certified.
    placement
        What the certificate names first, be it different or undecided.
    """

    backend: str
    chosen: ChosenFault
    expected: Expected
    act: Act | None
    stage: str
    tensors: frozenset[str]
    flagged: bool
    placement: Placement | None

    @property
    def in_curve(self) -> bool:
        """Whether it showed in an evaluation for the loss curve before it showed in a step."""
        place, act = self.placement, self.act
        return bool(
            place and act and place.stage.startswith(CURVE) and place.step < act.step
        )  # fmt: skip

    @property
    def step_is_right(self) -> bool:
        """Whether the first step named is the first in which it acted."""
        place, act = self.placement, self.act
        return bool(place and act and (place.step == act.step or self.in_curve))

    @property
    def place_is_right(self) -> bool:
        """Whether the stage and the tensors named are those in which it had to show."""
        place = self.placement
        if place is None:
            return False
        if self.in_curve:  # what is seen there is all that the whole data shows
            return place.stage == CURVE + self.stage
        return place.stage == self.stage and set(place.tensors) == self.tensors


def fault_seen(
    faulty: FaultyBackend,
    network: Network,
    dtype: str,
    act: Act | None,
    certificate: BackendCertificate,
) -> FaultSeen:
    """Hold a certificate against a fault that is known to be there."""
    chosen, way = faulty.chosen, faulty.way
    declared = tensors_of(network, way.tensors)
    tensors = declared & act.tensors_in(way.stage) if act else frozenset()
    return FaultSeen(
        faulty.wrong.name, chosen, chosen.fault.expected_of(dtype, chosen.size), act, way.stage,
        tensors, not certificate.certified, certificate.earliest,
    )  # fmt: skip
