"""Makes what a learner sees who made a named mistake: `tests/kata/golden/<exercise>-<misconception>.txt`.

    python tests/kata/views.py                       makes every golden view anew
    python tests/kata/views.py EXERCISE-SLUG ...     makes these, which need not be there yet
    python tests/kata/views.py --all [EXERCISE ...]  prints the view of every misconception, and what is wrong with it

Read what has changed (`git diff tests/kata/golden`) as a learner would, then commit it.
"""

import argparse
import contextlib
import gc
import io
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import pytest  # noqa: E402
from rich.console import Console  # noqa: E402

from kata import curriculum, message, preload  # noqa: E402, F401
from kata.cards import Variant  # noqa: E402
from kata.curriculum import Curriculum, Exercise  # noqa: E402
from kata.listener import Listener  # noqa: E402
from kata.patches import patched  # noqa: E402
from kata.pytest_plugin import RUN, TREES  # noqa: E402
from kata.run import QUICK, Collector  # noqa: E402
from kata.verdict import not_judged  # noqa: E402

GOLDEN = ROOT / "tests" / "kata" / "golden"
DRAWN = re.compile(r"\w+=\S")
COLUMNS = 80
SECONDS = 60
INTERNALS = re.compile(r"pytest|hypothesis|Traceback|unittest|LawBroken|/tmp|site-packages|kata/|test_\w+\.py")
"""What no learner needs to see."""


def faults(view: str) -> list[str]:
    """What is wrong with a view, whatever it says."""
    lines = view.splitlines()
    found = [f"{len(lines)} lines"] if len(lines) > message.LINES else []
    found += [f"a line of {len(line)} columns" for line in lines if len(line) > COLUMNS]
    return found + [f"it says {word}" for word in sorted(set(INTERNALS.findall(view)))]


def made(lessons: Curriculum, exercise: Exercise, variants: Iterable[Variant]) -> "_Views":
    """The views of these misconceptions of one exercise, and what is wrong with them, both by slug."""
    views = _Views(lessons, exercise, list(variants))
    arguments = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), *QUICK, "--tree", "solutions"]
    pytest.main([*arguments, str(exercise.law_file)], plugins=[views])
    return views


class _Views:
    """A pytest plugin: laws are collected once, then each misconception is judged in a fork, to its first failure."""

    __name__ = RUN

    def __init__(self, lessons: Curriculum, exercise: Exercise, variants: list[Variant]) -> None:
        self.curriculum = lessons
        self.exercise = exercise
        self.variants = variants
        self.texts: dict[str, str] = {}
        self.faults: dict[str, list[str]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")
        config.stash[TREES].read_ahead(self.exercise)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # else every fork would copy what it counts
        context = multiprocessing.get_context("fork")
        for variant in self.variants:
            reading, writing = context.Pipe(duplex=False)
            process = context.Process(target=self._judge, args=(session, variant, writing))
            process.start()
            writing.close()
            said = reading.recv() if reading.poll(SECONDS) else ("(none in time)\n", "it is not there in time")
            self.texts[variant.slug] = said[0]
            self.faults[variant.slug] = faults(said[0]) + ([said[1]] if said[1] else [])
            process.kill()
            process.join()
        return True

    def _judge(self, session: pytest.Session, variant: Variant, channel: Connection) -> None:
        source = (ROOT / "solutions" / self.exercise.path).read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # what is seen are paths from where the learner is
            file = Path(folder).resolve() / "exercises" / self.exercise.path
            file.parent.mkdir(parents=True)
            file.write_text(patched(self.exercise, variant, source), encoding="utf-8")
            channel.send(self._view(session, variant, file.parents[1]))
        os._exit(0)

    def _view(self, session: pytest.Session, variant: Variant, tree: Path) -> tuple[str, str | None]:
        session.config.stash[TREES].tree = tree
        verdict = not_judged(self.exercise, tree)
        collector = Collector(self.curriculum, self.exercise, verdict, tree, (), Listener())
        session.config.pluginmanager.register(collector, "kata-collector")
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if verdict.broken:
                break
        verdict.settle()
        for law in verdict.broken:  # `nox -s misconceptions` proves that this is the diagnosis
            law.diagnosis = _known_as(self.exercise, variant).why if verdict.status == "failed" else None
        console = Console(file=io.StringIO(), width=COLUMNS, color_system=None)
        console.print(message.next_step(verdict, COLUMNS), crop=False)
        case = verdict.broken[0].counterexample if verdict.broken else None
        return console.file.getvalue(), _not_pasteable(case or "")


def _known_as(exercise: Exercise, variant: Variant) -> Variant:
    return next(other for other in exercise.misconceptions if other.slug == (variant.twin or variant.slug))


def _not_pasteable(case: str) -> str | None:
    """What keeps the smallest case from running; that the learner's code raises an error is no hindrance."""
    if DRAWN.match(case):  # what the law drew, where it is nothing that could be written as calls
        return None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # a training loop may tell how it goes
            exec(compile(case, "<the smallest case>", "exec"), {})
    except (SyntaxError, NameError, ImportError) as error:
        return f"its smallest case cannot be pasted: {type(error).__name__}: {error}"
    except Exception:
        pass
    return None


def golden() -> list[str]:
    """The names of the golden views that there are."""
    return sorted(file.stem for file in GOLDEN.glob("*.txt"))


def chosen(lessons: Curriculum, names: Iterable[str]) -> Iterator[tuple[Exercise, list[Variant]]]:
    """The exercises and misconceptions that golden views of these names are about."""
    wanted: dict[str, list[str]] = {}
    for name in names:
        exercise, _, slug = name.partition("-")
        wanted.setdefault(exercise, []).append(slug)
    for id, slugs in wanted.items():
        exercise = lessons.select_one(id)
        known = {variant.slug: variant for variant in exercise.misconceptions}
        if unknown := [slug for slug in slugs if slug not in known]:
            raise SystemExit(
                f"{id} has no misconception {unknown[0]!r}; asked for is EXERCISE-SLUG. --all {id} shows all."
            )
        yield exercise, [known[slug] for slug in slugs]


def main() -> int:
    """1 if any view has a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--to", type=Path, default=GOLDEN, help="another folder to write to")
    arguments = parser.parse_args()
    lessons = curriculum.load(ROOT)
    wanted: Any
    if arguments.all:
        wanted = [(exercise, exercise.misconceptions) for exercise in lessons.select(arguments.names)]
    else:
        wanted = chosen(lessons, arguments.names or golden())
        arguments.to.mkdir(exist_ok=True)
    bad = False
    for exercise, variants in wanted:
        views = made(lessons, exercise, variants)
        for slug, view in views.texts.items():
            if arguments.all:
                print(f"{'=' * COLUMNS}\n{exercise.id}-{slug}\n\n{view}", flush=True)
            else:
                (arguments.to / f"{exercise.id}-{slug}.txt").write_text(view, encoding="utf-8")
            for fault in views.faults[slug]:
                bad = True
                print(f"FAULT in {exercise.id}-{slug}: {fault}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
