"""Diagnoses in a process of its own: it needs the solution, and no code of the submission may share its process."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

from kata.curriculum import Curriculum, Exercise
from kata.verdict import ExerciseVerdict
from kata.worker import leave_server

SECONDS = 10.0


class Diagnosing:
    """A diagnosis under way. `wake` is set when it is over."""

    def __init__(
        self,
        context: BaseContext,
        curriculum: Curriculum,
        exercise: Exercise,
        observed: Sequence[object],
        wake: threading.Event,
    ) -> None:
        self.wake = wake
        self.said: dict[str, str] = {}
        self.began = time.monotonic()
        channel, theirs = context.Pipe(duplex=False)
        arguments = (curriculum, exercise.id, observed, theirs)
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
        law = next((law for law in verdict.broken if not law.unwritten), None)
        if law is not None and self.said:
            law.misconception, law.diagnosis = self.said["misconception"], self.said["says"]

    def give_up(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join(5)
        self.reader.join(1)

    def _read(self, channel: Connection) -> None:
        with contextlib.suppress(EOFError, OSError), channel:
            self.said = json.loads(channel.recv_bytes())
        self.wake.set()


def main(curriculum: Curriculum, exercise: str, observed: Sequence[object], channel: Connection) -> None:
    """The process: sends what it finds, an empty object for nothing."""
    from kata import diagnosis, preload

    leave_server()
    preload.self_test()
    found = diagnosis.diagnose(curriculum, curriculum.exercise(exercise), observed)
    said = {"misconception": " + ".join(found.slugs), "says": found.says} if found else {}
    channel.send_bytes(json.dumps(said).encode())
    os._exit(0)
