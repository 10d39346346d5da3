"""The report for the terminal: plain text with a little weight, the same when piped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.backend import Params
from shared.comparison import Comparison
from shared.drift import PairDrift
from shared.errors import BackendError
from shared.host import threads
from shared.problems import Problem, problem, problem_names
from shared.registry import load, sources
from shared.report import words
from shared.report.plot import ALL, letters_for, plot
from shared.survey import Survey
from shared.training import Missing

SHOWN_ELEMENTS = 24
"""Networks with more parameters are shown tensor by tensor."""

SHOWN_PARTED = 20
"""As many parted seeds are shown one by one."""


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print everything a run of one seed has to say."""
    results = comparison.backends
    _print_head(
        console, comparison.problem, f"seed {comparison.seed}", comparison.dtype,
        [(b.name, b.framework, b.version) for b in results],
    )  # fmt: skip
    if comparison.interrupted:
        _say(
            console,
            f"Interrupted after {comparison.steps:,} of {comparison.problem.step_count:,} steps; "
            "what follows is known so far.",
        )
    _print_missing(console, comparison.missing)
    _print_recordings(console, comparison)
    _print_weights(console, comparison)
    _print_curves(console, comparison)
    _print_drift(console, comparison)
    _print_worked(console, comparison)
    _print_people(console, comparison)
    _print_learned(console, comparison)
    _print_times(console, comparison)


def print_survey(console: Console, survey: Survey) -> None:
    """Print the summary of many seeds."""
    count = len(survey.seeds)
    _print_head(
        console, survey.problem, f"seeds {words.ranges(survey.seeds)}", survey.dtype,
        [(b.name, b.framework, b.version) for b in survey.backends],
    )  # fmt: skip
    if survey.interrupted:
        _say(
            console,
            f"Interrupted: {count:,} of {survey.asked:,} seeds, after {survey.epochs:,} of "
            f"{survey.problem.epochs:,} epochs.",
        )
    _print_missing(console, survey.missing)
    _print_groups(console, survey)
    _heading(console, "By backend")
    table = _table("", "solved", "stuck", "set-up", "compile", "training", "per seed")
    for result, solved in zip(survey.backends, survey.solved.sum(axis=1).tolist(), strict=True):
        table.add_row(
            result.name, f"{solved:,}", f"{count - solved:,}",
            words.seconds(result.setup_s), _compile(result.compile_s),
            words.seconds(result.train_s), words.seconds(result.train_s / count),
        )  # fmt: skip
    console.print(table)


def _print_groups(console: Console, survey: Survey) -> None:
    solved, seeds = survey.solved, np.array(survey.seeds)
    groups = [
        ("solved", solved.all(axis=0), f"all {survey.samples} samples right, on every backend"),
        ("stuck", ~solved.any(axis=0), "some sample wrong, on every backend"),
        ("differ", solved.any(axis=0) & ~solved.all(axis=0), "solved on one, stuck on another"),
        ("parted", survey.parted_epoch >= 0, "the loss curves of two backends differ visibly"),
    ]
    _heading(console, f"{len(seeds):,} seeds")
    for name, members, meaning in groups:
        chosen = seeds[members].tolist()
        console.print(Text.assemble((f"{name} {len(chosen):,}", "bold"), f" ({meaning})"))
        _say(console, f"    {words.ranges(chosen) or 'none'}")
    parted = np.flatnonzero(survey.parted_epoch >= 0).tolist()
    if not parted:
        return
    _heading(console, f"Parted seeds: since when, and how many of {survey.samples} came out right")
    table = _table("seed", "from epoch", *(result.name for result in survey.backends))
    for i in parted[:SHOWN_PARTED]:
        right = (str(result.correct[i]) for result in survey.backends)
        table.add_row(str(survey.seeds[i]), f"{survey.parted_epoch[i]:,}", *right)
    console.print(table)
    if len(parted) > SHOWN_PARTED:
        _say(console, f"and {len(parted) - SHOWN_PARTED:,} more; --json FILE holds them all.")


def _print_head(
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
    loss = problem.network.loss.replace("_", " ")
    console.print(
        Text.assemble(
            (problem.name, "bold"),
            f": {problem.title}, {problem.network}, {loss}, {problem.optimizer}, "
            f"{problem.epochs:,} epochs",
        )
    )
    console.print(Text.assemble((seed, "bold"), f", {dtype}, {versions}, {threads()} thread each"))


def _print_missing(console: Console, missing: Sequence[Missing]) -> None:
    for one in missing:
        _say(console, f"Not compared: {one.reason}", style="yellow")


def _print_recordings(console: Console, comparison: Comparison) -> None:
    if comparison.recorded_to is None:
        return
    if comparison.interrupted:
        _say(console, "No recording was saved: they are written whole or not at all.")
    else:
        names = words.joined([f"{result.name}.npz" for result in comparison.backends])
        _say(console, f"Every step is saved in {comparison.recorded_to}: {names}.")


def _print_weights(console: Console, comparison: Comparison) -> None:
    results, names = comparison.backends, comparison.problem.network.element_names
    few = len(names) <= SHOWN_ELEMENTS
    if few:
        _heading(console, f"Weights and biases after step {comparison.steps:,}")
        table = _table("", *(result.name for result in results))
        flat = [_flat(result.params) for result in results]
        for i, name in enumerate(names):
            table.add_row(name, *_shown([values[i] for values in flat], comparison.dtype))
        console.print(table)
    if not comparison.drift:
        return
    _heading(console, "Largest distance between any two backends, in ULPs")
    table = _table("", "at the end", "on the way", "of the gradient, on the way")
    for name, indices in _rows(comparison, few):
        table.add_row(name, *_distances(comparison.drift, indices))
    console.print(table)
    _say(
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


def _print_curves(console: Console, comparison: Comparison) -> None:
    results = comparison.backends
    samples = len(comparison.problem.x)
    _heading(console, f"Loss: mean over the {samples} samples")
    marks = min(len(r.curve.epochs) for r in results)
    letters = letters_for([r.name for r in results])
    curves = [r.curve.loss[:marks] for r in results]
    for line in plot(results[0].curve.epochs[:marks], curves, letters):
        console.print(Text(line))
    legend = ", ".join(f"{letter} {r.name}" for letter, r in zip(letters, results, strict=True))
    if len(results) > 1:
        _say(console, f"{ALL} where all coincide, a letter where they part: {legend}", style="dim")
    last = int(results[0].curve.epochs[marks - 1])
    table = _table("", "before training", f"after epoch {last:,}")
    for result, curve in zip(results, curves, strict=True):
        table.add_row(result.name, repr(float(curve[0])), repr(float(curve[-1])))
    console.print(table)
    if comparison.gaps:
        gap = max(comparison.gaps, key=lambda one: one.largest)
        if gap.largest:
            _say(
                console,
                f"Largest difference: {words.difference(gap.largest)} ({gap.left}-{gap.right}), "
                f"at epoch {gap.epoch:,}. {words.parting(comparison)}",
            )
        else:
            _say(console, "The loss curves are equal to the last bit.")
    for result in results:
        if result.first_not_finite is not None:
            _say(
                console,
                f"{result.name}: a recorded number is NaN or infinite from step "
                f"{result.first_not_finite:,} on.",
                style="yellow",
            )


def _print_drift(console: Console, comparison: Comparison) -> None:
    pairs = comparison.drift
    if not pairs or not pairs[0].marks:
        return
    _heading(console, "Drift of the weights: largest distance in ULPs (largest difference)")
    table = _table("after epoch", *(f"{pair.left}-{pair.right}" for pair in pairs))
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
    _heading(console, f"{quantity} of two worked steps, beside the exact value")
    table = _table("", "", "ULPs off", left=(0, 1))
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
            _heading(console, "Someone new")
        measures = ", ".join(
            f"{value:g} {feature.unit}"
            for value, feature in zip(person.values, problem.features, strict=True)
        )
        outputs = [result.outcome.answers[i] for result in results]
        said = ", ".join(
            f"{r.name} {output:.6f}" for r, output in zip(results, outputs, strict=True)
        )
        _say(console, f"{person.name} ({measures}): {said}. {_verdict(outputs, problem)}")


def _verdict(outputs: Sequence[float], problem: Problem) -> str:
    classes = {problem.class_of(output) for output in outputs}
    if len(classes) > 1:
        return "They do not agree."
    (answer,) = classes
    if answer is None:
        return "No answer: the output is NaN."
    return f"The answer is {answer}." if len(outputs) == 1 else f"All say {answer}."


def _print_learned(console: Console, comparison: Comparison) -> None:
    _heading(console, "Did it learn?")
    results = comparison.backends
    told = {result.name: words.learned(result) for result in results}
    if len(set(told.values())) == 1 and len(results) > 1:
        everyone = "Both" if len(results) == 2 else f"All {len(results)}"
        _say(console, f"{everyone}: {told[results[0].name]}.")
    else:
        for name, said in told.items():
            _say(console, f"{name}: {said}.")
    reason = words.why_stuck(results)
    if reason:
        _say(console, reason)


def _print_times(console: Console, comparison: Comparison) -> None:
    _heading(console, "Time")
    table = _table("", "set-up", "compile", "training", "per step")
    for result in comparison.backends:
        per_step = words.seconds(result.train_s / comparison.steps) if comparison.steps else "-"
        table.add_row(
            result.name, words.seconds(result.setup_s), _compile(result.compile_s),
            words.seconds(result.train_s), per_step,
        )  # fmt: skip
    console.print(table)


def _compile(value: float) -> str:
    return words.seconds(value) if value else "-"


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


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))


def _table(*titles: str, left: tuple[int, ...] = (0,)) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i, title in enumerate(titles):
        table.add_column(title, justify="left" if i in left else "right", overflow="fold")
    return table


def print_lists(console: Console) -> None:
    """Print the problems, and the backends with the reason where one is unavailable."""
    console.print(Text("Problems", style="bold"))
    table = _table("", "samples", "network", "optimizer", "epochs", left=(0, 2, 3))
    for name in problem_names():
        one = problem(name)
        table.add_row(
            name, str(len(one.x)), str(one.network), str(one.optimizer), f"{one.epochs:,}"
        )
    console.print(table)
    for name in problem_names():
        one = problem(name)
        columns = ", ".join(map(str, one.features))
        _say(console, f"{name}: {one.title}; {columns}; {one.origin}", style="dim")
    _heading(console, "Backends")
    table = _table("", "framework", "where", left=(0, 1, 2))
    for source in sources():
        where = source.module.replace(".", "/") + ".py"
        try:
            loaded = load(source)
        except BackendError as error:
            table.add_row(source.name, f"unavailable: {error}", where)
        else:
            table.add_row(source.name, f"{loaded.kind.framework} {loaded.version}", where)
    console.print(table)
    _say(console, "A file of your own is named by its path: --backends numpy,./mine.py", "dim")
