"""The watch screen as lines of text, at every size, and what keys make of a session; no terminal, no process."""

from dataclasses import replace

import pytest
from rich.text import Text

from kata import ROOT, curriculum
from kata.state import State
from kata.verdict import not_judged
from kata.watch import keys, screen
from kata.watch import session as sessions
from kata.watch.session import Listing, Session

LESSONS = curriculum.load(ROOT)
EXERCISE = LESSONS.exercise("causal_attention")
SIZES = ((40, 12), (80, 24), (100, 50))


def verdict(broken: int | None = None, **changes):
    """A verdict by which all laws hold, or all but one, which says a good deal."""
    found = not_judged(EXERCISE, ROOT / "exercises")
    for number, law in enumerate(found.laws):
        law.status = "failed" if number == broken else "passed"
        if number == broken:
            law.message = "Position 0 moved by 2.24 when only token 1 changed: it sees the future. " * 3
            law.picture = "\n".join("0.25 [0.75]" for _ in range(6))
            law.counterexample = "import torch\n" * 8
            law.diagnosis = "Your mask starts one place too late. " * 3
            law.output = "hello\n" * 20
    found.settle()
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def session(found=None, phase="settled", **changes) -> Session:
    made = Session(LESSONS, EXERCISE, State(), verdict=found, phase=phase)
    made = replace(made, verdicts={EXERCISE.id: found} if found else {})
    return replace(made, **changes)


def pressed(now: Session, *names: str) -> tuple[Session, list[keys.Effect]]:
    effects: list[keys.Effect] = []
    for name in names:
        now, more = keys.press(now, name)
        effects += more
    return now, effects


SESSIONS = {
    "judging": session(phase="judging"),
    "done": session(verdict()),
    "broken": session(verdict(3)),
    "broken at once": session(verdict(0)),
    "glanced": session(verdict(), phase="glanced"),
    "a remark": session(verdict(3), remark="Judged on your own earlier exercises. " * 4),
    "an error": session(verdict(0, status="error", message="Python cannot read this file: " + "invalid " * 30)),
    "missing": session(verdict(0, status="missing", message="There is no such file.")),
    "a hint": sessions.with_hint(session(verdict(3))),
    "own": session(verdict(3), own=True),
    "output": session(verdict(3), view="output"),
    "solution": session(verdict(), view="solution"),
    "difference": session(verdict(), view="difference"),
    "list": session(verdict(), view="list", listing=Listing(LESSONS.exercises[-1].id)),
    "search": session(verdict(), view="list", listing=Listing(EXERCISE.id, search="atten", typing=True)),
    "nothing found": session(verdict(), view="list", listing=Listing(EXERCISE.id, search="zebra")),
    "grid": session(verdict(3), view="grid", under_way=frozenset({EXERCISE.id})),
    "reset": session(verdict(3), view="reset", reset=EXERCISE),
    "end, not yet": session(verdict(), view="summary", finale={}),
    "end": session(verdict(), view="summary", finale={e.id: replace(verdict(), id=e.id) for e in LESSONS.exercises}),
}
AS_IT_IS = ("solution", "output", "difference")
"""Views of code, whose lines may be wider than the screen."""


@pytest.mark.parametrize("name", SESSIONS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_line_is_wider_than_the_screen(name, width, height):
    now = SESSIONS[name]
    lines = screen.footer(now, width)
    lines += [] if now.view in AS_IT_IS else screen.body(now, width, height - len(lines))
    code = {line.strip() for law in verdict(3).laws for line in (law.counterexample or "").splitlines()}
    assert [line.plain for line in lines if line.cell_len > width and line.plain.strip() not in code] == []


@pytest.mark.parametrize("name", SESSIONS)
def test_the_lower_part_leaves_room_on_a_small_terminal_and_shows_every_key(name):
    now = SESSIONS[name]
    footer = screen.footer(now, 80)
    assert len(footer) <= screen.FOOTER_LINES
    asks_for_something = now.view == "reset" or (now.listing is not None and now.listing.typing)
    for key in () if asks_for_something else keys.offered(now):
        assert f" {key.says}" in text(footer)


def test_everything_is_judged_when_it_is_asked_for():
    for own in (False, True):
        assert pressed(session(own=own), "c")[1] == [keys.JudgeAll(own=own)]


@pytest.mark.parametrize("name", ["broken", "broken at once", "done", "list", "an error"])
def test_what_matters_is_read_without_scrolling_at_80_by_24(name):
    footer = screen.footer(SESSIONS[name], 80)
    assert len(screen.body(SESSIONS[name], 79, 24 - len(footer))) <= 24 - len(footer)


def text(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def test_laws_are_counted_where_there_is_no_room_for_all():
    shown = text(screen.body(session(verdict(3)), 79, 20))
    assert f"✓ 3 laws hold\n  exercises/{EXERCISE.path}:" in shown
    assert f"✓ {len(EXERCISE.laws) - 4} further laws hold" in shown
    assert "It looks as if: Your mask starts one place too late." in shown
    assert f"✓ {EXERCISE.laws[0].says}" in text(screen.body(session(verdict(3)), 119, 60))


def test_the_chosen_exercise_is_in_sight_in_a_list_that_is_too_long():
    shown = screen.body(SESSIONS["list"], 79, 8)
    assert len(shown) == 8
    assert any(line.plain.startswith("> ") and LESSONS.exercises[-1].id in line.plain for line in shown)


def test_what_is_shown_as_output_is_limited():
    shown = text(screen.body(session(verdict(3)), 79, 60))
    assert shown.count("  hello\n") == screen.OUTPUT_LINES
    assert "... and 15 more lines: v shows them" in shown


def test_keys_are_offered_only_when_they_do_something():
    names = {name: [key.name for key in keys.offered(now)] for name, now in SESSIONS.items()}
    assert names["broken"] == ["p", "h", "l", "c", "v", "o", "x", "q"]
    assert names["glanced"] == ["p", "h", "l", "c", "v", "o", "x", "q"]  # not done before all cases are tried
    assert names["done"] == ["n", "p", "l", "c", "v", "o", "s", "d", "x", "q"]
    assert "p" not in [key.name for key in keys.offered(replace(session(), current=LESSONS.exercises[0]))]
    assert pressed(session(verdict(3)), "n", "s", "d", "enter", "y") == (session(verdict(3)), [])


def test_next_is_what_is_not_done_yet():
    after = LESSONS.exercises[LESSONS.exercises.index(EXERCISE) + 1 :]
    now = session(verdict())
    assert now.following == after[0]
    done = {exercise.id: replace(verdict(), id=exercise.id) for exercise in after}
    now = replace(now, verdicts={**now.verdicts, **done})
    assert now.following == LESSONS.exercises[0]
    everything = {exercise.id: replace(verdict(), id=exercise.id) for exercise in LESSONS.exercises}
    last, effects = pressed(replace(now, verdicts=everything), "n")
    assert (last.view, last.finale, effects) == ("summary", {}, [keys.JudgeAll(own=True)])


def test_a_verdict_on_other_prerequisites_than_now_is_not_shown():
    now = sessions.heard(session(phase="judging"), verdict(), settled=True, own=True)
    assert (now.verdict, now.phase) == (None, "judging")
    assert sessions.heard(session(phase="judging"), verdict(), settled=True, own=False).is_done


def test_a_glance_is_not_the_last_word():
    now = sessions.heard(session(phase="judging"), verdict(), settled=False, own=False)
    assert (now.phase, now.is_done) == ("glanced", False)
    waiting = verdict()
    waiting.laws[-1].status = "not_judged"
    assert sessions.heard(session(), waiting, settled=False, own=False).phase == "judging"


def test_searching_and_filtering_keep_something_chosen():
    now, _ = pressed(session(verdict(3)), "l", "slash", *"gpt2", "enter")
    assert [exercise.id for exercise in now.listed] == ["gpt2_tokenizer"]
    assert now.listing is not None
    assert now.listing.chosen == "gpt2_tokenizer"
    there, effects = pressed(now, "enter")
    assert (there.current.id, effects) == ("gpt2_tokenizer", [keys.Judge()])
    cleared, _ = pressed(now, "slash", "backspace", "escape")
    assert len(cleared.listed) == len(LESSONS.exercises)
    done, _ = pressed(session(verdict()), "l", "f")
    assert [exercise.id for exercise in done.listed] == [EXERCISE.id]


def test_reset_wants_a_yes():
    asked, effects = pressed(session(verdict(3)), "x")
    assert effects == []
    assert pressed(asked, "y")[1] == [keys.PutBack(EXERCISE)]
    assert pressed(asked, "n")[1] == []
    from_list, _ = pressed(session(verdict(3)), "l", "up", "r")
    assert pressed(from_list, "y")[1] == [keys.PutBack(LESSONS.exercises[LESSONS.exercises.index(EXERCISE) - 1])]


def test_the_summary_shows_time_where_it_is_known_and_what_comes_next():
    chapters = LESSONS.chapters
    spent = {chapters[0].exercises[0].id: 7300.0, chapters[1].exercises[0].id: 90.0}
    done = {exercise.id: replace(verdict(), id=exercise.id) for exercise in LESSONS.exercises}
    now = session(verdict(), view="summary", finale=done, remembered=State(spent=spent))
    shown = text(screen.body(now, 79, 20))
    for chapter, ends in zip(chapters[:3], ("2 h 02 min", "2 min", "points"), strict=True):
        line = next(line for line in shown.splitlines() if line.startswith(chapter.id))
        assert line.rstrip().endswith(ends)
    assert "nox -s capstone" in shown
    broken = text(screen.body(replace(now, finale=done | {EXERCISE.id: verdict(3)}), 79, 20))
    assert "nox -s capstone" not in broken
