"""`misconceptions`: tests the laws; each misconception must break one of them, each alternative none."""

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from kata import ROOT, curriculum
from kata.cards import Variant
from kata.curriculum import Exercise
from kata.variants import VariantVerdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="only these")
    parser.add_argument("--first", action="store_true", help="stop at the first law that catches it: faster")


def run(arguments: argparse.Namespace) -> int:
    """0 when the laws are right about every variant, else 1."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    wrong = total = 0
    # Spawned, not forked: torch may have started threads in this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        waiting = {
            exercise: [
                pool.submit(_judge, exercise, variant, not arguments.first)
                for variant in exercise.misconceptions + exercise.alternatives
            ]
            for exercise in chosen
        }
        for exercise, futures in waiting.items():
            verdicts = [future.result() for future in futures]
            _show(exercise, verdicts)
            wrong += sum(not verdict.as_it_should for verdict in verdicts)
            total += len(verdicts)
    print(f"{total - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


def _judge(exercise: Exercise, variant: Variant, all_laws: bool) -> VariantVerdict:
    from kata import variants

    return variants.judge(curriculum.load(ROOT), exercise, variant, all_laws)


def _show(exercise: Exercise, verdicts: list[VariantVerdict]) -> None:
    print(f"{exercise.id}: {len(exercise.misconceptions)} misconceptions, {len(exercise.alternatives)} alternatives")
    for verdict in verdicts:
        caught = ", ".join(law.removeprefix("test_") for law in verdict.broken) or "no law"
        says = "rejected though right, by" if verdict.is_alternative else "caught by"
        if verdict.is_alternative and not verdict.broken:
            says, caught = "accepted", ""
        print(f"  {'ok  ' if verdict.as_it_should else 'FAIL'} {verdict.slug}: {says} {caught}".rstrip())
    print(flush=True)
