"""The watch screen, on a terminal: hands keys and news to the desk, and draws what the session has become."""

import asyncio
import contextlib
import os
import queue
import shutil
import signal
from collections.abc import Iterator
from typing import Any, ClassVar

from rich.console import Group
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from kata import crew
from kata.curriculum import Curriculum, Exercise
from kata.watch import screen
from kata.watch.desk import Desk, Event

SECONDS_TO_SETTLE = 0.1
"""How long after a change of the terminal's size it is looked at again."""
SCROLLING = {"pageup", "pagedown", "up", "down", "home", "end"}


class News(Message):
    """Something happened outside: the judge said something, or a file was saved. `waiting` holds what."""


class WatchApp(App[int]):
    """The screen. Its result is the exit status; `fault` is what went wrong in the judge itself, if anything did."""

    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #body { height: 1fr; scrollbar-size-vertical: 0; background: ansi_default; }
    #text { height: auto; background: ansi_default; color: ansi_default; }
    #footer { dock: bottom; height: auto; background: ansi_default; color: ansi_default; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, curriculum: Curriculum, exercise: Exercise | None) -> None:
        super().__init__(ansi_color=True)
        self.curriculum, self.exercise = curriculum, exercise
        self.desk: Desk | None = None
        self.fault: Exception | None = None
        self.drawn_for: Size | None = None
        self.settling: Timer | None = None
        self.waiting: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def compose(self) -> ComposeResult:
        """The body, which scrolls, and the lines at the bottom."""
        with VerticalScroll(id="body", can_focus=False):
            yield Static(id="text", markup=False)
        yield Static(id="footer", markup=False)

    def on_mount(self) -> None:
        """Begins to judge and to watch, once there is a screen to show it on."""
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, 128 + signal.SIGTERM)
        with self._honest():
            self.desk = Desk(self.curriculum, self.exercise, self._post)
            self._draw()

    def on_unmount(self) -> None:
        """Ends the judge."""
        if self.desk is not None:
            self.desk.close()

    def on_news(self, message: News) -> None:
        """Takes all that has happened outside, and draws once."""
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self.waiting.get_nowait())
        if events:
            self._take(*events)

    def on_key(self, event: events.Key) -> None:
        """Takes a key; those that scroll do so where they have no other meaning."""
        if event.key in ("ctrl+c", "ctrl+q"):
            self.exit(0)
        elif event.key == "ctrl+z" and hasattr(os, "killpg"):
            with self.suspend():
                # The whole group, as a terminal does it: nox, which may have started this, must stop, too.
                os.killpg(os.getpgrp(), signal.SIGSTOP)
            self.refresh(layout=True)
        elif self.desk is not None and event.key in SCROLLING and self.desk.session.view != "list":
            name = {"pageup": "page_up", "pagedown": "page_down"}.get(event.key, event.key)
            getattr(self.query_one("#body", VerticalScroll), f"scroll_{name}")(animate=False)
        else:
            self._take(_name(event))
        event.prevent_default()
        event.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Draws for the new size."""
        self.drawn_for = event.size  # `size` is still the former one
        with self._honest():
            self._draw()
        if self.settling is not None:
            self.settling.stop()
        self.settling = self.set_timer(SECONDS_TO_SETTLE, self._settled)

    def _settled(self) -> None:
        """Draws all of it once the size stays: of two signals in a row the first may have been told last, and what was
        drawn meanwhile was drawn for other sizes."""
        size = Size(*shutil.get_terminal_size())
        if size != self.drawn_for:
            self.post_message(events.Resize(size, size))
        else:
            self.refresh(layout=True)

    def _post(self, event: Event) -> None:
        self.waiting.put(event)
        self.post_message(News())

    @contextlib.contextmanager
    def _honest(self) -> Iterator[None]:
        """A fault of our own ends the screen, and is told once the terminal is as it was."""
        try:
            yield
        except Exception as error:
            self.fault = error
            self.exit(2)

    def _take(self, *events: Event) -> None:
        if self.desk is None:
            return
        with self._honest():
            view = self.desk.session.view
            for event in events:
                self.desk.take(event)
            self._draw()
            if self.desk.session.view != view:
                self.query_one("#body", VerticalScroll).scroll_home(animate=False)
            if self.desk.wants_to_leave:
                self.exit(0)

    def _draw(self) -> None:
        if self.desk is None:
            return
        width, height = self.drawn_for or self.size
        footer = screen.footer(self.desk.session, width)
        body = screen.body(self.desk.session, width, height - len(footer))
        if len(body) > height - len(footer):
            footer = screen.footer(self.desk.session, width, scrolls=True)
        self.query_one("#footer", Static).update(Group(*footer))
        self.query_one("#text", Static).update(Group(*body))


def _without_terminal(number: int, frame: object) -> None:
    """The terminal is gone: nothing can be given back, and whoever writes to it may wait for ever."""
    os._exit(128 + number)


def _name(event: events.Key) -> str:
    """A key's name; of a letter the letter itself, capital or not."""
    return event.character.lower() if event.character and event.character.isalpha() else event.key


def run(curriculum: Curriculum, exercise: Exercise | None) -> int:
    """Shows the screen until somebody leaves; returns the exit status."""
    crew.context_for(crew.START)  # while standard error is a file still: the server is given it
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, _without_terminal)
    app: Any = WatchApp(curriculum, exercise)
    result = app.run()
    if app.fault is not None:
        raise app.fault
    return 1 if result is None else int(result)
