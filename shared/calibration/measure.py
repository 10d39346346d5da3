"""Measures the elementary functions of every framework: who is asked, and for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from shared.backend import ELEMENTARY, Array, Elementary
from shared.calibration.error import worst_error
from shared.calibration.measured import DTYPES, Calibration, Machine, Measured
from shared.calibration.samples import FULL, SEED, Density, samples, samples_again
from shared.calibration.truth import Exact, exact
from shared.errors import BackendError, ContractError
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded
from shared.training import Missing

PIECE_LENGTHS = (1, 3, 7)
"""Shorter than any vector of the processor, so that other code may be at work."""

AT_ONCE = 2**20
"""As many samples of a second look are computed together, so that memory stays flat."""

_Look: TypeAlias = tuple[float, float, float, int]


def measurement_count(loaded: Sequence[Loaded], dtypes: Sequence[str] = DTYPES) -> int:
    """Return how many measurements `measure` makes."""
    return len(loaded) * len(dtypes) * len(ELEMENTARY)


def measure(
    loaded: Sequence[Loaded],
    dtypes: Sequence[str] = DTYPES,
    progress: Callable[[int], None] = lambda _: None,
    densities: Mapping[str, Density] = FULL,
    missing: Sequence[Missing] = (),
) -> Calibration:
    """Measure each function of each backend that offers them, in each dtype.

    Of several backends on one framework the worse one counts.

    missing
        Backends that are unavailable, to be told beside those that cannot be measured.
    progress
        Gets the number of measurements made.
    densities
        How many samples are taken, by dtype.

    Raises
    ------
    ContractError
        A function returned an array of another shape or dtype.
    """
    measured: dict[tuple[str, str, str], Measured] = {}
    unmeasured = {one.name: one for one in missing}
    done = 0
    for dtype in dtypes:
        offering = {one.name: _offering(one, dtype) for one in loaded}
        for function in ELEMENTARY:
            x = samples(function, dtype, densities[dtype])
            truth = exact(function, x)
            for one in loaded:
                backend = offering[one.name]
                if isinstance(backend, Missing):
                    unmeasured.setdefault(one.name, backend)
                else:
                    density = densities[dtype]
                    worst = _measured(one, backend, function, x, truth, density)
                    key = (dtype, worst.framework, function)
                    measured[key] = max(worst, measured.get(key, worst), key=_by_size)
                done += 1
                progress(done)
    by_framework = sorted(measured.values(), key=lambda m: _position(m, loaded, dtypes))
    return Calibration(Machine.here(), tuple(by_framework), tuple(unmeasured.values()))


def _offering(one: Loaded, dtype: str) -> Elementary | Missing:
    try:
        backend = one.create(Network((1, 1)), Optimizer(0.1), dtype)
    except BackendError as error:
        return Missing(one.name, str(error))
    if isinstance(backend, Elementary):
        return backend
    return Missing(
        one.name,
        f"{one.name}: it does not offer its functions. A backend of your own is judged by what is "
        f"measured of {one.kind.framework}.",
    )


def _measured(
    one: Loaded, backend: Elementary, function: str, x: Array, truth: Exact, density: Density
) -> Measured:
    """Look everywhere; at short arrays besides; and again, closely, where it was worst."""
    looks = [_look(one.name, backend, function, x, truth)]
    looks += [
        _look(one.name, backend, function, x[rows], truth.at(rows.ravel()))
        for rows in _pieces(len(x), density.pieces)
    ]
    _, units, at, _ = max(looks, key=_by_units)
    if np.isfinite(units):
        again = samples_again(function, x.dtype.name, at, density.again)
        parts = [again[i : i + AT_ONCE] for i in range(0, len(again), AT_ONCE)]
        looks += [_look(one.name, backend, function, x, exact(function, x)) for x in parts]
    _, units, at, _ = max(looks, key=_by_units)
    return Measured(
        framework=one.kind.framework,
        version=one.version,
        dtype=x.dtype.name,
        function=function,
        ulps=max(look[0] for look in looks),
        units=units,
        at=at,
        samples=sum(look[3] for look in looks),
    )


def _pieces(length: int, count: int) -> list[Array]:
    """Draw indices (count, k) for each length k of short arrays."""
    random = np.random.RandomState(SEED)
    return [random.randint(length, size=(count, k)) for k in PIECE_LENGTHS] if count else []


def _look(name: str, backend: Elementary, function: str, x: Array, truth: Exact) -> _Look:
    """Return the worst error in ULPs and in units, the x of the latter, and how many were seen.

    Shapes: x (k,), or (n, k) for n arrays of their own; truth (k,) or (n k,).
    """
    rows = x[None] if x.ndim == 1 else x
    value = np.concatenate([_answer(name, backend, function, row) for row in rows])
    return (*worst_error(function, x.ravel(), value, truth), x.size)


def _by_size(one: Measured) -> tuple[float, float]:
    return one.units, one.ulps


def _by_units(look: _Look) -> tuple[float, float]:
    return look[1], look[0]


def _answer(name: str, backend: Elementary, function: str, x: Array) -> Array:
    value = backend.elementary(function, x)
    if value.shape != x.shape or value.dtype != x.dtype:
        raise ContractError(
            f"{name}: elementary({function!r}, x) returned an array {value.shape} of "
            f"{value.dtype}, expected {x.shape} of {x.dtype}. Return one result for each x, in "
            "its dtype."
        )
    return value


def _position(one: Measured, loaded: Sequence[Loaded], dtypes: Sequence[str]) -> tuple[int, ...]:
    frameworks = [other.kind.framework for other in loaded]
    return (
        dtypes.index(one.dtype), frameworks.index(one.framework), ELEMENTARY.index(one.function),
    )  # fmt: skip
