"""Whose moves are swallowed on seed 4: steps that pull at a weight by less than half an ULP of it.

Run as `python -m benchmarks.swallowed [SEED]`. NumPy trains the seed. Of the weight that loses most
it is shown, person by person, in how many epochs it stood still though it should have moved, what
these moves come to, and the last output of the hidden unit that the weight multiplies.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from benchmarks.tables import table_of
from shared.backend import Array, Recording
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import find, load
from shared.training import lockstep, prepare
from shared.truth.residuals import ResidualTaker

HIDDEN = {"w5": 0, "w6": 1}
"""The hidden units that the output's weights multiply."""


def main(arguments: Sequence[str]) -> None:
    """Train, count, print."""
    people, seed = problem("people16"), int(arguments[0]) if arguments else 4
    taker, before, after, hidden = _trained(people, seed)
    names = people.network.element_names
    place = int(abs(taker.swallowed_ulps).argmax())
    name, residuals = names[place], taker.residuals()[:, place]
    moves = -residuals / np.spacing(abs(before[:, place]))
    still = (before[:, place] == after[:, place]) & (residuals != 0)
    print(
        f"seed {seed}: {name} stood still in {int(still.sum()):,} of {len(still):,} steps that "
        f"should have moved it by {moves[still].sum():+,.0f} ULPs together"
    )
    table = table_of((), ("person", "steps", "ULPs", "hidden unit's output"))
    count = len(people.x)
    for person in range(count):
        mine = still[person::count]
        output = hidden[person - count, HIDDEN[name]] if name in HIDDEN else float("nan")
        table.add_row(
            f"{person + 1}", f"{int(mine.sum()):,}", f"{moves[person::count][mine].sum():+,.0f}",
            f"{output:.1e}",
        )  # fmt: skip
    Console(highlight=False).print(table)


def _trained(people: Problem, seed: int) -> tuple[ResidualTaker, Array, Array, Array]:
    """Return the residuals, the weights before and after each step, the hidden activations."""
    (trainee,), _ = prepare([load(find("numpy"))], people, "float64")
    trainee.start(seed)
    taker = ResidualTaker(trainee.name, people, "float64")
    befores, afters, hidden = [], [], []
    for (recording,) in lockstep([trainee]):
        taker.add(recording)
        befores.append(_rows(recording, recording.before))
        afters.append(_rows(recording, recording.after))
        hidden.append((recording.evaluation.activations or ())[0][:, 0])
    return taker, np.concatenate(befores), np.concatenate(afters), np.concatenate(hidden)


def _rows(recording: Recording, params: Sequence[Array]) -> Array:
    rows = len(recording.steps)
    return np.concatenate([w.reshape(rows, -1) for w in params], axis=-1)


if __name__ == "__main__":
    main(sys.argv[1:])
