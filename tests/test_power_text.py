"""The study of power, in words: what is printed, written as Markdown, and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from shared.faults.fault import Expected
from shared.power.rules import BESIDE_SIZES, RULES
from shared.power.scores import Power
from shared.report.power_data import power_data
from shared.report.power_tables import verdict
from shared.report.power_text import power_markdown, print_power
from tests.power_scores import power, score, trial

MISSED = score(13, flagged=False, verdict="EXPLAINED", found_in=0, step=False, place=False)
FULL = power(score(), MISSED, score(29, acted_in=None, flagged=False))


def printed(study: Power) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_power(console, study)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_was_found_comes_first() -> None:
    first, *_ = verdict(FULL)
    assert first == (
        "float64: of 2 runs with a fault 1 (50.0 %) were flagged, 1 (50.0 %) at the first step in "
        "which it acts, 1 (50.0 %) with stage and tensors right, too."
    )


def test_what_is_not_all_is_never_a_hundred_percent() -> None:
    many = [score()] * 9999
    assert "9,999 (99.9 %) were flagged" in verdict(power(*many, MISSED))[0]
    assert "9,999 (all) were flagged" in verdict(power(*many))[0]


def test_false_alarms_are_said() -> None:
    harmless = score(expected=Expected.BENIGN)
    said = " ".join(verdict(power(harmless, runs=3, alarms=1)))
    assert "False alarms: 1 in 3 correct runs, 1 in 1 run with a harmless variant." in said


def test_what_is_not_counted_is_said() -> None:
    tiny = score(expected=Expected.BELOW, flagged=False)
    inert = score(acted_in=None, flagged=False)
    said = " ".join(verdict(power(tiny, inert)))
    assert "1 run in which the fault changed no bit, and 1 in which it is below" in said
    assert "of which 0 were flagged." in said


def test_every_miss_is_listed() -> None:
    text = printed(FULL)
    (line,) = (line for line in text.splitlines() if "not flagged" in line)
    assert line.split() == [
        *("gradient-doubled", "numpy,", "float64,", "people16", "not", "flagged", "1"),
        *("seed", "13:", "acts", "in", "1,", "found", "in", "none"),
    ]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (score(found_in=7, step=False), "another step"),
        (score(place=False), "another place"),
        (score(expected=Expected.BENIGN), "flagged, and should not be"),
        (score(acted_in=None), "flagged, and should not be"),
    ],
)
def test_a_miss_says_what_is_wrong(one: object, words: str) -> None:
    assert words in printed(power(one))  # type: ignore[arg-type]


def test_where_nothing_was_missed_that_is_said() -> None:
    assert "What was missed\nNothing." in printed(power(score()))


@pytest.mark.parametrize(
    ("one", "cell"),
    [
        (score(), "all 1"),
        (MISSED, "0, 0, 0 of 1"),
        (score(place=False), "1, 1, 0 of 1"),
        (score(acted_in=None, flagged=False), "inert"),
        (score(expected=Expected.BELOW), "below: 1 of 1 flagged"),
        (score(expected=Expected.BELOW, flagged=False), "below: none of 1 flagged"),
        (score(expected=Expected.BENIGN, flagged=False), "none of 1 flagged"),
        (score(expected=Expected.BENIGN), "1 of 1 flagged"),
    ],
)
def test_a_fault_has_a_line(one: object, cell: str) -> None:
    text = printed(power(one))  # type: ignore[arg-type]
    lines = text[text.index("Fault by fault") : text.index("What was missed")].splitlines()
    (line,) = [line for line in lines if line.startswith("gradient-doubled ")]
    assert cell in line


def test_faults_are_named_as_they_are_typed() -> None:
    late = score(of=trial(start=777), acted_in=777)
    assert "gradient-doubled@777 " in printed(power(late))


def test_markdown_holds_the_same_tables_and_the_sources_of_the_rules() -> None:
    text = power_markdown(FULL)
    assert "## What was missed" in text
    assert "| gradient-doubled | numpy, float64, people16 | not flagged | 1 |" in text
    for rule in RULES:
        assert f"**{rule.name}** ({rule.tool}; {rule.compares})" in text


def test_json_holds_every_run() -> None:
    data = json.loads(json.dumps(power_data(FULL, "python compare.py power"), allow_nan=False))
    assert [run["seed"] for run in data["runs"]] == [4, 13, 29]
    assert data["runs"][1]["expected"] == "flagged"
    assert data["runs"][1]["flagged"] is False
    assert data["runs"][0]["problem"] == "people16"
    assert data["total"]["float64"]["active"] == 2
    assert (data["misses"], data["schema"], data["quick"]) == (1, 1, False)


def test_a_quick_study_says_so() -> None:
    assert "A quick study" in printed(replace(FULL, is_quick=True))
    assert "A quick study" not in printed(FULL)


def test_a_rule_that_flags_the_correct_runs_has_found_no_size() -> None:
    (own,) = FULL.smallest
    rule = BESIDE_SIZES[0]
    rules = {name: 1e-3 for name in own.rules if name != rule}
    told = replace(FULL, smallest=(replace(own, rules=rules, alarms=(rule,)),))
    (line,) = [line for line in printed(told).splitlines() if line.startswith("gradient-scaled,")]
    assert line.split() == ["gradient-scaled,", "f64", "1e-15", "alarm", "1e-03", "1e-03", "1e-03"]
