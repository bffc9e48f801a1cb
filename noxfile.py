"""What a person types: `nox -s exercises` judges the learner, `nox -s solutions` proves the reference."""

import logging
import subprocess
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from kata import environment  # noqa: E402

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"  # `.venv` serves every session: torch is there once
nox.options.sessions = ["exercises"]
# It is not looked for by us, and a learner would wonder what is missing.
logging.getLogger("nox").addFilter(lambda record: record.getMessage() != "uv binary not found.")


@nox.session
def exercises(session: nox.Session) -> None:
    """Judge your exercises and say what to do next. [-- EXERCISE|CHAPTER ... --prerequisites own]"""
    _python("-m", "kata", "grade", *session.posargs)


@nox.session
def watch(session: nox.Session) -> None:
    """Judge the exercise you work on whenever you save it, on a screen beside your editor. [-- EXERCISE]"""
    _python("-m", "kata", "watch", *session.posargs)


@nox.session(name="list")
def list_exercises(session: nox.Session) -> None:
    """Show every exercise with its points and state, your rank, and what comes next."""
    _python("-m", "kata", "list", *session.posargs)


@nox.session
def hint(session: nox.Session) -> None:
    """Show a hint that fits what your code does; each call shows the next. -- EXERCISE [--again]"""
    _python("-m", "kata", "hint", *session.posargs)


@nox.session
def look(session: nox.Session) -> None:
    """Draw what your code does now, beside what the reference does. -- EXERCISE"""
    _python("-m", "kata", "look", *session.posargs)


@nox.session
def solutions(session: nox.Session) -> None:
    """Prove the reference: every solution obeys every law, and every stub breaks every law."""
    _python("-m", "kata", "solutions", *session.posargs)


@nox.session
def misconceptions(session: nox.Session) -> None:
    """Test the laws: they reject every misconception and accept every alternative. [-- EXERCISE|CHAPTER ...]"""
    _python("-m", "kata", "misconceptions", *session.posargs)


@nox.session
def stubs(session: nox.Session) -> None:
    """Derive the stubs in exercises/ from solutions/. [-- --check]"""
    _python("-m", "kata", "stubs", *session.posargs)


@nox.session
def reset(session: nox.Session) -> None:
    """Put the stub of one exercise back, after a backup of your work. -- EXERCISE"""
    _python("-m", "kata", "reset", *session.posargs)


@nox.session
def judge(session: nox.Session) -> None:
    """Test the judge itself."""
    _python("-m", "pytest", "tests/kata", "-n", "auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    _python("-m", "ruff", "check", ".")
    _python("-m", "ruff", "format", "--check", ".")
    _python("-m", "mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the speeds that the README quotes."""
    _python("-m", "benchmarks.speed")


def _python(*arguments: str) -> None:
    """Runs Python of `.venv`; status 1 fails the session, anything above (a wrong call) becomes nox's own status."""
    try:
        python = environment.ensure(ROOT)
    except environment.SetupError as error:
        print(f"kata: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    process = subprocess.Popen([python, *arguments], cwd=ROOT)
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            continue  # the child got the same Ctrl-C and has the last word
    if status == 1:
        raise CommandFailed
    if status != 0:
        raise SystemExit(2 if status > 1 else 1)
