"""What a run makes of a calibration: the larger of declared and measured, if that is still right.

A function that is worse than the wide profile allows is no rounding any more: it is reported and
never adopted, so that what it computes is called different.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shared.backend import ELEMENTARY
from shared.calibration.store import Figure, default_path, found
from shared.certificate.profile import HostProfile, tight, wide


def declared(dtype: str, function: str) -> tuple[float, float]:
    """Return the errors that the tight and the wide profile declare of a function, in u."""
    return tight(dtype).declared(function), wide(dtype).declared(function)


def adopted(
    dtype: str, framework: str, figures: Mapping[Figure, float]
) -> tuple[HostProfile, tuple[str, ...]]:
    """Raise the declared errors to the measured ones, as far as the wide profile goes.

    Return the profile, and what was not adopted, in sentences.
    """
    profile, limits = tight(dtype), wide(dtype)
    remarks: list[str] = []
    beyond: list[tuple[str, float]] = []
    for function in ELEMENTARY:
        units, limit = figures.get((framework, dtype, function), 0.0), limits.declared(function)
        if units > limit:
            beyond.append((function, units))
            remarks.append(
                f"{framework}: its {function} was measured {units:.3g} u off in {dtype}, beyond "
                f"the {limit:g} u of the wide profile. That is not adopted: what it computes "
                "there is called different."
            )
        elif units > profile.declared(function):
            profile = profile.raised_to(function, units)
    measured = any(key[:2] == (framework, dtype) for key in figures)
    return HostProfile(profile, measured, tuple(beyond)), tuple(remarks)


def adopted_here(
    dtype: str, versions: Mapping[str, str], path: Path | None = None
) -> tuple[dict[str, HostProfile], tuple[str, ...]]:
    """Return what to judge each framework by, and what there is to say of the stored calibration.

    versions
        Of the frameworks in use.
    """
    stored = found(path or default_path(), versions)
    each = {name: adopted(dtype, name, stored.figures) for name in versions}
    beyond = [remark for _, remarks in each.values() for remark in remarks]
    return {name: profile for name, (profile, _) in each.items()}, (*stored.remarks, *beyond)
