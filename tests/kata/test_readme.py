"""What the README says of the exercises is what the cards say."""

from kata import ROOT, curriculum
from kata.report import number


def test_the_table_of_exercises_is_that_of_the_cards():
    lessons = curriculum.load(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [
        f"| `{exercise.chapter}` | `{exercise.id}` | {exercise.title} | {number(exercise.points)} | {exercise.minutes} |"
        for exercise in lessons.exercises
    ]
    for row in rows:
        assert row in readme, f"the README lacks this row: {row}"
    points = sum(exercise.points for exercise in lessons.exercises)
    hours = sum(exercise.minutes for exercise in lessons.exercises) / 60
    assert f"| | **all** | | **{number(points)}** | **{hours:.0f} hours** |" in readme
