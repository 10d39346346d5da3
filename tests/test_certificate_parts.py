"""What is judged part by part is judged in every part: steps, marks of the curve, rows of tensors.

Parts are large, so that the runs of other tests fit into one; here they are as small as can be.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.stages import BACKWARD, UPDATE
from shared.named_problems import problem
from shared.optimizer import Optimizer
from tests.certified_runs import Run, put, put_state, trained
from tests.trainees import numpy_trainee

PLAIN = trained(problem("people16").changed(epochs=1))
MOMENTUM = trained(replace(PLAIN.problem, optimizer=Optimizer(0.05, "momentum")))
every_run = pytest.mark.parametrize("run", [PLAIN, MOMENTUM], ids=["sgd", "momentum"])
every_row = pytest.mark.parametrize("row", [0, 7, 15], ids=["first", "middle", "last"])
MARKS = 4


def first_of(certificate: BackendCertificate) -> tuple[str, str, int]:
    assert certificate.findings
    found = certificate.findings[0]
    return found.stage, found.tensor, found.step


@every_row
def test_every_block_of_steps_is_judged(monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    monkeypatch.setattr("shared.certificate.judge.BLOCK_NUMBERS", 1)
    wrong = PLAIN.with_chunks(put(PLAIN.whole, "grads", 0, (row, 0, 0), 7.0))
    assert first_of(wrong.judged()) == (BACKWARD, "W1", row + 1)


@every_row
def test_every_row_of_a_gradient_is_judged(monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    monkeypatch.setattr("shared.certificate.stages.PART_NUMBERS", 1)
    wrong = PLAIN.with_chunks(put(PLAIN.whole, "grads", 0, (row, 0, 0), 7.0))
    assert first_of(wrong.judged()) == (BACKWARD, "W1", row + 1)


@every_run
@every_row
def test_every_row_of_an_update_is_judged(
    monkeypatch: pytest.MonkeyPatch, run: Run, row: int
) -> None:
    monkeypatch.setattr("shared.certificate.stages.PART_NUMBERS", 1)
    value = math.nextafter(float(run.whole.after[0][row, 0, 0]), math.inf)
    wrong = run.with_chunks(put_state(run.whole, 0, (row, 0, 0), value))
    assert (UPDATE, "W1", row + 1) in {(f.stage, f.tensor, f.step) for f in wrong.judged().findings}


@every_run
@pytest.mark.parametrize("tensor", range(4), ids=PLAIN.problem.network.param_names)
def test_every_tensor_of_an_update_is_judged(run: Run, tensor: int) -> None:
    place = (3, *(0,) * (run.whole.after[tensor].ndim - 1))
    value = math.nextafter(float(run.whole.after[tensor][place]), math.inf)
    wrong = run.with_chunks(put_state(run.whole, tensor, place, value))
    name = run.problem.network.param_names[tensor]
    assert (UPDATE, name, 4) in {(f.stage, f.tensor, f.step) for f in wrong.judged().findings}


@pytest.mark.parametrize("mark", range(MARKS))
def test_every_mark_of_a_curve_is_judged(monkeypatch: pytest.MonkeyPatch, mark: int) -> None:
    monkeypatch.setattr("shared.certificate.judge.BLOCK_NUMBERS", 1)
    trainee = numpy_trainee()
    params = tuple(np.stack([w] * MARKS) for w in trainee.params)
    x, y = trainee.data.x, trainee.data.y
    evaluation = trainee.backend.evaluate(params, x, y)
    loss = np.array(evaluation.loss)
    loss[mark] *= 2
    judge = Judge("numpy", trainee.problem, "float64", 0)
    judge.add_evaluation(range(MARKS), params, x, y, replace(evaluation, loss=loss), MARKS)
    step = mark * trainee.problem.steps_per_epoch
    assert first_of(judge.finish()) == ("curve loss", "loss", step)
    assert judge.finish().found == 1
