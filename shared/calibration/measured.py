"""The figures of a calibration, and the machine they hold for."""

from __future__ import annotations

from dataclasses import dataclass

from shared.host import cpu_features, host
from shared.training import Missing

DTYPES = ("float64", "float32")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a library may choose the code of its functions by; no name of the machine or a user."""

    system: str
    processor: str
    cpu_features: tuple[str, ...]

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine."""
        told = host()
        return cls(told["system"], told["processor"], cpu_features())


@dataclass(frozen=True, slots=True)
class Measured:
    """The worst error found of one function of one framework in one dtype.

    ulps
        In units in the last place, of the float nearest to the exact value.
    units
        In what the certificate's profile counts in, multiples of the unit roundoff u: the
        relative error of exp, log, log1p and tanh; of sigmoid the c1 in u s (2 + c1 (1 - s)).
        Infinite for a NaN, a wrong infinity, or a result flushed that must not be.
    at
        The x where `units` is largest.
    samples
        How many results were looked at. The worst of all floats may be worse.
    """

    framework: str
    version: str
    dtype: str
    function: str
    ulps: float
    units: float
    at: float
    samples: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that was measured on one machine, and which backends could not be, and why."""

    machine: Machine
    measured: tuple[Measured, ...]
    missing: tuple[Missing, ...] = ()
