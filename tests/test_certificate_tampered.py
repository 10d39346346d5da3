"""One number moved in a record without deltas: within its bound it passes, beyond it is found.

The exact values are computed here a second time, in fractions and in 60-digit decimals. What
follows from the number stays as it was; test_certificate_slips.py lets it follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.decision import Verdict
from tests.certified_exact import beside
from tests.certified_forms import forms_of
from tests.certified_runs import Place, Run, judgements, put_state
from tests.certified_tampered import (
    beyond,
    both_sides,
    every_row,
    every_run,
    exact,
    moved,
    place_of,
    require_only,
    require_place,
)


def activation_cases(
    run: Run, row: int, side: int
) -> Iterator[tuple[int, Place, float, float, float]]:
    """An element of each layer, and a value for it within its declared bound, one beyond that, and
    one beyond all forms."""
    honest = judgements(run)
    for layer, width in enumerate(run.problem.network.sizes[1:], start=1):
        place = place_of(run, row, (run.problem.batch_size - 1, width - 1))
        bound = float(honest["forward", f"a{layer}"].bound[place])
        true = exact(run, "forward", f"a{layer}", place)
        yield (
            layer,
            place,
            *beside(true, bound, side),
            beyond(run, "forward", f"a{layer}", place, side),
        )


@every_run
@every_row
@both_sides
def test_an_activation_within_its_bound(run: Run, row: int, side: int) -> None:
    for layer, place, inside, _, _ in activation_cases(run, row, side):
        passing = moved(run, "activations", layer - 1, place, inside)
        # The loss belongs to the output, from which it follows without any function of the host.
        lead = place[: run.whole.batches.ndim - 1]
        passing = moved(passing, "loss", 0, lead, float(exact(passing, "loss", "loss", lead)))
        # The gradients belong to the activation as it was: that may be so, and is no proof.
        for found in passing.judged().findings:
            assert (found.stage, found.verdict) == ("backward", Verdict.UNDECIDED)


@every_run
@every_row
@both_sides
def test_an_activation_beyond_its_declared_bound(run: Run, row: int, side: int) -> None:
    """It is found, or it is another form's, which is named."""
    for layer, place, _, aside, _ in activation_cases(run, row, side):
        certificate = moved(run, "activations", layer - 1, place, aside).judged()
        found = {(found.tensor, found.element) for found in certificate.findings}
        explained = forms_of(certificate, f"a{layer}")
        assert ((f"a{layer}", place[1:]) in found) != bool(explained)


@every_run
@every_row
@both_sides
def test_an_activation_beyond_all_its_bounds(run: Run, row: int, side: int) -> None:
    """What follows from it may be found too, in the same step and in later stages."""
    for layer, place, _, _, outside in activation_cases(run, row, side):
        findings = moved(run, "activations", layer - 1, place, outside).judged().findings
        require_place(findings[0], run, place, "forward", f"a{layer}")
        assert {found.step for found in findings} == {place[0] + 1}
        assert sum(found.tensor == f"a{layer}" for found in findings) == 1
        assert min(found.tensor for found in findings if found.stage == "forward") == f"a{layer}"


@every_run
@every_row
@both_sides
def test_a_loss(run: Run, row: int, side: int) -> None:
    place = place_of(run, row, ())
    bound = float(judgements(run)["loss", "loss"].bound[place])
    true = exact(run, "loss", "loss", place)
    inside, outside = beside(true, bound, side)
    assert moved(run, "loss", 0, place, inside).judged().certified
    found = require_only(moved(run, "loss", 0, place, outside), place, "loss", "loss")
    assert found.value == outside
    assert found.exact == float(true)
    assert found.bound == bound
    assert found.error == pytest.approx(float(abs(Fraction(outside) - true)), rel=1e-3)


def roundings(w: float, g: float, rate: float) -> tuple[float, float]:
    """w - ηg rounded twice, and once."""
    return w - rate * g, float(Fraction(w) - Fraction(rate) * Fraction(g))


@every_run
@every_row
@both_sides
def test_a_weight_beyond_both_roundings(run: Run, row: int, side: int) -> None:
    network = run.problem.network
    for tensor, name in enumerate(network.param_names):
        place = place_of(run, row, (0,) * len(network.param_shapes[tensor]))
        w, g = (float(a[tensor][place]) for a in (run.whole.before, run.whole.grads))
        allowed = roundings(w, g, float(run.rate))
        for value in allowed:
            kept = run.with_chunks(put_state(run.whole, tensor, place, value)).judged()
            assert not [f for f in kept.findings if f.step == place[0] + 1]
        outside = math.nextafter((max if side > 0 else min)(allowed), side * math.inf)
        certificate = run.with_chunks(put_state(run.whole, tensor, place, outside)).judged()
        here = [found for found in certificate.findings if found.step == place[0] + 1]
        assert here[0] == certificate.findings[0]
        assert len(here) == 1
        require_place(here[0], run, place, "update", name)
        assert here[0].value == outside
        # The next step starts at what this one left, and may not explain what it leaves.
        assert {found.step for found in certificate.findings} <= {place[0] + 1, place[0] + 2}
        if row == -1:
            assert certificate.found == 1


@every_run
@every_row
def test_a_sample_exchanged_in_the_record(run: Run, row: int) -> None:
    """The numbers belong to one sample, the index to another."""
    honest = run.whole.batches
    place = place_of(run, row, (honest.shape[-1] - 1,))
    other = (int(honest[place]) + 1) % len(run.problem.x)
    certificate = moved(run, "batches", 0, place, other).judged()
    assert {found.step for found in certificate.findings} == {place[0] + 1}
    assert certificate.verdict == Verdict.DIFFERENT
    forward = [found for found in certificate.findings if found.stage == "forward"]
    assert {(found.tensor, found.element[:-1]) for found in forward} == {("a1", place[1:])}
    assert all(other in found.samples for found in forward)


SPECIAL = [np.nan, np.inf, -np.inf]


@every_run
@every_row
@pytest.mark.parametrize("value", SPECIAL, ids=str)
def test_a_number_that_is_none(run: Run, row: int, value: float) -> None:
    shapes: dict[tuple[str, str], tuple[str, int, Array]] = {}
    shapes["loss", "loss"] = ("loss", 0, run.whole.evaluation.loss)
    for i, a in enumerate(run.whole.evaluation.activations or ()):
        shapes["forward", f"a{i + 1}"] = ("activations", i, a)
    for i, name in enumerate(run.problem.network.param_names):
        shapes["backward", name] = ("grads", i, run.whole.grads[i])
        shapes["update", name] = ("after", i, run.whole.after[i])
    axes = run.whole.batches.ndim - 1
    for (stage, tensor), (group, i, array) in shapes.items():
        place = place_of(run, row, (0,) * (array.ndim - axes))
        if group == "after":
            certificate = run.with_chunks(put_state(run.whole, i, place, value)).judged()
        else:
            certificate = moved(run, group, i, place, value).judged()
        found = certificate.findings[0]
        require_place(found, run, place, stage, tensor)
        assert found.value == value or (math.isnan(found.value) and math.isnan(value))
        if stage == "loss" or (group == "after" and row == -1):
            assert certificate.found == 1
