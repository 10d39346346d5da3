"""What a finding calls the formula of an update, in the symbols of the docs."""

from __future__ import annotations

from shared.optimizer import Optimizer


def words(optimizer: Optimizer, slot: str) -> str:
    """Return what a finding calls the formula of a slot, or, with no slot, of the parameter."""
    slope = "g + λw" if optimizer.coupled_decay else "g"
    factor = f"({slope})" if optimizer.coupled_decay else slope
    if slot == "velocity":
        return f"μv + η{factor}" if optimizer.rate_place == "inside" else f"μv + {slope}"
    if slot == "m":
        return f"β1 m + (1 - β1) {factor}"
    if slot == "v":
        return f"β2 v + (1 - β2) {factor}²"
    decay = " - ηλw" if optimizer.decoupled_decay else ""
    return f"w - {_step(optimizer, slope, factor)}{decay}"


def _step(optimizer: Optimizer, slope: str, factor: str) -> str:
    if optimizer.name == "sgd":
        return f"η{factor}"
    if optimizer.name == "momentum":
        if optimizer.rate_place == "inside":
            return f"(η{factor} + μv)" if optimizer.nesterov else "v"
        return f"η({slope} + μv)" if optimizer.nesterov else "ηv"
    corrected = optimizer.bias_correction not in (None, "none")
    mean = factor if optimizer.name == "rmsprop" else "m̂" if corrected else "m"
    square = "v̂" if corrected else "v"
    divisors = {
        "outside": f"(√{square} + ε)",
        "inside": f"√({square} + ε)",
        "uncorrected": f"(√{square} + ε/√(1 - β2^t))",
    }
    return f"η {mean}/{divisors[optimizer.epsilon_place]}"
