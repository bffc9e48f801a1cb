"""What a card wants written by hand: watches which of PyTorch's operators really run, and which line called them."""

import fnmatch
import linecache
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from kata.curriculum import Exercise, Forbidden
from kata.laws.checks import LawBroken


@contextmanager
def demanded(exercise: Exercise, law: str, file: Path, others: Collection[Path]) -> Iterator[None]:
    """Breaks the law if a forbidden operator runs in the block, called from the learner's file, however it is spelt.

    An operator that a law itself calls does not count, nor does one called by the `others`, the prerequisites' files.
    """
    rules = [rule for rule in exercise.forbidden if law in rule.laws]
    if not rules:
        yield
        return
    with _Watcher(rules, str(file), {str(other) for other in others}) as watcher:
        yield
    if watcher.found:  # said only now: a submission could swallow an error raised on the spot
        raise watcher.found


class _Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, rules: list[Forbidden], file: str, others: set[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rules = rules
        self.file = file
        self.others = others
        self.found: LawBroken | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports PyTorch's compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::")
        for rule in self.rules:
            if not self.found and any(fnmatch.fnmatchcase(name, pattern) for pattern in rule.operators):
                self._accuse(name, rule)
        return func(*args, **(kwargs or {}))

    def _accuse(self, operator: str, rule: Forbidden) -> None:
        frame: Any = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename not in self.others:
            if frame.f_code.co_filename == self.file:
                line = linecache.getline(self.file, frame.f_lineno).strip()
                self.found = LawBroken(
                    f"Line {frame.f_lineno}, `{line}`, runs PyTorch's own `{operator}`, which is what this exercise "
                    f"asks you to write. {rule.instead}"
                )
                self.found.place = f"{self.file}:{frame.f_lineno}"
                return
            frame = frame.f_back
