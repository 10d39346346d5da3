"""What is told of many seeds where targets are quantities: their losses, and nothing counted."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from shared.backend import Array
from shared.comparison import compare
from shared.report import words
from shared.report.survey_data import survey_data
from shared.report.survey_text import print_survey
from shared.survey import survey
from shared.surveyed import NOT_STUCK, LossSpread, Survey, loss_spread
from tests.classifiers import NUMPY, OTHER
from tests.command_line import row, section, unwrapped
from tests.quantities import all_trained_on, named, weather

SEEDS = 25


def page_of(one: Survey) -> str:
    page = io.StringIO()
    print_survey(Console(file=page, width=88, highlight=False), one)
    return page.getvalue()


@pytest.fixture(scope="module")
def many() -> Survey:
    return survey(weather(), range(SEEDS), [NUMPY, OTHER])


@pytest.fixture(scope="module")
def whole() -> Survey:
    """None are held out."""
    return survey(all_trained_on(), range(3), [NUMPY])


def ending(one: Survey, which: int, **changed: Array) -> Survey:
    """The survey, had one backend ended otherwise."""
    backends = list(one.backends)
    backends[which] = replace(backends[which], **changed)  # type: ignore[arg-type]
    return replace(one, backends=tuple(backends))


def test_nothing_is_solved_and_nothing_stuck(many: Survey) -> None:
    assert [b.correct for b in many.backends] == [None, None]
    for told in (many.solved, many.stuck, many.broken):
        assert told.shape == (2, SEEDS)
        assert not told.any()
    for each in (many.solved_by_all, many.told_apart, many.stuck_units != NOT_STUCK):
        assert each.shape == (SEEDS,)
        assert not each.any()


def test_the_same_seeds_would_be_counted_where_there_are_classes() -> None:
    """Shows that the test above can fail: degrees and outputs are on one side of one half."""
    told = survey(named(all_trained_on()), range(3), [NUMPY])
    assert (told.solved | told.stuck).all()


def test_a_seed_whose_weights_are_not_finite_is_broken(many: Survey) -> None:
    told = ending(many, 1, finite=np.arange(SEEDS) != 4)
    assert np.argwhere(told.broken).tolist() == [[1, 4]]
    assert np.flatnonzero(told.broken_on_any).tolist() == [4]


@pytest.mark.parametrize("seed", [0, 7, 24])
def test_a_seed_has_the_held_out_loss_of_its_run_alone(many: Survey, seed: int) -> None:
    (alone,) = compare(many.problem, seed, [NUMPY]).backends
    told = many.backends[0].held_out_loss
    assert told is not None
    assert alone.curve.held_out_loss is not None
    assert told[seed] == alone.curve.held_out_loss[-1]
    assert len(set(told.tolist())) == SEEDS


def test_groups_of_seeds_are_joined(many: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.survey.GROUP", 10)
    parts = survey(weather(), range(SEEDS), [NUMPY]).backends[0]
    assert parts.held_out_loss is not None
    assert many.backends[0].held_out_loss is not None
    assert parts.held_out_loss.tolist() == many.backends[0].held_out_loss.tolist()


def test_without_held_out_samples_there_is_no_loss_of_them(whole: Survey) -> None:
    assert whole.backends[0].held_out_loss is None


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.0, 2.0, 6.0], LossSpread(3.0, 1.0, 6.0, 3)),
        ([0.5], LossSpread(0.5, 0.5, 0.5, 1)),
        ([1.0, math.nan, 3.0, math.inf], LossSpread(2.0, 1.0, 3.0, 2)),
        ([math.nan, math.inf], LossSpread(None, None, None, 0)),
        ([1e308, 1.5e308], LossSpread(1.25e308, 1e308, 1.5e308, 2)),
    ],
)
def test_the_losses_of_many_seeds_are_summed_up(losses: list[float], told: LossSpread) -> None:
    assert loss_spread(np.array(losses)) == told


def test_losses_in_float32_have_a_mean_in_float64() -> None:
    """In float32 the smaller one would be lost."""
    losses = np.array([1.0, 2.0**-40], np.float32)
    assert loss_spread(losses).mean == 0.5 + 2.0**-41
    assert losses.mean() == 0.5


@pytest.mark.parametrize(
    ("heading", "part", "first"),
    [
        ("25 seeds: mean loss after epoch 5 on the 9 training samples", "loss", 0),
        ("25 seeds: mean loss after epoch 5 on the 4 held-out samples", "held_out_loss", 1),
    ],
)
def test_each_seed_has_its_losses(many: Survey, heading: str, part: str, first: int) -> None:
    other = np.array(getattr(many.backends[1], part)) + 1
    lines = section(page_of(ending(many, 1, **{part: other})), heading)[first:]
    assert lines[0].split() == ["seed", "numpy", "other"]
    each = zip(getattr(many.backends[0], part).tolist(), other.tolist(), strict=True)
    told = [[str(i), *(words.loss(one, 6) for one in pair)] for i, pair in enumerate(each)]
    assert [line.split() for line in lines[1:21]] == told[:20]
    assert lines[21] == "and 5 more; --json FILE holds them all."


def test_it_is_said_how_samples_were_set_aside(many: Survey) -> None:
    assert "held-out samples\nHeld out: by date.\nseed" in page_of(many)


def test_without_held_out_samples_there_is_one_table(whole: Survey) -> None:
    page = page_of(whole)
    assert "\n3 seeds: mean loss after epoch 5 on the 9 samples\nseed" in page
    assert "\nBy backend: last loss over the 3 seeds, and time\n" in page
    assert "eld out" not in page
    assert "held-out" not in page


def test_the_kinds_are_told_without_what_would_have_to_be_counted(many: Survey) -> None:
    page = page_of(many)
    for kind in ("parted 0 ", "calm 25 ", "sensitive 0 ", "chaotic 0 "):
        assert f"\n{kind}" in page
    assert "numpy trained each seed together with a twin" in page
    for word in ("solved", "stuck", "right", "alike", "broken", "accuracy"):
        assert word not in page


def test_the_loss_that_tells_most_is_summed_up_by_backend(many: Survey) -> None:
    told = ending(many, 1, held_out_loss=np.array([2.0, 4.0, 9.0] + [5.0] * (SEEDS - 3)))
    lines = section(page_of(told), "By backend: last held-out loss over the 25 seeds, and time")
    assert lines[0].split()[:3] == ["mean", "lowest", "highest"]
    assert row(lines, "other")[:3] == ["5", "2", "9"]


def test_losses_that_are_no_numbers_are_left_out_and_said_so(many: Survey) -> None:
    gone = np.where(np.arange(SEEDS) == 3, math.nan, 5.0)
    told = ending(many, 1, held_out_loss=gone, finite=np.arange(SEEDS) != 3)
    page = page_of(told)
    assert "\nLosses that are NaN or infinite are left out: 1 of other.\n" in page
    assert "\nbroken 1 (on some backend, weights are NaN or infinite)\n    3\n" in page
    lines = section(page, "25 seeds: mean loss after epoch 5 on the 4 held-out samples")
    assert [line.split()[-1] for line in lines[2:7]] == ["5", "5", "5", "NaN", "5"]
    assert row(section(page, "By backend"), "other")[:3] == ["5", "5", "5"]
    assert "left out" not in page_of(many)


def test_where_no_loss_is_a_number_there_is_no_mean(whole: Survey) -> None:
    told = ending(whole, 0, loss=np.array([math.nan, math.inf, math.nan]))
    assert row(section(page_of(told), "By backend"), "numpy")[:3] == ["-", "-", "-"]


def test_parted_seeds_are_told_with_their_losses(many: Survey) -> None:
    told = replace(many, parted_epoch=np.where(np.arange(SEEDS) == 2, 3, -1))
    lines = section(page_of(told), "Parted seeds: since when, and the mean loss after epoch 5")
    losses = [words.loss(b.loss[2], 6) for b in many.backends]
    assert lines[1].split() == ["2", "3", *losses, "calm"]


@pytest.fixture(scope="module")
def data(many: Survey) -> dict[str, Any]:
    return survey_data(many, "as typed")


def test_the_data_counts_nothing(data: dict[str, Any]) -> None:
    assert data["stuck_on_every_backend"] is None
    for backend in data["backends"]:
        told = [backend[key] for key in ("solved", "stuck", "stuck_by_saturated_units", "broken")]
        assert told == [None, None, None, 0]
    assert {seed["correct"] for seed in data["seeds"]} == {None}


def test_the_data_has_the_losses_of_each_seed(many: Survey, data: dict[str, Any]) -> None:
    losses, held_out = many.backends[1].loss, many.backends[1].held_out_loss
    assert held_out is not None
    assert [seed["loss"]["other"] for seed in data["seeds"]] == losses.tolist()
    assert [seed["held_out_loss"]["other"] for seed in data["seeds"]] == held_out.tolist()
    assert data["backends"][0]["last_loss"] == {
        "mean": float((losses / SEEDS).sum()),
        "lowest": losses.min(),
        "highest": losses.max(),
        "finite": SEEDS,
    }
    assert data["backends"][0]["last_held_out_loss"]["lowest"] == held_out.min()


def test_the_data_has_no_losses_of_samples_that_are_none(whole: Survey) -> None:
    told = survey_data(whole, "as typed")
    assert told["backends"][0]["last_held_out_loss"] is None
    assert {seed["held_out_loss"] for seed in told["seeds"]} == {None}


def test_an_interrupted_survey_names_the_epoch_it_came_to(many: Survey) -> None:
    stopped = replace(many, interrupted=True, epochs=2)
    assert "mean loss after epoch 2 on the 9 training samples" in unwrapped(page_of(stopped))
