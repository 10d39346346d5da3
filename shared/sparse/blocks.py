"""A run cut into blocks of K steps, of which nothing is known but the states at their ends.

The harness passes the state that a block left to the next one itself, as a copy: so that the blocks
are links of one chain need not be checked, it is made so. run.py trains a backend through them, and
again.py goes through one of them once more, in calls of the same lengths.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array, OptimizerState, Params
from shared.seeding import batch_runs
from shared.training import CHUNK_BYTES, CHUNK_STEPS, Trainee, step_size_bytes
from shared.ulp import bits_differ, ulp_distance

State: TypeAlias = tuple[Params, OptimizerState]
"""Parameters, and what the optimizer carries."""


@dataclass(frozen=True, slots=True)
class Block:
    """The states on both sides of some steps."""

    start: State
    end: State

    @property
    def first(self) -> int:
        """The number of its first step, from 1."""
        return self.start[1].step + 1

    @property
    def last(self) -> int:
        """The number of its last step."""
        return self.end[1].step

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.last - self.start[1].step


def trained_block(trainee: Trainee, last: int) -> Block:
    """Make the steps up to `last` from where the trainee stands, and record where they end.

    That it stands at a copy of its own, which `held` makes, is the caller's to see to at first.
    """
    start = (trainee.params, trainee.state)
    for batches in calls(trainee, last):
        trainee.train(batches, every=0)
    end = held((trainee.params, trainee.state))
    go_to(trainee, end)
    return Block(start, end)


def go_to(trainee: Trainee, state: State) -> None:
    """Put a trainee where it was, or another one was, after some step."""
    trainee.params, trainee.state = state


def calls(trainee: Trainee, last: int) -> Iterator[Array]:
    """Yield the batches (k, m) of the steps up to `last`, for one call of `train` each.

    A call has one batch size, and no more steps than could be recorded, since the same steps may be
    made once more with every one of them recorded. Few lengths occur, since a compiling backend
    makes a program for each: where epochs end in a smaller batch they are powers of two.
    """
    problem = trainee.problem
    limit = max(1, min(CHUNK_STEPS, CHUNK_BYTES // step_size_bytes(trainee)))
    for _, batches in batch_runs(problem, trainee.seeds, trainee.state.step, last):
        if not problem.is_ragged:
            yield from np.array_split(batches, math.ceil(len(batches) / limit))
            continue
        while len(batches):
            length = 1 << (min(len(batches), limit).bit_length() - 1)
            yield batches[:length]
            batches = batches[length:]


def held(state: State) -> State:
    """Return a copy that nobody can change."""
    params, carried = state
    slots = {name: _held(tensors) for name, tensors in carried.slots.items()}
    return _held(params), OptimizerState(carried.step, slots)


def have_equal_bits(one: State, other: State) -> bool:
    """Whether two states are the same, what the optimizer carries included."""
    return not any(bits_differ(a, b).any() for a, b in _pairs(one, other))


def ulps_apart(one: State, other: State) -> int:
    """Return the largest distance of any two numbers of two states."""
    return max(int(ulp_distance(a, b).max(initial=0)) for a, b in _pairs(one, other))


def _pairs(one: State, other: State) -> Iterator[tuple[Array, Array]]:
    yield from zip(one[0], other[0], strict=True)
    for name, tensors in one[1].slots.items():
        yield from zip(tensors, other[1].slots[name], strict=True)


def _held(tensors: Params) -> Params:
    copies = tuple(np.array(w) for w in tensors)
    for copy in copies:
        copy.flags.writeable = False
    return copies
