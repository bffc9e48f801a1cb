"""A small project of its own for the judge's tests: the real `kata/`, two made-up exercises, one prerequisite."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kata import ROOT

ORDER = """
[[chapter]]
name = "chap1_numbers"
title = "Numbers"
exercises = ["double", "quadruple"]
"""

DOUBLE = '''"""Doubling."""

SCALE = 2


def double(x: int) -> int:
    """Twice x.

    >>> double(3)
    6
    """
    # 1. Multiply by the scale.
    return SCALE * x
'''

QUADRUPLE = '''"""Quadrupling."""

from chap1_numbers.double import double


def quadruple(x: int) -> int:
    """Four times x."""
    # 1. Double it.
    twice = double(x)
    # 2. Double that
    #    once more.
    return double(twice)
'''

DOUBLE_LAWS = '''"""The laws of doubling."""

from hypothesis import given
from hypothesis import strategies as st

from kata.laws.checks import equal


@given(x=st.integers(0, 100))
def test_doubling_adds_a_number_to_itself(submission, x):
    """Doubling adds a number to itself."""
    equal(submission.double(x), x + x, "the double")


def test_nothing_doubled_is_nothing(submission):
    """Nothing doubled is nothing."""
    equal(submission.double(0), 0, "the double of 0")
'''

QUADRUPLE_LAWS = '''"""The laws of quadrupling."""

from kata.laws.checks import equal


def test_quadrupling_is_doubling_twice(submission):
    """Quadrupling is doubling twice."""
    equal(submission.quadruple(3), 12, "four times 3")
'''

CARD = """
title = "Twice {title}"
teaches = "One thing. And another."
minutes = 5
prerequisites = {prerequisites}
read = ["somewhere"]

[points]
default = 1
"""


@dataclass(frozen=True)
class Project:
    """A project folder, and `python -m kata ...` run in it."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        """Writes one of the project's files."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def read(self, path: str) -> str:
        """Reads one of the project's files."""
        return (self.root / path).read_text(encoding="utf-8")

    def python(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs Python in the project's folder, as a person would."""
        settings = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | environment
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    def kata(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs one of the judge's commands."""
        return self.python("-m", "kata", *arguments, **environment)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The small project, its stubs not yet written."""
    made = Project(tmp_path / "project")
    shutil.copytree(ROOT / "kata", made.root / "kata", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", made.root)
    made.write("tests/curriculum.toml", ORDER)
    for name, solution, laws, prerequisites in (
        ("double", DOUBLE, DOUBLE_LAWS, "[]"),
        ("quadruple", QUADRUPLE, QUADRUPLE_LAWS, '["double"]'),
    ):
        made.write(f"solutions/chap1_numbers/{name}.py", solution)
        made.write(f"tests/chap1_numbers/test_{name}.py", laws)
        made.write(f"tests/chap1_numbers/{name}.toml", CARD.format(title=name, prerequisites=prerequisites))
    return made


@pytest.fixture
def stubbed(project: Project) -> Project:
    """The small project as a learner finds it: stubs in `exercises/`."""
    assert project.kata("stubs").returncode == 0
    return project
