"""What classifiers answer: the class each sample is put in, how surely, and who disagrees.

A classifier is measured on samples that it was not trained on where the problem holds some out,
and else on those of the training. `shared.evaluation` asks the network; here its outputs become
answers, and the answers of several backends are laid side by side for the reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.problems import Problem

NOTHING = -1
"""The class of a sample to which an output is NaN: such an answer is none."""

KEPT_ERRORS = 10
"""As many errors are kept, the surest first; all are counted."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What networks say of N samples.

    predicted
        (*R, N) the index of a class, or NOTHING.
    confidence
        (*R, N) the output of that class; of one output o, which is that of the upper class, 1 - o
        for the lower one. NaN where nothing is predicted.
    """

    predicted: Array
    confidence: Array


@dataclass(frozen=True, slots=True)
class Measured:
    """The samples that a classifier is measured on.

    split
        How they were set aside; None where none are, so that they are those of the training.
    truth
        (N,) the index of each sample's class.
    """

    classes: tuple[str, ...]
    split: str | None
    truth: Array

    @property
    def held_out(self) -> bool:
        """Whether nobody trained on them."""
        return self.split is not None


@dataclass(frozen=True, slots=True)
class BackendAnswers:
    """What one backend's network says, beside the truth.

    confusion
        (C, C) how many samples of each class (rows) were put in each class (columns).
    unanswered
        (C,) how many samples of each class were put in none, since an output is NaN.
    surest_errors
        The samples put in a wrong class with the most confidence, KEPT_ERRORS of them at most.
    """

    name: str
    answers: Answers
    correct: int
    confusion: Array
    unanswered: Array
    surest_errors: tuple[int, ...]

    @property
    def wrong(self) -> int:
        """How many samples were put in a wrong class."""
        return int(self.confusion.sum() - self.confusion.trace())


@dataclass(frozen=True, slots=True)
class Classification:
    """What all backends say of the same samples; a sample is named by its index, from 0.

    epoch
        After how many epochs they were asked.
    disagreements
        The samples that not all backends put in the same class.
    """

    measured: Measured
    epoch: int
    backends: tuple[BackendAnswers, ...]
    disagreements: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """The accuracy of one backend over many seeds, as shares of 1.

    deviation
        The standard deviation of a sample (divided by S - 1); None of a single seed.
    """

    mean: float
    deviation: float | None
    lowest: float


@dataclass(frozen=True, slots=True)
class SurveyedAnswers:
    """What all backends say, for each seed.

    correct
        (B, S) how many samples were put in their class.
    alike
        (S,) whether all backends put every sample in the same class.
    spreads
        One for each backend.
    """

    measured: Measured
    correct: Array
    alike: Array
    spreads: tuple[Spread, ...]


def measured(problem: Problem) -> Measured | None:
    """Return what a problem's networks are measured on; None where there is nothing to tell.

    There is not where the outputs are no classes, nor of one output without samples held out: two
    classes of a few samples are told by their number alone.
    """
    if not problem.classes or (problem.held_out is None and problem.network.sizes[-1] == 1):
        return None
    y = problem.y if problem.held_out is None else problem.held_out.y
    split = None if problem.held_out is None else problem.held_out.split
    return Measured(problem.classes, split, predicted(np.array(y)))


def predicted(output: Array) -> Array:
    """Return the class of each sample, (*R, N) of outputs (*R, N, n_L).

    Of one output, that is the side of one half; of several, the largest. A NaN among them gives
    NOTHING.
    """
    if output.shape[-1] == 1:
        chosen: Array = (output[..., 0] > 0.5).astype(np.intp)
    else:
        chosen = output.argmax(axis=-1)
    chosen[np.isnan(output).any(axis=-1)] = NOTHING
    return chosen


def answers(output: Array) -> Answers:
    """Return what outputs (*R, N, n_L) say."""
    chosen = predicted(output)
    each = np.concatenate([1 - output, output], axis=-1) if output.shape[-1] == 1 else output
    # A NaN stands somewhere in the rows that predict nothing, not always at the place looked at.
    taken = np.take_along_axis(each, np.maximum(chosen, 0)[..., None], axis=-1)[..., 0]
    confidence = np.where(chosen == NOTHING, np.array(np.nan, output.dtype), taken)
    return Answers(chosen, confidence)


def right(said: Array, truth: Array) -> Array:
    """Say which classes (*R, N) are those of the truth (N,)."""
    hits: Array = (said == truth) & (said != NOTHING)
    return hits


def classification(
    problem: Problem, named: Sequence[tuple[str, Answers | None]], epoch: int
) -> Classification | None:
    """Lay the answers of backends (no replica axes) side by side, if the problem has classes."""
    samples = measured(problem)
    told = [(name, said) for name, said in named if said is not None]
    if samples is None or not told:
        return None
    everyone = np.stack([said.predicted for _, said in told])
    return Classification(
        measured=samples,
        epoch=epoch,
        backends=tuple(_beside_truth(name, said, samples) for name, said in told),
        disagreements=_indices((everyone != everyone[0]).any(axis=0)),
    )


def surveyed(problem: Problem, each: Sequence[Answers | None]) -> SurveyedAnswers | None:
    """Sum up the answers of several backends, each with a replica axis (S, N)."""
    samples = measured(problem)
    told = [said.predicted for said in each if said is not None]
    if samples is None or not told:
        return None
    correct = np.stack([right(said, samples.truth).sum(axis=-1) for said in told])
    return SurveyedAnswers(
        measured=samples,
        correct=correct,
        alike=np.all([said == told[0] for said in told], axis=(0, 2)),
        spreads=tuple(_spread(row / len(samples.truth)) for row in correct),
    )


def _beside_truth(name: str, said: Answers, samples: Measured) -> BackendAnswers:
    count, truth = len(samples.classes), samples.truth
    answered = said.predicted != NOTHING
    confusion = np.zeros((count, count), dtype=np.intp)
    np.add.at(confusion, (truth[answered], said.predicted[answered]), 1)
    wrong = np.flatnonzero(answered & (said.predicted != truth))
    surest = wrong[np.argsort(-said.confidence[wrong], kind="stable")]
    return BackendAnswers(
        name=name,
        answers=said,
        correct=int(right(said.predicted, truth).sum()),
        confusion=confusion,
        unanswered=np.bincount(truth[~answered], minlength=count),
        surest_errors=tuple(surest[:KEPT_ERRORS].tolist()),
    )


def _spread(shares: Array) -> Spread:
    deviation = float(shares.std(ddof=1)) if len(shares) > 1 else None
    return Spread(float(shares.mean()), deviation, float(shares.min()))


def _indices(members: Array) -> tuple[int, ...]:
    return tuple(np.flatnonzero(members).tolist())
