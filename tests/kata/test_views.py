"""What a learner sees who made a named mistake: it stays as it was read and found good, and never grows too large."""

import subprocess
import sys

import pytest

from kata import ROOT, curriculum

GOLDEN = ROOT / "tests" / "kata" / "golden"
FEWEST = 2
NAMES = sorted(file.stem for file in GOLDEN.glob("*.txt"))
LESSONS = curriculum.load(ROOT)  # once: it reads every card and every law file
RENEW = "Run `.venv/bin/python tests/kata/views.py {}`, read the view as a learner would, and commit it."

pytestmark = pytest.mark.skipif("not hasattr(__import__('os'), 'fork')", reason="misconceptions are judged in forks")


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Every golden view, made anew, in one process, and what it says is wrong with them."""
    folder = tmp_path_factory.mktemp("views")
    command = [sys.executable, ROOT / "tests" / "kata" / "views.py", "--to", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    made = {file.stem: file.read_text(encoding="utf-8") for file in folder.glob("*.txt")}
    return made, done.stdout + done.stderr


@pytest.mark.parametrize("exercise", [exercise.id for exercise in LESSONS.exercises])
def test_every_exercise_has_golden_views(exercise):
    own = [name for name in NAMES if name.partition("-")[0] == exercise]
    assert len(own) >= FEWEST, (
        f"{exercise} has {len(own)} golden views, at least {FEWEST} are wanted: a misconception that shows a picture, "
        "one that raises an error, one whose sentence matters. " + RENEW.format(f"{exercise}-<slug>")
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_view_is_of_a_misconception(name):
    exercise, _, slug = name.partition("-")
    slugs = [variant.slug for variant in LESSONS.exercise(exercise).misconceptions]
    assert slug in slugs, f"tests/kata/golden/{name}.txt: {exercise} has no misconception {slug}. Delete or rename it."


# One test, so that it is one worker that makes them all.
def test_views_are_golden_within_their_limits_and_their_cases_can_be_pasted(views):
    made, said = views
    assert said == "", said
    assert sorted(made) == NAMES
    changed = [name for name in NAMES if made[name] != (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")]
    assert not changed, "".join(f"\nThe view of {name} is now\n\n{made[name]}\n" for name in changed) + RENEW.format(
        " ".join(changed)
    )
