"""One gradient moved in a record without deltas: within its bound it passes, beyond it is found.

The exact values are computed here a second time, in fractions and in 60-digit decimals. The update
from the moved gradient is the recorded one, so that nothing else is touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from shared.certificate.decision import Verdict
from tests.certified_exact import beside
from tests.certified_forms import forms_of, named_forms, whole_step
from tests.certified_runs import Place, Run, judgements, seen_by
from tests.certified_tampered import (
    beyond,
    both_sides,
    every_row,
    every_run,
    exact,
    moved,
    place_of,
    require_only,
    require_place,
)

Case = TypeVar("Case", bound=tuple[Any, ...])


def untouched(run: Run, tensor: int, place: Place, *values: float) -> bool:
    """Say whether the update from these gradients is the recorded one."""
    w, after = run.whole.before[tensor][place], run.whole.after[tensor][place]
    return all(bool(w - run.rate * g == after) for g in values)


def cut_point_cases(run: Run, row: int, side: int) -> Iterator[tuple[int, Place, float, float]]:
    """An element of each gradient that can be moved with nothing else, and where to: within its
    declared bound, and beyond that."""
    honest = judgements(run)
    for tensor, place in elements(run, row):
        name = run.problem.network.param_names[tensor]
        true = exact(run, "backward", name, place)
        bound = float(honest["backward", name].bound[place])
        inside, aside = beside(true, bound, side)
        if untouched(run, tensor, place, inside, aside):
            yield tensor, place, inside, aside


def whole_step_cases(run: Run, row: int, side: int) -> Iterator[tuple[int, Place, float, float]]:
    """The same beyond all forms: within the bound from end to end, and beyond that as well."""
    for tensor, place in elements(run, row):
        name = run.problem.network.param_names[tensor]
        ends = whole_step(seen_by(run), "backward", name, place)
        assert ends is not None
        inside, outside = beside(ends[0], float(ends[1]), side)
        beyond_forms = beyond(run, "backward", name, place, side)
        if side * inside > side * beyond_forms and untouched(run, tensor, place, inside, outside):
            yield tensor, place, inside, outside


def elements(run: Run, row: int) -> Iterator[tuple[int, Place]]:
    for tensor, shape in enumerate(run.problem.network.param_shapes):
        for inner in np.ndindex(*shape):
            yield tensor, place_of(run, row, inner)


def first_of_each(cases: Iterable[Case]) -> list[Case]:
    """One case for each tensor."""
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(case[0], case)
    return list(first.values())


@every_run
@every_row
@both_sides
def test_a_gradient_at_its_cut_point(run: Run, row: int, side: int) -> None:
    """Where the update from the moved gradient is the recorded one, nothing else is touched."""
    network = run.problem.network
    cases = first_of_each(cut_point_cases(run, row, side))
    assert len(cases) == len(network.param_names)
    for tensor, place, inside, aside in cases:
        within = moved(run, "grads", tensor, place, inside).judged()
        assert within.certified
        assert not named_forms(within)
        altered = moved(run, "grads", tensor, place, aside)
        require_not_as_declared(altered, place, network.param_names[tensor])


@every_run
@every_row
@both_sides
def test_a_gradient_beyond_all_forms(run: Run, row: int, side: int) -> None:
    """The update may notice as well, in the same step."""
    network = run.problem.network
    for tensor, place in first_of_each(elements(run, row)):
        name, shape = network.param_names[tensor], network.param_shapes[tensor]
        outside = beyond(run, "backward", name, place, side)
        findings = moved(run, "grads", tensor, place, outside).judged().findings
        touched = not untouched(run, tensor, place, outside)
        assert [found.stage for found in findings] == ["backward"] + touched * ["update"]
        require_place(findings[0], run, place, "backward", name)
        assert findings[0].verdict in (Verdict.UNDECIDED, Verdict.DIFFERENT)
        start = sum(math.prod(s) for s in network.param_shapes[:tensor])
        flat = start + int(np.ravel_multi_index(place[len(place) - len(shape) :], shape))
        assert findings[0].name == network.element_names[flat]
        assert findings[0].value == outside
        assert findings[0].ulps > 0


def require_not_as_declared(run: Run, place: Place, name: str) -> None:
    """The gradient is found, or all of its step are another form's, which is named."""
    certificate = run.judged()
    if certificate.found:
        require_only(run, place, "backward", name, Verdict.UNDECIDED, Verdict.DIFFERENT)
    else:
        assert forms_of(certificate, name)


@every_run
@every_row
@both_sides
def test_a_gradient_beyond_what_it_may_be_end_to_end(run: Run, row: int, side: int) -> None:
    cases = first_of_each(whole_step_cases(run, row, side))
    assert cases
    for tensor, place, inside, outside in cases:
        name = run.problem.network.param_names[tensor]
        for value, verdict in ((inside, Verdict.UNDECIDED), (outside, Verdict.DIFFERENT)):
            require_only(
                moved(run, "grads", tensor, place, value), place, "backward", name, verdict
            )
