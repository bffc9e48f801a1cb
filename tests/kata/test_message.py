"""A learner's message is never taller than it may be, and what matters most stays."""

import io

import pytest
from rich.console import Console

from kata import message
from kata.verdict import ExerciseVerdict, LawVerdict

SENTENCE = "No position sees the future."
CASE = "\n".join(["import torch", *(f"x{number} = torch.zeros({number})" for number in range(6)), "f(x0)"])
PICTURE = "\n".join(["     key  0     1", *(f" query {row}  0.50 [0.{row}0]" for row in range(6))])


def law(**changes):
    """A broken law about which all is known."""
    known = {
        "status": "failed",
        "message": "Position 0 moved by 2.24 when only token 1 changed.",
        "picture": PICTURE,
        "diagnosis": "Your mask starts one diagonal too high.",
        "counterexample": CASE,
        "place": "/somewhere/attention.py:36",
        "details": "Traceback (most recent call last):\n  all of it",
        "output": "hello\n",
    }
    return LawVerdict("test_future", SENTENCE, 1, **known | changes)


def exercise(*laws, **changes):
    """An exercise with these laws."""
    made = ExerciseVerdict("attention", "chap3", "No looking ahead", "/somewhere/attention.py", list(laws), "failed")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def text(renderable, width=80, color_system=None):
    """What a terminal of this width shows."""
    console = Console(file=io.StringIO(), width=width, color_system=color_system, force_terminal=bool(color_system))
    console.print(renderable, crop=False)
    return console.file.getvalue()


def block(law, width=80, **limits):
    return text(message.block(law, exercise(law), width, **limits), width)


def test_a_block_says_what_is_known_in_its_order():
    shown = block(law())
    order = [
        "attention.py:36",
        SENTENCE,
        "moved by 2.24",
        "query 5",
        "It looks as if",
        "Smallest case",
        "f(x0)",
        "hello",
    ]
    assert [shown.index(word) for word in order] == sorted(shown.index(word) for word in order)
    assert "all of it" not in shown
    assert "--verbose" not in shown


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("lines", [5, 9, 25])
def test_a_block_is_never_taller_or_wider_than_it_may_be(width, lines):
    long = law(
        message="A sentence that goes on. " * 60,
        diagnosis="Another that goes on. " * 60,
        counterexample=f"f({'1, ' * 40}1)\n" * 20,
        picture="\n".join([" 0.5" * 18] * 12),
        output="printed\n" * 500,
    )
    shown = block(long, width, lines=lines).splitlines()
    assert len(shown) <= lines
    assert max(map(len, shown)) <= width
    assert "--verbose" in " ".join(shown)


def test_what_matters_least_is_left_out_first():
    kept = {lines: block(law(), lines=lines) for lines in range(25, 5, -1)}

    def smallest(word):
        return min(lines for lines, shown in kept.items() if word in shown)

    words = ["f(x0)", "query 5", "It looks as if"]
    assert [smallest(word) for word in words] == sorted((smallest(word) for word in words), reverse=True)
    whole = len(block(law()).splitlines())
    assert "hello" not in kept[whole - 1]
    assert all(word in kept[whole - 1] for word in words)
    assert all(SENTENCE in shown and "attention.py:36" in shown for shown in kept.values())


def test_a_case_is_shown_whole_or_not_at_all():
    for lines in range(6, 26):
        shown = block(law(), lines=lines)
        assert ("import torch" in shown) == ("f(x0)" in shown), lines


def test_the_next_step_says_where_everything_is():
    long = exercise(law(message="It goes on. " * 200), status="failed")
    assert (
        "  (Shortened: nox -s exercises -- attention --verbose shows everything.)"
        in text(message.next_step(long, 80)).splitlines()
    )
    above = text(message.next_step(long, 80, whole="the list above"))
    assert "  (Shortened: the list above shows everything.)" in above.splitlines()


def test_verbose_shows_everything():
    shown = block(law(output="printed\n" * 50, message="It goes on. " * 200), lines=10, verbose=True)
    assert " ".join(shown.split()).count("It goes on.") == 200
    assert "f(x0)" in shown
    assert "all of it" in shown


def test_a_line_of_the_case_is_left_for_the_terminal_to_wrap():
    case = f"f({'1' * 100})"
    assert f"    {case}\n" in block(law(counterexample=f"x = 1\n{case}"))


def test_the_next_step_counts_its_own_lines():
    shown = text(message.next_step(exercise(law(message="It goes on. " * 200)), 80)).splitlines()
    assert len(shown) == message.LINES
    assert shown[0] == "Next: attention, No looking ahead"
    assert shown[-1] == "  Edit it, save it, and run nox -s exercises -- attention"


def test_what_a_submission_says_cannot_steer_the_terminal():
    shown = block(law(message="a\x1b[31mb", counterexample="f('\x07')\ng()", output="\x1b]0;x"))
    assert not {character for character in shown if not character.isprintable()} - {"\n"}


def test_what_is_not_written_yet_shows_the_law_only():
    shown = block(law(unwritten=True, message="This is not written yet."))
    assert SENTENCE in shown
    assert "This is not written yet." not in shown
    assert "Line 36 is not written yet: it raises NotImplementedError." in shown
    assert f"The law to obey: {SENTENCE}" in shown
    assert "✗" not in shown


def test_a_missing_file_and_one_that_cannot_be_imported_have_a_next_step_too():
    missing = text(message.next_step(exercise(law(), status="missing", message="x.py does not exist."), 80))
    assert "x.py does not exist." in missing
    assert "nox -s reset -- attention" in missing
    error = text(message.next_step(exercise(law(), status="error", message="The code raised X."), 80))
    assert "The code raised X." in error


def test_marks_are_red_and_the_place_is_a_link_where_there_is_colour():
    shown = text(message.block(law(), exercise(law()), 80), color_system="truecolor")
    assert "\x1b[1;31m[0.50]" in shown
    assert "file:///somewhere/attention.py#36" in shown
