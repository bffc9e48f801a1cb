"""What happens in a zygote: the laws collected and tried, then a worker for every request."""

import os
from pathlib import Path
from typing import Any, Protocol

import pytest

from kata import limits, worker
from kata.curriculum import Curriculum, Exercise
from kata.listener import Listener
from kata.pytest_plugin import RUN, TREES
from kata.run import QUICK, Collector, fewer, may_compute_before_forking
from kata.verdict import not_judged
from kata.zygote import FEW


class Orders(Protocol):
    """Where requests come from."""

    def next_worker(self) -> tuple[worker.Request, object] | None:
        """Returns in a new worker, with its request; with None when nobody asks any more."""


def serve(curriculum: Curriculum, exercise: Exercise, tree: Path, prerequisites: str, orders: Orders) -> None:
    """Collects the laws, tries them on the solution, and forks a worker whenever one is asked for."""
    forks = _Forks(curriculum, exercise, tree, orders)
    options = ["--tree", str(tree), "--prerequisites", prerequisites, "--rootdir", str(curriculum.root)]
    ini = ["-c", str(curriculum.root / "pyproject.toml"), *QUICK, "--capture=no"]
    pytest.main([*ini, *options, str(exercise.law_file)], plugins=[forks])


class _Forks(Collector):
    """A pytest plugin that waits, instead of running the collected laws at once."""

    __name__ = RUN

    def __init__(self, curriculum: Curriculum, exercise: Exercise, tree: Path, orders: Orders) -> None:
        super().__init__(curriculum, exercise, not_judged(exercise, tree), tree, (), Listener())
        self.orders = orders

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if may_compute_before_forking():
            self._warm_up(session)
        asked = self.orders.next_worker()
        if asked is None:
            return True
        try:
            self._work(session, *asked)
        finally:
            os._exit(0)

    def _warm_up(self, session: pytest.Session) -> None:
        """Runs each law on the solution, which leaves behind what libraries keep from their first use."""
        trees = session.config.stash[TREES]
        mine, trees.tree = trees.tree, self.curriculum.root / "solutions"
        self._run(session, session.items)
        trees.tree = mine
        self.verdict = not_judged(self.exercise, self.tree)
        self.has_begun = False

    def _work(self, session: pytest.Session, request: worker.Request, channel: object) -> None:
        os.setsid()
        limits.die_with_parent()
        worker.send_output_to(request.output)
        self.listener = worker.Reporter(request, channel)  # type: ignore[arg-type]
        self.listener.ready()
        there = {item.name: item for item in session.items}
        self._run(session, [there[law] for law in request.laws])
        self.pytest_sessionfinish(session, pytest.ExitCode.OK)

    def _run(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        for item, following in zip(items, [*items[1:], None], strict=True):
            draw_few(item, smallest=not self.verdict.broken)  # one law is shown; its smallest case is wanted
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def draw_few(item: pytest.Item, smallest: bool) -> None:
    """Lets a law draw few cases, and look for the smallest one that breaks it or not."""
    test: Any = getattr(item, "obj", None)
    if not hasattr(test, "_hypothesis_internal_use_settings"):
        return
    usual = getattr(test, "kata_usual_settings", test._hypothesis_internal_use_settings)
    test.kata_usual_settings = usual
    test._hypothesis_internal_use_settings = fewer(usual, FEW, smallest)
