"""Measure what the README and the docs claim about speed and memory: `python -m benchmarks`.

The result is a report, not a test: a limit that is missed is said plainly, and the exit code is 0
all the same, since another machine, or a busy one, has other ratios.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from shared.errors import BackendUnavailable
from shared.host import THREAD_VARIABLES, host, threads

if TYPE_CHECKING:
    from benchmarks.claims import Claim

Part: TypeAlias = Callable[[], "list[Claim]"]

PARTS = ("numpy", "torch", "jax", "wide", "replicas", "run", "memory", "idx", "atlas")
PIPED_WIDTH = 132


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parts that were asked for, and print the table."""
    chosen = build_parser().parse_args(argv)
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")  # before NumPy is imported
    claims, missing = [], []
    for name in PARTS:
        if name in (chosen.parts or PARTS):
            print(f"benchmarks: measuring {name}", file=sys.stderr, flush=True)
            try:
                claims += _part(name, chosen.quick)()
            except BackendUnavailable as error:
                missing.append(f"{name}: not measured: {error}")
    _print_report(claims, missing)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed and memory, and say which of the claimed limits hold here.",
    )
    parser.add_argument(
        "parts", nargs="*", type=_part_name, metavar="PART",
        help=f"what to measure: {', '.join(PARTS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="atlas: a hundred seeds, and reckon from these"
    )
    return parser


def _part_name(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"unknown part {text!r}; known: {', '.join(PARTS)}")
    return text


def _part(name: str, quick: bool) -> Part:
    """Find what measures a part; NumPy is imported here and not before."""
    from benchmarks import atlas, idx_reading, replicas, single_network, whole_run, wide_networks

    parts: dict[str, Part] = {
        "wide": wide_networks.claims,
        "replicas": replicas.claims,
        "run": whole_run.time_claims,
        "memory": whole_run.memory_claims,
        "idx": idx_reading.claims,
        "atlas": partial(atlas.claims, quick),
    }
    return parts.get(name) or partial(single_network.claims, name)


def _print_report(claims: Sequence[Claim], missing: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    for name, value in {**host(), "threads per library": threads()}.items():
        console.print(Text(f"{name}: {value}"))
    console.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("what", "against", "ours", "theirs", "measured", "five pairs", "at most", ""):
        left = title in ("what", "against", "")
        table.add_column(title, justify="left" if left else "right", overflow="fold")
    for claim in claims:
        table.add_row(
            claim.what, claim.baseline, claim.ours, claim.theirs, claim.measured,
            claim.spread, claim.limit, _verdict(claim),
        )  # fmt: skip
    console.print(table)
    notes = dict.fromkeys(note for claim in claims for note in claim.notes)
    for note in [*notes, *missing]:
        console.print(Text(textwrap.fill(note, console.width, subsequent_indent="  ")))


def _verdict(claim: Claim) -> str:
    if claim.holds is None:
        return ""
    return "holds" if claim.holds else "missed"


if __name__ == "__main__":
    sys.exit(main())
