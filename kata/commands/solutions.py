"""`solutions`: proves the reference: every solution obeys every law, every worked example is right, every stub breaks
every law."""

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from kata import ROOT, curriculum, stub_files
from kata.curriculum import Curriculum, Exercise
from kata.files import write_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("names", nargs="*", metavar="EXERCISE|CHAPTER", help="prove only these")


def run(arguments: argparse.Namespace) -> int:
    """0 when all of it holds, 1 when some does not."""
    lessons = curriculum.load(ROOT)
    chosen = lessons.select(arguments.names)
    examples = [str(ROOT / "solutions" / exercise.path) for exercise in chosen]
    laws = [str(exercise.law_file) for exercise in chosen]
    half = (len(laws) + 1) // 2
    shares = [laws[:half], [*laws[half:], *examples]]
    checks: list[Callable[[], int]] = [*(partial(_pytest, share) for share in shares)]
    checks.append(partial(_every_stub_breaks_every_law, lessons, chosen))
    statuses = _side_by_side(checks) if hasattr(os, "fork") and sys.platform != "darwin" else [c() for c in checks]
    return max(0 if status == 0 else 1 if status == 1 else 2 for status in statuses)


def _pytest(paths: Sequence[str]) -> int:
    import pytest

    options = ["--tree", "solutions", "--doctest-modules", "--rootdir", str(ROOT), "-q"]
    quick = ["-p", "no:unraisableexception", "-p", "no:threadexception"]
    # What this process was forked with cannot be rewritten any more, and need not be.
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *quick, *quiet, *paths]))


def _every_stub_breaks_every_law(lessons: Curriculum, chosen: Sequence[Exercise]) -> int:
    """Judges the stubs that the solutions derive to: a law that one of them obeys would be worth nothing."""
    from kata import run

    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        for exercise in chosen:
            write_atomically(tree / exercise.path, stub_files.compare(lessons, exercise).stub)
        verdicts = [run.judge(lessons, exercise, tree, "reference", smallest=False) for exercise in chosen]
    laws = [(exercise.id, law) for exercise in verdicts for law in exercise.laws]
    # Broken because nothing is written: any other reason would mean that the stub is no stub.
    off = [(id, law) for id, law in laws if law.status != "failed" or not law.unwritten]
    for id, law in off:
        print(f"The stub of {id} does not break {law.id} as a stub should: {law.status}. {law.message or ''}")
    print(f"{len(laws) - len(off)} of {len(laws)} laws are broken by the stubs, as they should be.")
    return 1 if off else 0


def _side_by_side(checks: Sequence[Callable[[], int]]) -> list[int]:
    """Runs each check in a fork of this process, which has imported what takes long; returns their statuses."""
    import kata.pytest_plugin  # noqa: F401  imports torch, and computes nothing: forks of what has computed may hang

    statuses = []
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in checks]
        pids = [_fork(check, output.fileno()) for check, output in zip(checks, outputs, strict=True)]
        for pid, output in zip(pids, outputs, strict=True):
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            output.seek(0)
            print(output.read().decode("utf-8", errors="replace"), flush=True)
    return statuses


def _fork(check: Callable[[], int], output: int) -> int:
    """Starts a check in a child process that prints to a file; returns the child."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            status = check()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid
