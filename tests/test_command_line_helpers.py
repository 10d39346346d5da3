"""The ways to look at a command that these tests have are shown to see."""

from __future__ import annotations

import pytest

from tests.command_line import Ran, complaint, section, strictly, without_times


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_json_with_numbers_it_lacks_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON"):
        strictly(text)


def test_only_times_are_left_out() -> None:
    assert without_times({"a": [{"time_s": 1, "b": 2}], "c": 3}) == {"a": [{"b": 2}], "c": 3}


@pytest.mark.parametrize(
    "ran",
    [
        Ran(0, "", "compare.py: no.\n"),
        Ran(1, "", "compare.py: no.\n"),
        Ran(2, "a report\n", "compare.py: no.\n"),
        Ran(2, "", ""),
        Ran(2, "", "compare.py: no,\nnot at all.\n"),
        Ran(2, "", 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n'),
        Ran(2, "", "RuntimeWarning: no\n"),
    ],
)
def test_what_is_no_complaint_in_one_sentence_is_noticed(ran: Ran) -> None:
    with pytest.raises((AssertionError, ValueError)):
        complaint(ran)


def test_a_missing_section_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no section 'Loss'"):
        section("head\n\nTime\nnumpy  1 s\n", "Loss")
