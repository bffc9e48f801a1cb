"""Verdicts kept from earlier runs, found again by everything that they depend on."""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from kata import digests
from kata.curriculum import Exercise
from kata.files import write_atomically
from kata.job import Case
from kata.verdict import ExerciseVerdict

FOLDER = ".kata/verdicts"
AT_MOST = 5000
"""How many verdicts are kept, of about 10 kB each; when there are more, the half that was written last stays."""
KEPT = ("passed", "failed", "todo", "missing", "error")  # a timeout may have been the machine's fault


def key(case: Case, exercise: Exercise) -> str:
    """A digest of the submission, its prerequisites, its laws and card, the judge, Python and the libraries."""
    curriculum, tree = case.curriculum, case.tree
    earlier = tree if case.prerequisites == "own" else curriculum.root / "solutions"
    digest = hashlib.sha256()
    digest.update(digests.machinery(curriculum.root))
    digest.update(f"{tree / exercise.path} {case.prerequisites} {case.confined}\n".encode())
    files = [tree / exercise.path, exercise.law_file, exercise.law_file.with_name(f"{exercise.id}.toml")]
    files += [curriculum.root / "solutions" / exercise.path]  # misconceptions are told from it
    files += [earlier / other.path for other in curriculum.exercises if other is not exercise]
    # A learner's own helper modules, listed nowhere, may be imported too.
    listed = {tree / other.path for other in curriculum.exercises}
    files += [file for file in sorted(tree.glob("*/*.py")) if file not in listed]
    for file in files:
        digest.update(digests.of_file(file))
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
        _prune(root / FOLDER)


def _prune(folder: Path) -> None:
    if len(os.listdir(folder)) <= AT_MOST:
        return
    with contextlib.suppress(OSError):  # another judge may be at it
        files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for file in files[AT_MOST // 2 :]:
            file.unlink()
