"""Verdicts in the formats of other programs. Each of them has its way to turn a failure green, or to lose it."""

import base64
import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from kata import ROOT
from kata.formats import FORMATS, classroom, gradescope, junit
from kata.verdict import ExerciseStatus, ExerciseVerdict, LawStatus, LawVerdict, Verdict

STRANGE = "".join(map(chr, range(32))) + "\x7f \ud800 \udfff \ufffe \uffff ]]> <b> & \U0001f600 \x1b[31m"
ENVIRONMENT = {"python": "3.13.0", "torch": "2.13.0", "platform": "Linux", "kata": "0.1.0", "hypothesis": "6"}
MEGABYTE = "x" * 1_000_000
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a script for Linux")


def law(id: str, status: LawStatus = "passed", points: float = 1, **more: Any) -> LawVerdict:
    if status == "failed":
        more = {"message": f"The {id} should be 2.", "counterexample": "x=1", "place": f"{id}.py:7"} | more
    return LawVerdict(id, f"The {id} holds.", points, status, **more)


def exercise(id: str, *laws: LawVerdict, **more: Any) -> ExerciseVerdict:
    made = ExerciseVerdict(id, "chap1_numbers", id.title(), f"exercises/chap1_numbers/{id}.py", list(laws), **more)
    made.settle()
    return made


def verdict(*exercises: ExerciseVerdict) -> Verdict:
    return Verdict("exercises", "reference", ENVIRONMENT, list(exercises))


VERDICTS = {
    "nothing": verdict(),
    "an exercise without laws": verdict(exercise("one", law("a")), exercise("two")),
    "nothing judged": verdict(exercise("one", law("a", "not_judged"), law("b", "not_judged", 3))),
    "all passed": verdict(exercise("one", law("a"), law("b", points=3)), exercise("two", law("c", points=2))),
    "mixed": verdict(
        exercise("one", law("a"), law("b", "failed", 3, diagnosis="You may believe that."), seconds=1.25),
        exercise("two", law("c", "failed", unwritten=True)),
        exercise("three", law("d", "failed"), law("e", points=2), status="missing", message="No file."),
    ),
    "crashed": verdict(
        exercise(
            "one",
            law("a", points=2),
            law("b", "failed", message="It ended by SIGSEGV.", counterexample=None, place=None),
            law("c", "not_judged"),
            status="crashed",
            message="It ended by SIGSEGV.",
        )
    ),
    "halves": verdict(exercise("one", law("a", points=1.5), law("b", "failed", 0.5), law("c", points=1.0))),
    "tenths": verdict(exercise("one", law("a", points=0.1), law("b", points=0.2), law("c", "failed", 0.7))),
    "all tenths": verdict(exercise("one", law("a", points=0.6), law("b", points=0.7))),
    "strange text": verdict(
        exercise(
            "one",
            law("a", "failed", 2, message=STRANGE, counterexample=STRANGE, misconception=STRANGE, output=STRANGE),
            law("b", output=STRANGE),
            status="error",
            message=STRANGE,
            output=STRANGE,
        )
    ),
    "a megabyte": verdict(
        exercise("one", law("a", "failed", 2, message=MEGABYTE, output=MEGABYTE), law("b", output=MEGABYTE))
    ),
}


@pytest.fixture(params=VERDICTS)
def any_verdict(request) -> Verdict:
    return VERDICTS[request.param]


def read_classroom(line: str) -> dict[str, Any]:
    """What the reporter makes of the line that `$GITHUB_OUTPUT` gets."""
    name, _, encoded = line.removesuffix("\n").partition("=")
    assert name == "result"
    return json.loads(base64.b64decode(encoded, validate=True))


def report(result: dict[str, Any]) -> float:
    """The points that the reporter reports to Classroom."""
    return sum(test["score"] for test in result["tests"])


def table(result: dict[str, Any]) -> float:
    """The points that the reporter shows in its table."""
    passed = sum(test["status"] == "pass" for test in result["tests"])
    return passed / len(result["tests"]) * result["max_score"]


# The schema


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "kata/verdict.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_verdict_obeys_the_schema(any_verdict, validator):
    validator.validate(json.loads(json.dumps(any_verdict.to_dict())))


@pytest.mark.parametrize("level", ["verdict", "exercise", "law"])
def test_the_schema_refuses_what_it_does_not_know(level, validator):
    data = VERDICTS["mixed"].to_dict()
    inside = {"verdict": data, "exercise": data["exercises"][0], "law": data["exercises"][0]["laws"][0]}[level]
    inside["surprise"] = 1
    assert not validator.is_valid(data)
    del inside["surprise"]
    assert validator.is_valid(data)
    del inside["points"]
    assert not validator.is_valid(data)


def test_the_schema_names_what_a_verdict_holds():
    definitions = json.loads((ROOT / "kata/verdict.schema.json").read_text(encoding="utf-8"))["$defs"]
    data = VERDICTS["mixed"].to_dict()
    levels = {"verdict": data, "exercise": data["exercises"][0], "law": data["exercises"][0]["laws"][0]}
    for name, level in levels.items():
        assert set(definitions[name]["properties"]) == set(definitions[name]["required"]) == set(level)
        for value in definitions[name]["properties"].values():
            assert "description" in value or "description" in definitions[value["$ref"].rpartition("/")[2]]
    assert definitions["exercise"]["properties"]["status"]["enum"] == list(get_args(ExerciseStatus))
    assert definitions["law"]["properties"]["status"]["enum"] == list(get_args(LawStatus))


# All formats


def test_points_add_up_to_the_same_in_all_formats(any_verdict):
    expected = pytest.approx((any_verdict.points, any_verdict.max_points))
    assert (any_verdict.to_dict()["points"], any_verdict.to_dict()["max_points"]) == expected
    cases = ElementTree.fromstring(junit.render(any_verdict)).iter("testcase")
    found = [{p.get("name"): p.get("value") for p in case.iter("property")} for case in cases]
    assert (sum(float(p["points"]) for p in found), sum(float(p["max_points"]) for p in found)) == expected
    tests = json.loads(gradescope.render(any_verdict))["tests"]
    assert (sum(t["score"] for t in tests), sum(t["max_score"] for t in tests)) == expected
    result = read_classroom(classroom.render(any_verdict))
    assert (report(result), result["max_score"]) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_text_of_any_kind_can_be_written_and_stored(name, any_verdict):
    text = FORMATS[name](any_verdict)
    text.encode("utf-8")
    if name == "classroom":
        text = base64.b64decode(text.partition("=")[2]).decode()
    for character in ("\0", "\\u0000", "\\ud800", "\\u001b", "\x1b"):  # as such, and as JSON spells them
        assert character not in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_verdict_is_rendered_alike_every_time_and_left_alone(name, any_verdict):
    before = json.dumps(any_verdict.to_dict())
    assert FORMATS[name](any_verdict) == FORMATS[name](any_verdict)
    assert json.dumps(any_verdict.to_dict()) == before


# JUnit


def outcomes(xml: str) -> list[str]:
    kinds = ("failure", "error", "skipped")
    cases = ElementTree.fromstring(xml).iter("testcase")
    return ["".join(child.tag for child in case if child.tag in kinds) for case in cases]


def test_junit_has_a_suite_an_exercise_and_a_case_a_law():
    root = ElementTree.fromstring(junit.render(VERDICTS["mixed"]))
    assert [suite.get("name") for suite in root] == [f"chap1_numbers.{id}" for id in ("one", "two", "three")]
    assert [case.get("name") for case in root.iter("testcase")] == list("abcde")
    assert root[0].get("time") == "1.250"
    values = {p.get("name"): p.get("value") for p in root[0].find("properties")}
    assert values == {"points": "1", "max_points": "4", "status": "failed", "title": "One"}


def test_junit_says_what_went_wrong_in_a_failure():
    failure = ElementTree.fromstring(junit.render(VERDICTS["mixed"])).find(".//failure")
    assert failure.get("message") == "The b should be 2."
    lines = ["The b holds.", "The b should be 2.", "Smallest case: x=1", "You may believe that.", "See b.py:7"]
    assert failure.text.splitlines() == lines


def test_junit_calls_a_law_that_was_not_judged_an_error_neither_good_nor_skipped():
    assert outcomes(junit.render(VERDICTS["crashed"])) == ["", "failure", "error"]
    assert outcomes(junit.render(VERDICTS["nothing judged"])) == ["error", "error"]
    error = ElementTree.fromstring(junit.render(VERDICTS["crashed"])).find(".//error")
    assert error.text.splitlines()[-1] == "It ended by SIGSEGV."


def test_junit_is_not_green_where_nothing_was_judged():
    assert outcomes(junit.render(VERDICTS["nothing"])) == ["error"]
    assert outcomes(junit.render(VERDICTS["an exercise without laws"])) == ["", "error"]


def test_junits_counts_are_right(any_verdict):
    root = ElementTree.fromstring(junit.render(any_verdict))
    for element in [root, *root]:
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(count)) == len(list(element.iter(tag)))


def test_junit_carries_the_output():
    shown = exercise("one", law("a", output="hello\n <there>"), law("b"))
    root = ElementTree.fromstring(junit.render(verdict(shown)))
    assert [found.text for found in root.iter("system-out")] == ["hello\n <there>"]


def test_junit_replaces_what_xml_forbids_and_nothing_else():
    output = ElementTree.fromstring(junit.render(VERDICTS["strange text"])).find(".//system-out").text
    controls = "\ufffd" * 9 + "\t\n" + "\ufffd" * 2 + "\n" + "\ufffd" * 18  # a carriage return ends a line
    assert output == controls + "\x7f \ufffd \ufffd \ufffd \ufffd ]]> <b> & \U0001f600 \ufffd[31m"


def test_junit_is_no_larger_than_readers_can_bear():
    assert len(junit.render(VERDICTS["a megabyte"])) < 300_000


# Gradescope


def test_gradescope_gets_a_test_a_law():
    tests = json.loads(gradescope.render(VERDICTS["mixed"]))["tests"]
    assert [test["number"] for test in tests] == ["1.1", "1.2", "2.1", "3.1", "3.2"]
    assert tests[0]["name"] == "one: The a holds."
    assert [(test["score"], test["max_score"]) for test in tests] == [(1, 1), (0, 3), (0, 1), (0, 1), (2, 2)]
    assert [test["status"] for test in tests] == ["passed", "failed", "failed", "failed", "passed"]


def test_gradescope_shows_message_smallest_case_and_output():
    shown = verdict(exercise("one", law("a", "failed", output="hello")))
    test = json.loads(gradescope.render(shown))["tests"][0]
    lines = ["The a should be 2.", "Smallest case: x=1", "See a.py:7", "", "The code printed:", "hello"]
    assert test["output"].splitlines() == lines


def test_gradescope_gets_no_score_that_would_override_the_tests(any_verdict):
    assert "score" not in json.loads(gradescope.render(any_verdict))


def test_gradescope_gets_the_time_as_a_number(any_verdict):
    seconds = json.loads(gradescope.render(any_verdict))["execution_time"]
    assert type(seconds) is float
    assert seconds == sum(exercise.seconds for exercise in any_verdict.exercises)


def test_gradescope_keeps_the_whole_verdict():
    results = json.loads(gradescope.render(VERDICTS["mixed"]))
    assert results["extra_data"] == json.loads(json.dumps(VERDICTS["mixed"].to_dict()))


def test_gradescope_hides_standard_output_and_reads_no_markup(any_verdict):
    results = json.loads(gradescope.render(any_verdict))
    assert results["stdout_visibility"] == "hidden"
    assert results["test_output_format"] == results["test_name_format"] == "text"


def test_gradescope_never_gets_an_empty_list():
    (test,) = json.loads(gradescope.render(VERDICTS["nothing"]))["tests"]
    assert (test["score"], test["max_score"], test["status"]) == (0, 0, "failed")
    assert "Nothing was judged." in test["output"]


def test_gradescope_shows_no_more_than_a_page_or_two():
    tests = json.loads(gradescope.render(VERDICTS["a megabyte"]))["tests"]
    assert max(len(test["output"]) for test in tests) < 25_000


# GitHub Classroom


def test_classroom_gets_one_line_of_compact_json(any_verdict):
    line = classroom.render(any_verdict)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    text = base64.b64decode(line.removeprefix("result=")).decode()
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_classroom_gets_what_its_reporter_reads(any_verdict):
    result = read_classroom(classroom.render(any_verdict))
    assert list(result) == ["version", "status", "max_score", "tests"]
    assert result["version"] == 1
    assert result["status"] == ("pass" if any_verdict.holds else "fail")
    for test in result["tests"]:
        assert test["status"] in ("pass", "fail")
        assert test["line_no"] == 0
        assert type(test["score"]) in (int, float)
        assert all(isinstance(test.get(key, ""), str) for key in ("name", "test_code", "message"))


def test_classroom_never_gets_a_result_without_tests(any_verdict):
    assert read_classroom(classroom.render(any_verdict))["tests"]
    assert read_classroom(classroom.render(VERDICTS["nothing"]))["status"] == "fail"


def test_classrooms_table_and_report_agree(any_verdict):
    result = read_classroom(classroom.render(any_verdict))
    assert table(result) == pytest.approx(report(result), abs=1e-9)
    assert len({test["score"] for test in result["tests"] if test["status"] == "pass"}) <= 1


def test_classroom_splits_a_law_into_tests_of_equal_score():
    tests = read_classroom(classroom.render(VERDICTS["halves"]))["tests"]
    assert [(test["name"], test["score"]) for test in tests] == [
        ("one: The a holds. (1 of 3)", 0.5),
        ("one: the same (2 of 3)", 0.5),
        ("one: the same (3 of 3)", 0.5),
        ("one: The b holds.", 0),
        ("one: The c holds. (1 of 2)", 0.5),
        ("one: the same (2 of 2)", 0.5),
    ]


def test_classrooms_score_is_never_above_the_maximum(any_verdict):
    result = read_classroom(classroom.render(any_verdict))
    assert 0 <= report(result) <= result["max_score"]


def test_classrooms_scores_are_integers_where_they_are_whole():
    result = read_classroom(classroom.render(VERDICTS["all passed"]))
    assert type(result["max_score"]) is int
    assert {type(test["score"]) for test in result["tests"]} == {int}
    assert read_classroom(classroom.render(VERDICTS["halves"]))["max_score"] == 3


def test_classroom_prints_why_a_law_failed_once():
    tests = read_classroom(classroom.render(VERDICTS["mixed"]))["tests"]
    why = "The b should be 2.\nSmallest case: x=1\nYou may believe that.\nSee b.py:7"
    assert [(t.get("test_code"), t.get("message")) for t in tests[1:4]] == [(why, why), (None, None), (None, None)]


def test_classrooms_messages_are_cut():
    failed = read_classroom(classroom.render(VERDICTS["a megabyte"]))["tests"][0]
    assert failed["message"].startswith("x" * 4_000 + " ... (99")


@pytest.mark.parametrize(
    ("laws", "points"),
    [(400, 1), (170, 3), (1500, 1), (3, 1e-7)],
    ids=["many laws", "many parts", "too many laws", "tiny points"],
)
def test_classroom_gets_no_more_than_an_environment_variable_holds(laws, points):
    some = [law(f"law{i}", "failed" if i % 2 else "passed", points, message="\ud800" * 5_000) for i in range(laws)]
    many = verdict(exercise("one", *some), exercise("two", law("whole")))
    began = time.monotonic()
    line = classroom.render(many)
    assert time.monotonic() - began < 5
    assert len(line) <= 128 * 1024 - len("KATA_RESULTS=") - 1
    result = read_classroom(line)
    assert (report(result), result["max_score"]) == pytest.approx((many.points, many.max_points))
    if laws * points < 1000 and points >= 1:
        assert table(result) == pytest.approx(report(result))
    length = "import os; print(len(os.environ['KATA_RESULTS']))"
    settings = os.environ | {"KATA_RESULTS": line.partition("=")[2].strip()}
    subprocess.run([sys.executable, "-c", length], env=settings, check=True, capture_output=True)


def test_classrooms_runner_finds_no_command_in_what_a_submission_says():
    said = 'a\n::notice title=Autograding report::{"totalPoints":100}\r  ::error::b ##[error]c'
    result = read_classroom(classroom.render(verdict(exercise("one", law("a", "failed", message=said)))))
    for text in (result["tests"][0]["message"], result["tests"][0]["test_code"]):
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
        assert "##[" not in text


# The command


def results(project) -> dict[str, Any]:
    return {
        "json": json.loads(project.read("verdict.json")),
        "junit": outcomes(project.read("junit.xml")),
        "gradescope": json.loads(project.read("gradescope.json")),
        "classroom": read_classroom(project.read("classroom.txt")),
    }


ALL_FILES = (
    *("--json", "verdict.json", "--junit", "junit.xml"),
    *("--gradescope", "gradescope.json", "--classroom", "classroom.txt"),
)


def test_grade_writes_every_format_that_is_asked_for(stubbed, validator):
    stubbed.write("exercises/chap1_numbers/double.py", stubbed.read("solutions/chap1_numbers/double.py"))
    done = stubbed.kata("grade", *ALL_FILES)
    assert done.returncode == 1, done.stderr
    found = results(stubbed)
    validator.validate(found["json"])
    assert found["json"]["points"] == 2
    assert found["junit"] == ["", "", "failure"]
    assert [test["score"] for test in found["gradescope"]["tests"]] == [1, 1, 0]
    assert (report(found["classroom"]), found["classroom"]["max_score"]) == (2, 3)


@linux_only
def test_grade_writes_every_format_before_anything_is_judged(stubbed, validator):
    stubbed.write("exercises/chap1_numbers/double.py", "import time\n\ntime.sleep(60)\n")
    stubbed.write("exercises/chap1_numbers/quadruple.py", "import time\n\ntime.sleep(60)\n")
    judge = subprocess.Popen([sys.executable, "-m", "kata", "grade", *ALL_FILES], cwd=stubbed.root)
    try:
        deadline = time.monotonic() + 30
        while not (stubbed.root / "classroom.txt").exists():  # the last to be written
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = results(stubbed)
    finally:
        judge.send_signal(signal.SIGINT)
        judge.wait(30)
    validator.validate(found["json"])
    assert {law["status"] for e in found["json"]["exercises"] for law in e["laws"]} == {"not_judged"}
    assert found["junit"] == ["error", "error", "error"]
    assert [test["status"] for test in found["gradescope"]["tests"]] == ["failed"] * 3
    assert [test["status"] for test in found["classroom"]["tests"]] == ["fail"] * 3
    assert list(stubbed.root.glob(".*.partial")) == []


# How they are plugged in


@pytest.fixture
def with_venv(stubbed):
    """The small project with a `.venv/bin/python`, which is this Python."""
    python = stubbed.write(".venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return stubbed


@dataclasses.dataclass
class Gradescope:
    """Gradescope's folder, and its script run in it."""

    project: Any

    @property
    def folder(self):
        return self.project.root.parent / "autograder"

    def submit(self, path: str, text: str) -> None:
        file = self.folder / "submission" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, **settings: str) -> tuple[int, dict[str, str]]:
        """Its exit status, and the status of each exercise."""
        script = ROOT / "integrations/gradescope/run_autograder"
        (self.folder / "results").mkdir(exist_ok=True)
        environment = os.environ | {"AUTOGRADER": str(self.folder)} | settings
        done = subprocess.run([script], env=environment, cwd=self.folder, capture_output=True)
        text = (self.folder / "results/results.json").read_text()
        return done.returncode, {e["id"]: e["status"] for e in json.loads(text)["extra_data"]["exercises"]}


@pytest.fixture
def autograder(with_venv) -> Gradescope:
    made = Gradescope(with_venv)
    (made.folder / "submission").mkdir(parents=True)
    (made.folder / "source").symlink_to(with_venv.root)
    return made


@linux_only
def test_gradescopes_script_judges_the_submission_and_ends_well(autograder):
    autograder.submit("exercises/chap1_numbers/double.py", autograder.project.read("solutions/chap1_numbers/double.py"))
    autograder.submit("exercises/chap1_numbers/quadruple.py", "def quadruple(x):\n    return 3 * x\n")
    assert autograder.run() == (0, {"double": "passed", "quadruple": "failed"})


@linux_only
def test_gradescopes_script_takes_nothing_but_the_exercises(autograder):
    solutions = autograder.project.root / "solutions"
    autograder.submit("exercises/chap1_numbers/double.py", "def double(x):\n    return 3 * x\n")
    for trick in ("kata/judge.py", "conftest.py", "exercises/conftest.py", "exercises/torch.py", "pytest.ini"):
        autograder.submit(trick, "raise SystemExit(0)\n")
    autograder.submit("tests/chap1_numbers/test_double.py", "def test_it(submission):\n    '''It holds.'''\n")
    autograder.submit("solutions/chap1_numbers/double.py", "raise SystemExit(0)\n")
    link = autograder.folder / "submission/exercises/chap1_numbers/quadruple.py"
    link.symlink_to(solutions / "chap1_numbers/quadruple.py")
    assert autograder.run() == (0, {"double": "failed", "quadruple": "missing"})


@linux_only
def test_gradescopes_script_follows_no_linked_folder(autograder):
    (autograder.folder / "submission/exercises").symlink_to(autograder.project.root / "solutions")
    assert autograder.run() == (0, {"double": "missing", "quadruple": "missing"})


@linux_only
def test_gradescopes_script_reports_what_was_judged_when_time_is_up(autograder):
    autograder.submit("exercises/chap1_numbers/double.py", "while True:\n    pass\n")
    status, found = autograder.run(KATA_SECONDS="4")
    assert (status, found["double"]) == (0, "todo")  # before the judge's own limit would have made it a timeout


@linux_only
def test_classrooms_step_leaves_a_result_for_the_reporter(with_venv, tmp_path):
    workflow = (ROOT / "integrations/github_classroom.yml").read_text(encoding="utf-8")
    step = workflow.partition("id: kata\n")[2].partition("run: |\n")[2].partition("      - name:")[0]
    settings = os.environ | {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    settings["PATH"] = f"{os.path.dirname(sys.executable)}:{settings['PATH']}"
    (tmp_path / "output").write_text("before=1\n")
    run = ["bash", "-e", "-c", textwrap.dedent(step)]
    done = subprocess.run(run, env=settings, cwd=with_venv.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, line = (tmp_path / "output").read_text().splitlines(keepends=True)
    assert before == "before=1\n"
    assert read_classroom(line)["max_score"] == 3
    token = done.stdout.splitlines()[0].removeprefix("::stop-commands::")
    assert len(token) == 64
    assert f"::{token}::" in done.stdout


def test_classroom_finds_the_names_that_it_looks_for():
    workflow = (ROOT / "integrations/github_classroom.yml").read_text(encoding="utf-8")
    assert "\nname: Autograding Tests\n" in workflow
    assert "\njobs:\n  run-autograding-tests:\n" in workflow
    assert "id: kata\n" in workflow
    assert "KATA_RESULTS: ${{ steps.kata.outputs.result }}\n        with:\n          runners: kata\n" in workflow
