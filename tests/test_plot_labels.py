"""The labels of the loss axis, also where a loss exploded: the axis stays a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.report.plot import plot

repeatably = settings(derandomize=True, deadline=None)


def labels(top: float) -> list[str]:
    """The labels of a curve from 0 up to there."""
    lines = plot(np.array([0, 1]), [np.array([0.0, top])], ["a"])
    assert {line.index("│") for line in lines[:11]} == {9}
    return [line.partition("│")[0].strip() for line in lines[:11:5]]


@pytest.mark.parametrize(
    ("top", "told"),
    [
        (0.5, ["0.5000", "0.2500", "0.0000"]),
        (999.0, ["999.0000", "499.5000", "0.0000"]),
        (1000.0, ["1.0e+03", "500.0000", "0.0000"]),
        (27098095616.0, ["2.7e+10", "1.4e+10", "0.0000"]),
        (1e300, ["1.0e+300", "5.0e+299", "0.0000"]),
        (6930.189063360052, ["6.9e+03", "3.5e+03", "0.0000"]),
        (0.002, ["0.0020", "0.0010", "0.0000"]),
        (0.0015, ["0.0015", "7.5e-04", "0.0000"]),
        (1.5e-9, ["1.5e-09", "7.5e-10", "0.0000"]),
    ],
)
def test_a_label_has_eight_characters_at_most(top: float, told: list[str]) -> None:
    assert labels(top) == told


def test_the_labels_follow_the_curve() -> None:
    assert labels(0.5) != labels(0.25)


@repeatably
@given(st.floats(0, 1e300))
def test_no_label_is_below_the_curve(top: float) -> None:
    """Subtracted step by step from the top, the lowest one might be called -0.0000."""
    assert labels(top)[-1] == "0.0000"
