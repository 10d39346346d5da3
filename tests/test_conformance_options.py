"""An option of an optimizer that is accepted and then ignored is found, and named."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.network import Network
from shared.optimizer import (
    COUPLED,
    DECOUPLED,
    DTYPE,
    FLOAT64,
    INSIDE,
    NONE,
    OUTSIDE,
    UNCORRECTED,
    Optimizer,
)
from shared.optimizer import OPTIMIZERS as FIELDS
from shared.registry import Source
from tests.command_line import Ran, row, section, unwrapped
from tests.conformance.cases import Case
from tests.conformance.catalogue import OPTIMIZERS, OPTIONS
from tests.conformance.subjects import Kept, Trained, trained
from tests.conformance.training import SEED, stage_failed
from tests.conformance_runs import checked, told_of
from tests.wrong_backends import ADAM, WRONG_IN_AN_OPTION

PLAIN = {"weight_decay": 0.0}
"""What a backend does that has no such field, where that is not the field's default."""

IGNORED = [
    (name, field, PLAIN.get(field, default))
    for name, optimizer in {**OPTIMIZERS, **OPTIONS}.items()
    for field, default in FIELDS[optimizer.name].items()
    if getattr(optimizer, field) != PLAIN.get(field, default)
]

ALIKE = {
    # w - η (g + λ w) is w - η g - η λ w.
    ("sgd-decoupled", "decay"),
    # A float64 correction is one of those that the rounding of β in the dtype allows.
    ("adam-in-dtype", "bias_correction"),
    ("adamw-in-dtype", "bias_correction"),
}
"""Fields of which both choices lead to numbers that a right backend may give."""


def update_failed(name: str, **ignored: Any) -> str:
    """Train by NumPy with fields of the optimizer exchanged; return what the judge says."""

    class Ignoring(NumpyBackprop):
        def __init__(
            self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
        ) -> None:
            super().__init__(network, replace(optimizer, **ignored), dtype, device)

    loaded = Kept(Source("ignoring", "tests.wrong_backends"), Ignoring, "1")
    told = trained(loaded, Case("2-2-1", name, "float32"), SEED)
    assert isinstance(told, Trained)
    return stage_failed(told, "update")


@pytest.mark.parametrize(("name", "field", "plain"), IGNORED)
def test_every_field_is_said_by_an_option_that_shows_whether_it_is_heeded(
    name: str, field: str, plain: Any
) -> None:
    assert bool(update_failed(name, **{field: plain})) == ((name, field) not in ALIKE)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_bias_correction_in_the_dtype_is_found_where_float64_is_asked_for(name: str) -> None:
    assert update_failed(name, bias_correction=DTYPE)


CHOICES = {
    ("sgd", "decay"): {COUPLED, DECOUPLED},
    ("momentum", "nesterov"): {False, True},
    ("momentum", "rate_place"): {OUTSIDE, INSIDE},
    ("momentum", "decay"): {COUPLED, DECOUPLED},
    ("rmsprop", "epsilon_place"): {OUTSIDE, INSIDE},
    ("rmsprop", "decay"): {COUPLED, DECOUPLED},
    ("adam", "epsilon_place"): {OUTSIDE, INSIDE, UNCORRECTED},
    ("adam", "bias_correction"): {FLOAT64, DTYPE, NONE},
    ("adamw", "epsilon_place"): {OUTSIDE, INSIDE, UNCORRECTED},
    ("adamw", "bias_correction"): {FLOAT64, DTYPE, NONE},
}


def test_every_choice_that_a_field_has_is_among_the_options() -> None:
    said: dict[tuple[str, str], set[Any]] = {}
    for one in {**OPTIMIZERS, **OPTIONS}.values():
        for field in FIELDS[one.name]:
            if not isinstance(getattr(one, field), float):
                said.setdefault((one.name, field), set()).add(getattr(one, field))
    assert said == CHOICES


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """What was said of an Adam with all its options, and of those that are wrong in one."""
    folder = tmp_path_factory.mktemp("backends")
    (folder / "right.py").write_text(ADAM, "utf-8")
    for name, wrong in WRONG_IN_AN_OPTION.items():
        wrong.write(folder / f"{name}.py")
    return checked(folder, ["right", *WRONG_IN_AN_OPTION], "-k", "adam")


def test_options_that_are_heeded_break_nothing(ran: Ran) -> None:
    assert "\nright breaks nothing: " in ran.text


def test_options_are_listed_by_what_became_of_them(ran: Ran) -> None:
    told = unwrapped(" ".join(section(ran.text, "accepted")))
    assert (
        "options 64 32 adam-betas, adam-epsilon, adam-inside, adam-uncorrected, adam-in-dtype, "
        "adam-no-correction, adam-decay options - adamw-inside, adamw-uncorrected"
    ) in told


@pytest.mark.parametrize("name", WRONG_IN_AN_OPTION)
def test_an_option_that_is_wrong_breaks_these_checks_and_no_others(ran: Ran, name: str) -> None:
    (broken,) = re.findall(rf"^{name} breaks (.*); \d+ checks passed\.$", ran.text, re.M)
    assert broken == WRONG_IN_AN_OPTION[name].breaks


NAMED = {
    "ignores_its_decay": ("adam-decay", "Adam at 0.02 (weight decay 0.125)"),
    "decays_apart": ("adam-decay", "Adam at 0.02 (weight decay 0.125)"),
    "ignores_the_place_of_epsilon": (
        "adam-inside",
        "Adam at 0.02 (epsilon 0.001, ε inside the root)",
    ),
    "always_corrects": ("adam-no-correction", "Adam at 0.02 (no bias correction)"),
}


@pytest.mark.parametrize("name", NAMED)
def test_the_option_that_is_wrong_is_named(ran: Ran, name: str) -> None:
    option, optimizer = NAMED[name]
    told = unwrapped(told_of(ran, name))
    assert f"FAILED 2 of 16 on 2-2-1, {option} {name}, step 1 (" in told
    assert f"The optimizer is {optimizer}." in told


def test_a_step_that_is_not_counted_is_told_by_name(ran: Ran) -> None:
    checks = section(told_of(ran, "stands_still"), "constructor")
    assert row(checks, "state")[-1] == "FAILED 16 of 16"
    assert {row(checks, name)[-1] for name in ("training", "update")} == {"told elsewhere"}
