"""The smallest mistake that is found: a gradient is made wrong by more and more."""

from __future__ import annotations

from rich.console import Console

from benchmarks.claims import digits
from benchmarks.judged_runs import judged_beside
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Params, StepGradients
from shared.certificate.rounding import Rounding
from shared.named_problems import problem
from shared.registry import find, load
from shared.stepwise import Stepwise
from shared.training import prepare

EPOCHS, SEED = 20, 42
SMALLEST = {"float64": -16, "float32": -8}
"""Powers of ten at which the search begins; it goes up by half a power."""

LIMITS = {"float64": 1e-14, "float32": 3e-6}
SIZES = 9


class Slipping(NumpyBackprop):
    """Backpropagation whose ∂L/∂W1[0,0] is too large by the factor 1 + size."""

    size = 0.0

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result = super().gradients(params, x, y)
        first = result.grads[0][..., 0, 0]
        # 1 + size may be 1 in the dtype, and the product is not.
        first += (self.size * first.astype("float64")).astype(first.dtype)
        return result


def print_smallest_slip(console: Console, dtype: str) -> None:
    """Make ∂L/∂W1[0,0] wrong by more and more, until it is found."""
    trained, u = problem("people16").changed(EPOCHS), Rounding.of(dtype).u
    for half in range(SIZES):
        size = 10.0 ** (SMALLEST[dtype] + half / 2)
        (trainee,), _ = prepare([load(find("numpy"))], trained, dtype)
        slipping = Slipping(trained.network, trained.optimizer_in(dtype), dtype)
        slipping.size, trainee.backend = size, Stepwise(slipping)
        run = judged_beside([trainee], SEED)
        if run.certificates[0].found:
            first = run.certificates[0].findings[0]
            holds = "holds" if size <= LIMITS[dtype] else "missed"
            console.print(
                f"{dtype}: smallest relative error of ∂L/∂W1[0,0] found in {run.steps} steps: "
                f"{size:.1e}, {digits(size / u)} u (at most {LIMITS[dtype]:.0e}: {holds}); first "
                f"in step {first.step}, {first.stage} {first.tensor}."
            )
            return
    console.print(f"{dtype}: a relative error of ∂L/∂W1[0,0] of {size:.1e} is not found.")
