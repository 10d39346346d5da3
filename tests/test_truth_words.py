"""The exact trajectory in words: what is told is what was found, and no more."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.comparison import Comparison
from shared.drift import PairDrift
from shared.evaluation import Curve
from shared.gaps import CurveGap
from shared.named_problems import problem
from shared.report import truth_words
from shared.report.truth_words import certified, estimated, power, story
from shared.truth.estimate import Estimate
from shared.truth.findings import BackendTruth, Contribution, Likeness, TrueMark, Truth
from shared.ulp import INCOMPARABLE
from tests.recordings import repeatably
from tests.test_learned_words import result

MARKS = tuple(TrueMark(step, 0.25, 2.0**-400, 0.5, 100.0) for step in (1, 10, 100, 6400))


def beside(name: str = "numpy", ulps: int = 200, **changes: Any) -> BackendTruth:
    """A backend whose drift is a sum of roundings."""
    told = BackendTruth(
        name, (1, 5, 20, ulps), (1e-16, 1e-15, 1e-14, 1e-13), (1e-15, 1e-14, 1e-13, 1e-12),
        (ulps, 3), 1.0, (Contribution(5582, -0.018), Contribution(17, 0.017)), (0, 0), (0.0, 0.0),
    )  # fmt: skip
    return replace(told, **changes)


BEYOND: dict[str, Any] = {
    "unexplained": (1e-15, 1e-9, 1e-3, 5.0),
    "explained": None,
    "contributions": (),
}
"""What chaos leaves of it."""


def truth(*backends: BackendTruth, **changes: Any) -> Truth:
    """A calm run of 6,400 steps, certified to its end."""
    found: dict[str, Any] = {
        "steps": 6400, "asked": 6400, "stopped": None, "bits": 512,
        "radius": 2.0**-474.5, "radius_ulps": 2.0**-417.5,
        "weights": ("0.1272453778640651858012674000000000000001", "-2"), "marks": MARKS,
        "curve_epochs": np.array([0, 400]), "curve_loss": np.array([0.3, 0.25]),
        "correct": 10, "samples": 16, "peak_log10": 0.6, "peak_step": 164, "chaotic_since": None,
        "backends": backends or (beside(),), "likenesses": (), "elapsed_s": 0.5,
    }  # fmt: skip
    found |= {"widest_tube": 1e-9, "growth_log10": 0.6, "growth_from": 128, "growth_to": 256}
    return Truth(**(found | changes))


def judged(name: str, certified: bool = True, one_in: int = 1) -> Any:
    return SimpleNamespace(backend=name, certified=certified, one_in=one_in)


JUDGED = tuple(judged(name) for name in ("numpy", "torch", "jax"))


def comparison(one: Truth, apart: tuple[int, ...] = (), **changes: Any) -> Comparison:
    """A certified run to tell it beside; apart is the largest final distance of each pair."""
    told = Comparison(
        problem=problem("people16").changed(epochs=400), seed=4, dtype="float64",
        backends=(), missing=(),
        drift=tuple(
            PairDrift("a", "b", first={}, largest={}, final=(ulps, 0), marks=()) for ulps in apart
        ),
        gaps=(), worked=(), steps=6400, interrupted=False, recorded_to=None, certificates=JUDGED,
        truth_wanted=True, truth=one,
    )  # fmt: skip
    return replace(told, **changes)


def kind(one: Truth) -> str:
    """The first paragraph: calm or chaotic."""
    return story(comparison(one), one)[0]


def told(one: Truth, apart: tuple[int, ...] = (), **changes: Any) -> str:
    return " ".join(story(comparison(one, apart, **changes), one))


@pytest.mark.parametrize(
    ("log10", "text"),
    [
        (0.0, "1.0"), (0.6, "4.0"), (-0.3, "0.5"), (3.0286, "1,068"), (5.9, "794,328"),
        (6.0, "1.0e+06"), (49.5, "3.2e+49"), (400.0, "1.0e+400"), (-400.25, "5.6e-401"),
        (math.log10(9.99999) + 7, "1.0e+08"), (-3.9, "0.00013"), (-4.0, "1.0e-04"),
        (math.inf, "infinity"), (-math.inf, "0"), (math.nan, "NaN"),
    ],
)  # fmt: skip
def test_a_number_is_told_by_its_logarithm(log10: float, text: str) -> None:
    assert power(log10) == text


@repeatably
@given(st.floats(-5000, 5000))
def test_a_power_reads_back_to_its_logarithm(log10: float) -> None:
    mantissa, _, exponent = power(log10).replace(",", "").partition("e")
    read = math.log10(float(mantissa)) + int(exponent or 0)
    # Two digits: half a unit in the second of them, of a number that begins with 1.
    assert abs(read - log10) < math.log10(1.051)


def test_a_complete_certificate_names_its_bits_and_its_radius() -> None:
    said = certified(truth(), "float64")
    assert all(part in said for part in ("512 bits", "all 6,400 steps", "2^-474", "2^-417"))
    assert "float64" in said


@pytest.mark.parametrize(
    ("stopped", "word"), [("precision", "bits"), ("room", "memory"), ("interrupted", "interrupted")]
)
def test_a_certificate_that_ends_early_tells_where_and_why(stopped: str, word: str) -> None:
    part = truth(steps=740, stopped=stopped)
    assert "740" in certified(part, "float64")
    assert "6,400" in certified(part, "float64")
    nothing = truth(steps=0, marks=(), stopped=stopped)
    assert "not certified" in certified(nothing, "float64")
    assert all(word in certified(one, "float64") for one in (part, nothing))
    assert "Exact arithmetic ends" not in told(part)


def test_a_radius_is_never_told_smaller_than_it_is() -> None:
    (first, second) = re.findall(r"2\^(-\d+)", certified(truth(radius=2.0**-400), "float32"))
    assert 2.0 ** int(first) >= 2.0**-400
    assert 2.0 ** int(second) >= 2.0**-417.5


def test_a_calm_run_is_called_calm_with_its_growth() -> None:
    said = kind(truth())
    assert "Calm" in said
    assert all(part in said for part in ("4.0-fold", "128", "256"))
    assert "sensitive" not in said
    assert "Chaotic" not in said


def test_a_run_in_which_nothing_grows_names_no_factor() -> None:
    said = kind(truth(growth_log10=0.0, growth_from=0, growth_to=0))
    assert "Calm" in said
    assert not re.search(r"\d", said)


CHAOS: dict[str, Any] = {"chaotic_since": 4200, "growth_log10": 23.5, "growth_to": 6400}


def test_a_run_whose_changes_grow_far_and_come_back_is_sensitive() -> None:
    assert "Calm, but sensitive" in kind(truth(growth_log10=3.1))


def test_of_a_walk_that_ended_early_nothing_is_said_of_its_end() -> None:
    assert "Calm so far" in kind(truth(steps=740, stopped="interrupted"))


@pytest.mark.parametrize(
    "certificates",
    [(judged("numpy", certified=False),), (judged("numpy", one_in=32),), ()],
    ids=["a finding", "a sample", "none"],
)
def test_where_not_every_step_is_certified_it_is_not_called_so(certificates: Any) -> None:
    said = told(chaos(beside(**BEYOND)), certificates=certificates)
    assert "every step is certified" not in said
    said = told(truth(beside(), beside("torch")), apart=(1,), certificates=certificates)
    assert "All of it is rounding" not in said
    assert "not all of it need be rounding" in said


def test_one_backend_that_is_not_certified_spoils_no_other() -> None:
    certificates = (judged("numpy"), judged("torch", certified=False))
    paragraphs = story(
        comparison(truth(beside(), beside("torch")), certificates=certificates),
        truth(beside(), beside("torch")),
    )
    (rounding,) = (p for p in paragraphs if "All of it is rounding" in p)
    (other,) = (p for p in paragraphs if "need be rounding" in p)
    assert "numpy" in rounding
    assert "torch" not in rounding
    assert "torch" in other


def chaos(*backends: BackendTruth) -> Truth:
    known = "widest_tube" in Truth.__dataclass_fields__
    return truth(*backends, **CHAOS, **({"widest_tube": 1e8} if known else {}))


def test_a_chaotic_run_is_called_so_with_the_step() -> None:
    said = kind(chaos())
    assert "Chaotic" in said
    assert all(part in said for part in ("4,200", "3.2e+23"))
    assert "Calm" not in said


def test_chaos_asks_for_more_digits_and_never_speaks_of_agreement() -> None:
    said = told(chaos(beside(ulps=10**6), beside("torch", 10**6)), apart=(1,))
    assert "digits" in said
    assert "Agreement" not in said


def test_exact_arithmetic_ends_somewhere_and_the_curves_stay_with_it() -> None:
    said = told(truth())
    assert all(part in said for part in ("0.25", "10 of 16", "no backend's loss curve"))


def test_a_curve_that_leaves_the_exact_one_is_named_with_its_epoch() -> None:
    gap = CurveGap("numpy", "exact", 0.1, 300, 271)
    ended = replace(result(7), curve=Curve(np.array([400]), np.array([0.31]), np.array([7])))
    said = told(chaos(beside(**BEYOND)), truth_gaps=(gap,), backends=(ended,))
    assert all(part in said for part in ("numpy from epoch 271", "numpy 0.31 (7 right)"))


def test_of_quantities_the_ends_are_losses_alone() -> None:
    gap = CurveGap("numpy", "exact", 0.1, 300, 271)
    curve = Curve(np.array([400]), np.array([0.31]), None)
    ended = replace(result(None), curve=curve)
    said = told(truth(correct=None), truth_gaps=(gap,), backends=(ended,))
    assert "Exact arithmetic ends at loss 0.25. Visibly" in said
    assert "At the end: numpy 0.31." in said
    assert "right" not in said


def test_agreement_is_told_where_the_truth_is_much_further_off() -> None:
    said = told(truth(beside(ulps=1344), beside("torch", 1350)), apart=(9,))
    assert "Agreement is not accuracy" in said
    assert all(part in said for part in ("9 ULPs", "1,344 to 1,350 ULPs"))


@pytest.mark.parametrize(
    ("ulps", "apart"),
    [(1344, 1000), (5, 1), (int(INCOMPARABLE), 1), (1344, int(INCOMPARABLE))],
)
def test_agreement_is_not_told_where_it_is_none(ulps: int, apart: int) -> None:
    assert "Agreement" not in told(truth(beside(ulps=ulps), beside("torch", ulps)), apart=(apart,))


def test_of_one_backend_there_is_no_agreement_and_no_likeness() -> None:
    said = told(truth(beside(ulps=1344)))
    assert "Agreement" not in said
    assert "correlates" not in said


@pytest.mark.parametrize(
    ("correlations", "word"),
    [((0.99, 0.7), "Yes"), ((0.1, 0.2), "own"), ((0.9, 0.1), "Some"), ((None,), "")],
)
def test_likeness_is_told_with_its_numbers(
    correlations: tuple[float | None, ...], word: str
) -> None:
    pairs = tuple(Likeness("a", f"b{i}", value) for i, value in enumerate(correlations))
    said = told(truth(likenesses=pairs))
    assert word in said
    assert all(f"a-b{i} {c:.3f}" in said for i, c in enumerate(correlations) if c is not None)
    assert ("correlates" in said) == (correlations[0] is not None)


def test_all_of_a_calm_drift_is_rounding() -> None:
    said = told(truth(beside(), beside("torch")))
    assert "All of it is rounding" in said
    assert all(part in said for part in ("6,400", "numpy", "torch", "1e-10 %"))


def test_a_drift_that_outgrew_its_sum_is_explained_up_to_a_step() -> None:
    said = told(chaos(beside(**BEYOND)))
    assert "All of it" not in said
    assert "after step 100" in said


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.5])
def test_a_drift_that_was_never_small_is_never_called_explained(value: float) -> None:
    said = told(truth(beside(unexplained=(value,) * 4, explained=None, contributions=())))
    assert "All of it" not in said
    assert "after step" not in said


def test_a_backend_whose_drift_is_unexplained_is_not_passed_over() -> None:
    """What holds for one of two is not all of it."""
    broken = beside("torch", **(BEYOND | {"unexplained": (1e-15, math.nan, math.nan, math.nan)}))
    said = told(truth(beside(), broken))
    assert "torch" in said


def test_a_run_without_any_drift_is_not_called_large() -> None:
    """Of dead units no weight ever moves: exact to the last bit."""
    exact = beside(
        ulps=0, differences=(0.0,) * 4, unexplained=(0.0,) * 4, explained=None, contributions=()
    )
    assert "as large as the weights" not in told(truth(exact))


ESTIMATE = Estimate("numpy", 4, ((1, 0.1), (100, 2.0)), 2.0, 100, 2.5, 0.1)


@pytest.mark.parametrize(("largest", "word"), [(2.5, "Calm"), (16.1, "Chaotic"), (1e6, "Chaotic")])
def test_an_estimate_says_what_it_is(largest: float, word: str) -> None:
    said = " ".join(estimated(replace(ESTIMATE, largest_log10=largest), 4810, 2.0**-53))
    assert word in said
    assert all(part in said for part in ("4 random directions", "numpy", "100", "4,810"))
    assert power(largest) in said


def test_a_float32_is_called_chaotic_sooner() -> None:
    one = replace(ESTIMATE, largest_log10=8.0)
    assert "Chaotic" in estimated(one, 4810, 2.0**-24)[1]
    assert "Calm" in estimated(one, 4810, 2.0**-53)[1]


def test_nothing_followed_takes_no_time() -> None:
    assert truth_words.time_taken(None) == ""
    assert "500 ms" in truth_words.time_taken(truth())
    assert "100 ms" in truth_words.time_taken(ESTIMATE)


def swallowing(name: str, ulps: tuple[float, ...]) -> BackendTruth:
    """A backend, 200 ULPs off, whose weights stood still so much."""
    return beside(name, swallowed_steps=(31, 4159), swallowed_ulps=ulps)


def test_what_was_swallowed_is_told_of_the_weight_that_lost_most() -> None:
    said = told(truth(swallowing("numpy", (3.0, -180.4))))
    assert all(part in said for part in ("w2 stood still", "4,159", "-180 ULPs", "in numpy"))
    assert "w1 stood still" not in said


def test_what_several_swallowed_alike_is_told_once() -> None:
    alike = [swallowing(name, (3.0, -180.4)) for name in ("numpy", "jax")]
    said = told(truth(*alike, swallowing("torch", (90.0, 0.0))))
    assert said.count("w2 stood still") == 1
    assert "in numpy and jax" in said
    assert "w1 stood still in 31" in said
    assert "in torch" in said


@pytest.mark.parametrize("ulps", [(0.0, 0.0), (3.0, -40.0)])
def test_little_that_was_swallowed_is_not_told(ulps: tuple[float, float]) -> None:
    assert "stood still" not in told(truth(swallowing("numpy", ulps)))
