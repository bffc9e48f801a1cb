"""Hints: read from the cards, chosen by what the code does, shown one at a time, and remembered."""

import json

import pytest

from kata import curriculum, hints, state
from kata.cards import Hint
from kata.curriculum import CurriculumError
from kata.verdict import ExerciseVerdict, LawVerdict

CARD = "tests/chap1_numbers/double.toml"
EXERCISE = "exercises/chap1_numbers/double.py"
SQUARE = """
[[misconception]]
slug = "square"
believes = "Twice is squared."
why = "You multiply x by itself."
find = "SCALE * x"
replace = "x * x"
"""
HINTS = """
[[hint]]
question = "Where do I begin?"
answer = "With x[:0] of paper :smile:."
laws = ["test_doubling_adds_a_number_to_itself"]

[[hint]]
question = "What is left?"
answer = "Not much."

[[hint]]
question = "What about nothing?"
answer = "It stays nothing."
laws = ["test_nothing_doubled_is_nothing"]
misconceptions = ["square"]
"""
ALL = (
    Hint("a?", "1"),
    Hint("b?", "2", laws=("test_2",)),
    Hint("c?", "3", misconceptions=("wrong",)),
    Hint("d?", "4", laws=("test_1", "test_2")),
)


def verdict(*laws):
    """The verdict of an exercise whose laws ended thus: pairs of a status and a misconception."""
    judged = [
        LawVerdict(f"test_{number}", "It holds.", 1, status, misconception=misconception)
        for number, (status, misconception) in enumerate(laws, 1)
    ]
    return ExerciseVerdict("double", "chap1_numbers", "Twice", "double.py", judged)


def offered(judged):
    """The questions in the order in which they come, one call after another."""
    seen = []
    while (offer := hints.choose(ALL, judged, seen)).hint:
        seen.append(offer.hint.question)
        assert (offer.number, offer.total) == (len(seen), len(ALL))
    assert (offer.hint, offer.number, offer.total) == (None, len(ALL), len(ALL))
    return "".join(seen)


@pytest.fixture
def hinted(stubbed):
    """The small project with a misconception and three hints on one card."""
    stubbed.write(CARD, stubbed.read(CARD) + SQUARE + HINTS)
    return stubbed


def test_hints_come_in_the_cards_order_where_nothing_is_known():
    assert offered(verdict(("passed", None))) == "a?b?c?d?"


def test_hints_for_the_first_failing_law_come_first():
    assert offered(verdict(("passed", None), ("failed", None), ("failed", None))) == "b?d?a?c?"
    assert offered(verdict(("failed", None), ("failed", None))) == "d?a?b?c?"
    assert offered(verdict(("not_judged", None), ("failed", None))) == "d?a?b?c?"


def test_hints_for_the_misconception_come_before_those_for_the_law():
    assert offered(verdict(("failed", "wrong"))) == "c?d?a?b?"
    assert offered(verdict(("failed", None), ("failed", "other + wrong"))) == "c?d?a?b?"
    assert offered(verdict(("failed", "wronger"))) == "d?a?b?c?"


def test_who_has_written_nothing_begins_with_the_first_hint():
    bare = verdict(("failed", None), ("failed", None))
    for law in bare.laws:
        law.unwritten = True
    assert offered(bare) == "a?b?c?d?"
    bare.laws[0].status = "passed"
    assert offered(bare) == "b?d?a?c?"


def test_when_all_were_seen_the_one_that_fits_now_is_offered_again():
    seen = [hint.question for hint in ALL]
    assert hints.choose(ALL, verdict(("failed", None)), seen).fitting == ALL[3]
    assert hints.choose(ALL, verdict(("failed", "wrong")), seen).fitting == ALL[2]
    assert hints.choose(ALL, verdict(("passed", None)), seen).fitting is None


def test_what_was_seen_but_is_on_no_card_any_more_does_not_count():
    offer = hints.choose(ALL, verdict(("passed", None)), ["gone?", "a?"])
    assert (offer.hint.question, offer.number, offer.total) == ("b?", 2, 4)


def test_hints_are_read_with_what_they_are_tied_to(hinted):
    first, _, last = curriculum.load(hinted.root).exercise("double").hints
    assert first == Hint(
        "Where do I begin?", "With x[:0] of paper :smile:.", ("test_doubling_adds_a_number_to_itself",)
    )
    assert last.misconceptions == ("square",)


def test_a_hint_for_a_twin_is_tied_to_the_name_that_a_diagnosis_gives_it(project):
    twin = SQUARE.replace('"square"', '"power"') + 'twin = "square"\n'
    project.write(CARD, project.read(CARD) + SQUARE + twin + HINTS.replace('["square"]', '["power"]'))
    assert curriculum.load(project.root).exercise("double").hints[2].misconceptions == ("square",)


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        ('question = "What is left?"', "", "double.toml: hint[1].question is missing."),
        ('answer = "Not much."', 'answer = ""', "double.toml: hint[1].answer must be a non-empty str"),
        ('answer = "Not much."', 'anwser = "No."\nanswer = "Not much."', "double.toml: unknown key hint[1].anwser"),
        ('["test_nothing_doubled_is_nothing"]', '"test"', "double.toml: hint[2].laws must be"),
        (
            "test_nothing_doubled_is_nothing",
            "test_nothing_is_doubled",
            "double.toml: hint[2].laws: no law is called 'test_nothing_is_doubled' "
            "(did you mean 'test_nothing_doubled_is_nothing'?).",
        ),
        ('["square"]', '["sqare"]', "double.toml: hint[2].misconceptions: no misconception is called 'sqare' (did"),
        ("What is left?", "Where do I begin?", "double.toml: hint[1].question 'Where do I begin?' is asked twice."),
    ],
)
def test_a_malformed_hint_is_named_with_its_key(project, old, new, fragment):
    assert old in HINTS
    project.write(CARD, project.read(CARD) + SQUARE + HINTS.replace(old, new))
    with pytest.raises(CurriculumError) as error:
        curriculum.load(project.root)
    assert fragment in str(error.value)


def test_nothing_is_remembered_at_first_and_then_what_was_written(tmp_path):
    assert state.read(tmp_path) == state.State()
    written = state.State().with_seen("double", ("a?", "é?")).with_seen("triple", ())
    state.change(tmp_path, lambda before: written)
    assert state.read(tmp_path) == written
    assert json.loads((tmp_path / ".kata-state.json").read_text(encoding="utf-8")) == {
        "version": 1,
        "hints": {"double": ["a?", "é?"], "triple": []},
    }


def test_keys_that_others_wrote_are_kept(tmp_path):
    (tmp_path / state.FILE).write_text('{"version": 1, "stars": {"double": 3}, "hints": {"triple": ["b?"]}}')
    state.change(tmp_path, lambda before: before.with_seen("double", ("a?",)))
    assert json.loads((tmp_path / state.FILE).read_text(encoding="utf-8")) == {
        "version": 1,
        "hints": {"triple": ["b?"], "double": ["a?"]},
        "stars": {"double": 3},
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"version": 2}',
        b'{"version": true}',
        b'{"version": 1.0}',
        b'{"version": 1, "hints": []}',
        b'{"version": 1, "hints": {"double": "a?"}}',
        b'{"version": 1, "hints": {"double": [1]}}',
        b"[" * 200_000,
    ],
)
def test_a_file_that_is_not_ours_is_moved_aside_and_never_lost(tmp_path, content):
    (tmp_path / f"{state.FILE}.broken-1").write_bytes(b"an older one")
    (tmp_path / state.FILE).write_bytes(content)
    assert state.read(tmp_path) == state.State(broken=tmp_path / f"{state.FILE}.broken-2")
    assert (tmp_path / f"{state.FILE}.broken-2").read_bytes() == content
    assert (tmp_path / f"{state.FILE}.broken-1").read_bytes() == b"an older one"
    assert not (tmp_path / state.FILE).exists()


def test_a_folder_in_the_place_of_the_file_is_moved_aside_too(tmp_path):
    (tmp_path / state.FILE).mkdir()
    assert state.read(tmp_path).broken == tmp_path / f"{state.FILE}.broken-1"


def test_a_file_that_cannot_be_read_stays_where_it_is(tmp_path):
    (tmp_path / state.FILE).symlink_to(state.FILE)  # the system follows it no further than it must
    for attempt in (state.read, lambda root: state.change(root, lambda now: now.with_seen("double", ("Why?",)))):
        with pytest.raises(OSError, match="symbolic links"):
            attempt(tmp_path)
        assert [file.name for file in tmp_path.iterdir() if file.name.startswith(state.FILE)] == [state.FILE]


def test_each_call_shows_the_next_hint_until_all_are_seen(hinted):
    first = hinted.kata("hint", "double")
    assert first.returncode == 0, first.stderr
    assert "hint 1 of 3 for double" in first.stdout
    assert "Where do I begin?\n" in first.stdout
    assert "With x[:0] of paper :smile:." in first.stdout  # neither markup nor a picture
    assert "For the next: nox -s hint -- double" in first.stdout
    assert "What is left?" not in first.stdout
    second, third, after = (hinted.kata("hint", EXERCISE).stdout for _ in range(3))
    assert "hint 2 of 3" in second
    assert "What is left?" in second
    assert "hint 3 of 3" in third
    assert "That was the last one. To start over: nox -s hint -- double --again" in third
    assert "You have seen all 3 hints for double:" in after
    questions = ["Where do I begin?", "What is left?", "What about nothing?"]
    assert [line.strip() for line in after.splitlines() if "?" in line][:3] == questions
    assert "nox -s hint -- double --again" in after
    assert "It stays nothing." not in after
    again = hinted.kata("hint", "double", "--again").stdout
    assert "hint 1 of 3" in again
    assert json.loads(hinted.read(state.FILE))["hints"] == {"double": questions[:1]}


def test_the_hint_follows_the_law_that_fails(hinted):
    hinted.write(EXERCISE, "def double(x):\n    return 2 * x or 1\n")
    laws = hinted.read("tests/chap1_numbers/test_double.py")
    hinted.write("tests/chap1_numbers/test_double.py", laws.replace("st.integers(0, 100)", "st.integers(1, 100)"))
    assert "What about nothing?" in hinted.kata("hint", "double").stdout


def test_when_all_were_seen_what_fits_is_said_once_more(hinted):
    hinted.write(EXERCISE, "def double(x):\n    return x * x\n")
    for _ in range(3):
        hinted.kata("hint", "double")
    said = hinted.kata("hint", "double").stdout
    assert "Of these, this one fits what your code does now:\nWhere do I begin?\n  With x[:0] of paper" in said


def test_a_done_exercise_is_said_to_be_done_and_gives_hints_all_the_same(hinted):
    hinted.write(EXERCISE, hinted.read("solutions/chap1_numbers/double.py"))
    done = hinted.kata("hint", "double")
    assert done.returncode == 0
    assert "double is done: every law holds. A hint all the same:" in done.stdout
    assert "hint 1 of 3" in done.stdout


def test_what_cannot_be_judged_is_said_before_the_hint(hinted):
    hinted.write(EXERCISE, "def double(x:\n")
    said = " ".join(hinted.kata("hint", "double").stdout.split())
    assert "double could not be judged to its end; nox -s exercises -- double says why. hint 1 of 3" in said
    (hinted.root / EXERCISE).unlink()
    said = " ".join(hinted.kata("hint", "double").stdout.split())
    assert f"{EXERCISE} does not exist; nox -s reset -- double puts its stub there." in said


def test_an_exercise_without_hints_says_so_and_remembers_nothing(hinted):
    done = hinted.kata("hint", "quadruple")
    assert done.returncode == 0
    assert "There are no hints for quadruple." in done.stdout
    assert not (hinted.root / state.FILE).exists()


def test_a_broken_memory_is_said_and_hints_begin_anew(hinted):
    hinted.write(state.FILE, "what is this?")
    done = hinted.kata("hint", "double")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert ".kata-state.json could not be understood and was moved to .kata-state.json.broken-1" in said
    assert "hint 1 of 3" in said
    assert hinted.read(f"{state.FILE}.broken-1") == "what is this?"
    assert json.loads(hinted.read(state.FILE)) == {"version": 1, "hints": {"double": ["Where do I begin?"]}}


def test_a_chapter_or_nothing_is_no_exercise(hinted):
    chapter = hinted.kata("hint", "chap1_numbers")
    assert chapter.returncode == 2
    assert "chap1_numbers is a chapter. One exercise at a time: double, quadruple." in chapter.stderr
    assert hinted.kata("hint").returncode == 2
    assert "Did you mean double" in hinted.kata("hint", "dobule").stderr
