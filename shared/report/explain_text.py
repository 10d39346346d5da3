"""A step explained, for the terminal: the factors of a weight, each with its value and its place.

`explain_why_text` says why last digits differ, `explain_table_text` lays the whole step out.
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from shared.backend import Array
from shared.explain.explanation import Explanation, Seen
from shared.explain.factors import Entry
from shared.explain.names import element_shown
from shared.host import threads
from shared.report.explain_forward_text import print_cancelled, print_forward
from shared.report.explain_table_text import print_layout
from shared.report.explain_why_text import print_why
from shared.report.explain_words import (
    exactly,
    ghost,
    makers,
    number,
    shortest,
    ulps_from,
    where,
)
from shared.report.layout import heading, say, table_of
from shared.report.words import counted

MOST_INPUTS = 6
"""Of a sample with more inputs the head names none."""


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print all that the terminal is told of a step."""
    _print_head(console, explanation)
    print_forward(console, explanation)
    _print_factors(console, explanation)
    print_why(console, explanation)
    print_layout(console, explanation)


def _print_head(console: Console, explanation: Explanation) -> None:
    moment = explanation.moment
    loss = moment.network.loss.replace("_", " ")
    title = moment.title[0].upper() + moment.title[1:]
    said = f": {moment.network}, {loss}, {moment.dtype}"
    console.print(Text.assemble((title, "bold"), said))
    say(console, moment.story)
    if len(moment.x) == 1 and moment.x.size <= MOST_INPUTS:
        say(console, f"x = {_numbers(moment.x)}, y = {_numbers(moment.y)}")
    elif len(moment.x) > 1:
        say(console, f"{len(moment.x)} samples: {', '.join(map(str, moment.samples))}")
    versions = [f"{one.reading.framework} {one.reading.version}" for one in explanation.seen]
    say(console, f"{', '.join(versions)}, {threads()} thread each")
    for one in explanation.missing:
        say(console, f"Not explained: {one.name}: {one.reason}", style="yellow")


def _numbers(array: Array) -> str:
    return ", ".join(map(shortest, array.ravel()))


def _print_factors(console: Console, explanation: Explanation) -> None:
    strip, network = explanation.strip, explanation.moment.network
    names = [element_shown(one.role, one.index, network) for one in strip.factors]
    heading(console, f"dL/d{strip.element} = {' '.join(f'[{name}]' for name in names)}")
    if strip.begins_with_sum:
        say(console, "The first factor is a sum, over the units of the layer above.")
    if strip.sums_over > 1:
        most = "which adds most" if strip.adds_most else "and all of them add 0"
        say(
            console,
            f"These are the factors of one of {counted(strip.sums_over, 'sample')}, number "
            f"{explanation.moment.samples[strip.sample]}, {most}; the last is the sum.",
        )
    table = table_of("", "value", "ULPs", "where", left=(0, 1, 3))
    for place, entry in enumerate(strip.entries):
        role = explanation.spine[entry.role]
        name = element_shown(entry.role, entry.index, network)
        sign = "" if place == 0 else "× " if entry.is_factor else "= "
        digits = exactly(role.digits[_flat(entry, role.exact)])
        table.add_row(Text(f"{sign}{name}", style="bold"), Text(digits), "", Text("exact"))
        for one in explanation.seen:
            table.add_row(*map(Text, _cells(one, entry, place, explanation)))
    console.print(table)
    say(console, "ULPs: how many floats a value is from the exact one, rounded; = is none.")
    print_cancelled(console, explanation)
    operations = [one for seen in explanation.seen for one in seen.reading.operations]
    files = {one.place.file for one in operations if one.place is not None}
    if files:
        say(console, f"Numbers before a colon are lines of {', '.join(sorted(files))}.")


def _cells(seen: Seen, entry: Entry, place: int, explanation: Explanation) -> tuple[str, ...]:
    entries, label = explanation.strip.entries, f"    {seen.name}"
    network, exact = explanation.moment.network, explanation.spine[entry.role].exact[entry.index]
    made = makers(seen, entry.role)
    product = next((one.role for one in entries[place:] if not one.is_factor), entry.role)
    said = where(seen, made[0], network) if made else ghost(seen, entry.role, product, explanation)
    value = number(seen, entry.role, entry.index, exact)
    if value is None:
        return label, "", "", said
    return label, shortest(value), ulps_from(value, exact), said


def _flat(entry: Entry, exact: Array) -> int:
    found = 0
    for n, i in zip(exact.shape, entry.index, strict=True):
        found = found * n + i
    return found
