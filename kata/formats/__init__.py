"""Verdicts in the formats of other programs: one module a format, each a pure function from a verdict to a text."""

from collections.abc import Callable

from kata.formats import classroom, gradescope, junit
from kata.verdict import Verdict

FORMATS: dict[str, Callable[[Verdict], str]] = {
    "junit": junit.render,
    "gradescope": gradescope.render,
    "classroom": classroom.render,
}
