"""The certificate in words: the verdict, the first finding's place and numbers, exit codes."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from compare import verdict_code
from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, SHAPE, START, BackendCertificate, Finding
from shared.comparison import compare
from shared.named_problems import problem
from shared.registry import Loaded, Source, find, load
from shared.report.certificate_text import place, print_certificates, print_verdict, what_is_wrong
from shared.report.words import parting

NUMPY = load(find("numpy"))
FOUND = Finding(
    step=777, epoch=49, samples=(8,), stage="backward", tensor="W1", element=(0, 1), name="w2",
    value=1.0, exact=2.0, error=1.0, bound=0.25, ulps=3, verdict=Verdict.DIFFERENT,
)  # fmt: skip


@pytest.fixture(scope="module")
def honest() -> BackendCertificate:
    (certificate,) = compare(problem("people16").changed(epochs=3), 42, [NUMPY]).certificates
    return certificate


def failed(honest: BackendCertificate, finding: Finding) -> BackendCertificate:
    return replace(honest, findings=(finding,), found=5, verdict=finding.verdict)


def verdict_on(*certificates: BackendCertificate) -> str:
    page = io.StringIO()
    print_verdict(Console(file=page, width=200), certificates)
    return page.getvalue()


def test_certified_runs_are_counted(honest: BackendCertificate) -> None:
    told = verdict_on(honest, replace(honest, backend="other"))
    assert "Certified: all 96 steps of numpy and other" in told
    assert "less than one part in 10^15" in told


def test_values_that_tested_nothing_are_told_with_the_verdict(honest: BackendCertificate) -> None:
    first = honest.stages[0]
    counts = (*first.counts[: Verdict.VACUOUS], 1234, 0, 0)
    told = verdict_on(replace(honest, stages=(replace(first, counts=counts), *honest.stages[1:])))
    assert "Of 1,234 values too small for their bounds nothing is known." in " ".join(told.split())
    assert "nothing is known" not in verdict_on(honest)


def test_the_first_finding_stands_instead(honest: BackendCertificate) -> None:
    told = verdict_on(failed(honest, FOUND), replace(honest, backend="other"))
    assert "DIFFERENT: numpy, step 777 (epoch 49, sample 9), backward, w2." in told
    assert "4 times what rounding can explain. 5 findings in all." in told
    assert "Certified: other." in told


def test_undecided_is_no_proof(honest: BackendCertificate) -> None:
    finding = replace(FOUND, verdict=Verdict.UNDECIDED)
    assert "UNDECIDED: numpy" in verdict_on(failed(honest, finding))


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (FOUND, "It is 1.0; the exact value is 2.0, 3 ULPs away: 4 times"),
        (replace(FOUND, stage=START), "the seed gives 2.0"),
        (replace(FOUND, stage=CARRIED), "the step before left 2.0"),
        (replace(FOUND, value=float("nan")), "It is nan; the exact value is 2.0."),
        (replace(FOUND, stage=SHAPE, note="lost a tensor"), "lost a tensor"),
        (replace(FOUND, bound=0.0), "inf times"),
    ],
)
def test_what_is_wrong_is_said(finding: Finding, said: str) -> None:
    assert said in what_is_wrong(finding)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ((), "step 777 (epoch 49), backward, w2"),
        ((0, 4), "step 777 (epoch 49, samples 1, 5), backward, w2"),
        (tuple(range(12)), "samples 1, 2, 3, 4, 5, 6, 7, 8, ...)"),
    ],
)
def test_the_place_is_said(samples: tuple[int, ...], said: str) -> None:
    assert said in place(replace(FOUND, samples=samples))


def test_the_table_and_the_findings_are_shown(honest: BackendCertificate) -> None:
    page = io.StringIO()
    print_certificates(Console(file=page, width=120), [failed(honest, FOUND)])
    told = page.getvalue()
    assert "backward W1" in told
    assert "IEEE-754" in told
    assert "step 777, backward w2" in told


def told_of(one: BackendCertificate) -> str:
    page = io.StringIO()
    print_certificates(Console(file=page, width=120), [one])
    return " ".join(page.getvalue().split())


def test_close_calls_are_told(honest: BackendCertificate) -> None:
    told = told_of(replace(honest, close_calls=3))
    assert "numpy: 3 answers at the marks are so close that rounding could turn them." in told
    assert "so close" not in told_of(honest)


def test_kinks_are_told(honest: BackendCertificate) -> None:
    assert "numpy: a relu received exactly 0 1,234 times" in told_of(replace(honest, kinks=1234))
    assert "relu" not in told_of(honest)


def test_settled_values_are_told_and_counted(honest: BackendCertificate) -> None:
    stages = tuple(replace(stage, settled=1000) for stage in honest.stages[:2])
    screened = replace(honest, stages=stages + honest.stages[2:])
    assert screened.values == honest.values + 2000
    assert "2,000 more, of wide layers" in told_of(screened)
    assert "of wide layers" not in told_of(honest)


def test_a_sample_of_the_steps_is_told_as_one_in_so_many(honest: BackendCertificate) -> None:
    sampled = replace(honest, judged_steps=9, one_in=7)
    told = " ".join(verdict_on(sampled, replace(sampled, backend="other")).split())
    assert "Certified: 18 of 96 steps (1 in 7, drawn from the seed" in told
    assert "that each step starts where the last one ended was checked for all" in told
    assert "1 in" not in verdict_on(honest)


def test_the_resolution_is_that_of_each_stage(honest: BackendCertificate) -> None:
    """It leaves out what the recorded numbers that a stage starts from may be off."""
    assert ", stage by stage." in " ".join(verdict_on(honest).split())


def test_values_that_needed_another_form_are_told_with_the_verdict(
    honest: BackendCertificate,
) -> None:
    first = replace(honest.stages[0], forms={"a form": 3, "another": 4})
    told = verdict_on(replace(honest, stages=(first, *honest.stages[1:])))
    assert "7 values needed another form, named below." in " ".join(told.split())
    assert "another form" not in verdict_on(honest)


def test_the_headline_is_the_first_finding_of_the_worst_verdict(
    honest: BackendCertificate,
) -> None:
    doubt = replace(FOUND, step=3, verdict=Verdict.UNDECIDED, name="b1")
    wrong = replace(honest, findings=(doubt, FOUND), found=2, verdict=Verdict.DIFFERENT)
    told = " ".join(verdict_on(wrong).split())
    assert told.startswith("DIFFERENT: numpy, step 777")
    assert "2 findings in all. Others before it are undecided." in told
    assert "Others before" not in verdict_on(failed(honest, FOUND))


def test_of_a_sample_it_is_not_said_that_every_step_is_right(honest: BackendCertificate) -> None:
    assert "Every step is" in verdict_on(honest)
    assert "Every step is" not in verdict_on(replace(honest, judged_steps=9, one_in=7))


@pytest.mark.parametrize(
    ("worst", "median", "said"),
    [
        (2e-15, 1e-15, "any fault present changes a gradient by less than one part in 10^14"),
        (None, 1e-15, "changes half of the gradients by less than one part in 10^15"),
        (0.5, 1e-12, "changes half of the gradients by less than one part in 10^12"),
    ],
    ids=["all known", "some looked at", "one that cancels"],
)
def test_how_small_a_fault_would_be_seen(
    honest: BackendCertificate, worst: float | None, median: float, said: str
) -> None:
    stages = tuple(
        replace(stage, resolution=median, worst_resolution=worst)
        for stage in honest.stages
        if stage.stage == "backward"
    )
    assert said in " ".join(verdict_on(replace(honest, stages=stages)).split())


def test_a_run_without_a_step_is_not_judged(honest: BackendCertificate) -> None:
    nothing = replace(honest, steps=0, judged_steps=0, verdict=Verdict.UNDECIDED)
    told = verdict_on(nothing)
    assert "Not judged: numpy recorded no step." in told
    assert "ertified" not in told


def test_a_note_ends_what_is_said_of_a_number() -> None:
    noted = replace(FOUND, note="It is a convention.")
    assert what_is_wrong(noted).endswith("what rounding can explain. It is a convention.")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([Verdict.UNDECIDED], 3),
        ([Verdict.DIFFERENT], 1),
        ([Verdict.UNDECIDED, Verdict.DIFFERENT], 1),
    ],
)
def test_exit_codes(honest: BackendCertificate, verdicts: list[Verdict], code: int) -> None:
    found = [failed(honest, replace(FOUND, verdict=verdict)) for verdict in verdicts]
    assert verdict_code([honest, *found]) == code


def test_parted_runs_are_explained_by_their_certificates() -> None:
    jax = Loaded(Source("other", "other"), NUMPY.kind, NUMPY.version)
    told = compare(problem("people16").changed(epochs=3), 42, [NUMPY, jax])
    parted = replace(told, gaps=(replace(told.gaps[0], parted_epoch=1),))
    assert "nobody is wrong" in parting(parted)
    assert "Every step" in parting(parted)
    sampled = tuple(replace(one, one_in=32) for one in parted.certificates)
    assert "Every judged step" in parting(replace(parted, certificates=sampled))
    wrong = (failed(told.certificates[0], FOUND), told.certificates[1])
    assert "not certified" in parting(replace(parted, certificates=wrong))
    assert "not certified" in parting(replace(parted, certificates=()))
