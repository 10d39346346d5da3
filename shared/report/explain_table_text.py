"""The whole step in one layout, for the terminal: one row a quantity, one column a framework."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from shared.explain.alignment import How
from shared.explain.explanation import Explanation, Seen
from shared.explain.names import shown
from shared.explain.reading import LAYOUT
from shared.explain.spine import BACKWARD, FORWARD, SLOPE, Role, handed_in
from shared.network import Network
from shared.report.explain_words import OWN, briefly, makers
from shared.report.layout import heading, say, table_of
from shared.report.words import counted

PASSES = {FORWARD: "forward", SLOPE: "slopes, in which pass", BACKWARD: "backward"}

MOST_NAMES = 3
"""Of the operations inside a quantity at most so many are named."""


def print_layout(console: Console, explanation: Explanation) -> None:
    """Print what each framework computes, quantity by quantity."""
    network = explanation.moment.network
    heading(console, "The whole step, quantity by quantity; · is never formed")
    titles = [f"{one.name}: {OWN[one.reading.framework]}" for one in explanation.seen]
    table = table_of("", *titles, left=tuple(range(len(titles) + 1)))
    for pass_, title in PASSES.items():
        table.add_row(Text(title, style="dim"))
        for role in explanation.spine.values():
            if role.pass_ == pass_ and role.name not in handed_in(network):
                cells = [_cell(one, role) for one in explanation.seen]
                if any(cells):
                    # Source has brackets, which are no markup.
                    texts = (Text(cell or "·") for cell in cells)
                    table.add_row(Text(shown(role.name, network)), *texts)
    console.print(table)
    for one in explanation.seen:
        kept = ", ".join(shown(role, network) for role in _kept(one, explanation))
        say(console, f"{one.name} goes back with {kept}.")
    for one in explanation.seen:
        _print_rest(console, one, explanation)
        if one.reading.framework == "jax":
            say(console, f"{one.name}'s letters are its own: {', '.join(_letters(one, network))}.")


def _letters(seen: Seen, network: Network) -> Iterator[str]:
    """Say what the variables are that the table does not make: handed in, or moved about."""
    moved = {
        i for one, placed in zip(seen.reading.operations, seen.alignment.placed, strict=True)
        if placed.how is How.LAYOUT for i in one.outputs
    }  # fmt: skip
    given = {seen.reading.results[role] for role in handed_in(network)}
    for index in sorted(given | moved):
        role = seen.alignment.roles[index]
        turned = "ᵀ" if seen.alignment.is_turned[index] else ""
        if role is not None:
            yield f"{seen.reading.values[index].name} = {shown(role, network)}{turned}"


def _kept(seen: Seen, explanation: Explanation) -> list[str]:
    """Return what the backward pass takes from the forward pass, or from what was handed in."""
    operations = seen.reading.operations
    # Moved about on the way back, it is still what it was.
    going_back = [one for one in operations if one.is_backward and one.does != LAYOUT]
    made_back = {i for one in going_back for i in one.outputs}
    moved = {
        one.outputs[0]: one.inputs[0] for one in reversed(operations)
        if one.does == LAYOUT and one.is_backward and one.outputs[0] > one.inputs[0]
    }  # fmt: skip
    taken = {i for one in going_back for i in one.inputs}
    for _ in operations:
        taken = {moved.get(i, i) for i in taken}
    roles = {seen.alignment.roles[i] for i in taken - made_back}
    return [role for role in explanation.spine if role in roles and role not in ("L", "dL/dL")]


def _cell(seen: Seen, role: Role) -> str:
    """Return the operations that make a role, and how many more are inside it.

    Of a slope also in which pass: it is the one thing that the frameworks disagree on.
    """
    found = []
    for one in makers(seen, role.name):
        pass_ = BACKWARD if one.is_backward else FORWARD
        found.append(briefly(seen, one) + (f", {pass_}" if role.pass_ == SLOPE else ""))
    found = list(dict.fromkeys(found))
    inside = [
        one.name.removeprefix("aten.")
        for one, placed in zip(seen.reading.operations, seen.alignment.placed, strict=True)
        if placed.role == role.name and placed.how is How.PART
    ]
    if inside:
        names = list(dict.fromkeys(inside))
        more = ", ..." if len(names) > MOST_NAMES else ""
        found.append(f"{len(inside)} inside: {', '.join(names[:MOST_NAMES])}{more}")
    return "\n".join(found)


def _print_rest(console: Console, seen: Seen, explanation: Explanation) -> None:
    """Say what the table leaves out, and what is not known."""
    network = explanation.moment.network
    moving = sum(one.how is How.LAYOUT for one in seen.alignment.placed)
    total = len(seen.reading.operations)
    say(
        console,
        f"{seen.name}: {counted(total, 'operation')}, {moving} of which only move numbers about "
        "and are left out above.",
    )
    for index in seen.alignment.unaligned:
        one, role = seen.reading.operations[index], seen.alignment.placed[index].role
        seems = f"; it seems to make {shown(role, network)}" if role else ""
        say(console, f"{seen.name}: not aligned: {one.name}, {one.written}{seems}", style="yellow")
