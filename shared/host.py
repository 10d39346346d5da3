"""What this machine is, as far as the last bits of a result may depend on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""What compare.py sets to 1 for its own process where the user has not set it."""

CPU_FILE = Path("/proc/cpuinfo")


def host() -> dict[str, str]:
    """Return system, processor, Python and NumPy; no name of the machine or of a user."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
    }


def threads() -> str:
    """Return the number of threads this process allows itself, as compare.py set it."""
    counts = {os.environ.get(name, "as many as the machine has") for name in THREAD_VARIABLES}
    return ", ".join(sorted(counts))


def _processor() -> str:
    try:
        lines = CPU_FILE.read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
