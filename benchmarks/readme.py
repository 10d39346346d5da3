"""Put the real output of `compare.py` into README.md, between its ```text fences.

Run as `python -m benchmarks.readme`; it makes the runs first. Of the digits' report, which is long,
the README shows the head and the parts named here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCED = re.compile(r"(```text\n).*?(```)", re.DOTALL)

DIGITS_PARTS = ("Accuracy", "Confusion", "Most confidently", "Did it learn?", "Time")


def main() -> None:
    """Run, replace, write."""
    shown = iter([_output(), _only(DIGITS_PARTS, _output("--problem", "digits"))])
    page = ROOT / "README.md"
    text = FENCED.sub(lambda fence: f"{fence[1]}{next(shown)}\n{fence[2]}", page.read_text("utf-8"))
    page.write_text(text, "utf-8")


def _output(*arguments: str) -> str:
    command = [sys.executable, "compare.py", *arguments]
    with tempfile.TemporaryDirectory() as cache:
        # As in a fresh clone: no calibration of this machine stands behind it.
        env = {**os.environ, "XDG_CACHE_HOME": cache}
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, env=env
        )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def _only(parts: tuple[str, ...], output: str) -> str:
    """Keep the head and the parts whose headings begin so; parts are set apart by blank lines."""
    head, *rest = output.split("\n\n")
    return "\n\n".join([head, *(part for part in rest if part.startswith(parts))])


if __name__ == "__main__":
    main()
