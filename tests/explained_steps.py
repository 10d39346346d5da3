"""Steps of many networks, read by the reader of each framework and aligned, once for all tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Backend, Params
from shared.explain.alignment import Alignment, align
from shared.explain.by_hand import read_by_hand
from shared.explain.jaxpr import read_jaxpr
from shared.explain.reading import Operation, Reading, Value
from shared.explain.spine import Role, spine
from shared.explain.tape import read_tape
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, find, sources
from shared.worked import worked_steps
from tests.conftest import load_or_skip
from tests.kinds import COVERING, KINDS, Kind

READERS: Mapping[str, Callable[..., Reading]] = {
    "numpy": read_by_hand,
    "torch": read_tape,
    "jax": read_jaxpr,
}


@dataclass(frozen=True)
class Case:
    """A step: of made-up numbers, or one of the worked steps, whose name it then has."""

    kind: Kind
    m: int = 1
    seed: int = 7
    worked: str = ""

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.kind.sizes))
        told = f"{sizes}-{self.kind.activation}-{self.kind.output}-{self.kind.loss}"
        return f"{self.worked or told}-{self.m}-{self.seed}"

    @property
    def network(self) -> Network:
        return self.kind.network

    def step(self, dtype: str) -> tuple[Params, Array, Array]:
        """Return the parameters, x and y."""
        if not self.worked:
            data = self.kind.data(dtype)
            return self.kind.params(dtype, seed=self.seed), data.x[: self.m], data.y[: self.m]
        (found,) = (one for one in worked_steps() if one.name == self.worked)
        *params, x, y = (a.astype(dtype) for a in (*found.params, found.x, found.y))
        return tuple(params), x, y


@dataclass(frozen=True)
class Explained:
    """A step that was read and aligned."""

    case: Case
    reading: Reading
    spine: Mapping[str, Role]
    alignment: Alignment

    def made(self, name: str) -> list[Operation]:
        """Return the operations of a name."""
        return [one for one in self.reading.operations if one.name == name]

    def value(self, role: str) -> Value:
        """Return what the backend was handed, or handed out, under a name."""
        return self.reading.values[self.reading.results[role]]

    def told(self) -> list[tuple[str, str | None, str]]:
        """Return name, role and how of each operation."""
        pairs = zip(self.reading.operations, self.alignment.placed, strict=True)
        return [(one.name, placed.role, placed.how.value) for one, placed in pairs]


TINY = Kind(sizes=(2, 2, 1))
SYMMETRIC, ASYMMETRIC = (Case(TINY, worked=name) for name in ("symmetric", "asymmetric"))
SQUARED = [
    SYMMETRIC,
    ASYMMETRIC,
    *(Case(Kind(sizes=sizes), m) for sizes in ((3, 4, 2), (64, 30, 10)) for m in (1, 3)),
    *(Case(Kind(sizes=sizes), 3) for sizes in ((5, 4, 3, 2), (3, 3, 3), (3, 1))),
]
"""Networks of sigmoids throughout, and the mean of squares; in some, lengths are alike."""
OTHERS = [Case(kind, 3) for kind in KINDS[1:]] + [Case(kind, 1) for kind in COVERING]
"""Every other kind of network."""
SLOW = [*SQUARED, *(Case(kind, 3) for kind in COVERING), *(Case(k, 1) for k in COVERING[1::3])]
"""Those that a framework is asked that compiles each: every function and loss is among them."""
FEW = [SYMMETRIC, Case(COVERING[1], 3), Case(COVERING[5], 3)]


def _asked(name: str, case: Case, dtype: str) -> bool:
    return name != "jax" or case in (SLOW if dtype == "float64" else FEW)


def steps(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """Ask each backend of impls/ in both dtypes; what compiles, in float32, of a few steps."""
    asked = [
        pytest.param(source, case, dtype, id=f"{source.name}-{case}-{dtype}")
        for source in sources() for case in cases for dtype in ("float64", "float32")
        if _asked(source.name, case, dtype)
    ]  # fmt: skip
    return pytest.mark.parametrize(("source", "case", "dtype"), asked)


def explain(reading: Reading, case: Case, dtype: str) -> Explained:
    true = spine(case.network, *case.step(dtype))
    return Explained(case, reading, true, align(reading, case.network, true))


def read(backend: Backend, case: Case, dtype: str, framework: str) -> Reading:
    return READERS[framework](backend, framework, "1", *case.step(dtype))


@cache
def backend(loaded: Loaded, network: Network, dtype: str) -> Backend:
    return loaded.create(network, Optimizer(0.05), dtype)


@cache
def explained(source: Source, case: Case, dtype: str) -> Explained:
    """Read a step by the reader of a backend's framework, and align it."""
    loaded = load_or_skip(source)
    one = backend(loaded, case.network, dtype)
    return explain(read(one, case, dtype, loaded.kind.framework), case, dtype)


def framework(name: str) -> Any:
    """Return the module of a framework, if its backend can be had."""
    load_or_skip(find(name))
    return import_module(name)


def altered(name: str, case: Case, dtype: str = "float64", **attributes: Any) -> Explained:
    """Return the explained step of a backend of which something was changed."""
    loaded = load_or_skip(find(name))
    one = loaded.create(case.network, Optimizer(0.05), dtype)
    for attribute, what in attributes.items():
        assert hasattr(one, attribute)
        setattr(one, attribute, what)
    return explain(read(one, case, dtype, loaded.kind.framework), case, dtype)


def explained_by(name: str, case: Case, dtype: str = "float64") -> Explained:
    """Return the explained step of the backend of a name."""
    return explained(find(name), case, dtype)


def in_more_than_half(array: Array, exact: Array, is_turned: bool = False) -> bool:
    """Say whether an array has the exact numbers in more than half of their digits.

    It may lie otherwise, and repeat numbers, or leave repetitions out.
    """
    array = array.mT if is_turned and array.ndim > 1 else array
    if array.size == exact.size:
        array = array.reshape(exact.shape)
    elif len(np.unique(exact)) > 1:
        return False
    half = np.finfo(exact.dtype).nmant // 2 + 1
    numbers = exact if array.size == exact.size else exact.ravel()[0]
    return bool((abs(array - numbers) <= np.ldexp(abs(exact).max(), -half)).all())
