"""The faults by their names, and what people type to choose one: NAME[:size][@step]."""

from __future__ import annotations

import math

from shared.errors import UsageError, nearest
from shared.faults.backward_faults import BACKWARD_FAULTS
from shared.faults.below_resolution import BELOW_RESOLUTION
from shared.faults.benign_forms import BENIGN_FORMS
from shared.faults.data_faults import DATA_FAULTS
from shared.faults.fault import LAST, ChosenFault, Fault
from shared.faults.forward_faults import FORWARD_FAULTS
from shared.faults.init_faults import INIT_FAULTS
from shared.faults.loss_faults import LOSS_FAULTS
from shared.faults.update_faults import UPDATE_FAULTS

FAULTS: tuple[Fault, ...] = (
    *DATA_FAULTS,
    *INIT_FAULTS,
    *FORWARD_FAULTS,
    *LOSS_FAULTS,
    *BACKWARD_FAULTS,
    *UPDATE_FAULTS,
    *BENIGN_FORMS,
    *BELOW_RESOLUTION,
)
"""All there are, in the order in which a step meets them; the harmless ones come last."""


INIT = "init"
"""The stage of faults that are there before the first step, and in no other."""


def fault_named(name: str) -> Fault:
    """Return the fault of a name. Raises UsageError where there is none."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise UsageError(
        f"unknown fault {name!r}.{nearest(name, [one.name for one in FAULTS])} "
        "`compare.py faults` lists them."
    )


def chosen_fault(text: str, step_count: int) -> ChosenFault:
    """Read NAME[:size][@step] for a run of so many steps.

    Raises
    ------
    UsageError
        There is no such fault, it has no size, or that step is not in the run.
    """
    rest, at, step = text.partition("@")
    name, colon, size = rest.partition(":")
    fault = fault_named(name)
    chosen_size = fault.sizes[0] if fault.sizes else None
    if colon:
        if not fault.sizes:
            raise UsageError(f"fault {name!r} has no size; expected {name} alone.")
        chosen_size = _number(size, f"size {size!r} of fault {name!r}")
    start = fault.starts[0] or step_count
    if at:
        start = _step(step, name, step_count)
        if fault.stage == INIT and start > 1:
            raise UsageError(
                f"fault {name!r} changes what a run starts from; expected no @step with it."
            )
    if start > step_count:
        raise UsageError(
            f"fault {name!r} would act from step {start:,}, and the run has {step_count:,}; choose "
            f"an earlier one with {name}@STEP, or more epochs."
        )
    return ChosenFault(fault, chosen_size, start)


def trials(fault: Fault) -> tuple[tuple[float | None, int], ...]:
    """Return every size (None if it has none) with every start that the fault is tried with."""
    return tuple((size, start) for size in fault.sizes or (None,) for start in fault.starts)


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number == 0:
        raise UsageError(f"{what} cannot be used; expected a finite number other than 0.")
    return number


def _step(text: str, name: str, step_count: int) -> int:
    if text == "last":
        return step_count
    if not text.isdecimal() or int(text) <= LAST:
        raise UsageError(
            f"step {text!r} of fault {name!r} cannot be used; expected a number from 1, or `last`, "
            "as in NAME:size@step."
        )
    return int(text)
