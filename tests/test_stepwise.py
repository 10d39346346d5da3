"""Three verbs are made a whole backend: not a bit is changed on the way, and no slip is hidden."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import (
    Array,
    Backend,
    Dataset,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepBackend,
    StepGradients,
)
from shared.contract import Contract
from shared.errors import BackendFailed, BackendUnusable, ContractError
from shared.network import Network, Optimizer
from shared.recording_file import open_recording, recording_writer
from shared.registry import Loaded, Source
from shared.seeding import initial_params, initial_replicas
from shared.checking import Checked
from shared.stepwise import PerReplica, Stepwise

NETWORK = Network((2, 3, 1))
OPTIMIZER = Optimizer(0.1)
STEPS, M = 7, 2
AXES: list[tuple[int, ...]] = [(), (3,), (2, 3)]
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_axes = pytest.mark.parametrize("axes", AXES, ids=["one network", "3 networks", "2x3"])


def sigmoid(z: Array) -> Array:
    answer: Array = 1 / (1 + np.exp(-z))
    return answer


class ThreeVerbs(StepBackend):
    """What a user would write: one network, no replica in sight."""

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        assert (network, device) == (NETWORK, "cpu")
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        W1, b1, W2, b2 = params
        assert (b1.ndim, x.ndim, y.ndim) == (1, 2, 2)
        h = sigmoid(x @ W1.T + b1)
        o = sigmoid(h @ W2.T + b2)
        return Evaluation((h, o), None, np.mean((o - y) ** 2))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        evaluation = self.evaluate(params, x, y)
        assert evaluation.activations is not None
        h, o = evaluation.activations
        d2 = 2 * (o - y) / o.size * o * (1 - o)
        d1 = d2 @ params[2] * h * (1 - h)
        return StepGradients(
            evaluation, (d1.T @ x, d1.sum(axis=0), d2.T @ h, d2.sum(axis=0)), (d1, d2)
        )

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return self.moved(params, grads), OptimizerState(state.step + 1)

    def moved(self, params: Params, grads: Params) -> Params:
        return tuple(w - self.rate * g for w, g in zip(params, grads, strict=True))


class Momentum(ThreeVerbs):
    """Heavy ball: a slot m, kept from step to step."""

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        before = state.slots.get("m") or tuple(np.zeros_like(w) for w in params)
        m = tuple(w.dtype.type(0.5) * w + g for w, g in zip(before, grads, strict=True))
        return self.moved(params, m), OptimizerState(state.step + 1, {"m": m})


class Buffered(Momentum):
    """Frugal: every result of a kind is written into the same arrays."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.buffers: dict[str, Any] = {}

    def _kept(self, name: str, arrays: Params) -> Params:
        kept: Params = self.buffers.setdefault(name, tuple(np.array(a) for a in arrays))
        for buffer, array in zip(kept, arrays, strict=True):
            buffer[...] = array
        return kept

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        fresh = super().evaluate(params, x, y)
        assert fresh.activations is not None
        (loss,) = self._kept("loss", (np.asarray(fresh.loss),))
        return Evaluation(self._kept(f"activations {len(x)}", fresh.activations), None, loss)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        fresh = super().gradients(params, x, y)
        assert fresh.deltas is not None
        return StepGradients(
            fresh.evaluation,
            self._kept("grads", fresh.grads),
            self._kept(f"deltas {len(x)}", fresh.deltas),
        )

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, fresh = super().update(params, grads, state)
        return self._kept("params", after), OptimizerState(
            fresh.step, {"m": self._kept("m", fresh.slots["m"])}
        )


def made(kind: type[StepBackend], dtype: str = "float64") -> Backend:
    """Make a whole backend of a class of one's own, as the registry does."""
    return Loaded(Source("mine", "mine"), kind, "1").create(NETWORK, OPTIMIZER, dtype)


def start(axes: tuple[int, ...], dtype: str = "float64") -> Params:
    """Other parameters for each replica."""
    if not axes:
        return initial_params(NETWORK, 42, dtype)
    flat = initial_replicas(NETWORK, range(int(np.prod(axes))), dtype)
    return tuple(w.reshape(*axes, *w.shape[1:]) for w in flat)


def no_momentum(params: Params) -> OptimizerState:
    return OptimizerState(0, {"m": tuple(np.zeros_like(w) for w in params)})


def samples(dtype: str = "float64") -> Dataset:
    draws = np.random.RandomState(7)
    return Dataset(draws.normal(size=(6, 2)).astype(dtype), draws.normal(size=(6, 1)).astype(dtype))


def batches(axes: tuple[int, ...], steps: int = STEPS) -> Array:
    """Other samples for each step and replica."""
    draws: Array = np.random.RandomState(8).randint(0, 6, size=(steps, *axes, M))
    return draws


def one(params: Params, replica: tuple[int, ...]) -> Params:
    return tuple(w[replica] for w in params)


def flat(value: Any) -> dict[str, Array]:
    """Lay out every array of a result under a name."""
    if isinstance(value, (np.ndarray, np.generic, int)):
        return {"": np.asarray(value)}
    if value is None:
        return {}
    if isinstance(value, Mapping):
        parts = {str(key): part for key, part in value.items()}
    elif isinstance(value, tuple):
        parts = {str(i): part for i, part in enumerate(value)}
    else:
        parts = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {
        f"{name}.{rest}".rstrip("."): array
        for name, part in parts.items()
        for rest, array in flat(part).items()
    }


def differing(a: Any, b: Any) -> list[str]:
    """Name the arrays in which two results differ: in shape, dtype or a bit, or by being there."""
    left, right = flat(a), flat(b)
    return [
        name
        for name in sorted({*left, *right})
        if name not in left
        or name not in right
        or (left[name].shape, left[name].dtype) != (right[name].shape, right[name].dtype)
        or left[name].tobytes() != right[name].tobytes()
    ]


def cut(value: Any, replica: tuple[int, ...]) -> dict[str, Array]:
    """Lay out what belongs to one replica."""
    return {name: array[replica] if array.ndim else array for name, array in flat(value).items()}


@pytest.mark.parametrize(
    "other",
    [
        StepGradients(Evaluation(None, None, np.array(-0.0)), (np.zeros(2),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.array([0.0, 5e-324]),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros((1, 2)),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(4, np.float32),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(2), np.zeros(2))),
        StepGradients(Evaluation(None, np.zeros(2), np.array(0.0)), (np.zeros(2),)),
    ],
    ids=["a sign of zero", "a last bit", "a shape", "a dtype", "an array more", "logits"],
)
def test_the_comparison_sees_every_difference(other: StepGradients) -> None:
    result = StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(2),))
    assert differing(result, result) == []
    assert len(differing(result, other)) == 1


@every_axes
@both_dtypes
@pytest.mark.parametrize("shared_batch", [True, False])
def test_each_replica_gets_what_the_class_alone_returns(
    axes: tuple[int, ...], dtype: str, shared_batch: bool
) -> None:
    alone, whole = ThreeVerbs(NETWORK, OPTIMIZER, dtype), made(ThreeVerbs, dtype)
    params, data = start(axes, dtype), samples(dtype)
    rows = np.arange(M) if shared_batch else batches(axes)[0]
    x, y = data.x[rows], data.y[rows]
    evaluation, gradients = whole.evaluate(params, x, y), whole.gradients(params, x, y)
    for i in np.ndindex(axes):
        own = one(params, i), *((x, y) if shared_batch else (x[i], y[i]))
        assert differing(cut(evaluation, i), flat(alone.evaluate(*own))) == []
        assert differing(cut(gradients, i), flat(alone.gradients(*own))) == []


@every_axes
@both_dtypes
def test_each_replica_moves_as_the_class_alone_moves_it(axes: tuple[int, ...], dtype: str) -> None:
    alone, whole = Momentum(NETWORK, OPTIMIZER, dtype), made(Momentum, dtype)
    params, grads = start(axes, dtype), tuple(w * w for w in start(axes, dtype))
    state = OptimizerState(4, {"m": tuple(w + 1 for w in params)})
    moved = whole.update(params, grads, state)
    assert moved[1].step == 5
    for i in np.ndindex(axes):
        expected = alone.update(
            one(params, i), one(grads, i), OptimizerState(4, {"m": one(state.slots["m"], i)})
        )
        assert differing(cut(moved, i), flat(expected)) == []


def test_replicas_are_not_mixed_up() -> None:
    params, data = start((2, 3)), samples()
    losses = made(ThreeVerbs).evaluate(params, data.x, data.y).loss
    assert losses.shape == (2, 3)
    assert len(set(losses.ravel().tolist())) == 6


@every_axes
@both_dtypes
@pytest.mark.parametrize("every", [0, 1, 3])
@pytest.mark.parametrize("first", [1, 6])
def test_training_is_gradients_and_update_again_and_again(
    axes: tuple[int, ...], dtype: str, every: int, first: int
) -> None:
    backend, data, chosen = made(Momentum, dtype), samples(dtype), batches(axes)
    params = start(axes, dtype)
    state = OptimizerState(first - 1, no_momentum(params).slots)
    recording = backend.train(params, state, data, chosen, every)
    row = 0
    for batch in chosen:
        before = params, state
        result = backend.gradients(params, data.x[batch], data.y[batch])
        params, state = backend.update(params, result.grads, state)
        if every and state.step % every == 0:
            assert recording.steps[row] == state.step
            assert differing(recording.batches[row], batch) == []
            assert differing(tuple(w[row] for w in recording.before), before[0]) == []
            assert differing(tuple(w[row] for w in recording.after), params) == []
            slots = recording.state_before, recording.state_after
            assert differing(tuple(w[row] for w in slots[0]["m"]), before[1].slots["m"]) == []
            assert differing(tuple(w[row] for w in slots[1]["m"]), state.slots["m"]) == []
            recorded = recording.evaluation, recording.grads, recording.deltas
            expected = result.evaluation, result.grads, result.deltas
            assert differing(cut(recorded, (row,)), flat(expected)) == []
            row += 1
    assert len(recording.steps) == row
    assert differing(recording.final, (params, state)) == []


@every_axes
@pytest.mark.parametrize("every", [0, 1, 3, 8])
def test_what_is_recorded_holds_the_contract(axes: tuple[int, ...], every: int) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes), every)
    Contract("mine", NETWORK, "float64").require_recording(recording, 1, (STEPS, *axes, M), every)


@every_axes
@both_dtypes
@pytest.mark.parametrize("every", [0, 8])
def test_no_recorded_step_leaves_empty_arrays_of_the_right_shape(
    axes: tuple[int, ...], dtype: str, every: int
) -> None:
    params = start(axes, dtype)
    state = no_momentum(params)
    recording = made(Momentum, dtype).train(params, state, samples(dtype), batches(axes), every)
    shapes = [(0, *axes, *shape) for shape in NETWORK.param_shapes]
    of_parameters = (
        recording.before, recording.after, recording.grads,
        recording.state_before["m"], recording.state_after["m"],
    )  # fmt: skip
    assert [[w.shape for w in params] for params in of_parameters] == [shapes] * 5
    units = [(0, *axes, M, 3), (0, *axes, M, 1)]
    assert [a.shape for a in recording.evaluation.activations or ()] == units
    assert [a.shape for a in recording.deltas or ()] == units
    assert recording.evaluation.loss.shape == (0, *axes)
    assert (recording.steps.shape, recording.batches.shape) == ((0,), (0, *axes, M))
    floats = flat((*of_parameters, recording.evaluation, recording.deltas))
    assert {array.dtype for array in floats.values()} == {np.dtype(dtype)}


@every_axes
def test_where_every_step_is_recorded_both_sides_are_views_of_one_trail(
    axes: tuple[int, ...],
) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes))
    pairs = [
        *zip(recording.before, recording.after, strict=True),
        *zip(recording.state_before["m"], recording.state_after["m"], strict=True),
    ]
    for before, after in pairs:
        assert np.shares_memory(before, after)
        assert before.base is after.base
        assert differing(before[1:], after[:-1]) == []
    assert differing(tuple(w[0] for w in recording.before), params) == []
    assert differing(tuple(w[-1] for w in recording.after), recording.final[0]) == []


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    backend, params, data, chosen = made(Momentum), start((3,)), samples(), batches((3,))
    state = no_momentum(params)
    whole = backend.train(params, state, data, chosen)
    first = backend.train(params, state, data, chosen[:3])
    second = backend.train(*first.final, data, chosen[3:])
    joined = {
        name: np.concatenate([array, flat(second)[name]])
        for name, array in flat(first).items()
        if not name.startswith("final")
    }
    assert differing(joined, {k: v for k, v in flat(whole).items() if k in joined}) == []
    assert differing(second.final, whole.final) == []


def saved_and_read(recording: Recording, folder: Path) -> Recording:
    with recording_writer(folder / "mine.npz", {}) as writer:
        writer.add(recording)
    (chunk,) = open_recording(folder / "mine.npz").recordings()
    return chunk


@every_axes
@pytest.mark.parametrize("every", [1, 3])
def test_slots_survive_replicas_and_recording(
    axes: tuple[int, ...], every: int, tmp_path: Path
) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes), every)
    chunk = saved_and_read(recording, tmp_path)
    assert [w.shape[1:] for w in chunk.state_after["m"]] == [w.shape for w in params]
    assert all(w.any() for w in chunk.state_after["m"])
    assert differing(chunk, recording) == []


@every_axes
@pytest.mark.parametrize("every", [0, 1, 3])
def test_slots_that_the_first_step_makes_are_kept_or_refused(
    axes: tuple[int, ...], every: int
) -> None:
    backend, params = made(Momentum), start(axes)
    run = samples(), batches(axes), every
    with contextlib.suppress(ContractError):
        from_none = backend.train(params, OptimizerState(), *run)
        from_zero = backend.train(params, no_momentum(params), *run)
        assert differing(from_none.final, from_zero.final) == []
        assert differing(from_none.state_after, from_zero.state_after) == []


@every_axes
@pytest.mark.parametrize("every", [1, 3])
def test_a_buffer_that_is_used_again_spoils_nothing(axes: tuple[int, ...], every: int) -> None:
    params, data, chosen = start(axes), samples(), batches(axes)
    state = no_momentum(params)
    frugal = made(Buffered).train(params, state, data, chosen, every)
    lavish = made(Momentum).train(params, state, data, chosen, every)
    assert differing(frugal, lavish) == []


def test_a_buffer_that_is_used_again_would_spoil_it_unchecked() -> None:
    backend = Stepwise(Buffered(NETWORK, OPTIMIZER, "float64"))
    params = start(())
    run = no_momentum(params), samples(), batches(())
    assert differing(backend.train(params, *run), made(Momentum).train(params, *run))


def test_results_are_not_the_arguments() -> None:
    class Resting(ThreeVerbs):
        def update(
            self, params: Params, grads: Params, state: OptimizerState
        ) -> tuple[Params, OptimizerState]:
            return params, OptimizerState(state.step + 1, {"g": grads})

    params, grads = start((3,)), start((3,))
    after, state = made(Resting).update(params, grads, OptimizerState())
    assert differing(after, params) == []
    results = [*after, *state.slots["g"]]
    assert not any(np.shares_memory(a, b) for a in results for b in (*params, *grads))
    assert all(a.flags.writeable for a in results)


class Scribbling(Momentum):
    """Writes into what it was given: `target` picks the array."""

    target = "params"

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        chosen = {"x": x, "y": y, "parameters of gradients": params[1]}.get(self.target)
        if chosen is not None:
            chosen[...] = 0
        return super().gradients(params, x, y)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        targets = {"params": params[0], "grads": grads[3], "slots": state.slots["m"][2]}
        if self.target in targets:
            targets[self.target][...] = 0
        return super().update(params, grads, state)


@every_axes
@pytest.mark.parametrize(
    ("target", "verb"),
    [
        ("x", "gradients"),
        ("y", "gradients"),
        ("parameters of gradients", "gradients"),
        ("params", "update"),
        ("grads", "update"),
        ("slots", "update"),
    ],
)
def test_writing_into_an_argument_is_stopped(
    monkeypatch: pytest.MonkeyPatch, axes: tuple[int, ...], target: str, verb: str
) -> None:
    monkeypatch.setattr(Scribbling, "target", target)
    params = start(axes)
    with pytest.raises(BackendFailed, match=rf"^mine, {verb}: .* leaves its arguments unchanged"):
        made(Scribbling).train(params, no_momentum(params), samples(), batches(axes))


def test_the_arguments_stay_writeable_for_their_owner() -> None:
    params, data = start(()), samples()
    made(ThreeVerbs).gradients(params, data.x, data.y)
    assert all(array.flags.writeable for array in (*params, data.x, data.y))


def test_the_names_of_the_slots_given_stay_as_they_were() -> None:
    class Renaming(Momentum):
        def update(
            self, params: Params, grads: Params, state: OptimizerState
        ) -> tuple[Params, OptimizerState]:
            slots: Any = state.slots
            slots["v"] = slots.pop("m")
            return params, OptimizerState(state.step + 1, {"m": grads})

    params = start(())
    state = no_momentum(params)
    with contextlib.suppress(BackendFailed):
        made(Renaming).update(params, params, state)
    assert list(state.slots) == ["m"]


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


def test_a_slip_that_is_never_due_is_none() -> None:
    made(Slipping).train(start(()), OptimizerState(), samples(), batches(()))


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
    assert f"test_stepwise.py, line {line})" in str(told.value)
    assert str(told.value).endswith(f"(In step {step}.)")


def test_an_exception_keeps_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ValueError("no such luck")
    monkeypatch.setattr(Raising, "error", error)
    with pytest.raises(BackendFailed) as told:
        made(Raising).train(start(()), OptimizerState(), samples(), batches(()))
    causes = told.value.__cause__, getattr(told.value.__cause__, "__cause__", None)
    assert error in causes


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interruption_goes_through(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(Raising, "error", error)
    with pytest.raises(type(error)):
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
    with pytest.raises(BackendFailed, match=rf"^mine, evaluate: .*test_stepwise\.py, line {line}"):
        made(Stacking).evaluate(start(()), data.x, data.y)


def test_outside_of_training_no_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raising, "calls", 2, raising=False)
    data = samples()
    with pytest.raises(BackendFailed) as told:
        made(Raising).gradients(start(()), data.x, data.y)
    assert "step" not in str(told.value).replace("test_stepwise.py", "")


@pytest.mark.parametrize("wrapper", [PerReplica, Stepwise])
def test_the_wrappers_take_replicas(wrapper: type[StepBackend]) -> None:
    assert wrapper.replica_axes


def test_a_checked_backend_alone_sees_the_shapes_it_was_given() -> None:
    inner = ThreeVerbs(NETWORK, OPTIMIZER, "float64")
    checked = Checked(inner, Contract("mine", NETWORK, "float64"))
    params, data = start(()), samples()
    result = checked.gradients(params, data.x, data.y)
    assert differing(result, inner.gradients(params, data.x, data.y)) == []
