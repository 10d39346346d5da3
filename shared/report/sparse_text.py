"""A run of which only every K-th state is recorded, in words: the verdict, the table, the place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from shared.certificate.findings import BackendCertificate, Finding
from shared.report import words
from shared.report.certificate_text import place, what_is_wrong
from shared.report.layout import (
    compile_time,
    heading,
    print_head,
    print_missing,
    say,
    table_of,
)
from shared.report.placement_text import about_the_step
from shared.sparse.findings import PlacedBlock, SparseCertificate, SparseComparison

WHY = {
    "optimizer": "steps of another optimizer than plain gradient descent",
    "size": "steps of so large a network, or of so long a run",
    "length": "so long a block",
}
"""What has no bound of its own."""


def print_sparse(console: Console, comparison: SparseComparison) -> None:
    """Print everything that such a run of one seed has to say."""
    print_head(
        console, comparison.problem, f"seed {comparison.seed}", comparison.dtype,
        [(b.name, b.framework, b.version) for b in comparison.backends],
    )  # fmt: skip
    if comparison.interrupted:
        say(
            console,
            f"Interrupted after {comparison.steps:,} of {comparison.problem.step_count:,} steps; "
            "what follows is known so far.",
        )
    print_missing(console, comparison.missing)
    for remark in comparison.calibration_remarks:
        say(console, remark, style="yellow")
    for one in comparison.certificates:
        if not one.certified:
            _print_failed(console, one)
    _print_certified(console, comparison)
    _print_table(console, comparison)
    for sentence in _basis(comparison):
        say(console, sentence, style="dim")
    console.print()


def _print_certified(console: Console, comparison: SparseComparison) -> None:
    fine = [one for one in comparison.certificates if one.certified]
    if not fine:
        return
    names = words.joined([one.backend for one in fine])
    if len(fine) < len(comparison.certificates):
        say(console, f"Certified block by block: {names}.")
        return
    blocks = words.counted(sum(one.blocks for one in fine), "block")
    console.print(Text(
        f"Certified block by block: {blocks} of {names}, known by the state after "
        f"{_each(comparison.every)}. Each ends where right steps lead, up to rounding; "
        f"{_resolution(fine[0])}.", "bold green",
    ))  # fmt: skip


def _resolution(one: SparseCertificate) -> str:
    """Say how small a fault would be seen: in blocks, or where they have no bounds in steps."""
    if one.resolution is None:
        steps = _share(one.step_resolution)
        return f"a fault present changes half of the gradients by less than {steps}, stage by stage"
    moves = ""
    if one.of_move is not None and one.of_move < 1:
        moves = f", and half of what a block moves by less than {_share(one.of_move)}"
    return f"a fault present moves half of the weights by less than {_share(one.resolution)}{moves}"


def _share(resolution: float | None) -> str:
    if not resolution:
        return "any number"
    return f"one part in 10^{max(0, math.floor(-math.log10(resolution)))}"


def _each(every: int) -> str:
    """Word which steps are recorded: `every step`, `every 16th step`."""
    if every == 1:
        return "every step"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(every % 10, "th")
    return f"every {every:,}{'th' if every % 100 in (11, 12, 13) else ending} step"


def _print_failed(console: Console, one: SparseCertificate) -> None:
    """Print the first block that is different, or else the first that is undecided."""
    block = one.first or one.unsure
    if block is None:
        say(console, f"Not judged: {one.backend} made no step.", style="yellow")
        return
    found = _first_finding(block.judged)
    if found and block.repeats:
        console.print(Text(f"{block.verdict.name}: {one.backend}, {place(found)}.", "bold red"))
        say(console, what_is_wrong(found))
        for sentence in about_the_step(block.judged):
            say(console, sentence)
    else:
        where = f"{_span(block)}, and no closer"
        console.print(Text(f"{block.verdict.name}: {one.backend}, {where}.", "bold red"))
    for sentence in (*_by_its_bound(block), *_by_running_again(block, found), *_others(one)):
        say(console, sentence)


def _first_finding(certificate: BackendCertificate) -> Finding | None:
    worst = (f for f in certificate.findings if f.verdict == certificate.verdict)
    return next(worst, next(iter(certificate.findings), None))


def _span(block: PlacedBlock) -> str:
    if block.first == block.last:
        return f"step {block.first:,}"
    return f"steps {block.first:,} to {block.last:,}"


def _by_its_bound(block: PlacedBlock) -> Iterator[str]:
    if block.times is None:
        return
    which = f"The block of {_span(block)}"
    if block.times <= 1:
        yield f"{which} has a bound that is too wide to say anything of it."
    elif math.isfinite(block.times):
        yield f"{which} ended {block.times:.3g} times as far off as rounding can carry it."
    else:
        yield f"{which} ended further off than rounding can carry it."


def _by_running_again(block: PlacedBlock, found: Finding | None) -> Iterator[str]:
    again = "run again from its recorded start"
    if block.again.repeated:
        judged = "and its steps were judged one by one"
        if not block.again.certificate.found:
            judged = "and each of its steps is right by itself: whether the bound errs is open"
        yield f"{again.capitalize()}, it ended at the same bits, {judged}."
        yield from _before(block, found)
        return
    away = words.ulps(block.again.apart_ulps)
    yield f"The block did not repeat: {again}, it ended elsewhere, up to {away} ULPs away."
    if block.repeats:
        yield (
            "All steps from the seed's start on did: what a step does depends on more than the "
            "parameters and the state that it is given."
        )
        return
    if block.from_seed:
        yield "Nor did all steps from the seed's start on."
    if found:
        first = f"the first that is {found.verdict.name.lower()} is {place(found)}"
        yield f"Of the steps made then, {first}. {what_is_wrong(found)}"
    else:
        yield "Each of the steps made then is right by itself."


def _before(block: PlacedBlock, found: Finding | None) -> Iterator[str]:
    """Say what is known of the steps before a block that is different."""
    if block.from_seed is None or found is None:
        return
    if not block.from_seed.repeated:
        yield "The steps before it did not repeat; they stand within the bounds of their blocks."
    elif found.step < block.first:
        yield (
            f"Before it, step {found.step:,} was found by running all steps again: what is wrong "
            "there is too small for the bounds of blocks."
        )
    else:
        yield "All steps before it were run again, too, and each is right by itself."


def _others(one: SparseCertificate) -> Iterator[str]:
    later = one.different - 1
    if later > 0:
        beyond = "its bound" if later == 1 else "their bounds"
        yield f"Judged from where they begin, {words.counted(later, 'later block')} left {beyond}."
    if one.first and one.undecided:
        yield f"Undecided before it: {words.counted(one.undecided, 'block')}."
    elif one.undecided > 1:
        yield f"Undecided in all: {words.counted(one.undecided, 'block')}."


def _print_table(console: Console, comparison: SparseComparison) -> None:
    results, certificates = comparison.backends, comparison.certificates
    length = min(comparison.every, comparison.problem.step_count)
    heading(console, f"Blocks of {words.counted(length, 'step')}, judged from end to end")
    table = table_of("", *(one.backend for one in certificates))
    counts: dict[str, Callable[[SparseCertificate], int]] = {
        "blocks": lambda one: one.blocks,
        "within their bounds": lambda one: one.by_bound,
        "explained step by step": lambda one: one.by_steps,
        "undecided": lambda one: one.undecided,
        "different": lambda one: one.different,
        "not judged, after the first difference": lambda one: one.unjudged,
    }
    for title, count in counts.items():
        table.add_row(title, *(f"{count(one):,}" for one in certificates))
    if certificates[0].unbounded is None:
        table.add_row("largest error over its bound", *(f"{one.worst:.2f}" for one in certificates))
        table.add_row("resolution", *(_cell(one.resolution) for one in certificates))
        table.add_row("resolution of moves", *(_cell(one.of_move) for one in certificates))
    table.add_row("compiling", *(compile_time(one.compile_s) for one in results))
    table.add_row("training", *(words.seconds(one.train_s) for one in results))
    table.add_row("judging", *(words.seconds(one.judging_s + one.again_s) for one in certificates))
    console.print(table)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def _basis(comparison: SparseComparison) -> Iterator[str]:
    """Say what was judged by what, and what was not looked at."""
    unbounded = comparison.certificates[0].unbounded
    if unbounded is None:
        yield (
            "Within its bound is a block where no number is further from what exact steps lead to "
            "than the roundings of all steps can carry it. Explained step by step: the bound is "
            "too wide, or exceeded; but run again from its recorded start, the block ended at the "
            "same bits, and each step is right by itself. Resolution is the median of (bound + "
            "error) / |value|; of moves: over how far the block has moved the value."
        )
    else:
        judged = sum(one.judged_steps for one in comparison.certificates)
        yield (
            f"There is no bound for {WHY[unbounded]}. So each block was run again from its "
            "recorded start, up to the first that is different. Explained are those that ended at "
            f"the same bits, and whose steps are right: {judged:,} were judged one by one."
        )
    yield (
        f"Recorded was nothing but the state after {_each(comparison.every)}. The first is the "
        "seed's, and each block begins at the bits that the last one left: they are handed on, so "
        "that need not be checked. What losses, activations and gradients were, and which samples "
        "a step saw, shows only in what becomes of the parameters."
    )
