"""One exercise on its way to a verdict: the worker at it, what it has reported, what it has printed."""

import contextlib
import json
import linecache
import re
import signal
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Literal

from kata import KataError, limits, worker
from kata.curriculum import Curriculum, Exercise
from kata.diagnosing import Diagnosing, at_once
from kata.trees import NAMED_TREES
from kata.verdict import ENDED_BADLY, ExerciseStatus, ExerciseVerdict, LawVerdict

WORKERS_AN_EXERCISE = 2
OUTPUT_SHOWN = 10_000
LONGEST_TEXT = 10_100
LONGEST_EVENT = 300_000  # the texts of a law, twelve bytes a character at worst
MOST_EVENTS = 3_000
SECONDS_TO_GET_READY = 60.0
SECONDS_TO_OBSERVE = 3.0
FLOOD = f"It printed more than {limits.OUTPUT // 1_000_000} MB and was stopped. Is a print in a loop?"
TEXTS = ("message", "counterexample", "place", "picture", "details")


class CannotJudge(KataError):
    """The laws themselves could not be run: what is wrong is no submission's fault."""


@dataclass(frozen=True)
class Case:
    """What is to be judged, and under which conditions."""

    curriculum: Curriculum
    tree: Path
    prerequisites: str
    confined: bool

    @property
    def is_own(self) -> bool:
        """Whether it is the learner's own tree, or the reference."""
        return self.tree in [self.curriculum.root / name for name in NAMED_TREES]


class Job:
    """Sends workers to the laws of one exercise, and takes in what they report, until its verdict is complete.

    `wake` is set whenever there is something new to take in.
    """

    def __init__(
        self, case: Case, exercise: Exercise, verdict: ExerciseVerdict, key: str, wake: threading.Event
    ) -> None:
        self.case = case
        self.exercise = exercise
        self.verdict = verdict
        self.key = key
        self.wake = wake
        self.workers = 0
        self.never_ready = False  # then this way of starting workers does not work here
        self.confined = False
        self.folder = tempfile.TemporaryDirectory(prefix="kata-", ignore_cleanup_errors=True)
        self.observed: list[object] | None = None
        self.diagnosing: Diagnosing | None = None
        self.seconds = max(limits.SECONDS, exercise.seconds or 0)

    @property
    def pids(self) -> list[int]:
        """The processes at work on it."""
        return [self.process.pid] + ([self.diagnosing.process.pid] if self.diagnosing else [])

    def start(self, context: BaseContext) -> None:
        """Sends a fresh worker to the laws that have no verdict yet."""
        self.workers += 1
        self.method = context.get_start_method()
        if self.workers == 1:
            self.began = time.monotonic()
        folder = Path(self.folder.name).resolve()
        self.output = folder / f"output-{self.workers}"
        self.output.touch()
        self.where = folder / f"where-{self.workers}"
        self.printed = 0
        self.law: LawVerdict | None = None
        self.state: Literal["new", "ready", "done", "stopped", "broken"] = "new"
        self.said = ""
        self.events: deque[dict[str, Any]] = deque()
        channel, theirs = context.Pipe(duplex=False)
        request = worker.Request(
            curriculum=self.case.curriculum,
            exercise=self.exercise.id,
            tree=self.case.tree,
            prerequisites=self.case.prerequisites,
            folder=folder,
            output=self.output,
            where=self.where,
            laws=tuple(law.id for law in self.verdict.laws if law.status == "not_judged"),
            memory=limits.MEMORY,
            confined=self.case.confined,
        )
        process = context.Process(target=worker.main, args=(request, theirs), daemon=True)  # type: ignore[attr-defined]
        try:
            process.start()
        except (OSError, EOFError):
            self.workers -= 1  # there is none to be ended
            raise
        finally:
            theirs.close()
        self.process = process
        self.watched = limits.Watched(self.process.pid)
        # A thread: a submission that writes half a message must not be waited for by anybody who is needed.
        self.reader = threading.Thread(target=self._read, args=(channel, self.events), daemon=True)
        self.reader.start()
        self.worker_began = time.monotonic()

    def advance(self, context: BaseContext) -> bool:
        """Takes in what happened since; returns whether the exercise has its verdict.

        Raises CannotJudge.
        """
        dead = self.process.exitcode is not None
        if dead:
            self.reader.join(1)
        self._take_events()
        if self.state == "done":
            return self._is_diagnosed(context, dead) and self._finish()
        problem = self._problem(dead)
        if problem is None:
            return False
        place = self._place() if self.state == "ready" else None
        self._end_worker()
        self._take_events()
        if self.state == "new":  # nothing of the submission has run
            if self.method == "spawn":
                said = f"Its process ended (status {self.process.exitcode}) before it could begin. {self._new_output()}"
                raise CannotJudge(f"{self.exercise.id} cannot be judged. {said}".strip())
            self.never_ready = True
            return False
        self._blame(*problem, place)
        left = [law for law in self.verdict.laws if law.status == "not_judged"]
        if left and self.workers < WORKERS_AN_EXERCISE:
            self.start(context)
            return False
        return self._finish()

    def start_again(self, context: BaseContext) -> None:
        """Starts over, in another way."""
        self.workers, self.never_ready = 0, False
        self.start(context)

    def give_up(self) -> None:
        """Ends what is at work, without a verdict."""
        if self.workers:
            self._end_worker()
        if self.diagnosing is not None:
            self.diagnosing.give_up()
        self.folder.cleanup()

    def _is_diagnosed(self, context: BaseContext, dead: bool) -> bool:
        """Waits for what the probe observed, then for what that tells; returns whether nothing is waited for."""
        if self.diagnosing is not None:
            if self.diagnosing.is_over:
                self.diagnosing.tell(self.verdict)
                return True
            return False
        if self.observed is None:
            return dead or not self.verdict.wants_diagnosis or time.monotonic() - self.done_at > SECONDS_TO_OBSERVE
        curriculum = self.case.curriculum
        # A stranger who is not shut in may have written to what is kept.
        keep = self.case.is_own or self.confined
        if keep and at_once(curriculum, self.exercise, self.observed, self.verdict):
            return True
        self._end_worker()  # the submission's code has no part in what comes
        self.diagnosing = Diagnosing(context, curriculum, self.exercise, self.observed, self.wake, keep)
        return False

    def _place(self) -> str | None:
        """`file:line` of the submission where the worker is now, or was when it crashed, if it can say so."""
        if self.process.exitcode is None:
            self.watched.ask(worker.ASK_WHERE, self.where)
        with contextlib.suppress(OSError):
            text = self.where.read_text(encoding="utf-8", errors="replace")[:LONGEST_EVENT]
            for file, line in re.findall(r'File "(.+)", line (\d+) in', text):
                if Path(file).is_relative_to(self.case.tree):
                    return f"{file}:{line}"
        return None

    def _blame(self, status: ExerciseStatus, message: str, place: str | None) -> None:
        if place is not None:
            file, _, line = place.rpartition(":")
            text = linecache.getline(file, int(line)).strip()
            message = f"{message} It was at line {line}: `{text}`." if text else message
        self.verdict.status, self.verdict.message = status, message
        law = self.law or next((law for law in self.verdict.laws if law.status == "not_judged"), None)
        if law is not None:
            law.status, law.message, law.place = "failed", message, place
            law.output = self._new_output()

    def _problem(self, dead: bool) -> tuple[ExerciseStatus, str] | None:
        if self.state == "stopped":
            return "crashed", self.said
        size = self.output.stat().st_size if self.output.exists() else 0
        if size > limits.OUTPUT:
            return "crashed", FLOOD
        if dead:
            return "crashed", _how_it_ended(self.process.exitcode)
        took = time.monotonic() - self.worker_began
        if self.state == "new":
            return ("timeout", "Its process did not get ready.") if took > SECONDS_TO_GET_READY else None
        if took > self.seconds:
            return "timeout", f"It did not end within {self.seconds:g} seconds. Is there a loop that never ends?"
        excess = self.watched.excess()
        return ("memory", excess) if excess else None

    def _read(self, channel: Connection, events: deque[dict[str, Any]]) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError, RecursionError):
            while len(events) < MOST_EVENTS:
                events.append(json.loads(channel.recv_bytes(LONGEST_EVENT)))
                self.wake.set()
        channel.close()
        self.wake.set()

    def _take_events(self) -> None:
        while self.events and self.state != "stopped":
            # What a worker says is the submission's process speaking: nonsense is passed over.
            with contextlib.suppress(KeyError, TypeError, ValueError, StopIteration, AttributeError):
                self._take(self.events.popleft())

    def _take(self, event: dict[str, Any]) -> None:
        if "ready" in event and self.state == "new":
            self.state, self.confined = "ready", event["confined"] is True
            self.worker_began = time.monotonic()
            self.watched.begin()
        elif "begin" in event:
            self.law = self.verdict.law(event["begin"])
        elif "end" in event:
            self._take_law(event["end"], int(event["printed"]))
        elif "done" in event:
            self.state = "done"
            if self.verdict.status not in ENDED_BADLY:  # by which an earlier worker may have ended
                status = event["done"]["status"]
                self.verdict.status = status if status in ("missing", "error") else "todo"
                self.verdict.message = _text(event["done"]["message"])
            self.verdict.settle()
            self.done_at = time.monotonic()
        elif "observed" in event and self.state == "done":
            self.observed = list(event["observed"])
        elif "stopped" in event:
            self.state, self.said = "stopped", str(event["stopped"])
        elif "broken" in event:
            raise CannotJudge(f"{self.exercise.id}: {event['broken']}")

    def _take_law(self, said: dict[str, Any], printed: int) -> None:
        law = self.verdict.law(said["id"])
        if printed > limits.OUTPUT:
            self.state, self.said, self.law = "stopped", FLOOD, law
            return
        if said["status"] in ("passed", "failed") and law.status == "not_judged":
            law.status = said["status"]
            for name in TEXTS:
                setattr(law, name, _text(said.get(name)))
            if not re.fullmatch(r".+:\d{1,7}", law.place or ""):
                law.place = None
            law.unwritten = said["unwritten"] is True
            law.output = self._new_output(until=printed)
        self.law = None

    def _new_output(self, until: int | None = None) -> str:
        """What was printed since the last law ended, up to a place in the file, whole up to a limit."""
        try:
            with open(self.output, "rb") as output:
                output.seek(self.printed)
                data = output.read(limits.OUTPUT if until is None else max(0, min(limits.OUTPUT, until - self.printed)))
        except OSError:  # the submission may have removed it
            return ""
        self.printed += len(data)
        return _cut(data.decode("utf-8", errors="replace"))

    def _finish(self) -> bool:
        self._end_worker()
        self.verdict.output = _cut("".join(law.output for law in self.verdict.laws))
        self.verdict.seconds = round(time.monotonic() - self.began, 3)
        self.folder.cleanup()
        return True

    def _end_worker(self) -> None:
        self.watched.end()
        self.process.join(1)
        self.reader.join(1)


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:LONGEST_TEXT]


def _cut(text: str) -> str:
    if len(text) <= OUTPUT_SHOWN:
        return text
    return f"{text[:OUTPUT_SHOWN]}\n... ({len(text) - OUTPUT_SHOWN} more characters were printed)"


def _how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        return f"Its process was ended by {signal.Signals(-status).name} before the law was decided."
    return f"It ended its own process with exit status {status} before the law was decided. Is there an exit() in it?"
