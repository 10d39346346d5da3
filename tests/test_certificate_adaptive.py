"""The steps that divide by a root: the exact one, and what rounding may do to it.

The exact step is held to fractions; the bound to programs that compute the step as one likes.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.adaptive_step import Step, exact_step
from shared.certificate.adaptive_update import judge_adaptive
from shared.certificate.arithmetic import Arithmetic, Double, DoubleDoubles, LongDouble
from shared.certificate.ball import Balls, precision
from shared.certificate.decision import Judged, Verdict
from shared.certificate.judge import reference_for
from shared.certificate.update_numbers import Numbers
from shared.optimizer import Optimizer
from tests.exact_optimizer import PARAMETER, Exact, exact_update, root
from tests.optimizers import OPTIMIZERS
from tests.step_arrangements import Given, arranged, flushing

ADAPTIVE = {
    **{name: one for name, one in OPTIMIZERS.items() if one.name in ("rmsprop", "adam", "adamw")},
    "a large ε": Optimizer(0.3, "adam", epsilon=10.0),
    "a small ε": Optimizer(0.3, "adam", epsilon=1e-15),
    "a small ε inside": Optimizer(0.3, "adam", epsilon=1e-25, epsilon_place="inside"),
    "much decay": Optimizer(0.3, "adamw", weight_decay=2.5, epsilon_place="inside"),
    "much decay of rmsprop": Optimizer(0.3, "rmsprop", weight_decay=0.9, decay="decoupled"),
}
every_one = pytest.mark.parametrize("one", ADAPTIVE.values(), ids=ADAPTIVE.keys())
every_step = pytest.mark.parametrize("step", [1, 2, 10, 100_000])

SIZES = {
    "float64": [(-3, 3), (-40, -20), (30, 60), (-520, -490), (-900, -800)],
    "float32": [(-3, 3), (-30, -15), (10, 30), (-66, -58), (-100, -90)],
}
"""Exponents of gradients; the squares of the fourth are about the smallest normal number, and
those of the last are 0."""


def drawn(random: np.random.RandomState, ends: tuple[int, int], dtype: str, n: int) -> Array:
    numbers = np.ldexp(random.uniform(1, 2, n), random.randint(*ends, size=n))
    numbers *= random.choice([-1, 0, 1], p=[0.45, 0.1, 0.45], size=n)
    return numbers.astype(dtype)


def states(one: Optimizer, dtype: str, seed: int = 0, n: int = 40) -> Numbers:
    """Parameters, gradients and means of sizes that may go together. Shapes: all (1, k)."""
    random, columns = np.random.RandomState(seed), []
    for ends in SIZES[dtype]:
        g, m = (drawn(random, ends, dtype, n) for _ in range(2))
        v = abs(drawn(random, (2 * ends[0], 2 * ends[1]), "float64", n)).astype(dtype)
        for low, high in ((-3, 3), (-90, -60)):
            columns.append((drawn(random, (low, high), dtype, n), g, m, v))
    w, g, m, v = (np.concatenate(column)[None] for column in zip(*columns, strict=True))
    after = {"v": v} if one.name == "rmsprop" else {"m": m, "v": v}
    return Numbers(w, g, {}, after)


def moved_by(one: Optimizer, numbers: Numbers) -> Array:
    """m, or what stands for the gradient."""
    if one.name != "rmsprop":
        return numbers.after["m"]  # type: ignore[no-any-return]
    decay = numbers.w.dtype.type(one.coupled_decay)
    return numbers.g + decay * numbers.w if decay else numbers.g  # type: ignore[no-any-return]


def given(one: Optimizer, numbers: Numbers, step: int, multiplied: bool = False) -> Given:
    """What a program has; β^t is a power, or made of multiplications."""
    moved, v = moved_by(one, numbers), numbers.after["v"]
    return Given.of(one, numbers.w, moved, v, step, multiplied)


def judged(one: Optimizer, dtype: str, step: int, numbers: Numbers, value: Array) -> Judged:
    with np.errstate(all="ignore"):
        return judge_adaptive(reference_for(dtype), one, "W1", np.array([step]), numbers, value)


@every_one
@every_step
def test_no_arrangement_is_beyond_the_bound(one: Optimizer, dtype: str, step: int) -> None:
    one, numbers = one.rounded(dtype), states(one, dtype)
    with np.errstate(all="ignore"):
        results = {
            f"{name}{', multiplied' if multiplied else ''}": value
            for multiplied in (False, True)
            for name, value in arranged(given(one, numbers, step, multiplied))
        }
    assert len(results) >= 64
    beyond = {
        name: value[found.failed].tolist()
        for name, value in results.items()
        if (found := judged(one, dtype, step, numbers, value)).any_failed
    }
    assert beyond == {}
    assert all(np.isfinite(value).all() for value in results.values())


TINY = {"float64": (-1040, -1005), "float32": (-146, -110)}
"""Exponents about that of the smallest normal number, and of numbers with such a square."""


@every_one
@pytest.mark.parametrize("step", [1, 10])
def test_a_program_that_flushes_is_within_the_bound(one: Optimizer, dtype: str, step: int) -> None:
    """Wherever on its way a number is subnormal, and whatever that is divided by."""
    one, random, (low, high) = one.rounded(dtype), np.random.RandomState(2), TINY[dtype]
    ends = [(low, high), (low // 2, high // 2)]
    w, g, m = (
        np.concatenate([drawn(random, pair, dtype, 100) for pair in two])[None]
        for two in ([(low, high), (-3, 3)], ends, ends)
    )
    v = abs(np.concatenate([drawn(random, (low, high), dtype, 100) for _ in range(2)]))[None]
    numbers = Numbers(w, g, {}, {"v": v} if one.name == "rmsprop" else {"m": m, "v": v})
    with np.errstate(all="ignore"):
        results = dict(arranged(flushing(given(one, numbers, step))))
    beyond = {
        name: values[found.failed].tolist()
        for name, value in results.items()
        if (found := judged(one, dtype, step, numbers, values := np.array(value))).any_failed
    }
    assert beyond == {}


@every_one
def test_two_floats_aside_are_beyond_it(one: Optimizer, dtype: str) -> None:
    """Where the step is small beside the parameter, and 1 - β^t is well known: the bound is half a
    float and hardly more, so one float aside may pass, and two do not. What is decayed apart may be
    rounded apart: then it is three."""
    one, numbers = replace(one.rounded(dtype), learning_rate=2.0**-14), ordinary(one, dtype)
    _, value = next(arranged(given(one, numbers, 100_000)))
    assert not judged(one, dtype, 100_000, numbers, value).any_failed
    floats = 3 if one.decoupled_decay else 2
    for side in (-floats, floats):
        aside = value + side * np.spacing(value)
        small = abs(value - numbers.w) < 2.0**-6 * abs(numbers.w)
        assert small.sum() > 30
        assert judged(one, dtype, 100_000, numbers, aside).failed[small].all()


def ordinary(one: Optimizer, dtype: str) -> Numbers:
    random = np.random.RandomState(8)
    w, g, m = (random.uniform(0.5, 1, size=(1, 64)).astype(dtype) for _ in range(3))
    v = (m * m).astype(dtype)
    return Numbers(w, g, {}, {"v": v} if one.name == "rmsprop" else {"m": m, "v": v})


ARITHMETICS: list[tuple[str, Arithmetic, float]] = [
    ("float32", Double(), 2.0**-48),
    ("float64", LongDouble(), 2.0**-59),
    ("float64", DoubleDoubles(), 2.0**-90),
    ("float64", Balls(), 2.0**-95),
    ("float32", Balls(), 2.0**-95),
]
"""For runs of a dtype; and how far the step may be off, relatively, in some thirty roundings."""

every_arithmetic = pytest.mark.parametrize(
    ("dtype", "arithmetic", "share"), ARITHMETICS,
    ids=[f"{dtype} in {arithmetic.name}" for dtype, arithmetic, _ in ARITHMETICS],
)  # fmt: skip


def steps_of(
    arithmetic: Arithmetic, one: Optimizer, dtype: str, step: int, numbers: Numbers
) -> Step:
    reference = replace(reference_for(dtype), arithmetic=arithmetic)
    with precision(512), np.errstate(all="ignore"):
        return exact_step(reference, one, np.array([step]), numbers)


def parts(arithmetic: Arithmetic, exact: Any) -> list[Fraction]:
    """All reference numbers as fractions, to about 100 bits: what float64 holds of each, and what
    is left over of it."""
    with precision(512):
        high = arithmetic.lower(exact)
        low = arithmetic.lower(exact - arithmetic.lift(high))
    pairs = zip(high.ravel().tolist(), low.ravel().tolist(), strict=True)
    return [Fraction(a) + Fraction(b) for a, b in pairs]


def exact_steps(one: Optimizer, dtype: str, step: int, numbers: Numbers) -> list[Exact]:
    """The steps in fractions, apart from a parameter: from a w of 0, without what decays."""
    bare = replace(one, weight_decay=0.0) if one.decoupled_decay else one
    found = []
    for i in range(numbers.w.size):
        single = numbers.each(lambda a, at=i: Fraction(float(a.flat[at])))  # type: ignore[misc]
        w = single.w if one.coupled_decay else Fraction(0)
        before = dict.fromkeys(single.after, Fraction(0))
        exact = exact_update(bare, dtype, w, single.g, before, single.after, step)[PARAMETER]
        found.append(Exact(w - exact.value, exact.error))
    return found


@every_arithmetic
@every_one
@pytest.mark.parametrize("step", [1, 1000])
def test_the_exact_step_is_exact(
    one: Optimizer, dtype: str, arithmetic: Arithmetic, share: float, step: int
) -> None:
    one = with_decay_in(one.rounded(dtype), dtype)
    numbers = in_reach(states(one, dtype, seed=3, n=4))
    found = parts(arithmetic, steps_of(arithmetic, one, dtype, step, numbers).exact)
    expected = exact_steps(one, dtype, step, numbers)
    wrong = [
        (float(got), float(exact.value))
        for got, exact in zip(found, expected, strict=True)
        if not abs(got - exact.value) <= Fraction(share) * abs(exact.value)
    ]
    assert wrong == []


def with_decay_in(one: Optimizer, dtype: str) -> Optimizer:
    """The same with a λ that the dtype holds: that it rounds another one is a part of the error."""
    if not one.weight_decay:
        return one
    return replace(one, weight_decay=float(np.dtype(dtype).type(one.weight_decay)))


def in_reach(numbers: Numbers) -> Numbers:
    """Without numbers that are so small that pairs of floats lose digits."""
    every = np.stack([abs(a) for a in (numbers.w, numbers.g, *numbers.after.values())])
    kept = ((every == 0) | (every > 1e-200)).all(axis=0)[0]
    assert kept.sum() > 10
    return numbers.each(lambda a: a[:, kept])


@every_arithmetic
def test_square_roots(dtype: str, arithmetic: Arithmetic, share: float) -> None:
    del dtype
    random = np.random.RandomState(5)
    numbers = np.concatenate([
        np.ldexp(random.uniform(1, 4, 40), random.randint(-400, 500, 40)),
        [1.0, 4.0, 2.0, 0.25, 1e300, 1e-200, np.nextafter(4.0, 5.0), np.nextafter(1.0, 0.0)],
    ])  # fmt: skip
    with precision(512), np.errstate(all="ignore"):
        found = arithmetic.sqrt(arithmetic.lift(numbers))
    for got, value in zip(parts(arithmetic, found), numbers.tolist(), strict=True):
        exact = root(Fraction(value))
        assert abs(got - exact) <= Fraction(share) * exact


@every_arithmetic
def test_roots_of_zero_of_infinity_and_of_less(
    dtype: str, arithmetic: Arithmetic, share: float
) -> None:
    del dtype, share
    with precision(512), np.errstate(all="ignore"):
        found = arithmetic.lower(
            arithmetic.sqrt(arithmetic.lift(np.array([0.0, -0.0, np.inf, -1.0, -5e-324, np.nan])))
        )
    assert found[:2].tolist() == [0.0, 0.0]
    assert not np.isfinite(found[2:]).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@every_one
def test_what_is_not_finite_is_different(one: Optimizer, dtype: str, value: float) -> None:
    numbers = ordinary(one, dtype)
    after = np.full(numbers.w.shape, value, dtype)
    assert (judged(one.rounded(dtype), dtype, 3, numbers, after).verdict == Verdict.DIFFERENT).all()


def test_a_mean_square_below_zero_explains_nothing(dtype: str) -> None:
    one = OPTIMIZERS["adam"].rounded(dtype)
    numbers = ordinary(one, dtype)
    numbers.after["v"][:] *= -1
    found = judged(one, dtype, 3, numbers, numbers.w)
    assert (found.verdict == Verdict.DIFFERENT).all()
