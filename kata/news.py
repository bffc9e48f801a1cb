"""What happens while an exercise is judged again and again, as data."""

from dataclasses import dataclass

from kata.curriculum import Exercise
from kata.verdict import ExerciseVerdict


@dataclass(frozen=True)
class Wish:
    """What is to be judged: one exercise, on the reference's prerequisites or the learner's own."""

    exercise: Exercise
    prerequisites: str


@dataclass(frozen=True)
class Began:
    """Judging begins. `now` says whether somebody waits for it."""

    wish: Wish
    now: bool


@dataclass(frozen=True)
class Heard:
    """What is known of an exercise by now; `settled` once nothing more will come."""

    wish: Wish
    verdict: ExerciseVerdict
    settled: bool
    now: bool


@dataclass(frozen=True)
class Trouble:
    """Something went wrong; the sentence says what. Where it `ends` the judging, nothing more comes before a save."""

    says: str
    ends: bool = False


News = Began | Heard | Trouble
