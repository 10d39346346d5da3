"""A fault acts from its first step to its last, and nowhere else; the source stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import impls
from shared.backend import Array, OptimizerState, Params, Recording, StepGradients
from shared.errors import BackendUnusable, UsageError
from shared.faults.fault import (
    AtBorder,
    ChosenFault,
    Fault,
    Injection,
    InSource,
    Moment,
    Replacement,
)
from shared.faults.injected import injections, with_fault
from shared.faults.patched import patched_kind
from shared.named_problems import problem
from shared.registry import Loaded, find, load
from shared.training import Trainee, lockstep
from shared.ulp import bits_differ

PEOPLE = problem("people16").changed(3, None)
STEPS = PEOPLE.step_count


def halved(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=tuple(g / 2 for g in right.grads))


def frozen(
    _: Moment, params: Params, __: Params, state: OptimizerState
) -> tuple[Params, OptimizerState]:
    return params, OptimizerState(state.step + 1)


def reversed_samples(_: Moment, samples: Array, count: int) -> Array:
    return count - 1 - samples


def zeroed(_: Moment, params: Params) -> Params:
    return tuple(np.zeros_like(w) for w in params)


def counted(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Scale by the number of steps that the fault has seen in this run."""
    moment.memory["seen"] = moment.memory.get("seen", 0) + 1
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=tuple(g * moment.memory["seen"] for g in right.grads))


OWN = """
from impls.numpy_backprop import NumpyBackprop


class Mine(NumpyBackprop):
    pass
"""

HALVED = AtBorder("backward", ("W*", "b*"), gradients=halved)
FROZEN = AtBorder("update", ("W*", "b*"), update=frozen)
REVERSED = AtBorder("samples", ("samples",), order=reversed_samples)
ZEROED = AtBorder("start", ("W*", "b*"), start=zeroed)
IN_SOURCE = InSource(
    "numpy",
    "backward",
    ("δL",),
    (Replacement("numpy_backprop", "error: Array = output - y", "error: Array = y - output"),),
)
IN_UPDATES = InSource(
    "numpy",
    "update",
    ("W*", "b*"),
    (Replacement("_numpy_updates", "w -= eta * g\n", "w -= SIZE * g\n"),),
)


def numpy() -> Loaded:
    return load(find("numpy"))


def chosen(way: Injection, start: int = 1, lasting: int | None = None) -> ChosenFault:
    at_border = way if isinstance(way, AtBorder) else None
    in_source = (way,) if isinstance(way, InSource) else ()
    fault = Fault("some", "A story.", "backward", at_border=at_border, in_source=in_source,
                  lasting=lasting)  # fmt: skip
    return ChosenFault(fault, None, start)


def trained(loaded: Loaded, seed: int = 4) -> Recording:
    trainee = Trainee(loaded, PEOPLE, "float64")
    trainee.start(seed)
    ((recording,),) = lockstep([trainee])
    return recording


def differing_steps(way: Injection, start: int, lasting: int | None) -> set[int]:
    """In which steps the recording is not what a right backend makes of the same state."""
    wrong = trained(with_fault(numpy(), chosen(way, start, lasting)).wrong)
    right = numpy().create(PEOPLE.network, PEOPLE.optimizer, "float64")
    data, found = PEOPLE.dataset("float64"), set()
    for row, step in enumerate(wrong.steps.tolist()):
        before = tuple(w[row] for w in wrong.before)
        batch = np.array([row % len(data.x)])
        result = right.gradients(before, data.x[batch], data.y[batch])
        after, _ = right.update(before, result.grads, OptimizerState(step - 1))
        if any(bits_differ(a[row], b).any() for a, b in zip(wrong.after, after, strict=True)):
            found.add(step)
    return found


@pytest.mark.parametrize("way", [HALVED, FROZEN, REVERSED, IN_SOURCE], ids=lambda w: w.stage)
@pytest.mark.parametrize(("start", "lasting"), [(1, None), (20, None), (7, 1), (15, 4), (48, 1)])
def test_it_acts_in_its_own_steps_alone(way: Injection, start: int, lasting: int | None) -> None:
    stop = STEPS + 1 if lasting is None else start + lasting
    assert differing_steps(way, start, lasting) == set(range(start, stop))


@pytest.mark.parametrize("way", [HALVED, IN_SOURCE], ids=lambda way: type(way).__name__)
def test_each_step_of_a_cut_recording_begins_where_the_last_one_ended(way: Injection) -> None:
    recording = trained(with_fault(numpy(), chosen(way, 10, 5)).wrong)
    assert recording.steps.tolist() == list(range(1, STEPS + 1))
    for before, after, final in zip(
        recording.before, recording.after, recording.final[0], strict=True
    ):
        assert not bits_differ(before[1:], after[:-1]).any()
        assert not bits_differ(after[-1], final).any()
    assert recording.final[1].step == STEPS


def test_the_first_parameters_are_changed_only_at_the_start_of_a_run() -> None:
    recording = trained(with_fault(numpy(), chosen(ZEROED)).wrong)
    assert all((w[0] == 0).all() for w in recording.before)
    assert any((w[1] != 0).any() for w in recording.before)


def test_the_samples_that_are_seen_are_those_that_are_recorded() -> None:
    recording = trained(with_fault(numpy(), chosen(REVERSED, 2)).wrong)
    assert recording.batches[:3, 0].tolist() == [0, 14, 13]


def test_what_a_fault_remembers_is_forgotten_when_a_run_begins_anew() -> None:
    way = AtBorder("backward", ("W*", "b*"), gradients=counted)
    trainee = Trainee(with_fault(numpy(), chosen(way)).wrong, PEOPLE, "float64")
    ends = []
    for _ in range(2):
        trainee.start(4)
        ((recording,),) = lockstep([trainee])
        ends.append(recording.final[0])
    assert not any(bits_differ(a, b).any() for a, b in zip(*ends, strict=True))


def test_deltas_are_left_out_where_a_fault_asks_for_it() -> None:
    assert trained(with_fault(numpy(), chosen(HALVED)).wrong).deltas is not None
    hidden = replace(HALVED, hidden_deltas=True)
    assert trained(with_fault(numpy(), chosen(hidden)).wrong).deltas is None


def test_evaluations_are_wrong_where_the_source_always_is() -> None:
    wrong_forward = InSource(
        "numpy", "forward", ("a*",),
        (Replacement("numpy_backprop", "return 1 / (1 + np.exp(-z))", "return np.tanh(z)"),),
    )  # fmt: skip
    right = numpy().create(PEOPLE.network, PEOPLE.optimizer, "float64")
    data = PEOPLE.dataset("float64")
    trainee = Trainee(numpy(), PEOPLE, "float64")
    trainee.start(4)
    expected = right.evaluate(trainee.params, data.x, data.y).loss
    for start, same in ((1, False), (2, True)):
        loaded = with_fault(numpy(), chosen(wrong_forward, start)).wrong
        backend = loaded.create(PEOPLE.network, PEOPLE.optimizer, "float64")
        assert (backend.evaluate(trainee.params, data.x, data.y).loss == expected) == same


def test_the_size_goes_into_the_source() -> None:
    fault = ChosenFault(chosen(IN_UPDATES).fault, 0.0, 1)
    recording = trained(with_fault(numpy(), fault).wrong)
    assert not any(bits_differ(w[0], w[-1]).any() for w in recording.before)


def test_the_files_themselves_are_never_changed() -> None:
    (folder,) = impls.__path__
    before = {path: path.read_bytes() for path in Path(folder).glob("*.py")}
    patched_kind(find("numpy"), IN_UPDATES.replacements, 0.5)
    assert before == {path: path.read_bytes() for path in Path(folder).glob("*.py")}


def test_a_copy_leaves_the_right_backend_as_it_is() -> None:
    wrong = patched_kind(find("numpy"), IN_SOURCE.replacements, None)
    assert wrong is not numpy().kind
    assert wrong.__module__ != numpy().kind.__module__
    assert patched_kind(find("numpy"), IN_SOURCE.replacements, None) is not wrong


@pytest.mark.parametrize(
    ("old", "count"), [("no such line", 0), ("delta", 20)], ids=["nowhere", "many times"]
)
def test_a_piece_that_is_not_there_once_is_refused(old: str, count: int) -> None:
    with pytest.raises(BackendUnusable, match="expected once") as caught:
        patched_kind(find("numpy"), (Replacement("numpy_backprop", old, "x"),), None)
    assert ("0 times" in str(caught.value)) == (count == 0)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(BackendUnusable, match=r"no file nothing\.py"):
        patched_kind(find("numpy"), (Replacement("nothing", "a", "b"),), None)


def test_a_change_of_source_comes_before_one_at_the_border() -> None:
    both = Fault("some", "A story.", "backward", at_border=HALVED, in_source=(IN_SOURCE,))
    assert injections(numpy(), ChosenFault(both, None, 1)) == (IN_SOURCE, HALVED)


def test_a_file_of_the_users_own_is_changed_at_its_border_alone(tmp_path: Path) -> None:
    path = tmp_path / "numpy.py"
    path.write_text(OWN, "utf-8")
    both = Fault("some", "A story.", "backward", at_border=HALVED, in_source=(IN_SOURCE,))
    assert injections(load(find(str(path))), ChosenFault(both, None, 1)) == (HALVED,)


def test_a_backend_that_cannot_hold_a_fault_says_who_can() -> None:
    other = replace(numpy(), source=replace(numpy().source, name="torch"))
    with pytest.raises(UsageError, match="change in the source of numpy"):
        with_fault(other, chosen(IN_SOURCE))
