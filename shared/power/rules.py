"""What other comparison tools would say of the same pair of runs: their rules, their defaults.

These are rules, not the tools: each is written anew after the tool's published source. Where one
departs from it, its `source` says how: in the tool's favour, unless a recording holds no more. A
tool that compares one step is let loose on all of them, one that stops at a layer whose parent
agrees goes on, and each gets the tensors that its user would have to log by hand. The study of
power asks them about a faulty backend and a correct one of another framework, beside the
certificate.

What such a rule cannot say: which of the two is wrong, or that both are; at which step and in which
tensor it began; and whether a difference is more than correct programs may have, which depends on
the numbers at hand and on the steps before, while a tolerance is one number for all. None looks at
the batches or at the optimizer's slots, and none compares what one backend alone records, as deltas
are.

Elsewhere in this package tolerances have no name. Here they do, since they are other people's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Recording


@dataclass(frozen=True, slots=True)
class Run:
    """What a rule may see of one backend: one network, trained from one seed.

    recordings
        The chunks in order, without replica axes; those of the other run have the same lengths.
    curve
        (k,) the mean loss over all data at the marks.
    dtype
        "float64" or "float32".
    """

    recordings: tuple[Recording, ...]
    curve: Array
    dtype: str


Differs: TypeAlias = Callable[[Run, Run], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """When two runs differ, in the eyes of one tool.

    name
        Short, for the head of a column.
    compares
        What it is shown.
    source
        Where the rule and its defaults are published, what becomes of NaN, and what was done in
        the tool's favour.
    differs
        Takes the run that is doubted, then the one that is trusted.
    """

    name: str
    tool: str
    compares: str
    source: str
    differs: Differs


Pairs: TypeAlias = Iterator[tuple[Array, Array]]
Shown: TypeAlias = Callable[[Run, Run], Pairs]
"""What a rule looks at: tensors of the doubted run, each with that of the trusted one."""
Apart: TypeAlias = Callable[[Array, Array], bool]
"""Whether two blocks of equal shape differ, looked at row by row: a row is one step's tensor."""

ASSERT_CLOSE = {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5)}
"""rtol and atol by dtype."""

BLOCK = 2**15
"""So many elements are compared at a time, which keeps the differences in the cache."""


def _final_loss(doubted: Run, trusted: Run) -> Pairs:
    yield doubted.curve[-1:], trusted.curve[-1:]


def _loss_curve(doubted: Run, trusted: Run) -> Pairs:
    yield doubted.curve, trusted.curve


def _final_weights(doubted: Run, trusted: Run) -> Pairs:
    yield from zip(doubted.recordings[-1].final[0], trusted.recordings[-1].final[0], strict=True)


def _each_step(parts: Callable[[Recording], tuple[Array | None, ...]]) -> Shown:
    """Show parts of every recording, each (s, ...), as far as both runs recorded them."""

    def shown(doubted: Run, trusted: Run) -> Pairs:
        for ours, theirs in zip(doubted.recordings, trusted.recordings, strict=True):
            for a, b in zip(parts(ours), parts(theirs), strict=True):
                if a is not None and b is not None:
                    yield a, b

    return shown


def _outputs(recording: Recording) -> tuple[Array | None, ...]:
    evaluation, layers = recording.evaluation, len(recording.grads) // 2
    return (*(evaluation.activations or (None,) * layers), evaluation.logits)


def _outputs_and_gradients(recording: Recording) -> tuple[Array | None, ...]:
    return (*_outputs(recording), recording.evaluation.loss, *recording.grads)


def _tensors(recording: Recording) -> tuple[Array | None, ...]:
    return (*_outputs_and_gradients(recording), *recording.after)


def _flags(shown: Shown, apart: Apart) -> Differs:
    """Make the rule that any pair shown may break; a pair unlike in shape or dtype breaks all."""

    def differs(doubted: Run, trusted: Run) -> bool:
        with np.errstate(all="ignore"):
            return any(
                (a.shape, a.dtype) != (b.shape, b.dtype)
                or any(apart(a[rows], b[rows]) for rows in _blocks(a))
                for a, b in shown(doubted, trusted)
            )

    return differs


def _blocks(a: Array) -> Iterator[slice]:
    rows = max(1, BLOCK // math.prod(a.shape[1:]))
    return (slice(start, start + rows) for start in range(0, len(a), rows))


def _beyond(rtol: float, atol: float, equal_nan: bool) -> Apart:
    """Ask of every element whether |a - b| <= atol + rtol |b| fails, in the arrays' arithmetic.

    b is the trusted one. Equal infinities are close; a NaN is close to nothing, or with equal_nan
    to a NaN. np.isclose and torch.isclose are both this.
    """

    def apart(a: Array, b: Array) -> bool:
        distance = np.abs(a - b)
        if (distance <= atol).all():  # what is allowed is never less: mostly, this settles it
            return False
        close = (distance <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
        if equal_nan:
            close |= np.isnan(a) & np.isnan(b)
        return not close.all()

    return apart


def _assert_close(shown: Shown) -> Differs:
    """Make the rule whose tolerances depend on the dtype."""
    by_dtype = {
        dtype: _flags(shown, _beyond(rtol, atol, equal_nan=False))
        for dtype, (rtol, atol) in ASSERT_CLOSE.items()
    }
    return lambda doubted, trusted: by_dtype[trusted.dtype](doubted, trusted)


def _means_beyond(rtol: float, atol: float) -> Apart:
    beyond = _beyond(rtol, atol, equal_nan=True)
    return lambda a, b: beyond(_rows(a).mean(axis=1), _rows(b).mean(axis=1))


def _mean_distance_above(limit: float) -> Apart:
    return lambda a, b: bool((_rows(np.abs(a - b)).mean(axis=1) > limit).any())


def _largest_distance_above(limit: float) -> Apart:
    # As NumPy's maximum has it, one NaN makes the largest distance NaN, which is above nothing.
    return lambda a, b: bool((_rows(np.abs(a - b)).max(axis=1) > limit).any())


def _rows(a: Array) -> Array:
    """Return a tensor of every step as (s, elements)."""
    rows: Array = a.reshape(len(a), math.prod(a.shape[1:]))
    return rows


def _muffin(doubted: Run, trusted: Run) -> bool:
    far = _flags(_each_step(_outputs_and_gradients), _largest_distance_above(0.15))
    return _has_nan(doubted) != _has_nan(trusted) or far(doubted, trusted)


def _has_nan(run: Run) -> bool:
    """Say whether any layer's output is NaN at any step."""
    outputs = (a for recording in run.recordings for a in _outputs(recording) if a is not None)
    return any(bool(np.isnan(a).any()) for a in outputs)


_EVERYTHING = _each_step(_tensors)
EVERYTHING = "every tensor of every step"
WEIGHTS = "final weights"
_EQUAL_NAN = "np.testing.assert_allclose, for which a NaN equals a NaN"

RULES: tuple[Rule, ...] = (
    Rule(
        "allclose, final loss", "np.allclose", "final loss",
        "NumPy 2.4, numpy/_core/numeric.py: rtol 1e-5, atol 1e-8; a NaN equals nothing.",
        _flags(_final_loss, _beyond(1e-5, 1e-8, equal_nan=False)),
    ),
    Rule(
        "loss curve, 1 %", "the eye", "loss at every mark",
        "No tool has it as a default: it is what two curves look like that lie on each other. 1 % "
        "of the trusted loss, this project's own figure; a NaN equals nothing.",
        _flags(_loss_curve, _beyond(0.01, 0.0, equal_nan=False)),
    ),
    Rule(
        "assert_close, weights", "torch.testing.assert_close", WEIGHTS,
        "PyTorch 2.13, torch/testing/_comparison.py: rtol 1e-7, atol 1e-7 in float64, 1.3e-6 and "
        "1e-5 in float32; a NaN equals nothing.",
        _assert_close(_final_weights),
    ),
    Rule(
        "assert_close, all", "torch.testing.assert_close", EVERYTHING,
        "As for assert_close, weights. In its favour: it is called on every tensor of every step.",
        _assert_close(_EVERYTHING),
    ),
    Rule(
        "chex, weights", "chex.assert_trees_all_close", WEIGHTS,
        "google-deepmind/chex, chex/_src/asserts.py: rtol 1e-6, atol 0, outside jit through "
        f"{_EQUAL_NAN}.",
        _flags(_final_weights, _beyond(1e-6, 0.0, equal_nan=True)),
    ),
    Rule(
        "Keras, all", "keras.src.testing.TestCase.assertAllClose", EVERYTHING,
        f"Keras 3, keras/src/testing/test_case.py: rtol 1e-6, atol 1e-6, through {_EQUAL_NAN}. In "
        "its favour: it is called on every tensor of every step.",
        _flags(_EVERYTHING, _beyond(1e-6, 1e-6, equal_nan=True)),
    ),
    Rule(
        "PaDiff, means", "PaDiff", EVERYTHING,
        "PaddlePaddle/PaDiff, padiff/configs/compare.py (2025; checker_utils.py in 2023): "
        'compare_mode "mean", rtol 1e-7, atol 0. The means of two tensors go through '
        f"{_EQUAL_NAN}. In its favour: every step rather than the first, every tensor rather than "
        "down to the first layer that agrees, the loss as well.",
        _flags(_EVERYTHING, _means_beyond(1e-7, 0.0)),
    ),
    Rule(
        "PaDiff, README", "PaDiff", EVERYTHING,
        'PaddlePaddle/PaDiff, README.md: the options of its first example, compare_mode "strict", '
        f"atol 1e-4, rtol 0. Element by element through {_EQUAL_NAN}. In its favour: as for its "
        "means.",
        _flags(_EVERYTHING, _beyond(0.0, 1e-4, equal_nan=True)),
    ),
    Rule(
        "reprod_log", "reprod_log", EVERYTHING,
        'WenmuZhou/reprod_log, reprod_log/utils.py (2021): diff_method "mean", diff_threshold '
        "1e-6. The mean of |a - b| must not exceed it, which a NaN never does. In its favour: "
        "every tensor of every step is logged.",
        _flags(_EVERYTHING, _mean_distance_above(1e-6)),
    ),
    Rule(
        "Muffin, 0.15", "Muffin", "outputs, loss and gradients of every step",
        "Gu, Luo, Zhou and Wang, Muffin: Testing Deep Learning Libraries via Neural Architecture "
        "Fuzzing, ICSE 2022, doi 10.1145/3510003.3510092; library-testing/Muffin, scripts/incons: "
        "max |a - b| > 0.15. One NaN makes the maximum NaN, which its database drops; a NaN in "
        "the layers' outputs is counted apart, here where one run alone has it. In its favour: "
        "every step rather than one, and a layer need not have inputs that agree to 1e-5. It "
        "compares gradients by the layers' outputs, for which those by the weights stand here.",
        _muffin,
    ),
)  # fmt: skip

BESIDE_SIZES = ("assert_close, all", "Keras, all", "PaDiff, means", "allclose, final loss")
"""The rules beside which the smallest sizes that are found stand."""
