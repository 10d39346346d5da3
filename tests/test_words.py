"""Numbers and verdicts in words: what the reports say is what was found."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.comparison import BackendResult, Comparison
from shared.drift import PairDrift
from shared.evaluation import Curve, Outcome
from shared.gaps import CurveGap
from shared.problems import problem
from shared.report import words
from shared.ulp import INCOMPARABLE

repeatably = settings(derandomize=True, deadline=None)


def result(
    correct: int = 8,
    samples: int = 16,
    saturated: tuple[tuple[int, int, int], ...] = (),
    finite: bool = True,
) -> BackendResult:
    """A backend that ended so."""
    return BackendResult(
        name="numpy",
        framework="numpy",
        version="2.0",
        params=(),
        curve=Curve(np.zeros(0), np.zeros(0), np.zeros(0)),
        outcome=Outcome(correct, samples, saturated, (), finite),
        setup_s=0.0,
        compile_s=0.0,
        train_s=0.0,
        first_not_finite=None,
    )


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
    ("ended", "text"),
    [
        (result(16), "solved: 16 of 16"),
        (result(16, saturated=((1, 1, 0),)), "solved: 16 of 16"),
        (result(8), "stuck: 8 of 16, though no hidden unit is saturated"),
        (result(correct=15), "stuck: 15 of 16, though no hidden unit is saturated"),
        (result(saturated=((1, 2, 0),)), "stuck: 8 of 16; saturated: h2 at 0"),
        (
            result(saturated=((1, 1, 0), (1, 2, 1))),
            "stuck: 8 of 16; saturated: h1 at 0 and h2 at 1",
        ),
        (
            result(correct=0, finite=False),
            "broken: 0 of 16, with weights that are NaN or infinite",
        ),
        (
            result(saturated=((1, 1, 1),), finite=False),
            "broken: 8 of 16, with weights that are NaN or infinite",
        ),
    ],
)
def test_what_was_learned_is_told_with_its_reason(ended: BackendResult, text: str) -> None:
    assert words.learned(ended) == text


def test_saturated_units_of_two_layers_are_told_apart() -> None:
    first, second = result(saturated=((1, 1, 0),)), result(saturated=((2, 1, 0),))
    assert words.learned(first) != words.learned(second)


@pytest.mark.parametrize(
    ("results", "explained"),
    [
        ([result(saturated=((1, 1, 0),))], True),
        ([result(16), result(saturated=((1, 1, 1),))], True),
        ([result(16, saturated=((1, 1, 0),))], False),
        ([result(saturated=((1, 1, 0),), finite=False)], False),
        ([result()], False),
        ([], False),
    ],
)
def test_saturation_is_explained_where_a_network_is_stuck_for_it(
    results: list[BackendResult], explained: bool
) -> None:
    assert (words.why_stuck(results) is not None) == explained


def test_the_explanation_names_the_flat_activation_function() -> None:
    assert "its activation function is flat, the slope is nearly 0" in (
        words.why_stuck([result(saturated=((1, 1, 0),))]) or ""
    )


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
