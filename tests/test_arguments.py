"""What people type becomes a value, or one sentence that says why it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.arguments import parse_count, parse_learning_rate, parse_names, parse_seeds
from shared.errors import UsageError
from shared.report.words import ranges

repeatably = settings(derandomize=True, deadline=None)
LONG = "9" * 5000
"""More digits than Python turns into a number."""


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("42", 42), ("-1", -1), ("+7", 7), (" 3 ", 3), ("007", 7)]
)
def test_a_whole_number_is_read(text: str, count: int) -> None:
    assert parse_count(text, "epochs") == count


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1.0", "1e3", "0x10", "1,000", "1 000", "--1", "nan", "½", LONG]
)
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no whole number; expected one such as 42"):
        parse_count(text, "epochs")


def test_a_refused_number_is_named_with_its_option() -> None:
    with pytest.raises(UsageError, match=r"^seed 'many' is no whole number"):
        parse_count("many", "seed")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", (0,)),
        ("42", (42,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("7-7", (7,)),
        ("1,4,13", (1, 4, 13)),
        ("0-2,42", (0, 1, 2, 42)),
        ("42,0-2", (42, 0, 1, 2)),
        (" 1 , 4-5 ", (1, 4, 5)),
        ("007", (7,)),
        ("4294967294-4294967295", (4294967294, 4294967295)),
    ],
)
def test_seeds_are_read_in_their_order(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@repeatably
@given(st.lists(st.integers(0, 50) | st.integers(0, 2**32 - 1), min_size=1, unique=True))
def test_seeds_in_words_are_read_back(seeds: list[int]) -> None:
    assert parse_seeds(ranges(sorted(seeds))) == tuple(sorted(seeds))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        (",", "''"),
        ("1,", "''"),
        ("-", "'-'"),
        ("1-", "'1-'"),
        ("-1", "'-1'"),
        ("1--3", "'1--3'"),
        ("1-2-3", "'1-2-3'"),
        ("1 - 3", "'1 - 3'"),
        ("1.5", "'1.5'"),
        ("1..3", "'1..3'"),
        ("0,x", "'x'"),
        ("0-x", "'0-x'"),
        ("²", "'²'"),
    ],
)
def test_what_is_no_seed_is_refused_by_its_part(text: str, part: str) -> None:
    with pytest.raises(UsageError, match="is no seed and no range of seeds") as refusal:
        parse_seeds(text)
    assert f": {part} is" in str(refusal.value)


@pytest.mark.parametrize("text", ["5-3", "1-0", "0-2,9-8"])
def test_a_range_that_ends_before_it_begins_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["1,1", "0-4,3", "3,0-4", "0-3,3-5", "1,01"])
def test_a_seed_given_twice_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="name a seed twice"):
        parse_seeds(text)


@pytest.mark.parametrize("text", [LONG, f"0-{LONG}", f"{LONG}-{LONG}"])
def test_seeds_of_endless_digits_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="seed"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0.05", 0.05),
        ("1", 1.0),
        (" 2.5 ", 2.5),
        ("1e-3", 1e-3),
        ("1e300", 1e300),
        ("5e-324", 5e-324),
    ],
)
def test_a_learning_rate_is_read(text: str, rate: float) -> None:
    assert parse_learning_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "x", "0", "-0.0", "-1", "-5e-324", "nan", "inf", "-inf", "infinity", "1e400", "1e-400",
     "0,05", "1/2", LONG],
)  # fmt: skip
def test_what_is_no_learning_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be used; expected a finite number above 0"):
        parse_learning_rate(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("numpy", ("numpy",)),
        ("numpy,torch", ("numpy", "torch")),
        (" torch , numpy ", ("torch", "numpy")),
        ("numpy,./my file.py", ("numpy", "./my file.py")),
    ],
)
def test_names_are_read_in_their_order(text: str, names: tuple[str, ...]) -> None:
    assert parse_names(text) == names


@pytest.mark.parametrize("text", ["", " ", ",", "numpy,", ",numpy", "numpy,,torch"])
def test_an_empty_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="hold an empty name; expected such as numpy,torch"):
        parse_names(text)


@pytest.mark.parametrize("text", ["", "x\ny", "9" * 400])
def test_a_refusal_is_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_seeds(f"{text},")
    assert "\n" not in str(refusal.value)
