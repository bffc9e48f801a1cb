"""Judges the exercise of now whenever it is asked to, as fast as it can, and the others when there is time.

First comes a glance (few cases, in forks of a warm process), so that a verdict is there at once; then the same judging
as `grade` does, with all cases, which has the last word and is kept. A new wish cancels what is under way.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kata import cache
from kata.crew import START, Crew, Start
from kata.curriculum import Curriculum, Exercise
from kata.diagnosing import Preparing, prepare
from kata.files import write_fault
from kata.glance import Glance, in_the_words_of
from kata.job import CannotJudge, Case, Job
from kata.news import Began, Heard, News, Trouble, Wish
from kata.verdict import ExerciseVerdict, not_judged
from kata.zygote import Zygote

TICK = 0.05
SECONDS_FOR_A_GLANCE = 2.0
SECONDS_BETWEEN_PARTS = 0.15


class Live:
    """A thread that judges. `tell` is called in it, with what is new."""

    def __init__(self, curriculum: Curriculum, tree: Path, tell: Callable[[News], None], start: Start = START) -> None:
        self.curriculum, self.tree, self.tell, self.start = curriculum, tree, tell, start
        self.wake = threading.Event()
        self.closing = False
        self.lock = threading.Lock()
        self.wish: Wish | None = None
        self.others: list[Wish] = []
        self.at_once = 1
        self.thread = threading.Thread(target=self._run, name="judge", daemon=True)
        self.thread.start()

    def judge(self, exercise: Exercise, prerequisites: str) -> Wish:
        """Judges this exercise now, as it is on the disk; what was asked for before is not wanted any more.

        Returns the wish that what is heard of it will name.
        """
        wish = Wish(exercise, prerequisites)
        with self.lock:
            self.wish = wish
        self.wake.set()
        return wish

    def judge_others(self, exercises: Sequence[Exercise], prerequisites: str, at_once: int = 1) -> None:
        """Judges these, too, when nothing is waited for; several at once if asked to. Replaces an earlier such list."""
        with self.lock:
            self.others = [Wish(exercise, prerequisites) for exercise in exercises]
            self.at_once = at_once
        self.wake.set()

    def close(self) -> None:
        """Ends everything that is at work, and the thread."""
        self.closing = True
        self.wake.set()
        self.thread.join(10)

    def _run(self) -> None:
        crew = Crew(self.start)
        bench = _Bench(self, crew)
        try:
            while not self.closing:
                try:
                    bench.step()
                except CannotJudge as error:
                    self._give_up(bench, str(error))
                except (OSError, EOFError) as error:
                    if crew.renew():
                        self._begin_again(bench)
                    else:
                        said = getattr(error, "strerror", None) or type(error).__name__
                        self._give_up(bench, f"{said}: {getattr(error, 'filename', None) or 'no file is named'}.")
                except Exception as error:
                    self._give_up(bench, write_fault(self.curriculum.root, error))
                self.wake.wait(TICK if bench.is_busy else None)
                self.wake.clear()
        finally:
            bench.close()
            crew.close()

    def _begin_again(self, bench: "_Bench") -> None:
        with contextlib.suppress(Exception):
            bench.drop_all()
        with self.lock:
            self.wish = self.wish or bench.wish
        self.wake.set()

    def _give_up(self, bench: "_Bench", says: str) -> None:
        with contextlib.suppress(Exception):  # whatever is wrong, the next save is to find somebody here
            bench.drop_all()
        self.tell(Trouble(says, ends=True))


class _Bench:
    """What is under way: a glance or a whole judgement of the exercise of now, and others in the background."""

    def __init__(self, live: Live, crew: Crew) -> None:
        self.live, self.crew = live, crew
        self.wish: Wish | None = None
        self.glance: Glance | None = None
        self.seen: ExerciseVerdict | None = None
        self.whole: Job | None = None
        self.others: dict[Job, Wish] = {}
        self.zygote: Zygote | None = None
        self.zygote_is_for: tuple[str, ...] = ()
        self.preparing: Preparing | None = None
        self.failed_last: dict[str, str] = {}
        self.told: tuple[str, ...] = ()
        self.told_at = 0.0

    def step(self) -> None:
        """Takes up what was asked for, and takes in what happened."""
        with self.live.lock:
            wish, self.live.wish = self.live.wish, None
        if wish is not None:
            self._take_up(wish)
        if self.glance is not None:
            self._advance_glance(self.glance)
        for job in self.crew.advance():
            self._finished(job)
        if self.whole is not None:
            self._tell_partly(self.whole.verdict)
        elif self.glance is None:
            self._get_ready()
            self._take_up_others()

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that has to be looked after."""
        return self.glance is not None or bool(self.crew.jobs)

    def drop(self) -> None:
        """Gives up what somebody waits for."""
        if self.glance is not None:
            self.glance.give_up()
        if self.whole is not None:
            self.crew.end(self.whole)
        self.glance = self.whole = self.seen = None
        self.told = ()

    def drop_all(self) -> None:
        """Gives up what somebody waits for and what nobody does."""
        self.drop()
        with self.live.lock:
            self.live.others.clear()
        for job in list(self.others):
            self._cancel(job)

    def close(self) -> None:
        """Gives up everything."""
        self.drop_all()
        if self.zygote is not None:
            self.zygote.end()
        if self.preparing is not None:
            self.preparing.give_up()

    def _take_up(self, wish: Wish) -> None:
        self.wish = wish
        self.live.tell(Began(wish, now=True))
        self.told_at = time.monotonic()
        self.drop()
        if self.preparing is not None:  # what it has found is kept; it goes on when there is time
            self.preparing.give_up()
            self.preparing = None
        for job in [job for job, other in self.others.items() if other == wish]:
            self._cancel(job)
        case, key = self._case(wish)
        known = cache.read(self.live.curriculum.root, key)
        if known is not None:
            self._settled(wish, known, now=True)
            return
        for job in list(self.others):  # they would only be slow neighbours; their turn comes again
            with self.live.lock:
                self.live.others.insert(0, self.others[job])
            self._cancel(job)
        zygote = self._zygote_for(wish)
        if zygote is not None and zygote.is_ready:
            with contextlib.suppress(OSError):
                first = self.failed_last.get(wish.exercise.id)
                self.glance = Glance(case, wish.exercise, zygote, self.live.wake, first)
                return
        self._begin_whole()

    def _advance_glance(self, glance: Glance) -> None:
        assert self.wish is not None
        over = glance.advance()
        verdict = glance.verdict()
        if not over:
            self._tell_partly(verdict)
            if glance.seconds > SECONDS_FOR_A_GLANCE:  # a loop that never ends, perhaps: that takes the usual way
                glance.give_up()
                self.glance = None
                self._begin_whole()
            return
        self.glance = None
        if glance.is_whole:
            self.seen = verdict
            self._note_failure(verdict)
            self.live.tell(Heard(self.wish, verdict, settled=False, now=True))
        self._begin_whole()

    def _begin_whole(self) -> None:
        assert self.wish is not None
        case, key = self._case(self.wish)
        exercise = self.wish.exercise
        self.whole = Job(case, exercise, not_judged(exercise, self.live.tree), key, self.live.wake)
        self.crew.start(self.whole)

    def _finished(self, job: Job) -> None:
        wish = self.wish if job is self.whole else self.others.get(job)
        if wish is not None and self._case(wish)[1] != job.key:  # its files have changed since: another's verdict
            if job is self.whole:
                self.whole = self.seen = None
                self._begin_whole()
            else:
                del self.others[job]
                with self.live.lock:
                    self.live.others.insert(0, wish)
            return
        self._keep(job)
        if job is self.whole and self.wish is not None:
            verdict = in_the_words_of(self.seen, job.verdict)
            self.whole = self.seen = None
            self._settled(self.wish, verdict, now=True)
        elif job in self.others:
            self._settled(self.others.pop(job), job.verdict, now=False)

    def _keep(self, job: Job) -> None:
        try:
            cache.write(self.live.curriculum.root, job.key, job.verdict)
        except OSError as error:  # a full disk, perhaps: the verdict is no worse for it
            self.live.tell(Trouble(f"This verdict cannot be kept for later: {error.strerror or error}."))

    def _settled(self, wish: Wish, verdict: ExerciseVerdict, now: bool) -> None:
        self.told = ()
        self._note_failure(verdict)
        self.live.tell(Heard(wish, verdict, settled=True, now=now))

    def _note_failure(self, verdict: ExerciseVerdict) -> None:
        law = next((law for law in verdict.broken if not law.unwritten), None)
        if law is not None:
            self.failed_last[verdict.id] = law.id

    def _tell_partly(self, verdict: ExerciseVerdict) -> None:
        """Tells of laws as they end, unless a glance has told of all of them already."""
        statuses = tuple(law.status for law in verdict.laws)
        if time.monotonic() - self.told_at < SECONDS_BETWEEN_PARTS or self.wish is None or self.seen is not None:
            return
        if statuses != self.told:
            self.told, self.told_at = statuses, time.monotonic()
            copy = replace(verdict, laws=[replace(law) for law in verdict.laws])
            self.live.tell(Heard(self.wish, copy, settled=False, now=True))

    def _take_up_others(self) -> None:
        while len(self.others) < self.live.at_once:
            with self.live.lock:
                wish = self.live.others.pop(0) if self.live.others else None
            if wish is None:
                return
            case, key = self._case(wish)
            self.live.tell(Began(wish, now=False))
            known = cache.read(self.live.curriculum.root, key)
            if known is not None:
                self.live.tell(Heard(wish, known, settled=True, now=False))
                continue
            job = Job(case, wish.exercise, not_judged(wish.exercise, self.live.tree), key, self.live.wake)
            self.others[job] = wish
            self.crew.start(job)

    def _cancel(self, job: Job) -> None:
        self.others.pop(job, None)
        self.crew.end(job)

    def _case(self, wish: Wish) -> tuple[Case, str]:
        case = Case(self.live.curriculum, self.live.tree, wish.prerequisites, confined=False)
        return case, cache.key(case, wish.exercise)

    def _get_ready(self) -> None:
        """Has a zygote for the exercise of now, for the next save; then what diagnoses of it need."""
        if self.wish is None or self.crew.context.get_start_method() != "forkserver":
            return
        if (zygote := self._zygote_for(self.wish)) is not None:
            if zygote.is_ready and self.preparing is None:
                self.preparing = prepare(self.crew.context, self.live.curriculum, self.wish.exercise)
            return
        if self.zygote is not None:
            if not self.zygote.is_ready and self.zygote_is_for == self._stands_on(self.wish):
                return  # it ended before it was ready, and another would, too
            self.zygote.end()
        exercise = self.wish.exercise
        self.zygote_is_for = self._stands_on(self.wish)
        self.zygote = Zygote(
            self.crew.context, self.live.curriculum, exercise, self.live.tree, self.wish.prerequisites, self.live.wake
        )

    def _zygote_for(self, wish: Wish) -> Zygote | None:
        if self.zygote is None or not self.zygote.is_alive or self.zygote_is_for != self._stands_on(wish):
            return None
        return self.zygote

    def _stands_on(self, wish: Wish) -> tuple[str, ...]:
        """What a zygote has read: who changes it (a pull, a contributor) needs another."""
        files = [wish.exercise.law_file]
        files += [self.live.curriculum.root / "solutions" / e.path for e in self.live.curriculum.exercises]
        return (wish.exercise.id, wish.prerequisites, *(_state(file) for file in files))


def _state(file: Path) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return "none"
    return f"{found.st_mtime_ns} {found.st_size}"
