"""Verdicts for a terminal: a table of points, and one next step."""

import linecache
import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kata.curriculum import Curriculum
from kata.verdict import ExerciseVerdict, LawVerdict, Verdict

MARKS = {
    "passed": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "error": "[red]![/]",
    "missing": "[red]?[/]",
    "todo": "[dim]·[/]",
    "timeout": "[red]∞[/]",
    "memory": "[red]![/]",
    "crashed": "[red]![/]",
}
OUTPUT_LINES = 8
PICTURE_LINES, PICTURE_WIDTH = 12, 76
LAW_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "not_judged": "[dim]·[/]"}


def show(verdict: Verdict, curriculum: Curriculum, console: Console, verbose: bool = False) -> None:
    """Prints the table of exercises, the laws where only one exercise was asked for, and the next step.

    `verbose` prints the laws of all exercises, and all that is known of each.
    """
    console.print()
    console.print(_table(verdict, curriculum))
    console.print(f"   [bold]{number(verdict.points)} of {number(verdict.max_points)} points[/]")
    detailed = [e for e in verdict.exercises if verbose or (len(verdict.exercises) == 1 and e.status != "todo")]
    for exercise in detailed:
        _show_laws(exercise, console, verbose)
    console.print()
    unfinished = next((exercise for exercise in verdict.exercises if exercise.status != "passed"), None)
    if unfinished is None:
        console.print("[green]Every law holds.[/]")
    else:
        _show_next_step(unfinished, console, printed=unfinished in detailed)


def number(points: float) -> str:
    """Points without a needless `.0`."""
    return f"{points:g}"


def _table(verdict: Verdict, curriculum: Curriculum) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, expand=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for chapter in curriculum.chapters:
        exercises = [exercise for exercise in verdict.exercises if exercise.chapter == chapter.id]
        if not exercises:
            continue
        earned, possible = sum(e.points for e in exercises), sum(e.max_points for e in exercises)
        points = f"[bold]{number(earned)} of {number(possible)}[/]"
        table.add_row("", f"[bold]{escape(chapter.id)}[/]", f"[bold]{escape(chapter.title)}[/]", points)
        for exercise in exercises:
            points = f"{number(exercise.points)} of {number(exercise.max_points)}"
            table.add_row(MARKS[exercise.status], escape(exercise.id), escape(exercise.title), points)
        table.add_row()
    return table


def _show_laws(exercise: ExerciseVerdict, console: Console, verbose: bool) -> None:
    console.print(f"\n[bold]{escape(exercise.id)}[/]" if verbose else "")
    for law in exercise.laws:
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        row.add_row(LAW_MARKS[law.status], escape(law.says), f"{number(law.points)} of {number(law.max_points)}")
        console.print(row)
        if verbose and law.message:
            _show_message(law, console)
            _show_details(law, console)
        _show_output(law, console)


def _show_message(law: LawVerdict, console: Console) -> None:
    console.print(Padding(escape(_plain(law.message or "")), (0, 0, 0, 2)))
    if law.picture:
        for line in _plain(law.picture).splitlines()[:PICTURE_LINES]:
            console.print(Text(f"    {line[:PICTURE_WIDTH]}"), soft_wrap=True)
    if law.diagnosis:
        console.print(Padding(f"[bold]It looks as if:[/] {escape(law.diagnosis)}", (0, 0, 0, 2)))
    if law.counterexample and "\n" in law.counterexample:
        console.print(Padding("[dim]Smallest case:[/]", (0, 0, 0, 2)))
        _show_lines(law.counterexample, console)
    elif law.counterexample:
        console.print(Padding(f"[dim]Smallest case: {escape(_plain(law.counterexample))}[/]", (0, 0, 0, 2)))


def _show_details(law: LawVerdict, console: Console) -> None:
    if law.details:
        console.print(Padding("[dim]The whole traceback:[/]", (0, 0, 0, 2)))
        _show_lines(law.details, console)


def _show_lines(text: str, console: Console) -> None:
    """Lines as they are: a copy of what the terminal shows must be the same text again."""
    for line in _plain(text).splitlines():
        console.print(Text(f"    {line}", style="dim"), soft_wrap=True)


def _show_output(law: LawVerdict, console: Console, most: int | None = None) -> None:
    lines = _plain(law.output).rstrip().splitlines()
    if not lines:
        return
    console.print(Padding("[dim]your code printed:[/]", (0, 0, 0, 2)))
    console.print(Padding(Text("\n".join(lines[:most])), (0, 0, 0, 4)))
    if most is not None and len(lines) > most:
        console.print(Padding(f"[dim]... and {len(lines) - most} more lines[/]", (0, 0, 0, 4)))


def _plain(text: str) -> str:
    """What a submission said, without the control characters that would make a terminal do things."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _show_next_step(exercise: ExerciseVerdict, console: Console, printed: bool) -> None:
    """The exercise to go on with, and its first broken law; `printed` where its output has been shown above."""
    console.print(f"[bold]Next: {escape(exercise.id)}[/], {escape(exercise.title)}")
    law = exercise.first_failed
    if exercise.status == "missing":
        console.print(f"  {escape(exercise.message or '')}")
        console.print(f"  [bold]nox -s reset -- {escape(exercise.id)}[/] puts its stub there.")
        return
    file, line = _where(exercise, law)
    link = Text(f"{_short(file)}:{line}", style=f"cyan link {Path(file).as_uri()}#{line}")
    console.print(Text("  ") + link, soft_wrap=True)
    if "TODO" in (text := linecache.getline(file, line)):
        console.print(Padding(escape(text.strip().removeprefix("# ")), (0, 0, 0, 4)))
    if exercise.status == "error":
        console.print(Padding(escape(exercise.message or ""), (0, 0, 0, 2)))
    elif law is not None:
        console.print(Padding(f"[bold]{escape(law.says)}[/]", (0, 0, 0, 2)))
        if not law.unwritten:
            _show_message(law, console)
        if not printed:
            _show_output(law, console, OUTPUT_LINES)
    console.print(f"  Edit it, save it, and run [bold]nox -s exercises -- {escape(exercise.id)}[/]")


def _where(exercise: ExerciseVerdict, law: LawVerdict | None) -> tuple[str, int]:
    """The file and line to open: where an unwritten exercise has its first TODO, else where the law broke."""
    lines = _lines(exercise.file)
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


def _lines(file: str) -> list[str]:
    linecache.checkcache(file)
    return linecache.getlines(file)


def _short(file: str) -> str:
    """Relative to where the person is, when the file lies below it."""
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative
