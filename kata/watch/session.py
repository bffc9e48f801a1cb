"""What a learner's session is, and what every event makes of it: no terminal, no process, no file is touched here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kata import hints
from kata.curriculum import Curriculum, Exercise
from kata.hints import Offer
from kata.state import State
from kata.verdict import ExerciseVerdict

Phase = Literal["judging", "glanced", "settled", "stopped"]
View = Literal["exercise", "list", "grid", "output", "solution", "difference", "reset", "summary"]
Filter = Literal["all", "done", "pending"]
FILTERS: tuple[Filter, ...] = ("all", "done", "pending")


@dataclass(frozen=True)
class Listing:
    """The list of exercises as it is looked at: what is chosen, what is shown."""

    chosen: str
    filter: Filter = "all"
    search: str = ""
    typing: bool = False


@dataclass(frozen=True)
class Session:
    """Everything that the screen shows.

    `verdict` is what is known of the current exercise by now, `phase` how well; `verdicts` are the settled ones of all,
    judged on `own` prerequisites or the reference's; `under_way` are the exercises that are being judged. `finale`
    holds the verdicts of the last judging, on own prerequisites, once everything is done.
    """

    curriculum: Curriculum
    current: Exercise
    remembered: State
    own: bool = False
    verdict: ExerciseVerdict | None = None
    phase: Phase = "judging"
    verdicts: Mapping[str, ExerciseVerdict] = field(default_factory=dict)
    under_way: frozenset[str] = frozenset()
    finale: Mapping[str, ExerciseVerdict] | None = None
    view: View = "exercise"
    listing: Listing | None = None
    reset: Exercise | None = None
    hint: Offer | None = None
    remark: str = ""

    @property
    def prerequisites(self) -> str:
        """What the current exercise is judged on."""
        return "own" if self.own else "reference"

    @property
    def is_done(self) -> bool:
        """Whether every law of the current exercise holds, with all its cases."""
        return self.phase == "settled" and self.verdict is not None and self.verdict.status == "passed"

    @property
    def points(self) -> tuple[float, float]:
        """Earned and possible, over all exercises, by what is known."""
        earned = sum(verdict.points for verdict in self.verdicts.values())
        return earned, sum(law.points for exercise in self.curriculum.exercises for law in exercise.laws)

    def is_known_done(self, exercise: Exercise) -> bool:
        """Whether an exercise has a settled verdict by which it is done."""
        verdict = self.verdicts.get(exercise.id)
        return verdict is not None and verdict.status == "passed"

    @property
    def following(self) -> Exercise | None:
        """The next exercise that is not done, after the current one in the order, or from the start; None: all are."""
        order = self.curriculum.exercises
        here = order.index(self.current)
        after = [*order[here + 1 :], *order[:here]]
        return next((exercise for exercise in after if not self.is_known_done(exercise)), None)

    @property
    def previous(self) -> Exercise | None:
        """The exercise before the current one in the order."""
        here = self.curriculum.exercises.index(self.current)
        return self.curriculum.exercises[here - 1] if here else None

    @property
    def listed(self) -> list[Exercise]:
        """The exercises that the list shows."""
        listing = self.listing or Listing(self.current.id)
        words = listing.search.lower().split()
        return [
            exercise
            for exercise in self.curriculum.exercises
            if (listing.filter == "all" or (listing.filter == "done") == self.is_known_done(exercise))
            and all(word in f"{exercise.chapter} {exercise.id} {exercise.title}".lower() for word in words)
        ]


def heard(session: Session, verdict: ExerciseVerdict, settled: bool, own: bool) -> Session:
    """A verdict has come, of whichever exercise."""
    if session.finale is not None and own and settled:
        session = replace(session, finale={**session.finale, verdict.id: verdict})
    if own != session.own:
        return session
    if settled:
        session = replace(session, verdicts={**session.verdicts, verdict.id: verdict})
        session = replace(session, under_way=session.under_way - {verdict.id})
    if verdict.id != session.current.id:
        return session
    over = all(law.status != "not_judged" for law in verdict.laws)
    phase: Phase = "settled" if settled else "glanced" if over else "judging"
    return replace(session, verdict=verdict, phase=phase)


def began(session: Session, exercise: Exercise) -> Session:
    """An exercise is being judged."""
    session = replace(session, under_way=session.under_way | {exercise.id})
    return replace(session, phase="judging") if exercise == session.current else session


def saved(session: Session, exercise: Exercise) -> Session:
    """The current exercise is to be judged anew: what was said about it is no longer true."""
    if exercise != session.current:
        return session
    view: View = session.view if session.view in ("list", "grid", "reset") else "exercise"
    return replace(session, phase="judging", hint=None, remark="", view=view)


def moved_to(session: Session, exercise: Exercise) -> Session:
    """Another exercise is the current one now."""
    known = session.verdicts.get(exercise.id)
    return replace(
        session,
        current=exercise,
        verdict=known,
        phase="judging",
        view="exercise",
        hint=None,
        listing=None,
        reset=None,
        remark="",
    )


def with_own(session: Session, own: bool) -> Session:
    """Judged on the learner's own prerequisites from now on, or on the reference's: what is known is no longer so."""
    remark = "Judged on your own earlier exercises." if own else "Judged on the reference's earlier exercises."
    return replace(session, own=own, verdicts={}, verdict=None, phase="judging", hint=None, remark=remark)


def with_hint(session: Session) -> Session:
    """One more hint is shown, and known as seen."""
    if session.verdict is None:
        return session
    exercise = session.current
    seen = session.remembered.hints.get(exercise.id, ())
    offer = hints.choose(exercise.hints, session.verdict, seen)
    if offer.fitting is not None:
        number = 1 + exercise.hints.index(offer.fitting)
        remark = f"You have seen all {offer.total} hints; this one fits what your code does now."
        return replace(session, hint=replace(offer, hint=offer.fitting, number=number), view="exercise", remark=remark)
    if offer.hint is None:
        remark = "There are no hints for it." if not offer.total else f"You have seen all {offer.total} hints."
        return replace(session, remark=remark, view="exercise")
    remembered = session.remembered.with_seen(exercise.id, (*seen, offer.hint.question))
    return replace(session, hint=offer, remembered=remembered, view="exercise", remark="")


def with_finale(session: Session) -> Session:
    """Everything is done: it is judged once more, on the learner's own earlier exercises."""
    return replace(session, finale={}, view="summary", hint=None, remark="")
