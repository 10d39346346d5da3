"""The harness's own faults: slips of a line or two, each of which a test has to fail for.

Tools that compare had many of them, for years: checks that could not fail, and that nobody saw
fail. test_harness_faults.py tries each; benchmarks/harness_faults.py prints the table.
"""

from __future__ import annotations

from tests.harness_copies import HarnessFault

DECISION, CHAIN = "shared/certificate/decision.py", "shared/certificate/chain.py"
JUDGE, LEDGER = "shared/certificate/judge.py", "shared/certificate/ledger.py"
CONTRACT, DRIFT = "shared/contract.py", "shared/drift.py"
FILES, COMPARISON = "shared/recording_file.py", "shared/comparison.py"

HARNESS_FAULTS = (
    HarnessFault(
        "NaN passes",
        "What is not beyond its bound is explained; no NaN is beyond anything.",
        DECISION,
        """\
        if not (explained.all() and error.max(initial=0.0) < np.inf):
            finite = np.isfinite(error)
""",
        """\
        explained = ~(error > bound)
        if not explained.all():
            finite = np.ones(error.shape, dtype=bool)
""",
        "tests/test_certificate_decision.py::test_every_verdict",
    ),
    HarnessFault(
        "NaN equals NaN",
        "Bits are compared as numbers, and two NaNs forgiven: payloads and signs of zero are lost.",
        "shared/ulp.py",
        "different: Array = _bits(a) != _bits(b)",
        "different: Array = (a != b) & ~(np.isnan(a) & np.isnan(b))",
        "tests/test_ulp.py::test_bits_tell_the_zeros_apart",
    ),
    HarnessFault(
        "NaN has no distance",
        "A mean or a maximum that skips NaN: a backend that computes nothing is near all others.",
        DRIFT,
        "distance[np.isnan(a) | np.isnan(b)] = INCOMPARABLE",
        "distance[np.isnan(a) | np.isnan(b)] = 0",
        "tests/test_drift_distances.py::test_a_nan_is_further_than_any_number",
    ),
    HarnessFault(
        "a value held to itself",
        "The distance of every value is taken to the value.",
        "shared/certificate/stages.py",
        "arithmetic.distance(value, true)",
        "arithmetic.distance(value, arithmetic.lift(value))",
        "tests/test_certificate_parts.py::test_every_row_of_a_gradient_is_judged",
    ),
    HarnessFault(
        "bounds twice as wide",
        "A margin to be on the safe side.",
        "shared/certificate/bounds.py",
        "return bound * (1 + 1e-9)",
        "return bound * 2",
        "tests/test_certificate_bounds.py"
        "::test_on_one_sample_of_2_2_1_the_roundings_can_be_counted",
    ),
    HarnessFault(
        "nothing tested, but right",
        "Where the bound is as large as the value, the value counts as right to the bit.",
        DECISION,
        "equal = value == exact.astype(dtype, copy=False)",
        "equal = (value == exact.astype(dtype, copy=False)) | (bound >= abs(value))",
        "tests/test_certificate_decision.py::test_every_verdict",
    ),
    HarnessFault(
        "a doubt counts as explained",
        "What only holds from end to end is let pass.",
        "shared/certificate/fallback.py",
        "some[inside], Verdict.UNDECIDED)",
        "some[inside], Verdict.EXPLAINED)",
        "tests/test_certificate_decision.py"
        "::test_gradients_of_activations_that_were_not_recorded_are_undecided",
    ),
    HarnessFault(
        "the last verdict stands",
        "A doubt that comes later takes a difference back.",
        LEDGER,
        "self.worst = max(self.worst, worst)",
        "self.worst = worst",
        "tests/test_judging_nothing_forgotten.py"
        "::test_a_doubt_that_comes_later_takes_no_difference_back",
    ),
    HarnessFault(
        "the start held to itself",
        "The first parameters are held to the first parameters, and not to the seed's.",
        CHAIN,
        "first[i][None]",
        "before[i][:1]",
        "tests/test_certificate_chain.py::test_another_seed_than_the_one_named",
    ),
    HarnessFault(
        "chunks not held together",
        "Whether a step starts where the last one ended is not asked where a chunk begins.",
        CHAIN,
        "hold(self._link, name,",
        "self._link == START and hold(START, name,",
        "tests/test_certificate_chain.py::test_a_state_reloaded_at_a_border_of_chunks",
    ),
    HarnessFault(
        "only the first link",
        "Of a chunk's steps the first two are held together. PaDiff compared the first step only, "
        "by a return inside a loop.",
        CHAIN,
        "steps[1:], before[i][1:], after[i][:-1]",
        "steps[1:2], before[i][1:2], after[i][:1]",
        "tests/test_certificate_chain.py::test_a_state_reloaded_within_a_chunk",
    ),
    HarnessFault(
        "taken for the same memory",
        "Two arrays of one shape count as one array, which needs no comparing.",
        LEDGER,
        '("data", "strides",',
        '("strides",',
        "tests/test_certificate_chain.py::test_one_final_parameter",
    ),
    HarnessFault(
        "any for all",
        "A step saw other samples only if every one of its samples is another.",
        CHAIN,
        ".reshape(len(seen), -1).any(axis=1)",
        ".reshape(len(seen), -1).all(axis=1)",
        "tests/test_certificate_shuffled.py::test_two_samples_exchanged_within_a_batch",
    ),
    HarnessFault(
        "only the first block",
        "Of the blocks that steps are judged in, all but the first are passed over.",
        JUDGE,
        "for start in range(0, len(rows), self._block(recording)):",
        "for start in range(0, len(rows), self._block(recording))[:1]:",
        "tests/test_certificate_parts.py::test_every_block_of_steps_is_judged",
    ),
    HarnessFault(
        "only a chunk's first step",
        "The first step of every chunk is judged, and no other.",
        JUDGE,
        "rows = np.flatnonzero(self._sample.chosen(recording.steps))",
        "rows = np.flatnonzero(self._sample.chosen(recording.steps))[:1]",
        "tests/test_certificate_parts.py::test_every_row_of_a_gradient_is_judged",
    ),
    HarnessFault(
        "only the first marks",
        "Of the marks of a curve, those of the first group are judged.",
        JUDGE,
        "for start in range(0, count, together):",
        "for start in range(0, min(count, together), together):",
        "tests/test_certificate_parts.py::test_every_mark_of_a_curve_is_judged",
    ),
    HarnessFault(
        "only the first part",
        "A large tensor is judged in parts, and only in the first of them.",
        "shared/certificate/update.py",
        "for part in parts(tensors[0]):",
        "for part in list(parts(tensors[0]))[:1]:",
        "tests/test_certificate_parts.py::test_every_row_of_an_update_is_judged",
    ),
    HarnessFault(
        "the last tensor dropped",
        "Tensors are paired without asking for equal numbers of them, and one list is shorter.",
        "shared/certificate/update.py",
        "in zip(names, before, grads, after, strict=True):",
        "in zip(names[:-1], before, grads, after):",
        "tests/test_certificate_parts.py::test_every_tensor_of_an_update_is_judged",
    ),
    HarnessFault(
        "activations of another step",
        "Gradients are judged from the activations of the step before: wrong pairs.",
        JUDGE,
        "*(_held(a[chosen]) for a in evaluation.activations or ()),",
        "*(_held(np.roll(a, 1, axis=0)[chosen]) for a in evaluation.activations or ()),",
        "tests/test_certificate_text.py::test_certified_runs_are_counted",
    ),
    HarnessFault(
        "the state after for before",
        "What an optimizer carries is judged from what it carried afterwards: wrong pairs.",
        "shared/certificate/optimizer_update.py",
        "for name, params in self.state_before.items()",
        "for name, params in self.state_after.items()",
        "tests/test_certificate_optimizers_chain.py",
    ),
    HarnessFault(
        "a swallowed exception",
        "A recording that lacks a tensor raises, and is passed over without a word.",
        JUDGE,
        "            self._ledger.say(first, SHAPE, str(error))\n",
        "            del error\n",
        "tests/test_certificate_chain.py::test_a_tensor_that_is_missing_or_misshaped",
    ),
    HarnessFault(
        "nothing judged, but certified",
        "Where nothing was found all is well, also where nothing was looked at.",
        "shared/certificate/findings.py",
        "return self.judged_steps > 0 and not self.found",
        "return not self.found",
        "tests/test_certificate_text.py::test_a_run_without_a_step_is_not_judged",
    ),
    HarnessFault(
        "a missing tensor passes",
        "Arrays are paired with their names as far as both go. In Polygraphy an output that is "
        "missing on one side is a warning.",
        CONTRACT,
        """\
            raise self._error(where, f"{len(names)} arrays ({', '.join(names)})", f"{len(arrays)}")
        for array, name, shape in zip(arrays, names, shapes, strict=True):
""",
        """\
            names = names[: len(arrays)]
        for array, name, shape in zip(arrays, names, shapes, strict=False):
""",
        "tests/test_contract_gradients.py::test_wrong_gradients_are_named",
    ),
    HarnessFault(
        "(n,) for (n, 1)",
        "Axes of length 1 do not count, so that one loss for each sample may be broadcast.",
        CONTRACT,
        "if array.shape != shape:",
        "if np.squeeze(array).shape != tuple(n for n in shape if n != 1):",
        "tests/test_contract_evaluation.py::test_a_wrong_evaluation_is_named",
    ),
    HarnessFault(
        "a dropped boolean",
        "Two arrays are asked whether they are equal, and nobody looks at the answer, as in a test "
        "of einops.",
        CONTRACT,
        "if not np.array_equal(recording.steps, expected):",
        "if np.array_equal(recording.steps, expected) is None:",
        "tests/test_contract_recording.py::test_a_wrong_recording_is_named",
    ),
    HarnessFault(
        "a view for a copy",
        "What a backend returns is kept as it is: a buffer used again changes what was recorded.",
        "shared/gathering.py",
        "return gathered([value], lambda arrays: np.array(arrays[0]))",
        "return gathered([value], lambda arrays: np.asarray(arrays[0]))",
        "tests/test_stepwise_arguments.py::test_a_buffer_that_is_used_again_spoils_nothing",
    ),
    HarnessFault(
        "a view of the losses",
        "The losses of a block of marks are kept where the backend put them, and may put others.",
        "shared/evaluation.py",
        "return np.array(evaluation.loss[:count]),",
        "return evaluation.loss[:count],",
        "tests/test_comparison_each_by_itself.py::test_a_curve_is_none_of_the_backends_own_memory",
    ),
    HarnessFault(
        "before is after",
        "The arrays that were frozen are not those that are handed on: a backend that updates in "
        "place moves what it started from.",
        "shared/checking.py",
        "    return views\n",
        "    return tuple(arrays)\n",
        "tests/test_stepwise_arguments.py::test_writing_into_an_argument_is_stopped",
    ),
    HarnessFault(
        "healed on disk",
        "A file holds one trail of parameters, and a chain that is broken comes back whole.",
        FILES,
        "        and not any(bits_differ(b[1:], a[:-1]).any() for b, a in zip(before, after, "
        "strict=True))\n",
        "",
        "tests/test_recording_trail.py::test_a_break_that_arithmetic_does_not_see_is_kept",
    ),
    HarnessFault(
        "a chunk never read",
        "The last chunk of a recording is left in its file.",
        FILES,
        'for chunk in range(self.header["chunks"]):',
        'for chunk in range(self.header["chunks"] - 1):',
        "tests/test_recording_round_trip.py::test_what_a_backend_recorded_comes_back",
    ),
    HarnessFault(
        "what is left out fits",
        "A part that a recording's description lacks counts as equal to what is expected.",
        "shared/judging.py",
        "if data.get(key) != value:",
        "if data.get(key, value) != value:",
        "tests/test_judging_nothing_forgotten.py"
        "::test_a_file_that_leaves_out_a_part_of_its_problem_is_refused",
    ),
    HarnessFault(
        "a backend beside itself",
        "Both sides of every pair are the left one: nothing ever drifts.",
        DRIFT,
        "(tables[right], stands[right])",
        "(tables[left], stands[left])",
        "tests/test_drift_distances.py::test_other_trajectories_differ_from_the_first_step",
    ),
    HarnessFault(
        "wrong pairs",
        "Figures of one pair of backends stand under the names of another.",
        DRIFT,
        "self._indices = list(itertools.combinations(range(len(names)), 2))",
        "self._indices = [(i, j) for j in range(len(names)) for i in range(j)][::-1]",
        "tests/test_drift_pairs.py::test_the_odd_one_is_told_by_its_pairs",
    ),
    HarnessFault(
        "a mean for the largest",
        "The mean distance is told as the largest, as PaDiff compares means.",
        DRIFT,
        "int(distance[row].max())",
        "int(distance[row].mean())",
        "tests/test_drift_marks.py",
    ),
    HarnessFault(
        "an audit without a word",
        "What the audit decides is written into a copy: it never overturns anything.",
        "shared/certificate/audit.py",
        "getattr(piece, name).flat[flat] = after[name]",
        "getattr(piece, name).flatten()[flat] = after[name]",
        "tests/test_certificate_audit_curve.py"
        "::test_an_honest_answer_that_is_called_different_is_acquitted",
    ),
    HarnessFault(
        "a setting that stays",
        "A sample that was asked for once is that of every later run in the process, as PaDiff "
        "keeps a tolerance.",
        "shared/certificate/sampling.py",
        "    return Sampling(max(1, one_in), seed, problem.step_count)\n",
        """\
    return Sampling(_KEPT.setdefault("one_in", max(1, one_in)), seed, problem.step_count)


_KEPT: dict[str, int] = {}
""",
        "tests/test_runs_in_a_row.py",
    ),
    HarnessFault(
        "all judged by the first",
        "Every judge is given the recording of the first backend.",
        COMPARISON,
        "judge.add(recording)",
        "judge.add(recordings[0])",
        "tests/test_comparison_each_by_itself.py::test_each_is_judged_by_its_own_steps",
    ),
    HarnessFault(
        "only the first pair",
        "Whether curves have parted is asked of the first two backends.",
        COMPARISON,
        "return any(gap.parted_epoch is not None for gap in self.gaps)",
        "return any(gap.parted_epoch is not None for gap in self.gaps[:1])",
        "tests/test_comparison_each_by_itself.py::test_any_pair_of_curves_that_parted_is_told",
    ),
    HarnessFault(
        "left out in silence",
        "A backend that does not load is not among the missing.",
        "shared/training.py",
        "missing.append(Missing(one.name, str(error)))",
        "del error",
        "tests/test_training.py::test_a_backend_that_does_not_load_is_missing",
    ),
    HarnessFault(
        "the first verdict alone",
        "The exit code is that of the first backend.",
        "compare.py",
        "total(certificates).name",
        "total(certificates[:1]).name",
        "tests/test_certificate_text.py::test_exit_codes",
    ),
    HarnessFault(
        "the last file alone",
        "Of several files that are judged, the exit code is that of the last.",
        "compare.py",
        "return verdict_code([one.certificate for one in judged])",
        "return verdict_code([one.certificate for one in judged[-1:]])",
        "tests/test_judging_nothing_forgotten.py"
        "::test_a_wrong_file_is_not_forgotten_for_a_right_one_after_it",
    ),
    HarnessFault(
        "exit code 0",
        "The script never hands its code to the shell.",
        "compare.py",
        "    sys.exit(main())\n",
        "    main()\n",
        "tests/test_command_line_certify.py::test_what_is_no_such_number_is_named_before_judging",
    ),
)  # fmt: skip
