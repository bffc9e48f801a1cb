"""The real curriculum, as a learner works through it."""

import ast
import io
import json
import shutil
import subprocess
import sys
import tokenize

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


def code_lines(source):
    """The lines of code of 10 characters or more, without docstrings, comments and whitespace."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return {"".join(line.split()) for line in lines if len(line.strip()) >= 10}


def test_code_lines_are_those_that_compute_something():
    source = '"""Doc,\nstring."""\n\nlong_name = "#1"  # why\n# only a comment\nx = 1\n    '
    assert code_lines(source) == {'long_name="#1"'}


def test_every_exercise_has_hints_and_none_holds_a_line_of_its_solution():
    for exercise in curriculum.load(ROOT).exercises:
        assert len(exercise.hints) >= 3, exercise.id
        lines = code_lines((ROOT / "solutions" / exercise.path).read_text(encoding="utf-8"))
        assert len(lines) >= 5, exercise.id
        for hint in exercise.hints:
            assert hint.question.endswith("?"), (exercise.id, hint.question)
            said = "".join((hint.question + hint.answer).split())
            assert not [line for line in lines if line in said], (exercise.id, hint.question)
