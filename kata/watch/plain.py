"""Watching without a screen: one block of text, or one line of JSON, for every verdict."""

import json
import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from kata import message, news
from kata.curriculum import Curriculum, Exercise
from kata.verdict import ExerciseVerdict
from kata.watch.desk import Desk, Event

ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def run(curriculum: Curriculum, exercise: Exercise | None, as_json: bool) -> int:
    """Says each verdict on the current exercise until it is asked to stop; returns the exit status."""
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    console = Console(highlight=False)
    with _endings(events):
        desk = Desk(curriculum, exercise, events.put)
        try:
            while (event := events.get()) is not None:
                desk.take(event)
                if isinstance(event, news.Trouble):
                    print(json.dumps({"trouble": event.says}) if as_json else f"kata: {event.says}", flush=True)
                elif isinstance(event, news.Heard) and event.now and event.settled:
                    _tell(console, event.verdict, as_json)
        finally:
            desk.close()
    return 0


def _tell(console: Console, verdict: ExerciseVerdict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(verdict.to_dict()), flush=True)
    elif verdict.status == "passed":
        print(f"{verdict.id}: done, {verdict.points:g} of {verdict.max_points:g} points.\n", flush=True)
    else:
        print(f"{verdict.id}: {verdict.points:g} of {verdict.max_points:g} points", flush=True)
        console.print(message.next_step(verdict, console.width), crop=False)
        console.print()


@contextmanager
def _endings(events: "queue.SimpleQueue[Event | None]") -> Iterator[None]:
    def end(number: int, frame: object) -> None:
        events.put(None)

    before = {number: signal.signal(number, end) for name in ENDINGS if (number := getattr(signal, name, None))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
