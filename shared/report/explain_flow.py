"""From which quantities a backend makes which others: the arrows of its picture.

What only moves numbers about, and what is known but has no name in the chain rule, is passed
through: an arrow goes from quantity to quantity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.explain.alignment import How
from shared.explain.explanation import Seen
from shared.explain.reading import Operation
from shared.explain.spine import Role
from shared.report.explain_words import makers


@dataclass(frozen=True, slots=True)
class Arrow:
    """From what an operation takes to what it makes; the ends are roles or boxes.

    kept
        As what the backend had kept it from the forward pass; "" where it did not.
    """

    source: str
    target: str
    kept: str = ""


def box(one: Operation) -> str:
    """Return the name of the box of an operation that is not known."""
    return f"operation {one.index}"


class Flow:
    """One backend's step, as quantities that are made from others.

    formed
        The roles that it has: made, or begun with.
    made
        By role, the operations that make it; not those that move it about, or make it of itself.
    unknown
        The operations that are not known.
    """

    def __init__(self, seen: Seen, spine: Mapping[str, Role]) -> None:
        self.seen, self.reading, self.alignment = seen, seen.reading, seen.alignment
        self.is_taped = bool(seen.reading.nodes)
        self.roles = tuple(role if role in spine else None for role in seen.alignment.roles)
        self.unknown = [seen.reading.operations[i] for i in seen.alignment.unaligned]
        self._made_by: dict[int, Operation] = {}
        for one in seen.reading.operations:
            self._note(one)
        self.formed = frozenset(role for role in self.roles if role)
        made = {role: self._makers(seen, role) for role in self.formed}
        self.made = {role: operations for role, operations in made.items() if operations}

    def _note(self, one: Operation) -> None:
        for index in one.outputs:
            if index not in one.inputs:
                self._made_by.setdefault(index, one)

    def _makers(self, seen: Seen, role: str) -> list[Operation]:
        return [
            one for one in makers(seen, role)
            if role not in {self.roles[i] for i in one.inputs}
        ]  # fmt: skip

    def _is_unknown(self, one: Operation) -> bool:
        return self.alignment.placed[one.index].how is How.UNALIGNED

    def arrows(self) -> list[Arrow]:
        """Return the arrows, each once, in the order of the step."""
        found: dict[tuple[str, str], Arrow] = {}
        for one in self.reading.operations:
            for arrow in self._arrows(one):
                found.setdefault((arrow.source, arrow.target), arrow)
        return list(found.values())

    def around(self, one: Operation) -> list[str]:
        """Return what an operation makes, and what it takes."""
        made = [role for i in one.outputs if (role := self.roles[i])]
        return [*made, *self._sources(one)]

    def parts(self, role: str) -> int:
        """Count the operations on the way to a quantity that make nothing with a name."""
        return sum(
            placed.role == role and placed.how is How.PART for placed in self.alignment.placed
        )

    def _arrows(self, one: Operation) -> Iterator[Arrow]:
        sources = self._sources(one)
        made = [role for i in one.outputs if (role := self.roles[i])]
        targets = [box(one)] if self._is_unknown(one) else made
        for target in targets:
            for source in sources:
                if source != target:
                    yield Arrow(source, target, self._kept(one, source))
        if self._is_unknown(one):
            yield from (Arrow(box(one), role) for role in made)

    def _sources(self, one: Operation) -> list[str]:
        """Return what an operation takes, as far back as it has no name."""
        return list(dict.fromkeys(name for i in one.inputs for name in self._named(i, set())))

    def _named(self, index: int, passed: set[int]) -> Iterator[str]:
        role, made_by = self.roles[index], self._made_by.get(index)
        if role:
            yield role
        elif made_by is not None and index not in passed:
            if self._is_unknown(made_by):
                yield box(made_by)
            else:
                for i in made_by.inputs:
                    yield from self._named(i, passed | {index})

    def _kept(self, one: Operation, source: str) -> str:
        """Say as what an operation finds a quantity that was kept from the forward pass."""
        if self.is_taped:
            names = {
                self.roles[value]: name
                for node in self.reading.nodes if one.index in node.backward
                for name, value in node.saved.items()
            }  # fmt: skip
            return f"saved {names[source]}" if source in names else ""
        is_program = self.reading.framework == "jax"
        made = self.made.get(source)
        is_forward = made is None or not made[0].is_backward
        return "residual" if is_program and one.is_backward and is_forward else ""
