"""What this machine is, as far as the last bits of a result may depend on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""What compare.py sets to 1 for its own process where the user has not set it."""

CPU_FILE = Path("/proc/cpuinfo")

VECTOR_FEATURES = frozenset(
    {
        "sse2", "ssse3", "sse4_1", "sse4_2", "avx", "avx2", "fma", "fma4", "f16c", "avx_vnni",
        "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_bf16", "avx512_fp16",
        "neon", "vfpv4", "asimd", "asimdhp", "asimdfhm", "sve", "sve2", "vsx", "vx",
    }
)  # fmt: skip
"""Instructions by which numerical libraries choose their code, as Linux names them."""


def host() -> dict[str, str]:
    """Return system, processor, Python and NumPy; no name of the machine or of a user."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
    }


def cpu_features() -> tuple[str, ...]:
    """Return the processor's vector instructions, sorted; none where the system does not tell."""
    lines = _cpu_lines()
    told = [line.partition(":") for line in lines if line.startswith(("flags", "Features"))]
    return tuple(sorted(VECTOR_FEATURES.intersection(told[0][2].split()))) if told else ()


def threads() -> str:
    """Return the number of threads this process allows itself, as compare.py set it."""
    counts = {os.environ.get(name, "as many as the machine has") for name in THREAD_VARIABLES}
    return ", ".join(sorted(counts))


def _processor() -> str:
    lines = _cpu_lines()
    if not lines:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cpu_lines() -> list[str]:
    """Return what the system says of its processors; no line where it keeps no such file."""
    try:
        return CPU_FILE.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
