"""Tables of the benchmarks: words to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table


def table_of(words: Sequence[str], numbers: Sequence[str]) -> Table:
    """Return an empty table with columns of words, then of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
