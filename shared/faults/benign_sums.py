"""Harmless forms of sums: other orders, other routines, more digits, fewer roundings."""

from __future__ import annotations

from shared.faults.fault import Expected, Fault, InSource
from shared.faults.in_backend import in_backend, lines
from shared.faults.places import FORWARD

_SUMS = ("a*", "loss", "W*", "b*")
_Z = "z = activations[-1] @ W.mT + b[..., None, :]"
_WEIGHT = "grads.append(delta.mT @ a_below)"
_BIAS = "grads.append(delta.sum(axis=-2))"
_BELOW = "slope = delta @ params[2 * (layer - 1)]"
_LOSS = "def total_loss("
_FUSED = lines(
    4,
    "def _fused(a, B, start):",
    "from shared.certificate.fused import fused",
    "for j in range(B.shape[-2]):",
    "    start = fused(a[..., j, None], B[..., j, :][..., None, :], start, a.dtype.name)",
    "return start",
)
_LINEAR = "return self.torch.nn.functional.linear(a, W, b)"
_PRODUCT = "return a @ W.mT if self.is_flat else self.barrier(W @ a.mT).mT"


def _forms(
    affine: str, weight: str, bias: str, below: str, torch: str, jax: str
) -> tuple[InSource, ...]:
    """Return other forms of the sums; an empty one leaves the framework as it is.

    affine, weight, bias, below
        In NumPy's file: z = a Wᵀ + b, the two gradients of a layer, and what goes down from it.
    """
    found = [
        in_backend(
            "numpy",
            FORWARD,
            _SUMS,
            (_Z, f"z = {affine}"),
            (_WEIGHT, f"grads.append({weight})"),
            (_BIAS, f"grads.append({bias})"),
            (_BELOW, f"slope = {below}"),
        )
    ]
    if torch:
        found.append(in_backend("torch", FORWARD, _SUMS, (_LINEAR, f"return {torch}")))
    if jax:
        found.append(in_backend("jax", FORWARD, _SUMS, (_PRODUCT, f"return {jax}")))
    return tuple(found)


SUM_FORMS = (
    Fault(
        "sums-reversed",
        "Every sum is taken from its other end.",
        "forward",
        expected=Expected.BENIGN,
        in_source=_forms(
            "activations[-1][..., ::-1] @ W[..., ::-1].mT + b[..., None, :]",
            "delta[..., ::-1, :].mT @ a_below[..., ::-1, :]",
            "delta[..., ::-1, :].sum(axis=-2)",
            "delta[..., ::-1] @ params[2 * (layer - 1)][..., ::-1, :]",
            "self.torch.nn.functional.linear(a.flip(-1), W.flip(-1), b)",
            "a[..., ::-1] @ W[..., ::-1].mT",
        ),
    ),
    Fault(
        "sums-by-einsum",
        "Every product of matrices is written as an einsum.",
        "forward",
        expected=Expected.BENIGN,
        in_source=_forms(
            "np.einsum('...ij,...kj->...ik', activations[-1], W) + b[..., None, :]",
            "np.einsum('...mi,...mj->...ij', delta, a_below)",
            "np.einsum('...mi->...i', delta)",
            "np.einsum('...mi,...ij->...mj', delta, params[2 * (layer - 1)])",
            "self.torch.einsum('mj,kj->mk', a, W) + b",
            "self.jax.numpy.einsum('...ij,...kj->...ik', a, W)",
        ),
    ),
    Fault(
        "sums-one-by-one",
        "Every sum is a loop that begins with the bias, or with 0, and adds one product at a time.",
        "forward",
        expected=Expected.BENIGN,
        in_source=_forms(
            "sum((activations[-1][..., j, None] * W[..., None, :, j] for j in range(W.shape[-1])), "
            "b[..., None, :])",
            "sum(delta[..., i, :, None] * a_below[..., i, None, :] "
            "for i in range(delta.shape[-2]))",
            "sum(delta[..., i, :] for i in range(delta.shape[-2]))",
            "sum(delta[..., i, None] * params[2 * layer - 2][..., None, i, :] "
            "for i in range(delta.shape[-1]))",
            "sum((a[..., j, None] * W[..., None, :, j] for j in range(W.shape[-1])), b)",
            "sum(a[..., j, None] * W[..., None, :, j] for j in range(W.shape[-1]))",
        ),
    ),
    Fault(
        "sums-with-more-digits",
        "Every sum is taken with more digits than the run has, and rounded once.",
        "forward",
        expected=Expected.BENIGN,
        in_source=_forms(
            "(activations[-1].astype(np.longdouble) @ W.mT + b[..., None, :]).astype(W.dtype)",
            "(delta.mT.astype(np.longdouble) @ a_below).astype(delta.dtype)",
            "delta.sum(axis=-2, dtype=np.longdouble).astype(delta.dtype)",
            "(delta.astype(np.longdouble) @ params[2 * (layer - 1)]).astype(delta.dtype)",
            "self.torch.nn.functional.linear(a.double(), W.double(), b.double()).to(a.dtype)",
            "",
        ),
    ),
    Fault(
        "sums-fused",
        "Every product is added to its sum with one rounding for both.",
        "forward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend(
                "numpy",
                FORWARD,
                _SUMS,
                (_Z, "z = _fused(activations[-1], W.mT, b[..., None, :])"),
                (_WEIGHT, "grads.append(_fused(delta.mT, a_below, 0))"),
                (_BELOW, "slope = _fused(delta, params[2 * (layer - 1)], 0)"),
                (_LOSS, f"{_FUSED}\n\n\n{_LOSS}"),
            ),
        ),
    ),
)
"""Forms of sums that are right."""
