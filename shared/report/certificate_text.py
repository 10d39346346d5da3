"""The certificate in words: the verdict first, then the table behind it, then the findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, START, BackendCertificate, Finding, StageSummary
from shared.certificate.stages import BACKWARD, UPDATE
from shared.judging import JudgedFile
from shared.report import words
from shared.report.basis_text import print_basis
from shared.report.layout import heading, say, table_of, trained
from shared.report.placement_text import about_the_step, alike

MEANINGFUL = 1e-3
"""A largest resolution above it comes from sums that cancel, and says nothing of the others."""


def print_verdict(console: Console, certificates: Sequence[BackendCertificate]) -> None:
    """Print the overall verdict, or the first finding of each backend that has one."""
    failed = [one for one in certificates if not one.certified]
    if not failed:
        console.print(Text(_certified(certificates), style="bold green"))
        return
    for one in failed:
        if not one.found:
            say(console, f"Not judged: {one.backend} recorded no step.", style="yellow")
            continue
        first = next((f for f in one.findings if f.verdict == one.verdict), one.findings[0])
        console.print(Text(f"{one.verdict.name}: {one.backend}, {place(first)}.", "bold red"))
        earlier = f" Others before it are {first_of(one)}." if first != one.findings[0] else ""
        say(console, f"{what_is_wrong(first)} {_counted(one.found)} in all.{earlier}")
        for sentence in about_the_step(one):
            say(console, sentence)
    for sentence in alike(failed):
        say(console, sentence)
    fine = [one.backend for one in certificates if one.certified]
    if fine:
        say(console, f"Certified: {words.joined(fine)}.")
    if not fine and all(one.findings and _has_overflown(one.findings[0]) for one in failed):
        say(console, "All of them outgrew their floats: the training diverges. Most often a "
            "smaller learning rate helps, or inputs that are scaled.")  # fmt: skip


def _has_overflown(finding: Finding) -> bool:
    return not math.isfinite(finding.value) and not finding.note


def print_certificates(console: Console, certificates: Sequence[BackendCertificate]) -> None:
    """Print what stands behind the verdict: per stage and tensor, over all backends."""
    heading(console, "Certificate: every step judged from its own state")
    table = table_of(
        "", "equal bits", "explained", "vacuous", "failed", "worst", "median", "resolution"
    )
    rows: dict[str, list[StageSummary]] = {}
    for stage in (stage for one in certificates for stage in one.stages):
        rows.setdefault(_stage_name(stage), []).append(stage)
    for name, stages in rows.items():
        table.add_row(name, *_cells(stages))
    console.print(table)
    say(
        console,
        "Counts over all backends; worst and median of error over bound (a worst of 0.5: twice as "
        "wide as needed), and the median of (bound + error) / |value|, of the backend where they "
        "are largest: a fault moves a value by less than the resolution. "
        + _bit_by_bit(certificates),
        style="dim",
    )
    print_basis(console, certificates)
    for one in certificates:
        for remark in _remarks(one):
            say(console, f"{one.backend}: {remark}")
    for one in certificates:
        if one.findings:
            _print_findings(console, one)


def _bit_by_bit(certificates: Sequence[BackendCertificate]) -> str:
    updates = [s for one in certificates for s in one.stages if s.stage == UPDATE]
    if all(stage.resolution is None for stage in updates):
        return "The update is decided bit by bit."
    return "What stands in an update without a resolution is decided bit by bit."


def print_judged(console: Console, judged: JudgedFile) -> None:
    """Print the verdict on a saved recording."""
    header = judged.header
    versions = ", ".join(f"{name} {version}" for name, version in header["versions"].items())
    console.print(Text(str(judged.path), style="bold"))
    say(
        console,
        f"{header['backend']} on {judged.problem.name}, seed {header['seed']}, {header['dtype']}; "
        f"{versions}; recorded on {header['host']['processor']}, {header['host']['system']}",
    )
    say(console, trained(judged.problem))
    if "fault" in header:
        say(console, f"With a fault brought in on purpose: {header['fault']}.", style="yellow")
    for remark in judged.calibration_remarks:
        say(console, remark, style="yellow")
    print_verdict(console, [judged.certificate])
    if judged.certificate.steps < judged.problem.step_count:
        say(
            console,
            f"The file holds {judged.certificate.steps:,} of the {judged.problem.step_count:,} "
            "steps that its problem makes.",
        )
    print_certificates(console, [judged.certificate])
    console.print()


def place(finding: Finding) -> str:
    """Say where a finding was made."""
    samples = ""
    if finding.samples:
        word = "sample" if len(finding.samples) == 1 else "samples"
        samples = f", {word} {', '.join(str(s + 1) for s in finding.samples[:8])}"
        samples += ", ..." if len(finding.samples) > 8 else ""
    where = f"step {finding.step:,} (epoch {finding.epoch:,}{samples})"
    if finding.step == 0:
        where = "before training"
    return ", ".join(part for part in (where, finding.stage, finding.name) if part)


def first_of(one: BackendCertificate) -> str:
    """Name the verdict on the first finding."""
    return one.findings[0].verdict.name.lower()


def _counted(found: int) -> str:
    return f"{found:,} finding{'s' if found != 1 else ''}"


def what_is_wrong(finding: Finding) -> str:
    """Say what was recorded, what is right, and how far apart they are."""
    if finding.note and math.isnan(finding.value):
        return finding.note
    recorded = f"It is {finding.value!r}; "
    if finding.stage == START:
        return f"{recorded}the seed gives {finding.exact!r}. {finding.note}".rstrip()
    if finding.stage == CARRIED:
        return f"{recorded}the step before left {finding.exact!r}."
    if not math.isfinite(finding.value):
        if finding.value == finding.exact:
            return f"{recorded}no float holds the exact value, and what follows from it is lost."
        return f"{recorded}the exact value is {finding.exact!r}."
    away = f"the exact value is {finding.exact!r}, {words.ulps(finding.ulps)} ULPs away"
    if finding.bitwise:
        said = f"{recorded}{away}: no rounding of {finding.formula} gives it. {finding.note}"
        return said.rstrip()
    times = finding.error / finding.bound if finding.bound else math.inf
    explained = "what rounding can explain"
    if finding.stage == UPDATE:
        explained = f"what rounding of {finding.formula} can explain"
    if finding.verdict == Verdict.UNDECIDED:
        explained += " in this stage, though within the bound of the step as a whole"
    return f"{recorded}{away}: {times:.3g} times {explained}. {finding.note}".rstrip()


def _remarks(one: BackendCertificate) -> Iterator[str]:
    if one.kinks:
        yield (
            f"a relu received exactly 0 {one.kinks:,} times; it has no slope there, and 0 is "
            "taken for it, a convention."
        )
    if one.close_calls:
        yield (
            f"{one.close_calls:,} answers at the marks are so close that rounding could turn them."
        )


def _certified(certificates: Sequence[BackendCertificate]) -> str:
    values = sum(one.values for one in certificates)
    names = words.joined([one.backend for one in certificates])
    sampled = any(one.judged_steps < one.steps for one in certificates)
    everything = "What was judged" if sampled else "Every step"
    stages = [s for one in certificates for s in one.stages if s.stage == BACKWARD]
    vacuous = sum(s.counts[Verdict.VACUOUS] for one in certificates for s in one.stages)
    untested = (
        f" Of {vacuous:,} values too small for their bounds nothing is known." if vacuous else ""
    )
    forms = sum(sum(s.forms.values()) for one in certificates for s in one.stages)
    named = f" {forms:,} values needed another form, named below." if forms else ""
    return (
        f"Certified: {_steps(certificates)} of {names}, {values:,} values. {everything} is what "
        f"the formulas give, up to rounding; {_resolution(stages)}.{untested}{named}"
    )


def _steps(certificates: Sequence[BackendCertificate]) -> str:
    """Say how many steps were judged, and how they were chosen if they are not all."""
    steps, judged = (
        sum(one.steps for one in certificates), sum(one.judged_steps for one in certificates),
    )  # fmt: skip
    if steps == judged:
        return f"all {steps:,} steps"
    return (
        f"{judged:,} of {steps:,} steps (1 in {certificates[0].one_in:,}, drawn from the seed, the "
        "first and the last among them; that each step starts where the last one ended was checked "
        "for all)"
    )


def _resolution(stages: Sequence[StageSummary]) -> str:
    """Word how small a fault of a gradient would be seen.

    Each stage starts from what was recorded before it, and leaves out what that itself may be off.
    """
    worst = [stage.worst_resolution for stage in stages]
    known = [value for value in worst if value is not None]
    if len(known) == len(worst) and max(known, default=1.0) < MEANINGFUL:
        fault, parts = "any fault present changes a gradient", _parts(max(known))
    else:
        fault = "a fault present changes half of the gradients"
        parts = _parts(max((stage.resolution or 0.0 for stage in stages), default=0.0))
    return f"{fault} by less than one part in {parts}, stage by stage"


def _parts(resolution: float) -> str:
    """Word a resolution as a power of ten."""
    return "any number" if resolution <= 0 else f"10^{max(0, math.floor(-math.log10(resolution)))}"


def _stage_name(stage: StageSummary) -> str:
    return stage.stage if stage.tensor in stage.stage else f"{stage.stage} {stage.tensor}"


def _cells(stages: Sequence[StageSummary]) -> list[str]:
    equal, explained, vacuous, undecided, different = (
        sum(column) for column in zip(*(stage.counts for stage in stages), strict=True)
    )
    resolutions = [stage.resolution for stage in stages if stage.resolution is not None]
    worst = max(stage.worst for stage in stages)
    return [
        *(f"{count:,}" for count in (equal, explained, vacuous, undecided + different)),
        f"{worst:.3g}" if resolutions or worst else "-",
        f"{max(stage.median for stage in stages):.2g}" if resolutions else "-",
        f"{max(resolutions):.1e}" if resolutions else "-",
    ]


def _print_findings(console: Console, one: BackendCertificate) -> None:
    heading(console, f"{one.backend}: the first of {_counted(one.found)}")
    table = table_of("where", "", "recorded", "exact", "ULPs", "error / bound", left=(0, 1))
    for finding in one.findings:
        times = f"{finding.error / finding.bound:.3g}" if finding.bound else "-"
        when = f"step {finding.step:,}" if finding.step else "before training"
        table.add_row(
            f"{when}, {finding.stage} {finding.name}", finding.verdict.name.lower(),
            *_told_apart(finding.value, finding.exact), words.ulps(finding.ulps), times,
        )  # fmt: skip
    console.print(table)


def _told_apart(value: float, exact: float) -> tuple[str, str]:
    """Word two numbers with six digits, or with as many as it takes to tell them apart."""
    short = f"{value:.6g}", f"{exact:.6g}"
    return short if short[0] != short[1] or value == exact else (repr(value), repr(exact))
