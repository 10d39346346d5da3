"""Tells a quantity of the chain rule by its value: what is left where structure says nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shared.backend import Array
from shared.explain.spine import Role


def role_by_value(
    array: Array, made_from: frozenset[str], spine: Mapping[str, Role], taken: frozenset[str]
) -> str | None:
    """Return the one role that has the value of an array, or None if there are none or several.

    A role fits if nobody has it yet, if its shape is the array's, if it comes after what the array
    was made from, and if more than half of its digits are the array's: by then it is no accident,
    and rounding seldom costs so many. In a step whose numbers repeat, several fit.
    """
    names = list(spine)
    after = max((names.index(name) for name in made_from if name in spine), default=-1)
    fitting = [
        name for name in names[after + 1 :]
        if name not in taken and _agrees(array, spine[name].exact)
    ]  # fmt: skip
    return fitting[0] if len(fitting) == 1 else None


def _agrees(array: Array, exact: Array) -> bool:
    """Whether more than half of the digits are alike, counted from the largest number."""
    if array.shape != exact.shape or array.dtype != exact.dtype or not array.size:
        return False
    half = np.finfo(exact.dtype).nmant // 2 + 1
    with np.errstate(all="ignore"):
        distance, size = abs(array - exact).max(), abs(exact).max()
    return bool(distance < np.ldexp(size, -half))
