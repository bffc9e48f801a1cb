"""What a learner reads about one law: a block of lines that a terminal, a live screen or a page can place.

A block is never taller than it may be. What matters least is left out first: what the code printed, then the smallest
case (it can only be pasted whole), then the picture, then the ends of long texts. A last line says that --verbose
shows everything.
"""

import linecache
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from kata.verdict import ExerciseVerdict, LawVerdict

LINES = 25
"""How tall a learner's whole next step may be, its heading and its last line included."""
OUTPUT_LINES = 8
CROSS = "\N{BALLOT X}"
SHORTENED = ("  (Shortened: {} shows everything.)", "  (See {}.)")
MARKED = re.compile(r"\[[^][\n]*\]")


@dataclass(frozen=True)
class Part:
    """Some lines that belong together. Those of a lower `rank` are kept rather than those of a higher.

    At least `least` lines are kept; None means that it is all of them or none.
    """

    rank: int
    lines: Sequence[Text]
    least: int | None = None


def next_step(
    exercise: ExerciseVerdict, width: int, lines: int = LINES, output: bool = True, whole: str | None = None
) -> Group:
    """The exercise to go on with: what is wrong, where, and what to do. At most `lines` lines of `width` columns.

    Without `output`, what the code printed is left out. `whole` is where everything is shown, if not by --verbose.
    """
    heading = _lines(f"Next: {exercise.id}, {exercise.title}", width, 0)
    heading[0].stylize("bold", 0, len(f"Next: {exercise.id}"))
    if exercise.status == "missing":
        puts = Text.assemble("  ", (f"nox -s reset -- {exercise.id}", "bold"), " puts its stub there.")
        return _group([*heading, *_lines(exercise.message or "", width, 2), puts])
    call = f"nox -s exercises -- {exercise.id}"
    end = wrapped(Text.assemble("Edit it, save it, and run ", (call, "bold")), width, 2)
    room = lines - len(heading) - len(end)
    law = exercise.first_failed
    if exercise.status == "error" or law is None:
        parts = [*_place(exercise, law, width), Part(1, _lines(exercise.message or "", width, 2), 4)]
    else:
        parts = [*_place(exercise, law, width), *_law(law, width, output)]
    return _group([*heading, *_fitted(parts, width, room, whole or f"{call} --verbose"), *end])


def block(
    law: LawVerdict,
    exercise: ExerciseVerdict,
    width: int,
    lines: int | None = LINES,
    verbose: bool = False,
    whole: str = "--verbose",
    output: bool = True,
) -> Group:
    """One law: where it broke, its sentence, what differed, a picture, the diagnosis, the smallest case, the output.

    Each renderable of the group is one line, at most `width` columns wide, except for code that is meant to be copied:
    it is left whole for the terminal to wrap. `verbose` shows all there is, however much; so does `lines=None`.
    `whole` is what the reader is told to use for that. Without `output`, what the code printed is left out.
    """
    parts = [*_place(exercise, law, width), *_law(law, width, output)]
    if verbose:
        parts.append(Part(9, _details(law)))
    return _group(_fitted(parts, width, None if verbose else lines, whole))


def said(law: LawVerdict, width: int) -> Group:
    """All that is known of a law but for its sentence and its place, with the traceback, however much it is."""
    parts = [*_explained(law, width), Part(9, _details(law)), Part(9, printed(law, width))]
    return _group(_fitted(parts, width, None))


def printed(law: LawVerdict, width: int, most: int | None = None) -> list[Text]:
    """What the code printed while the law was judged, up to so many lines of it."""
    found = plain(law.output).rstrip().splitlines()
    if not found:
        return []
    lines = [Text("  your code printed:", "dim")]
    for line in found[:most]:
        lines += wrapped(Text(line.expandtabs(4)), width, 4)
    if most is not None and (len(found) > most or len(lines) > most + 1):
        lines = [*lines[: most + 1], Text(f"    ... ({len(found)} lines in all)", "dim")]
    return lines


def place(exercise: ExerciseVerdict, law: LawVerdict | None) -> tuple[str, int]:
    """The file and line to open: where an unwritten exercise has its first TODO, else where the law broke."""
    lines = _lines_of(exercise.file)
    first_todo = next((number for number, text in enumerate(lines, 1) if "TODO" in text), 1)
    if law is None or law.place is None:
        return exercise.file, first_todo
    file, _, line = law.place.rpartition(":")
    if not law.unwritten:
        return file, int(line)
    # The TODOs of the function that was reached stand right above its `raise NotImplementedError`.
    found = int(line)
    if file != exercise.file:
        return file, found
    while 1 < found <= len(lines) + 1 and lines[found - 2].lstrip().startswith("#"):
        found -= 1
    return file, found


def plain(text: str) -> str:
    """What a submission said, without the control characters that would make a terminal do things."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def wrapped(text: Text, width: int, indent: int) -> list[Text]:
    """Lines of at most `width` columns; lines of the text that begin with spaces keep them when they go on."""
    console = Console(width=width)
    lines = []
    for line in text.split("\n", allow_blank=True):
        own = len(line.plain) - len(line.plain.lstrip(" "))
        before = " " * min(indent + own, width // 2)
        line = line[own:] if own else line
        for piece in line.wrap(console, max(1, width - len(before)), overflow="fold"):
            piece.rstrip()
            lines.append(Text(before).append_text(piece))
    return lines


def shown(file: str | Path) -> str:
    """Relative to where the person is, when the file lies below it."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def _place(exercise: ExerciseVerdict, law: LawVerdict | None, width: int) -> list[Part]:
    """The place to open, as a link, and the TODO that stands there."""
    file, line = place(exercise, law)
    link = Text(f"{shown(file)}:{line}", style=f"cyan link {Path(file).as_uri()}#{line}")
    parts = [Part(0, wrapped(link, width, 2), 1)]
    if "TODO" in (text := linecache.getline(file, line)):
        parts.append(Part(1, _lines(text.strip().removeprefix("# "), width, 4), 1))
    elif law is not None and law.unwritten:
        parts.append(Part(1, _lines(f"Line {line} is not written yet: it raises NotImplementedError.", width, 4), 1))
    return parts


def _law(law: LawVerdict, width: int, output: bool = True) -> list[Part]:
    if law.unwritten:  # it is not broken, only not written yet
        says = wrapped(Text.assemble(("The law to obey: ", "dim"), (law.says, "bold")), width, 2)
    else:
        says = _lines(law.says, width, 2, "bold")
        says[0] = Text.assemble((CROSS, "red"), " ", says[0][2:])
    parts = [Part(0, says, 2)]
    if not law.unwritten:
        parts += _explained(law, width)
    if output:
        parts.append(Part(7, printed(law, width, OUTPUT_LINES), 0))
    return parts


def _explained(law: LawVerdict, width: int) -> list[Part]:
    """What differed, a picture of it, what it looks like, and the case."""
    parts = [Part(2, _lines(law.message or "", width, 2), 3)]
    if law.picture:
        picture = [Text(f"    {line}") for line in plain(law.picture).splitlines()]
        for line in picture:
            line.highlight_regex(MARKED, "bold red")
        parts.append(Part(4, picture if all(line.cell_len <= width for line in picture) else []))
    if law.diagnosis:
        looks = Text.assemble(("It looks as if:", "bold"), " ", plain(law.diagnosis))
        parts.append(Part(3, wrapped(looks, width, 2), 2))
    if law.counterexample:
        case = plain(law.counterexample).splitlines()
        heading = f"  {law.heading_of_case}:"
        if len(case) == 1 and len(f"{heading} {case[0]}") <= width:
            lines = [Text.assemble((f"{heading} ", "dim"), case[0])]
        else:
            lines = [Text(heading, "dim"), *(Text(f"    {line}") for line in case)]
        parts.append(Part(5, lines))
    return parts


def _details(law: LawVerdict) -> list[Text]:
    if not law.details:
        return []
    lines = plain(law.details).splitlines()
    return [Text("  The whole traceback:", "dim"), *(Text(f"    {line}", "dim") for line in lines)]


def _fitted(parts: Iterable[Part], width: int, most: int | None, whole: str = "--verbose") -> list[Text]:
    """The lines of all parts, or if there are too many, of what matters most."""
    parts = [part for part in parts if part.lines]
    heights = [_height(part.lines, width) for part in parts]
    if most is None or sum(heights) <= most:
        return [line for part in parts for line in part.lines]
    taken = [min(part.least or 0, height) for part, height in zip(parts, heights, strict=True)]
    room = most - 1 - sum(taken)
    for index in sorted(range(len(parts)), key=lambda index: parts[index].rank):
        more = heights[index] - taken[index]
        if parts[index].least is None and more > room:
            continue
        more = min(more, max(0, room))
        taken[index] += more
        room -= more
    lines: list[Text] = []
    for part, count in zip(parts, taken, strict=True):
        # A part whose lines are higher than one each is never cut: it is there as a whole or not at all.
        lines += part.lines if part.least is None and count else _cut(part.lines, count, width)
    shortened = next((said for text in SHORTENED if len(said := text.format(whole)) <= width), "")
    return [*lines[: max(0, most - 1)], Text(shortened, "dim")]


def _cut(lines: Sequence[Text], count: int, width: int) -> list[Text]:
    if count == 0 or count >= len(lines):
        return list(lines[:count])
    last = lines[count - 1].copy()
    last.truncate(width - 4)
    return [*lines[: count - 1], last.append(" ...")]


def _height(lines: Sequence[Text], width: int) -> int:
    return sum(max(1, -(-line.cell_len // width)) for line in lines)


def _lines(text: str, width: int, indent: int, style: str = "") -> list[Text]:
    return wrapped(Text(plain(text).expandtabs(4), style), width, indent)


def _group(lines: Iterable[Text]) -> Group:
    lines = list(lines)
    for line in lines:
        line.no_wrap, line.overflow = True, "ignore"
    return Group(*lines)


def _lines_of(file: str) -> list[str]:
    linecache.checkcache(file)
    return linecache.getlines(file)
