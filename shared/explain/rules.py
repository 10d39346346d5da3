"""Which operation on which quantities of the chain rule makes which other: the mapping, as data.

Nothing here says in which order or in which framework; three programs that compute one function
differ in which of these rules they use. What a rule takes are roles of the spine, or numbers that
stand in the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.certificate.exact_step import functions
from shared.explain.spine import below, output_role
from shared.network import Network

COMMUTING = frozenset({"add", "mul", "matmul", "max"})
"""What may take its operands in any order; in a matrix product that turns the result."""


@dataclass(frozen=True, slots=True)
class Rule:
    """From what it takes, an operation makes a role.

    over
        Of a matrix product the axis of each factor that is summed over, as the spine has it; of a
        sum the one axis, where it is not all that are.
    rows
        And whose other axis becomes the rows of the result.
    """

    does: str
    takes: tuple[str, ...]
    gives: str
    over: tuple[int, ...] = ()
    rows: str = ""

    def adds(self, axes: Sequence[int], shape: Sequence[int], is_turned: bool) -> bool:
        """Whether a sum over some axes of an array adds what this rule adds."""
        added = {axis for axis in axes if shape[axis] > 1}
        longer = {axis - len(shape) for axis, n in enumerate(shape) if n > 1}
        if self.takes == (self.gives,):
            return not added
        meant = {(-1, -2)[axis == -1] if is_turned else axis for axis in self.over}
        return added == (longer & meant if self.over else longer)


def rules_for(network: Network, samples: int) -> tuple[Rule, ...]:
    """Return the rules of a network on a batch of so many samples, layer by layer."""
    found = [*_loss(network, samples)]
    count = len(network.sizes) - 1
    for layer, name in enumerate(functions(network), start=1):
        found += [*_affine(layer), *_activation(name, layer)]
        is_slope_formed = layer < count or not network.from_logits
        if is_slope_formed:
            found += [*_slope(name, layer), *_through(name, layer)]
        found += _gradients(layer, f"dL/dz{layer}")
    if network.output == "identity":
        # There is nothing to go through: what arrives at the answer has arrived at z.
        found += _gradients(count, f"dL/d{output_role(network)}")
    return tuple(found)


def _affine(layer: int) -> Iterator[Rule]:
    a, W, b = below(layer), f"W{layer}", f"b{layer}"
    yield Rule("matmul", (a, W), f"p{layer}", (-1, -1), rows=a)
    yield Rule("add", (f"p{layer}", b), f"z{layer}")
    yield Rule("affine", (b, a, W), f"z{layer}", (-1, -1), rows=a)


def _activation(name: str, layer: int) -> Iterator[Rule]:
    z, a = f"z{layer}", f"a{layer}"
    yield Rule(name, (z,), a)
    if name == "sigmoid":
        yield Rule("neg", (z,), f"-{z}")
        yield Rule("exp", (f"-{z}",), f"e^-{z}")
        yield Rule("add", ("1", f"e^-{z}"), f"1+e^-{z}")
        yield Rule("div", ("1", f"1+e^-{z}"), a)
        yield Rule("reciprocal", (f"1+e^-{z}",), a)
    if name == "relu":
        yield Rule("max", (z, "0"), a)


def _slope(name: str, layer: int) -> Iterator[Rule]:
    """f'(z), formed from the activation."""
    a, slope = f"a{layer}", f"f'{layer}"
    if name == "sigmoid":
        yield Rule("sub", ("1", a), f"1-{a}")
        yield Rule("mul", (a, f"1-{a}"), slope)
    if name == "tanh":
        yield Rule("sub", ("1", a), f"1-{a}")
        yield Rule("mul", (a, a), f"{a}²")
        yield Rule("square", (a,), f"{a}²")
        yield Rule("sub", ("1", f"{a}²"), slope)
    if name == "relu":
        yield Rule("gt", (a, "0"), slope)
        yield Rule("gt", (f"z{layer}", "0"), slope)
    if name == "identity":
        yield Rule("ones", (f"z{layer}",), slope)


def _through(name: str, layer: int) -> Iterator[Rule]:
    """dL/dz from dL/da: through the activation function."""
    a, z = f"a{layer}", f"z{layer}"
    if name == "identity":
        a = z
    arriving, leaving = f"dL/d{a}", f"dL/d{z}"
    if name == "identity":
        arriving = leaving
    yield Rule("mul", (arriving, f"f'{layer}"), leaving)
    if name in ("sigmoid", "tanh"):
        yield Rule(f"{name}_backward", (arriving, a), leaving)
    if name == "tanh":
        once = f"{arriving} (1-{a})"
        yield Rule("mul", (arriving, f"1-{a}"), once)
        yield Rule("mul", (once, a), f"{once} {a}")
        yield Rule("add", (once, f"{once} {a}"), leaving)
    if name == "relu":
        yield Rule("threshold_backward", (arriving, a, "0"), leaving)
        yield Rule("select", (f"f'{layer}", "0", arriving), leaving)


def _gradients(layer: int, delta: str) -> Iterator[Rule]:
    """What falls out of dL/dz: the gradients of the layer, and dL/da of the one below."""
    a, W = below(layer), f"W{layer}"
    yield Rule("sum", (delta,), f"dL/db{layer}", (-2,))
    yield Rule("sum", (f"dL/db{layer}",), f"dL/db{layer}")
    yield Rule("matmul", (delta, a), f"dL/d{W}", (-2, -2), rows=delta)
    if layer > 1:
        yield Rule("matmul", (delta, W), f"dL/d{a}", (-1, -2), rows=delta)


def _loss(network: Network, samples: int) -> Iterator[Rule]:
    output, last = output_role(network), len(network.sizes) - 1
    numbers = samples * network.sizes[-1]
    yield Rule("sub", (output, "y"), "e")
    yield Rule("same", ("e",), "e")
    yield Rule("ones", ("L",), "dL/dL")
    if network.from_logits:
        terms = numbers if network.loss == "binary_cross_entropy" else samples
        yield Rule("div", ("e", f"{terms}"), f"dL/dz{last}")
        return
    is_mean = network.loss == "mean_squared_error"
    divisor = f"{numbers if is_mean else 2 * samples}"
    yield Rule("square", ("e",), "e²")
    yield Rule("sum", ("e²",), "Σe²")
    yield Rule("sum", ("Σe²",), "Σe²")
    yield Rule("div", ("Σe²", divisor), "L")
    yield Rule("div", ("dL/dL", divisor), "dL/de²")
    yield Rule("mul", ("2", "e"), "2e")
    yield Rule("mul", ("dL/de²", "2e"), f"dL/d{output}")
    if is_mean:
        yield Rule("mean", ("e²",), "L")
        yield Rule("div", ("2e", divisor), f"dL/d{output}")
    else:
        yield Rule("sum", ("e²",), "Σₖe²", (-1,))
        yield Rule("sum", ("Σₖe²",), "Σe²")
        yield Rule("div", ("Σe²", f"{samples}"), "Σe²/m")
        yield Rule("div", ("Σe²/m", "2"), "L")
        yield Rule("div", ("dL/dL", "2"), "dL/d(Σe²/m)")
        yield Rule("div", ("dL/d(Σe²/m)", f"{samples}"), "dL/de²")
        yield Rule("div", ("e", f"{samples}"), f"dL/d{output}")
