"""Faults are tried in processes of their own, and what comes back is what one process would say."""

from __future__ import annotations

import pytest

from shared.faults.fault import Expected
from shared.faults.named import fault_named
from shared.power import runs, smallest
from shared.power.rules import RULES
from shared.power.runs import Bench, available
from shared.power.scores import CorrectPair, CorrectRun
from shared.power.study import Correct, Limit, study, tasks
from shared.power.summary import misses
from shared.power.trials import BORDER, DTYPES, QUICK, SOURCE, Trial

DOUBLED = Trial(QUICK, "gradient-doubled", None, 33, "numpy", BORDER, "float64")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One in which NumPy is alone, so that no other framework is waited for."""
    monkeypatch.setattr(runs, "available", lambda: ("numpy",))
    monkeypatch.setattr(smallest, "available", lambda: ("numpy",))
    return Bench()


def test_a_trial_is_scored_from_every_seed(bench: Bench) -> None:
    scores = bench.scores(DOUBLED)
    assert [one.seed for one in scores] == list(QUICK.seeds)
    for one in scores:
        assert (one.acted_in, one.found_in) == (33, 33)
        assert (one.expected, one.verdict) == (Expected.FLAGGED, "DIFFERENT")
        assert one.flagged
        assert one.step_is_right
        assert one.place_is_right


def test_where_there_is_nobody_to_compare_with_no_rule_is_asked(bench: Bench) -> None:
    assert [one.rules for one in bench.scores(DOUBLED)] == [{}, {}]


def test_rules_compare_with_a_correct_run_of_another_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "PARTNERS", {"numpy": ("numpy",)})
    said = Bench().scores(DOUBLED)[0].rules
    assert set(said) == {rule.name for rule in RULES}
    assert said["assert_close, all"]
    right = Bench().correct("numpy", DOUBLED.problem(), "float64", 4).run
    assert not any(rule.differs(right, right) for rule in RULES)


def test_a_correct_run_is_made_once(bench: Bench) -> None:
    first, second = (bench.correct("numpy", DOUBLED.problem(), "float64", 4) for _ in range(2))
    assert first is second
    assert first.certificate.certified


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_smallest_size_is_found_by_decades(bench: Bench, dtype: str) -> None:
    found = smallest.smallest(bench, "gradient-scaled", dtype)
    assert found.certificate is not None
    assert found.certificate < {"float64": 1e-13, "float32": 1e-4}[dtype]
    assert set(found.rules.values()) == {None}
    assert found.alarms == ()


def test_a_rule_that_flags_the_run_without_the_fault_is_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smallest, "available", lambda: ("numpy",))
    said = {rule.name: rule.name == RULES[0].name for rule in RULES}
    monkeypatch.setattr(Bench, "said", lambda *_: said)
    found = smallest.smallest(Bench(), "gradient-scaled", "float64")
    assert found.alarms == (RULES[0].name,)
    assert RULES[0].name not in found.rules


def test_a_whole_study_comes_back_from_its_processes() -> None:
    power = study(quick=True, faults=[fault_named("square-without-its-2")], processes=1)
    scores = [(one.trial.way, one.trial.dtype, one.seed, one.flagged) for one in power.scores]
    assert scores == [(SOURCE, dtype, seed, True) for dtype in DTYPES for seed in QUICK.seeds]
    assert not misses(power)
    names = available()
    assert len(power.runs) == len(names) * len(DTYPES) * len(QUICK.seeds)
    assert not any(run.flagged for run in power.runs)
    assert power.is_quick


def test_a_study_holds_correct_runs_trials_and_limits() -> None:
    asked = tasks(quick=False)
    kinds = {type(task) for task in asked}
    assert kinds == {Trial, Correct, Limit}
    assert Limit not in {type(task) for task in tasks(quick=True)}


def test_of_limits_that_nothing_may_exceed_no_smallest_size_is_sought() -> None:
    sought = {task.fault for task in tasks(quick=False) if isinstance(task, Limit)}
    assert "gradient-scaled" in sought
    assert not sought & {"gradient-clipped", "gradient-clamped", "parameters-clipped"}


def test_correct_runs_are_held_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.power import study as room

    monkeypatch.setattr(room, "available", lambda: ("numpy", "again"))
    monkeypatch.setattr(Bench, "correct", lambda self, _, *rest: correct(self, "numpy", *rest))
    results = room._done(Correct(QUICK, 4, "float64"))
    kept = [one for one in results if isinstance(one, CorrectRun)]
    (pair,) = (one for one in results if isinstance(one, CorrectPair))
    assert [one.flagged for one in kept] == [False, False]
    assert (pair.left, pair.right) == ("numpy", "again")
    assert not any(pair.rules.values())


correct = Bench.correct
