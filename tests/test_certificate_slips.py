"""Every stage and tensor of every kind of network: one number off, and all that follows from it.

At 0.99 of its bound a number passes as declared, at 1.01 it does not, and beyond what any form
allows it is found, there and nowhere else. Exact values are computed here apart from the
certificate.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from shared.certificate.decision import Verdict
from shared.certificate.stages import FORWARD, LOSS, UPDATE
from shared.network import Network
from tests.certified_exact import beside
from tests.certified_forms import beyond_all, named_forms, whole_step
from tests.certified_kinds import KINDS
from tests.certified_runs import Run, gradients_of, judgements, seen_by, trained
from tests.certified_slips import (
    Slip,
    expected_of,
    require_found,
    require_not_as_declared,
    slipped,
    slips_beside,
    some_place,
)

REPLICAS = {name for i, name in enumerate(KINDS) if i % 2}
"""Every second one is trained from two seeds at once, and slips in the second."""


def tensors(network: Network) -> list[tuple[str, str]]:
    """All that is recorded of a step before the update, by stage and name."""
    layers = range(1, len(network.sizes))
    found = [(FORWARD, f"a{layer}") for layer in layers]
    found += [(FORWARD, f"z{layers[-1]}")] if network.from_logits else []
    found += [(LOSS, "loss")]
    return found + [("backward", f"{kind}{layer}") for layer in layers for kind in "δbW"]


def named(cases: list[tuple[str, str, str]]) -> list[str]:
    return [f"{name}: {tensor}" for name, _, tensor in cases]


CASES = [(name, *pair) for name, one in KINDS.items() for pair in tensors(one.network)]
UPDATES = [
    (name, UPDATE, param) for name, one in KINDS.items() for param in one.network.param_names
]
every_tensor = pytest.mark.parametrize(("name", "stage", "tensor"), CASES, ids=named(CASES))
both_sides = pytest.mark.parametrize("side", [1, -1], ids=["above", "below"])


@cache
def run_of(name: str) -> Run:
    return trained(KINDS[name], (1, 2) if name in REPLICAS else 3)


def slips(name: str, stage: str, tensor: str, side: int, step: int = 3) -> tuple[Slip, Slip, Slip]:
    run = run_of(name)
    place = some_place(judgements(run)[stage, tensor], step, replica=int(name in REPLICAS))
    return slips_beside(run, stage, tensor, place, side)


@every_tensor
@both_sides
def test_a_number_within_its_bound(name: str, stage: str, tensor: str, side: int) -> None:
    inside, _, _ = slips(name, stage, tensor, side)
    altered = slipped(run_of(name), inside)
    assert judgements(altered)[stage, tensor].value[inside.step - 1][inside.element] == inside.value
    certificate = altered.judged()
    assert certificate.certified
    assert not named_forms(certificate)


@every_tensor
@both_sides
def test_a_number_beyond_its_declared_bound(name: str, stage: str, tensor: str, side: int) -> None:
    _, aside, _ = slips(name, stage, tensor, side)
    require_not_as_declared(slipped(run_of(name), aside), aside)


@every_tensor
@both_sides
def test_a_number_beyond_all_its_bounds(name: str, stage: str, tensor: str, side: int) -> None:
    _, _, outside = slips(name, stage, tensor, side)
    run = run_of(name)
    found = require_found(slipped(run, outside), outside, expected_of(run, outside))
    assert found.error > found.bound > 0


@pytest.mark.parametrize("name", KINDS)
def test_a_loss_has_no_second_bound(name: str) -> None:
    """Other numbers may be held by the bound from end to end, which is no proof."""
    _, _, outside = slips(name, LOSS, "loss", side=1)
    assert expected_of(run_of(name), outside) == Verdict.DIFFERENT


FIRST = [case for case in CASES if case[2] != "loss"]


@pytest.mark.parametrize(("name", "stage", "tensor"), FIRST, ids=named(FIRST))
def test_a_number_beyond_what_it_may_be_end_to_end(name: str, stage: str, tensor: str) -> None:
    run, step = run_of(name), 2
    place = some_place(judgements(run)[stage, tensor], step, replica=int(name in REPLICAS))
    ends = whole_step(seen_by(run), stage, tensor, place)
    assert ends is not None
    exact, bound = ends
    _, whole = beside(exact, float(bound), 1)
    outside = max(whole, beyond_all(seen_by(run), gradients_of(run), stage, tensor, place, 1))
    slip = Slip(stage, tensor, step, place[1:], outside)
    require_found(slipped(run, slip), slip, Verdict.DIFFERENT)


def roundings(run: Run, tensor: str, place: tuple[int, ...]) -> tuple[float, float]:
    """w - ηg rounded twice, and once."""
    i = run.problem.network.param_names.index(tensor)
    w, g = float(run.whole.before[i][place]), float(run.whole.grads[i][place])
    rate = float(run.rate)
    return w - rate * g, float(Fraction(w) - Fraction(rate) * Fraction(g))


@pytest.mark.parametrize(("name", "stage", "tensor"), UPDATES, ids=named(UPDATES))
@both_sides
def test_a_parameter_one_float_beyond_both_roundings(
    name: str, stage: str, tensor: str, side: int
) -> None:
    run, step = run_of(name), 3
    place = some_place(judgements(run)[stage, tensor], step, replica=int(name in REPLICAS))
    allowed = roundings(run, tensor, place)
    value = math.nextafter((max if side > 0 else min)(allowed), side * math.inf)
    slip = Slip(stage, tensor, step, place[1:], value)
    found = require_found(slipped(run, slip), slip, Verdict.DIFFERENT)
    assert found.exact == allowed[1]
    assert found.ulps == 1 + (found.exact != (max if side > 0 else min)(allowed))


@pytest.mark.parametrize("name", KINDS)
def test_a_parameter_that_was_rounded_once(name: str) -> None:
    """NumPy rounds twice; a fused step may end in another float, and is as good."""
    run = run_of(name)
    tensor, place, once = next(
        (tensor, place, once)
        for tensor in run.problem.network.param_names
        for place in np.ndindex(judgements(run)[UPDATE, tensor].value.shape)
        for twice, once in [roundings(run, tensor, place)]
        if twice != once
    )
    altered = slipped(run, Slip(UPDATE, tensor, place[0] + 1, place[1:], once))
    (stage,) = (s for s in altered.judged().stages if (s.stage, s.tensor) == (UPDATE, tensor))
    assert altered.judged().certified
    assert stage.counts[Verdict.BIT_EQUAL] == sum(stage.counts)
