"""Other ways to compute the same function: what a right program may do that rounds differently.

Each form has a bound of its own, as sharp as the declared one's, from the same cut-points. A form
is how a program is written, so it has to explain all of a tensor in a step, or all gradients of
a step; and where it explains none of the first steps that failed, it is not tried on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged
from shared.certificate.pieces import different_rows, exchanged, failed_rows
from shared.certificate.profile import TIGHT_NAME, Profile, wide
from shared.network import Network

FROM_OUTPUT, AS_DIFFERENCE, FROM_LOGIT = "from a", "a - a²", "from z"
"""How f'(z) may be computed: as a(1 - a), or 1 - a², from the recorded a; as a - a², a² rounded
first; or from z, as e^-z / (1 + e^-z)² or 1 / cosh² z are."""

PROBED = 20
"""A form, and the bound from end to end, are tried on so many failed steps of a block first."""

Again: TypeAlias = Callable[[Array], Sequence[Judged]]
"""Judges some steps of a block once more; the rows of what it returns count these steps."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the hidden layers' and the output's f'(z) are computed, and with which functions."""

    profile: Profile
    hidden: str = FROM_OUTPUT
    output: str = FROM_OUTPUT

    def name(self, network: Network) -> str:
        """Say in words what differs from the declared form."""
        layers = {
            "the hidden layers": _slope_name(self.hidden, network.activation),
            "the output layer": _slope_name(self.output, network.output),
        }
        different = {where: name for where, name in layers.items() if name}
        said = [f"{name} in {where}" for where, name in different.items()]
        if len(said) == 2 and len(set(different.values())) == 1:
            said = [f"{next(iter(different.values()))} in all layers"]
        if self.profile.name != TIGHT_NAME:
            said.append(profile_name(self.profile))
        return "; ".join(said)


def other_profiles(dtype: str, function: str) -> tuple[Profile, ...]:
    """Return, least generous first, the other profiles that a function may be held to."""
    if function in ("relu", "identity"):
        return ()
    by_tanh = (widest(dtype),) if function == "sigmoid" else ()
    return (wide(dtype), *by_tanh)


def widest(dtype: str) -> Profile:
    """Return the wide profile that allows σ(z) by way of tanh as well."""
    return replace(wide(dtype), name="by tanh", sigmoid_by_tanh=8.0)


def profile_name(profile: Profile) -> str:
    """Say in words what a profile allows."""
    if profile.sigmoid_by_tanh is not None:
        return "σ(z) as (1 + tanh(z/2)) / 2"
    return f"functions within the {profile.name} profile"


def other_forms(network: Network, declared: Profile, dtype: str) -> tuple[Form, ...]:
    """Return the forms of the backward pass besides the declared one, those nearest to it first."""
    hidden = _slopes(network.activation) if len(network.sizes) > 2 else (FROM_OUTPUT,)
    output = (FROM_OUTPUT,) if network.from_logits else _slopes(network.output)
    profiles = [declared]
    if network.from_logits:
        profiles += other_profiles(dtype, network.output)
    forms = [Form(p, h, o) for p, h, o in product(profiles, hidden, output)]
    return tuple(sorted(forms[1:], key=_changes))


def profile_called(name: str, declared: Profile, dtype: str) -> Profile:
    """Return the profile that a forward form's name stands for; none names the declared one."""
    others = {profile_name(profile): profile for profile in (wide(dtype), widest(dtype))}
    return others.get(name, declared)


def form_called(name: str, network: Network, declared: Profile, dtype: str) -> Form:
    """Return the form of the backward pass that a name stands for; none names the declared one."""
    others = {form.name(network): form for form in other_forms(network, declared, dtype)}
    return others.get(name, Form(declared))


def with_other_forms(
    pieces: Sequence[Judged], count: int, attempts: Iterable[tuple[str, Again]]
) -> list[Judged]:
    """Judge the failed steps again under each form in turn; take what a form explains whole.

    Where no form does, but in one of them something lies so close to its bound that the reference
    cannot tell, the step stays undecided in that form: an audit tells.
    """
    found = list(pieces)
    left = np.flatnonzero(failed_rows(found, count))
    close: list[tuple[Sequence[Judged], Array, Array]] = []
    for name, judge in attempts:
        if not len(left):
            break
        if len(left) > PROBED and different_rows(judge(left[:PROBED]), PROBED).all():
            continue
        again = [replace(piece, form=name) for piece in judge(left)]
        explained = ~failed_rows(again, len(left))
        close.append((again, left, ~different_rows(again, len(left))))
        if explained.any():
            found = exchanged(found, again, left, explained, count)
            left = left[~explained]
    for told, rows, undecided in close:
        taken = undecided & np.isin(rows, left)
        if taken.any():
            found = exchanged(found, told, rows, taken, count)
            left = np.setdiff1d(left, rows[taken])
    return found


def _slopes(function: str) -> tuple[str, ...]:
    if function == "sigmoid":
        return (FROM_OUTPUT, AS_DIFFERENCE, FROM_LOGIT)
    return (FROM_OUTPUT, FROM_LOGIT) if function == "tanh" else (FROM_OUTPUT,)


def _changes(form: Form) -> tuple[int, bool, int, bool]:
    """Rank by what differs from the declared form: how much, layers unlike, wide bounds, where."""
    changed = [slope for slope in (form.hidden, form.output) if slope != FROM_OUTPUT]
    return (
        len(changed) + (form.profile.name != TIGHT_NAME),
        len(set(changed)) > 1,
        changed.count(FROM_LOGIT),
        form.hidden == FROM_OUTPUT,
    )


def _slope_name(slope: str, function: str) -> str:
    """Name a way to compute f'(z), unless it is the declared one."""
    if slope == FROM_OUTPUT:
        return ""
    name = "σ'(z)" if function == "sigmoid" else "tanh'(z)"
    return f"{name} as a - a²" if slope == AS_DIFFERENCE else f"{name} from z"
