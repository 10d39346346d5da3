"""A comparison that is asked for the truth: what it holds, and what an interrupt leaves of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from shared.comparison import Comparison, compare
from shared.named_problems import problem
from shared.recording_file import open_recording
from shared.registry import Loaded, find, load
from shared.report.data import comparison_data
from shared.report.text import print_comparison
from shared.truth.estimate import Estimate
from shared.truth.findings import Truth
from tests.followed import wide

NUMPY = load(find("numpy"))
SHORT = problem("people16").changed(epochs=12)
STEPS = 192


def printed(one: Comparison) -> str:
    console = Console(file=io.StringIO(), width=88)
    print_comparison(console, one)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.fixture(scope="module")
def whole() -> Comparison:
    return compare(SHORT, 42, [NUMPY], truth=True)


def test_the_truth_is_of_the_steps_that_were_made(whole: Comparison) -> None:
    assert isinstance(whole.truth, Truth)
    assert (whole.truth.steps, whole.truth.stopped) == (STEPS, None)
    assert [b.name for b in whole.truth.backends] == ["numpy"]
    (gap,) = whole.truth_gaps
    assert (gap.left, gap.right, gap.parted_epoch) == ("numpy", "exact", None)
    curve = whole.backends[0].curve.loss
    assert gap.largest == abs(curve - whole.truth.curve_loss).max()
    assert gap.largest < 2.0**-45


def test_asking_for_the_truth_changes_nothing_else(whole: Comparison) -> None:
    plain = compare(SHORT, 42, [NUMPY])
    assert (plain.truth, plain.truth_gaps, plain.truth_wanted) == (None, (), False)
    assert not plain.cut_short
    assert not whole.cut_short
    for a, b in zip(plain.backends[0].params, whole.backends[0].params, strict=True):
        assert a.tobytes() == b.tobytes()
    assert "exact trajectory" not in printed(plain)
    assert plain.certified == whole.certified


def test_every_backend_is_beside_it(all_loaded: list[Loaded]) -> None:
    told = compare(SHORT, 42, all_loaded, truth=True)
    assert isinstance(told.truth, Truth)
    assert [b.name for b in told.truth.backends] == [one.name for one in all_loaded]
    assert len(told.truth.likenesses) == len(told.drift)
    for one, backend in zip(told.backends, told.truth.backends, strict=True):
        ended = np.concatenate([w.ravel() for w in one.params])
        exact = np.array([float(text) for text in told.truth.weights])
        assert (abs(ended - exact) <= (max(backend.final_ulps) + 1) * np.spacing(abs(exact))).all()


def test_a_large_network_is_estimated_along_the_first_backend() -> None:
    told = compare(wide(), 7, [NUMPY], truth=True)
    assert isinstance(told.truth, Estimate)
    assert told.truth_gaps == ()
    assert "estimate" in printed(told)
    assert comparison_data(told, "")["truth"]["kind"] == "estimate"


def test_progress_counts_the_exact_steps_after_those_of_the_backends() -> None:
    seen: list[int] = []
    compare(SHORT, 42, [NUMPY], truth=True, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 2 * STEPS


def pressing(after: int) -> Callable[[int], None]:
    """Press Ctrl-C once so much is done."""

    def progress(made: int) -> None:
        if made > after:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """Interrupted in the walk, when all training was done: 250 epochs are two groups of blocks."""
    folder = tmp_path_factory.mktemp("recordings")
    longer = problem("people16").changed(epochs=250)
    told = compare(
        longer, 42, [NUMPY], truth=True, record_to=folder, progress=pressing(longer.step_count)
    )
    return told, folder


def test_an_interrupted_walk_keeps_the_run(stopped: tuple[Comparison, Path]) -> None:
    told, folder = stopped
    assert told.steps == 4000
    assert isinstance(told.truth, Truth)
    assert told.truth.stopped == "interrupted"
    assert 0 < told.truth.steps < 4000
    assert len(list(open_recording(folder / "numpy.npz").recordings())) > 0
    assert "Interrupted while the exact trajectory was followed" in printed(told)
    assert told.cut_short
    assert not told.interrupted


def test_an_interrupted_walk_does_not_deny_the_recordings(
    stopped: tuple[Comparison, Path],
) -> None:
    told, folder = stopped
    assert (folder / "numpy.npz").exists()
    assert "No recording was saved" not in printed(told)


def test_an_interrupted_training_is_not_followed() -> None:
    told = compare(SHORT, 42, [NUMPY], truth=True, progress=pressing(0))
    assert told.interrupted
    assert (told.truth, told.truth_gaps) == (None, ())
    assert "not followed" in printed(told)
    assert comparison_data(told, "")["truth"] is None


def test_a_nan_is_told_as_one(whole: Comparison) -> None:
    """In the table, and in the data, where JSON has no NaN."""
    assert isinstance(whole.truth, Truth)
    (backend,) = whole.truth.backends
    broken = replace(
        backend, ulps=(*backend.ulps[:-1], 2**64 - 1), final_ulps=(2**64 - 1,) * 9,
        unexplained=(*backend.unexplained[:-1], np.nan), explained=None, contributions=(),
    )  # fmt: skip
    told = replace(whole, truth=replace(whole.truth, backends=(broken,)))
    assert "NaN" in printed(told)
    (data,) = comparison_data(told, "")["truth"]["backends"]
    assert set(data["final_ulps"].values()) == {"NaN"}
    assert data["ulps"][-1] == "NaN"
