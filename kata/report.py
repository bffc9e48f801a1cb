"""Verdicts for a terminal: a table of points, and one next step."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kata import message
from kata.curriculum import Curriculum
from kata.verdict import ExerciseVerdict, Verdict

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
LAW_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "not_judged": "[dim]·[/]"}


def show(verdict: Verdict, curriculum: Curriculum, console: Console, verbose: bool = False) -> None:
    """Prints the table of exercises, the laws where only one exercise was asked for, and the next step.

    `verbose` prints the laws of all exercises, and all that is known of each.
    """
    console.print()
    console.print(_table(verdict, curriculum))
    console.print(f"   [bold]{number(verdict.points)} of {number(verdict.max_points)} points[/]")
    alone = len(verdict.exercises) == 1
    detailed = [e for e in verdict.exercises if verbose or (alone and e.status not in ("todo", "missing", "error"))]
    for exercise in detailed:
        _show_laws(exercise, console, verbose)
    console.print()
    unfinished = next((exercise for exercise in verdict.exercises if exercise.status != "passed"), None)
    if unfinished is None:
        console.print(f"[green]Every law holds.[/]{_after(verdict, curriculum)}")
    else:
        whole = "the list above" if verbose else None
        step = message.next_step(unfinished, console.width, output=unfinished not in detailed, whole=whole)
        console.print(step, crop=False)
        if all(exercise.status == "todo" for exercise in verdict.exercises):
            console.print("  Or keep [bold]nox -s watch[/] open beside your editor: it judges whenever you save.")


def number(points: float) -> str:
    """Points without a needless `.0`."""
    return f"{points:g}"


def _after(verdict: Verdict, curriculum: Curriculum) -> str:
    if verdict.tree != "exercises":
        return ""
    if len(verdict.exercises) < len(curriculum.exercises):
        return " What comes next: [bold]nox -s list[/]"
    return f" Next: [bold]{curriculum.summit}[/]" if curriculum.summit else ""


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
            console.print(message.said(law, console.width), crop=False)
        elif lines := message.printed(law, console.width):
            console.print(*lines, sep="\n", crop=False)
