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
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.command_line import build_parser
from shared.errors import BackendUnavailable, IsogradError, ProblemUnavailable
from shared.host import THREAD_VARIABLES

if TYPE_CHECKING:
    from shared.asked import AskedRun
    from shared.certificate.findings import BackendCertificate
    from shared.training import Missing

CODES = {"DIFFERENT": 1, "UNDECIDED": 3}
"""By the name of a verdict, what the command ends with; other verdicts are fine."""


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
    except MemoryError:
        print(
            "compare.py: there is not enough memory for this network and this data; expected "
            "smaller ones.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("compare.py: interrupted before there was anything to report.", file=sys.stderr)
        return 130
    return code


def run_command(chosen: argparse.Namespace) -> int:
    """Train, compare, print."""
    from shared.asked import asked_run

    asked = asked_run(chosen)
    if asked.every is not None:
        return _run_sparsely(asked, asked.every)
    return _run_one(asked, chosen.truth) if isinstance(asked.seeds, int) else _run_many(asked)


def _run_one(asked: AskedRun, truth: bool) -> int:
    """Run one seed, and record and judge every step."""
    from shared.comparison import compare
    from shared.report.data import comparison_data, write_json
    from shared.report.terminal import progress_bar, report_console
    from shared.report.text import print_comparison
    from shared.truth.follow import can_follow

    assert isinstance(asked.seeds, int)
    walks = 2 if truth and can_follow(asked.problem) else 1
    with progress_bar(walks * asked.problem.step_count) as progress:
        comparison = compare(
            asked.problem, asked.seeds, asked.loaded,
            missing=asked.missing, dtype=asked.dtype, record_to=asked.record_to,
            one_in=asked.one_in, truth=truth, faulty=asked.faulty, progress=progress,
        )  # fmt: skip
    print_comparison(report_console(), comparison)
    if asked.json_path:
        write_json(asked.json_path, comparison_data(comparison, asked.command))
    verdict = verdict_code(comparison.certificates)
    return _run_code(comparison.cut_short, verdict, comparison.missing)


def _run_many(asked: AskedRun) -> int:
    """Run many seeds side by side."""
    from shared.atlas import atlas, steps_per_seed
    from shared.report.data import write_json
    from shared.report.survey_data import atlas_data
    from shared.report.survey_text import print_atlas
    from shared.report.terminal import progress_bar, report_console

    assert not isinstance(asked.seeds, int)
    with progress_bar(steps_per_seed(asked.problem) * len(asked.seeds)) as progress:
        told = atlas(
            asked.problem, asked.seeds, asked.loaded,
            missing=asked.missing, dtype=asked.dtype, progress=progress,
        )  # fmt: skip
    print_atlas(report_console(), told)
    if asked.json_path:
        write_json(asked.json_path, atlas_data(told, asked.command))
    return _run_code(told.interrupted, 0, told.survey.missing)


def _run_sparsely(asked: AskedRun, every: int) -> int:
    """Run one seed, with nothing recorded but the parameters after every so many steps."""
    from shared.report.data import write_json
    from shared.report.fault_seen_text import print_brought_in, print_flagged
    from shared.report.sparse_data import sparse_data
    from shared.report.sparse_text import print_sparse
    from shared.report.terminal import progress_bar, report_console
    from shared.sparse.run import compare_sparsely

    assert isinstance(asked.seeds, int)
    with progress_bar(asked.problem.step_count) as progress:
        comparison = compare_sparsely(
            asked.problem, asked.seeds, asked.loaded, every=every,
            missing=asked.missing, dtype=asked.dtype, one_in=asked.one_in, progress=progress,
        )  # fmt: skip
    console = report_console()
    print_brought_in(console, [(one.wrong.name, one.chosen) for one in asked.faulty])
    print_sparse(console, comparison)
    flagged = {one.backend: not one.certified for one in comparison.certificates}
    print_flagged(console, [(one.wrong.name, flagged[one.wrong.name]) for one in asked.faulty])
    if asked.json_path:
        write_json(asked.json_path, sparse_data(comparison, asked.command))
    verdict = CODES.get(comparison.verdict.name, 0)
    return _run_code(comparison.interrupted, verdict, comparison.missing)


def _run_code(interrupted: bool, verdict: int, missing: Sequence[Missing]) -> int:
    return 130 if interrupted else verdict or (3 if missing else 0)


def judge_command(chosen: argparse.Namespace) -> int:
    """Judge saved recordings."""
    from shared.asked import asked_json, asked_sample, asked_to_judge

    json_path, one_in = asked_json(chosen), asked_sample(chosen)
    given, command = asked_to_judge(chosen)

    from shared.judging import judge_file
    from shared.report.certificate_text import print_judged
    from shared.report.data import judged_data, write_json
    from shared.report.terminal import report_console

    judged = [judge_file(Path(name), one_in, given=given) for name in chosen.files]
    console = report_console()
    for one in judged:
        print_judged(console, one)
    if json_path:
        write_json(json_path, judged_data(judged, command))
    return verdict_code([one.certificate for one in judged])


def explain_command(chosen: argparse.Namespace) -> int:
    """Show one step from inside."""
    from shared.explain.asked import asked_step
    from shared.explain.explanation import explain
    from shared.report.data import write_json
    from shared.report.explain_data import explanation_data
    from shared.report.explain_dot import write_dot
    from shared.report.explain_text import print_explanation
    from shared.report.terminal import report_console

    asked = asked_step(chosen)
    explanation = explain(asked.moment, asked.loaded, asked.element, asked.missing)
    console = report_console()
    print_explanation(console, explanation)
    if asked.json_path:
        write_json(asked.json_path, explanation_data(explanation, asked.command))
    if asked.dot_path:
        paths = write_dot(asked.dot_path, explanation)
        console.print(f"Written: {', '.join(map(str, paths))}", markup=False)
    return 3 if explanation.missing else 0


def verdict_code(certificates: Sequence[BackendCertificate]) -> int:
    """Return 1 if anything is different, 3 if anything is undecided, else 0."""
    from shared.certificate.judge import total

    return CODES.get(total(certificates).name, 0)


def list_command(_: argparse.Namespace) -> int:
    """Show the problems, and the backends with the reason where one is unavailable."""
    from shared.report.lists_text import print_lists
    from shared.report.terminal import report_console

    print_lists(report_console())
    return 0


def faults_command(chosen: argparse.Namespace) -> int:
    """Show the faults."""
    from shared.faults.named import fault_named
    from shared.report.faults_text import print_fault, print_faults
    from shared.report.terminal import report_console

    console = report_console()
    # As `run --fault` takes them, with a size or a step, they are meant, too.
    for fault in [fault_named(re.split("[:@]", name)[0]) for name in chosen.names]:
        print_fault(console, fault)
    if not chosen.names:
        print_faults(console)
    return 0


def power_command(chosen: argparse.Namespace) -> int:
    """Measure how well faults are found."""
    from shared.asked import asked_json, asked_markdown
    from shared.power.study import study, tasks
    from shared.report.data import write_json
    from shared.report.power_data import power_data
    from shared.report.power_text import power_markdown, print_power
    from shared.report.terminal import progress_bar, report_console
    from shared.whole_file import whole_file

    json_path, markdown_path = asked_json(chosen), asked_markdown(chosen)
    with progress_bar(len(tasks(chosen.quick)), "trying faults") as progress:
        power = study(chosen.quick, progress=progress)
    print_power(report_console(), power)
    if json_path:
        words = ["python", "compare.py", "power", *(["--quick"] if chosen.quick else [])]
        write_json(json_path, power_data(power, shlex.join(words)))
    if markdown_path:
        with whole_file(markdown_path) as file:
            file.write(power_markdown(power).encode())
    return 0


def spec_command(chosen: argparse.Namespace) -> int:
    """Print a built-in problem as a spec to start from."""
    from shared.asked import asked_spec

    print(asked_spec(chosen), end="")
    return 0


def calibrate_command(chosen: argparse.Namespace) -> int:
    """Measure the frameworks' functions, keep the figures for later runs, and show them."""
    from shared.asked import asked_backends, asked_json

    json_path = asked_json(chosen)
    loaded, missing = asked_backends(chosen)

    from shared.calibration.adoption import declared
    from shared.calibration.measure import measure, measurement_count
    from shared.calibration.store import completed, default_path, require_place, save
    from shared.report.calibration_data import calibration_data
    from shared.report.calibration_text import print_calibration
    from shared.report.data import write_json
    from shared.report.terminal import progress_bar, report_console

    require_place(default_path())
    with progress_bar(measurement_count(loaded)) as progress:
        calibration = measure(loaded, missing=missing, progress=progress)
    if calibration.measured:
        save(completed(calibration, default_path()), default_path())
    console = report_console()
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
    "explain": explain_command,
    "faults": faults_command,
    "power": power_command,
    "spec": spec_command,
    "calibrate": calibrate_command,
    "list": list_command,
}


if __name__ == "__main__":
    sys.exit(main())
