"""What is remembered from one call to the next: a small file in the checkout's root, and nothing that matters.

What is done is not in it: that is always what the judge says of the files as they are now.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from kata.files import write_atomically

FILE = ".kata-state.json"
LOCK = ".kata/state.lock"
SECONDS_TO_WAIT = 5
VERSION = 1


@dataclass(frozen=True)
class State:
    """What is remembered.

    `current` is the exercise that was worked on last. Of each exercise, `hints` are the questions seen, in the order
    seen, `solved` is when it was first seen solved (ISO 8601, in UTC), `spent` the seconds of work. `others` is
    whatever else stands in the file: it belongs to somebody else and is kept. `broken` is where a file that could not
    be understood was moved to.
    """

    current: str | None = None
    hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    solved: Mapping[str, str] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    broken: Path | None = None

    def with_seen(self, exercise: str, questions: tuple[str, ...]) -> "State":
        """The same, with these questions as those seen of an exercise."""
        return replace(self, hints={**self.hints, exercise: questions})

    def with_solved(self, exercise: str, when: str) -> "State":
        """The same, with this as the time when an exercise was first solved, unless one is known."""
        return replace(self, solved={exercise: when, **self.solved})

    def with_spent(self, exercise: str, seconds: float) -> "State":
        """The same, with so many more seconds of work on an exercise."""
        return replace(self, spent={**self.spent, exercise: round(self.spent.get(exercise, 0.0) + seconds, 1)})


def read(root: Path) -> State:
    """What is remembered; nothing at first. A file that is not ours, or not whole, is moved aside, never lost.

    Raises OSError where it cannot be read, which says nothing against it.
    """
    file = root / FILE
    try:
        return _understand(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return State()
    except OSError:
        if not file.is_dir():
            raise
    except (ValueError, RecursionError):
        pass
    return State(broken=_move_aside(file))


def change(root: Path, how: Callable[[State], State]) -> State:
    """Remembers what `how` makes of what is remembered; returns that. One at a time, whoever else does the same.

    Raises OSError where nothing can be read or written.
    """
    lock = root / LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, timeout=SECONDS_TO_WAIT):
        before = read(root)
        after = how(before)
        if after != before or before.broken:
            _write(root, after)
    return after


def _write(root: Path, state: State) -> None:
    known = {
        "current": state.current,
        "hints": {exercise: list(questions) for exercise, questions in state.hints.items()},
        "solved": dict(state.solved),
        "spent": dict(state.spent),
    }
    data = {"version": VERSION, **{key: value for key, value in known.items() if value}, **state.others}
    write_atomically(root / FILE, json.dumps(data, indent=2) + "\n")


def _understand(data: Any) -> State:
    if not isinstance(data, dict) or type(version := data.pop("version", None)) is not int or version != VERSION:
        raise ValueError
    current, hints = data.pop("current", None), data.pop("hints", {})
    solved, spent = data.pop("solved", {}), data.pop("spent", {})
    if not (current is None or isinstance(current, str)):
        raise ValueError
    if not all(isinstance(part, dict) for part in (hints, solved, spent)):
        raise ValueError
    if not all(_are_strings(questions) for questions in hints.values()) or not _are_strings([*solved.values()]):
        raise ValueError
    if not all(type(seconds) in (int, float) for seconds in spent.values()):
        raise ValueError
    seen = {exercise: tuple(questions) for exercise, questions in hints.items()}
    return State(current, seen, solved, spent, data)


def _are_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _move_aside(file: Path) -> Path:
    names = (file.with_name(f"{file.name}.broken-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists() and not name.is_symlink())
    return file.rename(aside)
