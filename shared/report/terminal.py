"""The terminal: a console for reports, and a bar for long work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

PIPED_WIDTH = 88
LEAST_WIDTH = 80


def report_console() -> Console:
    """Return a console on standard output, as wide as the terminal, or as a page."""
    # Names of classes and columns are the user's, and no markup whatever they look like.
    made = Console(
        highlight=False, markup=False, emoji=False,
        width=None if sys.stdout.isatty() else PIPED_WIDTH,
    )  # fmt: skip
    # Narrower, tables would cut numbers in two, which looks like other numbers.
    made.width = max(made.width, LEAST_WIDTH)
    return made


@contextmanager
def progress_bar(total: int, doing: str = "training") -> Iterator[Callable[[int], None]]:
    """Show a bar on the terminal's error stream; yield the function that moves it."""
    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.update(task, completed=done)
