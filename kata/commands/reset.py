"""`reset`: puts the stub of one exercise back, after saving what stood there."""

import argparse
import os

from kata import ROOT, curriculum, stub_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("name", metavar="EXERCISE", help="the exercise to start over")


def run(arguments: argparse.Namespace) -> int:
    """0: the stub is there."""
    lessons = curriculum.load(ROOT)
    file = stub_files.compare(lessons, lessons.select_one(arguments.name))
    name = os.path.relpath(file.file)
    if file.state == "equal":
        print(f"{name} is the untouched stub already; nothing to do.")
        return 0
    backup = stub_files.put_back(file, ROOT)
    if backup:
        print(f"Your work is saved as {os.path.relpath(backup)}")
    print(f"{name} is the stub again.")
    return 0
