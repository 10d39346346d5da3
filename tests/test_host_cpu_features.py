"""The vector instructions of the processor, as the system tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.host import cpu_features

X86 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 sse4_2 avx512f rdrand fma\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd sve crc32\n"


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (X86, ("avx2", "avx512f", "fma", "sse4_2")),
        (X86 + "\n" + X86, ("avx2", "avx512f", "fma", "sse4_2")),
        (ARM, ("asimd", "sve")),
        ("flags\t\t: fpu\n", ()),
        ("flags", ()),
        ("nothing of use\n", ()),
        ("", ()),
    ],
)
def test_features_are_read_sorted_and_only_those_of_vectors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, features: tuple[str, ...]
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr("shared.host.CPU_FILE", path)
    assert cpu_features() == features


def test_there_are_none_where_the_system_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shared.host.CPU_FILE", tmp_path / "none")
    assert cpu_features() == ()


def test_features_of_this_machine_are_the_same_each_time() -> None:
    assert cpu_features() == cpu_features() == tuple(sorted(cpu_features()))
