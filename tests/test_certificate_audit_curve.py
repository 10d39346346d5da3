"""The auditor at the marks of the curve: every answer of the network, and nothing drawn."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shared.backend import Array, Evaluation, Params
from shared.certificate.audit import Auditor
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.forward import judge_forward
from shared.certificate.judge import Judge, reference_for
from shared.certificate.stages import Evaluated
from shared.registry import find, load
from shared.training import Trainee
from tests.audited_runs import RUNS, Crooked, unaudited, widest
from tests.certified_exact import exact_value
from tests.certified_kinds import KINDS
from tests.certified_runs import Place, Run, held
from tests.exact_rounding import rounded

MARKS = 3


class Answered:
    """What a run's first parameters answer, at three marks that are alike."""

    def __init__(self, run: Run) -> None:
        one = run.problem
        trainee = Trainee(load(find("numpy")), one, run.dtype)
        self.problem, self.dtype, self.seeds = one, run.dtype, run.seeds
        self.params = tuple(np.stack([w] * MARKS) for w in self.start(run))
        self.x, self.y = trainee.data.x, trainee.data.y
        self.evaluation = trainee.backend.evaluate(self.params, self.x, self.y)

    def start(self, run: Run) -> Params:
        return run.start

    @property
    def seen(self) -> Evaluated:
        lead = self.evaluation.loss.shape
        logits = self.evaluation.logits
        x, *above = held((self.x, *(self.evaluation.activations or ())))
        return Evaluated(
            self.problem.network, held(self.params),
            (np.broadcast_to(x, (*lead, *x.shape)), *above),
            None if logits is None else logits.astype(np.float64),
            np.broadcast_to(self.y.astype(np.float64), (*lead, *self.y.shape)),
            self.evaluation.loss.astype(np.float64),
        )  # fmt: skip

    def changed(self, tensor: str, place: Place, value: float) -> Evaluation:
        def put(a: Array) -> Array:
            moved = np.array(a)
            moved[place] = value
            return moved

        if tensor == "loss":
            return replace(self.evaluation, loss=put(self.evaluation.loss))
        layers = list(self.evaluation.activations or ())
        layers[int(tensor[1:]) - 1] = put(layers[int(tensor[1:]) - 1])
        return replace(self.evaluation, activations=tuple(layers))

    def judged(self, evaluation: Evaluation, told: dict[float, float]) -> BackendCertificate:
        reference = reference_for(self.dtype)
        crooked = replace(reference, arithmetic=Crooked(reference.arithmetic, told))
        judge = Judge("numpy", self.problem, self.dtype, self.seeds, reference=crooked)
        epochs = list(range(MARKS))
        judge.add_evaluation(epochs, self.params, self.x, self.y, evaluation, MARKS)
        return judge.finish()

    def spot(self, tensor: str) -> tuple[Place, Fraction, float]:
        """A place at the second mark, what is exact there, and its bound."""
        reference = reference_for(self.dtype)
        (judged,) = (one for one in judge_forward(reference, self.seen) if one.tensor == tensor)
        place = widest(judged, self.dtype, 2)
        stage = "loss" if tensor == "loss" else "forward"
        exact = exact_value(self.seen, None, stage, tensor, place)
        return place, exact, float(judged.bound[place])


every_run = pytest.mark.parametrize("name", ["quantities", "two networks", "classes", "float32"])
last_layer = pytest.mark.parametrize("tensor", ["a2", "loss"])


@every_run
@last_layer
def test_an_honest_answer_that_is_called_different_is_acquitted(name: str, tensor: str) -> None:
    answered = Answered(RUNS[name])
    place, exact, bound = answered.spot(tensor)
    right = rounded(exact + Fraction(bound) / 2, answered.dtype)
    certificate = answered.judged(answered.changed(tensor, place, right), {right: 1e6 * bound})
    assert certificate.found == 0
    # Where a_L changes, so may a squared loss, judged from it: both lie within their bounds.
    assert (certificate.audit.failed, certificate.audit.overturned) == (1, 1)


@every_run
@last_layer
def test_an_answer_that_is_wrong_stays_different(name: str, tensor: str) -> None:
    answered = Answered(RUNS[name])
    place, exact, bound = answered.spot(tensor)
    wrong = rounded(exact + 10**5 * Fraction(bound), answered.dtype)
    certificate = answered.judged(answered.changed(tensor, place, wrong), {})
    found = next(one for one in certificate.findings if one.tensor == tensor)
    assert (found.stage, found.element) == (
        "curve loss" if tensor == "loss" else "curve forward", place[1:],
    )  # fmt: skip
    assert found.step == RUNS[name].problem.steps_per_epoch
    assert found.verdict == Verdict.DIFFERENT


@every_run
def test_an_answer_beyond_its_bound_by_a_hair_is_found(name: str) -> None:
    """Of the first layer, whose sums are long; later layers may be different, too."""
    answered = Answered(RUNS[name])
    place, exact, bound = answered.spot("a1")
    wrong = rounded(exact + Fraction(bound) * Fraction(1005, 1000), answered.dtype)
    certificate = answered.judged(answered.changed("a1", place, wrong), {wrong: 0.995 * bound})
    assert [one for one in certificate.findings if one.tensor == "a1" and one.value == wrong]
    assert certificate.audit.near >= 1


@every_run
def test_without_the_audit_it_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Auditor, "audited", unaudited)
    answered = Answered(RUNS[name])
    place, exact, bound = answered.spot("a1")
    wrong = rounded(exact + Fraction(bound) * Fraction(1005, 1000), answered.dtype)
    certificate = answered.judged(answered.changed("a1", place, wrong), {wrong: 0.995 * bound})
    assert not [one for one in certificate.findings if one.tensor == "a1"]


@every_run
def test_nothing_is_drawn_at_the_marks(name: str) -> None:
    answered = Answered(RUNS[name])
    assert answered.judged(answered.evaluation, {}).audit.values == 0


class Indifferent(Answered):
    """All parameters are 0: every output is exactly one half."""

    def start(self, run: Run) -> Params:
        return tuple(0 * w for w in run.start)


@pytest.mark.parametrize(
    "off",
    [0.0, 1e-3],
    ids=["honest", "with a loss that is wrong"],
)
def test_close_calls_are_counted_whatever_else_is_found(off: float) -> None:
    one = KINDS["relu, two answers"]
    answered = Indifferent(Run(one, 1, ()))
    loss = np.array(answered.evaluation.loss)
    loss[1] *= 1 + off
    certificate = answered.judged(replace(answered.evaluation, loss=loss), {})
    assert certificate.found == (off > 0)
    assert certificate.close_calls == MARKS * len(one.x)
