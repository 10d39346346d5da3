"""The study of power: for the terminal, and as Markdown."""

from __future__ import annotations

from rich.console import Console

from shared.power.rules import RULES
from shared.power.scores import Power
from shared.report import words
from shared.report.layout import heading, say, table_of
from shared.report.power_tables import Section, sections, verdict, ways

INTRODUCTION = """\
Written by `python -m benchmarks.power`. [Faults](faults.md) says what they are, when one counts as
found, and why a rule may flag what is correct."""


def print_power(console: Console, power: Power) -> None:
    """Print the whole study."""
    say(console, _scale(power), style="bold")
    for sentence in verdict(power):
        say(console, sentence)
    for section in sections(power):
        heading(console, section.title)
        if section.rows:
            table = table_of(*section.heads, left=section.left)
            table.columns[0].no_wrap = True
            for row in section.rows:
                table.add_row(*row)
            console.print(table)
        if section.note:
            say(console, section.note, style="dim")
    console.print()
    say(console, f"It took {words.seconds(power.elapsed_s)}.")


def power_markdown(power: Power) -> str:
    """Return the whole study as Markdown."""
    parts = [
        "# How well faults are found",
        INTRODUCTION,
        _scale(power),
        "\n".join(f"- {sentence}" for sentence in verdict(power)),
    ]
    for section in sections(power):
        parts += [f"## {section.title}", *_markdown_table(section)]
    parts.append("## The rules")
    parts.append("\n".join(f"- **{r.name}** ({r.tool}; {r.compares}): {r.source}" for r in RULES))
    return "\n\n".join(parts) + "\n"


def _scale(power: Power) -> str:
    faults = {one.trial.fault for one in power.scores}
    source, border = ways(power)
    quickly = " A quick study: NumPy alone, two seeds, short runs." if power.is_quick else ""
    return (
        f"{len(faults)} faults and variants in {words.counted(len(power.scores), 'run')}. Of "
        f"those that must be found {source:,} have the fault in a backend's own source, "
        f"{border:,} at its border.{quickly}"
    )


def _markdown_table(section: Section) -> list[str]:
    lines = []
    if section.rows:
        rule = ["---" if i in section.left else "--:" for i in range(len(section.heads))]
        rows = (section.heads, tuple(rule), *section.rows)
        lines.append("\n".join(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows))
    if section.note:
        lines.append(section.note)
    return lines


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
