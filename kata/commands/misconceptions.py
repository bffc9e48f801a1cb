"""`misconceptions`: tests the laws and the diagnosis, with every misconception and every alternative of the cards."""

import argparse
import json
import multiprocessing
import os
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from kata import ROOT, curriculum
from kata.cards import Variant
from kata.curriculum import Exercise
from kata.files import write_atomically

if TYPE_CHECKING:
    from kata.trials import Trial
    from kata.variants import VariantVerdict

AT_ONCE = 12
SEVERAL = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="only these")
    parser.add_argument("--thorough", action="store_true", help="draw as many cases as for a learner: slower")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what was found to this file, too")


def run(arguments: argparse.Namespace) -> int:
    """0 when the laws and the diagnosis are right about every variant, else 1."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    several = sum(len(kind) for exercise in chosen for kind in _kinds(exercise)) > SEVERAL
    context.set_forkserver_preload(["kata.preload_variants" if several else "kata.preload"])
    trials = []
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        waiting = {exercise: _submit(pool, exercise, arguments.thorough) for exercise in chosen}
        for exercise, futures in waiting.items():
            verdicts = [verdict for future in futures for verdict in future.result()]
            trials.append(_tried(exercise, verdicts))
    if arguments.json:
        write_atomically(arguments.json, json.dumps([trial.to_dict() for trial in trials], indent=2) + "\n")
    wrong = sum(len(trial.complaints) for trial in trials)
    counts = [sum(len(kind) for kind in kinds) for kinds in zip(*map(_kinds, chosen), strict=True)]
    complaints = f"{wrong or 'no'} complaint{'' if wrong == 1 else 's'}"
    print(f"{counts[0]} misconceptions and {counts[1]} alternatives: {complaints}.")
    return 1 if wrong else 0


def _kinds(exercise: Exercise) -> tuple[tuple[Variant, ...], tuple[Variant, ...]]:
    return exercise.misconceptions, exercise.alternatives


def _submit(pool: ProcessPoolExecutor, exercise: Exercise, thorough: bool) -> list["Future[list[VariantVerdict]]"]:
    variants = 1 + sum(map(len, _kinds(exercise)))
    return [pool.submit(_judge, exercise.id, start, thorough) for start in range(0, variants, AT_ONCE)]


def _judge(id: str, start: int, thorough: bool) -> list["VariantVerdict"]:
    from kata import variants

    lessons = curriculum.load(ROOT)
    exercise = lessons.exercise(id)
    part = (variants.SOLUTION, *exercise.misconceptions, *exercise.alternatives)[start : start + AT_ONCE]
    return variants.judge(lessons, exercise, part, thorough)


def _tried(exercise: Exercise, verdicts: list["VariantVerdict"]) -> "Trial":
    from kata.trials import Trial

    trial = Trial(exercise, verdicts)
    print(trial.table(), flush=True)
    return trial
