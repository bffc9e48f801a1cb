"""Stubs on disk: derived ones compared with, or written to, the learner's tree; nothing of the learner's is lost."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kata import stubs
from kata.curriculum import Curriculum, Exercise
from kata.files import write_atomically

BACKUPS = ".backups"


@dataclass(frozen=True)
class StubFile:
    """One exercise's file in the learner's tree beside the stub that its solution derives to."""

    exercise: Exercise
    file: Path
    stub: str
    state: Literal["equal", "different", "missing"]


def compare(curriculum: Curriculum, exercise: Exercise) -> StubFile:
    """Derives one stub and says how the file in `exercises/` stands to it."""
    solution = (curriculum.root / "solutions" / exercise.path).read_text(encoding="utf-8")
    stub = stubs.derive(solution, exercise.given)
    file = curriculum.root / "exercises" / exercise.path
    if not file.exists():
        return StubFile(exercise, file, stub, "missing")
    # Bytes, since a learner's file may be anything; line ends may have become Windows' in a checkout.
    untouched = file.is_file() and file.read_bytes().replace(b"\r\n", b"\n") == stub.encode()
    return StubFile(exercise, file, stub, "equal" if untouched else "different")


def put_back(stub_file: StubFile, root: Path) -> Path | None:
    """Writes the stub over whatever stands there; returns the backup of what stood there, if anything did."""
    backup = _back_up(stub_file.file, root) if stub_file.state == "different" else None
    write_atomically(stub_file.file, stub_file.stub)
    return backup


def _back_up(file: Path, root: Path) -> Path:
    folder = root / BACKUPS / file.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        backup = folder / f"{file.stem}-{stamp}{'' if number == 1 else f'-{number}'}{file.suffix}"
        if not backup.exists():
            break
    file.rename(backup)  # a rename keeps the very bytes, whatever they are
    return backup
