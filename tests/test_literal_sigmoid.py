"""Whom the literal sigmoid meets far below zero, and what becomes of the training."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import literal_sigmoid
from benchmarks.literal_sigmoid import FarSum, far_sums, first_epoch, learners, points
from benchmarks.sigmoid_ways import Limits, limits, ways
from shared.named_problems import problem

pytestmark = pytest.mark.usefixtures("all_loaded")  # the exhibit needs both frameworks

LITERAL, DTYPE = "torch literal", "float32"


def test_the_first_nan_is_shown_with_its_neighbours() -> None:
    z = np.float32(-88.75)
    shown = points(DTYPE, [Limits(None, None), Limits(z, z)])
    around = [np.nextafter(z, np.float32(0)), z, np.nextafter(z, np.float32(-np.inf))]
    assert shown == [0, -20, -60, *around, -1000]


def begun(dtype: str) -> list[FarSum]:
    limit = float(limits(ways()[LITERAL], dtype).nan)
    return far_sums(problem("people16"), literal_sigmoid.SEEDS, dtype, limit)


def test_two_of_a_thousand_seeds_begin_below_the_limit() -> None:
    assert sorted({one.seed for one in begun("float32")}) == [724, 765]


def test_in_float64_none_does() -> None:
    assert begun("float64") == []


def test_a_sum_far_below_zero_is_named() -> None:
    (one,) = far_sums(problem("people16"), [3, 724], DTYPE, -88.75)
    assert (one.seed, one.layer, one.unit, one.sample) == (724, 1, 2, 10)


def test_the_output_is_looked_at_too() -> None:
    assert {one.layer for one in far_sums(problem("people16"), range(50), DTYPE, -1)} == {1, 2}


def spoiled(name: str, seed: int) -> list[tuple[int, int, tuple[str, ...]]]:
    people = problem("people16")
    steps = first_epoch(learners(people, DTYPE)[name], people, seed, DTYPE)
    return [(one.step, one.sample, one.names) for one in steps]


@pytest.mark.parametrize(
    ("seed", "step", "names"), [(724, 11, ("w3", "w4", "b2")), (765, 9, ("w1", "w2", "b1"))]
)
def test_a_step_with_the_literal_spoils_a_unit_and_the_next_all(
    seed: int, step: int, names: tuple[str, ...]
) -> None:
    everything = problem("people16").network.element_names
    assert spoiled(LITERAL, seed) == [(step, step - 1, names), (step + 1, step, everything)]


@pytest.mark.parametrize("name", ["by hand", "torch built-in"])
@pytest.mark.parametrize("seed", [724, 765])
def test_the_others_spoil_nothing(name: str, seed: int) -> None:
    assert spoiled(name, seed) == []


def test_from_another_seed_the_literal_spoils_nothing() -> None:
    assert spoiled(LITERAL, 4) == []


def test_the_command_prints_all_parts(capsys: pytest.CaptureFixture[str]) -> None:
    literal_sigmoid.main()
    printed = capsys.readouterr().out
    assert printed.count("  the NaN is born") == 2
    assert "2 of 1000 seeds of people16" in printed
    assert max(map(len, printed.splitlines())) <= 100
