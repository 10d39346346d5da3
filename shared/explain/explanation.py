"""One step of training, explained: read in every framework, aligned, made again, told apart.

The whole result is data, for the reports to word and to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.backend import Array, Backend, Elementary, Params
from shared.errors import BackendUnavailable
from shared.explain.account import Account, accounts
from shared.explain.alignment import Alignment, align
from shared.explain.by_hand import read_by_hand
from shared.explain.differences import Difference, differences
from shared.explain.factors import Strip, moving, strip
from shared.explain.jaxpr import read_jaxpr
from shared.explain.moment import Moment
from shared.explain.moved import Moved, differences_after, learning_rate, moved
from shared.explain.reading import Reading
from shared.explain.replay import Recipe, Replay
from shared.explain.spine import Role, joints, spine
from shared.explain.tape import read_tape
from shared.registry import Loaded
from shared.training import Missing


class Reader(Protocol):
    """Runs a step of a backend and writes down what it computed."""

    def __call__(
        self, backend: Backend, name: str, version: str, params: Params, x: Array, y: Array
    ) -> Reading:
        """Shapes: x (m, n_0), y (m, n_L)."""


READERS: Mapping[str, Reader] = {"numpy": read_by_hand, "torch": read_tape, "jax": read_jaxpr}
"""By framework; a backend of any other cannot be read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One backend's step.

    stands
        By role, the index of the value that is that quantity as the spine lays it out.
    recipes
        By joint, how the backend makes it.
    moved
        Its update; None where the optimizer is not plain descent.
    """

    name: str
    reading: Reading
    alignment: Alignment
    stands: Mapping[str, int]
    recipes: Mapping[str, Recipe]
    moved: Moved | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A step, in every framework that could be read; the first of `seen` is the reference.

    differences
        Of every other backend, by joint, in the order of the step; those of the update last.
    accounts
        Of every other backend and every gradient tensor.
    missing
        Backends that could not be read, with the reason.
    """

    moment: Moment
    spine: Mapping[str, Role]
    seen: tuple[Seen, ...]
    differences: tuple[Difference, ...]
    accounts: tuple[Account, ...]
    strip: Strip
    missing: tuple[Missing, ...]


def explain(
    moment: Moment,
    loaded: Sequence[Loaded],
    element: str | None = None,
    missing: Sequence[Missing] = (),
) -> Explanation:
    """Explain a step, and the gradient of one parameter factor by factor.

    Where none is named it is the first whose gradient is not 0.

    Raises
    ------
    UsageError
        The network has no such parameter.
    """
    network = moment.network
    roles = spine(network, moment.params, moment.x, moment.y)
    factors = strip(network, moving(network, roles) if element is None else element, roles)
    left_out = [*missing]
    seen: list[Seen] = []
    replays: list[Replay] = []
    for one in loaded:
        framework = one.kind.framework
        if framework not in READERS or one.source.path is not None:
            what = "a file of one's own" if framework in READERS else f"{framework}'s inside"
            left_out.append(Missing(one.name, f"no reader knows {what}"))
            continue
        try:
            backend = one.create(network, moment.optimizer, moment.dtype)
        except BackendUnavailable as error:
            left_out.append(Missing(one.name, str(error)))
            continue
        step = (moment.params, moment.x, moment.y)
        reading = READERS[framework](backend, one.name, one.version, *step)
        aligned = align(reading, network, roles)
        functions = backend.elementary if isinstance(backend, Elementary) else None
        replay = Replay(reading, aligned, network, roles, functions)
        replays.append(replay)
        seen.append(_seen(one.name, backend, moment, replay))
    return Explanation(
        moment, roles, tuple(seen), *_compared(moment, seen, replays), factors, tuple(left_out)
    )


def _seen(name: str, backend: Backend, moment: Moment, replay: Replay) -> Seen:
    made = {role: replay.recipe(role) for role in joints(moment.network)}
    recipes = {role: one for role, one in made.items() if one is not None and one.inputs}
    rate = learning_rate(moment.optimizer, moment.x.dtype)
    update = None
    if moment.optimizer.is_plain:
        update = moved(backend, name, moment.params, replay.reading.gradients, rate)
    return Seen(name, replay.reading, replay.alignment, replay.stands, recipes, update)


def _compared(
    moment: Moment, seen: Sequence[Seen], replays: Sequence[Replay]
) -> tuple[tuple[Difference, ...], tuple[Account, ...]]:
    """Compare every backend with the first."""
    roles, network = joints(moment.network), moment.network
    rate = learning_rate(moment.optimizer, moment.x.dtype)
    found: list[Difference] = []
    counted: list[Account] = []
    for one, replay in zip(seen[1:], replays[1:], strict=True):
        own = list(differences(replays[0], replay, roles))
        counted += accounts(replays[0], replay, network, own)
        if seen[0].moved is not None and one.moved is not None:
            own += differences_after(
                moment.params, network.param_names, seen[0].moved, one.moved,
                replay.reading.gradients, rate,
            )  # fmt: skip
        found += own
    return tuple(found), tuple(counted)
