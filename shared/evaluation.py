"""The loss curve and the accuracy at the marks of a run, and what a trained network answers.

Parameters of several marks are stacked as replicas, so that a whole curve takes a few calls of
`evaluate`; the calls have equal shapes, so that a compiling backend compiles once for the samples
of the training, and once for those held out. What a classifier answers at the last mark is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Dataset, Evaluation, Params, Recording
from shared.certificate.judge import Judge
from shared.classification import Answers, answers, measured, predicted, right
from shared.errors import ContractError
from shared.saturation import count_saturated, saturated_units
from shared.training import Trainee

BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Ended:
    """How networks stood at the last mark of a run.

    saturated
        (*R,) how many hidden units are saturated.
    finite
        (*R,) False where a parameter is NaN or infinite.
    """

    saturated: Array
    finite: Array


@dataclass(frozen=True, slots=True)
class Curve:
    """What was seen at the marks of a run.

    epochs
        (k,) numbers of finished epochs.
    loss
        (k, *R) mean loss over all samples.
    correct
        (k, *R) how many samples fall on the right side of one half, or, of several outputs, have
        the largest one at their class; None where the targets are quantities.
    held_out_correct, held_out_loss
        (k, *R) the same of the samples held out, and their mean loss; None where there are none.
    answers
        (*R, N) what was said of each sample that a classifier is measured on, at the last mark.
    ended
        How the networks stood at the last mark.
    """

    epochs: Array
    loss: Array
    correct: Array | None
    held_out_correct: Array | None = None
    held_out_loss: Array | None = None
    answers: Answers | None = None
    ended: Ended | None = None

    def until(self, marks: int) -> Curve:
        """Return the first so many marks, with the answers and the end that there are."""
        correct, held_out_correct, held_out_loss = (
            None if part is None else part[:marks]
            for part in (self.correct, self.held_out_correct, self.held_out_loss)
        )
        return Curve(
            self.epochs[:marks], self.loss[:marks], correct, held_out_correct, held_out_loss,
            self.answers, self.ended,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one network ended.

    correct, samples
        How many samples fall on the right side, of how many; None where the targets are quantities.
    saturated
        The hidden units that are flat on every sample: (layer, unit, end), layer and unit from 1.
        What that means stands in `shared.saturation`.
    answers
        The output for each of the problem's people.
    finite
        False where a parameter is NaN or infinite.
    """

    correct: int | None
    samples: int
    saturated: tuple[tuple[int, int, int], ...]
    answers: tuple[float, ...]
    finite: bool

    @property
    def solved(self) -> bool | None:
        """Whether every sample falls on the right side; None where there are no sides."""
        return None if self.correct is None else self.correct == self.samples


class CurveTaker:
    """Collects the parameters at the marks while a run goes by, and evaluates them in blocks.

    A judge, if there is one, gets to see every evaluation.
    """

    def __init__(self, trainee: Trainee, judge: Judge | None = None) -> None:
        problem = trainee.problem
        self._trainee, self._judge = trainee, judge
        self._held_out = problem.held_out_dataset(trainee.dtype)
        self._counts = bool(problem.classes)
        self._classifies = measured(problem) is not None
        self._marks = {e * problem.steps_per_epoch: e for e in problem.curve_epochs}
        self._block = _even_block(len(self._marks), BLOCK_BYTES // _mark_size_bytes(trainee))
        self._epochs: list[int] = []
        self._waiting: list[Params] = []
        self._losses: list[Array] = []
        self._correct: list[Array] = []
        self._held_out_correct: list[Array] = []
        self._held_out_losses: list[Array] = []
        self._answers: Answers | None = None
        self._ended: Ended | None = None
        self._take(0, trainee.params)

    def add(self, recording: Recording) -> None:
        """Take the marks that a recording holds, among its steps or as its final parameters."""
        final, state = recording.final
        for row in np.flatnonzero(np.isin(recording.steps, list(self._marks))):
            step = int(recording.steps[row])
            if step != state.step:
                self._take(step, tuple(np.array(w[row]) for w in recording.after))
        if state.step in self._marks:
            self._take(state.step, final)

    def finish(self) -> Curve:
        """Return the curve up to the last mark taken."""
        self._evaluate_waiting()
        return Curve(
            np.array(self._epochs), np.concatenate(self._losses), _whole(self._correct),
            _whole(self._held_out_correct), _whole(self._held_out_losses),
            self._answers, self._ended,
        )  # fmt: skip

    def _take(self, step: int, params: Params) -> None:
        self._epochs.append(self._marks[step])
        self._waiting.append(params)
        if len(self._waiting) == self._block:
            self._evaluate_waiting()

    def _evaluate_waiting(self) -> None:
        count = len(self._waiting)
        if not count:
            return
        # A block that is not full is filled up with its last mark, so that all have one shape.
        filled = self._waiting + self._waiting[-1:] * (self._block - count)
        params = tuple(np.stack(column) for column in zip(*filled, strict=True))
        data = self._trainee.data
        loss, activations = self._ask(params, data, count, "the loss curve")
        self._losses.append(loss)
        if self._counts:
            self._correct.append(count_correct(activations[-1], data.y))
        self._ended = self._end(activations)
        if self._held_out:
            loss, activations = self._ask(params, self._held_out, count, "the samples held out")
            self._held_out_losses.append(loss)
            if self._counts:
                self._held_out_correct.append(count_correct(activations[-1], self._held_out.y))
        if self._classifies:
            self._answers = answers(activations[-1][-1])
        self._waiting.clear()

    def _end(self, activations: Sequence[Array]) -> Ended:
        """Look at the last mark that waits, with the activations of all that do."""
        last, activation = self._waiting[-1], self._trainee.problem.network.activation
        axes = self._trainee.replicas
        return Ended(
            count_saturated([a[-1] for a in activations], activation),
            np.all([np.isfinite(w).reshape(*axes, -1).all(axis=-1) for w in last], axis=0),
        )

    def _ask(
        self, params: Params, data: Dataset, count: int, where: str
    ) -> tuple[Array, list[Array]]:
        """Return losses (count, *R) and activations (count, *R, N, n_l) of the marks of a block."""
        trainee = self._trainee
        evaluation = trainee.backend.evaluate(params, data.x, data.y)
        lead = (self._block, *trainee.replicas)
        trainee.contract.require_evaluation(evaluation, lead, len(data.x), where)
        activations = _activations(evaluation, trainee.name)
        if self._judge:
            epochs = self._epochs[-count:]
            self._judge.add_evaluation(epochs, params, data.x, data.y, evaluation, count)
        return np.array(evaluation.loss[:count]), [a[:count] for a in activations]


def count_correct(output: Array, y: Array) -> Array:
    """Count the samples on the right side: of one half, or, of several outputs, the largest.

    Shapes: output (*R, N, n_L), y (N, n_L), result (*R,). A NaN is on no side.
    """
    count: Array = np.asarray(right(predicted(output), predicted(y)).sum(axis=-1))
    return count


def outcome(trainee: Trainee, params: Params) -> Outcome:
    """Ask one trained network (no replica axes) about the samples and the problem's people."""
    problem, data = trainee.problem, trainee.data
    asked = np.array([person.x for person in problem.people], dtype=trainee.dtype).reshape(
        -1, problem.network.sizes[0]
    )
    # Both in one call, with targets that nobody reads for the people.
    x = np.concatenate([data.x, asked])
    y = np.concatenate([data.y, np.zeros((len(asked), data.y.shape[1]), trainee.dtype)])
    evaluation = trainee.backend.evaluate(params, x, y)
    trainee.contract.require_evaluation(evaluation, (), len(x), "the final evaluation")
    samples = len(data.x)
    activations = _activations(evaluation, trainee.name)
    output = activations[-1]
    return Outcome(
        correct=int(count_correct(output[:samples], data.y)) if problem.classes else None,
        samples=samples,
        saturated=saturated_units([a[:samples] for a in activations], problem.network.activation),
        answers=tuple(output[samples:, 0].tolist()),
        finite=all(bool(np.isfinite(w).all()) for w in params),
    )


def _whole(blocks: Sequence[Array]) -> Array | None:
    """Join what was taken block by block; None where nothing of the kind was."""
    return np.concatenate(blocks) if blocks else None


def _activations(evaluation: Evaluation, name: str) -> tuple[Array, ...]:
    if evaluation.activations is None:
        raise ContractError(
            f"{name}: evaluate returned no activations; expected those of every layer, since the "
            "accuracy is read from the last one."
        )
    return evaluation.activations


def _mark_size_bytes(trainee: Trainee) -> int:
    problem = trainee.problem
    samples = max(len(problem.x), len(problem.held_out.x) if problem.held_out else 0)
    units = sum(problem.network.sizes[1:])
    return samples * units * math.prod(trainee.replicas) * np.dtype(trainee.dtype).itemsize


def _even_block(marks: int, limit: int) -> int:
    blocks = math.ceil(marks / max(1, limit))
    return math.ceil(marks / blocks)
