"""The faults that can be brought into a backend, for the terminal: a list, and one in full."""

from __future__ import annotations

import difflib
import itertools

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from shared.faults.fault import LAST, AtBorder, Expected, Fault, InSource
from shared.faults.named import FAULTS, INIT, trials
from shared.report import words
from shared.report.layout import heading, say

ANYWHERE = "anywhere"


def print_faults(console: Console) -> None:
    """Print all faults, grouped by the part of a step that they belong to."""
    counted = [trial for fault in FAULTS for trial in trials(fault)]
    say(
        console,
        f"{len(FAULTS)} faults, {len(counted)} with their sizes and starts. Bring one into a "
        "backend and see it found: compare.py run --fault NAME[:size][@step] [--in BACKEND]",
    )
    for (title, _), group in itertools.groupby(FAULTS, key=_group):
        heading(console, title)
        for fault in group:
            told = (f"size {_sizes(fault)}" if fault.sizes else "", _places(fault))
            aside = "; ".join(part for part in told if part)
            console.print(Text.assemble((fault.name, "bold"), (f"  {aside}", "dim")))
            console.print(Padding(Text(fault.story), (0, 0, 0, 4)))
    console.print()
    say(
        console,
        f"{ANYWHERE.capitalize()}: at the border of every backend, yours too; else in the source "
        "of the backends named. `compare.py faults NAME` shows one in full.",
        style="dim",
    )


def print_fault(console: Console, fault: Fault) -> None:
    """Print one fault: its story, what is changed, and what is expected."""
    console.print(Text.assemble((fault.name, "bold"), f": {fault.story}"))
    say(console, f"Stage: {fault.stage}. {_expected(fault)}")
    if fault.sizes:
        say(console, f"Sizes: {', '.join(map(repr, fault.sizes))}; or any: {fault.name}:SIZE.")
    first = fault.starts[0]
    start = "the last step" if first == LAST else f"step {first:,}"
    if fault.stage == INIT:
        say(console, "It is there before the first step.")
    elif fault.lasting is None:
        say(console, f"From {start} on, or from any: {fault.name}@STEP.")
    else:
        after = f" and {fault.lasting - 1} after it" if fault.lasting > 1 else ""
        say(console, f"In {start}{after}, or in any: {fault.name}@STEP.")
    for way in fault.in_source:
        _print_source(console, way)
    if fault.at_border:
        _print_border(console, fault.at_border)
    if fault.source:
        say(console, f"On record: {fault.source}.")
    console.print()


def _print_source(console: Console, way: InSource) -> None:
    say(console, f"In the source of {way.backend}; it shows {_shows(way)}:")
    for one in way.replacements:
        console.print(Text(f"  impls/{one.file}.py", style="dim"))
        for line in difflib.ndiff(*_aligned(one.old, one.new)):
            if not line.startswith("?"):
                style = {"-": "red", "+": "green"}.get(line[0], "dim")
                console.print(Text(f"  {line}", style=style), soft_wrap=True)


def _aligned(old: str, new: str) -> tuple[list[str], list[str]]:
    """Cut two pieces of a file into lines, which stand as they do there.

    A piece begins in the middle of its first line, so that line lacks its indentation.
    """
    pieces = [text.strip("\n").splitlines() for text in (old, new)]
    later = [line for lines in pieces for line in lines[1:] if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in later), default=0)
    first, second = ([lines[0].lstrip(), *(one[indent:] for one in lines[1:])] for lines in pieces)
    return first, second


def _print_border(console: Console, way: AtBorder) -> None:
    named = {
        "what the run starts from": way.start,
        "the order of the samples": way.order,
        "gradients": way.gradients,
        "update": way.update,
    }
    changed = [name for name, change in named.items() if change]
    say(
        console,
        f"At the border of any backend, where {words.joined(changed)} "
        f"{'are' if len(changed) > 1 or changed[0] == 'gradients' else 'is'} changed; it shows "
        f"{_shows(way)}.",
    )


def _shows(way: AtBorder | InSource) -> str:
    return f"first in {way.stage}: {', '.join(way.tensors)}"


def _group(fault: Fault) -> tuple[str, Expected]:
    titles = {
        Expected.BENIGN: "Harmless: must not be flagged",
        Expected.BELOW: "Below resolution: either answer is right",
    }
    return titles.get(fault.expected, fault.stage.capitalize()), fault.expected


def _expected(fault: Fault) -> str:
    if fault.expected is Expected.BENIGN:
        return "The same function in another form: it must not be flagged."
    if fault.expected is Expected.BELOW:
        return "Smaller than what rounding may do: either answer is right."
    floors = ", ".join(f"{size:g} in {dtype}" for dtype, size in fault.resolution.items())
    return f"It must be found{f', from a size of {floors} on' if floors else ''}."


def _sizes(fault: Fault) -> str:
    return ", ".join(f"{size:g}" for size in fault.sizes)


def _places(fault: Fault) -> str:
    names = [way.backend for way in fault.in_source]
    return ", ".join([*names, *([ANYWHERE] if fault.at_border else [])])
