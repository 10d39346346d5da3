"""The one chain rule: every quantity of a step, in order, under one name, with its exact value.

What the three frameworks do is laid out along this spine. A role is a whole tensor: `a1` are the
activations of the first layer, of every sample and unit. Its exact value comes from the formulas
that the certificate uses, to as many bits as it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from shared.backend import Array, Params
from shared.certificate import exact
from shared.certificate.ball import Balls, precision
from shared.certificate.exact_step import Layer, exactly, forward, functions, step
from shared.certificate.update_audit import nearest
from shared.network import Network

PRECISIONS_BITS = (256, 2048, 16384)
"""As many bits as it takes: where numbers cancel, more."""

SHARP_BITS = 100
DIGITS = 25

FORWARD, SLOPE, BACKWARD = "forward", "slope", "backward"


@dataclass(frozen=True, slots=True)
class Role:
    """A quantity of the step.

    name
        Its name: `z1`, `1-a1`, `dL/dW1`.
    formula
        What it is, in terms of those before it.
    pass_
        FORWARD, SLOPE (a local derivative, which some make forward and some backward) or BACKWARD.
    exact
        Its exact value, rounded once to the dtype of the run.
    digits
        The exact value to 25 decimal digits, of each element in order.
    """

    name: str
    formula: str
    pass_: str
    exact: Array
    digits: tuple[str, ...]


def spine(network: Network, params: Params, x: Array, y: Array) -> dict[str, Role]:
    """Return the roles of a step, in order.

    Shapes: x (m, n_0), y (m, n_L).
    """
    balls = Balls()
    for bits in PRECISIONS_BITS:
        with precision(bits):
            found = list(_quantities(balls, network, params, x, y))
            if bits == PRECISIONS_BITS[-1] or all(_is_sharp(value) for *_, value in found):
                break
    with precision(bits):
        return {
            name: Role(name, formula, pass_, *_rounded(value, x.dtype.name))
            for name, formula, pass_, value in found
        }


def output_role(network: Network) -> str:
    """Return the name of the network's answer: a_L, or z_L where the last function is none."""
    return f"{'z' if network.output == 'identity' else 'a'}{len(network.sizes) - 1}"


def below(layer: int) -> str:
    """Return the name of what a layer is given."""
    return f"a{layer - 1}" if layer > 1 else "x"


def joints(network: Network) -> tuple[str, ...]:
    """Return the quantities that every program forms, whatever its way between them."""
    count = len(network.sizes) - 1
    forward = [f"{kind}{layer}" for layer in range(1, count + 1) for kind in "Wbza"]
    backward = [f"dL/d{kind}{layer}" for layer in range(count, 0, -1) for kind in "azbW"]
    return ("x", "y", *forward, "L", *backward)


def handed_in(network: Network) -> tuple[str, ...]:
    """Return the quantities that a step begins with."""
    return ("x", "y", *network.param_names)


def _is_sharp(value: Any) -> bool:
    """Whether every number is known to more digits than are ever shown."""
    return all(
        not one.is_finite() or one.rel_accuracy_bits() >= SHARP_BITS
        for one in map(arb, np.asarray(value, dtype=object).ravel())
    )


def _rounded(value: Any, dtype: str) -> tuple[Array, tuple[str, ...]]:
    array = np.asarray(value, dtype=object)
    numbers = [arb(one) for one in array.ravel()]
    floats = np.array([_float(one, dtype) for one in numbers], dtype).reshape(array.shape)
    return floats, tuple(one.str(DIGITS, radius=False) for one in numbers)


def _float(ball: arb, dtype: str) -> float:
    """Round to the dtype, once."""
    found = float(ball.mid())
    if dtype == "float64" or not found or not np.isfinite(found):
        return found
    mantissa, exponent = ball.mid().man_exp()
    return nearest(Fraction(int(mantissa)) * Fraction(2) ** int(exponent), dtype)


def _quantities(
    balls: Balls, network: Network, params: Params, x: Array, y: Array
) -> Iterator[tuple[str, str, str, Any]]:
    lifted = [balls.lift(one) for one in params]
    samples, targets = balls.lift(x), balls.lift(y)
    count, names = len(network.sizes) - 1, functions(network)
    whole = step(balls, network, lifted, samples, targets)
    yield "x", "the inputs", FORWARD, samples
    yield "y", "the targets", FORWARD, targets
    for layer in range(1, count + 1):
        yield f"W{layer}", "weights", FORWARD, lifted[2 * layer - 2]
        yield f"b{layer}", "biases", FORWARD, lifted[2 * layer - 1]
    under = samples
    passed = forward(balls, network, lifted, samples)
    for layer, (name, (z, true)) in enumerate(zip(names, passed, strict=True), start=1):
        W = np.swapaxes(lifted[2 * layer - 2], -1, -2)
        product = balls.matmul(under, W, exactly(len(x), W))
        yield f"p{layer}", f"{below(layer)} W{layer}ᵀ", FORWARD, product
        yield f"z{layer}", f"p{layer} + b{layer}", FORWARD, z
        yield from _activation(balls, name, layer, z, true.value)
        under = true.value
    yield from _loss(balls, network, under, z, targets)
    yield from _slopes(names, whole.layers)
    yield from _backward(network, whole.layers, whole.grads, under, targets)


def _activation(
    balls: Balls, name: str, layer: int, z: Any, a: Any
) -> Iterator[tuple[str, str, str, Any]]:
    if name == "sigmoid":
        power = balls.exp(-z)
        yield f"-z{layer}", f"-z{layer}", FORWARD, -z
        yield f"e^-z{layer}", f"exp(-z{layer})", FORWARD, power
        yield f"1+e^-z{layer}", f"1 + e^-z{layer}", FORWARD, 1 + power
    if name != "identity":
        written = {"sigmoid": "σ", "relu": "max(0, ·) of "}.get(name, f"{name} ")
        yield f"a{layer}", f"{written}(z{layer})".replace("of (", "("), FORWARD, a


def _loss(
    balls: Balls, network: Network, output: Any, z: Any, y: Any
) -> Iterator[tuple[str, str, str, Any]]:
    yield "e", f"{output_role(network)} - y", FORWARD, output - y
    if not network.from_logits:
        yield "e²", "e e", FORWARD, (output - y) * (output - y)
        each = ((output - y) * (output - y)).sum(axis=-1)
        is_halved = network.loss == "quadratic_cost"
        if is_halved:
            yield "Σₖe²", "sum of e² of each sample", FORWARD, each
        yield "Σe²", "sum of e²", FORWARD, each.sum()
        if is_halved:
            yield "Σe²/m", f"Σe² / {len(y)}", FORWARD, each.sum() / len(y)
    yield "L", network.loss.replace("_", " "), FORWARD, (exact.loss(balls, network, output, z, y))


def _slopes(
    names: tuple[str, ...], layers: tuple[Layer, ...]
) -> Iterator[tuple[str, str, str, Any]]:
    for layer, (name, one) in enumerate(zip(names, layers, strict=True), start=1):
        a = f"a{layer}"
        if one.slope is None:
            continue
        if name == "sigmoid":
            yield f"1-{a}", f"1 - {a}", SLOPE, one.true.rest
        if name == "tanh":
            yield f"{a}²", f"{a} {a}", SLOPE, one.true.value * one.true.value
            yield f"1-{a}", f"1 - {a}", SLOPE, 1 - one.true.value
        written = {"sigmoid": f"{a} (1-{a})", "tanh": f"1 - {a}²", "relu": f"1 where {a} > 0"}
        yield f"f'{layer}", written.get(name, "1"), SLOPE, one.slope


def _backward(
    network: Network, layers: tuple[Layer, ...], grads: tuple[Any, ...], output: Any, y: Any
) -> Iterator[tuple[str, str, str, Any]]:
    m, n = y.shape
    last = len(layers)
    yield "dL/dL", "1", BACKWARD, output.ravel()[0] * 0 + 1
    if not network.from_logits:
        if network.loss == "quadratic_cost":
            yield "dL/d(Σe²/m)", "dL/dL / 2", BACKWARD, (output.ravel()[0] * 0 + 1) / 2
        divisor = m * n if network.loss == "mean_squared_error" else 2 * m
        yield "dL/de²", f"1 / {divisor}", BACKWARD, (output * 0 + 1) / divisor
        yield "2e", "2 e", BACKWARD, 2 * (output - y)
    for layer in range(last, 0, -1):
        one, a = layers[layer - 1], below(layer + 1)
        above = "dL/de² 2e" if layer == last else f"dL/dz{layer + 1} W{layer + 1}"
        is_answer = network.output == "identity" and layer == last
        if one.above is not None and not is_answer:
            yield f"dL/d{a}", above, BACKWARD, one.above
            if network.activation == "tanh" and layer < last:
                rest = 1 - one.true.value
                once, twice = f"dL/d{a} (1-{a})", f"dL/d{a} (1-{a}) {a}"
                yield once, once, BACKWARD, one.above * rest
                yield twice, twice, BACKWARD, one.above * rest * one.true.value
        delta = f"dL/d{a} f'{layer}" if one.above is not None else "by the loss, from z"
        delta = above if is_answer else delta
        yield f"dL/dz{layer}", delta, BACKWARD, one.delta
        yield f"dL/db{layer}", f"dL/dz{layer} of all samples", BACKWARD, grads[2 * layer - 1]
        yield f"dL/dW{layer}", f"dL/dz{layer}ᵀ {below(layer)}", BACKWARD, grads[2 * layer - 2]
