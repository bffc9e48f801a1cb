"""GitHub Classroom's result: one line for `$GITHUB_OUTPUT`, read by classroom-resources/autograding-grading-reporter.

The reporter's table computes passed / len(tests) * max_score, its report adds up the scores. Every law is therefore
split into tests of one and the same score, so that both come to the same.
"""

import base64
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from kata.formats import expected, texts
from kata.verdict import ExerciseVerdict, LawVerdict, Verdict

SIZE = 120_000
"""The longest line. The reporter gets it in an environment variable, which Linux limits to 131072 bytes."""
TESTS = 1_000
NAME = 200
TEXTS = (4_000, 1_000, 250, 0)

Test = tuple[dict[str, Any], float]
"""A test, and the most that it can score."""


def render(verdict: Verdict) -> str:
    """The verdict as one line `result=<base64 of compact JSON>`; its texts are cut until it is short enough."""
    lines = (_line(verdict, tests) for tests in _attempts(verdict))
    return next(line for line in lines if len(line) <= SIZE)


def _attempts(verdict: Verdict) -> Iterator[list[Test]]:
    """The tests, in ever fewer words. Those after the split ones keep the scores right, though not the table."""
    laws = [(exercise, law) for exercise in expected.exercises(verdict) for law in exercise.laws]
    unit = _unit([law for _, law in laws])
    if unit and sum(_exact(law.max_points) for _, law in laws) / unit <= TESTS:
        for limit in TEXTS:
            yield [test for exercise, law in laws for test in _split(exercise, law, unit, limit)]
    if len(laws) <= TESTS:
        for limit in TEXTS:
            yield [_test(exercise, law, law.max_points, "", limit) for exercise, law in laws]
    yield [_all_in_one(verdict)]


def _line(verdict: Verdict, tests: list[Test]) -> str:
    result = {
        "version": 1,
        "status": "pass" if verdict.holds else "fail",
        # The reporter adds up scores one by one, and rounding may take it above the true sum.
        "max_score": texts.number(max(verdict.max_points, sum(most for _, most in tests))),
        "tests": [test for test, _ in tests],
    }
    encoded = base64.b64encode(json.dumps(result, separators=(",", ":"), allow_nan=False).encode())
    return f"result={encoded.decode()}\n"


def _split(exercise: ExerciseVerdict, law: LawVerdict, unit: Fraction, limit: int) -> Iterator[Test]:
    parts = int(_exact(law.max_points) / unit)
    rest = replace(law, says="the same")  # in few words, for there may be many
    for part in range(1, parts + 1):
        label = f" ({part} of {parts})" if parts > 1 else ""
        yield _test(exercise, law if part == 1 else rest, float(unit), label, limit if part == 1 else 0)


def _test(exercise: ExerciseVerdict, law: LawVerdict, most: float, label: str, limit: int) -> Test:
    test: dict[str, Any] = {  # only what the reporter reads: there is little room
        "name": _harmless(texts.cut(f"{exercise.id}: {law.says}", NAME)) + label,
        "status": "pass" if law.status == "passed" else "fail",
        "score": texts.number(most if law.status == "passed" else 0),
        "line_no": 0,  # anything else is printed after the name
    }
    if limit and (why := expected.explain(exercise, law)):
        # The reporter prints no message of a failed test, but its "test code".
        test["message"] = test["test_code"] = _harmless(texts.cut(why, limit))
    return test, most


def _all_in_one(verdict: Verdict) -> Test:
    law = LawVerdict("all", "Every law holds.", verdict.max_points, "passed" if verdict.holds else "failed")
    test, most = _test(ExerciseVerdict("all", "all", "All", ""), law, verdict.max_points, "", 0)
    return test | {"score": texts.number(verdict.points)}, most


def _harmless(text: str) -> str:
    """Text in which the GitHub runner, which reads what the reporter prints, finds no command."""
    return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "## [")


def _unit(laws: list[LawVerdict]) -> Fraction:
    """The greatest score of which every law's points are a whole multiple; 0 where no law has points."""
    points = [_exact(law.max_points) for law in laws]
    shared = math.lcm(*(point.denominator for point in points))
    return Fraction(math.gcd(*(int(point * shared) for point in points)), shared)


def _exact(points: float) -> Fraction:
    """Points as they are written: 0.1 is a tenth."""
    return Fraction(str(points))
