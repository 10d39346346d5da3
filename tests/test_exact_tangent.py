"""The derivative of a gradient along directions, held to central differences in balls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate import exact
from shared.certificate.arithmetic import Arithmetic, Double, DoubleDoubles
from shared.certificate.ball import Balls
from shared.certificate.exact_step import step
from shared.certificate.exact_tangent import gradient_tangents
from tests.kinds import KINDS, Kind

BITS = 400
H = arb(2) ** -100
DIFFERENCE = -170.0
"""What H² leaves, times a third derivative of no more than 2^30."""

LOST = 14
SIZES, SAMPLES, DIRECTIONS, STEPS = (3, 4, 3, 2), 3, 2, 2
BALLS = Balls()
DEEP = [Kind(kind.activation, kind.output, kind.loss, SIZES) for kind in KINDS]
every_kind = pytest.mark.parametrize("kind", DEEP, ids=str)
every_arithmetic = pytest.mark.parametrize(
    ("arithmetic", "allowed"),
    [(BALLS, DIFFERENCE), (DoubleDoubles(), -100.0 + LOST), (Double(), -53.0 + LOST)],
    ids=["balls", "pairs", "float64"],
)


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    with flint.ctx.workprec(BITS):
        yield


def data(kind: Kind) -> tuple[Array, Array]:
    """Other samples for each of two steps: (s, m, n_0) and (s, m, n_L)."""
    of_kind = kind.data("float64")
    x, y = of_kind.x[: STEPS * SAMPLES], of_kind.y[: STEPS * SAMPLES]
    return x.reshape(STEPS, SAMPLES, -1), y.reshape(STEPS, SAMPLES, -1)


def along(arithmetic: Arithmetic, kind: Kind, directions: Sequence[Any]) -> tuple[Any, ...]:
    """Products with directions at two steps, which have parameters of their own."""
    params = [arithmetic.lift(w) for w in kind.params("float64", STEPS)]
    x, y = map(arithmetic.lift, data(kind))
    made = step(arithmetic, kind.network, params, x, y)
    return gradient_tangents(arithmetic, kind.network, params, made, directions)


def directions_of(kind: Kind, seed: int = 11) -> list[Array]:
    """Two, each for both steps: (d, 1, ...)."""
    draw = np.random.RandomState(seed)
    return [draw.normal(size=(DIRECTIONS, 1, *shape)) for shape in kind.network.param_shapes]


def differences(kind: Kind, directions: Sequence[Array]) -> Array:
    """(d, s, P) balls: how gradients differ between two points of each direction."""
    params = [BALLS.lift(w) for w in kind.params("float64", STEPS)]
    x, y = map(BALLS.lift, data(kind))

    def at(h: arb) -> list[Any]:
        moved = [w + h * BALLS.lift(v) for w, v in zip(params, directions, strict=True)]
        return [
            flat(step(BALLS, kind.network, [w[d] for w in moved], x, y).grads)
            for d in range(DIRECTIONS)
        ]

    return np.array([(a - b) / (2 * H) for a, b in zip(at(H), at(-H), strict=True)])


def flat(tensors: Sequence[Any]) -> Array:
    """(..., P) of tensors with a step axis, or a direction and a step axis, in front."""
    lead = tensors[1].shape[:-1]
    return np.concatenate([np.asarray(t).reshape(*lead, -1) for t in tensors], axis=-1)


def worst(arithmetic: Arithmetic, found: Sequence[Any], true: Array) -> float:
    """log2 of the largest error, relative to the largest of all."""
    if isinstance(arithmetic, DoubleDoubles):
        found = [BALLS.lift(t.high) + BALLS.lift(t.low) for t in found]
    lifted = BALLS.lift(flat(found))
    assert lifted.shape == true.shape
    error = max(one.abs_upper() for one in (lifted - true).ravel())
    share = error / max(abs(one) for one in true.ravel())
    return -np.inf if share == 0 else float(share.log() / arb(2).log())


@every_arithmetic
@every_kind
def test_a_product_is_the_difference_of_two_gradients(
    kind: Kind, arithmetic: Arithmetic, allowed: float
) -> None:
    directions = directions_of(kind)
    found = along(arithmetic, kind, [arithmetic.lift(v) for v in directions])
    assert worst(arithmetic, found, differences(kind, directions)) <= allowed


@every_kind
def test_products_are_linear_in_the_direction(kind: Kind) -> None:
    u, v = (list(map(BALLS.lift, directions_of(kind, seed))) for seed in (1, 2))
    mixed = [3 * a - 5 * b for a, b in zip(u, v, strict=True)]
    of_u, of_v, of_mixed = (flat(along(BALLS, kind, one)) for one in (u, v, mixed))
    assert worst(BALLS, [of_mixed[..., :-1], of_mixed[..., -1:]], 3 * of_u - 5 * of_v) < 20 - BITS


@every_kind
def test_second_derivatives_are_symmetric(kind: Kind) -> None:
    u, v = (list(map(BALLS.lift, directions_of(kind, seed))) for seed in (1, 2))
    left = (flat(u) * flat(along(BALLS, kind, v))).sum(axis=-1)
    right = (flat(v) * flat(along(BALLS, kind, u))).sum(axis=-1)
    assert max(one.abs_upper() for one in (left - right).flat) < arb(2) ** (20 - BITS)


@every_kind
def test_a_direction_for_both_steps_is_one_for_each(kind: Kind) -> None:
    shared = directions_of(kind)
    each = [np.repeat(v, STEPS, axis=1) for v in shared]
    for a, b in zip(along(Double(), kind, shared), along(Double(), kind, each), strict=True):
        assert a.shape[:2] == (DIRECTIONS, STEPS)
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("tensor", range(6))
def test_each_tensor_of_a_direction_counts(tensor: int) -> None:
    kind = DEEP[0]
    directions = directions_of(kind)
    wrong = [-v if i == tensor else v for i, v in enumerate(directions)]
    assert worst(Double(), along(Double(), kind, wrong), differences(kind, directions)) > -20


@pytest.mark.parametrize(
    "kind",
    [k for k in DEEP if k.activation != "relu" or (k.output, k.loss[:4]) == ("sigmoid", "mean")],
    ids=str,
)
def test_a_product_without_the_bend_of_a_function_is_noticed(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    directions = directions_of(kind)
    monkeypatch.setattr(exact, "bend", lambda _name, _true, slope: 0 * slope)
    assert worst(Double(), along(Double(), kind, directions), differences(kind, directions)) > -20
