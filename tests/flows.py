"""Made-up linear flows whose errors are followed exactly, and the blocks that ought to hold them.

An error e becomes (J + D) e + s in each step, where D and s are as large as their bounds allow and
of signs drawn. It is followed in balls, which would blow up as a box does: in as many bits as that
takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.truth.blocks import Block, leftovers, products_to_end

BITS = 12_000
OFF, DEFECT = 2.0**-45, 2.0**-200
LIFT = Balls().lift


@dataclass(frozen=True)
class LinearFlow:
    """Blocks of steps: jacobians (B, K, P, P), and what they are told to be wrong by and to add.

    wrong, made
        (B, K, P, P) and (B, K, P): what they really are wrong by, and add.
    """

    jacobians: Array
    wrong: Array
    made: Array
    off: Array
    defects: Array

    @property
    def size(self) -> int:
        return int(self.jacobians.shape[-1])

    def blocks(self) -> list[Block]:
        """What radius.py is given."""
        products, later = products_to_end(self.jacobians)
        left = leftovers(self.jacobians, self.off, later, self.defects)
        length = self.jacobians.shape[1]
        return [
            Block(row * length, (row + 1) * length, products[row], *(v[row] for v in left))
            for row in range(len(self.jacobians))
        ]

    def errors(self, start: Any) -> Any:
        """(B, K + 1, P) the exact errors, from one at the start."""
        found = []
        with flint.ctx.workprec(BITS):
            now = LIFT(start)
            for block in range(len(self.jacobians)):
                inside = [now]
                for j, d, s in zip(
                    self.jacobians[block], self.wrong[block], self.made[block], strict=True
                ):
                    now = (LIFT(j) + LIFT(d)) @ now + LIFT(s)
                    inside.append(now)
                found.append(np.stack(inside))
        return np.stack(found)


def flow(jacobians: Array, seed: int = 0, off: float = OFF, defect: float = DEFECT) -> LinearFlow:
    """Draw signs of what is as large as it may be."""
    random = np.random.RandomState(seed)
    wrong = off * random.choice([-1.0, 1.0], jacobians.shape)
    made = defect * random.choice([-1.0, 1.0], jacobians.shape[:-1])
    return LinearFlow(jacobians, wrong, made, abs(wrong), abs(made))


def in_line(jacobians: Array, off: float, defect: float) -> LinearFlow:
    """All signs alike: errors are as large as bounds allow, and bounds have no slack."""
    one = flow(abs(jacobians), off=off, defect=defect)
    return LinearFlow(one.jacobians, one.off, one.defects, one.off, one.defects)


def drawn(blocks: int, length: int, size: int, seed: int = 0) -> Array:
    """Steps like those of a training: the unit matrix, and something drawn."""
    random = np.random.RandomState(seed)
    found: Array = np.eye(size) + 0.2 * random.normal(size=(blocks, length, size, size))
    return found


def turning(blocks: int, length: int, size: int, shear: float, seed: int = 0) -> Array:
    """Rotations by any angles, with shears that are undone a step later."""
    random = np.random.RandomState(seed)
    found = np.empty((blocks, length, size, size))
    for block, k in np.ndindex(blocks, length):
        turned = np.linalg.qr(random.normal(size=(size, size)))[0]
        sheared = np.eye(size)
        sheared[0, 1] = shear if k % 2 else -shear
        found[block, k] = sheared if k % 4 < 2 else turned
    return found


def sizes(errors: Any) -> Array:
    """Sizes of exact numbers as floats, rounded up."""
    with flint.ctx.workprec(BITS):
        assert all(ball.rad() < 1e-300 for ball in np.ravel(errors))
        upper: Array = np.frompyfunc(lambda ball: float(abs(ball).abs_upper()), 1, 1)(errors)
    return upper.astype(np.float64)
