"""Changed solutions, judged: every misconception must break a law that is about it, every alternative none.

The laws are collected once for an exercise; each changed solution is then judged in a fork of that process.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import hypothesis
import pytest

from kata.cards import Variant
from kata.curriculum import Curriculum, Exercise
from kata.laws import LawBroken, probes
from kata.laws.probes import Outcome
from kata.laws.verbs import Submission
from kata.listener import Listener
from kata.patches import patched
from kata.pytest_plugin import RUN, TREES
from kata.run import QUICK, Collector
from kata.verdict import LawVerdict, not_judged

SECONDS = 60
SOLUTION = Variant("solution", "The solution itself.", "", ())
FEW, MORE, ALL = 0.2, 0.4, 1.0
"""Which share of the usual cases is drawn: to catch what is wrong few do, to accept what is right it takes more."""

Caught = Literal["broken", "raised"]


@dataclass
class VariantVerdict:
    """What the laws say of one changed solution.

    `caught` names the laws that do not hold, and whether they said so in a sentence or the code just raised an error;
    `outcomes` are those of the probe, for the diagnosis; `ended` is how the process ended, if not well.
    """

    slug: str
    is_alternative: bool
    caught: dict[str, Caught] = field(default_factory=dict)
    outcomes: list[Outcome] | None = None
    ended: str | None = None

    def caught_by(self, laws: Iterable[str], raises: bool = False) -> list[str]:
        """Those of these laws that say in a sentence that it is wrong, or where it may be that it `raises` an error."""
        return [law for law in laws if self.caught.get(law) in (("broken", "raised") if raises else ("broken",))]


def judge(
    curriculum: Curriculum, exercise: Exercise, variants: Iterable[Variant], thorough: bool = False
) -> list[VariantVerdict]:
    """Judges misconceptions and alternatives of one exercise, each in a fork of this process.

    What few cases do not catch gets all of them. `thorough` gives all of them to everything.
    """
    forks = _Forks(curriculum, exercise, list(variants), thorough)
    arguments = ["-c", str(curriculum.root / "pyproject.toml"), "--rootdir", str(curriculum.root), *QUICK]
    pytest.main([*arguments, "--tree", "solutions", "--first-failure", str(exercise.law_file)], plugins=[forks])
    return forks.verdicts


class _Forks:
    """A pytest plugin that judges variants instead of running the collected laws once."""

    __name__ = RUN

    def __init__(self, curriculum: Curriculum, exercise: Exercise, variants: list[Variant], thorough: bool) -> None:
        self.curriculum = curriculum
        self.exercise = exercise
        self.variants = variants
        self.thorough = thorough
        self.source = (curriculum.root / "solutions" / exercise.path).read_text(encoding="utf-8")
        self.verdicts: list[VariantVerdict] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for variant in self.variants:
            is_alternative = variant not in self.exercise.misconceptions
            share = ALL if self.thorough else MORE if is_alternative else FEW
            verdict = self._judge(session, variant, share)
            if (
                not is_alternative
                and share < ALL
                and not verdict.caught_by(self._laws_of_its_own(variant), variant.raises)
            ):
                verdict = self._judge(session, variant, ALL)
            self.verdicts.append(verdict)
        return True

    def _laws_of_its_own(self, variant: Variant) -> list[str]:
        return [law.id for law in self.exercise.laws if variant.only_compared or law.id not in self.exercise.compares]

    def _judge(self, session: pytest.Session, variant: Variant, share: float) -> VariantVerdict:
        verdict = VariantVerdict(variant.slug, variant not in self.exercise.misconceptions)
        source = patched(self.exercise, variant, self.source)
        with _fork() as (is_child, pipe):
            if is_child:
                pipe.write(json.dumps(self._in_child(session, source, share)))
            else:
                text = pipe.read()
        if text:
            said = json.loads(text)
            verdict.caught, verdict.outcomes = said["caught"], said["outcomes"]
        else:
            verdict.ended = f"its process ended before the laws were decided, or took more than {SECONDS} s"
        return verdict

    def _in_child(self, session: pytest.Session, source: str, share: float) -> dict[str, Any]:
        trees = session.config.stash[TREES]
        trees.replacement = source.encode()
        collector = _Catcher(self.curriculum, self.exercise)
        session.config.pluginmanager.register(collector, "kata-catcher")
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            _draw_only(item, share)
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        outcomes = None
        with contextlib.suppress(Exception):
            laws = session.items[0].module  # type: ignore[attr-defined]
            outcomes = probes.observe(laws, Submission(trees.load(self.exercise)))
        return {"caught": collector.caught, "outcomes": outcomes}


class _Catcher(Collector):
    """Notes which laws a variant breaks, and how."""

    def __init__(self, curriculum: Curriculum, exercise: Exercise) -> None:
        tree = curriculum.root / "solutions"
        super().__init__(curriculum, exercise, not_judged(exercise, tree), tree, (), Listener())
        self.caught: dict[str, Caught] = {}

    def explain(self, law: LawVerdict, error: BaseException) -> None:
        self.caught[law.id] = "broken" if isinstance(error, LawBroken) else "raised"


def _draw_only(item: pytest.Item, share: float) -> None:
    """Lets a law draw this share of the cases that it would draw."""
    test = getattr(item, "obj", None)
    usual = getattr(test, "_hypothesis_internal_use_settings", None)
    if test is not None and usual is not None:
        cases = max(2, round(usual.max_examples * share))
        test._hypothesis_internal_use_settings = hypothesis.settings(usual, max_examples=cases)


@contextlib.contextmanager
def _fork() -> Iterator[tuple[bool, Any]]:
    """Forks; the child gets a pipe to write to and never leaves the block, the parent one to read from."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with open(reading, encoding="utf-8") as pipe:
            yield False, pipe
        os.waitpid(child, 0)
        return
    try:
        signal.alarm(SECONDS)  # its default action ends the process, whatever the process is doing
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        with open(writing, "w", encoding="utf-8") as pipe:
            yield True, pipe
    finally:
        os._exit(0)
