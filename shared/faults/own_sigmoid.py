"""Sigmoids that somebody wrote by hand, in the frameworks that have one and derive it themselves.

With a derivative of their own they are a `torch.autograd.Function` and a `jax.custom_vjp`, where
such a derivative goes wrong. All are written here as expressions that hold in both frameworks: of
z, a, `above` (∂L/∂a), and `sigmoid`; `lib` is torch or jax.numpy.
"""

from __future__ import annotations

from shared.faults.fault import InSource
from shared.faults.in_backend import in_backend, lines
from shared.faults.places import BACKWARD

HIDDEN, OUTPUT, ALL = "h", "L", "*"
"""Which layers have the sigmoid, where they have one at all."""

_TORCH = """\
lib, sigmoid = torch, torch.sigmoid

        class Own(torch.autograd.Function):
            @staticmethod
            def forward(kept, z):
                a = VALUE
                kept.save_for_backward(z, a)
                return a

            @staticmethod
            def backward(kept, above):
                z, a = kept.saved_tensors
                return SLOPE

        own = {**functions, "sigmoid": Own.apply}
        """

_JAX = """\
jax, lib, sigmoid = self.jax, self.jax.numpy, self.jax.nn.sigmoid

        @jax.custom_vjp
        def own(z):
            return VALUE

        def answer(z):
            a = own(z)
            return a, (z, a)

        def derive(kept, above):
            z, a = kept
            return (SLOPE,)

        own.defvjp(answer, derive)
        """

_CHOICE = "self.activation, self.output = functions[network.activation], functions[network.output]"
_START = "activations, a, last = [], x, len(params) // 2"
_OWN_TORCH = lines(12, '"sigmoid": torch.sigmoid,', '"tanh": torch.tanh,', '"relu": torch.relu')
_OWN_JAX = '"sigmoid": jax.nn.sigmoid'
_CALL = "a = self.functions[name](z)"


def own_sigmoid(
    slope: str, layers: str = ALL, value: str = "sigmoid(z)", stage: str = BACKWARD
) -> tuple[InSource, ...]:
    """Return the fault in torch and in JAX: `slope` is ∂L/∂z, `value` is a.

    What the output layer has wrong shows in every gradient; what only the hidden ones have wrong
    shows in theirs.
    """
    shown = ("Wh", "bh") if layers == HIDDEN else ("W*", "b*")
    hidden, output = ("own" if layers in (ALL, one) else "functions" for one in (HIDDEN, OUTPUT))
    choice = (
        f"self.activation, self.output = {hidden}[network.activation], {output}[network.output]"
    )
    chosen = {ALL: "True", HIDDEN: "layer < last", OUTPUT: "layer == last"}[layers]
    call = f'a = own(z) if name == "sigmoid" and {chosen} else self.functions[name](z)'
    torch, jax = (text.replace("VALUE", value).replace("SLOPE", slope) for text in (_TORCH, _JAX))
    return (
        in_backend("torch", stage, shown, (_CHOICE, torch + choice)),
        in_backend("jax", stage, shown, (_START, jax + _START), (_CALL, call)),
    )


def derived_sigmoid(value: str, stage: str) -> tuple[InSource, ...]:
    """Return torch's and JAX's file with another formula of z for a, which they derive."""
    torch = value.replace("lib", "torch")
    jax = value.replace("lib", "jax.numpy")
    return (
        in_backend(
            "torch",
            stage,
            ("a*",),
            (_OWN_TORCH, _OWN_TORCH.replace("torch.sigmoid", f"lambda z: {torch}")),
        ),
        in_backend(
            "jax",
            stage,
            ("a*",),
            (_OWN_JAX, _OWN_JAX.replace("jax.nn.sigmoid", f"lambda z: {jax}")),
        ),
    )
