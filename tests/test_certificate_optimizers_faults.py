"""Mistakes in an optimizer are found in the first step in which they are any, and placed right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.stages import UPDATE
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.seeding import batch_runs, starting_params, starting_state
from shared.stepwise import Stepwise
from tests import textbook_optimizer as books
from tests.optimizers import OPTIMIZERS
from tests.textbook_optimizer import Mistaken, Textbook

FEW, EPOCH = 4, 16


def trained_by(
    one: Optimizer, dtype: str, kind: type[Textbook], tensors: str = "Wb", steps: int = FEW
) -> BackendCertificate:
    """Judge the first steps of people16-centered, with an update that may be mistaken."""
    asked = replace(problem("people16-centered").changed(epochs=1), optimizer=one)
    backend = Stepwise(Mistaken(asked.network, asked.optimizer_in(dtype), dtype, kind, tensors))
    params = starting_params(asked, 42, dtype)
    ((_, batches),) = batch_runs(asked, 42, 0, steps)
    judge = Judge("mistaken", asked, dtype, 42)
    judge.add(backend.train(params, starting_state(asked, params), asked.dataset(dtype), batches))
    return judge.finish()


@dataclass(frozen=True)
class Mistake:
    """A mistake in an optimizer, and the first step and tensor in which it is one.

    tensors
        Where it is made: in all, or in biases alone.
    """

    kind: type[Textbook]
    one: Optimizer
    tensor: str
    step: int = 1
    tensors: str = "Wb"
    dtypes: tuple[str, ...] = ("float64", "float32")


ADAM, ADAMW = Optimizer(0.01, "adam", epsilon=1e-3), Optimizer(0.01, "adamw", weight_decay=0.1)
DECAYING = Optimizer(0.01, "adam", epsilon=1e-3, weight_decay=0.03)
RMSPROP, MOMENTUM = Optimizer(0.01, "rmsprop", epsilon=1e-3), Optimizer(0.05, "momentum")
INSIDE = replace(MOMENTUM, rate_place="inside")
NESTEROV = replace(MOMENTUM, nesterov=True)

MISTAKES = {
    "ε inside instead of outside": Mistake(books.EpsilonInside, ADAM, "W1"),
    "ε outside instead of inside": Mistake(
        books.EpsilonOutside, replace(ADAM, epsilon_place="inside"), "W1"
    ),
    "ε inside, of rmsprop": Mistake(books.EpsilonInside, RMSPROP, "W1"),
    "ε outside, of rmsprop": Mistake(
        books.EpsilonOutside, replace(RMSPROP, epsilon_place="inside"), "W1"
    ),
    "ε before the correction": Mistake(books.EpsilonUncorrected, ADAM, "W1"),
    "ε after the correction": Mistake(
        books.EpsilonOutside, replace(ADAM, epsilon_place="uncorrected"), "W1"
    ),
    "no correction": Mistake(books.Uncorrected, ADAM, "W1"),
    "no correction of m": Mistake(books.FirstUncorrected, ADAM, "W1"),
    "no correction of v": Mistake(books.SecondUncorrected, ADAM, "W1"),
    "a correction that should not be": Mistake(
        books.CorrectedInDtype, replace(ADAM, bias_correction="none"), "W1"
    ),
    # In step 1 the exponent is 1 either way.
    "one step behind": Mistake(books.CountedLate, ADAM, "W1", step=2),
    "one step ahead": Mistake(books.CountedTwice, ADAM, "W1"),
    "one step ahead, of adamw": Mistake(books.CountedTwice, ADAMW, "W1"),
    "corrected in float32": Mistake(books.CorrectedInDtype, ADAM, "W1", dtypes=("float32",)),
    "decoupled, of adam": Mistake(books.OtherDecay, DECAYING, "m W1"),
    "coupled, of adamw": Mistake(books.OtherDecay, ADAMW, "m W1"),
    "decoupled, of momentum": Mistake(
        books.OtherDecay, replace(MOMENTUM, weight_decay=0.03), "velocity W1"
    ),
    "coupled, of momentum": Mistake(
        books.OtherDecay, replace(MOMENTUM, weight_decay=0.03, decay="decoupled"), "velocity W1"
    ),
    "decayed after the step": Mistake(books.DecayedLast, ADAMW, "W1"),
    "decayed after the step, of momentum": Mistake(
        books.DecayedLast, replace(MOMENTUM, weight_decay=0.1, decay="decoupled"), "W1"
    ),
    "no decay of biases, of adamw": Mistake(books.Undecayed, ADAMW, "b1", tensors="b"),
    "no decay of biases, of adam": Mistake(books.Undecayed, DECAYING, "m b1", tensors="b"),
    "no decay of biases, of sgd": Mistake(
        books.Undecayed, Optimizer(0.05, weight_decay=0.03), "b1", tensors="b"
    ),
    "the rate inside": Mistake(books.RateOnTheOtherSide, MOMENTUM, "velocity W1"),
    "the rate outside": Mistake(books.RateOnTheOtherSide, INSIDE, "velocity W1"),
    "not ahead": Mistake(books.NotAhead, NESTEROV, "W1"),
    "not ahead, with the rate inside": Mistake(
        books.NotAhead, replace(INSIDE, nesterov=True), "W1"
    ),
    "dampened": Mistake(books.Dampened, MOMENTUM, "velocity W1"),
    # Its first velocity is the slope, which is right.
    "dampened from the second step on": Mistake(
        books.DampenedLater, MOMENTUM, "velocity W1", step=2
    ),
    "moved by the velocity before": Mistake(books.MomentumOfOldSlope, MOMENTUM, "W1"),
    "v of the undecayed gradient": Mistake(books.UndecayedSquare, DECAYING, "v W1"),
    "v of the undecayed gradient, of rmsprop": Mistake(
        books.UndecayedSquare, replace(RMSPROP, weight_decay=0.03), "v W1"
    ),
    "β1 and β2 swapped": Mistake(books.SwappedBetas, ADAM, "m W1"),
    "no root": Mistake(books.NoRoot, ADAM, "W1"),
    "no root, of rmsprop": Mistake(books.NoRoot, RMSPROP, "W1"),
    "v of |g|": Mistake(books.Unsquared, ADAM, "v W1"),
    "v of |g|, of rmsprop": Mistake(books.Unsquared, RMSPROP, "v W1"),
}
CASES = [
    pytest.param(mistake, dtype, id=f"{name}-{dtype}")
    for name, mistake in MISTAKES.items()
    for dtype in mistake.dtypes
]


@pytest.mark.parametrize(("mistake", "dtype"), CASES)
def test_a_mistake_is_found_in_its_first_step(mistake: Mistake, dtype: str) -> None:
    certificate = trained_by(mistake.one, dtype, mistake.kind, mistake.tensors)
    first = certificate.findings[0]
    assert (first.step, first.stage, first.tensor) == (mistake.step, UPDATE, mistake.tensor)
    assert {found.stage for found in certificate.findings} == {UPDATE}
    assert certificate.verdict == Verdict.DIFFERENT
    assert (certificate.audit.failed > 0, certificate.audit.overturned) == (True, 0)
    assert first.formula
    assert first.bitwise is (" " in first.tensor or mistake.one.name in ("sgd", "momentum"))


@pytest.mark.parametrize("one", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_the_textbook_without_a_mistake_is_certified(one: Optimizer, dtype: str) -> None:
    certificate = trained_by(one, dtype, Textbook, steps=EPOCH)
    assert certificate.certified, certificate.findings[0]
    assert (certificate.audit.failed, certificate.audit.overturned) == (0, 0)
