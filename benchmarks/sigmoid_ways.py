"""σ and its slope by hand, by torch and by JAX, from built-ins and from the formula of the books.

For `benchmarks.literal_sigmoid`: what each way gives at a z, from where on it gives nothing or NaN,
and how autodiff gets there, taken from torch's own graph and from the program that JAX makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_lowercase
from typing import Any, TypeAlias

import flint
import numpy as np

from impls.numpy_backprop import SLOPES, sigmoid
from shared.backend import Array

Function: TypeAlias = Callable[[Any], Any]

Way: TypeAlias = Callable[[Any], tuple[Array, Array]]
"""z -> σ(z), σ'(z), both in the dtype of z, which is an array or a NumPy number."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which z down σ' is no longer above 0, and from which it is NaN; None where nowhere."""

    gone: Any
    nan: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a derivation: what went in, and what came out."""

    name: str
    inputs: tuple[float, ...]
    output: float

    @property
    def bears_nan(self) -> bool:
        """Whether a NaN comes out, though none went in."""
        return bool(np.isnan(self.output) and not np.isnan(self.inputs).any())


def literal(exp: Function) -> Function:
    """Return the formula as it stands in books, with the exponential of a framework."""
    return lambda z: 1 / (1 + exp(-z))


def ways() -> dict[str, Way]:
    """Return every way by its name."""
    import jax
    import torch

    return {
        "by hand": by_hand,
        "torch built-in": partial(in_torch, torch.sigmoid),
        "torch literal": partial(in_torch, literal(torch.exp)),
        "JAX built-in": partial(in_jax, jax.nn.sigmoid),
        "JAX literal": partial(in_jax, literal(jax.numpy.exp)),
    }


def by_hand(z: Any) -> tuple[Array, Array]:
    """Take both from `impls.numpy_backprop`."""
    with np.errstate(over="ignore"):
        a = sigmoid(z)
    return a, SLOPES["sigmoid"](a)


def in_torch(function: Function, z: Any) -> tuple[Array, Array]:
    """Take a function of torch, and what autograd makes of it."""
    import torch

    leaf = torch.tensor(z, requires_grad=True)
    a = function(leaf)
    (slope,) = torch.autograd.grad(a.sum(), leaf)
    return a.numpy(force=True), slope.numpy(force=True)


def in_jax(function: Function, z: Any) -> tuple[Array, Array]:
    """Take a function of JAX, and what `jax.grad` makes of it."""
    import jax

    with jax.enable_x64(z.dtype == np.float64):
        slope = jax.grad(lambda each: function(each).sum())(jax.numpy.asarray(z))
        return np.asarray(function(z)), np.asarray(slope)


def exact(z: Any) -> tuple[str, str]:
    """Return σ(z) and σ'(z) to five digits, from balls: they may be below every float."""
    with flint.ctx.workprec(256):
        e = flint.arb(float(z)).exp()
        a, slope = e / (1 + e), e / (1 + e) ** 2
        return a.str(5, radius=False), slope.str(5, radius=False)


def limits(way: Way, dtype: str) -> Limits:
    """Find both limits of a way, each by bisection."""
    return Limits(
        gone=_highest(lambda z: not way(z)[1] > 0, dtype),
        nan=_highest(lambda z: bool(np.isnan(way(z)[1])), dtype),
    )


def _highest(holds: Callable[[Any], bool], dtype: str) -> Any:
    """Return the highest float below 0 at which it holds, or None if not even at the lowest.

    It must hold from there down. The bits of negative floats, read as a number, grow downwards.
    """
    bits = np.dtype(dtype.replace("float", "uint"))

    def at(place: int) -> Any:
        return -np.array(place, bits).view(dtype)[()]

    above, below = 0, int(np.array(np.finfo(dtype).max).view(bits))
    if not holds(at(below)):
        return None
    while below - above > 1:
        middle = (above + below) // 2
        above, below = (above, middle) if holds(at(middle)) else (middle, below)
    return at(below)


def walks(z: Any) -> dict[tuple[str, str], list[Step]]:
    """Follow the literal through both frameworks; by what the steps are, and what goes in."""
    import jax
    import torch

    return {
        ("torch's graph, backwards", "cotangent in, and what the node kept"): torch_walk(
            literal(torch.exp), z
        ),
        ("JAX's program of the gradient", "values in"): jax_walk(literal(jax.numpy.exp), z),
    }


def torch_walk(function: Function, z: Any) -> list[Step]:
    """Go torch's graph backwards: into a node goes a cotangent, and what it kept on the way up."""
    import torch

    steps: list[Step] = []
    a = function(torch.tensor(z, requires_grad=True))
    node = a.grad_fn
    while node.next_functions:  # the last node only stores the gradient
        _watch(node, steps)
        node = node.next_functions[0][0]
    a.backward()
    return steps


def _watch(node: Any, steps: list[Step]) -> None:
    """Have a node of the graph note what it is given and what it gives."""
    name = node.name()
    saved = [getattr(node, f"_saved_{what}", None) for what in ("result", "other")]
    kept = tuple(tensor.item() for tensor in saved if tensor is not None)

    def note(given: Sequence[Any], taken: Sequence[Any]) -> None:
        steps.append(Step(name, (taken[0].item(), *kept), given[0].item()))

    node.register_hook(note)


def jax_walk(function: Function, z: Any) -> list[Step]:
    """Evaluate the program that `jax.grad` makes, equation by equation."""
    import jax
    from jax.extend.core import Literal

    steps: list[Step] = []
    with jax.enable_x64(z.dtype == np.float64):
        program = jax.make_jaxpr(jax.grad(function))(z).jaxpr
        known: dict[Any, tuple[str, Any]] = {program.invars[0]: ("z", z)}
        for place, equation in enumerate(program.eqns):
            read = [
                (str(one.val), one.val) if isinstance(one, Literal) else known[one]
                for one in equation.invars
            ]
            inputs = [value for _, value in read]
            output = equation.primitive.bind(*inputs, **equation.params)
            letter = ascii_lowercase[place]
            known[equation.outvars[0]] = letter, output
            power = f" ^{equation.params['y']}" if "y" in equation.params else ""
            words = " ".join([equation.primitive.name, *(name for name, _ in read)])
            name = f"{letter} = {words}{power}"
            steps.append(Step(name, tuple(map(float, inputs)), float(output)))
    return steps
