"""Steps made once more, with every one of them recorded, and judged one by one.

Another backend of the same class makes them, so that the one that trains is not disturbed: it
begins at a recorded start, and is asked for calls of the same lengths. If it ends at the bits that
were recorded, what is found in its steps is what happened; if not, they do not repeat. judge.py
asks.
"""

from __future__ import annotations

import time

from shared.certificate.judge import Judge
from shared.certificate.profile import HostProfile
from shared.certificate.sampling import Sampling, sampling
from shared.problems import Problem
from shared.registry import Loaded
from shared.sparse.blocks import Block, State, calls, go_to, have_equal_bits, held, ulps_apart
from shared.sparse.findings import Repetition
from shared.training import Trainee


class Repeater:
    """Makes steps of one backend once more.

    every
        How many steps a block has.
    one_in
        Judge one step in so many; if not said, all, or as many as a budget allows. Where one of
        these is found wrong, all steps of its block are judged.
    elapsed_s
        Seconds that it took so far.
    """

    def __init__(
        self,
        loaded: Loaded,
        problem: Problem,
        seed: int,
        dtype: str,
        every: int,
        one_in: int | None,
        host: HostProfile | None,
    ) -> None:
        self._loaded, self._problem, self._seed, self._dtype = loaded, problem, seed, dtype
        self._every, self._sample, self._host = every, sampling(problem, seed, one_in), host
        self._trainee: Trainee | None = None
        self.elapsed_s = 0.0

    def again(self, block: Block) -> Repetition:
        """Run a block again from its recorded start, and judge its steps."""
        started = time.perf_counter()
        self._trainee = self._trainee or self._new()
        found = self._repetition(self._trainee, block.start, block, self._sample)
        if found.certificate.found and self._sample.one_in > 1:
            # A step between those of the sample may have been the first.
            everything = sampling(self._problem, self._seed, one_in=1)
            found = self._repetition(self._trainee, block.start, block, everything)
        self.elapsed_s += time.perf_counter() - started
        return found

    def from_seed(self, block: Block) -> Repetition:
        """Make all steps up to a block's last again, by a new backend, and judge them."""
        started = time.perf_counter()
        trainee = self._new()
        start = held((trainee.params, trainee.state))
        found = self._repetition(trainee, start, block, self._sample)
        self.elapsed_s += time.perf_counter() - started
        return found

    def _new(self) -> Trainee:
        trainee = Trainee(self._loaded, self._problem, self._dtype)
        trainee.start(self._seed)
        return trainee

    def _repetition(
        self, trainee: Trainee, start: State, block: Block, sample: Sampling
    ) -> Repetition:
        # The seed's own start is held to the seed; any other is what the block before has left.
        judge = Judge(
            self._loaded.name, self._problem, self._dtype, self._seed, sample, self._host,
            start=start if start[1].step else None,
        )  # fmt: skip
        go_to(trainee, start)
        while trainee.state.step < block.last:
            # Blocks end where they did, and so do calls.
            end = (trainee.state.step // self._every + 1) * self._every
            for batches in calls(trainee, min(end, block.last)):
                judge.add(trainee.train(batches, every=1))
        end_state = held((trainee.params, trainee.state))
        repeated = have_equal_bits(end_state, block.end)
        apart = 0 if repeated else ulps_apart(end_state, block.end)
        return Repetition(repeated, apart, judge.finish())
