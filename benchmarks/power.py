"""Measure how well faults are found, and write docs/power.md: `python -m benchmarks.power`.

The whole study of `compare.py power`, some twenty minutes on two cores; README.md quotes it.
`--json FILE` keeps every run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from compare import main as compare

PAGE = Path(__file__).parent.parent / "docs" / "power.md"


def main(arguments: Sequence[str]) -> int:
    """Run the study, print it, and write the page."""
    return compare(["power", "--markdown", str(PAGE), *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
