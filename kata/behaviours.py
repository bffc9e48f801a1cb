"""What the solution of an exercise and its misconceptions do on the probe's calls, kept in a file from run to run.

None of it depends on a submission. A file that cannot be read, or was made of other files, counts as none.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from kata import digests
from kata.curriculum import Curriculum, Exercise
from kata.files import write_atomically
from kata.outcomes import Outcome, Outcomes, alike

FOLDER = ".kata/outcomes"

Pair = tuple[str, str]
Name = TypeVar("Name")
Row = list[int]
"""For each call, which of its outcomes came of it."""


@dataclass
class Behaviours:
    """Who does what: `calls` lists the different outcomes of each call, a row says which of them came.

    `solution` is None where there is no probe, or it cannot begin. A misconception or a pair of them that cannot be
    probed has no row. `pairs` holds those tried so far; `is_complete` says whether no more are left to try.
    """

    calls: list[list[Outcome]] = field(default_factory=list)
    solution: Row | None = None
    misconceptions: dict[str, Row | None] = field(default_factory=dict)
    pairs: dict[Pair, Row | None] = field(default_factory=dict)
    is_complete: bool = False
    places: list[dict[str, int]] = field(default_factory=list, repr=False)

    def row(self, outcomes: Outcomes | None) -> Row | None:
        """The row of these outcomes, which are kept if they are new; None if there is not one for each call."""
        if outcomes is None or len(outcomes) != len(self.calls):
            return None
        if not self.places:
            self.places = [{_text(outcome): i for i, outcome in enumerate(known)} for known in self.calls]
        return [self._index(call, outcome) for call, outcome in enumerate(outcomes)]

    def _index(self, call: int, outcome: Outcome) -> int:
        known, places, text = self.calls[call], self.places[call], _text(outcome)
        if text not in places:
            places[text] = len(known)
            known.append(json.loads(text))
        return places[text]

    def outcomes(self, row: Row) -> list[Outcome]:
        """What a row stands for."""
        return [known[index] for known, index in zip(self.calls, row, strict=True)]

    def matching(self, observed: Outcomes, rows: Mapping[Name, Row | None]) -> list[Name]:
        """Those whose outcomes are those observed, as far as the submission is written."""
        left = {name: row for name, row in rows.items() if row is not None}
        if len(observed) != len(self.calls):
            return []
        for call, (outcome, known) in enumerate(zip(observed, self.calls, strict=True)):
            right = {index for index in {row[call] for row in left.values()} if alike(outcome, known[index])}
            left = {name: row for name, row in left.items() if row[call] in right}
        return list(left)


def read(curriculum: Curriculum, exercise: Exercise) -> Behaviours | None:
    """What is kept, if it is of the files that there are now. Not to be changed: the next call returns the same."""
    try:
        status = _file(curriculum, exercise).stat()
    except OSError:
        return None
    return _read(curriculum.root, exercise, key(curriculum, exercise), (status.st_mtime_ns, status.st_size))


def load(root: Path, exercise: Exercise, key: str) -> Behaviours | None:
    """What is kept under this key, if anything."""
    try:
        data = json.loads((root / FOLDER / f"{exercise.id}.json").read_text(encoding="utf-8"))
        if data["key"] != key:
            return None
        pairs = {(first, second): row for first, second, row in data["pairs"]}
        found = Behaviours(data["calls"], data["solution"], data["misconceptions"], pairs, data["complete"] is True)
        slugs = {variant.slug for variant in exercise.misconceptions}
        if not slugs.issuperset(found.misconceptions) or not slugs.issuperset(slug for pair in pairs for slug in pair):
            return None
        _check([found.solution, *found.misconceptions.values(), *pairs.values()], [len(known) for known in found.calls])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found


def write(curriculum: Curriculum, exercise: Exercise, found: Behaviours, made_under: str) -> None:
    """Keeps what was found while the files had this key, unless they have changed since, or more is kept already."""
    if made_under != key(curriculum, exercise):
        return
    kept = load(curriculum.root, exercise, made_under)
    if kept is not None and (kept.is_complete or len(kept.pairs) > len(found.pairs)):
        return
    data = {
        "key": made_under,
        "calls": found.calls,
        "solution": found.solution,
        "misconceptions": found.misconceptions,
        "pairs": [[*pair, row] for pair, row in found.pairs.items()],
        "complete": found.is_complete,
    }
    write_atomically(_file(curriculum, exercise), json.dumps(data, separators=(",", ":")))


def key(curriculum: Curriculum, exercise: Exercise) -> str:
    """A digest of all that the outcomes depend on: solutions, card, laws, the judge, Python and the libraries."""
    digest = hashlib.sha256(digests.machinery(curriculum.root))
    digest.update(f"{exercise.id} {exercise.misconceptions}\n".encode())
    files = [exercise.law_file, exercise.law_file.with_name(f"{exercise.id}.toml")]
    files += [curriculum.root / "solutions" / other.path for other in curriculum.exercises]
    for file in files:
        digest.update(digests.of_file(file))
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _read(root: Path, exercise: Exercise, key: str, changed: tuple[int, int]) -> Behaviours | None:
    return load(root, exercise, key)


def _check(rows: Iterable[Row | None], sizes: list[int]) -> None:
    for row in rows:
        if row is None:
            continue
        if type(row) is not list or not all(map(_is_index, row, sizes)) or len(row) != len(sizes):
            raise ValueError("a row of outcomes that are not there")


def _is_index(index: object, size: int) -> bool:
    return type(index) is int and 0 <= index < size


def _text(outcome: Outcome) -> str:
    return json.dumps(outcome, separators=(",", ":"))


def _file(curriculum: Curriculum, exercise: Exercise) -> Path:
    return curriculum.root / FOLDER / f"{exercise.id}.json"
