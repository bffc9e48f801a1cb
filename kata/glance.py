"""A glance at one exercise: every law, with few cases, in two workers at once; then what is wrong, if anything is."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from kata.curriculum import Exercise
from kata.job import Case, Job
from kata.verdict import ExerciseVerdict, LawVerdict, not_judged
from kata.zygote import Zygote

WORKERS = 2
TEXTS = ("message", "counterexample", "picture", "place", "misconception", "diagnosis", "details")


class Glance:
    """The workers of one glance, and what they say. `first` is the law to ask first: the one that failed last."""

    def __init__(
        self, case: Case, exercise: Exercise, zygote: Zygote, wake: threading.Event, first: str | None
    ) -> None:
        self.case, self.exercise, self.zygote = case, exercise, zygote
        laws = not_judged(exercise, case.tree).laws
        laws.sort(key=lambda law: law.id != first)
        self.jobs = [self._job(laws[start::WORKERS], wake) for start in range(WORKERS)]
        self.waiting: list[Job] = []
        self.began = time.monotonic()
        for job in self.jobs:
            try:
                job.start(zygote)  # type: ignore[arg-type]
            except OSError:
                self.give_up()
                raise
            self.waiting.append(job)

    def advance(self) -> bool:
        """Takes in what happened since; returns whether nothing more will come. Raises CannotJudge."""
        for job in list(self.waiting):
            if job.advance(self.zygote.context) or job.never_ready:
                self.waiting.remove(job)
        return not self.waiting

    @property
    def is_whole(self) -> bool:
        """Whether every law has been asked, and nothing went wrong on the way."""
        return not self.waiting and not any(job.never_ready or job.workers > 1 for job in self.jobs)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began

    def verdict(self) -> ExerciseVerdict:
        """What is known by now."""
        verdict = not_judged(self.exercise, self.case.tree)
        verdict.laws = [replace(self._heard(law)) for law in verdict.laws]
        told = next((job.verdict for job in self.jobs if job.verdict.status in ("missing", "error")), None)
        if told is not None:
            verdict.status, verdict.message = told.status, told.message
        verdict.settle()
        _diagnosis_comes_first(verdict)
        return verdict

    def give_up(self) -> None:
        """Ends what is at work."""
        for job in self.waiting:
            job.give_up()
        self.waiting.clear()

    def _job(self, laws: Sequence[LawVerdict], wake: threading.Event) -> Job:
        verdict = replace(not_judged(self.exercise, self.case.tree), laws=list(laws))
        return Job(self.case, self.exercise, verdict, "", wake)

    def _heard(self, law: LawVerdict) -> LawVerdict:
        return next(found for job in self.jobs for found in job.verdict.laws if found.id == law.id)


def in_the_words_of(seen: ExerciseVerdict | None, verdict: ExerciseVerdict) -> ExerciseVerdict:
    """The verdict, in the words of an earlier glance where that said the same: nobody likes a text that moves."""
    if seen is None or verdict.first_failed is None:
        return verdict
    before = {law.id: law for law in seen.broken if not law.unwritten}
    laws = []
    for law in verdict.laws:
        earlier = before.get(law.id)
        same = earlier is not None and law.status == "failed" and earlier.misconception == law.misconception
        laws.append(replace(law, **{name: getattr(earlier, name) for name in TEXTS}) if same else law)
    return replace(verdict, laws=laws)


def _diagnosis_comes_first(verdict: ExerciseVerdict) -> None:
    """Each worker tells its diagnosis at its own first broken law; it belongs to the first of all."""
    written = [law for law in verdict.broken if not law.unwritten]
    told = next((law for law in written if law.diagnosis), None)
    if told is not None:
        misconception, diagnosis = told.misconception, told.diagnosis
        for law in written:
            law.misconception = law.diagnosis = None
        written[0].misconception, written[0].diagnosis = misconception, diagnosis
