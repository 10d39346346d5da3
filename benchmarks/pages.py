"""Put real output into README.md and docs/: into every ```text fence below a line that says whose.

Run as `python -m benchmarks.pages [PAGE...]`; it makes the runs first. The line is a comment,

    <!-- output of: compare.py --seed 4 --truth | The exact trajectory; Steps -->

the command, and, if the page is not to show everything, the beginnings of the headings of the parts
that it shows; `head` stands for the part above all headings.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCED = re.compile(
    r"(<!-- output of: (?P<command>[^|\n]*?)(?: \| (?P<parts>[^\n]*?))? -->\n+```text\n).*?(```)",
    re.DOTALL,
)

EXPECTED = (0, 1)
"""What a command may end with: some pages show what is different."""


def main(names: Sequence[str]) -> None:
    """Run, replace, write."""
    pages = [Path(name) for name in names] or [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        text = page.read_text("utf-8")
        page.write_text(FENCED.sub(_filled, text), "utf-8")


def _filled(fence: re.Match[str]) -> str:
    output = _output(fence["command"])
    parts = fence["parts"]
    shown = _only(tuple(part.strip() for part in parts.split(";")), output) if parts else output
    return f"{fence[1]}{shown}\n```"


@lru_cache(maxsize=32)
def _output(command: str) -> str:
    words = [sys.executable, *shlex.split(command)]
    with tempfile.TemporaryDirectory() as cache:
        # As in a fresh clone: no calibration of this machine stands behind it.
        env = {**os.environ, "XDG_CACHE_HOME": cache}
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    if done.returncode not in EXPECTED:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())


def _only(parts: tuple[str, ...], output: str) -> str:
    """Keep the parts whose headings begin so; parts are set apart by blank lines."""
    head, *rest = output.split("\n\n")
    wanted = [head] if "head" in parts else []
    return "\n\n".join([*wanted, *(part for part in rest if part.startswith(parts))])


if __name__ == "__main__":
    main(sys.argv[1:])
