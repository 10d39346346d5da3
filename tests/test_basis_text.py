"""What a certificate rests on, said in words: each sentence where it is true, and only there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from rich.console import Console

from shared.certificate.decision import Verdict
from shared.certificate.findings import Audit, BackendCertificate, Basis, StageSummary
from shared.certificate.profile import tight, wide
from shared.certificate.screening import IN_FULL_ONE_IN
from shared.report.basis_text import PREMISES, print_basis

NOTHING_AUDITED = Audit()
BASIS = Basis("80-bit longdouble", 53, tight("float64"), wide("float64"), measured=True)


def stage(
    counts: tuple[int, ...] = (5, 4, 0, 0, 0),
    settled: int = 0,
    forms: Mapping[str, int] = MappingProxyType({}),
) -> StageSummary:
    return StageSummary(
        "forward", "a1", counts, 0.5, 1, 0.1, 1e-15, 1e-14, settled=settled, forms=forms
    )


def certificate(
    *stages: StageSummary,
    name: str = "numpy",
    basis: Basis | None = BASIS,
    audit: Audit = NOTHING_AUDITED,
) -> BackendCertificate:
    return BackendCertificate(
        name, 9, 9, 1, stages or (stage(),), (), 0, Verdict.EXPLAINED, 0, 0, basis, audit
    )


def subjects(*certificates: BackendCertificate) -> dict[str, str]:
    """What is said, by its subject."""
    page = io.StringIO()
    print_basis(Console(file=page, width=90), certificates)
    lines = page.getvalue().splitlines()
    said: dict[str, str] = {}
    for line in lines:
        words = line.strip()
        if not line.startswith(" "):
            last, words = words.split(maxsplit=1)
        said[last] = f"{said.get(last, '')} {words}".strip()
    return said


def test_the_subjects_stand_in_this_order() -> None:
    assert list(subjects(certificate())) == [
        "Verdicts", "Forms", "Profile", "Reference", "Audit", "Premises",
    ]  # fmt: skip


def test_without_a_basis_nothing_is_said_of_it() -> None:
    assert list(subjects(certificate(basis=None))) == ["Verdicts", "Forms", "Premises"]


def test_all_five_verdicts_are_counted_over_all_backends_and_stages() -> None:
    one = certificate(stage((1_000, 20, 3, 0, 0)), stage((1, 2, 0, 4, 5)))
    other = certificate(stage((500, 0, 0, 0, 1)), name="torch")
    said = subjects(one, other)["Verdicts"]
    assert said.startswith("1,501 equal bits, 22 explained, 3 vacuous, 4 undecided, 6 different.")


@pytest.mark.parametrize(("count", "told"), [(0, False), (1, True)])
def test_what_vacuous_means_is_said_where_something_is(count: int, told: bool) -> None:
    said = subjects(certificate(stage((5, 4, count, 0, 0))))["Verdicts"]
    sentence = (
        "A value is vacuous where its bound is as large as itself: it may have underflowed, or its "
        "terms cancel, and nothing was tested."
    )
    assert (sentence in said) == told


@pytest.mark.parametrize(("count", "told"), [(0, False), (2_500, True)])
def test_settled_values_are_told_apart(count: int, told: bool) -> None:
    said = subjects(certificate(stage(settled=count), stage(settled=count)))["Verdicts"]
    sentence = (
        "5,000 more, of wide layers and their gradients, are in none of the figures: an estimate "
        "in float64, its own error included, was enough to know that they are within their bounds. "
        f"What it did not settle, and one step in {IN_FULL_ONE_IN} in full, was computed exactly."
    )
    assert (sentence in said) == told
    assert ("estimate" in said) == told


def test_forms_are_named_for_each_backend_with_all_their_values() -> None:
    numpy = certificate(
        stage(forms={"σ'(z) from z in all layers": 1_200}),
        stage(forms={"σ'(z) from z in all layers": 34, "functions within the wide profile": 5}),
    )
    torch = certificate(name="torch")
    jax = certificate(stage(forms={"functions within the wide profile": 7}), name="jax")
    assert subjects(numpy, torch, jax)["Forms"] == (
        "numpy: 1,234 values are explained as computed by σ'(z) from z in all layers. "
        "numpy: 5 values are explained as computed by functions within the wide profile. "
        "jax: 7 values are explained as computed by functions within the wide profile."
    )


def test_where_none_was_needed_the_declared_ones_are_named() -> None:
    assert subjects(certificate())["Forms"] == "the declared ones; nothing needed another."


def test_both_profiles_are_told_in_units() -> None:
    said = subjects(certificate())["Profile"]
    assert said.startswith(
        "tight, in u = 2^-53: exponential 4, logarithm 4, tanh 14, sigmoid σ (2 + 4 (1 - σ)). What "
        "exceeds it is held to the wide one, and named: exponential 8, logarithm 8, tanh 28, "
        "sigmoid σ (2 + 8 (1 - σ))."
    )


def test_float32_has_its_own() -> None:
    basis = Basis("float64", 24, tight("float32"), wide("float32"), measured=True)
    said = subjects(certificate(basis=basis))
    assert said["Profile"].startswith("tight, in u = 2^-24: exponential 5.6, logarithm 5, tanh 10,")
    assert said["Reference"].startswith("float64: exact values are computed in it")


MEASURED = "On this machine nothing was measured to be worse."
UNMEASURED = "Not measured on this machine for {}; `compare.py calibrate` does."
RAISED = "Raised to what was measured on this machine: {}."


def profile_of(**bases: Basis) -> str:
    said = subjects(*(certificate(name=name, basis=basis) for name, basis in bases.items()))
    return said["Profile"].partition("wide one, and named: ")[2].partition(". ")[2]


def test_what_was_measured_and_is_no_worse_is_said() -> None:
    assert profile_of(numpy=BASIS, torch=BASIS) == MEASURED


def test_what_was_not_measured_is_said() -> None:
    unmeasured = replace(BASIS, measured=False)
    assert profile_of(numpy=unmeasured) == UNMEASURED.format("numpy")
    assert profile_of(numpy=unmeasured, torch=unmeasured) == UNMEASURED.format("numpy and torch")


def test_where_some_were_it_is_said_of_the_others() -> None:
    unmeasured = replace(BASIS, measured=False)
    assert profile_of(numpy=BASIS, jax=unmeasured) == UNMEASURED.format("jax")


def raised(function: str, units: float) -> Basis:
    return replace(BASIS, profile=BASIS.profile.raised_to(function, units))


def test_what_was_raised_is_said_with_both_figures() -> None:
    assert profile_of(numpy=BASIS, jax=raised("exp", 5.25)) == RAISED.format(
        "exp of jax at 5.25 instead of 4"
    )


def test_all_that_was_raised_is_said() -> None:
    jax = replace(BASIS, profile=raised("exp", 5.25).profile.raised_to("tanh", 21.5))
    assert profile_of(numpy=raised("log1p", 6.0), jax=jax) == RAISED.format(
        "log1p of numpy at 6 instead of 4, exp of jax at 5.25 instead of 4, "
        "tanh of jax at 21.5 instead of 14"
    )


def test_the_declared_figures_are_told_where_one_backend_keeps_them() -> None:
    for bases in ((BASIS, raised("exp", 5.25)), (raised("exp", 5.25), BASIS)):
        said = subjects(*(certificate(basis=basis) for basis in bases))["Profile"]
        assert said.startswith("tight, in u = 2^-53: exponential 4, ")


def test_raised_and_unmeasured_ones_are_both_told() -> None:
    said = profile_of(numpy=raised("exp", 5.25), jax=replace(BASIS, measured=False))
    assert said == (
        RAISED.format("exp of numpy at 5.25 instead of 4") + " " + UNMEASURED.format("jax")
    )


def test_what_was_measured_beyond_the_wide_profile_is_told() -> None:
    said = profile_of(numpy=replace(BASIS, measured=True, beyond=(("exp", 9.5),)))
    assert said.endswith("Beyond the wide one, and not adopted: exp of numpy at 9.5.")
    assert "worse" not in said


def test_of_a_backend_that_ran_elsewhere_no_measuring_is_advised() -> None:
    assert "measured" not in profile_of(numpy=replace(BASIS, measured=None))


def test_every_arithmetic_is_named_once() -> None:
    pairs = replace(BASIS, arithmetic="double-double")
    named = [certificate(basis=b) for b in (BASIS, pairs, BASIS)]
    assert subjects(*named)["Reference"] == (
        "80-bit longdouble and double-double: exact values are computed in it, from what was "
        "recorded before each stage."
    )


def test_the_audit_is_counted_over_all_backends() -> None:
    one = Audit(near=3, failed=20, drawn=1_500, overturned=0, furthest=2.5e-4, bits=128)
    other = Audit(near=1, failed=0, drawn=700, overturned=0, furthest=1e-5, bits=512)
    said = subjects(certificate(audit=one), certificate(audit=other, name="torch"))["Audit"]
    assert said == (
        "in ball arithmetic of up to 512 bits: 4 values within 1 % of a bound, 20 more that "
        "failed, 2,200 more drawn from the seed; all decided alike. The reference was off by at "
        "most 2.5e-04 of a bound."
    )


def test_what_was_overturned_is_counted() -> None:
    said = subjects(certificate(audit=Audit(near=2, overturned=1_001, bits=128)))["Audit"]
    assert "; 1,001 decided otherwise" in said
    assert "alike" not in said


def test_the_sentence_on_what_was_overturned_has_an_end() -> None:
    said = subjects(certificate(audit=Audit(overturned=1, bits=128)))["Audit"]
    assert "and so." not in said


def test_the_premises_end_it() -> None:
    assert subjects(certificate())["Premises"] == PREMISES
    assert "targets and the optimizer's numbers are the problem's" in PREMISES
