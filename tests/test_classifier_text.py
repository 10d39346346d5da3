"""What the reports tell of a classifier on the page."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from shared.classification import NOTHING
from shared.comparison import BackendResult, Comparison, compare
from shared.named_problems import problem
from shared.problems import Problem
from shared.report import words
from tests.classifier_runs import THIRD, answering, data_of, put, run, text_of, told_of
from tests.classifiers import (
    CLASSES,
    MISLABELLED,
    NUMPY,
    OTHER,
    none_held_out,
    one_output,
    pictures,
)
from tests.command_line import row, section, unwrapped


@pytest.fixture(scope="module")
def learned() -> Comparison:
    """Three backends that are right about five of the six held out."""
    return run(pictures(20), NUMPY, OTHER, THIRD)


ACCURACY = "Accuracy in percent on the 6 held-out samples"
CONFUSION = "Confusion matrix on the 6 held-out samples, after epoch 20"


def test_the_network_has_learned_all_but_the_wrong_label(learned: Comparison) -> None:
    """What the tests below rely on."""
    assert learned.classification is not None
    first = learned.classification.backends[0]
    assert (first.correct, first.surest_errors) == (5, (MISLABELLED,))


def test_every_line_fits_the_page(learned: Comparison) -> None:
    assert max(map(len, text_of(learned).splitlines())) <= 88


def test_the_split_is_named(learned: Comparison) -> None:
    assert section(text_of(learned), ACCURACY)[0] == "Held out: by hand."


def test_without_held_out_samples_it_says_so() -> None:
    lines = section(text_of(run(none_held_out(2))), "Accuracy in percent on the 9 training samples")
    assert lines[0] == "No samples are held out: these are the ones it was trained on."


def test_equal_backends_share_a_row(learned: Comparison) -> None:
    lines = section(text_of(learned), ACCURACY)[1:]
    assert [line.split()[0] for line in lines] == ["after", "all"] * 2
    correct = learned.backends[0].curve.held_out_correct
    assert correct is not None
    told = [cell for line in lines if line.startswith("all 3") for cell in line.split()[2:]]
    assert told == [f"{100 * n / 6:.1f}" for n in correct.tolist()]
    epochs = [cell for line in lines if line.startswith("after") for cell in line.split()[2:]]
    assert epochs == [str(epoch) for epoch in range(21)]


def changed_curve(comparison: Comparison, which: int, mark: int) -> Comparison:
    results = list(comparison.backends)
    curve = results[which].curve
    assert curve.held_out_correct is not None
    counts = curve.held_out_correct.copy()
    counts[mark] += 1
    results[which] = replace(results[which], curve=replace(curve, held_out_correct=counts))
    return replace(comparison, backends=tuple(results))


@pytest.mark.parametrize(
    ("mark", "rows"),
    [
        (3, ["after", "numpy", "other", "third", "after", "all"]),
        (12, ["after", "all", "after", "numpy", "other", "third"]),
    ],
)
def test_backends_that_differ_have_rows_of_their_own(
    learned: Comparison, mark: int, rows: list[str]
) -> None:
    lines = section(text_of(changed_curve(learned, 1, mark)), ACCURACY)[1:]
    assert [line.split()[0] for line in lines] == rows


@pytest.mark.parametrize(("count", "named"), [(1, "numpy"), (2, "both"), (3, "all 3")])
def test_a_row_is_named_after_who_stands_in_it(count: int, named: str) -> None:
    lines = section(text_of(run(pictures(1), *[NUMPY, OTHER, THIRD][:count])), ACCURACY)
    assert lines[-1].startswith(f"{named}  ")


@pytest.mark.parametrize(("epochs", "shown"), [(1, 2), (31, 32), (32, 33), (33, 33), (500, 33)])
def test_of_many_marks_some_are_shown_the_first_and_the_last_always(
    epochs: int, shown: int
) -> None:
    lines = section(text_of(run(pictures(epochs))), ACCURACY)
    told = [int(c) for line in lines if line.startswith("after") for c in line.split()[2:]]
    assert (told[0], told[-1], len(told)) == (0, epochs, shown)
    assert told == sorted(set(told))
    gaps = np.diff(told)
    assert gaps.max() - gaps.min() <= 1
    assert ("--json FILE holds them all" in lines[-1]) == (epochs > 32)


def test_a_narrow_page_has_fewer_epochs_in_a_row(learned: Comparison) -> None:
    lines = section(text_of(learned, width=40), ACCURACY[:33])
    assert max(map(len, lines)) <= 40
    assert [len(line.split()) - 2 for line in lines if line.startswith("after")] == [
        4,
        4,
        4,
        4,
        4,
        1,
    ]


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100.0"), (0.99999, "99.9"), (0.9724, "97.2"), (0.0, "0.0"), (0.9996, "99.9")],
)
def test_a_hundred_percent_is_all_of_them(share: float, text: str) -> None:
    assert words.percent(share) == text


def test_the_confusions_stand_in_their_place(learned: Comparison) -> None:
    lines = section(text_of(learned), CONFUSION)
    assert lines[0].split() == ["true", *CLASSES]
    assert [row(lines, name) for name in CLASSES] == [
        ["1", ".", "."],
        ["1", "2", "."],
        [".", ".", "2"],
    ]
    assert "All 3 predict the same for all 6." in lines
    assert "disagree" not in text_of(learned)


@pytest.mark.parametrize(("count", "said"), [(1, None), (2, "Both predict"), (3, "All 3 predict")])
def test_agreement_is_said_where_there_is_somebody_to_agree(count: int, said: str | None) -> None:
    told = text_of(run(pictures(1), *[NUMPY, OTHER, THIRD][:count]))
    assert re.findall(r"^(\w+(?: 3)? predict) the same", told, re.M) == ([said] if said else [])


def test_disagreements_are_told_sample_by_sample(learned: Comparison) -> None:
    parted = answering(learned, 1, put(0, chosen=2))
    told = text_of(parted)
    lines = section(told, "The backends disagree on 1 of 6")
    assert lines[0].split() == ["sample", "true", "numpy", "other", "third"]
    (cells,) = [re.split(r"\s{2,}", line.strip()) for line in lines[1:]]
    confidences = [one.answers.confidence[0] for one in told_of(parted).backends]
    assert cells == [
        "1", "left", f"left ({confidences[0]:.2f})", f"top ({confidences[1]:.2f})",
        f"left ({confidences[2]:.2f})",
    ]  # fmt: skip
    assert "predict the same" not in told
    assert f"\n{CONFUSION} (numpy)\n" in told
    assert "1 of 1 error (numpy)\n" in told


def test_of_many_disagreements_the_first_are_shown() -> None:
    one = none_held_out(1)
    x, y = (np.tile(a, (2, 1)) for a in (one.x, one.y))
    apart = answering(run(replace(one, x=x, y=y), NUMPY, OTHER), 1, put(chosen=0))
    predicted = told_of(apart).backends[0].answers.predicted
    turned = answering(apart, 1, lambda chosen: chosen.__setitem__(slice(None), 1 + predicted % 2))
    lines = section(text_of(turned), "The backends disagree on 18 of 18")
    assert [line.split()[0] for line in lines[1:-1]] == [str(n) for n in range(1, 11)]
    assert lines[-1] == "and 8 more; --json FILE holds them all."


def test_nan_is_nobodys_class(learned: Comparison) -> None:
    broken = answering(learned, 0, put(1, 2, chosen=NOTHING))
    told = text_of(broken)
    lines = section(told, CONFUSION)
    assert lines[0].split() == ["true", *CLASSES, "none"]
    assert row(lines, "right") == ["1", "1", ".", "1"]
    assert row(lines, "left") == ["1", ".", ".", "."]
    assert "none (NaN)" in "".join(section(told, "The backends disagree on 2 of 6"))


def test_a_network_of_nan_is_told_without_a_warning() -> None:
    relu = replace(pictures().network, activation="relu")
    told = run(replace(pictures(3).changed(learning_rate=3e38), network=relu))
    text = text_of(told)
    assert set(data_of(told)["backends"][0]["predicted"]) == {None}
    assert "Most confidently wrong" not in text
    assert "numpy: broken: 0 of 9 training samples, 0 of 6 held out, with weights" in text


def test_the_surest_error_is_drawn(learned: Comparison) -> None:
    lines = section(text_of(learned), "Most confidently wrong: 1 of 1 error")
    confidence = told_of(learned).backends[0].answers.confidence[MISLABELLED]
    assert lines == [f"right taken for left ({confidence:.2f})", "sample 5", "██", "██"]


def test_the_four_surest_errors_stand_side_by_side() -> None:
    told = run(none_held_out(1))
    wrong = answering(told, 0, lambda chosen: chosen.__setitem__(slice(None), [1, 2, 0] * 3))
    drawn = text_of(wrong).partition("Most confidently wrong: 4 of 9 errors\n")[2]
    samples = [index + 1 for index in told_of(wrong).backends[0].surest_errors[:4]]
    assert [int(n) for n in re.findall(r"sample (\d+)", drawn)] == samples
    assert re.findall(r"taken for", drawn.splitlines()[0]) == ["taken for"] * 3


def test_without_an_error_nothing_is_drawn(learned: Comparison) -> None:
    assert "Most confidently wrong" not in text_of(answering(learned, 0, put(4, chosen=1)))


def test_samples_that_are_no_pictures_are_named(learned: Comparison) -> None:
    plain = replace(learned, problem=replace(learned.problem, image=None))
    lines = section(text_of(plain), "Most confidently wrong: 1 of 1 error")
    assert [line.split()[0] for line in lines] == ["right", "sample"]


def test_too_many_classes_are_no_table() -> None:
    one, wide = none_held_out(1), 40
    many = replace(
        one,
        classes=tuple(f"class {i}" for i in range(wide)),
        y=np.tile(np.eye(wide)[0], (len(one.y), 1)),
        network=replace(one.network, sizes=(4, 3, wide)),
    )
    told = text_of(run(many))
    assert "It is too wide to be shown: 40 classes. --json FILE holds it." in told
    assert max(map(len, told.splitlines())) <= 88


def test_one_output_with_held_out_samples_is_told_likewise() -> None:
    told = run(one_output(20), NUMPY, OTHER)
    lines = section(text_of(told), "Confusion matrix on the 3 held-out samples, after epoch 20")
    assert lines[0].split() == ["true", "left", "right"]
    assert [row(lines, name) for name in ("left", "right")] == [["1", "1"], [".", "1"]]
    assert "Both: 4 of 4 training samples, 2 of 3 held out." in text_of(told)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (pictures(20), "9 of 9 training samples, 5 of 6 held out"),
        (none_held_out(20), "9 of 9 training samples"),
    ],
)
def test_did_it_learn(one: Problem, said: str) -> None:
    assert section(text_of(run(one)), "Did it learn?") == [f"numpy: {said}."]


def test_why_a_classifier_errs_is_not_put_down_to_its_units() -> None:
    """People who are stuck with saturated units get that explanation; ten classes do not."""
    told = run(pictures(1))
    (first,) = told.backends
    assert not first.outcome.solved
    assert "activation function is flat" not in unwrapped(
        text_of(replace(told, backends=(saturated(first, 2),)))
    )
    people = compare(problem("people4").changed(epochs=1), 1, [NUMPY])
    (first,) = people.backends
    assert "activation function is flat" in unwrapped(
        text_of(replace(people, backends=(saturated(first, 2),)))
    )


def saturated(result: BackendResult, units: int) -> BackendResult:
    found = tuple((1, unit + 1, 0) for unit in range(units))
    return replace(result, outcome=replace(result.outcome, saturated=found))


@pytest.mark.parametrize(
    ("units", "said"), [(0, ""), (1, "; 1 hidden unit is saturated"), (2, "; 2 hidden units are")]
)
def test_saturated_units_of_a_classifier_are_counted_only(
    learned: Comparison, units: int, said: str
) -> None:
    (first, *_) = learned.backends
    told = text_of(replace(learned, backends=(saturated(first, units),)))
    assert f"5 of 6 held out{said}" in told


def test_a_head_says_which_samples_a_step_sees() -> None:
    told = text_of(run(pictures(1)))
    assert "\n9 samples, shuffled in every epoch, 3 to a step; 6 more are held out\n" in told


def test_people_are_told_as_before() -> None:
    told = text_of(compare(problem("people4").changed(epochs=2), 1, [NUMPY, OTHER]))
    assert "Accuracy" not in told
    assert "Confusion" not in told
    assert [line.split()[0] for line in told.splitlines()[1:3]] == ["Inputs:", "seed"]
