"""The same functions written in other ways: certified, and what explains them is named."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from shared.certificate.findings import BackendCertificate
from shared.problems import Problem
from tests.certified_forms import named_forms
from tests.certified_runs import certificate
from tests.form_backends import Slope, Writing, written
from tests.written_forms import (
    ANSWERS,
    CLASSES,
    RUNS,
    SLOPES_OF,
    TANH,
    by_tanh,
    of_cosh,
    some_units_off,
    two_branches,
)

BY_TANH = "σ(z) as (1 + tanh(z/2)) / 2"
WIDE = "functions within the wide profile"
BY_TANHS = {name: by_tanh(tanh) for name, tanh in TANH.items()}
HIDDEN, OUTPUT, ALL = " in the hidden layers", " in the output layer", " in all layers"

in_both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
with_deltas_or_not = pytest.mark.parametrize("with_deltas", [False, True], ids=["", "deltas"])
SIGMOIDS = [name for name in RUNS if "tanh" not in name]
SATURATED = [name for name in SIGMOIDS if "saturated" in name]


@cache
def judged(name: str, how: Writing, dtype: str) -> BackendCertificate:
    one, seed = RUNS[name]
    return certificate(written(how), one, seed, dtype=dtype)


@pytest.mark.parametrize("name", SIGMOIDS)
@in_both_dtypes
def test_a_sigmoid_in_two_branches_is_as_declared(name: str, dtype: str) -> None:
    found = judged(name, Writing(sigmoid=two_branches), dtype)
    assert found.certified
    assert not named_forms(found)


@pytest.mark.parametrize("name", SIGMOIDS)
@pytest.mark.parametrize("tanh", TANH)
@in_both_dtypes
def test_a_sigmoid_by_tanh_is_certified(name: str, tanh: str, dtype: str) -> None:
    pytest.importorskip("numpy" if tanh == "python" else tanh)
    found = judged(name, Writing(sigmoid=BY_TANHS[tanh]), dtype)
    assert found.certified
    assert named_forms(found) <= {BY_TANH, WIDE}


@pytest.mark.parametrize("name", SATURATED)
@pytest.mark.parametrize("tanh", TANH)
@in_both_dtypes
def test_a_saturated_sigmoid_by_tanh_is_named(name: str, tanh: str, dtype: str) -> None:
    """Near 0 the addition loses digits, which the declared sigmoid keeps."""
    pytest.importorskip("numpy" if tanh == "python" else tanh)
    found = judged(name, Writing(sigmoid=BY_TANHS[tanh]), dtype)
    tensors = {stage.tensor for stage in found.stages if BY_TANH in stage.forms}
    assert tensors
    last = f"a{len(RUNS[name][0].network.sizes) - 1}"
    allowed = {"a1", "a2", "a3"} - ({last} if RUNS[name][0].network.output != "sigmoid" else set())
    assert tensors <= allowed


def used(one: Problem, slope: str, where: str) -> Writing | None:
    """A writing with the slope where it has a place, and nowhere else."""
    function, own, _ = SLOPES_OF[slope]
    network, layers = one.network, where.split(" and ")
    has_output = network.output == function and not network.from_logits
    if ("hidden" in layers and network.activation != function) or (
        "output" in layers and not has_output
    ):
        return None
    chosen: list[Slope | None] = [
        own if layer in layers else None for layer in ("hidden", "output")
    ]
    return Writing(hidden=chosen[0], output=chosen[1])


def slope_cases() -> Iterator[tuple[str, str, str]]:
    for name, (one, _) in RUNS.items():
        for slope in SLOPES_OF:
            for where in ("hidden", "output", "hidden and output"):
                if used(one, slope, where):
                    yield name, slope, where


SLOPE_CASES = list(slope_cases())
every_slope = pytest.mark.parametrize(
    ("name", "slope", "where"), SLOPE_CASES, ids=[" | ".join(case) for case in SLOPE_CASES]
)


def with_slope(
    name: str, slope: str, where: str, dtype: str, with_deltas: bool
) -> BackendCertificate:
    how = used(RUNS[name][0], slope, where)
    assert how is not None
    return judged(
        name, Writing(hidden=how.hidden, output=how.output, with_deltas=with_deltas), dtype
    )


@every_slope
@with_deltas_or_not
@in_both_dtypes
def test_a_slope_in_another_form_is_certified(
    name: str, slope: str, where: str, with_deltas: bool, dtype: str
) -> None:
    assert with_slope(name, slope, where, dtype, with_deltas).certified


NEEDED = [
    (name, slope, where)
    for name, slope, where in SLOPE_CASES
    if "saturated" in name and where != "output" and SLOPES_OF[slope][0] == "sigmoid"
]


@pytest.mark.parametrize(
    ("name", "slope", "where"), NEEDED, ids=[" | ".join(case) for case in NEEDED]
)
@with_deltas_or_not
@in_both_dtypes
def test_a_slope_in_another_form_is_named_where_it_is_used(
    name: str, slope: str, where: str, with_deltas: bool, dtype: str
) -> None:
    named = named_forms(with_slope(name, slope, where, dtype, with_deltas))
    said, network = SLOPES_OF[slope][2], RUNS[name][0].network
    assert any(form.startswith(said) for form in named)
    if network.output != network.activation or network.from_logits:
        assert named == {said + HIDDEN}
    elif where == "hidden":
        assert said + HIDDEN in named
    else:  # in a step where the one layer's slope fits either form, the other one alone is named
        assert {said + HIDDEN, said + OUTPUT, said + ALL} & named


@pytest.mark.parametrize("name", [name for name in RUNS if "tanh" in name])
@with_deltas_or_not
@in_both_dtypes
def test_a_slope_of_tanh_from_z_is_named_where_the_recorded_tanh_is_some_units_off(
    name: str, with_deltas: bool, dtype: str
) -> None:
    """Else 1 - a² is as near to it as it rounds."""
    how = Writing(tanh=some_units_off, hidden=of_cosh, with_deltas=with_deltas)
    found = judged(name, how, dtype)
    assert found.certified
    assert any("tanh'(z) from z" + HIDDEN in form for form in named_forms(found))
    declared = judged(name, Writing(tanh=some_units_off, with_deltas=with_deltas), dtype)
    assert declared.certified
    assert not named_forms(declared)


LOSSES = [
    (name, form)
    for name, (one, _) in RUNS.items()
    for form in (
        CLASSES if one.network.output == "softmax" else ANSWERS if one.network.from_logits else ()
    )
]


@pytest.mark.parametrize(("name", "form"), LOSSES, ids=[" | ".join(case) for case in LOSSES])
@with_deltas_or_not
@in_both_dtypes
def test_a_cross_entropy_in_another_form_is_as_declared(
    name: str, form: str, with_deltas: bool, dtype: str
) -> None:
    at_logits = {**CLASSES, **ANSWERS}[form]
    found = judged(name, Writing(at_logits=at_logits, with_deltas=with_deltas), dtype)
    assert found.certified
    assert not named_forms(found)
