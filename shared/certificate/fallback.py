"""The second bound behind the first: the step as one piece, from parameters and samples.

What no form explains at its cut-point may still lie within the bound that carries all errors from
the start. Either the program computed an activation a second time, or a small fault hides behind
so wide a bound: neither is proved, so such a value is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.forms import PROBED, widest
from shared.certificate.pieces import different_rows, places_of
from shared.certificate.profile import TIGHT_NAME
from shared.certificate.stages import Reference

Ends: TypeAlias = Callable[[Reference, Array], Mapping[str, tuple[Any, Array]]]
"""Computes some steps of a block from end to end: exact value and bound of each tensor."""


def held_end_to_end(
    reference: Reference, pieces: Sequence[Judged], count: int, ends: Ends
) -> list[Judged]:
    """Call undecided what fails at its cut-point but holds from end to end: first under the tight
    profile, then under the wide one.

    Where of the first failed steps of a block none holds, the others are not tried.
    """
    found = list(pieces)
    for profile in (reference.profile, widest(reference.rounding.dtype)):
        held = replace(reference, profile=profile)
        left = np.flatnonzero(different_rows(found, count))
        for rows in (left[:PROBED], left[PROBED:]):
            if not len(rows):
                break
            reconsidered = _reconsidered(held, found, count, rows, ends(held, rows))
            if all(new is old for new, old in zip(reconsidered, found, strict=True)):
                break
            found = reconsidered
    return found


def _reconsidered(
    reference: Reference,
    pieces: Sequence[Judged],
    count: int,
    rows: Array,
    ends: Mapping[str, tuple[Any, Array]],
) -> list[Judged]:
    """Hold the values of some steps that are called different to the bound from end to end.

    A piece in which nothing changes is returned as it is.
    """
    return [_held(reference, piece, count, rows, *ends[piece.tensor]) for piece in pieces]


def _held(
    reference: Reference, piece: Judged, count: int, rows: Array, true: Any, bound: Array
) -> Judged:
    different = piece.verdict == Verdict.DIFFERENT
    places = places_of(piece, different, count)
    inside = np.isin(places[0], rows)
    if not inside.any():
        return piece
    at = (np.searchsorted(rows, places[0][inside]), *(axis[inside] for axis in places[1:]))
    value = piece.value[different][inside]
    again = reference.judged(piece.stage, piece.tensor, value, true[at], bound[at])
    # What the reference cannot tell from the bound is held as well: neither is proved.
    beyond = again.verdict == Verdict.DIFFERENT
    if beyond.all():
        return piece
    some = piece.verdict[different]
    some[inside] = np.where(beyond, some[inside], Verdict.UNDECIDED)
    verdict = piece.verdict.copy()
    verdict[different] = some
    under = "tight" if reference.profile.name == TIGHT_NAME else "wide"
    note = f"From end to end it holds under the {under} profile."
    index = np.argwhere(different)[inside][~beyond][:PROBED]
    notes: dict[int | tuple[int, ...], str] = {tuple(place): note for place in index.tolist()}
    return replace(piece, verdict=verdict, notes={**piece.notes, **notes})
