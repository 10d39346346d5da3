"""Where a fault shows: tensor names that hold for networks of any depth.

`*` stands for every layer, `h` for every hidden one, `L` for the last: W*, ah, δL.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.network import Network

START, CARRIED, SAMPLES, FORWARD, LOSS, BACKWARD, UPDATE = (
    "start", "carried over", "samples", "forward", "loss", "backward", "update",
)  # fmt: skip
"""The stages as the certificate calls them; a test holds them to its words."""

PARAMETERS = ("W*", "b*")
GRADIENTS = PARAMETERS


def tensors_of(network: Network, names: Sequence[str]) -> frozenset[str]:
    """Return the tensors that some names stand for in a network.

    Examples
    --------
    >>> sorted(tensors_of(Network((2, 3, 1)), ("W*", "δL", "loss")))
    ['W1', 'W2', 'loss', 'δ2']
    """
    last = len(network.sizes) - 1
    ranges = {"*": range(1, last + 1), "h": range(1, last), "L": range(last, last + 1)}
    found: set[str] = set()
    for name in names:
        layers = ranges.get(name[-1])
        found |= {name} if layers is None else {f"{name[:-1]}{layer}" for layer in layers}
    return frozenset(found)
