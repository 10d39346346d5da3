"""Faults of the functions in the forward pass: another one, none, one twice, a rough one."""

from __future__ import annotations

from shared.faults.fault import Fault, InSource
from shared.faults.forward_pieces import APPLIED, CHOSEN, OUTPUT, functions, sigmoids
from shared.faults.in_backend import lines


def _hidden(name: str) -> tuple[InSource, ...]:
    """Return another function of the hidden layers."""
    new = {
        "numpy": f'f = FUNCTIONS[network.output if layer == last else "{name}"]',
        "torch": f'self.activation, self.output = functions["{name}"], functions[network.output]',
        "jax": f'name = self.network.output if layer == last else "{name}"',
    }
    return tuple(functions(backend, (CHOSEN[backend], piece)) for backend, piece in new.items())


FUNCTION_FAULTS = (
    Fault(
        "tanh-for-sigmoid",
        "The hidden units have a tanh, where the network has sigmoids.",
        "forward",
        in_source=_hidden("tanh"),
        source="DeepCrime, change_activation_function",
    ),
    Fault(
        "activation-removed",
        "The hidden layer has no activation function.",
        "forward",
        in_source=_hidden("identity"),
        source="DeepCrime, remove_activation_function",
    ),
    Fault(
        "hard-sigmoid",
        "The sigmoid is a broken line, z/6 + 1/2 cut off at 0 and 1.",
        "forward",
        in_source=sigmoids(
            "np.clip(z / 6 + 0.5, 0, 1)",
            "torch.nn.functional.hardsigmoid(z)",
            "jax.nn.hard_sigmoid(z)",
        ),
    ),
    Fault(
        "activated-twice",
        "The output goes through its function twice, since the loss was thought to need it.",
        "forward",
        in_source=(
            functions(
                "numpy",
                (APPLIED["numpy"], "activations.append(f(f(z)) if layer == last else f(z))"),
                tensors=OUTPUT,
            ),
            functions(
                "torch",
                (
                    "activations.append(self.output(z))",
                    "activations.append(self.output(self.output(z)))",
                ),
                (
                    "return [*activations, self.output(z), z, loss]",
                    "return [*activations, self.output(self.output(z)), z, loss]",
                ),
                tensors=OUTPUT,
            ),
            functions(
                "jax",
                (
                    APPLIED["jax"],
                    lines(
                        12, APPLIED["jax"], "a = self.functions[name](a) if layer == last else a"
                    ),
                ),
                tensors=OUTPUT,
            ),
        ),
        source="nfmcclure/tensorflow_cookbook#86",
    ),
    Fault(
        "softmax-over-batch",
        "The softmax adds up over the samples of a batch, not over the outputs of a sample.",
        "forward",
        in_source=(
            functions(
                "numpy",
                (
                    "shares: Array = powers / powers.sum(axis=-1, keepdims=True)",
                    "shares: Array = powers / powers.sum(axis=-2, keepdims=True)",
                ),
                tensors=OUTPUT,
            ),
            functions(
                "torch",
                ("partial(torch.softmax, dim=-1)", "partial(torch.softmax, dim=-2)"),
                tensors=OUTPUT,
            ),
            functions(
                "jax",
                ('"softmax": jax.nn.softmax,', '"softmax": partial(jax.nn.softmax, axis=-2),'),
                tensors=OUTPUT,
            ),
        ),
    ),
    Fault(
        "epsilon-in-denominator",
        "A small number was added to the denominator of the sigmoid, which is never 0.",
        "forward",
        in_source=sigmoids(
            "1 / (1 + np.exp(-z) + SIZE)",
            "torch.sigmoid(z) / (1 + SIZE * torch.sigmoid(z))",
            "jax.nn.sigmoid(z) / (1 + SIZE * jax.nn.sigmoid(z))",
        ),
        sizes=(1e-8, 1e-12),
        resolution={"float64": 4e-15, "float32": 2e-6},
    ),
    Fault(
        "exponent-clipped",
        "Against overflow z was cut off, and no hidden unit gets nearer than this to 0 or 1.",
        "forward",
        in_source=(
            functions(
                "numpy",
                (
                    APPLIED["numpy"],
                    lines(
                        8,
                        "limit = float(-np.log(SIZE))",
                        "activations.append(f(z if layer == last else np.clip(z, -limit, limit)))",
                    ),
                ),
            ),
            functions(
                "torch",
                (
                    APPLIED["torch"],
                    lines(
                        12,
                        "z = self._affine(a, params[i], params[i + 1])",
                        "a = self.activation(z.clamp(math.log(SIZE), -math.log(SIZE)))",
                    ),
                ),
            ),
        ),
        # That is a z from -3 to 3, or from -30 to 30. What is below 4 u may be the rounding of a
        # sigmoid by way of tanh, a form that is admitted.
        sizes=(0.05, 1e-13),
        resolution={"float64": 1e-15, "float32": 5e-7},
    ),
    Fault(
        "exponential-truncated",
        "A hand-made e^x stops its series where the next term would be smaller than this.",
        "forward",
        in_source=sigmoids(
            "1 / (1 + exponential(-z))\n\n\n"
            "def exponential(x: Array) -> Array:\n"
            "    n = np.rint(x.astype(np.float64) / np.log(2))\n"
            "    # ln 2 in two parts, the first of which has few bits\n"
            "    r = x - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10\n"
            "    series, term, k, largest = np.ones_like(r), np.ones_like(r), 1, np.log(2) / 2\n"
            "    while largest > SIZE:\n"
            "        term = term * r / k\n"
            "        series, k = series + term, k + 1\n"
            "        largest *= np.log(2) / 2 / k\n"
            "    return np.ldexp(series, n.astype(int)).astype(x.dtype)"
        ),
        # A polynomial of degree 6, off by 2 u of float32, or of degree 2.
        sizes=(1.2e-7, 7e-3),
        resolution={"float64": 4e-15, "float32": 2e-6},
    ),
)
