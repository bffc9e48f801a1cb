"""Runs the laws of an exercise with pytest, in this process, and turns its reports into verdicts."""

import linecache
import traceback
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kata import KataError
from kata.curriculum import Curriculum, Exercise
from kata.laws import LawBroken, as_python, probes
from kata.laws.verbs import Submission
from kata.listener import Listener
from kata.pytest_plugin import RUN, TREES
from kata.trees import MissingFile, UnsuitableFile
from kata.verdict import ExerciseVerdict, LawVerdict, not_judged
from kata.vocabulary import VocabularyError

FIXTURES = ("submission=", "gpt2=")
LONGEST_MESSAGE = 10_000


JUDGED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class JudgeError(KataError):
    """pytest could not run the laws at all."""


class Stopped(Exception):
    """The submission stopped pytest itself, in a way that the message names: not every law was judged."""


def judge(
    curriculum: Curriculum,
    exercise: Exercise,
    tree: Path,
    prerequisites: str,
    skip: Collection[str] = (),
    listener: Listener | None = None,
    capture: bool = True,
    smallest: bool = True,
    all_laws: bool = True,
) -> ExerciseVerdict:
    """Judges one exercise of a tree, law by law, but for the laws to `skip`.

    With `smallest`, looks for the smallest case that breaks a law; without `all_laws`, stops at the first one broken;
    without `capture`, what the submission prints goes where this process prints.
    """
    verdict = not_judged(exercise, tree)
    collector = _Collector(curriculum, exercise, verdict, tree, skip, listener or Listener())
    options = ["--tree", str(tree), "--prerequisites", prerequisites, "--rootdir", str(curriculum.root)]
    options += [] if smallest else ["--first-failure"]
    options += [] if all_laws else ["--exitfirst"]
    options += [] if capture else ["--capture=no"]
    # What nobody reads takes half of the time: pytest's own tracebacks, and its search for lost exceptions at the end.
    options += [
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:unraisableexception",
        "-p",
        "no:threadexception",
        "-p",
        "no:faulthandler",
    ]
    # Neither a submission's conftest.py nor a plugin that happens to be installed has a say; hypothesis does.
    ini = ["-c", str(curriculum.root / "pyproject.toml"), "--noconftest"]
    ini += ["--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin"]
    status = pytest.main([*ini, *options, str(exercise.law_file)], plugins=[collector])
    if status == pytest.ExitCode.INTERRUPTED and not collector.complaints and (all_laws or not verdict.broken):
        raise Stopped("by a KeyboardInterrupt or pytest.exit")
    if status == pytest.ExitCode.INTERNAL_ERROR and collector.has_begun:
        raise Stopped("by breaking something that it stands on")
    if status not in JUDGED and not (status == pytest.ExitCode.INTERRUPTED and verdict.broken):
        raise JudgeError(f"pytest ended with {pytest.ExitCode(status).name}: {' '.join(collector.complaints)}")
    verdict.settle()
    return verdict


class _Collector:
    """A pytest plugin that fills in a verdict, law by law, and keeps pytest silent."""

    __name__ = RUN  # under which other plugins find it

    def __init__(
        self,
        curriculum: Curriculum,
        exercise: Exercise,
        verdict: ExerciseVerdict,
        tree: Path,
        skip: Collection[str],
        listener: Listener,
    ) -> None:
        self.curriculum = curriculum  # the plugin that loads submissions takes it from here
        self.exercise = exercise
        self.verdict = verdict
        self.tree = tree
        self.skip = skip
        self.listener = listener
        self.laws: ModuleType | None = None
        self.has_begun = False
        self.complaints: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.laws = next((item.module for item in items if isinstance(item, pytest.Function)), None)
        items[:] = [item for item in items if item.name not in self.skip]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.has_begun = True
        self.listener.begin(nodeid.rpartition("::")[2])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.listener.end(self.verdict.law(nodeid.rpartition("::")[2]))

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)
        config.stash[TREES].read_ahead(self.exercise)
        self.listener.ready()

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus not in JUDGED:
            return
        self.verdict.settle()
        self.listener.judged(self.verdict)
        if self.laws is not None and self.verdict.wants_diagnosis:
            outcomes = probes.observe(self.laws, Submission(session.config.stash[TREES].load(self.exercise)))
            if outcomes is not None:
                self.listener.observed(outcomes)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.complaints.append(str(report.longrepr))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        law = self.verdict.law(item.name)
        if call.excinfo is not None:
            law.status = "failed"
            error = call.excinfo.value
            if call.when == "setup":
                self._not_imported(error)
            self._explain(law, error)
        elif call.when == "call" and report.passed:
            law.status = "passed"
        return report

    def _not_imported(self, error: BaseException) -> None:
        exercise = self.verdict
        if isinstance(error, MissingFile) and error.path == exercise.file:
            exercise.status = "missing"
        elif not isinstance(error, AssertionError):
            exercise.status = "error"
        exercise.message = _in_words(error, self.tree)

    def _explain(self, law: LawVerdict, error: BaseException) -> None:
        law.unwritten = isinstance(error, NotImplementedError)
        law.place = _place(error, self.tree)
        law.message = _in_words(error, self.tree)
        law.counterexample = None if law.unwritten else as_python.last_case() or _counterexample(law.id, error)


def _in_words(error: BaseException, tree: Path) -> str:
    """An exception as a sentence. Ours speak for themselves; the learner's say where they come from."""
    if isinstance(error, LawBroken | VocabularyError | MissingFile | UnsuitableFile):
        return _shortened(str(error))
    if isinstance(error, NotImplementedError):
        return "This is not written yet."
    where = _place(error, tree)
    at = f" ({where}){_text_of(where)}" if where else ""
    if isinstance(error, SyntaxError):
        return f"Python cannot read this file: {error.msg}.{at}"
    try:
        text = str(error).strip().splitlines()
    except Exception:  # the submission's own class may do anything
        text = ["(its message cannot be shown)"]
    said = f": {text[0]}" if text else ""
    return _shortened(f"The code raised {type(error).__name__}{said}.{at}")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} ..."


def _text_of(place: str) -> str:
    """The line itself, for one who reads the message without the file."""
    file, _, line = place.rpartition(":")
    text = linecache.getline(file, int(line)).strip()
    return f"\n    {text}" if text else ""


def _place(error: BaseException, tree: Path) -> str | None:
    """`file:line` of the last line of the tree's own code in the traceback."""
    if isinstance(error, LawBroken) and error.place:
        return error.place
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(tree):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(tree)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else None


def _counterexample(law: str, error: BaseException) -> str | None:
    """The smallest case, which hypothesis notes on the error as a call of the law over several lines."""
    for note in getattr(error, "__notes__", []):
        _, found, arguments = note.partition(f"{law}(\n")
        if found:
            lines = [line.strip().rstrip(",") for line in arguments.splitlines()]
            return _shortened(
                ", ".join(line for line in lines if line not in (")", "") and not line.startswith(FIXTURES))
            )
    return None
