"""What may be recorded of an update: whatever some way to round it gives, in arrays and singly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.certificate.decision import Judged, Verdict
from shared.certificate.judge import reference_for
from shared.certificate.optimizer_update import admissible, is_bitwise, is_near
from shared.certificate.rounding import Rounding
from shared.certificate.update_again import update_passes
from shared.certificate.update_numbers import Constants, Numbers
from shared.certificate.update_ways import PARAMETER, every_way
from shared.certificate.ways import ArrayFloats, SingleFloats
from shared.optimizer import Optimizer
from tests.optimizers import OPTIMIZERS

BITWISE = [
    pytest.param(one, slot, id=f"{name}-{slot or 'w'}")
    for name, one in OPTIMIZERS.items()
    for slot in (*one.slots, PARAMETER)
    if is_bitwise(one, slot) and not one.is_plain
]
every_formula = pytest.mark.parametrize(("one", "slot"), BITWISE)

SIZES = {"float64": [(-2, 2), (-540, -500), (100, 200), (-1074, -1015)],
         "float32": [(-2, 2), (-75, -60), (20, 40), (-149, -120)]}  # fmt: skip
"""Exponents: ordinary; of squares about the smallest normal number; large; and those about it."""

TINY = 3
SHORT = {"momentum", "nesterov, inside", "rmsprop", "adam", "adam, inside, in dtype"}
SIZED = [
    pytest.param(one, slot, regime, id=f"{name}-{slot or 'w'}-{regime}")
    for name, one in OPTIMIZERS.items()
    for slot in (*one.slots, PARAMETER)
    if is_bitwise(one, slot) and not one.is_plain
    for regime in range(4 if name in SHORT else TINY)
]
"""Where all may be flushed, formulas with more terms have tens of thousands of ways."""
every_size = pytest.mark.parametrize(("one", "slot", "regime"), SIZED)


def drawn(one: Optimizer, dtype: str, ends: tuple[int, int], n: int, seed: int = 0) -> Numbers:
    random = np.random.RandomState(seed)

    def column() -> Array:
        numbers = np.ldexp(random.uniform(1, 2, n), random.randint(*ends, size=n))
        signed: Array = numbers * random.choice([-1, 1], n)
        return signed.astype(dtype)

    before, after = ({name: column() for name in one.slots} for _ in range(2))
    if "v" in before:
        before["v"] = abs(before["v"])
    return Numbers(column(), column(), before, after)


def single(numbers: Numbers, i: int) -> Numbers:
    return numbers.each(lambda a: a[i])


def found_singly(one: Optimizer, dtype: str, slot: str, numbers: Numbers) -> set[float]:
    floats, constants = SingleFloats(Rounding.of(dtype)), Constants.of(one, dtype)
    return set(every_way(floats, one, constants.widely(), slot, numbers.each(float)))


def found_in_arrays(
    one: Optimizer, dtype: str, slot: str, numbers: Numbers, flushing: bool = True
) -> list[Array]:
    floats, constants = ArrayFloats(Rounding.of(dtype), flushing), Constants.of(one, dtype)
    with np.errstate(all="ignore"):
        return list(every_way(floats, one, constants, slot, numbers))


@every_size
def test_arrays_and_single_numbers_have_the_same_ways(
    one: Optimizer, slot: str, dtype: str, regime: int
) -> None:
    one = one.rounded(dtype)
    numbers = drawn(one, dtype, SIZES[dtype][regime], n=4)
    results = found_in_arrays(one, dtype, slot, numbers)
    for i in range(4):
        expected = found_singly(one, dtype, slot, single(numbers, i))
        assert {float(result[i]) for result in results} == expected


@every_size
def test_whatever_a_way_gives_is_admissible_and_nothing_beyond(
    one: Optimizer, slot: str, dtype: str, regime: int
) -> None:
    one, rounding = one.rounded(dtype), Rounding.of(dtype)
    numbers = drawn(one, dtype, SIZES[dtype][regime], n=12, seed=1)
    results = distinct(found_in_arrays(one, dtype, slot, numbers))
    for result in results:
        assert is_near(rounding, one, slot, numbers, result).all()
        assert admissible(rounding, one, slot, numbers, result).all()
    for end, away in ((results[0], -np.inf), (results[-1], np.inf)):
        beyond = np.nextafter(end, np.dtype(dtype).type(away))
        assert not admissible(rounding, one, slot, numbers, beyond).any()


def distinct(results: list[Array]) -> list[Array]:
    """The different values of each place, the smallest first; the largest where there are fewer."""
    each = [np.unique(column) for column in np.array(results).T]
    count = max(map(len, each))
    return [np.array([one[min(i, len(one) - 1)] for one in each]) for i in range(count)]


@every_formula
def test_between_the_ways_nothing_is_admissible(one: Optimizer, slot: str, dtype: str) -> None:
    one, rounding = one.rounded(dtype), Rounding.of(dtype)
    numbers = drawn(one, dtype, (-2, 2), n=20, seed=2)
    results = np.array(found_in_arrays(one, dtype, slot, numbers))
    value = results.min(axis=0)
    while (value <= results.max(axis=0)).any():
        is_one = (value == results).any(axis=0)
        assert (admissible(rounding, one, slot, numbers, value) == is_one).all()
        value = np.nextafter(value, np.dtype(dtype).type(np.inf))


@every_formula
def test_what_is_not_finite_is_not_admissible(one: Optimizer, slot: str, dtype: str) -> None:
    one, rounding = one.rounded(dtype), Rounding.of(dtype)
    numbers = drawn(one, dtype, (-2, 2), n=6)
    bad = np.array([np.nan, np.inf, -np.inf] * 2, dtype)
    assert not admissible(rounding, one, slot, numbers, bad).any()
    # Nor is anything where what it is made of is not.
    broken = numbers.each(lambda a: np.where(np.arange(6) < 3, a, bad))
    value = found_in_arrays(one, dtype, slot, numbers)[0]
    found = admissible(rounding, one, slot, broken, value)
    assert found.tolist() == [True] * 3 + [False] * 3


@every_formula
def test_the_audit_decides_alike(one: Optimizer, slot: str, dtype: str) -> None:
    one, rounding = one.rounded(dtype), Rounding.of(dtype)
    numbers = drawn(one, dtype, (-2, 2), n=6, seed=3)
    results = np.array(found_in_arrays(one, dtype, slot, numbers))
    aside = np.nextafter(results.max(axis=0), np.dtype(dtype).type(np.inf))
    for value in (results[0], results[-1], aside):
        expected = admissible(rounding, one, slot, numbers, value).tolist()
        assert [audited(one, dtype, slot, numbers, value, i) for i in range(6)] == expected


def audited(one: Optimizer, dtype: str, slot: str, numbers: Numbers, value: Array, i: int) -> bool:
    reference = replace(reference_for(dtype), arithmetic=Balls())
    zero = np.zeros(len(value))
    piece = Judged("update", "W1", value, zero, zero, zero, zero + Verdict.DIFFERENT)
    return update_passes(reference, one, slot, 3, single(numbers, i), piece, (i,))


def test_numpy_s_own_order_is_the_first(dtype: str) -> None:
    """What most programs compute is asked for before anything else."""
    one = OPTIMIZERS["nesterov, inside"].rounded(dtype)
    k, numbers = Constants.of(one, dtype), drawn(one, dtype, (-2, 2), n=20)
    first = found_in_arrays(one, dtype, "velocity", numbers)[0]
    assert (first == k.mu * numbers.before["velocity"] + k.eta * numbers.g).all()


@pytest.mark.parametrize("weight", [0.25, 0.75], ids=["from the old mean", "from the new"])
def test_an_interpolation_is_a_way_to_average(dtype: str, weight: float) -> None:
    """torch.lerp begins at the nearer end."""
    one = Optimizer(0.01, "adam", beta1=1 - weight).rounded(dtype)
    numbers = drawn(one, dtype, (-2, 2), n=50)
    m, g, number = numbers.before["m"], numbers.g, np.dtype(dtype).type
    lerp = m + number(weight) * (g - m) if weight < 0.5 else g - (g - m) * number(1 - weight)
    assert (lerp != number(1 - weight) * m + number(weight) * g).any()
    assert admissible(Rounding.of(dtype), one, "m", numbers, lerp).all()


def test_an_interpolation_from_the_further_end_is_no_way_to_average(dtype: str) -> None:
    """It would lose digits, and nobody makes it."""
    one = Optimizer(0.01, "adam", beta1=0.9).rounded(dtype)
    numbers = drawn(one, dtype, (-2, 2), n=50)
    m, g, number = numbers.before["m"], numbers.g, np.dtype(dtype).type
    further: Any = g - (g - m) * (1 - number(0.1))
    assert not admissible(Rounding.of(dtype), one, "m", numbers, further).all()
