"""Where faults are brought into the forward pass of the backends, and the layers they show in.

Torch derives what it computes, so a change there is written as tensor operations; so is JAX's.
"""

from __future__ import annotations

from shared.faults.fault import InSource
from shared.faults.in_backend import Pair, in_backend
from shared.faults.places import FORWARD

ALL, FIRST, HIDDEN, OUTPUT = ("a*", "zL"), ("a1",), ("ah",), ("aL",)
"""Every layer; the first alone, where the next is judged from what that one gave; and so on."""

SUM = {
    "numpy": "z = activations[-1] @ W.mT + b[..., None, :]",
    "torch": "return self.torch.nn.functional.linear(a, W, b)",
    "jax": "z = self._product(a, W) + b[..., None, :]",
}
"""Where z is computed."""

CHOSEN = {
    "numpy": "f = FUNCTIONS[network.output if layer == last else network.activation]",
    "torch": "self.activation, self.output = "
    "functions[network.activation], functions[network.output]",
    "jax": "name = self.network.output if layer == last else self.network.activation",
}
"""Where the functions of the layers are chosen."""

APPLIED = {
    "numpy": "activations.append(f(z))",
    "torch": "a = self.activation(self._affine(a, params[i], params[i + 1]))",
    "jax": "a = self.functions[name](z)",
}
"""Where they are applied; in torch's file that of the hidden layers."""

SIGMOID = {
    "numpy": "return 1 / (1 + np.exp(-z))",
    "torch": 'Callable[[Tensor], Tensor]] = {\n            "sigmoid": torch.sigmoid,',
    "jax": '"sigmoid": jax.nn.sigmoid,',
}
"""Where the sigmoid is."""


def sums(backend: str, *pairs: Pair, tensors: tuple[str, ...] = ALL) -> InSource:
    """Return a fault in what a layer's function is given."""
    return in_backend(backend, FORWARD, tensors, *pairs)


def functions(backend: str, *pairs: Pair, tensors: tuple[str, ...] = HIDDEN) -> InSource:
    """Return a fault in a layer's function, or in what becomes of its activations."""
    return in_backend(backend, FORWARD, tensors, *pairs)


def sigmoids(numpy: str, torch: str = "", jax: str = "") -> tuple[InSource, ...]:
    """Return another sigmoid, as an expression of z; an empty one leaves a framework out."""
    new = {
        "numpy": numpy and f"return {numpy}",
        "torch": torch and SIGMOID["torch"].replace("torch.sigmoid", f"lambda z: {torch}"),
        "jax": jax and f'"sigmoid": lambda z: {jax},',
    }
    return tuple(
        functions(backend, (SIGMOID[backend], piece), tensors=("a*",))
        for backend, piece in new.items()
        if piece
    )
