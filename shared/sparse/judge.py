"""One backend's blocks under judgement, chunk by chunk, while it trains.

A block that its bound explains is done with. Any other is run again, up to and with the first that
is different: a run goes on from wherever a fault has led it, so that later blocks are counted, and
the first is placed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.profile import HostProfile
from shared.certificate.stages import BACKWARD
from shared.problems import Problem
from shared.registry import Loaded
from shared.sparse.again import Repeater
from shared.sparse.blocks import Block
from shared.sparse.bound import BlockBounds, JudgedBlocks, why_unbounded
from shared.sparse.findings import PlacedBlock, Repetition, SparseCertificate


class BlockJudge:
    """Follows one backend from its start, block by block.

    one_in
        Of a block that is run again judge one step in so many; see Repeater.
    """

    def __init__(
        self,
        loaded: Loaded,
        problem: Problem,
        seed: int,
        dtype: str,
        every: int,
        one_in: int | None = None,
        host: HostProfile | None = None,
    ) -> None:
        self._name, self._every = loaded.name, every
        self._unbounded = why_unbounded(problem, every)
        self._bounds = None if self._unbounded else BlockBounds(problem, seed, dtype)
        self._repeater = Repeater(loaded, problem, seed, dtype, every, one_in, host)
        self._steps = self._judged_steps = 0
        self._by_bound = self._by_steps = self._undecided = self._different = self._unjudged = 0
        self._first: PlacedBlock | None = None
        self._unsure: PlacedBlock | None = None
        self._worst = 0.0
        self._resolutions: list[Array] = []
        self._of_moves: list[Array] = []
        self._step_resolution: float | None = None
        self._judging_s = 0.0

    def add(self, blocks: Sequence[Block]) -> None:
        """Judge some blocks, each of which begins where the one before it has ended."""
        for _, group in itertools.groupby(blocks, key=lambda block: block.steps):
            alike = list(group)
            if self._bounds is None:
                for block in alike:
                    self._settle(block, None, None)
            else:
                self._judge(self._bounds, alike)

    def _judge(self, bounds: BlockBounds, blocks: Sequence[Block]) -> None:
        started = time.perf_counter()
        judged = bounds.judge(blocks)
        self._judging_s += time.perf_counter() - started
        self._count_explained(blocks, judged)
        for row in np.flatnonzero(judged.verdict != Verdict.EXPLAINED).tolist():
            self._settle(blocks[row], Verdict(int(judged.verdict[row])), float(judged.worst[row]))

    def _count_explained(self, blocks: Sequence[Block], judged: JudgedBlocks) -> None:
        explained = judged.verdict == Verdict.EXPLAINED
        self._by_bound += int(np.count_nonzero(explained))
        self._steps += int(np.count_nonzero(explained)) * blocks[0].steps
        self._worst = max(self._worst, float(judged.worst[explained].max(initial=0.0)))
        self._resolutions.append(judged.resolution[explained])
        self._of_moves.append(judged.of_move[explained])

    def _settle(self, block: Block, by_bound: Verdict | None, times: float | None) -> None:
        """Decide on a block that its bound does not explain, or that has none."""
        placed = None if self._first else self._placed(block, by_bound, times)
        self._steps += block.steps
        if placed is None:
            if by_bound == Verdict.DIFFERENT:
                self._different += 1
            else:
                self._unjudged += 1
        elif placed.verdict == Verdict.EXPLAINED:
            self._by_steps += 1
        elif placed.verdict == Verdict.UNDECIDED:
            self._undecided += 1
            self._unsure = self._unsure or placed
        else:
            self._different += 1
            self._first = placed

    def _placed(self, block: Block, by_bound: Verdict | None, times: float | None) -> PlacedBlock:
        """Run a block again, and, where that may tell more, everything before it, too."""
        again = self._repeater.again(block)
        self._look(again)
        verdict = settled(by_bound, again)
        from_seed = None
        if block.first > 1 and self._may_tell_more(verdict, again):
            from_seed = self._repeater.from_seed(block)
            self._look(from_seed)
            if from_seed.repeated and not again.repeated:
                verdict = max(settled(by_bound, from_seed), again.certificate.verdict)
        return PlacedBlock(block.first, block.last, verdict, times, again, from_seed)

    def _may_tell_more(self, verdict: Verdict, again: Repetition) -> bool:
        """Whether to make all steps from the seed on again: once for each kind of verdict.

        What does not repeat from its own start may do so from the seed's. And before a block that
        is different there may be steps that are, by less than the bounds of their blocks.
        """
        if verdict == Verdict.DIFFERENT:
            return self._bounds is not None or not again.repeated
        return self._unsure is None and not again.repeated

    def _look(self, found: Repetition) -> None:
        """Keep what the steps judged one by one have to say."""
        self._judged_steps += found.certificate.judged_steps
        medians = [
            stage.resolution
            for stage in found.certificate.stages
            if stage.stage == BACKWARD and stage.resolution is not None
        ]
        if medians:
            self._step_resolution = max(self._step_resolution or 0.0, *medians)

    def finish(self) -> SparseCertificate:
        """Return what was decided."""
        return SparseCertificate(
            backend=self._name,
            steps=self._steps,
            every=self._every,
            unbounded=self._unbounded,
            by_bound=self._by_bound,
            by_steps=self._by_steps,
            undecided=self._undecided,
            different=self._different,
            unjudged=self._unjudged,
            judged_steps=self._judged_steps,
            first=self._first,
            unsure=self._unsure,
            worst=self._worst,
            resolution=_median(self._resolutions),
            of_move=_median(self._of_moves),
            step_resolution=self._step_resolution,
            judging_s=self._judging_s,
            again_s=self._repeater.elapsed_s,
        )


def settled(by_bound: Verdict | None, found: Repetition) -> Verdict:
    """Decide on a block from its bound's word, and from what came of running it again."""
    certificate = found.certificate
    if certificate.verdict == Verdict.DIFFERENT:
        return Verdict.DIFFERENT
    if not found.repeated:
        # Of what happened only its bound knows.
        return Verdict.DIFFERENT if by_bound == Verdict.DIFFERENT else Verdict.UNDECIDED
    if not certificate.certified:
        return Verdict.UNDECIDED
    forms = any(stage.forms for stage in certificate.stages)
    if by_bound == Verdict.DIFFERENT and not forms:
        # Right steps in the declared forms end within the bound: one of the two is wrong.
        return Verdict.UNDECIDED
    return Verdict.EXPLAINED


def _median(parts: Sequence[Array]) -> float | None:
    values = np.concatenate(parts) if parts else np.empty(0)
    return float(np.median(values)) if len(values) else None
