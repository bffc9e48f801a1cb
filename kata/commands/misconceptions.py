"""`misconceptions`: tests the laws and the diagnosis, with every misconception and every alternative of the cards."""

import argparse
import itertools
import json
import math
import multiprocessing
import os
from collections.abc import Sequence
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

A_SERVERS_WORTH = 20
"""Variants that are worth a process of their own, which has to collect the laws and run them once beforehand."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="only these, and show the matrix")
    parser.add_argument("--matrix", action="store_true", help="show which law rejects which misconception: slower")
    parser.add_argument("--thorough", action="store_true", help="draw as many cases as for a learner: slower still")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the matrix to this file")


def run(arguments: argparse.Namespace) -> int:
    """0 when the laws and the diagnosis are right about every variant, else 1."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    matrix = bool(arguments.matrix or arguments.thorough or arguments.json or arguments.names)
    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    several = sum(map(_variants, chosen)) > A_SERVERS_WORTH
    context.set_forkserver_preload(["kata.preload_variants" if several else "kata.preload"])
    trials = []
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        parts = _submit(pool, chosen, arguments.thorough, matrix)
        for exercise in chosen:
            trials.append(_tried(exercise, [part.result() for part in parts[exercise]], matrix))
    if arguments.json:
        write_atomically(arguments.json, json.dumps([trial.to_dict() for trial in trials], indent=2) + "\n")
    wrong = sum(len(trial.complaints) for trial in trials)
    counts = [sum(len(kind) for kind in kinds) for kinds in zip(*map(_kinds, chosen), strict=True)]
    complaints = f"{wrong or 'no'} complaint{'' if wrong == 1 else 's'}"
    print(f"{counts[0]} misconceptions and {counts[1]} alternatives: {complaints}.")
    if not matrix and wrong:
        print("Which law rejects what: nox -s misconceptions -- EXERCISE")
    return 1 if wrong else 0


def _kinds(exercise: Exercise) -> tuple[tuple[Variant, ...], tuple[Variant, ...]]:
    return exercise.misconceptions, exercise.alternatives


def _variants(exercise: Exercise) -> int:
    """How many variants there are, the solution among them."""
    return 1 + sum(map(len, _kinds(exercise)))


def _submit(
    pool: ProcessPoolExecutor, chosen: Sequence[Exercise], thorough: bool, every_law: bool
) -> dict[Exercise, list["Future[list[VariantVerdict]]"]]:
    """Shares the work out: long exercises first, each in several parts where there are cores to spare."""
    cores = os.cpu_count() or 1
    total = sum(map(_variants, chosen))
    submitted = {}
    for exercise in sorted(chosen, key=lambda e: len(e.laws) * (1 + len(e.alternatives)), reverse=True):
        wanted = round(4 * cores * _variants(exercise) / total)
        parts = max(1, min(wanted, cores, math.ceil(_variants(exercise) / A_SERVERS_WORTH)))
        tasks = [(exercise.id, slice(part, None, parts), thorough, every_law) for part in range(parts)]
        submitted[exercise] = [pool.submit(_judge, *task) for task in tasks]
    return submitted


def _judge(id: str, part: slice, thorough: bool, every_law: bool) -> list["VariantVerdict"]:
    from kata import variants

    lessons = curriculum.load(ROOT)
    exercise = lessons.exercise(id)
    everything = (variants.SOLUTION, *exercise.misconceptions, *exercise.alternatives)
    return variants.judge(lessons, exercise, everything[part], thorough, every_law)


def _tried(exercise: Exercise, parts: list[list["VariantVerdict"]], matrix: bool) -> "Trial":
    from kata.trials import Trial

    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*parts))
    trial = Trial(exercise, [verdict for verdict in in_turn if verdict is not None])
    print(trial.table() if matrix else trial.summary(), flush=True)
    return trial
