"""Runs judged by an arithmetic that is wrong on purpose: something to do for the auditor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge, reference_for
from shared.certificate.sampling import Sampling
from shared.network import Network
from tests.certified_exact import exact_value
from tests.certified_kinds import BINARY, CATEGORICAL, made
from tests.certified_runs import Place, Run, gradients_of, judgements, seen_by, trained
from tests.certified_slips import Slip, slipped
from tests.exact_rounding import rounded

LONG = made(Network((40, 3, 2), "relu", "identity"), 48, 12, 0.01, epochs=5)
"""20 steps of sums so long that a hundredth of a bound is several floats; and no other form."""

RUNS = {
    "quantities": trained(LONG, 3),
    "two networks": trained(LONG, (3, 4)),
    "no deltas": trained(LONG, 3).without_deltas(),
    "one answer": trained(made(Network((40, 5, 1), "relu", loss=BINARY), 48, 12, 0.1, 5), 3),
    "classes": trained(
        made(Network((40, 5, 3), "relu", "softmax", CATEGORICAL), 48, 12, 0.1, 5), 3
    ),
    "float32": trained(LONG, 3, dtype="float32"),
}


@dataclass(frozen=True)
class Crooked:
    """An arithmetic that tells another distance of some recorded values, and else the right one."""

    right: Any
    told: Mapping[float, float]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)

    def distance(self, value: Array, exact: Any) -> Array:
        found = np.array(self.right.distance(value, exact))
        for one, told in self.told.items():
            found[value == one] = told
        return found


def judged_by(
    run: Run, told: Mapping[float, float], sample: Sampling | None = None
) -> BackendCertificate:
    """Judge a run by the arithmetic of its dtype, but with these distances told of these values."""
    reference = reference_for(run.dtype)
    crooked = replace(reference, arithmetic=Crooked(reference.arithmetic, told))
    judge = Judge("numpy", run.problem, run.dtype, run.seeds, sample, reference=crooked)
    for chunk in run.chunks:
        judge.add(chunk)
    return judge.finish()


@dataclass(frozen=True)
class Spot:
    """A recorded number, what is exact there, and by how much it may be off."""

    run: Run
    stage: str
    tensor: str
    place: Place
    exact: Fraction
    bound: float

    @property
    def step(self) -> int:
        return self.place[0] + 1

    @property
    def value(self) -> float:
        """The honest one."""
        return float(judgements(self.run)[self.stage, self.tensor].value[self.place])

    def at(self, bounds: float) -> float:
        """The float that lies so many bounds from the exact value."""
        wanted = self.exact + Fraction(bounds) * Fraction(self.bound)
        return rounded(wanted, self.run.dtype)

    def slipped(self, value: float) -> Run:
        """The run with another number here, and all that follows from it."""
        slip = Slip(self.stage, self.tensor, self.step, self.place[1:], value)
        return slipped(self.run, slip)


def spot(run: Run, stage: str, tensor: str, step: int) -> Spot:
    """The number of a step whose bound is the most floats wide."""
    judged = judgements(run)[stage, tensor]
    place = widest(judged, run.dtype, step)
    exact = exact_value(seen_by(run), gradients_of(run).deltas, stage, tensor, place)
    return Spot(run, stage, tensor, place, exact, float(judged.bound[place]))


def widest(judged: Judged, dtype: str, step: int) -> Place:
    size = np.maximum(abs(judged.value[step - 1]), judged.bound[step - 1])
    floats = judged.bound[step - 1] / np.spacing(size.astype(dtype))
    floats = np.where(judged.value[step - 1] == 0, 0, floats)  # an idle relu is not alone
    return (step - 1, *map(int, np.unravel_index(int(floats.argmax()), floats.shape)))


def unaudited(self: object, block: object, pieces: list[Judged], failures: bool) -> list[Judged]:
    """In the place of `Auditor.audited`: nothing is decided once more."""
    del self, block, failures
    return list(pieces)
