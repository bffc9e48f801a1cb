"""`solutions`: proves the reference with plain pytest: laws, worked examples, and that every stub breaks every law."""

import argparse

import pytest

from kata import ROOT, curriculum


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="prove only these")


def run(arguments: argparse.Namespace) -> int:
    """0 when all of it holds, 1 when some does not."""
    chosen = curriculum.load(ROOT).select(arguments.names)
    laws = [str(exercise.law_file) for exercise in chosen]
    examples = [str(ROOT / "solutions" / exercise.path) for exercise in chosen]
    stubs = [] if arguments.names else [str(ROOT / "tests" / "test_stubs.py")]
    options = ["--tree", "solutions", "--doctest-modules", "--rootdir", str(ROOT), "-q"]
    status = pytest.main([*options, *laws, *examples, *stubs])
    return int(status) if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else 2
