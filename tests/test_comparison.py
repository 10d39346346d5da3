"""The pipeline of a run, and of many seeds: what is told is what was computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from impls import numpy_backprop
from impls._numpy_updates import Move
from shared.backend import Params
from shared.comparison import compare
from shared.errors import UsageError
from shared.gaps import VISIBLE_GAP, visible
from shared.named_problems import problem
from shared.recording_file import open_recording
from shared.registry import Loaded, Source, find, load
from shared.survey import survey
from shared.training import Trainee, lockstep
from tests.conftest import load_or_skip

SHORT = problem("people16").changed(epochs=12)
NUMPY = load(find("numpy"))

WRONG_RATE = """
from impls.numpy_backprop import NumpyBackprop
from shared.optimizer import Optimizer

class WrongRate(NumpyBackprop):
    def __init__(self, network, optimizer, dtype, device="cpu"):
        super().__init__(network, Optimizer({rate}), dtype, device)
"""


def changed_rate(folder: Path, rate: float) -> Loaded:
    """Make a NumPy backend that trains with a learning rate of its own."""
    path = folder / "wrong.py"
    path.write_text(WRONG_RATE.format(rate=rate))
    return load(Source("wrong", "wrong", path))


def test_a_comparison_tells_what_was_computed(all_loaded: list[Loaded]) -> None:
    told = compare(SHORT, 42, all_loaded)
    assert [result.name for result in told.backends] == [one.name for one in all_loaded]
    assert told.steps == 192
    assert not told.interrupted
    for result, one in zip(told.backends, all_loaded, strict=True):
        trainee = Trainee(one, SHORT, "float64")
        trainee.start(42)
        for _ in lockstep([trainee]):
            pass
        for a, b in zip(result.params, trainee.params, strict=True):
            assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
        assert result.curve.epochs.tolist() == [0, 1, 11, 12]
        everyone = trainee.backend.evaluate(trainee.params, trainee.data.x, trainee.data.y)
        assert result.curve.loss[-1] == everyone.loss
    assert len(told.drift) == len(told.gaps) == 3
    assert len(told.worked) == 2 * len(all_loaded)


def test_equal_backends_do_not_drift() -> None:
    other = Loaded(Source("other", "other"), NUMPY.kind, NUMPY.version)
    told = compare(SHORT, 42, [NUMPY, other])
    (pair,) = told.drift
    assert pair.first == {"weights": None, "gradients": None, "loss": None}
    assert {one.ulps for largest in pair.largest.values() for one in largest} == {0}
    assert told.gaps[0].largest == 0
    assert not told.parted


def test_another_learning_rate_is_seen_from_the_first_step(tmp_path: Path) -> None:
    told = compare(SHORT, 42, [NUMPY, changed_rate(tmp_path, 0.0500001)])
    (pair,) = told.drift
    assert pair.first == {"weights": 1, "gradients": 2, "loss": 2}
    assert not told.parted


def test_curves_that_differ_visibly_have_parted(tmp_path: Path) -> None:
    told = compare(SHORT, 42, [NUMPY, changed_rate(tmp_path, 0.5)])
    assert told.parted
    assert told.gaps[0].parted_epoch == 1
    assert told.gaps[0].largest > VISIBLE_GAP * 0.2


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1.0, 1.0, False), (1.0, 1.0 - VISIBLE_GAP / 2, False), (1.0, 1.0 - VISIBLE_GAP * 2, True),
        (0.0, 0.0, False), (np.nan, 1.0, True), (np.nan, np.nan, False), (np.inf, 1.0, True),
    ],
)  # fmt: skip
def test_visible(left: float, right: float, expected: bool) -> None:
    assert bool(visible(np.float64(left), np.float64(right))) is expected


def test_nan_is_told_with_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = numpy_backprop.move_all

    def broken(
        move: Move, params: Params, grads: Params, slots: Sequence[Params], step: int
    ) -> None:
        honest(move, params, grads, slots, step)
        if step == 3:
            params[0][...] = np.nan

    assert compare(SHORT, 42, [NUMPY]).backends[0].first_not_finite is None
    monkeypatch.setattr(numpy_backprop, "move_all", broken)
    result = compare(SHORT, 42, [NUMPY]).backends[0]
    assert result.first_not_finite == 3
    assert not result.outcome.finite
    assert result.outcome.correct == 0


@pytest.mark.parametrize("rate", [1e300, 1e-60])
def test_a_learning_rate_that_the_dtype_cannot_hold_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="float32"):
        compare(SHORT.changed(learning_rate=rate), 42, [NUMPY], dtype="float32")


def test_an_interrupted_run_tells_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.training.CHUNK_STEPS", 16)

    def stop_at_five_epochs(steps: int) -> None:
        if steps == 80:
            raise KeyboardInterrupt

    told = compare(SHORT, 42, [NUMPY], progress=stop_at_five_epochs)
    assert told.interrupted
    assert told.steps == 80
    assert told.backends[0].curve.epochs.tolist() == [0, 1]
    five = compare(SHORT.changed(epochs=5), 42, [NUMPY])
    for a, b in zip(told.backends[0].params, five.backends[0].params, strict=True):
        assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


def test_recordings_of_a_run_are_saved(tmp_path: Path) -> None:
    compare(SHORT, 42, [NUMPY], record_to=tmp_path)
    saved = open_recording(tmp_path / "numpy.npz")
    assert saved.header["seed"] == 42
    assert saved.header["backend"] == "numpy"
    assert sum(len(recording.steps) for recording in saved.recordings()) == 192


def test_an_interrupted_run_saves_no_recording(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    compare(SHORT, 42, [NUMPY], record_to=tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_survey_agrees_with_single_runs() -> None:
    calm = problem("people4").changed(epochs=150)
    seeds = (0, 1, 42)
    told = survey(calm, seeds, [NUMPY])
    assert told.seeds == seeds
    for i, seed in enumerate(seeds):
        alone = compare(calm, seed, [NUMPY]).backends[0]
        assert told.backends[0].correct is not None
        assert told.backends[0].correct[i] == alone.outcome.correct
    assert told.parted_epoch.tolist() == [-1, -1, -1]


def test_groups_of_seeds_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = survey(SHORT, range(5), [NUMPY])
    monkeypatch.setattr("shared.survey.GROUP", 2)
    parts = survey(SHORT, range(5), [NUMPY])
    assert parts.seeds == whole.seeds == (0, 1, 2, 3, 4)
    cut, at_once = parts.backends[0].correct, whole.backends[0].correct
    assert cut is not None
    assert at_once is not None
    assert cut.tolist() == at_once.tolist()


def test_a_survey_sees_parted_seeds(tmp_path: Path) -> None:
    told = survey(SHORT, [3, 42], [NUMPY, changed_rate(tmp_path, 0.5)])
    assert (told.parted_epoch > 0).all()


def test_an_interrupted_survey_tells_where_the_seeds_stood() -> None:
    def stop(made: int) -> None:
        if made >= 2 * 16:
            raise KeyboardInterrupt

    told = survey(SHORT, [3, 42], [NUMPY], progress=stop)
    assert told.interrupted
    assert told.epochs == 1
    assert told.seeds == (3, 42)


def test_chaotic_and_calm_seeds_are_told_apart() -> None:
    """Rounding alone parts seed 37; seeds 0, 4 and 42 stay together, solved or stuck."""
    jax = load_or_skip(find("jax"))
    told = survey(problem("people16"), [0, 4, 37, 42], [NUMPY, jax])
    assert told.solved[:, [0, 1, 3]].tolist() == [[False, True, True]] * 2
    assert told.parted_epoch[[0, 1, 3]].tolist() == [-1, -1, -1]
    assert told.parted_epoch[2] > 0
