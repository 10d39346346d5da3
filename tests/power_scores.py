"""Scores of made-up runs, for the tests of how a study is counted and worded."""

from __future__ import annotations

from collections.abc import Mapping

from shared.faults.fault import Expected
from shared.power.rules import RULES
from shared.power.scores import CorrectPair, CorrectRun, Power, Score, Smallest
from shared.power.trials import DIGITS, PEOPLE, Slice, Trial

SILENT: Mapping[str, bool] = {rule.name: False for rule in RULES}


def trial(
    fault: str = "gradient-doubled", dtype: str = "float64", on: Slice = PEOPLE, start: int = 1
) -> Trial:
    return Trial(on, fault, None, start, "numpy", "source", dtype)


def score(
    seed: int = 4,
    *,
    of: Trial | None = None,
    expected: Expected = Expected.FLAGGED,
    acted_in: int | None = 1,
    flagged: bool = True,
    verdict: str = "DIFFERENT",
    found_in: int = 1,
    step: bool = True,
    place: bool = True,
    rules: Mapping[str, bool] = SILENT,
) -> Score:
    """A fault that is found where it acts, unless something else is said."""
    return Score(
        of or trial(), seed, expected, acted_in, flagged, verdict, found_in, "backward W1",
        step, place, {**SILENT, **rules},
    )  # fmt: skip


def power(*scores: Score, runs: int = 2, alarms: int = 0, rule: str = RULES[0].name) -> Power:
    """A study with so many correct runs, of which so many are flagged; pairs by one rule alone."""
    return Power(
        scores,
        tuple(CorrectRun("numpy", "people16", "float64", i, i < alarms) for i in range(runs)),
        (CorrectPair("numpy", "jax", "people16", "float64", 4, {**SILENT, rule: True}),),
        (Smallest("gradient-scaled", "float64", 1e-15, {r.name: None for r in RULES}),),
        False,
        12.0,
    )


ON_DIGITS = trial(on=DIGITS)
