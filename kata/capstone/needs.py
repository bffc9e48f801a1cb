"""Which exercises the training script stands on, and which of them are not done yet."""

import ast
from collections.abc import Sequence
from pathlib import Path

from kata import judge
from kata.curriculum import Curriculum, Exercise
from kata.verdict import ExerciseVerdict


def needed(lessons: Curriculum, scripts: Path) -> tuple[Exercise, ...]:
    """What the scripts of a folder import, and what that is built on, in the curriculum's order."""
    modules = {module for file in sorted(scripts.glob("*.py")) for module in _imported(file)}
    waiting = [exercise for exercise in lessons.exercises if exercise.module in modules]
    found: set[str] = set()
    while waiting:
        exercise = waiting.pop()
        if exercise.id not in found:
            found.add(exercise.id)
            waiting += [lessons.exercise(id) for id in exercise.prerequisites]
    return tuple(exercise for exercise in lessons.exercises if exercise.id in found)


def not_done(lessons: Curriculum, exercises: Sequence[Exercise], tree: Path, tree_name: str) -> list[ExerciseVerdict]:
    """Those of the exercises that do not obey all laws on the tree's own prerequisites."""
    verdict = judge.judge(lessons, exercises, tree, tree_name, "own")
    return [exercise for exercise in verdict.exercises if exercise.status != "passed"]


def _imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_bytes(), filename=str(file))))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
