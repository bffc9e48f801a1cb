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

NEGATED = """
[[misconception]]
slug = "negated"
believes = "Doubling turns the sign."
why = "You turn the sign."
find = "SCALE * x"
replace = "-SCALE * x"
"""

JUDGED = """
import dataclasses, json, sys
from kata import ROOT, curriculum, variants
{prepare}
lessons = curriculum.load(ROOT)
double = lessons.exercise("double")
everything = (variants.SOLUTION, *double.misconceptions, *double.alternatives)
found = variants.judge(lessons, double, everything, **json.loads(sys.argv[1]))
print(json.dumps([dataclasses.asdict(verdict) for verdict in found]))
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


def verdicts(project, prepare="", **options):
    """What `variants.judge` finds, by slug; `prepare` is Python that runs before."""
    done = project.python("-c", JUDGED.format(prepare=prepare), json.dumps(options))
    assert done.returncode == 0, done.stderr
    return {verdict["slug"]: verdict for verdict in json.loads(done.stdout)}


def test_a_misconception_that_never_ends_is_named(probed):
    endless = SQUARED.replace("squared", "endless").replace("SCALE * x", "return SCALE * x")
    append(probed, CARD, endless.replace("x * x", "while True: pass"))
    found = verdicts(probed, "variants.SECONDS = 1")
    assert found["endless"]["ended"].endswith("or took more than 1 s")
    assert found["three"]["ended"] is None


def test_a_solution_that_never_ends_is_named(probed):
    solution = "solutions/chap1_numbers/double.py"
    probed.write(solution, probed.read(solution).replace("# 1. M", "while x: pass\n    # 1. M"))
    found = verdicts(probed, "variants.SECONDS = 1")
    assert found["solution"]["ended"].endswith("or took more than 1 s")


def test_a_misconception_is_done_with_once_a_law_about_it_rejects_it(probed):
    append(probed, CARD, ADDED.replace("added", "float").replace("x + x", "2.0 * x"))
    two = ["test_doubling_adds_a_number_to_itself", "test_nothing_doubled_is_nothing"]
    found = verdicts(probed, every_law=False)
    assert len(found["one-more"]["caught"]) == 1
    assert sorted(found["float"]["caught"]) == two  # what is right is held against every law
    assert sorted(verdicts(probed)["one-more"]["caught"]) == two


def test_the_law_that_rejected_the_last_is_asked_first(probed):
    second = ONE_MORE.replace("one-more", "two-more").replace("x + 1", "x + (2 if x == 0 else 0)")
    third = ONE_MORE.replace("one-more", "three-more").replace("x + 1", "x + 3")
    card = probed.read(CARD).replace(ONE_MORE, second + third)
    probed.write(CARD, f'compares = ["test_doubling_adds_a_number_to_itself"]\n{card}')
    assert list(verdicts(probed, every_law=False)["three-more"]["caught"]) == ["test_nothing_doubled_is_nothing"]


def test_it_makes_no_difference_whether_the_laws_ran_before_forking(probed):
    append(probed, CARD, ONE_MORE.replace("one-more", "one-more-at-times").replace("x + 1", "x + (x % 10 == 3)"))
    cold = verdicts(probed, "variants.may_compute_before_forking = lambda: False")
    assert cold["one-more-at-times"]["caught"]  # by many cases only: all of them are drawn, then
    assert cold == verdicts(probed)


def test_the_short_way_complains_of_the_same(probed):
    append(probed, CARD, THREE.replace("three", "idle").replace("SCALE = 3", "SCALE = int(2)"))
    append(probed, CARD, SQUARED.replace("squared", "raising").replace("x * x", "x.twice"))
    append(probed, CARD, ADDED.replace("added", "float").replace("x + x", "2.0 * x"))
    probed.write(CARD, 'compares = ["test_doubling_adds_a_number_to_itself"]\n' + probed.read(CARD))
    found = complaints(probed)
    assert len(found) > 5
    done = probed.kata("misconceptions")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    first, second = (
        lines.index("double: 5 misconceptions, 2 alternatives"),
        lines.index("quadruple: 0 misconceptions, 0 alternatives"),
    )
    assert lines[first + 1 : second] == [f"WRONG: {complaint}" for complaint in found]
    assert lines[-1] == "Which law rejects what: nox -s misconceptions -- EXERCISE"


def test_without_complaints_an_exercise_is_a_line(probed):
    laws = "tests/chap1_numbers/test_quadruple.py"
    append(probed, laws, PROBE.replace("double", "quadruple").replace(" + [lambda: submission.SCALE]", ""))
    done = probed.kata("misconceptions")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "double: 3 misconceptions, 1 alternatives",
        "quadruple: 0 misconceptions, 0 alternatives",
        "3 misconceptions and 1 alternatives: no complaints.",
    ]
    assert "squared" in probed.kata("misconceptions", "--matrix").stdout


def test_a_few_lines_in_a_card_are_all_that_a_new_misconception_takes(probed):
    append(probed, CARD, NEGATED)
    done = probed.kata("misconceptions", "double")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ["negated", "#·"] in [line.split() for line in done.stdout.splitlines()]
    text = "SCALE = 2\n\ndef double(number):\n    return 0 - number - number\n"
    assert diagnosed(probed, text) == ("negated", "You turn the sign.")


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
    assert "Two things at once. 1. You add one. 2. Your scale is 3." in said


def test_a_learner_who_makes_a_named_mistake_is_told_which(probed):
    text = "SCALE = 2\n\ndef double(number):\n    result = number ** 2\n    return result\n"
    assert diagnosed(probed, text) == ("squared", "You square x.")


def test_two_at_once_are_told(probed):
    text = "SCALE = 3\n\ndef double(x):\n    return SCALE * x + 1\n"
    slugs, says = diagnosed(probed, text)
    assert slugs == "one-more + three"
    assert says == "Two things at once. 1. You add one. 2. Your scale is 3."


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
