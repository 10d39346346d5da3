"""What nobody knows is shown by its name; what stands before and behind it keeps its role."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from impls import numpy_backprop
from shared.explain.alignment import How
from shared.explain.nearest import role_by_value
from shared.explain.vocabulary import VOCABULARY
from tests.explained_steps import (
    ASYMMETRIC,
    SQUARED,
    SYMMETRIC,
    Case,
    Explained,
    altered,
    explained_by,
    framework,
)

BEFORE = {"p1", "z1"}
BEHIND = {"z2", "e", "dL/da2", "dL/dz2", "dL/dW2", "dL/db2", "dL/da1", "dL/dW1", "dL/db1"}


def unaligned(found: Explained) -> list[tuple[str, str | None]]:
    """Return the names of the operations that are not known, with what they seem to make."""
    return [(name, role) for name, role, how in found.told() if how == How.UNALIGNED.value]


@cache
def of_cubes(name: str, case: Case) -> Explained:
    """Read a step whose hidden function is the cube root of the cube of the sigmoid."""
    if name == "torch":
        torch = framework(name)
        return altered(name, case, activation=lambda z: (torch.sigmoid(z) ** 3) ** (1 / 3))
    if name == "jax":
        jnp, nn = framework(name).numpy, framework(name).nn
        functions = {"sigmoid": lambda z: jnp.cbrt(nn.sigmoid(z) ** 3)}
        return altered(name, case, functions=functions)
    honest = numpy_backprop.sigmoid
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(numpy_backprop.FUNCTIONS, "sigmoid", lambda z: np.cbrt(honest(z) ** 3))
        return altered(name, case)


@pytest.mark.parametrize(
    ("name", "cube", "root"),
    [
        ("numpy", "power", "cbrt"),
        ("torch", "aten.pow[3]", "aten.pow[0.3333333333333333]"),
        ("jax", "integer_pow[3]", "cbrt"),
    ],
)
@pytest.mark.parametrize("case", [SYMMETRIC, ASYMMETRIC, SQUARED[3]], ids=str)
def test_an_operation_that_is_not_known_is_shown(
    name: str, cube: str, root: str, case: Case
) -> None:
    found = of_cubes(name, case)
    shown = unaligned(found)
    assert (root, "a1") in shown  # the backend's own results name what it made
    assert cube in dict(shown)
    assert {how for one, _, how in found.told() if one in (cube, root)} == {"unaligned"}


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("case", [SYMMETRIC, ASYMMETRIC, SQUARED[3]], ids=str)
def test_what_stands_before_and_behind_it_has_its_role(name: str, case: Case) -> None:
    found = of_cubes(name, case)
    before = BEFORE - ({"p1"} if name == "torch" else set())
    assert before | BEHIND | {"a1", "a2"} <= set(found.alignment.roles)
    known = [(name, role) for name, role, how in found.told() if how != "unaligned"]
    assert [name for name, role in known if role is None] == []
    assert len(found.alignment.placed) == len(found.reading.operations)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_equal_numbers_are_not_mistaken(name: str) -> None:
    """Behind what is not known a role may be told by its value, but never another one."""
    symmetric, other = (of_cubes(name, c).told() for c in (SYMMETRIC, ASYMMETRIC))
    pairs = zip(symmetric, other, strict=True)
    assert all(a == b or "unaligned" in (a[2], b[2]) for a, b in pairs)


MISSING = [
    ("numpy", "matmul"),
    ("numpy", "exp"),
    ("numpy", "subtract"),
    ("numpy", "add.reduce"),
    ("torch", "aten.addmm"),
    ("torch", "aten.mm"),
    ("torch", "aten.sigmoid"),
    ("torch", "aten.sigmoid_backward"),
    ("torch", "aten.mean"),
    ("jax", "dot_general"),
    ("jax", "logistic"),
    ("jax", "reduce_sum"),
]


@pytest.mark.parametrize(("name", "operation"), MISSING)
def test_a_vocabulary_with_a_word_less(
    name: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explained_by(name, ASYMMETRIC).told()
    monkeypatch.delitem(VOCABULARY[name], operation)
    told = altered(name, ASYMMETRIC).told()
    assert {one for one, _, how in told if how == "unaligned"} == {operation}
    assert [one for one, _, _ in told] == [one for one, _, _ in whole]
    lost = [(one, role) for (one, role, _), (_, other, _) in zip(whole, told, strict=True)
            if role != other]  # fmt: skip
    assert lost == []


def test_where_several_roles_fit_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One output and one sample: dL/de² is 1, so that dL/da2 is 2e."""
    whole = explained_by("jax", ASYMMETRIC).told()
    monkeypatch.delitem(VOCABULARY["jax"], "mul")
    told = altered("jax", ASYMMETRIC).told()
    lost = [(one, other) for one, other in zip(whole, told, strict=True) if one[1] != other[1]]
    assert lost == [
        (("mul", "2e", "rule"), ("mul", None, "unaligned")),
        (("mul", "dL/da2", "rule"), ("mul", None, "unaligned")),
    ]


@pytest.mark.parametrize(("name", "operation"), MISSING[:2])
def test_a_vocabulary_with_a_wrong_word(
    name: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that is said to be another follows no rule, and is a part at most."""
    monkeypatch.setitem(VOCABULARY[name], operation, "tanh")
    told = altered(name, ASYMMETRIC).told()
    hows = {how for one, _, how in told if one == operation}
    assert hows <= {"result", "part"}


# By value, where the structure says nothing.


def by_value(case: Case, role: str, made_from: str, taken: tuple[str, ...] = ()) -> str | None:
    roles = explained_by("numpy", case).spine
    array = roles[role].exact
    return role_by_value(array, frozenset({made_from}), roles, frozenset(taken))


@pytest.mark.parametrize(
    ("role", "made_from"), [("z1", "x"), ("p1", "x"), ("a1", "z1"), ("dL/dz1", "dL/da1")]
)
def test_a_role_is_known_by_its_value_where_one_alone_fits(role: str, made_from: str) -> None:
    assert by_value(ASYMMETRIC, role, made_from) == role


@pytest.mark.parametrize(
    ("case", "role", "made_from", "taken"),
    [
        (SYMMETRIC, "z1", "x", ()),  # with biases of 0 it is p1, too
        (ASYMMETRIC, "a1", "z2", ()),  # what comes before is not made from what comes after
        (ASYMMETRIC, "a1", "z1", ("a1",)),  # another operation made it
    ],
    ids=["several fit", "it stands before", "it is taken"],
)
def test_a_role_is_not_known(case: Case, role: str, made_from: str, taken: tuple[str, ...]) -> None:
    assert by_value(case, role, made_from, taken) is None


@pytest.mark.parametrize(
    "change",
    [lambda a: a * (1 + 1e-6), lambda a: a[0], lambda a: a.astype("float32"), lambda a: -a],
    ids=["digits", "shape", "dtype", "sign"],
)
def test_another_array_fits_no_role(change: Callable[[Any], Any]) -> None:
    roles = explained_by("numpy", ASYMMETRIC).spine
    array = change(roles["a1"].exact)
    assert role_by_value(array, frozenset({"z1"}), roles, frozenset()) is None


def test_half_of_the_digits_are_enough() -> None:
    roles = explained_by("numpy", ASYMMETRIC).spine
    array = roles["a1"].exact * (1 + 1e-9)
    assert role_by_value(array, frozenset({"z1"}), roles, frozenset()) == "a1"
