"""Where a quantity is computed, in words: a line by hand, a node of a tape, an equation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Context, InvalidOperation

import numpy as np

from shared.backend import Array
from shared.explain.alignment import How
from shared.explain.explanation import Explanation, Seen
from shared.explain.names import shown
from shared.explain.reading import Node, Operation
from shared.network import Network
from shared.report.words import ulps
from shared.ulp import INCOMPARABLE, places, ulp_distance

_ROUNDED = Context(prec=20)

OWN = {"numpy": "by hand", "torch": "the tape", "jax": "the jaxpr"}
"""By framework, what its column shows."""


def makers(seen: Seen, role: str) -> list[Operation]:
    """Return the operations that make a role, in their order; several if it is made again."""
    return [
        one for one, placed in zip(seen.reading.operations, seen.alignment.placed, strict=True)
        if placed.role == role and placed.how in (How.RULE, How.RESULT)
    ]  # fmt: skip


def where(seen: Seen, one: Operation, network: Network) -> str:
    """Say where an operation stands: a line and the part of it, a node, or an equation."""
    if one.place is not None:
        return f"{one.place.line}: {one.place.part}"
    if seen.reading.nodes:
        return _on_the_tape(seen, one, network)
    return f"{one.written}  {one.mark}"


def node_of(seen: Seen, one: Operation) -> Node | None:
    """Return the node that ran an operation, or that it left on the tape; None if there is none."""
    nodes = seen.reading.nodes
    return next((node for node in nodes if one.index in (*node.backward, node.forward)), None)


def briefly(seen: Seen, one: Operation) -> str:
    """Say where an operation stands, in few words."""
    if one.place is not None:
        return f"{one.place.line}: {one.place.part}"
    if not seen.reading.nodes:
        return one.written
    node, name = node_of(seen, one), one.name.removeprefix("aten.")
    if node is None:
        return name
    return f"{node.name}: {name}" if one.index in node.backward else f"{name} → {node.name}"


def _on_the_tape(seen: Seen, one: Operation, network: Network) -> str:
    node, name = node_of(seen, one), one.name.removeprefix("aten.")
    if node is None:
        return name
    if one.index not in node.backward:
        return f"{name}, leaves {node.name}"
    saved = ", ".join(_saved_by(seen, node, one, network))
    return f"{node.name} runs {name}" + (f"; saved {saved}" if saved else "")


def ghost(seen: Seen, role: str, product: str, explanation: Explanation) -> str:
    """Say where a factor that is never formed goes into the product after it."""
    network = explanation.moment.network
    if role in network.param_names or role in ("x", "y"):
        return ", ".join(["handed in", *_saved(seen, role)])
    recipe = seen.recipes.get(product)
    made = makers(seen, product)
    if recipe is None or not made:
        return "never formed"
    node = node_of(seen, made[0])
    inside = made[0].name if node is None else node.name
    return f"never formed; inside {inside}: {shown(recipe.written, network)}"


def _saved_by(seen: Seen, node: Node, one: Operation, network: Network) -> Iterator[str]:
    """Say what an operation takes of what its node saved."""
    taken = {seen.alignment.roles[i] for i in one.inputs}
    for name, value in node.saved.items():
        role = seen.alignment.roles[value]
        if role is not None and role in taken:
            yield f"{name} = {shown(role, network)}"


def _saved(seen: Seen, role: str) -> Iterator[str]:
    """Say which nodes saved a role."""
    for node in seen.reading.nodes:
        for name, value in node.saved.items():
            if seen.alignment.roles[value] == role:
                yield f"saved by {node.name} as {name}"


def number(seen: Seen, role: str, index: tuple[int, ...], like: Array) -> Array | None:
    """Return one number of a role as a backend has it, in the dtype of another; None if it has not.

    A slope that is a choice, as a relu's is by hand, is 1 or 0.
    """
    place = seen.stands.get(role)
    return None if place is None else seen.reading.values[place].array[index].astype(like.dtype)


def ulps_from(value: Array, exact: Array) -> str:
    """Word how far a number is from another: `=`, `+1` or `-2` ULPs, or that it is no number."""
    distance = int(ulp_distance(value.reshape(1), exact.reshape(1))[0])
    if distance == 0:
        return "="
    is_above = bool(places(value.reshape(1))[0] > places(exact.reshape(1))[0])
    sign = "" if distance == int(INCOMPARABLE) else "+" if is_above else "-"
    return f"{sign}{ulps(distance)}"


def shortest(value: Array) -> str:
    """Write a number with as many digits as tell it from all others of its dtype."""
    return str(np.asarray(value)[()])


def exactly(digits: str) -> str:
    """Write an exact value with as many digits as there is room for, and no zeros at its end.

    Examples
    --------
    >>> exactly("1.000000000000000000000000"), exactly("3.394732317056669008765103e-18")
    ('1.0', '3.3947323170566690088e-18')
    """
    try:
        rounded = _ROUNDED.create_decimal(digits)
    except InvalidOperation:  # arb writes of infinity what it knows of it
        return digits
    if not rounded.is_finite():
        return str(rounded)
    text = str(rounded)
    if "." not in text or "E" in text:
        return text.lower() if "E" in text else f"{text}.0"
    short = text.rstrip("0")
    return f"{short}0" if short.endswith(".") else short


def bits(value: Array) -> str:
    """Write a number with all its bits.

    Examples
    --------
    >>> bits(np.float64(0.75)), bits(np.float32(-0.0))
    ('0x1.8p-1', '-0x0.0p+0')
    """
    return re.sub(r"(?<=\.)(\w*?)0*p", lambda found: f"{found[1] or 0}p", float(value).hex())
