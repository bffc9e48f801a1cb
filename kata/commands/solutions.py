"""`solutions`: proves the reference with plain pytest: laws, worked examples, and that every stub breaks every law."""

import argparse
import os
import subprocess
import sys

from kata import ROOT, curriculum


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="prove only these")


def run(arguments: argparse.Namespace) -> int:
    """0 when all of it holds, 1 when some does not."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    # What takes longest comes first, so that no core waits for it at the end.
    stubs = [] if arguments.names else [str(ROOT / "tests" / "test_stubs.py")]
    laws = [str(exercise.law_file) for exercise in chosen]
    examples = [str(ROOT / "solutions" / exercise.path) for exercise in chosen]
    options = ["--tree", "solutions", "--doctest-modules", "--rootdir", str(ROOT), "-q"]
    cores = ["-n", str(min(os.cpu_count() or 1, len(chosen))), "--dist", "loadfile"] if len(chosen) > 1 else []
    command = [sys.executable, "-m", "pytest", *options, *cores, *stubs, *laws, *examples]
    status = subprocess.run(command, cwd=ROOT).returncode
    return status if status in (0, 1) else 2
