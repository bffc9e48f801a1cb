"""What a person types, run as a person would: real processes, real files."""

import json


def test_untouched_stubs_earn_nothing_and_get_one_next_step(stubbed):
    done = stubbed.kata("grade")
    assert done.returncode == 1
    assert "0 of 3 points" in done.stdout
    assert "Next: double" in done.stdout
    assert "exercises/chap1_numbers/double.py:12" in done.stdout.replace("\\", "/")
    assert "TODO 1: Multiply by the scale." in done.stdout
    assert "Doubling adds a number to itself." in done.stdout
    assert "nox -s watch" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_solved_exercise_earns_its_points_and_the_next_step_moves_on(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", stubbed.read("solutions/chap1_numbers/double.py"))
    done = stubbed.kata("grade")
    assert done.returncode == 1
    assert "2 of 3 points" in done.stdout
    assert "Next: quadruple" in done.stdout
    assert "nox -s watch" not in done.stdout
    assert "exercises/chap1_numbers/quadruple.py:8" in done.stdout.replace("\\", "/")


def test_what_comes_next_is_said_when_all_that_was_asked_for_holds(stubbed):
    for name in ("double", "quadruple"):
        path = f"chap1_numbers/{name}.py"
        stubbed.write(f"exercises/{path}", stubbed.read(f"solutions/{path}"))
    assert "Every law holds. What comes next: nox -s list" in stubbed.kata("grade", "double").stdout
    for command, said in (("grade", "Every law holds."), ("list", "Everything is done.")):
        assert stubbed.kata(command).stdout.rstrip().endswith(said)
    stubbed.write("capstone/train_gpt.py", "")
    for command, said in (("grade", "Every law holds."), ("list", "Everything is done.")):
        assert stubbed.kata(command).stdout.rstrip().endswith(f"{said} Next: nox -s capstone")


def test_all_solved_is_status_0(stubbed):
    done = stubbed.kata("grade", "--tree", "solutions")
    assert done.returncode == 0
    assert "3 of 3 points" in done.stdout
    assert "Every law holds." in done.stdout
    assert "…" not in done.stdout  # nothing is cut off at 80 columns


def test_a_broken_law_says_its_sentence_the_difference_and_the_smallest_case(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return x * x\n")
    done = stubbed.kata("grade", "double")
    assert done.returncode == 1
    assert "1 of 2 points" in done.stdout
    assert "Doubling adds a number to itself." in done.stdout
    assert "The double should be 2, but you returned 1." in done.stdout
    assert "Smallest case: x=1" in done.stdout


def test_an_error_in_the_learners_code_is_said_with_its_line(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return x.twice\n")
    done = stubbed.kata("grade", "double")
    assert done.returncode == 1
    assert "The code raised AttributeError: 'int' object has no attribute 'twice'" in " ".join(done.stdout.split())
    assert "double.py:2" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_file_that_python_cannot_read_costs_only_its_own_points(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x:\n    return 2 * x\n")
    stubbed.write("exercises/chap1_numbers/quadruple.py", stubbed.read("solutions/chap1_numbers/quadruple.py"))
    done = stubbed.kata("grade", "--json", "verdict.json")
    assert done.returncode == 1
    assert "Python cannot read this file" in done.stdout
    verdict = json.loads(stubbed.read("verdict.json"))
    assert [e["status"] for e in verdict["exercises"]] == ["error", "passed"]
    assert verdict["points"] == 1


def test_a_module_that_raises_on_import_is_an_error_with_its_line(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "import math\n\nmath.nothing\n")
    done = stubbed.kata("grade", "double")
    assert done.returncode == 1
    assert "double.py:3" in done.stdout
    assert "The code raised AttributeError" in done.stdout
    assert "✗ " not in done.stdout  # no law was judged


def test_a_missing_file_is_reported_as_missing(stubbed):
    (stubbed.root / "exercises/chap1_numbers/double.py").unlink()
    done = stubbed.kata("grade", "--json", "verdict.json")
    assert done.returncode == 1
    assert "double.py does not exist" in " ".join(done.stdout.split())
    assert "nox -s reset -- double" in done.stdout
    assert json.loads(stubbed.read("verdict.json"))["exercises"][0]["status"] == "missing"


def test_a_missing_public_name_is_said_as_such(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "def twice(x):\n    return 2 * x\n")
    done = stubbed.kata("grade", "double")
    assert done.returncode == 1
    assert "defines no `double`" in " ".join(done.stdout.split())


def test_names_narrow_what_is_judged(stubbed):
    one = stubbed.kata("grade", "quadruple")
    assert "of 1 points" in one.stdout
    assert "double " not in one.stdout.replace("quadruple", "")
    assert "of 3 points" in stubbed.kata("grade", "chap1_numbers").stdout


def test_a_misspelt_name_gets_the_closest_names_and_status_2(stubbed):
    done = stubbed.kata("grade", "duoble")
    assert done.returncode == 2
    assert "'duoble'" in done.stderr
    assert "Did you mean double" in done.stderr


def test_a_tree_that_is_not_there_is_status_2(stubbed):
    done = stubbed.kata("grade", "--tree", "elsewhere")
    assert done.returncode == 2
    assert "elsewhere" in done.stderr
    assert "Allowed: exercises, solutions, or a path" in done.stderr


def test_an_unknown_option_is_status_2(stubbed):
    assert stubbed.kata("grade", "--tee", "solutions").returncode == 2


def test_prerequisites_come_from_the_reference_unless_own_are_asked_for(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return 3 * x\n")
    stubbed.write("exercises/chap1_numbers/quadruple.py", stubbed.read("solutions/chap1_numbers/quadruple.py"))
    assert stubbed.kata("grade", "quadruple").returncode == 0
    own = stubbed.kata("grade", "quadruple", "--prerequisites", "own")
    assert own.returncode == 1
    assert "should be 12, but you returned 27" in own.stdout


def test_the_solutions_command_prints_pytests_closing_lines(stubbed):
    done = stubbed.kata("solutions")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("2 passed in") == 2  # two laws; a third, and a worked example
    assert "3 of 3 laws are broken by the stubs, as they should be." in done.stdout


def test_a_law_that_a_stub_obeys_fails_the_solutions_command(stubbed):
    laws = stubbed.read("tests/chap1_numbers/test_double.py")
    lazy = '\n\ndef test_nothing(submission):\n    """Nothing is asked."""\n'
    stubbed.write("tests/chap1_numbers/test_double.py", laws + lazy)
    done = stubbed.kata("solutions", "double")
    assert done.returncode == 1
    assert "The stub of double does not break test_nothing as a stub should: passed." in done.stdout
    assert "2 of 3 laws are broken" in done.stdout


def test_a_wrong_solution_fails_the_solutions_command(stubbed):
    solution = stubbed.read("solutions/chap1_numbers/double.py")
    stubbed.write("solutions/chap1_numbers/double.py", solution.replace("SCALE = 2", "SCALE = 3"))
    done = stubbed.kata("solutions", "double")
    assert done.returncode == 1
    assert done.stdout.count("1 failed") == 2  # the law, and the worked example


def test_plain_pytest_takes_a_tree(stubbed):
    laws = "tests/chap1_numbers"
    assert "3 passed" in stubbed.python("-m", "pytest", laws, "--tree", "solutions", "-q").stdout
    assert "3 failed" in stubbed.python("-m", "pytest", laws, "-q").stdout
    assert "3 errors" in stubbed.python("-m", "pytest", laws, "--tree", "tests", "-q").stdout
    wrong = stubbed.python("-m", "pytest", laws, "--tree", "nowhere")
    assert wrong.returncode == 4
    assert "--tree nowhere: there is no such folder" in wrong.stderr


def test_a_malformed_card_is_status_2_and_names_file_and_key(stubbed):
    card = stubbed.read("tests/chap1_numbers/double.toml")
    stubbed.write("tests/chap1_numbers/double.toml", card.replace("minutes = 5", 'minutes = "five"'))
    done = stubbed.kata("grade")
    assert done.returncode == 2
    assert "double.toml: minutes must be" in done.stderr
