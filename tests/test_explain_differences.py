"""Where two backends part, and why: told right of steps in which it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.bits import differing, same_bits
from shared.explain.differences import Difference, Why
from shared.explain.replay import Replay
from shared.explain.spine import joints
from tests.explained_runs import Step, array, first_step, replay, same, told

ORDER = joints(Step().network)
BEFORE_THE_LAST = ORDER[: ORDER.index("dL/dz1")]
OTHERS = ("torch", "jax")
STEPS = [Step(seed=seed, dtype=dtype) for dtype in ("float64", "float32") for seed in range(12)]

of_each = pytest.mark.parametrize("name", OTHERS)
at_every_step = pytest.mark.parametrize("step", STEPS, ids=str)


@pytest.fixture(scope="module", params=["float64", "float32"])
def ordered(request: pytest.FixtureRequest) -> Step:
    """A step of which torch's order in dL/dz1 is the first thing that changes a bit."""
    return first_step("torch", request.param, _parts_at_the_last_slope)


def _parts_at_the_last_slope(hand: Replay, torch: Replay) -> bool:
    return same(hand, torch, *BEFORE_THE_LAST) and not same(hand, torch, "dL/dz1")


def _of_torch(step: Step) -> dict[str, Difference]:
    return told(replay("numpy", step), replay("torch", step), step)


def test_where_the_order_alone_changes_a_bit_nothing_before_is_told(ordered: Step) -> None:
    assert [one for one in _of_torch(ordered) if one in BEFORE_THE_LAST] == []


def test_what_another_order_changes_is_born_there(ordered: Step) -> None:
    found, hand = _of_torch(ordered)["dL/dz1"], replay("numpy", ordered)
    g, a = array(hand, "dL/da1"), array(hand, "a1")
    expected = differing(g * (1 - a) * a, g * (a * (1 - a)))
    assert expected.any()
    assert found.born.tolist() == found.here.tolist() == expected.tolist()
    assert not found.inherited.any()


def test_another_order_is_told_with_both_formulas(ordered: Step) -> None:
    found = _of_torch(ordered)["dL/dz1"]
    assert found.why is Why.PRODUCT
    assert found.evidence == (
        "torch's bits come from (dL/da1·(1 - a1))·a1; numpy's from dL/da1·(a1·(1 - a1))"
    )
    assert (found.backend, found.reference) == ("torch", "numpy")


def test_torchs_way_on_the_hands_numbers_gives_torchs_bits(ordered: Step) -> None:
    """Where nothing before differs, the hand's numbers are torch's."""
    swapped = _of_torch(ordered)["dL/dz1"].swapped
    assert swapped is not None
    assert same_bits(swapped, array(replay("torch", ordered), "dL/dz1"))
    assert not same_bits(swapped, array(replay("numpy", ordered), "dL/dz1"))


@pytest.mark.parametrize("role", ["dL/db1", "dL/dW1"])
def test_what_is_made_of_other_numbers_in_one_way_is_inherited(ordered: Step, role: str) -> None:
    """dL/db1 is dL/dz1, and dL/dW1 one product: there is one way to make either."""
    found, hand, torch = (
        _of_torch(ordered)[role],
        replay("numpy", ordered),
        replay("torch", ordered),
    )
    deltas = [array(one, "dL/dz1") for one in (hand, torch)]
    made = [d[0] if role == "dL/db1" else d.T * ordered.x for d in deltas]
    assert found.inherited.tolist() == differing(*made).tolist()
    assert found.inherited.any()
    assert not found.born.any()
    assert (found.why, found.evidence) == (None, "")


@of_each
def test_another_exp_is_born_at_the_activation(name: str) -> None:
    step = first_step(name, "float32", _parts_at_the_first_activation)
    found = told(replay("numpy", step), replay(name, step), step)["a1"]
    z, a = array(replay(name, step), "z1"), array(replay(name, step), "a1")
    assert found.why is Why.EXP
    assert found.born.tolist() == found.here.tolist() == differing(1 / (1 + np.exp(-z)), a).tolist()
    assert not found.inherited.any()


def _parts_at_the_first_activation(hand: Replay, other: Replay) -> bool:
    return same(hand, other, "z1") and not same(hand, other, "a1")


def _slope(name: str, numbers: Replay, layer: int) -> Array:
    """dL/dz as a backend computes it, on any backend's numbers: in plain NumPy."""
    g, a = array(numbers, f"dL/da{layer}"), array(numbers, f"a{layer}")
    return np.asarray(g * (1 - a) * a if name == "torch" else g * (a * (1 - a)))


@of_each
@at_every_step
@pytest.mark.parametrize("layer", [1, 2])
def test_born_and_inherited_are_what_plain_numpy_says(name: str, step: Step, layer: int) -> None:
    hand, other = replay("numpy", step), replay(name, step)
    ours, theirs = (array(one, f"dL/dz{layer}") for one in (hand, other))
    crossed = _slope("numpy", other, layer)
    assert same_bits(_slope(name, other, layer), theirs)
    found = told(hand, other, step).get(f"dL/dz{layer}")
    shown = [np.zeros(ours.shape, bool)] * 3 if found is None else [
        found.here, found.born, found.inherited,
    ]  # fmt: skip
    expected = differing(ours, theirs), differing(crossed, theirs), differing(ours, crossed)
    assert [one.tolist() for one in shown] == [one.tolist() for one in expected]


@of_each
@at_every_step
def test_torchs_way_on_the_hands_numbers_is_what_plain_numpy_says(name: str, step: Step) -> None:
    hand, other = replay("numpy", step), replay(name, step)
    for role, found in told(hand, other, step).items():
        if role.startswith("dL/dz"):
            assert found.swapped is not None
            assert same_bits(found.swapped, _slope(name, hand, int(role[-1])))


def test_those_steps_show_what_is_born_and_what_is_inherited() -> None:
    """Else the tests above would show nothing."""
    found = [
        one for step in STEPS for name in OTHERS
        for one in told(replay("numpy", step), replay(name, step), step).values()
    ]  # fmt: skip
    kinds = {(bool(one.born.any()), bool(one.inherited.any())) for one in found}
    assert kinds >= {(True, False), (False, True)}
    assert Why.PRODUCT in {one.why for one in found}


@of_each
@at_every_step
def test_a_joint_that_is_not_told_has_the_same_bits(name: str, step: Step) -> None:
    hand, other = replay("numpy", step), replay(name, step)
    found = told(hand, other, step)
    for role in set(ORDER) - set(found):
        assert same_bits(array(hand, role), array(other, role)), role
    for role, one in found.items():
        assert one.here.tolist() == differing(array(hand, role), array(other, role)).tolist()


@of_each
@at_every_step
def test_every_difference_of_the_small_network_is_explained(name: str, step: Step) -> None:
    found = told(replay("numpy", step), replay(name, step), step)
    assert {role for role, one in found.items() if one.why is Why.UNEXPLAINED} == set()
    assert {role for role, one in found.items() if (one.why is None) == one.born.any()} == set()


@at_every_step
def test_the_hand_does_not_differ_from_itself(step: Step) -> None:
    assert told(replay("numpy", step), replay("numpy", step), step) == {}


@of_each
def test_a_product_by_a_rounded_sixth_is_another_formula_than_a_quotient(name: str) -> None:
    step = Step((3, 4, 2), 3)
    found = told(replay("numpy", step), replay(name, step), step)["dL/da2"]
    hand = replay("numpy", step)
    e = array(hand, "a2") - step.y
    assert (2 * e / 6 != 1 / 6 * (2 * e)).any(), "numbers that tell the two apart"
    assert found.born.any()
    assert found.why is Why.FORMULA


@of_each
def test_a_gradient_left_out_is_another_zero_than_one_times_0(name: str) -> None:
    """Of a negative gradient -0 and 0: no order of multiplication makes the one of the other."""
    step = replace(Step((3, 4, 2), 3), activation="relu")
    found = told(replay("numpy", step), replay(name, step), step)["dL/dz1"]
    assert array(replay("numpy", step), "dL/dz1")[found.born].tolist() == [0] * found.born.sum()
    assert found.born.any()
    assert found.why is Why.ZERO
