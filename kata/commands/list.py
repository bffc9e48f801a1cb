"""`list`: every exercise with its points and state, the rank, and what comes next."""

import argparse

from rich.console import Console
from rich.table import Table

from kata import ROOT, curriculum, judge, ranks, report, trees, vocabulary

STATES = {
    "passed": "done",
    "failed": "not yet right",
    "todo": "to do",
    "missing": "file missing",
    "error": "cannot be imported",
    "timeout": "too slow",
    "memory": "too much memory",
    "crashed": "crashed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("--tree", default="exercises", help="exercises (default), solutions, or a path to a tree")


def run(arguments: argparse.Namespace) -> int:
    """0, however much is solved. What has not changed since it was judged is not judged again."""
    lessons = curriculum.load(ROOT)
    tree = trees.find_tree(ROOT, arguments.tree)
    vocabulary.point_tiktoken_here()
    console = Console(highlight=False)
    with console.status("Judging what has changed ..."):
        try:
            verdict = judge.judge(lessons, lessons.exercises, tree, arguments.tree, "reference")
        except judge.Interrupted:
            console.print("[yellow]Interrupted.[/]")
            return 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("exercise", "state", "points", "minutes"):
        table.add_column(heading, justify="right" if heading in ("points", "minutes") else "left")
    for exercise, judged in zip(lessons.exercises, verdict.exercises, strict=True):
        points = f"{report.number(judged.points)} of {report.number(judged.max_points)}"
        table.add_row(exercise.id, STATES[judged.status], points, str(exercise.minutes))
    console.print(table)
    rank = ranks.rank(verdict.points, verdict.max_points)
    console.print(f"\n{report.number(verdict.points)} of {report.number(verdict.max_points)} points: [bold]{rank}[/]")
    following = next((judged for judged in verdict.exercises if judged.status != "passed"), None)
    step = f"nox -s exercises -- {following.id}" if following else lessons.summit
    done = "" if following else "Everything is done. "
    console.print(f"{done}Next: [bold]{step}[/]" if step else done)
    return 0
