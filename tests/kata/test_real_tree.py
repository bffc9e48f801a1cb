"""The real curriculum, as a learner works through it."""

import json
import shutil
import subprocess
import sys

from kata import ROOT, curriculum, stub_files
from kata.files import write_atomically


def test_one_solution_among_stubs_earns_exactly_its_points(tmp_path):
    lessons = curriculum.load(ROOT)
    solved = lessons.exercise("causal_attention")
    for exercise in lessons.exercises:
        write_atomically(tmp_path / "tree" / exercise.path, stub_files.compare(lessons, exercise).stub)
    shutil.copy(ROOT / "solutions" / solved.path, tmp_path / "tree" / solved.path)
    command = ["-m", "kata", "exercises", "--tree", tmp_path / "tree", "--json", tmp_path / "verdict.json"]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert {e["id"]: e["points"] for e in verdict["exercises"] if e["points"]} == {solved.id: solved.points}
    assert verdict["points"] == solved.points
