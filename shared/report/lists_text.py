"""What there is to choose from: problems and backends, for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from shared.errors import BackendError
from shared.problems import problem, problem_names
from shared.registry import load, sources
from shared.report.layout import heading, say, table_of


def print_lists(console: Console) -> None:
    """Print the problems, and the backends with the reason where one is unavailable."""
    console.print(Text("Problems", style="bold"))
    table = table_of("", "samples", "network", "optimizer", "epochs", left=(0, 2, 3))
    for name in problem_names():
        one = problem(name)
        table.add_row(
            name, str(len(one.x)), str(one.network), str(one.optimizer), f"{one.epochs:,}"
        )
    console.print(table)
    for name in problem_names():
        one = problem(name)
        columns = ", ".join(map(str, one.features))
        say(console, f"{name}: {one.title}; {columns}; {one.origin}", style="dim")
    heading(console, "Backends")
    table = table_of("", "framework", "where", left=(0, 1, 2))
    for source in sources():
        where = source.module.replace(".", "/") + ".py"
        try:
            loaded = load(source)
        except BackendError as error:
            table.add_row(source.name, f"unavailable: {error}", where)
        else:
            table.add_row(source.name, f"{loaded.kind.framework} {loaded.version}", where)
    console.print(table)
    say(console, "A file of your own is named by its path: --backends numpy,./mine.py", "dim")
