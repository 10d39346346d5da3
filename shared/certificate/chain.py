"""The links between steps: what turns "every step is right" into "the run is the algorithm's".

The first parameters are the seed's, each step starts at the bits the last one left, each step sees
the samples that the problem's order gives it, and every recording is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shared.backend import Array, OptimizerState, Params, Recording
from shared.certificate.findings import CARRIED, SAMPLES, START
from shared.certificate.ledger import KEPT, Ledger
from shared.certificate.renamed import in_words, renamings
from shared.certificate.tensor_names import tensor_name
from shared.contract import Contract
from shared.errors import ContractError
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params, starting_state


class Chain:
    """Follows one run from its start, recording by recording.

    start
        The state that steps before those to come have left, if they do not begin at the seed's.
    """

    def __init__(
        self,
        problem: Problem,
        seeds: int | Sequence[int],
        dtype: str,
        ledger: Ledger,
        start: tuple[Params, OptimizerState] | None = None,
    ) -> None:
        self._problem, self._seeds, self._ledger = problem, seeds, ledger
        params = starting_params(problem, seeds, dtype)
        self._expected = start or (params, starting_state(problem, params))
        self._link = CARRIED if start else START

    def judge_params(self, recording: Recording) -> None:
        """Hold every step's parameters, and what the optimizer carries, to the bits left before."""
        params, state = self._expected
        final_params, final_state = recording.final
        notes = self._renamed(recording.before, params) if self._link == START else {}
        self._judge_links(
            "", recording, recording.before, recording.after, params, final_params, notes
        )
        for slot in self._problem.optimizer.slots:
            self._judge_links(
                slot, recording, recording.state_before[slot], recording.state_after[slot],
                state.slots[slot], final_state.slots[slot],
            )  # fmt: skip
        self._expected, self._link = recording.final, CARRIED

    def _judge_links(
        self, slot: str, recording: Recording, before: Params, after: Params, first: Params,
        final: Params, notes: Mapping[tuple[int, ...], str] | None = None,
    ) -> None:  # fmt: skip
        steps, last, hold = recording.steps, recording.steps[-1:], self._ledger.hold_equal
        for i, param in enumerate(self._problem.network.param_names):
            name = tensor_name(slot, param)
            hold(self._link, name, steps[:1], before[i][:1], first[i][None], notes)
            hold(CARRIED, name, steps[1:], before[i][1:], after[i][:-1])
            hold(CARRIED, name, last, final[i][None], after[i][-1:])

    def _renamed(self, before: Params, seeds: Params) -> dict[tuple[int, ...], str]:
        """Say of each replica that starts aside whether it is the seed's with units renamed."""
        found = renamings(tuple(w[0] for w in before), seeds)
        if found and all(found.values()):
            self._ledger.renamed = next(iter(found.values()))
        return {replica: in_words(renaming) for replica, renaming in found.items() if renaming}

    def judge_samples(self, recording: Recording) -> Array:
        """Hold the samples to the problem's order, and return them, those that do not exist aside.

        Shapes: (s, *R, m).
        """
        first, last = int(recording.steps[0]), int(recording.steps[-1])
        runs = [batches for _, batches in batch_runs(self._problem, self._seeds, first - 1, last)]
        seen = recording.batches
        count = len(self._problem.x)
        if len(runs) != 1 or runs[0].shape != seen.shape:
            self._ledger.say(first, SAMPLES, "The batches have another size than the problem's.")
            return seen % count
        order = runs[0]
        wrong = np.flatnonzero((seen != order).reshape(len(seen), -1).any(axis=1))
        for row in wrong[:KEPT].tolist():
            expected = [i + 1 for i in order[row].tolist()] if order.ndim == 2 else "its own"
            self._ledger.say(
                first + row, SAMPLES,
                f"It saw other samples than the order gives, which are {expected}.",
                tuple(np.unique(seen[row]).tolist()),
            )  # fmt: skip
        self._ledger.count_more(max(0, len(wrong) - KEPT))
        return seen % count


def require_whole(
    name: str, problem: Problem, dtype: str, recording: Recording, first: int
) -> None:
    """Raise ContractError unless a recording holds every array of every step from `first` on."""
    contract = Contract(name, problem.network, dtype, problem.optimizer.slots)
    contract.require_recording(recording, first, recording.batches.shape, every=1)
    if recording.evaluation.activations is None:
        raise ContractError(f"{name}: the activations were not recorded.")
