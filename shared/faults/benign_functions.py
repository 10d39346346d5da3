"""Harmless forms of the sigmoid and its slope, and of the products that a slope is part of."""

from __future__ import annotations

from shared.faults.fault import Expected, Fault, InSource
from shared.faults.in_backend import Pair, in_backend, lines
from shared.faults.own_sigmoid import derived_sigmoid, own_sigmoid
from shared.faults.places import BACKWARD, FORWARD

_SIGMOID = "return 1 / (1 + np.exp(-z))"
_FORMULA = '"sigmoid": lambda a: a * (1 - a),'
_AT_OUTPUT = "delta = slope * SLOPES[network.output](output)"
_AT_HIDDEN = "delta = slope * SLOPES[network.activation](a_below)"
_OUTPUT_CALL = "delta = output_delta(network, activations[-1], y)"
_OUTPUT_VERB = "def output_delta(network: Network, output: Array, y: Array) -> Array:"
_Z = "{0} @ params[{1}].mT + params[{2}][..., None, :]"
_Z_OUTPUT = _Z.format("activations[-2]", -2, -1)
_Z_HIDDEN = _Z.format("activations[layer - 2]", "2 * layer - 4", "2 * layer - 3")
_A, _DELTAS = ("a*",), ("δL", "δh")


def _of_z(slope: str) -> InSource:
    """Return NumPy's file with δ as an expression of slope, a and z, wherever f is a sigmoid."""
    pairs: tuple[Pair, ...] = (
        (_OUTPUT_CALL, f"delta = output_delta(network, activations[-1], y, {_Z_OUTPUT})"),
        (_OUTPUT_VERB, _OUTPUT_VERB.replace("y: Array", "y: Array, z: Array")),
        (
            _AT_OUTPUT,
            lines(
                8,
                "a = output",
                f"delta = {slope} if network.output == 'sigmoid' else "
                "slope * SLOPES[network.output](output)",
            ),
        ),
        (
            _AT_HIDDEN,
            lines(
                12,
                f"a, z = a_below, {_Z_HIDDEN}",
                f"delta = {slope} if network.activation == 'sigmoid' else "
                "slope * SLOPES[network.activation](a_below)",
            ),
        ),
    )
    return in_backend("numpy", BACKWARD, _DELTAS, *pairs)


_BRANCHES = (
    "lib.where(z >= 0, 1 / (1 + lib.exp(-abs(z))), lib.exp(-abs(z)) / (1 + lib.exp(-abs(z))))"
)

FUNCTION_FORMS = (
    Fault(
        "sigmoid-in-two-branches",
        "σ(z) is e^z / (1 + e^z) below zero, so that no exponential ever overflows.",
        "forward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend(
                "numpy",
                FORWARD,
                _A,
                (
                    _SIGMOID,
                    lines(
                        4,
                        "e = np.exp(-abs(z))",
                        "return np.where(z >= 0, 1 / (1 + e), e / (1 + e))",
                    ),
                ),
            ),
            *derived_sigmoid(_BRANCHES, FORWARD),
        ),
    ),
    Fault(
        "sigmoid-by-hand",
        "σ(z) is the formula 1 / (1 + e^-z), and the framework derives what stands there.",
        "forward",
        expected=Expected.BENIGN,
        in_source=derived_sigmoid("1 / (1 + lib.exp(-z))", FORWARD),
    ),
    Fault(
        "sigmoid-by-tanh",
        "σ(z) is (1 + tanh(z/2)) / 2.",
        "forward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend("numpy", FORWARD, _A, (_SIGMOID, "return (1 + np.tanh(z / 2)) / 2")),
            *own_sigmoid("above * a * (1 - a)", value="(1 + lib.tanh(z / 2)) / 2", stage=FORWARD),
        ),
    ),
    Fault(
        "exponential-of-libm",
        "e^x is C's, number by number, and not the framework's.",
        "forward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend(
                "numpy",
                FORWARD,
                _A,
                (
                    _SIGMOID,
                    lines(
                        4,
                        "import math",
                        "powers = [math.exp(-v) if v > -709 else math.inf for v in z.flat]",
                        "return 1 / (1 + np.array(powers, z.dtype).reshape(z.shape))",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "slope-from-z",
        "σ'(z) is e^-|z| / (1 + e^-|z|)², as automatic differentiation of a formula may have it.",
        "backward",
        expected=Expected.BENIGN,
        in_source=(
            _of_z("slope * (np.exp(-abs(z)) / (1 + np.exp(-abs(z))) ** 2)"),
            *own_sigmoid("above * (lib.exp(-abs(z)) / (1 + lib.exp(-abs(z))) ** 2)"),
        ),
    ),
    Fault(
        "slope-of-both-sides",
        "σ'(z) is σ(z) σ(-z).",
        "backward",
        expected=Expected.BENIGN,
        in_source=(
            _of_z("slope * (sigmoid(z) * sigmoid(-z))"),
            *own_sigmoid("above * (sigmoid(z) * sigmoid(-z))"),
        ),
    ),
    Fault(
        "slope-as-a-difference",
        "σ'(z) is a - a².",
        "backward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend("numpy", BACKWARD, _DELTAS, (_FORMULA, '"sigmoid": lambda a: a - a * a,')),
            *own_sigmoid("above * (a - a * a)"),
        ),
    ),
    Fault(
        "products-from-the-other-end",
        "The factors of the chain rule are multiplied in another order.",
        "backward",
        expected=Expected.BENIGN,
        in_source=(
            _of_z("slope * a * (1 - a)"),
            *own_sigmoid("above * a * (1 - a)"),
        ),
    ),
)
"""Forms of functions that are right."""
