"""What must hold of every stub: it breaks every law that it is asked about."""

import json
import subprocess
import sys

from kata import ROOT, curriculum, stub_files
from kata.files import write_atomically


def test_every_stub_breaks_every_law(tmp_path):
    """A stub that earned points without a line written would make its law worthless."""
    lessons = curriculum.load(ROOT)
    for exercise in lessons.exercises:
        write_atomically(tmp_path / "tree" / exercise.path, stub_files.compare(lessons, exercise).stub)
    command = ["-m", "kata", "grade", "--tree", tmp_path / "tree", "--json", tmp_path / "verdict.json"]
    judged = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert judged.returncode == 1, judged.stdout + judged.stderr
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert [e["id"] for e in verdict["exercises"]] == [e.id for e in lessons.exercises]
    laws = [(exercise["id"], law) for exercise in verdict["exercises"] for law in exercise["laws"]]
    assert len(laws) == sum(len(e.laws) for e in lessons.exercises)
    assert [f"{id}: {law['id']}" for id, law in laws if law["status"] != "failed"] == []
    # Broken because nothing is written, not because the stub cannot be imported.
    assert [f"{id}: {law['message']}" for id, law in laws if not law["unwritten"]] == []
