"""A step made again in NumPy: every joint's bits, and the whole from what it began with."""

from __future__ import annotations

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.bits import same_bits
from shared.explain.replay import Recipe, Replay
from shared.explain.spine import handed_in, joints
from tests.explained_runs import (
    FRAMEWORKS,
    WORKED,
    Step,
    array,
    backend,
    changed_at,
    maker,
    next_float,
    replay,
    replayed,
    with_operation,
)

STEPS = [
    *WORKED,
    *(
        Step(sizes, m, dtype=dtype)
        for sizes in ((3, 4, 2), (5, 4, 3, 2)) for m in (1, 3) for dtype in ("float64", "float32")
    ),
]  # fmt: skip
ASYMMETRIC = Step(worked="asymmetric")
ALL = [(name, step) for step in STEPS for name in FRAMEWORKS]

every_replay = pytest.mark.parametrize(("name", "step"), ALL, ids=str)
of_each = pytest.mark.parametrize("name", FRAMEWORKS)


def recipe(one: Replay, role: str) -> Recipe:
    found = one.recipe(role)
    assert found is not None, f"there is no recipe of {role}"
    return found


def begun_with(one: Replay, step: Step) -> dict[str, Array]:
    return {role: array(one, role) for role in handed_in(step.network)}


def drawn(like: Array, seed: int) -> Array:
    return np.random.RandomState(seed).normal(size=like.shape).astype(like.dtype)


@every_replay
def test_every_joint_has_a_recipe_that_gives_the_backends_bits(name: str, step: Step) -> None:
    one = replay(name, step)
    made = set(joints(step.network)) - set(handed_in(step.network))
    assert {role for role in made if not recipe(one, role).is_replayed} == set()


@every_replay
def test_the_whole_step_gives_the_bits_of_every_gradient(name: str, step: Step) -> None:
    one, given = replay(name, step), begun_with(replay(name, step), step)
    for role in (f"dL/d{tensor}" for tensor in step.network.param_names):
        made = one.make(role, given)
        assert made is not None
        assert same_bits(made, array(one, role)), role


@of_each
def test_other_parameters_give_other_gradients(name: str) -> None:
    one = replay(name, ASYMMETRIC)
    given = begun_with(one, ASYMMETRIC)
    made = one.make("dL/dW1", given | {"W2": next_float(given["W2"]) * 2})
    assert made is not None
    assert not same_bits(made, array(one, "dL/dW1"))


@of_each
@pytest.mark.parametrize("role", ["z1", "a1", "a2", "dL/dz2", "dL/dz1", "dL/dW1"])
def test_a_recipe_does_not_give_bits_that_the_backend_does_not_have(name: str, role: str) -> None:
    right = replay(name, ASYMMETRIC)
    wrong = changed_at(right.reading, right.stands[role], next_float)
    one = backend(name, ASYMMETRIC.network, "float64")
    assert not recipe(replayed(wrong, ASYMMETRIC, one), role).is_replayed


def test_a_sigmoid_that_gives_other_bits_when_made_again_is_not_replayed() -> None:
    right = replay("torch", ASYMMETRIC)
    made = maker(right, "a1")
    wrong = with_operation(
        right.reading, made.index, lambda arrays: tuple(map(next_float, made.again(arrays)))
    )
    found = recipe(replayed(wrong, ASYMMETRIC), "a1")
    assert found.functions == (made.index,)
    assert not found.is_replayed


FORMULAS = {
    "dL/dz1": {
        "numpy": "dL/da1·(a1·(1 - a1))",
        "torch": "(dL/da1·(1 - a1))·a1",
        "jax": "dL/da1·(a1·(1 - a1))",
    },
    "dL/dz2": {
        "numpy": "dL/da2·(a2·(1 - a2))",
        "torch": "(dL/da2·(1 - a2))·a2",
        "jax": "dL/da2·(a2·(1 - a2))",
    },
    "dL/da2": {
        "numpy": "(2·(a2 - y)) / 1", "torch": "(1 / 1)·((a2 - y)·2)", "jax": "(1 / 1)·(2·(a2 - y))",
    },
    "dL/db1": dict.fromkeys(FRAMEWORKS, "dL/dz1"),
    "dL/dW1": dict.fromkeys(FRAMEWORKS, "dL/dz1·x"),
    "dL/da1": dict.fromkeys(FRAMEWORKS, "dL/dz2·W2"),
}  # fmt: skip


@of_each
@pytest.mark.parametrize("step", WORKED, ids=str)
@pytest.mark.parametrize("role", FORMULAS)
def test_a_recipe_is_written_in_the_order_in_which_the_backend_rounds(
    name: str, step: Step, role: str
) -> None:
    assert recipe(replay(name, step), role).written == FORMULAS[role][name]


INPUTS = {
    "z1": ("x", "W1", "b1"),
    "a1": ("z1",),
    "L": ("y", "a2"),
    "dL/da2": ("y", "a2"),
    "dL/dz2": ("a2", "dL/da2"),
    "dL/dW2": ("a1", "dL/dz2"),
    "dL/da1": ("W2", "dL/dz2"),
}


@of_each
@pytest.mark.parametrize("role", INPUTS)
def test_a_recipe_ends_at_the_joints_before(name: str, role: str) -> None:
    """torch makes its dL/dL of L, as an array of ones: no number of L is used."""
    assert recipe(replay(name, ASYMMETRIC), role).inputs == INPUTS[role]


@of_each
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_other_numbers_are_taken_through_the_slope_in_the_backends_order(
    name: str, dtype: str
) -> None:
    one = replay(name, Step(worked="asymmetric", dtype=dtype))
    g, a = (
        np.concatenate([drawn(array(one, role), seed) for seed in range(start, start + 50)])
        for role, start in (("dL/da1", 0), ("a1", 50))
    )
    made = [one.make("dL/dz1", {"dL/da1": g[i : i + 1], "a1": a[i : i + 1]}) for i in range(len(g))]
    ways = {"torch": g * (1 - a) * a, "others": g * (a * (1 - a))}
    assert not same_bits(*ways.values()), "numbers that tell the orders apart"
    expected = ways["torch" if name == "torch" else "others"]
    assert same_bits(np.concatenate([row for row in made if row is not None]), expected)


@of_each
def test_other_numbers_are_taken_through_a_layer(name: str) -> None:
    """Small whole numbers: every order gives the same."""
    one = replay(name, ASYMMETRIC)
    x, W, b = np.array([[3.0, -2.0]]), np.array([[5.0, 7.0], [1.0, -4.0]]), np.array([2.0, 6.0])
    made = one.make("z1", {"x": x, "W1": W, "b1": b})
    assert made is not None
    assert made.tolist() == [[3.0, 17.0]]


def test_the_hand_takes_other_numbers_through_its_sigmoid() -> None:
    z = drawn(array(replay("numpy", ASYMMETRIC), "z1"), 3)
    made = replay("numpy", ASYMMETRIC).make("a1", {"z1": z})
    assert made is not None
    assert same_bits(made, 1 / (1 + np.exp(-z)))


def test_torch_takes_other_numbers_through_its_own_sigmoid() -> None:
    import torch

    z = drawn(array(replay("torch", ASYMMETRIC), "z1"), 3)
    made = replay("torch", ASYMMETRIC).make("a1", {"z1": z})
    assert made is not None
    assert same_bits(made, torch.sigmoid(torch.from_numpy(z)).numpy())


@pytest.mark.parametrize("role", ["1-a1", "f'1", "e^-z1", "no such role"])
def test_what_a_backend_never_forms_cannot_be_made(role: str) -> None:
    one = replay("torch", ASYMMETRIC)
    assert one.array(role) is None
    assert one.recipe(role) is None
    assert one.make(role, begun_with(one, ASYMMETRIC)) is None


def test_the_hand_forms_what_torch_does_not() -> None:
    one = replay("numpy", ASYMMETRIC)
    made = one.make("1-a1", {"a1": np.array([[0.25, 0.5]])})
    assert made is not None
    assert made.tolist() == [[0.75, 0.5]]


@of_each
@pytest.mark.parametrize("left_out", ["x", "W2", "b1", "y"])
def test_without_something_that_it_is_made_from_a_gradient_is_not_made(
    name: str, left_out: str
) -> None:
    one = replay(name, ASYMMETRIC)
    given = begun_with(one, ASYMMETRIC)
    del given[left_out]
    assert one.make("dL/dW1", given) is None


@of_each
def test_the_goal_itself_is_made_even_if_it_is_given(name: str) -> None:
    one = replay(name, ASYMMETRIC)
    given = {role: array(one, role) for role in ("a1", "dL/da1", "dL/dz1")}
    made = one.make("dL/dz1", given | {"dL/dz1": np.zeros((1, 2))})
    assert made is not None
    assert same_bits(made, array(one, "dL/dz1"))


@of_each
def test_what_is_given_is_not_made_of_what_came_before(name: str) -> None:
    one = replay(name, ASYMMETRIC)
    given = begun_with(one, ASYMMETRIC) | {"dL/dz1": np.array([[2.0, -4.0]])}
    made = one.make("dL/db1", given)
    assert made is not None
    assert made.tolist() == [2.0, -4.0]
