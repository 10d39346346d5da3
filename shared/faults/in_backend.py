"""Faults in the source of a backend, at the places where a step takes its gradient or moves.

Every backend hands over its gradient in one place and makes a step of gradient descent in one
place; what is wrong there is written here in a line, and not once more with all that surrounds it.
"""

from __future__ import annotations

from typing import TypeAlias

from shared.faults.fault import InSource, Replacement
from shared.faults.in_train import FILES
from shared.faults.places import BACKWARD, GRADIENTS, PARAMETERS, UPDATE

Pair: TypeAlias = tuple[str, str]
"""A piece of a file, and what stands there instead."""

UPDATES = {"numpy": "_numpy_updates", "torch": "_torch_updates", "jax": "_jax_updates"}
"""A backend's name, and the file of its optimizers."""

GRADIENT: dict[str, str] = {
    "numpy": "return tuple(reversed(grads)), tuple(reversed(deltas))",
    "torch": "return self.torch.autograd.grad(loss.sum() if loss.ndim else loss, params)",
    "jax": "(_, (seen, loss)), grads = differentiated(self._params(w))",
}
"""Where the gradient is whole: its tensors are `grads`, in NumPy's file from the last on."""

DESCENT: dict[str, str] = {
    "numpy": "# w ← w - η g\n        w -= eta * g\n",
    "torch": "return shrunk(w).sub(decayed(g, w), alpha=optimizer.learning_rate), []",
    "jax": "return w - eta * drawn(decayed(g, w), w), ()",
}
"""Where plain gradient descent moves a tensor w by its gradient g; `__` is the number of the step,
or, in JAX's file, an array that begins with it."""

_IN_PLACE = ("in_place = self.is_plain and not recorded.any()", "in_place = False")
"""Torch's steps that nobody records are made elsewhere: they are sent the same way."""


def lines(indent: int, *each: str) -> str:
    """Join lines of a piece that is indented by so much: the first one stands where it begins."""
    return ("\n" + " " * indent).join(each)


def followed(indent: int, old: str, *each: str) -> Pair:
    """Return the exchange of a piece for itself with lines behind it."""
    return old, lines(indent, old, *each)


def in_backend(
    backend: str, stage: str, tensors: tuple[str, ...], *pairs: Pair, updates: tuple[Pair, ...] = ()
) -> InSource:
    """Return a fault made of pieces in a backend's file, and in that of its optimizers."""
    return InSource(
        backend,
        stage,
        tensors,
        (
            *(Replacement(FILES[backend], old, new) for old, new in pairs),
            *(Replacement(UPDATES[backend], old, new) for old, new in updates),
        ),
    )


def each_gradient(
    numpy: str, torch: str, jax: str, tensors: tuple[str, ...] = GRADIENTS
) -> tuple[InSource, ...]:
    """Return what is wrong with every gradient g, as an expression in each framework.

    An empty expression leaves a framework out.
    """
    found = []
    if numpy:
        line = f"return tuple({numpy} for g in reversed(grads)), tuple(reversed(deltas))"
        found.append(in_backend("numpy", BACKWARD, tensors, (GRADIENT["numpy"], line)))
    if torch:
        taken = GRADIENT["torch"].replace("return", "grads =")
        whole = lines(8, taken, f"return [{torch} for g in grads]")
        found.append(in_backend("torch", BACKWARD, tensors, (GRADIENT["torch"], whole)))
    if jax:
        pair = followed(8, GRADIENT["jax"], f"grads = [{jax} for g in grads]")
        found.append(in_backend("jax", BACKWARD, tensors, pair))
    return tuple(found)


def each_descent(
    numpy: str, torch: str, jax: str, tensors: tuple[str, ...] = PARAMETERS
) -> tuple[InSource, ...]:
    """Return what is wrong with a step of gradient descent, as statements in each framework.

    NumPy's moves w in its place; torch's and JAX's are expressions of the new w. An empty one
    leaves a framework out.
    """
    found = []
    if numpy:
        pair = (DESCENT["numpy"], lines(8, *numpy.splitlines()) + "\n")
        found.append(in_backend("numpy", UPDATE, tensors, updates=(pair,)))
    if torch:
        pair = (DESCENT["torch"], f"return {torch}, []")
        found.append(in_backend("torch", UPDATE, tensors, _IN_PLACE, updates=(pair,)))
    if jax:
        pair = (DESCENT["jax"], f"return {jax}, ()")
        found.append(in_backend("jax", UPDATE, tensors, updates=(pair,)))
    return tuple(found)
