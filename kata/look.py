"""What an exercise's code does now, in pictures: supervises the process that draws them, and marks what differs."""

import contextlib
import json
import linecache
import multiprocessing
import queue
import re
import tempfile
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kata import KataError, confinement, limits, marking, pictures, sketcher
from kata.curriculum import Curriculum, Exercise
from kata.pictures import Picture
from kata.trees import NAMED_TREES

LONGEST_EVENT = 1_000_000
OUTPUT_SHOWN = 4_000
SECONDS_TO_GET_READY = 60.0
UNWRITTEN = "This is not written yet."
NOT_REACHED = "This was not reached, because of what is said above."


class CannotLook(KataError):
    """There is no look for this exercise, or it could not be drawn though the submission had no part in it."""


@dataclass(frozen=True)
class Panel:
    """One thing to see: the reference's pictures, and those of the tree under test, marked where they differ.

    `says` is the sentence that stands in the place of yours where there is none.
    """

    reference: tuple[Picture, ...]
    yours: tuple[Picture, ...] = ()
    says: str | None = None


@dataclass
class Page:
    """Everything that is to be drawn for one exercise."""

    exercise: str
    title: str
    tree: str
    sentence: str
    panels: list[Panel] = field(default_factory=list)
    printed: str = ""
    confined: bool = False


def look(
    curriculum: Curriculum, exercise: Exercise, tree: Path, tree_name: str, seconds: float = limits.SECONDS
) -> Page:
    """Draws one exercise of a tree. Whatever its code does, there is a page; raises CannotLook where it has no look."""
    if not sketcher.look_file(exercise).is_file():
        seen = [e.id for e in curriculum.exercises if sketcher.look_file(e).is_file()]
        raise CannotLook(f"There are no pictures of {exercise.id}. There are some of: {', '.join(seen) or 'none'}.")
    page = Page(exercise.id, exercise.title, tree_name, sketcher.SENTENCE)
    with tempfile.TemporaryDirectory(prefix="kata-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        stranger = tree not in [curriculum.root / name for name in NAMED_TREES]
        request = sketcher.Request(
            curriculum=curriculum,
            exercise=exercise.id,
            tree=tree,
            folder=folder,
            output=folder / "output",
            where=folder / "where",
            seconds=seconds,
            confined=stranger and confinement.version() > 0,
        )
        drawing = _Drawing(request)
        drawing.watch()
        page.confined = drawing.confined
        page.printed = _beginning(request.output)
        ended = drawing.ended
        if ended is not None and (place := _place(request)):
            ended = f"{ended} {place}"
    for index, right in enumerate(drawing.reference):
        says = drawing.nothing or ended or UNWRITTEN
        if index and index - 1 not in drawing.yours:
            says = NOT_REACHED  # why, the panel before it says, or one before that
        page.panels.append(_panel(right, drawing.yours.get(index, says)))
    return page


def _panel(reference: tuple[Picture, ...], yours: tuple[Picture, ...] | str) -> Panel:
    if isinstance(yours, str):
        return Panel(reference, says=yours)
    if len(yours) != len(reference):
        return Panel(reference, says=f"There are {len(yours)} pictures of it, where there should be {len(reference)}.")
    pairs = zip(yours, reference, strict=True)
    return Panel(reference, tuple(marking.marked(own, right) for own, right in pairs))


class _Drawing:
    """The process at work, and what it has sent."""

    def __init__(self, request: sketcher.Request) -> None:
        self.request = request
        self.reference: list[tuple[Picture, ...]] = []
        self.yours: dict[int, tuple[Picture, ...] | str] = {}
        self.nothing: str | None = None  # why there is no picture of yours at all
        self.ended: str | None = None  # why there are no more of them
        self.confined = False
        self.index = 0
        self.state = "new"

    def watch(self) -> None:
        """Runs the process to its end, which may be ours to make. Raises CannotLook."""
        context = multiprocessing.get_context("spawn")
        channel, theirs = context.Pipe(duplex=False)
        self.request.output.touch()
        process = context.Process(target=sketcher.main, args=(self.request, theirs), daemon=True)
        process.start()
        theirs.close()
        assert process.pid is not None
        watched = limits.Watched(process.pid)
        events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        # A thread: a submission that writes half a message must not be waited for.
        reader = threading.Thread(target=_read, args=(channel, events), daemon=True)
        reader.start()
        began = time.monotonic()
        try:
            while self.state in ("new", "ready") and self.ended is None:
                with contextlib.suppress(queue.Empty):
                    event = events.get(timeout=limits.SECONDS_BETWEEN_LOOKS)
                    if event is None:
                        process.join(5)
                        self.ended = f"Its process ended here, with status {process.exitcode}."
                        break
                    if "ready" in event:
                        began = time.monotonic()
                        watched.begin()
                    self._take(event)
                    continue
                self.ended = self._problem(time.monotonic() - began, watched)
        finally:
            watched.end()
            process.join(5)
            reader.join(1)
        if self.state == "new":
            said = _beginning(self.request.output)
            raise CannotLook(f"{self.request.exercise} cannot be drawn. {self.ended or ''} {said}".strip())

    def _problem(self, took: float, watched: limits.Watched) -> str | None:
        if self.state == "new":
            return "Its process did not get ready." if took > SECONDS_TO_GET_READY else None
        if self.request.output.stat().st_size > limits.OUTPUT:
            return f"It printed more than {limits.OUTPUT // 1_000_000} MB and was stopped. Is a print in a loop?"
        if took > self.request.seconds:
            return f"It did not end within {self.request.seconds:g} seconds. Is there a loop that never ends?"
        return watched.excess()

    def _take(self, event: dict[str, Any]) -> None:
        try:
            if "reference" in event and self.state == "new":
                self.reference.append(_pictures(event["reference"]))
            elif "broken" in event:
                raise CannotLook(f"{self.request.exercise} cannot be drawn: {event['broken']}")
            elif "ready" in event:
                self.state, self.confined = "ready", event["confined"] is True
            elif "begin" in event:
                self.index = int(event["begin"])
            elif "yours" in event:
                said = event["yours"]
                self.yours[self.index] = said if isinstance(said, str) else _pictures(said)
            elif "nothing" in event:
                self.nothing, self.state = str(event["nothing"]), "done"
            elif "done" in event:
                self.state = "done"
        except (TypeError, ValueError) as error:
            self.yours[self.index] = str(error)


def _pictures(data: list[dict[str, Any]]) -> tuple[Picture, ...]:
    return tuple(pictures.from_data(picture) for picture in data)


def _read(channel: Connection, events: "queue.Queue[dict[str, Any] | None]") -> None:
    with contextlib.suppress(EOFError, OSError, ValueError), channel:
        while True:
            events.put(json.loads(channel.recv_bytes(LONGEST_EVENT)))
    events.put(None)


def _beginning(file: Path) -> str:
    with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as printed:
        return printed.read(OUTPUT_SHOWN).strip()
    return ""


def _place(request: sketcher.Request) -> str | None:
    """At which line of the tree its code was when it was ended, if it could say so."""
    for file, line in re.findall(r'File "(.+)", line (\d+) in', _beginning(request.where)):
        if Path(file).is_relative_to(request.tree) and (text := linecache.getline(file, int(line)).strip()):
            return f"It was at line {line}: `{text}`."
    return None
