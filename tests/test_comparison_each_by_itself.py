"""Backends side by side: each is judged, recorded and evaluated by what it did itself.

One is right and one trains with a rate of its own, in either order: a verdict, a file or a curve
of the one that belongs to the other would show.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Evaluation, Params
from shared.comparison import Comparison, compare
from shared.evaluation import CurveTaker
from shared.gaps import CurveGap
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.recording_file import open_recording
from shared.registry import Loaded, Source, find, load
from shared.training import lockstep
from tests.trainees import numpy_trainee, own_trainee

SHORT = problem("people16").changed(epochs=3)


class Faster(NumpyBackprop):
    """NumPy's backend with another rate than the problem's."""

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        super().__init__(network, replace(optimizer, learning_rate=0.06), dtype, device)


NUMPY = load(find("numpy"))
FASTER = Loaded(Source("faster", "faster"), Faster, NUMPY.version)
ORDERS = {"right first": (NUMPY, FASTER), "wrong first": (FASTER, NUMPY)}
every_order = pytest.mark.parametrize("loaded", ORDERS.values(), ids=ORDERS)
compared = partial(compare, SHORT, 42)


def alone(loaded: Loaded, **options: Any) -> Comparison:
    return compared([loaded], **options)


@every_order
def test_each_is_judged_by_its_own_steps(loaded: tuple[Loaded, Loaded]) -> None:
    told = compared(loaded)
    assert {one.backend: one.certified for one in told.certificates} == {
        "numpy": True,
        "faster": False,
    }
    assert not told.certified


@every_order
def test_each_is_recorded_in_a_file_of_its_own(
    loaded: tuple[Loaded, Loaded], tmp_path: Path
) -> None:
    compared(loaded, record_to=tmp_path)
    for one in loaded:
        (recording,) = open_recording(tmp_path / f"{one.name}.npz").recordings()
        (result,) = alone(one).backends
        assert recording.final[0][0].tolist() == result.params[0].tolist()


@every_order
def test_each_has_a_curve_of_its_own(loaded: tuple[Loaded, Loaded]) -> None:
    for result, one in zip(compared(loaded).backends, loaded, strict=True):
        assert result.curve.loss.tolist() == alone(one).backends[0].curve.loss.tolist()


@pytest.mark.parametrize("which", range(3))
def test_any_pair_of_curves_that_parted_is_told(which: int) -> None:
    gaps = [CurveGap("a", "b", 0.0, 0, None) for _ in range(3)]
    gaps[which] = CurveGap("a", "b", 1.0, 3, 3)
    told = alone(NUMPY)
    assert not told.parted
    assert replace(told, gaps=tuple(gaps)).parted


class Reusing(NumpyBackprop):
    """NumPy's backend, which writes the losses of each evaluation over those of the one before."""

    kept = np.zeros(0)

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        found = super().evaluate(params, x, y)
        if self.kept.shape != found.loss.shape:
            self.kept = np.array(found.loss)
        self.kept[...] = found.loss
        return replace(found, loss=self.kept)


def test_a_curve_is_none_of_the_backends_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.evaluation.BLOCK_BYTES", 1)  # every mark is a call of its own
    losses = []
    for trainee in (numpy_trainee(), own_trainee(Reusing)):
        taker = CurveTaker(trainee)
        for (recording,) in lockstep([trainee]):
            taker.add(recording)
        losses.append(taker.finish().loss.tolist())
    assert losses[0] == losses[1]
    assert len(set(losses[0])) > 1
