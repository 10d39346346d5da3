"""What there is to choose from: problems and backends, for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from shared.errors import BackendError, ProblemUnavailable
from shared.named_problems import folder_names, problem, problem_names
from shared.problems import Problem
from shared.registry import load, sources
from shared.report.layout import heading, say, table_of


def print_lists(console: Console) -> None:
    """Print the problems, and the backends with the reason where one is unavailable."""
    console.print(Text("Problems", style="bold"))
    table = table_of("", "samples", "held out", "network", "optimizer", "epochs", left=(0, 3, 4))
    remarks = []
    for name in problem_names():
        try:
            one = problem(name)
        except ProblemUnavailable as error:
            table.add_row(name, *["-"] * 5)
            remarks.append((f"{name}: unavailable: {error}", "yellow"))
        else:
            table.add_row(name, *_cells(one))
            columns = ", ".join(map(str, one.features))
            told = [part for part in (one.title, columns, one.origin) if part]
            remarks.append((f"{name}: {'; '.join(told)}", "dim"))
    for name in folder_names():
        table.add_row(name, *["-"] * 5)
        remarks.append((f"{name}: from files that you have: --problem {name} --data DIR", "dim"))
    console.print(table)
    for remark, style in remarks:
        say(console, remark, style)
    say(console, "Data and a network of your own are named by a spec: --spec mine.json", "dim")
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


def _cells(one: Problem) -> list[str]:
    held_out = f"{len(one.held_out.x):,}" if one.held_out else "-"
    return [
        f"{len(one.x):,}", held_out, str(one.network), str(one.optimizer), f"{one.epochs:,}",
    ]  # fmt: skip
