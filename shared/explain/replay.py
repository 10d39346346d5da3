"""Makes a framework's step again in NumPy, in the order in which the framework rounded.

Between the joints, quantities that every program has to form, each framework goes its own way. A
recipe is such a way: what one backend makes a joint from, and how. Given the same numbers, its
recipe gives its bits; given another backend's numbers, it shows what the way alone changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.explain.alignment import Alignment
from shared.explain.bits import same_bits
from shared.explain.orders import Order, Own
from shared.explain.probing import Found, found_orders
from shared.explain.reading import LAYOUT, Operation, Reading
from shared.explain.spine import Role, joints
from shared.explain.sum_orders import SUMS
from shared.explain.trees import Tree
from shared.network import Network


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a backend makes a joint from other joints and from what the step began with.

    inputs
        The roles that it is made from.
    written
        The way, as a formula; unknown operations in it stand by their names.
    rounded
        The order in which each operation rounded that might have rounded in several.
    trees
        Of its sums, what is added to what; None where entries differ in that.
    functions
        Operations in it that NumPy did not make again: their own framework does.
    unmade
        The names of those of them of which nothing is known.
    is_flushing
        Whether subnormal numbers are 0 on the way.
    is_replayed
        Whether the recipe gives the backend's own bits.
    """

    role: str
    inputs: tuple[str, ...]
    written: str
    rounded: tuple[str, ...]
    trees: tuple[Tree | None, ...]
    functions: tuple[int, ...]
    unmade: tuple[str, ...]
    is_flushing: bool
    is_replayed: bool


class Replay:
    """One backend's step, to be made again from numbers of one's choice."""

    def __init__(
        self,
        reading: Reading,
        alignment: Alignment,
        network: Network,
        spine: Mapping[str, Role],
        elementary: Own | None = None,
    ) -> None:
        self.reading, self.alignment = reading, alignment
        self.spine, self._elementary = spine, elementary
        self.joints = joints(network)
        self.stands = self._stands()
        self._made_by = _made_by(reading)
        self._found: dict[int, Found] = {}
        self._recipes: dict[str, Recipe | None] = {}

    def array(self, role: str) -> Array | None:
        """Return a quantity as the backend has it and the spine lays it out, if it has it."""
        index = self.stands.get(role)
        return None if index is None else self.reading.values[index].array

    def order(self, operation: Operation) -> Found:
        """Return the orders in which an operation may have rounded."""
        if operation.index not in self._found:
            found = found_orders(operation, self.reading.values, self._elementary)
            self._found[operation.index] = found
        return self._found[operation.index]

    def make(self, role: str, given: Mapping[str, Array]) -> Array | None:
        """Make a quantity from others; None if one that it is made from is not given.

        A recipe ends at the first joint on its way that is given, and at what the step began with.
        """
        index = self.stands.get(role)
        return None if index is None else _Making(self, given, role).value(index)

    def recipe(self, role: str) -> Recipe | None:
        """Return how the backend makes a joint; None if it does not."""
        if role not in self._recipes:
            self._recipes[role] = self._recipe(role)
        return self._recipes[role]

    def _recipe(self, role: str) -> Recipe | None:
        index, own = self.stands.get(role), self.array(role)
        if index is None or own is None:
            return None
        given = {name: array for name in self.joints if (array := self.array(name)) is not None}
        making = _Making(self, given, role)
        made = making.value(index)
        return Recipe(
            role,
            tuple(name for name in self.spine if name in making.taken),
            making.written(index),
            tuple(making.rounded),
            tuple(making.trees),
            tuple(making.functions),
            tuple(making.unmade),
            making.is_flushing,
            made is not None and same_bits(made, own),
        )

    def _stands(self) -> dict[str, int]:
        """Return where the quantities stand as the spine lays them out; results go before."""
        found = {
            name: index for name, index in self.reading.results.items()
            if name in self.spine and self.alignment.roles[index] == name
        }  # fmt: skip
        for index, role in enumerate(self.alignment.roles):
            if role is None or role not in self.spine or self.alignment.is_turned[index]:
                continue
            if self.reading.values[index].array.shape == self.spine[role].exact.shape:
                found.setdefault(role, index)
        return found


class _Making:
    """One quantity on its way to being made again."""

    def __init__(self, replay: Replay, given: Mapping[str, Array], goal: str) -> None:
        self.replay, self.given, self.goal = replay, given, goal
        self.taken: set[str] = set()
        self.functions: list[int] = []
        self.unmade: list[str] = []
        self.rounded: list[str] = []
        self.trees: list[Tree | None] = []
        self.is_flushing = False
        self._values: dict[int, Array | None] = {}

    def value(self, index: int) -> Array | None:
        """Make a value, from what is given or by the operation that made it."""
        if index not in self._values:
            self._values[index] = self._value(index)
        return self._values[index]

    def _value(self, index: int) -> Array | None:
        reading = self.replay.reading
        if reading.values[index].is_constant:
            return reading.values[index].array
        role = self._given_role(index)
        if role is not None:
            self.taken.add(role)
            turned = self.replay.alignment.is_turned[index]
            return _laid_out(self.given[role], reading.values[index].array, turned)
        one = self.replay._made_by.get(index)
        if one is not None and one.does == "ones":
            # Ones are made of an array's shape, not of its numbers: dL/dL is not made from L.
            return np.ones_like(reading.values[index].array)
        inputs = None if one is None else [self.value(i) for i in one.inputs]
        if one is None or inputs is None or any(array is None for array in inputs):
            return None
        arrays = [array for array in inputs if array is not None]
        if one.does == LAYOUT:
            return one.again(arrays)[one.outputs.index(index)]
        found = self.replay.order(one)
        self._note(one, found)
        with np.errstate(all="ignore"):
            if found.orders:
                return found.orders[0].compute(arrays)
            return one.again(arrays)[one.outputs.index(index)]

    def _note(self, one: Operation, found: Found) -> None:
        """Keep how an operation is made again, or that it is not."""
        if not found.orders:
            self.functions.append(one.index)
            self.unmade += [] if found.is_near else [one.name]
            return
        order = found.orders[0]
        self.is_flushing |= order.is_flushing
        if found.tried > 1:
            self.rounded.append(order.name)
        if one.does in SUMS:
            self.trees.append(order.tree)

    def _given_role(self, index: int) -> str | None:
        """Return the role under which a value is given; the goal itself is to be made."""
        role = self.replay.alignment.roles[index]
        return role if role in self.given and role != self.goal else None

    def written(self, index: int, inside: bool = False) -> str:
        """Write the way to a value as a formula of what is given."""
        value = self.replay.reading.values[index]
        if value.is_constant:
            return value.name
        role = self._given_role(index)
        if role is not None:
            return role
        one = self.replay._made_by.get(index)
        if one is None:
            return value.name
        if one.does == LAYOUT:
            return self.written(one.inputs[0], inside)
        orders = self.replay.order(one).orders
        if orders and orders[0].formula in ("{0}", "a1"):
            return self.written(one.inputs[0], inside)
        names = [self.written(i, inside=True) for i in one.inputs]
        if not orders:
            return f"{one.name}({', '.join(names)})"
        text = _formula(orders[0], names)
        return f"({text})" if inside and any(sign in text for sign in " ·") else text


def _formula(order: Order, names: Sequence[str]) -> str:
    """Write an order with the names of what it takes; of a sum also what is added, and how."""
    if order.formula and "a1" not in order.formula:
        if order.formula == "-{0}" and names[0].startswith("-"):
            return f"-({names[0]})"
        return order.formula.format(*names)
    *bias, first, second = names if len(names) > 1 else (*names, "")
    taken = {"a": first, "w": second, "b": "".join(bias)}
    if order.formula in ("a1", "a1·w1", "a1·w1 + b"):
        return re.sub(r"a1|w1|b", lambda found: taken[found[0][0]], order.formula)
    # The spine has an a1 and a b1, too.
    letters = {"a": "u", "w": "v", "b": "c"}
    legend = ", ".join(f"{letters[one]}: {name}" for one, name in taken.items() if name)
    long = ("Σ u·v" if second else "Σ u") + (" + c" if bias else "")
    written = re.sub(r"\b[aw](?=\d)|\bb\b", lambda found: letters[found[0]], order.formula)
    how = "" if order.formula else f"; {order.name}"
    return f"{written or long} [{legend}{how}]"


def _made_by(reading: Reading) -> dict[int, Operation]:
    """Return the operation that made each value; one laid out and back again is itself."""
    known: set[int] = set()
    found: dict[int, Operation] = {}
    for one in reading.operations:
        known |= set(one.inputs)
        found |= {i: one for i in one.outputs if i not in known}
        known |= set(one.outputs)
    return found


def _laid_out(array: Array, like: Array, turned: bool) -> Array:
    """Lay a quantity out as another array lies, whose numbers are the same or repeat them."""
    moved = array.mT if turned and array.ndim > 1 else array
    return (
        moved.reshape(like.shape) if moved.size == like.size else np.broadcast_to(moved, like.shape)
    )
