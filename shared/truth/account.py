"""Each backend beside the exact trajectory: how far it is, and which roundings made that."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.truth.findings import BackendTruth, Contribution, Likeness
from shared.truth.flow import NEAR_ZERO, Flow, Passed
from shared.truth.residuals import ResidualTaker
from shared.ulp import ulp_distance

FIRST_ORDER = 0.01
"""Where residuals, carried on, leave more than this share of a drift open, it is no longer small:
what they add up to then explains nothing."""

CONTRIBUTIONS = 10


@dataclass(frozen=True, slots=True)
class _AtMark:
    """A backend at a mark: distances (P,) in ULPs, and differences (P,); see BackendTruth."""

    ulps: Array
    drift: Array
    unit: Array
    unexplained: float


def accounts(flow: Flow, takers: Sequence[ResidualTaker], dtype: str) -> Iterator[BackendTruth]:
    """Say how far each backend is, at the marks that the flow has passed."""
    if not flow.passed:
        return
    for backend, taker in enumerate(takers):
        marks = [_at(flow, taker, backend, passed, dtype) for passed in flow.passed]
        shares = _shares(flow, backend, marks[-1])
        yield BackendTruth(
            name=taker.name,
            ulps=tuple(int(mark.ulps.max()) for mark in marks),
            differences=tuple(float(abs(mark.drift).max()) for mark in marks),
            unexplained=tuple(mark.unexplained for mark in marks),
            final_ulps=tuple(marks[-1].ulps.tolist()),
            explained=None if shares is None else float(shares.sum()),
            contributions=() if shares is None else _largest(shares),
            swallowed_steps=tuple(taker.swallowed_steps.tolist()),
            swallowed_ulps=tuple(taker.swallowed_ulps.tolist()),
        )


def likenesses(takers: Sequence[ResidualTaker]) -> Iterator[Likeness]:
    """Correlate the residuals of every pair of backends, where there is anything to correlate."""
    for left, right in itertools.combinations(takers, 2):
        with np.errstate(all="ignore"):
            table = np.corrcoef(left.residuals().ravel(), right.residuals().ravel())
        correlation = float(table[0, 1])
        yield Likeness(left.name, right.name, correlation if math.isfinite(correlation) else None)


def ulp_of(weights: Array, dtype: str) -> Array:
    """Return the ULP of each weight; those next to zero count as NEAR_ZERO of the largest."""
    size = np.maximum(abs(weights), NEAR_ZERO * abs(weights).max(initial=0.0))
    unit: Array = np.spacing(size.astype(dtype)).astype(np.float64)
    return unit


def _at(flow: Flow, taker: ResidualTaker, backend: int, passed: Passed, dtype: str) -> _AtMark:
    stood = taker.weights_after(passed.step)
    drift, unit = flow.path.differences(stood, passed.exact), ulp_of(passed.weights, dtype)
    left = abs((drift - passed.predicted[backend]) / unit).max()
    size = abs(drift / unit).max()
    distance = ulp_distance(passed.weights.astype(dtype), stood)
    return _AtMark(distance, drift, unit, float(left / size) if size else 0.0)


def _shares(flow: Flow, backend: int, last: _AtMark) -> Array | None:
    """Return (steps,) how much of the last drift each residual is, along it, in ULPs.

    None where there is no drift, or where residuals do not add up to it.
    """
    drift = last.drift / last.unit
    total = float(drift @ drift)
    if not (total and last.unexplained <= FIRST_ORDER):
        return None
    return flow.carried.along(backend, drift / last.unit / total, flow.passed[-1].step)


def _largest(shares: Array) -> tuple[Contribution, ...]:
    order = np.argsort(-abs(shares), kind="stable")[:CONTRIBUTIONS]
    return tuple(Contribution(int(row) + 1, float(shares[row])) for row in order if shares[row])
