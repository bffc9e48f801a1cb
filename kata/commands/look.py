"""`look`: pictures of what the learner's code does now, as a page, and small ones in the terminal."""

import argparse
import os

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from kata import ROOT, KataError, curriculum, draw_html, draw_text, limits, look, marking, trees, vocabulary
from kata.files import write_atomically
from kata.look import Page, Panel
from kata.pictures import HeatMap

FOLDER = ROOT / ".kata" / "look"
OUTPUT_LINES = 8
LEGEND = "The larger a number, the darker the shade after it; a dot is next to nothing; ! is not as in the reference."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("name", metavar="EXERCISE", help="the exercise to look at")
    parser.add_argument("--tree", default="exercises", help="exercises (default), solutions, or a path to a tree")


def run(arguments: argparse.Namespace) -> int:
    """0: the page is there, whatever is on it."""
    lessons = curriculum.load(ROOT)
    chosen = lessons.select([arguments.name])
    if len(chosen) != 1 or arguments.name == chosen[0].chapter:
        raise KataError(f"{arguments.name} is a chapter. One exercise at a time: {', '.join(e.id for e in chosen)}.")
    tree = trees.find_tree(ROOT, arguments.tree)
    vocabulary.point_tiktoken_here()
    vocabulary.ensure()
    console = Console(highlight=False)
    with console.status("Drawing ..."):
        page = look.look(lessons, chosen[0], tree, arguments.tree, max(limits.SECONDS, chosen[0].seconds or 0))
    file = FOLDER / f"{page.exercise}.html"
    write_atomically(file, draw_html.page(page))
    _show(page, console)
    console.print()
    console.print(Text("The page: ") + Text(os.path.relpath(file), f"cyan link {file.as_uri()}"), soft_wrap=True)
    return 0


def _show(page: Page, console: Console) -> None:
    console.print()
    console.print(Text(f"{page.title}: what the code in {page.tree} does with \u201c{page.sentence}\u201d", "bold"))
    for panel in page.panels:
        _show_panel(panel, console)
    if any(isinstance(picture, HeatMap) for panel in page.panels for picture in panel.reference):
        console.print(f"\n[dim]{LEGEND}[/]")
    if page.printed:
        console.print("\n[dim]The code printed:[/]")
        lines = page.printed.splitlines()
        plain = ["".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines]
        console.print(Padding(Text("\n".join(plain[:OUTPUT_LINES])), (0, 0, 0, 2)))


def _show_panel(panel: Panel, console: Console) -> None:
    """Your pictures, with what is wrong in them; the reference's where there are none of yours."""
    if panel.says is not None:
        console.print()
        console.print(Text(panel.says, "yellow"))
    for index, right in enumerate(panel.reference):
        own = panel.yours[index] if panel.says is None else right
        title = right.title if panel.says is None else f"{right.title}, as the reference has it"
        console.print()
        console.print(Text(title, "bold"))
        console.print(Text(right.caption, "dim"))
        console.print(draw_text.draw(own, console.width), soft_wrap=True)
        if panel.says is None:
            differs = marking.difference(own, right)
            console.print(Text(differs, "red") if differs else Text("The same as the reference.", "green"))
