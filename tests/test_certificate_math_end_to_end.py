"""The bounds from end to end: they hold for programs that compute activations again, and more.

Everything between parameters and gradients is moved by much of what its own bound allows, to
either side, and carried through; no gradient leaves its bound from end to end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import bounds, end_to_end, exact
from shared.certificate.arithmetic import LongDouble
from shared.certificate.backward import judged_as
from shared.certificate.bounds import widened
from shared.certificate.forms import Form
from shared.certificate.forward import at_logits
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding
from shared.certificate.stages import Evaluated, Gradients, Reference
from shared.network import Network
from tests.kinds import HIDDEN, OUTPUT_AND_LOSS

TIGHT = tight("float64")
REFERENCE = Reference(LongDouble(), Rounding.of("float64"), TIGHT)
ARITHMETIC, ROUNDING = REFERENCE.arithmetic, REFERENCE.rounding
STEPS, M, SIZES = 40, 3, (4, 6, 5, 3)
MOVED = 0.5
"""Of its bound a function is off by so much; rounding to a float takes its share besides."""
UNDERFLOWS = 1e-280
"""Both kinds of bounds count underflows, each in its own way."""
KINDS = [(hidden, *pair) for hidden in HIDDEN for pair in OUTPUT_AND_LOSS]
Signs = Callable[[tuple[int, ...]], Array]


def drawn(network: Network, spread: float) -> Evaluated:
    """Parameters and samples; what would be recorded is filled in later."""
    random = np.random.RandomState(6)
    params = tuple(spread * random.normal(size=(STEPS, *shape)) for shape in network.param_shapes)
    x = random.normal(size=(STEPS, M, network.sizes[0]))
    y = np.eye(network.sizes[-1])[random.randint(network.sizes[-1], size=(STEPS, M))]
    y[::2, 0] = np.array([0.25, 0.5, 0.25])
    empty = np.zeros((STEPS, M, network.sizes[-1]))
    logits = empty if network.from_logits else None
    return Evaluated(network, params, (x,), logits, y, np.zeros(STEPS))


def recorded(seen: Evaluated, signs: Signs) -> Evaluated:
    """Every layer from the one below, z and f(z) each moved by half of what they may be off."""
    activations, logits = list(seen.activations), seen.logits
    for layer, name in enumerate(seen.functions, start=1):
        a, W, b = activations[-1], *seen.params[2 * layer - 2 : 2 * layer]
        error = bounds.affine(ROUNDING, a, W, b)
        z = exact.affine(ARITHMETIC, a, W, ARITHMETIC.lift(b), error)
        z = z + MOVED * error * signs(error.shape)
        if layer == len(seen.functions) and logits is not None:
            logits = ARITHMETIC.lower(z)
            at = replace(seen, activations=tuple(activations), logits=logits)
            true, limit = at_logits(REFERENCE, at)
            own = limit.output
        else:
            true = exact.activation(ARITHMETIC, name, z)
            value = ARITHMETIC.lower(true.value)
            rest = value if true.rest is None else ARITHMETIC.lower(true.rest)
            none = np.zeros_like(error)
            own = bounds.activation(ROUNDING, TIGHT, name, value, rest, none)
        # A relu that is 0 stays so: no rounding makes a dead unit live.
        live = true.value != 0
        moved = true.value + MOVED * own * live * signs(own.shape)
        activations.append(ARITHMETIC.lower(moved))
    return replace(seen, activations=tuple(activations), logits=logits)


def all_ways(shape_seed: int) -> list[Signs]:
    random = np.random.RandomState(shape_seed)

    def mixed(shape: tuple[int, ...]) -> Array:
        return np.asarray(random.choice([-1.0, 1.0], shape))

    return [np.ones, lambda shape: -np.ones(shape), mixed, mixed]


@pytest.mark.parametrize("spread", [0.3, 1.5, 6.0])
@pytest.mark.parametrize(("hidden", "output", "loss"), KINDS)
def test_what_the_cut_points_contain_lies_within_the_bounds_from_end_to_end(
    hidden: str, output: str, loss: str, spread: float
) -> None:
    start = drawn(Network(SIZES, hidden, output, loss), spread)
    whole = {one.tensor: one for one in end_to_end.backward(REFERENCE, start)}
    nothing = tuple(np.zeros_like(w) for w in start.params)
    for signs in all_ways(0):
        seen = recorded(start, signs)
        for judged in judged_as(REFERENCE, seen, Gradients(nothing), Form(TIGHT)):
            one: Any = whole[judged.tensor]
            cut = judged.exact - ARITHMETIC.lower(one.exact)
            reach = abs(cut) + MOVED * judged.bound - 2 * np.spacing(abs(judged.exact))
            assert (reach <= widened(one.error) + UNDERFLOWS).all()


@pytest.mark.parametrize(("hidden", "output", "loss"), KINDS)
def test_recorded_activations_lie_within_their_bounds_from_end_to_end(
    hidden: str, output: str, loss: str
) -> None:
    start = drawn(Network(SIZES, hidden, output, loss), 1.5)
    layers = end_to_end.forward(REFERENCE, start)
    for signs in all_ways(1):
        seen = recorded(start, signs)
        for layer, a in zip(layers, seen.activations[1:], strict=True):
            assert (abs(a - layer.true.value) <= widened(layer.error)).all()


def test_a_gradient_of_twice_the_size_is_outside() -> None:
    start = drawn(Network(SIZES, "tanh", "softmax", "categorical_cross_entropy"), 1.5)
    for one in end_to_end.backward(REFERENCE, start):
        assert (abs(ARITHMETIC.lower(one.exact)) > 1e3 * one.error).any()
