"""The tests fail for every fault of the harness's own, each for the reason that is named.

A test that passes has shown something only if it can fail. So each fault is put into a copy of the
project, and the test that is to catch it is run there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness_copies import (
    ROOT,
    HarnessFault,
    Told,
    copy_of_the_project,
    faulty_text,
    run_tests,
    with_fault,
)
from tests.harness_faults import HARNESS_FAULTS

BITS = HarnessFault(
    name="made up",
    story="",
    file="shared/ulp.py",
    old="different: Array = _bits(a) != _bits(b)",
    new="different: Array = _bits(a) != _bits(b)",
    caught_by="tests/test_ulp.py::test_bits_tell_the_zeros_apart",
)
"""No fault yet: it changes nothing."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for one fault after the other; what is compiled once is not compiled again."""
    return copy_of_the_project(tmp_path_factory.mktemp("copy"))


def told_of(copy: Path, fault: HarnessFault) -> Told:
    with with_fault(copy, fault):
        return run_tests(copy, fault.caught_by)


@pytest.mark.parametrize("fault", HARNESS_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_harness_is_caught(copy: Path, fault: HarnessFault) -> None:
    told = told_of(copy, fault)
    assert told.is_caught_by(fault.caught_by), told.output


def test_without_a_fault_every_one_of_these_tests_passes(copy: Path) -> None:
    told = run_tests(copy, *dict.fromkeys(fault.caught_by for fault in HARNESS_FAULTS))
    assert (told.code, told.failed) == (0, ()), told.output


def test_names_of_faults_are_names() -> None:
    assert len({fault.name for fault in HARNESS_FAULTS}) == len(HARNESS_FAULTS)


def test_what_is_tested_is_the_copy(copy: Path) -> None:
    where = copy / "tests" / "test_where.py"
    where.write_text(
        "import compare, impls, shared\n\n\n"
        "def test_where():\n"
        "    for module in (compare, impls, shared):\n"
        f"        assert module.__file__.startswith({str(copy)!r})\n"
    )
    assert run_tests(copy, "tests/test_where.py").code == 0


def test_a_fault_is_taken_out_again(copy: Path) -> None:
    before = (copy / BITS.file).read_bytes()
    with with_fault(copy, replace(BITS, new="different: Array = a != b")):
        assert (copy / BITS.file).read_bytes() != before
    assert (copy / BITS.file).read_bytes() == before == (ROOT / BITS.file).read_bytes()


@pytest.mark.parametrize(
    ("new", "caught_by"),
    [
        (BITS.old + "  # as ever", BITS.caught_by),
        ("different: Array = a != b", "tests/test_ulp.py::test_both_zeros_are_one_number"),
        ("different: Array = unheard_of(a, b)", BITS.caught_by),
        ("different: Array = a != b", "tests/test_ulp.py::test_there_is_none_of_this_name"),
    ],
    ids=["nothing is changed", "by another test", "it does not run", "no such test"],
)
def test_what_is_no_catch_is_not_called_one(copy: Path, new: str, caught_by: str) -> None:
    fault = replace(BITS, new=new, caught_by=caught_by)
    assert not told_of(copy, fault).is_caught_by(caught_by)


def test_a_module_that_cannot_be_imported_is_no_catch(copy: Path) -> None:
    fault = replace(BITS, old="INCOMPARABLE = np.", new="INCOMPARABLE = unheard_of.")
    assert not told_of(copy, fault).is_caught_by(fault.caught_by)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("nowhere in this file", "", "it occurs 0 times"),
        ("np.isnan", "np.isinf", "it occurs 2 times"),
        (BITS.old, "different: = ", "is no Python"),
    ],
    ids=["not there", "twice", "no Python"],
)
def test_a_fault_that_does_not_fit_its_file_is_refused(old: str, new: str, reason: str) -> None:
    text = (ROOT / BITS.file).read_text("utf-8")
    with pytest.raises(ValueError, match=reason):
        faulty_text(text, replace(BITS, old=old, new=new))
