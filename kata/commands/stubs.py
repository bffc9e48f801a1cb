"""`stubs`: writes the stubs that the solutions derive to, or checks that they are what is committed."""

import argparse
import os

from kata import ROOT, curriculum, stub_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if any stub differs from its solution's"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 when all stubs are (now) what they should be, 1 when `--check` found one that is not."""
    lessons = curriculum.load(ROOT)
    off = [file for file in (stub_files.compare(lessons, e) for e in lessons.exercises) if file.state != "equal"]
    for file in off:
        name = os.path.relpath(file.file)
        if arguments.check:
            print(f"{name}: {'is missing' if file.state == 'missing' else 'differs from what its solution derives to'}")
            continue
        backup = stub_files.put_back(file, ROOT)
        print(f"{name}: written" + (f"; what stood there is now {os.path.relpath(backup)}" if backup else ""))
    total = len(lessons.exercises)
    if off and arguments.check:
        print(f"{len(off)} of {total} stubs are not what they should be. `nox -s stubs` writes them.")
        return 1
    print(f"{total} of {total} stubs are what their solutions derive to.")
    return 0
