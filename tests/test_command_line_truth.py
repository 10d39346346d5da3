"""`--truth`: what is printed of the exact trajectory is what the data holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flint
import pytest

from shared.truth.residuals import mark_steps
from tests.command_line import (
    FAST,
    Ran,
    complaint,
    read,
    row,
    run,
    section,
    unwrapped,
    without_times,
)


@dataclass(frozen=True)
class Told:
    """A run that was asked for the truth: what it printed, and wrote."""

    ran: Ran
    data: dict[str, Any]

    @property
    def truth(self) -> dict[str, Any]:
        found: dict[str, Any] = self.data["truth"]
        return found


def told(folder: Path, *arguments: str) -> Told:
    ran = run(*arguments, "--json", folder / "a.json")
    return Told(ran, read(folder / "a.json"))


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("truth")
    return told(folder, "--truth", "--seed", "4", "--backends", "numpy", "--epochs", "100")


@pytest.fixture(scope="module")
def estimate(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("estimate")
    return told(
        folder, "--truth", "--problem", "digits", "--backends", "numpy", "--epochs", "1",
        "--certify", "1000",
    )  # fmt: skip


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(tmp_path_factory.mktemp("without"), "--seed", "4", *FAST)


def test_the_truth_of_many_seeds_is_refused_in_one_sentence() -> None:
    said = complaint(run("--truth", "--seeds", "0-4", *FAST))
    assert all(part in said for part in ("--truth", "--seeds"))


@pytest.mark.parametrize("name", ["exact", "estimate"])
def test_a_run_with_truth_ends_well(name: str, request: pytest.FixtureRequest) -> None:
    ran = request.getfixturevalue(name).ran
    assert (ran.code, ran.errors) == (0, "")
    assert max(map(len, ran.text.splitlines())) <= 88


def test_the_data_says_what_it_is(exact: Told) -> None:
    truth = exact.truth
    assert truth["kind"] == "exact"
    assert (truth["steps"], truth["asked"], truth["stopped"]) == (1600, 1600, None)
    assert truth["bits"] == 512
    assert 0 < truth["radius_ulps"] < 2.0**-20
    assert [mark["step"] for mark in truth["marks"]] == list(mark_steps(1600))
    assert truth["curve_epochs"] == exact.data["backends"][0]["curve"]["finished_epochs"]
    assert len(truth["curve_loss"]) == len(truth["curve_epochs"])
    assert "--truth" in exact.data["command"]


def test_the_weights_are_strings_of_40_digits_near_those_of_the_backend(exact: Told) -> None:
    (backend,) = exact.data["backends"]
    assert list(exact.truth["weights"]) == list(backend["params"])
    for name, text in exact.truth["weights"].items():
        digits = text.lstrip("-").partition("e")[0].replace(".", "").lstrip("0")
        assert len(digits) == 40
        with flint.ctx.workprec(300):
            ulps = exact.truth["backends"][0]["final_ulps"][name]
            away = abs(flint.arb(text) - flint.arb(backend["params"][name]))
            assert away <= (ulps + 0.5) * 2.0**-52 * abs(flint.arb(text))


def test_the_marks_are_printed_as_they_are_in_the_data(exact: Told) -> None:
    lines = section(exact.ran.text, "The exact trajectory")
    (backend,) = exact.truth["backends"]
    for i, mark in enumerate(exact.truth["marks"]):
        loss, ulps, _, _ = row(lines, f"{mark['step']:,}")
        assert (loss, ulps) == (f"{mark['loss']:.10g}", f"{backend['ulps'][i]:,}")


def test_what_the_data_has_in_words_is_printed(exact: Told) -> None:
    printed = unwrapped(exact.ran.text)
    assert exact.truth["in_words"]
    assert all(unwrapped(sentence) in printed for sentence in exact.truth["in_words"])
    assert "Calm" in printed


def test_the_exact_weights_are_printed_with_the_distances(exact: Told) -> None:
    lines = section(exact.ran.text, "Exact weights and biases after step 1,600")
    (backend,) = exact.truth["backends"]
    for name, text in exact.truth["weights"].items():
        digits, ulps = row(lines, name)
        assert text.startswith(digits)
        assert len(digits.lstrip("-0.").replace(".", "")) == 25
        assert ulps == f"{backend['final_ulps'][name]:,}"


def test_the_steps_that_contributed_most_are_printed(exact: Told) -> None:
    lines = section(exact.ran.text, "Steps whose roundings make most of the final drift")
    (backend,) = exact.truth["backends"]
    shown = [line.split() for line in lines[1:11]]
    assert shown == [
        ["step", f"{one['step']:,}", f"{100 * one['share']:+.2g}"]
        for one in backend["contributions"]
    ]


def test_the_time_is_told_apart(exact: Told) -> None:
    assert exact.data["time_s"]["following"] > 0
    assert "elapsed_s" not in exact.truth
    assert "following the exact trajectory" in unwrapped(exact.ran.text)


def test_the_same_run_has_the_same_truth(exact: Told, tmp_path: Path) -> None:
    again = told(tmp_path, "--truth", "--seed", "4", "--backends", "numpy", "--epochs", "100")
    assert without_times(again.data) == without_times(exact.data)


def test_a_large_network_is_estimated(estimate: Told) -> None:
    truth = estimate.truth
    assert truth["kind"] == "estimate"
    assert (truth["backend"], truth["directions"]) == ("numpy", 4)
    assert "elapsed_s" not in truth
    assert "weights" not in truth
    printed = unwrapped(estimate.ran.text)
    assert all(unwrapped(sentence) in printed for sentence in truth["in_words"])
    assert "No exact trajectory" in printed
    lines = section(estimate.ran.text, "Sensitivity, estimated")
    assert [int(line.split()[0].replace(",", "")) for line in lines[-len(truth["marks"]):]] == [
        step for step, _ in truth["marks"]
    ]  # fmt: skip


def test_without_the_option_nothing_is_followed(without: Told) -> None:
    assert without.ran.code == 0
    assert without.data["truth"] is None
    assert without.data["time_s"]["following"] is None
    assert "xact trajectory" not in without.ran.text
    assert "--truth" not in without.data["command"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--lr", "1e300"),
        ("--lr", "1e300", "--problem", "people4"),
        ("--lr", "3e38", "--dtype", "float32"),
        ("--lr", "1e-300"),
    ],
    ids=" ".join,
)
def test_a_run_at_an_absurd_rate_is_told_without_a_word_on_stderr(
    arguments: tuple[str, ...],
) -> None:
    ran = run("--truth", *FAST, *arguments)
    assert ran.code == 0
    assert "The exact trajectory" in ran.text
    assert ran.errors == ""
