"""Verdicts kept from earlier runs, found again by everything that they depend on."""

import hashlib
import json
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from kata import vocabulary
from kata.curriculum import Curriculum, Exercise
from kata.files import write_atomically
from kata.verdict import ExerciseVerdict

FOLDER = ".kata/verdicts"
KEPT = ("passed", "failed", "todo", "missing", "error")  # a timeout may have been the machine's fault


def key(curriculum: Curriculum, exercise: Exercise, tree: Path, prerequisites: str) -> str:
    """A digest of the submission, its prerequisites, its laws and card, the judge, Python and the libraries."""
    reference = curriculum.root / "solutions"
    earlier = tree if prerequisites == "own" else reference
    digest = hashlib.sha256()
    for name in ("torch", "tiktoken", "regex", "pytest", "hypothesis"):
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(_judge_digest(curriculum.root).encode())
    digest.update(str((tree / exercise.path, prerequisites, vocabulary.is_whole())).encode())
    files = [tree / exercise.path, exercise.law_file, exercise.law_file.with_name(f"{exercise.id}.toml")]
    files += [earlier / other.path for other in curriculum.exercises if other is not exercise]
    # A learner's own helper modules, listed nowhere, may be imported too.
    listed = {tree / other.path for other in curriculum.exercises}
    files += [file for file in sorted(tree.glob("*/*.py")) if file not in listed]
    for file in files:
        digest.update(hashlib.sha256(_bytes(file)).digest())
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
def _judge_digest(root: Path) -> str:
    digest = hashlib.sha256()
    for file in [*sorted((root / "kata").rglob("*.py")), root / "pyproject.toml"]:
        digest.update(_bytes(file))
    return digest.hexdigest()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b"\0missing"
