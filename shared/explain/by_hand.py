"""Reads a derivation by hand: NumPy's own calls, each with the piece of source that made it.

The backend is handed arrays that tell a notebook what is computed with them; its lines run as they
stand, through its own `loss` and `gradients`, and NumPy computes what it always does.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from shared.backend import Array, Backend, Params
from shared.explain.notebook import Notebook
from shared.explain.reading import LAYOUT, Place, Reading
from shared.explain.watched import with_loss

_NUMPY_FOLDER = str(Path(np.__file__).parent)


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
        noted = self._noted(name, inputs, function, axes)
        if out is None:
            return noted
        # In its place: the array is another value from here on.
        _plain(out[0])[...] = _plain(noted)
        if isinstance(out[0], _Noted):
            out[0].value = noted.value
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return self._noted(function.__name__, args, partial(function, **options), [])

    def _noted(
        self, name: str, inputs: Sequence[Any], function: Callable[..., Any], axes: Sequence[int]
    ) -> _Noted:
        notebook = self.notebook
        assert notebook is not None, "a view of a noted array has its notebook"
        place, within = _place(_calling())
        taken = [_taken(notebook, one, place) for one in inputs]
        index = notebook.value(np.asarray(function(*map(_plain, inputs))))
        notebook.operation(
            name, taken, [index], written=place.part, mark=within, axes=axes, place=place,
            again=lambda arrays: (np.asarray(function(*arrays)),),
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


def _value_of(notebook: Notebook, array: Array) -> int:
    """Return the value that an array is, or whose memory it has: np.asarray loses the subclass."""
    if isinstance(array, _Noted):
        return array.value
    return next(one.index for one in notebook.values if np.may_share_memory(one.array, array))


def _taken(notebook: Notebook, one: Any, place: Place) -> int:
    """Return the index of an input; a view of a value is a value of its own."""
    if not isinstance(one, _Noted):
        return notebook.constant(one)
    known = notebook.values[one.value]
    plain = _plain(one)
    if (plain.shape, plain.strides) == (known.array.shape, known.array.strides):
        return one.value
    index = notebook.value(plain)
    shape, turned = plain.shape, _is_turned(plain, known.array)
    notebook.operation(
        "mT" if turned else "view", [one.value], [index],
        written=place.part, mark=LAYOUT, place=place,
        again=lambda arrays: (arrays[0].mT if turned else arrays[0].reshape(shape),),
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


def _calling() -> FrameType:
    """Return the frame that called NumPy: the first outside it and outside this file."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_NUMPY_FOLDER, __file__)):
        frame = frame.f_back
    assert frame is not None, "NumPy is called from somewhere"
    return frame


def _place(frame: FrameType) -> tuple[Place, str]:
    """Return the piece of source that a frame is executing, and the function it belongs to."""
    file, code = frame.f_code.co_filename, frame.f_code
    line, last, start, stop = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    number = line or frame.f_lineno
    text = linecache.getline(file, number).rstrip("\n")
    columns = None
    if start is not None and stop is not None and last == line:
        # Positions count bytes of UTF-8.
        first, end = (len(text.encode()[:byte].decode()) for byte in (start, stop))
        columns = (first, end)
    return Place(Path(file).name, number, text, columns), code.co_qualname
