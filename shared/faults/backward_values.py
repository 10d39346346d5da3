"""Faults of the gradient's values: scaled, reversed, rounded elsewhere, cut off, or no number."""

from __future__ import annotations

from dataclasses import replace

from shared.backend import Array, Params, StepGradients
from shared.faults import backward_changes as changes
from shared.faults.fault import AtBorder, Fault, Moment
from shared.faults.in_backend import GRADIENT, each_gradient, in_backend, lines
from shared.faults.places import BACKWARD, GRADIENTS

_TOTAL = "return loss.sum(), (seen, loss)"
_TORCH = "self.torch.autograd.grad(loss.sum() if loss.ndim else loss, params)"


def doubled(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Multiply every gradient by 2."""
    return changes.scaled(replace(moment, size=1.0), params, x, y)


_DOUBLED_IN_SOURCE = (
    in_backend(
        "numpy", BACKWARD, ("δL",), ("error: Array = output - y", "error = 2 * (output - y)")
    ),
    in_backend(
        "torch", BACKWARD, GRADIENTS, (_TORCH, "self.torch.autograd.grad(2 * loss.sum(), params)")
    ),
    in_backend("jax", BACKWARD, GRADIENTS, (_TOTAL, "return 2 * loss.sum(), (seen, loss)")),
)

VALUE_FAULTS = (
    Fault(
        "gradient-scaled",
        "Every gradient is a little too large, as if by a wrong constant.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.scaled),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δL",),
                ("error: Array = output - y", "error: Array = (1 + SIZE) * (output - y)"),
            ),
            in_backend(
                "torch",
                BACKWARD,
                GRADIENTS,
                (_TORCH, "self.torch.autograd.grad((1 + SIZE) * loss.sum(), params)"),
            ),
            in_backend(
                "jax",
                BACKWARD,
                GRADIENTS,
                (_TOTAL, "return (1 + SIZE) * loss.sum(), (seen, loss)"),
            ),
        ),
        sizes=(1e-5, 1e-6, 1e-13),
        # Twice the bound of δ_L where σ' may come from z: 27 u for the nine numbers of 2-2-1.
        resolution={"float64": 6e-15, "float32": 4e-6},
    ),
    Fault(
        "gradient-doubled",
        "The gradient is twice what it should be, while the loss is right.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=doubled),
        in_source=_DOUBLED_IN_SOURCE,
        starts=(1, 777),
        source="pytorch/pytorch#160285",
    ),
    Fault(
        "gradient-doubled-once",
        "In one step the gradient is twice what it should be: a batch was differentiated twice.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=doubled),
        in_source=_DOUBLED_IN_SOURCE,
        starts=(777,),
        lasting=1,
        source="pytorch/pytorch#160285",
    ),
    Fault(
        "square-without-its-2",
        "The derivative of the squared error lost its factor 2.",
        "backward",
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δL",),
                ("slope = 2 * error / (m * n) if", "slope = error / (m * n) if"),
            ),
            in_backend(
                "torch",
                BACKWARD,
                GRADIENTS,
                (
                    "squares = (activations[-1] - y).square()",
                    lines(8, "error = activations[-1] - y", "squares = error * error.detach()"),
                ),
            ),
            in_backend(
                "jax",
                BACKWARD,
                GRADIENTS,
                (
                    "squares = (activations[-1] - y) ** 2",
                    lines(
                        8,
                        "error = activations[-1] - y",
                        "squares = error * self.jax.lax.stop_gradient(error)",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "error-reversed",
        "The error was taken as y - o, so every gradient points the other way.",
        "backward",
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δL",),
                ("error: Array = output - y", "error: Array = y - output"),
            ),
            in_backend(
                "torch",
                BACKWARD,
                GRADIENTS,
                (_TORCH, "self.torch.autograd.grad(-loss.sum(), params)"),
            ),
            in_backend("jax", BACKWARD, GRADIENTS, (_TOTAL, "return -loss.sum(), (seen, loss)")),
        ),
    ),
    Fault(
        "one-entry-reversed",
        "In the formula of w5 a sign is wrong; all the other gradients are right.",
        "backward",
        at_border=AtBorder(BACKWARD, ("WL",), gradients=changes.one_entry_reversed),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("WL",),
                (
                    GRADIENT["numpy"],
                    lines(4, "grads[1][..., 0, 0] *= -1", GRADIENT["numpy"]),
                ),
            ),
        ),
    ),
    Fault(
        "gradient-in-float16",
        "Gradients went through float16 on their way to the optimizer.",
        "backward",
        in_source=each_gradient(
            numpy="g.astype(np.float16).astype(g.dtype)",
            torch="g.half().to(g.dtype)",
            jax="g.astype('float16').astype(g.dtype)",
        ),
    ),
    Fault(
        "gradient-in-float32",
        "Gradients of float64 went through float32 on their way to the optimizer.",
        "backward",
        in_source=each_gradient(
            numpy="g.astype(np.float32).astype(g.dtype)",
            torch="g.float().to(g.dtype)",
            jax="g.astype('float32').astype(g.dtype)",
        ),
    ),
    Fault(
        "gradient-clipped",
        "Gradients longer than the size were shortened to it; nobody had asked for that.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.clipped),
        sizes=(0.5, 0.05),
        smaller_is_less=False,
        source="DeepCrime, OCG",
    ),
    Fault(
        "gradient-clamped",
        "Every number of the gradient was held between minus the size and the size.",
        "backward",
        in_source=each_gradient(
            numpy="np.clip(g, -SIZE, SIZE)",
            torch="g.clamp(-SIZE, SIZE)",
            jax="self.jax.numpy.clip(g, -SIZE, SIZE)",
        ),
        sizes=(0.5,),
        smaller_is_less=False,
    ),
    Fault(
        "small-gradients-dropped",
        "Gradients smaller than the size were taken for 0, to save traffic.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.small_dropped),
        in_source=each_gradient(
            numpy="np.where(abs(g) < SIZE, 0 * g, g)",
            torch="g.where(g.abs() >= SIZE, 0 * g)",
            jax="self.jax.numpy.where(abs(g) < SIZE, 0 * g, g)",
        ),
        sizes=(1e-6, 1e-8),
        # What a batch sums up to nearly 0 has, in float32, a bound of this order on the digits.
        resolution={"float32": 1e-7},
    ),
    Fault(
        "one-entry-nan",
        "In step 3 one number of the gradient is no number, and nothing complains.",
        "backward",
        at_border=AtBorder(BACKWARD, ("WL",), gradients=changes.one_entry_nan),
        starts=(3,),
        lasting=1,
    ),
)
