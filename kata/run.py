"""Runs the laws of an exercise with pytest, in this process, and turns its reports into verdicts."""

from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
import torch

from kata import KataError, wording
from kata.curriculum import Curriculum, Exercise
from kata.laws import LawBroken, as_python, probes
from kata.laws.checks import is_unwritten
from kata.laws.verbs import Submission
from kata.listener import Listener
from kata.pytest_plugin import RUN, TREES
from kata.trees import MissingFile
from kata.verdict import ExerciseVerdict, LawVerdict, not_judged

QUICK = [
    # Neither a submission's conftest.py nor a plugin that happens to be installed has a say; hypothesis does.
    *("--noconftest", "--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin"),
    # What nobody reads takes half of the time: pytest's own tracebacks, its search for lost exceptions at the end, and
    # log records, for which it touches each of PyTorch's many loggers six times a law.
    *("--tb=no", "--assert=plain", "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:faulthandler"),
    *("-p", "no:logging"),
]
FEWEST = 2
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
) -> ExerciseVerdict:
    """Judges one exercise of a tree, law by law, but for the laws to `skip`.

    With `smallest`, looks for the smallest case that breaks a law; without `capture`, what the submission prints goes
    where this process prints.
    """
    verdict = not_judged(exercise, tree)
    collector = Collector(curriculum, exercise, verdict, tree, skip, listener or Listener())
    options = ["--tree", str(tree), "--prerequisites", prerequisites, "--rootdir", str(curriculum.root)]
    options += [] if smallest else ["--first-failure"]
    options += [] if capture else ["--capture=no"]
    ini = ["-c", str(curriculum.root / "pyproject.toml"), *QUICK]
    status = pytest.main([*ini, *options, str(exercise.law_file)], plugins=[collector])
    if status == pytest.ExitCode.INTERRUPTED and not collector.complaints:
        raise Stopped("by a KeyboardInterrupt or pytest.exit")
    if status == pytest.ExitCode.INTERNAL_ERROR and collector.has_begun:
        raise Stopped("by breaking something that it stands on")
    if status not in JUDGED:
        raise JudgeError(f"pytest ended with {pytest.ExitCode(status).name}: {' '.join(collector.complaints)}")
    verdict.settle()
    return verdict


def may_compute_before_forking() -> bool:
    """Whether a child of a process that has computed can compute, too: not so where PyTorch keeps threads for a GPU."""
    return torch.accelerator.current_accelerator(check_available=False) is None


def fewer(usual: hypothesis.settings, share: float, smallest: bool = True) -> hypothesis.settings:
    """Settings that draw this share of the usual cases, and look for the `smallest` one that breaks a law or not."""
    phases = usual.phases if smallest else tuple(set(usual.phases) - {hypothesis.Phase.shrink})
    return hypothesis.settings(usual, max_examples=max(FEWEST, round(usual.max_examples * share)), phases=phases)


class Collector:
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
        reference = curriculum.root / "solutions"
        self.hidden = reference if tree != reference else reference / "nothing"
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
            self.explain(law, error)
        elif call.when == "call" and report.passed:
            law.status = "passed"
        return report

    def _not_imported(self, error: BaseException) -> None:
        exercise = self.verdict
        if isinstance(error, MissingFile) and error.path == exercise.file:
            exercise.status = "missing"
        elif not isinstance(error, AssertionError):
            exercise.status = "error"
        exercise.message = wording.in_words(error, self.tree)

    def explain(self, law: LawVerdict, error: BaseException) -> None:
        """Fills in why a law does not hold."""
        law.unwritten = is_unwritten(error)
        law.place = wording.place(error, self.tree)
        law.message = wording.in_words(error, self.tree)
        if not law.unwritten:
            law.place = law.place or as_python.last_definition(self.tree)
            law.picture = error.picture if isinstance(error, LawBroken) else None
            law.counterexample = wording.counterexample(law.id, error)
            law.details = wording.details(error, self.exercise.law_file, self.hidden)
