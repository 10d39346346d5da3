"""Put the real output of `compare.py` into README.md, between its ```text fences.

Run as `python -m benchmarks.readme`; it trains a full run first.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCED = re.compile(r"(```text\n).*?(```)", re.DOTALL)


def main() -> None:
    """Run, replace, write."""
    command = [sys.executable, "compare.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    output = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    page = ROOT / "README.md"
    text = FENCED.sub(lambda fence: f"{fence[1]}{output}\n{fence[2]}", page.read_text("utf-8"))
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
