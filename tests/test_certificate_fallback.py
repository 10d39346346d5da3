"""What the bound from end to end must not forgive, and answers at the marks of the curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.backend import Array, Evaluation
from shared.certificate import end_to_end
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.forms import widest
from shared.certificate.judge import Judge, reference_for
from shared.evaluation import CurveTaker
from shared.named_problems import problem
from shared.registry import find, load
from shared.training import Trainee, lockstep
from tests.certified_runs import judgements, put, seen_by, trained

PEOPLE = problem("people16").changed(epochs=21)


def test_a_gradient_where_none_should_be_is_never_certified() -> None:
    """The unit is recorded as 1, so its gradient is 0; a 1 computed again may be a little less.

    σ' from z is not 0 either, but then no gradient of the unit would be.
    """
    run = trained(PEOPLE, 5).without_deltas()
    honest = judgements(run)["backward", "W1"]
    reference = replace(reference_for("float64"), profile=widest("float64"))
    ends = end_to_end.backward(reference, seen_by(run))
    (limits,) = (one.error for one in ends if one.tensor == "W1")
    w, after = run.whole.before[0], run.whole.after[0]
    # The update does not notice.
    silent = w - run.rate * 1.2 * limits == after
    saturated = np.argwhere((honest.value == 0) & (limits > 1e-17) & silent)
    assert len(saturated)
    place = tuple(saturated[len(saturated) // 2].tolist())
    for share, verdict in ((0.9, Verdict.UNDECIDED), (1.1, Verdict.DIFFERENT)):
        value = share * float(limits[place])
        certificate = run.with_chunks(put(run.whole, "grads", 0, place, value)).judged()
        (stage,) = (s for s in certificate.stages if (s.stage, s.tensor) == ("backward", "W1"))
        assert stage.counts[verdict] == 1
        assert (certificate.found, certificate.verdict) == (1, verdict)
        for found in certificate.findings:
            assert (found.tensor, found.step, found.element) == ("W1", place[0] + 1, place[1:])


def on_the_curve(part: str, place: tuple[int, ...], factor: float) -> BackendCertificate:
    """Train as ever, and scale one of the numbers that the network answers at the marks."""
    trainee = Trainee(load(find("numpy")), PEOPLE, "float64")
    trainee.start(42)
    honest = trainee.backend.evaluate

    def scaled(*arguments: Array) -> Evaluation:
        evaluation = honest(*arguments)  # type: ignore[arg-type]
        arrays = {"loss": np.array(evaluation.loss)}
        arrays |= {f"a{i + 1}": np.array(a) for i, a in enumerate(evaluation.activations or ())}
        arrays[part][place] *= factor
        loss = arrays.pop("loss")
        return replace(evaluation, activations=tuple(arrays.values()), loss=loss)

    judge = Judge("numpy", PEOPLE, "float64", 42)
    taker = CurveTaker(trainee, judge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainee.backend, "evaluate", scaled)
        for (recording,) in lockstep([trainee]):
            judge.add(recording)
            taker.add(recording)
        taker.finish()
    return judge.finish()


@pytest.mark.parametrize(("mark", "epoch"), [(0, 0), (1, 1), (2, 11), (3, 21)])
@pytest.mark.parametrize("factor", [1 + 1e-13, np.nan, np.inf])
def test_a_loss_of_the_curve_is_judged(mark: int, epoch: int, factor: float) -> None:
    certificate = on_the_curve("loss", (mark,), factor)
    (found,) = certificate.findings
    assert (found.stage, found.tensor, found.element) == ("curve loss", "loss", ())
    assert (found.step, found.epoch, found.samples) == (16 * epoch, epoch, ())
    assert found.verdict == Verdict.DIFFERENT


@pytest.mark.parametrize(("mark", "epoch"), [(0, 0), (3, 21)])
@pytest.mark.parametrize(("tensor", "inner"), [("a1", (15, 1)), ("a2", (7, 0))])
def test_an_answer_behind_the_curve_is_judged(
    mark: int, epoch: int, tensor: str, inner: tuple[int, ...]
) -> None:
    found = on_the_curve(tensor, (mark, *inner), 1 + 1e-12).findings[0]
    assert (found.stage, found.tensor, found.element) == ("curve forward", tensor, inner)
    assert (found.step, found.epoch, found.samples) == (16 * epoch, epoch, ())
    assert found.name == f"{tensor}[{inner[0]},{inner[1]}]"
