"""`hint`: judges one exercise and shows the hint that fits best what it does, one at a time."""

import argparse

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from kata import ROOT, curriculum, hints, judge, state, trees, vocabulary
from kata.curriculum import Exercise
from kata.hints import Offer
from kata.verdict import ExerciseVerdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("name", metavar="EXERCISE", help="the exercise you are stuck in")
    parser.add_argument("--again", action="store_true", help="forget which hints you have seen, and start over")


def run(arguments: argparse.Namespace) -> int:
    """0, whether or not there is a hint left."""
    lessons = curriculum.load(ROOT)
    exercise = lessons.select_one(arguments.name)
    console = Console(highlight=False)
    vocabulary.point_tiktoken_here()
    with console.status(f"Judging {exercise.id} ..."):
        try:
            verdict = judge.judge(lessons, [exercise], trees.find_tree(ROOT, "exercises"), "exercises", "reference")
        except judge.Interrupted:
            console.print("[yellow]Interrupted.[/]")
            return 1
    remembered = state.read(ROOT)
    if remembered.broken:
        console.print(
            f"[yellow]{state.FILE} could not be understood and was moved to {remembered.broken.name}, "
            "so the hints begin anew.[/]"
        )
    seen = () if arguments.again else remembered.hints.get(exercise.id, ())
    offer = hints.choose(exercise.hints, verdict.exercises[0], seen)
    _show(offer, exercise, verdict.exercises[0], console)
    if offer.hint:
        question = offer.hint.question
        state.change(ROOT, lambda now: now.with_seen(exercise.id, (*seen, question)))
    return 0


def _show(offer: Offer, exercise: Exercise, verdict: ExerciseVerdict, console: Console) -> None:
    name = escape(exercise.id)
    if remark := _remark(exercise, verdict):
        console.print(escape(remark))
    if offer.total == 0:
        console.print(f"There are no hints for {name}. Its docstrings and the TODOs say what to do, step by step.")
        return
    if offer.hint is None:
        console.print(f"You have seen all {offer.total} hints for [bold]{name}[/]:")
        for hint in exercise.hints:
            console.print(Padding(Text(hint.question), (0, 0, 0, 2)))
        if offer.fitting:
            console.print("\nOf these, this one fits what your code does now:")
            console.print(Text(offer.fitting.question, style="bold"))
            console.print(Padding(Text(offer.fitting.answer), (0, 0, 1, 2)))
        console.print(f"To read them again: [bold]nox -s hint -- {name} --again[/]")
        console.print(f"Still stuck? The reference is solutions/{escape(exercise.path)}")
        return
    console.print(f"hint {offer.number} of {offer.total} for {name}\n")
    # As texts, for an answer may hold `[:tokens]`, which rich would take for markup.
    console.print(Text(offer.hint.question, style="bold"))
    console.print(Padding(Text(offer.hint.answer), (0, 0, 1, 2)))
    if offer.number < offer.total:
        console.print(f"For the next: [bold]nox -s hint -- {name}[/]")
    else:
        console.print(f"That was the last one. To start over: [bold]nox -s hint -- {name} --again[/]")


def _remark(exercise: Exercise, verdict: ExerciseVerdict) -> str:
    """What the learner should know before they read a hint, if anything."""
    match verdict.status:
        case "passed":
            return f"{exercise.id} is done: every law holds. A hint all the same:"
        case "missing":
            return f"exercises/{exercise.path} does not exist; nox -s reset -- {exercise.id} puts its stub there."
        case "failed" | "todo":
            return ""
        case _:
            return f"{exercise.id} could not be judged to its end; nox -s exercises -- {exercise.id} says why."
