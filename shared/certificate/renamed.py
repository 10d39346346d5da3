"""The same function, units renamed: hidden units may stand in any order and compute the same.

A run whose first parameters are the seed's in such another order does not begin where it should,
but every number it computes is the right one, at another place. The chain asks here, so that a
report can say so. Everything is compared bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Params

Renaming: TypeAlias = tuple[tuple[int, ...], ...]
"""For each hidden layer, for each of its units, which unit of the seed's network it is, from 0."""

NAMED = 3
"""As many units are named in a sentence; the others are counted."""


def renamings(got: Params, seed: Params) -> dict[tuple[int, ...], Renaming]:
    """Return for each replica that differs from the seed's how its units are renamed, if they are.

    Shapes: W (*R, n_l, n_{l-1}), b (*R, n_l); keys are the indices of replicas, () of a lone one.
    """
    found = {}
    for replica in np.ndindex(got[1].shape[:-1]):
        one, other = (tuple(_bits(w[replica]) for w in params) for params in (got, seed))
        if not _equal(one, other):
            found[replica] = _renaming(one, other)
    return found


def in_words(renaming: Renaming) -> str:
    """Say which unit is which: the first few that are not the seed's of the same number.

    Examples
    --------
    >>> in_words(((1, 0),))
    "The same function, units renamed: unit 1 of layer 1 is the seed's unit 2, unit 2 its unit 1."
    """
    moved = [
        (layer, unit, other)
        for layer, units in enumerate(renaming, start=1)
        for unit, other in enumerate(units)
        if unit != other
    ]
    told: list[str] = []
    for i, (layer, unit, other) in enumerate(moved[:NAMED]):
        if i and layer == moved[i - 1][0]:
            told.append(f"unit {unit + 1} its unit {other + 1}")
        else:
            told.append(f"unit {unit + 1} of layer {layer} is the seed's unit {other + 1}")
    more = f", and {len(moved) - NAMED:,} more" if len(moved) > NAMED else ""
    return f"The same function, units renamed: {', '.join(told)}{more}."


def _renaming(got: Params, seed: Params) -> Renaming:
    """Return the renaming that turns the seed's bits into those that came, or ()."""
    # Whatever the order, the numbers are the same ones: of another network this is known at once.
    for a, b in zip(got, seed, strict=True):
        if not np.array_equal(np.sort(a, axis=None), np.sort(b, axis=None)):
            return ()
    if not np.array_equal(got[-1], seed[-1]):
        return ()  # outputs have no other order
    layers = len(got) // 2
    sizes = [got[0].shape[1], *(len(b) for b in got[1::2])]
    colours = [np.zeros((2, n), dtype=np.int64) for n in sizes]
    # Inputs and outputs keep their places; the hidden units are not told apart yet.
    for layer in (0, layers):
        colours[layer][:] = np.arange(sizes[layer])
    both = tuple(np.stack(pair) for pair in zip(got, seed, strict=True))
    return next((one for one in _candidates(both, colours) if _turns(one, got, seed)), ())


def _candidates(both: Params, colours: Sequence[Array]) -> Iterator[Renaming]:
    """Yield renamings under which units correspond that have one colour.

    A colour that several units of a layer share is a tie. Mostly all of it can be paired in order,
    since the units are copies of each other; if not, each partner of the first unit is tried.
    """
    refined = _refined(both, colours)
    if refined is None:
        return
    tied = next(((i, c) for i, each in enumerate(refined) for c in _shared(each[0])), None)
    if tied is None:
        yield tuple(tuple(_partners(*each).tolist()) for each in refined[1:-1])
        return
    layer, colour = tied
    ours, theirs = (np.flatnonzero(each == colour) for each in refined[layer])
    for pairs in ([ours, theirs], *([ours[:1], theirs[i : i + 1]] for i in range(len(theirs)))):
        told_apart = [each.copy() for each in refined]
        fresh = len(told_apart[layer][0]) + np.arange(len(pairs[0]))
        for own, units in zip(told_apart[layer], pairs, strict=True):
            own[units] = fresh
        yield from _candidates(both, told_apart)


def _refined(both: Params, colours: Sequence[Array]) -> list[Array] | None:
    """Tell hidden units apart by what they are connected to, until nothing more tells them apart.

    None where the two networks do not have equally many of each kind.

    Shapes: both W (2, n_l, n_{l-1}), b (2, n_l), the network that came and the seed's; colours
    (2, n_l) for each layer from the inputs on, 0, 1, ... within a layer.
    """
    refined, kinds = list(colours), 0
    while True:
        for layer in range(1, len(refined) - 1):
            above = np.swapaxes(both[2 * layer], -1, -2)
            looks = np.concatenate([
                refined[layer][..., None],
                both[2 * layer - 1][..., None],
                _by_colour(both[2 * layer - 2], refined[layer - 1]),
                _by_colour(above, refined[layer + 1]),
            ], axis=-1)  # fmt: skip
            known: dict[bytes, int] = {}
            refined[layer] = np.array(
                [[known.setdefault(unit.tobytes(), len(known)) for unit in net] for net in looks]
            )
            ours, theirs = np.sort(refined[layer])
            if not np.array_equal(ours, theirs):
                return None
        before, kinds = kinds, sum(len(np.unique(each[0])) for each in refined)
        if kinds == before:
            return refined


def _by_colour(weights: Array, colours: Array) -> Array:
    """Order each unit's weights by the colours of the units at their other ends, then by size.

    Shapes: weights (2, n, k), colours (2, k), result (2, n, k).
    """
    every = np.broadcast_to(colours[:, None], weights.shape)
    ordered: Array = np.take_along_axis(weights, np.lexsort((weights, every), axis=-1), axis=-1)
    return ordered


def _shared(colours: Array) -> list[int]:
    """Return the colours that more than one unit has."""
    each, counts = np.unique(colours, return_counts=True)
    shared: list[int] = each[counts > 1].tolist()
    return shared


def _partners(ours: Array, theirs: Array) -> Array:
    """Return for each of our units, which all have colours of their own, theirs with the colour."""
    partners = np.empty_like(ours)
    partners[np.argsort(ours)] = np.argsort(theirs)
    return partners


def _turns(renaming: Renaming, got: Params, seed: Params) -> bool:
    """Whether the renaming turns the seed's parameters into those that came."""
    below = np.arange(seed[0].shape[1])
    turned: list[Array] = []
    units = [*map(np.array, renaming), np.arange(len(seed[-1]))]
    for own, W, b in zip(units, seed[0::2], seed[1::2], strict=True):
        turned += [W[own][:, below], b[own]]
        below = own
    return _equal(got, turned)


def _equal(one: Sequence[Array], other: Sequence[Array]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _bits(a: Array) -> Array:
    """Return the bits of floats as whole numbers: a zero of the other sign is another number."""
    integers: Array = np.ascontiguousarray(a).view(f"i{a.itemsize}").reshape(a.shape)
    return integers.astype(np.int64)
