"""JUnit XML, which CI systems show: a suite an exercise, a case a law.

A law that was not judged is an error, never skipped: many readers count what was skipped as good.
"""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from kata.formats import expected, texts
from kata.verdict import ExerciseVerdict, LawVerdict, Verdict

MESSAGE = 10_000
OUTPUT = 100_000


def render(verdict: Verdict) -> str:
    """The verdict as JUnit XML."""
    exercises = expected.exercises(verdict)
    laws = [law for exercise in exercises for law in exercise.laws]
    root = Element("testsuites", _counts("kata", laws, sum(exercise.seconds for exercise in exercises)))
    for exercise in exercises:
        root.append(_suite(exercise))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(exercise: ExerciseVerdict) -> Element:
    name = texts.clean(f"{exercise.chapter}.{exercise.id}")
    suite = Element("testsuite", _counts(name, exercise.laws, exercise.seconds))
    _properties(suite, exercise.points, exercise.max_points, status=exercise.status, title=exercise.title)
    for law in exercise.laws:
        suite.append(_case(name, exercise, law))
    return suite


def _case(suite: str, exercise: ExerciseVerdict, law: LawVerdict) -> Element:
    case = Element("testcase", classname=suite, name=texts.clean(law.id))
    _properties(case, law.points, law.max_points, says=law.says)
    if law.status != "passed":
        why = texts.cut(expected.explain(exercise, law), MESSAGE)
        child = SubElement(case, "failure" if law.status == "failed" else "error", message=why.split("\n")[0])
        child.text = f"{texts.clean(law.says)}\n{why}"
    if law.output:
        SubElement(case, "system-out").text = texts.cut(law.output, OUTPUT)
    return case


def _counts(name: str, laws: list[LawVerdict], seconds: float) -> dict[str, str]:
    return {
        "name": name,
        "tests": str(len(laws)),
        "failures": str(sum(law.status == "failed" for law in laws)),
        "errors": str(sum(law.status == "not_judged" for law in laws)),
        "skipped": "0",
        "time": f"{seconds:.3f}",
    }


def _properties(element: Element, points: float, max_points: float, **more: str) -> None:
    properties = SubElement(element, "properties")
    values = {"points": str(texts.number(points)), "max_points": str(texts.number(max_points))} | more
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=texts.clean(value))
