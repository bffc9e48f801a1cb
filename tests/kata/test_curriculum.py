"""Cards, order and law files: whatever is malformed, missing or unlisted is named, with its file and key."""

import re

import pytest

from kata import curriculum
from kata.curriculum import CurriculumError

CARD = "tests/chap1_numbers/double.toml"
LAWS = "tests/chap1_numbers/test_double.py"


def refused(project, *fragments):
    """The curriculum is refused, with a message that holds all fragments."""
    with pytest.raises(CurriculumError) as error:
        curriculum.load(project.root)
    for fragment in fragments:
        assert fragment in str(error.value).replace("\\", "/")


def change(project, path, old, new):
    text = project.read(path)
    assert old in text
    project.write(path, text.replace(old, new))


def test_a_good_curriculum_is_read(project):
    lessons = curriculum.load(project.root)
    assert [exercise.id for exercise in lessons.exercises] == ["double", "quadruple"]
    double = lessons.exercise("double")
    assert [law.says for law in double.laws] == ["Doubling adds a number to itself.", "Nothing doubled is nothing."]
    assert double.points == 2


def test_points_of_single_laws_replace_the_default(project):
    change(project, CARD, "default = 1", "default = 1\ntest_nothing_doubled_is_nothing = 2.5")
    assert curriculum.load(project.root).exercise("double").points == 3.5


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        ("minutes = 5", "", "double.toml: minutes is missing."),
        ("minutes = 5", "minutes = true", "double.toml: minutes must be a non-empty int, not True."),
        ('title = "Twice double"', 'title = ""', "double.toml: title must be a non-empty str"),
        ("minutes = 5", "minuets = 5\nminutes = 5", "double.toml: unknown key minuets (did you mean 'minutes'?)"),
        ("default = 1", "default = 0", "double.toml: points.default must be a number above 0"),
        ("default = 1", "default = 1\ntest_no = 1", "double.toml: unknown key points.test_no"),
        ("prerequisites = []", 'prerequisites = ["quadruple"]', "double.toml: prerequisites names 'quadruple'"),
        ("read = [", "read = [3, ", "double.toml: read must be a list of strings"),
        ("minutes = 5", "minutes = = 5", "double.toml: "),
        ("default = 1", "default = nan", "double.toml: points.default must be a number above 0, not nan."),
        ("minutes = 5", "minutes = 5\nseconds = 0", "double.toml: seconds must be a number above 0, not 0."),
        (
            "[points]",
            '[[forbidden]]\noperators = ["a"]\nlaws = ["test_never*"]\ninstead = "b"\n[points]',
            "double.toml: forbidden[0].laws: no law is called 'test_never*'.",
        ),
        ("[points]", '[[misconception]]\nslug = "a"\n[points]', "double.toml: misconception[0].believes is missing."),
    ],
)
def test_a_malformed_card_is_named_with_its_key(project, old, new, fragment):
    change(project, CARD, old, new)
    refused(project, fragment)


def test_a_law_without_a_sentence_is_refused(project):
    change(project, LAWS, '    """Nothing doubled is nothing."""\n', "")
    refused(project, "test_double.py:15: test_nothing_doubled_is_nothing has no docstring")


def test_a_law_defined_twice_is_refused(project):
    project.write(LAWS, project.read(LAWS) + '\n\ndef test_nothing_doubled_is_nothing():\n    """Again."""\n')
    refused(project, "test_double.py: test_nothing_doubled_is_nothing is defined twice")


def test_a_law_file_that_python_cannot_read_is_named(project):
    project.write(LAWS, "def test_(:\n")
    refused(project, "test_double.py:1: ")


@pytest.mark.parametrize("path", [CARD, LAWS, "solutions/chap1_numbers/double.py"])
def test_a_missing_file_is_named(project, path):
    (project.root / path).unlink()
    refused(project, f"{path} does not exist")


@pytest.mark.parametrize(
    "path",
    ["tests/chap1_numbers/triple.toml", "tests/chap1_numbers/test_triple.py", "solutions/chap1_numbers/triple.py"],
)
def test_an_unlisted_file_is_named(project, path):
    project.write(path, "")
    refused(project, f"{path} is listed nowhere")


def test_an_exercise_listed_twice_is_refused(project):
    change(project, "tests/curriculum.toml", '["double", ', '["double", "double", ')
    refused(project, "curriculum.toml: double is listed twice")


def test_selection_takes_exercises_chapters_and_paths_and_keeps_the_order(project):
    lessons = curriculum.load(project.root)
    select = lambda *names: [exercise.id for exercise in lessons.select(names)]  # noqa: E731
    assert select() == select("chap1_numbers") == select("quadruple", "double") == ["double", "quadruple"]
    assert select("exercises/chap1_numbers/quadruple.py") == ["quadruple"]
    with pytest.raises(curriculum.UnknownName, match=re.escape("Did you mean quadruple?")):
        lessons.select(["quadrupel"])
    with pytest.raises(curriculum.UnknownName, match="There are: chap1_numbers, double, quadruple"):
        lessons.select(["xyz"])
