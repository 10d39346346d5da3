"""Where two backends part in a step, and why: each difference born at a joint, or inherited.

At every joint the reference's recipe is fed the other backend's numbers. What that changes, as
against the reference's own result, was inherited; what is left between it and the other's result
was born there, and the two recipes say why. A recipe that does not give its own backend's bits, or
that has an operation in it that NumPy did not make again, explains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from shared.backend import Array
from shared.explain.bits import differing
from shared.explain.replay import Recipe, Replay
from shared.explain.trees import additions, has_bias


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
    FLUSHED
        One takes subnormal numbers as 0.
    ZERO
        One has 0 where the other has -0.
    EXP, TANH
        They take the function from another library.
    UNEXPLAINED
        No order that was tried gives the bits.
    """

    SUM = "another order of the sum"
    FUSED = "a product fused into a sum"
    PRODUCT = "another order of multiplication"
    FORMULA = "another formula"
    FLUSHED = "subnormal numbers are 0 for one"
    ZERO = "another sign of a zero"
    EXP = "another exp"
    TANH = "another tanh"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs at a joint between a backend and the reference.

    here, born, inherited
        Which numbers differ; which the way alone changes, on the backend's own numbers; which the
        numbers before change, on the reference's way. All of the joint's shape, bool.
    crossed, swapped
        What the reference's way makes of the backend's numbers, and the backend's of the
        reference's; None where that cannot be had.
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
    crossed: Array | None
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
        lacking = [name for name in (mine.inputs if mine else ()) if other.array(name) is None]
        reason = (
            f"it never forms {' or '.join(lacking) or 'this'}, which the reference makes it from"
        )
        return Difference(*names, here, here, here, crossed, swapped, Why.UNEXPLAINED, reason)
    born, inherited = differing(crossed, theirs), differing(ours, crossed)
    why, evidence = None, ""
    if born.any() or not (mine.is_replayed and its.is_replayed):
        why, evidence = _cause(role, mine, its, names[2], names[1])
    if why not in (None, Why.UNEXPLAINED) and (crossed[born] == theirs[born]).all():
        # Numbers that are equal and have other bits are zeros.
        why = Why.ZERO
    return Difference(*names, here, born, inherited, crossed, swapped, why, evidence)


def _numbers(replay: Replay, recipe: Recipe | None) -> Mapping[str, Array]:
    """Return a backend's own numbers for what a recipe takes."""
    taken = () if recipe is None else recipe.inputs
    return {name: array for name in taken if (array := replay.array(name)) is not None}


def _cause(role: str, mine: Recipe, its: Recipe, us: str, them: str) -> tuple[Why, str]:
    """Return why a backend's way gives other bits, as far as they were made again."""
    for recipe, name in ((mine, us), (its, them)):
        if not recipe.is_replayed:
            return Why.UNEXPLAINED, f"{recipe.written} does not give {name}'s bits"
        if recipe.unmade:
            unmade = ", ".join(dict.fromkeys(recipe.unmade))
            return Why.UNEXPLAINED, f"no order of {unmade} gives {name}'s bits"
    if mine.functions or its.functions:
        name = them if its.functions else us
        said = (
            f"1 / (1 + e) gives {name}'s bits here and on random z, e at most a float from exp(-z)"
        )
        return Why.EXP, said
    evidence = f"{them}'s bits come from {_way(its, mine)}; {us}'s from {_way(mine, its)}"
    return _kind(role, mine, its), evidence


def _way(recipe: Recipe, beside: Recipe) -> str:
    """Write a way; beside one that is written alike with the order in which it rounded."""
    if recipe.written != beside.written:
        return recipe.written
    telling = [name for name in recipe.rounded if name != "rounded once"]
    return f"{recipe.written} ({', '.join(telling or recipe.rounded)})"


def _kind(role: str, mine: Recipe, its: Recipe) -> Why:
    """Say what two ways to a joint differ in."""
    if mine.is_flushing != its.is_flushing:
        return Why.FLUSHED
    if role.startswith("a"):
        if mine.written != its.written:
            return Why.FORMULA
        return Why.TANH if its.written.startswith("tanh") else Why.EXP
    is_passed_on = any(name.startswith("dL/d") for name in mine.inputs)
    if role.startswith("dL/dz") or (role.startswith("dL/da") and not is_passed_on):
        if _factors(mine.written) == _factors(its.written):
            return Why.PRODUCT
        return Why.FUSED if ("fma" in mine.written) != ("fma" in its.written) else Why.FORMULA
    return _kind_of_sum(role, mine, its)


def _kind_of_sum(role: str, mine: Recipe, its: Recipe) -> Why:
    """Say what two ways to add up differ in: alike but for products that are fused, or not."""
    both = [_added(role, one) for one in (mine, its)]
    if len(mine.trees) != 1 or len(its.trees) != 1:
        return Why.FORMULA
    if None in (*mine.trees, *its.trees) or both[0] != both[1]:
        return Why.SUM
    return Why.FORMULA if mine.trees == its.trees else Why.FUSED


def _added(role: str, recipe: Recipe) -> object:
    """Return what a recipe adds to what. A bias is added by its sum, or by itself after it."""
    found = [additions(tree) for tree in recipe.trees if tree is not None]
    if not role.startswith("z") or any(has_bias(tree) for tree in recipe.trees if tree):
        return found
    return [frozenset({one, "bias"}) for one in found]


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
