"""Reads the curriculum: the order of exercises, their cards, and the laws each is judged by.

`tests/curriculum.toml` is the one place that lists exercises. Each listed exercise has a card
`tests/<chapter>/<exercise>.toml`, a law file `tests/<chapter>/test_<exercise>.py` and a reference
`solutions/<chapter>/<exercise>.py`; whatever is malformed, missing or unlisted is an error that names file and key.
"""

import ast
import difflib
import fnmatch
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kata import KataError, cards, tables
from kata.cards import Hint, Variant
from kata.tables import CurriculumError, Table

ORDER_FILE = "curriculum.toml"


class UnknownName(KataError):
    """Somebody asked for an exercise or chapter that does not exist; the message offers the closest names."""


@dataclass(frozen=True)
class Law:
    """One test function: its name, the sentence the learner reads, its points, the line it stands on."""

    id: str
    says: str
    points: float
    line: int


@dataclass(frozen=True)
class Forbidden:
    """What must be written by hand: operators that may not run in the learner's code while these laws are asked.

    `operators` are patterns of the names of PyTorch's operators (`*softmax*`), `laws` the names of the laws concerned,
    `instead` the sentence that says what to do.
    """

    operators: tuple[str, ...]
    laws: tuple[str, ...]
    instead: str


@dataclass(frozen=True)
class Exercise:
    """One concept: what its card says, and its laws in the order of the law file.

    `compares` are the laws that only compare with an independent computation of the whole result; `seconds` is how
    long judging may take, where the judge's own limit is too short.
    """

    id: str
    chapter: str
    title: str
    teaches: str
    minutes: int
    prerequisites: tuple[str, ...]
    read: tuple[str, ...]
    given: tuple[str, ...]
    compares: tuple[str, ...]
    misconceptions: tuple[Variant, ...]
    alternatives: tuple[Variant, ...]
    forbidden: tuple[Forbidden, ...]
    hints: tuple[Hint, ...]
    laws: tuple[Law, ...]
    law_file: Path
    seconds: float | None

    @property
    def module(self) -> str:
        """The name under which the exercise is imported."""
        return f"{self.chapter}.{self.id}"

    @property
    def path(self) -> str:
        """The exercise's file inside any tree."""
        return f"{self.chapter}/{self.id}.py"

    @property
    def points(self) -> float:
        """What the exercise is worth."""
        return sum(law.points for law in self.laws)


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book: a folder in every tree."""

    id: str
    title: str
    exercises: tuple[Exercise, ...]


@dataclass(frozen=True)
class Curriculum:
    """All chapters, in the order in which they are learnt."""

    root: Path
    chapters: tuple[Chapter, ...]

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """All exercises, in order."""
        return tuple(exercise for chapter in self.chapters for exercise in chapter.exercises)

    @property
    def summit(self) -> str | None:
        """What to run once everything is done, if there is such a thing."""
        return "nox -s capstone" if (self.root / "capstone").is_dir() else None

    def exercise(self, id: str) -> Exercise:
        """The exercise of that name, which must exist."""
        return next(exercise for exercise in self.exercises if exercise.id == id)

    def by_module(self, module: str) -> Exercise | None:
        """The exercise imported as `module`, if any."""
        return next((exercise for exercise in self.exercises if exercise.module == module), None)

    def select(self, names: Iterable[str]) -> tuple[Exercise, ...]:
        """The exercises named, by exercise or chapter, in the curriculum's order; all of them for no names."""
        wanted: set[str] = set()
        for name in names:
            plain = _plain(name)
            found = {e.id for e in self.exercises if plain in (e.id, e.chapter)}
            if not found:
                raise UnknownName(self._unknown(name))
            wanted |= found
        return tuple(e for e in self.exercises if e.id in wanted or not wanted)

    def select_one(self, name: str) -> Exercise:
        """The one exercise named; a chapter is refused, for it names several."""
        chosen = self.select([name])
        if chosen[0].id != _plain(name):
            raise UnknownName(f"{name} is a chapter. One exercise at a time: {', '.join(e.id for e in chosen)}.")
        return chosen[0]

    def _unknown(self, name: str) -> str:
        known = [chapter.id for chapter in self.chapters] + [exercise.id for exercise in self.exercises]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        offer = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known)}."
        return f"There is no exercise or chapter called {name!r}. {offer}"


def _plain(name: str) -> str:
    """An exercise's or chapter's name, where a path to it was given."""
    return name.replace("\\", "/").removesuffix(".py").rstrip("/").rpartition("/")[2]


def load(root: Path) -> Curriculum:
    """Reads and checks everything under `root/tests`; raises CurriculumError."""
    order_file = root / "tests" / ORDER_FILE
    order = Table(order_file, tables.read(order_file))
    chapters: list[Chapter] = []
    for index, entry in enumerate(order.take("chapter", list)):
        table = Table(order_file, entry, f"chapter[{index}].")
        name = table.take("name", str)
        title = table.take("title", str)
        ids = table.take_strings("exercises")
        table.nothing_left()
        chapters.append(Chapter(name, title, tuple(_load_exercise(root, name, id) for id in ids)))
    order.nothing_left()
    curriculum = Curriculum(root, tuple(chapters))
    _check_order(curriculum, order_file)
    _check_nothing_unlisted(curriculum)
    return curriculum


def _load_exercise(root: Path, chapter: str, id: str) -> Exercise:
    file = root / "tests" / chapter / f"{id}.toml"
    card = Table(file, tables.read(file))
    title = card.take("title", str)
    teaches = card.take("teaches", str)
    minutes = card.take("minutes", int)
    prerequisites = card.take_strings("prerequisites")
    read = card.take_strings("read")
    given = card.take_strings("given", default=())
    seconds = _positive(file, "seconds", card.take("seconds", (int, float))) if "seconds" in card.data else None
    compares = card.take_strings("compares", default=())
    misconceptions = cards.variants(file, card, "misconception", ("believes", "why"))
    alternatives = cards.variants(file, card, "alternative", ("says",))
    forbids = card.take("forbidden", list, default=[])
    hints = card.take("hint", list, default=[])
    points = Table(file, card.take("points", dict), "points.")
    card.nothing_left()
    for key, value in points.data.items():
        _positive(file, f"points.{key}", value)
    default = points.take("default", (int, float))
    law_file = file.with_name(f"test_{id}.py")
    laws = tuple(
        Law(node.name, _sentence(law_file, node), points.take(node.name, (int, float), default=default), node.lineno)
        for node in _law_functions(law_file)
    )
    points.nothing_left()
    for name in compares:
        if name not in [law.id for law in laws]:
            raise CurriculumError(f"{file}: compares: no law is called {name!r}.")
    forbidden = tuple(_forbidden(file, index, entry, laws) for index, entry in enumerate(forbids))
    return Exercise(
        id=id,
        chapter=chapter,
        title=title,
        teaches=teaches.strip(),
        minutes=minutes,
        prerequisites=prerequisites,
        read=read,
        given=given,
        compares=compares,
        misconceptions=misconceptions,
        alternatives=alternatives,
        forbidden=forbidden,
        hints=cards.hints(file, hints, [law.id for law in laws], misconceptions),
        laws=laws,
        law_file=law_file,
        seconds=seconds,
    )


def _positive(file: Path, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise CurriculumError(f"{file}: {key} must be a number above 0, not {value!r}.")
    return value


def _forbidden(file: Path, index: int, entry: dict[str, object], laws: tuple[Law, ...]) -> Forbidden:
    table = Table(file, entry, f"forbidden[{index}].")
    operators, patterns = table.take_strings("operators"), table.take_strings("laws")
    instead = table.take("instead", str)
    table.nothing_left()
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(law.id, pattern) for law in laws):
            raise CurriculumError(f"{file}: forbidden[{index}].laws: no law is called {pattern!r}.")
    concerned = [law.id for law in laws if any(fnmatch.fnmatchcase(law.id, pattern) for pattern in patterns)]
    return Forbidden(operators, tuple(concerned), instead.strip())


def _law_functions(file: Path) -> list[ast.FunctionDef]:
    try:
        source = ast.parse(file.read_bytes(), filename=str(file))
    except FileNotFoundError:
        raise CurriculumError(f"{file} does not exist: every exercise needs a law file.") from None
    except SyntaxError as error:
        raise CurriculumError(f"{file}:{error.lineno}: {error.msg}.") from None
    laws = [node for node in source.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    if not laws:
        raise CurriculumError(f"{file} holds no law: no function in it is called test_...")
    names = [law.name for law in laws]
    for name in names:
        if names.count(name) > 1:
            raise CurriculumError(f"{file}: {name} is defined twice; only the last would be judged.")
    return laws


def _sentence(file: Path, law: ast.FunctionDef) -> str:
    says = " ".join((ast.get_docstring(law) or "").split("\n\n")[0].split())
    if not says:
        raise CurriculumError(f"{file}:{law.lineno}: {law.name} has no docstring: the learner would read nothing.")
    return says


def _check_order(curriculum: Curriculum, order_file: Path) -> None:
    seen: list[str] = []
    for exercise in curriculum.exercises:
        card = exercise.law_file.with_name(f"{exercise.id}.toml")
        if exercise.id in seen:
            raise CurriculumError(f"{order_file}: {exercise.id} is listed twice.")
        for prerequisite in exercise.prerequisites:
            if prerequisite not in seen:
                raise CurriculumError(
                    f"{card}: prerequisites names {prerequisite!r}, which is no exercise that comes earlier."
                )
        seen.append(exercise.id)


def _check_nothing_unlisted(curriculum: Curriculum) -> None:
    root = curriculum.root
    modules = {exercise.path for exercise in curriculum.exercises}
    for exercise in curriculum.exercises:
        if not (root / "solutions" / exercise.path).is_file():
            raise CurriculumError(f"{root / 'solutions' / exercise.path} does not exist, though {ORDER_FILE} lists it.")
    for found in sorted((root / "solutions").glob("*/*.py")):
        if found.relative_to(root / "solutions").as_posix() not in modules:
            raise CurriculumError(f"{found} is listed nowhere: add it to {root / 'tests' / ORDER_FILE}.")
    for chapter in curriculum.chapters:
        listed = {f"{e.id}.toml" for e in chapter.exercises} | {f"test_{e.id}.py" for e in chapter.exercises}
        folder = root / "tests" / chapter.id
        for found in sorted([*folder.glob("*.toml"), *folder.glob("test_*.py")]):
            if found.name not in listed:
                raise CurriculumError(f"{found} is listed nowhere: add it to {root / 'tests' / ORDER_FILE}.")
