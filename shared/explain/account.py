"""Which last bits of the gradients are explained, and which are not: counted, number by number.

A gradient's number is explained if the whole step, made again in NumPy from nothing but what it
began with, gives its bits: the reference's in the reference's ways, the other's in the other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.explain.bits import differing
from shared.explain.differences import Difference, Why
from shared.explain.replay import Replay
from shared.explain.spine import handed_in
from shared.network import Network


@dataclass(frozen=True, slots=True)
class Account:
    """The numbers of one gradient tensor, of a backend and of the reference.

    here
        Which differ, as the backend trains: compiled, where it compiles.
    compiled
        Which the backend's own `gradients` gives otherwise than its operations one by one.
    explained
        Which of those that differ are explained.
    """

    backend: str
    role: str
    here: Array
    compiled: Array
    explained: Array

    @property
    def counts(self) -> tuple[int, int]:
        """How many numbers differ, and how many of those are explained."""
        return int(self.here.sum()), int(self.explained.sum())


def accounts(
    reference: Replay, other: Replay, network: Network, found: Sequence[Difference]
) -> tuple[Account, ...]:
    """Account for every gradient tensor, in the order of the parameters."""
    unknown = frozenset(one.role for one in found if one.why is Why.UNEXPLAINED)
    return tuple(
        _account(reference, other, network, place, f"dL/d{name}", unknown)
        for place, name in enumerate(network.param_names)
    )


def _account(
    reference: Replay,
    other: Replay,
    network: Network,
    place: int,
    role: str,
    unknown: frozenset[str],
) -> Account:
    ours, theirs = (one.reading.gradients[place] for one in (reference, other))
    here = differing(ours, theirs)
    made = [_made_whole(one, network, role, place) for one in (reference, other)]
    is_known = all(_is_known(one, role, unknown) for one in (reference, other))
    explained = here & made[0] & made[1] & is_known
    stepwise = other.array(role)
    compiled = np.zeros_like(here) if stepwise is None else differing(stepwise, theirs)
    return Account(other.reading.backend, role, here, compiled, explained)


def _made_whole(replay: Replay, network: Network, role: str, place: int) -> Array:
    """Say which numbers of a gradient come out of the whole step, made again."""
    own = replay.reading.gradients[place]
    given = {
        name: array for name in handed_in(network) if (array := replay.array(name)) is not None
    }
    made = replay.make(role, given)
    return np.zeros(own.shape, bool) if made is None else ~differing(made, own)


def _is_known(replay: Replay, role: str, unknown: frozenset[str]) -> bool:
    """Whether every joint on the way to a gradient is explained, and made again with its bits.

    An operation that its own framework had to run again was not made again.
    """
    upstream = _upstream(replay, role)
    recipes = [replay.recipe(one) for one in upstream]
    return not (unknown & upstream) and all(
        one.is_replayed and not one.unmade for one in recipes if one is not None and one.inputs
    )


def _upstream(replay: Replay, role: str) -> frozenset[str]:
    """Return the joints that a quantity is made from, through all of them; itself included."""
    found, waiting = {role}, [role]
    while waiting:
        recipe = replay.recipe(waiting.pop())
        fresh = set(() if recipe is None else recipe.inputs) - found
        found |= fresh
        waiting += fresh
    return frozenset(found)
