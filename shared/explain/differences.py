"""Where two backends part in a step, and why: each difference born at a joint, or inherited.

At every joint the reference's recipe is fed the other backend's numbers. What that changes, as
against the reference's own result, was inherited; what is left between it and the other's result
was born there, and the two recipes say why. Every recipe has given its own backend's bits before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from shared.backend import Array
from shared.explain.bits import differing
from shared.explain.orders import FUNCTIONS
from shared.explain.replay import Recipe, Replay


class Why(Enum):
    """Why two backends round differently at a joint.

    SUM
        They add in another order, perhaps with products fused into the sum.
    FUSED
        One rounds a product before it adds it, the other fuses both.
    PRODUCT
        They multiply in another order.
    FORMULA
        They compute it by another formula.
    FUNCTION
        They take a function, such as exp, from another library.
    UNEXPLAINED
        No order that was tried gives the bits.
    """

    SUM = "another order of the sum"
    FUSED = "a product fused into a sum"
    PRODUCT = "another order of multiplication"
    FORMULA = "another formula"
    FUNCTION = "another exp"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs at a joint between a backend and the reference.

    here, born, inherited
        Which numbers differ; which the way alone changes, on the backend's own numbers; which the
        numbers before change, on the reference's way. All of the joint's shape, bool.
    swapped
        What the backend's way makes of the reference's numbers; None where that cannot be had.
    why
        The cause of what was born; None if nothing was. UNEXPLAINED, too, where one of the two
        recipes does not give its own backend's bits: then nothing is known of what was inherited.
    evidence
        What was made again, and gave which bits.
    """

    role: str
    backend: str
    reference: str
    here: Array
    born: Array
    inherited: Array
    swapped: Array | None
    why: Why | None
    evidence: str


def differences(reference: Replay, other: Replay, roles: Sequence[str]) -> Iterator[Difference]:
    """Yield the joints at which a backend's numbers or its way differ from the reference's."""
    for role in roles:
        ours, theirs = reference.array(role), other.array(role)
        if ours is None or theirs is None:
            continue
        found = _at(reference, other, role, ours, theirs)
        if found.here.any() or found.born.any():
            yield found


def _at(reference: Replay, other: Replay, role: str, ours: Array, theirs: Array) -> Difference:
    here = differing(ours, theirs)
    mine, its = reference.recipe(role), other.recipe(role)
    crossed = reference.make(role, _numbers(other, mine))
    swapped = other.make(role, _numbers(reference, its))
    names = (role, other.reading.backend, reference.reading.backend)
    if mine is None or its is None or crossed is None:
        reason = "one of them does not form what the other makes it from"
        return Difference(*names, here, here, here, swapped, Why.UNEXPLAINED, reason)
    born, inherited = differing(crossed, theirs), differing(ours, crossed)
    why, evidence = None, ""
    if born.any() or not (mine.is_replayed and its.is_replayed):
        why, evidence = _cause(role, mine, its, other, theirs)
    return Difference(*names, here, born, inherited, swapped, why, evidence)


def _numbers(replay: Replay, recipe: Recipe | None) -> Mapping[str, Array]:
    """Return a backend's own numbers for what a recipe takes."""
    taken = () if recipe is None else recipe.inputs
    return {name: array for name in taken if (array := replay.array(name)) is not None}


def _cause(role: str, mine: Recipe, its: Recipe, other: Replay, theirs: Array) -> tuple[Why, str]:
    """Return why a backend's way gives other bits, as far as they were made again."""
    for recipe, replay in ((mine, None), (its, other)):
        if not recipe.is_replayed:
            return Why.UNEXPLAINED, f"{recipe.written} does not give its bits"
        unknown = () if replay is None else _not_made_again(recipe, replay)
        if unknown:
            return Why.UNEXPLAINED, f"no order of {', '.join(unknown)} gives its bits"
    if role.startswith("a"):
        return _function(mine, its, other, theirs)
    evidence = f"{its.written} gives its bits; {mine.written} gives others"
    return _kind(role, mine, its), evidence


def _kind(role: str, mine: Recipe, its: Recipe) -> Why:
    """Say what two ways to a joint differ in."""
    is_passed_on = any(name.startswith("dL/d") for name in mine.inputs)
    if role.startswith("dL/dz") or (role.startswith("dL/da") and not is_passed_on):
        if _factors(mine.written) == _factors(its.written):
            return Why.PRODUCT
        return Why.FUSED if ("fma" in mine.written) != ("fma" in its.written) else Why.FORMULA
    return Why.SUM


def _factors(formula: str) -> list[str]:
    """Return what a formula multiplies, in order of its letters, whatever it multiplies first."""
    parts, depth, begin, closed = [], 0, 0, len(formula)
    for place, sign in enumerate(formula):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            closed = min(closed, place)
            if sign == "·":
                parts.append(formula[begin:place])
                begin = place + 1
    if parts:
        return sorted(factor for one in (*parts, formula[begin:]) for factor in _factors(one))
    is_enclosed = formula.startswith("(") and closed == len(formula) - 1
    return _factors(formula[1:-1]) if is_enclosed else [formula]


def _not_made_again(recipe: Recipe, replay: Replay) -> tuple[str, ...]:
    """Return the operations that no order made again, but for functions: those are their own."""
    operations = [replay.reading.operations[i] for i in recipe.functions]
    return tuple(one.name for one in operations if one.does not in FUNCTIONS)


def _function(mine: Recipe, its: Recipe, other: Replay, theirs: Array) -> tuple[Why, str]:
    """Say what is known of a function that is not NumPy's."""
    operations = [other.reading.operations[i] for i in its.functions]
    if not operations:
        why = Why.FUNCTION if its.written == mine.written else Why.FORMULA
        return why, f"{its.written} with {', '.join(its.rounded)} gives its bits"
    if [one.does for one in operations] != ["sigmoid"]:
        names = ", ".join(one.name for one in operations)
        return Why.FUNCTION, f"{names}, run again, gives its bits"
    argument = other.reading.values[operations[0].inputs[0]].array
    if _beside(argument, theirs):
        return Why.FUNCTION, "1 / (1 + e) gives its bits, with e at most one float from exp(-z)"
    return Why.UNEXPLAINED, "no e within one float of exp(-z) gives its bits in 1 / (1 + e)"


def _beside(z: Array, a: Array) -> bool:
    """Whether 1/(1 + e) is a for an e that is exp(-z) or a float beside it."""
    with np.errstate(all="ignore"):
        e = np.exp(-z)
        ends = [e, *(np.nextafter(e, e.dtype.type(end)) for end in (0, np.inf))]
        off = [differing(1 / (1 + one), a) for one in ends]
    return not np.logical_and.reduce(off).any()
