"""What a law last did with the learner's objects, kept so that the case that breaks it can be said as Python.

Nothing is put into words here, and next to nothing is copied: laws try hundreds of cases, and one of them is shown.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

MOST_CALLS = 8
MOST_OBJECTS = 12
MOST_DRAWS = 24
SMALL = 12
"""Numbers in a tensor that is small enough to be copied, and to be shown in full."""


@dataclass
class Call:
    """One call: of a function or method, or of a class, in which case `result` is the object that it made.

    `dtype` says in which dtype the law put a module, with parameters of its own, if it did. `modes` says of the modules
    among the arguments, by id, whether they were in training mode when the call was made.
    """

    function: Any
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    result: Any = None
    dtype: torch.dtype | None = None
    modes: dict[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Draw:
    """A tensor that came from a seed: `torch.randn`, or `torch.randint(high)` where `high` is given."""

    seed: int
    shape: tuple[int, ...]
    high: int | None = None


@dataclass
class Case:
    """What happened in one case: the last calls, the objects made, the tensors drawn."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))
    objects: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_OBJECTS))
    draws: deque[Draw] = field(default_factory=lambda: deque(maxlen=MOST_DRAWS))


class Recorder:
    """Keeps the case that is under way, and the last one that broke a law."""

    def __init__(self) -> None:
        self.case = Case()
        self.broken: Case | None = None
        self.names: dict[int, tuple[Any, str, str]] = {}  # the object itself, so that its id stays its own
        self.rests = False
        self.laws: ModuleType | None = None
        self.yielded: deque[tuple[Any, list[Any]]] = deque(maxlen=MOST_OBJECTS)

    def forget(self, laws: ModuleType | None = None) -> None:
        """Begins a law, of this module."""
        self.case, self.broken, self.laws = Case(), None, laws

    def watching(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """A law's function that begins a case each time it is called. The last one to break is the one kept."""

        @functools.wraps(test)
        def watched(*arguments: Any, **named: Any) -> Any:
            self.case = Case()
            try:
                return test(*arguments, **named)
            except BaseException:
                self.broken = self.case
                raise

        return watched

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within the block nothing is kept: what is called there is no part of the case."""
        before, self.rests = self.rests, True
        try:
            yield
        finally:
            self.rests = before

    def call(self, function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Call:
        """Notes a call, before it is made."""
        modes = {id(one): one.training for one in arguments if isinstance(one, nn.Module)}
        called = Call(function, tuple(map(_kept, arguments)), named, modes=modes)
        if not self.rests:
            self.case.calls.append(called)
        return called

    def made(self, kind: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Call:
        """Notes that an object is made, before it is; the caller adds the `result`."""
        made = Call(kind, tuple(map(_kept, arguments)), named)
        if not self.rests:
            self.case.calls.append(made)
            self.case.objects.append(made)
        return made

    def stands_in(self, kind: Any, arguments: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
        """Notes how a law made an object of its own, which it hands to the learner's code."""
        self.case.objects.append(Call(kind, tuple(map(_kept, arguments)), named, result))

    def furnished(self, built: Any, dtype: torch.dtype) -> None:
        """Notes that the object made last is a module that gets parameters of the law's own, in this dtype."""
        if self.case.objects and self.case.objects[-1].result is built:
            self.case.objects[-1].dtype = dtype

    def drew(self, seed: int, shape: tuple[int, ...], high: int | None = None) -> None:
        """Notes that a tensor was drawn."""
        self.case.draws.append(Draw(seed, shape, high))

    def one_by_one(self, items: list[Any]) -> Iterator[Any]:
        """A generator of these items, of which the case can say what it would yield."""
        generator = (item for item in items)
        self.yielded.append((generator, items))
        return generator

    def items_of(self, generator: Any) -> list[Any] | None:
        """What such a generator would yield."""
        return next((items for known, items in self.yielded if known is generator), None)

    def public(self, value: Any, module: str, name: str) -> None:
        """Notes under which name a law got something from the learner's module."""
        known = self.names.get(id(value))
        if known is None or known[0] is not value:
            self.names[id(value)] = (value, module, name)

    def name_of(self, value: Any) -> tuple[str, str] | None:
        """The module and name under which a law got something; None where it did not."""
        known = self.names.get(id(value))
        return known[1:] if known is not None and known[0] is value else None


def _kept(value: Any) -> Any:
    """An argument as it is before the call, whatever that does to it: a copy, where that costs next to nothing."""
    if isinstance(value, Tensor):
        return value.detach().clone() if value.numel() <= SMALL else value
    if isinstance(value, list | dict) and len(value) <= 100:
        return value.copy()
    if isinstance(value, type(iter([]))):
        return copy(value)
    return value


RECORDER = Recorder()
"""The one that `draw`, `verbs` and the judge's pytest plugin share."""
