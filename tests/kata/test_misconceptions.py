"""The laws are tested by misconceptions and alternatives; a learner who makes a named mistake is told which."""

import json

import pytest

from kata import curriculum, judge

CARD = "tests/chap1_numbers/double.toml"
LAWS = "tests/chap1_numbers/test_double.py"

PROBE = '''

def probe(submission):
    """Calls that tell the misconceptions apart."""
    return [lambda n=n: submission.double(n) for n in (0, 1, 3, -2)] + [lambda: submission.SCALE]
'''

SQUARED = """
[[misconception]]
slug = "squared"
believes = "Twice x is x times x."
why = "You square x."
find = "SCALE * x"
replace = "x * x"
"""

THREE = """
[[misconception]]
slug = "three"
believes = "The scale is 3."
why = "Your scale is 3."
find = "SCALE = 2"
replace = "SCALE = 3"
"""

ONE_MORE = """
[[misconception]]
slug = "one-more"
believes = "Doubling adds one."
why = "You add one."
find = "SCALE * x"
replace = "SCALE * x + 1"
"""

ADDED = """
[[alternative]]
slug = "added"
says = "x added to itself."
find = "SCALE * x"
replace = "x + x"
"""

pytestmark = pytest.mark.skipif("not hasattr(__import__('os'), 'fork')", reason="variants are judged in forks")


@pytest.fixture
def probed(stubbed):
    """The small project, with a probe and variants for `double`."""
    stubbed.write(LAWS, stubbed.read(LAWS) + PROBE)
    stubbed.write(CARD, stubbed.read(CARD) + SQUARED + THREE + ONE_MORE + ADDED)
    return stubbed


def append(project, path, text):
    project.write(path, project.read(path) + text)


def complaints(project):
    done = project.kata("misconceptions", "double", "--json", "trial.json")
    found = json.loads(project.read("trial.json"))[0]["complaints"]
    assert done.returncode == (1 if found else 0), done.stderr
    assert all(f"WRONG: {complaint}" in done.stdout for complaint in found)
    return found


def test_the_matrix_says_what_each_law_catches(probed):
    done = probed.kata("misconceptions", "double")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["solution", "··"] in rows
    assert ["squared", "#·"] in rows
    assert ["one-more", "##"] in rows
    assert ["added", "··"] in rows
    assert "3 misconceptions and 1 alternatives: no complaints." in done.stdout
    assert ["2", "*", "1", "test_nothing_doubled_is_nothing"] in rows  # whatever it catches, the other catches too


def test_a_misconception_that_no_law_catches_is_named(probed):
    append(probed, CARD, THREE.replace("three", "idle").replace("SCALE = 3", "SCALE = int(2)"))
    assert "idle is wrong, and no law says so." in complaints(probed)


def test_an_alternative_that_a_law_rejects_is_named(probed):
    append(probed, CARD, ADDED.replace("added", "float").replace("x + x", "2.0 * x"))
    found = complaints(probed)
    laws = "test_doubling_adds_a_number_to_itself, test_nothing_doubled_is_nothing"
    assert f"float is right, and rejected by {laws}." in found


def test_a_misconception_that_only_raises_errors_is_named_unless_the_card_says_so(probed):
    append(probed, CARD, SQUARED.replace("squared", "raising").replace("x * x", "x.twice"))
    assert "raising only raises errors: no law says in a sentence what is wrong." in complaints(probed)
    append(probed, CARD, "raises = true\n")
    assert complaints(probed) == []


def test_a_misconception_that_is_only_compared_is_named_unless_the_card_says_so(probed):
    first = 'compares = ["test_doubling_adds_a_number_to_itself"]\n'
    probed.write(CARD, first + probed.read(CARD).replace(SQUARED, SQUARED + "only_compared = true\n"))
    found = complaints(probed)
    only = "three only differs from the computed result (test_doubling_adds_a_number_to_itself): no law is about it."
    assert found == [only]


def test_misconceptions_that_the_probe_cannot_tell_apart_are_named_unless_they_are_twins(probed):
    same = SQUARED.replace("squared", "power").replace("x * x", "x**2")
    append(probed, CARD, same)
    found = complaints(probed)
    assert "squared is diagnosed as nothing, not as squared." in found
    assert "power is diagnosed as nothing, not as power." in found
    append(probed, CARD, 'twin = "squared"\n')
    assert complaints(probed) == []


def test_a_probe_is_missed(stubbed):
    append(stubbed, CARD, THREE + ADDED)
    found = complaints(stubbed)
    assert "There is no probe, or it cannot begin: nothing can be diagnosed." in found


def test_a_variant_that_ends_its_process_is_named(probed):
    append(probed, CARD, SQUARED.replace("squared", "gone").replace("x * x", "__import__('os')._exit(0)"))
    assert any(complaint.startswith("gone: its process ended") for complaint in complaints(probed))


def judged(project, text, tree="exercises"):
    """The verdict on this text as `double`: in this process, so that one warm server serves all tests."""
    project.write(f"{tree}/chap1_numbers/double.py", text)
    lessons = curriculum.load(project.root)
    double = lessons.select(["double"])
    return judge.judge(lessons, double, project.root / tree, tree, "reference").exercises[0]


def diagnosed(project, text, tree="exercises"):
    """The misconception and its sentence, at the first law that is broken."""
    law = judged(project, text, tree).broken[0]
    return law.misconception, law.diagnosis


def test_the_diagnosis_is_printed(probed):
    probed.write("exercises/chap1_numbers/double.py", "SCALE = 3\n\ndef double(x):\n    return SCALE * x + 1\n")
    said = " ".join(probed.kata("grade", "double").stdout.split())
    assert "Two things at once. You add one. Your scale is 3." in said


def test_a_learner_who_makes_a_named_mistake_is_told_which(probed):
    text = "SCALE = 2\n\ndef double(number):\n    result = number ** 2\n    return result\n"
    assert diagnosed(probed, text) == ("squared", "You square x.")


def test_two_at_once_are_told(probed):
    text = "SCALE = 3\n\ndef double(x):\n    return SCALE * x + 1\n"
    slugs, says = diagnosed(probed, text)
    assert slugs == "one-more + three"
    assert says == "Two things at once. You add one. Your scale is 3."


@pytest.mark.parametrize("body", ["x - 1", "SCALE * x + 2", "2.0 * x", "None", "x * x if x else 1"])
def test_what_is_no_named_mistake_is_not_named(probed, body):
    assert diagnosed(probed, f"SCALE = 2\n\ndef double(x):\n    return {body}\n") == (None, None)


def test_what_is_not_written_yet_tells_nothing(probed):
    laws = probed.read(LAWS).replace("lambda: submission.SCALE", "lambda: submission.half(4)")
    probed.write(LAWS, laws)
    solution = "solutions/chap1_numbers/double.py"
    probed.write(solution, probed.read(solution) + "\n\ndef half(x: int) -> int:\n    return x // 2\n")
    text = "def double(x):\n    return x * x\n\ndef half(x):\n    raise NotImplementedError\n"
    assert diagnosed(probed, text) == ("squared", "You square x.")


def test_a_probe_that_never_ends_costs_nobody_a_verdict(probed):
    double = judged(probed, "SCALE = 2\n\ndef double(x):\n    while x < 0:\n        pass\n    return x * x\n")
    assert double.status == "failed"
    assert [(law.status, law.misconception) for law in double.laws] == [("failed", None), ("passed", None)]


def test_a_stranger_is_told_too(probed):
    assert diagnosed(probed, "SCALE = 2\n\ndef double(x):\n    return x * x\n", tree="alice")[0] == "squared"
