"""Faults of the update: another rate, another rule, steps left out or made twice."""

from __future__ import annotations

from shared.faults.update_rates import RATE_FAULTS
from shared.faults.update_rules import RULE_FAULTS

UPDATE_FAULTS = (*RATE_FAULTS, *RULE_FAULTS)
