"""What the text reports share: the head, headings, sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.host import threads
from shared.problems import Problem
from shared.report import words
from shared.training import Missing

SHOWN_ELEMENTS = 24
"""Networks with more parameters are shown tensor by tensor, or not number by number."""


def print_head(
    console: Console,
    problem: Problem,
    seed: str,
    dtype: str,
    backends: Sequence[tuple[str, str, str]],
) -> None:
    versions = ", ".join(
        f"{framework} {version}" if name == framework else f"{name} (on {framework} {version})"
        for name, framework, version in backends
    )
    console.print(Text.assemble((problem.name, "bold"), f": {trained(problem)}"))
    if problem.batch_size > 1 or problem.order != "file" or problem.held_out:
        say(console, _samples(problem))
    if problem.features and not problem.image:
        say(console, f"Inputs: {words.inputs(problem.features)}")
    console.print(Text.assemble((seed, "bold"), f", {dtype}, {versions}, {threads()} thread each"))
    if dtype != "float64":
        say(console, _rounding(problem, dtype))


def _rounding(problem: Problem, dtype: str) -> str:
    """Say what is rounded before anybody computes with it."""
    rate, used = problem.optimizer.learning_rate, problem.optimizer_in(dtype).learning_rate
    becomes = f": {rate!r} becomes {used!r}" if used != rate else ""
    others = (
        ""
        if problem.optimizer.is_plain
        else (". The optimizer's other numbers are, where they meet arrays")
    )
    return f"Data and learning rate are rounded to {dtype} once, for all{becomes}{others}."


def trained(problem: Problem) -> str:
    """Say what is trained: the network, its loss, the optimizer, and for how long."""
    loss = problem.network.loss.replace("_", " ")
    return (
        f"{problem.network}, {loss}, {problem.optimizer}, "
        f"{words.counted(problem.epochs, 'epoch')} of "
        f"{words.counted(problem.steps_per_epoch, 'step')}"
    )


def _samples(problem: Problem) -> str:
    """Say which samples a step sees, and which none does."""
    order = "shuffled in every epoch" if problem.order == "shuffled" else "in the order of the file"
    held_out = f"; {len(problem.held_out.x):,} more are held out" if problem.held_out else ""
    return f"{len(problem.x):,} samples, {order}, {problem.largest_batch:,} to a step{held_out}"


def print_missing(console: Console, missing: Sequence[Missing]) -> None:
    for one in missing:
        say(console, f"Not compared: {one.reason}", style="yellow")


def heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))


def table_of(*titles: str, left: tuple[int, ...] = (0,)) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i, title in enumerate(titles):
        table.add_column(title, justify="left" if i in left else "right", overflow="fold")
    return table


def compile_time(value: float) -> str:
    return words.seconds(value) if value else "-"
