"""Counts and extremes of one tensor in one stage, gathered chunk by chunk in constant memory."""

from __future__ import annotations

from collections import Counter

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import StageSummary

_OCTAVES = 64
"""Ratios are told apart between 2^-64 and 2^64."""

_BITS = 3
"""By as many leading bits of the mantissa: eight to an octave."""


LOOKED_AT = 128
"""Of a tensor with more numbers, as many of each step, at least, are looked at for the medians and
for the resolution; of a smaller one all."""


class Tally:
    """Follows one tensor of one stage through a run."""

    def __init__(self, judged: Judged) -> None:
        self._stage, self._tensor = judged.stage, judged.tensor
        self._counts = np.zeros(len(Verdict), dtype=np.int64)
        self._ratios, self._resolutions = _Histogram(), _Histogram()
        self._worst, self._worst_step = 0.0, 0
        self._settled, self._bitwise = 0, judged.bitwise
        self._forms: Counter[str] = Counter()
        self._worst_resolution: float | None = 0.0

    def add(self, judged: Judged, steps: Array) -> None:
        """Count one chunk; steps (s,) number the leading axis."""
        self._count(judged.verdict)
        if judged.form:
            explained = (judged.verdict > Verdict.BIT_EQUAL) & ~judged.failed
            self._forms[judged.form] += int(np.count_nonzero(explained))
        self._settled += judged.settled
        if judged.places is not None:
            self._add_unsettled(judged, steps[judged.places[0]])
            return
        if judged.bitwise and judged.exact is judged.value:
            return  # bit by bit right: there is no distance to speak of
        # An odd stride meets every row and every column of a wide tensor.
        stride = max(1, judged.value[0].size // LOOKED_AT) | 1
        with np.errstate(all="ignore"):
            ratio = judged.error / judged.bound
            each = ratio.reshape(len(steps), -1).max(axis=1)
            if np.isnan(each).any():
                ratio = np.where((judged.error == 0) & (judged.bound == 0), 0.0, ratio)
                ratio[np.isnan(ratio)] = np.inf
                each = ratio.reshape(len(steps), -1).max(axis=1)
            value, verdict, error, bound = (
                v.reshape(-1)[::stride]
                for v in (judged.value, judged.verdict, judged.error, judged.bound)
            )
            tested = (value != 0) & (verdict != Verdict.VACUOUS) & ~np.isnan(error + bound)
            resolution = ((bound + error) / abs(value))[tested]
        row = int(each.argmax())
        if each[row] > self._worst:
            self._worst, self._worst_step = float(each[row]), int(steps[row])
        self._ratios.add(ratio.reshape(-1)[::stride])
        self._resolutions.add(resolution)
        if stride > 1:
            self._worst_resolution = None  # of some numbers only it would say nothing
        elif self._worst_resolution is not None:
            highest = float(resolution.max(initial=0.0))
            self._worst_resolution = max(self._worst_resolution, highest)

    def _count(self, verdict: Array) -> None:
        others = np.count_nonzero(verdict)
        self._counts[Verdict.BIT_EQUAL] += verdict.size - others
        if verdict.max(initial=0) <= Verdict.EXPLAINED:
            self._counts[Verdict.EXPLAINED] += others
            return
        for kind in list(Verdict)[1:]:
            self._counts[kind] += np.count_nonzero(verdict == kind)

    def _add_unsettled(self, judged: Judged, steps: Array) -> None:
        """Let the numbers that an estimate did not settle count for the worst, where they belong.

        They are the ones with the larger errors, so the medians are not asked about them.
        """
        if len(steps):
            ratio = judged.error / judged.bound
            worst = int(ratio.argmax())
            if ratio[worst] > self._worst:
                self._worst, self._worst_step = float(ratio[worst]), int(steps[worst])

    def summary(self) -> StageSummary:
        """Return what was seen; what was decided by its bits has no resolution."""
        return StageSummary(
            self._stage,
            self._tensor,
            tuple(self._counts.tolist()),
            self._worst,
            self._worst_step,
            self._ratios.median(),
            None if self._bitwise else self._resolutions.median(),
            None if self._bitwise else self._worst_resolution,
            self._settled,
            dict(self._forms),
        )


class _Histogram:
    """Counts of positive numbers by their leading bits: enough for a median of any number of them.

    The bits of a positive float, read as an integer, grow with it.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(2 * _OCTAVES << _BITS, dtype=np.int64)

    def add(self, values: Array) -> None:
        places = (np.ascontiguousarray(values).view(np.int64) >> (52 - _BITS)) - _LOWEST
        np.clip(places, 0, len(self._counts) - 1, out=places)
        self._counts += np.bincount(places.ravel(), minlength=len(self._counts))

    def median(self) -> float:
        total = int(self._counts.sum())
        if not total:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), (total + 1) // 2))
        if place == 0:
            return 0.0
        middle = ((place + _LOWEST) << (52 - _BITS)) + (1 << (51 - _BITS))
        return float(np.int64(middle).view(np.float64))


_LOWEST = (1023 - _OCTAVES) << _BITS
