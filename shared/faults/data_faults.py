"""Faults of the data: wrong numbers, wrong labels, wrong samples, or the right ones out of order.

A backend that is given the wrong samples shows that in the samples it reports. One that takes
wrong ones, and reports the right ones, shows it in its first activations, or in its loss.
"""

from __future__ import annotations

from shared.faults import data_changes as changes
from shared.faults.fault import AtBorder, Fault
from shared.faults.in_backend import in_backend, lines
from shared.faults.in_train import in_train
from shared.faults.places import FORWARD, LOSS, SAMPLES

FIRST = ("a1",)
"""Wrong inputs show in the first layer: the next one is judged from what that one gave."""

_CHOSEN = "chosen = (x[batches], y[batches]) if self.is_flat else batches"
"""Where JAX's program takes its samples, clamping an index out of range to the last one."""

ORDER_FAULTS = (
    Fault(
        "last-sample-dropped",
        "The last sample is never seen; an index out of range takes another one, without a word.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.last_never),
        in_source=(
            in_backend(
                "torch",
                FORWARD,
                FIRST,
                ("np.take(data.x, chosen", "np.take(data.x[:-1], chosen"),
                ("np.take(data.y, chosen", "np.take(data.y[:-1], chosen"),
            ),
            in_backend(
                "jax",
                FORWARD,
                FIRST,
                (
                    _CHOSEN,
                    lines(8, "x, y = x[:-1], y[:-1]", _CHOSEN),
                ),
            ),
        ),
        source="jax-ml/jax#4455",
    ),
    Fault(
        "samples-swapped",
        "Two lines of the table changed places.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.two_swapped),
        starts=(1, 777),
    ),
    Fault(
        "samples-swapped-once",
        "Two batches came in the other order, once.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.two_swapped_once),
        starts=(5, 2024),
        lasting=2,
    ),
    Fault(
        "batches-shuffled",
        "The loader shuffles, though the order was given.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.shuffled),
        in_source=in_train(
            FORWARD,
            FIRST,
            "order = np.random.RandomState(0).permutation(len(data.x))",
            "data = Dataset(data.x[order], data.y[order])",
        ),
    ),
    Fault(
        "one-batch-forever",
        "The loop asks for next(iter(loader)), and so for the first batch every time.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.always_the_first),
        source="leohsuofnthu/Pytorch-IterativeFCN#7",
    ),
    Fault(
        "batch-twice",
        "A batch came twice, and the next one was lost.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.seen_again),
        starts=(99,),
        lasting=2,
    ),
    Fault(
        "ragged-batch-dropped",
        "The samples of the smaller last batch of an epoch are never seen.",
        "data",
        at_border=AtBorder(SAMPLES, ("samples",), order=changes.ragged_never),
    ),
)

LABEL_FAULTS = (
    Fault(
        "label-flipped",
        "One sample in the table has the wrong label.",
        "data",
        in_source=in_train(
            LOSS,
            ("loss",),
            "wrong = 1 - data.y if data.y.shape[1] == 1 else np.roll(data.y, 1, axis=1)",
            "data = Dataset(data.x, np.where(np.arange(len(data.y))[:, None] == 3, wrong, data.y))",
        ),
        source="DeepCrime, change_label",
    ),
    Fault(
        "label-flipped-once",
        "The labels of one batch were wrong, in one step.",
        "data",
        at_border=AtBorder(LOSS, ("loss",), gradients=changes.label_of_another_class),
        starts=(1, 777),
        lasting=1,
    ),
    Fault(
        "labels-shuffled",
        "The inputs were shuffled apart from the labels.",
        "data",
        in_source=in_train(
            LOSS,
            ("loss",),
            "order = np.random.RandomState(1).permutation(len(data.y))",
            "data = Dataset(data.x, data.y[order])",
        ),
    ),
    Fault(
        "labels-off-by-one",
        "Every sample has the label of the next one.",
        "data",
        in_source=in_train(LOSS, ("loss",), "data = Dataset(data.x, np.roll(data.y, -1, axis=0))"),
    ),
    Fault(
        "labels-minus-one",
        "The labels are -1 and 1, where the output is 0 to 1.",
        "data",
        in_source=in_train(LOSS, ("loss",), "data = Dataset(data.x, 2 * data.y - 1)"),
    ),
    Fault(
        "labels-smoothed",
        "Label smoothing was left on.",
        "data",
        at_border=AtBorder(LOSS, ("loss",), gradients=changes.labels_smoothed),
        sizes=(0.1, 1e-9),
        resolution={"float64": 2e-15, "float32": 1e-6},
    ),
)

INPUT_FAULTS = (
    Fault(
        "inputs-scaled",
        "The inputs are a little too large: a wrong unit, or a divisor that is off by one.",
        "data",
        at_border=AtBorder(FORWARD, FIRST, gradients=changes.inputs_scaled),
        in_source=in_train(FORWARD, FIRST, "data = Dataset(data.x * (1 + SIZE), data.y)"),
        sizes=(1e-3, 1e-9),
        resolution={"float64": 2e-15, "float32": 1e-6},
    ),
    Fault(
        "inputs-float32",
        "The inputs went through float32 on their way into a float64 run.",
        "data",
        in_source=in_train(
            FORWARD,
            FIRST,
            "data = Dataset(data.x.astype(np.float32).astype(data.x.dtype), data.y)",
        ),
    ),
    Fault(
        "inputs-uint8",
        "The inputs were kept as uint8, which has no fractions.",
        "data",
        in_source=in_train(
            FORWARD,
            FIRST,
            "data = Dataset(data.x.astype(np.int64).astype(np.uint8).astype(data.x.dtype), data.y)",
        ),
    ),
    Fault(
        "columns-swapped",
        "The columns of the inputs come in the opposite order.",
        "data",
        in_source=in_train(
            FORWARD, FIRST, "data = Dataset(np.ascontiguousarray(data.x[:, ::-1]), data.y)"
        ),
    ),
    Fault(
        "other-mean-subtracted",
        "The mean that was subtracted from the inputs is that of another split.",
        "data",
        in_source=in_train(
            FORWARD,
            FIRST,
            "half = data.x[: len(data.x) // 2]",
            "data = Dataset(data.x + (data.x.mean(axis=0) - half.mean(axis=0)), data.y)",
        ),
    ),
    Fault(
        "inputs-noisy",
        "An augmentation that adds noise was left on.",
        "data",
        at_border=AtBorder(FORWARD, FIRST, gradients=changes.inputs_noisy),
        sizes=(0.1, 1e-9),
        resolution={"float64": 2e-15, "float32": 1e-6},
        source="DeepCrime, add_noise",
    ),
)

DATA_FAULTS = (*ORDER_FAULTS, *LABEL_FAULTS, *INPUT_FAULTS)
