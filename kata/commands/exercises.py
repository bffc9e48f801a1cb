"""`exercises`: judges a tree, by default the learner's, and says what to do next."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from kata import ROOT, curriculum, report, trees
from kata.files import write_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="judge only these")
    parser.add_argument(
        "--tree", default="exercises", help="exercises (default), solutions, or a path to such a folder"
    )
    parser.add_argument(
        "--prerequisites",
        default="reference",
        choices=("reference", "own"),
        help="whose earlier exercises the judged one imports (default: the reference's)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the verdict to this file, too")


def run(arguments: argparse.Namespace) -> int:
    """0 when every law that was asked for holds, else 1."""
    lessons = curriculum.load(ROOT)
    chosen = lessons.select(arguments.names)
    tree = trees.find_tree(ROOT, arguments.tree)
    console = Console(highlight=False)
    with console.status(f"Judging {len(chosen)} exercise{'s' * (len(chosen) != 1)} ..."):
        from kata import run  # imports torch: say first what is going on

        verdict = run.judge(lessons, chosen, tree, arguments.tree, arguments.prerequisites)
    if arguments.json:
        write_atomically(arguments.json, json.dumps(verdict.to_dict(), indent=2) + "\n")
    report.show(verdict, lessons, console)
    return 0 if verdict.holds else 1
