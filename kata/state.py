"""What is remembered from one call to the next: a small file in the checkout's root, and nothing that matters."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kata.files import write_atomically

FILE = ".kata-state.json"
VERSION = 1


@dataclass(frozen=True)
class State:
    """What is remembered.

    `hints` are the questions seen of each exercise, in the order seen. `others` is whatever else stands in the file:
    it belongs to somebody else and is kept. `broken` is where a file that could not be understood was moved to.
    """

    hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    broken: Path | None = None

    def with_seen(self, exercise: str, questions: tuple[str, ...]) -> "State":
        """The same, with these questions as those seen of an exercise."""
        return replace(self, hints={**self.hints, exercise: questions})


def read(root: Path) -> State:
    """What is remembered; nothing at first. A file that is not ours, or not whole, is moved aside, never lost."""
    file = root / FILE
    try:
        return _understand(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, RecursionError):
        return State(broken=_move_aside(file))


def write(root: Path, state: State) -> None:
    """Remembers everything that `state` holds; raises OSError where nothing can be written."""
    hints = {exercise: list(questions) for exercise, questions in state.hints.items()}
    data = {"version": VERSION, "hints": hints, **state.others}
    write_atomically(root / FILE, json.dumps(data, indent=2) + "\n")


def _understand(data: Any) -> State:
    if not isinstance(data, dict) or type(version := data.pop("version", None)) is not int or version != VERSION:
        raise ValueError
    hints = data.pop("hints", {})
    if not isinstance(hints, dict) or not all(_are_strings(questions) for questions in hints.values()):
        raise ValueError
    return State({exercise: tuple(questions) for exercise, questions in hints.items()}, data)


def _are_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _move_aside(file: Path) -> Path:
    names = (file.with_name(f"{file.name}.broken-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists() and not name.is_symlink())
    return file.rename(aside)
