"""A slip in a verb is named with the verb, the step and the line in the user's file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from shared.backend import Array, Evaluation, OptimizerState, Params, StepGradients
from shared.checking import Checked
from shared.contract import Contract
from shared.errors import BackendFailed, BackendUnusable, ContractError
from tests.three_verbs import (
    NETWORK,
    OPTIMIZER,
    Momentum,
    ThreeVerbs,
    batches,
    differing,
    every_axes,
    made,
    no_momentum,
    samples,
    start,
)


class Slipping(ThreeVerbs):
    """Right, but for one slip in one verb at one step."""

    verb, at, slip = "", 3, staticmethod(lambda result: result)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calls = {"evaluate": 0, "gradients": 0, "update": 0}

    def _slipped(self, verb: str, result: Any) -> Any:
        self.calls[verb] += 1
        due = verb == self.verb and self.calls[verb] == self.at
        return self.slip(result) if due else result

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result: StepGradients = self._slipped("gradients", super().gradients(params, x, y))
        return result

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        result: tuple[Params, OptimizerState] = self._slipped(
            "update", super().update(params, grads, state)
        )
        return result


SLIPS: dict[str, tuple[str, Any, str]] = {
    "transposed": (
        "gradients",
        lambda r: StepGradients(r.evaluation, (r.grads[0].T, *r.grads[1:])),
        "gradient W1 of shape (3, 2); got shape (2, 3). W is stored (n_out, n_in)",
    ),
    "a gradient short": (
        "gradients",
        lambda r: StepGradients(r.evaluation, r.grads[:3]),
        "expected 4 arrays",
    ),
    "another dtype": (
        "gradients",
        lambda r: StepGradients(r.evaluation, tuple(g.astype(np.float32) for g in r.grads)),
        "gradient W1 in float64; got float32.",
    ),
    "a loss of Python": (
        "gradients",
        lambda r: StepGradients(
            Evaluation(r.evaluation.activations, None, float(r.evaluation.loss)),  # type: ignore[arg-type]
            r.grads,
        ),
        "loss as a NumPy array; got float.",
    ),
    "an evaluation of nothing": (
        "gradients",
        lambda r: StepGradients(None, r.grads),  # type: ignore[arg-type]
        "Evaluation; got a NoneType.",
    ),
    "gradients alone": ("gradients", lambda r: r.grads, "StepGradients; got a tuple."),
    "parameters alone": ("update", lambda r: r[0], "a pair (params, state); got tuple."),
    "an uncounted step": (
        "update",
        lambda r: (r[0], OptimizerState(r[1].step - 1)),
        "a state with step 3; got one with step 2.",
    ),
    "a parameter of another shape": (
        "update",
        lambda r: ((*r[0][:3], r[0][3][0]), r[1]),
        "parameter b2 of shape (1,); got shape ().",
    ),
}


@every_axes
@pytest.mark.parametrize(("verb", "slip", "message"), SLIPS.values(), ids=SLIPS.keys())
def test_a_broken_contract_is_named_with_its_verb_and_step(
    monkeypatch: pytest.MonkeyPatch, axes: tuple[int, ...], verb: str, slip: Any, message: str
) -> None:
    monkeypatch.setattr(Slipping, "verb", verb)
    monkeypatch.setattr(Slipping, "at", 2 * int(np.prod(axes)) + 1)
    monkeypatch.setattr(Slipping, "slip", staticmethod(slip))
    with pytest.raises(ContractError, match=re.escape(message)) as refusal:
        made(Slipping).train(start(axes), OptimizerState(), samples(), batches(axes))
    assert str(refusal.value).startswith(f"mine, {verb}: expected ")
    assert str(refusal.value).endswith("(In step 3.)")


class Forgetful(Momentum):
    """Moves by a velocity and keeps none, or keeps it under another name."""

    kept: ClassVar[tuple[str, ...]] = ()

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, moved = super().update(params, grads, state)
        slots = dict.fromkeys(self.kept, moved.slots["velocity"])
        return after, OptimizerState(moved.step, slots)


@every_axes
@pytest.mark.parametrize(
    ("kept", "came"), [((), "none"), (("m",), "'m'"), (("velocity", "m"), "'m', 'velocity'")]
)
def test_slots_that_are_not_the_optimizers_are_named_with_verb_and_step(
    monkeypatch: pytest.MonkeyPatch, axes: tuple[int, ...], kept: tuple[str, ...], came: str
) -> None:
    monkeypatch.setattr(Forgetful, "kept", kept)
    params = start(axes)
    with pytest.raises(ContractError) as refusal:
        made(Forgetful).train(params, no_momentum(params), samples(), batches(axes))
    assert str(refusal.value) == (
        f"mine, update: expected the optimizer's slots ('velocity'); got {came}. What an optimizer "
        "carries is named in shared/optimizer.py. (In step 1.)"
    )


def test_a_slip_that_is_never_due_is_none() -> None:
    made(Slipping).train(start(()), OptimizerState(), samples(), batches(()))


FILE = Path(__file__).name


class Raising(ThreeVerbs):
    """Raises in one verb, at the third call."""

    error: BaseException = ValueError("no such luck")

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            raise self.error
        return super().gradients(params, x, y)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such luck"), "ValueError: no such luck"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (KeyError("W3"), "KeyError: 'W3'"),
        (StopIteration(), "StopIteration"),
        (OSError("read-only file system"), "OSError: read-only file system"),
    ],
)
@pytest.mark.parametrize(("made_before", "step"), [(0, 3), (10, 13)])
def test_an_exception_is_told_with_verb_line_and_step(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str, made_before: int, step: int
) -> None:
    monkeypatch.setattr(Raising, "error", error)
    state = OptimizerState(made_before)
    with pytest.raises(BackendFailed) as told:
        made(Raising).train(start(()), state, samples(), batches(()))
    line = Raising.gradients.__code__.co_firstlineno + 3
    assert str(told.value).startswith(f"mine, gradients: {words}")
    assert f"{FILE}, line {line})" in str(told.value)
    assert str(told.value).endswith(f"(In step {step}.)")


def test_an_exception_keeps_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ValueError("no such luck")
    monkeypatch.setattr(Raising, "error", error)
    with pytest.raises(BackendFailed) as told:
        made(Raising).train(start(()), OptimizerState(), samples(), batches(()))
    causes = told.value.__cause__, getattr(told.value.__cause__, "__cause__", None)
    assert error in causes


def test_an_interruption_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raising, "error", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        made(Raising).train(start(()), OptimizerState(), samples(), batches(()))


def test_an_exit_in_a_verb_is_told_like_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raising, "error", SystemExit(3))
    with pytest.raises(BackendFailed, match="SystemExit: 3"):
        made(Raising).train(start(()), OptimizerState(), samples(), batches(()))


def test_a_refusal_of_the_backends_own_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raising, "error", BackendUnusable("only batches of one"))
    with pytest.raises(BackendUnusable, match=r"^only batches of one \(In step 3\.\)$"):
        made(Raising).train(start(()), OptimizerState(), samples(), batches(()))


def test_an_exception_in_a_library_is_told_with_the_users_line() -> None:
    class Stacking(ThreeVerbs):
        def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
            np.stack([params[0], x])
            return super().evaluate(params, x, y)

    line = Stacking.evaluate.__code__.co_firstlineno + 1
    data = samples()
    with pytest.raises(BackendFailed, match=rf"^mine, evaluate: .*{re.escape(FILE)}, line {line}"):
        made(Stacking).evaluate(start(()), data.x, data.y)


def test_outside_of_training_no_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raising, "calls", 2, raising=False)
    data = samples()
    with pytest.raises(BackendFailed) as told:
        made(Raising).gradients(start(()), data.x, data.y)
    assert "step" not in str(told.value).replace(FILE, "")


def test_a_checked_backend_alone_sees_the_shapes_it_was_given() -> None:
    inner = ThreeVerbs(NETWORK, OPTIMIZER, "float64")
    checked = Checked(inner, Contract("mine", NETWORK, "float64"))
    params, data = start(()), samples()
    result = checked.gradients(params, data.x, data.y)
    assert differing(result, inner.gradients(params, data.x, data.y)) == []
