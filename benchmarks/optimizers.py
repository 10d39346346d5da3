"""Every optimizer, judged: `python -m benchmarks.optimizers`.

First right backends are trained with each, and a finding would be a fault of the certificate. Then
NumPy's is made wrong: it computes another formula than the problem says, and the table says in
which step that is found, and where; or the numbers of one step are moved by a last bit, and the
table says how many of them are found. All backends have to be installed; it takes some minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.host import THREAD_VARIABLES

os.environ.update({name: os.environ.get(name, "1") for name in THREAD_VARIABLES})  # before NumPy

import numpy as np
from rich.console import Console

from benchmarks.tables import table_of
from impls.numpy_backprop import NumpyBackprop
from shared.backend import OptimizerState, Params
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding
from shared.certificate.judge import Judge
from shared.certificate.sampling import Sampling
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.problems import DTYPES, Problem
from shared.registry import find, load
from shared.stepwise import Stepwise
from shared.training import Trainee, lockstep, prepare

PIPED_WIDTH = 130
SEEDS = range(5)
EPOCHS = {"people16-centered": 100, "digits": 2}
FAULT_EPOCHS = 5
SLIP_STEPS = (1, 100)

OPTIMIZERS = (
    Optimizer(0.05, "momentum"),
    Optimizer(0.05, "momentum", nesterov=True, rate_place="inside"),
    Optimizer(0.05, "sgd", weight_decay=0.01),
    Optimizer(0.01, "rmsprop"),
    Optimizer(0.01, "adam"),
    Optimizer(0.01, "adamw"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What the problem says, and what is computed instead.

    same_in
        The dtype in which both are one formula, if there is one.
    """

    words: str
    said: Optimizer
    done: Optimizer
    same_in: str = ""


ADAM, ADAMW = OPTIMIZERS[4], OPTIMIZERS[5]
FAULTS = (
    Fault("ε inside the root, not outside", ADAM, replace(ADAM, epsilon_place="inside")),
    Fault("ε before the bias correction", ADAM, replace(ADAM, epsilon_place="uncorrected")),
    Fault("ε of 1e-7, not 1e-8", ADAM, replace(ADAM, epsilon=1e-7)),
    Fault("no bias correction", ADAM, replace(ADAM, bias_correction="none")),
    Fault("bias correction in the run's dtype", ADAM, replace(ADAM, bias_correction="dtype"),
          same_in="float64"),
    Fault("β2 of 0.99, not 0.999", ADAM, replace(ADAM, beta2=0.99)),
    Fault("decay coupled, not decoupled", ADAMW, Optimizer(0.01, "adam", weight_decay=0.01)),
    Fault("decay decoupled, not coupled", replace(OPTIMIZERS[0], weight_decay=0.01),
          replace(OPTIMIZERS[0], weight_decay=0.01, decay="decoupled")),
    Fault("learning rate inside the velocity", OPTIMIZERS[0],
          replace(OPTIMIZERS[0], rate_place="inside")),
    Fault("Nesterov's step forgotten", OPTIMIZERS[1], replace(OPTIMIZERS[1], nesterov=False)),
    Fault("ε inside the root, not outside", OPTIMIZERS[3],
          replace(OPTIMIZERS[3], epsilon_place="inside")),
)  # fmt: skip


class Slipping(NumpyBackprop):
    """NumPy's backend; in one step W1, or a slot of W1, comes out a last bit too large."""

    slot, step = "", 0

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, moved = super().update(params, grads, state)
        if moved.step == self.step:
            tensor = (moved.slots[self.slot] if self.slot else after)[0]
            tensor[...] = np.nextafter(tensor, tensor.dtype.type(np.inf))
        return after, moved


def main() -> int:
    """Measure part by part, and print each as soon as it is known."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    _print_honest(console)
    _print_faults(console)
    _print_slips(console)
    return 0


def _print_honest(console: Console) -> None:
    table = table_of(
        ("optimizer", "dtype"),
        ("steps", "values", "equal bits", "explained", "findings", "overturned"),
    )
    for optimizer in OPTIMIZERS:
        for dtype in DTYPES:
            found = [
                one
                for name, epochs in EPOCHS.items()
                for seed in SEEDS
                for one in _certificates(
                    replace(problem(name).changed(epochs), optimizer=optimizer), seed, dtype
                )
            ]
            table.add_row(str(optimizer), dtype, *(f"{n:,}" for n in _counted(found)))
    names = " and ".join(f"{name} for {epochs} epochs" for name, epochs in EPOCHS.items())
    console.print(
        f"Right backends (NumPy, torch and JAX), {len(SEEDS)} seeds each of {names}; counts are "
        "of the update stage:", table, sep="\n",
    )  # fmt: skip


def _certificates(one: Problem, seed: int, dtype: str) -> list[BackendCertificate]:
    loaded = [load(find(name)) for name in ("numpy", "torch", "jax")]
    trainees, _ = prepare(loaded, one, dtype)
    return _judged(trainees, one, seed, dtype)


def _judged(
    trainees: Sequence[Trainee], one: Problem, seed: int, dtype: str
) -> list[BackendCertificate]:
    every = Sampling(1, seed, one.step_count)
    judges = [Judge(trainee.name, one, dtype, seed, every) for trainee in trainees]
    for trainee in trainees:
        trainee.start(seed)
    for recordings in lockstep(trainees):
        for judge, recording in zip(judges, recordings, strict=True):
            judge.add(recording)
    return [judge.finish() for judge in judges]


def _counted(certificates: Sequence[BackendCertificate]) -> tuple[int, ...]:
    counts = np.sum(
        [s.counts for one in certificates for s in one.stages if s.stage == "update"], axis=0
    )
    return (
        sum(one.judged_steps for one in certificates), int(counts.sum()),
        int(counts[Verdict.BIT_EQUAL]), int(counts[Verdict.EXPLAINED]),
        sum(one.found for one in certificates), sum(one.audit.overturned for one in certificates),
    )  # fmt: skip


def _print_faults(console: Console) -> None:
    table = table_of(("computed instead", "the problem says", "the finding says"), DTYPES)
    for fault in FAULTS:
        found = [_with_fault(fault.said, fault.done, dtype) for dtype in DTYPES]
        notes = {one.note for one in found if one} - {""}
        cells = [
            "the same formula" if fault.same_in == dtype else _found(one)
            for dtype, one in zip(DTYPES, found, strict=True)
        ]
        table.add_row(fault.words, str(fault.said), " ".join(sorted(notes)), *cells)
    console.print("\nAnother formula, on people16-centered, seed 0; found first:", table, sep="\n")


def _print_slips(console: Console) -> None:
    columns = [f"{dtype}, step {step}" for dtype in DTYPES for step in SLIP_STEPS]
    table = table_of(("optimizer", "a last bit more in"), columns)
    for optimizer in OPTIMIZERS:
        for slot in (*optimizer.slots, ""):
            cells = [
                f"{_share_found(optimizer, slot, dtype, step):.1%}"
                for dtype in DTYPES
                for step in SLIP_STEPS
            ]
            table.add_row(str(optimizer), slot or "the weights", *cells)
    console.print(
        "\nOf the numbers of W1 of digits, all of which are a last bit too large in one step, are "
        "found:", table, sep="\n",
    )  # fmt: skip


def _share_found(optimizer: Optimizer, slot: str, dtype: str, step: int) -> float:
    """Return which share of the numbers that are off is called different."""
    one = replace(problem("digits").changed(1), optimizer=optimizer)
    slipping = Slipping(one.network, optimizer.rounded(dtype), dtype)
    slipping.slot, slipping.step = slot, step
    certificate = _beside(one, slipping, dtype)
    tensor = f"{slot} W1" if slot else "W1"
    (stage,) = (s for s in certificate.stages if (s.stage, s.tensor) == ("update", tensor))
    return stage.counts[Verdict.DIFFERENT] / (one.network.sizes[0] * one.network.sizes[1])


def _with_fault(said: Optimizer, done: Optimizer, dtype: str) -> Finding | None:
    one = replace(problem("people16-centered").changed(FAULT_EPOCHS), optimizer=said)
    backend = NumpyBackprop(one.network, done.rounded(dtype), dtype)
    certificate = _beside(one, backend, dtype)
    return certificate.findings[0] if certificate.findings else None


def _beside(one: Problem, backend: NumpyBackprop, dtype: str) -> BackendCertificate:
    """Judge a backend that may do something else than the problem says."""
    (trainee,), _ = prepare([load(find("numpy"))], one, dtype)
    trainee.backend = Stepwise(backend)
    (certificate,) = _judged([trainee], one, 0, dtype)
    return certificate


def _found(finding: Finding | None) -> str:
    if finding is None:
        return "not found"
    return f"step {finding.step}, {finding.tensor}"


if __name__ == "__main__":
    sys.exit(main())
