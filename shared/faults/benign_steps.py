"""Harmless forms of means and steps: reciprocals, other calls of a library, other roundings."""

from __future__ import annotations

from shared.faults.benign_changes import rounded_once, sample_by_sample
from shared.faults.fault import AtBorder, Expected, Fault
from shared.faults.in_backend import each_descent, in_backend, lines
from shared.faults.places import BACKWARD, FORWARD, GRADIENTS, LOSS, PARAMETERS, UPDATE

_LOSS = ("loss",)
_MEAN = "return squares.mean(dim=(-2, -1)), activations, z"

STEP_FORMS = (
    Fault(
        "mean-by-a-reciprocal",
        "Means are sums multiplied by a reciprocal that was rounded.",
        "loss",
        expected=Expected.BENIGN,
        in_source=(
            in_backend(
                "numpy",
                LOSS,
                _LOSS,
                ("return np.asarray(total / divisor)", "return np.asarray(total * (1 / divisor))"),
                ("slope = 2 * error / (m * n) if", "slope = error * (2 * (1 / (m * n))) if"),
                (
                    '"mean_squared_error" else error / m',
                    '"mean_squared_error" else error * (1 / m)',
                ),
            ),
            in_backend(
                "torch",
                LOSS,
                _LOSS,
                (
                    "return squares.sum(dim=(-2, -1)) / (2 * y.shape[-2]), activations, z",
                    "return squares.sum(dim=(-2, -1)) * (1 / (2 * y.shape[-2])), activations, z",
                ),
                (
                    _MEAN,
                    lines(
                        8,
                        "share = 1 / (y.shape[-2] * y.shape[-1])",
                        "return squares.sum(dim=(-2, -1)) * share, activations, z",
                    ),
                ),
            ),
            in_backend(
                "jax",
                LOSS,
                _LOSS,
                (
                    "return jnp.mean(squares.sum(axis=-1), axis=-1) / 2, activations",
                    "return squares.sum(axis=(-2, -1)) * (1 / (2 * y.shape[-2])), activations",
                ),
            ),
        ),
    ),
    Fault(
        "other-calls",
        "The library's own calls for a layer and for a loss stand in the place of formulas.",
        "forward",
        expected=Expected.BENIGN,
        in_source=(
            in_backend(
                "numpy",
                FORWARD,
                ("a*", "loss"),
                (
                    "z = activations[-1] @ W.mT + b[..., None, :]",
                    lines(
                        8,
                        "product = np.inner if W.ndim == 2 else lambda a, W: a @ W.mT",
                        "z = np.add(product(activations[-1], W), b[..., None, :])",
                    ),
                ),
                (
                    "return _sum((output - y) ** 2, m * n)",
                    "return _sum(np.square(output - y), m * n)",
                ),
            ),
            in_backend(
                "torch",
                FORWARD,
                ("a*", "loss"),
                (
                    "return self.torch.nn.functional.linear(a, W, b)",
                    "return self.torch.addmm(b, a, W.t())",
                ),
                (
                    _MEAN,
                    lines(
                        8,
                        "if activations[-1].ndim == 2:",
                        "    mean = self.torch.nn.functional.mse_loss(activations[-1], y)",
                        "    return mean, activations, z",
                        _MEAN,
                    ),
                ),
            ),
            in_backend(
                "jax",
                FORWARD,
                ("a*", "loss"),
                (
                    "return a @ W.mT if self.is_flat else self.barrier(W @ a.mT).mT",
                    "return self.jax.numpy.matmul(a, W.mT, precision='highest')",
                ),
                (
                    "squares = (activations[-1] - y) ** 2",
                    "squares = jnp.square(jnp.subtract(activations[-1], y))",
                ),
            ),
        ),
    ),
    Fault(
        "gradient-of-each-sample",
        "The gradient of each sample is taken for itself; their mean makes the step.",
        "backward",
        expected=Expected.BENIGN,
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=sample_by_sample, hidden_deltas=True),
    ),
    Fault(
        "step-added",
        "The step -ηg is made first, and then added.",
        "update",
        expected=Expected.BENIGN,
        in_source=each_descent(
            numpy="",  # the same bits
            torch="w.add(g * -optimizer.learning_rate)",
            jax="w + (-eta) * g",
        ),
    ),
    Fault(
        "step-rounded-once",
        "w - ηg is rounded once, as a fused multiply-add does it.",
        "update",
        expected=Expected.BENIGN,
        at_border=AtBorder(UPDATE, PARAMETERS, update=rounded_once),
    ),
)
"""Forms of means and steps that are right."""
