"""The real curriculum, as a learner works through it."""

import json
import shutil
import subprocess
import sys

from kata import ROOT, curriculum, patches, stub_files
from kata.files import write_atomically


def test_one_solution_among_stubs_earns_exactly_its_points(tmp_path):
    lessons = curriculum.load(ROOT)
    solved = lessons.exercise("causal_attention")
    for exercise in lessons.exercises:
        write_atomically(tmp_path / "tree" / exercise.path, stub_files.compare(lessons, exercise).stub)
    shutil.copy(ROOT / "solutions" / solved.path, tmp_path / "tree" / solved.path)
    command = ["-m", "kata", "grade", "--tree", tmp_path / "tree", "--json", tmp_path / "verdict.json"]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert {e["id"]: e["points"] for e in verdict["exercises"] if e["points"]} == {solved.id: solved.points}
    assert verdict["points"] == solved.points


def test_every_misconception_and_alternative_fits_its_solution():
    lessons = curriculum.load(ROOT)
    for exercise in lessons.exercises:
        source = (ROOT / "solutions" / exercise.path).read_text(encoding="utf-8")
        for variant in exercise.misconceptions + exercise.alternatives:
            changed = patches.patched(exercise, variant, source)
            assert changed != source, (exercise.id, variant.slug)
            compile(changed, variant.slug, "exec")
        assert len(exercise.misconceptions) >= 8, exercise.id
        assert len(exercise.alternatives) >= 4, exercise.id
