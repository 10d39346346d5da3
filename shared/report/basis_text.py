"""What a certificate rests on, in words: verdicts counted, forms, profile, audit, premises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from shared.certificate.decision import Verdict
from shared.certificate.findings import Audit, BackendCertificate, Basis
from shared.certificate.profile import Profile
from shared.certificate.screening import IN_FULL_ONE_IN
from shared.report import words

PREMISES = (
    "IEEE-754 rounding to nearest; any order of summation, any association of products, "
    "fused multiply-adds and flushed subnormals allowed; sigmoid, tanh, exponential and logarithm "
    "within the errors above; data, order, targets and the optimizer's numbers are the problem's, "
    "and it starts from the gradient as that was recorded."
)

_VERDICTS = {
    Verdict.BIT_EQUAL: "equal bits",
    Verdict.EXPLAINED: "explained",
    Verdict.VACUOUS: "vacuous",
    Verdict.UNDECIDED: "undecided",
    Verdict.DIFFERENT: "different",
}


def print_basis(console: Console, certificates: Sequence[BackendCertificate]) -> None:
    """Print a table of what the certificate rests on: a subject and its sentences."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), style="dim")
    for subject, said in _subjects(certificates):
        table.add_row(subject, said)
    console.print(table)


def _subjects(certificates: Sequence[BackendCertificate]) -> Iterator[tuple[str, str]]:
    yield "Verdicts", _verdicts(certificates)
    yield "Forms", _forms(certificates)
    bases = [(one.backend, one.basis) for one in certificates if one.basis]
    if bases:
        yield "Profile", _profile(bases)
        yield "Reference", _reference([basis for _, basis in bases])
        yield "Audit", _audit([one.audit for one in certificates])
    yield "Premises", PREMISES


def _verdicts(certificates: Sequence[BackendCertificate]) -> str:
    counts = [
        sum(stage.counts[verdict] for one in certificates for stage in one.stages)
        for verdict in Verdict
    ]
    told = ", ".join(
        f"{count:,} {name}" for count, name in zip(counts, _VERDICTS.values(), strict=True)
    )
    said = f"{told}."
    settled = sum(stage.settled for one in certificates for stage in one.stages)
    if settled:
        said += (
            f" {settled:,} more, of wide layers and their gradients, are in none of the figures: "
            "an estimate in float64, its own error included, was enough to know that they are "
            f"within their bounds. What it did not settle, and one step in {IN_FULL_ONE_IN} in "
            "full, was computed exactly."
        )
    if counts[Verdict.VACUOUS]:
        said += (
            " A value is vacuous where its bound is as large as itself: it may have underflowed, "
            "or its terms cancel, and nothing was tested."
        )
    return said


def _forms(certificates: Sequence[BackendCertificate]) -> str:
    """Say by which forms values were explained; of the declared one only that it was enough."""
    said = []
    for one in certificates:
        counts: Counter[str] = Counter()
        for stage in one.stages:
            counts.update(stage.forms)
        said += [
            f"{one.backend}: {count:,} values are explained as computed by {form}."
            for form, count in counts.items()
        ]
    return " ".join(said) or "the declared ones; nothing needed another."


def _profile(bases: Sequence[tuple[str, Basis]]) -> str:
    first = bases[0][1]
    said = [
        f"{first.profile.name}, in u = 2^-{first.rounding_bits}: {_errors(_declared(bases))}.",
        f"What exceeds it is held to the {first.wide.name} one, and named: {_errors(first.wide)}.",
    ]
    raised = [
        f"{function} of {name} at {units:.3g} instead of {was:.3g}"
        for name, basis in bases
        for function, was, units in basis.profile.raised
    ]
    beyond = [
        f"{function} of {name} at {units:.3g}"
        for name, basis in bases
        for function, units in basis.beyond
    ]
    unmeasured = [name for name, basis in bases if basis.measured is False]
    if raised:
        said.append(f"Raised to what was measured on this machine: {', '.join(raised)}.")
    if beyond:
        said.append(f"Beyond the wide one, and not adopted: {', '.join(beyond)}.")
    elif not raised and all(basis.measured for _, basis in bases):
        said.append("On this machine nothing was measured to be worse.")
    if unmeasured:
        said.append(
            f"Not measured on this machine for {words.joined(unmeasured)}; "
            "`compare.py calibrate` does."
        )
    return " ".join(said)


def _declared(bases: Sequence[tuple[str, Basis]]) -> Profile:
    """Return a profile in which nothing was raised, or else the first."""
    profiles = [basis.profile for _, basis in bases]
    return next((profile for profile in profiles if not profile.raised), profiles[0])


def _errors(profile: Profile) -> str:
    return (
        f"exponential {profile.c1:.3g}, logarithm {profile.log:.3g}, tanh {profile.tanh:.3g}, "
        f"sigmoid σ ({profile.c0:g} + {profile.c1:.3g} (1 - σ))"
    )


def _reference(bases: Sequence[Basis]) -> str:
    names = words.joined(list(dict.fromkeys(basis.arithmetic for basis in bases)))
    return f"{names}: exact values are computed in it, from what was recorded before each stage."


def _audit(audits: Sequence[Audit]) -> str:
    near, failed, drawn, overturned = (
        sum(getattr(audit, name) for audit in audits)
        for name in ("near", "failed", "drawn", "overturned")
    )
    changed = (
        "all decided alike"
        if not overturned
        else (f"{overturned:,} decided otherwise, which stands")
    )
    return (
        f"in ball arithmetic of up to {max(audit.bits for audit in audits)} bits: {near:,} values "
        f"within 1 % of a bound, {failed:,} more that failed, {drawn:,} more drawn from the seed; "
        f"{changed}. The reference was off by at most "
        f"{max(audit.furthest for audit in audits):.1e} of a bound."
    )
