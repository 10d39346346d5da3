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
from shared.problems import problem
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
    assert "less than one part in 10^14" in told


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
    assert "Premises: IEEE-754" in told
    assert "step 777, backward w2" in told


def test_close_calls_are_told(honest: BackendCertificate) -> None:
    page = io.StringIO()
    print_certificates(Console(file=page, width=120), [replace(honest, close_calls=3)])
    assert "numpy: 3 outputs lie within their bound of 1/2." in page.getvalue()


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
    wrong = (failed(told.certificates[0], FOUND), told.certificates[1])
    assert "not certified" in parting(replace(parted, certificates=wrong))
    assert "nobody can tell" in parting(replace(parted, certificates=()))


def test_float32_is_not_judged_and_says_so() -> None:
    told = compare(problem("people16").changed(epochs=3), 42, [NUMPY], dtype="float32")
    assert told.certificates == ()
    assert not told.certified
    assert "float32" in (told.not_judged or "")
