"""The chain rule of one weight, factor by factor: [dL/do] [o(1-o)] [w5] [h1(1-h1)] [x1].

A strip begins at the loss, or, where several units take part above, at the sum over them; it ends
at the weight. After each factor stands the product so far, which every framework forms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.certificate.exact_step import functions
from shared.errors import UsageError, nearest
from shared.explain.spine import Role, below
from shared.network import Network

FEW = 12
"""So many parameters are named one by one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of the strip: an entry of a role.

    is_factor
        Whether it is a factor; else it is the product of all factors so far.
    """

    role: str
    index: tuple[int, ...]
    is_factor: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The factors of one parameter's gradient, and their products.

    element
        The parameter's name: w1, or W1[0,2].
    sample
        Whose factors these are: of several, the sample that adds most.
    adds_most
        Whether that sample adds more than others do; not where all add 0.
    sums_over
        How many samples the gradient adds up.
    begins_with_sum
        Whether the first factor is itself a sum, over the units of the layer above.
    forward
        What its units compute on the way forward, from the parameter's own layer up.
    """

    element: str
    entries: tuple[Entry, ...]
    sample: int
    adds_most: bool
    sums_over: int
    begins_with_sum: bool
    forward: tuple[Entry, ...]

    @property
    def path(self) -> tuple[Entry, ...]:
        """All that is computed on the way to the gradient, forward and backward."""
        return (*self.forward, *self.entries)

    @property
    def factors(self) -> tuple[Entry, ...]:
        """The factors alone, without the products."""
        return tuple(one for one in self.entries if one.is_factor)


def strip(network: Network, element: str, spine: Mapping[str, Role]) -> Strip:
    """Return the strip of a parameter.

    Raises UsageError if the network has no such parameter.
    """
    layer, index = _place(network, element)
    sample, adds_most = _telling_sample(layer, index, spine)
    top = layer
    while top < len(network.sizes) - 1 and network.sizes[top + 1] == 1:
        top += 1
    entries = tuple(_entries(network, layer, index, sample, top))
    units = ((one, index[0] if one == layer else 0) for one in range(layer, top + 1))
    forward = tuple(
        Entry(f"{kind}{one}", (sample, unit), False) for one, unit in units for kind in "za"
    )
    is_sum = top < len(network.sizes) - 1
    return Strip(element, entries, sample, adds_most, len(spine["x"].exact), is_sum, forward)


def moving(network: Network, spine: Mapping[str, Role]) -> str:
    """Return the first parameter whose gradient is not 0; the first of all if there is none."""
    slopes = np.concatenate([spine[f"dL/d{name}"].exact.ravel() for name in network.param_names])
    return network.element_names[int((slopes != 0).argmax())]


def _place(network: Network, element: str) -> tuple[int, tuple[int, ...]]:
    """Return the layer of a parameter, and its index in the layer's W or b."""
    names = network.element_names
    if element not in names:
        known = ", ".join(names) if len(names) <= FEW else _ranges(network)
        raise UsageError(
            f"weight {element!r} is none of this network's; expected one of {known}."
            f"{nearest(element, names) if len(names) > FEW else ''}"
        )
    left = names.index(element)
    for place, shape in enumerate(network.param_shapes):
        size = math.prod(shape)
        if left < size:
            index = np.unravel_index(left, shape)
            return place // 2 + 1, tuple(int(i) for i in index)
        left -= size
    raise AssertionError("every element has a tensor")


def _ranges(network: Network) -> str:
    """Name the parameters of a larger network by their first and last."""
    both = zip(network.param_names, network.param_shapes, strict=True)
    return ", ".join(
        f"{name}[{','.join('0' * len(shape))}] to {name}[{','.join(str(n - 1) for n in shape)}]"
        for name, shape in both
    )


def _telling_sample(
    layer: int, index: tuple[int, ...], spine: Mapping[str, Role]
) -> tuple[int, bool]:
    """Return the sample that adds most to a gradient, and whether it adds anything."""
    added = spine[f"dL/dz{layer}"].exact[:, index[0]]
    if len(index) == 2:
        with np.errstate(all="ignore"):
            added = added * spine[below(layer)].exact[:, index[1]]
    share: Array = np.nan_to_num(abs(added))
    return int(share.argmax()), bool(share.any())


def _entries(
    network: Network, layer: int, index: tuple[int, ...], sample: int, top: int
) -> Iterator[Entry]:
    units = dict.fromkeys(range(layer + 1, top + 1), 0) | {layer: index[0]}
    last = len(network.sizes) - 1
    has_slope = functions(network)[top - 1] != "identity" and not (
        top == last and network.from_logits
    )
    if has_slope:
        yield Entry(f"dL/da{top}", (sample, units[top]), True)
        yield Entry(f"f'{top}", (sample, units[top]), True)
    yield Entry(f"dL/dz{top}", (sample, units[top]), not has_slope)
    for one in range(top, layer, -1):
        unit = units[one - 1]
        yield Entry(f"W{one}", (units[one], unit), True)
        yield Entry(f"dL/da{one - 1}", (sample, unit), False)
        yield Entry(f"f'{one - 1}", (sample, unit), True)
        yield Entry(f"dL/dz{one - 1}", (sample, unit), False)
    if len(index) == 2:
        yield Entry(below(layer), (sample, index[1]), True)
        yield Entry(f"dL/dW{layer}", index, False)
    else:
        yield Entry(f"dL/db{layer}", index, False)
