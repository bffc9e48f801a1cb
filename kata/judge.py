"""Supervises workers, one process an exercise: limits, parallelism, and a verdict whatever happens."""

import os
import platform
import signal
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from kata import cache, confinement, digests, isolation
from kata.crew import START, Crew, Start
from kata.curriculum import Curriculum, Exercise
from kata.job import Case, Job
from kata.trees import NAMED_TREES
from kata.verdict import Verdict, not_judged

TICK = 0.05


class Interrupted(Exception):
    """Somebody asked to stop; every worker is ended."""


def judge(
    curriculum: Curriculum,
    exercises: Sequence[Exercise],
    tree: Path,
    tree_name: str,
    prerequisites: str,
    jobs: int | None = None,
    use_cache: bool = True,
    start: Start = START,
    on_change: Callable[[Verdict], None] = lambda verdict: None,
) -> Verdict:
    """Judges exercises of one tree; `on_change` gets the whole verdict at first and after each exercise.

    A tree that is not the learner's own is shut in, where the system can, and never served from the cache where it
    cannot: what it may have written there is nobody's word. Raises Interrupted, after a last `on_change`, and
    CannotJudge.
    """
    own = tree in [curriculum.root / name for name in NAMED_TREES]
    confined = not own and confinement.version() > 0
    use_cache = use_cache and (own or confined)
    case = Case(curriculum, tree, prerequisites, confined)
    environment = _environment(curriculum.root) | {"confinement": "not needed" if own else isolation.promise()}
    verdict = Verdict(tree_name, prerequisites, environment, [not_judged(e, tree) for e in exercises])
    on_change(verdict)
    waiting: list[Job] = []
    wake = threading.Event()
    for index, exercise in enumerate(exercises):
        key = cache.key(case, exercise) if use_cache else ""
        known = cache.read(curriculum.root, key) if key else None
        if known is not None:
            verdict.exercises[index] = known
        else:
            waiting.append(Job(case, exercise, verdict.exercises[index], key, wake))

    def done(job: Job) -> None:
        if case.confined and not job.confined:
            environment["confinement"] = "none: this system did not grant it"
        elif job.key and cache.key(case, job.exercise) == job.key:  # else its files have changed meanwhile
            cache.write(curriculum.root, job.key, job.verdict)
        on_change(verdict)

    try:
        if waiting:
            _run_all(waiting, jobs or os.cpu_count() or 1, start, wake, done)
    finally:
        on_change(verdict)
    return verdict


def _run_all(waiting: list[Job], jobs: int, start: Start, wake: threading.Event, done: Callable[[Job], None]) -> None:
    # What takes longest first, so that no core waits for it at the end.
    waiting.sort(key=lambda job: -len(job.exercise.laws))
    crew = Crew(start)
    with _interruptions(wake) as interrupted:
        try:
            while waiting or crew.jobs:
                if interrupted.is_set():
                    raise Interrupted
                while waiting and len(crew.jobs) < jobs:
                    crew.start(waiting.pop(0))
                wake.wait(TICK)
                wake.clear()
                for job in crew.advance():
                    done(job)
        finally:
            for job in waiting:
                job.give_up()
            crew.close()


@contextmanager
def _interruptions(wake: threading.Event) -> Iterator[threading.Event]:
    """Ctrl-C, or a polite end from outside, becomes an event.

    An exception in the middle of starting a worker would leave one that nobody knows of.
    """
    interrupted = threading.Event()

    def note(number: int, frame: object) -> None:
        interrupted.set()
        wake.set()

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    before = {number: signal.signal(number, note) for name in names if (number := getattr(signal, name, None))}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment(root: Path) -> dict[str, str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "platform": platform.platform(),
        "kata": f"{project['version']}+{digests.judge_digest(root)[:8]}",
    }
