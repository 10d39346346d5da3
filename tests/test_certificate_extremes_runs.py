"""Whole runs of every backend where numbers over- or underflow, and saturate."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import shared.certificate.chain
import shared.seeding
import shared.training
from shared.backend import Params
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.stages import UPDATE
from shared.comparison import compare
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded, find, load
from shared.report.text import print_comparison
from tests.certified_kinds import BINARY, KINDS
from tests.certified_runs import certificate
from tests.command_line import read, run, unwrapped
from tests.extreme_steps import PASSED, step_of

PEOPLE = problem("people16").changed(epochs=3)


def scaled(factor: float) -> Problem:
    return replace(PEOPLE, x=factor * PEOPLE.x)


def require_certified(found: BackendCertificate, one: Problem) -> None:
    assert found.findings == ()
    assert found.certified
    assert found.judged_steps == one.step_count


OVERFLOWING = (724, 765)
"""Seeds of people16 whose first networks have a z for which e^-z is beyond float32."""


@pytest.mark.parametrize("seed", OVERFLOWING)
def test_the_exponential_overflows_from_the_start(seed: int) -> None:
    W, b, *_ = shared.seeding.starting_params(PEOPLE, seed, "float32")
    z = PEOPLE.dataset("float32").x @ W.T + b
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(-z)).any()


@pytest.mark.parametrize("seed", OVERFLOWING)
def test_runs_that_begin_with_an_overflow_are_certified(loaded: Loaded, seed: int) -> None:
    one = problem("people16").changed(epochs=300)
    require_certified(certificate(loaded, one, seed, dtype="float32"), one)


FACTORS = {
    "float64": (1e-300, 1e-30, 1e30, 1e300),
    "float32": (1e-42, 1e-30, 1e30, 1e36),
}


@pytest.mark.parametrize(("kind", "factor"), [(k, f) for k in FACTORS for f in FACTORS[k]])
def test_inputs_of_any_size(loaded: Loaded, kind: str, factor: float) -> None:
    one = scaled(factor)
    require_certified(certificate(loaded, one, 5, dtype=kind), one)


def test_weights_a_thousand_times_as_large(
    loaded: Loaded, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every unit is at an end of its range."""
    honest = shared.seeding.starting_params

    def thousandfold(one: Problem, seeds: int | Sequence[int], kind: str) -> Params:
        return tuple(1000 * w for w in honest(one, seeds, kind))

    for module in (shared.training, shared.certificate.chain):
        monkeypatch.setattr(module, "starting_params", thousandfold)
    outputs = []
    found = certificate(
        loaded, PEOPLE, 5, dtype=dtype,
        seen=lambda recording: outputs.append((recording.evaluation.activations or ())[0]),
    )  # fmt: skip
    require_certified(found, PEOPLE)
    hidden = np.concatenate(outputs)
    assert ((hidden == 0) | (hidden == 1)).mean() > 0.5


@pytest.mark.parametrize(
    ("kind", "rate"),
    [("float64", 5e-324), ("float32", 1e-45)],
)
def test_steps_that_underflow(loaded: Loaded, kind: str, rate: float) -> None:
    one = PEOPLE.changed(learning_rate=rate)
    require_certified(certificate(loaded, one, 5, dtype=kind), one)


@pytest.mark.parametrize(("kind", "rate"), [("float64", 1.7e308), ("float32", 3e38)])
def test_parameters_near_the_largest_float(loaded: Loaded, kind: str, rate: float) -> None:
    """Sigmoids do not mind."""
    one = PEOPLE.changed(learning_rate=rate)
    require_certified(certificate(loaded, one, 42, dtype=kind), one)


LARGE = {"float64": 1e308, "float32": 1e38}


def test_the_step_in_which_parameters_overflow_is_found(loaded: Loaded, dtype: str) -> None:
    one = KINDS["relu twice, quantities"].changed(learning_rate=LARGE[dtype])
    comparison = compare(one, 3, [loaded], dtype=dtype)
    (found,), (result,) = comparison.certificates, comparison.backends
    first = found.findings[0]
    assert found.verdict == Verdict.DIFFERENT
    assert (first.step, first.stage) == (result.first_not_finite, UPDATE)
    assert not np.isfinite(first.value)
    assert [one.step for one in found.findings] == sorted(one.step for one in found.findings)


@pytest.mark.parametrize("name", ["relu, two answers", "sigmoid, classes"])
def test_logits_that_overflow_are_found(loaded: Loaded, name: str) -> None:
    """Parameters of 1e307 meet each other: z or the loss is the first that is no number."""
    one = KINDS[name].changed(learning_rate=LARGE["float64"], epochs=2)
    found = certificate(loaded, one, 3)
    first = found.findings[0]
    assert found.verdict == Verdict.DIFFERENT
    assert first.stage.split()[-1] in ("forward", "loss")
    assert not np.isfinite(first.value)


def test_a_finite_run_with_huge_logits_is_not_called_different(loaded: Loaded) -> None:
    """In float32, one answer, η = 1e38: all that is recorded is finite, and right."""
    one = KINDS["no hidden layer, one answer"].changed(learning_rate=1e38)
    found = certificate(loaded, one, 3, dtype="float32")
    assert found.verdict != Verdict.DIFFERENT


def test_the_gradient_of_huge_logits_has_a_bound(dtype: str) -> None:
    z = {"float64": 1e20, "float32": 1e12}[dtype]
    step = step_of(
        Network((1, 1), loss=BINARY), [[[z]], [0.0]], [[-1.1], [0.7], [-1.3]],
        [[1.0], [0.0], [0.25]], dtype,
    ).with_deltas(False)  # fmt: skip
    judged = step.judged("backward", "W1")
    assert np.isfinite(judged.bound).all()
    assert judged.verdict[0, 0, 0] in PASSED


def test_a_report_of_an_overflowing_start(all_loaded: list[Loaded], tmp_path: Path) -> None:
    ran = run(
        "--seed", "724", "--dtype", "float32", "--epochs", "300", "--json", tmp_path / "a.json"
    )
    assert (ran.code, ran.errors) == (0, "")
    told = unwrapped(ran.text)
    names = ", ".join(one.name for one in all_loaded)
    assert f"Certified: all {300 * 16 * len(all_loaded):,} steps of " in told
    assert "float32 once, for all: 0.05 becomes 0.05000000074505806." in told
    assert "A value is vacuous where its bound is as large as itself" in told
    data = read(tmp_path / "a.json")
    assert ", ".join(one["backend"] for one in data["certificates"]) == names
    assert data["certified"] is True


def test_a_report_of_parameters_that_overflow(dtype: str) -> None:
    one = KINDS["relu twice, quantities"].changed(learning_rate=LARGE[dtype])
    page = io.StringIO()
    print_comparison(
        Console(file=page, width=88), compare(one, 3, [load(find("numpy"))], dtype=dtype)
    )
    told = unwrapped(page.getvalue())
    assert "DIFFERENT: numpy, step 1 (epoch 1, samples " in told
    assert "), update, " in told
    assert "Certified" not in told
    assert "a recorded number is NaN or infinite from step 1 on." in told
    assert "with weights that are NaN or infinite" in told
