"""Faults of the learning rate: too large, rounded elsewhere, falling, or gone for one step."""

from __future__ import annotations

from shared.faults import update_changes as changes
from shared.faults.fault import LAST, AtBorder, Fault, InSource
from shared.faults.in_backend import each_descent, in_backend, lines
from shared.faults.places import PARAMETERS, UPDATE

RATE = "optimizer.learning_rate"
"""The rate, in each of the files of optimizers."""


def at_rate(numpy: str, torch: str, jax: str) -> tuple[InSource, ...]:
    """Return gradient descent at another rate, an expression in each framework."""
    return each_descent(
        numpy=f"w -= {numpy} * g",
        torch=f"shrunk(w).sub(decayed(g, w), alpha={torch})",
        jax=f"w - {jax} * drawn(decayed(g, w), w)",
    )


_STANDING = each_descent(numpy="w += 0", torch="w.clone()", jax="w")
_EACH = "for w, g, own in zip(params, grads, carried, strict=True):"

RATE_FAULTS = (
    Fault(
        "rate-scaled",
        "The learning rate is 1 + size times the one that was asked for.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.at_scaled_rate),
        in_source=at_rate(
            f"number({RATE} * (1 + SIZE))", f"{RATE} * (1 + SIZE)", "(eta * (1 + SIZE))"
        ),
        sizes=(9.0, 0.01, 2e-6),
        resolution={"float64": 1e-14, "float32": 1e-6},
        source="DeepCrime, HLR",
    ),
    Fault(
        "rate-in-float32",
        "The learning rate was kept in float32, and came back to float64 as another number.",
        "update",
        in_source=at_rate(
            f"number(np.float32({RATE}))",
            f"float(w.new_tensor({RATE}).float())",
            "eta.astype('float32').astype(w.dtype)",
        ),
    ),
    Fault(
        "rate-falls-by-steps",
        "A schedule that nobody had asked for makes the rate a little smaller in every step.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.at_falling_rate),
        in_source=at_rate(
            f"number({RATE} * (1 - SIZE) ** __)",
            f"{RATE} * (1 - SIZE) ** __",
            "(eta * (1 - SIZE) ** __[0])",
        ),
        sizes=(1e-4, 1e-12),
    ),
    Fault(
        "rate-halved-later",
        "From some step on the rate is half of what it was: a schedule was left in the code.",
        "update",
        in_source=at_rate(f"number({RATE} / 2)", f"{RATE} / 2", "(eta / 2)"),
        starts=(50,),
    ),
    Fault(
        "rate-zero-at-the-end",
        "In the last step the schedule had reached 0.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.not_at_all),
        in_source=at_rate(f"number(0 * {RATE})", "0.0", "(0 * eta)"),
        starts=(LAST,),
        source="pytorch/pytorch#91765",
    ),
    Fault(
        "biases-at-twice-the-rate",
        "Biases move twice as far as weights, as was the custom in Caffe.",
        "update",
        at_border=AtBorder(UPDATE, ("b*",), update=changes.biases_at_twice_the_rate),
        in_source=(
            in_backend(
                "numpy",
                UPDATE,
                ("b*",),
                (
                    _EACH,
                    lines(4, "grads = [g * (1 + i % 2) for i, g in enumerate(grads)]", _EACH),
                ),
            ),
            in_backend(
                "torch",
                UPDATE,
                ("b*",),
                (
                    "after = move(leaves, grads, slots, step)",
                    lines(
                        8,
                        "longer = [g * (1 + i % 2) for i, g in enumerate(grads)]",
                        "after = move(leaves, longer, slots, step)",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "step-skipped",
        "One step was left out: the gradient was there, and no parameter moved.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.not_at_all),
        in_source=_STANDING,
        starts=(1, 12345),
        lasting=1,
        source="pytorch/pytorch#67590",
    ),
)
