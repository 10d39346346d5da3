"""What was found in one run: the first findings in the order of execution, and how many in all.

Steps come chunk by chunk and tensors piece by piece, marks of the curve later than the steps that
they lie between: what comes later may belong before what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Finding
from shared.certificate.placement import NAMED, Failed, FirstStep, Placement
from shared.certificate.renamed import Renaming
from shared.certificate.tally import Tally
from shared.certificate.tensor_names import slot_and_param
from shared.problems import Problem
from shared.ulp import bits_differ, ulp_distance

KEPT = 20
"""As many findings are kept, the first in the order of execution; all are counted. If all of these
are undecided, the first that is different stands in place of the last."""

_UNPLACED = Finding(
    step=0, epoch=0, samples=(), stage="", tensor="", element=(), name="", value=float("nan"),
    exact=float("nan"), error=float("nan"), bound=0.0, ulps=0, verdict=Verdict.DIFFERENT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of judged arrays belong: their steps (s,), and their samples (s, *R, m).

    rank
        The place of the stage in the order of execution.
    """

    steps: Array
    batches: Array | None
    rank: int

    def part(self, rows: slice | Array) -> Rows:
        """Return some of the rows."""
        batches = None if self.batches is None else self.batches[rows]
        return Rows(self.steps[rows], batches, self.rank)


class Ledger:
    """Counts, extremes and findings of one backend, in memory that does not grow with the run.

    renamed
        How the hidden units of the first parameters are renamed, if they are: the chain says so.
    """

    def __init__(self, problem: Problem, dtype: str) -> None:
        self._problem, self._dtype = problem, dtype
        self._kept: list[tuple[int, int, Finding]] = []
        self._first_step, self._earliest = FirstStep(), FirstStep()
        # Of each tensor its rank and how many numbers of it a step has.
        self._whole: dict[tuple[str, str], tuple[int, int]] = {}
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.found = 0
        self.worst = Verdict.EXPLAINED
        self.renamed: Renaming = ()

    def may_keep(self, step: int) -> bool:
        """Whether a finding in this step, or in a later one, might be among the first.

        As long as nothing is different, the first that is might come in any step.
        """
        if len(self._kept) < KEPT or self._first_step.verdict < Verdict.DIFFERENT:
            return True
        return step <= self._kept[-1][0]

    @property
    def first(self) -> tuple[Finding, ...]:
        """The first findings: by step, then by stage."""
        return tuple(finding for _, _, finding in self._kept)

    @property
    def earliest(self) -> Placement | None:
        """The same, where what is undecided counts like what is different."""
        return self._earliest.placement(self._problem.steps_per_epoch, self.renamed)

    @property
    def placement(self) -> Placement | None:
        """All that failed in the first step that did."""
        return self._first_step.placement(self._problem.steps_per_epoch, self.renamed)

    def count(self, judged: Judged, at: Rows) -> None:
        """Count a judged tensor in, and keep what failed."""
        at = at.part(judged.rows)
        key = (judged.stage, judged.tensor)
        if key not in self.tallies:
            self.tallies[key] = Tally(judged)
        self.tallies[key].add(judged, at.steps)
        whole = at.rank, (judged.value.size + judged.settled) // max(1, len(at.steps))
        if judged.places is None or judged.settled:
            self._whole[key] = whole
        worst = Verdict(int(judged.verdict.max(initial=0)))
        if worst < Verdict.UNDECIDED:
            return
        bad = np.argwhere(judged.verdict >= Verdict.UNDECIDED)
        self.found += len(bad)
        self.worst = max(self.worst, worst)
        if not self.may_keep(int(at.steps[0])):
            return
        # What an audit adds to a tensor is told last, and belongs where the tensor does.
        rank, size = self._whole.get(key, whole)
        worst_of = bad[judged.verdict[tuple(bad.T)] == worst]
        chosen = bad[:KEPT].tolist()
        if (first := worst_of[0].tolist()) not in chosen:
            chosen.append(first)
        for index in chosen:
            self._keep(rank, self._finding(judged, tuple(index), at))
        self._place(self._first_step, worst, judged, worst_of, at, rank, size)
        self._place(self._earliest, Verdict.UNDECIDED, judged, bad, at, rank, size)

    def say(self, step: int, stage: str, note: str, samples: tuple[int, ...] = ()) -> None:
        """Keep a finding that no number describes."""
        self.found += 1
        self.worst = Verdict.DIFFERENT
        said = replace(_UNPLACED, step=step, stage=stage, note=note, samples=samples)
        self._keep(-1, said)
        failed = Failed(-1, stage, stage, 1, 1, (), samples)
        self._first_step.add(said.verdict, step, failed)
        self._earliest.add(Verdict.UNDECIDED, step, failed)

    def count_more(self, count: int) -> None:
        """Count findings that are not kept."""
        self.found += count

    def hold_equal(
        self, stage: str, tensor: str, steps: Array, got: Array, wanted: Array,
        notes: Mapping[tuple[int, ...], str] | None = None,
    ) -> None:  # fmt: skip
        """Keep a finding wherever two arrays (s, *R, ...) differ in their bits.

        notes
            What else there is to say, by replica.
        """
        if _are_one(got, wanted):
            return
        broken = np.argwhere(bits_differ(got, wanted))
        if not len(broken):
            return
        self.found += len(broken)
        self.worst = Verdict.DIFFERENT
        for index in broken[:KEPT].tolist():
            place = tuple(index)
            value, expected = got[place], wanted[place]
            note = next((n for r, n in (notes or {}).items() if r == place[1 : 1 + len(r)]), "")
            self._keep(0, replace(
                _UNPLACED, step=int(steps[place[0]]), stage=stage, tensor=tensor,
                element=place[1:], name=self._name_of(tensor, place[1:]), value=float(value),
                exact=float(expected), error=float(abs(value - expected)),
                ulps=int(ulp_distance(np.array([value]), np.array([expected]))[0]), note=note,
            ))  # fmt: skip
        row = int(broken[0, 0])
        here = broken[broken[:, 0] == row, 1:]
        elements = self._named(tensor, here)
        failed = Failed(0, stage, tensor, len(here), got[row].size, elements)
        self._first_step.add(Verdict.DIFFERENT, int(steps[row]), failed)
        self._earliest.add(Verdict.UNDECIDED, int(steps[row]), failed)

    def _place(
        self, gathered: FirstStep, verdict: Verdict, judged: Judged, bad: Array, at: Rows,
        rank: int, size: int,
    ) -> None:  # fmt: skip
        """Take in what is so bad of a tensor in the first step in which anything of it is."""
        if judged.places is not None:
            bad = np.stack([axis[bad[:, 0]] for axis in judged.places], axis=-1)
        row = int(bad[:, 0].min())
        here = bad[bad[:, 0] == row]
        step, elements = int(at.steps[row]), self._named(judged.tensor, here[:, 1:])
        samples = _samples(at, (row, *elements[0][0]))
        failed = Failed(rank, judged.stage, judged.tensor, len(here), size, elements, samples)
        gathered.add(verdict, step, failed)

    def _named(self, tensor: str, elements: Array) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Name the first few of some elements (k, axes), by index."""
        if elements.shape[1]:
            elements = elements[np.lexsort(elements.T[::-1])]
        first = map(tuple, elements[:NAMED].tolist())
        return tuple((element, self._name_of(tensor, element)) for element in first)

    def _finding(self, judged: Judged, place: tuple[int, ...], at: Rows) -> Finding:
        value, exact = np.asarray(judged.value[place]), np.asarray(judged.exact[place])
        error, bound = float(judged.error[place]), float(judged.bound[place])
        verdict = Verdict(int(judged.verdict[place]))
        note = judged.notes.get(place, judged.notes.get(place[0], ""))
        if judged.places is not None:
            place = tuple(int(axis[place[0]]) for axis in judged.places)
        return replace(
            _UNPLACED, step=int(at.steps[place[0]]), samples=_samples(at, place),
            stage=judged.stage, tensor=judged.tensor, element=place[1:],
            name=self._name_of(judged.tensor, place[1:]),
            value=float(value), exact=float(exact), error=error, bound=bound,
            ulps=int(ulp_distance(*(v.astype(self._dtype).reshape(1) for v in (value, exact)))[0]),
            verdict=verdict, note=note, formula=judged.formula, bitwise=judged.bitwise,
        )  # fmt: skip

    def _keep(self, rank: int, finding: Finding) -> None:
        epoch = -(-finding.step // self._problem.steps_per_epoch)
        self._kept.append((finding.step, rank, replace(finding, epoch=epoch)))
        # Only the first are told, so that a run that fails everywhere takes no more memory.
        every = sorted(self._kept, key=lambda item: item[:2])
        self._kept = every[:KEPT]
        different = (i for i, kept in enumerate(every) if kept[2].verdict == Verdict.DIFFERENT)
        if (first := next(different, 0)) >= KEPT:
            self._kept[-1] = every[first]

    def _name_of(self, tensor: str, element: tuple[int, ...]) -> str:
        """Name a parameter's element as the network does; anything else by its index.

        What an optimizer carries for it has the slot's name before: `velocity of w1`.
        """
        network = self._problem.network
        slot, param = slot_and_param(tensor)
        if slot:
            return f"{slot} of {self._name_of(param, element)}"
        if tensor in network.param_names:
            i = network.param_names.index(tensor)
            shape = network.param_shapes[i]
            start = sum(int(np.prod(s)) for s in network.param_shapes[:i])
            inner = element[len(element) - len(shape) :]
            return network.element_names[start + int(np.ravel_multi_index(inner, shape))]
        return f"{tensor}[{','.join(map(str, element))}]" if element else tensor


def _samples(at: Rows, place: tuple[int, ...]) -> tuple[int, ...]:
    """Return the samples that a place (row, *replica, ...) was computed from."""
    return () if at.batches is None else tuple(at.batches[place[: at.batches.ndim - 1]].tolist())


def _are_one(a: Array, b: Array) -> bool:
    """Whether two arrays are the same memory, as both sides of a step are in one trail."""
    left, right = a.__array_interface__, b.__array_interface__
    return all(left[key] == right[key] for key in ("data", "strides", "shape", "typestr"))
