"""How far a last bit carries: each seed is trained together with a twin that starts one ULP away.

What rounding does to a run, it does to the twin's as well; so where the two part, rounding decides.
Training may squeeze a last bit out before it has grown, while every step rounds anew; so at each
mark, weights of the twin that have come to equal its seed's are set one ULP away again.
`shared.survey` trains the twins beside the seeds, as replicas of a call of their own: what the
seeds themselves come to is the same with and without them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Params, Recording
from shared.network import Network
from shared.seeding import LARGEST_SEED, from_textbook_order
from shared.training import Trainee

SIGNS = LARGEST_SEED
"""Beside the seed, what the signs are drawn from: no epoch has so high a number, by which, beside
the seed, the order of the samples is drawn."""

CHAOTIC_SHARE = 0.01
"""A seed is chaotic where its weights and its twin's come to differ by more than this share of the
largest weight: a difference that one sees, as VISIBLE_GAP is in a loss. Few differences end just
below it: one that grows step by step goes on until the size of the weights bounds it."""

SENSITIVE_GROWTH = 1000.0
"""A seed is sensitive where the difference grows more than so many times, and it is not chaotic:
three digits are lost, of the sixteen or seven that a float has. There is no gap at this number, as
there is below CHAOTIC_SHARE; it says where growth begins to be worth a word."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far apart each seed and its twin came, on one backend.

    growth
        (S,) the largest difference of any weight at any mark, over the largest one at the start,
        or over an ULP of the largest weight, where that has become more;
        infinite where that is more than a float can hold, and where one of the two is finite and
        the other is not.
    chaotic_epoch
        (S,) the first mark at which they differed by more than CHAOTIC_SHARE, or one alone was
        finite; -1 where there is none.
    broken
        (S,) whether neither was finite at the last mark: there is nothing to compare, and no class.
    train_s
        Seconds that the twins' training took.
    """

    backend: str
    growth: Array
    chaotic_epoch: Array
    broken: Array
    train_s: float

    @property
    def chaotic(self) -> Array:
        """(S,) whether rounding decides where the weights end."""
        chaotic: Array = (self.chaotic_epoch >= 0) & ~self.broken
        return chaotic

    @property
    def sensitive(self) -> Array:
        """(S,) whether a last bit grows much, but not to a visible difference."""
        sensitive: Array = (self.growth > SENSITIVE_GROWTH) & ~self.chaotic & ~self.broken
        return sensitive

    @property
    def calm(self) -> Array:
        """(S,) whether it does neither."""
        calm: Array = ~(self.chaotic | self.sensitive | self.broken)
        return calm


class TwinMeter:
    """Holds the twins of a trainee's seeds, and compares both at the marks while a run goes by.

    twin
        To be trained in lockstep with the trainee, from which it differs by its weights alone.
    """

    def __init__(self, trainee: Trainee, seeds: Sequence[int]) -> None:
        # The same backend: its verbs are pure, and what it compiled for the seeds serves the twins.
        self.twin = copy.copy(trainee)
        self._ups = _signs(trainee.problem.network, seeds)
        self.twin.params = _one_ulp_away(trainee.params, self._ups)
        self.twin.train_s = 0.0
        problem = trainee.problem
        self._marks = {e * problem.steps_per_epoch: e for e in problem.curve_epochs}
        self._at_start = _largest(_rows(trainee.params) - _rows(self.twin.params))
        self._growth = np.ones(len(seeds))
        self._chaotic_epoch = np.full(len(seeds), -1)
        self._broken: Array = np.zeros(len(seeds), dtype=bool)

    def add(self, recording: Recording, twins: Recording) -> None:
        """Compare the final parameters, if they are those of a mark."""
        final, state = recording.final
        if state.step in self._marks:
            self._compare(self._marks[state.step], _rows(final), _rows(twins.final[0]))
            self.twin.params = self._apart_again(final, twins.final[0])

    def finish(self) -> Sensitivity:
        """Return what was found up to the last mark."""
        return Sensitivity(
            self.twin.name, self._growth, self._chaotic_epoch, self._broken, self.twin.train_s
        )

    def _apart_again(self, final: Params, twins: Params) -> Params:
        """Set every weight of a twin that has come to equal its seed's one ULP away again."""
        away = _one_ulp_away(final, self._ups)
        return tuple(np.where(v == w, u, v) for w, v, u in zip(final, twins, away, strict=True))

    def _compare(self, epoch: int, w: Array, v: Array) -> None:
        left, right = np.isfinite(w).all(axis=1), np.isfinite(v).all(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = _largest(w - v)
            largest = np.maximum(_largest(w), _largest(v))
            far = apart > CHAOTIC_SHARE * largest
            # As weights grow so do their ULPs, by which they are set apart again.
            unit = np.maximum(self._at_start, np.spacing(largest.astype(self.twin.dtype)))
        # No number is near what is none.
        apart = np.where(left != right, np.inf, np.where(left & right, apart, 0.0))
        chaotic = np.where(left & right, far, left != right)
        with np.errstate(over="ignore", invalid="ignore"):
            growth = np.where(np.isinf(apart), np.inf, np.where(apart == 0, 0.0, apart / unit))
        self._growth = np.maximum(self._growth, growth)
        self._chaotic_epoch = np.where(
            (self._chaotic_epoch < 0) & chaotic, epoch, self._chaotic_epoch
        )
        self._broken = np.asarray(~(left | right))


def one_ulp_away(network: Network, params: Params, seeds: Sequence[int]) -> Params:
    """Move every weight and bias to a neighbouring float, up or down by signs drawn from its seed.

    The signs come from RandomState([seed, SIGNS]), in the order in which the weights are drawn.

    Shapes: params with one replica axis, for the seeds; result likewise.
    """
    return _one_ulp_away(params, _signs(network, seeds))


def _signs(network: Network, seeds: Sequence[int]) -> Params:
    """Return whether each weight goes up, shaped as the parameters; drawing takes its time."""
    count = network.param_count
    draws = [
        from_textbook_order(network, np.random.RandomState([seed, SIGNS]).randint(2, size=count))
        for seed in seeds
    ]
    return tuple(np.stack(tensors) for tensors in zip(*draws, strict=True))


def _one_ulp_away(params: Params, ups: Params) -> Params:
    return tuple(
        np.nextafter(w, np.where(up, np.inf, -np.inf).astype(w.dtype))
        for w, up in zip(params, ups, strict=True)
    )


def joined(groups: Sequence[Sensitivity]) -> Sensitivity:
    """Join what was found on several groups of seeds, one after the other, on one backend."""
    return Sensitivity(
        groups[0].backend,
        np.concatenate([one.growth for one in groups]),
        np.concatenate([one.chaotic_epoch for one in groups]),
        np.concatenate([one.broken for one in groups]),
        sum(one.train_s for one in groups),
    )


def _rows(params: Params) -> Array:
    """Return all parameters of each replica as a row of float64, which holds float32 exactly."""
    return np.concatenate([w.reshape(len(w), -1) for w in params], axis=1).astype(np.float64)


def _largest(rows: Array) -> Array:
    largest: Array = np.abs(rows).max(axis=1)
    return largest
