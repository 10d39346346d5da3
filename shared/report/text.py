"""The report for the terminal: plain text with a little weight, the same when piped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from shared.backend import Params
from shared.comparison import Comparison
from shared.drift import PairDrift
from shared.problems import Problem
from shared.report import learned_words, truth_words, words
from shared.report.certificate_text import print_certificates, print_verdict
from shared.report.classifier_text import print_classification
from shared.report.curve_text import print_curves
from shared.report.fault_seen_text import print_brought_in, print_found
from shared.report.layout import (
    SHOWN_ELEMENTS,
    compile_time,
    heading,
    print_head,
    print_missing,
    say,
    table_of,
)
from shared.report.truth_text import print_truth


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print everything a run of one seed has to say."""
    results = comparison.backends
    print_head(
        console, comparison.problem, f"seed {comparison.seed}", comparison.dtype,
        [(b.name, b.framework, b.version) for b in results],
    )  # fmt: skip
    if comparison.interrupted:
        say(
            console,
            f"Interrupted after {comparison.steps:,} of {comparison.problem.step_count:,} steps; "
            "what follows is known so far.",
        )
    elif comparison.cut_short:
        say(console, "Interrupted while the exact trajectory was followed; all else is complete.")
    print_missing(console, comparison.missing)
    _print_recordings(console, comparison)
    print_brought_in(console, [(one.backend, one.chosen) for one in comparison.faults])
    for remark in comparison.calibration_remarks:
        say(console, remark, style="yellow")
    print_verdict(console, comparison.certificates)
    print_found(console, comparison.faults)
    _print_weights(console, comparison)
    print_curves(console, comparison)
    print_classification(console, comparison)
    _print_drift(console, comparison)
    print_truth(console, comparison)
    _print_worked(console, comparison)
    _print_people(console, comparison)
    _print_learned(console, comparison)
    print_certificates(console, comparison.certificates)
    _print_times(console, comparison)


def _print_recordings(console: Console, comparison: Comparison) -> None:
    if comparison.recorded_to is None:
        return
    if comparison.interrupted:
        say(console, "No recording was saved: they are written whole or not at all.")
    else:
        names = words.joined([f"{result.name}.npz" for result in comparison.backends])
        say(console, f"Every step is saved in {comparison.recorded_to}: {names}.")


def _print_weights(console: Console, comparison: Comparison) -> None:
    results, names = comparison.backends, comparison.problem.network.element_names
    few = len(names) <= SHOWN_ELEMENTS
    if few:
        heading(console, f"Weights and biases after step {comparison.steps:,}")
        table = table_of("", *(result.name for result in results))
        flat = [_flat(result.params) for result in results]
        for i, name in enumerate(names):
            table.add_row(name, *_shown([values[i] for values in flat], comparison.dtype))
        console.print(table)
    if not comparison.drift:
        return
    heading(console, "Largest distance between any two backends, in ULPs")
    table = table_of("", "at the end", "on the way", "of the gradient, on the way")
    for name, indices in _rows(comparison, few):
        table.add_row(name, *_distances(comparison.drift, indices))
    console.print(table)
    say(
        console,
        "A ULP is the step from one float to the next. Near zero floats lie dense, so a number "
        "that crosses zero is far in ULPs for a while.",
        style="dim",
    )


def _rows(comparison: Comparison, few: bool) -> list[tuple[str, range]]:
    """Return the rows of the table of distances: each number, or, of many, each tensor."""
    network = comparison.problem.network
    if few:
        return [(name, range(i, i + 1)) for i, name in enumerate(network.element_names)]
    rows, start = [], 0
    for name, shape in zip(network.param_names, network.param_shapes, strict=True):
        stop = start + int(np.prod(shape))
        rows.append((f"{name} ({'x'.join(map(str, shape))})", range(start, stop)))
        start = stop
    return rows


def _distances(pairs: Sequence[PairDrift], indices: range) -> list[str]:
    cells = [words.ulps(max(pair.final[i] for pair in pairs for i in indices))]
    for kind in ("weights", "gradients"):
        largest = max(
            (p.largest[kind][i] for p in pairs for i in indices), key=lambda one: one.ulps
        )
        where = f" (step {largest.step:,})" if largest.ulps else ""
        cells.append(f"{words.ulps(largest.ulps)}{where}")
    return cells


def _print_drift(console: Console, comparison: Comparison) -> None:
    pairs = comparison.drift
    if not pairs or not pairs[0].marks:
        return
    heading(console, "Drift of the weights: largest distance in ULPs (largest difference)")
    table = table_of("after epoch", *(f"{pair.left}-{pair.right}" for pair in pairs))
    for row in range(len(pairs[0].marks)):
        cells = [f"{words.ulps(pair.marks[row][1])} ({pair.marks[row][2]:.1e})" for pair in pairs]
        table.add_row(f"{pairs[0].marks[row][0]:,}", *cells)
    for kind, title in (
        ("gradients", "first bit: gradients"),
        ("loss", "first bit: loss"),
        ("weights", "first bit: weights"),
    ):
        table.add_row(title, *(_step(pair.first[kind]) for pair in pairs))
    console.print(table)


def _print_worked(console: Console, comparison: Comparison) -> None:
    if not comparison.worked:
        return
    quantity = comparison.worked[0].quantity
    heading(console, f"{quantity} of two worked steps, beside the exact value")
    table = table_of("", "", "ULPs off", left=(0, 1))
    step = ""
    for answer in comparison.worked:
        if answer.step != step:
            step = answer.step
            table.add_row(f"{step}, exact", answer.exact, "", style="bold")
        table.add_row(
            f"  {answer.backend}", _digits(answer.value, comparison.dtype), words.ulps(answer.ulps)
        )
    console.print(table)


def _print_people(console: Console, comparison: Comparison) -> None:
    problem, results = comparison.problem, comparison.backends
    for i, person in enumerate(problem.people):
        if i == 0:
            heading(console, "Someone new")
        measures = ", ".join(
            f"{value:g} {feature.unit}"
            for value, feature in zip(person.values, problem.features, strict=True)
        )
        outputs = [result.outcome.answers[i] for result in results]
        said = ", ".join(
            f"{r.name} {output:.6f}" for r, output in zip(results, outputs, strict=True)
        )
        say(console, f"{person.name} ({measures}): {said}. {_verdict(outputs, problem)}")


def _verdict(outputs: Sequence[float], problem: Problem) -> str:
    classes = {problem.class_of(output) for output in outputs}
    if len(classes) > 1:
        return "They do not agree."
    (answer,) = classes
    if answer is None:
        return "No answer: the output is NaN."
    return f"The answer is {answer}." if len(outputs) == 1 else f"All say {answer}."


def _print_learned(console: Console, comparison: Comparison) -> None:
    heading(console, "Did it learn?")
    results = comparison.backends
    told = {result.name: learned_words.learned(result) for result in results}
    if len(set(told.values())) == 1 and len(results) > 1:
        say(console, f"{words.everyone(len(results))}: {told[results[0].name]}.")
    else:
        for name, said in told.items():
            say(console, f"{name}: {said}.")
    reason = learned_words.why_stuck(results)
    if reason:
        say(console, reason)


def _print_times(console: Console, comparison: Comparison) -> None:
    heading(console, "Time")
    table = table_of("", "set-up", "compile", "training", "per step")
    for result in comparison.backends:
        per_step = words.seconds(result.train_s / comparison.steps) if comparison.steps else "-"
        table.add_row(
            result.name, words.seconds(result.setup_s), compile_time(result.compile_s),
            words.seconds(result.train_s), per_step,
        )  # fmt: skip
    console.print(table)
    judged = f"Judging took {words.seconds(comparison.judging_s)} more"
    say(console, f"{judged}{truth_words.time_taken(comparison.truth)}.")


def _step(step: int | None) -> str:
    return "never" if step is None else f"step {step:,}"


def _flat(params: Params) -> list[float]:
    return [float(v) for w in params for v in w.ravel()]


def _shown(values: Sequence[float], dtype: str) -> list[str]:
    """Six digits where all values are equal; where not, all digits that tell floats apart."""
    if len({repr(value) for value in values}) == 1:
        return [f"{value:.6g}" for value in values]
    return [_digits(value, dtype) for value in values]


def _digits(value: float, dtype: str) -> str:
    return f"{value:#.17g}" if dtype == "float64" else f"{value:#.9g}"
