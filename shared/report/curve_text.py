"""The loss curves, for the terminal: drawn, with their ends and where they are furthest apart."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from shared.backend import Array
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
    _print_ends(console, comparison, names, drawn)
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


def _print_ends(
    console: Console, comparison: Comparison, names: Sequence[str], drawn: Sequence[Array]
) -> None:
    """Print the first and the last loss of each curve that is drawn, and what those held out say.

    The exact curve, the last if it is among them, is that of the training samples alone.
    """
    problem, curves = comparison.problem, [result.curve for result in comparison.backends]
    marks = len(drawn[0])
    after = f"after epoch {int(curves[0].epochs[marks - 1]):,}"
    held_out = [c.held_out_loss for c in curves if c.held_out_loss is not None]
    table = table_of("", "before training", after, *([f"held out, {after}"] if held_out else []))
    for i, (name, curve) in enumerate(zip(names, drawn, strict=True)):
        cells = [repr(float(curve[0])), repr(float(curve[-1]))]
        if held_out:
            cells.append(repr(float(held_out[i][marks - 1])) if i < len(held_out) else "-")
        table.add_row(name, *cells)
    console.print(table)
    if problem.held_out and not problem.classes:
        # Of classes it is said where their accuracy is.
        say(console, words.held_out(problem.held_out.split), style="dim")
