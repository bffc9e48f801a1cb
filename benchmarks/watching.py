"""From the save to the verdict on the screen of `watch`, through a pseudo-terminal and a real file watcher.

python -m benchmarks.watching [EXERCISE] [--json FILE]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kata import ROOT, curriculum
from kata.files import write_atomically
from kata.patches import patched
from tests.kata.terminal import Terminal

SAVES = 30
WRONG = 5
COLD = 3
PARTS = ("kata", "exercises", "solutions", "tests")
EXERCISE = "causal_attention"


def main(arguments: Sequence[str] = ()) -> None:
    """Measures, prints, and writes what was measured to a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("exercise", nargs="?", default=EXERCISE)
    parser.add_argument("--json", metavar="FILE", type=Path, default=ROOT / ".kata/bench/watching.json")
    asked = parser.parse_args(arguments)
    exercise = curriculum.load(ROOT).exercise(asked.exercise)
    right = (ROOT / "solutions" / exercise.path).read_text(encoding="utf-8")
    wrong = [patched(exercise, each, right) for each in exercise.misconceptions[:WRONG]]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for part in PARTS:
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        found = watched(root, exercise.path, exercise.id, exercise.points, right, wrong)
        found["cold"] = [cold(root, exercise.chapter, exercise.id, source) for source in (right,) * COLD]
    median = {name: statistics.median(times) for name, times in found.items()}
    late = {name: sorted(times)[round(0.95 * (len(times) - 1))] for name, times in found.items()}
    print(f"watch, {exercise.id} ({len(exercise.laws)} laws), {SAVES} saves each, seconds from the save to the screen:")
    for name, says in SAYS.items():
        print(f"  {says:<46} median {median[name]:.3f}  p95 {late[name]:.3f}")
    print(f"  python -m pytest on the same law file, cold:   median {median['cold']:.2f}")
    print(f"  cold is {median['cold'] / median['passing']:.0f} times the verdict when all laws hold")
    data = {"exercise": exercise.id, "cores": os.cpu_count(), "median": median, "p95": late, "seconds": found}
    write_atomically(asked.json, json.dumps(data, indent=2) + "\n")
    print(f"  all of it: {asked.json}")


SAYS = {
    "judging": "'judging ...' is shown",
    "passing": "the verdict, when all laws hold",
    "done": "... and when all their cases have been tried",
    "failing": "the verdict, diagnosis and picture, when not",
}


def watched(root: Path, path: str, id: str, points: float, right: str, wrong: list[str]) -> dict[str, list[float]]:
    """The seconds of every save."""
    file = root / "exercises" / path
    file.write_text(right, encoding="utf-8")
    times: dict[str, list[float]] = {name: [] for name in SAYS}
    terminal = Terminal([sys.executable, "-m", "kata", "watch", id], root, os.environ)
    terminal.until("done: every law holds")
    all_points = f"{points:g} of {points:g} points"
    for number in range(SAVES):
        began = save(file, f"{right}# {number}\n")
        times["judging"].append(terminal.until(f"judging {id}") - began)
        times["passing"].append(terminal.until(lambda text: all_points in text and "judging" not in text) - began)
        times["done"].append(terminal.until("done: every law holds") - began)
    for number in range(SAVES):
        began = save(file, f"{wrong[number % len(wrong)]}# {number}\n")
        terminal.until(f"judging {id}")
        times["failing"].append(terminal.until(is_told) - began)
        terminal.until(lambda text: "all cases follow" not in text and "judging" not in text)
    terminal.press("q")
    terminal.end()
    return times


def is_told(text: str) -> bool:
    """Whether a verdict with its diagnosis is on the screen."""
    return "judging" not in text and "It looks as if" in text


def save(file: Path, text: str) -> float:
    """Writes the file; returns when that was done."""
    file.write_text(text, encoding="utf-8")
    return time.monotonic()


def cold(root: Path, chapter: str, id: str, source: str) -> float:
    """How long plain pytest takes on the same law file, in a process of its own."""
    (root / "exercises" / chapter / f"{id}.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", f"tests/{chapter}/test_{id}.py"]
    began = time.monotonic()
    subprocess.run(command, cwd=root, capture_output=True, check=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main(sys.argv[1:])
