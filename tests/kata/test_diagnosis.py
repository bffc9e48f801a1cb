"""What misconceptions do is found out once and kept; a diagnosis by it is the one that there would be without."""

import json
import os

import pytest

from kata import behaviours, crew, curriculum, diagnosing, diagnosis, job, judge, trying

CARD = "tests/chap1_numbers/double.toml"
LAWS = "tests/chap1_numbers/test_double.py"
SOLUTION = "solutions/chap1_numbers/double.py"
KEPT = ".kata/outcomes/double.json"

PROBE = '''

def probe(submission):
    """Calls that tell the misconceptions apart."""
    return [lambda n=n: submission.double(n) for n in (0, 1, 3, -2)] + [lambda: submission.SCALE]
'''

MISCONCEPTION = """
[[misconception]]
slug = "{slug}"
believes = "Something."
why = "This is {slug}."
find = "{find}"
replace = "{replace}"
"""
SQUARED = "SCALE = 2\n\ndef double(x):\n    return x * x\n"
TWO_AT_ONCE = "SCALE = 3\n\ndef double(x):\n    return SCALE * x + 1\n"
UNKNOWN = "SCALE = 2\n\ndef double(x):\n    return SCALE * x + 7\n"


def misconception(slug, find, replace):
    return MISCONCEPTION.format(slug=slug, find=find, replace=replace)


@pytest.fixture
def probed(project):
    """The small project, with a probe and misconceptions for `double`."""
    project.write(LAWS, project.read(LAWS) + PROBE)
    three, squared = misconception("three", "SCALE = 2", "SCALE = 3"), misconception("squared", "SCALE * x", "x * x")
    one_more = misconception("one-more", "SCALE * x", "SCALE * x + 1")
    project.write(CARD, project.read(CARD) + squared + three + one_more)
    return project


@pytest.fixture
def no_process(monkeypatch):
    """From now on a diagnosis that needs a process fails."""

    def refuse():
        def started(*arguments):
            raise AssertionError("a process was started for a diagnosis")

        monkeypatch.setattr(job, "Diagnosing", started)

    return refuse


def lessons_of(project):
    lessons = curriculum.load(project.root)
    return lessons, lessons.exercise("double")


def diagnosed(project, text, tree="exercises"):
    """What is said at the first law that is broken."""
    project.write(f"{tree}/chap1_numbers/double.py", text)
    lessons, double = lessons_of(project)
    verdict = judge.judge(lessons, [double], project.root / tree, tree, "reference", use_cache=False)
    law = verdict.exercises[0].broken[0]
    return law.misconception, law.diagnosis


def found_out(project, pairs=True):
    """What the misconceptions do, found out in this process and kept."""
    lessons, double = lessons_of(project)
    trials = trying.Trials(lessons, double)
    if pairs:
        trials.try_pairs(diagnosis.most_promising(double, None, trials.known), 60)
    return trials.known


def doctor(project):
    """Swaps what two misconceptions do in the file that is kept."""
    data = json.loads(project.read(KEPT))
    rows = data["misconceptions"]
    rows["squared"], rows["three"] = rows["three"], rows["squared"]
    project.write(KEPT, json.dumps(data))


def test_what_is_kept_is_used_the_next_time(probed, no_process):
    assert diagnosed(probed, SQUARED) == ("squared", "This is squared.")
    doctor(probed)
    no_process()
    assert diagnosed(probed, SQUARED) == ("three", "This is three.")


def test_pairs_are_kept_as_well(probed, no_process):
    said = ("one-more + three", "Two things at once. 1. This is one-more. 2. This is three.")
    assert diagnosed(probed, TWO_AT_ONCE) == said
    no_process()
    assert diagnosed(probed, TWO_AT_ONCE) == said
    assert diagnosed(probed, UNKNOWN) == (None, None)


def test_pairs_tried_so_far_are_not_the_last_word(probed):
    found_out(probed, pairs=False)
    assert json.loads(probed.read(KEPT))["pairs"] == []
    assert diagnosed(probed, TWO_AT_ONCE)[0] == "one-more + three"
    assert json.loads(probed.read(KEPT))["complete"] is True


def damaged(text):
    """What a file may hold that is not as it was written."""
    data = json.loads(text)
    yield from ("", "{}", "[]", "null", "[" * 100_000, text[: len(text) // 2])
    for key, value in (
        ("calls", data["calls"][:-1]),
        ("calls", 3),
        ("solution", [99] * 5),
        ("solution", [0.5] * 5),
        ("solution", [None] * 5),
        ("solution", {"0": 0}),
        ("misconceptions", data["misconceptions"] | {"squared": [0]}),
        ("misconceptions", data["misconceptions"] | {"nobody": None}),
        ("misconceptions", 7),
        ("pairs", [["squared", "nobody", None]]),
        ("pairs", [["squared", "three", "01234"]]),
        ("pairs", [[["squared"], "three", None]]),
        ("key", "0" * 64),
    ):
        yield json.dumps(data | {key: value})


def test_a_file_that_is_damaged_is_none(probed):
    found_out(probed)
    whole = probed.read(KEPT)
    for text in damaged(whole):
        probed.write(KEPT, text)
        assert behaviours.read(*lessons_of(probed)) is None, text[:200]
        assert found_out(probed).is_complete
        assert probed.read(KEPT) == whole
    os.remove(probed.root / KEPT)
    (probed.root / KEPT).mkdir()
    assert behaviours.read(*lessons_of(probed)) is None


@pytest.mark.parametrize("file", [SOLUTION, "solutions/chap1_numbers/quadruple.py", LAWS, CARD, "kata/outcomes.py"])
def test_what_is_kept_is_of_the_files_that_there_are(probed, file):
    found_out(probed)
    assert behaviours.read(*lessons_of(probed)) is not None
    probed.write(file, probed.read(file) + "\n# changed\n")
    behaviours.digests.judge_digest.cache_clear()  # a process judges with the code that it has read
    assert behaviours.read(*lessons_of(probed)) is None
    assert found_out(probed).is_complete
    assert behaviours.read(*lessons_of(probed)) is not None


def test_what_was_found_while_a_file_changed_is_not_kept(probed):
    lessons, double = lessons_of(probed)
    trials = trying.Trials(lessons, double)
    os.remove(probed.root / KEPT)
    probed.write(SOLUTION, probed.read(SOLUTION) + "\n# changed\n")
    trials.try_pairs(diagnosis.most_promising(double, None, trials.known), 60)
    assert trials.known.is_complete
    assert not (probed.root / KEPT).exists()


def test_more_is_not_replaced_by_less(probed):
    lessons, double = lessons_of(probed)
    found_out(probed)
    whole = probed.read(KEPT)
    behaviours.write(lessons, double, trying.Trials(lessons, double, keep=False).known, behaviours.key(lessons, double))
    assert probed.read(KEPT) == whole


@pytest.mark.skipif("not hasattr(__import__('signal'), 'setitimer')", reason="nothing can be stopped here")
def test_two_misconceptions_that_together_never_end_are_left_out(probed, monkeypatch):
    monkeypatch.setattr(trying, "SECONDS_A_PAIR", 0.2)
    step = misconception("no-step", "SCALE = 2", "SCALE = 4\\nSTEP = 0")
    walk = misconception("walking", "SCALE * x", "9 if globals().get('STEP', 1) else sum(0 for _ in iter(int, 1))")
    probed.write(CARD, probed.read(CARD) + step + walk)
    known = found_out(probed)
    assert known.is_complete
    assert known.pairs["no-step", "walking"] is None
    assert known.pairs["three", "one-more"] is not None


def test_it_is_prepared_in_a_process_and_two_at_once_do_no_harm(probed, no_process):
    lessons, double = lessons_of(probed)
    workers = crew.Crew()
    both = [diagnosing.prepare(workers.context, lessons, double) for _ in range(2)]
    for preparing in both:
        preparing.process.join(60)
        assert preparing.is_over
        assert preparing.process.exitcode == 0
    assert diagnosing.prepare(workers.context, lessons, double) is None
    workers.close()
    no_process()
    assert diagnosed(probed, TWO_AT_ONCE)[0] == "one-more + three"


def test_what_a_stranger_may_have_written_is_not_believed(probed, monkeypatch):
    found_out(probed)
    doctor(probed)
    monkeypatch.setattr(judge.confinement, "version", lambda: 0)
    before = probed.read(KEPT)
    assert diagnosed(probed, SQUARED, tree="alice") == ("squared", "This is squared.")
    assert probed.read(KEPT) == before


@pytest.mark.skipif("not __import__('kata.confinement').confinement.version()", reason="strangers are not shut in here")
def test_a_stranger_cannot_touch_what_is_kept(probed):
    found_out(probed)
    before = probed.read(KEPT)
    file = probed.root / KEPT
    touch = f"""
for mode in ("r", "w"):
    try:
        open({str(file)!r}, mode).close()
    except OSError:
        continue
    raise SystemExit("touched")
"""
    assert diagnosed(probed, touch + SQUARED, tree="alice")[0] == "squared"
    assert probed.read(KEPT) == before


def nonsense():
    deep = 1
    for _ in range(900):
        deep = [deep]
    tensor = {"shape": [2], "dtype": "float64", "numbers": [1.0, 2.0]}
    yield from (None, True, 0, -1, 10**4000, 1.5, float("nan"), float("inf"), "", "x" * 100_000, [], {}, deep, [deep])
    yield from ({"tensor": value} for value in (None, 3, [], {}, "x", deep, {"numbers": [1.0, 2.0]}))
    for key, value in (
        ("numbers", ["a", "b"]),
        ("numbers", [10**400, 10**400]),
        ("numbers", [deep, None]),
        ("numbers", 2),
        ("shape", None),
        ("dtype", []),
    ):
        yield {"tensor": tensor | {key: value}}
    yield from ({"unwritten": deep}, {"error": deep}, {"list": 3}, {"list": [deep]}, {"dict": [[1]]})


def test_nonsense_is_no_misconception(probed):
    _, double = lessons_of(probed)
    values = [{"tensor": {"shape": [2], "dtype": "float64", "numbers": [1.0, 2.0]}}, 2.5, {"list": [1, 2]}, "x"]
    values += [{"error": "ValueError"}, {"dict": [["a", 1]]}]
    for value in values:
        known = behaviours.Behaviours(calls=[[], []])
        known.solution = known.row([0, value])
        known.misconceptions = {"squared": known.row([1, value]), "three": known.row([value, value])}
        known.pairs = {("squared", "three"): known.row([value, 0])}
        assert diagnosis.diagnose(double, [1, value], known).slugs == ("squared",)
        for other in nonsense():
            for observed in ([other, other], [1, other], [other], [other] * 1000, []):
                if observed != [1, value]:
                    assert diagnosis.diagnose(double, observed, known) is None
                diagnosis.wants_pairs(observed, known)
                if len(observed) == 2:
                    diagnosis.most_promising(double, observed, known)


def test_where_one_of_several_would_do_no_pair_is_named(probed):
    """Of a submission that is half written, several single misconceptions may be right."""
    _, double = lessons_of(probed)
    known = behaviours.Behaviours(calls=[[], [], []])
    known.solution = known.row([0, 0, 0])
    known.misconceptions = {"squared": known.row([1, 0, 0]), "three": known.row([1, 1, 0])}
    known.misconceptions["one-more"] = known.row([0, 0, 1])
    known.pairs = {("squared", "one-more"): known.row([1, 0, 1])}
    unwritten = {"unwritten": True}
    assert diagnosis.diagnose(double, [1, 0, 1], known).slugs == ("one-more", "squared")
    assert diagnosis.diagnose(double, [1, 0, unwritten], known).slugs == ("squared",)
    assert diagnosis.diagnose(double, [1, unwritten, unwritten], known) is None


@pytest.mark.parametrize("text", [SQUARED, TWO_AT_ONCE, UNKNOWN, "def double(x):\n    return x * x\n"])
def test_the_diagnosis_is_the_same_with_and_without_what_is_kept(probed, text):
    without = diagnosed(probed, text)
    found_out(probed)
    assert diagnosed(probed, text) == without
