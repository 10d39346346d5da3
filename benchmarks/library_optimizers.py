"""Which formula does each library's optimizer compute? `python -m benchmarks.library_optimizers`

Optimizers of torch, optax and scikit-learn make some steps from the same gradients, at their own
defaults and with common options. Every number of every step is held to each formula that isograd
knows, as the certificate does it; what remains is the formula that the library computes. torch,
optax, JAX and scikit-learn have to be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.tables import table_of
from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.judge import reference_for
from shared.certificate.optimizer_update import Moves, judge_moves
from shared.optimizer import Optimizer
from shared.problems import DTYPES

STEPS, NUMBERS, SEED = 20, 64, 0
PIPED_WIDTH = 100

Trail = Mapping[str, list[Array]]
"""By slot, and under "" the parameter itself: what was there at the start, and after each step."""


@dataclass(frozen=True, slots=True)
class Case:
    """A library's optimizer, called as its users call it.

    run
        (w, gradients) -> what it recorded.
    learning_rate
        Its default, or, where it has none, the one it is given.
    """

    call: str
    run: Callable[[Array, Array], Trail]
    learning_rate: float


def main() -> int:
    """Run every case in both dtypes, and print the formula that explains it."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    table = table_of(("library's optimizer", "float64", "float32"), ())
    for case in cases():
        table.add_row(case.call, *(_explained(case, dtype) for dtype in DTYPES))
    console.print(f"{STEPS} steps of {NUMBERS} numbers; every number of every step is:", table,
                  sep="\n")  # fmt: skip
    console.print("\nWhat some choices amount to:", _choices(), sep="\n")
    return 0


def _choices() -> Table:
    """Measure how far apart choices are that look alike."""
    table = table_of(("choice", "relative difference"), ())
    single = float(np.float32(0.999))
    table.add_row("1 - β2 from a float32 β2 = 0.999", f"{abs((1 - single) / 0.001 - 1):.2g}")
    kept = float(np.float32(1 - 0.01 * 0.01))
    table.add_row("λ = 0.01 at η = 0.01 by a factor 1 - ηλ in float32",
                  f"{abs((1 - kept) / 1e-4 - 1):.2g}")  # fmt: skip
    table.add_row("ε before the bias correction, at the first step, β2 = 0.999",
                  f"{(1 - 0.999) ** -0.5:.3g} times as large")  # fmt: skip
    return table


def _explained(case: Case, dtype: str) -> str:
    draw = np.random.RandomState(SEED)
    w = draw.normal(size=NUMBERS).astype(dtype)
    # Of all sizes down to ε: of large ones nobody could tell where ε stands.
    sizes = 10.0 ** draw.uniform(-10, 0, size=NUMBERS)
    gradients = (draw.normal(size=(STEPS, NUMBERS)) * sizes).astype(dtype)
    trail = {slot: np.stack(rows) for slot, rows in case.run(w, gradients).items()}
    fits = [one for one in candidates(case.learning_rate) if _fits(one, dtype, gradients, trail)]
    return str(fits[0]) if fits else "none of the formulas"


def _fits(optimizer: Optimizer, dtype: str, gradients: Array, trail: Mapping[str, Array]) -> bool:
    """Whether every number that was recorded is what an optimizer's formula gives."""
    slots = {slot: rows for slot, rows in trail.items() if slot}
    if set(slots) != set(optimizer.slots):
        return False
    moves = Moves(
        np.arange(1, STEPS + 1), (trail[""][:-1],), (gradients,), (trail[""][1:],),
        {slot: (rows[:-1],) for slot, rows in slots.items()},
        {slot: (rows[1:],) for slot, rows in slots.items()},
    )  # fmt: skip
    with np.errstate(all="ignore"):
        judged = judge_moves(reference_for(dtype), optimizer.rounded(dtype), ["w"], moves)
        return all(int(one.verdict.max()) < Verdict.UNDECIDED for one in judged)


def candidates(rate: float) -> Iterator[Optimizer]:
    """Yield the formulas that are tried, the simpler and the more usual ones first."""
    decays: list[dict[str, Any]] = [
        {}, {"weight_decay": 0.01}, {"weight_decay": 0.01, "decay": "decoupled"},
        {"weight_decay": 1e-4, "decay": "decoupled"},
    ]  # fmt: skip
    for decay in decays:
        yield Optimizer(rate, "sgd", **decay)
        for place in ("outside", "inside"):
            for nesterov in (False, True):
                yield Optimizer(rate, "momentum", rate_place=place, nesterov=nesterov, **decay)
        for beta2 in (0.99, 0.9):
            for place in ("outside", "inside"):
                yield Optimizer(rate, "rmsprop", beta2=beta2, epsilon_place=place, **decay)
    for correction in ("float64", "dtype", "none"):
        for place in ("outside", "inside", "uncorrected")[: 2 if correction == "none" else 3]:
            options: dict[str, Any] = {"bias_correction": correction, "epsilon_place": place}
            yield Optimizer(rate, "adam", **options)
            yield Optimizer(rate, "adam", weight_decay=0.01, **options)
            yield Optimizer(rate, "adamw", **options)
            yield Optimizer(rate, "adamw", weight_decay=1e-4, **options)


def cases() -> list[Case]:
    """Return the libraries' optimizers; each is called as the words say."""
    return [
        Case("torch SGD(momentum=0.9)", partial(torch_run, "SGD", momentum=0.9), 1e-3),
        Case("torch SGD(momentum=0.9, nesterov=True)",
             partial(torch_run, "SGD", momentum=0.9, nesterov=True), 1e-3),
        Case("torch SGD(weight_decay=0.01)", partial(torch_run, "SGD", weight_decay=0.01), 1e-3),
        Case("torch RMSprop()", partial(torch_run, "RMSprop"), 1e-2),
        Case("torch Adam()", partial(torch_run, "Adam"), 1e-3),
        Case("torch Adam(weight_decay=0.01)", partial(torch_run, "Adam", weight_decay=0.01), 1e-3),
        Case("torch AdamW()", partial(torch_run, "AdamW"), 1e-3),
        Case("optax sgd(1e-3, momentum=0.9)", partial(optax_run, "sgd", 1e-3, momentum=0.9), 1e-3),
        Case("optax sgd(1e-3, momentum=0.9, nesterov=True)",
             partial(optax_run, "sgd", 1e-3, momentum=0.9, nesterov=True), 1e-3),
        Case("optax rmsprop(1e-2)", partial(optax_run, "rmsprop", 1e-2), 1e-2),
        Case("optax adam(1e-3)", partial(optax_run, "adam", 1e-3), 1e-3),
        Case("optax adam(1e-3, eps=0, eps_root=1e-8)",
             partial(optax_run, "adam", 1e-3, eps=0.0, eps_root=1e-8), 1e-3),
        Case("optax adamw(1e-3)", partial(optax_run, "adamw", 1e-3), 1e-3),
        Case("sklearn MLP, solver='sgd'", partial(sklearn_run, "SGDOptimizer"), 1e-3),
        Case("sklearn MLP, solver='adam'", partial(sklearn_run, "AdamOptimizer"), 1e-3),
    ]  # fmt: skip


def torch_run(kind: str, w: Array, gradients: Array, **options: Any) -> Trail:
    """Make the steps with an optimizer of torch.optim."""
    import torch

    torch.set_num_threads(1)
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = getattr(torch.optim, kind)([parameter], **options)
    called = {"momentum_buffer": "velocity", "exp_avg": "m", "exp_avg_sq": "v", "square_avg": "v"}
    trail: dict[str, list[Array]] = {"": [w]}
    for g in gradients:
        parameter.grad = torch.tensor(g)
        optimizer.step()
        state = optimizer.state[parameter]
        seen = {own: state[name] for name, own in called.items() if state.get(name) is not None}
        for slot, tensor in {"": parameter, **seen}.items():
            rows = trail.setdefault(slot, [np.zeros_like(w)])
            rows.append(tensor.detach().numpy().copy())
    return trail


def optax_run(kind: str, *numbers: Any, **options: Any) -> Trail:
    """Make the steps with an optimizer of optax, each compiled as its users do it."""
    *arguments, w, gradients = numbers
    import jax
    import optax

    trail: dict[str, list[Array]] = {"": [w]}
    called = {"trace": "velocity", "mu": "m", "nu": "v"}
    with jax.enable_x64(w.dtype == np.float64):
        optimizer = getattr(optax, kind)(*arguments, **options)
        parameter = jax.numpy.array(w)
        state = optimizer.init(parameter)

        @jax.jit
        def step(parameter: Any, state: Any, g: Any) -> tuple[Any, Any]:
            updates, state = optimizer.update(g, state, parameter)
            return optax.apply_updates(parameter, updates), state

        for g in gradients:
            parameter, state = step(parameter, state, g)
            trail[""].append(np.array(parameter))
            for part in state:
                for name in getattr(part, "_fields", ()):
                    if name in called and isinstance(getattr(part, name), jax.Array):
                        rows = trail.setdefault(called[name], [np.zeros_like(w)])
                        rows.append(np.array(getattr(part, name)))
    return trail


def sklearn_run(kind: str, w: Array, gradients: Array) -> Trail:
    """Make the steps with an optimizer of scikit-learn's multi-layer perceptrons, at its defaults.

    Its velocities are those of the docs with the other sign, which rounds alike.
    """
    from sklearn.neural_network import _stochastic_optimizers

    params = [w.copy()]
    options: dict[str, Any] = {"learning_rate_init": 1e-3}
    if kind == "SGDOptimizer":
        options |= {"momentum": 0.9, "nesterov": True}  # what MLPClassifier hands over
    optimizer = getattr(_stochastic_optimizers, kind)(params, **options)
    called = {"velocities": ("velocity", -1), "ms": ("m", 1), "vs": ("v", 1)}
    trail: dict[str, list[Array]] = {"": [w]}
    for g in gradients:
        optimizer.update_params(params, [g])
        trail[""].append(params[0].copy())
        for name, (slot, sign) in called.items():
            if hasattr(optimizer, name):
                rows = trail.setdefault(slot, [np.zeros_like(w)])
                rows.append(sign * np.array(getattr(optimizer, name)[0]))
    return trail


if __name__ == "__main__":
    sys.exit(main())
