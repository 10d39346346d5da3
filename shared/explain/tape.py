"""Reads torch's tape: its nodes with what they saved, and every operator that it dispatched.

A dispatch mode sees each operator with its tensors, forward and backward; hooks on the nodes of
`loss.grad_fn` say on whose behalf the backward ones run. torch computes what it always does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from shared.backend import Array, Backend, Params
from shared.explain.notebook import Notebook
from shared.explain.reading import LAYOUT, Again, Node, Reading
from shared.explain.tensors import copied, dispatch_mode, operator_name, repeated_once, summed_axes
from shared.explain.vocabulary import meaning
from shared.explain.watched import with_loss

SAVED = "_saved_"
"""How the names of what a node saved begin."""


def read_tape(
    backend: Backend, name: str, version: str, params: Params, x: Array, y: Array
) -> Reading:
    """Run a step of a torch backend and return what it computed.

    Shapes: x (m, n_0), y (m, n_L).
    """
    tape = _Tape(sys.modules["torch"], len(params) // 2)
    with ExitStack() as watching:
        found = with_loss(backend, partial(tape.around, watching)).gradients(params, x, y)
    return tape.notebook.reading(name, version, found.grads, tape.nodes())


class _Tape:
    """What is seen of a step while it runs.

    A tensor is known by where its numbers lie and how, since saving one and taking it back makes
    another object of it. All are kept, so that no memory is given to two.
    """

    def __init__(self, torch: Any, layers: int) -> None:
        self.torch, self.layers = torch, layers
        self.notebook = Notebook("torch")
        self._kept: list[Any] = []
        self._known: dict[tuple[Any, ...], int] = {}
        self._is_looking = False
        self._running: int | None = None
        self.found: list[_Found] = []

    def around(self, watching: ExitStack, loss: Callable[..., Any]) -> Callable[..., Any]:
        """Return the loss, watched: from its first operator on everything is written down."""

        def watched(leaves: Sequence[Any], x: Any, y: Any) -> Any:
            *weights, samples, targets = map(self._value, (*leaves, x, y))
            self.notebook.handed_over(weights, samples, targets)
            with dispatch_mode(self.torch, self.dispatched):
                returned = loss(leaves, x, y)
            value, activations, z = returned
            self._walk(value, leaves)
            named = {f"a{layer}": a for layer, a in enumerate(activations, start=1)}
            named |= {f"z{self.layers}": z, "L": value}
            self.notebook.results |= {role: self._value(one) for role, one in named.items()}
            self.notebook.is_backward = True
            watching.enter_context(dispatch_mode(self.torch, self.dispatched))
            return returned

        return watched

    def dispatched(self, operator: Any, args: Any, options: Any, result: Any) -> None:
        """Write an operator down that has just run."""
        begun = any(one.arriving for one in self.found)
        if self._is_looking or (begun and self._running is None):
            return
        tensors = [one for one in args if self._is_tensor(one)]
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        node = None if self._running is None else self.found[self._running]
        name = operator_name(operator, args)
        places = self._places(name, args)
        inputs = [self._operand(args[i]) for i in places]
        if operator._schema.is_mutable:
            # In its place: what lies there is another value from here on.
            written = {one.untyped_storage().data_ptr() for one in outputs}
            self._known = {key: i for key, i in self._known.items() if key[0] not in written}
        index = self.notebook.operation(
            name,
            inputs,
            [self._value(one) for one in outputs if self._is_tensor(one)],
            written=f"{name}({', '.join(map(self._written, args))})",
            mark="" if node is None else node.name,
            axes=summed_axes(operator.name(), args, tensors),
            again=self._again(operator, args, options, places),
        )  # fmt: skip
        if node is not None:
            node.backward.append(index)

    def nodes(self) -> list[Node]:
        """Return the nodes, those next to the loss first."""
        return [one.finished() for one in self.found]

    def _is_tensor(self, one: Any) -> bool:
        return isinstance(one, self.torch.Tensor)

    def _places(self, name: str, args: Any) -> list[int]:
        """Return which arguments are computed with: tensors and numbers, not shapes and flags."""
        is_named = meaning("torch", name) == LAYOUT or name.startswith("aten.pow")
        numbers = () if is_named else (int, float)
        return [
            i for i, one in enumerate(args)
            if self._is_tensor(one) or (isinstance(one, numbers) and not isinstance(one, bool))
        ]  # fmt: skip

    def _operand(self, one: Any) -> int:
        return self._value(one) if self._is_tensor(one) else self.notebook.constant(one)

    def _value(self, tensor: Any) -> int:
        storage = tensor.untyped_storage().data_ptr()
        key = (storage, tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype)
        if key not in self._known:
            self._kept.append(tensor)
            self._is_looking = True
            array = copied(tensor.numpy(force=True))
            self._is_looking = False
            self._known[key] = self.notebook.value(array)
        return self._known[key]

    def _written(self, one: Any) -> str:
        return self.notebook.values[self._value(one)].name if self._is_tensor(one) else str(one)

    def _again(self, operator: Any, args: Any, options: Any, places: Sequence[int]) -> Again:
        torch, is_tensor = self.torch, self._is_tensor
        shapes = [(i, args[i].shape, args[i].stride()) for i in places if is_tensor(args[i])]

        def again(arrays: Sequence[Array]) -> tuple[Array, ...]:
            given, found = list(args), dict(zip(places, arrays, strict=True))
            for i, shape, stride in shapes:
                # Made by torch, since its products round by where in memory a tensor begins.
                once = repeated_once(shape, stride)
                tensor = torch.empty_strided(once, stride, dtype=args[i].dtype)
                numbers = np.array(found[i][tuple(slice(n) for n in once)])
                given[i] = tensor.copy_(torch.from_numpy(numbers)).expand(shape)
            with torch.no_grad():
                result = operator(*given, **options)
            outputs = result if isinstance(result, (tuple, list)) else (result,)
            return tuple(one.numpy(force=True) for one in outputs if is_tensor(one))

        return again

    def _walk(self, loss: Any, leaves: Sequence[Any]) -> None:
        """Find the nodes behind the loss, with the operators that left them, and watch them."""
        made_by = {
            output: one.index for one in reversed(self.notebook.operations)
            for output in one.outputs
        }  # fmt: skip
        waiting = [(loss.grad_fn, self._value(loss))]
        seen: dict[Any, int] = {}
        while waiting:
            node, value = waiting.pop(0)
            if node in seen:
                continue
            seen[node] = len(self.found)
            forward = made_by.get(value)
            inputs = () if forward is None else self.notebook.operations[forward].inputs
            self.found.append(_Found(self, node, len(self.found), forward))
            waiting += [
                (other, source)
                for (other, _), source in zip(node.next_functions, inputs, strict=False)
                if other is not None
            ]
        for one in self.found:
            one.watch(
                seen, {id(leaf): role for leaf, role in zip(leaves, self._roles(), strict=True)}
            )

    def _roles(self) -> list[str]:
        return [f"dL/d{kind}{layer}" for layer in range(1, self.layers + 1) for kind in "Wb"]

    def ran(self, index: int | None) -> None:
        """Say which node's operators run from now on."""
        self._running = index


class _Found:
    """A node, with what is seen of it."""

    def __init__(self, tape: _Tape, node: Any, index: int, forward: int | None) -> None:
        self.tape, self.node, self.index, self.forward = tape, node, index, forward
        self.name = node.name().rpartition("::")[2]
        self.after: tuple[int | None, ...] = ()
        self.saved: dict[str, int] = {}
        self.arriving: tuple[int | None, ...] = ()
        self.leaving: tuple[int | None, ...] = ()
        self.backward: list[int] = []
        self._gradients: dict[int, str] = {}
        for name in dir(node):
            if name.startswith(SAVED) and tape._is_tensor(one := getattr(node, name)):
                self.saved[name.removeprefix(SAVED)] = tape._value(one)

    def watch(self, seen: dict[Any, int], roles: dict[int, str]) -> None:
        """Hook the node: gradients on their way to a leaf are what was asked for."""
        nodes = [other for other, _ in self.node.next_functions]
        self.after = tuple(None if other is None else seen[other] for other in nodes)
        for i, other in enumerate(nodes):
            if other is not None and not other.next_functions:
                self._gradients[i] = roles[id(other.variable)]
        self.node.register_prehook(self._arrived)
        self.node.register_hook(self._left)

    def _arrived(self, gradients: Sequence[Any]) -> None:
        self.arriving = self._values(gradients)
        self.tape.ran(self.index)

    def _left(self, leaving: Sequence[Any], _: Sequence[Any]) -> None:
        self.leaving = self._values(leaving)
        self.tape.ran(None)
        for i, role in self._gradients.items():
            value, leaf = self.leaving[i], self.after[i]
            assert value is not None, "a gradient that was asked for was made"
            assert leaf is not None, "and handed to a leaf"
            self.tape.notebook.results[role] = value
            self.tape.found[leaf].arriving = (value,)

    def _values(self, gradients: Sequence[Any]) -> tuple[int | None, ...]:
        return tuple(None if one is None else self.tape._value(one) for one in gradients)

    def finished(self) -> Node:
        return Node(
            self.index, self.name, self.after, self.saved, self.arriving, self.leaving,
            self.forward, tuple(self.backward),
        )  # fmt: skip
