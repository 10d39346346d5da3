"""Run one command and write on standard output, as JSON, what it took.

The system counts the memory of the process that starts a command into the command's own peak. So
the benchmark, which by then holds every framework, starts this small process, and this one the
command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence


def main(command: Sequence[str]) -> int:
    """Run the command, its output thrown away; write elapsed_s, peak_bytes and exit_code."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    taken = {
        "elapsed_s": elapsed_s,
        "peak_bytes": usage.ru_maxrss * unit_bytes,
        "exit_code": process.returncode,
    }
    print(json.dumps(taken))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
