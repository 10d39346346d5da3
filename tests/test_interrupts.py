"""A Ctrl-C in the middle of a piece of work waits for its end, and is not lost."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from shared.comparison import compare
from shared.drift import DriftMeter
from shared.interrupts import interrupts_deferred
from shared.named_problems import problem
from shared.registry import find, load


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest of the block"]


def test_without_an_interrupt_nothing_happens() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_comes_through() -> None:
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with interrupts_deferred():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_left_alone() -> None:
    done = []

    def work() -> None:
        with interrupts_deferred():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]


def test_a_run_interrupted_in_its_bookkeeping_tells_one_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.training.CHUNK_STEPS", 16)
    honest, calls = DriftMeter.add, iter(range(100))

    def add(meter: DriftMeter, recordings: object) -> None:
        if next(calls) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        honest(meter, recordings)  # type: ignore[arg-type]

    monkeypatch.setattr(DriftMeter, "add", add)
    numpy = load(find("numpy"))
    told = compare(problem("people16").changed(epochs=12), 42, [numpy])
    assert told.interrupted
    assert told.steps == 80
    assert told.certificates[0].steps == 80
    assert told.certificates[0].certified
