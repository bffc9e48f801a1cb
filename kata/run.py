"""Runs the laws of exercises with pytest, in this process, and turns its reports into verdicts."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kata import KataError
from kata.curriculum import Curriculum, Exercise
from kata.trees import MissingFile
from kata.verdict import ExerciseVerdict, LawVerdict, Verdict

FIXTURES = ("submission=", "gpt2=")


class JudgeError(KataError):
    """pytest could not run the laws at all."""


def judge(
    curriculum: Curriculum,
    exercises: Sequence[Exercise],
    tree: Path,
    tree_name: str,
    prerequisites: str,
    smallest: bool = True,
    all_laws: bool = True,
) -> Verdict:
    """Judges these exercises of one tree.

    With `smallest`, looks for the smallest case that breaks a law; without `all_laws`, stops at the first one broken.
    """
    verdict = Verdict(tree_name, prerequisites, [_not_judged(exercise, tree) for exercise in exercises])
    collector = _Collector({str(e.law_file): v for e, v in zip(exercises, verdict.exercises, strict=True)}, tree)
    files = [str(exercise.law_file) for exercise in exercises]
    options = ["--tree", str(tree), "--prerequisites", prerequisites, "--rootdir", str(curriculum.root)]
    options += [] if smallest else ["--first-failure"]
    options += [] if all_laws else ["--exitfirst"]
    # What nobody reads takes half of the time: pytest's own tracebacks, and its search for lost exceptions at the end.
    options += ["--tb=no", "-p", "no:unraisableexception", "-p", "no:threadexception"]
    ini = ["-c", str(curriculum.root / "pyproject.toml")]
    status = pytest.main([*ini, *options, *files], plugins=[collector])
    judged = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if status not in judged and not (status == pytest.ExitCode.INTERRUPTED and not all_laws):
        raise JudgeError(f"pytest ended with {pytest.ExitCode(status).name}: {' '.join(collector.complaints)}")
    for exercise_verdict in verdict.exercises:
        _settle(exercise_verdict)
    return verdict


def _not_judged(exercise: Exercise, tree: Path) -> ExerciseVerdict:
    laws = [LawVerdict(law.id, law.says, law.points) for law in exercise.laws]
    return ExerciseVerdict(exercise.id, exercise.chapter, exercise.title, str(tree / exercise.path), laws)


def _settle(verdict: ExerciseVerdict) -> None:
    """What the laws' verdicts make of the exercise. `missing` and `error` were seen while importing it."""
    if verdict.laws and all(law.status == "passed" for law in verdict.laws):
        verdict.status = "passed"
    elif verdict.status in ("missing", "error"):
        pass
    elif any(law.unwritten for law in verdict.laws):
        verdict.status = "todo"
    else:
        verdict.status = "failed"


class _Collector:
    """A pytest plugin that fills in verdicts, law by law, and keeps pytest silent."""

    def __init__(self, verdicts: dict[str, ExerciseVerdict], tree: Path) -> None:
        self.verdicts = verdicts
        self.tree = tree
        self.complaints: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.complaints.append(str(report.longrepr))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        exercise = self.verdicts[str(item.path)]
        law = next(law for law in exercise.laws if law.id == item.name)
        if call.excinfo is not None:
            law.status = "failed"
            error = call.excinfo.value
            if call.when == "setup":
                self._not_imported(exercise, error)
            self._explain(law, error)
        elif call.when == "call" and report.passed:
            law.status = "passed"
        return report

    def _not_imported(self, exercise: ExerciseVerdict, error: BaseException) -> None:
        if isinstance(error, MissingFile) and error.path == exercise.file:
            exercise.status = "missing"
        elif not isinstance(error, AssertionError):
            exercise.status = "error"
        exercise.message = _in_words(error, self.tree)

    def _explain(self, law: LawVerdict, error: BaseException) -> None:
        law.unwritten = isinstance(error, NotImplementedError)
        law.place = _place(error, self.tree)
        law.message = _in_words(error, self.tree)
        law.counterexample = _counterexample(law.id, error)


def _in_words(error: BaseException, tree: Path) -> str:
    """An exception as a sentence. Ours speak for themselves; the learner's say where they come from."""
    from kata.laws import LawBroken
    from kata.vocabulary import VocabularyError

    if isinstance(error, LawBroken | VocabularyError | MissingFile):
        return str(error)
    if isinstance(error, NotImplementedError):
        return "This is not written yet."
    where = f" ({place})" if (place := _place(error, tree)) else ""
    if isinstance(error, SyntaxError):
        return f"Python cannot read this file: {error.msg}{where}."
    text = str(error).strip().splitlines()
    said = f": {text[0]}" if text else ""
    return f"The code raised {type(error).__name__}{said}{where}."


def _place(error: BaseException, tree: Path) -> str | None:
    """`file:line` of the last line of the tree's own code in the traceback."""
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
            return ", ".join(line for line in lines if line not in (")", "") and not line.startswith(FIXTURES))
    return None
