"""`grade`: judges a tree, by default the learner's, and says what to do next."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from kata import ROOT, curriculum, judge, report, trees, vocabulary
from kata.files import write_atomically
from kata.formats import FORMATS
from kata.verdict import Verdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="judge only these")
    parser.add_argument("--tree", default="exercises", help="exercises (default), solutions, or a path to a tree")
    parser.add_argument(
        "--prerequisites",
        default="reference",
        choices=("reference", "own"),
        help="whose earlier exercises the judged one imports (default: the reference's)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the verdict to this file, too")
    parser.add_argument("--verbose", action="store_true", help="show every law, and all that is known of it")
    for name, program in (("junit", "JUnit XML"), ("gradescope", "Gradescope"), ("classroom", "GitHub Classroom")):
        parser.add_argument(f"--{name}", metavar="FILE", type=Path, help=f"the same, in the format of {program}")
    parser.add_argument("--no-cache", action="store_true", help="judge again what has not changed since the last time")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="exercises at once (default: the cores)")


def run(arguments: argparse.Namespace) -> int:
    """0 when every law that was asked for holds, else 1."""
    lessons = curriculum.load(ROOT)
    chosen = lessons.select(arguments.names)
    tree = trees.find_tree(ROOT, arguments.tree)
    vocabulary.point_tiktoken_here()
    console = Console(highlight=False)
    latest: list[Verdict] = []

    def changed(verdict: Verdict) -> None:
        latest[:] = [verdict]
        if arguments.json:
            write_atomically(arguments.json, json.dumps(verdict.to_dict(), indent=2) + "\n")
        for name, render in FORMATS.items():
            if file := getattr(arguments, name):
                write_atomically(file, render(verdict))

    with console.status(f"Judging {len(chosen)} exercise{'s' * (len(chosen) != 1)} ..."):
        try:
            judge.judge(
                lessons,
                chosen,
                tree,
                arguments.tree,
                arguments.prerequisites,
                jobs=arguments.jobs,
                use_cache=not arguments.no_cache,
                on_change=changed,
            )
            interrupted = False
        except judge.Interrupted:
            interrupted = True
    report.show(latest[-1], lessons, console, arguments.verbose)
    if latest[-1].environment["confinement"].startswith("none"):
        console.print(
            f"[yellow]This tree is not yours, and it ran unconfined[/] ({latest[-1].environment['confinement']})."
        )
    if interrupted:
        console.print("[yellow]Interrupted: what is not judged above was not reached.[/]")
    return 0 if latest[-1].holds else 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
