"""Harmless forms: the same functions, written in other ways that are right, which no harness may
call different."""

from __future__ import annotations

from shared.faults.benign_functions import FUNCTION_FORMS
from shared.faults.benign_steps import STEP_FORMS
from shared.faults.benign_sums import SUM_FORMS

BENIGN_FORMS = (*SUM_FORMS, *FUNCTION_FORMS, *STEP_FORMS)
