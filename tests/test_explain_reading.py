"""A step that is read is the step that is trained, and each of its operations can be made again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Params
from shared.explain.bits import same_bits
from shared.explain.by_hand import read_by_hand
from shared.explain.reading import Operation, Reading
from shared.registry import Source
from tests.conftest import load_or_skip
from tests.explained_steps import ASYMMETRIC, OTHERS, SQUARED, Case, backend, explained, read, steps


def are_those_of(reading: Reading, one: Any, case: Case, dtype: str) -> bool:
    """Say whether the gradients read are those of a backend that nobody watches."""
    grads = one.gradients(*case.step(dtype)).grads
    return all(map(same_bits, reading.gradients, grads))


def is_made_again(reading: Reading, one: Operation) -> bool:
    found = one.again([reading.values[i].array for i in one.inputs])
    recorded = [reading.values[i].array for i in one.outputs]
    return len(found) == len(recorded) and all(map(same_bits, found, recorded))


@steps([*SQUARED, *OTHERS])
def test_reading_changes_no_bit(source: Source, case: Case, dtype: str) -> None:
    one = backend(load_or_skip(source), case.network, dtype)
    assert are_those_of(explained(source, case, dtype).reading, one, case, dtype)


@steps([*SQUARED, *OTHERS])
def test_what_is_named_a_gradient_is_it(source: Source, case: Case, dtype: str) -> None:
    """Compiled, JAX may round otherwise than equation by equation."""
    found = explained(source, case, dtype)
    arrays = [found.value(f"dL/d{name}").array for name in case.network.param_names]
    assert [a.shape for a in arrays] == list(case.network.param_shapes)
    if found.reading.framework != "jax":
        assert all(map(same_bits, arrays, found.reading.gradients))


@steps([*SQUARED, *OTHERS])
def test_each_operation_made_again_gives_its_bits(source: Source, case: Case, dtype: str) -> None:
    reading = explained(source, case, dtype).reading
    assert [o.written for o in reading.operations if not is_made_again(reading, o)] == []


@steps([ASYMMETRIC])
def test_of_other_numbers_an_operation_makes_others(source: Source, case: Case, dtype: str) -> None:
    reading = explained(source, case, dtype).reading
    products = [one for one in reading.operations if one.does in ("matmul", "affine")]
    for one in products:
        arrays = [reading.values[i].array for i in one.inputs]
        (found,) = one.again([*arrays[:-1], 2 * arrays[-1]])
        assert not same_bits(found, reading.values[one.outputs[0]].array)
    assert products


@steps([ASYMMETRIC])
def test_operations_take_what_was_there_before(source: Source, case: Case, dtype: str) -> None:
    reading = explained(source, case, dtype).reading
    begun = {i for role, i in reading.results.items() if role in ("x", "y", "W1", "b1", "W2", "b2")}
    known = begun | {value.index for value in reading.values if value.is_constant}
    for one in reading.operations:
        assert set(one.inputs) <= known, one.written
        known |= set(one.outputs)
    assert [one.index for one in reading.operations] == list(range(len(reading.operations)))


@steps([ASYMMETRIC])
def test_backward_begins_once(source: Source, case: Case, dtype: str) -> None:
    reading = explained(source, case, dtype).reading
    passes = [one.is_backward for one in reading.operations]
    assert passes == sorted(passes)
    assert len(set(passes)) == 2


@steps([ASYMMETRIC])
def test_the_backend_and_what_it_was_given_are_left_alone(
    source: Source, case: Case, dtype: str
) -> None:
    loaded = load_or_skip(source)
    one = backend(loaded, case.network, dtype)
    before, params = dict(vars(one)), case.step(dtype)[0]
    kept = [w.copy() for w in params]
    read(one, case, dtype, loaded.kind.framework)
    assert {name: id(what) for name, what in vars(one).items()} == {
        name: id(what) for name, what in before.items()
    }
    assert all(map(same_bits, params, kept))


class Shy:
    """A backend that computes otherwise while it is watched."""

    def loss(self, params: Params, x: Array, y: Array) -> Any:
        z = x @ params[0].mT + (0 if type(x) is np.ndarray else 1)
        return ((z - y) ** 2).sum(), [x, z], z

    def gradients(self, params: Params, x: Array, y: Array) -> Any:
        _, _, z = self.loss(params, x, y)
        error = 2 * (z - y)
        return SimpleNamespace(grads=(error.mT @ x, error.sum(axis=-2)))


def test_a_backend_that_minds_being_watched_is_seen_to() -> None:
    case = SQUARED[-1]
    reading = read_by_hand(Shy(), "shy", "1", *case.step("float64"))  # type: ignore[arg-type]
    assert not are_those_of(reading, Shy(), case, "float64")


@pytest.mark.parametrize("role", ["x", "W1"])
def test_an_operation_that_gives_other_bits_is_seen(role: str) -> None:
    reading = read_by_hand(Shy(), "shy", "1", *SQUARED[-1].step("float64"))  # type: ignore[arg-type]
    index = reading.results[role]
    np.multiply(reading.values[index].array, 2, out=reading.values[index].array)
    assert not all(is_made_again(reading, one) for one in reading.operations)
