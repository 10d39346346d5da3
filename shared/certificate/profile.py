"""How far the host's functions may be from the true ones: what is declared, and what follows.

Units are unit roundoffs: an error of one unit in the last place is up to two of them. The tight
profiles are what everything is judged by first; the wide ones explain, by name, what the tight
ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array
from shared.certificate.rounding import Rounding

TIGHT_NAME, WIDE_NAME = "tight", "wide"


@dataclass(frozen=True, slots=True)
class Profile:
    """The declared errors of a host's functions.

    c0, c1
        The error of σ(z) is at most u S (c0 + c1 C), S and C the largest σ and 1 - σ in reach: c0
        counts the addition and the division of 1/(1 + e^-z), c1 the relative error of the
        exponential, which reaches σ multiplied by 1 - σ.
    tanh, log
        The relative errors of tanh, and of ln and ln(1 + x).
    sigmoid_by_tanh
        The relative error of tanh where σ(z) may also be computed as (1 + tanh(z/2))/2; None where
        it may not.
    sigmoid_underflow
        In smallest normal numbers: what σ(z) may lose where e^-z overflows or a factor is flushed.
    raised
        Functions that were measured to be worse than declared, by name, with the declared figure
        and the measured one, which is used.
    """

    name: str
    c0: float
    c1: float
    tanh: float
    log: float
    sigmoid_by_tanh: float | None = None
    sigmoid_underflow: float = 1.0
    raised: tuple[tuple[str, float, float], ...] = ()

    def declared(self, function: str) -> float:
        """Return the relative error of exp, log, log1p or tanh, and of sigmoid its c1."""
        errors = {"log": self.log, "log1p": self.log, "tanh": self.tanh}
        return errors.get(function, self.c1)

    def raised_to(self, function: str, units: float) -> Profile:
        """Return the profile in which a function may be off by more, as it was measured."""
        alike = {"exp", "sigmoid"}, {"log", "log1p"}, {"tanh"}
        (names,) = (names for names in alike if function in names)
        before = [was for name, was, _ in self.raised if name in names]
        others = tuple(one for one in self.raised if one[0] not in names)
        declared = before[0] if before else self.declared(function)
        raised = (*others, (function, declared, units))
        if function == "tanh":
            return replace(self, tanh=units, raised=raised)
        if function in ("log", "log1p"):
            return replace(self, log=units, raised=raised)
        return replace(self, c1=units, raised=raised)

    def sigmoid_error(self, rounding: Rounding, s: Array, c: Array, z_error: Array) -> Array:
        """Bound |a - σ(z)| where the program's z is off by at most z_error; c = 1 - s."""
        moved = _moved(s * c, z_error, 1.0)
        highest, rest = np.minimum(1.0, s + moved), np.minimum(1.0, c + moved)
        function = rounding.u * highest * (self.c0 + self.c1 * rest) * (1 + 1e-6)
        if self.sigmoid_by_tanh is not None:
            # tanh(z/2) = 2s - 1, halved; and the addition of 1.
            size = np.minimum(1.0, abs(2 * s - 1) + 2 * moved)
            function = function + rounding.u * (self.sigmoid_by_tanh / 2 * size + highest)
        bound: Array = moved + function + self.sigmoid_underflow * rounding.omega
        return bound

    def tanh_error(self, rounding: Rounding, t: Array, q: Array, z_error: Array) -> Array:
        """Bound |a - tanh z| likewise; t = tanh z, q = 1 - t²."""
        moved = _moved(q, z_error, 2.0)
        highest = np.minimum(1.0, abs(t) + moved)
        bound: Array = moved + rounding.u * self.tanh * highest * (1 + 1e-6) + rounding.omega
        return bound

    def slope_error(self, rounding: Rounding, name: str, slope: Array, z_error: Array) -> Array:
        """Bound f'(z) computed from a z that is off by at most z_error, not from a = f(z).

        f is sigmoid, in forms such as e^-z / (1 + e^-z)² and σ(z) σ(-z), or tanh, in forms such as
        1 / cosh² z. Shapes: all alike.
        """
        steepness, roundings = (1.0, self.c1 + 6) if name == "sigmoid" else (2.0, 2 * self.c1 + 8)
        moved = _moved(steepness * slope, z_error, steepness)
        bound: Array = moved + rounding.u * roundings * (slope + moved) * (1 + 1e-6)
        return bound + 2 * rounding.omega


@dataclass(frozen=True, slots=True)
class HostProfile:
    """What the functions of a backend are held to first.

    measured
        Whether they were measured on this machine; None where that would say nothing, since the
        backend ran on another.
    beyond
        Functions that were measured to be worse than the wide profile allows, and by how much.
    """

    profile: Profile
    measured: bool | None = False
    beyond: tuple[tuple[str, float], ...] = ()


def tight(dtype: str) -> Profile:
    """Return what is declared of the functions of NumPy, torch and JAX in a dtype."""
    if dtype == "float32":
        return Profile(TIGHT_NAME, c0=2.0, c1=5.6, tanh=10.0, log=5.0, sigmoid_underflow=2.0)
    return Profile(TIGHT_NAME, c0=2.0, c1=4.0, tanh=14.0, log=4.0)


def wide(dtype: str) -> Profile:
    """Return the errors that a less careful library may have and still be called right."""
    underflow = tight(dtype).sigmoid_underflow
    return Profile(WIDE_NAME, c0=2.0, c1=8.0, tanh=28.0, log=8.0, sigmoid_underflow=underflow)


def _moved(slope: Array, error: Array, most: float) -> Array:
    """Bound how far a function moves within the error: its slope grows by e^(most error) there."""
    grown = np.exp(np.minimum(most * error, 50.0))
    moved: Array = np.where(most * error < 50, np.minimum(slope * error * grown, most), most)
    return moved
