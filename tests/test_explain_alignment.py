"""Every value and operation of three frameworks has its role in the one chain rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from impls import numpy_backprop
from shared.backend import Array, Params
from shared.explain.alignment import How, align
from shared.explain.spine import joints
from shared.registry import Source
from tests.explained_steps import (
    ASYMMETRIC,
    OTHERS,
    SQUARED,
    SYMMETRIC,
    Case,
    Explained,
    altered,
    explained,
    explained_by,
    in_more_than_half,
    steps,
)
from tests.kinds import COVERING, Kind

FRAMEWORKS = ["numpy", "torch", "jax"]
SQUARE = Case(Kind(sizes=(3, 3, 3)), 3)


def wrong_values(found: Explained) -> list[tuple[str, str]]:
    """Return the values that have a role, but not its numbers."""
    rows = zip(found.reading.values, found.alignment.roles, found.alignment.is_turned, strict=True)
    return [
        (value.name, role) for value, role, is_turned in rows
        if role is not None
        and not in_more_than_half(value.array, found.spine[role].exact, is_turned)
    ]  # fmt: skip


@steps([*SQUARED, *OTHERS])
def test_every_operation_has_a_role(source: Source, case: Case, dtype: str) -> None:
    found = explained(source, case, dtype)
    assert [name for name, role, _ in found.told() if role is None] == []
    assert found.alignment.unaligned == ()


@steps(SQUARED)
def test_of_squares_and_sigmoids_every_operation_has_a_rule(
    source: Source, case: Case, dtype: str
) -> None:
    hows = {how for _, _, how in explained(source, case, dtype).told()}
    assert hows == {"rule", "layout"}


@steps([*SQUARED, *OTHERS])
def test_what_has_a_role_has_its_value(source: Source, case: Case, dtype: str) -> None:
    assert wrong_values(explained(source, case, dtype)) == []


def test_another_role_is_seen_by_its_value() -> None:
    found = explained_by("numpy", ASYMMETRIC)
    swapped = {"a1": "z1", "z1": "a1"}
    roles = tuple(swapped.get(role or "", role) for role in found.alignment.roles)
    assert wrong_values(replace(found, alignment=replace(found.alignment, roles=roles)))


@steps([*SQUARED, *OTHERS])
def test_every_joint_is_there(source: Source, case: Case, dtype: str) -> None:
    """A loss that is computed from z needs no a_L, and asks for no dL/da_L."""
    found = explained(source, case, dtype)
    wanted = {name for name in joints(case.network) if name in found.spine}
    last = len(case.network.sizes) - 1
    if case.network.from_logits:
        wanted -= {f"a{last}", f"dL/da{last}"}
    assert wanted <= set(found.alignment.roles)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equal_numbers_are_not_mistaken(name: str, dtype: str) -> None:
    """In the symmetric step h1 is h2, and w1 is w2: roles come from the structure alone."""
    symmetric, other = (explained_by(name, case, dtype) for case in (SYMMETRIC, ASYMMETRIC))
    assert symmetric.told() == other.told()
    assert symmetric.alignment == other.alignment


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_other_numbers_have_the_same_roles(name: str, seed: int) -> None:
    case = Case(Kind(sizes=(2, 2, 1)), seed=seed)
    assert explained_by(name, case).told() == explained_by(name, ASYMMETRIC).told()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_numbers_play_no_part(name: str) -> None:
    """With every array full of ones, the roles are what they were."""
    found = explained_by(name, SQUARED[3])
    values = tuple(replace(v, array=np.ones_like(v.array)) for v in found.reading.values)
    blind = replace(found.reading, values=values)
    assert align(blind, found.case.network, found.spine) == found.alignment


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numpy", ["layout W1", "rule p1", "layout b1", "rule z1"]),
        ("torch", ["layout W1", "rule z1"]),
        ("jax", ["layout W1", "rule p1", "layout b1", "rule z1"]),
    ],
)
def test_the_first_layer(name: str, expected: list[str]) -> None:
    told = explained_by(name, ASYMMETRIC).told()
    assert [f"{how} {role}" for _, role, how in told[: len(expected)]] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numpy", {"1-a1": 1, "f'1": 1, "dL/da1": 1, "dL/dz1": 1}),
        ("torch", {"1-a1": 0, "f'1": 0, "dL/da1": 1, "dL/dz1": 1}),
        ("jax", {"1-a1": 1, "f'1": 1, "dL/da1": 1, "dL/dz1": 1}),
    ],
)
def test_what_each_forms_of_a_slope(name: str, expected: dict[str, int]) -> None:
    """torch's sigmoid_backward keeps f' to itself."""
    made = [role for _, role, how in explained_by(name, ASYMMETRIC).told() if how == "rule"]
    assert {role: made.count(role) for role in expected} == expected


@pytest.mark.parametrize("kind", [one for one in COVERING if one.output == "softmax"], ids=str)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_ways_within_a_function_are_parts(name: str, kind: Kind) -> None:
    told = explained_by(name, Case(kind, 3)).told()
    parts = {role for _, role, how in told if how == "part"}
    assert parts <= {"a2", "L", "dL/dz2", "z2"}
    assert "L" in parts


# What is not the chain rule gets none of its names by a rule.


def by_rule(found: Explained, role: str) -> int:
    return [(role_, how) for _, role_, how in found.told()].count((role, "rule"))


def of_forward(monkeypatch: pytest.MonkeyPatch, product: Any) -> Explained:
    """Read the derivation by hand with another product in its forward pass."""

    def forward(network: Any, params: Params, x: Array) -> tuple[list[Array], Array]:
        activations = [x]
        for W, b in zip(params[0::2], params[1::2], strict=True):
            z = product(activations[-1], W) + b[..., None, :]
            activations.append(numpy_backprop.FUNCTIONS[network.activation](z))
        return activations, z

    monkeypatch.setattr(numpy_backprop, "forward", forward)
    return altered("numpy", SQUARE)


@pytest.mark.parametrize(
    ("product", "times"),
    [
        (lambda a, W: a @ W.mT, 1),
        (lambda a, W: (W @ a.mT).mT, 1),
        (lambda a, W: a @ W, 0),
        (lambda a, W: a.mT @ W.mT, 0),
    ],
    ids=["a W.T", "(W a.T).T", "a W", "a.T W.T"],
)
def test_a_matrix_that_is_not_turned_is_another_product(
    product: Any, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = of_forward(monkeypatch, product)
    assert (by_rule(found, "p1"), by_rule(found, "p2")) == (times, times)
    assert (wrong_values(found) == []) == bool(times)


@pytest.mark.parametrize(("axis", "times"), [(-2, 1), (-1, 0)])
def test_a_sum_over_the_other_axis_is_another_sum(
    axis: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = numpy_backprop.backward

    def backward(*given: Any) -> Any:
        grads, deltas = honest(*given)
        summed = [g if i % 2 == 0 else deltas[i // 2].sum(axis=axis) for i, g in enumerate(grads)]
        return tuple(summed), deltas

    monkeypatch.setattr(numpy_backprop, "backward", backward)
    found = altered("numpy", SQUARE)
    (last,) = (one.index for one in found.made("add.reduce")[-1:])
    placed = found.alignment.placed[last]
    assert (placed.role, placed.how) == ("dL/db2", How.RULE if times else How.RESULT)
