"""How far off a finding is, in words; and the learning rate that a float32 run has."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding
from shared.errors import UsageError
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.report.certificate_text import print_certificates, print_verdict, what_is_wrong
from shared.report.layout import print_head
from tests.command_line import unwrapped

FOUND = Finding(
    step=7, epoch=1, samples=(6,), stage="forward", tensor="a1", element=(0, 1), name="a1[0,1]",
    value=0.5, exact=0.25, error=1.5, bound=1.0, ulps=3, verdict=Verdict.DIFFERENT,
)  # fmt: skip


def test_of_an_update_no_multiple_of_a_bound_is_told() -> None:
    found = replace(FOUND, stage="update", formula="w - ηg", bitwise=True)
    assert what_is_wrong(found) == (
        "It is 0.5; the exact value is 0.25, 3 ULPs away: no rounding of w - ηg gives it."
    )


def test_an_undecided_value_lies_within_the_whole_steps_bound() -> None:
    assert what_is_wrong(replace(FOUND, verdict=Verdict.UNDECIDED)) == (
        "It is 0.5; the exact value is 0.25, 3 ULPs away: 1.5 times what rounding can explain in "
        "this stage, though within the bound of the step as a whole."
    )


def test_an_overflow_is_not_said_to_be_what_is_exact() -> None:
    said = what_is_wrong(replace(FOUND, value=float("inf"), exact=float("inf"), ulps=0))
    assert said != "It is inf; the exact value is inf."


def head(dtype: str, rate: float = 0.05) -> str:
    page = io.StringIO()
    one = problem("people16").changed(learning_rate=rate)
    print_head(Console(file=page, width=88), one, "seed 1", dtype, [("numpy", "numpy", "2.0")])
    return unwrapped(page.getvalue())


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (0.05, ": 0.05 becomes 0.05000000074505806."),
        (1e-3, ": 0.001 becomes 0.0010000000474974513."),
        (0.5, "."),
    ],
)
def test_the_head_tells_the_rounded_rate_of_a_float32_run(rate: float, told: str) -> None:
    said = f"Data and learning rate are rounded to float32 once, for all{told}"
    assert head("float32", rate).endswith(said)


def test_of_other_optimizers_it_tells_where_their_numbers_are_rounded() -> None:
    page, one = io.StringIO(), problem("people16")
    one = replace(one, optimizer=Optimizer(0.5, "adam"))
    print_head(Console(file=page, width=88), one, "seed 1", "float32", [("numpy", "numpy", "2.0")])
    said = "once, for all. The optimizer's other numbers are, where they meet arrays."
    assert unwrapped(page.getvalue()).endswith(said)


def verdict(*findings: Finding) -> str:
    """Word the verdict on backends with one finding each."""
    page = io.StringIO()
    certificates = [
        BackendCertificate("numpy", 9, 9, 1, (), (one,), 1, one.verdict, 0, 0) for one in findings
    ]
    print_verdict(Console(file=page, width=88), certificates)
    return unwrapped(page.getvalue())


INFINITE = replace(FOUND, value=float("inf"))


def test_where_all_outgrew_their_floats_it_is_said_what_helps() -> None:
    said = verdict(INFINITE, INFINITE)
    assert "the training diverges. Most often a smaller learning rate helps" in said


@pytest.mark.parametrize("other", [FOUND, replace(INFINITE, note="It saw other samples.")])
def test_where_not_all_did_it_is_not(other: Finding) -> None:
    assert "diverges" not in verdict(INFINITE, other)


def test_a_certified_backend_beside_it_is_no_divergence() -> None:
    page = io.StringIO()
    fine = BackendCertificate("jax", 9, 9, 1, (), (), 0, Verdict.EXPLAINED, 0, 0)
    wrong = BackendCertificate("numpy", 9, 9, 1, (), (INFINITE,), 1, Verdict.DIFFERENT, 0, 0)
    print_verdict(Console(file=page, width=88), [fine, wrong])
    assert "diverges" not in page.getvalue()


@pytest.mark.parametrize(
    ("value", "exact", "told"),
    [
        (0.5, 0.25, "0.5 0.25"),
        (0.5, 0.5000000000000001, "0.5 0.5000000000000001"),
        (1 / 3, 1 / 3, "0.333333 0.333333"),
    ],
)
def test_the_table_of_findings_has_digits_that_tell_numbers_apart(
    value: float, exact: float, told: str
) -> None:
    page = io.StringIO()
    found = replace(FOUND, value=value, exact=exact)
    one = BackendCertificate("numpy", 9, 9, 1, (), (found,), 1, Verdict.DIFFERENT, 0, 0)
    print_certificates(Console(file=page, width=120), [one])
    assert told in " ".join(page.getvalue().split())


def test_of_a_float64_run_nothing_is_rounded() -> None:
    assert "rounded" not in head("float64")


@pytest.mark.parametrize(
    ("rate", "used"),
    [(0.05, 0.05000000074505806), (0.5, 0.5), (1e-45, 2.0**-149)],
)
def test_the_optimizer_of_a_float32_run_has_a_float32_rate(rate: float, used: float) -> None:
    one = problem("people16").changed(learning_rate=rate)
    assert one.optimizer_in("float32").learning_rate == used
    assert one.optimizer_in("float32").name == one.optimizer.name
    assert one.optimizer_in("float64") == one.optimizer


@pytest.mark.parametrize(
    ("rate", "told"), [(1e39, "rounds to inf in float32"), (1e-46, "rounds to 0.0 in float32")]
)
def test_a_rate_that_float32_does_not_hold_is_refused(rate: float, told: str) -> None:
    one = problem("people16").changed(learning_rate=rate)
    with pytest.raises(UsageError, match=told):
        one.optimizer_in("float32")
    assert one.optimizer_in("float64").learning_rate == rate
