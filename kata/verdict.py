"""What comes out of judging: one dataclass a level, and nothing but data."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from kata.curriculum import Exercise

LawStatus = Literal["passed", "failed", "not_judged"]
ExerciseStatus = Literal["passed", "failed", "todo", "missing", "error", "timeout", "memory", "crashed"]
SCHEMA = 1
ENDED_BADLY = ("timeout", "memory", "crashed")


@dataclass
class LawVerdict:
    """What became of one law.

    `says` is the law as a sentence, `message` what went wrong, `counterexample` the smallest case that shows it,
    `misconception` the slug of the mistake that the code behaves like, `diagnosis` the sentence that goes with it,
    `place` the `file:line` of the learner's code where it surfaced; `unwritten` that it met a NotImplementedError,
    `output` what the learner's code printed meanwhile. `picture` is a few lines of text that show what went wrong,
    `details` the traceback.
    """

    id: str
    says: str
    max_points: float
    status: LawStatus = "not_judged"
    message: str | None = None
    counterexample: str | None = None
    misconception: str | None = None
    diagnosis: str | None = None
    place: str | None = None
    picture: str | None = None
    details: str | None = None
    unwritten: bool = False
    output: str = ""

    @property
    def points(self) -> float:
        """The law's points if it holds, else none."""
        return self.max_points if self.status == "passed" else 0.0

    @property
    def heading_of_case(self) -> str:
        """What stands above the counterexample; with other numbers than the law's, it need not break when it is run."""
        return "A case like it, with other numbers" if "# The law" in (self.counterexample or "") else "Smallest case"


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
    seconds: float = 0.0
    output: str = ""

    def law(self, id: str) -> LawVerdict:
        """One law's verdict, by its id."""
        return next(law for law in self.laws if law.id == id)

    def settle(self) -> None:
        """Draws the status from the laws, unless something else decided it: a missing file, a worker's death."""
        if self.status in ENDED_BADLY:
            pass
        elif self.laws and all(law.status == "passed" for law in self.laws):
            self.status = "passed"
        elif self.status in ("missing", "error"):
            pass
        elif any(law.unwritten for law in self.laws):
            self.status = "todo"
        else:
            self.status = "failed"

    @property
    def points(self) -> float:
        """The points of the laws that hold."""
        return sum(law.points for law in self.laws)

    @property
    def max_points(self) -> float:
        """The points of all laws."""
        return sum(law.max_points for law in self.laws)

    @property
    def broken(self) -> list[LawVerdict]:
        """The laws found not to hold."""
        return [law for law in self.laws if law.status == "failed"]

    @property
    def wants_diagnosis(self) -> bool:
        """Whether there is code that breaks a law, and that can be imported to see what it does."""
        return self.status in ("failed", "todo") and any(not law.unwritten for law in self.broken)

    @property
    def first_failed(self) -> LawVerdict | None:
        """The law to look at next: the first, in the law file's order, that does not hold."""
        return next((law for law in self.laws if law.status != "passed"), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, points included."""
        data = asdict(self) | {"points": self.points, "max_points": self.max_points}
        for law, plain in zip(self.laws, data["laws"], strict=True):
            plain["points"] = law.points
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ExerciseVerdict":
        """The inverse of `to_dict`."""
        names = {field.name for field in fields(cls)}
        law_names = {field.name for field in fields(LawVerdict)}
        laws = [LawVerdict(**{k: v for k, v in law.items() if k in law_names}) for law in data["laws"]]
        return cls(**{k: v for k, v in data.items() if k in names} | {"laws": laws})


def not_judged(exercise: Exercise, tree: Path) -> ExerciseVerdict:
    """The verdict before anything has run: every law of the exercise is expected, none is judged."""
    laws = [LawVerdict(law.id, law.says, law.points) for law in exercise.laws]
    return ExerciseVerdict(exercise.id, exercise.chapter, exercise.title, str(tree / exercise.path), laws)


@dataclass
class Verdict:
    """What became of everything that was asked for."""

    tree: str
    prerequisites: str
    environment: dict[str, str] = field(default_factory=dict)
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
        return {
            "schema": SCHEMA,
            "tree": self.tree,
            "prerequisites": self.prerequisites,
            "points": self.points,
            "max_points": self.max_points,
            "environment": self.environment,
            "exercises": [exercise.to_dict() for exercise in self.exercises],
        }
