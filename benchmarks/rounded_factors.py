"""Why the well-known 0.0214 is not dL/dw1: a product whose factors were rounded before.

Run as `python -m benchmarks.rounded_factors`: a second. The symmetric worked step is computed as
one does with pencil and paper: h1 and o1 are rounded to a few digits, every factor is computed from
these and rounded again, and so is their product. Beside it stands the exact value, rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

from rich.console import Console

from benchmarks.tables import table_of
from shared.worked import WorkedStep, worked_steps

DIGITS = (2, 3, 4, 5, 6, 8)


@dataclass(frozen=True, slots=True)
class ByPencil:
    """dL/dw1 with everything rounded to so many significant digits on the way.

    factors
        dL/do1, o1(1 - o1), w5, h1(1 - h1), x1.
    exact
        The exact value, rounded to as many digits.
    """

    digits: int
    factors: tuple[Decimal, ...]
    product: Decimal
    exact: Decimal


def by_pencil(step: WorkedStep, digits: int) -> ByPencil:
    """Compute dL/dw1 of a worked step with so many digits."""
    context = Context(prec=digits)
    h, o = (context.create_decimal(step.exact[name]) for name in ("h1", "o1"))
    y, x, w = (
        Decimal(float(number)) for number in (step.y[0, 0], step.x[0, 0], step.params[2][0, 0])
    )
    factors = (
        context.multiply(Decimal(2), context.subtract(o, y)),
        context.multiply(o, context.subtract(Decimal(1), o)),
        context.plus(w),
        context.multiply(h, context.subtract(Decimal(1), h)),
        context.plus(x),
    )
    product = Decimal(1)
    for factor in factors:
        product = context.multiply(product, factor)
    return ByPencil(digits, factors, product, context.create_decimal(step.exact["dL/dw1"]))


def main() -> None:
    """Print one line for each number of digits."""
    console = Console(width=100)
    step = next(step for step in worked_steps() if step.name == "symmetric")
    titles = ("dL/do1", "o1(1 - o1)", "w5", "h1(1 - h1)", "x1", "product", "exact, rounded once")
    table = table_of((), ("digits", *titles))
    for digits in DIGITS:
        one = by_pencil(step, digits)
        table.add_row(f"{digits}", *map(str, (*one.factors, one.product, one.exact)))
    console.print(table)


if __name__ == "__main__":
    main()
