"""Tries the misconceptions of an exercise on its probe, alone and in pairs, in this process, and keeps what they do."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kata import behaviours
from kata.behaviours import Behaviours, Pair
from kata.curriculum import Curriculum, Exercise
from kata.diagnosis import variant
from kata.outcomes import Outcome
from kata.patches import VariantError, patched
from kata.reference import Reference

SECONDS_A_PAIR = 2.0
"""Two misconceptions together may never end, though each alone does."""
SECONDS_BETWEEN_WRITES = 1.0
CAN_STOP = hasattr(signal, "setitimer")


class TooLong(BaseException):
    """A pair has used up its time. No Exception: the code that is tried could catch that."""


class Trials:
    """What has been found of one exercise by now. With `keep`, it is read from the file and written to it."""

    def __init__(self, curriculum: Curriculum, exercise: Exercise, keep: bool = True) -> None:
        self.curriculum, self.exercise, self.keep = curriculum, exercise, keep
        self.key = behaviours.key(curriculum, exercise)
        self.reference = Reference(curriculum, exercise)
        kept = behaviours.load(curriculum.root, exercise, self.key) if keep else None
        self.known = kept or self._alone()
        self.written = time.monotonic()
        if kept is None:
            self._write()

    def try_pairs(self, pairs: Sequence[Pair], seconds: float) -> None:
        """Tries pairs of misconceptions, until all are tried or the time is over."""
        until = time.monotonic() + seconds
        with self.reference:
            for pair in pairs:
                if time.monotonic() > until:
                    break
                self.known.pairs[pair] = self.known.row(self._together(pair))
                if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
                    self._write()
            else:
                self.known.is_complete = True
        self._write()

    def _alone(self) -> Behaviours:
        with self.reference as reference:
            solution = reference.outcomes(reference.source)
            if solution is None:
                return Behaviours(is_complete=True)
            known = Behaviours(calls=[[] for _ in solution])
            known.solution = known.row(solution)
            for misconception in self.exercise.misconceptions:
                source = patched(self.exercise, misconception, reference.source)
                known.misconceptions[misconception.slug] = known.row(reference.outcomes(source))
        return known

    def _together(self, pair: Pair) -> list[Outcome] | None:
        for first, second in (pair, pair[::-1]):
            try:
                source = patched(self.exercise, variant(self.exercise, first), self.reference.source)
                source = patched(self.exercise, variant(self.exercise, second), source)
            except VariantError:
                continue
            try:
                with _time_limit(SECONDS_A_PAIR):
                    return self.reference.outcomes(source)
            except TooLong:
                return None
        return None

    def _write(self) -> None:
        self.written = time.monotonic()
        if self.keep:
            behaviours.write(self.curriculum, self.exercise, self.known, self.key)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises TooLong in whatever takes longer, where the system can."""

    def stop(number: int, frame: object) -> None:
        raise TooLong

    if not CAN_STOP:
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again and again: it can get lost in a destructor
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
