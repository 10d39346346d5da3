"""Where a run first differs, in words."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding
from shared.certificate.placement import Placed, Placement
from shared.report.certificate_text import print_verdict
from shared.report.placement_text import SHOWN, about_the_step, alike

FOUND = Finding(
    step=1, epoch=1, samples=(), stage="start", tensor="W1", element=(0, 0), name="w1",
    value=1.0, exact=2.0, error=1.0, bound=0.0, ulps=3, verdict=Verdict.DIFFERENT,
    note="The same function, units renamed: ...",
)  # fmt: skip
START = (Placed("start", "W1", 4, 4, ("w1", "w2", "w3", "w4")),)
B1 = Placed("backward", "b1", 30, 30, ("b1[0]", "b1[1]", "b1[2]", "b1[3]"))


def certificate(
    *parts: Placed,
    verdict: Verdict = Verdict.DIFFERENT,
    step: int = 7,
    found: int = 99,
    renamed: tuple[tuple[int, ...], ...] = (),
    backend: str = "mine",
    judged: int = 9,
) -> BackendCertificate:
    placement = Placement(step, 1, (), parts, renamed) if parts else None
    return BackendCertificate(
        backend, 9, judged, 1, (), (FOUND,), found, verdict, 0, 0, placement=placement
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((B1, replace(B1, tensor="W1", judged=90)), "backward b1 (all 30), W1 (30 of 90: b1[0]"),
        ((Placed("update", "b1", 2, 30, ("b1[0]", "b1[7]")),), "update b1 (2 of 30: b1[0], b1[7])"),
        ((Placed("backward", "W1", 2, 4, ("w2", "w3")),), "backward w2, w3"),
        ((Placed("update", "m W1", 1, 4, ("m of w2",)), *START), "update m of w2; start w1, w2"),
        (
            (Placed("loss", "loss", 1, 1, ("loss",)), B1, replace(B1, stage="update")),
            "loss; backward b1 (all 30); update b1 (all 30)",
        ),
        ((Placed("samples", "samples", 1, 1, ()), B1), "samples; backward b1 (all 30)"),
        (
            (Placed("backward", "b2", 1, 1, ("b2[0]",)), replace(B1, tensor="δ2")),
            "backward b2, δ2 (all 30)",
        ),
    ],
)  # fmt: skip
def test_every_tensor_of_the_step_is_told_by_stage(parts: tuple[Placed, ...], said: str) -> None:
    (sentence,) = about_the_step(certificate(*parts))
    assert sentence.startswith(f"All that differs in that step: {said}")


def test_of_many_elements_the_first_are_named() -> None:
    (sentence,) = about_the_step(certificate(replace(B1, judged=90)))
    assert "b1 (30 of 90: b1[0], b1[1], b1[2], b1[3], ...)." in sentence


@pytest.mark.parametrize("more", [0, 1, 2])
def test_of_many_tensors_the_first_are_told_and_the_others_counted(more: int) -> None:
    parts = [replace(B1, tensor=f"b{i}") for i in range(1, SHOWN + more + 1)]
    (sentence,) = about_the_step(certificate(*parts))
    assert f"b{SHOWN} (all 30)" in sentence
    assert f"b{SHOWN + 1}" not in sentence
    ends = {0: "(all 30).", 1: "; and 1 more tensor.", 2: "; and 2 more tensors."}
    assert sentence.endswith(ends[more])


def test_one_element_alone_was_told_before() -> None:
    assert not list(about_the_step(certificate(replace(B1, failed=1, elements=("b1[3]",)))))


def test_a_certificate_without_a_placement_says_nothing() -> None:
    assert not list(about_the_step(certificate()))


def test_undecided_values_do_not_differ() -> None:
    (sentence,) = about_the_step(certificate(B1, verdict=Verdict.UNDECIDED))
    assert sentence.startswith("All that is undecided in that step: backward b1")


def test_the_mark_before_training_is_in_no_step() -> None:
    curve = replace(B1, stage="curve forward", tensor="a1")
    (sentence,) = about_the_step(certificate(curve, step=0))
    assert sentence.startswith("All that differs before training: curve forward a1")


@pytest.mark.parametrize(
    ("judged", "each"), [(9, "each step is"), (5, "each step that was judged is")]
)
def test_of_a_renamed_start_it_is_said_that_nothing_else_differs(judged: int, each: str) -> None:
    one = certificate(*START, renamed=((1, 0),), found=4, judged=judged)
    *_, sentence = about_the_step(one)
    assert sentence == f"Nothing else differs: from that start on {each} what the formulas give."


@pytest.mark.parametrize(
    "one",
    [
        certificate(*START, renamed=((1, 0),), found=5),
        certificate(*START, found=4),
        certificate(
            *START, Placed("start", "m W1", 1, 4, ("m of w1",)), renamed=((1, 0),), found=5
        ),
    ],
    ids=["something later", "not renamed", "a slot that does not start at zero"],
)
def test_otherwise_it_is_not(one: BackendCertificate) -> None:
    assert "Nothing else" not in " ".join(about_the_step(one))


def test_backends_with_the_same_fault_are_named_together() -> None:
    one = certificate(B1, backend="numpy")
    others = [replace(one, backend=name) for name in ("torch", "jax")]
    assert list(alike([one, *others])) == [
        "numpy, torch and jax differ alike: first in the same step, stage and tensors."
    ]
    counted_otherwise = replace(B1, failed=2, elements=("b1[1]", "b1[2]"))
    assert list(alike([one, certificate(counted_otherwise, backend="mine")])) == [
        "numpy and mine differ alike: first in the same step, stage and tensors."
    ]


@pytest.mark.parametrize(
    "other",
    [
        certificate(B1, step=8),
        certificate(replace(B1, stage="update")),
        certificate(B1, replace(B1, tensor="W1")),
        certificate(B1, verdict=Verdict.UNDECIDED),
        certificate(),
    ],
    ids=["step", "stage", "tensors", "verdict", "nowhere"],
)
def test_backends_that_differ_elsewhere_are_not(other: BackendCertificate) -> None:
    assert not list(alike([certificate(B1, backend="numpy"), other]))


def test_undecided_backends_are_named_together_as_such() -> None:
    doubts = [certificate(B1, verdict=Verdict.UNDECIDED, backend=name) for name in ("numpy", "jax")]
    (sentence,) = alike(doubts)
    assert sentence.startswith("numpy and jax are undecided alike")


def test_the_verdict_says_all_of_it() -> None:
    page = io.StringIO()
    renamed = certificate(*START, renamed=((1, 0),), found=4)
    print_verdict(Console(file=page, width=88), [renamed, replace(renamed, backend="other")])
    told = " ".join(page.getvalue().split())
    assert "the seed gives 2.0. The same function, units renamed: ... 4 findings in all." in told
    assert "All that differs in that step: start w1, w2, w3, w4. Nothing else differs" in told
    assert "mine and other differ alike" in told
