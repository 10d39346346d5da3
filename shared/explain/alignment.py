"""Gives every value and every operation of a reading its role in the one chain rule.

By structure first: a role follows from what an operation does and from the roles of what it takes,
beginning at what the backend was handed and what it handed out. By value second, and only behind
an operation that nobody knows. What has no role is shown by its name, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from shared.explain.nearest import role_by_value
from shared.explain.reading import LAYOUT, Operation, Reading
from shared.explain.rules import COMMUTING, Rule, rules_for
from shared.explain.spine import Role
from shared.explain.vocabulary import TURNING
from shared.network import Network


class How(Enum):
    """How an operation came by its role.

    RULE
        By a rule: from what it does and what it takes.
    RESULT
        It made what the backend handed out under that name, or what only that can be made from.
    LAYOUT
        It moves a quantity about.
    PART
        It is a known operation on the way to a role, and makes nothing that has a name.
    UNALIGNED
        It is not known. A role then says what it seems to make, by its place or by its value.
    """

    RULE = "rule"
    RESULT = "result"
    LAYOUT = "layout"
    PART = "part"
    UNALIGNED = "unaligned"


@dataclass(frozen=True, slots=True)
class Placed:
    """The role of an operation, and how it came by it; no role where none could be found."""

    role: str | None
    how: How


@dataclass(frozen=True, slots=True)
class Alignment:
    """Roles for the values and the operations of a reading, by their indices.

    is_turned
        Whether a value lies with its rows and columns exchanged, as against the spine.
    """

    roles: tuple[str | None, ...]
    is_turned: tuple[bool, ...]
    placed: tuple[Placed, ...]

    @property
    def unaligned(self) -> tuple[int, ...]:
        """The operations that are not known."""
        return tuple(i for i, one in enumerate(self.placed) if one.how is How.UNALIGNED)


def align(reading: Reading, network: Network, spine: Mapping[str, Role]) -> Alignment:
    """Give the operations of a reading their roles in the spine."""
    work = _Work(reading, network, spine)
    while work.advance():
        pass
    placed = tuple(map(work.placed, reading.operations))
    return Alignment(tuple(work.roles), tuple(work.turned), placed)


@dataclass(frozen=True, slots=True)
class _Match:
    """A rule, with its operands in the order in which an operation has them."""

    rule: Rule
    takes: tuple[str, ...]
    over: tuple[int, ...]

    def axis_of(self, place: int) -> int | None:
        """Return the axis of a factor that is summed over, as the spine has it; else None."""
        place -= len(self.takes)
        return self.over[place] if -place <= len(self.over) else None


class _Work:
    """Roles found so far."""

    def __init__(self, reading: Reading, network: Network, spine: Mapping[str, Role]) -> None:
        self.reading, self.spine = reading, spine
        self.roles: list[str | None] = [None] * len(reading.values)
        self.turned = [False] * len(reading.values)
        self.how: dict[int, How] = {}
        self.numbers = {one.index: one.name for one in reading.values if one.is_constant}
        self.rules: dict[str, list[Rule]] = {}
        for rule in rules_for(network, len(spine["x"].exact)):
            self.rules.setdefault(rule.does, []).append(rule)
        for name, index in reading.results.items():
            # Where the last function is none, a_L and z_L are one value, and the spine has z_L.
            if name in spine:
                self.roles[index] = name

    def advance(self) -> bool:
        """Find roles until there are no more; say whether there was any."""
        operations = self.reading.operations
        # What follows from what was handed in comes first, then what the results say.
        made = [self._made(one) for one in operations]
        # A matrix product says more of what it takes than a sum.
        telling = sorted(operations, key=lambda one: one.does != "matmul")
        return any(made) or any(self._solved(one) for one in telling) or self._by_value()

    def _made(self, one: Operation) -> bool:
        """Name what an operation makes, where what it takes has names."""
        if len(one.outputs) != 1 or one.index in self.how:
            return False
        output = one.outputs[0]
        if one.does == LAYOUT:
            return self._laid_out(one, one.inputs[0], output)
        match = next(self._matches(one, wanted=0), None)
        if match is None:
            return False
        self._name(output, match.rule.gives, self._is_turned(one, match))
        self.how[one.index] = How.RULE
        return True

    def _laid_out(self, one: Operation, source: int, output: int) -> bool:
        if source in self.numbers:
            self.numbers[output] = self.numbers[source]
            return False
        if self.roles[source] is None:
            return False
        self._name(output, self.roles[source], self.turned[source] ^ (one.name in TURNING))
        self.how[one.index] = How.LAYOUT
        return True

    def _name(self, index: int, role: str | None, is_turned: bool) -> None:
        """Give a value its role, unless the backend itself has named it."""
        if self.roles[index] is None:
            self.roles[index], self.turned[index] = role, is_turned

    def _matches(self, one: Operation, wanted: int) -> Iterator[_Match]:
        """Yield the rules that an operation may follow, but for so many operands."""
        for rule in self.rules.get(one.does, ()):
            if len(rule.takes) != len(one.inputs):
                continue
            match = _Match(rule, rule.takes, rule.over)
            orders = [match]
            if one.does in COMMUTING and len(one.inputs) == 2:
                orders.append(_Match(rule, rule.takes[::-1], rule.over[::-1]))
            for order in orders:
                fitting = [self._fits(one, order, place) for place in range(len(one.inputs))]
                if fitting.count(False) == wanted:
                    yield order

    def _fits(self, one: Operation, match: _Match, place: int) -> bool:
        """Whether a rule takes an operand, and sums a matrix over the axis that it should."""
        index = one.inputs[place]
        if match.takes[place] not in self._names(index):
            return False
        axis, array = match.axis_of(place), self.reading.values[index].array
        if one.does in ("sum", "mean"):
            return match.rule.adds(one.axes, array.shape, self.turned[index])
        if axis is None or array.size == 1:  # of one number rows and columns are alike
            return True
        return self.turned[index] == (one.axes[place - len(one.inputs)] != axis)

    def _names(self, index: int) -> frozenset[str]:
        """Return under which names a rule may take a value; a 1 may be dL/dL."""
        role, number = self.roles[index], self.numbers.get(index)
        if number is not None:
            return frozenset({"1", "dL/dL"} if number == "1" else {number})
        return frozenset() if role is None else frozenset({role})

    def _is_turned(self, one: Operation, match: _Match) -> bool:
        if match.rule.rows:
            return match.takes[-2] != match.rule.rows
        return any(self.turned[i] for i in one.inputs)

    def _solved(self, one: Operation) -> bool:
        """Name the one operand that is not known, where the result says what it must be."""
        role = self.roles[one.outputs[0]] if len(one.outputs) == 1 else None
        unknown = [place for place, i in enumerate(one.inputs) if not self._names(i)]
        if role is None or len(unknown) != 1:
            return False
        (place,) = unknown
        index, turned = one.inputs[place], self.turned[one.outputs[0]]
        if one.does == LAYOUT:
            self._name(index, role, turned ^ (one.name in TURNING))
            return True
        for match in self._matches(one, wanted=1):
            missing, axis = match.takes[place], match.axis_of(place)
            size = self.reading.values[index].array.size
            if match.rule.gives == role and missing in self.spine:
                if size != self.spine[missing].exact.size:
                    continue
                if axis is not None:
                    turned = one.axes[place - len(one.inputs)] != axis
                self._name(index, missing, turned)
                return True
        return False

    def _by_value(self) -> bool:
        """Name what an unknown operation made by its value, where one role alone fits."""
        for one in self.reading.operations:
            if one.does or len(one.outputs) != 1 or self.roles[one.outputs[0]] is not None:
                continue
            role = role_by_value(
                self.reading.values[one.outputs[0]].array, self._sources(one), self.spine,
                frozenset(role for role in self.roles if role),
            )  # fmt: skip
            if role is not None:
                self.roles[one.outputs[0]] = role
                return True
        return False

    def _sources(self, one: Operation) -> frozenset[str]:
        return frozenset(role for i in one.inputs if (role := self.roles[i]))

    def placed(self, one: Operation) -> Placed:
        """Return the role of an operation, now that all is found that can be."""
        role = self.roles[one.outputs[0]] if one.outputs else None
        if one.does == "" or one.index in self.how:
            return Placed(role, self.how.get(one.index, How.UNALIGNED))
        return Placed(role, How.RESULT) if role else Placed(self._whole(one), How.PART)

    def _whole(self, one: Operation) -> str | None:
        """Return the role that an operation is a part of: the next one made from what it makes.

        Of what nothing is made, the last one that it was made from, or that was made before it.
        """
        made = set(one.outputs)
        for later in self.reading.operations[one.index + 1 :]:
            if made & set(later.inputs):
                role = self.roles[later.outputs[0]]
                if role is not None:
                    return role
                made |= set(later.outputs)
        earlier = [i for other in self.reading.operations[: one.index] for i in other.outputs]
        known = (*earlier, *one.inputs)
        return next((role for i in known[::-1] if (role := self.roles[i])), None)
