"""Where a session meets the world: the judge, the files, what is remembered. One front end or another shows it."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kata import live, news, state, stub_files
from kata.curriculum import Curriculum, Exercise
from kata.state import State
from kata.watch import keys
from kata.watch import session as sessions
from kata.watch.saves import Saves
from kata.watch.session import Session

IDLE = 300.0
"""Seconds after which somebody who neither types nor saves is no longer counted as working."""

Event = news.News | set[Path] | str
"""What the judge says, files whose bytes have changed, or a key."""


class Desk:
    """Takes events, keeps the session, does what keys ask for. `post` hands an event to the front end's own thread.

    `take` must be called in one thread only.
    """

    def __init__(self, curriculum: Curriculum, exercise: Exercise | None, post: Callable[[Event], None]) -> None:
        self.root = curriculum.root
        self.tree = curriculum.root / "exercises"
        remembered = self._remembered(lambda before: before)
        known = {each.id: each for each in curriculum.exercises}
        current = exercise or known.get(remembered.current or "", curriculum.exercises[0])
        self.session = Session(curriculum, current, remembered)
        if remembered.broken:
            said = (
                f"{state.FILE} could not be understood; it is now {remembered.broken.name}. Hints and times begin anew."
            )
            self.session = replace(self.session, remark=said)
        self.worked_until = time.monotonic()
        self.wants_to_leave = self.has_put_back = False
        self.asked: news.Wish | None = None
        self.judge = live.Live(curriculum, self.tree, post)
        self.saves = Saves(self.tree, post)
        self._judge_now()
        self._judge_others()

    def take(self, event: Event) -> None:
        """Takes one event."""
        match event:
            case set():
                self._worked()
                self._saved(event)
            case str():
                self._worked()
                # Another command, or a second watch, may have shown a hint meanwhile.
                self._remember(lambda before: before)
                before = self.session
                self.session, effects = keys.press(before, event)
                for effect in effects:
                    self._do(effect)
                self._remember_changes(before)
            case news.Began():
                self._began(event)
            case news.Heard():
                self._heard(event)
            case news.Trouble():
                phase = "stopped" if event.ends and self.session.phase != "settled" else self.session.phase
                self.session = replace(self.session, remark=event.says, phase=phase)

    def close(self) -> None:
        """Ends the judge, and remembers what there is to remember."""
        self._worked()
        self.saves.close()
        self.judge.close()
        self._remembered(lambda before: replace(before, current=self.session.current.id))

    def _saved(self, files: set[Path]) -> None:
        current = self.session.current
        listed = {self.tree / exercise.path: exercise for exercise in self.session.curriculum.exercises}
        others = [listed[file] for file in files if file in listed and listed[file] != current]
        # A file that no exercise is: a helper of the learner's, which any of them may import.
        helper = any(file not in listed for file in files)
        if self.tree / current.path in files or helper or (others and self.session.own):
            remark = self.session.remark if self.has_put_back else ""  # about this very save
            self.session = replace(sessions.saved(self.session, current), remark=remark)
            self.has_put_back = False
            self._judge_now()
        if others or helper or self.session.own:
            self._judge_others()

    def _began(self, event: news.Began) -> None:
        if (event.wish.prerequisites == "own") == self.session.own:
            exercise = event.wish.exercise
            if event.now and exercise == self.session.current:
                self.session = sessions.began(self.session, exercise)
            elif not event.now:
                under_way = self.session.under_way | {exercise.id}
                self.session = replace(self.session, under_way=under_way)

    def _heard(self, event: news.Heard) -> None:
        if event.now and event.wish is not self.asked:
            return  # said of what has been saved over since
        own = event.wish.prerequisites == "own"
        self.session = sessions.heard(self.session, event.verdict, event.settled, own)
        if event.settled and event.verdict.status == "passed":
            id = event.wish.exercise.id
            if id not in self.session.remembered.solved:
                when = datetime.now(UTC).isoformat(timespec="seconds")
                self._remember(lambda before: before.with_solved(id, when))

    def _do(self, effect: keys.Effect) -> None:
        match effect:
            case keys.Judge():
                self._remember(lambda before: replace(before, current=self.session.current.id))
                self._judge_now()
                self._judge_others()
            case keys.JudgeAll(own):
                prerequisites = "own" if own else "reference"
                self.judge.judge_others(self.session.curriculum.exercises, prerequisites, os.cpu_count() or 1)
            case keys.PutBack(exercise):
                self._put_back(exercise)
            case keys.Quit():
                self.wants_to_leave = True

    def _put_back(self, exercise: Exercise) -> None:
        try:
            file = stub_files.compare(self.session.curriculum, exercise)
            backup = None if file.state == "equal" else stub_files.put_back(file, self.root)
        except OSError as error:
            said = f"{exercise.id} was not reset: {error.strerror or error}."
        else:
            said = f"{exercise.id} is the stub again."
            if backup:
                said = f"{said} Your work is saved as {backup.relative_to(self.root)}"
            self.has_put_back = exercise == self.session.current and file.state != "equal"
        self.session = replace(self.session, remark=said)
        self.saves.look()

    def _judge_now(self) -> None:
        self.asked = self.judge.judge(self.session.current, self.session.prerequisites)

    def _judge_others(self) -> None:
        every = self.session.curriculum.exercises
        if self.session.view == "summary":
            self.session = replace(self.session, finale={})
            self.judge.judge_others(every, "own", os.cpu_count() or 1)
        else:
            others = [each for each in every if each != self.session.current]
            self.judge.judge_others(others, self.session.prerequisites)

    def _worked(self) -> None:
        """Counts the time since the last event as work on the current exercise, unless it was a long time."""
        now = time.monotonic()
        seconds, self.worked_until = now - self.worked_until, now
        if 1 <= seconds <= IDLE:
            id = self.session.current.id
            self._remember(lambda before: before.with_spent(id, seconds))

    def _remember_changes(self, before: Session) -> None:
        """Hints that a key has shown are remembered as seen."""
        id = self.session.current.id
        seen = self.session.remembered.hints.get(id, ())
        if seen != before.remembered.hints.get(id, ()):
            self._remember(lambda known: known.with_seen(id, seen))

    def _remember(self, how: Callable[[State], State]) -> None:
        remembered = self._remembered(how)  # which may leave a remark
        self.session = replace(self.session, remembered=remembered)

    def _remembered(self, how: Callable[[State], State]) -> State:
        try:
            return state.change(self.root, how)
        except OSError as error:  # a full disk, perhaps: it works on, and forgets
            session = getattr(self, "session", None)
            if session is None:
                return State()
            said = f"{state.FILE} cannot be written: {error.strerror or error}. What you do now will not be remembered."
            self.session = replace(session, remark=said)
            return how(session.remembered)
