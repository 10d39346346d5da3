"""A built-in problem that is written as a spec and read again is the same training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.errors import ProblemUnavailable
from shared.named_problems import problem, problem_names
from shared.network import Network
from shared.optimizer import OPTIMIZERS, Optimizer
from shared.problems import INITIALIZATIONS, LAST_BATCHES, ORDERS, Problem
from shared.spec.read import Spec, read_spec
from shared.spec.written import spec_of, spec_text

repeatably = settings(derandomize=True, deadline=None, max_examples=60)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples: each replaces the one before."""
    return tmp_path_factory.mktemp("specs") / "mine.json"


def again(path: Path, one: Problem, seed: int) -> Spec:
    path.write_text(spec_text(spec_of(one, seed)), "utf-8")
    return read_spec(path)


@pytest.mark.parametrize("name", problem_names())
def test_a_built_in_problem_comes_back(path: Path, name: str) -> None:
    try:
        one = problem(name)
    except ProblemUnavailable as error:
        pytest.skip(str(error))
    spec = again(path, one, 7)
    assert spec.seed == 7
    assert spec.problem == one
    assert spec.problem.to_json() == one.to_json()


networks = st.builds(
    Network,
    st.lists(st.integers(1, 9), max_size=2).map(lambda hidden: (2, *hidden, 1)),
    st.sampled_from(["sigmoid", "tanh", "relu"]),
    st.sampled_from(["sigmoid", "identity"]),
    st.sampled_from(["mean_squared_error", "quadratic_cost"]),
)
shares = st.floats(0, 1, exclude_max=True)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "momentum": shares, "beta1": shares, "beta2": shares,
    "nesterov": st.booleans(),
    "epsilon": st.floats(0, 1, exclude_min=True), "weight_decay": st.floats(0, 1),
    "rate_place": st.sampled_from(["outside", "inside"]),
    "epsilon_place": st.sampled_from(["outside", "inside", "uncorrected"]),
    "bias_correction": st.sampled_from(["float64", "dtype", "none"]),
    "decay": st.sampled_from(["coupled", "decoupled"]),
}  # fmt: skip


@st.composite
def optimizers(draw: st.DrawFn) -> Optimizer:
    name = draw(st.sampled_from(sorted(OPTIMIZERS)))
    own = [key for key in OPTIMIZERS[name] if draw(st.booleans())]
    rate = draw(st.floats(0, 10, exclude_min=True))
    said = {key: draw(FIELDS[key]) for key in own}
    corrects = name in ("adam", "adamw") and said.get("bias_correction") != "none"
    assume(corrects or said.get("epsilon_place") != "uncorrected")
    return Optimizer(rate, name, **said)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    return replace(
        problem(draw(st.sampled_from(["people4", "people16", "people16-centered"]))),
        title=draw(st.text('ab é"\\', min_size=1).filter(str.strip)),
        network=draw(networks),
        optimizer=draw(optimizers()),
        epochs=draw(st.integers(1, 10_000_000)),
        batch_size=draw(st.integers(1, 4)),
        curve_every=draw(st.integers(1, 10_000)),
        order=draw(st.sampled_from(ORDERS)),
        last_batch=draw(st.sampled_from(LAST_BATCHES)),
        initialization=draw(st.sampled_from(INITIALIZATIONS)),
    )


@repeatably
@given(problems(), st.integers(0, 2**32 - 1))
def test_any_training_on_built_in_data_comes_back(path: Path, one: Problem, seed: int) -> None:
    spec = again(path, one, seed)
    assert spec.problem.to_json() == one.to_json()
    assert without_unused_decay(spec.problem) == without_unused_decay(one)
    assert spec.seed == seed


def without_unused_decay(one: Problem) -> Problem:
    """An optimizer that decays nothing does not say how it would."""
    optimizer = one.optimizer
    if optimizer.weight_decay or optimizer.name in ("adam", "adamw"):
        return one
    return replace(one, optimizer=replace(optimizer, decay="coupled"))


def test_a_folder_is_named_where_the_data_lies_in_one() -> None:
    spec = spec_of(replace(problem("people4"), name="mnist"), 1, Path("my folder"))
    assert spec["data"] == {"problem": "mnist", "folder": "my folder"}


def test_a_spec_is_written_with_a_line_for_each_field() -> None:
    text = spec_text(spec_of(problem("people4"), 42))
    assert json.loads(text) == spec_of(problem("people4"), 42)
    assert text.splitlines()[:8] == [
        "{",
        '  "isograd": 1,',
        '  "name": "people4",',
        '  "title": "four people",',
        '  "data": {',
        '    "problem": "people4"',
        "  },",
        '  "network": {',
    ]
    assert '    "sizes": [2, 2, 1],' in text.splitlines()
