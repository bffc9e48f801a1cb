"""Diagnoses: at once where what the misconceptions do is kept already, else in a process that finds that out.

The process needs the solution, so no code of the submission may share it.
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path

from kata import behaviours, diagnosis, limits
from kata.curriculum import Curriculum, Exercise
from kata.diagnosis import Diagnosis
from kata.verdict import ExerciseVerdict
from kata.worker import leave_server, send_output_to

SECONDS = 10.0
SECONDS_FOR_PAIRS = 1.0
SECONDS_TO_PREPARE = 120.0
LOWER_PRIORITY = 10


def at_once(curriculum: Curriculum, exercise: Exercise, observed: Sequence[object], verdict: ExerciseVerdict) -> bool:
    """Writes the diagnosis at the first broken law, if it can be told from what is kept; returns whether it can."""
    known = behaviours.read(curriculum, exercise)
    if known is None or diagnosis.wants_pairs(observed, known):
        return False
    _tell(_said(diagnosis.diagnose(exercise, observed, known)), verdict)
    return True


def prepare(context: BaseContext, curriculum: Curriculum, exercise: Exercise) -> "Preparing | None":
    """Begins to find out all that diagnoses of an exercise need, and to keep it; None if it is there already."""
    known = behaviours.read(curriculum, exercise)
    return None if known is not None and known.is_complete else Preparing(context, curriculum, exercise)


class Preparing:
    """A process that finds out what the misconceptions do, alone and in pairs; it gives way to all others.

    What it has found is used before it ends. It may be ended at any time, and several may be at work.
    """

    def __init__(self, context: BaseContext, curriculum: Curriculum, exercise: Exercise) -> None:
        arguments = (curriculum, exercise.id)
        self.process = context.Process(target=main_preparing, args=arguments, daemon=True)  # type: ignore[attr-defined]
        self.process.start()

    @property
    def pid(self) -> int:
        """The process."""
        return int(self.process.pid)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.exitcode is not None

    def give_up(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join(5)


class Diagnosing:
    """A diagnosis under way, in a process of its own. `wake` is set when it is over."""

    def __init__(
        self,
        context: BaseContext,
        curriculum: Curriculum,
        exercise: Exercise,
        observed: Sequence[object],
        wake: threading.Event,
        keep: bool,
    ) -> None:
        self.wake = wake
        self.said: dict[str, str] = {}
        self.began = time.monotonic()
        channel, theirs = context.Pipe(duplex=False)
        arguments = (curriculum, exercise.id, observed, keep, theirs)
        self.process = context.Process(target=main, args=arguments, daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        theirs.close()
        self.reader = threading.Thread(target=self._read, args=(channel,), daemon=True)
        self.reader.start()

    @property
    def is_over(self) -> bool:
        """Whether it has said what it can, or has taken too long."""
        return not self.reader.is_alive() or time.monotonic() - self.began > SECONDS

    def tell(self, verdict: ExerciseVerdict) -> None:
        """Writes what was found at the first broken law that the submission has code for; ends the process."""
        self.give_up()
        _tell(self.said, verdict)

    def give_up(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join(5)
        self.reader.join(1)

    def _read(self, channel: Connection) -> None:
        with contextlib.suppress(EOFError, OSError), channel:
            self.said = json.loads(channel.recv_bytes())
        self.wake.set()


def main(curriculum: Curriculum, exercise_id: str, observed: Sequence[object], keep: bool, channel: Connection) -> None:
    """The process of a diagnosis: sends what it finds, an empty object for nothing."""
    _settle_in()
    from kata.trying import Trials

    exercise = curriculum.exercise(exercise_id)
    trials = Trials(curriculum, exercise, keep)
    if diagnosis.wants_pairs(observed, trials.known):
        trials.try_pairs(diagnosis.most_promising(exercise, observed, trials.known), SECONDS_FOR_PAIRS)
    channel.send_bytes(json.dumps(_said(diagnosis.diagnose(exercise, observed, trials.known))).encode())
    os._exit(0)


def main_preparing(curriculum: Curriculum, exercise_id: str) -> None:
    """The process that prepares diagnoses."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(LOWER_PRIORITY)
    _settle_in()
    from kata.trying import CAN_STOP, Trials

    _end_some_time()
    exercise = curriculum.exercise(exercise_id)
    trials = Trials(curriculum, exercise)
    if CAN_STOP and not trials.known.is_complete:
        trials.try_pairs(diagnosis.most_promising(exercise, None, trials.known), SECONDS_TO_PREPARE)
    os._exit(0)


def _settle_in() -> None:
    from kata import preload

    leave_server()
    limits.die_with_parent()
    preload.self_test()
    send_output_to(Path(os.devnull))
    limits.apply(limits.MEMORY)


def _end_some_time() -> None:
    """The system ends this process when it has computed for too long: no signal stops a loop that runs in C."""
    if sys.platform != "win32":
        import resource

        seconds = int(2 * SECONDS_TO_PREPARE)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _said(found: Diagnosis | None) -> dict[str, str]:
    return {"misconception": " + ".join(found.slugs), "says": found.says} if found else {}


def _tell(said: dict[str, str], verdict: ExerciseVerdict) -> None:
    law = next((law for law in verdict.broken if not law.unwritten), None)
    if law is not None and said:
        law.misconception, law.diagnosis = said["misconception"], said["says"]
