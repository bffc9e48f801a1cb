"""What comes out of judging: one dataclass a level, and nothing but data."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

LawStatus = Literal["passed", "failed", "not_judged"]
ExerciseStatus = Literal["passed", "failed", "todo", "missing", "error"]


@dataclass
class LawVerdict:
    """What became of one law.

    `says` is the law as a sentence, `message` what went wrong, `counterexample` the smallest case that shows it,
    `place` the `file:line` of the learner's code where it surfaced; `unwritten` that it met a NotImplementedError.
    """

    id: str
    says: str
    max_points: float
    status: LawStatus = "not_judged"
    message: str | None = None
    counterexample: str | None = None
    place: str | None = None
    unwritten: bool = False

    @property
    def points(self) -> float:
        """The law's points if it holds, else none."""
        return self.max_points if self.status == "passed" else 0.0


@dataclass
class ExerciseVerdict:
    """What became of one exercise. `message` is for what concerns it as a whole: missing, not importable."""

    id: str
    chapter: str
    title: str
    file: str
    laws: list[LawVerdict] = field(default_factory=list)
    status: ExerciseStatus = "todo"
    message: str | None = None

    @property
    def points(self) -> float:
        """The points of the laws that hold."""
        return sum(law.points for law in self.laws)

    @property
    def max_points(self) -> float:
        """The points of all laws."""
        return sum(law.max_points for law in self.laws)

    @property
    def first_failed(self) -> LawVerdict | None:
        """The law to look at next: the first, in the law file's order, that does not hold."""
        return next((law for law in self.laws if law.status != "passed"), None)


@dataclass
class Verdict:
    """What became of everything that was asked for."""

    tree: str
    prerequisites: str
    exercises: list[ExerciseVerdict] = field(default_factory=list)

    @property
    def points(self) -> float:
        """The points earned."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def max_points(self) -> float:
        """The points that could be earned."""
        return sum(exercise.max_points for exercise in self.exercises)

    @property
    def holds(self) -> bool:
        """Whether every law that was asked for holds."""
        return bool(self.exercises) and all(exercise.status == "passed" for exercise in self.exercises)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, points included at every level."""
        data = asdict(self) | {"points": self.points, "max_points": self.max_points}
        for exercise, plain in zip(self.exercises, data["exercises"], strict=True):
            plain |= {"points": exercise.points, "max_points": exercise.max_points}
            for law, plain_law in zip(exercise.laws, plain["laws"], strict=True):
                plain_law["points"] = law.points
        return data
