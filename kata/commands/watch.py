"""`watch`: judges an exercise whenever it is saved, and shows what comes of it."""

import argparse
import os
import sys

from kata import ROOT, curriculum, vocabulary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("name", nargs="?", metavar="EXERCISE", help="the exercise to begin with (default: the last)")
    parser.add_argument("--plain", action="store_true", help="no screen: each verdict as a block of text")
    parser.add_argument("--jsonl", action="store_true", help="no screen: each verdict as a line of JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 when somebody leaves."""
    lessons = curriculum.load(ROOT)
    exercise = lessons.select_one(arguments.name) if arguments.name else None
    vocabulary.point_tiktoken_here()
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if arguments.plain or arguments.jsonl or not terminal:
        from kata.watch import plain

        return plain.run(lessons, exercise, arguments.jsonl)
    from kata.watch import app

    return app.run(lessons, exercise)
