"""`solutions`: proves the reference with plain pytest: laws, worked examples, and that every stub breaks every law."""

import argparse
import subprocess
import sys

from kata import ROOT, curriculum


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="prove only these")


def run(arguments: argparse.Namespace) -> int:
    """0 when all of it holds, 1 when some does not."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    examples = [str(ROOT / "solutions" / exercise.path) for exercise in chosen]
    laws = [str(exercise.law_file) for exercise in chosen]
    stubs = [] if arguments.names else [str(ROOT / "tests" / "test_stubs.py")]
    # Side by side, as the stubs are judged in a process of their own anyway.
    beside = _pytest("--doctest-modules", *examples, *stubs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    statuses = [_pytest(*laws).wait()]
    said, _ = beside.communicate()
    print("\nWorked examples, and what must hold of the stubs:")
    print(said.decode("utf-8", errors="replace"), end="")
    statuses.append(beside.returncode)
    return max(0 if status == 0 else 1 if status == 1 else 2 for status in statuses)


def _pytest(*arguments: str, **streams: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", "--tree", "solutions", "--rootdir", str(ROOT), "-q", *arguments]
    return subprocess.Popen(command, cwd=ROOT, **streams)  # type: ignore[call-overload, no-any-return]
