"""Faults of the backward pass: derivatives that are wrong, lost, late or rounded elsewhere."""

from __future__ import annotations

from shared.faults.backward_slopes import SLOPE_FAULTS
from shared.faults.backward_sums import SUM_FAULTS
from shared.faults.backward_timing import TIMING_FAULTS
from shared.faults.backward_values import VALUE_FAULTS

BACKWARD_FAULTS = (*SLOPE_FAULTS, *SUM_FAULTS, *VALUE_FAULTS, *TIMING_FAULTS)
