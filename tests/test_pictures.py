"""Pictures in characters: every pixel in its place, no line wider than asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.report.pictures import GAP, SHADES, picture, side_by_side

repeatably = settings(derandomize=True, deadline=None)


def test_a_pixel_is_two_characters_and_darker_with_its_value() -> None:
    pixels = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, 0.0]])
    assert picture(pixels, 88) == ["  ░░▒▒", "▓▓██  "]


@pytest.mark.parametrize(("low", "high"), [(0, 16), (-1, 1), (0.0, 1e-300), (5, 6)])
def test_the_shades_reach_from_the_lowest_to_the_highest(low: float, high: float) -> None:
    assert picture(np.array([[low, high]], dtype=np.float64), 88) == ["  ██"]


def test_a_picture_of_one_value_is_blank() -> None:
    assert picture(np.full((2, 3), 7.0), 88) == [" " * 6] * 2


@pytest.mark.parametrize(
    ("columns", "width", "drawn"),
    [(8, 88, 16), (28, 88, 56), (44, 88, 88), (45, 88, 46), (100, 88, 68), (28, 20, 20), (8, 1, 2)],
)
def test_a_wide_picture_is_shrunk(columns: int, width: int, drawn: int) -> None:
    lines = picture(np.eye(columns), width)
    assert {len(line) for line in lines} == {drawn}
    assert 2 * len(lines) == drawn


def test_a_shrunk_pixel_is_the_mean_of_four() -> None:
    pixels = np.kron([[0.0, 0.5], [1.0, 0.25]], np.ones((2, 2)))
    pixels[0, 0], pixels[1, 1] = 0.25, -0.25
    assert picture(pixels, 4) == picture(np.array([[0.0, 0.5], [1.0, 0.25]]), 4)


def test_a_picture_that_is_not_a_multiple_keeps_its_edge() -> None:
    assert picture(np.array([[0.0, 0.0, 1.0]] * 3), 4) == ["  ██", "  ██"]


@repeatably
@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 88))
def test_no_line_is_wider_than_asked(rows: int, columns: int, width: int) -> None:
    lines = picture(np.arange(rows * columns, dtype=np.float64).reshape(rows, columns), width)
    assert max(map(len, lines)) <= width
    assert set("".join(lines)) <= set(SHADES)


def test_blocks_stand_beside_each_other() -> None:
    assert GAP == 2
    assert side_by_side([["a", "bbb"], ["cc"]], 88) == ["a    cc", "bbb"]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (13, ["aaa  bbb  ccc"]),
        (12, ["aaa  bbb", "", "ccc"]),
        (8, ["aaa  bbb", "", "ccc"]),
        (7, ["aaa", "", "bbb", "", "ccc"]),
        (1, ["aaa", "", "bbb", "", "ccc"]),
    ],
)
def test_blocks_that_do_not_fit_go_below(width: int, lines: list[str]) -> None:
    assert side_by_side([["aaa"], ["bbb"], ["ccc"]], width) == lines


def test_no_blocks_are_no_lines() -> None:
    assert side_by_side([], 88) == []
