"""The session as lines of text: nothing is decided here, and nothing is drawn."""

from pathlib import Path

from rich.text import Text

from kata import message, ranks
from kata.curriculum import Exercise
from kata.verdict import ExerciseVerdict, LawVerdict
from kata.watch import keys, pages
from kata.watch.session import Session

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not_judged": ("·", "dim")}
STATUS_MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "todo": ("·", "dim"),
    "missing": ("?", "red"),
    "timeout": ("∞", "red"),
}
CHOSEN = "> "
COUNTING_LINES = 3
OUTPUT_LINES = 5
FOOTER_LINES = 4


def body(session: Session, width: int, height: int) -> list[Text]:
    """What the upper part of the screen shows; longer than `height` where it has to be scrolled."""
    lines: list[Text] = []
    for line in _body(session, width, height):
        # Code that is meant to be copied stays as it is.
        lines += [line] if line.no_wrap or line.cell_len <= width else message.wrapped(line, width, 0)
    return lines


def _body(session: Session, width: int, height: int) -> list[Text]:
    match session.view:
        case "list":
            return _in_sight(_exercises(session, width), height)
        case "grid":
            return _exercises(session, width)
        case "reset":
            return _reset(session, width)
        case "output":
            return _everything(session, width)
        case "solution":
            return [*_heading(session, width), *pages.solution(session)]
        case "difference":
            return [*_heading(session, width), *pages.difference(session, width)]
        case "summary":
            return pages.summary(session, width)
        case _:
            return _exercise(session, width, height)


def footer(session: Session, width: int, scrolls: bool = False) -> list[Text]:
    """The progress over all exercises, the current file as a link, the keys that apply now.

    `scrolls` where there is more above than can be seen at once.
    """
    earned, possible = session.points
    done = sum(session.is_known_done(exercise) for exercise in session.curriculum.exercises)
    said = (
        f" {earned:g} of {possible:g} points, {ranks.rank(earned, possible)}, "
        f"{done} of {len(session.curriculum.exercises)} done"
    )
    room = max(10, width - len(said))
    full = int(room * earned / possible) if possible else 0
    bar = Text.assemble(("━" * full, "green"), ("━" * (room - full), "dim"), said)
    bar.truncate(width)
    file = session.curriculum.root / "exercises" / session.current.path
    place = Text("  ").append(link(file, message.shown(file)))
    place.append("  judged on your own earlier exercises" if session.own else "", "dim")
    place.truncate(width)
    return [bar, place, *_keys(session, width, scrolls)]


def link(file: Path, says: str, line: int | None = None) -> Text:
    """A text that a terminal opens the file for, when it is clicked."""
    return Text(says, style=f"cyan link {file.as_uri()}" + (f"#{line}" if line else ""))


def _keys(session: Session, width: int, scrolls: bool) -> list[Text]:
    if session.view == "reset":
        return [Text.assemble(("y", "bold"), " reset it   ", ("any other key", "bold"), " leave it")]
    names = {"escape": "Esc", "enter": "Enter", "slash": "/"}
    shown = [(names.get(key.name, key.name), key.says) for key in keys.offered(session)]
    if session.view == "list" or scrolls:
        shown.insert(0, ("↑↓", "choose" if session.view == "list" else "scroll"))
    if session.listing is not None and session.listing.typing:
        shown = [("Enter", "keep"), ("Esc", "show all")]
    lines = [Text()]
    for name, says in shown:
        piece = Text.assemble((name, "bold"), f" {says}")
        if lines[-1].cell_len and lines[-1].cell_len + 2 + piece.cell_len > width:
            lines.append(Text())
        lines[-1].append("  " if lines[-1].cell_len else "").append_text(piece)
    for line in lines:
        line.truncate(width)
    return lines[: FOOTER_LINES - 2]


def _heading(session: Session, width: int) -> list[Text]:
    exercise, verdict = session.current, session.verdict
    heading = Text.assemble((exercise.id, "bold"), f"  {exercise.title}  ")
    if session.phase == "judging":
        heading.append(f"judging {exercise.id} …", "yellow")
    elif session.phase == "stopped":
        heading.append("not judged: save it once more", "red")
    elif verdict is not None:
        heading.append(f"{verdict.points:g} of {verdict.max_points:g} points", "green" if session.is_done else "")
        if session.phase == "glanced":
            heading.append("  all cases follow …", "dim")
    lines = [heading]
    if session.remark:
        lines += message.wrapped(Text(session.remark, "yellow"), width, 0)
    return lines


def _exercise(session: Session, width: int, height: int) -> list[Text]:
    lines = _heading(session, width)
    verdict = session.verdict
    if verdict is None:
        return lines
    printed = message.plain("".join(law.output for law in verdict.laws)).rstrip().splitlines()
    if printed:
        lines.append(Text("your code printed:", "dim"))
        for line in printed[:OUTPUT_LINES]:
            lines.append(Text(f"  {line.expandtabs(4)}"))
            lines[-1].truncate(width, overflow="ellipsis")
        if len(printed) > OUTPUT_LINES:
            lines.append(Text(f"  ... and {len(printed) - OUTPUT_LINES} more lines: v shows them", "dim"))
    lines += _laws(verdict, width, height - len(lines) - (0 if session.hint is None else 6))
    if session.hint is not None and session.hint.hint is not None:
        offer, hint = session.hint, session.hint.hint
        lines.append(Text())
        lines += message.wrapped(Text(f"hint {offer.number} of {offer.total}: {hint.question}", "bold"), width, 0)
        lines += message.wrapped(Text(hint.answer), width, 2)
    if session.is_done:
        lines += pages.done(session, width)
    return lines


def _laws(verdict: ExerciseVerdict, width: int, height: int) -> list[Text]:
    """The laws; where there is no room for all, those that hold are counted, so that what is wrong can be read."""
    first = verdict.first_failed if verdict.status not in ("missing",) else None
    if first is not None and first.status == "not_judged":
        first = None
    shown = _wrong(verdict, first, width, max(8, height - COUNTING_LINES)) if first is not None else []
    if verdict.status == "missing":
        shown = message.wrapped(Text(f"{verdict.message or ''} x puts its stub there."), width, 2)
    others = [law for law in verdict.laws if law is not first]
    if len(others) + len(shown) <= height:
        lines: list[Text] = []
        for law in verdict.laws:
            lines += shown if law is first else [_law(law, width)]
        return lines if first is not None else [*lines, *shown]
    place = verdict.laws.index(first) if first is not None else len(verdict.laws)
    return [*_counted(verdict.laws[:place], ""), *shown, *_counted(verdict.laws[place + 1 :], "further ")]


def _law(law: LawVerdict, width: int) -> Text:
    line = Text.assemble(MARKS[law.status], " ", law.says)
    line.truncate(width, overflow="ellipsis")
    return line


def _counted(laws: list[LawVerdict], further: str) -> list[Text]:
    """How many laws hold, do not, or are not judged, in a line each."""
    lines = []
    for status, says in (("passed", "hold"), ("failed", "do not hold yet"), ("not_judged", "are not judged yet")):
        if count := sum(law.status == status for law in laws):
            verb = says if count > 1 else says.replace("hold", "holds", 1).replace("do not holds", "does not hold")
            verb = verb.replace("are", "is") if count == 1 else verb
            lines.append(Text.assemble(MARKS[status], f" {count} {further}law{'s' * (count > 1)} {verb}"))
    return lines


def _wrong(verdict: ExerciseVerdict, law: LawVerdict, width: int, height: int) -> list[Text]:
    if verdict.status == "error":
        return message.wrapped(Text(verdict.message or ""), width, 2)
    block = message.block(law, verdict, width, height, whole="v", output=False)
    return [line for line in block.renderables if isinstance(line, Text)]


def _stripped(line: Text) -> Text:
    indent = len(line.plain) - len(line.plain.lstrip())
    return line[indent:] if indent else line


def _everything(session: Session, width: int) -> list[Text]:
    lines = _heading(session, width)
    if session.verdict is None:
        return lines
    for law in session.verdict.laws:
        says = message.wrapped(Text(law.says, "bold"), width, 2)
        lines += [Text.assemble(MARKS[law.status], " ").append_text(_stripped(says[0])), *says[1:]]
        if law.status == "failed" or law.output:
            said = message.said(law, width)
            lines += [line for line in said.renderables if isinstance(line, Text)]
    return lines


def _exercises(session: Session, width: int) -> list[Text]:
    """The exercises by chapter; as a list one of them is chosen."""
    listing = session.listing if session.view == "list" else None
    shown = session.listed if listing else session.curriculum.exercises
    lines = []
    if listing is not None:
        said = f"{listing.filter} exercises" + (f", with '{listing.search}'" if listing.search else "")
        lines.append(Text.assemble((said, "bold"), "  search: " if listing.typing else "", ("▏" * listing.typing)))
    for chapter in session.curriculum.chapters:
        members = [exercise for exercise in chapter.exercises if exercise in shown]
        if members:
            lines.append(Text(f"{chapter.id}  {chapter.title}", "bold"))
            lines += [_exercise_row(session, exercise, width) for exercise in members]
    if not shown:
        lines.append(Text("None. Esc shows all again.", "dim"))
    if session.remark:
        lines.append(Text(session.remark, "yellow"))
    return lines


def _in_sight(lines: list[Text], height: int) -> list[Text]:
    """So many of these lines as there is room for, the chosen one among them."""
    chosen = next((number for number, line in enumerate(lines) if line.plain.startswith(CHOSEN)), 0)
    start = max(0, min(chosen - height // 2, len(lines) - height))
    return lines[start : start + height]


def _exercise_row(session: Session, exercise: Exercise, width: int) -> Text:
    verdict = session.verdicts.get(exercise.id)
    chosen = session.view == "list" and session.listing is not None and session.listing.chosen == exercise.id
    mark = STATUS_MARKS.get(verdict.status, ("!", "red")) if verdict else (" ", "")
    if exercise.id in session.under_way:
        mark = ("…", "yellow")
    points = f"{verdict.points if verdict else 0:g} of {exercise.points:g}"
    room = max(1, width - 28 - len(points) - 1)
    title = Text(exercise.title)
    title.truncate(room, overflow="ellipsis", pad=True)
    name = Text(exercise.id)
    name.truncate(23, pad=True)
    row = Text.assemble(CHOSEN if chosen else "  ", mark, " ", name, " ", title, f" {points}")
    if chosen:
        row.stylize("reverse")
    elif exercise == session.current:
        row.stylize("bold")
    return row


def _reset(session: Session, width: int) -> list[Text]:
    assert session.reset is not None
    return [
        Text(f"Reset {session.reset.id}?", "bold"),
        *message.wrapped(
            Text("Its stub is put back. What stands there now is kept: it moves into the folder .backups."), width, 0
        ),
    ]
