"""Which tests fail for which fault of the harness's own: `python -m benchmarks.harness_faults`.

Each fault of tests/harness_faults.py is put into a copy of the project, and there the tests that
take least time are run, with those that are to catch it. How many of them fail, and the first that
is meant to, stand in the table. It takes some minutes on two cores; no framework is needed.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console

from benchmarks.tables import table_of
from tests.harness_copies import HarnessFault, Told, copy_of_the_project, run_tests, with_fault
from tests.harness_faults import HARNESS_FAULTS

PIPED_WIDTH = 150
WORKERS = min(4, os.cpu_count() or 1)
QUICK = tuple(
    f"tests/test_{name}.py"
    for name in (
        "calibration_adoption_runs",
        "certificate_audit_curve",
        "certificate_bounds",
        "certificate_chain",
        "certificate_decision",
        "certificate_fallback",
        "certificate_optimizers_chain",
        "certificate_parts",
        "certificate_text",
        "certificate_update",
        "comparison_each_by_itself",
        "contract_evaluation",
        "contract_gradients",
        "contract_nothing_left_out",
        "contract_recording",
        "contract_update",
        "drift_distances",
        "drift_marks",
        "drift_not_finite",
        "drift_pairs",
        "gaps",
        "judging_nothing_forgotten",
        "outcome",
        "recording_trail",
        "registry_creating",
        "runs_in_a_row",
        "stepwise_arguments",
        "stepwise_slips",
    )
)


def main() -> int:
    """Try one fault after the other, as many at a time as there are cores, and print the table."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(copy_of_the_project(Path(folder) / str(number)))

        def tried(fault: HarnessFault | None) -> Told:
            copy = copies.get()
            try:
                return _tried(copy, fault)
            finally:
                copies.put(copy)

        without, *told = pool.map(tried, (None, *HARNESS_FAULTS))
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    _print_table(Console(highlight=False, markup=False, width=width), without, told)
    print(f"It took {time.perf_counter() - started:.0f} s.", file=sys.stderr)
    return 0


def _tried(copy: Path, fault: HarnessFault | None) -> Told:
    if fault is None:
        return run_tests(copy, *QUICK, stop=False)
    files = dict.fromkeys((fault.tests, *QUICK))
    with with_fault(copy, fault):
        told = run_tests(copy, *files, stop=False)
    print(f"harness_faults: {fault.name}: {len(told.failed)} fail", file=sys.stderr, flush=True)
    return told


def _print_table(console: Console, without: Told, told: Sequence[Told]) -> None:
    table = table_of(("fault", "what it does", "in"), ("tests that fail",))
    table.add_column("one of them")
    for fault, one in zip(HARNESS_FAULTS, told, strict=True):
        table.add_row(
            fault.name, fault.story, fault.file.removeprefix("shared/"), f"{len(one.failed)}",
            _in_words(fault, one),
        )  # fmt: skip
    passed = sum(map(int, re.findall(r"(\d+) passed", without.output)))
    caught = sum(
        one.is_caught_by(fault.caught_by) for fault, one in zip(HARNESS_FAULTS, told, strict=True)
    )
    console.print(
        f"{len(HARNESS_FAULTS)} faults of the harness's own, of which {caught} are caught by the "
        f"test that is to catch them. Without a fault {passed:,} quick tests pass, and "
        f"{len(without.failed)} fail:", table, sep="\n",
    )  # fmt: skip


def _in_words(fault: HarnessFault, told: Told) -> str:
    """Return the name of a test that fails as the sentence that it is: of the one that is meant."""
    meant = [one for one in told.failed if one.startswith(fault.caught_by)]
    for one in (*meant, *told.failed):
        function = one.partition("::")[2].partition("[")[0]
        return function.removeprefix("test_").replace("_", " ")
    return "none"


if __name__ == "__main__":
    sys.exit(main())
