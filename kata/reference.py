"""The reference solution of one exercise, and changed copies of it, run on the exercise's probe in this process."""

import importlib.util
from types import ModuleType, TracebackType

from kata.curriculum import Curriculum, Exercise
from kata.laws import probes
from kata.laws.probes import Outcome
from kata.laws.verbs import Submission
from kata.trees import Trees


class Reference:
    """A context in which `outcomes` can be asked for."""

    def __init__(self, curriculum: Curriculum, exercise: Exercise) -> None:
        self.exercise = exercise
        self.trees = Trees(curriculum, curriculum.root / "solutions")
        self.source = (curriculum.root / "solutions" / exercise.path).read_text(encoding="utf-8")
        self.laws = _imported(exercise)

    def __enter__(self) -> "Reference":
        self.trees.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.trees.uninstall()

    def outcomes(self, source: str) -> list[Outcome] | None:
        """What the probe finds in this text, put in the solution's place; None where it cannot even be imported."""
        try:
            submission = Submission(self.trees.load(self.exercise, source.encode()))
        except Exception:
            return None
        return probes.observe(self.laws, submission)


def _imported(exercise: Exercise) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"probe_of_{exercise.id}", exercise.law_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
