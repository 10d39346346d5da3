"""Reads JAX's program of the gradient, and runs it equation by equation.

`jax.value_and_grad` of the backend's own `loss` is traced to a jaxpr; every equation says by its
name stack whether it came from the forward pass and its derivative, `jvp()`, or from turning that
round, `transpose(jvp())`. What JAX trains with is the same program, compiled: its results are kept
beside, to be compared.
"""

from __future__ import annotations

import itertools
import string
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shared.backend import Array, Params
from shared.explain.notebook import Notebook
from shared.explain.reading import Again, Reading

_BODIES = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
"""The equations that call a function once, and the parameter that holds its program.

A loop has a program in it, too, but runs it as often as it likes: it stays an equation, whole.
"""


def read_jaxpr(
    backend: Any, name: str, version: str, params: Params, x: Array, y: Array
) -> Reading:
    """Trace the gradient of a JAX backend's loss, run it, and return what it computed.

    Shapes: x (m, n_0), y (m, n_L).
    """
    jax, single = sys.modules["jax"], x.dtype != np.float64
    compiled = backend.gradients(params, x, y)

    def differentiated(params: Params, x: Array, y: Array) -> Any:
        return jax.value_and_grad(lambda w: backend.loss(w, x, y), has_aux=True)(params)

    with jax.enable_x64(not single):
        closed = jax.make_jaxpr(differentiated)(tuple(params), x, y)
        run = _Run(jax)
        weights = [run.notebook.value(a, run.letter()) for a in (*params, x, y)]
        run.notebook.handed_over(weights[:-2], *weights[-2:])
        results = run.program(closed.jaxpr, closed.consts, weights, "")
    loss_and_seen, grads = results[: -len(params)], results[-len(params) :]
    layers = len(params) // 2
    named = {f"a{layer}": loss_and_seen[layer] for layer in range(1, layers + 1)}
    named["L"] = loss_and_seen[0]
    if len(loss_and_seen) > layers + 1:
        named[f"z{layers}"] = loss_and_seen[-1]
    run.notebook.handed_out(named, grads)
    return run.notebook.reading(name, version, compiled.grads)


class _Run:
    """A program on its way through, one equation after the other."""

    def __init__(self, jax: Any) -> None:
        self.jax = jax
        self.notebook = Notebook("jax")
        self._letters = _letters()

    def letter(self) -> str:
        """Return the next name of a variable, in the order in which JAX prints them."""
        return next(self._letters)

    def program(
        self, jaxpr: Any, constants: Sequence[Any], given: Sequence[int], mark: str
    ) -> list[int]:
        """Run a program, and those that it calls, and return its results."""
        known = {id(v): self.notebook.constant(np.asarray(c)) for v, c in
                 zip(jaxpr.constvars, constants, strict=True)}  # fmt: skip
        known |= {id(v): index for v, index in zip(jaxpr.invars, given, strict=True)}
        used = {id(v) for one in jaxpr.eqns for v in one.invars} | {id(v) for v in jaxpr.outvars}
        for equation in jaxpr.eqns:
            inputs = [self._operand(known, one) for one in equation.invars]
            stack = str(equation.source_info.name_stack) or mark
            body = equation.params.get(_BODIES.get(equation.primitive.name, ""))
            if body is None:
                outputs = self._equation(equation, inputs, stack, used)
            else:
                inner, consts = getattr(body, "jaxpr", body), getattr(body, "consts", ())
                outputs = self.program(
                    inner,
                    consts,
                    inputs,
                    f"{stack} {equation.params.get('name', equation.primitive.name)}",
                )
            known |= {id(v): index for v, index in zip(equation.outvars, outputs, strict=True)}
        return [self._operand(known, one) for one in jaxpr.outvars]

    def _operand(self, known: Mapping[int, int], one: Any) -> int:
        """Return the value of a variable, or of a number that stands in the equation."""
        return known[id(one)] if id(one) in known else self.notebook.constant(np.asarray(one.val))

    def _equation(
        self, equation: Any, inputs: Sequence[int], mark: str, used: Container[int]
    ) -> list[int]:
        self.notebook.is_backward = "transpose(" in mark
        again, values = _again(self.jax, equation), self.notebook.values
        arrays = again([values[i].array for i in inputs])
        outputs = [
            # What nothing is made of has no letter of its own.
            self.notebook.value(array, self.letter() if id(v) in used else "_")
            for v, array in zip(equation.outvars, arrays, strict=True)
        ]
        name = _name(equation)
        names = [" ".join(values[i].name for i in some) for some in (outputs, inputs)]
        self.notebook.operation(
            name, inputs, outputs, written=f"{names[0]} = {name} {names[1]}", mark=mark,
            again=again, axes=_axes(equation),
        )  # fmt: skip
        return outputs


def _again(jax: Any, equation: Any) -> Again:
    dtypes = [one.aval.dtype for one in equation.invars]
    wide = any(dtype == np.float64 for dtype in dtypes)

    def again(arrays: Sequence[Array]) -> tuple[Array, ...]:
        with jax.enable_x64(wide):
            given = [jax.numpy.asarray(a, dtype=d) for a, d in zip(arrays, dtypes, strict=True)]
            found = equation.primitive.bind(*given, **equation.params)
        several = equation.primitive.multiple_results
        return tuple(map(np.asarray, found if several else (found,)))

    return again


def _name(equation: Any) -> str:
    """Name an equation by its primitive; a power with its exponent."""
    name = str(equation.primitive.name)
    return f"{name}[{equation.params['y']}]" if name == "integer_pow" else name


def _axes(equation: Any) -> Sequence[int]:
    """Return the axes that are summed over, counted from the end."""
    if equation.primitive.name == "dot_general":
        (contracted, _) = equation.params["dimension_numbers"]
        if [len(axes) for axes in contracted] != [1, 1]:
            return ()
        return [axes[0] - one.aval.ndim for axes, one in
                zip(contracted, equation.invars, strict=True)]  # fmt: skip
    if equation.primitive.name in ("reduce_sum", "reduce_max"):
        rank = equation.invars[0].aval.ndim
        return [axis - rank for axis in equation.params["axes"]]
    return ()


def _letters() -> Iterator[str]:
    """Yield a, b, ..., z, ba, bb, ..."""
    for size in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=size):
            if size == 1 or letters[0] != "a":
                yield "".join(letters)
