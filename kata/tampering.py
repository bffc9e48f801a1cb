"""Notices when a submission has replaced what the judge and its libraries stand on, and puts it back.

It protects from accidents (a helper that patches `torch.Tensor`) and from the simplest tricks. It cannot protect from
everything: the submission runs in the same process.
"""

import importlib
import itertools
import operator
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from kata.laws.checks import broken

MODULES = (
    "builtins",
    "time",
    "math",
    "json",
    "pytest",
    "_pytest.outcomes",
    "_pytest.runner",
    "hypothesis",
    "hypothesis.core",
    "torch",
    "torch.testing",
    "torch.nn.functional",
    "kata.run",
    "kata.laws.calls",
    "kata.laws.as_python",
    "kata.laws.checks",
    "kata.laws.draw",
    "kata.laws.modules",
    "kata.laws.observe",
    "kata.laws.oracles",
    "kata.laws.verbs",
)
CLASSES = ("Tensor", "Generator")
SHOWN_ONLY = {"__repr__", "__str__", "__format__", "__doc__"}  # libraries that print tensors nicely replace these
ABSENT = object()


class Tools:
    """What was there before any submission ran: every function and class of some modules, every method of tensors."""

    def __init__(self) -> None:
        self.modules = {name: importlib.import_module(name) for name in MODULES}
        torch = self.modules["torch"]
        self.libraries = str(Path(str(torch.__file__)).parent.parent)
        classes = {f"torch.{name}": getattr(torch, name) for name in CLASSES}
        self.owners: dict[str, Any] = self.modules | classes
        self.contents = {
            name: {key: value for key, value in vars(owner).items() if callable(value) or isinstance(owner, type)}
            for name, owner in self.owners.items()
        }

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Breaks the law if the block leaves something replaced, which is put back in any case."""
        try:
            yield
        finally:
            replaced = self._put_back()
        if replaced:
            broken(
                f"The code replaced `{replaced[0]}`, which others rely on, the judge among them. Leave it as it is, "
                "and give what you write a name of its own."
            )

    def _put_back(self) -> list[str]:
        replaced = [name for name, module in self.modules.items() if sys.modules.get(name) is not module]
        for name in replaced:
            sys.modules[name] = self.modules[name]
        for name, owner in self.owners.items():
            for key, value in self._differences(name, owner):
                replaced.append(f"{name}.{key}")
                if value is ABSENT:
                    delattr(owner, key)
                else:
                    setattr(owner, key, value)
        return replaced

    def _differences(self, name: str, owner: ModuleType | type) -> list[tuple[str, object]]:
        now, before = vars(owner), self.contents[name]
        found: list[tuple[str, object]] = []
        # Nearly always nothing has changed, and thousands of names are looked at after each law: at C's speed, then.
        if not all(map(operator.is_, map(now.get, before, itertools.repeat(ABSENT)), before.values())):
            found = [(key, value) for key, value in before.items() if now.get(key, ABSENT) is not value]
        if isinstance(owner, type):  # a new method may hide an inherited one; a module may load more of itself
            found += [(key, ABSENT) for key in now if key not in before and _is_inherited(owner, key)]
        return [(key, value) for key, value in found if key not in SHOWN_ONLY and not self._by_library(now.get(key))]

    def _by_library(self, value: object) -> bool:
        """Whether a replacement is a library's own: PyTorch wraps functions, and a default dtype moves a class."""
        if isinstance(value, type):
            home = sys.modules.get(value.__module__)
            return getattr(home, value.__name__, None) is value and self._is_library(getattr(home, "__file__", None))
        return self._is_library(getattr(getattr(value, "__code__", None), "co_filename", None))

    def _is_library(self, file: str | None) -> bool:
        return file is not None and file.startswith(self.libraries)


def _is_inherited(owner: type, name: str) -> bool:
    return any(name in vars(base) for base in owner.__mro__[1:])
