"""One number off in what a network answers at a mark of the curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from shared.backend import Array, Evaluation, Params
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding
from shared.certificate.forward import judge_forward
from shared.certificate.judge import Judge, reference_for
from shared.certificate.stages import FORWARD, LOSS, Evaluated, Gradients
from shared.evaluation import CurveTaker
from shared.problems import Problem
from shared.registry import find, load
from shared.training import Trainee, lockstep
from tests.certified_exact import beside, exact_value
from tests.certified_forms import beyond_all, expected_verdict, named_forms
from tests.certified_kinds import KINDS, with_held_out
from tests.certified_slips import Slip, Slipping

NAMES = (
    "sigmoid, squares",
    "relu twice, quantities",
    "relu, two answers",
    "tanh twice, classes",
)
SEEDS = (1, 2)
TRAINED_ON, HELD_OUT = 1, 2
"""All marks are asked at once: first about these samples, then about those."""

NOTHING = Slip("", "", 0, (), 0.0)
asked = pytest.mark.parametrize("call", [TRAINED_ON, HELD_OUT], ids=["trained on", "held out"])


class SlippingAtMarks(Slipping):
    """Counts the evaluations, of which one has the slip; the steps have none."""

    calls = 0

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        self.calls += 1
        self.step = self.calls
        return super().evaluate(params, x, y)


class Watching(Judge):
    """Keeps what it judges at the marks."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("numpy", problem, "float64", SEEDS)
        self.seen: list[Evaluated] = []

    def add_evaluation(
        self, epochs: Sequence[int], params: Params, x: Array, y: Array, evaluation: Evaluation,
        count: int,
    ) -> None:  # fmt: skip
        super().add_evaluation(epochs, params, x, y, evaluation, count)
        activations = (np.broadcast_to(x, (*evaluation.loss.shape, *x.shape)),)
        self.seen.append(Evaluated(
            self._problem.network, params, activations + (evaluation.activations or ()),
            evaluation.logits, np.broadcast_to(y, (*evaluation.loss.shape, *y.shape)),
            evaluation.loss,
        ))  # fmt: skip


def judged(name: str, slip: Slip) -> tuple[BackendCertificate, list[Evaluated]]:
    one = with_held_out(KINDS[name])
    trainee = Trainee(load(find("numpy")), one, "float64")
    trainee.start(SEEDS)
    trainee.backend = SlippingAtMarks(one.network, one.optimizer, slip)
    judge = Watching(one)
    taker = CurveTaker(trainee, judge)
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
        taker.add(recording)
    taker.finish()
    return judge.finish(), judge.seen


@cache
def honest(name: str) -> list[Evaluated]:
    certificate, seen = judged(name, NOTHING)
    assert certificate.certified
    return seen


def tensors(name: str) -> list[tuple[str, str]]:
    network = KINDS[name].network
    found = [(FORWARD, f"a{layer}") for layer in range(1, len(network.sizes))]
    found += [(FORWARD, f"z{len(network.sizes) - 1}")] if network.from_logits else []
    return [*found, (LOSS, "loss")]


CASES = [(name, *pair) for name in NAMES for pair in tensors(name)]
every_tensor = pytest.mark.parametrize(
    ("name", "stage", "tensor"), CASES, ids=[f"{name}: {tensor}" for name, _, tensor in CASES]
)


def slips(name: str, stage: str, tensor: str, call: int) -> tuple[Slip, Slip, Slip]:
    """Slips at the second mark, in the second network: within the declared bound, beyond it, and
    beyond all forms."""
    seen, reference = honest(name)[call - 1], reference_for("float64")
    (one,) = (one for one in judge_forward(reference, seen) if one.tensor == tensor)
    candidates = np.argwhere(one.bound[1, 1] < abs(one.value[1, 1]) / 2)
    place = (1, 1, *candidates[len(candidates) // 2].tolist())
    exact = exact_value(seen, None, stage, tensor, place)
    inside, aside = beside(exact, float(one.bound[place]), 1)
    outside = beyond_all(seen, Gradients(()), stage, tensor, place, 1)
    assert outside >= aside
    first, second, third = (Slip(stage, tensor, call, place, v) for v in (inside, aside, outside))
    return first, second, third


def require_at_second_mark(found: Finding, name: str, slip: Slip) -> None:
    """After the first epoch; no batch of samples was seen."""
    assert (found.step, found.epoch) == (KINDS[name].steps_per_epoch, 1)
    assert found.samples == ()
    assert (found.stage, found.tensor) == (f"curve {slip.stage}", slip.tensor)
    assert (found.element, found.value) == (slip.element[1:], slip.value)


@every_tensor
@asked
def test_an_answer_within_its_bound(name: str, stage: str, tensor: str, call: int) -> None:
    inside, _, _ = slips(name, stage, tensor, call)
    certificate, _ = judged(name, inside)
    assert certificate.certified
    assert not named_forms(certificate)


@every_tensor
@asked
def test_an_answer_beyond_its_declared_bound(name: str, stage: str, tensor: str, call: int) -> None:
    _, aside, _ = slips(name, stage, tensor, call)
    certificate, _ = judged(name, aside)
    for found in certificate.findings:
        require_at_second_mark(found, name, aside)
    assert certificate.found == 1 or (certificate.certified and named_forms(certificate))


@every_tensor
@asked
def test_an_answer_beyond_all_its_bounds(name: str, stage: str, tensor: str, call: int) -> None:
    _, _, outside = slips(name, stage, tensor, call)
    seen, place = honest(name)[call - 1], outside.element
    verdict = expected_verdict(seen, stage, tensor, place, outside.value)
    certificate, _ = judged(name, outside)
    (found,) = certificate.findings
    require_at_second_mark(found, name, outside)
    assert (found.verdict, certificate.verdict) == (verdict, verdict)


@every_tensor
def test_an_answer_that_is_none(name: str, stage: str, tensor: str) -> None:
    _, _, outside = slips(name, stage, tensor, TRAINED_ON)
    none = Slip(stage, tensor, TRAINED_ON, outside.element, np.inf)
    certificate, _ = judged(name, none)
    require_at_second_mark(certificate.findings[0], name, none)
    assert certificate.verdict == Verdict.DIFFERENT
