"""What is said of the machine: what the last bits may depend on, and no name of anybody's."""

from __future__ import annotations

import getpass
import platform
from pathlib import Path

import pytest

from shared.host import host, threads


def test_the_host_is_told_without_names() -> None:
    told = host()
    assert set(told) == {"system", "processor", "python", "numpy"}
    assert all(told.values())
    assert platform.node() not in told.values()
    assert getpass.getuser() not in told.values()


@pytest.mark.parametrize("text", [None, "nothing of use\n"])
def test_a_processor_without_a_name_is_told_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr("shared.host.CPU_FILE", path)
    assert platform.machine() in host()["processor"] or host()["processor"] == platform.processor()


def test_threads_are_told_as_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        monkeypatch.setenv(name, "3")
    assert threads() == "3"
    monkeypatch.delenv("NPROC")
    assert threads() == "3, as many as the machine has"
