"""Faults of σ'(z): taken at the wrong place, lost, or nearly right."""

from __future__ import annotations

from shared.faults.fault import Fault, InSource
from shared.faults.in_backend import Pair, in_backend
from shared.faults.own_sigmoid import HIDDEN, OUTPUT, own_sigmoid
from shared.faults.places import BACKWARD

_FORMULA = '"sigmoid": lambda a: a * (1 - a),'
_AT_OUTPUT = "delta = slope * SLOPES[network.output](output)"
_AT_HIDDEN = "delta = slope * SLOPES[network.activation](a_below)"
_Z = "activations[layer - 2] @ params[2 * layer - 4].mT + params[2 * layer - 3][..., None, :]"


def _in_numpy(tensors: tuple[str, ...], *pairs: Pair) -> InSource:
    return in_backend("numpy", BACKWARD, tensors, *pairs)


SLOPE_FAULTS = (
    Fault(
        "slope-at-preactivation",
        "σ'(z) was computed as z (1 - z): the formula belongs to a, and was given z.",
        "backward",
        in_source=(
            _in_numpy(("δh",), (_AT_HIDDEN, f"delta = slope * SLOPES[network.activation]({_Z})")),
            *own_sigmoid("above * z * (1 - z)", HIDDEN),
        ),
    ),
    Fault(
        "slope-of-activation",
        "The function that gives σ'(z) from z was given a: σ was applied twice.",
        "backward",
        in_source=(
            _in_numpy(
                ("δL", "δh"), (_FORMULA, '"sigmoid": lambda a: sigmoid(a) * (1 - sigmoid(a)),')
            ),
            *own_sigmoid("above * sigmoid(a) * (1 - sigmoid(a))"),
        ),
    ),
    Fault(
        "slope-missing-at-output",
        "δ of the output layer is the slope of the loss, without σ'(z).",
        "backward",
        in_source=(
            _in_numpy(("δL",), (_AT_OUTPUT, "delta = slope")),
            *own_sigmoid("above * 1", OUTPUT),
        ),
    ),
    Fault(
        "slope-missing-in-hidden-layers",
        "What comes back from the layer above passes the hidden units without σ'(z).",
        "backward",
        in_source=(
            _in_numpy(("δh",), (_AT_HIDDEN, "delta = slope")),
            *own_sigmoid("above * 1", HIDDEN),
        ),
    ),
    Fault(
        "slope-of-tanh",
        "The units became sigmoids, and their derivative stayed that of tanh, 1 - a².",
        "backward",
        in_source=(
            _in_numpy(("δL", "δh"), (_FORMULA, '"sigmoid": lambda a: 1 - a * a,')),
            *own_sigmoid("above * (1 - a * a)"),
        ),
    ),
    Fault(
        "slope-of-layer-above",
        "The hidden units got σ' at the output: one number, and it was broadcast over all of them.",
        "backward",
        in_source=(
            _in_numpy(
                ("δh",),
                (
                    _AT_HIDDEN,
                    "delta = slope * SLOPES[network.activation](activations[layer][..., :1])",
                ),
            ),
        ),
    ),
    Fault(
        "slope-with-epsilon",
        "A tiny number was added to σ'(z), so that no unit would ever stop learning.",
        "backward",
        in_source=(
            _in_numpy(("δL", "δh"), (_FORMULA, '"sigmoid": lambda a: a * (1 - a) + SIZE,')),
            *own_sigmoid("above * (a * (1 - a) + SIZE)"),
        ),
        sizes=(1e-10,),
        resolution={"float64": 1e-15, "float32": 1e-6},
    ),
)
