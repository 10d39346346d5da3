"""Train one small network in several frameworks, side by side, and say how they compare.

This script parses, calls `shared`, prints and exits; it decides nothing. Nothing heavy is
imported before it is needed: `--help` loads neither a framework, NumPy nor rich.

Exit codes: 0 certified (of many seeds: done); 1 different; 2 usage; 3 undecided, or a backend that
was asked for is missing; 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.arguments import parse_count, parse_learning_rate, parse_names, parse_seeds
from shared.command_line import build_parser
from shared.errors import BackendUnavailable, IsogradError, ProblemUnavailable, UsageError
from shared.host import THREAD_VARIABLES

if TYPE_CHECKING:
    from rich.console import Console

    from shared.certificate.findings import BackendCertificate
    from shared.problems import Problem
    from shared.registry import Loaded
    from shared.training import Missing

PIPED_WIDTH = 88
LEAST_WIDTH = 80


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments.insert(0, "run")
    chosen = build_parser().parse_args(arguments)
    if hasattr(signal, "SIGPIPE"):  # pragma: no branch - Windows has none
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `compare.py | head` ends quietly
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a dot of the plot is not worth a crash
    try:
        code = COMMANDS[chosen.command](chosen)
    except ModuleNotFoundError as error:
        print(
            f"compare.py: {error.name} is not installed for {sys.executable}. `make compare` sets "
            "everything up; then use .venv/bin/python.",
            file=sys.stderr,
        )
        return 3
    except IsogradError as error:
        sentence = " ".join(str(error).split())  # an error of the user's own may have many lines
        print(f"compare.py: {sentence}", file=sys.stderr)
        return 3 if isinstance(error, (BackendUnavailable, ProblemUnavailable)) else 2
    except OSError as error:
        print(f"compare.py: cannot write {error.filename}: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("compare.py: interrupted before there was anything to report.", file=sys.stderr)
        return 130
    return code


def run_command(chosen: argparse.Namespace) -> int:
    """Train, compare, print."""
    problem, dtype, seeds = _problem(chosen), _dtype(chosen), _seeds(chosen)
    json_path, one_in = _json_path(chosen), _one_in(chosen)
    loaded, missing = _backends(chosen)
    command = _command(chosen, loaded, missing)
    record_to = _record_folder(chosen)
    if not loaded:
        raise BackendUnavailable("; ".join(one.reason for one in missing))

    from shared.report.data import comparison_data, write_json
    from shared.report.text import print_comparison

    console = _console()
    if isinstance(seeds, int):
        from shared.comparison import compare
        from shared.truth.follow import can_follow

        walks = 2 if chosen.truth and can_follow(problem) else 1
        with _progress(walks * problem.step_count) as progress:
            comparison = compare(
                problem, seeds, loaded,
                missing=missing, dtype=dtype, record_to=record_to, one_in=one_in,
                truth=chosen.truth, progress=progress,
            )  # fmt: skip
        print_comparison(console, comparison)
        data, interrupted = comparison_data(comparison, command), comparison.cut_short
        missing, verdict = list(comparison.missing), verdict_code(comparison.certificates)
    else:
        from shared.atlas import atlas, steps_per_seed
        from shared.report.survey_data import atlas_data
        from shared.report.survey_text import print_atlas

        with _progress(steps_per_seed(problem) * len(seeds)) as progress:
            told = atlas(problem, seeds, loaded, missing=missing, dtype=dtype, progress=progress)
        print_atlas(console, told)
        data, interrupted = atlas_data(told, command), told.interrupted
        missing, verdict = list(told.survey.missing), 0
    if json_path:
        write_json(json_path, data)
    return 130 if interrupted else verdict or (3 if missing else 0)


def judge_command(chosen: argparse.Namespace) -> int:
    """Judge saved recordings."""
    json_path, one_in = _json_path(chosen), _one_in(chosen)
    from shared.judging import judge_file
    from shared.report.certificate_text import print_judged
    from shared.report.data import judged_data, write_json

    judged = [judge_file(Path(name), one_in) for name in chosen.files]
    console = _console()
    for one in judged:
        print_judged(console, one)
    if json_path:
        words = ["python", "compare.py", "judge", *chosen.files]
        words += [] if chosen.certify is None else ["--certify", chosen.certify]
        command = shlex.join(words)
        write_json(json_path, judged_data(judged, command))
    return verdict_code([one.certificate for one in judged])


def verdict_code(certificates: Sequence[BackendCertificate]) -> int:
    """Return 1 if anything is different, 3 if anything is undecided, else 0."""
    from shared.certificate.decision import Verdict
    from shared.certificate.judge import total

    return {Verdict.DIFFERENT: 1, Verdict.UNDECIDED: 3}.get(total(certificates), 0)


def list_command(_: argparse.Namespace) -> int:
    """Show the problems, and the backends with the reason where one is unavailable."""
    from shared.report.lists_text import print_lists

    print_lists(_console())
    return 0


def calibrate_command(chosen: argparse.Namespace) -> int:
    """Measure the frameworks' functions, keep the figures for later runs, and show them."""
    json_path = _json_path(chosen)
    loaded, missing = _backends(chosen)
    from shared.calibration.adoption import declared
    from shared.calibration.measure import measure, measurement_count
    from shared.calibration.store import completed, default_path, require_place, save
    from shared.report.calibration_data import calibration_data
    from shared.report.calibration_text import print_calibration
    from shared.report.data import write_json

    require_place(default_path())
    with _progress(measurement_count(loaded)) as progress:
        calibration = measure(loaded, missing=missing, progress=progress)
    if calibration.measured:
        save(completed(calibration, default_path()), default_path())
    console = _console()
    print_calibration(console, calibration, declared)
    if calibration.measured:
        console.print(f"Kept in {default_path()}; runs on this machine use it.", markup=False)
    if json_path:
        words = ["python", "compare.py", "calibrate"]
        words += [] if chosen.backends is None else ["--backends", chosen.backends]
        write_json(json_path, calibration_data(calibration, declared, shlex.join(words)))
    nothing = not calibration.measured
    return 3 if nothing or (missing and chosen.backends) else 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run_command,
    "judge": judge_command,
    "calibrate": calibrate_command,
    "list": list_command,
}


def _problem(chosen: argparse.Namespace) -> Problem:
    from shared.problems import problem

    epochs = None if chosen.epochs is None else parse_count(chosen.epochs, "epochs")
    rate = None if chosen.lr is None else parse_learning_rate(chosen.lr)
    return problem(chosen.problem).changed(epochs, rate)


def _dtype(chosen: argparse.Namespace) -> str:
    from shared.problems import require_dtype

    return require_dtype(chosen.dtype)


def _seeds(chosen: argparse.Namespace) -> int | tuple[int, ...]:
    from shared.seeding import require_seed

    if chosen.seeds is None:
        return require_seed(parse_count(_seed(chosen), "seed"))
    if chosen.seed is not None:
        raise UsageError("--seed and --seeds exclude each other; expected one of them.")
    if chosen.certify is not None:
        raise UsageError("--certify judges the run of one --seed; expected no --seeds beside it.")
    if chosen.truth:
        raise UsageError("--truth follows the run of one --seed; expected no --seeds beside it.")
    if chosen.record is not None:
        raise UsageError("--record saves the run of one --seed; expected no --seeds beside it.")
    seeds = parse_seeds(chosen.seeds)
    require_seed(max(seeds))
    return seeds


def _seed(chosen: argparse.Namespace) -> str:
    return "42" if chosen.seed is None else str(chosen.seed)


def _json_path(chosen: argparse.Namespace) -> Path | None:
    from shared.whole_file import require_writable

    return None if chosen.json is None else require_writable(Path(chosen.json))


def _one_in(chosen: argparse.Namespace) -> int | None:
    if chosen.certify is None:
        return None
    count = parse_count(chosen.certify, "certify")
    if count < 1:
        raise UsageError(f"certify {count} cannot be used; expected 1 for every step, or more.")
    return count


def _record_folder(chosen: argparse.Namespace) -> Path | None:
    if chosen.record is None:
        return None
    from shared.whole_file import require_writable

    folder = Path(chosen.record)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}.") from error
    require_writable(folder / "numpy.npz")
    return folder


def _backends(chosen: argparse.Namespace) -> tuple[list[Loaded], list[Missing]]:
    """Load every backend asked for; the unavailable ones come back with their reasons."""
    from shared.registry import find, load, sources
    from shared.training import Missing

    names = None if chosen.backends is None else parse_names(chosen.backends)
    asked = sources() if names is None else tuple(map(find, names))
    taken = [source.name for source in asked]
    loaded, missing = [], []
    for source in asked:
        if taken.count(source.name) > 1:
            raise UsageError(f"backend {source.name!r} is named twice; expected each once.")
        try:
            loaded.append(load(source))
        except BackendUnavailable as error:
            missing.append(Missing(source.name, str(error)))
    return loaded, missing


def _command(
    chosen: argparse.Namespace, loaded: Sequence[Loaded], missing: Sequence[Missing]
) -> str:
    """Return the command that repeats the run, with its defaults spelled out."""
    words = ["python", "compare.py", "run", "--problem", chosen.problem]
    words += ["--seeds", chosen.seeds] if chosen.seeds else ["--seed", _seed(chosen)]
    names = [one.name for one in loaded] + [one.name for one in missing]
    words += ["--backends", chosen.backends or ",".join(names)]
    words += ["--dtype", chosen.dtype]
    words += [] if chosen.epochs is None else ["--epochs", chosen.epochs]
    words += [] if chosen.lr is None else ["--lr", chosen.lr]
    words += [] if chosen.certify is None else ["--certify", chosen.certify]
    words += ["--truth"] if chosen.truth else []
    return shlex.join(words)


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    # Narrower, tables would cut numbers in two, which looks like other numbers.
    console.width = max(console.width, LEAST_WIDTH)
    return console


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on the terminal's error stream; yield the function that moves it."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("training", total=total)
        yield lambda done: bar.update(task, completed=done)


if __name__ == "__main__":
    sys.exit(main())
