"""Counts and extremes of one tensor in one stage, gathered chunk by chunk in constant memory."""

from __future__ import annotations

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import StageSummary

_PER_OCTAVE = 8
_EDGES = np.concatenate([[-np.inf], np.arange(-64 * _PER_OCTAVE, 64 * _PER_OCTAVE), [np.inf]])


class Tally:
    """Follows one tensor of one stage through a run."""

    def __init__(self, judged: Judged) -> None:
        self._stage, self._tensor = judged.stage, judged.tensor
        self._counts = np.zeros(len(Verdict), dtype=np.int64)
        self._ratios, self._resolutions = _Histogram(), _Histogram()
        self._worst, self._worst_step = 0.0, 0
        self._worst_resolution = 0.0

    def add(self, judged: Judged, steps: Array) -> None:
        """Count one chunk; steps (s,) number the leading axis."""
        self._counts += np.bincount(judged.verdict.ravel(), minlength=len(Verdict))
        with np.errstate(all="ignore"):
            ratio = judged.error / judged.bound
            resolution = (judged.bound + judged.error) / abs(judged.value)
        ratio = np.where(judged.bound > 0, ratio, np.where(judged.error > 0, np.inf, 0.0))
        ratio[np.isnan(judged.error) | np.isnan(judged.bound)] = np.inf
        self._ratios.add(ratio)
        each = ratio.reshape(len(steps), -1).max(axis=1)
        row = int(each.argmax())
        if each[row] > self._worst:
            self._worst, self._worst_step = float(each[row]), int(steps[row])
        tested = (judged.value != 0) & (judged.verdict != Verdict.VACUOUS) & ~np.isnan(resolution)
        if tested.any():
            self._resolutions.add(resolution[tested])
            self._worst_resolution = max(self._worst_resolution, float(resolution[tested].max()))

    def summary(self, bitwise: bool) -> StageSummary:
        """Return what was seen; bitwise stages have no resolution."""
        return StageSummary(
            self._stage,
            self._tensor,
            tuple(self._counts.tolist()),
            self._worst,
            self._worst_step,
            self._ratios.median(),
            None if bitwise else self._resolutions.median(),
            None if bitwise else self._worst_resolution,
        )


class _Histogram:
    """Counts by powers of 2^(1/8): enough for a median, whatever the number of values."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_EDGES) - 1, dtype=np.int64)

    def add(self, values: Array) -> None:
        with np.errstate(all="ignore"):
            places = np.log2(np.maximum(values[~np.isnan(values)], 0.0)) * _PER_OCTAVE
        index = np.clip(np.floor(places) + 64 * _PER_OCTAVE + 1, 0, len(self._counts) - 1)
        self._counts += np.bincount(index.astype(np.int64), minlength=len(self._counts))

    def median(self) -> float:
        total = int(self._counts.sum())
        if not total:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), (total + 1) // 2))
        return 0.0 if place == 0 else float(2.0 ** ((_EDGES[place] + 0.5) / _PER_OCTAVE))
