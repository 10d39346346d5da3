"""Runs are counted as what they are: found, missed, inert, harmless, below resolution."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.faults.fault import Expected
from shared.power.rules import RULES
from shared.power.scores import Score
from shared.power.summary import Count, benign, count, misses, rows, rule_rows, total
from tests.power_scores import ON_DIGITS, power, score, trial

MISSED = score(flagged=False, verdict="EXPLAINED", found_in=0, step=False, place=False)
LATE = score(found_in=7, step=False)
ELSEWHERE = score(place=False)
UNDECIDED = score(verdict="UNDECIDED")
INERT = score(acted_in=None, flagged=False, step=False, place=False)
HARMLESS = score(expected=Expected.BENIGN, flagged=False)
TINY = score(expected=Expected.BELOW, flagged=False)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], Count(0, 0, 0, 0, 0)),
        ([score(), score(13)], Count(2, 2, 2, 2, 2)),
        ([score(), MISSED], Count(2, 1, 1, 1, 1)),
        ([LATE], Count(1, 1, 1, 0, 0)),
        ([ELSEWHERE], Count(1, 1, 1, 1, 0)),
        ([UNDECIDED], Count(1, 1, 0, 1, 1)),
        ([INERT, HARMLESS, TINY], Count(0, 0, 0, 0, 0)),
    ],
    ids=["none", "found", "missed", "late", "elsewhere", "undecided", "not counted"],
)
def test_runs_are_counted(scores: list[Score], expected: Count) -> None:
    assert count(scores) == expected


def test_a_step_that_is_right_by_chance_does_not_count_without_a_flag() -> None:
    assert count([replace(MISSED, step_is_right=True)]).exact == 0


def test_rows_part_calm_seeds_chaotic_ones_and_digits() -> None:
    scores = [score(4), score(13), score(29), score(4, of=ON_DIGITS)]
    counted = [(row.dtype, row.kind, row.count.active) for row in rows(power(*scores))]
    assert counted == [
        ("float64", "calm", 2),
        ("float64", "chaotic", 1),
        ("float64", "digits", 1),
    ]


def test_a_total_is_of_one_dtype() -> None:
    study = power(score(), score(of=trial(dtype="float32")), MISSED)
    assert total(study, "float64").active == 2
    assert total(study, "float32").active == 1


@pytest.mark.parametrize(
    ("one", "is_miss"),
    [
        (score(), False),
        (MISSED, True),
        (LATE, True),
        (ELSEWHERE, True),
        (INERT, False),
        (replace(INERT, flagged=True), True),
        (HARMLESS, False),
        (replace(HARMLESS, flagged=True), True),
        (TINY, False),
        (replace(TINY, flagged=True), False),
    ],
)
def test_everything_that_should_not_have_been_said_is_a_miss(one: Score, is_miss: bool) -> None:
    assert misses(power(one)) == ([one] if is_miss else [])


def test_a_harmless_variant_that_changes_no_bit_shows_nothing() -> None:
    assert benign(power(HARMLESS, replace(HARMLESS, acted_in=None)), "float64") == [HARMLESS]


def test_rules_are_counted_beside_the_certificate() -> None:
    rule = RULES[0].name
    scores = [
        score(rules={rule: True}),
        replace(MISSED, rules={**MISSED.rules, rule: True}),
        replace(INERT, rules={**INERT.rules, rule: True}),
    ]
    own, first, second, *_ = rule_rows(power(*scores, runs=3, alarms=1, rule=rule))
    assert (own.name, own.found, own.alarms) == ("the certificate", (1,), (1, 0))
    assert (first.name, first.found, first.alarms) == (rule, (2,), (1, 0))
    assert (second.found, second.alarms) == ((0,), (0, 0))


def test_a_rule_that_was_not_asked_flagged_nothing() -> None:
    asked = replace(score(), rules={})
    assert all(row.found == (0,) for row in rule_rows(power(asked))[1:])
