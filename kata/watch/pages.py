"""The pages that a finished exercise opens: the reference, how it differs from the learner's, and the end of it all."""

import ast
import difflib

from rich.syntax import Syntax
from rich.text import Text

from kata import message, ranks
from kata.curriculum import Chapter
from kata.verdict import ExerciseVerdict
from kata.watch.session import Session

CONTEXT = 2


def done(session: Session, width: int) -> list[Text]:
    """What is said of an exercise whose laws all hold."""
    exercise = session.current
    reference = session.curriculum.root / "solutions" / exercise.path
    lines = [Text(), Text.assemble(("done", "bold green"), ": every law holds.")]
    where = Text("The reference: ")
    where.append(message.shown(reference), f"cyan link {reference.as_uri()}")
    lines.append(where)
    yours, theirs = _codes(session)
    if yours is not None and theirs is not None:
        same = sum(block.size for block in difflib.SequenceMatcher(None, yours, theirs, False).get_matching_blocks())
        said = (
            f"Yours has {len(yours)} lines of code, the reference {len(theirs)}; {same} are the same. "
            "d shows the difference, s the reference."
        )
        lines += message.wrapped(Text(said), width, 0)
    return lines


def solution(session: Session) -> list[Text]:
    """The reference, in full."""
    text = (session.curriculum.root / "solutions" / session.current.path).read_text(encoding="utf-8")
    return list(Syntax(text, "python", theme="ansi_dark").highlight(text).split("\n"))


def difference(session: Session, width: int) -> list[Text]:
    """The learner's code beside the reference's, without comments and docstrings: what differs is the approach."""
    yours, theirs = _codes(session)
    if yours is None or theirs is None:
        return [Text("One of the two files cannot be read as Python now.", "yellow")]
    found = list(difflib.unified_diff(yours, theirs, n=CONTEXT, lineterm=""))[2:]
    if not found:
        return [Text("But for comments and docstrings, yours is the reference, word for word.")]
    lines = [Text("Without comments and docstrings: - is yours, + is the reference's.", "dim")]
    for line in found:
        style = {"-": "red", "+": "green", "@": "dim"}.get(line[0], "")
        lines.append(Text("···" if line[0] == "@" else line, style))
    return lines


def summary(session: Session, width: int) -> list[Text]:
    """The end: everything judged once more on the learner's own earlier exercises; points, rank, time by chapter."""
    finale = session.finale or {}
    exercises = session.curriculum.exercises
    if len(finale) < len(exercises):
        so_far = f"Everything once more, each on your own earlier exercises: {len(finale)} of {len(exercises)} judged …"
        return message.wrapped(Text(so_far, "yellow"), width, 0)
    earned = sum(verdict.points for verdict in finale.values())
    possible = sum(exercise.points for exercise in exercises)
    wrong = [verdict for verdict in finale.values() if verdict.status != "passed"]
    lines = [Text("Every law holds, all the way down to your own tokenizer.", "bold green")]
    if wrong:
        lines = [Text("On your own earlier exercises, not everything holds:", "bold yellow")]
        lines += [Text(f"  {verdict.id}: {_why(verdict)}") for verdict in wrong]
        lines += message.wrapped(Text("Go there (l), and press o: it is then judged like that."), width, 0)
    lines += [
        Text(),
        Text.assemble((f"{earned:g} of {possible:g} points: ", ""), (ranks.rank(earned, possible), "bold")),
    ]
    lines.append(Text())
    for chapter in session.curriculum.chapters:
        points = sum(finale[exercise.id].points for exercise in chapter.exercises)
        name = Text(f"{chapter.id}  {chapter.title}")
        name.truncate(max(10, width - 34), overflow="ellipsis", pad=True)
        lines.append(name.append(f" {points:>5g} points  {_time(session, chapter):>14}"))
    if session.curriculum.summit and not wrong:
        said = Text.assemble("Next: leave (q), and run ", (session.curriculum.summit, "bold"), ": all of it is yours.")
        lines += [Text(), *message.wrapped(said, width, 0)]
    return lines


def _codes(session: Session) -> tuple[list[str] | None, list[str] | None]:
    root, path = session.curriculum.root, session.current.path
    codes: list[list[str] | None] = []
    for tree in ("exercises", "solutions"):
        try:
            codes.append(_bare((root / tree / path).read_text(encoding="utf-8")).splitlines())
        except (OSError, ValueError, SyntaxError):
            codes.append(None)
    return codes[0], codes[1]


def _bare(source: str) -> str:
    """Python without comments and docstrings, laid out in one way."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _why(verdict: ExerciseVerdict) -> str:
    law = verdict.first_failed
    return law.says if law is not None else verdict.status


def _time(session: Session, chapter: Chapter) -> str:
    minutes = round(sum(session.remembered.spent.get(exercise.id, 0.0) for exercise in chapter.exercises) / 60)
    if not minutes:  # done elsewhere, or in no time
        return ""
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
