"""What the operations of three frameworks do, in one vocabulary.

The names are those of NumPy 2's ufuncs, of torch's ATen operators and of JAX's primitives. One that
does not stand here is not known, whatever it is called like, and is shown so.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.explain.reading import LAYOUT

_NUMPY = {
    "matmul": "matmul",
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "negative": "neg",
    "square": "square",
    "exp": "exp",
    "log": "log",
    "log1p": "log1p",
    "tanh": "tanh",
    "absolute": "abs",
    "maximum": "max",
    "greater": "gt",
    "ones_like": "ones",
    "add.reduce": "sum",
    "maximum.reduce": "row_max",
    "view": LAYOUT,
    "mT": LAYOUT,
}

_TORCH = {
    "aten.addmm": "affine",
    "aten.mm": "matmul",
    "aten.add": "add",
    "aten.sub": "sub",
    "aten.mul": "mul",
    "aten.div": "div",
    "aten.neg": "neg",
    "aten.reciprocal": "reciprocal",
    "aten.pow[2]": "square",
    "aten.pow[1.0]": "same",
    "aten.exp": "exp",
    "aten.sum": "sum",
    "aten.mean": "mean",
    "aten.ones_like": "ones",
    "aten.sigmoid": "sigmoid",
    "aten.tanh": "tanh",
    "aten.relu": "relu",
    "aten._softmax": "softmax",
    "aten._log_softmax": "log_softmax",
    "aten.binary_cross_entropy_with_logits": "cross_entropy",
    "aten.sigmoid_backward": "sigmoid_backward",
    "aten.tanh_backward": "tanh_backward",
    "aten.threshold_backward": "threshold_backward",
    "aten._log_softmax_backward_data": "log_softmax_backward",
    "aten.t": LAYOUT,
    "aten.transpose": LAYOUT,
    "aten.view": LAYOUT,
    "aten.reshape": LAYOUT,
    "aten.expand": LAYOUT,
    "aten.unsqueeze": LAYOUT,
    "aten.squeeze": LAYOUT,
    "aten.detach": LAYOUT,
    "aten.alias": LAYOUT,
    "aten.clone": LAYOUT,
}

_JAX = {
    "dot_general": "matmul",
    "add": "add",
    "add_any": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "neg": "neg",
    "integer_pow[2]": "square",
    "integer_pow[-2]": "inverse_square",
    "exp": "exp",
    "log": "log",
    "log1p": "log1p",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "abs": "abs",
    "max": "max",
    "eq": "eq",
    "ne": "ne",
    "gt": "gt",
    "select_n": "select",
    "convert_element_type": "convert",
    "reduce_sum": "sum",
    "reduce_max": "row_max",
    "transpose": LAYOUT,
    "broadcast_in_dim": LAYOUT,
    "reshape": LAYOUT,
    "squeeze": LAYOUT,
    "expand_dims": LAYOUT,
    "copy": LAYOUT,
    "stop_gradient": LAYOUT,
    "optimization_barrier": LAYOUT,
}

TURNING = frozenset({"mT", "aten.t", "aten.transpose", "transpose"})
"""What exchanges the rows and the columns of a matrix."""

VOCABULARY: Mapping[str, Mapping[str, str]] = {"numpy": _NUMPY, "torch": _TORCH, "jax": _JAX}
"""By framework, and by what that calls an operation, what it does."""


def meaning(framework: str, name: str) -> str:
    """Return what an operation does, or "" if that is not known."""
    return VOCABULARY[framework].get(name, "")
