"""Reads a derivation by hand: NumPy's own calls, each with the piece of source that made it.

The backend is handed arrays that tell a notebook what is computed with them; its lines run as they
stand, through its own `loss` and `gradients`, and NumPy computes what it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shared.backend import Array, Backend, Params
from shared.explain.bits import same_bits
from shared.explain.notebook import Notebook
from shared.explain.places import source_place
from shared.explain.reading import LAYOUT, Place, Reading
from shared.explain.watched import with_loss

_NUMPY_FOLDER = str(Path(np.__file__).parent)

UNSEEN = "not seen"
"""What an operation is called that went by NumPy's functions: a slice, numbers that were set."""


class _Noted(np.ndarray[Any, Any]):
    """An array whose computations are written down; a view of it stays the same value."""

    notebook: Notebook | None = None
    value: int = -1

    def __array_finalize__(self, parent: Any) -> None:
        if isinstance(parent, _Noted):
            self.notebook, self.value = parent.notebook, parent.value

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        function = partial(getattr(ufunc, method), **options)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        axes = _axes(name, options.get("axis"), inputs[0])
        if out is None:
            return self._noted(name, inputs, function, axes)
        (target,) = out
        noted = self._noted(name, inputs, lambda *a: function(*a).astype(target.dtype), axes)
        # In its place: the array is another value from here on, and what it was is kept.
        self._set_apart(target)
        _plain(target)[...] = _plain(noted)
        self._noting.lies_in(noted.value, _plain(target))
        if isinstance(target, _Noted):
            target.value = noted.value
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        leaves = list(_leaves(args))

        def call(*given: Any) -> Any:
            return function(*_with_leaves(args, iter(given)), **options)

        return self._noted(function.__name__, leaves, call, [])

    def __setitem__(self, key: Any, number: Any) -> None:
        self._set_apart(self)
        _plain(self)[key] = _plain(number)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """Convert: that rounds, and no ufunc does it."""
        return self._noted("astype", [self], lambda a: a.astype(dtype), [])

    def dot(self, other: Any, *_: Any) -> Any:
        """Multiply by the function of this name, which is seen."""
        return np.dot(self, other)

    @property
    def _noting(self) -> Notebook:
        assert self.notebook is not None, "a view of a noted array has its notebook"
        return self.notebook

    def _set_apart(self, target: Any) -> None:
        """Keep what lies in an array that is about to be written over."""
        for one in list(self._noting.values):
            if np.shares_memory(one.array, _plain(target)):
                self._noting.lies_in(one.index, one.array.copy(order="K"))

    def _noted(
        self, name: str, inputs: Sequence[Any], function: Callable[..., Any], axes: Sequence[int]
    ) -> _Noted:
        notebook = self._noting
        place, within = source_place((_NUMPY_FOLDER, __file__))
        taken = [_taken(notebook, one, place) for one in inputs]
        index = notebook.value(np.asarray(function(*map(_plain, inputs))))
        # Of a number that stands in the program NumPy takes the dtype from what it meets.
        numbers = {i for i, one in enumerate(inputs) if type(one) in (bool, int, float)}

        def again(arrays: Sequence[Array]) -> tuple[Array, ...]:
            given = [a.item() if i in numbers else a for i, a in enumerate(arrays)]
            return (np.asarray(function(*given)),)

        notebook.operation(
            name, taken, [index], written=place.part, mark=within, axes=axes, place=place,
            again=again,
        )  # fmt: skip
        return _noted_array(notebook, index)


def read_by_hand(
    backend: Backend, name: str, version: str, params: Params, x: Array, y: Array
) -> Reading:
    """Run a step of a NumPy backend and return what it computed.

    Shapes: x (m, n_0), y (m, n_L).
    """
    notebook = Notebook("numpy")
    *weights, samples, targets = (notebook.value(a) for a in (*params, x, y))
    notebook.handed_over(weights, samples, targets)
    arrays = [_noted_array(notebook, index) for index in (*weights, samples, targets)]
    returned: list[Any] = []

    def around(loss: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any) -> Any:
            returned[:] = loss(*given)
            notebook.is_backward = True
            return tuple(returned)

        return watched

    with np.errstate(all="ignore"):
        found = with_loss(backend, around).gradients(tuple(arrays[:-2]), *arrays[-2:])
    loss, activations, logits = returned
    named = {f"a{layer}": a for layer, a in enumerate(activations) if layer}
    named |= {f"z{len(params) // 2}": logits, "L": loss}
    kept = {name: _value_of(notebook, array) for name, array in named.items()}
    notebook.handed_out(kept, [_value_of(notebook, g) for g in found.grads])
    return notebook.reading(name, version, tuple(map(_plain, found.grads)))


def _noted_array(notebook: Notebook, index: int) -> _Noted:
    noted = notebook.values[index].array.view(_Noted)
    noted.notebook, noted.value = notebook, index
    return noted


def _plain(one: Any) -> Any:
    return one.view(np.ndarray) if isinstance(one, _Noted) else one


def _leaves(one: Any) -> Iterator[Any]:
    """Yield the arrays and numbers that a function is given, out of the lists they stand in."""
    if isinstance(one, (list, tuple)):
        for part in one:
            yield from _leaves(part)
    elif isinstance(one, (np.ndarray, np.generic, int, float)):
        yield one


def _with_leaves(one: Any, leaves: Iterator[Any]) -> Any:
    """Return the same lists, with other arrays and numbers in them."""
    if isinstance(one, (list, tuple)):
        return type(one)([_with_leaves(part, leaves) for part in one])
    return next(leaves) if list(_leaves(one)) else one


def _value_of(notebook: Notebook, array: Array) -> int:
    """Return the value that an array is, or lies where it lies: np.asarray loses the subclass."""
    if isinstance(array, _Noted):
        return array.value
    known = _lying(notebook, array)
    return notebook.value(array) if known is None else known


def _lying(notebook: Notebook, array: Array) -> int | None:
    """Return the value whose numbers lie where an array lies."""
    return next((one.index for one in notebook.values if _lies(one.array) == _lies(array)), None)


def _lies(array: Array) -> tuple[Any, ...]:
    """Return where in memory an array lies, and how; along an axis of one there is no step."""
    steps = [step for step, n in zip(array.strides, array.shape, strict=True) if n > 1]
    return (array.ctypes.data, array.shape, steps, array.dtype)


def _taken(notebook: Notebook, one: Any, place: Place) -> int:
    """Return the index of an input; a view of a value is a value of its own."""
    if not isinstance(one, _Noted):
        known = _lying(notebook, one) if isinstance(one, np.ndarray) else None
        return notebook.constant(one) if known is None else known
    source, whole, plain = one.value, notebook.values[one.value].array, _plain(one)
    is_copy = not np.shares_memory(whole, plain)
    if (
        same_bits(whole, plain)
        if is_copy
        else ((_lies(whole), whole.strides) == (_lies(plain), plain.strides))
    ):
        return source
    index, shape, name = notebook.value(plain), plain.shape, UNSEEN

    def again(arrays: Sequence[Array]) -> tuple[Array, ...]:
        if name != UNSEEN:
            return (arrays[0].mT if name == "mT" else arrays[0].reshape(shape),)
        # What would come of other numbers is not known.
        (given,), (before, after) = arrays, (notebook.values[i].array for i in (source, index))
        return (after if same_bits(given, before) else np.full_like(after, np.nan),)

    if not is_copy and _is_turned(plain, whole):
        name = "mT"
    elif not is_copy and plain.size == whole.size:
        name = "view" if _lies(whole.reshape(shape)) == _lies(plain) else UNSEEN
    notebook.operation(
        name, [source], [index], place=place, again=again, written=place.part,
        mark="" if name == UNSEEN else LAYOUT,
    )  # fmt: skip
    return index


def _is_turned(view: Array, whole: Array) -> bool:
    return whole.ndim > 1 and (view.shape, view.strides) == (whole.mT.shape, whole.mT.strides)


def _axes(name: str, axis: Any, first: Any) -> Sequence[int]:
    """Return the axes that are summed over, counted from the end."""
    if name == "matmul":
        return (-1, -2)
    if not name.endswith(".reduce"):
        return ()
    given = range(first.ndim) if axis is None else np.atleast_1d(axis).tolist()
    return [one % first.ndim - first.ndim for one in given]
