"""Where a run first differs: all of that step, however many numbers of it do.

A certificate keeps the first findings, and in a large tensor these may all be numbers of that one.
A placement names every tensor of the step instead, and counts. The ledger gathers it as findings
come, in any order and in constant memory; reports and whoever looks for a fault read it.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.certificate.decision import Verdict

NAMED = 4
"""As many elements of a tensor are named, the first ones; all are counted."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One tensor of one stage that failed in the first step that did.

    tensor
        Its name; of what no number describes (samples, a missing tensor) the stage's.
    failed, judged
        How many of its elements failed, and how many it has in a step, all replicas together.
    elements
        What the first few that failed are called, as in Finding.
    """

    stage: str
    tensor: str
    failed: int
    judged: int
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """The first step that failed, and everything in it that did.

    What failed is what is different. Only where nothing in the whole run is, it is what is
    undecided: a value that may be right must not hide the first one that is not.

    step, epoch, samples
        As in Finding; the samples are those of the first element of the first part.
    parts
        In the order of execution: the first is where it began.
    renamed
        Where the run starts from the seed's network with hidden units in another order: for each
        hidden layer, for each unit the seed's unit that it is, from 0. Else empty. Of several
        replicas it is the first that starts aside, and empty unless all of those are renamed.
    """

    step: int
    epoch: int
    samples: tuple[int, ...]
    parts: tuple[Placed, ...]
    renamed: tuple[tuple[int, ...], ...] = ()

    @property
    def stage(self) -> str:
        """The stage in which it began."""
        return self.parts[0].stage

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors of that stage that failed, in the order of execution."""
        return tuple(part.tensor for part in self.parts if part.stage == self.stage)


@dataclass(frozen=True, slots=True)
class Failed:
    """What failed of one tensor in one step, or of a part of it.

    elements
        Index and name of the first few, by index.
    samples
        Those that the first element belongs to.
    """

    rank: int
    stage: str
    tensor: str
    failed: int
    judged: int
    elements: tuple[tuple[tuple[int, ...], str], ...] = ()
    samples: tuple[int, ...] = ()

    def with_more(self, other: Failed) -> Failed:
        """Return this and another part of the same tensor as one."""
        elements = tuple(sorted(self.elements + other.elements)[:NAMED])
        first = self if elements == () or elements[0] in self.elements else other
        return Failed(
            min(self.rank, other.rank), self.stage, self.tensor, self.failed + other.failed,
            max(self.judged, other.judged, self.failed + other.failed), elements, first.samples,
        )  # fmt: skip


class FirstStep:
    """Gathers what failed in the first step that did, of the worst verdict only."""

    def __init__(self) -> None:
        self._verdict, self._step = Verdict.EXPLAINED, 0
        self._found: dict[tuple[str, str], Failed] = {}

    @property
    def verdict(self) -> Verdict:
        """The verdict that is gathered; EXPLAINED as long as there is none."""
        return self._verdict

    def takes(self, verdict: Verdict, step: int) -> bool:
        """Whether something with this verdict, in this step, belongs to what is gathered."""
        if verdict == self._verdict:
            return step <= self._step
        return verdict > self._verdict

    def add(self, verdict: Verdict, step: int, found: Failed) -> None:
        """Take in what failed; a worse verdict, or an earlier step, begins anew."""
        if not self.takes(verdict, step):
            return
        if (verdict, step) != (self._verdict, self._step):
            self._verdict, self._step = verdict, step
            self._found.clear()
        key = (found.stage, found.tensor)
        known = self._found.get(key)
        self._found[key] = known.with_more(found) if known else found

    def placement(
        self, steps_per_epoch: int, renamed: tuple[tuple[int, ...], ...] = ()
    ) -> Placement | None:
        """Return where the run first differs, or None where nothing failed."""
        if not self._found:
            return None
        parts = sorted(self._found.values(), key=lambda one: one.rank)
        return Placement(
            step=self._step,
            epoch=-(-self._step // steps_per_epoch),
            samples=parts[0].samples,
            parts=tuple(
                Placed(
                    one.stage, one.tensor, one.failed, one.judged,
                    tuple(name for _, name in one.elements),
                )
                for one in parts
            ),
            renamed=renamed,
        )  # fmt: skip
