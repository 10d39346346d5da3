"""The loss curves, for the terminal: drawn, with their ends and where they are furthest apart."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from shared.comparison import Comparison
from shared.report import words
from shared.report.layout import heading, say, table_of
from shared.report.plot import ALL, SEVERAL, letters_for, plot
from shared.truth.findings import Truth


def print_curves(console: Console, comparison: Comparison) -> None:
    """Print the curve of each backend, and the exact one where it was followed to the end."""
    results = comparison.backends
    samples = len(comparison.problem.x)
    heading(console, f"Loss: mean over the {samples:,} samples")
    marks = min(len(r.curve.epochs) for r in results)
    names, curves = [r.name for r in results], [r.curve.loss[:marks] for r in results]
    drawn, truth = list(curves), comparison.truth
    if isinstance(truth, Truth) and len(truth.curve_epochs) == marks:
        names.append("exact")
        drawn.append(truth.curve_loss)
    letters = letters_for(names)
    for line in plot(results[0].curve.epochs[:marks], drawn, letters):
        console.print(Text(line))
    legend = ", ".join(f"{letter} {name}" for letter, name in zip(letters, names, strict=True))
    if len(names) > 1:
        say(
            console,
            f"{ALL} where all coincide, {SEVERAL} where some do, a letter where one is alone: "
            f"{legend}",
            style="dim",
        )
    last = int(results[0].curve.epochs[marks - 1])
    table = table_of("", "before training", f"after epoch {last:,}")
    for name, curve in zip(names, drawn, strict=True):
        table.add_row(name, repr(float(curve[0])), repr(float(curve[-1])))
    console.print(table)
    if comparison.gaps:
        gap = max(comparison.gaps, key=lambda one: one.largest)
        if gap.largest:
            say(
                console,
                f"Largest difference: {words.difference(gap.largest)} ({gap.left}-{gap.right}), "
                f"at epoch {gap.epoch:,}. {words.parting(comparison)}",
            )
        else:
            say(console, "The loss curves are equal to the last bit.")
    for result in results:
        if result.first_not_finite is not None:
            say(
                console,
                f"{result.name}: a recorded number is NaN or infinite from step "
                f"{result.first_not_finite:,} on.",
                style="yellow",
            )
