"""What is smaller than rounding: whoever looks may see it or not, and either answer is right."""

from __future__ import annotations

import numpy as np

from shared.backend import Array, Params, StepGradients
from shared.faults.backward_changes import scaled
from shared.faults.fault import AtBorder, Expected, Fault, Moment
from shared.faults.in_backend import each_gradient
from shared.faults.places import BACKWARD, FORWARD, GRADIENTS
from shared.faults.update_rates import RATE, at_rate


def of_moved_inputs(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """See every input as the float above it."""
    return moment.inner.gradients(params, np.nextafter(x, x.dtype.type(np.inf)), y)


BELOW_RESOLUTION = (
    Fault(
        "inputs-one-unit-off",
        "Every input is the float above the one in the data.",
        "data",
        expected=Expected.BELOW,
        at_border=AtBorder(FORWARD, ("a1",), gradients=of_moved_inputs),
    ),
    Fault(
        "gradient-some-units-off",
        "Every gradient is off by some units in its last place.",
        "backward",
        expected=Expected.BELOW,
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=scaled),
        in_source=each_gradient(
            numpy="g * g.dtype.type(1 + SIZE)", torch="g * (1 + SIZE)", jax="g * (1 + SIZE)"
        ),
        sizes=(1e-15,),
    ),
    Fault(
        "rate-one-unit-off",
        "The learning rate was computed, as 0.15 / 3 is, and is the float below 0.05.",
        "update",
        # The first bit that it changes is often one that fusing w - ηg might have changed as well.
        expected=Expected.BELOW,
        in_source=at_rate(
            "np.nextafter(eta, number(0))",
            f"w.new_tensor({RATE}).nextafter(w.new_tensor(0.0)).item()",
            "(eta * float(1 - np.finfo(w.dtype).epsneg))",
        ),
    ),
)
