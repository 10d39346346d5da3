"""Faults of time: gradients that belong in part to another step."""

from __future__ import annotations

from shared.faults import backward_changes as changes
from shared.faults.fault import AtBorder, Fault
from shared.faults.in_backend import GRADIENT, followed, in_backend, lines
from shared.faults.places import BACKWARD, GRADIENTS

_STEP = """\
activations, z = forward(self.network, params, x)
                grads, deltas = backward(self.network, params, activations, y)
"""
"""A step of NumPy's `train`; `held` keeps the number of the last one, and something of it."""

_SUMMED = (
    _STEP
    + """\
                number, old = getattr(self, "held", (0, ()))
                if number == step - 1 and old:
                    grads = tuple(a + g for a, g in zip(old, grads, strict=True))
                self.held = step, grads
"""
)
_STALE = """\
activations, z = forward(self.network, params, x)
                number, old = getattr(self, "held", (0, None))
                self.held = step, activations[-1]
                seen = activations
                if number == step - 1 and old is not None and old.shape == y.shape:
                    seen = [*activations[:-1], old]
                grads, deltas = backward(self.network, params, seen, y)
"""

TIMING_FAULTS = (
    Fault(
        "gradients-accumulate",
        "Nobody set the gradients back to zero: each step adds to those of all steps before.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.accumulated, hidden_deltas=True),
        in_source=(
            in_backend("numpy", BACKWARD, GRADIENTS, (_STEP, _SUMMED)),
            in_backend(
                "torch",
                BACKWARD,
                GRADIENTS,
                (
                    GRADIENT["torch"],
                    lines(8, "loss.sum().backward()", "return [w.grad.clone() for w in params]"),
                ),
                followed(
                    12,
                    "leaves = [after.requires_grad_() for after, _ in moved]",
                    "for after, before in zip(leaves, w, strict=True):",
                    "    after.grad = before.grad",
                ),
            ),
        ),
        source="pytorch/pytorch#47175",
    ),
    Fault(
        "stale-output",
        "The targets were compared with the output of the step before.",
        "backward",
        at_border=AtBorder(
            BACKWARD, GRADIENTS, gradients=changes.of_stale_output, hidden_deltas=True
        ),
        in_source=(in_backend("numpy", BACKWARD, ("δL",), (_STEP, _STALE)),),
    ),
    Fault(
        "stale-output-once",
        "Once, the targets were compared with the output of the step before.",
        "backward",
        at_border=AtBorder(
            BACKWARD, GRADIENTS, gradients=changes.of_stale_output, hidden_deltas=True
        ),
        in_source=(in_backend("numpy", BACKWARD, ("δL",), (_STEP, _STALE)),),
        starts=(500,),
        lasting=2,  # in the first of them nothing is old yet
    ),
    Fault(
        "stale-parameters",
        "The gradient was taken at the parameters of one step ago: a copy of them came late.",
        "backward",
        at_border=AtBorder(
            BACKWARD, GRADIENTS, gradients=changes.of_stale_parameters, hidden_deltas=True
        ),
    ),
)
