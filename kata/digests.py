"""Digests of what verdicts and diagnoses depend on: files, the judge itself, Python and the libraries."""

import hashlib
import sys
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from kata import vocabulary
from kata.trees import LARGEST_FILE

LIBRARIES = ("torch", "numpy", "tiktoken", "regex", "pytest", "hypothesis")


def machinery(root: Path) -> bytes:
    """A digest of all that judges: libraries, Python, the judge's code and settings, GPT-2's vocabulary."""
    return f"{_libraries()}{sys.version} {judge_digest(root)} {vocabulary.is_whole()}\n".encode()


@lru_cache(maxsize=1)
def judge_digest(root: Path) -> str:
    """A digest of the judge itself: its code and settings."""
    digest = hashlib.sha256()
    for file in [*sorted((root / "kata").rglob("*.py")), root / "pyproject.toml"]:
        digest.update(of_file(file))
    return digest.hexdigest()


def of_file(file: Path) -> bytes:
    """What is in a file, and whether it is one at all, or a link; whatever else is there (a pipe!) is not opened."""
    try:
        kind = f"{file.is_symlink()} {file.resolve()}" if file.is_symlink() else ""
        if not file.is_file():
            return f"{kind} no file\n".encode()
        if file.stat().st_size > LARGEST_FILE:
            return f"{kind} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode()
        return hashlib.sha256(kind.encode() + b"\n" + file.read_bytes()).digest()
    except OSError as error:
        return f"{type(error).__name__}\n".encode()


@lru_cache(maxsize=1)
def _libraries() -> str:
    return "".join(f"{name} {version(name)}\n" for name in LIBRARIES)
