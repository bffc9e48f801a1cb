"""Decides which file stands behind `import chap3_attention.x` while one exercise is judged.

The exercise itself comes from the tree under test. What it imports from other exercises comes from the reference,
so that one broken exercise does not break the next, or from the tree under test too, when prerequisites are "own".
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from kata import KataError
from kata.curriculum import Curriculum, Exercise

Prerequisites = Literal["reference", "own"]
NAMED_TREES = ("exercises", "solutions")
LARGEST_FILE = 1_000_000


class TreeError(KataError):
    """The tree asked for does not exist; the message names the allowed."""


class MissingFile(ModuleNotFoundError):
    """The tree under test has no file for an exercise."""


def find_tree(root: Path, name: str) -> Path:
    """The folder meant by `--tree`: `exercises`, `solutions`, or a path to a folder laid out like them."""
    tree = root / name if name in NAMED_TREES else Path(name).expanduser().resolve()
    if not tree.is_dir():
        raise TreeError(f"--tree {name}: there is no such folder. Allowed: exercises, solutions, or a path to a tree.")
    return tree


class UnsuitableFile(ImportError):
    """A file of the tree under test that is not judged, whatever is in it; the message says why."""


class Trees(importlib.abc.MetaPathFinder):
    """An import finder for the curriculum's modules. Install it once; `load` then switches between exercises."""

    def __init__(self, curriculum: Curriculum, tree: Path, prerequisites: Prerequisites = "reference") -> None:
        self.curriculum = curriculum
        self.tree = tree
        self.prerequisites = prerequisites
        self.replacement: bytes | None = None  # judged instead of the tree's file, if set
        self._chapters = {chapter.id for chapter in curriculum.chapters}
        self._judged: Exercise | None = None
        self._source: bytes | None = None
        self._read_ahead: dict[Path, bytes] = {}
        self._found: set[str] = set()

    def read_ahead(self, exercise: Exercise) -> None:
        """Reads what the reference has for all other exercises now: later, this process may not be allowed to."""
        if self.prerequisites == "reference":
            files = [self.curriculum.root / "solutions" / e.path for e in self.curriculum.exercises if e != exercise]
            self._read_ahead = {file: file.read_bytes() for file in files}

    def install(self) -> None:
        """Puts this finder before all others."""
        sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Takes this finder away, and every module it found."""
        sys.meta_path.remove(self)
        self._forget_modules()

    def load(self, exercise: Exercise, source: bytes | None = None) -> ModuleType:
        """A fresh import of one exercise of the tree under test, or of this source in its place.

        Its prerequisites are fresh as well.
        """
        self._forget_modules()
        self._judged = exercise
        self._source = self.replacement if source is None else source
        return importlib.import_module(exercise.module)

    def file_of(self, module: str) -> Path:
        """The file that stands behind a module of the curriculum now."""
        chapter, _, name = module.partition(".")
        listed = self.curriculum.by_module(module)
        from_reference = listed is not None and listed is not self._judged and self.prerequisites == "reference"
        tree = self.curriculum.root / "solutions" if from_reference else self.tree
        return tree / chapter / f"{name}.py"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Part of the import protocol."""
        chapter = fullname.partition(".")[0]
        if chapter == "solutions" and self.tree != self.curriculum.root / "solutions":
            raise UnsuitableFile("There is no `solutions` while an exercise is judged: it has to stand on its own.")
        if chapter not in self._chapters:
            return None
        self._found.add(fullname)
        if fullname == chapter:
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        file = self.file_of(fullname)
        if self._source is not None and self._judged is not None and fullname == self._judged.module:
            return importlib.util.spec_from_file_location(fullname, file, loader=_FromSource(file, self._source))
        if not file.is_file():
            raise MissingFile(f"{file} does not exist.", name=fullname, path=str(file))
        if file.is_relative_to(self.tree):
            self._check(file)
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_FromSource(file, self._read_ahead.get(file))
        )

    def _check(self, file: Path) -> None:
        target = file.resolve()
        if not target.is_relative_to(self.tree.resolve()):
            raise UnsuitableFile(f"{file} is a link to {target}, outside of the tree. Put the file itself there.")
        if (size := file.stat().st_size) > LARGEST_FILE:
            raise UnsuitableFile(f"{file} holds {size:,} bytes; more than {LARGEST_FILE:,} are not judged.")

    def _forget_modules(self) -> None:
        # By their own names: a look at all of `sys.modules` would copy many pages of a forked process.
        for name in self._found:
            sys.modules.pop(name, None)
        self._found.clear()


class _FromSource(importlib.abc.SourceLoader):
    """Compiles the file's present bytes, always: a bytecode cache cannot tell two saves within one second apart."""

    def __init__(self, file: Path, source: bytes | None) -> None:
        self.file, self.source = file, source

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:
        return self.file.read_bytes() if self.source is None else self.source
