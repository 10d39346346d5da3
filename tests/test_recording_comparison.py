"""The comparison that the tests of recordings rest on sees every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.backend import OptimizerState, Recording
from tests.recordings import differences, first_flipped, full


@pytest.mark.parametrize(
    ("tampered", "name"),
    [
        (lambda r: replace(r, steps=r.steps + 1), "rest 0"),
        (lambda r: replace(r, batches=r.batches[:, ::-1] ^ 1), "rest 1"),
        (lambda r: replace(r, before=first_flipped(r.before)), "before 0"),
        (lambda r: replace(r, after=first_flipped(r.after)), "after 0"),
        (lambda r: replace(r, grads=first_flipped(r.grads)), "grads 0"),
        (lambda r: replace(r, deltas=first_flipped(r.deltas)), "deltas 0"),
        (lambda r: replace(r, deltas=r.deltas[:1]), "deltas 1"),
        (lambda r: replace(r, grads=(*r.grads[:3], r.grads[3][:, None])), "grads 3"),
        (lambda r: replace(r, grads=(r.grads[0].mT, *r.grads[1:])), "grads 0"),
        (lambda r: replace(r, state_before={"m": first_flipped(r.after)}), "slot m before 0"),
        (lambda r: replace(r, state_after={"m": first_flipped(r.after)}), "slot m after 0"),
        (lambda r: replace(r, final=(first_flipped(r.final[0]), r.final[1])), "final 0"),
        (lambda r: replace(r, final=(r.final[0], replace(r.final[1], step=8))), "rest 3"),
        (
            lambda r: replace(r, final=(r.final[0], OptimizerState(7, {"m": r.after}))),
            "slot m final 0",
        ),
        (lambda r: replace(r, evaluation=replace(r.evaluation, loss=-r.evaluation.loss)), "rest 2"),
        (lambda r: replace(r, evaluation=replace(r.evaluation, logits=None)), "logits 0"),
        (
            lambda r: replace(
                r, evaluation=replace(r.evaluation, activations=r.evaluation.activations[::-1])
            ),
            "activations 0",
        ),
        (
            lambda r: replace(r, evaluation=replace(r.evaluation, activations=None)),
            "activations is None",
        ),
    ],
)  # fmt: skip
def test_the_comparison_of_recordings_sees_each_part(
    tampered: Callable[[Recording], Recording], name: str
) -> None:
    recording = full()
    assert name in differences(recording, tampered(recording))


@pytest.mark.parametrize(("seed", "equal"), [(0, True), (1, False)])
def test_the_comparison_of_recordings_tells_equal_ones(seed: int, equal: bool) -> None:
    assert (differences(full(0), full(seed)) == set()) == equal
