"""Gradescope's `results.json`: a test a law, and the whole verdict as extra data.

There is no score for the whole: it would override the sum of the tests.
"""

import json
from typing import Any

from kata.formats import expected, texts
from kata.verdict import ExerciseVerdict, LawVerdict, Verdict

MESSAGE = 10_000
OUTPUT = 10_000


def render(verdict: Verdict) -> str:
    """The verdict as Gradescope reads it."""
    exercises = expected.exercises(verdict)
    results = {
        "execution_time": round(float(sum(exercise.seconds for exercise in exercises)), 3),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "test_output_format": "text",
        "test_name_format": "text",
        "tests": [
            _test(f"{place}.{number}", exercise, law)
            for place, exercise in enumerate(exercises, 1)
            for number, law in enumerate(exercise.laws, 1)
        ],
        "extra_data": texts.clean_all(verdict.to_dict()),
    }
    return json.dumps(results, indent=2, allow_nan=False) + "\n"


def _test(number: str, exercise: ExerciseVerdict, law: LawVerdict) -> dict[str, Any]:
    output = texts.cut(expected.explain(exercise, law), MESSAGE)
    if law.output:
        output += f"\n\nThe code printed:\n{texts.cut(law.output, OUTPUT)}"
    return {
        "name": texts.clean(f"{exercise.id}: {law.says}"),
        "number": number,
        "score": texts.number(law.points),
        "max_score": texts.number(law.max_points),
        "status": "passed" if law.status == "passed" else "failed",
        "output": output.strip(),
    }
