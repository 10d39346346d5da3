"""What people type, turned into values; what cannot be used is refused in a sentence."""

from __future__ import annotations

import math

from shared.errors import UsageError

MOST_DIGITS = 20
"""No seed has more; Python refuses to read numbers of thousands of digits."""

MOST_SEEDS = 1_000_000
"""As many seeds can be asked for at once."""


def parse_count(text: str, what: str) -> int:
    """Read a whole number. Raises UsageError; whether it is in range is its user's to say."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{what} {text!r} is no whole number; expected one such as 42.") from None


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds: single ones and ranges with both ends, as in 0-99 or 1,4,13 or 0-9,42.

    Raises UsageError on an empty or reversed range, on a seed given twice, on anything else.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        numbers = (first, last) if dash else (first,)
        if not all(number.isdecimal() and len(number) <= MOST_DIGITS for number in numbers):
            raise UsageError(
                f"seeds {text!r}: {part!r} is no seed and no range of seeds; "
                "expected such as 0-99 or 1,4,13."
            )
        start, stop = int(first), int(last or first)
        if stop < start:
            raise UsageError(f"seeds {text!r}: the range {part!r} ends before it begins.")
        if len(seeds) + stop - start >= MOST_SEEDS:
            raise UsageError(f"seeds {text!r} are more than {MOST_SEEDS:,}; expected fewer.")
        seeds += range(start, stop + 1)
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"seeds {text!r} name a seed twice.")
    return tuple(seeds)


def parse_learning_rate(text: str) -> float:
    """Read a learning rate: finite and above zero."""
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise UsageError(
            f"learning rate {text!r} cannot be used; expected a finite number above 0, "
            "such as 0.05."
        )
    return rate


def parse_names(text: str) -> tuple[str, ...]:
    """Read names separated by commas."""
    names = tuple(name.strip() for name in text.split(","))
    if "" in names:
        raise UsageError(f"backends {text!r} hold an empty name; expected such as numpy,torch.")
    return names
