"""Many seeds on a problem and, where it has one, on its sibling with centred data.

Whether a network gets stuck, and whether rounding decides where it ends, are properties of the
network and its data; the same seeds on the same data, less the means of its columns, show that.
`compare.py --seeds` makes this, and the reports lay both side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.named_problems import centred
from shared.problems import Problem
from shared.registry import Loaded
from shared.survey import survey
from shared.surveyed import Survey
from shared.training import Missing


@dataclass(frozen=True, slots=True)
class Atlas:
    """What many seeds came to.

    survey
        On the problem that was asked for.
    sibling
        The problem with the centred data; None where there is none.
    centred
        The same seeds on the sibling; None where there is none, and where it was not begun.
    """

    survey: Survey
    sibling: Problem | None = None
    centred: Survey | None = None

    @property
    def interrupted(self) -> bool:
        """Whether anything is missing, or stands where it was when Ctrl-C came."""
        if self.survey.interrupted or self.sibling is None:
            return self.survey.interrupted
        return self.centred is None or self.centred.interrupted


def steps_per_seed(problem: Problem) -> int:
    """Return how many steps the atlas makes from a seed, on each backend, twins not counted."""
    sibling = centred(problem)
    return problem.step_count + (sibling.step_count if sibling else 0)


def atlas(
    problem: Problem,
    seeds: Sequence[int],
    loaded: Sequence[Loaded],
    *,
    missing: Sequence[Missing] = (),
    dtype: str = "float64",
    progress: Callable[[int], None] = lambda _: None,
) -> Atlas:
    """Survey the seeds on the problem, then on its sibling; `progress` gets steps times seeds.

    Ctrl-C takes away nothing that was finished: of a survey that it interrupts there is what
    `shared.survey` makes of it, and what comes after is not begun.
    """
    sibling = centred(problem)
    asked = survey(problem, seeds, loaded, missing=missing, dtype=dtype, progress=progress)
    if sibling is None or asked.interrupted:
        return Atlas(asked, sibling)
    try:
        before = problem.step_count * len(seeds)
        beside = survey(
            sibling, seeds, loaded,
            missing=missing, dtype=dtype, progress=lambda made: progress(before + made),
        )  # fmt: skip
    except KeyboardInterrupt:
        return Atlas(asked, sibling)
    return Atlas(asked, sibling, beside)
