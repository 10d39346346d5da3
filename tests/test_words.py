"""Numbers and verdicts in words: what the reports say is what was found."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.comparison import Comparison
from shared.drift import PairDrift
from shared.gaps import CurveGap
from shared.named_problems import problem
from shared.problems import Feature
from shared.report import words
from shared.ulp import INCOMPARABLE

repeatably = settings(derandomize=True, deadline=None)


def named(pair: str) -> tuple[str, str]:
    left, _, right = pair.partition("-")
    return left, right


def comparison(gaps: dict[str, int | None], first_weight_bits: dict[str, int | None]) -> Comparison:
    """A comparison of pairs, named as in a-b, by the epoch they part and the step they differ."""
    return Comparison(
        problem=problem("people4"),
        seed=0,
        dtype="float64",
        backends=(),
        missing=(),
        drift=tuple(
            PairDrift(
                *named(pair),
                first={"weights": step, "gradients": 1, "loss": 1},
                largest={},
                final=(),
                marks=(),
            )
            for pair, step in first_weight_bits.items()
        ),
        gaps=tuple(
            CurveGap(*named(pair), largest=0.5, epoch=9, parted_epoch=epoch)
            for pair, epoch in gaps.items()
        ),
        worked=(),
        steps=4000,
        interrupted=False,
        recorded_to=None,
        certificates=(),
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (1, "1"),
        (999, "999"),
        (1000, "1,000"),
        (123_456, "123,456"),
        (9_999_999, "9,999,999"),
        (10_000_000, "1.0e+07"),
        (4_503_599_627_370_496, "4.5e+15"),
        (18_437_736_874_454_810_624, "1.8e+19"),
        (int(INCOMPARABLE) - 1, "1.8e+19"),
        (int(INCOMPARABLE), "NaN"),
    ],
)
def test_ulps_are_exact_while_that_says_something(count: int, text: str) -> None:
    assert words.ulps(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"),
        (2e-6, "2 µs"),
        (0.000_25, "250 µs"),
        (0.001, "1 ms"),
        (0.012_34, "12 ms"),
        (0.75, "750 ms"),
        (1.0, "1.0 s"),
        (3.21, "3.2 s"),
        (59.9, "59.9 s"),
        (60.0, "60 s"),
        (75.4, "75 s"),
        (4000.0, "4000 s"),
    ],
)
def test_seconds_are_worded_in_their_unit(value: float, text: str) -> None:
    assert words.seconds(value) == text


@repeatably
@given(st.floats(0, 10**6))
@example(0.000_999_7)
@example(0.999_7)
def test_seconds_never_show_a_thousand_of_a_unit_that_has_a_larger_one(value: float) -> None:
    count, unit = words.seconds(value).split()
    assert unit == "s" or float(count) < 1000


@repeatably
@given(st.floats(1, 10**6))
@example(59.97)
def test_seconds_have_a_decimal_below_sixty_only(value: float) -> None:
    count = words.seconds(value).removesuffix(" s")
    assert ("." in count) == (float(count) < 60)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["numpy"], "numpy"),
        (["numpy", "torch"], "numpy and torch"),
        (["numpy", "torch", "jax"], "numpy, torch and jax"),
        (["a", "b", "c", "d"], "a, b, c and d"),
    ],
)
def test_names_are_joined_as_in_a_sentence(names: list[str], text: str) -> None:
    assert words.joined(names) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([5], "5"),
        ([5, 6], "5, 6"),
        ([5, 6, 7], "5-7"),
        ([0, 1, 2, 3, 7, 9, 10], "0-3, 7, 9, 10"),
        ([1, 3, 5], "1, 3, 5"),
        ([9, 10, 12, 13, 14], "9, 10, 12-14"),
    ],
)
def test_runs_of_three_or_more_are_a_range(numbers: list[int], text: str) -> None:
    assert words.ranges(numbers) == text


def unfolded(text: str) -> list[int]:
    """Read ranges back."""
    found: list[int] = []
    for part in re.findall(r"[^, ]+", text):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@repeatably
@given(st.sets(st.integers(0, 60)).map(sorted))
def test_ranges_read_back_to_the_same_numbers(numbers: list[int]) -> None:
    assert unfolded(words.ranges(numbers)) == numbers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.42314, 4, "0.4231"),
        (0.42314, 2, "0.42"),
        (0.25, 17, "0.25"),
        (319.52, 4, "319.5"),
        (12_345.6, 4, "1.235e+04"),
        (1.5e-7, 4, "1.5e-07"),
        (0.0, 4, "0"),
        (math.inf, 4, "infinity"),
        (math.nan, 4, "NaN"),
    ],
)
def test_a_loss_is_worded_by_its_first_digits(value: float, digits: int, text: str) -> None:
    assert words.loss(value, digits) == text


@pytest.mark.parametrize(
    ("count", "more"), [(1, ""), (6, ""), (7, " and 1 more"), (18, " and 12 more")]
)
def test_the_first_inputs_are_named_and_the_others_counted(count: int, more: str) -> None:
    features = [Feature(f"c{i}", "cm", 1.5) for i in range(count)]
    named = [f"c{i} in cm - 1.5" for i in range(min(count, 6))]
    assert words.inputs(features) == ", ".join(named) + more


@pytest.mark.parametrize("gaps", [{}, {"n-t": None}, {"n-t": None, "n-j": None, "t-j": None}])
def test_curves_that_do_not_part_are_said_not_to(gaps: dict[str, int | None]) -> None:
    assert words.parting(comparison(gaps, {"n-t": 7})) == "The loss curves do not part."


@pytest.mark.parametrize(
    ("gaps", "bits", "text"),
    [
        (
            {"n-t": 1001},
            {"n-t": 1234},
            (
                "The loss curves part (n-t), visibly from epoch 1,001 on. "
                "The first weight bit differs after step 1,234."
            ),
        ),
        (
            {"n-t": 91, "n-j": None, "t-j": 41},
            {"n-t": 3, "n-j": 4, "t-j": 5},
            (
                "The loss curves part (n-t and t-j), visibly from epoch 41 on. "
                "The first weight bit differs after step 5."
            ),
        ),
        (
            {"n-t": 0, "n-j": 1},
            {"n-t": 3, "n-j": 1},
            (
                "The loss curves part (n-t and n-j), visibly from epoch 0 on. "
                "The first weight bit differs after step 3."
            ),
        ),
        ({"n-t": 11}, {"n-t": None}, "The loss curves part (n-t), visibly from epoch 11 on."),
        ({"n-t": 11}, {}, "The loss curves part (n-t), visibly from epoch 11 on."),
    ],
)
def test_curves_that_part_are_told_with_epoch_and_step(
    gaps: dict[str, int | None], bits: dict[str, int | None], text: str
) -> None:
    conclusion = " A step that is not certified may be the reason."
    assert words.parting(comparison(gaps, bits)) == text + conclusion
