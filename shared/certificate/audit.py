"""The auditor: what lies close to a bound, and what is called different, is decided once more.

It makes the whole decision again in ball arithmetic, with as many bits as it takes, and its word
stands. A few steps drawn from the seed are audited too, so that the faster arithmetic is watched
itself: by how much of a bound it was off is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from shared.backend import Array
from shared.certificate.audit_choice import FAILURES, NEAR, Block, chosen_of, settled_places
from shared.certificate.audit_places import (
    NUMBERS,
    Asked,
    Key,
    in_order,
    next_failed,
    places_at,
)
from shared.certificate.backward import judge_backward, judged_as
from shared.certificate.ball import Balls, precision
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Audit
from shared.certificate.forms import form_called, profile_called
from shared.certificate.forward import judge_forward, judged_alone
from shared.certificate.optimizer_update import Moves
from shared.certificate.pieces import Places
from shared.certificate.stages import Reference
from shared.certificate.tensor_names import slot_and_param
from shared.certificate.update_again import update_passes
from shared.optimizer import Optimizer

PRECISIONS = (128, 512, 2048)
"""Bits, until all is decided; what the last leave open is undecided."""


class Auditor:
    """Follows one backend, and counts what it audits."""

    def __init__(self, reference: Reference, seed: int) -> None:
        self._reference, self._seed = replace(reference, arithmetic=Balls()), seed
        self._near = self._failed = self._drawn = self._overturned = self._bits = 0
        self._furthest = 0.0

    def audited(self, block: Block, pieces: Sequence[Judged], failures: bool) -> list[Judged]:
        """Return the judged pieces of a block as the audit leaves them.

        failures
            Whether failed values are still of interest: a report speaks of the first ones only.
        """
        besides: list[Judged] = []
        chosen = [chosen_of(piece, block, self._seed, failures) for piece in pieces]
        self._near += sum(one.near for one in chosen)
        self._failed += sum(one.failed for one in chosen)
        self._drawn += sum(one.drawn for one in chosen)
        wanted = [one.flat for one in chosen]
        done = [np.zeros(piece.value.size if failures else 0, dtype=bool) for piece in pieces]
        settled = settled_places(pieces, block, self._seed)
        while any(len(one) for one in wanted) or settled:
            besides += self._decide_again(block, pieces, wanted, settled)
            settled = {}
            if not failures:
                break
            for one, at in zip(done, wanted, strict=True):
                one[at] = True
            # Where some were overturned, others come first now.
            wanted = [
                next_failed(piece.failed.ravel(), one)
                for piece, one in zip(pieces, done, strict=True)
            ]
            self._failed += sum(map(len, wanted))
        return [*pieces, *besides]

    def audited_update(
        self, optimizer: Optimizer, names: Sequence[str], moves: Moves, pieces: Sequence[Judged],
        failures: bool,
    ) -> list[Judged]:  # fmt: skip
        """Return what was judged of an update, what failed in it decided from its definition."""
        for piece in pieces if failures else ():
            if not piece.any_failed:
                continue
            slot, name = slot_and_param(piece.tensor)
            numbers = moves.numbers(names.index(name), piece.rows)
            confirmed = 0
            for place in map(tuple, np.argwhere(piece.failed).tolist()):
                self._failed += 1
                step = int(moves.steps[piece.rows][place[0]])
                single = numbers.each(lambda a, at=place: a[at])  # type: ignore[misc]
                if update_passes(self._reference, optimizer, slot, step, single, piece, place):
                    passed = Verdict.BIT_EQUAL if piece.bitwise else Verdict.EXPLAINED
                    piece.verdict[place] = passed
                    self._overturned += 1
                else:
                    confirmed += 1
                if confirmed == FAILURES:
                    break
        return list(pieces)

    def result(self) -> Audit:
        """Return what was audited so far."""
        return Audit(
            self._near, self._failed, self._drawn, self._overturned, self._furthest, self._bits
        )

    def _decide_again(
        self,
        block: Block,
        pieces: Sequence[Judged],
        wanted: Sequence[Array],
        settled: Mapping[str, Places],
    ) -> list[Judged]:
        """Decide the wanted values again; what comes out takes the place of what was.

        Return what had been settled by an estimate and fails.
        """
        count, asked = len(block.seen.y), Asked()
        stands = [
            asked.add((piece.tensor, piece.form), places_at(piece, flat, count))
            for piece, flat in zip(pieces, wanted, strict=True)
        ]
        besides = {tensor: asked.add((tensor, ""), places) for tensor, places in settled.items()}
        self._drawn += sum(stop - start for start, stop in besides.values())
        told = self._told(block, asked)
        for piece, flat, stand in zip(pieces, wanted, stands, strict=True):
            if len(flat):
                self._merge(block, piece, flat, told[piece.tensor, piece.form], *stand)
        return [
            piece
            for tensor, stand in besides.items()
            for piece in self._broken(told[tensor, ""], *stand)
        ]

    def _told(self, block: Block, asked: Asked) -> dict[Key, Judged]:
        """Return for each tensor and form what was asked for, in the order of asking."""
        found: dict[Key, Judged] = {}
        for form, (rows, only) in asked.by_form().items():
            again = self._under(form, block, rows, only)
            for tensor, places in only.items():
                some = [one for one in again if one.tensor == tensor]
                found[tensor, form] = in_order(some, places, rows)
        return found

    def _under(
        self, form: str, block: Block, rows: Array, only: Mapping[str, Places]
    ) -> list[Judged]:
        """Decide places of some steps under the form that explained them, with enough bits."""
        seen, got = block.seen.part(rows), block.got and block.got.part(rows)
        reference, dtype = self._reference, self._reference.rounding.dtype
        profile = profile_called(form, reference.profile, dtype)
        forward = [tensor for tensor in only if tensor[0] in "azl"]
        for bits in PRECISIONS:
            self._bits = max(self._bits, bits)
            with precision(bits):
                again = [
                    piece
                    for tensor in forward
                    for piece in judged_alone(
                        replace(reference, profile=profile), seen, tensor, only=only
                    )
                ]
                if got:
                    own = form_called(form, seen.network, reference.profile, dtype)
                    again += judged_as(reference, seen, got, own, only=only)
            if not any((piece.verdict == Verdict.UNDECIDED).any() for piece in again):
                break
        return again

    def _whole(self, block: Block, rows: Array) -> list[Judged]:
        """Decide all of some steps, under all forms: something fails there that had passed."""
        seen, got = block.seen.part(rows), block.got and block.got.part(rows)
        for bits in PRECISIONS:
            with precision(bits):
                again = list(judge_forward(self._reference, seen))
                if got:
                    again += judge_backward(self._reference, seen, got.grads, got.deltas)
            if not any((piece.verdict == Verdict.UNDECIDED).any() for piece in again):
                break
        return again

    def _merge(
        self, block: Block, piece: Judged, flat: Array, told: Judged, start: int, stop: int
    ) -> None:
        """Write into a piece how some of its values were decided again, and count what changed.

        In place: nobody else reads these arrays any more, and copies would cost more than the rest.
        """
        before = {name: getattr(piece, name).ravel()[flat] for name in NUMBERS}
        after = {name: getattr(told, name)[start:stop].copy() for name in NUMBERS}
        failed = after["verdict"] == Verdict.DIFFERENT
        # What is no number, or comes from what is none, is so in any arithmetic.
        lost = ~np.isfinite(piece.value.ravel()[flat]) | np.isnan(before["bound"])
        clear = lost | (before["error"] > before["bound"] * (1 + NEAR))
        # A clear failure is confirmed; by which bound it is told, and whether it holds from end to
        # end, was decided before.
        for name in ("verdict", "bound"):
            after[name][failed & clear] = before[name][failed & clear]
        doubtful = np.flatnonzero(failed & ~clear)
        if len(doubtful) and told.places is not None:
            places = tuple(axis[start + doubtful] for axis in told.places)
            rows = np.unique(places[0])
            at = (np.searchsorted(rows, places[0]), *places[1:])
            same = [one for one in self._whole(block, rows) if one.tensor == told.tensor]
            whole = in_order(same, at, rows)
            for name in NUMBERS:
                after[name][doubtful] = getattr(whole, name)
        for name in NUMBERS:
            getattr(piece, name).flat[flat] = after[name]
        passed = [one["verdict"] <= Verdict.VACUOUS for one in (before, after)]
        self._overturned += int(np.count_nonzero(passed[0] != passed[1]))
        alike = passed[0] & passed[1] & (before["bound"] > 0)
        apart = (abs(after["error"] - before["error"]) / before["bound"])[alike & ~failed]
        self._furthest = max(self._furthest, float(apart.max(initial=0.0)))

    def _broken(self, told: Judged, start: int, stop: int) -> list[Judged]:
        """Return what an estimate settled, and fails: nothing, unless the estimate is wrong."""
        failed = start + np.flatnonzero(told.failed[start:stop])
        if not len(failed):
            return []
        self._overturned += len(failed)
        assert told.places is not None
        return [replace(
            told, places=tuple(axis[failed] for axis in told.places), value=told.value[failed],
            exact=told.exact[failed], error=told.error[failed], bound=told.bound[failed],
            verdict=told.verdict[failed],
        )]  # fmt: skip
