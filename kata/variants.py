"""Changed solutions, judged: every misconception must break a law that is about it, every alternative none.

The laws are collected once for an exercise, and run once on the solution; each changed solution is then judged in a
fork of that process, which finds everything imported, cached and compiled.
"""

import contextlib
import gc
import json
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
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
from kata.run import QUICK, Collector, fewer, may_compute_before_forking
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
    curriculum: Curriculum,
    exercise: Exercise,
    variants: Iterable[Variant],
    thorough: bool = False,
    every_law: bool = True,
) -> list[VariantVerdict]:
    """Judges misconceptions and alternatives of one exercise, each in a fork of this process.

    What few cases do not catch gets all of them. `thorough` gives all of them to everything. Without `every_law`, a
    misconception is done with as soon as a law that is about it rejects it.
    """
    forks = _Forks(curriculum, exercise, list(variants), thorough, every_law)
    arguments = ["-c", str(curriculum.root / "pyproject.toml"), "--rootdir", str(curriculum.root), *QUICK]
    pytest.main([*arguments, "--tree", "solutions", "--first-failure", str(exercise.law_file)], plugins=[forks])
    return forks.verdicts


class _Forks:
    """A pytest plugin that judges variants instead of running the collected laws once."""

    __name__ = RUN

    def __init__(
        self, curriculum: Curriculum, exercise: Exercise, variants: list[Variant], thorough: bool, every_law: bool
    ) -> None:
        self.curriculum = curriculum
        self.exercise = exercise
        self.variants = variants
        self.thorough = thorough
        self.every_law = every_law
        self.source = (curriculum.root / "solutions" / exercise.path).read_text(encoding="utf-8")
        self.laws: list[_Law] = []  # in the order in which they are asked
        self.verdicts: list[VariantVerdict] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.laws = [_Law.of(item) for item in session.items]
        if may_compute_before_forking():
            with _interrupted_every(SECONDS):
                self._run(session, SOLUTION, self.source, FEW)
        gc.collect()
        gc.freeze()  # else a collection in a child would touch, and so copy, every page
        for variant in self.variants:
            verdict = self._judge(session, variant, ALL if self.thorough else FEW if self._is_wrong(variant) else MORE)
            if self._is_wrong(variant) and not self.thorough and not self._rejecting(variant, verdict):
                verdict = self._judge(session, variant, ALL)
            self.verdicts.append(verdict)
            if not self.every_law:
                # What a card names next is often rejected by the same law.
                self.laws.sort(key=lambda law: law.name not in self._rejecting(variant, verdict))
        return True

    def _is_wrong(self, variant: Variant) -> bool:
        return variant in self.exercise.misconceptions

    def _rejecting(self, variant: Variant, verdict: VariantVerdict) -> list[str]:
        """The laws that are about the misconception, and say that it is wrong."""
        laws = [law.id for law in self.exercise.laws if variant.only_compared or law.id not in self.exercise.compares]
        return verdict.caught_by(laws, variant.raises)

    def _judge(self, session: pytest.Session, variant: Variant, share: float) -> VariantVerdict:
        source = patched(self.exercise, variant, self.source)
        with _fork() as (is_child, pipe):
            if is_child:
                pipe.write(json.dumps(asdict(self._run(session, variant, source, share))))
            else:
                text = pipe.read()
        if text:
            return VariantVerdict(**json.loads(text))
        ended = f"its process ended before the laws were decided, or took more than {SECONDS} s"
        return VariantVerdict(variant.slug, not self._is_wrong(variant), ended=ended)

    def _run(self, session: pytest.Session, variant: Variant, source: str, share: float) -> VariantVerdict:
        """Runs the laws on a variant in this process, then the probe."""
        trees = session.config.stash[TREES]
        trees.replacement = source.encode()
        verdict = VariantVerdict(variant.slug, not self._is_wrong(variant))
        catcher = _Catcher(self.curriculum, self.exercise, verdict)
        session.config.pluginmanager.register(catcher, "kata-catcher")
        for law, following in zip(self.laws, [*self.laws[1:], None], strict=True):
            law.draw_only(share)
            session.config.hook.pytest_runtest_protocol(item=law.item, nextitem=following and following.item)
            if not self.every_law and self._is_wrong(variant) and self._rejecting(variant, verdict):
                break
        session.config.pluginmanager.unregister(catcher)
        with contextlib.suppress(Exception):
            laws = session.items[0].module  # type: ignore[attr-defined]
            verdict.outcomes = probes.observe(laws, Submission(trees.load(self.exercise)))
        return verdict


@dataclass(frozen=True)
class _Law:
    """A collected law, and the settings with which hypothesis usually draws its cases, if it does."""

    item: pytest.Item
    usual: hypothesis.settings | None

    @classmethod
    def of(cls, item: pytest.Item) -> "_Law":
        return cls(item, getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None))

    @property
    def name(self) -> str:
        return self.item.name

    def draw_only(self, share: float) -> None:
        """Lets the law draw this share of the cases that it would draw."""
        if self.usual is not None:
            self.item.obj._hypothesis_internal_use_settings = fewer(self.usual, share)  # type: ignore[attr-defined]


class _Catcher(Collector):
    """Notes which laws a variant breaks, and how."""

    def __init__(self, curriculum: Curriculum, exercise: Exercise, found: VariantVerdict) -> None:
        tree = curriculum.root / "solutions"
        super().__init__(curriculum, exercise, not_judged(exercise, tree), tree, (), Listener())
        self.found = found

    def explain(self, law: LawVerdict, error: BaseException) -> None:
        self.found.caught[law.id] = "broken" if isinstance(error, LawBroken) else "raised"


@contextlib.contextmanager
def _interrupted_every(seconds: int) -> Iterator[None]:
    """Within the block, Python code that runs for long fails: this process is waited for, and must not hang."""

    def interrupt(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
