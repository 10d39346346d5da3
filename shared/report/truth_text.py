"""The report on the exact trajectory, for the terminal."""

from __future__ import annotations

from rich.console import Console

from shared.certificate.rounding import Rounding
from shared.comparison import Comparison
from shared.report import truth_words, words
from shared.report.layout import SHOWN_ELEMENTS, heading, say, table_of
from shared.truth.estimate import Estimate
from shared.truth.findings import Truth

DIGITS = 25


def print_truth(console: Console, comparison: Comparison) -> None:
    """Print what was found beside the exact trajectory, if it was asked for."""
    truth = comparison.truth
    if isinstance(truth, Estimate):
        _print_estimate(console, comparison, truth)
        return
    if not comparison.truth_wanted:
        return
    heading(console, "The exact trajectory")
    if truth is None:
        say(console, "It was not followed: the run was interrupted.")
        return
    say(console, truth_words.certified(truth, comparison.dtype))
    if not truth.marks:
        return
    _print_marks(console, truth)
    for paragraph in truth_words.story(comparison, truth):
        say(console, paragraph)
    _print_weights(console, comparison, truth)
    _print_contributions(console, comparison, truth)


def _print_marks(console: Console, truth: Truth) -> None:
    table = table_of(
        "after step", "exact loss", *(b.name for b in truth.backends), "tube", "sensitivity"
    )
    for i, mark in enumerate(truth.marks):
        table.add_row(
            f"{mark.step:,}", f"{mark.loss:.10g}",
            *(words.ulps(b.ulps[i]) for b in truth.backends),
            _many(mark.tube_ulps), truth_words.power(mark.sensitivity_log10),
        )  # fmt: skip
    console.print(table)
    say(
        console,
        "Of each backend: the largest distance of a weight from the exact one, in ULPs. Tube: the "
        "worst case, as far as roundings within the declared bounds might have carried a program. "
        "Sensitivity: by how much the worst small change of the starting weights has grown.",
        style="dim",
    )


def _print_weights(console: Console, comparison: Comparison, truth: Truth) -> None:
    names = comparison.problem.network.element_names
    if len(names) > SHOWN_ELEMENTS:
        return
    last = truth.marks[-1].step
    heading(console, f"Exact weights and biases after step {last:,}, and ULPs from there")
    table = table_of("", "exact", *(b.name for b in truth.backends))
    for i, (name, digits) in enumerate(zip(names, truth.weights, strict=True)):
        table.add_row(
            name, _shortened(digits), *(words.ulps(b.final_ulps[i]) for b in truth.backends)
        )
    console.print(table)


def _print_contributions(console: Console, comparison: Comparison, truth: Truth) -> None:
    """Print the steps whose roundings make most of each backend's final drift."""
    told = [b for b in truth.backends if b.contributions]
    if not told:
        return
    heading(console, "Steps whose roundings make most of the final drift, in percent of it")
    table = table_of(*(title for b in told for title in (b.name, "")), left=())
    rows = max(len(b.contributions) for b in told)
    for i in range(rows):
        cells: list[str] = []
        for b in told:
            one = b.contributions[i] if i < len(b.contributions) else None
            cells += [f"step {one.step:,}", _percent(one.share)] if one else ["", ""]
        table.add_row(*cells)
    console.print(table)
    step = told[0].contributions[0].step
    epoch = (step - 1) // comparison.problem.steps_per_epoch + 1
    say(
        console,
        f"Step {step:,} belongs to epoch {epoch:,}. The shares of all steps, of either sign, add "
        "up to 100.",
        style="dim",
    )


def _print_estimate(console: Console, comparison: Comparison, estimate: Estimate) -> None:
    heading(console, "Sensitivity, estimated")
    params = comparison.problem.network.param_count
    for paragraph in truth_words.estimated(estimate, params, Rounding.of(comparison.dtype).u):
        say(console, paragraph)
    table = table_of("after step", "growth")
    for step, log10 in estimate.marks:
        table.add_row(f"{step:,}", truth_words.power(log10))
    console.print(table)


def _percent(share: float) -> str:
    return f"{100 * share:+.0f}" if abs(share) >= 0.1 else f"{100 * share:+.2g}"


def _many(value: float) -> str:
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}" if value < 1e7 else f"{value:.1e}"


def _shortened(digits: str) -> str:
    """Cut a decimal down to DIGITS significant digits; nothing is rounded."""
    mantissa, _, exponent = digits.partition("e")
    kept, seen = "", 0
    for character in mantissa:
        seen += character.isdigit() and (seen > 0 or character != "0")
        if seen > DIGITS:
            break
        kept += character
    return f"{kept}e{exponent}" if exponent else kept
