"""Many seeds of a classifier: each is what it would be alone, however they are grouped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import shared.survey
from shared.comparison import compare
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source, load
from shared.survey import group_size, replica_size_bytes, survey
from shared.surveyed import Survey
from shared.training import Trainee
from tests.classifiers import NUMPY, OTHER, none_held_out, pictures

SEEDS = (3, 0, 1, 7, 5)
SHORT = pictures(4)

FRESH = """
from impls.numpy_backprop import NumpyBackprop
from shared.optimizer import Optimizer

class Timid(NumpyBackprop):
    def __init__(self, network, optimizer, dtype, device="cpu"):
        super().__init__(network, Optimizer(1e-9), dtype, device)
"""


def timid(folder: Path) -> Loaded:
    """A backend that hardly learns."""
    path = folder / "timid.py"
    path.write_text(FRESH)
    return load(Source("timid", "timid", path))


def told(one: Problem, *loaded: Loaded) -> Survey:
    return survey(one, SEEDS, loaded, dtype="float32")


@pytest.mark.parametrize("one", [SHORT, none_held_out(4)], ids=["held out", "none held out"])
@pytest.mark.parametrize("column", range(len(SEEDS)))
def test_a_seed_is_right_as_often_as_alone(one: Problem, column: int) -> None:
    found = told(one, NUMPY).answers
    alone = compare(one, SEEDS[column], [NUMPY], dtype="float32").classification
    assert found is not None
    assert alone is not None
    assert found.correct[0, column] == alone.backends[0].correct


def test_not_all_seeds_are_right_equally_often() -> None:
    """Shows that the test above can fail."""
    found = told(SHORT, NUMPY).answers
    assert found is not None
    assert len(set(found.correct[0].tolist())) > 1


def test_equal_backends_are_alike_on_every_seed() -> None:
    found = told(SHORT, NUMPY, OTHER).answers
    assert found is not None
    assert found.alike.tolist() == [True] * len(SEEDS)
    assert found.spreads[0] == found.spreads[1]


def test_other_backends_are_not(tmp_path: Path) -> None:
    found = told(pictures(20), NUMPY, timid(tmp_path)).answers
    assert found is not None
    assert not found.alike.any()
    assert found.spreads[0].mean > found.spreads[1].mean


def test_people_have_no_answers() -> None:
    people = problem("people4").changed(epochs=2)
    assert survey(people, [0, 1], [NUMPY]).answers is None


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_groups_of_seeds_change_no_answer(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = told(SHORT, NUMPY).answers
    monkeypatch.setattr(shared.survey, "GROUP", size)
    parts = told(SHORT, NUMPY)
    assert parts.seeds == SEEDS
    assert whole is not None
    assert parts.answers is not None
    assert parts.answers.correct.tolist() == whole.correct.tolist()


def test_an_interrupted_survey_has_the_answers_of_its_last_mark() -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    found = survey(SHORT, SEEDS, [NUMPY], dtype="float32", progress=stop)
    first = told(pictures(1), NUMPY)
    assert found.epochs == 1
    assert found.answers is not None
    assert first.answers is not None
    assert found.answers.correct.tolist() == first.answers.correct.tolist()


@pytest.mark.parametrize(
    ("seeds", "size"), [(1, 1), (2, 2), (10, 10), (11, 6), (20, 10), (21, 7), (25, 9), (1000, 10)]
)
def test_seeds_are_cut_into_the_fewest_groups_of_equal_size(
    monkeypatch: pytest.MonkeyPatch, seeds: int, size: int
) -> None:
    monkeypatch.setattr(shared.survey, "GROUP", 10)
    assert group_size(Trainee(NUMPY, SHORT, "float64"), seeds) == size


@pytest.mark.parametrize(("room", "size"), [(0.0, 1), (0.5, 1), (1.0, 1), (3.5, 3), (8.0, 8)])
def test_a_group_takes_no_more_than_its_bytes(
    monkeypatch: pytest.MonkeyPatch, room: float, size: int
) -> None:
    trainee = Trainee(NUMPY, SHORT, "float64")
    monkeypatch.setattr(shared.survey, "GROUP_BYTES", int(room * replica_size_bytes(trainee)))
    assert group_size(trainee, size * 10) == size


@pytest.mark.parametrize(("room", "together"), [(0.0, 1), (2.0, 2), (9.0, 5)])
def test_as_many_seeds_are_trained_together_as_fit(
    monkeypatch: pytest.MonkeyPatch, room: float, together: int
) -> None:
    """The first mark is told after three steps of each seed of the group."""
    trainee, made = Trainee(NUMPY, SHORT, "float32"), list[int]()
    monkeypatch.setattr(shared.survey, "GROUP_BYTES", int(room * replica_size_bytes(trainee)))
    survey(SHORT, SEEDS, [NUMPY], dtype="float32", progress=made.append)
    assert made[0] == 3 * together
    assert made[-1] == 12 * len(SEEDS)


@pytest.mark.parametrize(
    ("dtype", "size"), [("float64", 8 * (4 * 27 + 9 * 16)), ("float32", 4 * (4 * 27 + 9 * 16))]
)
def test_the_size_of_a_replica(dtype: str, size: int) -> None:
    """27 parameters; nine samples of 4 inputs, and twice 3 + 3 units."""
    assert replica_size_bytes(Trainee(NUMPY, SHORT, dtype)) == size


def test_the_larger_part_counts() -> None:
    assert SHORT.held_out is not None
    x, y = (np.tile(a, (2, 1)) for a in (SHORT.x, SHORT.y))
    twice = replace(SHORT.held_out, x=x, y=y)
    more = Trainee(NUMPY, replace(SHORT, held_out=twice), "float64")
    assert replica_size_bytes(more) == 8 * (4 * 27 + 18 * 16)


def test_a_thousand_people_still_fit_into_one_group() -> None:
    assert group_size(Trainee(NUMPY, problem("people16"), "float64"), 1000) == 1000


def test_hundreds_of_digits_do_not() -> None:
    samples = 1500
    shape = (64, 30, 10)
    wide = replace(
        none_held_out(),
        x=np.zeros((samples, 64)),
        y=np.tile(np.eye(10)[0], (samples, 1)),
        network=replace(SHORT.network, sizes=shape),
        classes=tuple("0123456789"),
        image=None,
    )
    trainee = Trainee(NUMPY, wide, "float64")
    assert 50 < group_size(trainee, 1000) < 200
