"""What the README says of the exercises and of the judge's modules is so."""

import ast
import re

from kata import ROOT, curriculum
from kata.report import number

JUDGE = [
    file
    for file in sorted((ROOT / "kata").rglob("*.py"))
    if not file.name.startswith("__") and "commands" not in file.parts
]


def test_the_table_of_exercises_is_that_of_the_cards():
    lessons = curriculum.load(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for e in lessons.exercises:
        row = f"| `{e.chapter}` | `{e.id}` | {e.title} | {number(e.points)} | {e.minutes} |"
        assert row in readme, f"the README lacks this row: {row}"
    points = sum(exercise.points for exercise in lessons.exercises)
    hours = sum(exercise.minutes for exercise in lessons.exercises) / 60
    assert f"| | **all** | | **{number(points)}** | **{hours:.0f} hours** |" in readme


def floors() -> dict[str, int]:
    """The line on which the README's list of the judge's modules names each, with the part of the tree it is in."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = readme[readme.index("\nkata/  ") + 1 :].split("```")[0].splitlines()[1:]
    places: dict[str, int] = {}
    package, indent = "", 0
    for place, line in enumerate(listed):
        names = re.split(r"\s{3,}", line.strip())[0]
        depth = len(line) - len(line.lstrip())
        package = package if depth > indent and package else ""
        if names.endswith("/"):
            package, indent = names[:-1], depth
            places[package] = place
        else:
            places |= {".".join(filter(None, [package, name.strip()])): place for name in names.split(",")}
    return places


def floor_of(module: str, places: dict[str, int]) -> int | None:
    """The line that names a module, or the package that it is in."""
    parts = module.split(".")
    return next((places[name] for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in places), None)


def test_the_readme_names_every_module_of_the_judge():
    places = floors()
    modules = [".".join(file.relative_to(ROOT / "kata").with_suffix("").parts) for file in JUDGE]
    assert [module for module in modules if floor_of(module, places) is None] == []


def test_modules_of_the_judge_import_only_from_those_above_them():
    places = floors()
    wrong = []
    for file in JUDGE:
        module = ".".join(file.relative_to(ROOT / "kata").with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("kata"):
                continue
            package = (node.module or "").removeprefix("kata").removeprefix(".")
            for name in node.names:
                other = ".".join(filter(None, [package, name.name]))
                above, here = floor_of(other, places), floor_of(module, places)
                if above is not None and here is not None and above > here:
                    wrong.append(f"{module} imports {other}")
    assert wrong == []
