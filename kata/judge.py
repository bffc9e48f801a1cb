"""Supervises workers, one process an exercise: limits, parallelism, and a verdict whatever happens."""

import json
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kata import cache, limits, run, worker
from kata.curriculum import Curriculum, Exercise
from kata.verdict import ExerciseStatus, ExerciseVerdict, LawVerdict, Verdict

WORKERS_AN_EXERCISE = 2
TICK = 0.05
OUTPUT_SHOWN = 10_000
FORKS = sys.platform.startswith("linux")  # elsewhere a fork of a process that has loaded torch is not safe


def judge(
    curriculum: Curriculum,
    exercises: Sequence[Exercise],
    tree: Path,
    tree_name: str,
    prerequisites: str,
    jobs: int | None = None,
    use_cache: bool = True,
    on_change: Callable[[Verdict], None] = lambda verdict: None,
) -> Verdict:
    """Judges exercises of one tree; `on_change` gets the whole verdict at first and after each exercise.

    Raises KeyboardInterrupt with all workers ended, after a last `on_change` with what was judged so far.
    """
    verdict = Verdict(tree_name, prerequisites, _environment(), [run.not_judged(e, tree) for e in exercises])
    on_change(verdict)
    waiting: list[_Job] = []
    for index, exercise in enumerate(exercises):
        key = cache.key(curriculum, exercise, tree, prerequisites)
        known = cache.read(curriculum.root, key) if use_cache else None
        if known is not None:
            verdict.exercises[index] = known
        else:
            waiting.append(_Job(curriculum, exercise, tree, prerequisites, verdict.exercises[index], key))
    if waiting:
        _run_all(waiting, jobs or os.cpu_count() or 1, lambda: on_change(verdict), curriculum.root)
    on_change(verdict)
    return verdict


def _run_all(waiting: list["_Job"], jobs: int, on_change: Callable[[], None], root: Path) -> None:
    context = multiprocessing.get_context("forkserver" if FORKS else "spawn")
    if FORKS:
        context.set_forkserver_preload(["kata.preload"])
        multiprocessing.forkserver.ensure_running()
    orphans = limits.Orphans()
    running: list[_Job] = []
    # A Ctrl-C in the middle of starting a worker would leave one that nobody knows of.
    interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        while waiting or running:
            if interrupted.is_set():
                raise KeyboardInterrupt
            while waiting and len(running) < jobs:
                running.append(waiting.pop(0))
                running[-1].start(context)
            signs = [sign for job in running for sign in job.signs()]
            multiprocessing.connection.wait(signs, timeout=TICK)
            for job in list(running):
                if job.advance(context):
                    running.remove(job)
                    cache.write(root, job.key, job.verdict)
                    on_change()
            orphans.end()
    finally:
        for job in running:
            job.give_up()
        orphans.end()
        signal.signal(signal.SIGINT, before)


def _environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "platform": platform.platform(),
        "kata": "0.1.0",
    }


class _Job:
    """One exercise on its way to a verdict: the worker at it, what it has reported, what it has printed."""

    def __init__(
        self,
        curriculum: Curriculum,
        exercise: Exercise,
        tree: Path,
        prerequisites: str,
        verdict: ExerciseVerdict,
        key: str,
    ) -> None:
        self.curriculum = curriculum
        self.exercise = exercise
        self.tree = tree
        self.prerequisites = prerequisites
        self.verdict = verdict
        self.key = key
        self.workers = 0
        self.began = time.monotonic()
        self.law: LawVerdict | None = None
        self.printed = 0
        self.folder = tempfile.TemporaryDirectory(prefix="kata-")

    def start(self, context: multiprocessing.context.BaseContext) -> None:
        """Sends a fresh worker to the laws that have no verdict yet."""
        self.workers += 1
        self.output = Path(self.folder.name) / f"output-{self.workers}"
        self.output.touch()
        self.printed = 0
        self.law = None
        self.done = False
        self.stopped = ""
        self.ready = False
        self.channel, theirs = context.Pipe(duplex=False)
        request = worker.Request(
            root=str(self.curriculum.root),
            exercise=self.exercise.id,
            tree=str(self.tree),
            prerequisites=self.prerequisites,
            output=str(self.output),
            skip=tuple(law.id for law in self.verdict.laws if law.status != "not_judged"),
            memory=limits.MEMORY,
        )
        self.process = context.Process(target=worker.main, args=(request, theirs), daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        theirs.close()
        self.watched = limits.Watched(self.process.pid)
        self.worker_began = time.monotonic()
        if self.workers == 1:
            self.began = self.worker_began

    def signs(self) -> list[Any]:
        """What to wait for: a message of the worker, or its end."""
        return [self.channel, self.process.sentinel]

    def advance(self, context: multiprocessing.context.BaseContext) -> bool:
        """Takes in what happened since; returns whether the exercise has its verdict."""
        dead = self.process.exitcode is not None
        self._receive()
        if self.done:
            return self._finish()
        problem = self._problem(dead)
        if problem is None:
            return False
        status, message = problem
        self._end_worker()
        self._receive()
        self.verdict.status, self.verdict.message = status, message
        law = self.law or next((law for law in self.verdict.laws if law.status == "not_judged"), None)
        if law is not None:
            law.status, law.message = "failed", message
            law.output = self._new_output()
        left = [law for law in self.verdict.laws if law.status == "not_judged"]
        if left and self.workers < WORKERS_AN_EXERCISE:
            self.start(context)
            return False
        return self._finish()

    def give_up(self) -> None:
        """Ends the worker without a verdict."""
        self._end_worker()
        self.folder.cleanup()

    def _problem(self, dead: bool) -> tuple[ExerciseStatus, str] | None:
        if self.stopped:
            return "crashed", self.stopped
        if dead:
            return "crashed", _how_it_ended(self.process.exitcode)
        if self.output.stat().st_size > limits.OUTPUT:
            return (
                "crashed",
                f"It printed more than {limits.OUTPUT // 1_000_000} MB and was stopped. Is a print in a loop?",
            )
        if time.monotonic() - self.worker_began > limits.SECONDS:
            return "timeout", f"It did not end within {limits.SECONDS:g} seconds. Is there a loop that never ends?"
        excess = self.watched.excess() if self.ready else None
        return ("memory", excess) if excess else None

    def _receive(self) -> None:
        try:
            while self.channel.poll():
                self._take(json.loads(self.channel.recv_bytes()))
        except (EOFError, OSError):
            pass

    def _take(self, event: dict[str, object]) -> None:
        if "ready" in event:
            self.ready = True
            self.watched.begin()
        elif "begin" in event:
            self.law = self.verdict.law(str(event["begin"]))
        elif "end" in event:
            law = LawVerdict(**event["end"])  # type: ignore[arg-type]
            law.output = self._new_output(until=int(event["printed"]))  # type: ignore[call-overload]
            self.verdict.laws = [law if law.id == old.id else old for old in self.verdict.laws]
            self.law = None
        elif "done" in event:
            said: dict[str, str] = event["done"]  # type: ignore[assignment]
            if self.verdict.status == "todo":  # nothing worse has happened to an earlier worker
                self.verdict.status, self.verdict.message = said["status"], said["message"]  # type: ignore[assignment]
            self.done = True
        elif "stopped" in event:
            self.stopped = str(event["stopped"])
        elif "broken" in event:
            raise run.JudgeError(f"{self.exercise.id}: {event['broken']}")

    def _new_output(self, until: int | None = None) -> str:
        """What was printed since the last law ended, up to a place in the file, whole up to a limit."""
        with open(self.output, "rb") as output:
            output.seek(self.printed)
            data = output.read(limits.OUTPUT if until is None else min(limits.OUTPUT, until - self.printed))
        self.printed += len(data)
        text = data.decode("utf-8", errors="replace")
        if len(text) > OUTPUT_SHOWN:
            text = f"{text[:OUTPUT_SHOWN]}\n... ({len(text) - OUTPUT_SHOWN} more characters were printed)"
        return text

    def _finish(self) -> bool:
        self._end_worker()
        self.verdict.output = "".join(law.output for law in self.verdict.laws)[: OUTPUT_SHOWN + 100]
        self.verdict.seconds = round(time.monotonic() - self.began, 3)
        self.verdict.settle()
        self.folder.cleanup()
        return True

    def _end_worker(self) -> None:
        self.watched.end()
        self.process.join(1)


def _how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        return f"Its process was ended by {signal.Signals(-status).name} before the law was decided."
    return f"It ended its own process with exit status {status} before the law was decided. Is there an exit() in it?"
