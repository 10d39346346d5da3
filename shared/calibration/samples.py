"""Where the elementary functions are looked at: everywhere a little, where they change a lot.

All floats cannot be tried. So samples are drawn from every binade, many where a function does
something; and all floats are taken around special points: where a range ends, where a result
changes its binade, and where implementations are known to change a branch or an entry of a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.ulp import places

SEED = 0


@dataclass(frozen=True, slots=True)
class Density:
    """How many samples are taken.

    dense, sparse
        From each binade of each sign, where 2^-24 <= |x| < 2^10 and elsewhere.
    wide, near
        On either side of a point where a range ends, and of every other special point.
    again
        From the binade where the error was largest, in a second look; float32 has 2^23 in each.
    pieces
        How many short arrays of each length are tried besides: a library may compute these, and
        what is left over at the end of a long one, by other code.
    """

    dense: int
    sparse: int
    wide: int
    near: int
    again: int
    pieces: int


FULL = {
    "float64": Density(1_000, sparse=4, wide=500, near=2, again=30_000, pieces=400),
    "float32": Density(40_000, sparse=1_000, wide=2_000, near=16, again=2**23, pieces=400),
}

DENSE_EXPONENTS = range(-24, 10)


def samples(function: str, dtype: str, density: Density) -> Array:
    """Return the x at which a function is looked at, in ascending order, each once.

    Equal arguments give equal bits. Subnormal x are left out for log: they may be flushed, and the
    logarithm of 0 is another matter than that of a small number. log1p is asked for x >= 0 alone:
    a loss takes ln(1 + e^-|z|), and some library is a hundred ULPs off near -0.41, where no loss
    comes.

    Shapes: (k,), of the dtype.
    """
    info = np.finfo(dtype)
    strata = _strata(dtype, density)
    if function == "exp":
        # Beyond its range it is told once, by the powers of two.
        lowest, highest = math.log(info.smallest_subnormal), math.log(info.max)
        strata = strata[(strata > lowest - 1) & (strata < highest + 1)]
    powers = np.ldexp(1.0, np.arange(_lowest_exponent(dtype), info.maxexp))
    x = np.concatenate(
        [
            strata,
            _around(range_ends(function, dtype), density.wide, dtype),
            _around(np.concatenate([_borders(function, dtype), powers, -powers]),
                    density.near, dtype),
        ]
    )  # fmt: skip
    distinct: Array = np.unique(_asked_for(function, x) + np.zeros((), dtype))  # -0 becomes 0
    return distinct


def samples_again(function: str, dtype: str, at: float, count: int) -> Array:
    """Return samples of the binade of one x, one from each of equal parts of it.

    Shapes: (count,), or fewer where the function is not asked for a part.
    """
    bits = np.finfo(dtype).nmant
    place = int(places(np.array([abs(at)], dtype))[0])
    x = _floats(_binade(place >> bits, count, bits, np.random.RandomState(SEED)), dtype)
    return _asked_for(function, -x if at < 0 else x)


def _asked_for(function: str, x: Array) -> Array:
    """Return the x that belong to the function's domain, as far as it is looked at."""
    if function not in ("log", "log1p"):
        return x
    least = np.finfo(x.dtype).smallest_normal if function == "log" else 0
    asked_for: Array = x[(x >= least) | (x == 0)]
    return asked_for


def range_ends(function: str, dtype: str) -> Array:
    """Return the points where a function overflows, underflows, or has reached its limit.

    Shapes: (k,), float64.
    """
    info = np.finfo(dtype)
    overflow, normal = math.log(info.max), math.log(info.smallest_normal)
    subnormal = math.log(info.smallest_subnormal)
    of_exp = np.array([overflow, normal, subnormal, subnormal - math.log(2), 0.0])
    limit = -math.log(info.eps / 2)
    return {
        "exp": of_exp,
        "sigmoid": np.concatenate([of_exp, -of_exp, [limit, -limit]]),
        "tanh": np.array([0.0, limit / 2, -limit / 2, (limit + math.log(4)) / 2]),
        "log": np.array([0.0, 1.0, float(info.smallest_normal), float(info.max)]),
        "log1p": np.array([0.0, 1.0, float(info.max)]),
    }[function]


def _borders(function: str, dtype: str) -> Array:
    """Return where implementations change a branch or an entry of a table, of both signs.

    An exponential takes multiples of ln 2 away, or of a part of it, and has a table for the rest;
    tanh does so with 2x. A logarithm has a table for the leading bits.
    """
    if function in ("log", "log1p"):
        leading = np.arange(128, 513) / 256
        scales = np.ldexp(1.0, np.arange(-60, 61))
        borders = np.concatenate([leading, math.sqrt(2) * scales])
        return borders if function == "log" else borders - 1
    most = 2 * math.ceil(-math.log2(float(np.finfo(dtype).smallest_subnormal))) + 2
    halves = np.arange(most) * (math.log(2) / 2)
    parts = np.arange(1025) * (math.log(2) / 256)
    borders = np.concatenate([halves, parts, _BRANCHES])
    if function == "tanh":
        borders = np.concatenate([borders, borders / 2])
    return np.concatenate([borders, -borders])


# fdlibm, glibc, SLEEF, Eigen, XLA and SVML do something else from one of these on.
_BRANCHES = np.array(
    [
        0.0004, 0.1, 0.25, 0.3, 0.55, 0.625, 1.0, 7.90531110763549805, 7.99881172180175781, 8.0,
        8.664, 9.0, 9.01, 16.0, 17.0, 18.0, 18.7, 19.06, 20.0, 22.0, 36.0, 37.0, 40.0, 44.0,
        87.0, 88.0, 88.37, 88.7, 103.0, 104.0, 708.0, 708.396, 709.0, 709.78, 745.0, 745.13, 746.0,
    ]
)  # fmt: skip


def _strata(dtype: str, density: Density) -> Array:
    """Return samples from every binade of both signs: one from each of equal parts of it."""
    info = np.finfo(dtype)
    random = np.random.RandomState(SEED)
    lengths = [
        density.dense if exponent in DENSE_EXPONENTS else density.sparse
        for exponent in range(info.minexp - 1, info.maxexp)  # the subnormals count as a binade
    ]
    positive = np.concatenate(
        [_binade(i, length, info.nmant, random) for i, length in enumerate(lengths)]
    )
    x = _floats(positive, dtype)
    return np.concatenate([x, -x])


def _binade(i: int, count: int, mantissa_bits: int, random: np.random.RandomState) -> Array:
    """Return the places of samples of the i-th binade from zero up; of all, if so many."""
    size = 1 << mantissa_bits
    if count >= size:
        return np.arange(i * size, (i + 1) * size)
    within = (np.arange(count) + random.random_sample(count)) * (size / count)
    places_of: Array = i * size + np.minimum(within.astype(np.int64), size - 1)
    return places_of


def _around(points: Array, count: int, dtype: str) -> Array:
    """Return as many floats on either side of each point, and the one nearest to it."""
    with np.errstate(over="ignore"):  # a point for float64 may lie beyond float32
        centres = points.astype(dtype)
    centres = centres[np.isfinite(centres)]
    highest = int(places(np.array([np.finfo(dtype).max]))[0])
    around = places(centres)[:, None].astype(np.int64) + np.arange(-count, count + 1)
    return _floats(np.clip(around.ravel(), -highest, highest), dtype)


def _floats(at: Array, dtype: str) -> Array:
    """Return the floats that stand at these places."""
    integers = np.int64 if dtype == "float64" else np.int32
    sizes = abs(at).astype(integers).view(dtype)
    floats: Array = np.where(at < 0, -sizes, sizes)
    return floats


def _lowest_exponent(dtype: str) -> int:
    return int(np.log2(np.finfo(dtype).smallest_subnormal.astype(np.float64)))
