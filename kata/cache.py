"""Verdicts kept from earlier runs, found again by everything that they depend on."""

import hashlib
import json
import sys
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from kata import vocabulary
from kata.curriculum import Exercise
from kata.files import write_atomically
from kata.job import Case
from kata.trees import LARGEST_FILE
from kata.verdict import ExerciseVerdict

FOLDER = ".kata/verdicts"
KEPT = ("passed", "failed", "todo", "missing", "error")  # a timeout may have been the machine's fault


def key(case: Case, exercise: Exercise) -> str:
    """A digest of the submission, its prerequisites, its laws and card, the judge, Python and the libraries."""
    curriculum, tree = case.curriculum, case.tree
    earlier = tree if case.prerequisites == "own" else curriculum.root / "solutions"
    digest = hashlib.sha256()
    for name in ("torch", "numpy", "tiktoken", "regex", "pytest", "hypothesis"):
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(f"{sys.version} {judge_digest(curriculum.root)} {vocabulary.is_whole()}\n".encode())
    digest.update(f"{tree / exercise.path} {case.prerequisites} {case.confined}\n".encode())
    files = [tree / exercise.path, exercise.law_file, exercise.law_file.with_name(f"{exercise.id}.toml")]
    files += [curriculum.root / "solutions" / exercise.path]  # misconceptions are told from it
    files += [earlier / other.path for other in curriculum.exercises if other is not exercise]
    # A learner's own helper modules, listed nowhere, may be imported too.
    listed = {tree / other.path for other in curriculum.exercises}
    files += [file for file in sorted(tree.glob("*/*.py")) if file not in listed]
    for file in files:
        digest.update(_file_digest(file))
    return digest.hexdigest()


def read(root: Path, key: str) -> ExerciseVerdict | None:
    """The verdict under a key, if one was kept and can be read."""
    try:
        return ExerciseVerdict.from_dict(json.loads((root / FOLDER / f"{key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(root: Path, key: str, verdict: ExerciseVerdict) -> None:
    """Keeps a verdict, if the same code would get it again."""
    if verdict.status in KEPT:
        write_atomically(root / FOLDER / f"{key}.json", json.dumps(verdict.to_dict()))


@lru_cache(maxsize=1)
def judge_digest(root: Path) -> str:
    """A digest of the judge itself: its code and settings."""
    digest = hashlib.sha256()
    for file in [*sorted((root / "kata").rglob("*.py")), root / "pyproject.toml"]:
        digest.update(_file_digest(file))
    return digest.hexdigest()


def _file_digest(file: Path) -> bytes:
    """What is in a file, and whether it is one at all, or a link; whatever else is there (a pipe!) is not opened."""
    try:
        kind = f"{file.is_symlink()} {file.resolve()}" if file.is_symlink() else ""
        if not file.is_file():
            return f"{kind} no file\n".encode()
        if file.stat().st_size > LARGEST_FILE:
            return f"{kind} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode()
        return hashlib.sha256(kind.encode() + b"\n" + file.read_bytes()).digest()
    except OSError as error:
        return f"{type(error).__name__}\n".encode()
