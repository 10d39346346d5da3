"""Faults of precision in the forward pass: numbers that go through a dtype with fewer digits."""

from __future__ import annotations

from shared.faults import forward_changes as changes
from shared.faults.fault import AtBorder, Fault
from shared.faults.forward_pieces import ALL, APPLIED, SUM, functions, sigmoids, sums
from shared.faults.in_backend import lines
from shared.faults.places import FORWARD

_FORWARD = "def forward(network: Network, params: Params, x: Array) -> tuple[list[Array], Array]:"

_BFLOAT16 = """\
def bfloat16(a: Array) -> Array:
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    bits = bits + 0x7FFF + ((bits >> 16) & 1)
    return (bits & 0xFFFF0000).view(np.float32).astype(a.dtype)


"""

PRECISION_FAULTS = (
    Fault(
        "product-bfloat16",
        "The matrix products round their factors to bfloat16, as an accelerator does by default.",
        "forward",
        at_border=AtBorder(FORWARD, ALL, gradients=changes.bfloat16_factors),
        in_source=(
            sums(
                "numpy",
                (_FORWARD, _BFLOAT16 + _FORWARD),
                (
                    SUM["numpy"],
                    "z = bfloat16(activations[-1]) @ bfloat16(W).mT + b[..., None, :]",
                ),
            ),
            sums(
                "torch",
                (
                    SUM["torch"],
                    lines(12, "a, W = (t.bfloat16().to(t.dtype) for t in (a, W))", SUM["torch"]),
                ),
            ),
            # XLA may leave out a conversion there and back, but not this.
            sums(
                "jax",
                (
                    SUM["jax"],
                    lines(
                        12,
                        "a, W = (self.jax.lax.reduce_precision(t, 8, 7) for t in (a, W))",
                        SUM["jax"],
                    ),
                ),
            ),
        ),
        source="pytorch/pytorch#67384",
    ),
    Fault(
        "product-float32",
        "The matrix products are made in float32, in the middle of a float64 run.",
        "forward",
        in_source=(
            sums(
                "numpy",
                (
                    SUM["numpy"],
                    lines(
                        8,
                        "product = activations[-1].astype(np.float32) @ W.mT.astype(np.float32)",
                        "z = product.astype(W.dtype) + b[..., None, :]",
                    ),
                ),
            ),
            sums("torch", (SUM["torch"], "return (a.float() @ W.mT.float()).to(a.dtype) + b")),
            sums(
                "jax",
                (
                    SUM["jax"],
                    lines(
                        12,
                        'product = self._product(a.astype("float32"), W.astype("float32"))',
                        "z = product.astype(a.dtype) + b[..., None, :]",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "sigmoid-float32",
        "The sigmoid is computed in float32, in the middle of a float64 run.",
        "forward",
        in_source=sigmoids(
            "(1 / (1 + np.exp(-z.astype(np.float32)))).astype(z.dtype)",
            "torch.sigmoid(z.float()).to(z.dtype)",
            'jax.nn.sigmoid(z.astype("float32")).astype(z.dtype)',
        ),
    ),
    Fault(
        "activations-float16",
        "Mixed precision keeps the activations of the hidden layers in float16.",
        "forward",
        in_source=(
            functions(
                "numpy",
                (
                    APPLIED["numpy"],
                    lines(
                        8,
                        "a = f(z)",
                        "if layer < last:",
                        "    a = a.astype(np.float16).astype(z.dtype)",
                        "activations.append(a)",
                    ),
                ),
            ),
            functions("torch", (APPLIED["torch"], f"{APPLIED['torch']}.half().to(x.dtype)")),
            functions(
                "jax",
                (
                    APPLIED["jax"],
                    lines(
                        12,
                        APPLIED["jax"],
                        "if layer < last:",
                        "    a = self.jax.lax.reduce_precision(a, 5, 10)",
                    ),
                ),
            ),
        ),
    ),
)
