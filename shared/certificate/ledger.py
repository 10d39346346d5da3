"""What was found in one run: the first findings in the order of execution, and how many in all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Finding
from shared.certificate.tally import Tally
from shared.certificate.tensor_names import slot_and_param
from shared.problems import Problem
from shared.ulp import bits_differ, ulp_distance

KEPT = 20
"""As many findings are kept, the first in the order of execution; all are counted."""

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
    """Counts, extremes and findings of one backend, in memory that does not grow with the run."""

    def __init__(self, problem: Problem, dtype: str) -> None:
        self._problem, self._dtype = problem, dtype
        self._kept: list[tuple[int, int, Finding]] = []
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.found = 0
        self.worst = Verdict.EXPLAINED

    def may_keep(self, step: int) -> bool:
        """Whether a finding in this step, or in a later one, might be among the first."""
        return len(self._kept) < KEPT or step <= self._kept[-1][0]

    @property
    def first(self) -> tuple[Finding, ...]:
        """The first findings: by step, then by stage."""
        return tuple(finding for _, _, finding in self._kept)

    def count(self, judged: Judged, at: Rows) -> None:
        """Count a judged tensor in, and keep what failed."""
        at = at.part(judged.rows)
        key = (judged.stage, judged.tensor)
        if key not in self.tallies:
            self.tallies[key] = Tally(judged)
        self.tallies[key].add(judged, at.steps)
        if judged.verdict.max(initial=0) < Verdict.UNDECIDED:
            return
        bad = np.argwhere(judged.verdict >= Verdict.UNDECIDED)
        self.found += len(bad)
        self.worst = max(self.worst, Verdict(int(judged.verdict.max())))
        for index in bad[:KEPT].tolist():
            self._keep(at.rank, self._finding(judged, tuple(index), at))

    def say(self, step: int, stage: str, note: str, samples: tuple[int, ...] = ()) -> None:
        """Keep a finding that no number describes."""
        self.found += 1
        self.worst = Verdict.DIFFERENT
        said = replace(_UNPLACED, step=step, stage=stage, note=note, samples=samples)
        self._keep(-1, said)

    def count_more(self, count: int) -> None:
        """Count findings that are not kept."""
        self.found += count

    def hold_equal(self, stage: str, tensor: str, steps: Array, got: Array, wanted: Array) -> None:
        """Keep a finding wherever two arrays (s, ...) differ in their bits."""
        if _are_one(got, wanted):
            return
        broken = np.argwhere(bits_differ(got, wanted))
        self.found += len(broken)
        for index in broken[:KEPT].tolist():
            self.worst = Verdict.DIFFERENT
            place = tuple(index)
            value, expected = got[place], wanted[place]
            self._keep(0, replace(
                _UNPLACED, step=int(steps[place[0]]), stage=stage, tensor=tensor,
                element=place[1:], name=self._name_of(tensor, place[1:]), value=float(value),
                exact=float(expected), error=float(abs(value - expected)),
                ulps=int(ulp_distance(np.array([value]), np.array([expected]))[0]),
            ))  # fmt: skip

    def _finding(self, judged: Judged, place: tuple[int, ...], at: Rows) -> Finding:
        value, exact = np.asarray(judged.value[place]), np.asarray(judged.exact[place])
        error, bound = float(judged.error[place]), float(judged.bound[place])
        verdict = Verdict(int(judged.verdict[place]))
        note = judged.notes.get(place, judged.notes.get(place[0], ""))
        if judged.places is not None:
            place = tuple(int(axis[place[0]]) for axis in judged.places)
        samples = () if at.batches is None else at.batches[place[: at.batches.ndim - 1]].tolist()
        return replace(
            _UNPLACED, step=int(at.steps[place[0]]), samples=tuple(samples), stage=judged.stage,
            tensor=judged.tensor, element=place[1:], name=self._name_of(judged.tensor, place[1:]),
            value=float(value), exact=float(exact), error=error, bound=bound,
            ulps=int(ulp_distance(*(v.astype(self._dtype).reshape(1) for v in (value, exact)))[0]),
            verdict=verdict, note=note, formula=judged.formula, bitwise=judged.bitwise,
        )  # fmt: skip

    def _keep(self, rank: int, finding: Finding) -> None:
        epoch = -(-finding.step // self._problem.steps_per_epoch)
        self._kept.append((finding.step, rank, replace(finding, epoch=epoch)))
        # Only the first are told, so that a run that fails everywhere takes no more memory.
        self._kept = sorted(self._kept, key=lambda item: item[:2])[:KEPT]

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


def _are_one(a: Array, b: Array) -> bool:
    """Whether two arrays are the same memory, as both sides of a step are in one trail."""
    left, right = a.__array_interface__, b.__array_interface__
    return all(left[key] == right[key] for key in ("data", "strides", "shape", "typestr"))
