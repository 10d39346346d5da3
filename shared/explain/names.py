"""What the quantities of a step are called on the page: h and o in a network of one hidden layer.

Single numbers of the 2-2-1 network have the names of the text it comes from: h1, o1, w5, b3. Those
of any other are counted from 0, as its parameters are: h[0], W1[0,2].
"""

from __future__ import annotations

import math
import re

from shared.network import Network

_NAMED = re.compile(r"(?:(?<![A-Za-z_])|(?<=dL/d))([azpWbf]'?)([12])(?![\d\[])")
"""A role's letter and layer, in a network of two: a1, z2, f'1, the W1 of dL/dW1."""


def shown(text: str, network: Network) -> str:
    """Return a role's name, or a formula of roles, as it is shown.

    With one hidden layer a1 is h and a2 is o; deeper networks keep their numbers.
    """
    if len(network.sizes) != 3:
        return text
    return _NAMED.sub(_lettered, text)


def element_shown(role: str, index: tuple[int, ...], network: Network) -> str:
    """Return the name of one number of a role, less its sample."""
    kind = role.removeprefix("dL/d")
    prefix = role[: len(role) - len(kind)]
    if kind in network.param_names:
        return prefix + _parameter(kind, index, network)
    if kind.startswith("f'"):
        return _slope(kind, index, network)
    name, unit = shown(kind, network), index[-1]
    is_textbook = network.element_names[0] == "w1"
    return f"{prefix}{name}{unit + 1}" if is_textbook else f"{prefix}{name}[{unit}]"


def _parameter(kind: str, index: tuple[int, ...], network: Network) -> str:
    place = network.param_names.index(kind)
    shape = network.param_shapes[place]
    start = sum(math.prod(other) for other in network.param_shapes[:place])
    inside = index[0] * shape[1] + index[1] if len(shape) == 2 else index[0]
    return network.element_names[start + inside]


def _slope(kind: str, index: tuple[int, ...], network: Network) -> str:
    """Write f'(z) with the activation that it is told from."""
    layer = int(kind.removeprefix("f'"))
    is_output = layer == len(network.sizes) - 1
    name = network.output if is_output else network.activation
    a = element_shown(f"a{layer}", index, network)
    written = {"sigmoid": f"{a}(1 - {a})", "tanh": f"1 - {a}²", "relu": f"[{a} > 0]"}
    return written.get(name, "1")


def _lettered(found: re.Match[str]) -> str:
    letter, where = found[1], "ho"[int(found[2]) - 1]
    return where if letter == "a" else f"{letter}_{where}"
